"""Inputs, slow formulas and special properties for the exercises of notebook 05."""

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from course_lib.exercises import formulas
from course_lib.exercises.trials import Trial, random_tensor, shape_text


def sigmoid(logits: ndarray) -> ndarray:
    """1 / (1 + exp(-logit)), one number at a time."""
    flat = [1 / (1 + math.exp(-logit)) for logit in logits.flatten()]
    return np.array(flat).reshape(logits.shape)


# --- cbam_channel_gate --------------------------------------------------------------

# N, C, H, W, hidden units, biases, channels_last, poolings.
CHANNEL_SIZES = [
    (2, 6, 7, 5, 3, True, False, ("avg", "max")),
    (3, 11, 4, 9, 2, False, True, ("avg", "max")),
    (1, 7, 3, 13, 4, True, False, ("max",)),
]


def channel_trials(answer: Callable) -> Iterator[Trial]:
    """With biases, without them, and with one pooling for a batch of one."""
    for n, c, h, w, hidden, biases, last, pools in CHANNEL_SIZES:
        tensors = {
            "x": 2 * random_tensor(n, c, h, w, seed=51, channels_last=last) + 0.3,
            "w1": random_tensor(hidden, c, seed=52) / 2,
            "w2": random_tensor(c, hidden, seed=53) / 2,
            "b1": 1 + random_tensor(hidden, seed=54) / 4 if biases else None,
            "b2": random_tensor(c, seed=55) if biases else None,
        }
        text = f"{shape_text(tensors)}, pools {pools}"
        inputs = tensors | {"pools": pools}
        reference = lambda v: channel_formula(*v.values())  # noqa: E731
        yield Trial(text, answer, inputs, reference)


def channel_formula(
    x: ndarray,
    w1: ndarray,
    w2: ndarray,
    b1: ndarray | None,
    b2: ndarray | None,
    pools: tuple[str, ...] = ("avg", "max"),
) -> ndarray:
    """The same MLP for every pooling, one sum, one sigmoid: -> (N, C, 1, 1)."""
    logits = np.zeros(x.shape[:2])
    for kind in pools:
        s = formulas.squeeze(x) if kind == "avg" else largest_of_map(x)
        hidden = formulas.relu(formulas.layer(s, w1, b1))
        logits = logits + formulas.layer(hidden, w2, b2)
    return sigmoid(logits)[:, :, None, None]


def largest_of_map(x: ndarray) -> ndarray:
    """Largest value of each channel: x (N, C, H, W) -> (N, C)."""
    s = np.zeros(x.shape[:2])
    for n, image in enumerate(x):
        for c, values in enumerate(image):
            s[n, c] = max(values.flatten().tolist())
    return s


# --- channel_maps -------------------------------------------------------------------


def maps_trials(answer: Callable) -> Iterator[Trial]:
    """Both orders, maps with H > W and H < W, a batch of one."""
    for n, c, h, w, order, last in [
        (2, 6, 7, 5, "max-mean", False),
        (3, 5, 4, 9, "mean-max", True),
        (1, 7, 3, 11, "max-mean", False),
    ]:
        x = random_tensor(n, c, h, w, seed=56, channels_last=last) - 0.4
        text = f"x {tuple(x.shape)}, map_order {order!r}"
        reference = lambda v: maps_formula(*v.values())  # noqa: E731
        yield Trial(text, answer, {"x": x, "map_order": order}, reference)


def maps_formula(x: ndarray, map_order: str = "max-mean") -> ndarray:
    """Largest and mean value over the channels, pixel by pixel: -> (N, 2, H, W)."""
    n, _, height, width = x.shape
    maps = np.zeros((n, 2, height, width))
    first = 0 if map_order == "max-mean" else 1
    for k in range(n):
        for i in range(height):
            for j in range(width):
                values = x[k, :, i, j].tolist()
                maps[k, first, i, j] = max(values)
                maps[k, 1 - first, i, j] = sum(values) / len(values)
    return maps


def smallest_and_largest_channel(trial: Trial) -> tuple[Tensor, Tensor]:
    """Largest and mean value of a pixel lie between them."""
    x = trial.inputs["x"]
    return x.amin(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)


def renumber_channels(trial: Trial) -> dict[str, Tensor]:
    """The channels of x in another order."""
    return {"x": trial.tensors()["x"].roll(1, dims=1)}


def unchanged(trial: Trial) -> Tensor:
    """What the answer says about the inputs as they are."""
    return trial.call()


# --- cbam_spatial_gate --------------------------------------------------------------


def stand_in_norm(logits: ndarray) -> ndarray:
    """Takes BatchNorm's place: scales and shifts, tensors and arrays alike."""
    return 1.5 * logits + 0.3


def spatial_trials(answer: Callable) -> Iterator[Trial]:
    """Kernels of 7, 3 and 5; with and without norm; one side of 3."""
    for n, c, h, w, k, norm, order, last in [
        (2, 6, 7, 9, 7, stand_in_norm, "max-mean", False),
        (3, 5, 8, 4, 3, None, "mean-max", True),
        (1, 7, 3, 11, 5, stand_in_norm, "max-mean", False),
    ]:
        tensors = {
            "x": random_tensor(n, c, h, w, seed=57, channels_last=last) - 0.4,
            "weight": 3 * random_tensor(1, 2, k, k, seed=58) / k,
        }
        text = f"{shape_text(tensors)}, norm {'given' if norm else None}, {order}"
        inputs = tensors | {"norm": norm, "map_order": order}
        reference = lambda v: spatial_formula(*v.values())  # noqa: E731
        yield Trial(text, answer, inputs, reference)


def spatial_formula(
    x: ndarray, weight: ndarray, norm: Callable | None, map_order: str = "max-mean"
) -> ndarray:
    """Two maps, one convolution, norm where given, sigmoid: -> (N, 1, H, W)."""
    maps = maps_formula(x, map_order)
    logits = formulas.convolution(maps, weight, padding=weight.shape[2] // 2)
    return sigmoid(logits if norm is None else norm(logits))


def silence_kernel(trial: Trial) -> dict[str, Tensor]:
    """A kernel of zeros."""
    return {"weight": torch.zeros_like(trial.inputs["weight"])}


def gate_of_zero(trial: Trial) -> Tensor:
    """The gate where every logit of the convolution is 0."""
    n, _, height, width = trial.inputs["x"].shape
    logit = 0.3 if trial.inputs["norm"] else 0.0
    return torch.full((n, 1, height, width), logit).sigmoid()
