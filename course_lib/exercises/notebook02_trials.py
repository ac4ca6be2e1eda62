"""Inputs, bounds and special properties for the exercises of notebook 02."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from course_lib.exercises import formulas
from course_lib.exercises.structure import (
    Build,
)
from course_lib.exercises.trials import (
    Trial,
    core_shape,
    module_trial,
    random_tensor,
    shape_text,
)

# N, C, H, W, hidden units, biases, channels_last. The last map has one side of 3,
# which is less than a 3x3 kernel with dilation 4 spans.
SIZES = [
    (2, 6, 7, 5, 3, True, False),
    (3, 11, 4, 9, 2, False, True),
    (1, 7, 3, 13, 4, True, False),
]

# --- squeeze ------------------------------------------------------------------------


def squeeze_trials(answer: Callable) -> Iterator[Trial]:
    """Maps with H > W, H < W and batch 1, away from zero."""
    for n, c, h, w, _, _, last in SIZES:
        x = random_tensor(n, c, h, w, seed=21, channels_last=last) + 0.5
        reference = lambda v: formulas.squeeze(v["x"])  # noqa: E731
        yield Trial(f"x {tuple(x.shape)}", answer, {"x": x}, reference)


def smallest_and_largest(trial: Trial) -> tuple[Tensor, Tensor]:
    """An average lies between them, channel by channel."""
    x = trial.inputs["x"]
    return x.amin(dim=(2, 3)), x.amax(dim=(2, 3))


# --- se_gate ------------------------------------------------------------------------


def gate_weights(c: int, hidden: int, biases: bool) -> dict[str, Tensor | None]:
    """Random weights for a gate, large enough that gates spread over (0, 1)."""
    return {
        "w1": random_tensor(hidden, c, seed=22),
        "w2": 2 * random_tensor(c, hidden, seed=23),
        "b1": 1 + random_tensor(hidden, seed=24) / 4 if biases else None,
        "b2": random_tensor(c, seed=25) if biases else None,
    }


def gate_trials(answer: Callable) -> Iterator[Trial]:
    """With biases, without them, and a batch of one."""
    for n, c, h, w, hidden, biases, last in SIZES:
        x = random_tensor(n, c, h, w, seed=26, channels_last=last)
        inputs = {"x": 3 * x + 0.3} | gate_weights(c, hidden, biases)
        reference = lambda v: formulas.se_gate(*v.values())  # noqa: E731
        yield Trial(shape_text(inputs), answer, inputs, reference)


# --- SqueezeExcitation --------------------------------------------------------------


def module_trials(answer: Callable) -> Iterator[Trial]:
    """Reductions that do not divide C, with and without biases."""
    yield from trials_of_method(answer, "__call__")


def module_gate_trials(answer: Callable) -> Iterator[Trial]:
    """The same modules, asked for their bare gate."""
    yield from trials_of_method(answer, "gate")


def trials_of_method(answer: Callable, method: str) -> Iterator[Trial]:
    """One trial for each of three modules."""
    for channels, reduction, bias, shape_, last in [
        (11, 4, True, (2, 11, 5, 7), False),
        (10, 3, False, (3, 10, 9, 4), True),
        (13, 6, True, (1, 13, 3, 11), False),
    ]:
        x = random_tensor(*shape_, seed=27, channels_last=last) + 0.3
        text = f"SqueezeExcitation({channels}, {reduction}, bias={bias})"
        yield module_trial(
            f"{text} on x {shape_}",
            lambda c=channels, r=reduction, b=bias: answer(c, r, bias=b),
            x,
            gated_formula,
            method,
        )


def gated_formula(v: dict[str, np.ndarray]) -> np.ndarray:
    """x times its gate, with the weights recognised by their shapes."""
    x = v["x"]
    channels = x.shape[1]
    found = {}
    for name, weight in v.items():
        weight = weight.reshape(core_shape(weight.shape))
        if name != "x" and weight.ndim == 2:
            found["w1" if weight.shape[1] == channels else "w2"] = weight
        elif name != "x" and weight.ndim == 1:
            found["b2" if len(weight) == channels else "b1"] = weight
    if "w1" not in found or "w2" not in found:
        raise LookupError("two layers needed: weights (C//r, C) and (C, C//r)")
    return x * formulas.se_gate(x, **found)


def se_build(
    channels: int, reduction: int, bias: bool, parameters: int, default: bool = False
) -> Build:
    """A module to count."""
    text = f"SqueezeExcitation({channels}, {reduction}, bias={bias})"
    if default:
        make = lambda answer: answer(channels)  # noqa: E731
        return Build(f"SqueezeExcitation({channels})", make, parameters)
    make = lambda answer: answer(channels, reduction, bias=bias)  # noqa: E731
    return Build(text, make, parameters)


# --- se_residual --------------------------------------------------------------------


def residual_trials(answer: Callable) -> Iterator[Trial]:
    """The end of a block, with biases, without them, and for a batch of one."""
    for n, c, h, w, hidden, biases, last in SIZES:
        maps = {
            "y": random_tensor(n, c, h, w, seed=29, channels_last=last) + 0.3,
            "shortcut": random_tensor(n, c, h, w, seed=30, channels_last=last) + 0.2,
        }
        inputs = maps | gate_weights(c, hidden, biases)
        reference = lambda v: formulas.se_residual(*v.values())  # noqa: E731
        yield Trial(shape_text(inputs), answer, inputs, reference)


def with_biases(answer: Callable) -> Iterator[Trial]:
    """Only the trials that have biases, which can close a gate."""
    yield from (t for t in residual_trials(answer) if t.inputs["b2"] is not None)


def close_gates(trial: Trial) -> dict[str, Tensor]:
    """Weights that make every gate 0 to ten digits."""
    w2, b2 = trial.inputs["w2"], trial.inputs["b2"]
    return {"w2": torch.zeros_like(w2), "b2": torch.full_like(b2, -30)}
