"""The log of answers, `progress`, `hint` and `show_solution`."""

import json

import pytest
from exercise_answers import (
    OtherNames,
    no_sigmoid,
    squeeze_by_loop,
    squeeze_by_pooling,
)

from course_lib.answer_log import entries, last_answer, log_path
from course_lib.attention.squeeze_excitation import se_gate as verified_gate
from course_lib.errors import CourseError
from course_lib.exercises import (
    check,
    hint,
    progress,
    show_solution,
)
from course_lib.exercises.catalogue import EXERCISES
from course_lib.exercises.sources import solution_source

ALL = list(EXERCISES.values())
each_exercise = pytest.mark.parametrize("exercise", ALL, ids=lambda e: e.name)


@pytest.fixture(autouse=True)
def own_log(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path))
    monkeypatch.delenv("COURSE_STRICT", raising=False)


def test_every_check_is_recorded_with_its_text():
    check("squeeze", squeeze_by_loop)
    check("squeeze", lambda x: x)
    check("SqueezeExcitation", OtherNames)
    found = entries()
    assert [e["outcome"] for e in found] == ["ok", "failed", "ok"]
    assert [e["property"] for e in found] == ["", "shape", ""]
    assert "channel.mean()" in found[0]["source"]
    assert found[2]["source"].startswith("class OtherNames(nn.Module):")
    assert "return self.gate(features) * features" in found[2]["source"]
    assert all(e["time"].endswith("+00:00") for e in found)


def test_the_verified_version_is_never_logged_as_an_answer():
    check("se_gate", verified_gate)
    assert last_answer("se_gate") == ""


def test_a_damaged_log_is_read_as_far_as_it_goes():
    check("squeeze", squeeze_by_loop)
    with log_path().open("ab") as file:
        file.write(b'{"cut off\n[1]\n\xff\xfe\n{"exercise": "squeeze"}\n')
    check("squeeze", squeeze_by_pooling)
    assert [e["outcome"] for e in entries()] == ["ok", "ok"]


def test_a_log_that_cannot_be_written_breaks_nothing(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("COURSE_PROGRESS", str(blocked / "folder"))
    assert check("squeeze", squeeze_by_loop) is squeeze_by_loop
    assert entries() == []


def test_a_log_entry_is_one_line_of_json():
    check("squeeze", squeeze_by_loop)
    (line,) = log_path().read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["exercise"] == "squeeze"


def test_progress_counts_checks_and_keeps_the_best(capsys):
    check("squeeze", squeeze_by_loop)
    check("squeeze", lambda x: x)
    check("se_gate", no_sigmoid)
    capsys.readouterr()
    progress()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(ALL)
    rows = {line[5:].split()[1]: line for line in lines}
    assert rows["squeeze"].startswith("[ok]") and rows["squeeze"].endswith("2 checks")
    assert rows["se_gate"].startswith("[x]") and rows["se_gate"].endswith("1 check")
    assert rows["bottleneck"].startswith("[ ]")


@each_exercise
def test_the_solution_is_shown_with_reasons_and_a_difference(exercise, capsys):
    show_solution(exercise.name)
    out = capsys.readouterr().out
    assert solution_source(exercise) in out
    assert exercise.why in out
    assert out.rstrip().endswith("none checked yet.")
    assert exercise.why.count(". ") == 1  # two sentences


def test_the_difference_is_to_the_last_answer(capsys):
    check("se_gate", no_sigmoid)
    show_solution("se_gate")
    out = capsys.readouterr().out
    assert "-    s = x.mean((2, 3))" in out
    assert "+    s = squeeze(x)  # (N, C)" in out


@each_exercise
def test_there_are_four_hints_and_the_last_has_blanks(exercise, capsys):
    assert len(exercise.hints) == 4
    assert exercise.hints[0].rstrip().endswith("?")
    assert "____" in exercise.hints[3]
    for number in (1, 2, 3, 4):
        hint(exercise.name, number)
        assert exercise.hints[number - 1] in capsys.readouterr().out


def test_hints_and_solutions_that_do_not_exist():
    with pytest.raises(CourseError, match="Did you mean 'se_gate'"):
        show_solution("se_gatee")
    with pytest.raises(CourseError, match="hint '5'"):
        hint("se_gate", 5)
