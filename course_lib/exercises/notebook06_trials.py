"""Inputs and special properties for the exercises of notebook 06: gate and kernels."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from course_lib.exercises import formulas
from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.properties import Trials, close, difference
from course_lib.exercises.trials import (
    Trial,
    WrongType,
    random_tensor,
    shape_text,
    type_text,
)

# --- small_spatial_gate -------------------------------------------------------------

# N, C, H, W, upsample, channels_last. Odd maps come first; (1, 1) is the smallest.
SIZES = [
    (2, 6, 7, 5, "match", False),
    (3, 5, 18, 4, "match", True),
    (1, 7, 1, 1, "match", False),
    (2, 3, 8, 12, "x2", False),
    (2, 4, 7, 9, "x2", True),
]
REACH = 6  # positions: a gate never looks as far as this
ORDER = ("x", "w1", "b1", "w2", "b2", "w3", "b3")


def gate_weights() -> dict[str, Tensor]:
    """Kernels and biases with which both ReLUs cut something and nothing is dead."""
    return {
        "w1": random_tensor(1, 1, 5, 5, seed=61) / 2,
        "b1": torch.tensor([0.4]),
        "w2": random_tensor(1, 1, 3, 3, seed=62) / 2 + 0.15,
        "b2": torch.tensor([0.1]),
        "w3": 2 * random_tensor(1, 1, 3, 3, seed=63),
        "b3": torch.tensor([0.3]),
    }


def gate_trials(answer: Callable) -> Iterator[Trial]:
    """Odd, narrow and 1 x 1 maps with "match"; an even and an odd one with "x2"."""
    for n, c, h, w, upsample, last in SIZES:
        x = 2 * random_tensor(n, c, h, w, seed=64, channels_last=last) + 0.2
        inputs = {"x": x} | gate_weights() | {"upsample": upsample}
        text = f"x {tuple(x.shape)}, upsample={upsample!r}"
        yield Trial(text, answer, inputs, small_spatial_formula)


def small_spatial_formula(v: dict[str, np.ndarray]) -> np.ndarray:
    """The gate in slow steps; position i of the large map reads i // 2 of the small."""
    x = v["x"]
    m = x.sum(axis=1, keepdims=True) / x.shape[1]
    a = formulas.relu(formulas.convolution(m, v["w1"], 1, 2) + v["b1"])
    b = formulas.relu(formulas.convolution(a, v["w2"], 2, 1) + v["b2"])
    height, width = x.shape[2:]
    if v["upsample"] == "x2":
        height, width = 2 * b.shape[2], 2 * b.shape[3]
    u = np.zeros((len(x), 1, height, width))
    for i in range(height):
        for j in range(width):
            u[:, :, i, j] = b[:, :, i // 2, j // 2]
    return 1 / (1 + np.exp(-formulas.convolution(u, v["w3"], 1, 1) - v["b3"]))


def odd_maps(trials: Trials) -> Property:
    """x * gate has the shape of x on 7 x 5 and on 1 x 1, not only on even maps."""

    def test(answer: Callable) -> Failure | None:
        tried = list(trials(answer))
        every = tuple(tuple(trial.call().shape[2:]) for trial in tried)
        matched = [t for t in tried if t.inputs["upsample"] == "match"]
        sizes = [tuple(trial.inputs["x"].shape[2:]) for trial in matched]
        got = every[: len(matched)]  # those come first
        if got[1] != sizes[1]:
            return None  # wrong on the even map too: "shape" says so
        for trial, wanted, found in zip(matched, sizes, got, strict=True):
            if found != wanted:
                size = f"{found[0]} x {found[1]}"
                fits = f"makes x {size}" if wanted == (1, 1) else "does not fit x"
                message = f"a gate of {size}, which {fits}"
                expected = f"a gate of {wanted[0]} x {wanted[1]}, as x has"
                return Failure(trial.text, expected, message, every)
        return None

    return Property(
        "runs on 7 x 7",
        "x * gate runs and keeps the shape, on odd maps too",
        "Give F.interpolate the size of x: size=x.shape[2:].",
        test,
    )


def looks_near(trials: Trials) -> Property:
    """One pixel of x moves, and the gates further than 5 positions away stay."""

    def test(answer: Callable) -> Failure | None:
        for trial in trials(answer):
            x, before = trial.tensors()["x"], trial.call()
            height, width = before.shape[2:]
            if max(height, width) <= REACH:
                continue
            x[:, :, 0, 0] += 3
            after = trial.call(x=x)
            far = torch.zeros(height, width, dtype=torch.bool)
            far[REACH:], far[:, REACH:] = True, True
            if not close(after[:, :, far], before[:, :, far]):
                gap = (after - before).abs().amax(dim=(0, 1)) * far
                i, j = (int(k) for k in torch.unravel_index(gap.argmax(), gap.shape))
                return Failure(
                    f"{trial.text}, x changed at position [0, 0]",
                    "gates 6 or more positions away stay as they were",
                    f"the gate at [{i}, {j}] moved by {gap[i, j]:.2g}",
                    (before, after),
                )
        return None

    return Property(
        "looks near",
        "a gate looks no further than 5 positions",
        "Let nothing but the three convolutions mix positions.",
        test,
    )


# --- alive_kernels ------------------------------------------------------------------

KERNEL_SEEDS = (71, 72, 73, 74)


def kernel_trials(answer: Callable) -> Iterator[Trial]:
    """Pairs of kernels; the result is both, one after the other in one row."""

    def both(w1: Tensor, w2: Tensor) -> Tensor:
        result = answer(w1, w2)
        if type(result) is not tuple or len(result) != 2:
            raise WrongType(type_text(result), "a tuple of two kernels, w1 and w2")
        for kernel in result:
            if not isinstance(kernel, Tensor):
                raise WrongType(type_text(kernel), "a tuple of two tensors")
        row = torch.cat([kernel.flatten() for kernel in result])
        others = [kernel.dtype for kernel in result if kernel.dtype != w1.dtype]
        return row.to(others[0]) if others else row  # cat would hide one wrong type

    for seed in KERNEL_SEEDS:
        inputs = {
            "w1": random_tensor(1, 1, 5, 5, seed=seed),
            "w2": random_tensor(1, 1, 3, 3, seed=seed),
        }
        total = float(inputs["w1"].sum())
        text = f"{shape_text(inputs)}, sum of w1 {total:+.1f}"
        yield Trial(text, both, inputs, kernels_formula)


def kernels_formula(v: dict[str, np.ndarray]) -> np.ndarray:
    """34 numbers, one by one."""
    first, second = v["w1"].flatten(), v["w2"].flatten()
    sign = 1 if sum(first) > 0 else -1
    return np.array([sign * w for w in first] + [max(w, -w) for w in second])


def parts(row: Tensor) -> tuple[Tensor, Tensor]:
    """The two kernels of a row of 34 numbers."""
    return row[:25], row[25:]


def law_of_kernels(
    name: str,
    statement: str,
    advice: str,
    holds: Callable[[Tensor, Tensor], bool],
) -> Property:
    """holds(given row, returned row): one law, tested on each pair of kernels."""

    def test(answer: Callable) -> Failure | None:
        tried = list(kernel_trials(answer))
        rows = tuple(trial.call() for trial in tried)
        for trial, row in zip(tried, rows, strict=True):
            given = torch.cat([k.flatten() for k in trial.tensors().values()])
            if not holds(given, row):
                got = f"it does not hold{difference(row, trial.expected())}"
                return Failure(trial.text, statement, got, rows)
        return None

    return Property(name, statement, advice, test)


def sizes_stay(given: Tensor, row: Tensor) -> bool:
    """Without signs, every weight is what it was."""
    return close(row.abs(), given.abs())


def turned_as_a_whole(given: Tensor, row: Tensor) -> bool:
    """The first kernel is what it was, or its negative."""
    before, after = parts(given)[0], parts(row)[0]
    return close(after, before) or close(after, -before)


def bright_patch_passes(given: Tensor, row: Tensor) -> bool:
    """Five by five equal positive values leave the first ReLU above 0."""
    return bool(parts(row)[0].sum() > 0)


def second_never_cancels(given: Tensor, row: Tensor) -> bool:
    """One positive value anywhere leaves the second ReLU at 0 or above, never cut."""
    return bool((parts(row)[1] >= 0).all())
