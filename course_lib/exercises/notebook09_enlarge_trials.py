"""Inputs, formula and special property for the exercise enlarge of notebook 09."""

from collections.abc import Callable, Iterator

import numpy as np
from torch import Tensor

from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.properties import close, difference
from course_lib.exercises.trials import Trial, random_tensor

Array = np.ndarray


def enlarge_trials(answer: Callable) -> Iterator[Trial]:
    """Maps higher than wide and wider than high, whole and broken ratios."""
    for n, h, w, height, width in [
        (3, 3, 5, 13, 11),
        (2, 4, 2, 8, 12),
        (1, 2, 7, 5, 9),
    ]:
        maps = 2 * random_tensor(n, h, w, seed=91) + 0.4
        yield enlarge_trial(answer, maps, height, width, bilinear)


def centre_trials(answer: Callable) -> Iterator[Trial]:
    """Odd ratios: each cell has a pixel in its middle; two cells of each map tie."""
    for n, h, w, ratio in [(2, 3, 4, 3), (3, 4, 2, 5)]:
        maps = random_tensor(n, h, w, seed=92).clamp(max=1.5)
        maps[:, 0, 1] = maps[:, 2, 0] = 2
        yield enlarge_trial(answer, maps, ratio * h, ratio * w, bilinear)


def enlarge_trial(
    answer: Callable, maps: Tensor, height: int, width: int, reference: Callable
) -> Trial:
    """One call of enlarge."""
    inputs = {"maps": maps, "height": height, "width": width}
    text = f"maps {tuple(maps.shape)}, height {height}, width {width}"
    return Trial(text, answer, inputs, reference)


def bilinear(v: dict[str, Array]) -> Array:
    """Rows, then columns: each new pixel between the two nearest cell centres."""
    large = v["maps"]
    for axis, size in ((1, v["height"]), (2, v["width"])):
        old = large.shape[axis]
        place = ((np.arange(size) + 0.5) * old / size - 0.5).clip(0, old - 1)
        left = np.floor(place).astype(int)
        right = np.minimum(left + 1, old - 1)
        part = (place - left).reshape([-1 if a == axis else 1 for a in range(3)])
        large = (1 - part) * large.take(left, axis) + part * large.take(right, axis)
    return large


def cell_centres() -> Property:
    """With an odd ratio, the middle pixel of a cell keeps the cell's value."""

    def test(answer: Callable) -> Failure | None:
        for trial in centre_trials(answer):
            maps, result = trial.inputs["maps"], trial.call()
            ratio = trial.inputs["height"] // maps.shape[1]
            middles = result[:, ratio // 2 :: ratio, ratio // 2 :: ratio]
            if not close(middles, maps):
                got = f"another one{difference(middles, maps)}"
                return Failure(
                    trial.text, "each cell's value in its middle", got, (result,)
                )
        return None

    return Property(
        "cell centres",
        "the middle pixel of each cell keeps the cell's value",
        "Leave align_corners at its default, and enlarge the whole map.",
        test,
    )


def lowest_to_highest(trial: Trial) -> tuple[Tensor, Tensor]:
    """A value between neighbours lies between the extremes of all maps."""
    return trial.inputs["maps"].amin(), trial.inputs["maps"].amax()
