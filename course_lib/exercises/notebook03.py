"""Exercises of notebook 03, where SE goes: the place, its price, the ranking."""

from course_lib.exercises import notebook03_counts as counts
from course_lib.exercises import notebook03_wrong_counts as wrong_counts
from course_lib.exercises import notebook03_wrong_ranking as wrong_ranking
from course_lib.exercises.exercise import Exercise
from course_lib.exercises.notebook03_trials import (
    block_trials,
    closed_gate,
    gradients_at_each_place,
    misspelt_place,
    plain_block,
)
from course_lib.exercises.notebook03_wrong_block import PLACE_IN_BLOCK
from course_lib.exercises.properties import (
    dtype_and_device,
    input_untouched,
    runs,
    shape,
    values,
)
from course_lib.placing import (
    PLACES,
    place_in_block,
    rank_places,
    weights_per_stage,
)

PLACE = Exercise(
    name="place_in_block",
    title="a module at one of five places",
    notebook="03",
    solution=place_in_block,
    why=(
        "A place is a line between two steps of the block: the module replaces the map "
        "that passes there. On the branch it can silence one block; on the shortcut or "
        "the output it stands on the trunk, which all later blocks read."
    ),
    hints=(
        "Which of the five maps does the shortcut have to see, and which not?",
        "(N, Cin, H, W) at 'pre', (N, C, H', W') at 'conv2', (N, 4C, H', W') at the "
        "other three.",
        "reduce, mix, expand = layers; F.relu; attend(y) if place == ... else y; "
        "project(x).",
        'check_choice("place", place, PLACES)\n'
        "reduce, mix, expand = layers\n"
        'y = attend(x) if place == "pre" else x\n'
        "y = F.relu(mix(F.relu(____)))\n"
        "y = attend(y) if place == ____ else y\n"
        "y = expand(y)\n"
        "y = attend(y) if place == ____ else y\n"
        "s = ____\n"
        's = attend(s) if place == "identity" else s\n'
        "y = ____\n"
        'return attend(y) if place == "post" else y',
    ),
    properties=(
        runs(block_trials),
        shape(block_trials),
        dtype_and_device(block_trials),
        plain_block(),
        closed_gate(),
        misspelt_place(),
        values(block_trials),
        gradients_at_each_place(),
        input_untouched(block_trials),
    ),
    wrong_answers=PLACE_IN_BLOCK,
)

COUNT = Exercise(
    name="weights_per_stage",
    title="what SE costs, stage by stage",
    notebook="03",
    solution=weights_per_stage,
    why=(
        "The cost of a gate grows with the square of the channels it meets, so stages "
        "differ by far more than their number of blocks. The place sets the channels: "
        "after the 3x3 there are a quarter as many, and the price is a sixteenth."
    ),
    hints=(
        "How many channels does a gate of stage 3 meet on the branch, and how many "
        "after the 3x3?",
        "stage k (from 0): C = width * 2**k; the first block gets what the stage "
        "before hands on, the others 4 C.",
        "enumerate(blocks), channels_at(inputs, channels)[place], //, append.",
        "counts, inputs = [], width\n"
        "for stage, number in enumerate(blocks):\n"
        "    channels = width * ____\n"
        "    total = 0\n"
        "    for _ in range(____):\n"
        "        c = channels_at(inputs, channels)[____]\n"
        "        total += 2 * c * (____)\n"
        "        inputs = EXPANSION * ____\n"
        "    counts.append(total)\n"
        "return counts",
    ),
    properties=(
        counts.counts_run(),
        counts.one_number_a_stage(),
        counts.exact_counts(
            "one block",
            "one block a stage has 2 C (C // r) weights, with C = 256 to 2048",
            "Print c and c // reduction for each stage.",
            [counts.ONE_EACH],
        ),
        counts.exact_counts(
            "all blocks",
            "ResNet50's stages have 3, 4, 6 and 3 gates",
            "Print how often the inner loop runs in each stage.",
            [counts.WHOLE],
        ),
        counts.exact_counts(
            "arguments",
            "another reduction, width or blocks gives other counts",
            "Look for a 16, a 64 or the four numbers of blocks in your code.",
            counts.OTHER,
        ),
        counts.exact_counts(
            "rounding",
            "the hidden layer has C // r units, rounded down",
            "With C = 36 and r = 16 the hidden layer has 2 units.",
            [counts.ROUNDED],
        ),
        counts.exact_counts(
            "places",
            "each place has the channels of its own maps",
            "Print c for every block, and compare with the shapes in the table.",
            [(place, 64, 16, counts.RESNET50) for place in reversed(PLACES)],
        ),
    ),
    wrong_answers=wrong_counts.WEIGHTS_PER_STAGE,
)

RANK = Exercise(
    name="rank_places",
    title="a ranking, and how sure it is",
    notebook="03",
    solution=rank_places,
    why=(
        "A lucky seed lifts every place, so runs of one seed are subtracted first and "
        "only the differences are averaged. Where their interval holds 0, the seeds "
        "cannot tell which place is better, whatever the order of the means."
    ),
    hints=(
        "Two places share a seed: what do their runs have in common, and how do you "
        "take it out?",
        "one row a run -> a table (seeds, places) -> one difference a seed -> one "
        "row a place.",
        'done.pivot(index="seed", columns="placement", values="test_accuracy"), '
        ".dropna(), mean_interval(pairs, level) with .mean .low .high .n, "
        "pd.DataFrame(rows, columns=RANKED), .sort_values.",
        'done = runs[runs["status"] == ____]\n'
        'table = 100 * done.pivot(index="seed", columns=____, '
        'values="test_accuracy")\n'
        "rows = []\n"
        "for place in table.columns:\n"
        "    pairs = (table[place] - ____).dropna()\n"
        "    found = mean_interval(____, level)\n"
        "    certain = found.low > 0 or ____\n"
        "    estimate = (found.mean, found.low, found.high, certain)\n"
        "    rows.append((place, found.n, table[place].mean(), *estimate))\n"
        "ranked = pd.DataFrame(rows, columns=RANKED)\n"
        "return ranked.sort_values(____, ascending=False, ignore_index=True)",
    ),
    properties=(
        counts.ranking_runs(),
        counts.ranking_equals(
            "accuracies",
            "accuracy is the mean over all seeds of a place, in %",
            "Check one place by hand: its four accuracies, times 100, averaged.",
            ["accuracy"],
        ),
        counts.ranking_equals(
            "paired by seed",
            "difference is the mean of (place - against) over common seeds, in points",
            "Write down the differences of one place, seed by seed.",
            ["seeds", "difference"],
        ),
        counts.ranking_equals(
            "interval",
            "low and high are the t interval of the paired differences",
            "mean_interval(pairs, level) gives .low and .high.",
            ["low", "high"],
        ),
        counts.ranking_equals(
            "one seed",
            "one seed has no interval, so nothing is certain",
            "A comparison with nan is False: ask for what must be true.",
            ["difference", "low", "certain"],
            text="two places, one seed",
            accuracies={"branch": {0: 0.7}, "post": {0: 0.703}},
        ),
        counts.ranking_equals(
            "certain",
            "certain is True where the interval leaves out 0, on either side",
            "Compare low and high with 0.",
            ["certain"],
            text="three places, one certainly worse by 0.5 points",
            accuracies={
                "branch": {0: 0.70, 1: 0.74, 2: 0.72},
                "pre": {0: 0.694, 1: 0.736, 2: 0.715},
                "post": {0: 0.73, 1: 0.70, 2: 0.78},
            },
        ),
        counts.ranking_equals(
            "another base",
            "against and level are used",
            "Look for a place name or a level written out in your code.",
            ["difference", "low", "high"],
            text="four places, against='post', level=0.8",
            against="post",
            level=0.8,
        ),
        counts.best_first(),
        counts.ranking_equals(
            "failed runs",
            'only rows whose status is "done" count',
            "Print done.shape before and after you drop the failed run.",
            ["accuracy", "difference"],
            text="four places, one run failed and was repeated",
            runs=counts.with_failed_run(),
        ),
        counts.runs_untouched(),
    ),
    wrong_answers=wrong_ranking.RANK_PLACES,
)

EXERCISES = (PLACE, COUNT, RANK)
