"""The picture of a benchmark: each network's time as a multiple of plain's."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

# Okabe-Ito; training and inference also differ in their marker
STYLES = {"train": ("#0072B2", "o"), "infer": ("#D55E00", "s")}
WORDS = {"train": "training step", "infer": "inference"}
TEXT = 9.5  # points


def save(table: pd.DataFrame, out: Path) -> Path:
    """Write bench.png into the folder; return its path."""
    path = out / "bench.png"
    bench_figure(table).savefig(path)
    return path


def bench_figure(table: pd.DataFrame) -> Figure:
    """One panel a mode, one row a network: median ratio to plain and its quartiles."""
    modes = list(dict.fromkeys(table["mode"]))
    networks = list(dict.fromkeys(table["network"]))
    size = (8.8, 1.9 + 0.36 * len(networks))
    figure = Figure(figsize=size, dpi=100, layout="constrained")
    panels = figure.subplots(1, len(modes), sharey=True, squeeze=False)[0]
    for axes, mode in zip(panels, modes, strict=True):
        draw_mode(axes, table[table["mode"] == mode], networks)
        axes.set_title(mode, fontsize=TEXT + 1)
    panels[0].set_yticks(range(len(networks)), networks, fontsize=TEXT + 0.5)
    panels[0].set_ylim(len(networks) - 0.4, -0.6)
    panels[0].legend(fontsize=TEXT, frameon=False, loc="lower right")
    figure.suptitle(message(table), x=0.01, ha="left", fontsize=12, fontweight="bold")
    figure.supxlabel(
        "time as a multiple of plain ResNet50 in the same round: median, quartiles",
        fontsize=TEXT,
    )
    return figure


def draw_mode(axes, rows: pd.DataFrame, networks: list[str]) -> None:
    """Dots with their quartiles, training above inference."""
    axes.axvline(1, color="black", linestyle="--", linewidth=1, zorder=1)
    shift = 0.12 if rows["phase"].nunique() > 1 else 0.0
    for phase, group in rows.groupby("phase", sort=False):
        colour, marker = STYLES[phase]
        offset = -shift if phase == "train" else shift
        y = [networks.index(name) + offset for name in group["network"]]
        low = group["ratio"] - group["ratio_low"]
        high = group["ratio_high"] - group["ratio"]
        axes.errorbar(
            group["ratio"],
            y,
            xerr=[low.clip(lower=0), high.clip(lower=0)],
            fmt=marker,
            color=colour,
            markersize=6,
            label=WORDS[phase],
        )
    axes.grid(axis="x", color="#E5E5E5", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=TEXT)


def message(table: pd.DataFrame) -> str:
    """The dearest and the cheapest of our modules, in one line."""
    first = table[(table["mode"] == table["mode"].iloc[0])]
    phase = first["phase"].iloc[0]
    rows = first[(first["phase"] == phase) & (first["network"] != "plain")]
    rows = rows[~rows["network"].str.contains("-plain")]
    if rows.empty:
        return "Plain ResNet50"
    cheap = rows.loc[rows["ratio"].idxmin()]
    dear = rows.loc[rows["ratio"].idxmax()]
    kind = f"{WORDS[phase]}, {first['mode'].iloc[0]}"
    if len(rows) == 1:
        return f"{cheap['network']} takes {cheap['ratio']:.2f} x plain ({kind})"
    return (
        f"From {cheap['ratio']:.2f} x plain ({cheap['network']}) to "
        f"{dear['ratio']:.2f} x ({dear['network']}): {kind}"
    )


def alt_text(table: pd.DataFrame) -> str:
    """The figure in words, with its numbers."""
    parts = [
        f"{row['network']} {row['mode']} {WORDS[row['phase']]} {row['ratio']:.2f} "
        f"({row['ratio_low']:.2f} to {row['ratio_high']:.2f})"
        for _, row in table.iterrows()
    ]
    return f"{message(table)}. Times plain: {'; '.join(parts)}."
