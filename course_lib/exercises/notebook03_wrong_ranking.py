"""Known-wrong answers to the exercises of notebook 03: the ranking."""

from course_lib.exercises.exercise import WrongAnswer
from course_lib.exercises.notebook03_counts import ROW_MISSING

DONE = 'done = runs[runs["status"] == "done"]'
TABLE = (
    'table = 100 * done.pivot(index="seed", columns="placement", '
    'values="test_accuracy")'
)
PAIRS = "pairs = (table[place] - table[against]).dropna()  # one number a seed"
FOUND = "found = mean_interval(pairs, level)"
CERTAIN = "certain = found.low > 0 or found.high < 0"
SORT = 'ranked.sort_values("difference", ascending=False, ignore_index=True)'

RANK_PLACES = (
    WrongAnswer(
        "a list of rows",
        f"return {SORT}",
        "return rows",
        "runs",
        "These are rows. Make a table of them: pd.DataFrame(rows, columns=RANKED).",
    ),
    WrongAnswer(
        "missing seeds kept",
        PAIRS,
        "pairs = table[place] - table[against]",
        "runs",
        "A seed that one place lacks leaves a nan: .dropna() on the differences.",
    ),
    WrongAnswer(
        "base left out",
        "for place in table.columns:",
        "for place in table.columns.drop(against):",
        "accuracies",
        ROW_MISSING,
    ),
    WrongAnswer(
        "seeds dropped for all places",
        TABLE,
        f"{TABLE}.dropna()",
        "accuracies",
        "A seed is dropped for all places because one lacks it. Drop per pair.",
    ),
    WrongAnswer(
        "fractions instead of points",
        "table = 100 * done",
        "table = done",
        "accuracies",
        "These are fractions. Multiply by 100 for % and points.",
    ),
    WrongAnswer(
        "accuracy of the common seeds only",
        "table[place].mean()",
        "table[place][pairs.index].mean()",
        "accuracies",
        "The accuracy leaves out seeds that `against` lacks. It is the mean of all its "
        "seeds.",
    ),
    WrongAnswer(
        "best seed reported",
        "table[place].mean()",
        "table[place].max()",
        "accuracies",
        "This is the best seed. Report the mean of all seeds.",
    ),
    WrongAnswer(
        "difference of the means",
        PAIRS,
        "pairs = (table[place] - table[against].mean()).dropna()",
        "paired by seed",
        "Each run is compared with the mean of the others. Subtract the run of the "
        "same seed: table[place] - table[against].",
    ),
    WrongAnswer(
        "sign turned round",
        PAIRS,
        "pairs = (table[against] - table[place]).dropna()",
        "paired by seed",
        "The sign is turned round: place minus against.",
    ),
    WrongAnswer(
        "paired by row, not by seed",
        PAIRS,
        "pairs = pd.Series([a - b for a, b in zip(*(done.loc[done['placement'] == p, "
        "'test_accuracy'] * 100 for p in (place, against)))])",
        "paired by seed",
        "The rows are paired in the order of the file. Pair runs of the same seed, as "
        "the pivot does.",
    ),
    WrongAnswer(
        "missing seeds filled with 0",
        PAIRS,
        "pairs = table[place].fillna(0) - table[against].fillna(0)",
        "paired by seed",
        "A seed that is missing counts as 0 %. Leave it out: .dropna().",
    ),
    WrongAnswer(
        "missing seeds filled with the mean",
        PAIRS,
        "pairs = (table[place].fillna(table[place].mean()) - "
        "table[against].fillna(table[against].mean()))",
        "paired by seed",
        "A seed that is missing is made up from the mean. Leave it out: .dropna().",
    ),
    WrongAnswer(
        "interval of the accuracy",
        FOUND,
        "own = table[place][pairs.index]\n"
        "        found = mean_interval(own - own.mean() + pairs.mean(), level)",
        "interval",
        "The interval shows how the accuracies spread. Take that of the differences: "
        "mean_interval(pairs, level).",
    ),
    WrongAnswer(
        "range instead of an interval",
        "estimate = (found.mean, found.low, found.high, certain)",
        "estimate = (found.mean, pairs.min(), pairs.max(), certain)",
        "interval",
        "This is the smallest and the largest difference. An interval is wider with "
        "few seeds: mean_interval(pairs, level).",
    ),
    WrongAnswer(
        "only better counts",
        CERTAIN,
        "certain = found.low > 0",
        "certain",
        "Only a better place can be certain here. A worse one is certain too, where "
        "the interval ends below 0.",
    ),
    WrongAnswer(
        "certain by the mean",
        CERTAIN,
        "certain = abs(found.mean) > 0.4",
        "certain",
        "The mean alone decides. Look at the interval: does it leave out 0?",
    ),
    WrongAnswer(
        "certain turned round",
        CERTAIN,
        "certain = found.low <= 0 <= found.high",
        "certain",
        "This is True where 0 lies inside. There you cannot tell.",
    ),
    WrongAnswer(
        "one seed is certain",
        CERTAIN,
        "certain = not found.low <= 0 <= found.high",
        "one seed",
        "One seed has no interval, and nan <= 0 is False: `not` makes it certain. Ask "
        "low > 0 or high < 0.",
    ),
    WrongAnswer(
        "always against branch",
        PAIRS,
        'pairs = (table[place] - table["branch"]).dropna()',
        "another base",
        "The argument against is not used.",
    ),
    WrongAnswer(
        "level not passed on",
        FOUND,
        "found = mean_interval(pairs)",
        "another base",
        "The argument level is not passed on: mean_interval(pairs, level).",
    ),
    WrongAnswer(
        "worst first",
        SORT,
        SORT.replace("False", "True"),
        "best first",
        "The worst place comes first. Sort with ascending=False.",
    ),
    WrongAnswer(
        "sorted by accuracy",
        SORT,
        SORT.replace("difference", "accuracy"),
        "best first",
        "Sorted by mean accuracy, a place with a lucky or unlucky seed of its own is "
        "misplaced. Sort by the paired difference.",
    ),
    WrongAnswer(
        "failed runs counted",
        DONE,
        "done = runs",
        "failed runs",
        'A failed run counts as well. Keep the rows whose status is "done".',
    ),
    WrongAnswer(
        "first row of a seed kept",
        DONE,
        'done = runs.drop_duplicates(["placement", "seed"])',
        "failed runs",
        "The first row of a seed stays, and here it failed. Keep the rows whose "
        'status is "done".',
    ),
    WrongAnswer(
        "percent written into the caller's table",
        TABLE,
        'runs["test_accuracy"] *= 100\n'
        '    done = runs[runs["status"] == "done"]\n'
        '    table = done.pivot(index="seed", columns="placement", '
        'values="test_accuracy")',
        "input not modified",
        "The caller's column is multiplied by 100. Multiply the new table instead.",
    ),
)
