"""Inputs, bounds and special properties for the exercises of notebook 01."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.exercises import formulas
from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.structure import Build
from course_lib.exercises.trials import (
    Trial,
    answering,
    fill_weights,
    module_trial,
    random_tensor,
    shape_text,
    type_text,
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
        kernel = kernels[0][:out_channels]  # more channels: the shape differs
        y = formulas.convolution(v["x"], kernel, stride, kernel.shape[2] // 2)
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


def none_where_x_fits() -> Property:
    """A module that does nothing would count as a shortcut with a cost."""

    def test(answer: Callable) -> Failure | None:
        text = "projection(4, 4, 1)"
        with answering(text):
            result = answer(4, 4, 1)
        if result is None:
            return None
        return Failure(text, "None", type_text(result), ("something",))

    return Property(
        "None where x fits",
        "no module is made where x fits as it is",
        "Return None there; the block then adds x itself.",
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
