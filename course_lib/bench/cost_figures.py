"""The figures of notebook 10: roofs, a block's least times, a prediction's score."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from course_lib.bench.blocks import block_work
from course_lib.bench.published import ridge
from course_lib.plots import show

Peak = tuple[float, float, int]  # GFLOP/s, GB/s, bytes of a number
# Okabe-Ito, each with its own line
LINES = (("#0072B2", "-"), ("#E69F00", "--"), ("#009E73", "-."), ("#D55E00", ":"))
BOUNDS = {"compute": ("#0072B2", ""), "memory": ("#E69F00", "//")}
TEXT = 9.5  # points


def least_ms(operations: float, moved: float, peak: Peak) -> tuple[float, str]:
    """The least time of an operation in ms, and the ceiling that sets it.

    moved: numbers read and written.
    """
    gflop_s, gb_s, size = peak
    compute, memory = operations / gflop_s / 1e6, size * moved / gb_s / 1e6
    return max(compute, memory), "compute" if compute > memory else "memory"


def se_share(channels: int, side: int, peak: Peak) -> float:
    """SE's least time over that of the rest of a block, forward, 64 images."""
    least = {
        name: least_ms(*each, peak)[0]
        for name, each in block_work(channels, side, 64).items()
    }
    se = sum(ms for name, ms in least.items() if name.startswith("SE"))
    return se / (sum(least.values()) - se)


def new_figure(height: float) -> tuple[Figure, object]:
    """A figure with one panel."""
    figure = Figure(figsize=(8.8, height), dpi=100, layout="constrained")
    axes = figure.subplots()
    axes.tick_params(labelsize=TEXT)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def set_title(axes, title: str) -> None:
    """The message of the figure."""
    axes.set_title(title, fontsize=12, fontweight="bold", loc="left")


def draw_roofs(intensity: Mapping[str, float], peaks: Mapping[str, Peak]) -> None:
    """Each machine's roof, and where operations stand below it.

    intensity: operations for each number moved, by name. peaks: two to four machines.
    """
    figure, axes = new_figure(4.2)
    lines = zip(peaks.items(), LINES[: len(peaks)], strict=True)
    for (name, peak), (colour, style) in lines:
        xs = sorted([0.2, 2000.0, ridge(peak)])
        ys = [min(1.0, x / ridge(peak)) for x in xs]
        axes.loglog(xs, ys, style, color=colour, linewidth=2.2, label=name)
    places: dict[float, list[str]] = {}
    for name, x in intensity.items():
        places.setdefault(float(f"{x:.1g}"), []).append(name)
    for names in places.values():
        x = intensity[names[0]]
        axes.axvline(x, color="#BBBBBB", linewidth=1, zorder=0)
        text = ", ".join(names)
        axes.text(
            x * 0.98, 6e-6, text, rotation=90, fontsize=TEXT, va="bottom", ha="right"
        )
    axes.set(ylim=(5e-6, 1.7), xlim=(0.2, 2000))
    axes.set_xlabel("operations for each number moved", fontsize=10)
    axes.set_ylabel("share of each machine's own peak", fontsize=10)
    axes.legend(fontsize=TEXT, loc="lower center", bbox_to_anchor=(0.5, 0.02))
    waiting = {
        machine: [name for name, x in intensity.items() if x < ridge(peak)]
        for machine, peak in peaks.items()
    }
    first, *_, last = [f"{len(names)} on {m}" for m, names in waiting.items()]
    title = f"Of {len(intensity)} operations, {first} and {last} wait for memory"
    set_title(axes, title)
    listed = "; ".join(f"{m}: {', '.join(names)}" for m, names in waiting.items())
    show(figure, alt=f"{title}. Waiting, {listed}.")


def draw_block(channels: int, side: int, machine: str, peak: Peak) -> None:
    """Least times of the operations of a block with SE, forward, 64 images."""
    found = {
        name: least_ms(*each, peak)
        for name, each in block_work(channels, side, 64).items()
    }
    figure, axes = new_figure(3.4)
    for name, (ms, bound) in found.items():
        colour, hatch = BOUNDS[bound]
        axes.barh(name, ms, color=colour, hatch=hatch, edgecolor="white")
        axes.text(ms, name, f" {ms:.3g} ms, {bound}", va="center", fontsize=TEXT)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.3 * max(ms for ms, _ in found.values()))
    axes.set_xlabel("least time, ms", fontsize=10)
    share = se_share(channels, side, peak)
    title = f"{machine}: SE adds {share:.1%} to the forward's least time"
    set_title(axes, title)
    waiting = sum(bound == "memory" for _, bound in found.values())
    alt = f"{title}. {channels} channels, {side} x {side}, 64 images; "
    show(figure, alt=alt + f"{waiting} of {len(found)} operations wait for memory.")


def draw_score(score: pd.DataFrame) -> None:
    """Two predictions beside the measured ratio, one row a module.

    score: columns arithmetic, roofline, measured, low, high, share.
    """
    figure, axes = new_figure(3.2)
    rows = range(len(score))
    axes.hlines(rows, score["low"], score["high"], color="black", linewidth=2)
    marks = {"measured": ("o", "black"), "roofline": ("D", "#0072B2")}
    for column, (marker, colour) in (marks | {"arithmetic": ("^", "#D55E00")}).items():
        axes.plot(score[column], rows, marker, color=colour, markersize=8, label=column)
    axes.set_yticks(rows, score.index, fontsize=11)
    axes.axvline(1, color="#777777", linestyle="--", linewidth=1)
    axes.set_ylim(len(score) - 0.5, -0.5)
    axes.set_xlabel(
        "training step as a multiple of plain's (line: quartiles)", fontsize=10
    )
    axes.legend(fontsize=TEXT)
    low, high = score["share"].min(), score["share"].max()
    title = f"The roofline foresees {low:.0%} to {high:.0%} of the extra time"
    set_title(axes, title)
    listed = "; ".join(
        f"{name} {row['arithmetic']:.2f}, {row['roofline']:.2f}, {row['measured']:.2f}"
        for name, row in score.iterrows()
    )
    show(figure, alt=f"{title}. Arithmetic, roofline, measured: {listed}.")


def draw_published(table: pd.DataFrame) -> None:
    """Published times with a module over times without, one row a measurement.

    Filled: training, hollow: inference. table: see `published_ratios`.
    """
    infers = table["hardware"].str.contains("inference")
    phase = infers.map({False: "training", True: "inference"})
    table = table.assign(kind=table["module"] + ", " + phase)
    kinds = table["kind"].unique()
    parts = [table[table["kind"] == kind].sort_values("ratio") for kind in kinds]
    parts.sort(key=lambda part: part["module"].iloc[0], reverse=True)  # SE on top
    table = pd.concat(parts, ignore_index=True)
    figure, axes = new_figure(4.2)
    words = table["module"] + ": " + table["hardware"] + " (" + table["source"] + ")"
    rows = range(len(table))
    axes.hlines(rows, 1, table["ratio"], color="#BBBBBB", linewidth=2)
    for kind, part in table.groupby("kind", sort=False):
        marker, colour = ("o", "#0072B2") if "SE" in kind else ("D", "#D55E00")
        fill = "white" if "inference" in kind else colour
        axes.plot(
            part["ratio"],
            part.index,
            marker,
            color=colour,
            markerfacecolor=fill,
            markersize=8,
            label=kind,
        )
    axes.legend(fontsize=TEXT, loc="upper right")
    for place, ratio in enumerate(table["ratio"]):
        axes.text(ratio + 0.03, place, f"{ratio:.2f}", va="center", fontsize=TEXT)
    axes.set_yticks(rows, words, fontsize=TEXT)
    axes.invert_yaxis()
    axes.set_xlim(1, table["ratio"].max() + 0.2)
    axes.set_xlabel("time as a multiple of the network without", fontsize=10)
    se = table[table["kind"] == "SE, training"]
    title = "Published: SE's training step takes "
    title += f"{se['ratio'].min():.2f} to {se['ratio'].max():.2f} x plain"
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    listed = [f"{w} {r:.2f}" for w, r in zip(words, table["ratio"], strict=True)]
    show(figure, alt=f"{title}. {'; '.join(listed)}.")
