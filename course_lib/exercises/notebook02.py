"""Exercises of notebook 02, Squeeze-and-Excitation: squeeze, gate, module, block."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from course_lib.attention.squeeze_excitation import (
    SqueezeExcitation,
    se_gate,
    squeeze,
)
from course_lib.blocks import se_residual
from course_lib.exercises import formulas
from course_lib.exercises import notebook02_wrong as wrong
from course_lib.exercises.exercise import Exercise
from course_lib.exercises.gradients import gradients
from course_lib.exercises.properties import (
    dtype_and_device,
    in_range,
    input_untouched,
    runs,
    samples_independent,
    shape,
    values,
)
from course_lib.exercises.structure import (
    Build,
    channel_order,
    gates_apart,
    known_result,
    output_is_gated,
    parameter_count,
    positions_equal,
    same_in_training,
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


SQUEEZE = Exercise(
    name="squeeze",
    title="squeeze: one number per channel",
    notebook="02",
    solution=squeeze,
    why=(
        "The average over H and W keeps one number for each sample and channel, "
        "whatever the size of the map. N and C stay: every image gets its own numbers."
    ),
    hints=(
        "x has four axes. Which two disappear when each map becomes one number?",
        "(N, C, H, W) -> (N, C): axes 2 and 3 are averaged away.",
        "x.mean takes dim, one axis or a tuple of axes.",
        "return x.mean(dim=(____, ____))",
    ),
    properties=(
        runs(squeeze_trials),
        shape(squeeze_trials),
        dtype_and_device(squeeze_trials),
        in_range(
            squeeze_trials,
            "each average lies between the smallest and largest value of its map",
            smallest_and_largest,
            "Divide the sum by H * W.",
        ),
        samples_independent(squeeze_trials, ("x",)),
        channel_order(squeeze_trials, {"x": 1}),
        positions_equal(squeeze_trials),
        values(squeeze_trials),
        gradients(squeeze_trials),
        input_untouched(squeeze_trials),
    ),
    wrong_answers=wrong.SQUEEZE,
)

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


def zero_to_one(trial: Trial) -> tuple[Tensor, Tensor]:
    """Bounds of a gate."""
    return torch.tensor(0.0), torch.tensor(1.0)


SE_GATE = Exercise(
    name="se_gate",
    title="excitation: the gate",
    notebook="02",
    solution=se_gate,
    why=(
        "Two small layers let every channel's gate depend on all channels; the ReLU "
        "between them keeps the pair from being one linear map. The sigmoid treats "
        "every logit alone, so several gates can be open at once."
    ),
    hints=(
        "How many numbers describe one image after the squeeze, and how many gates "
        "do you need?",
        "(N, C, H, W) -> (N, C) -> (N, C//r) -> (N, C) -> (N, C, 1, 1).",
        "squeeze(x), F.linear(s, w, b) (b may be None), F.relu, torch.sigmoid, "
        "g[:, :, None, None].",
        "s = ____(x)\n"
        "z = F.relu(F.linear(s, ____, b1))\n"
        "g = ____(F.linear(z, ____, b2))\n"
        "return g[:, :, None, None]",
    ),
    properties=(
        runs(gate_trials),
        shape(gate_trials),
        dtype_and_device(gate_trials),
        in_range(
            gate_trials,
            "every gate lies between 0 and 1",
            zero_to_one,
            "Let torch.sigmoid be the last function.",
        ),
        samples_independent(gate_trials, ("x",)),
        channel_order(gate_trials, {"x": 1, "w1": 1, "w2": 0, "b2": 0}),
        gates_apart(gate_trials),
        values(gate_trials),
        gradients(gate_trials),
        input_untouched(gate_trials),
    ),
    wrong_answers=wrong.SE_GATE,
)

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


def minus_to_plus_x(trial: Trial) -> tuple[Tensor, Tensor]:
    """A gate in (0, 1) can only make values smaller."""
    x = trial.inputs["x"].abs()
    return -x, x


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


MODULE = Exercise(
    name="SqueezeExcitation",
    title="the module",
    notebook="02",
    solution=SqueezeExcitation,
    why=(
        "The module owns the two layers and leaves the arithmetic to se_gate, so the "
        "bare gate can be looked at. One number per sample and channel multiplies a "
        "whole map by broadcasting."
    ),
    hints=(
        "Which weights does se_gate need, and who should own them?",
        "reduce: (C//r, C), expand: (C, C//r); gate(x): (N, C, 1, 1); "
        "forward(x): (N, C, H, W).",
        "nn.Linear(in, out, bias=bias) has .weight and .bias; hidden_width gives C//r.",
        "self.reduce = nn.Linear(channels, ____, bias=bias)\n"
        "self.expand = nn.Linear(____, channels, bias=bias)\n"
        "# gate: return se_gate(x, self.reduce.weight, ____, self.reduce.bias, ____)\n"
        "# forward: return x * ____",
    ),
    properties=(
        runs(module_trials),
        shape(module_trials),
        dtype_and_device(module_trials),
        in_range(
            module_trials,
            "no value grows: every gate lies between 0 and 1",
            minus_to_plus_x,
            "Multiply x by the gate, and add nothing.",
        ),
        samples_independent(module_trials, ("x",)),
        output_is_gated(module_trials, module_gate_trials),
        values(module_trials),
        gradients(module_trials),
        parameter_count(
            [
                se_build(32, 16, True, 2 * 32 * 2 + 2 + 32, default=True),
                se_build(11, 4, True, 2 * 11 * 2 + 2 + 11),
                se_build(10, 3, False, 2 * 10 * 3),
            ]
        ),
        input_untouched(module_trials),
        same_in_training(
            lambda answer: answer(11, 4),
            random_tensor(2, 11, 5, 7, seed=28),
            "SqueezeExcitation(11, 4) on x (2, 11, 5, 7)",
        ),
    ),
    wrong_answers=wrong.MODULE,
)

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


def not_negative(trial: Trial) -> tuple[Tensor, Tensor]:
    """Bounds of a ReLU's output."""
    return torch.tensor(0.0), torch.tensor(torch.inf)


RESIDUAL = Exercise(
    name="se_residual",
    title="the gate in its place",
    notebook="02",
    solution=se_residual,
    why=(
        "The gate is made from the branch and scales the branch, before the sum. The "
        "shortcut stays free, so a closed gate turns the block into the identity."
    ),
    hints=(
        "If every gate closes, what should the block still pass on?",
        "y (N, C, H, W), gate (N, C, 1, 1), shortcut (N, C, H, W): one product, one "
        "sum.",
        "se_gate(y, w1, w2, b1, b2), broadcasting with *, F.relu.",
        "g = se_gate(____, w1, w2, b1, b2)\nreturn F.relu(____ * g + ____)",
    ),
    properties=(
        runs(residual_trials),
        shape(residual_trials),
        dtype_and_device(residual_trials),
        in_range(
            residual_trials,
            "no value is below 0",
            not_negative,
            "Put a ReLU after the sum.",
        ),
        samples_independent(residual_trials, ("y", "shortcut")),
        known_result(
            with_biases,
            "placement",
            "the gate acts on the branch, before the sum",
            "Multiply y by the gate, then add the shortcut.",
            close_gates,
            lambda trial: torch.relu(trial.inputs["shortcut"]),
            ("all gates closed", "relu(shortcut)"),
        ),
        values(residual_trials),
        gradients(residual_trials),
        input_untouched(residual_trials),
    ),
    wrong_answers=wrong.RESIDUAL,
)

EXERCISES = (SQUEEZE, SE_GATE, MODULE, RESIDUAL)
