"""What the runs allow you to say, in words: headline, verdicts, limits."""

import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from course_lib.recipes import RECIPES
from course_lib.statistics import MOST_SEEDS
from course_lib.summary import ALPHA, FEWEST_SEEDS, prepare

SHORT = 60  # epochs; below this a run shows how fast a variant learns


def decimals(test_images: int) -> int:
    """Decimals of an accuracy in % that the number of test images supports."""
    return 2 if test_images >= 5000 else 1


def signed(value: float, places: int) -> str:
    """A difference with its sign, never "-0.0"."""
    return f"{round(value, places) + 0.0:+.{places}f}"


def headline(summary: pd.DataFrame) -> str:
    """The message of one setting, computed from the outcomes: the figure's title."""
    others = summary[summary["model"] != "plain"]
    few, most = summary["seeds"].min(), summary["seeds"].max()
    size = f"{len(summary)} model{'s' if len(summary) > 1 else ''}, "
    size += (
        f"{few} seed{'s' if most > 1 else ''}"
        if few == most
        else (f"{few} to {most} seeds")
    )
    if len(others) == len(summary):
        return f"{size}: no plain run to compare with"
    if others.empty:
        return f"{size}: plain alone, nothing to compare"
    if others["pairs"].max() < 2:
        return f"{size}: one seed has no spread, so no difference can be told"
    by_outcome = {
        outcome: list(others.loc[others["outcome"] == outcome, "label"])
        for outcome in ("better", "worse", "cannot tell")
    }
    if not by_outcome["better"] and not by_outcome["worse"]:
        return f"{size}: no difference to plain can be told"
    parts = [
        f"{', '.join(labels)} {outcome} than plain"
        for outcome, labels in by_outcome.items()
        if labels and outcome != "cannot tell"
    ]
    if by_outcome["cannot tell"]:
        labels = by_outcome["cannot tell"]
        named = ", ".join(labels) if len(labels) < 4 else f"{len(labels)} others"
        parts.append(f"cannot tell for {named}")
    return f"{size}: {'; '.join(parts)}"


def verdicts(summary: pd.DataFrame) -> list[str]:
    """`verdict` of every row but plain, in order."""
    others = summary[summary["model"] != "plain"]
    return [verdict(row) for _, row in others.iterrows()]


def verdict(row: pd.Series) -> str:
    """One sentence to quote about a row of the summary.

    It says "better" or "worse" only when the corrected p is below 0.05 and at least
    3 seeds were compared. Otherwise it says "cannot tell", and what would help.
    """
    places = decimals(row["test_images"])
    if row["pairs"] == 0:
        why = (
            "no seed in common with plain; run the same seeds for both"
            if row["outcome"]
            else "no plain run in this setting; add plain to the models"
        )
        return f"{row['label']}: cannot tell: {why}."
    direction = "over" if row["difference"] > 0 else "against"
    start = f"{row['label']}: {signed(row['difference'], places)} points "
    start += f"{direction} plain"
    if row["pairs"] == 1:
        return (
            f"{start} (1 seed): cannot tell: one seed has no spread; "
            f"run at least {FEWEST_SEEDS}."
        )
    if pd.isna(row["p_corrected"]):
        return (
            f"{start} ({row['pairs']} seeds): cannot tell: every seed gave the same "
            "difference, so there is no spread to judge by; use more test images."
        )
    low, high = row["difference_low"], row["difference_high"]
    start += (
        f" (95 % interval {number(low, places)} to {number(high, places)}, "
        f"{row['pairs']} seeds, corrected p {p_text(row['p_corrected'])})"
    )
    if row["outcome"] in ("better", "worse"):
        return f"{start}: {row['outcome']} in this setting."
    return f"{start}: cannot tell{_why_not(row)}; {_what_would_help(row)}."


def what_it_cannot_show(runs: pd.DataFrame) -> list[str]:
    """The limits of these runs, a sentence or two each."""
    runs = prepare(runs)
    done = runs[runs["status"] == "done"]
    lines = []
    short = sorted(int(epochs) for epochs in done["epochs"].unique() if epochs < SHORT)
    if short:
        lines.append(
            f"Short runs ({' and '.join(map(str, short))} epochs) measure how fast a "
            "variant learns, not how good it ends. A gate begins by shrinking the "
            "signal, SE's to about 0.5 and CBAM's two to about 0.25 of the residual "
            "branch, so such variants lag at first. A long training can turn the "
            "order round."
        )
    lines += _which_epoch(done)
    lines += [_binomial(group) for _, group in done.groupby("data_digest", sort=False)]
    if len(done):
        lines.append(
            '"About N seeds" takes the measured difference and spread for the true '
            "ones; from few seeds both are rough. N seeds find it 4 times in 5."
        )
        lines.append(
            "The intervals cover the luck of the seed: initial weights, data order and "
            "augmentation. They do not cover other data, other recipes or longer "
            "training; the verdicts hold for the settings named above."
        )
    return lines


def number(value: float, places: int) -> str:
    """A number without a plus sign, never "-0.0"."""
    return f"{round(value, places) + 0.0:.{places}f}"


def p_text(p: float) -> str:
    """A p-value for people: "= 0.021", "<0.001", or nothing for nan."""
    if pd.isna(p):
        return ""
    return f"= {p:.3f}" if p >= 0.001 else "<0.001"


def _why_not(row: pd.Series) -> str:
    """Why few seeds, or a small p before correction, are no proof; else nothing."""
    if row["pairs"] < FEWEST_SEEDS:
        return f" from {row['pairs']} seeds"
    if row["p"] < ALPHA:
        return (
            f" (alone it has p {p_text(row['p'])}, but with {row['tests']:.0f} models "
            "tested the correction asks for more)"
        )
    return ""


def _what_would_help(row: pd.Series) -> str:
    """How many seeds would find a difference of this size."""
    if pd.isna(row["seeds_to_settle"]):
        return (
            f"a difference this small would need more than {MOST_SEEDS:,} seeds at "
            "this spread"
        )
    return (
        f"at this spread about {row['seeds_to_settle']:.0f} seeds would settle a "
        "difference of this size"
    )


def _which_epoch(done: pd.DataFrame) -> list[str]:
    """Which epoch was reported under each recipe, and the recipe's known faults."""
    lines = []
    for name, group in done.groupby("recipe", sort=False):
        recipe = RECIPES.get(str(name))
        if recipe is None or recipe.select == "last":
            lines.append(
                f"Recipe {name}: accuracy is that of the last epoch. The best epoch on "
                "the test set would be higher, and would have seen the answers."
            )
        elif "test_accuracy_last" in group:
            gain = 100 * (group["test_accuracy"] - group["test_accuracy_last"]).mean()
            lines.append(
                f"Recipe {name}: accuracy is that of the best epoch on the test set; "
                f"the last epoch is {gain:.1f} points lower on average."
            )
        if recipe is not None and recipe.faults:
            lines.append(f"Recipe {name}, known faults: {'; '.join(recipe.faults)}.")
    return lines


def _binomial(group: pd.DataFrame) -> str:
    """How well a test set of this size knows the accuracy of one run."""
    plain = group[group["model"] == "plain"]
    one, images = (
        (plain if len(plain) else group).iloc[0],
        int(group.iloc[0].test_images),
    )
    hits = round(one["test_accuracy"] * images)
    low, high = (100 * b for b in proportion_confint(hits, images, method="wilson"))
    return (
        f"The {one['data']} test set has {images:,} images. They tell one run's "
        f"accuracy ({one['label']}, seed {one['seed']}: {100 * hits / images:.1f} %) "
        f"only to within {low:.1f} to {high:.1f} % (95 %, Wilson). All models meet "
        "the same images, so differences are known better than this."
    )
