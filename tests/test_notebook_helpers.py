"""The helpers of a notebook's cells: set up, guess, compare."""

import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib import notebook
from course_lib.answer_log import entries, record
from course_lib.errors import CourseError
from course_lib.exercises.catalogue import EXERCISES
from course_lib.notebook import (
    break_it,
    compare,
    in_words,
    predict,
    recall,
    setup,
    solved,
)


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path))
    monkeypatch.setenv("COURSE_PROFILE", "ci")
    monkeypatch.setattr(notebook, "_guesses", {})
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


# --- setup ----------------------------------------------------------------------------


def draw():
    return random.random(), np.random.rand(), torch.rand(()).item()


def test_setup_restarts_every_generator(capsys):
    setup("02")
    first = draw()
    draw()
    setup("02")
    assert draw() == first
    assert torch.get_num_threads() == 1


def test_setup_names_profile_versions_and_every_exercise(capsys):
    setup("02")
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("Notebook 02: profile ci, device ")
    assert torch.__version__ in first
    names = [e.name for e in EXERCISES.values() if e.notebook == "02"]
    assert names and second == "Exercises: " + "  ".join(f"[ ] {n}" for n in names)


def test_a_solved_exercise_stays_solved(capsys):
    record("squeeze", "failed", "values", "")
    assert solved("02")["squeeze"] == "failed"
    record("squeeze", "ok", "", "")
    record("squeeze", "failed", "values", "")
    assert solved("02")["squeeze"] == "ok"
    assert solved("02")["se_gate"] == "unsolved"
    setup("02")
    assert "[ok] squeeze  [ ] se_gate" in capsys.readouterr().out


def test_a_notebook_without_exercises_prints_one_line(capsys):
    setup("99")
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize("number", [2, "2", "two", "", None])
def test_setup_refuses_what_is_no_number(number):
    with pytest.raises(CourseError, match="setup"):
        setup(number)


# --- predict and recall ---------------------------------------------------------------


@pytest.mark.parametrize("guess", ["about half", 0.5, " about half "])
def test_a_guess_is_echoed_and_recalled_beside_the_answer(guess, capsys):
    predict("start", guess)
    assert str(guess).strip() in capsys.readouterr().out
    recall("start", 0.49)
    expected = f"your guess: {str(guess).strip()}\nthe answer: 0.49\n"
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize("guess", ["...", "", "  "])
def test_no_guess_is_fine_and_takes_back_an_earlier_one(guess, capsys):
    predict("start", "half")
    predict("start", guess)
    capsys.readouterr()
    recall("start", 0.49)
    assert capsys.readouterr().out == "your guess: none noted\nthe answer: 0.49\n"


# --- break_it -------------------------------------------------------------------------


def softmax_gate(x, w1, w2, b1=None, b2=None):
    z = torch.relu(torch.nn.functional.linear(x.mean(dim=(2, 3)), w1, b1))
    return torch.nn.functional.linear(z, w2, b2).softmax(dim=1)[:, :, None, None]


def test_a_broken_copy_is_named_and_leaves_no_trace(capsys, monkeypatch):
    monkeypatch.setenv("COURSE_STRICT", "1")  # where check would raise
    break_it("se_gate", softmax_gate)
    out = capsys.readouterr().out
    assert out.startswith("[x] se_gate: gates apart:")
    assert "softmax" in out and "nothing is recorded" in out
    assert "verified version" not in out
    assert not entries() and solved("02")["se_gate"] == "unsolved"


def test_a_misspelt_exercise_is_named():
    with pytest.raises(CourseError, match="se_gate"):
        break_it("se_gat", softmax_gate)


# --- compare --------------------------------------------------------------------------


@given(st.floats(1e-12, 1e12))
def test_the_bound_is_a_power_of_ten_just_above(apart):
    bound = float(in_words(apart).rsplit(" ", 1)[1])
    assert bound >= apart * (1 - 1e-9)
    assert bound == notebook.FINEST or bound < 10 * apart * (1 + 1e-9)
    assert np.log10(bound) == pytest.approx(round(np.log10(bound)))


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        (0.0, "close, largest difference at most 1e-05"),
        (3e-7, "close, largest difference at most 1e-05"),
        (8e-5, "close, largest difference at most 1e-04"),
        (3e-3, "NOT close, largest difference at most 1e-02"),
        (torch.nan, "NOT close, some values are not finite"),
    ],
)
def test_compare_says_how_far_apart(difference, words, capsys):
    reference = torch.ones(2, 3)
    mine = reference.clone()
    mine[1, 2] += difference
    compare("gate", mine, reference)
    assert capsys.readouterr().out == f"gate: {words}\n"


def test_compare_never_broadcasts(capsys):
    compare("gate", torch.zeros(2, 3), torch.zeros(2, 3, 1, 1))
    assert capsys.readouterr().out == "gate: shapes differ, (2, 3) and (2, 3, 1, 1)\n"


def test_compare_takes_arrays_numbers_and_tensors_with_gradients(capsys):
    compare("a", np.float32([1, 2]), torch.tensor([1.0, 2.0], requires_grad=True))
    compare("b", 0.5, torch.tensor(0.5))
    compare("c", torch.empty(0, 3), torch.empty(0, 3))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "a: close",
        "b: close",
        "c: both are empty",
    ]
