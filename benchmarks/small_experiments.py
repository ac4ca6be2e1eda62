"""The small recorded experiments of the notebooks: makes each table again.

    python benchmarks/small_experiments.py                      # lists them
    python benchmarks/small_experiments.py 03_open_gates        # all rows, minutes
    python benchmarks/small_experiments.py 05_cbam_start --only CBAM --seeds 0

Each writes OUT/NAME.csv, with the columns of data/results/NAME.csv, and then says in
what the two differ. Called again, it goes on: rows and epochs that are there stay;
"processor seconds" are then those of the last call alone.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a plain checkout

import small_rows as rows
from small_networks import STARTS
from small_rows import Job

from course_lib.errors import CourseError, check_choice
from course_lib.profiles import CI, LAPTOP, Sizes
from course_lib.runs import write_atomically

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "data" / "results"
# What differs between two machines or two versions though the training was the same.
CIRCUMSTANCES = ["processor seconds", "torch", "code"]


@dataclass(frozen=True)
class Experiment:
    """One table. jobs: (label, seed) of each training, in the order of the table.

    rows: trains one of them and returns its rows. named: the column with the label, if
    the table has one.
    """

    notebook: str
    what: str
    sizes: Sizes
    jobs: tuple[tuple[str, int], ...]
    rows: Callable[[Job], list[dict[str, object]]]
    named: str | None = "network"


def each_seed(
    labels: Sequence[str], seeds: Sequence[int] = (0, 1, 2)
) -> tuple[tuple[str, int], ...]:
    """All labels of a seed, then those of the next."""
    return tuple((label, seed) for seed in seeds for label in labels)


NAMES = tuple(STARTS)
EXPERIMENTS = {
    "01_shortcuts": Experiment(
        "01",
        "are shortcuts needed? 10 epochs",
        replace(LAPTOP.signs, epochs=10),
        each_seed(("shortcuts, zero start", "shortcuts", "no shortcuts")),
        rows.shortcuts,
    ),
    "03_open_gates": Experiment(
        "03",
        "SE on the shortcut, gates open at the start",
        LAPTOP.signs,
        each_seed(("bias 5",)),
        rows.open_gates,
        named="start",
    ),
    "05_cbam_start": Experiment(
        "05",
        "which part of CBAM's start costs accuracy?",
        LAPTOP.signs,
        each_seed(NAMES, [0]) + each_seed(NAMES[1:], [1, 2]),
        rows.cbam_start,
    ),
    "05_cbam_maps": Experiment(
        "05",
        "where do the maps of two of these look?",
        LAPTOP.signs,
        each_seed(NAMES[:2], [0]),
        rows.cbam_maps,
    ),
    "07_epochs": Experiment(
        "07",
        "which epoch is best, by which half of the test images?",
        replace(CI.signs, epochs=20, val_images=500, test_images=2000),
        each_seed(("plain",)),
        rows.epochs,
        named=None,
    ),
}


def make(
    name: str, out: Path, only: str | None = None, seeds: Sequence[int] = ()
) -> pd.DataFrame:
    """Train what OUT/NAME.csv lacks; only: one label; seeds: these alone.

    Raises CourseError for an unknown name or label, or nothing to do.
    """
    check_choice("experiment", name, EXPERIMENTS)
    experiment, path = EXPERIMENTS[name], out / f"{name}.csv"
    if only is not None:
        check_choice("label", only, dict(experiment.jobs))
    jobs = [
        (label, seed)
        for label, seed in experiment.jobs
        if only in (None, label) and (not seeds or seed in seeds)
    ]
    if not jobs:
        raise CourseError(f"--seeds {seeds}", "0, 1 or 2", "Leave it out.")
    torch.set_num_threads(1)
    out.mkdir(parents=True, exist_ok=True)
    table = pd.read_csv(path) if path.exists() else pd.DataFrame()
    for label, seed in jobs:
        if len(rows_of(table, experiment, label, seed)):
            continue
        new = experiment.rows(Job(label, seed, experiment.sizes, out))
        table = pd.concat([table, pd.DataFrame(new)], ignore_index=True)
        text = table.to_csv(index=False, lineterminator="\n")
        write_atomically(path, text.encode())
        print(f"{name}: {label}, seed {seed} is done.", flush=True)
    return pd.read_csv(path)


def rows_of(
    table: pd.DataFrame, experiment: Experiment, label: str, seed: int
) -> pd.DataFrame:
    """The rows of one job."""
    if table.empty:
        return table
    own = table[table["seed"] == seed]
    return own if experiment.named is None else own[own[experiment.named] == label]


def differences(name: str, made: pd.DataFrame, recorded: pd.DataFrame) -> list[str]:
    """One line for each job that was made: what differs from the recorded rows."""
    lines, experiment = [], EXPERIMENTS[name]
    for label, seed in experiment.jobs:
        mine, theirs = (
            rows_of(table, experiment, label, seed).drop(
                columns=CIRCUMSTANCES, errors="ignore"
            )
            for table in (made, recorded)
        )
        if mine.empty:
            continue
        found = "not recorded" if theirs.empty else difference(mine, theirs)
        lines.append(f"{label}, seed {seed}, {len(mine)} row(s): {found}")
    return lines


def difference(mine: pd.DataFrame, theirs: pd.DataFrame) -> str:
    """ "as recorded", or the columns that are not."""
    if mine.shape != theirs.shape or list(mine) != list(theirs):
        return f"{len(mine)} x {len(list(mine))} values, not {theirs.shape} as recorded"
    mine, theirs = mine.reset_index(drop=True), theirs.reset_index(drop=True)
    wrong = [column for column in mine if not mine[column].equals(theirs[column])]
    return f"other values of {', '.join(wrong)}" if wrong else "as recorded"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", help="leave it out to list them")
    parser.add_argument("--only", help="one network, by its label in the table")
    parser.add_argument("--seeds", type=int, nargs="*", default=[], help="such as 0 1")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "small-experiments")
    options = parser.parse_args()
    if options.name is None:
        for name, one in EXPERIMENTS.items():
            print(
                f"{name:15} notebook {one.notebook}, {len(one.jobs):2} trainings: "
                f"{one.what}"
            )
        return
    made = make(options.name, options.out, options.only, options.seeds)
    recorded = pd.read_csv(RESULTS / f"{options.name}.csv")
    print(*differences(options.name, made, recorded), sep="\n")


if __name__ == "__main__":
    try:
        main()
    except CourseError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
