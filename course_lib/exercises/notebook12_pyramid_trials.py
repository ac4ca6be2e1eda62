"""Inputs, the slow formula and a special property for notebook 12's pyramid."""

from collections.abc import Callable, Iterator

import numpy as np
from torch import Tensor

from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.properties import close, difference
from course_lib.exercises.trials import Trial, random_tensor

Array = np.ndarray


def pyramid_trials(answer: Callable) -> Iterator[Trial]:
    """Maps that 4 divides, does not divide, and that are smaller; other grids."""
    for shape, levels, last in [
        ((2, 3, 5, 7), None, False),
        ((3, 2, 8, 4), None, True),
        ((1, 5, 3, 2), None, False),
        ((2, 4, 6, 5), (3, 1), False),
    ]:
        x = random_tensor(*shape, seed=129, channels_last=last) + 0.4
        inputs: dict[str, object] = {"x": x} | ({} if levels is None else {"l": levels})
        given = "" if levels is None else f", levels {levels}"
        yield Trial(f"x {shape}{given}", answer, inputs, slow_squeeze)


def slow_squeeze(v: dict[str, Array]) -> Array:
    """Bin after bin, by the rule of the averaged windows."""
    x, levels = v["x"], v.get("l", (1, 2, 4))
    averages = []
    for level in np.asarray(levels):
        for c in range(x.shape[1]):
            for i in range(level):
                for j in range(level):
                    top, left = x.shape[2] * i // level, x.shape[3] * j // level
                    bottom = -(-x.shape[2] * (i + 1) // level)
                    right = -(-x.shape[3] * (j + 1) // level)
                    window = x[:, c, top:bottom, left:right]
                    averages.append(window.mean(axis=(1, 2)))
    return np.stack(averages, axis=1)


def smallest_to_largest(trial: Trial) -> tuple[Tensor, Tensor]:
    """An average lies between the extremes of its own sample."""
    x = trial.inputs["x"].flatten(1)
    return x.amin(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)


def first_are_means() -> Property:
    """With the grids (1, 2, 4), the first C numbers are SE's squeeze."""

    def test(answer: Callable) -> Failure | None:
        for trial in list(pyramid_trials(answer))[:3]:
            x, s = trial.inputs["x"], trial.call()
            if not close(s[:, : x.shape[1]], x.mean(dim=(2, 3))):
                got = f"others{difference(s[:, : x.shape[1]], x.mean(dim=(2, 3)))}"
                text, wanted = trial.text, f"first {x.shape[1]} numbers: the averages"
                return Failure(text, wanted, got, (s,))
        return None

    return Property(
        "SE first",
        "the 1 x 1 grid comes first: each channel's average, as in SE",
        "Join the grids in the order of levels, each with its channels in order.",
        test,
    )
