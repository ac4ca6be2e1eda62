"""What a benchmark leaves behind: the times of each round, facts, and the table.

times.csv has one row a task and round; bench.json the settings, the machine and facts
counted of each network; bench.csv one row a network, mode and phase, made from both.
"""

import json
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from course_lib.bench.cases import Settings
from course_lib.errors import CourseError
from course_lib.runs import write_atomically

NAME = ["network", "mode", "phase"]
TIMES = ["round", *NAME, "ms"]
WAY_OF_MODE = {"eager": "eager", "compiled": "fused"}


def load_times(out: Path, settings: Settings) -> pd.DataFrame:
    """The rounds that an earlier call with the same settings finished.

    Raises CourseError when the folder holds another measurement or a damaged one.
    """
    if not (out / "bench.json").exists():
        return pd.DataFrame(columns=TIMES)
    try:
        before = json.loads((out / "bench.json").read_text(encoding="utf-8"))
        found = dict(before["settings"])
        times = pd.read_csv(out / "times.csv")[TIMES]
        times["ms"].astype(float)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged(out, error) from error
    asked = json.loads(json.dumps(asdict(settings)))
    if found != asked:
        keys = sorted(set(found) | set(asked))
        absent = object()
        key = next(k for k in keys if found.get(k, absent) != asked.get(k, absent))
        raise CourseError(
            f"{out} holds a measurement with another {key}",
            f"{key} {found.get(key)}",
            "Choose another folder with --out.",
        )
    return times


def stored_table(out: Path, times: pd.DataFrame) -> pd.DataFrame:
    """The table of a finished measurement, with the facts that were noted then.

    Raises CourseError when bench.json is damaged.
    """
    try:
        return summarise(times, json.loads((out / "bench.json").read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged(out, error) from error


def damaged(out: Path, error: Exception) -> CourseError:
    """The one-line form of files that do not fit together."""
    return CourseError(
        f"{out} holds a damaged measurement ({error})",
        "bench.json and times.csv as course bench wrote them",
        "Delete the folder, or choose another with --out.",
    )


def save(out: Path, facts: dict, times: pd.DataFrame) -> pd.DataFrame:
    """Write the three files; return the table."""
    out.mkdir(parents=True, exist_ok=True)
    text = times.to_csv(index=False, lineterminator="\n", float_format="%.4f")
    write_atomically(out / "times.csv", text.encode())
    write_atomically(out / "bench.json", json.dumps(facts, indent=1).encode())
    table = summarise(times, facts)
    text = table.to_csv(index=False, lineterminator="\n", float_format="%.6g")
    write_atomically(out / "bench.csv", text.encode())
    return table


def ratios(times: pd.DataFrame, base: str = "plain") -> pd.DataFrame:
    """Each time over plain's time in the same round, mode and phase.

    times with the columns TIMES -> the same rows with a column ratio.
    """
    keys = ["round", "mode", "phase"]
    of_base = times[times["network"] == base][[*keys, "ms"]]
    both = times.merge(of_base, on=keys, suffixes=("", "_base"))
    return both.assign(ratio=both["ms"] / both["ms_base"]).drop(columns="ms_base")


def summarise(times: pd.DataFrame, facts: dict) -> pd.DataFrame:
    """One row a network, mode and phase, in the order they were asked for.

    ms: median over the rounds. ratio, ratio_low, ratio_high: median and quartiles of
    the rounds' ratios to plain. images_s: images a second. share: of the roofline, 0 to
    1, for the way that the mode could run at best. saved_mb, peak_mb: see cases.
    """
    settings = facts["settings"]
    rows = []
    for name, group in ratios(times).groupby(NAME, sort=False):
        network, mode, phase = name
        known = facts["networks"][network]
        ms = group["ms"].median()
        way = WAY_OF_MODE[mode]
        rows.append(
            dict(zip(NAME, name, strict=True))
            | {
                "ms": ms,
                "ratio": group["ratio"].median(),
                "ratio_low": group["ratio"].quantile(0.25),
                "ratio_high": group["ratio"].quantile(0.75),
                "rounds": len(group),
                "images_s": 1000 * settings["batch"] / ms,
                "share": known[f"{phase}_{way}_ms"] / ms,
                "ideal_share": known[f"{phase}_ideal_ms"] / ms,
                "parameters": known["parameters"],
                "gflop": known[f"{phase}_gflop"],
                "gb": known[f"{phase}_{way}_gb"],
                "saved_mb": known["saved_mb"],
                "peak_mb": known["peak_mb"].get(mode, float("nan")),
            }
            | facts["machine"]
        )
    order = {name: place for place, name in enumerate(settings["networks"])}
    table = pd.DataFrame(rows)
    place = table["network"].map(order)
    return (
        table.assign(place=place)
        .sort_values(["mode", "phase", "place"], ascending=[False, False, True])
        .drop(columns="place")
        .reset_index(drop=True)
    )


def markdown(table: pd.DataFrame) -> str:
    """The table for people: training and inference side by side, one row a network."""
    lines = [
        "| network | mode | train, ms a step | x plain (quartiles) | inference, ms "
        "| x plain (quartiles) | images/s, train | share of roofline, train | "
        "kept for backward, MB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for (mode, network), rows in table.groupby(["mode", "network"], sort=False):
        by_phase = rows.set_index("phase")
        cells = [network, mode, *_timing(by_phase, "train")]
        cells += _timing(by_phase, "infer")
        if "train" in by_phase.index:
            row = by_phase.loc["train"]
            cells += [f"{row['images_s']:,.4g}", f"{row['share']:.0%}"]
        else:
            cells += ["", ""]
        cells.append(f"{rows['saved_mb'].iloc[0]:,.0f}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _timing(by_phase: pd.DataFrame, phase: str) -> list[str]:
    if phase not in by_phase.index:
        return ["", ""]
    row = by_phase.loc[phase]
    spread = f"({row['ratio_low']:.2f} to {row['ratio_high']:.2f})"
    return [f"{row['ms']:,.1f}", f"{row['ratio']:.2f} {spread}"]
