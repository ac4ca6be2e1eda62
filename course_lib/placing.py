"""Where a module goes: its place in a block, its price per stage, what runs say.

Sources: Hu et al., "Squeeze-and-Excitation Networks", section 6 (the places and the
stages compared); the intervals are those of course_lib.statistics.
"""

from collections.abc import Callable, Sequence

import pandas as pd
from torch import Tensor
from torch.nn import functional as F

from course_lib.blocks import EXPANSION, channels_at
from course_lib.errors import CourseError, check_choice
from course_lib.statistics import mean_interval

PLACES = ("branch", "pre", "post", "identity", "conv2")  # the paper's order
RANKED = ["placement", "seeds", "accuracy", "difference", "low", "high", "certain"]

Layer = Callable[[Tensor], Tensor]


def place_in_block(
    x: Tensor,
    project: Layer,
    layers: Sequence[Layer],
    attend: Layer,
    place: str,
) -> Tensor:
    """A bottleneck with a module at one of five places: -> (N, 4C, H', W').

    x: (N, Cin, H, W). project: the shortcut, (N, Cin, H, W) -> (N, 4C, H', W').
    layers: the 1x1, the 3x3 and the last 1x1 convolution, each with its BatchNorm:
    Cin -> C, C -> C, C -> 4C channels; no ReLU inside.
    attend: the module, keeps every shape, made for the channels at its place.
    place: "pre" (what the branch gets), "conv2" (after the 3x3 and its ReLU), "branch"
    (after the last layer), "identity" (the projected shortcut), "post" (the output).

    Raises an error for another place, which would leave the block plain.
    """
    check_choice("place", place, PLACES)
    reduce, mix, expand = layers
    y = attend(x) if place == "pre" else x  # (N, Cin, H, W)
    y = F.relu(mix(F.relu(reduce(y))))  # (N, C, H', W')
    y = attend(y) if place == "conv2" else y
    y = expand(y)  # (N, 4C, H', W')
    y = attend(y) if place == "branch" else y
    s = project(x)  # (N, 4C, H', W')
    s = attend(s) if place == "identity" else s
    y = F.relu(y + s)
    return attend(y) if place == "post" else y


def weights_per_stage(
    place: str = "branch",
    width: int = 64,
    reduction: int = 16,
    blocks: Sequence[int] = (3, 4, 6, 3),
) -> list[int]:
    """Weights that SE adds to each stage, biases not counted: one number a stage.

    place: which of the channels of `channels_at` the gates meet. width: C of the first
    stage's 3x3 convolutions, and the channels that enter its first block; each stage
    doubles C. blocks: how many blocks, so how many gates, each stage has.
    A gate on c channels has 2 c (c // reduction) weights.
    """
    counts = []
    inputs = width  # channels that enter the next block
    for stage, number in enumerate(blocks):
        channels = width * 2**stage  # of the 3x3 convolutions
        total = 0
        for _ in range(number):
            c = channels_at(inputs, channels)[place]
            total += 2 * c * (c // reduction)
            inputs = EXPANSION * channels
        counts.append(total)
    return counts


def rank_places(
    runs: pd.DataFrame, against: str = "branch", level: float = 0.95
) -> pd.DataFrame:
    """Places from best to worst, each compared with one of them, seed by seed.

    runs: one row a run, with placement, seed, status and test_accuracy (0..1). Rows
    whose status is not "done" do not count.

    -> one row a place: placement; seeds, those it has in common with `against`;
    accuracy, the mean of all its seeds in %; difference, the mean of (place - against)
    over the common seeds in points, with its t interval, low to high; certain, True
    where the interval leaves out 0. Sorted by difference, best first. One seed has no
    interval (nan).

    Raises an error for two runs of one place and seed, as of two models.
    """
    done = runs[runs["status"] == "done"]
    check_one_a_seed(done)
    table = 100 * done.pivot(index="seed", columns="placement", values="test_accuracy")
    rows = []
    for place in table.columns:
        pairs = (table[place] - table[against]).dropna()  # one number a seed
        found = mean_interval(pairs, level)
        certain = found.low > 0 or found.high < 0
        estimate = (found.mean, found.low, found.high, certain)
        rows.append((place, found.n, table[place].mean(), *estimate))
    ranked = pd.DataFrame(rows, columns=RANKED)
    return ranked.sort_values("difference", ascending=False, ignore_index=True)


def check_one_a_seed(runs: pd.DataFrame) -> None:
    """Raise CourseError where two runs share their place and their seed."""
    twice = runs[runs.duplicated(["placement", "seed"])]
    if len(twice):
        one = twice.iloc[0]
        raise CourseError(
            f"two runs at {one['placement']!r} with seed {one['seed']}",
            "one run for each place and seed, all of one model",
            'Choose the rows of one model first: runs[runs["model"] == "se"].',
        )
