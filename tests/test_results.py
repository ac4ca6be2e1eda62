"""Recorded results: the files are sound, and a reader finds their numbers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from course_lib.report import markdown
from course_lib.runs import read_runs
from course_lib.summary import summarise

ROOT = Path(__file__).resolve().parents[1]
RESULTS = sorted(path.parent for path in (ROOT / "data" / "results").glob("*/runs.csv"))

IN_NOTEBOOK = {"signs-places": "03_where_se_goes"}  # folder -> who reads its runs


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


def made_report(folder: Path) -> str:
    runs = read_runs([folder / "runs.csv"])
    return markdown(summarise(runs), runs)


def test_the_report_is_the_one_that_the_runs_make(folder):
    assert (folder / "report.md").read_text(encoding="utf-8") == made_report(folder)
    assert (folder / "report.png").exists()


def test_the_readme_or_a_notebook_shows_the_runs(folder):
    if folder.name in IN_NOTEBOOK:  # its table is report.md, tested above
        source = ROOT / "notebooks" / f"{IN_NOTEBOOK[folder.name]}.py"
        reading = f'read_runs([RESULTS / "{folder.name}" / "runs.csv"])'
        assert reading in source.read_text(encoding="utf-8")
        return
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for line in made_report(folder).splitlines():
        if line.startswith("|"):
            assert line in readme, f"README.md lacks this row of {folder.name}: {line}"


@pytest.mark.parametrize("folder", ["", "-nchw", "-bf16", "-compiled"])
def test_the_table_of_switches_has_the_recorded_ratios(folder):
    table = pd.read_csv(ROOT / "data" / "results" / f"bench-cpu{folder}" / "bench.csv")
    page = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    lines = page[page.index("with other switches") :].splitlines()
    name = folder.strip("-") or "eager"
    (line,) = [one for one in lines if one.lower().startswith(f"| {name}")]
    train = table[table["phase"] == "train"].set_index("network")
    assert f"| {train['ms']['plain']:,.0f} |" in line
    for network in ("se", "bam", "cbam", "spatial"):
        row = train.loc[network]
        text = f"{row.ratio:.2f} ({row.ratio_low:.2f} to {row.ratio_high:.2f})"
        assert f"| {text} |" in line, (network, text)
