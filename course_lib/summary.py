"""From a table of runs to one row a model: means, intervals, differences, costs.

Only runs of the same setting are compared: same images, same recipe, same network but
for the attention. Only runs of the same seed are subtracted. The words and the figure
made from the summary are in report.py and plots.py.
"""

import numpy as np
import pandas as pd

from course_lib.errors import CourseError
from course_lib.statistics import holm, mean_interval, paired_difference, seeds_needed

ALPHA = 0.05
FEWEST_SEEDS = 3  # below this no claim is made, whatever the p-value

SETTING = [  # runs that differ here are never in one table
    "data",
    "data_digest",
    "image_size",
    "train_images",
    "test_images",
    "recipe",
    "epochs",
    "batch",
    "lr",
    "width",
    "stem",
    "preact",
    "precision",
]
CONFIGURATION = ["model", "placement", "stages", "reduction"]  # one row each
NEEDED = [
    *SETTING,
    *CONFIGURATION,
    *["run_id", "seed", "status", "test_accuracy", "parameters", "macs", "step_ms"],
    *["seconds", "device", "machine", "torch", "code"],
]
SUMMARY_COLUMNS = [
    *["setting", "label", *CONFIGURATION, "test_images"],
    *["seeds", "accuracy", "accuracy_low", "accuracy_high"],  # in %
    *["pairs", "difference", "difference_low", "difference_high", "sd"],  # in points
    *["p", "p_permutation", "p_corrected", "tests", "outcome", "seeds_to_settle"],
    *["parameters", "macs", "step_ms", "ratio", "ratio_low", "ratio_high", "minutes"],
]


def summarise(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a model of each setting, with the columns of SUMMARY_COLUMNS.

    `setting` is the heading of its table, `label` the name of the row. Accuracy is
    the mean over seeds in %, its interval cut at 0 and 100. `difference` is the mean
    of (model - plain) over the `pairs` seeds that both have, in points, with its t
    interval, `sd` and p-values; `p_corrected` is Holm's over the `tests` models of
    the setting. `outcome` is "better", "worse", "cannot tell", or empty for plain and
    where plain is missing. `seeds_to_settle` is the number of seeds that would find a
    difference of this size (power 0.8, alpha shared among the tests), nan when over
    1,000. `step_ms` is the median over seeds; `ratio` the median over seeds of step
    time / plain's of the same seed on the same machine, with minimum and maximum
    where there are two. `minutes` is the mean of one run. Blank numbers are nan.

    Failed runs are left out. Raises CourseError: no runs, or a column missing.
    """
    rows = []
    for setting, group in prepare(runs).groupby("setting", sort=False):
        rows.extend(_rows(str(setting), group[group["status"] == "done"]))
    return pd.DataFrame(rows, columns=SUMMARY_COLUMNS)


def prepare(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs that count, once each, with two more columns: setting and label.

    A run that several files hold counts once, and so does a seed that was run twice:
    the first finished one stays. A failed run goes when the same run finished later.
    """
    missing = [name for name in NEEDED if name not in runs.columns]
    if missing or runs.empty:
        raise CourseError(
            f"runs without {', '.join(missing)}" if missing else "a table of 0 runs",
            "the runs.csv of a comparison with at least one run",
            "Run `course compare` first, or name another file.",
        )
    runs = runs.reset_index(drop=True)
    blank = runs["model"] == "plain"  # nothing is placed, so nothing can differ
    for name in ("placement", "stages", "reduction"):
        runs[name] = runs[name].map(_plain_text).mask(blank, "")
    finished_first = (runs["status"] != "done").to_numpy().argsort(kind="stable")
    runs = runs.iloc[finished_first].drop_duplicates("run_id")
    runs = runs.drop_duplicates([*SETTING, *CONFIGURATION, "seed"]).sort_index()
    runs["setting"] = [_heading(run) for _, run in runs.iterrows()]
    parts = [_labels(group) for _, group in runs.groupby("setting", sort=False)]
    runs["label"] = pd.concat(parts)
    return runs


def display_name(model: str) -> str:
    """The name as people write it: se -> SE, cbam-spatial -> CBAM-spatial."""
    short = {"se", "bam", "cbam", "eca"}
    return "-".join(
        part.upper() if part in short else part for part in model.split("-")
    )


def _rows(setting: str, done: pd.DataFrame) -> list[dict]:
    """The rows of one setting, plain first, p-values corrected over its models."""
    plain = done[done["model"] == "plain"]
    others = done[done["model"] != "plain"]
    groups = [group for _, group in others.groupby("label", sort=False)]
    if len(plain):
        groups.insert(0, plain)
    rows = []
    for group in groups:
        row = {"setting": setting} | _own_numbers(group)
        if group["model"].iloc[0] != "plain":
            row |= _against_plain(group, plain)
        rows.append(row)
    _correct(rows)
    return rows


def _own_numbers(group: pd.DataFrame) -> dict:
    """What the runs of one model say without plain."""
    interval = mean_interval(100 * group["test_accuracy"])
    first = group.iloc[0]
    return {
        **{name: first[name] for name in ["label", *CONFIGURATION, "test_images"]},
        "seeds": interval.n,
        "accuracy": interval.mean,
        "accuracy_low": np.clip(interval.low, 0, 100),
        "accuracy_high": np.clip(interval.high, 0, 100),
        "pairs": 0,
        "outcome": "",
        "parameters": int(first["parameters"]),
        "macs": int(first["macs"]),
        "step_ms": group["step_ms"].median(),
        "minutes": group["seconds"].mean() / 60,
    }


def _against_plain(group: pd.DataFrame, plain: pd.DataFrame) -> dict:
    """Differences to plain and step-time ratios, seed by seed."""
    pairs = group.merge(plain, on="seed", suffixes=("", "_plain"))
    if pairs.empty:
        return {"pairs": 0, "outcome": "cannot tell" if len(plain) else ""}
    difference = paired_difference(
        100 * pairs["test_accuracy"], 100 * pairs["test_accuracy_plain"]
    )
    same_place = (pairs["machine"] == pairs["machine_plain"]) & (
        pairs["device"] == pairs["device_plain"]
    )
    ratios = (pairs["step_ms"] / pairs["step_ms_plain"])[same_place]
    return {
        "pairs": difference.n,
        "difference": difference.mean,
        "difference_low": difference.low,
        "difference_high": difference.high,
        "sd": difference.sd,
        "p": difference.p,
        "p_permutation": difference.p_permutation,
        "outcome": "cannot tell",
        "ratio": ratios.median(),
        "ratio_low": ratios.min() if len(ratios) > 1 else np.nan,
        "ratio_high": ratios.max() if len(ratios) > 1 else np.nan,
    }


def _correct(rows: list[dict]) -> None:
    """Add Holm's p, the outcome and the seeds to settle to the rows of one setting."""
    tested = [row for row in rows if np.isfinite(row.get("p", np.nan))]
    if not tested:
        return
    corrected = holm([row["p"] for row in tested])
    for row, p_corrected in zip(tested, corrected, strict=True):
        row["p_corrected"], row["tests"] = p_corrected, len(tested)
        if p_corrected < ALPHA and row["pairs"] >= FEWEST_SEEDS:
            row["outcome"] = "better" if row["difference"] > 0 else "worse"
        seeds = seeds_needed(row["difference"], row["sd"], alpha=ALPHA / len(tested))
        row["seeds_to_settle"] = np.nan if seeds is None else max(seeds, FEWEST_SEEDS)


def _heading(run: pd.Series) -> str:
    """All that the runs of one table share, in words; it tells settings apart."""
    block = "pre-activation, " if str(run["preact"]).lower() in ("true", "1") else ""
    return (
        f"{run['data']} (digest {run['data_digest']}), {run['image_size']} px, "
        f"{run['train_images']:,} training and {run['test_images']:,} test images; "
        f"recipe {run['recipe']}, {run['epochs']} epochs, batch {run['batch']}, "
        f"peak rate {run['lr']:g}, {run['precision']}; "
        f"ResNet50, {block}width {run['width']}, {run['stem']} stem"
    )


def _labels(group: pd.DataFrame) -> pd.Series:
    """A name for each run of one setting: the model, and what tells it apart."""
    labels = group["model"].map(display_name)
    for name, sign in (
        ("placement", " @ "),
        ("stages", " stages "),
        ("reduction", " r "),
    ):
        several = group.groupby("model")[name].transform("nunique") > 1
        labels = labels.mask(several, labels + sign + group[name].replace("", "none"))
    return labels


def _plain_text(value: object) -> str:
    """A cell as text: nothing for an empty one, 16 and not 16.0 for a number."""
    if pd.isna(value):
        return ""
    return str(int(value)) if isinstance(value, float) else str(value)
