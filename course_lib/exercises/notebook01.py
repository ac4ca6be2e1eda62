"""Exercises of notebook 01, ResNet50 from blocks: block, shortcut rule, stage."""

import torch

from course_lib.blocks import Bottleneck, bottleneck, build_stage, projection
from course_lib.exercises import notebook01_wrong as wrong
from course_lib.exercises import notebook01_wrong_stage as wrong_stage
from course_lib.exercises.bounds import not_negative
from course_lib.exercises.exercise import Exercise
from course_lib.exercises.gradients import gradients
from course_lib.exercises.notebook01_trials import (
    NORMS,
    all_shortcut_trials,
    bottleneck_trials,
    first_block_changes,
    none_where_x_fits,
    projection_build,
    shortcut_normalises,
    shortcut_trials,
    stage_trials,
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
from course_lib.exercises.structure import Build, known_result, parameter_count

BOTTLENECK = Exercise(
    name="bottleneck",
    title="the bottleneck block",
    notebook="01",
    solution=bottleneck,
    why=(
        "Two cheap 1x1 convolutions let the 3x3 work on a quarter of the channels. "
        "The last ReLU comes after the sum, so the branch can subtract as well as add."
    ),
    hints=(
        "Which of the three convolutions sees a neighbourhood, and which one can skip "
        "pixels without ignoring any of them?",
        "(N, Cin, H, W) -> (N, C, H, W) -> (N, C, H', W') -> (N, 4C, H', W'). The last "
        "shape is the shortcut's.",
        "F.conv2d(x, w), F.conv2d(y, w2, stride=..., padding=...), norms[0](y), "
        "F.relu.",
        "y = F.relu(norms[0](F.conv2d(x, w1)))\n"
        "y = F.relu(norms[1](F.conv2d(y, w2, stride=____, padding=____)))\n"
        "y = ____(F.conv2d(y, w3))\n"
        "return F.relu(____)",
    ),
    properties=(
        runs(bottleneck_trials),
        shape(bottleneck_trials),
        dtype_and_device(bottleneck_trials),
        in_range(
            bottleneck_trials,
            "no value is below 0",
            not_negative,
            "Put a ReLU after the sum.",
        ),
        samples_independent(bottleneck_trials, ("x", "shortcut")),
        known_result(
            bottleneck_trials,
            "silent branch",
            "with w3 = 0 only the shortcut is left",
            "Add the shortcut to the branch, then take the ReLU.",
            lambda trial: {"w3": torch.zeros_like(trial.inputs["w3"])},
            lambda trial: torch.relu(NORMS[2](0.0) + trial.inputs["shortcut"]),
            ("w3 = 0", "relu(norms[2](0) + shortcut)"),
        ),
        values(bottleneck_trials),
        gradients(bottleneck_trials),
        input_untouched(bottleneck_trials),
    ),
    wrong_answers=wrong.BOTTLENECK,
)

PROJECTION = Exercise(
    name="projection",
    title="the shortcut rule",
    notebook="01",
    solution=projection,
    why=(
        "A sum needs two tensors of one shape, so x is projected where the block "
        "changes its channels or its map. Everywhere else the identity costs nothing "
        "and lets gradients through unchanged."
    ),
    hints=(
        "Which two things about x can differ from the branch's output?",
        "(N, in_channels, H, W) -> (N, out_channels, H / stride, W / stride); None "
        "where these are the same shape.",
        "conv(in_channels, out_channels, size, stride), nn.BatchNorm2d, nn.Sequential.",
        "if stride == ____ and in_channels == ____:\n"
        "    return None\n"
        "return nn.Sequential(conv(in_channels, ____, 1, ____), nn.BatchNorm2d(____))",
    ),
    properties=(
        runs(all_shortcut_trials),
        shape(all_shortcut_trials),
        values(shortcut_trials),
        gradients(shortcut_trials),
        parameter_count(
            [
                projection_build(4, 4, 1, 0),
                projection_build(5, 12, 2, 5 * 12 + 2 * 12),
                projection_build(6, 6, 2, 6 * 6 + 2 * 6),
            ]
        ),
        none_where_x_fits(),
        shortcut_normalises(),
    ),
    wrong_answers=wrong_stage.PROJECTION,
)

BUILD_STAGE = Exercise(
    name="build_stage",
    title="a stage of blocks",
    notebook="01",
    solution=build_stage,
    why=(
        "The first block halves the map and widens the channels, and needs a "
        "projection for it. The others keep the shape, so their shortcut is x itself."
    ),
    hints=(
        "How many channels come out of the first block, and so go into the second?",
        "Block 1: in_channels -> 4 * channels, with the stride. Blocks 2 to count: "
        "4 * channels -> 4 * channels, stride 1.",
        "make_block(in_channels, channels, stride), a loop with append, "
        "nn.Sequential(*layers).",
        "layers = [make_block(____, channels, ____)]\n"
        "for _ in range(____):\n"
        "    layers.append(make_block(____, channels, ____))\n"
        "return nn.Sequential(*layers)",
    ),
    properties=(
        runs(stage_trials),
        shape(stage_trials),
        first_block_changes(),
        values(stage_trials),
        parameter_count(
            [
                Build(
                    "build_stage(Bottleneck, 5, 3, 3, 2)",
                    lambda answer: answer(Bottleneck, 5, 3, 3, 2),
                    252 + 2 * 189,
                )
            ]
        ),
    ),
    wrong_answers=wrong_stage.BUILD_STAGE,
)

EXERCISES = (BOTTLENECK, PROJECTION, BUILD_STAGE)
