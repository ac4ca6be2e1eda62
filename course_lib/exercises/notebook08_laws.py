"""Laws of single tests in notebook 08: ties, agreement, and Holm's steps."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.notebook08_trials import flip_trial
from course_lib.exercises.properties import Trials, close, difference
from course_lib.exercises.trials import Trial


def ties_count(trial_of: Callable[[Callable], Trial]) -> Property:
    """Flipped means as far as the observed one count, rounding or not."""

    def test(answer: Callable) -> Failure | None:
        trial = trial_of(answer)
        p, wanted = trial.call(), trial.expected()
        if close(p, wanted):
            return None
        got = f"p = {p.item():.4g}"
        return Failure(trial.text, f"p = {wanted.item():.4g}", got, (p,))

    return Property(
        "ties count",
        "a flip exactly as far from 0 as the observed mean counts as well",
        "Write >=, and leave room for rounding: observed - ROUNDING.",
        test,
    )


def tied(answer: Callable) -> Trial:
    """Four differences, all 15 other signs: 13 means tie or lie further out.

    Rounding hides two of the ties: 0.1 + 0.2 + 0.3 - 0.4 is not 0.2 to the last digit.
    """
    flips = np.array(list(itertools.product([1.0, -1.0], repeat=4)))[1:]
    trial = flip_trial(answer, np.array([0.1, 0.2, 0.3, -0.4]), flips)
    return replace(
        trial, text="differences 0.1, 0.2, 0.3, -0.4, flips: all 15 other signs"
    )


def agreement_is_ignored(trials: Trials) -> Property:
    """Images that both get right, or both wrong, say nothing about the difference."""

    def test(answer: Callable) -> Failure | None:
        for trial in trials(answer):
            before = trial.call()
            for hit, words in ((True, "right"), (False, "wrong")):
                more = torch.full((35,), hit)
                after = trial.call(
                    **{name: torch.cat([t, more]) for name, t in trial.inputs.items()}
                )
                if not close(after, before):
                    return Failure(
                        f"{trial.text}, and 35 more that both get {words}",
                        "the same p as before",
                        f"another one{difference(after, before)}",
                        (before, after),
                    )
        return None

    return Property(
        "agreement is ignored",
        "images on which both are right, or both wrong, do not count",
        "Count hits_a & ~hits_b and hits_b & ~hits_a, and only these.",
        test,
    )


def only_larger(trials: Trials) -> Property:
    """Each corrected p lies between the p-value itself and 1."""
    statement = "a correction never makes a p smaller, and never passes 1"

    def test(answer: Callable) -> Failure | None:
        for trial in trials(answer):
            p, result = trial.inputs["p_values"], trial.call()
            if not ((result >= p - 1e-9) & (result <= 1 + 1e-9)).all():
                got = ", ".join(f"{one:.3g}" for one in result.tolist())
                return Failure(trial.text, statement, got, (result,))
        return None

    return Property("range", statement, "Cut at 1; multiply, do not divide.", test)


def order_kept(trials: Trials) -> Property:
    """Renumber the tests, and the corrected p-values are renumbered alike."""

    def test(answer: Callable) -> Failure | None:
        for trial in trials(answer):
            p, before = trial.inputs["p_values"], trial.call()
            after, wanted = trial.call(p_values=p.roll(1)), before.roll(1)
            if not close(after, wanted):
                return Failure(
                    f"{trial.text}, the last put first",
                    "the same values, the last put first",
                    f"something else{difference(after, wanted)}",
                    (before, after),
                )
        return None

    return Property(
        "order kept",
        "each corrected p stands where its p-value stood",
        "Sorting is for the steps; write each result back to its own place.",
        test,
    )


def never_falls(trials: Trials) -> Property:
    """Of two p-values, the smaller one stays the smaller one, or they become equal."""

    def test(answer: Callable) -> Failure | None:
        for trial in trials(answer):
            p, result = trial.inputs["p_values"], trial.call()
            steps = result[p.argsort()].diff()
            if (steps < -1e-9).any():
                got = ", ".join(f"{one:.3g}" for one in result.tolist())
                expected = "a larger p-value is never corrected to a smaller one"
                return Failure(trial.text, expected, got, (result,))
        return None

    return Property(
        "never falls",
        "corrected p-values keep the order of the p-values",
        "Carry the highest step so far along: max(highest, this step).",
        test,
    )
