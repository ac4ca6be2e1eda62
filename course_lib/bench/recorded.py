"""The measurements of `course bench` that ship in a folder, and what is missing."""

import json
from itertools import product
from pathlib import Path

import pandas as pd

from course_lib.errors import CourseError

SWITCHES = ["device", "mode", "precision", "layout"]
EVERY = {
    "mode": ("eager", "compiled"),
    "precision": ("fp32", "bf16"),
    "layout": ("channels_last", "NCHW"),
}


def read_benches(results: Path, phase: str = "train") -> pd.DataFrame:
    """All rows of one phase of every bench-* folder, with its switches as columns.

    results: the folder that holds them, also deeper down. -> the columns of bench.csv,
    and folder, device, precision and layout. Raises CourseError where there is none.
    """
    tables = []
    for path in sorted(results.glob("bench-*/**/bench.csv")):
        text = (path.parent / "bench.json").read_text(encoding="utf-8")
        settings = json.loads(text)["settings"]
        table = pd.read_csv(path)
        tables.append(
            table[table["phase"] == phase].assign(
                folder=path.parent.relative_to(results).as_posix(),
                device=settings["device"],
                precision=settings["precision"],
                layout="channels_last" if settings["channels_last"] else "NCHW",
            )
        )
    if not tables:
        raise CourseError(
            f"no bench-*/bench.csv in {results}",
            "the measurements that ship with the course",
            "Restore data/results from the repository, or run course bench.",
        )
    return pd.concat(tables, ignore_index=True)


def ratios_by_switch(benches: pd.DataFrame, networks: list[str]) -> pd.DataFrame:
    """Ratio to plain in the same mode: one row a folder and setting of the switches.

    The first column has plain's own step, in ms, of that row's machine and sizes.
    """
    rows = ["folder", *SWITCHES]
    plain = benches[benches["network"] == "plain"].set_index(rows)["ms"]
    table = benches[benches["network"].isin(networks)]
    found = table.pivot_table("ratio", rows, "network", sort=False)
    found.insert(0, "plain, ms", plain)
    return found[["plain, ms", *(name for name in networks if name in found)]]


def not_recorded(benches: pd.DataFrame, device: str) -> list[str]:
    """The settings of the switches that no folder has for this kind of device."""
    here = benches[benches["device"].str.startswith(device)]
    there = set(here[list(EVERY)].itertuples(index=False, name=None))
    return [" ".join(each) for each in product(*EVERY.values()) if each not in there]
