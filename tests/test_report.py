"""Tables, notes, figure and report file, on invented runs."""

import re

import numpy as np
import pandas as pd
import pytest
from fake_runs import FIVE, MODELS, fake_run, fake_runs, runs_of
from matplotlib.colors import to_hex

from course_lib import plots
from course_lib.errors import CourseError
from course_lib.plots import accuracy_figure, alt_text, show
from course_lib.report import markdown, table_text, write_report
from course_lib.summary import prepare, summarise
from course_lib.verdicts import headline, verdicts, what_it_cannot_show

# Tables and notes -----------------------------------------------------------------


def test_the_terminal_table_is_ascii_and_fits():
    runs = fake_runs(list(MODELS), 5)
    text = table_text(summarise(runs), runs)
    assert text.isascii()  # any Windows console can print it
    table_lines = [line for line in text.splitlines() if "  " in line]
    assert max(map(len, table_lines)) <= 90


def test_the_sentences_follow_the_table():
    runs = fake_runs(FIVE, 3)
    summary = summarise(runs)
    assert all(s in table_text(summary, runs) for s in verdicts(summary))
    assert not any(s in table_text(summary) for s in verdicts(summary))


def test_the_table_shows_no_nan():
    for runs in (fake_runs(["se"], 1), fake_runs(FIVE, 1), fake_runs(FIVE, 2)):
        summary = summarise(runs)
        texts = [table_text(summary, runs), markdown(summary, runs), *verdicts(summary)]
        assert not any(re.search(r"\bnan\b", text) for text in texts)


def test_failed_runs_are_listed_with_their_cause():
    runs = fake_runs(["plain", "se"], 3)
    runs.loc[1, ["status", "test_accuracy"]] = ["failed: NaN loss in epoch 4", np.nan]
    text = table_text(summarise(runs), runs)
    assert "Failed, not counted: SE, seed 0: NaN loss in epoch 4" in text
    assert summarise(runs)["seeds"].tolist() == [3, 2]


def test_when_every_run_failed_the_report_says_so(tmp_path):
    runs = fake_runs(["plain", "se"], 1).assign(status="failed: out of memory")
    text = write_report(runs, tmp_path).read_text(encoding="utf-8")
    assert "No run of this setting finished" in text
    assert "SE, seed 0: out of memory" in text
    assert not list(tmp_path.glob("*.png"))


@pytest.mark.parametrize("column", ["machine", "device", "torch", "code"])
def test_a_difference_within_a_table_is_noted(column):
    runs = fake_runs(["plain", "se"], 2)
    assert "Runs differ" not in table_text(summarise(runs), runs)
    runs.loc[0, column] = "something else"
    assert f"Runs differ in {column} (" in table_text(summarise(runs), runs)


def test_short_runs_come_with_a_warning_and_long_ones_without():
    runs = fake_runs(["plain", "se"], 2)
    assert "measure how fast" in " ".join(what_it_cannot_show(runs))
    long = " ".join(what_it_cannot_show(runs.assign(epochs=100)))
    assert "measure how fast" not in long and "last epoch" in long


def test_the_faults_of_the_old_recipe_are_told():
    runs = fake_runs(["plain", "se"], 2).assign(recipe="reu2019")
    runs["test_accuracy_last"] -= 0.006
    text = " ".join(what_it_cannot_show(runs))
    assert "the last epoch is 0.6 points lower on average" in text
    assert "known faults" in text


def test_the_test_set_size_gives_the_error_of_one_run():
    # 1,500 of 2,000 images: Wilson's interval by hand
    runs = pd.DataFrame([fake_run("plain", 0, 75.0)])
    assert "73.1 to 76.8 %" in " ".join(what_it_cannot_show(runs))


# The figure -----------------------------------------------------------------------


def test_the_figure_shows_the_seeds_the_means_and_the_message():
    runs = fake_runs(FIVE, 3)
    summary = summarise(runs)
    figure = accuracy_figure(summary, runs)
    left, middle, right = figure.axes
    assert figure.get_suptitle() == headline(summary)
    rings = [line for line in left.lines if line.get_markerfacecolor() == "none"]
    assert len(rings) == 5
    for ring, label in zip(rings, summary["label"], strict=True):
        finished = prepare(runs)
        own = finished.loc[finished["label"] == label, "test_accuracy"]
        assert ring.get_xdata() == pytest.approx(100 * own)
    assert [text.get_text() for text in left.get_yticklabels()] == list(
        summary["label"]
    )
    assert len(middle.texts) == len(right.texts) == 4  # every model but plain


def test_outcomes_differ_in_marker_as_well_as_colour():
    colours, markers = zip(*plots.STYLES.values(), strict=True)
    assert len(set(colours)) == len(set(markers)) == len(plots.STYLES)
    runs = runs_of([1.0, 1.1, 1.2])
    middle = accuracy_figure(summarise(runs), runs).axes[1]
    drawn = {(to_hex(line.get_color()), line.get_marker()) for line in middle.lines}
    assert (plots.STYLES["better"][0].lower(), "^") in drawn


def test_all_text_in_the_figure_is_at_least_9_points():
    runs = fake_runs(list(MODELS), 3)
    figure = accuracy_figure(summarise(runs), runs)
    figure.draw_without_rendering()
    texts = figure.findobj(lambda thing: hasattr(thing, "get_fontsize"))
    assert min(text.get_fontsize() for text in texts if text.get_text()) >= 9


@pytest.mark.parametrize("name", ["cbam-spatial", "a-very-long-name-of-my-own-module"])
def test_long_names_stay_inside_the_figure(name):
    runs = runs_of([1.0, 2.0, 4.0], model=name)
    moved = runs[runs["model"] == name].assign(placement="identity")
    moved["run_id"] += "i"
    runs = pd.concat([runs, moved])
    runs["data"] = "folder:my-photos-of-traffic-signs-in-the-rain-and-at-night"
    summary = summarise(runs)
    figure = accuracy_figure(summary, runs)
    figure.draw_without_rendering()
    texts = [*figure.texts, *figure.axes[0].get_yticklabels()]
    for axes in figure.axes:
        texts += [*axes.texts, axes.xaxis.label]
    for text in texts:
        box = text.get_window_extent()
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1, text.get_text()
    assert {text.get_text() for text in texts} >= {headline(summary), *summary["label"]}


def test_the_alt_text_carries_the_key_numbers():
    text = alt_text(summarise(runs_of([1.0, 1.1, 1.2])))
    assert text.startswith("2 models, 3 seeds: SE better than plain.")
    assert "SE 72.1 % (" in text and "+1.1 points against plain (+0.9 to +1.3)" in text
    assert "step time 1.00x plain" in text


def test_show_prints_the_alt_text(capsys, monkeypatch):
    runs = runs_of([1.0, 1.1, 1.2])
    figure = accuracy_figure(summarise(runs), runs)
    shown = []
    monkeypatch.setattr(plots, "display", shown.append)
    show(figure, alt="the numbers")
    assert capsys.readouterr().out == "the numbers\n"
    assert not shown  # no notebook, no picture
    monkeypatch.setattr(plots, "get_ipython", lambda: object())
    show(figure, alt="the numbers")
    assert shown[0].data.startswith(b"\x89PNG") and shown[0].alt == "the numbers"


def test_two_settings_need_two_figures():
    runs = fake_runs(["plain", "se"], 2)
    other = runs.assign(epochs=20, run_id=runs["run_id"] + "e")
    both = pd.concat([runs, other])
    with pytest.raises(CourseError, match="2 settings"):
        accuracy_figure(summarise(both), both)
    with pytest.raises(CourseError, match="2 settings"):
        alt_text(summarise(both))


# The file -------------------------------------------------------------------------


def test_the_report_holds_everything(tmp_path):
    runs = fake_runs(FIVE, 3)
    path = write_report(runs, tmp_path / "new" / "folder")
    text = path.read_text(encoding="utf-8")
    summary = summarise(runs)
    for part in (headline(summary), alt_text(summary), *verdicts(summary)):
        assert part in text
    for part in ("laptop, 2 cores", "torch 2.15.0", "abc1234", "1,350 seconds"):
        assert part in text
    png = (path.parent / "report.png").read_bytes()
    assert png.startswith(b"\x89PNG")
    assert sorted(p.name for p in path.parent.iterdir()) == ["report.md", "report.png"]


def test_each_setting_has_its_own_figure_and_heading(tmp_path):
    runs = fake_runs(["plain", "se"], 2)
    other = runs.assign(epochs=20, run_id=runs["run_id"] + "e")
    text = write_report(pd.concat([runs, other]), tmp_path).read_text(encoding="utf-8")
    assert "](report.png)" in text and "](report-2.png)" in text
    assert (tmp_path / "report-2.png").exists()
    assert text.count("Setting: ") == 2


def test_the_report_is_the_same_twice(tmp_path):
    runs = fake_runs(FIVE, 3)
    first = write_report(runs, tmp_path / "a").read_bytes()
    assert write_report(runs, tmp_path / "b").read_bytes() == first


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(CourseError, match="cannot write"):
        write_report(fake_runs(["plain"], 1), tmp_path / "file")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"
