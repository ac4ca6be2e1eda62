"""Inputs, slow formulas and special properties for the modules of notebook 12."""

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from torch import Tensor, nn

from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.formulas import layer, squeeze
from course_lib.exercises.properties import close, difference
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


def sizes_of(answer: Callable) -> list[list[int]]:
    """How many numbers each parameter has, for several numbers of channels."""
    found = []
    for channels in COUNTED:
        with answering(f"ECA({channels})"):
            module = answer(channels)
            if not issubclass(type(module), nn.Module):
                raise WrongType(type_text(module), "an nn.Module")
            found.append([p.numel() for p in module.parameters()])
    return found


def right_size(channels: int) -> int:
    """The odd number next to (log2(C) + 1) / 2, the upper one of two as near."""
    exact = (math.log2(channels) + 1) / 2
    return min((1, 3, 5, 7, 9), key=lambda k: (abs(k - exact), -k))


def kernel_sizes() -> Property:
    """One kernel, as long as the formula says."""

    def test(answer: Callable) -> Failure | None:
        found = sizes_of(answer)
        for channels, got in zip(COUNTED, found, strict=True):
            wanted = [right_size(channels)]
            if got != wanted:
                return Failure(
                    f"ECA({channels})",
                    f"one parameter of {wanted[0]} numbers",
                    f"parameters of {got} numbers" if got else "no parameter",
                    (repr(found),),
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


# --- coordinate_gates -----------------------------------------------------------------

# N, C, H, W, hidden channels, biases, channels_last
COORDINATE = [
    (2, 5, 4, 7, 3, True, False),
    (3, 4, 6, 2, 5, False, True),
    (1, 3, 5, 3, 2, True, False),
]


def both_gates(answer: Callable, *inputs: object) -> tuple[Tensor, Tensor]:
    """The two tensors that an answer returns."""
    result = answer(*inputs)
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        raise WrongType(type_text(result), "two tensors, g_h and g_w")
    return tuple(result)


def steeper(z: Tensor) -> Tensor:
    """Stands for BatchNorm: a scale and a shift that one can see."""
    return 1.5 * z - 0.4


def strip_trials(answer: Callable) -> Iterator[Trial]:
    """Each input twice: once for the gates of the rows, once for the columns'."""
    for case in COORDINATE:
        for part, name in enumerate(("g_h", "g_w")):
            yield coordinate_trial(
                answer, case, lambda *v, i=part: both_gates(answer, *v)[i], part, name
            )


def product_trials(answer: Callable) -> Iterator[Trial]:
    """Both gates at once, multiplied: (N, C, H, W)."""

    def product(*inputs: object) -> Tensor:
        g_h, g_w = both_gates(answer, *inputs)
        return g_h * g_w

    for case in COORDINATE:
        yield coordinate_trial(answer, case, product, None, "g_h * g_w")


def coordinate_trial(
    answer: Callable, case: Sequence, function: Callable, part: int | None, name: str
) -> Trial:
    """One call of coordinate_gates, reduced to one tensor."""
    n, c, h, w, hidden, biases, last = case
    x = 2 * random_tensor(n, c, h, w, seed=122, channels_last=last) + 0.5
    inputs: dict[str, object] = {
        "x": x,
        "w1": random_tensor(hidden, c, 1, 1, seed=123),
        "wh": random_tensor(c, hidden, 1, 1, seed=124),
        "ww": random_tensor(c, hidden, 1, 1, seed=125),
        "b1": random_tensor(hidden, seed=126) if biases else None,
        "bh": random_tensor(c, seed=127) if biases else None,
        "bw": random_tensor(c, seed=128) if biases else None,
        "norm": steeper,
    }
    text = f"{name} for x {tuple(x.shape)}, {'with' if biases else 'no'} biases"
    return Trial(text, function, inputs, lambda v: slow_gates(v, part))


def slow_gates(v: dict[str, Array], part: int | None) -> Array:
    """Row by row and column by column; part: 0 rows, 1 columns, None the product."""
    x = v["x"]
    rows = np.stack([x[:, :, i, :].mean(axis=2) for i in range(x.shape[2])], axis=2)
    columns = np.stack([x[:, :, :, j].mean(axis=2) for j in range(x.shape[3])], axis=2)
    g_h = strip(rows, v, "wh", "bh")[:, :, :, None]
    g_w = strip(columns, v, "ww", "bw")[:, :, None, :]
    return g_h * g_w if part is None else (g_h, g_w)[part]


def strip(means: Array, v: dict[str, Array], weight: str, bias: str) -> Array:
    """The gates of one strip: means (N, C, L) -> (N, C, L)."""
    gates = []
    for place in range(means.shape[2]):
        z = 1.5 * layer(means[:, :, place], v["w1"][:, :, 0, 0], v["b1"]) - 0.4
        z = z * np.clip(z + 3, 0, 6) / 6
        gates.append(sigmoid(layer(z, v[weight][:, :, 0, 0], v[bias])))
    return np.stack(gates, axis=2)


def own_row() -> Property:
    """Move the columns of x around, and the gates of the rows stay, and vice versa."""

    def test(answer: Callable) -> Failure | None:
        for trial in strip_trials(answer):
            axis, words = (3, "columns") if "g_h" in trial.text else (2, "rows")
            x, before = trial.tensors()["x"], trial.call()
            after = trial.call(x=x.roll(1, dims=axis))
            if not close(after, before):
                return Failure(
                    f"{trial.text}, {words} moved around",
                    "the same gates as before",
                    f"others{difference(after, before)}",
                    (before, after),
                )
        return None

    return Property(
        "own row",
        "a row's gate does not care where in the row a value sits; columns likewise",
        "g_h comes from averages over W (dim=3), g_w from averages over H (dim=2).",
        test,
    )
