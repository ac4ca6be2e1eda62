"""Inputs and the formula for the exercise class_share of notebook 09."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from course_lib.exercises.trials import Trial, random_tensor
from course_lib.gates import SMALLEST

Array = np.ndarray


def share_trials(answer: Callable) -> Iterator[Trial]:
    """Classes 0 to K - 1 of unequal size."""
    for n, c, k in [(11, 3, 3), (9, 5, 2), (8, 1, 4)]:
        gates = torch.sigmoid(random_tensor(n, c, seed=98))
        labels = (torch.arange(n) ** 2 % (2 * k - 1)).clamp(max=k - 1)
        labels[:k] = torch.arange(k)
        yield share_trial(answer, f"classes 0 to {k - 1}", gates, labels)


def renamed(trial: Trial) -> dict[str, Tensor]:
    """The same images with classes called 2, 5, 8 and so on."""
    return {"labels": 3 * trial.inputs["labels"] + 2}


def planted_gate_trials(answer: Callable) -> Iterator[Trial]:
    """Channel 0 tells the classes apart, channel 1 does not."""
    labels = torch.tensor([0, 0, 1, 1, 1, 1, 2])
    by_class = torch.tensor([0.1, 0.1, 0.4, 0.4, 0.4, 0.4, 0.9])
    within = torch.tensor([0.2, 0.4, 0.1, 0.3, 0.5, 0.3, 0.3])
    gates = torch.stack([by_class, within], dim=1)
    yield share_trial(answer, "one gate a class, one mean for all", gates, labels)


def still_trials(answer: Callable) -> Iterator[Trial]:
    """Gates that never move, up to rounding."""
    gates = torch.tensor([0.5, 0.01, 0.25]).expand(7, 3).clone()
    gates[0, 1] += 3e-8
    labels = torch.tensor([0, 0, 1, 1, 1, 1, 2])
    yield share_trial(answer, "gates that never move", gates, labels)


def share_trial(answer: Callable, text: str, gates: Tensor, labels: Tensor) -> Trial:
    """One call of class_share."""
    text = f"{text}: gates {tuple(gates.shape)}, labels {tuple(labels.shape)}"
    return Trial(text, answer, {"gates": gates, "labels": labels}, slow_share)


def slow_share(v: dict[str, Array]) -> Array:
    """Channel by channel: variance minus the variance within classes, as a share.

    A channel whose standard deviation is below SMALLEST has the share 0.
    """
    shares = []
    for values in v["gates"].T:
        total = len(values) * values.var()
        within = 0.0
        for k in set(v["labels"].tolist()):
            own = values[v["labels"] == k]
            within += len(own) * own.var()
        moves = values.std() >= SMALLEST
        shares.append((total - within) / total if moves else 0.0)
    return np.array(shares)
