"""The words of a comparison: tables, sentences to quote, notes, and the report file."""

import io
from pathlib import Path

import pandas as pd
from tabulate import tabulate

from course_lib.plots import accuracy_figure, alt_text
from course_lib.runs import disk_error, write_atomically
from course_lib.summary import display_name, prepare, summarise
from course_lib.verdicts import (
    decimals,
    headline,
    p_text,
    signed,
    verdict,
    verdicts,
    what_it_cannot_show,
)

GAINS = ["model", "seeds", "accuracy %", "minus plain", "p"]  # the other columns: cost

__all__ = [
    "markdown",
    "notes",
    "summarise",
    "table_text",
    "verdict",
    "verdicts",
    "what_it_cannot_show",
    "write_report",
]


def table_text(summary: pd.DataFrame, runs: pd.DataFrame | None = None) -> str:
    """The tables for a terminal, one a setting, in plain ASCII.

    With the runs that the summary came from, each table is followed by its sentences,
    notes and failed runs, and a setting in which every run failed is listed too.
    """
    settings = summary if runs is None else prepare(runs)
    parts = []
    for setting in settings["setting"].unique():
        rows = summary[summary["setting"] == setting]
        parts.append(setting)
        if len(rows):
            cells = _cells(rows)
            parts += [_table(cells[GAINS], "simple"), ""]
            parts += [_table(cells[["model", *cells.columns[len(GAINS) :]]], "simple")]
            parts.append(_legend(rows))
        if runs is not None:
            group = settings[settings["setting"] == setting]
            parts += ["", *verdicts(rows), "", *notes(rows, group), *_failed(group)]
        parts.append("")
    return "\n".join(parts).rstrip()


def notes(rows: pd.DataFrame, group: pd.DataFrame) -> list[str]:
    """What a reader of one table must know, a line each.

    rows: one setting of the summary; group: the same setting of `prepare(runs)`.
    """
    lines = []
    done = group[group["status"] == "done"]
    if done.empty:
        lines.append("No run of this setting finished.")
    elif not (done["model"] == "plain").any():
        lines.append("No finished plain run here, so no differences: add plain.")
    else:
        lines += [
            f"{row['label']}: {row['pairs']} of its {row['seeds']} seeds are paired, "
            "the others have no plain run."
            for _, row in rows[rows["model"] != "plain"].iterrows()
            if row["pairs"] < row["seeds"]
        ]
    lines += _where(done)
    for column, effect in (
        ("machine", "step times are compared within a machine only"),
        ("device", "step times are compared within a device only"),
        ("torch", "versions can shift accuracy and time a little"),
        ("code", "the course changed in between: check that nothing in training did"),
    ):
        found = [str(value) for value in done[column].unique()]
        if len(found) > 1:
            lines.append(f"Runs differ in {column} ({', '.join(found)}): {effect}.")
    return lines


def markdown(summary: pd.DataFrame, runs: pd.DataFrame) -> str:
    """The whole report as Markdown, with the images that `write_report` makes."""
    prepared = prepare(runs)
    lines = ["# Attention modules compared with plain ResNet50", ""]
    for number, setting in enumerate(prepared["setting"].unique(), start=1):
        rows = summary[summary["setting"] == setting]
        group = prepared[prepared["setting"] == setting]
        message = headline(rows) if len(rows) else "no run finished"
        lines += [f"## {message}", "", f"Setting: {setting}.", ""]
        if len(rows):
            lines += [f"- {sentence}" for sentence in verdicts(rows)]
            lines += ["", _table(_cells(rows), "github"), "", _legend(rows), ""]
            lines += [f"![{alt_text(rows)}]({_image_name(number)})", ""]
        below = notes(rows, group) + _failed(group)
        lines += [f"- {line.strip()}" for line in below] + [""]
    lines += ["## What these runs cannot show", ""]
    lines += [f"- {line}" for line in what_it_cannot_show(runs)]
    lines += ["", "## Where the numbers come from", ""]
    lines += [f"- {line}" for line in _origin(prepared)]
    return "\n".join(lines) + "\n"


def write_report(runs: pd.DataFrame, out: Path) -> Path:
    """Write report.md and its figures into the folder `out`; return report.md's path.

    The first setting's figure is report.png, a second one's report-2.png, and so on.
    Each file is replaced whole or not at all. Raises CourseError: no runs; a folder
    that cannot be written.
    """
    summary, prepared = summarise(runs), prepare(runs)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(out, error) from error
    for number, setting in enumerate(prepared["setting"].unique(), start=1):
        rows = summary[summary["setting"] == setting]
        if len(rows):
            image = io.BytesIO()
            accuracy_figure(rows, runs).savefig(image, format="png")
            write_atomically(out / _image_name(number), image.getvalue())
    path = out / "report.md"
    write_atomically(path, markdown(summary, runs).encode("utf-8"))
    return path


def _cells(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of one setting as text, a column a heading."""
    places = decimals(rows["test_images"].iloc[0])
    unit, divisor = ("GMACs", 1e9) if rows["macs"].max() >= 1e9 else ("MMACs", 1e6)
    cells = []
    for _, row in rows.iterrows():
        cells.append(
            {
                "model": row["label"],
                "seeds": row["seeds"],
                "accuracy %": _with_range(row, "accuracy", places),
                "minus plain": _with_range(row, "difference", places),
                "p": p_text(row["p_corrected"]).removeprefix("= "),
                "params M": f"{row['parameters'] / 1e6:.3f}",
                unit: f"{row['macs'] / divisor:.2f}",
                "step ms": f"{row['step_ms']:.1f}",
                "x plain": _with_range(row, "ratio", 2),
                "min/run": f"{row['minutes']:.1f}",
            }
        )
    return pd.DataFrame(cells)


def _table(cells: pd.DataFrame, style: str) -> str:
    return tabulate(
        cells,
        headers="keys",
        tablefmt=style,
        showindex=False,
        disable_numparse=True,
        colalign=("left", *["right"] * (cells.shape[1] - 1)),
    )


def _with_range(row: pd.Series, name: str, places: int) -> str:
    """A number with its range: 76.2 (74.1 to 78.3); empty when there is none."""

    def text(number: float) -> str:
        if name == "difference":
            return signed(number, places)
        return f"{number:.{places}f}"

    value, low, high = row[name], row[f"{name}_low"], row[f"{name}_high"]
    if pd.isna(value):
        return ""
    if pd.isna(low):
        return text(value)
    return f"{text(value)} ({text(low)} to {text(high)})"


def _legend(rows: pd.DataFrame) -> str:
    """How to read the columns of one table, as far as they are filled."""
    lines = ["accuracy: test set, mean over seeds (95 % t interval)."]
    if rows["difference"].notna().any():
        lines.append(
            "minus plain: points, paired by seed (95 % interval). Judge by this one: a "
            "good seed lifts all models, so the accuracy intervals may overlap."
        )
    if rows["p_corrected"].notna().any():
        tests = int(rows["tests"].max())
        models = f"{tests} models" if tests > 1 else "1 model"
        lines.append(f"p: paired t-test, Holm-corrected over {models}.")
    if rows["ratio"].notna().any():
        lines.append(
            "x plain: step time / plain's of the same seed, median (lowest to highest)."
        )
    return "\n".join(lines)


def _failed(group: pd.DataFrame) -> list[str]:
    """A line for each run that did not finish, with its cause."""
    failed = group[group["status"] != "done"]
    return [
        f"Failed, not counted: {run['label']}, seed {run['seed']}: "
        f"{str(run['status']).removeprefix('failed: ')}"
        for _, run in failed.iterrows()
    ]


def _where(done: pd.DataFrame) -> list[str]:
    """Where each module sits, and its reduction, in one line."""
    placed = done[done["placement"] != ""]
    parts = []
    for where, group in placed.groupby(
        ["placement", "stages", "reduction"], sort=False
    ):
        placement, stages, reduction = where
        models = ", ".join(group["model"].map(display_name).unique())
        text = f"{models} in {placement}"
        text += f", stages {stages}" if stages else ""
        text += f", r {reduction}" if reduction else ""
        parts.append(text)
    return [f"Placement: {'; '.join(parts)}."] if parts else []


def _origin(prepared: pd.DataFrame) -> list[str]:
    """Machine, versions and time, for someone who wants to repeat the runs."""
    done = int((prepared["status"] == "done").sum())
    seconds = prepared["seconds"].sum()

    def all_of(column: str) -> str:
        return ", ".join(str(value) for value in prepared[column].dropna().unique())

    return [
        f"Runs: {done} finished, {len(prepared) - done} failed; seeds "
        f"{', '.join(map(str, sorted(prepared['seed'].unique())))}.",
        f"Machine: {all_of('machine')}. Device: {all_of('device')}.",
        f"torch {all_of('torch')}. Course code: {all_of('code')}.",
        f"Time: {seconds:,.0f} seconds in all, added up over the runs.",
        "Each run is a row of runs.csv. `course report runs.csv` makes this report "
        "again; the same `course compare` command repeats the runs.",
    ]


def _image_name(number: int) -> str:
    return "report.png" if number == 1 else f"report-{number}.png"
