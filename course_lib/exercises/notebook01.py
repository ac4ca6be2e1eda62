"""Exercises of notebook 01, ResNet50 from blocks: block, shortcut rule, stage."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.blocks import Bottleneck, bottleneck, build_stage, projection
from course_lib.exercises import formulas
from course_lib.exercises import notebook01_wrong as wrong
from course_lib.exercises.exercise import Exercise, Failure, Property
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
from course_lib.exercises.structure import Build, known_result, parameter_count
from course_lib.exercises.trials import (
    Trial,
    answering,
    fill_weights,
    module_trial,
    random_tensor,
    shape_text,
)

# --- bottleneck ---------------------------------------------------------------------

# Stand-ins for BatchNorm, all different, so that a swapped one shows in the values.
NORMS = (lambda y: 1.5 * y - 0.2, lambda y: 0.8 * y + 0.3, lambda y: 1.2 * y + 0.1)


def bottleneck_trials(answer: Callable) -> Iterator[Trial]:
    """Stride 2 on odd maps, then batch 1 with stride 1, then stride 3."""
    for n, c_in, c, h, w, stride in [
        (2, 5, 3, 7, 9, 2),
        (1, 6, 2, 3, 11, 1),
        (3, 7, 2, 8, 5, 3),
    ]:
        rows, columns = -(-h // stride), -(-w // stride)
        tensors = {
            "x": random_tensor(n, c_in, h, w, seed=1, channels_last=n == 3),
            "shortcut": random_tensor(n, 4 * c, rows, columns, seed=2),
            "w1": random_tensor(c, c_in, 1, 1, seed=3),
            "w2": random_tensor(c, c, 3, 3, seed=4) / 2,
            "w3": random_tensor(4 * c, c, 1, 1, seed=5),
        }
        text = f"{shape_text(tensors)}, stride {stride}"
        inputs = tensors | {"norms": NORMS, "stride": stride}
        yield Trial(text, answer, inputs, bottleneck_formula)


def bottleneck_formula(v: dict[str, np.ndarray]) -> np.ndarray:
    """The whole block in slow loops."""
    norms, relu, convolution = v["norms"], formulas.relu, formulas.convolution
    y = relu(norms[0](convolution(v["x"], v["w1"])))
    y = relu(norms[1](convolution(y, v["w2"], v["stride"], padding=1)))
    return relu(norms[2](convolution(y, v["w3"])) + v["shortcut"])


def not_negative(trial: Trial) -> tuple[Tensor, Tensor]:
    """Bounds of a ReLU's output."""
    return torch.tensor(0.0), torch.tensor(torch.inf)


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
        "F.conv2d(x, w), F.conv2d(y, w, stride=..., padding=...), norms[0](y), F.relu.",
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

# --- projection ---------------------------------------------------------------------


def shortcut_trials(answer: Callable) -> Iterator[Trial]:
    """The shortcut where x does not fit the branch, for each of the three reasons."""
    yield shortcut_trial(answer, 5, 12, 2, random_tensor(2, 5, 7, 9, seed=6))
    yield shortcut_trial(answer, 6, 6, 2, random_tensor(1, 6, 3, 11, seed=7))
    last = random_tensor(3, 7, 8, 5, seed=8, channels_last=True)
    yield shortcut_trial(answer, 7, 9, 1, last)


def all_shortcut_trials(answer: Callable) -> Iterator[Trial]:
    """The same, and one where x already fits."""
    yield from shortcut_trials(answer)
    yield shortcut_trial(answer, 4, 4, 1, random_tensor(2, 4, 5, 3, seed=9))


def shortcut_trial(
    answer: Callable, in_channels: int, out_channels: int, stride: int, x: Tensor
) -> Trial:
    """projection(...) applied to x; None counts as the identity."""

    def build() -> object:
        module = answer(in_channels, out_channels, stride)
        return nn.Identity() if module is None else module

    def reference(v: dict[str, np.ndarray]) -> np.ndarray:
        kernels = [a for name, a in v.items() if name != "x" and a.ndim == 4]
        if not kernels:  # the identity
            n, _, h, w = v["x"].shape
            fits = stride == 1 and in_channels == out_channels
            shrunk = np.zeros((n, out_channels, -(-h // stride), -(-w // stride)))
            return v["x"] if fits else shrunk
        y = formulas.convolution(v["x"], kernels[0], stride, kernels[0].shape[2] // 2)
        return y / np.sqrt(1 + 1e-5)  # a fresh BatchNorm in eval mode

    call = f"projection({in_channels}, {out_channels}, {stride})"
    text = f"{call} on x {tuple(x.shape)}"
    return module_trial(text, build, x, reference, fill_vectors=False)


def shortcut_normalises() -> Property:
    """In training the BatchNorm uses the batch, and eval mode remembers it."""

    def test(answer: Callable) -> Failure | None:
        text = "projection(5, 12, 2), 200 training steps, then eval"
        x = 3 * random_tensor(6, 5, 7, 9, seed=10)
        with answering(text), torch.no_grad():
            module = answer(5, 12, 2)
            fill_weights(module, fill_vectors=False)
            module.train()
            for _ in range(200):
                trained = module(x)
            evaluated = module.eval()(x)
        gap = (trained - evaluated).abs().max().item()
        if gap < 0.1:
            return None
        got = f"a difference of {gap:.2g}"
        return Failure(text, "eval equal to training within 0.1", got, (evaluated,))

    return Property(
        "train against eval",
        "after training on one batch, eval gives the same on it",
        "Use nn.BatchNorm2d(out_channels) with its default arguments.",
        test,
    )


def projection_build(
    in_channels: int, out_channels: int, stride: int, parameters: int
) -> Build:
    """A shortcut to count."""
    return Build(
        f"projection({in_channels}, {out_channels}, {stride})",
        lambda answer: answer(in_channels, out_channels, stride),
        parameters,
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
        shortcut_normalises(),
    ),
    wrong_answers=wrong.PROJECTION,
)

# --- build_stage --------------------------------------------------------------------


class ToyBlock(nn.Module):
    """Copies channels to get 4 * channels of them, drops pixels, scales and shifts."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.in_channels, self.channels, self.stride = in_channels, channels, stride

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] != self.in_channels:
            raise ValueError(
                f"a block built for {self.in_channels} channels got {x.shape[1]}"
            )
        index = torch.arange(4 * self.channels, device=x.device) % self.in_channels
        return 1.5 * x[:, index, :: self.stride, :: self.stride] + 0.25


def stage_trials(answer: Callable) -> Iterator[Trial]:
    """Stages of 3, 1 and 2 toy blocks."""
    yield stage_trial(answer, (5, 3, 3, 2), random_tensor(2, 5, 7, 9, seed=11))
    yield stage_trial(answer, (6, 2, 1, 3), random_tensor(1, 6, 3, 11, seed=12))
    yield stage_trial(answer, (8, 2, 2, 1), random_tensor(3, 8, 9, 5, seed=13))


def stage_trial(answer: Callable, sizes: tuple[int, ...], x: Tensor) -> Trial:
    """build_stage(ToyBlock, in_channels, channels, count, stride) applied to x."""
    in_channels, channels, count, stride = sizes

    def reference(v: dict[str, np.ndarray]) -> np.ndarray:
        index = [k % in_channels for k in range(4 * channels)]
        y = v["x"][:, index, ::stride, ::stride]
        for _ in range(count):
            y = 1.5 * y + 0.25
        return y

    text = f"build_stage(ToyBlock, {', '.join(map(str, sizes))}) on x {tuple(x.shape)}"
    return module_trial(text, lambda: answer(ToyBlock, *sizes), x, reference)


def first_block_changes() -> Property:
    """Records what `make_block` is asked for."""

    def test(answer: Callable) -> Failure | None:
        asked = []

        def make_block(*arguments: int) -> nn.Module:
            asked.append(arguments)
            return ToyBlock(*arguments)

        text = "build_stage(make_block, 5, 3, 3, 2)"
        with answering(text):
            answer(make_block, 5, 3, 3, 2)
        if asked[:1] == [(5, 3, 2)] and set(asked[1:]) == {(12, 3, 1)}:
            return None
        expected = "make_block(5, 3, 2), then only make_block(12, 3, 1)"
        got = ", ".join(f"make_block{arguments}" for arguments in asked)
        return Failure(text, expected, got, tuple(asked))

    return Property(
        "first block changes",
        "the first block alone takes the stride and the new width",
        "Write down what each block of the stage receives, and compare.",
        test,
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
    wrong_answers=wrong.BUILD_STAGE,
)

EXERCISES = (BOTTLENECK, PROJECTION, BUILD_STAGE)
