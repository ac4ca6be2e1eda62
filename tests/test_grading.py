"""`course grade`: twenty handed-in notebooks, honest, broken and hostile."""

import csv
import json
import os
import subprocess
import sys
import time

import nbformat
import psutil
import pytest
import torch

from course_lib import cli, grading, grading_process
from course_lib.errors import CourseError
from course_lib.exercises.catalogue import EXERCISES
from course_lib.exercises.sources import solution_source, stub_source, wrong_source
from course_lib.grade_report import (
    by_student,
    note_text,
    spreadsheet_safe,
    table_text,
    write_grades,
)
from course_lib.grading import Grade, Limits, grade_file, grade_folder, read_folder
from course_lib.handed_in import exercises_in, find_answers

NAMES = ["squeeze", "se_gate", "SqueezeExcitation", "se_residual"]  # notebook 02
SETUP = """%matplotlib inline
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from course_lib.attention.widths import hidden_width
from course_lib.exercises import check"""
LIMITS = Limits(seconds=9)
LINUX = sys.platform.startswith("linux")


def solution(name):
    return solution_source(EXERCISES[name])


def notebook(answers=(), before=(), after=(), mark=True):
    """Cells: set-up, `before`, each answer with its check, `after`."""
    new, made = nbformat.v4.new_code_cell, nbformat.v4.new_notebook()
    made.cells = [new(text) for text in (SETUP, *before)]
    for name, text in dict(answers).items():
        cell = new(text)
        if mark:
            cell.metadata["exercise"] = name
        made.cells += [cell, new(f'{name} = check("{name}", {name})')]
    made.cells += [new(text) for text in after]
    return made


def squeeze(first_lines):
    """A right answer to `squeeze` that does something else first."""
    lines = "\n    ".join(first_lines.strip().splitlines())
    return {"squeeze": f"def squeeze(x):\n    {lines}\n    return x.mean((2, 3))\n"}


def only(outcome, prop="", name="squeeze"):
    """The rows of a notebook in which one exercise was answered."""
    return {n: (outcome, prop) if n == name else ("missing", "") for n in NAMES}


ALL_SOLVED = {name: ("solved", "") for name in NAMES}
MUTANT = EXERCISES["se_gate"].wrong_answers[0]

# What a hostile answer may try; each is followed by a wrong or right result.
PATCH_ENGINE = """
from course_lib.exercises import judge
judge.failure_of = lambda prop, answer: None
return x"""
PATCH_TORCH = """
torch.allclose = lambda *a, **k: True
return x.mean((2, 3)) * 2"""
FORGE = """
import json, os
line = b"key " + json.dumps({"verdict": "squeeze", "outcome": "solved"}).encode()
for number in range(3, 64):
    try:
        os.write(number, len(line).to_bytes(4, "big") + line)
    except OSError:
        pass
print("[ok] squeeze: all properties hold.")
return x"""
DELETE = """
import os, shutil
try:
    shutil.rmtree(os.getcwd())
except OSError:
    pass"""
WRITE = """
with open("grades.csv", "w") as file:
    file.write("solved")"""
HANG = """
import time
while True:
    try:
        time.sleep(1)
    except BaseException:
        pass"""
SEGFAULT = "import ctypes\nctypes.string_at(0)"

CASES = {
    "01 solved.ipynb": (
        notebook({name: solution(name) for name in NAMES}),
        ALL_SOLVED,
    ),
    "02 half solved.ipynb": (
        notebook(
            {"squeeze": solution("squeeze"), "se_gate": solution("se_gate")}
            | {n: stub_source(EXERCISES[n]) for n in NAMES[2:]}
        ),
        ALL_SOLVED | {n: ("not solved", "") for n in NAMES[2:]},
    ),
    "03 wrong.ipynb": (
        notebook({"se_gate": wrong_source(EXERCISES["se_gate"], MUTANT)}),
        only("wrong", MUTANT.rejected_by, "se_gate"),
    ),
    "04 hanging.ipynb": (
        notebook(squeeze(HANG)),
        only("timeout", "runs"),
    ),
    "05 endless.ipynb": (
        notebook(squeeze("while True: x = x + 1")),
        only("timeout", "runs"),
    ),
    "06 exit.ipynb": (
        notebook(squeeze("import sys; sys.exit(0)")),
        only("wrong", "runs"),
    ),
    "07 leaves.ipynb": (
        notebook(squeeze("import os; os._exit(0)")),
        only("crashed", "runs"),
    ),
    "08 segfault, then right.ipynb": (
        notebook(squeeze(SEGFAULT) | {"se_gate": solution("se_gate")}),
        only("crashed", "runs") | {"se_gate": ("solved", "")},
    ),
    "09 memory.ipynb": (
        notebook(squeeze("y = torch.ones(10**13)")),
        only("wrong", "runs"),
    ),
    "anna/Final version (2).ipynb": (
        notebook({name: solution(name) for name in NAMES}),
        ALL_SOLVED,
    ),
    "anna/read me.ipynb": (b"{ not a notebook", {"": ("not a notebook", "")}),
    "anna/slides.pdf": (b"%PDF-1.7\x00\xff\xfe", {"": ("not a notebook", "")}),
    "11 another course.ipynb": (notebook(), {"": ("no exercise", "")}),
    "12 marks lost.ipynb": (
        notebook(
            {
                "squeeze": solution("squeeze"),
                "se_gate": "def helper(s):\n    return s * SCALE\n\n\n"
                + solution("se_gate")
                .replace("F.relu(", "helper(F.relu(")
                .replace("w1, b1))", "w1, b1)))"),
            },
            before=["SCALE = 1.0", "import sys\nsys.exit(1)", "1 / 0"],
            mark=False,
        ),
        only("solved") | {"se_gate": ("solved", "")},
    ),
    "13 broken text.ipynb": (
        notebook({"squeeze": "def squeeze(x:\n    return x.mean((2, 3))"}),
        only("wrong", "runs"),
    ),
    "14 prints ok.ipynb": (
        notebook(
            {"squeeze": "def squeeze(x):\n    return x.mean()"},
            before=["def check(name, answer):\n    print('[ok]')\n    return answer"],
            after=["def squeeze(x):\n    return x.mean((2, 3))  # after the check"],
        ),
        only("wrong", "shape"),
    ),
    "15 patches the engine.ipynb": (notebook(squeeze(PATCH_ENGINE)), only("tampered")),
    "16 patches torch.ipynb": (notebook(squeeze(PATCH_TORCH)), only("tampered")),
    "17 forges.ipynb": (notebook(squeeze(FORGE)), only("tampered")),
    "18 deletes.ipynb": (notebook(squeeze(DELETE)), only("solved")),
    "19 writes.ipynb": (notebook(squeeze(WRITE)), only("wrong", "runs")),
    "=20 the library's.ipynb": (
        notebook(
            {"squeeze": "from course_lib.attention.squeeze_excitation import squeeze"}
        ),
        only("not solved"),
    ),
}
if not LINUX:  # only Linux has these limits: see course_lib/grading_child.py
    del CASES["09 memory.ipynb"], CASES["19 writes.ipynb"]


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Everything handed in and graded once, two students side by side."""
    folder = tmp_path_factory.mktemp("class") / "handed in"
    for name, (content, _) in CASES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(content, bytes):
            content = nbformat.writes(content).encode("utf-8")
        path.write_bytes(content)
    (folder / ".DS_Store").write_bytes(b"\x00")
    before = read_folder(folder)
    lines = []
    with pytest.MonkeyPatch.context() as patch:
        # An author may edit the course while its tests run.
        patch.setattr(grading, "course_digest", lambda: "the same")
        grades = grade_folder(folder, LIMITS, workers=2, tell=lines.append)
    assert read_folder(folder) == before
    return grades, lines


@pytest.mark.slow
@pytest.mark.parametrize("file", CASES)
def test_each_of_the_twenty_gets_its_rows(graded, file):
    rows = {
        one.exercise: (one.outcome, one.property)
        for one in graded[0]
        if one.file == file
    }
    details = [one.detail for one in graded[0] if one.file == file]
    assert rows == CASES[file][1], details


@pytest.mark.slow
def test_the_table_the_notes_and_the_progress(graded, tmp_path):
    grades, lines = graded
    assert len(lines) == len(CASES) and lines[0].startswith(f"[1/{len(CASES)}] ")
    path = write_grades(grades, tmp_path / "out")
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    assert list(rows[0]) == ["file", "exercise", "outcome", "property", "seconds"]
    assert len(rows) == sum(len(expected) for _, expected in CASES.values())
    assert [row["outcome"] for row in rows] == [one.outcome for one in grades]
    note = (tmp_path / "out" / "notes" / "anna.md").read_text(encoding="utf-8")
    assert "4 of 6 exercises solved." in note and "slides.pdf" in note
    wrong = (tmp_path / "out" / "notes" / "03_wrong.md").read_text(encoding="utf-8")
    assert f"wrong ({MUTANT.rejected_by})" in wrong and MUTANT.cause[:40] in wrong
    segfault = tmp_path / "out" / "notes" / "08_segfault_then_right.md"
    assert ("SIGSEGV" in segfault.read_text(encoding="utf-8")) == (os.name == "posix")


@pytest.mark.slow
def test_a_forger_does_not_end_the_processes_that_others_need():
    def outcome(answers):
        content = nbformat.writes(notebook(answers)).encode("utf-8")
        return grade_file("one.ipynb", content, LIMITS)[0].outcome

    def helpers():
        children = psutil.Process().children()
        return {one.pid for one in children if one.status() != psutil.STATUS_ZOMBIE}

    assert outcome({"squeeze": solution("squeeze")}) == "solved"
    before = helpers()
    assert outcome(squeeze(FORGE)) == "tampered"
    time.sleep(0.5)
    assert before <= helpers()


@pytest.mark.slow
def test_the_way_of_windows_and_macos_gives_the_same(monkeypatch):
    # Their processes are started anew, not copied from one that has loaded PyTorch.
    monkeypatch.setattr(grading_process.Child.__init__, "__defaults__", ("spawn",))
    content = nbformat.writes(notebook({"squeeze": solution("squeeze")}))
    grades = grade_file("one.ipynb", content.encode("utf-8"), LIMITS)
    assert {g.exercise: (g.outcome, g.property) for g in grades} == only("solved")


# --- finding answers ------------------------------------------------------------------


def answer_in(made, name="squeeze"):
    (answer,) = find_answers(made, [name], EXERCISES)
    return answer


def test_only_what_an_answer_needs_is_taken():
    before = [
        "import numpy as np\nimport torch as th, os",
        "AXES = [2]\nAXES += [3]\nUNUSED = print('never')",
        "@torch.no_grad()\ndef helper(y):\n    return inner(y)\n",
        "def inner(y): return y.mean(AXES)",
        "for step in range(10**9): train(step)",
    ]
    made = notebook({"squeeze": "def squeeze(x):\n    return helper(x)"}, before)
    source = answer_in(made).source
    wanted = ["AXES = [2]", "AXES += [3]", "@torch.no_grad()", "def inner", "def squ"]
    assert [part for part in wanted if part not in source] == []
    unwanted = ["numpy", "UNUSED", "train", "check"]
    assert [part for part in unwanted if part in source] == []


@pytest.mark.parametrize(
    "texts",
    [
        ["def squeeze(x):\n    return x + 1\n\nsqueeze = torch.no_grad()(squeeze)"],
        ["def squeeze(x):\n    return x + 1", "squeeze = torch.no_grad()(squeeze)"],
        [
            "def squeeze(x):\n    return x + 1\n\nfirst = squeeze\n\n"
            "def squeeze(x):\n    return first(x)"
        ],
    ],
)
def test_an_answer_that_wraps_an_earlier_one_takes_it_along(texts):
    source = answer_in(notebook({}, after=texts)).source
    made = {"torch": torch}
    exec(source, made)
    assert made["squeeze"](1) == 2


def test_an_answer_that_calls_itself_is_not_replaced_by_a_later_one():
    text = "def squeeze(x):\n    return squeeze(x - 1) if x else 0"
    later = "def squeeze(x):\n    return 5"
    made = notebook({"squeeze": text}, after=[later])
    assert "return 5" not in answer_in(made).source


def test_local_names_are_no_dependencies():
    before = ["s = [0] * 10**12", "y = s"]
    text = "def squeeze(x):\n    s = x.mean((2, 3))\n    return [y for y in [s]][0]"
    assert "10**12" not in answer_in(notebook({"squeeze": text}, before)).source


def test_other_exercises_are_named_not_copied():
    text = "def se_gate(x, w1, w2, b1=None, b2=None):\n    return squeeze(x)"
    made = notebook({"squeeze": solution("squeeze"), "se_gate": text})
    answer = answer_in(made, "se_gate")
    assert answer.uses == ("squeeze",) and "def squeeze" not in answer.source


@pytest.mark.parametrize(
    ("line", "borrowed"),
    [
        ("from course_lib.attention.widths import hidden_width as h", False),
        ("from course_lib.attention.squeeze_excitation import squeeze as h", True),
        ("from course_lib.attention.squeeze_excitation import *", True),
        ("from course_lib.exercises.catalogue import EXERCISES as h", True),
        ("import course_lib.attention as h", True),
        ("from torch import mean as h", False),
    ],
)
def test_an_imported_solution_is_noted(line, borrowed):
    made = notebook({"squeeze": f"def squeeze(x):\n    {line}\n    return h"})
    if "*" not in line:
        assert answer_in(made).borrowed == borrowed
    made = notebook({"squeeze": f"{line}\ndef squeeze(x):\n    return h"})
    assert answer_in(made).borrowed == borrowed


def test_an_answer_beats_a_stub_and_a_later_one_an_earlier_one():
    stub = stub_source(EXERCISES["squeeze"])
    made = notebook({"squeeze": stub}, after=["def squeeze(x):\n    return 1"])
    assert "return 1" in answer_in(made).source
    first, second = (nbformat.v4.new_code_cell(f"squeeze = {n}") for n in (1, 2))
    for cell in (first, second):
        cell.metadata["exercise"] = "squeeze"
    made = notebook()
    made.cells += [first, second]
    assert answer_in(made).source.strip().endswith("squeeze = 2")


@pytest.mark.parametrize(
    "text",
    [
        "%%time\ndef squeeze(x):\n    return (x\n        % 3)",
        "?squeeze\n!ls\nsqueeze?\ndef squeeze(x):\n    return (x\n        % 3)",
        "x = 1; squeeze = lambda x: x % 3",
        "try:\n    squeeze = torch.mean\nexcept AttributeError:\n    pass",
    ],
)
def test_text_that_only_ipython_knows(text):
    source = answer_in(notebook({"squeeze": text})).source
    compile(source, "answer", "exec")
    assert "squeeze" in source


def test_which_exercises_a_notebook_holds():
    assert exercises_in(notebook({"squeeze": "pass"}), EXERCISES) == {"squeeze"}
    made = notebook({"se_gate": "def se_gate(): pass"}, mark=False)
    assert exercises_in(made, EXERCISES) == {"se_gate"}
    assert exercises_in(notebook(), EXERCISES) == set()


# --- files, notes and errors ----------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"nbformat": 3}',
        b'{"nbformat": 4}',
        b'{"nbformat": 4, "cells": [1]}',
        b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": 3}]}',
        b"[" * 100_000,
    ],
)
def test_content_that_is_no_notebook(content):
    (grade,) = grade_file("a.ipynb", content, LIMITS)
    assert grade.outcome == "not a notebook" and grade.detail


def test_a_file_s_name_is_no_formula():
    assert spreadsheet_safe("=1+1.ipynb") == "./=1+1.ipynb"
    assert spreadsheet_safe("anna.ipynb") == "anna.ipynb"
    assert "./-x" in table_text([Grade("-x", "squeeze", "solved")])


def test_students_with_like_names_have_notes_of_their_own():
    files = ["a b.ipynb", "a_b.ipynb", "A_B.ipynb", "anna/1.ipynb", "anna/2.ipynb"]
    found = by_student([Grade(file, "squeeze", "solved") for file in files])
    assert len({name.lower() for name in found}) == len(found) == 4
    assert len(found["anna"]) == 2


def test_a_note_holds_a_student_s_text_as_code():
    detail = "# head `x` <script>\n- item"
    note = note_text("a", [Grade("a", "squeeze", "wrong", "runs", 0.1, detail)])
    assert "`# head 'x' <script> - item`" in note


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "nowhere: expected a folder of handed-in notebooks."),
        (["."], "expected at least one file."),
        ([".", "--seconds", "0"], "--seconds 0: expected 1 to 3600."),
        ([".", "--memory", "0"], "--memory 0: expected 0.5 to 1024 GB."),
        ([".", "--workers", "0"], "--workers 0: expected at least 1."),
    ],
)
def test_wrong_requests_are_told_in_one_line(
    arguments, words, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        cli.main(["grade", *arguments])
    assert left.value.code == 2
    assert words in capsys.readouterr().err


def test_changed_course_files_void_the_grades(tmp_path, monkeypatch):
    (tmp_path / "a.ipynb").write_bytes(b"{}")
    digests = iter(["before", "after"])
    monkeypatch.setattr(grading, "course_digest", lambda: next(digests))
    with pytest.raises(CourseError, match="own files changed while a"):
        grade_folder(tmp_path, LIMITS)


@pytest.mark.slow
def test_the_command_writes_beside_the_folder(tmp_path):
    folder = tmp_path / "class"
    folder.mkdir()
    (folder / "a.ipynb").write_text(json.dumps({"nbformat": 3}), encoding="utf-8")
    command = [sys.executable, "-m", "course_lib.cli", "grade", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert "1 not a notebook" in done.stdout
    table = tmp_path / "class-grades" / "grades.csv"
    assert table.read_text(encoding="utf-8").splitlines()[1] == (
        "a.ipynb,,not a notebook,,0.0"
    )
