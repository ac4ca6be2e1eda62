"""Inputs, the slow formula and special properties for notebook 12's ECA."""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from torch import nn

from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.formulas import squeeze
from course_lib.exercises.judge import failure_from_error
from course_lib.exercises.properties import runs
from course_lib.exercises.sources import is_stub_error
from course_lib.exercises.trials import (
    AnswerError,
    Trial,
    WrongType,
    answering,
    module_trial,
    random_tensor,
    type_text,
)

Array = np.ndarray


def sigmoid(a: Array) -> Array:
    """1 / (1 + exp(-a)), number by number."""
    return np.vectorize(lambda v: 1 / (1 + math.exp(-v)))(a)


# --- ECA --------------------------------------------------------

COUNTED = (8, 16, 32, 64, 100, 128, 200, 256, 512, 1024, 2048)


def eca_trials(answer: Callable) -> Iterator[Trial]:
    """Kernels given and computed, more and fewer channels than the kernel is long."""
    yield from trials_of_method(answer, "__call__")


def eca_gate_trials(answer: Callable) -> Iterator[Trial]:
    """The same modules, asked for their bare gate."""
    yield from trials_of_method(answer, "gate")


def trials_of_method(answer: Callable, method: str) -> Iterator[Trial]:
    """One trial for each of four modules."""
    for channels, size, shape, last in [
        (11, None, (2, 11, 5, 7), False),
        (40, None, (3, 40, 4, 3), True),
        (10, 5, (1, 10, 3, 13), False),
        (3, 7, (2, 3, 6, 5), False),
    ]:
        given = "" if size is None else f", kernel_size={size}"
        yield module_trial(
            f"ECA({channels}{given}) on x {shape}",
            lambda c=channels, k=size: answer(c) if k is None else answer(c, k),
            random_tensor(*shape, seed=121, channels_last=last) + 0.3,
            gated_formula,
            method,
        )


def gated_formula(v: dict[str, Array]) -> Array:
    """x times its gate; the kernel is the one weight there is, of whatever shape."""
    x = v["x"]
    (kernel,) = [value.reshape(-1) for name, value in v.items() if name != "x"]
    s, reach = squeeze(x), len(kernel) // 2
    logits = np.zeros_like(s)
    for n, row in enumerate(s):
        for c in range(len(row)):
            for j, weight in enumerate(kernel):
                neighbour = c + j - reach
                if 0 <= neighbour < len(row):
                    logits[n, c] += weight * row[neighbour]
    return x * sigmoid(logits)[:, :, None, None]


def module_runs() -> Property:
    """As `runs`; and x * g fails as g * x does, so that the cause is found for both."""
    plain = runs(eca_trials)

    def test(answer: Callable) -> Failure | None:
        try:
            return plain.test(answer)
        except AnswerError as failed:
            if is_stub_error(failed.error):
                raise
            failure = failure_from_error(failed.text, failed.error)
            return replace(failure, evidence=tuple(map(unordered, failure.evidence)))

    return replace(plain, test=test)


def unordered(message: str) -> str:
    """torch's text on two sizes that do not match, the smaller size first."""
    return re.sub(
        r"tensor a \((\d+)\) must match the size of tensor b \((\d+)\)",
        lambda found: "{} against {}".format(*sorted(map(int, found.groups()))),
        message,
    )


def sizes_of(answer: Callable, builds: dict[str, tuple[int, ...]]) -> list[list[int]]:
    """How many numbers each parameter has, for several ways to build a module."""
    found = []
    for text, arguments in builds.items():
        with answering(text):
            module = answer(*arguments)
            if not issubclass(type(module), nn.Module):
                raise WrongType(type_text(module), "an nn.Module")
            found.append([p.numel() for p in module.parameters()])
    return found


def size_text(channels: int, size: int | None = None) -> str:
    """How a module was built."""
    return (
        f"ECA({channels})" if size is None else f"ECA({channels}, kernel_size={size})"
    )


def shared_kernel(channels: int, size: int, got: list[int]) -> str | None:
    """The cause where each channel has a kernel of its own; None elsewhere."""
    if any(count in (size * channels, size * channels**2) for count in got):
        return "One signal goes in and one comes out: nn.Conv1d(1, 1, k)."
    return None


def right_size(channels: int) -> int:
    """The odd number next to (log2(C) + 1) / 2, the upper one of two as near."""
    exact = (math.log2(channels) + 1) / 2
    return min((1, 3, 5, 7, 9), key=lambda k: (abs(k - exact), -k))


def kernel_sizes() -> Property:
    """One kernel, as long as the formula says, or as long as it is told."""
    wanted = {(channels,): right_size(channels) for channels in COUNTED}
    wanted |= {(64, 5): 5, (256, 3): 3}
    builds = {size_text(*arguments): arguments for arguments in wanted}

    def test(answer: Callable) -> Failure | None:
        found = sizes_of(answer, builds)
        for text, size, got in zip(builds, wanted.values(), found, strict=True):
            if got != [size]:
                return Failure(
                    text,
                    f"one parameter of {size} numbers",
                    f"parameters of {got} numbers" if got else "no parameter",
                    (repr(found),),
                    shared_kernel(builds[text][0], size, got),
                )
        return None

    return Property(
        "kernel size",
        "one kernel of k numbers, k as the formula says, and no other parameter",
        "Work k out for C = 64 (3), 128 (5) and 2048 (7) by hand.",
        test,
    )


def even_refused() -> Property:
    """An even kernel has no middle: building one must fail."""

    def test(answer: Callable) -> Failure | None:
        for size in (4, 2):
            text = f"ECA(64, kernel_size={size})"
            try:
                with answering(text):
                    answer(64, size)
            except AnswerError as failed:
                if isinstance(failed.error, NotImplementedError):
                    raise
                continue
            return Failure(text, "an error", "a module", (size,))
        return None

    return Property(
        "even kernel refused",
        "an even kernel_size raises an error at once",
        "Call check_odd(k), or raise an error of your own.",
        test,
    )
