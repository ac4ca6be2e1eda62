"""Inputs and special properties for the exercises of notebook 03: the block."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.attention.squeeze_excitation import se_gate
from course_lib.exercises import formulas
from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.gradients import gradients
from course_lib.exercises.notebook01_trials import NORMS
from course_lib.exercises.properties import close, difference
from course_lib.exercises.trials import AnswerError, Trial, answering, random_tensor
from course_lib.placing import PLACES

NUDGE = 0.1  # the stand-in module can be negative, so that it shows beside a ReLU
SHORTCUT_NORM = lambda y: 0.9 * y + 0.15  # noqa: E731
Module = Callable[[Tensor], Tensor]


def gated(v: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """The stand-in for an attention module: v (N, c, H, W) -> (N, c, H, W)."""
    return v * se_gate(v, a, b) - NUDGE


def block_trials(answer: Callable) -> Iterator[Trial]:
    """Each place, in a block with a projection and in one without."""
    for place in PLACES:
        yield block_trial(answer, place, (2, 5, 7, 9), c=3, stride=2)
    for place in PLACES:
        yield block_trial(answer, place, (3, 8, 4, 3), c=2, stride=1)


def block_trial(
    answer: Callable, place: str, sizes: tuple[int, ...], c: int, stride: int
) -> Trial:
    """One block: the inputs are x and all weights, the layers are made from them."""
    c_in = sizes[1]
    at = {"pre": c_in, "conv2": c}.get(place, 4 * c)  # channels that the module meets
    tensors = {
        "x": random_tensor(*sizes, seed=51, channels_last=c == 2),
        "w1": random_tensor(c, c_in, 1, 1, seed=52),
        "w2": random_tensor(c, c, 3, 3, seed=53) / 2,
        "w3": random_tensor(4 * c, c, 1, 1, seed=54),
        "a": random_tensor(2, at, seed=55),
        "b": 2 * random_tensor(at, 2, seed=56),
    }
    if place == "conv2":  # few channels, all >= 0: keep the gate's hidden units awake
        tensors["a"] = tensors["a"].abs()
    if c_in != 4 * c or stride != 1:
        tensors["w4"] = random_tensor(4 * c, c_in, 1, 1, seed=57)

    def function(x, w1, w2, w3, a, b, w4=None):  # type: ignore[no-untyped-def]
        attend = made_for(at, place, lambda v: gated(v, a, b))
        return answer(x, *block_parts(w1, w2, w3, w4, stride), attend, place)

    text = f"x {sizes}, C {c}, stride {stride}, place {place!r}"
    reference = lambda v: block_formula(v, stride, place)  # noqa: E731
    return Trial(text, function, tensors, reference)


def block_parts(
    w1: Tensor, w2: Tensor, w3: Tensor, w4: Tensor | None, stride: int
) -> tuple[Module, list[Module]]:
    """The shortcut and the three layers of a block with these weights."""
    layers = [
        lambda y: NORMS[0](F.conv2d(y, w1)),
        lambda y: NORMS[1](F.conv2d(y, w2, stride=stride, padding=1)),
        lambda y: NORMS[2](F.conv2d(y, w3)),
    ]
    if w4 is None:
        return (lambda x: x), layers
    return (lambda x: SHORTCUT_NORM(F.conv2d(x, w4, stride=stride))), layers


def made_for(channels: int, place: str, module: Module) -> Module:
    """A module that refuses any other number of channels, as a real one does."""

    def attend(v: Tensor) -> Tensor:
        if v.shape[1] != channels:
            raise ValueError(
                f"at {place!r} a module for {channels} channels got {v.shape[1]}"
            )
        return module(v)

    return attend


def block_formula(v: dict[str, np.ndarray], stride: int, place: str) -> np.ndarray:
    """The whole block in slow loops, one place after the other."""
    relu, convolution = formulas.relu, formulas.convolution

    def at(name: str, y: np.ndarray) -> np.ndarray:
        if name != place:
            return y
        return y * formulas.se_gate(y, v["a"], v["b"]) - NUDGE

    y = relu(NORMS[0](convolution(at("pre", v["x"]), v["w1"])))
    y = at("conv2", relu(NORMS[1](convolution(y, v["w2"], stride, padding=1))))
    y = at("branch", NORMS[2](convolution(y, v["w3"])))
    s = v["x"]
    if "w4" in v:
        s = SHORTCUT_NORM(convolution(s, v["w4"], stride))
    return at("post", relu(y + at("identity", s)))


# --- what must be so whatever the weights are -----------------------------------------


def with_module(answer: Callable, module: Module) -> Iterator[tuple[Trial, Tensor]]:
    """Each trial with another module at its place, and the result."""
    for trial in block_trials(answer):
        stride = 2 if "w4" in trial.inputs else 1
        place = trial.text.rpartition(" ")[2].strip("'")

        def function(x, w1, w2, w3, a, b, w4=None, stride=stride, place=place):
            parts = block_parts(w1, w2, w3, w4, stride)
            return answer(x, *parts, made_for(b.shape[0], place, module), place)

        changed = replace(trial, function=function)
        yield changed, changed.call()


def plain_block() -> Property:
    """A module that does nothing leaves the plain block, at every place."""

    def test(answer: Callable) -> Failure | None:
        for trial, result in with_module(answer, lambda v: v):
            right = closed_block(trial.inputs, "")
            if not close(result, right):
                return Failure(
                    f"{trial.text}, a module that does nothing",
                    "the plain bottleneck",
                    f"something else{difference(result, right)}",
                    (result,),
                )
        return None

    return Property(
        "plain block",
        "with a module that does nothing, the block is the plain one",
        "Compare your lines without attend with `bottleneck` of notebook 01.",
        test,
    )


def closed_gate() -> Property:
    """A module that returns zeros shows what its place cuts off, and what it spares."""

    def test(answer: Callable) -> Failure | None:
        for trial, result in with_module(answer, torch.zeros_like):
            place = trial.text.rpartition(" ")[2].strip("'")
            right = closed_block(trial.inputs, place)
            if not close(result, right):
                return Failure(
                    f"{trial.text}, a module that returns zeros",
                    "zeros in this place, and nothing else changed",
                    f"something else{difference(result, right)}",
                    (place, result),
                )
        return None

    return Property(
        "closed gate",
        "a closed module silences its own place and nothing else",
        "Set the module's output to 0 on paper: what should be left of the block?",
        test,
    )


def closed_block(tensors: dict[str, Tensor], place: str) -> Tensor:
    """The block with zeros at `place`; the plain block for ""."""
    stride = 2 if "w4" in tensors else 1
    weights = [tensors.get(name) for name in ("w1", "w2", "w3", "w4")]
    project, (reduce, mix, expand) = block_parts(*weights, stride)
    silent = {name: 0.0 if name == place else 1.0 for name in PLACES}
    y = torch.relu(reduce(tensors["x"] * silent["pre"]))
    y = torch.relu(mix(y)) * silent["conv2"]
    y = expand(y) * silent["branch"]
    s = project(tensors["x"]) * silent["identity"]
    return torch.relu(y + s) * silent["post"]


def misspelt_place() -> Property:
    """A place that does not exist is an error: the block would silently be plain."""

    def test(answer: Callable) -> Failure | None:
        trial = next(block_trials(answer))
        weights = [trial.inputs[name] for name in ("w1", "w2", "w3", "w4")]
        parts = block_parts(*weights, 2)
        text = "place 'brunch'"
        try:
            with answering(text):
                answer(trial.inputs["x"], *parts, lambda v: v, "brunch")
        except AnswerError as refused:
            if isinstance(refused.error, Exception):
                return None
            raise
        return Failure(text, "an error", "a result, that of a plain block", (text,))

    return Property(
        "misspelt place",
        "a place that does not exist raises an error",
        'Begin with check_choice("place", place, PLACES).',
        test,
    )


def gradients_at_each_place() -> Property:
    """The slopes of every tensor, once for each place, not at the first place alone."""
    common = gradients(block_trials)

    def test(answer: Callable) -> Failure | None:
        for trial in islice(block_trials(answer), len(PLACES)):
            alone = gradients(lambda _, trial=trial: iter([trial]))
            failure = alone.test(answer)
            if failure is not None:
                place = trial.text.rpartition(" ")[2]
                return replace(failure, evidence=(place, *failure.evidence))
        return None

    return replace(common, test=test)
