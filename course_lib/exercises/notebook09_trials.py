"""Inputs, formulas and special properties for notebook 09: the scores of maps."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.properties import ATOL, Trials, close, difference
from course_lib.exercises.trials import Trial, random_tensor

Array = np.ndarray

NUMBER, HEIGHT, WIDTH = 4, 7, 9  # of the images below, and their sides


def signs(count: int = NUMBER) -> Tensor:
    """Rectangular signs, each somewhere else: (N, H, W)."""
    masks = torch.zeros(count, HEIGHT, WIDTH, dtype=torch.bool)
    for n in range(count):
        masks[n, n : n + 2, 2 * n : 2 * n + 2 + n % 2] = True
    return masks


def ragged_signs(seed: int) -> Tensor:
    """Signs of any outline, as behind a tree: (N, H, W)."""
    masks = random_tensor(NUMBER, HEIGHT, WIDTH, seed=seed) > 0.7
    masks[:, 3, 4] = True
    return masks


def score_trial(answer: Callable, text: str, maps: Tensor, masks: Tensor) -> Trial:
    """One call with maps and masks; the reference is found by the exercise's name."""
    text = f"{text}: maps {tuple(maps.shape)}, masks {tuple(masks.shape)}"
    return Trial(text, answer, {"maps": maps, "masks": masks}, None)


def pointing(trials: Trials) -> Trials:
    """The same trials with the slow formula of the pointing game."""
    return lambda answer: (with_formula(t, slow_pointing) for t in trials(answer))


def energy(trials: Trials) -> Trials:
    """The same trials with the slow formula of the energy."""
    return lambda answer: (with_formula(t, slow_energy) for t in trials(answer))


def with_formula(trial: Trial, reference: Callable) -> Trial:
    """A trial whose expected values come from `reference`."""
    return Trial(trial.text, trial.function, trial.inputs, reference)


def map_trials(answer: Callable) -> Iterator[Trial]:
    """Maps of different height, some tied, over ragged signs; then one image."""
    scales = torch.tensor([0.5, 1, 2, 4]).view(-1, 1, 1)
    for seed in (93, 94):
        maps = scales * (random_tensor(NUMBER, HEIGHT, WIDTH, seed=seed) + 1)
        if seed == 94:
            maps = maps.round()  # many ties
        yield score_trial(answer, "random maps", maps, ragged_signs(seed + 10))
    yield score_trial(answer, "one image", maps[:1], ragged_signs(96)[:1])


def planted_trials(answer: Callable) -> Iterator[Trial]:
    """Maps that are the sign itself, and its opposite."""
    masks = signs()
    yield score_trial(answer, "maps equal to the masks", masks.float(), masks)
    yield score_trial(answer, "maps opposite to the masks", (~masks).float(), masks)


def peak_trials(answer: Callable) -> Iterator[Trial]:
    """The planted maps, and a peak beside a hole, both on the sign."""
    yield from planted_trials(answer)
    masks = signs()
    both = torch.ones(masks.shape)
    for n in range(NUMBER):
        both[n, n, 2 * n : 2 * n + 2] = torch.tensor([2.0, 0.0])
    yield score_trial(answer, "the highest and the lowest on the sign", both, masks)


def constant_trials(answer: Callable) -> Iterator[Trial]:
    """The same value everywhere: nothing to choose by."""
    maps = torch.tensor([0.25, 0.5, 1, 2]).view(-1, 1, 1).expand(-1, HEIGHT, WIDTH)
    yield score_trial(answer, "constant maps", maps.contiguous(), signs())


def tied_trials(answer: Callable) -> Iterator[Trial]:
    """Constant maps, then three hot positions, a part of them on the sign."""
    yield from constant_trials(answer)
    masks, maps = signs(), torch.zeros(NUMBER, HEIGHT, WIDTH)
    for n in range(NUMBER):
        maps[n, n, 2 * n] = maps[n, 6, 0] = maps[n, 0, 8] = 3
    yield score_trial(answer, "three largest values, one on the sign", maps, masks)


def rounded_trials(answer: Callable) -> Iterator[Trial]:
    """Constant maps after enlarging: equal to six digits, not to seven."""
    maps = torch.tensor([0.3, 0.1, 0.7, 45.7]).view(-1, 1, 1).expand(-1, 3, 3)
    large = F.interpolate(maps[:, None], size=(HEIGHT, WIDTH), mode="bilinear")[:, 0]
    yield score_trial(answer, "constant maps, enlarged", large, signs())


def near_trials(answer: Callable) -> Iterator[Trial]:
    """Constant maps after enlarging; then a second value a little below the largest.

    Image by image in other units, so that the tolerance has to follow the map.
    """
    yield from rounded_trials(answer)
    masks, maps = signs(), torch.zeros(NUMBER, HEIGHT, WIDTH)
    for n, largest in enumerate((1, 0.1, 0.01, 4)):
        maps[n, n, 2 * n] = largest  # on the sign
        maps[n, 6, 0] = 0.9999 * largest
        maps[n, 0, 8] = 0.95 * largest
    text = "the second largest value one part in 10,000 below"
    yield score_trial(answer, text, maps, masks)


def level_trials(answer: Callable) -> Iterator[Trial]:
    """Constant maps, as made and as enlarged."""
    yield from constant_trials(answer)
    yield from rounded_trials(answer)


def scaled(trial: Trial) -> dict[str, Tensor]:
    """The same maps in other units."""
    return {"maps": 3 * trial.inputs["maps"] + 2}


def slow_pointing(v: dict[str, Array]) -> Array:
    """Position by position: how many of the largest lie on the sign."""
    scores = []
    for values, mask in zip(v["maps"], v["masks"].astype(bool), strict=True):
        limit = values.max() - 1e-6 * np.abs(values).max()
        at_top = [
            bool(on)
            for value, on in zip(values.flat, mask.flat, strict=True)
            if value >= limit
        ]
        scores.append(sum(at_top) / len(at_top))
    return np.array(scores)


def slow_energy(v: dict[str, Array]) -> Array:
    """Position by position: the sum on the sign over the sum."""
    scores = []
    for values, mask in zip(v["maps"], v["masks"].astype(bool), strict=True):
        on = whole = 0.0
        level = values.max() - values.min() <= 1e-6 * np.abs(values).max()
        for value, inside in zip(values.flat, mask.flat, strict=True):
            height = 1.0 if level else value - values.min()
            whole += height
            on += height * bool(inside)
        scores.append(on / whole)
    return np.array(scores)


def no_nan(trials: Trials, advice: str) -> Property:
    """Every score is a number."""

    def test(answer: Callable) -> Failure | None:
        for trial in trials(answer):
            result = trial.call()
            count = int(result.isnan().sum())
            if count:
                got = f"{count} of {result.numel()} are NaN"
                return Failure(trial.text, "numbers", got, (result,))
        return None

    return Property("numbers", "every score is a number, not NaN", advice, test)


def agrees(name: str, statement: str, advice: str, trials: Trials) -> Property:
    """On inputs made by hand, the result is what the formula says."""

    def test(answer: Callable) -> Failure | None:
        tried = list(trials(answer))
        results = [trial.call() for trial in tried]
        for trial, result in zip(tried, results, strict=True):
            wanted = trial.expected()
            if not close(result, wanted):
                got = f"something else{difference(result, wanted)}"
                return Failure(trial.text, numbers(wanted), got, tuple(results))
        return None

    return Property(name, statement, advice, test)


def unchanged(
    name: str,
    statement: str,
    advice: str,
    trials: Trials,
    change: Callable[[Trial], dict[str, Tensor]],
    words: str,
) -> Property:
    """A change of the inputs, said in words, leaves the result as it was."""

    def test(answer: Callable) -> Failure | None:
        for trial in trials(answer):
            before, after = trial.call(), trial.call(**change(trial))
            if not close(after, before):
                got = f"another one{difference(after, before)}"
                text = f"{trial.text}, {words}"
                return Failure(text, "the result as before", got, (before, after))
        return None

    return Property(name, statement, advice, test)


def numbers(values: Tensor) -> str:
    """`1, 0.286, 0`: a short list of numbers; what counts as 0 is written so."""
    each = values.flatten().tolist()
    return ", ".join("0" if abs(value) < ATOL else f"{value:.3g}" for value in each)


def images_alone(trials: Trials) -> Property:
    """One map with its mask scores what it scores within the batch."""

    def test(answer: Callable) -> Failure | None:
        for trial in trials(answer):
            whole = trial.call()
            for n in range(len(whole)):
                one = {k: v[n : n + 1].clone() for k, v in trial.inputs.items()}
                alone, within = trial.call(**one), whole[n : n + 1]
                if not close(alone, within):
                    got = f"they differ for image {n}{difference(alone, within)}"
                    return Failure(
                        trial.text, "the same score alone", got, (whole, alone)
                    )
        return None

    return Property(
        "samples independent",
        "no image looks at another one",
        "Axis 0 is the batch: take maxima and sums over axes 1 and 2, with keepdim.",
        test,
    )
