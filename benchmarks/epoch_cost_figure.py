"""How the cost of an epoch grows: exponents with their intervals, and the figure.

The exponent is the slope of log(time) against log(images) or log(pixels): 1 is
linear. One slope a round, so that the interval tells how far rounds disagree.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib.statistics import Interval, mean_interval

# Okabe-Ito; models also differ in their marker
STYLES = {"plain": ("#0072B2", "o"), "se": ("#D55E00", "s")}
TEXT = 9.5  # points
AXES = {"images": "training images", "pixels": "pixels of an image"}


def series(times: pd.DataFrame, model: str, axis: str) -> pd.DataFrame:
    """One model's timings along "images" or "pixels": columns round, x, ms."""
    rows = times[times["model"] == model]
    sizes, counts = rows["image_size"], rows["images"]
    first = sizes.min()
    if axis == "images":
        chosen = rows[sizes == first]
        return chosen.assign(x=chosen["images"])[["round", "x", "ms"]]
    chosen = rows[counts == counts[sizes > first].iloc[0]]
    return chosen.assign(x=chosen["image_size"] ** 2)[["round", "x", "ms"]]


def models(times: pd.DataFrame) -> list[str]:
    """Those that were timed, plain first."""
    return [model for model in STYLES if model in set(times["model"])]


def exponent(points: pd.DataFrame, smallest: float = 0) -> Interval:
    """Mean slope over the rounds with its t interval; x below `smallest` left out."""
    points = points[points["x"] >= smallest]
    slopes = [
        np.polyfit(np.log(rows["x"]), np.log(rows["ms"]), 1)[0]
        for _, rows in points.groupby("round")
    ]
    return mean_interval(slopes)


def table(times: pd.DataFrame) -> pd.DataFrame:
    """One row a model and axis: exponents, and what the fixed cost is.

    exponent, low, high: over the whole range. upper, upper_low, upper_high: over its
    upper half (three points of five). fixed_share: of the time at the smallest x, the
    part that does not grow, from ms = a + b x through the medians.
    """
    rows = []
    for model in models(times):
        for axis in AXES:
            points = series(times, model, axis)
            xs = sorted(points["x"].unique())
            whole = exponent(points)
            upper = exponent(points, xs[len(xs) // 2])
            medians = points.groupby("x")["ms"].median()
            b, a = np.polyfit(medians.index, medians, 1, w=1 / medians)
            rows.append(
                {
                    "model": model,
                    "against": axis,
                    "from": xs[0],
                    "to": xs[-1],
                    "exponent": whole.mean,
                    "low": whole.low,
                    "high": whole.high,
                    "upper": upper.mean,
                    "upper_low": upper.low,
                    "upper_high": upper.high,
                    "fixed_share": a / (a + b * xs[0]),
                    "rounds": whole.n,
                }
            )
    return pd.DataFrame(rows).round(3)


def cells(row: dict[str, object]) -> str:
    """A row of the table, for people."""
    spread = f"{row['low']:.2f} to {row['high']:.2f}"
    upper = f"{row['upper']:.2f} ({row['upper_low']:.2f} to {row['upper_high']:.2f})"
    span = f"{label(row['against'], row['from'])} to {label(row['against'], row['to'])}"
    return (
        f"{row['model']} | {AXES[row['against']]}, {span} | {row['exponent']:.2f} "
        f"({spread}) | {upper} | {row['fixed_share']:.0%}"
    )


def message(times: pd.DataFrame) -> str:
    """What the two exponents of plain mean, in one line."""
    rows = table(times).set_index(["model", "against"])
    images, pixels = (rows.loc[("plain", axis), "exponent"] for axis in AXES)
    return (
        f"Twice the images cost {2**images:.1f} times as much, "
        f"four times the pixels {4**pixels:.1f} times"
    )


def cost_figure(times: pd.DataFrame) -> Figure:
    """Two panels with logarithmic axes: against images, against pixels."""
    figure = Figure(figsize=(9, 4), dpi=100, layout="constrained")
    for axes, axis in zip(figure.subplots(1, 2), AXES, strict=True):
        draw(axes, times, axis)
    figure.suptitle(message(times), x=0.01, ha="left", fontsize=12, fontweight="bold")
    return figure


def draw(axes: Axes, times: pd.DataFrame, axis: str) -> None:
    """Median and range of the rounds, and the line that would be linear."""
    rows = table(times).set_index(["model", "against"])
    for model in models(times):
        colour, marker = STYLES[model]
        seconds = series(times, model, axis).groupby("x")["ms"].describe() / 1000
        middle = seconds["50%"]
        found = rows.loc[(model, axis)]
        axes.errorbar(
            middle.index,
            middle,
            yerr=[middle - seconds["min"], seconds["max"] - middle],
            fmt=marker,
            color=colour,
            markersize=6,
            label=f"{model}: {found['exponent']:.2f} "
            f"({found['low']:.2f} to {found['high']:.2f})",
        )
        linear = middle.iloc[-1] * middle.index / middle.index[-1]
        axes.plot(middle.index, linear, "--", color=colour, linewidth=1)
    axes.set_xscale("log")
    axes.set_yscale("log")
    ticks = list(middle.index)
    axes.set_xticks(ticks, [label(axis, x) for x in ticks], fontsize=TEXT)
    axes.minorticks_off()
    low, high = axes.get_ylim()
    marks = [m for m in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50) if low <= m <= high]
    axes.set_yticks(marks, [f"{mark:g}" for mark in marks], fontsize=TEXT)
    axes.set_xlabel(AXES[axis], fontsize=TEXT + 0.5)
    axes.set_ylabel("seconds an epoch", fontsize=TEXT + 0.5)
    axes.legend(
        title="exponent (95 % interval); dashed: 1, linear",
        fontsize=TEXT,
        title_fontsize=TEXT,
        frameon=False,
    )
    axes.grid(color="#E5E5E5", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def label(axis: str, x: float) -> str:
    """1024 images are "1,024", and as pixels of a square image "32 x 32"."""
    side = round(x**0.5)
    return f"{x:,}" if axis == "images" else f"{side} x {side}"


def save(times: pd.DataFrame, path: Path) -> Path:
    """Write the figure; return its path."""
    cost_figure(times).savefig(path)
    return path


def alt_text(times: pd.DataFrame) -> str:
    """The figure in words, with its numbers."""
    parts = []
    for row in table(times).to_dict("records"):
        parts.append(
            f"{row['model']} against {row['against']} {row['exponent']:.2f} "
            f"({row['low']:.2f} to {row['high']:.2f})"
        )
    return f"{message(times)}. Exponents: {'; '.join(parts)}."
