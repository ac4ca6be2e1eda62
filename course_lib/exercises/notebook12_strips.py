"""Inputs, a slow formula and special properties for notebook 12's coordinate_gates."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from torch import Tensor, nn

from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.formulas import layer
from course_lib.exercises.notebook12_trials import Array, sigmoid
from course_lib.exercises.properties import close, difference
from course_lib.exercises.trials import Trial, WrongType, random_tensor, type_text

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


def slow_norm(z: Array) -> Array:
    """BatchNorm in training: z (N, M, H + W), rows and columns in one mean."""
    mean, spread = z.mean(axis=(0, 2), keepdims=True), z.var(axis=(0, 2), keepdims=True)
    return (z - mean) / np.sqrt(spread + 1e-5)


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
    rows = [x[:, :, i, :].mean(axis=2) for i in range(x.shape[2])]
    columns = [x[:, :, :, j].mean(axis=2) for j in range(x.shape[3])]
    z = each_place(np.stack(rows + columns, axis=2), v["w1"], v["b1"])  # (N, M, H + W)
    z = steeper(z) if v["norm"] is steeper else slow_norm(z)
    z = z * np.clip(z + 3, 0, 6) / 6
    g_h = sigmoid(each_place(z[:, :, : len(rows)], v["wh"], v["bh"]))[:, :, :, None]
    g_w = sigmoid(each_place(z[:, :, len(rows) :], v["ww"], v["bw"]))[:, :, None, :]
    return g_h * g_w if part is None else (g_h, g_w)[part]


def each_place(strip: Array, weight: Array, bias: Array | None) -> Array:
    """A 1 x 1 convolution, place by place: strip (N, C, L) -> (N, M, L)."""
    places = range(strip.shape[2])
    layers = [layer(strip[:, :, i], weight[:, :, 0, 0], bias) for i in places]
    return np.stack(layers, axis=2)


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


def one_norm() -> Property:
    """With BatchNorm in training: rows and columns share its mean."""

    def test(answer: Callable) -> Failure | None:
        for trial in product_trials(answer):
            norm = nn.BatchNorm2d(len(trial.inputs["w1"])).train()
            text = f"{trial.text}, norm a BatchNorm2d in training"
            trained = replace(trial, text=text, inputs=trial.inputs | {"norm": norm})
            result, wanted = trained.call(), trained.expected()
            if not close(result, wanted):
                got = f"not equal{difference(result, wanted)}"
                return Failure(text, "the slow formula's values", got, (result,))
        return None

    return Property(
        "one norm",
        "one BatchNorm for the whole strip, rows and columns together",
        "Join the strips, then call norm once, on (N, M, H + W, 1).",
        test,
    )
