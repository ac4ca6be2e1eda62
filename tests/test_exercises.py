"""`check` and its companions: what passes, what is returned, shown and recorded."""

import json

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_lib.attention import SqueezeExcitation
from course_lib.attention.squeeze_excitation import se_gate as verified_gate
from course_lib.blocks import Bottleneck, bottleneck, build_stage, se_residual
from course_lib.errors import CourseError
from course_lib.exercises import (
    CheckFailed,
    check,
    hint,
    progress,
    show_solution,
    whose,
)
from course_lib.exercises.catalogue import EXERCISES
from course_lib.exercises.engine import examine
from course_lib.exercises.progress import entries, last_answer, log_path
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


def gate_by_einsum(x, w1, w2, b1=None, b2=None):
    assert x.min() < x.max()  # an assertion of the learner's own does no harm
    s = torch.einsum("nchw->nc", x) / (x.shape[2] * x.shape[3])
    z = torch.einsum("nc,hc->nh", s, w1)
    z = (z if b1 is None else z + b1).clamp(min=0)
    g = torch.einsum("nh,ch->nc", z, w2)
    return 1 / (1 + torch.exp(-(g if b2 is None else g + b2)))[..., None, None]


class OtherNames(nn.Module):
    """Convolutions in place of linear layers, in another order, with other names."""

    def __init__(self, channels, reduction=16, bias=True, round_to=1):
        super().__init__()
        hidden = channels // reduction
        self.zoom = nn.Conv2d(hidden, channels, 1, bias=bias)
        self.layers = nn.Sequential(nn.Conv2d(channels, hidden, 1, bias=bias))

    def gate(self, x):
        s = F.adaptive_avg_pool2d(x, 1)
        return self.zoom(self.layers(s).relu()).sigmoid()

    def forward(self, features):
        return self.gate(features) * features


def squeeze_by_pooling(features):
    return F.adaptive_avg_pool2d(features, 1).flatten(1)


def squeeze_by_loop(x):
    rows = [torch.stack([channel.mean() for channel in image]) for image in x]
    return torch.stack(rows)


def shortcut_as_module(a, b, stride):
    if (a, stride) == (b, 1):
        return nn.Identity()
    layers = [nn.Conv2d(a, b, 1, stride=stride, bias=False), nn.BatchNorm2d(b)]
    return nn.Sequential(*layers)


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


def no_sigmoid(x, w1, w2, b1=None, b2=None):
    s = x.mean((2, 3))
    return F.linear(F.relu(F.linear(s, w1, b1)), w2, b2)[:, :, None, None]


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


# --- the log, the hints, the solution -----------------------------------------------


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


# --- the functions behind notebook 01 agree with the modules -------------------------


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("attention", [None, SqueezeExcitation])
def test_the_functions_compute_what_the_block_computes(stride, attention):
    torch.manual_seed(1)
    make = None if attention is None else lambda channels: attention(channels, 4)
    block = Bottleneck(5, 3, stride, make).eval()
    x = torch.randn(2, 5, 7, 9)
    shortcut = block.downsample(x)
    weights = [c.weight for c in (block.conv1, block.conv2, block.conv3)]
    norms = [block.bn1, block.bn2, block.bn3]
    if attention is None:
        mine = bottleneck(x, shortcut, *weights, norms, stride)
    else:
        y = F.relu(block.bn1(block.conv1(x)))
        y = block.bn3(block.conv3(F.relu(block.bn2(block.conv2(y)))))
        reduce, expand = block.attention.reduce, block.attention.expand
        mine = se_residual(
            y, shortcut, reduce.weight, expand.weight, reduce.bias, expand.bias
        )
    torch.testing.assert_close(mine, block(x))


def test_a_built_stage_has_torchvision_s_parameters():
    from torchvision.models import resnet50

    ours = build_stage(Bottleneck, 256, 128, 4, 2).state_dict()
    theirs = resnet50().layer2.state_dict()
    assert {k: v.shape for k, v in ours.items()} == {
        k: v.shape for k, v in theirs.items()
    }


def test_the_slow_formulas_agree_with_torch():
    from course_lib.exercises import formulas

    generator = np.random.default_rng(3)
    x, weight = generator.normal(size=(2, 3, 6, 5)), generator.normal(size=(4, 3, 3, 3))
    ours = formulas.convolution(x, weight, stride=2, padding=1)
    theirs = F.conv2d(torch.from_numpy(x), torch.from_numpy(weight), None, 2, 1)
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-10, atol=1e-12)
