"""From runs to a summary and to sentences, on invented runs."""

import gc
import re

import numpy as np
import pandas as pd
import pytest
from fake_runs import FIVE, fake_runs, runs_of
from scipy import stats

from course_lib.errors import CourseError
from course_lib.report import table_text
from course_lib.summary import SETTING, summarise
from course_lib.verdicts import headline, verdict, verdicts


def row_of(runs, label):
    summary = summarise(runs)
    return summary[summary["label"] == label].iloc[0]


# The summary ----------------------------------------------------------------------


def test_every_number_of_a_row_by_hand():
    row = row_of(runs_of([1.0, 2.0, 3.0]), "SE")
    assert row["accuracy"] == pytest.approx(73)  # 71, 73, 75
    half = 4.302653 * 2 / 3**0.5
    assert row["accuracy_low"] == pytest.approx(73 - half, abs=1e-4)
    assert row["difference"] == pytest.approx(2)
    assert row["difference_high"] == pytest.approx(2 + half / 2, abs=1e-4)
    assert row["p"] == row["p_corrected"] == pytest.approx(1 - (12 / 14) ** 0.5)
    assert row["p_permutation"] == pytest.approx(0.25)
    assert (row["seeds"], row["pairs"], row["tests"]) == (3, 3, 1)
    assert row["minutes"] == pytest.approx(1.5)
    assert row["outcome"] == "cannot tell"
    assert row["seeds_to_settle"] == 5  # d = 2, power 0.8


def test_plain_comes_first_then_the_order_of_appearance():
    runs = fake_runs(["cbam", "plain", "se"], 2)
    assert list(summarise(runs)["label"]) == ["plain", "CBAM", "SE"]


def test_p_values_are_corrected_over_the_models_of_the_setting():
    summary = summarise(fake_runs(FIVE, 4))
    others = summary.iloc[1:]
    assert (others["tests"] == 4).all()
    smallest = others["p"].min()
    assert others["p_corrected"].min() == pytest.approx(min(1, 4 * smallest))
    assert (others["p_corrected"] >= others["p"]).all()


def test_only_seeds_that_both_have_are_paired():
    runs = runs_of([1.0, 2.0, 3.0, 40.0])
    runs = runs[~((runs["model"] == "plain") & (runs["seed"] == 3))]
    row = row_of(runs, "SE")
    assert (row["seeds"], row["pairs"]) == (4, 3)
    assert row["difference"] == pytest.approx(2)
    assert "SE: 3 of its 4 seeds are paired" in table_text(summarise(runs), runs)


def test_no_common_seed_gives_no_difference():
    runs = runs_of([1.0, 1.2])
    runs.loc[runs["model"] == "se", "seed"] += 10
    row = row_of(runs, "SE")
    assert row["pairs"] == 0 and np.isnan(row["difference"])
    assert "no seed in common" in verdict(row)


@pytest.mark.parametrize("column", SETTING)
def test_settings_are_never_mixed(column):
    one, other = fake_runs(["plain", "se"], 3), fake_runs(["plain", "se"], 3)
    changed = {bool: True, str: "other"}.get(type(one[column].iloc[0]), 7)
    other[column] = True if column == "preact" else changed
    other["run_id"] += "-other"
    other["test_accuracy"] -= 0.3
    both = summarise(pd.concat([one, other]))
    assert both["setting"].nunique() == 2
    alone = summarise(one)
    pd.testing.assert_frame_equal(both.iloc[:2], alone)


def test_placements_of_one_model_are_rows_of_their_own():
    runs = fake_runs(["plain", "se"], 3)
    moved = runs[runs["model"] == "se"].copy()
    moved["placement"], moved["run_id"] = "identity", moved["run_id"] + "i"
    summary = summarise(pd.concat([runs, moved]))
    assert list(summary["label"]) == ["plain", "SE @ branch", "SE @ identity"]


def test_labels_name_stages_and_reduction_when_they_differ():
    runs = fake_runs(["plain", "se"], 2)
    fewer = runs[runs["model"] == "se"].copy()
    fewer["stages"], fewer["reduction"] = "4", 8
    fewer["run_id"] += "s"
    labels = list(summarise(pd.concat([runs, fewer]))["label"])
    assert labels == ["plain", "SE stages 1234 r 16", "SE stages 4 r 8"]


def test_the_same_run_in_two_files_counts_once():
    runs = fake_runs(FIVE, 3)
    pd.testing.assert_frame_equal(summarise(pd.concat([runs, runs])), summarise(runs))


def test_the_first_of_two_finished_runs_of_a_seed_counts():
    runs = runs_of([1.0, 2.0, 3.0])
    again = runs.assign(run_id=runs["run_id"] + "-again", test_accuracy=0.5)
    assert row_of(pd.concat([runs, again]), "SE")["seeds"] == 3
    assert row_of(pd.concat([runs, again]), "SE")["accuracy"] == pytest.approx(73)


def test_a_run_that_failed_and_finished_later_counts_as_finished():
    runs = runs_of([1.0, 2.0, 3.0])
    failed = runs.iloc[[1]].assign(status="failed: disk full", test_accuracy=np.nan)
    both = pd.concat([failed, runs])
    assert row_of(both, "SE")["seeds"] == 3
    assert "disk full" not in table_text(summarise(both), both)


def test_step_time_is_a_ratio_of_the_same_seed_on_the_same_machine():
    runs = runs_of([1.0, 1.0, 1.0])
    runs["step_ms"] = [100, 120, 200, 260, 100, 900]
    runs.loc[runs.index[-1], "machine"] = "another"
    row = row_of(runs, "SE")
    found = (row["ratio"], row["ratio_low"], row["ratio_high"])
    assert found == pytest.approx((1.25, 1.2, 1.3))
    assert "within a machine only" in table_text(summarise(runs), runs)


def test_the_interval_of_accuracy_stays_between_0_and_100():
    row = row_of(runs_of([29.9, 20.0]), "SE")
    assert row["accuracy_high"] == 100 and row["accuracy_low"] > 0


def test_one_seed_has_no_interval():
    row = row_of(runs_of([1.0]), "SE")
    blank = ["accuracy_low", "difference_low", "p", "p_corrected", "ratio_low"]
    assert row[blank].isna().all()
    assert row["difference"] == pytest.approx(1)


# Sentences ------------------------------------------------------------------------


def test_better_needs_three_seeds_and_a_small_corrected_p():
    sentence = verdict(row_of(runs_of([1.0, 1.1, 1.2]), "SE"))
    assert sentence == (
        "SE: +1.1 points over plain (95 % interval 0.9 to 1.3, 3 seeds, "
        "corrected p = 0.003): better in this setting."
    )


def test_worse_is_said_as_plainly():
    sentence = verdict(row_of(runs_of([-1.0, -1.1, -1.2]), "SE"))
    assert sentence.startswith("SE: -1.1 points against plain")
    assert sentence.endswith("worse in this setting.")


def test_cannot_tell_says_how_many_seeds_would_do():
    sentence = verdict(row_of(runs_of([-2.0, 0.5, -0.9]), "SE"))
    assert re.search(r"cannot tell; at this spread about \d+ seeds would", sentence)


def test_one_seed_cannot_tell():
    assert verdict(row_of(runs_of([5.0]), "SE")) == (
        "SE: +5.0 points over plain (1 seed): cannot tell: one seed has no spread; "
        "run at least 3."
    )


def test_two_seeds_never_prove_anything():
    row = row_of(runs_of([5.0, 5.001]), "SE")
    assert row["p_corrected"] < 0.001
    assert "cannot tell from 2 seeds" in verdict(row)


def test_equal_differences_prove_nothing():
    assert "every seed gave the same difference" in verdict(
        row_of(runs_of([1.0, 1.0, 1.0]), "SE")
    )


def test_a_tiny_difference_would_need_too_many_seeds():
    row = row_of(runs_of([1.0, -1.0, 0.01]), "SE")
    assert "more than 1,000 seeds" in verdict(row)


def test_a_p_that_only_the_correction_lifts_is_explained():
    runs = pd.concat(
        [
            runs_of([1.0, 1.6, 1.3]),
            *(runs_of([1.0, -1.5, 0.4], m).query("model != 'plain'") for m in FIVE[2:]),
        ]
    )
    row = row_of(runs, "SE")
    assert row["p"] < 0.05 <= row["p_corrected"]
    assert "with 4 models tested the correction asks for more" in verdict(row)


def test_no_plain_no_verdict():
    runs = fake_runs(["se", "bam"], 3)
    assert all("no plain run" in sentence for sentence in verdicts(summarise(runs)))
    assert "add plain" in table_text(summarise(runs), runs)


def test_equal_models_are_rarely_called_different(monkeypatch):
    # statsmodels collects garbage in every correction, at 0.1 s or more
    monkeypatch.setattr(gc, "collect", lambda *generation: 0)
    random = np.random.default_rng(11)
    claims = 0
    for _ in range(30):
        runs = pd.concat(
            [runs_of(random.normal(0, 1, 3), m) for m in ("se", "bam", "cbam")]
        )
        text = " ".join(verdicts(summarise(runs)))
        claims += "better in" in text or "worse in" in text
    assert claims <= stats.binom.ppf(0.999, 30, 0.05)


def test_the_headline_follows_the_outcomes():
    assert headline(summarise(runs_of([1.0, 1.1, 1.2]))) == (
        "2 models, 3 seeds: SE better than plain"
    )
    assert headline(summarise(runs_of([2.0, -1.1, 0.2]))) == (
        "2 models, 3 seeds: no difference to plain can be told"
    )
    assert "one seed has no spread" in headline(summarise(runs_of([3.0])))
    assert "no plain run" in headline(summarise(fake_runs(["se"], 2)))
    assert "plain alone" in headline(summarise(fake_runs(["plain"], 2)))


def test_no_runs_or_a_missing_column_is_named():
    runs = fake_runs(["plain"], 1)
    with pytest.raises(CourseError, match="0 runs"):
        summarise(runs.iloc[:0])
    with pytest.raises(CourseError, match="without test_accuracy"):
        summarise(runs.drop(columns="test_accuracy"))
