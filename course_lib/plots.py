"""The figure of a comparison, its message and its alternative text.

Figures are matplotlib Figure objects made without pyplot: nothing stays behind in a
notebook, and no screen is needed.
"""

import io
import textwrap

import pandas as pd
from IPython import get_ipython
from IPython.display import Image, display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from course_lib.errors import CourseError
from course_lib.summary import prepare
from course_lib.verdicts import decimals, headline, signed

# Okabe-Ito colours; each outcome also has its own marker
STYLES = {
    "": ("#000000", "s"),
    "cannot tell": ("#0072B2", "o"),
    "better": ("#009E73", "^"),
    "worse": ("#D55E00", "v"),
}
TIME_STYLE = ("#595959", "D")
SEED_COLOUR = "#777777"
TEXT = 9.5  # points; the smallest text in the figure
TITLE_LETTERS, LINE_LETTERS = 105, 155  # what fits on one line of the figure


def accuracy_figure(summary: pd.DataFrame, runs: pd.DataFrame) -> Figure:
    """Accuracy by seed, difference to plain and step time: one row a model.

    summary: the rows of one setting, of `summarise`; runs: the table it came from.
    Raises CourseError: several settings, or no finished run.
    """
    _check_one_setting(summary)
    setting = summary["setting"].iloc[0]
    runs = prepare(runs)
    done = runs[(runs["setting"] == setting) & (runs["status"] == "done")]
    figure = Figure(
        figsize=(11, 2.5 + 0.55 * len(summary)), dpi=100, layout="constrained"
    )
    left, middle, right = figure.subplots(
        1, 3, sharey=True, gridspec_kw={"width_ratios": [4, 4, 2]}
    )
    _draw_accuracy(left, summary, done)
    _draw_differences(middle, summary)
    _draw_step_time(right, summary)
    left.set_yticks(range(len(summary)), summary["label"], fontsize=TEXT + 1)
    left.set_ylim(len(summary) - 0.4, -0.6)  # plain on top
    for axes in (left, middle, right):
        axes.grid(axis="x", color="#E5E5E5", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.tick_params(axis="x", labelsize=TEXT)
        axes.margins(x=0.12)
    title = textwrap.fill(headline(summary), TITLE_LETTERS)
    figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold")
    below = [textwrap.fill(text, LINE_LETTERS) for text in (_key(summary), setting)]
    figure.supxlabel("\n".join(below), x=0.01, ha="left", fontsize=TEXT)
    return figure


def alt_text(summary: pd.DataFrame) -> str:
    """The figure in words, with its key numbers. Raises CourseError as the figure."""
    _check_one_setting(summary)
    places = decimals(summary["test_images"].iloc[0])
    rows = []
    for _, row in summary.iterrows():
        text = f"{row['label']} {row['accuracy']:.{places}f} %"
        if pd.notna(row["accuracy_low"]):
            low, high = row["accuracy_low"], row["accuracy_high"]
            text += f" ({low:.{places}f} to {high:.{places}f})"
        if pd.notna(row["difference"]):
            text += f", {signed(row['difference'], places)} points against plain"
        if pd.notna(row["difference_low"]):
            low, high = row["difference_low"], row["difference_high"]
            text += f" ({signed(low, places)} to {signed(high, places)})"
        if pd.notna(row["ratio"]):
            text += f", step time {row['ratio']:.2f}x plain"
        rows.append(text)
    return (
        f"{headline(summary)}. Mean test accuracy (95 % interval), one row a model: "
        f"{'; '.join(rows)}."
    )


def show(figure: Figure, alt: str) -> None:
    """Show a figure in a notebook and print its alternative text below.

    The printed text carries the key numbers for readers who do not see the figure,
    and lets a test compare them. Outside a notebook only the text appears.
    """
    if get_ipython() is not None:
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
        display(Image(buffer.getvalue(), alt=alt))
    print(textwrap.fill(alt, 88, break_long_words=False))


def _draw_accuracy(axes: Axes, summary: pd.DataFrame, done: pd.DataFrame) -> None:
    """Each seed a ring, the mean a filled marker, the interval a line."""
    places = decimals(summary["test_images"].iloc[0])
    for y, (_, row) in enumerate(summary.iterrows()):
        seeds = 100 * done.loc[done["label"] == row["label"], "test_accuracy"]
        axes.plot(
            seeds,
            [y + 0.24] * len(seeds),
            linestyle="none",
            marker="o",
            markersize=5,
            markerfacecolor="none",
            markeredgecolor=SEED_COLOUR,
        )
        text = f"{row['accuracy']:.{places}f}"
        _draw_estimate(axes, y, row, "accuracy", text, STYLES[row["outcome"]])
        if row["model"] == "plain":
            axes.axvline(
                row["accuracy"], color="black", linestyle="--", linewidth=1, zorder=1
            )
    axes.set_xlabel("test accuracy, %", fontsize=TEXT + 0.5)


def _draw_differences(axes: Axes, summary: pd.DataFrame) -> None:
    """Paired differences to plain, with the zero line."""
    places = decimals(summary["test_images"].iloc[0])
    axes.axvline(0, color="black", linestyle="--", linewidth=1, zorder=1)
    for y, (_, row) in enumerate(summary.iterrows()):
        if pd.notna(row["difference"]):
            text = signed(row["difference"], places)
            _draw_estimate(axes, y, row, "difference", text, STYLES[row["outcome"]])
    if summary["difference"].isna().all():
        _say_nothing_here(axes, (-1, 1))
    axes.set_xlabel("minus plain, points (right: better)", fontsize=TEXT + 0.5)


def _draw_step_time(axes: Axes, summary: pd.DataFrame) -> None:
    """Step time as a multiple of plain's: median, and a line from lowest to highest."""
    axes.axvline(1, color="black", linestyle="--", linewidth=1, zorder=1)
    for y, (_, row) in enumerate(summary.iterrows()):
        if pd.notna(row["ratio"]):
            text = f"{row['ratio']:.2f}x"
            _draw_estimate(axes, y, row, "ratio", text, TIME_STYLE)
    if summary["ratio"].isna().all():
        _say_nothing_here(axes, (0.5, 1.5))
    axes.set_xlabel("step time / plain's", fontsize=TEXT + 0.5)


def _draw_estimate(
    axes: Axes, y: int, row: pd.Series, name: str, text: str, style: tuple[str, str]
) -> None:
    """One number at height y: marker, line from low to high, and the number above."""
    colour, marker = style
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    if pd.notna(low):
        axes.plot([low, high], [y, y], color=colour, linewidth=2.2)
    axes.plot(row[name], y, color=colour, marker=marker, markersize=8)
    axes.annotate(
        text,
        (row[name], y),
        xytext=(0, 6),
        textcoords="offset points",
        ha="center",
        fontsize=TEXT,
        path_effects=[withStroke(linewidth=3, foreground="white")],
    )


def _say_nothing_here(axes: Axes, limits: tuple[float, float]) -> None:
    """Say in an empty panel why it is empty."""
    axes.set_xlim(limits)
    axes.text(
        0.5,
        0.5,
        "nothing to compare\nwith plain",
        transform=axes.transAxes,
        ha="center",
        va="center",
        fontsize=TEXT,
        backgroundcolor="white",
    )


def _key(summary: pd.DataFrame) -> str:
    """How to read the marks that this figure holds."""
    has_plain = (summary["model"] == "plain").any()
    names = {"": "square: plain" if has_plain else "square: not compared"}
    names |= {"cannot tell": "disc: cannot tell"}
    names |= {"better": "triangle up: better", "worse": "triangle down: worse"}
    outcomes = [names[o] for o in names if o in set(summary["outcome"])]
    return (
        f"Mean over seeds ({', '.join(outcomes)}); ring: one seed; dashed: plain; "
        "line: 95 % interval (step time: range)."
    )


def _check_one_setting(summary: pd.DataFrame) -> None:
    settings = summary["setting"].nunique()
    if settings != 1:
        raise CourseError(
            f"a summary of {settings} settings",
            "the rows of one setting",
            "Keep the rows with one value in the column `setting`.",
        )
