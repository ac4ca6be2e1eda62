"""Histories, networks and orders on which the answers of notebook 07 are tested."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.exercises.notebook08_trials import as_tensor
from course_lib.exercises.trials import (
    WrongType,
    answering,
    plain_tensor,
    random_tensor,
)

History = list[dict[str, float]]

# --- choose_epoch ---------------------------------------------------------------------

VAL = {  # text -> val_accuracy of each epoch; no two equal
    "6 epochs, up and down": [0.30, 0.52, 0.48, 0.61, 0.58, 0.55],
    "5 epochs, down and up": [0.44, 0.31, 0.35, 0.40, 0.47],
    "7 epochs, the highest first": [0.66, 0.41, 0.52, 0.50, 0.62, 0.49, 0.57],
    "4 epochs, all near 0.9": [0.905, 0.915, 0.925, 0.895],
}
TIED = {"3 epochs, the last two equal": ([0.5, 0.7, 0.7], 2)}
TIED["5 epochs, the second and fourth equal"] = ([0.5, 0.8, 0.6, 0.8, 0.7], 2)


def history_of(val: list[float], first: int = 1, test: bool = True) -> History:
    """Rows as a Trainer writes them; loss and test accuracy go their own ways."""
    count = len(val)
    rows = []
    for i, accuracy in enumerate(val):
        loss = 2.0 - 0.2 * i + 0.5 * (i > 4)  # lowest last, or at the fifth epoch
        row = {"epoch": first + i, "train_loss": loss}
        row["val_accuracy"] = accuracy
        if test:
            row["test_accuracy"] = 0.5 + 0.3 * ((i + 2) % count) / count
        rows.append(row)
    return rows


def histories() -> Iterator[tuple[str, History]]:
    """One for each line of VAL; the second one begins at epoch 11."""
    for number, (text, val) in enumerate(VAL.items()):
        first = 11 if number == 1 else 1
        yield f"{text}, beginning at {first}", history_of(val, first)


def tied_histories() -> Iterator[tuple[str, History]]:
    """One for each entry of TIED."""
    for text, (val, _) in TIED.items():
        yield text, history_of(val)


def chosen(answer: Callable, text: str, history: History) -> Tensor:
    """The answer's epoch for a copy of the history."""
    with answering(f"a history of {text}"):
        return as_tensor(answer([dict(row) for row in history]))


# --- accuracy_of ----------------------------------------------------------------------

CUTS = {"10, 10 and 3": (10, 10, 3), "14 and 9": (14, 9), "23": (23,)}
CLASSES = 5


@dataclass
class Seen:
    """What a network noticed while it was asked."""

    images: list[Tensor] = field(default_factory=list)
    training: list[bool] = field(default_factory=list)
    gradients: list[bool] = field(default_factory=list)


class Witness(nn.Module):
    """BatchNorm and a linear layer, and a memory of how it was called."""

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        features = x[0].numel()
        self.norm = nn.BatchNorm1d(features)
        self.linear = nn.Linear(features, CLASSES)
        with torch.no_grad():
            self.norm.running_mean.copy_(random_tensor(features, seed=61))
            self.norm.running_var.copy_(random_tensor(features, seed=62).abs() + 0.2)
            self.linear.weight.copy_(random_tensor(CLASSES, features, seed=63))
            self.linear.bias.zero_()
        self.seen = Seen()

    def forward(self, x: Tensor) -> Tensor:
        self.seen.images.append(x.detach().clone())
        self.seen.training.append(self.training or self.norm.training)
        self.seen.gradients.append(torch.is_grad_enabled())
        return self.linear(self.norm(x.flatten(1)))  # (n, classes)


@dataclass
class Asked:
    """One call of accuracy_of: what it said, the network afterwards, the truth."""

    text: str
    accuracy: Tensor
    is_tensor: bool
    network: Witness
    images: Tensor
    truth: float
    before: dict[str, Tensor]
    was_training: bool


def images_and_labels() -> tuple[Tensor, Tensor]:
    """x (23, 3, 4, 5); 14 labels as an untouched network in eval mode says, 9 not."""
    x = random_tensor(23, 3, 4, 5, seed=60) + 0.4
    with torch.no_grad():
        y = Witness(x).eval()(x).argmax(dim=1)
    wrong = torch.arange(23) % 5 > 2
    return x, torch.where(wrong, (y + 1) % CLASSES, y)


def asked(answer: Callable) -> Iterator[Asked]:
    """The same 23 images, cut up in three ways, networks in both modes."""
    x, y = images_and_labels()
    for number, (text, sizes) in enumerate(CUTS.items()):
        network = Witness(x).train(number != 1)
        before = {k: value.clone() for k, value in network.state_dict().items()}
        words = f"23 images in batches of {text}, network in "
        words += "train mode" if network.training else "eval mode"
        batches = zip(x.clone().split(sizes), y.clone().split(sizes), strict=True)
        with answering(words):
            result = answer(network, batches)
            accuracy = as_tensor(result)
        truth = (Witness(x).eval()(x).argmax(dim=1) == y).double().mean().item()
        is_tensor = isinstance(result, Tensor)
        yield Asked(words, accuracy, is_tensor, network, x, truth, before, number != 1)


# --- epoch_order ----------------------------------------------------------------------

IMAGES = 60


def order_of(answer: Callable, seed: int, epoch: int, images: int = IMAGES) -> Tensor:
    """The answer's order, as float64.

    Raises WrongType where it is no int64 tensor.
    """
    with answering(f"seed {seed}, epoch {epoch}, {images} images"):
        order = plain_tensor(answer(seed, epoch, images))
        if order.dtype != torch.int64:
            raise WrongType(f"a tensor of {order.dtype}", "an int64 tensor")
        return order.double()


def moved_streams(call: Callable[[], object]) -> list[str]:
    """The shared streams of random numbers that a call moves: torch, NumPy, Python.

    Those of NumPy and Python are put back.
    """
    numpy_state, python_state = np.random.get_state(), random.getstate()
    try:
        torch.manual_seed(9)
        np.random.seed(9)
        random.seed(9)
        before = _states()
        call()
        return [name for name, state in _states().items() if state != before[name]]
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)


def _states() -> dict[str, object]:
    """What the next draw from each stream depends on."""
    _, keys, *rest = np.random.get_state()
    return {
        "torch": torch.get_rng_state().tolist(),
        "NumPy": (keys.tolist(), rest),
        "Python": random.getstate(),
    }
