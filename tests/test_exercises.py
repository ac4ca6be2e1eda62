"""`check`: what passes, what is returned, and what is shown."""

import pytest
import torch
from exercise_answers import (
    OtherNames,
    gate_by_einsum,
    no_sigmoid,
    shortcut_as_module,
    squeeze_by_loop,
    squeeze_by_pooling,
)
from torch import nn
from torch.nn import functional as F

from course_lib.attention.squeeze_excitation import se_gate as verified_gate
from course_lib.exercises import (
    CheckFailed,
    check,
    whose,
)
from course_lib.exercises.catalogue import EXERCISES
from course_lib.exercises.engine import examine
from course_lib.exercises.sources import compile_answer, solution_source, stub_source

ALL = list(EXERCISES.values())
each_exercise = pytest.mark.parametrize("exercise", ALL, ids=lambda e: e.name)


@pytest.fixture(autouse=True)
def own_log(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path))
    monkeypatch.delenv("COURSE_STRICT", raising=False)


# --- right answers ------------------------------------------------------------------


@each_exercise
def test_the_solution_s_text_passes_and_is_returned(exercise, capsys):
    answer = compile_answer(exercise, solution_source(exercise))
    assert check(exercise.name, answer) is answer
    expected = f"[ok] {exercise.name}: all {len(exercise.properties)} properties hold."
    assert capsys.readouterr().out.startswith(expected)
    assert whose(exercise.name) == "yours"


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("se_gate", gate_by_einsum),
        ("SqueezeExcitation", OtherNames),
        ("squeeze", squeeze_by_pooling),
        ("squeeze", squeeze_by_loop),
        ("projection", shortcut_as_module),
    ],
)
def test_another_way_to_write_it_passes(name, answer):
    assert check(name, answer) is answer


def test_the_notebook_s_random_numbers_are_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    check("SqueezeExcitation", OtherNames)
    check("squeeze", lambda x: x.sum(dim=(2, 3)))
    assert torch.equal(torch.rand(3), expected)


@each_exercise
def test_the_card_of_a_right_answer_names_the_properties(exercise):
    answer = compile_answer(exercise, solution_source(exercise))
    report, _ = examine(exercise, answer)
    names = ", ".join(prop.name for prop in exercise.properties)
    assert report.rows == (("tested", names),)
    assert names in report.text()  # not cut
    assert names in report.card()


# --- the fallback -------------------------------------------------------------------


@each_exercise
def test_a_stub_is_unsolved_and_the_verified_version_returned(exercise, capsys):
    stub = compile_answer(exercise, stub_source(exercise))
    assert stub.__doc__ == exercise.solution.__doc__
    assert check(exercise.name, stub) is exercise.solution
    line = "not solved yet. The verified version is used below."
    assert capsys.readouterr().out == f"[ ] {exercise.name}: {line}\n"
    assert whose(exercise.name) == "verified"


def test_a_failing_answer_is_replaced(capsys):
    assert check("se_gate", lambda *a: a[0]) is verified_gate
    assert "The verified version is used below." in capsys.readouterr().out


def test_a_missing_forward_is_a_failure_not_a_stub(capsys):
    class NoForward(nn.Module):
        def __init__(self, channels, reduction=16, bias=True):
            super().__init__()

    check("SqueezeExcitation", NoForward)
    assert 'missing the required "forward"' in capsys.readouterr().out


def test_the_verified_version_checked_again_is_not_yours(capsys):
    assert check("se_gate", verified_gate) is verified_gate
    assert capsys.readouterr().out.startswith("[ ] se_gate: this is the verified")
    assert whose("se_gate") == "verified"


def test_an_unknown_name_is_told_with_the_nearest(capsys):
    thing = object()
    assert check("segate", thing) is thing
    assert "Did you mean 'se_gate'?" in capsys.readouterr().out
    assert check(["not", "a", "name"], thing) is thing


def test_strict_mode_raises_the_report(monkeypatch):
    monkeypatch.setenv("COURSE_STRICT", "1")
    with pytest.raises(CheckFailed, match=r"\[x\] squeeze: shape"):
        check("squeeze", lambda x: x)
    assert callable(check("squeeze", squeeze_by_loop))
    with pytest.raises(CheckFailed, match="not solved yet"):
        check("squeeze", compile_stub("squeeze"))
    with pytest.raises(CheckFailed, match="no exercise has this name"):
        check("squeezee", squeeze_by_loop)


def compile_stub(name):
    return compile_answer(EXERCISES[name], stub_source(EXERCISES[name]))


# --- what is shown ------------------------------------------------------------------


def test_the_five_lines_of_a_failure(capsys):
    check("se_gate", no_sigmoid)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "[x] se_gate: range: every gate lies between 0 and 1"
    assert lines[1].startswith("    input     x (2, 6, 7, 5), w1 (3, 6), w2 (6, 3)")
    assert lines[2] == "    expected  every gate lies between 0 and 1"
    assert lines[3].startswith("    got       values from -")
    assert lines[4] == (
        "    likely    These are the logits. Put torch.sigmoid around the second layer."
    )
    assert lines[5].strip() == "The verified version is used below."


def line_with_an_error(x):
    height = x.shape[2]
    return x.mean(dim=(2, height))  # dimension out of range


def test_an_error_is_shown_at_the_learner_s_own_line(capsys):
    check("squeeze", line_with_an_error)
    got = capsys.readouterr().out.splitlines()[3]
    assert "IndexError: Dimension out of range" in got
    assert "return x.mean(dim=(2, height))" in got
    assert f"line {line_with_an_error.__code__.co_firstlineno + 2}:" in got


def test_an_error_below_the_learner_s_line_shows_that_line(capsys):
    check("squeeze", lambda x: F.avg_pool2d(x, 1000).flatten(1))
    got = capsys.readouterr().out.splitlines()[3]
    assert "F.avg_pool2d(x, 1000)" in got


def test_the_card_has_the_same_content_escaped():
    def shout(x):
        raise ValueError("<b>no</b> & \n never")

    report, _ = examine(EXERCISES["squeeze"], shout)
    bundle = report._repr_mimebundle_()
    assert bundle["text/plain"] == report.text()
    assert "&lt;b&gt;no&lt;/b&gt; &amp; never" in bundle["text/html"]
    assert "<b>no" not in bundle["text/html"]
    for label, _ in report.rows:
        assert f">{label}</dt>" in bundle["text/html"]
    assert "[x]" in bundle["text/html"]  # the mark, not the colour alone
    assert "var(--jp-" in bundle["text/html"]  # the theme's colours


def test_a_mistake_nobody_foresaw_gets_advice():
    report, failed = examine(EXERCISES["squeeze"], lambda x: x.mean((2, 3)) * 0.9)
    assert failed == "values"
    assert "Work out one small example by hand" in dict(report.rows)["likely"]


def test_prints_of_the_answer_are_shown(capsys):
    def chatty(x):
        print("shape", tuple(x.shape))
        return x.mean(dim=(2, 3))

    assert check("squeeze", chatty) is chatty
    out = capsys.readouterr().out
    assert "your code printed:\n      | shape (2, 6, 7, 5)" in out
    assert "      | ..." in out
