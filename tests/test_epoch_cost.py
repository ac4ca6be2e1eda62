"""What an epoch costs: exponents of made-up times, and the files. No time is tested."""

import sys
from pathlib import Path

import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import epoch_cost
import epoch_cost_figure

from course_lib.errors import CourseError

SMALL = epoch_cost.Settings(("plain",), (4, 8), (32, 48), images_at=8, batch=4)
RECORDED = Path(__file__).resolve().parents[1] / "data" / "results" / "epoch-cost.csv"


def made_up(cost, rounds=3):
    """Timings that a cost (images, pixels) -> ms gives, a little slower each round."""
    full = epoch_cost.Settings()
    cells = [(images, 32) for images in full.images]
    cells += [(full.images_at, size) for size in full.image_sizes[1:]]
    rows = [
        (number, model, images, size, 1, (1 + number / 10) * cost(images, size**2))
        for number in range(rounds)
        for model in full.models
        for images, size in cells
    ]
    return pd.DataFrame(rows, columns=epoch_cost.COLUMNS)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_powers_are_found(power):
    times = made_up(lambda images, pixels: images**power * pixels)
    table = epoch_cost_figure.table(times).set_index(["model", "against"])
    for model in ("plain", "se"):
        images, pixels = (table.loc[(model, axis)] for axis in ("images", "pixels"))
        assert images["exponent"] == images["upper"] == pytest.approx(power)
        assert pixels["exponent"] == pixels["upper"] == pytest.approx(1)
    assert (table["rounds"] == 3).all()
    assert table.loc[("se", "pixels"), ["from", "to"]].tolist() == [32**2, 128**2]


def test_a_fixed_cost_lowers_the_exponent_and_is_told():
    times = made_up(lambda images, pixels: images * (1024 + pixels))
    row = epoch_cost_figure.table(times).set_index("against").loc["pixels"].iloc[0]
    assert row["fixed_share"] == pytest.approx(0.5)
    assert row["exponent"] < row["upper"] < 1


def test_rounds_are_kept_and_another_one_is_added(tmp_path):
    asked = []

    def timer(task, device):
        asked.append(task.name)
        return 100.0 + len(asked)

    times = epoch_cost.measure(SMALL, 1, tmp_path, timer=timer)
    assert sorted(asked) == [
        ("plain", "4", "32"),
        ("plain", "8", "32"),
        ("plain", "8", "48"),
    ]
    assert sorted(times["steps"]) == [1, 2, 2]
    epoch_cost.measure(SMALL, 1, tmp_path, timer=timer)
    assert len(asked) == 3  # known already
    longer = epoch_cost.measure(SMALL, 2, tmp_path, timer=timer)
    assert len(asked) == 6 and longer[:3].equals(times)
    with pytest.raises(CourseError, match="other settings"):
        epoch_cost.measure(epoch_cost.Settings(), 2, tmp_path, timer=timer)
    assert epoch_cost.measure(None, 0, tmp_path).equals(longer)
    (tmp_path / "epoch-cost.json").write_text("{", encoding="utf-8")
    with pytest.raises(CourseError, match="cannot go on"):
        epoch_cost.measure(SMALL, 2, tmp_path)


@pytest.mark.parametrize("rounds", ["0", "-1"])
def test_a_figure_of_nothing_is_one_line(rounds, tmp_path, monkeypatch):
    command = ["epoch_cost.py", "--device", "cpu", "--rounds", rounds]
    monkeypatch.setattr(sys, "argv", [*command, "--out", str(tmp_path)])
    with pytest.raises(CourseError, match=r"no timings in .* Measure first"):
        epoch_cost.main()
    assert list(tmp_path.iterdir()) == []


def test_the_command_measures_and_draws(tmp_path, monkeypatch, capsys):
    small = epoch_cost.Settings(("plain",), (4, 8, 16), (32, 40, 48), 8, batch=4)
    monkeypatch.setattr(epoch_cost, "Settings", lambda device: small)
    command = ["epoch_cost.py", "--device", "cpu", "--rounds", "1"]
    monkeypatch.setattr(sys, "argv", [*command, "--out", str(tmp_path)])
    epoch_cost.main()
    assert "Twice the images" in capsys.readouterr().out
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {"epoch-cost.csv", "epoch-cost.json", "epoch-cost.png"}


@pytest.mark.skipif(not RECORDED.exists(), reason="nothing recorded yet")
def test_the_readme_has_the_recorded_exponents():
    times = pd.read_csv(RECORDED)
    page = RECORDED.parents[2] / "benchmarks" / "README.md"
    words = " ".join(page.read_text(encoding="utf-8").split())
    assert epoch_cost_figure.alt_text(times) in words
    for row in epoch_cost_figure.table(times).to_dict("records"):
        assert f"| {epoch_cost_figure.cells(row)} |" in words
    assert RECORDED.with_suffix(".png").exists()
