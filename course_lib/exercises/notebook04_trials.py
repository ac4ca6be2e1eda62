"""Inputs, bounds and the special property for the exercises of notebook 04."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import torch
from torch import Tensor

from course_lib.exercises import bam_formulas
from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.properties import Trials
from course_lib.exercises.trials import (
    AnswerError,
    Trial,
    answering,
    random_tensor,
    shape_text,
)


def none(v):
    """No norm, for tensors and arrays alike."""
    return v


def norm_a(v):
    """Stands for a BatchNorm of known statistics; so do the next three."""
    return v / 2 + 0.1


def norm_b(v):
    """The second."""
    return 3 * v - 0.5


def norm_c(v):
    """The third."""
    return 0.7 * v + 0.4


def norm_end(v):
    """The one at the end of a branch."""
    return 1.5 * v - 0.2


# --- bam_channel_branch -------------------------------------------------------------


def channel_trials(answer: Callable) -> Iterator[Trial]:
    """H > W with both norms, H < W without, and a batch of one."""
    for n, c, h, w, hidden, norms, last in [
        (2, 6, 7, 5, 3, (norm_a, norm_end), False),
        (3, 11, 4, 6, 2, (none, none), True),
        (1, 7, 3, 13, 4, (none, norm_end), False),
    ]:
        x = random_tensor(n, c, h, w, seed=41, channels_last=last) + 0.3
        tensors = {
            "x": x,
            "w1": random_tensor(hidden, c, seed=42),
            "b1": random_tensor(hidden, seed=43) / 4 - 0.4,
            "w2": 2 * random_tensor(c, hidden, seed=44),
            "b2": random_tensor(c, seed=45),
        }
        text = shape_text(tensors)
        if norms[1] is norm_end:
            words = "both norms" if norms[0] is norm_a else "norm_end"
            text = f"{text}, {words} given"
        inputs = tensors | {"norm_hidden": norms[0], "norm_end": norms[1]}
        reference = lambda v: bam_formulas.bam_channel_branch(*v.values())  # noqa: E731
        yield Trial(text, answer, inputs, reference)


# --- bam_spatial_branch -------------------------------------------------------------

NAMES = [f"{kind}{i}" for kind in ("weight", "bias") for i in range(4)]


def roomy_trials(answer: Callable) -> Iterator[Trial]:
    """Maps on which even a convolution without padding leaves something."""
    yield spatial_trial(answer, (2, 6, 11, 10), hidden=3, dilation=2, norms=True)
    yield spatial_trial(answer, (1, 5, 17, 19), hidden=2, dilation=4, norms=False)


def spatial_trials(answer: Callable) -> Iterator[Trial]:
    """The same, and a map with one side smaller than the dilated kernel."""
    yield from roomy_trials(answer)
    yield spatial_trial(answer, (3, 7, 3, 13), hidden=4, dilation=4, norms=True)


def spatial_trial(
    answer: Callable,
    shape: tuple[int, int, int, int],
    hidden: int,
    dilation: int,
    norms: bool,
) -> Trial:
    """One call: its inputs are x and the eight weights and biases, one by one."""
    last = shape[0] == 1
    x = random_tensor(*shape, seed=46, channels_last=last)
    sizes = [(hidden, shape[1], 1), (hidden, hidden, 3), (hidden, hidden, 3)]
    inputs = {"x": x + 0.3}
    for i, (rows, columns, k) in enumerate([*sizes, (1, hidden, 1)]):
        weight = random_tensor(rows, columns, k, k, seed=47 + i)
        inputs[f"weight{i}"] = weight / (columns * k) ** 0.5
        inputs[f"bias{i}"] = 0.3 + random_tensor(rows, seed=51 + i) / 4
    inputs = {"x": inputs["x"]} | {name: inputs[name] for name in NAMES}
    own = ([norm_a, norm_b, norm_c], norm_end) if norms else ()

    def function(x: Tensor, *tensors: Tensor) -> object:
        return answer(x, list(tensors[:4]), list(tensors[4:]), dilation, *own)

    def reference(v: dict) -> object:
        tensors = [v[name] for name in NAMES]
        used = own or ([none] * 3, none)
        return bam_formulas.bam_spatial_branch(
            v["x"], tensors[:4], tensors[4:], dilation, *used
        )

    text = f"x {shape}, weights of C//r = {hidden}, dilation {dilation}"
    return Trial(f"{text}, norms given" if norms else text, function, inputs, reference)


def reach(trials: Trials, dilations: tuple[int, ...]) -> Property:
    """Change one corner of x: 25 positions may move, in steps of the dilation."""

    def test(answer: Callable) -> Failure | None:
        for trial, d in zip(trials(answer), dilations, strict=True):
            before = trial.call()
            x = trial.tensors()["x"]
            x[:, :, 0, 0] += 3
            after = trial.call(x=x)
            moved = (after - before).abs().amax(dim=(0, 1)) > 1e-5  # (H, W)
            allowed = torch.zeros_like(moved)
            allowed[: 2 * d + 1 : d, : 2 * d + 1 : d] = True
            outside = (moved & ~allowed).nonzero().tolist()
            if outside:
                return Failure(
                    f"{trial.text}, position [0, 0] of x changed",
                    f"only rows and columns 0, {d} and {2 * d} of the map move",
                    f"position {outside[0]} moved as well",
                    (before, after),
                )
        return None

    return Property(
        "reach",
        "one position of x reaches 25 positions of the map, in steps of the dilation",
        "Two 3x3 convolutions with dilation=dilation; nothing else looks around.",
        test,
    )


# --- bam_map ------------------------------------------------------------------------


def map_trials(answer: Callable) -> Iterator[Trial]:
    """The default, "sum" and "product", on maps that are not square."""
    for n, c, h, w, combine in [
        (2, 6, 7, 5, ()),
        (3, 11, 4, 9, ("product",)),
        (1, 7, 3, 13, ("sum",)),
    ]:
        tensors = {
            "channel": 2 * random_tensor(n, c, 1, 1, seed=61),
            "spatial": 2 * random_tensor(n, 1, h, w, seed=62),
        }
        names = dict(pairwise(("combine", *combine)))
        text = shape_text(tensors | names)
        reference = lambda v: bam_formulas.bam_map(*v.values())  # noqa: E731
        yield Trial(text, answer, tensors | names, reference)


def misspelt_combine() -> Property:
    """A way to combine that does not exist is an error, not silently the other one."""

    def test(answer: Callable) -> Failure | None:
        inputs = next(map_trials(answer)).inputs
        text = "combine 'summ'"
        try:
            with answering(text):
                answer(inputs["channel"], inputs["spatial"], "summ")
        except AnswerError as refused:
            if isinstance(refused.error, Exception):
                return None
            raise
        return Failure(text, "an error", "a result", (text,))

    return Property(
        "misspelt combine",
        "a combine that does not exist raises an error",
        'Begin with check_choice("combine", combine, COMBINE).',
        test,
    )


# --- bam_refine ---------------------------------------------------------------------


def refine_trials(answer: Callable) -> Iterator[Trial]:
    """Maps of both branches, and of the spatial branch alone."""
    for n, c, h, w, channels in [(2, 6, 7, 5, 6), (3, 11, 4, 9, 1), (1, 7, 3, 13, 7)]:
        x = random_tensor(n, c, h, w, seed=63, channels_last=n == 3)
        m = random_tensor(n, channels, h, w, seed=64).sigmoid()
        inputs = {"x": 2 * x + 0.3, "m": m}
        reference = lambda v: bam_formulas.bam_refine(*v.values())  # noqa: E731
        yield Trial(shape_text(inputs), answer, inputs, reference)


def x_to_twice_x(trial: Trial) -> tuple[Tensor, Tensor]:
    """The factor lies between 1 and 2, so signs stay and nothing shrinks."""
    x = trial.inputs["x"]
    return torch.minimum(x, 2 * x), torch.maximum(x, 2 * x)
