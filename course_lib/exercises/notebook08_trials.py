"""Inputs and slow formulas for the exercises of notebook 08.

The answers take NumPy arrays and return numbers. A trial keeps both as tensors, so
that the properties of the other notebooks serve here as well.
"""

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy import ndarray
from scipy.special import stdtrit
from torch import Tensor

from course_lib.exercises.trials import Reference, Trial, WrongType, type_text

Arrays = dict[str, ndarray]


def number_trial(
    text: str, answer: Callable, arrays: Arrays, reference: Reference, *more: float
) -> Trial:
    """answer(*arrays, *more), its numbers as one float64 tensor.

    The answer reads the tensors' own memory, so that a change to it is seen.
    """
    inputs = {name: torch.from_numpy(array) for name, array in arrays.items()}

    def function(*tensors: Tensor) -> Tensor:
        return as_tensor(answer(*(tensor.numpy() for tensor in tensors), *more))

    return Trial(text, function, inputs, reference)


def as_tensor(result: object) -> Tensor:
    """A number, an array or a row of numbers as a float64 tensor.

    Raises WrongType for anything else, None included.
    """
    wanted = "numbers (see the docstring)"
    if result is None:
        raise WrongType("None", wanted)
    try:
        return torch.from_numpy(np.array(result, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise WrongType(type_text(result), wanted) from error


def array_of(result: object) -> object:
    """The result, unless it is a list or a tuple in place of an array.

    Raises WrongType for these.
    """
    if isinstance(result, list | tuple):
        raise WrongType(type_text(result), "a NumPy array (m,)")
    return result


# --- simulated runs -------------------------------------------------------------------


def paired_runs(
    repeats: int, seeds: int, difference: float, draw: int
) -> Iterator[tuple[ndarray, ndarray]]:
    """Repetitions of an experiment: accuracies (seeds,) of a model and of plain.

    Each seed shifts both by the same luck (sd 2 points); each run has its own (0.5).
    """
    random = np.random.default_rng(draw)
    for _ in range(repeats):
        shared = random.normal(75, 2, seeds)
        plain = shared + random.normal(0, 0.5, seeds)
        yield shared + difference + random.normal(0, 0.5, seeds), plain


def paired_hits(repeats: int, images: int, draw: int) -> Iterator[tuple[ndarray, ...]]:
    """Repetitions of a test: hits (images,) of two equally good networks.

    Each image has its own difficulty, so the two are often right or wrong together.
    """
    random = np.random.default_rng(draw)
    for _ in range(repeats):
        chance = random.beta(1.5, 0.5, images)
        yield tuple(random.random(images) < chance for _ in "ab")


def random_flips(rows: int, columns: int, draw: int) -> ndarray:
    """Random signs, +1.0 and -1.0, (rows, columns)."""
    return np.random.default_rng(draw).choice([-1.0, 1.0], (rows, columns))


# --- paired_interval ------------------------------------------------------------------

PAIRS = [  # seeds, true difference, level, draw
    (4, 1.5, 0.95, 1),
    (3, -6.0, 0.8, 2),
    (9, 0.2, 0.99, 3),
    (2, 0.7, 0.9, 4),
]


def interval_trials(answer: Callable) -> Iterator[Trial]:
    """Few and many seeds, a difference below 0, four levels."""
    for seeds, difference, level, draw in PAIRS:
        values, baseline = next(paired_runs(1, seeds, difference, draw))
        yield number_trial(
            f"values ({seeds},), baseline ({seeds},), level {level}",
            answer,
            {"values": values, "baseline": baseline},
            lambda v, level=level: interval_formula(v, level),
            level,
        )


def interval_formula(v: Arrays, level: float) -> ndarray:
    """Mean and interval, one seed after the other."""
    d = [a - b for a, b in zip(v["values"], v["baseline"], strict=True)]
    n = len(d)
    mean = math.fsum(d) / n
    variance = math.fsum((one - mean) ** 2 for one in d) / (n - 1)
    half = stdtrit(n - 1, 1 - (1 - level) / 2) * math.sqrt(variance / n)
    return np.array([mean, mean - half, mean + half])


# --- sign_flip_p ----------------------------------------------------------------------


def flip_trials(answer: Callable) -> Iterator[Trial]:
    """A difference above 0, one below, one far away; no flip ties with any."""
    random = np.random.default_rng(4)
    for seeds, center, rows in [(10, 0.4, 40), (9, -0.3, 99), (12, 30.0, 60)]:
        differences = random.normal(center, 1, seeds)
        yield flip_trial(answer, differences, random_flips(rows, seeds, seeds))


def flip_trials_and_none(answer: Callable) -> Iterator[Trial]:
    """The same, and one where nothing differs at all."""
    yield from flip_trials(answer)
    yield flip_trial(answer, np.zeros(3), random_flips(20, 3, 5))


def flip_trial(answer: Callable, differences: ndarray, flips: ndarray) -> Trial:
    """sign_flip_p of these differences and flips."""
    text = f"differences {differences.shape}, flips {flips.shape}"
    inputs = {"differences": differences, "flips": flips}
    return number_trial(text, answer, inputs, flip_formula)


def flip_formula(v: Arrays) -> ndarray:
    """The share, one flip after the other."""
    d, n = v["differences"], len(v["differences"])
    observed, as_far = abs(math.fsum(d) / n), 1
    for row in v["flips"]:
        mean = math.fsum(s * one for s, one in zip(row, d, strict=True)) / n
        as_far += abs(mean) > observed - 1e-9
    return np.array(as_far / (len(v["flips"]) + 1))


# --- mcnemar_p ------------------------------------------------------------------------


def hits_trials(answer: Callable) -> Iterator[Trial]:
    """a better, b better, a tie, and two networks that never disagree."""
    for counts in [(6, 9, 5, 4), (40, 3, 17, 15), (30, 6, 6, 9), (25, 0, 0, 12)]:
        yield hits_trial(answer, *hits_of(*counts))


def hits_of(both: int, only_a: int, only_b: int, neither: int) -> list[ndarray]:
    """Hits of two networks with these counts, the images in mixed order."""
    kinds = np.repeat([3, 1, 2, 0], [both, only_a, only_b, neither])
    np.random.default_rng(6).shuffle(kinds)
    return [kinds % 2 == 1, kinds >= 2]


def hits_trial(answer: Callable, hits_a: ndarray, hits_b: ndarray) -> Trial:
    """mcnemar_p of these hits."""
    a, b = int((hits_a > hits_b).sum()), int((hits_a < hits_b).sum())
    text = f"hits of {len(hits_a)} images, {a} only of a, {b} only of b"
    return number_trial(
        text, answer, {"hits_a": hits_a, "hits_b": hits_b}, mcnemar_formula
    )


def mcnemar_formula(v: Arrays) -> ndarray:
    """Heads and tails counted, then all splits at least as uneven added up."""
    only_a = sum(a > b for a, b in zip(v["hits_a"], v["hits_b"], strict=True))
    only_b = sum(a < b for a, b in zip(v["hits_a"], v["hits_b"], strict=True))
    coins, gap = int(only_a + only_b), abs(int(only_a) - int(only_b))
    ways = sum(
        math.comb(coins, heads)
        for heads in range(coins + 1)
        if abs(2 * heads - coins) >= gap
    )
    return np.array(ways / 2**coins)


# --- holm_corrected -------------------------------------------------------------------

FAMILIES = [
    [0.012, 0.3, 0.004, 0.021, 0.16],  # in no order, nothing above 1
    [0.03, 0.011, 0.012, 0.6, 0.013, 0.02],  # the third step falls below the second
    [0.7, 0.2, 0.9],  # beyond 1
    [0.04],
]


def family_trials(answer: Callable) -> Iterator[Trial]:
    """Families of 5, 6, 3 and 1 tests."""
    for family in FAMILIES:
        yield family_trial(answer, family)


def family_trial(answer: Callable, family: list[float]) -> Trial:
    """holm_corrected of these p-values."""
    text = f"p_values {', '.join(f'{p:g}' for p in family)}"
    arrays = {"p_values": np.array(family)}
    return number_trial(text, lambda p: array_of(answer(p)), arrays, holm_formula)


def holm_formula(v: Arrays) -> ndarray:
    """Holm's definition: the largest step up to and including each p-value."""
    p = v["p_values"]
    corrected = np.zeros(len(p))
    for i, mine in enumerate(p):
        steps = [other * (p >= other).sum() for other in p if other <= mine]
        corrected[i] = min(1.0, max(steps))
    return corrected
