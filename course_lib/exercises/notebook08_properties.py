"""Properties of a test of significance: what it must do on simulated runs, and laws."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.notebook08_trials import (
    array_of,
    as_tensor,
    flip_trial,
    paired_hits,
    paired_runs,
    random_flips,
)
from course_lib.exercises.properties import Trials, close, difference
from course_lib.exercises.trials import Trial, answering

TRUE_DIFFERENCE = 1.0  # points, in the simulated runs
COVERAGES = [  # repeats, seeds, level, most that the coverage may be off
    (200, 3, 0.95, 0.045),
    (300, 2, 0.5, 0.07),
]
ALPHA, OFF = 0.05, 0.025  # 5 % of false alarms, and how far off a simulation may be
REPEATS = 1000
AT_ENDS = (
    "The interval ends at the smallest and the largest difference, as a bootstrap of "
    "three values does (section 2). t with n - 1 degrees of freedom reaches further."
)

Pvalues = Callable[[Callable], Iterator[Tensor]]  # of simulations without a difference


def ends_in_order(trials: Trials) -> Property:
    """low < mean < high."""
    statement = "low lies below the mean, high above it"

    def test(answer: Callable) -> Failure | None:
        for trial in trials(answer):
            result = trial.call()
            mean, low, high = result.tolist()
            if not low < mean < high:
                got = f"mean {mean:.3g}, low {low:.3g}, high {high:.3g}"
                return Failure(trial.text, statement, got, (result,))
        return None

    return Property("range", statement, "Return mean, mean - half, mean + half.", test)


def coverage(trials: Trials) -> Property:
    """The interval contains the true difference as often as its level says."""

    def test(answer: Callable) -> Failure | None:
        for repeats, seeds, level, tolerance in COVERAGES:
            share, at_ends = covered(answer, repeats, seeds, level)
            if abs(share - level) > tolerance:
                results = [trial.call() for trial in trials(answer)]
                return Failure(
                    f"{repeats} simulated experiments, {seeds} seeds, level {level}",
                    f"the true difference inside in about {100 * level:.0f} % of them",
                    f"inside in {100 * share:.1f} %",
                    (torch.stack(results),),
                    AT_ENDS if at_ends > 0.8 else None,
                )
        return None

    return Property(
        "coverage",
        "the interval contains the true difference as often as it says",
        "Check the spread, its division by the root of n, and the factor t.",
        test,
    )


def covered(
    answer: Callable, repeats: int, seeds: int, level: float
) -> tuple[float, float]:
    """The share of simulated experiments whose interval contains the truth.

    And the share whose interval ends at the smallest and at the largest difference.
    """
    inside, at_ends = 0, 0
    for values, baseline in paired_runs(repeats, seeds, TRUE_DIFFERENCE, draw=10):
        with answering(f"values ({seeds},), baseline ({seeds},), level {level}"):
            _, low, high = as_tensor(answer(values, baseline, level)).tolist()
        inside += low <= TRUE_DIFFERENCE <= high
        d = values - baseline
        at_ends += abs(low - d.min()) + abs(high - d.max()) < 1e-6
    return inside / repeats, at_ends / repeats


def shared_luck_cancels(trials: Trials) -> Property:
    """The luck of a seed, added to both of its runs, leaves the interval as it was."""

    def test(answer: Callable) -> Failure | None:
        for trial in trials(answer):
            tensors, before = trial.tensors(), trial.call()
            luck = 5 * torch.arange(len(tensors["values"]), dtype=torch.float64).cos()
            after = trial.call(**{k: tensor + luck for k, tensor in tensors.items()})
            if not close(after, before):
                return Failure(
                    f"{trial.text}, each seed's luck added to both of its runs",
                    "the same interval as before",
                    f"another one{difference(after, before)}",
                    (before, after),
                )
        return None

    return Property(
        "shared luck cancels",
        "what the two runs of a seed share makes no difference",
        "Subtract run by run first; only the differences count after that.",
        test,
    )


def p_in_range(trials: Trials) -> Property:
    """Above 0, at most 1."""
    statement = "p lies above 0 and is at most 1"

    def test(answer: Callable) -> Failure | None:
        tried = list(trials(answer))
        results = torch.stack([trial.call() for trial in tried])
        for trial, p in zip(tried, results, strict=True):
            if not 0 < p <= 1 + 1e-9:
                return Failure(trial.text, statement, f"p = {p:.4g}", (results,))
        return None

    return Property("range", statement, "A p-value is a share of possible cases.", test)


def sides_equal(
    trials: Trials, swap: Callable[[Trial], dict[str, Tensor]], words: str
) -> Property:
    """Exchange the two models, and a two-sided p stays."""

    def test(answer: Callable) -> Failure | None:
        for trial in trials(answer):
            before, after = trial.call(), trial.call(**swap(trial))
            if not close(after, before):
                return Failure(
                    f"{trial.text}, {words}",
                    "the same p as before",
                    f"another one{difference(after, before)}",
                    (before, after),
                )
        return None

    return Property(
        "sides equal",
        "a two-sided p does not ask which model comes first",
        "Measure how far from even, with abs or min, not in which direction.",
        test,
    )


def false_alarms(p_values: Pvalues, least: float, text: str) -> Property:
    """Without a difference, p is 0.05 or less in about 5 % of the experiments."""
    most = ALPHA + OFF
    expected = f"p of 0.05 or less in {100 * least:.1f} to {100 * most:.1f} % of them"

    def test(answer: Callable) -> Failure | None:
        found = torch.stack(list(p_values(answer)))  # (repeats, ...)
        smallest = found.reshape(len(found), -1).amin(dim=1)
        share = (smallest <= ALPHA + 1e-9).double().mean().item()
        if least <= share <= most:
            return None
        got = f"in {100 * share:.1f} %"
        return Failure(text, expected, got, (torch.tensor(share), found[:20]))

    return Property(
        "false alarms",
        "where nothing differs, 5 of 100 experiments are called significant",
        "Count both directions, and every case at least as far as the observed one.",
        test,
    )


def flip_p_values(answer: Callable) -> Iterator[Tensor]:
    """p of experiments with 9 seeds and no difference."""
    flips = random_flips(199, 9, draw=11)
    for values, baseline in paired_runs(REPEATS, 9, 0.0, draw=12):
        yield flip_trial(answer, values - baseline, flips).call()


def mcnemar_p_values(answer: Callable) -> Iterator[Tensor]:
    """p of two equally good networks on 400 images."""
    for hits in paired_hits(REPEATS, 400, draw=13):
        with answering("hits of 400 images, two equally good networks"):
            yield as_tensor(answer(*hits))


def holm_p_values(answer: Callable) -> Iterator[Tensor]:
    """Corrected p-values of six tests, none of which has anything to find."""
    for family in np.random.default_rng(14).random((REPEATS, 6)):
        with answering("p_values (6,), nothing to find"):
            yield as_tensor(array_of(answer(family)))


def arrays_untouched(trials: Trials) -> Property:
    """The answer leaves every array it was given as it was, hits included."""

    def test(answer: Callable) -> Failure | None:
        for trial in trials(answer):
            given = {name: tensor.clone() for name, tensor in trial.inputs.items()}
            trial.call(**given)
            for name, before in trial.inputs.items():
                if not torch.equal(given[name], before):
                    return Failure(
                        trial.text,
                        f"{name} as it was before the call",
                        f"{name} was changed",
                        (name, given[name].double()),
                    )
        return None

    return Property(
        "input not modified",
        "the caller's arrays stay as they were",
        "Look for -=, *=, &=, .sort() and other methods that write into an input.",
        test,
    )
