"""Special properties for the exercises of notebook 03: counts and rankings."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from scipy import stats

from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.trials import WrongType, answering, type_text
from course_lib.placing import PLACES, RANKED

# --- weights_per_stage ----------------------------------------------------------------

RESNET50 = (3, 4, 6, 3)
ONE_EACH = ("branch", 64, 16, (1, 1, 1, 1))
WHOLE = ("branch", 64, 16, RESNET50)
OTHER = [  # each differs from WHOLE in one argument
    ("branch", 64, 4, RESNET50),
    ("branch", 32, 16, RESNET50),
    ("branch", 64, 16, (2, 1, 5, 2)),
]
ROUNDED = ("branch", 9, 16, (2, 1, 5))  # 36, 72 and 144 channels: 36 / 16 is 2.25
Arguments = tuple[str, int, int, tuple[int, ...]]


def call_text(arguments: Arguments) -> str:
    """The call in words."""
    return f"weights_per_stage({', '.join(map(repr, arguments))})"


def counted(answer: Callable, arguments: Arguments) -> list:
    """What the answer returns, as a list."""
    with answering(call_text(arguments)):
        result = answer(*arguments)
        if not isinstance(result, Sequence) or isinstance(result, str):
            raise WrongType(type_text(result), "a list, one number a stage")
        return list(result)


def gates_of(place: str, width: int, blocks: Sequence[int]) -> list[list[int]]:
    """The channels of every gate, stage by stage, written down block by block."""
    after = [[4 * width * 2**k] * number for k, number in enumerate(blocks)]
    if place == "conv2":
        return [[width * 2**k] * number for k, number in enumerate(blocks)]
    if place != "pre":
        return after
    chain = [width, *(c for stage in after for c in stage)]
    before, start = [], 0
    for number in blocks:
        before.append(chain[start : start + number])
        start += number
    return before


def right_counts(arguments: Arguments) -> list[int]:
    """The formula, summed over the written-down gates."""
    place, width, reduction, blocks = arguments
    stages = gates_of(place, width, blocks)
    return [sum(2 * c * math.floor(c / reduction) for c in stage) for stage in stages]


def counts_run() -> Property:
    """The answer takes its arguments, defaults included, and returns a list."""

    def test(answer: Callable) -> None:
        for place in PLACES:
            counted(answer, (place, 64, 16, RESNET50))
        with answering("weights_per_stage()"):
            answer()

    return Property(
        "runs",
        "it takes the arguments and returns a list",
        "Read the error, then print c for every block.",
        test,
    )


def one_number_a_stage() -> Property:
    """As many whole numbers as there are stages."""

    def test(answer: Callable) -> Failure | None:
        for arguments in (WHOLE, ROUNDED):
            got, stages = counted(answer, arguments), len(arguments[-1])
            if len(got) != stages or not all(type(n) is int for n in got):
                kinds = {type(n).__name__ for n in got}
                said = f"{len(got)} of type {', '.join(sorted(kinds))}"
                text, wanted = call_text(arguments), f"{stages} whole numbers (int)"
                return Failure(text, wanted, said, (text, said))
        return None

    return Property(
        "one number a stage",
        "one whole number for each stage",
        "Add up inside a stage, append once a stage, and divide with //.",
        test,
    )


def exact_counts(
    name: str, statement: str, advice: str, cases: Sequence[Arguments]
) -> Property:
    """The counts of some calls."""

    def test(answer: Callable) -> Failure | None:
        for arguments in cases:
            got, right = counted(answer, arguments), right_counts(arguments)
            if got != right:
                text = call_text(arguments)
                return Failure(text, str(right), str(got), (text, tuple(got)))
        return None

    return Property(name, statement, advice, test)


# --- rank_places ----------------------------------------------------------------------

# Accuracies by seed, as fractions. Only "pre" is told apart from "branch": by its
# pairs, not by its mean. "conv2" has a seed of its own and lacks one.
PLANTED = {
    "branch": {0: 0.700, 1: 0.760, 2: 0.730, 3: 0.790},
    "pre": {0: 0.722, 1: 0.779, 2: 0.751, 3: 0.808},
    "post": {0: 0.690, 1: 0.780, 2: 0.650, 3: 0.800},
    "conv2": {0: 0.735, 1: 0.761, 3: 0.812, 7: 0.500},
}

ROW_MISSING = "A place is missing: keep `against` and places with one seed."


def runs_table(accuracies: Mapping[str, Mapping[int, float]]) -> pd.DataFrame:
    """One row a run, the rows in no useful order."""
    rows = [
        {"placement": place, "seed": seed, "status": "done", "test_accuracy": value}
        for place, values in accuracies.items()
        for seed, value in values.items()
    ]
    order = np.random.default_rng(3).permutation(len(rows))
    return pd.DataFrame(rows).iloc[order].reset_index(drop=True)


def with_failed_run() -> pd.DataFrame:
    """A run that failed at half its accuracy and was repeated: two rows of a seed."""
    runs = runs_table(PLANTED)
    failed = runs.iloc[:1].assign(status="failed: memory", test_accuracy=0.3)
    return pd.concat([failed, runs], ignore_index=True)


def right_ranking(
    accuracies: Mapping[str, Mapping[int, float]], against: str, level: float
) -> pd.DataFrame:
    """The table in slow steps, with the t interval by its formula."""
    rows = []
    for place, values in accuracies.items():
        base = accuracies[against]
        pairs = [100 * (values[s] - base[s]) for s in values if s in base]
        n, mean = len(pairs), sum(pairs) / len(pairs)
        low = high = math.nan
        if n > 1 and max(pairs) - min(pairs) > 1e-9:
            variance = sum((d - mean) ** 2 for d in pairs) / (n - 1)
            t = stats.t.ppf(0.5 + level / 2, n - 1)
            low, high = (mean + k * t * math.sqrt(variance / n) for k in (-1, 1))
        average = 100 * sum(values.values()) / len(values)
        rows.append((place, n, average, mean, low, high, low > 0 or high < 0))
    table = pd.DataFrame(rows, columns=RANKED)
    return table.sort_values("difference", ascending=False, ignore_index=True)


def ranked(answer: Callable, text: str, runs: pd.DataFrame, *rest) -> pd.DataFrame:
    """The answer's table, checked for its columns; the caller's runs are a copy."""
    with answering(text):
        result = answer(runs.copy(), *rest)
        if not isinstance(result, pd.DataFrame):
            raise WrongType(type_text(result), "a DataFrame")
        missing = [name for name in RANKED if name not in result.columns]
        if missing:
            raise WrongType(f"no column {missing[0]!r}", f"the columns {RANKED}")
    return result.reset_index(drop=True)


def ranking_runs() -> Property:
    """A table with the columns of the docstring."""

    def test(answer: Callable) -> None:
        ranked(answer, "runs of four places", runs_table(PLANTED))

    return Property(
        "runs",
        "it returns a table with the columns of the docstring",
        "Read the error, then print `table` after the pivot.",
        test,
    )


def ranking_equals(
    name: str,
    statement: str,
    advice: str,
    columns: Sequence[str],
    text: str = "four places, seeds 0 to 3 and one 7",
    accuracies: Mapping[str, Mapping[int, float]] = PLANTED,
    against: str = "branch",
    level: float = 0.95,
    runs: pd.DataFrame | None = None,
) -> Property:
    """Some columns of the table, place by place, whatever the order of the rows.

    runs: the table to pass where it is not the one that `accuracies` make.
    """
    given = runs_table(accuracies) if runs is None else runs
    rest = [] if (against, level) == ("branch", 0.95) else [against, level]

    def test(answer: Callable) -> Failure | None:
        got = ranked(answer, text, given, *rest)
        right = right_ranking(accuracies, against, level)
        if sorted(map(str, got["placement"])) != sorted(accuracies):
            places = ", ".join(sorted(map(str, got["placement"])))
            cause = None if len(got) >= len(accuracies) else ROW_MISSING
            wanted = "one row for each place"
            return Failure(text, wanted, places, (places,), cause)
        by_place = got.set_index("placement").loc[right["placement"]]
        for column in columns:
            mine = torch.tensor(by_place[column].to_numpy(dtype=float))
            true = torch.tensor(right[column].to_numpy(dtype=float))
            if not torch.allclose(mine, true, rtol=1e-6, atol=1e-6, equal_nan=True):
                wanted, said = (
                    f"{column}: " + listed(right["placement"], values, column)
                    for values in (true, mine)
                )
                every = torch.tensor(by_place[RANKED[1:]].to_numpy(dtype=float))
                return Failure(text, wanted, said, (column, every))
        return None

    return Property(name, statement, advice, test)


def listed(places: Sequence[str], values: torch.Tensor, column: str) -> str:
    """`pre 1.95, branch 0.00`; `pre 4, branch 4`; `pre True, branch False`."""
    said = {"seeds": lambda v: f"{v:g}", "certain": lambda v: str(v != 0)}
    say = said.get(column, lambda v: f"{v:.2f}")
    pairs = zip(places, values.tolist(), strict=True)
    return ", ".join(f"{place} {say(value)}" for place, value in pairs)


def best_first() -> Property:
    """The rows come in the order of the paired differences."""

    def test(answer: Callable) -> Failure | None:
        text = "four places, seeds 0 to 3 and one 7"
        got = list(ranked(answer, text, runs_table(PLANTED))["placement"])
        right = list(right_ranking(PLANTED, "branch", 0.95)["placement"])
        if got == right:
            return None
        return Failure(text, ", ".join(right), ", ".join(got), tuple(got))

    return Property(
        "best first",
        "the place with the largest paired difference comes first",
        "Sort by the column difference, largest first.",
        test,
    )


def runs_untouched() -> Property:
    """The caller's table is as it was."""

    def test(answer: Callable) -> Failure | None:
        text, runs = "four places", runs_table(PLANTED)
        before = runs.copy()
        with answering(text):
            answer(runs)
        if runs.equals(before):
            return None
        got = f"columns {', '.join(runs.columns)}, largest {runs.max().iloc[-1]:.3g}"
        return Failure(text, "the table as it was before the call", got, (got,))

    return Property(
        "input not modified",
        "the caller's table stays as it was",
        "Make a new table; leave runs alone.",
        test,
    )
