"""Inputs and properties for notebook 11: the loss of one process."""

from collections.abc import Callable, Iterator

import numpy as np
import torch

from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.properties import close, difference
from course_lib.exercises.trials import Trial, answering, random_tensor

PARTS = [(4, 4), (5, 4, 4), (7, 1), (6, 3, 0)]  # images of each process


def loss_trials(answer: Callable) -> Iterator[Trial]:
    """Each process of each division that has images."""
    for parts in PARTS:
        for rank, own in enumerate(parts):
            if own:
                yield loss_trial(answer, parts, rank)


def loss_trial(answer: Callable, parts: tuple[int, ...], rank: int) -> Trial:
    """One process's losses, all different from 0."""
    losses = random_tensor(sum(parts), seed=71).abs() + 0.2
    own = losses.split(parts)[rank]
    total, ranks = sum(parts), len(parts)
    inputs = {"losses": own, "total": total, "ranks": ranks}

    def reference(v: dict[str, object]) -> np.ndarray:
        return np.add.reduce(v["losses"]) / (v["total"] / v["ranks"])

    text = f"losses ({len(own)},), total {total}, ranks {ranks}"
    return Trial(text, answer, inputs, reference)


def equal_shares() -> Property:
    """Equally many images each: a process's loss is the mean of its own."""

    def test(answer: Callable) -> Failure | None:
        for rank in range(2):
            trial = loss_trial(answer, (4, 4), rank)
            result, wanted = trial.call(), trial.inputs["losses"].mean()
            if not close(result, wanted):
                return Failure(
                    trial.text,
                    "the mean of these losses, as all have equally many",
                    f"something else{difference(result, wanted)}",
                    (result, loss_trial(answer, (7, 1), 0).call()),
                )
        return None

    return Property(
        "equal shares",
        "with equally many images each, it is the mean of one's own losses",
        "Check the factor with two processes of four images each.",
        test,
    )


def mean_over_all() -> Property:
    """The plain mean over the processes is the mean over all images."""

    def test(answer: Callable) -> Failure | None:
        for parts in [p for p in PARTS if all(p)]:
            trials = [loss_trial(answer, parts, rank) for rank in range(len(parts))]
            shares = torch.stack([trial.call() for trial in trials])
            every = torch.cat([trial.inputs["losses"] for trial in trials])
            if not close(shares.mean(), every.mean()):
                return Failure(
                    f"processes with {' and '.join(map(str, parts))} images",
                    f"losses whose plain mean is {every.mean():.4f}",
                    f"their plain mean is {shares.mean():.4f}",
                    (shares,),
                )
        return None

    return Property(
        "mean over all",
        "the plain mean over the processes is the mean over all images",
        "An image must weigh the same in whichever process it lies.",
        test,
    )


def empty_process() -> Property:
    """A process without an image adds 0, not NaN."""

    def test(answer: Callable) -> Failure | None:
        trial = loss_trial(answer, (6, 3, 0), 2)
        result = trial.call()
        if not close(result, torch.zeros(())):
            return Failure(trial.text, "0", f"{result.item():g}", (result,))
        return None

    return Property(
        "empty process",
        "a process without an image has a loss of 0",
        "Start from the sum: it is 0 for no numbers, while the mean is NaN.",
        test,
    )


def empty_gradients() -> Property:
    """backward() runs in a process without an image, as in all others."""

    def test(answer: Callable) -> Failure | None:
        trial = loss_trial(answer, (6, 3, 0), 2)
        losses = trial.inputs["losses"].clone().requires_grad_()
        result = trial.call(losses=losses * 1)
        if result.requires_grad:
            with answering(trial.text):
                result.sum().backward()
        if losses.grad is None:
            got = "no graph that leads to losses"
            expected = "a loss on which backward() reaches losses"
            return Failure(trial.text, expected, got, (got,))
        return None

    return Property(
        "empty gradients",
        "a process without an image can call backward() too",
        "Compute the loss from `losses` in every case, without an `if`.",
        test,
    )
