"""Exercises of notebook 02, Squeeze-and-Excitation: squeeze, gate, module, block."""

import torch

from course_lib.attention.squeeze_excitation import (
    SqueezeExcitation,
    se_gate,
    squeeze,
)
from course_lib.blocks import se_residual
from course_lib.exercises import notebook02_wrong_gate as wrong_gate
from course_lib.exercises import notebook02_wrong_module as wrong_module
from course_lib.exercises import notebook02_wrong_residual as wrong_residual
from course_lib.exercises import notebook02_wrong_squeeze as wrong_squeeze
from course_lib.exercises.bounds import minus_to_plus_x, not_negative, zero_to_one
from course_lib.exercises.exercise import Exercise
from course_lib.exercises.gradients import gradients
from course_lib.exercises.notebook02_trials import (
    close_gates,
    gate_trials,
    module_gate_trials,
    module_trials,
    residual_trials,
    se_build,
    smallest_and_largest,
    squeeze_trials,
    with_biases,
)
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
    channel_order,
    gates_apart,
    known_result,
    layers_registered,
    output_is_gated,
    parameter_count,
    positions_equal,
    same_in_training,
)
from course_lib.exercises.trials import random_tensor

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
    wrong_answers=wrong_squeeze.SQUEEZE,
)

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
    wrong_answers=wrong_gate.SE_GATE,
)

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
        layers_registered(module_trials),
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
    wrong_answers=wrong_module.MODULE,
)

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
    wrong_answers=wrong_residual.RESIDUAL,
)

EXERCISES = (SQUEEZE, SE_GATE, MODULE, RESIDUAL)
