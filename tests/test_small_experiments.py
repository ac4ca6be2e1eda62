"""The small recorded experiments: what makes them fits what is recorded."""

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import small_experiments
import small_networks
import small_rows
from small_experiments import EXPERIMENTS
from small_rows import Job

from course_lib.errors import CourseError
from course_lib.recipes import RECIPES

NAMES = list(EXPERIMENTS)
SETTINGS = ("epochs", "batch", "lr", "width", "reduction", "stem")


def recorded(name):
    return pd.read_csv(small_experiments.RESULTS / f"{name}.csv")


@pytest.mark.parametrize("name", NAMES)
def test_the_plan_has_the_recorded_rows_and_settings(name):
    table, experiment = recorded(name), EXPERIMENTS[name]
    lines = small_experiments.differences(name, table, table)
    assert len(lines) == len(experiment.jobs)
    assert all(line.endswith("as recorded") for line in lines)
    found = [
        small_experiments.rows_of(table, experiment, *job).index
        for job in experiment.jobs
    ]
    assert [n for index in found for n in index] == list(table.index)  # in its order
    for column in set(SETTINGS) & set(table):
        assert (table[column] == getattr(experiment.sizes, column)).all()
    notebook = next((small_experiments.ROOT / "notebooks").glob(f"{name[:2]}_*.py"))
    assert f"{name}.csv" in notebook.read_text(encoding="utf-8")


def test_other_values_are_named():
    table = recorded("05_cbam_start")
    other = table.head(1).assign(**{"train loss": 9.0, "code": "another"})
    (line,) = small_experiments.differences("05_cbam_start", other, table)
    assert line == "CBAM, seed 0, 1 row(s): other values of train loss"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_each_is_made_in_miniature(name, tmp_path, monkeypatch, capsys):
    small = {"train_images": 40, "val_images": 36, "test_images": 72}
    sizes = replace(EXPERIMENTS[name].sizes, **small, epochs=1, batch=20)
    experiment = replace(EXPERIMENTS[name], sizes=sizes)
    monkeypatch.setitem(EXPERIMENTS, name, experiment)
    label, seed = experiment.jobs[0]
    table = small_experiments.make(name, tmp_path, label, [seed])
    assert list(table) == list(recorded(name)) and len(table) >= 1
    assert small_experiments.make(name, tmp_path, label, [seed]).equals(table)
    assert capsys.readouterr().out.count("is done") == 1  # not trained twice
    (line,) = small_experiments.differences(name, table, recorded(name))
    assert "other values" in line or "values, not" in line


@pytest.mark.slow
def test_the_recipe_of_networks_without_shortcuts_goes_as_it_came(tmp_path):
    small = {"train_images": 40, "val_images": 36, "test_images": 72}
    sizes = replace(EXPERIMENTS["01_shortcuts"].sizes, **small, epochs=1, batch=20)
    (row,) = small_rows.shortcuts(Job("no shortcuts", 0, sizes, tmp_path))
    assert row["network"] == "no shortcuts"
    assert list(RECIPES) == ["modern", "reu2019"]


def test_every_epoch_has_its_own_test_images(monkeypatch, tmp_path):
    """One that was not judged is an error, not a table that is one row short."""
    line = {"epoch": 1, "train_loss": 1.0, "val_accuracy": 0.5}
    progress = SimpleNamespace(history=[line, line])
    judged = SimpleNamespace(
        train=lambda: SimpleNamespace(progress=progress),
        tested=2 * [torch.ones(72, dtype=torch.bool)],  # the second from the end
    )
    monkeypatch.setattr(small_networks, "TestedEachEpoch", lambda *_: judged)
    monkeypatch.setattr(small_rows, "load_data", lambda run: None)
    sizes = EXPERIMENTS["07_epochs"].sizes
    with pytest.raises(ValueError, match="zip"):
        small_rows.epochs(Job("plain", 0, sizes, tmp_path))


def test_what_is_not_there_says_so(tmp_path):
    with pytest.raises(CourseError, match="03_open_gates"):
        small_experiments.make("03_open", tmp_path)
    with pytest.raises(CourseError, match="bias 5"):
        small_experiments.make("03_open_gates", tmp_path, "bias 4")
    labels = "shortcuts, zero start, shortcuts, no shortcuts"  # as in the table
    with pytest.raises(CourseError, match=labels):
        small_experiments.make("01_shortcuts", tmp_path, "none")
    with pytest.raises(CourseError, match="--seeds"):
        small_experiments.make("03_open_gates", tmp_path, None, [7])


def test_halves_share_the_images_and_have_every_class():
    hits = torch.zeros(2000, dtype=torch.bool)
    hits[torch.arange(2000) // 18 % 2 == 0] = True
    assert small_networks.halves(hits) == (1.0, 0.0)


def test_open_gates_start_open():
    torch.manual_seed(0)
    x = torch.randn(4, 16, 8, 8)
    with torch.no_grad():
        gate = small_networks.se_open(16).gate(x)
        assert gate.mean().item() == pytest.approx(0.993, abs=0.005)
        gate = small_networks.cbam_open(16).gate(x)
        assert gate.mean().item() == pytest.approx(0.964, abs=0.02)
    assert torch.equal(small_networks.Quarter(16)(x), x / 4)
    assert not small_networks.NoShortcut(16)(x).any()
