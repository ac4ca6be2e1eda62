"""The doctor: every judgement on injected facts, and the whole on this machine."""

import os
import subprocess
import sys
from pathlib import Path, PureWindowsPath
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib import checkup
from course_lib.doctor import LOOKS, MARKS, diagnose, has_problem, report

ROOT = Path(__file__).resolve().parents[1]
PREFIX = Path("env").absolute()
NO_GPU = {
    "cuda": [],
    "failure": "",
    "mps": False,
    "has_nvidia_driver": False,
    "torch_cuda": None,
}
H200 = [("NVIDIA H200", 150.1)]


def gpu(**facts):
    return checkup.check_gpu(**{**NO_GPU, **facts})


# name: (finding, state, a word that `found` or `advice` must hold)
CASES = {
    "python": (checkup.check_python((3, 12, 1), "python"), "ok", "3.12.1"),
    "old python": (checkup.check_python((3, 10, 9), "python"), "problem", "3.11"),
    "torch": (checkup.check_torch("2.15.0", "0.29.2", ""), "ok", "0.29.2"),
    "no torch": (checkup.check_torch(None, "0.29.2", "No module"), "problem", "No mod"),
    "no vision": (checkup.check_torch("2.15.0", None, "gone"), "problem", "missing"),
    "wrong pair": (
        checkup.check_torch("2.13.0+cpu", "0.29.2", "nms does not exist"),
        "problem",
        "do not work together",
    ),
    "no gpu": (gpu(), "ok", "none is needed"),
    "apple": (gpu(mps=True), "ok", "MPS"),
    "cuda": (gpu(cuda=H200, torch_cuda="13.2"), "ok", "150 GB"),
    "cuda breaks": (gpu(cuda=H200, failure="no kernel image"), "problem", "image"),
    "old driver": (
        gpu(has_nvidia_driver=True, torch_cuda="13.2"),
        "warn",
        "supports CUDA 13.2",
    ),
    "torch without cuda": (gpu(has_nvidia_driver=True), "warn", "CUDA build"),
    "profile": (checkup.check_profile("laptop", None, ""), "ok", "hardware"),
    "named profile": (checkup.check_profile("ci", "ci", ""), "ok", "COURSE_PROFILE"),
    "bad profile": (checkup.check_profile(None, "fast", "'fast'"), "problem", "laptop"),
    "memory": (checkup.check_memory(6.0, 8.0), "ok", "8.0 GB"),
    "little memory": (checkup.check_memory(2.0, 8.0), "warn", "Close"),
    "no memory": (checkup.check_memory(0.4, 8.0), "problem", "Close"),
    "disk": (checkup.check_disk("Disk", PREFIX, 50.0), "ok", "50.0 GB"),
    "little disk": (checkup.check_disk("Disk", PREFIX, 1.0), "warn", "2 GB"),
    "full disk": (checkup.check_disk("Disk", PREFIX, 0.1), "problem", "Free"),
    "cores": (checkup.check_cores(8, 4), "ok", "8 cores"),
    "too many threads": (checkup.check_cores(2, 8), "warn", "OMP_NUM_THREADS to 2"),
    "kernel": (checkup.check_kernel("python", PREFIX), "ok", "python3"),
    "kernel by path": (
        checkup.check_kernel(str(PREFIX / "bin" / "python"), PREFIX),
        "ok",
        "python3",
    ),
    "no kernel": (checkup.check_kernel(None, PREFIX), "problem", "no kernel"),
    "other kernel": (
        checkup.check_kernel(str(PREFIX.with_name("old") / "bin" / "python"), PREFIX),
        "problem",
        "kernelspec remove",
    ),
    "widgets": (checkup.check_widgets("8.1.9", True), "ok", "8.1.9"),
    "no widgets": (checkup.check_widgets(None, True), "problem", "ipywidgets"),
    "no extension": (checkup.check_widgets("8.1.9", False), "problem", "extension"),
    "bytecode": (checkup.check_bytecode(None), "ok", "kept"),
    "empty bytecode": (checkup.check_bytecode(""), "ok", "kept"),
    "no bytecode": (checkup.check_bytecode("1"), "warn", "compiles torch anew"),
    "writable": (checkup.check_writable(PREFIX, ""), "ok", "env"),
    "read-only": (checkup.check_writable(PREFIX, "read-only"), "problem", "Move"),
    "place": (checkup.check_place("course", False, None), "ok", "course"),
    "synced": (
        checkup.check_place(str(PureWindowsPath("D:/OneDrive/course")), True, None),
        "warn",
        "OneDrive",
    ),
    "long path": (checkup.check_place("d" * 150, True, None), "warn", "150"),
    "long path on Linux": (checkup.check_place("d" * 150, False, None), "ok", "d"),
    "PYTHONPATH": (checkup.check_place("course", False, "ros"), "warn", "PYTHONPATH"),
}


@pytest.mark.parametrize("name", CASES)
def test_judgement(name):
    finding, state, word = CASES[name]
    assert finding.state == state
    assert word in f"{finding.found} {finding.advice}"


@pytest.mark.parametrize("name", CASES)
def test_advice_is_given_exactly_where_something_is_to_do(name):
    finding, state, _ = CASES[name]
    assert bool(finding.advice) == (state != "ok")
    assert "\n" not in finding.found + finding.advice


def test_cases_reach_every_judgement_and_each_of_its_states():
    judgements = {name for name in vars(checkup) if name.startswith("check_")}
    text = Path(__file__).read_text(encoding="utf-8")
    assert {n for n in judgements if f"checkup.{n}(" in text} == judgements
    assert {state for _, state, _ in CASES.values()} == set(MARKS)


@given(
    free=st.lists(st.floats(0, 1e4), min_size=2, max_size=2).map(sorted),
    check=st.sampled_from(
        [
            lambda gb: checkup.check_memory(gb, 1e4),
            lambda gb: checkup.check_disk("Disk", PREFIX, gb),
        ]
    ),
)
def test_more_room_is_never_judged_worse(free, check):
    order = ["problem", "warn", "ok"]
    less, more = (order.index(check(gb).state) for gb in free)
    assert less <= more


def test_data_names_the_command_for_what_is_missing_only():
    cards = [
        SimpleNamespace(name="a", present=True, megabytes=0, command="get a"),
        SimpleNamespace(name="b", present=False, megabytes=169, command="get b"),
    ]
    finding = checkup.check_data(cards)
    assert finding.state == "ok"
    assert "a ready" in finding.found and "get a" not in finding.found
    assert "169 MB" in finding.found and "get b" in finding.found


@pytest.mark.parametrize("state", MARKS)
def test_only_a_problem_counts_as_one(state):
    fine = checkup.Finding("A", "ok", "fine")
    finding = checkup.Finding("B", state, "found", "do this")
    assert has_problem([fine, finding]) == (state == "problem")


def test_report_has_a_marked_line_a_topic_and_an_indented_line_of_advice():
    findings = [finding for finding, _, _ in CASES.values()]
    lines = report(findings).splitlines()
    marked = [line for line in lines if line.startswith("[")]
    advice = [line for line in lines if line.startswith("   ")]
    assert len(marked) == len(findings)
    for line, finding in zip(marked, findings, strict=True):
        assert line.startswith(MARKS[finding.state])
        assert finding.topic in line and finding.found in line
    assert [line.strip() for line in advice] == [
        f"-> {finding.advice}" for finding in findings if finding.advice
    ]


def test_report_closes_with_the_counts():
    fine = checkup.Finding("A", "ok", "fine")
    bad = checkup.Finding("B", "problem", "broken", "mend it")
    assert report([fine]).endswith("All is well.")
    assert "1 to mend" in report([fine, bad])


def test_this_environment_has_no_problem():
    findings = diagnose()
    assert [finding.topic for finding in findings] == list(LOOKS)
    # Free memory and disk are the machine's own affair.
    own = [f for f in findings if f.topic not in ("Memory", "Disk", "Data cache")]
    assert [finding for finding in own if finding.state == "problem"] == []


def test_doctor_comes_to_an_end_with_broken_packages(tmp_path):
    packages = ["torch", "torchvision", "psutil", "jupyter_client", "jupyter_core"]
    for package in packages:
        text = "raise ImportError('broken on purpose')\n"
        (tmp_path / f"{package}.py").write_text(text, encoding="utf-8")
    program = "from course_lib.doctor import *; print(report(diagnose()))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), "."])}
    answer = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert answer.returncode == 0, answer.stderr
    broken = [line for line in answer.stdout.splitlines() if line.startswith("[x]")]
    topics = {line.removeprefix("[x]").strip().split("  ")[0] for line in broken}
    assert {"PyTorch", "GPU", "Memory", "Notebooks", "Widgets"} <= topics
    assert "broken on purpose" in answer.stdout
