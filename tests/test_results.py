"""Recorded results: the files are sound, and the README shows their numbers."""

from pathlib import Path

import numpy as np
import pytest

from course_lib.report import markdown
from course_lib.runs import read_runs
from course_lib.summary import summarise

ROOT = Path(__file__).resolve().parents[1]
RESULTS = sorted(path.parent for path in (ROOT / "data" / "results").glob("*/runs.csv"))


@pytest.fixture(params=RESULTS, ids=lambda folder: folder.name)
def folder(request) -> Path:
    return request.param


def test_there_are_recorded_results():
    assert RESULTS


def test_every_run_has_its_hits_and_they_agree_with_the_table(folder):
    runs = read_runs([folder / "runs.csv"])
    assert (runs["status"] == "done").all()
    for row in runs.to_dict("records"):
        packed = (folder / "hits" / f"{row['run_id']}.bin").read_bytes()
        hits = np.unpackbits(np.frombuffer(packed, np.uint8))[: row["test_images"]]
        assert hits.mean() == pytest.approx(row["test_accuracy_last"])
        assert (folder / "history" / f"{row['run_id']}.json").exists()


def test_the_readme_shows_the_table_that_the_runs_make(folder):
    runs = read_runs([folder / "runs.csv"])
    made = markdown(summarise(runs), runs)
    table = [line for line in made.splitlines() if line.startswith("|")]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for line in table:
        assert line in readme, f"README.md lacks this row of {folder.name}: {line}"
