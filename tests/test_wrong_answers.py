"""The checks are proven on wrong answers, and the proof itself is tested."""

import runpy
from dataclasses import replace

import pytest

from course_lib.exercises.catalogue import EXERCISES
from course_lib.exercises.engine import examine
from course_lib.exercises.exercise import Property, WrongAnswer
from course_lib.exercises.sources import compile_answer, wrong_source
from course_lib.exercises.wrong_answers import audit, judge_wrong_answer, matrix

ALL = list(EXERCISES.values())
PAIRS = [(exercise, wrong) for exercise in ALL for wrong in exercise.wrong_answers]
SE_GATE = EXERCISES["se_gate"]


@pytest.mark.parametrize("exercise", ALL, ids=lambda e: e.name)
def test_a_check_has_no_fault(exercise):
    # Solution passes, every wrong answer is rejected by its own property with its own
    # cause, and every property is needed by at least one wrong answer.
    assert audit(exercise) == []


@pytest.mark.parametrize(
    ("exercise", "wrong"), PAIRS, ids=[f"{e.name}-{w.name}" for e, w in PAIRS]
)
def test_a_learner_reads_the_right_property_and_cause(exercise, wrong):
    answer = compile_answer(exercise, wrong_source(exercise, wrong))
    report, failed = examine(exercise, answer)
    assert report.status == "failed"
    assert failed == wrong.rejected_by
    assert dict(report.rows)["likely"] == wrong.cause
    assert len(report.lines()) == 5
    assert all("\n" not in line for line in report.lines())
    assert "..." not in report.lines()[4]  # a cause is never cut


@pytest.mark.parametrize("exercise", ALL, ids=lambda e: e.name)
def test_names_and_causes_are_unique(exercise):
    names = [wrong.name for wrong in exercise.wrong_answers]
    causes = [wrong.cause for wrong in exercise.wrong_answers]
    assert len(set(names)) == len(names)
    assert len(set(causes)) == len(causes)


REAL_BUGS = {
    ("bottleneck", "stride on the first 1x1", "values"),
    ("bottleneck", "ReLU on the branch before the sum", "values"),
    ("projection", "projection everywhere", "parameter count"),
    ("squeeze", "pooled over the batch", "samples independent"),
    ("se_gate", "pooled over the batch", "samples independent"),
    ("se_gate", "no sigmoid", "range"),
    ("se_gate", "softmax in place of the sigmoid", "gates apart"),
    ("se_residual", "gate on the shortcut", "placement"),
    ("SqueezeExcitation", "hidden width rounded to 8", "parameter count"),
    ("bam_channel_branch", "window of H x H", "runs"),
    ("bam_channel_branch", "left square only", "positions equal"),
    ("bam_channel_branch", "no norm at the end", "values"),
    ("bam_spatial_branch", "padding 1", "shape"),
    ("bam_spatial_branch", "three dilated convolutions", "reach"),
    ("bam_map", "product for the sum", "values"),
    ("bam_refine", 'no "1 +"', "range"),
    ("bam_refine", "x added twice", "range"),
    ("cbam_channel_gate", "sigmoid before the sum", "range"),
    ("cbam_channel_gate", "first pooling twice", "values"),
    ("channel_maps", "pooled over H and W", "shape"),
    ("channel_maps", "mean first", "values"),
    ("cbam_spatial_gate", "sigmoid forgotten", "range"),
    ("CBAM", "two MLPs", "parameter count"),
    ("CBAM", "kernel of 49", "parameter count"),
    ("CBAM", "reduction ignored", "runs"),
    ("CBAM", "inner residual", "range"),
    ("ECA", "even kernel, unchecked", "runs"),
    ("ECA", "padding forgotten", "runs"),
    ("ECA", "always 3", "kernel size"),
    ("ECA", "sigmoid before the convolution", "range"),
    ("ECA", "convolution over the samples", "samples independent"),
    ("coordinate_gates", "rows and columns mixed up", "own row"),
    ("coordinate_gates", "gates not turned back", "shape"),
    ("pyramid_squeeze", "view on channels_last", "runs"),
    ("enlarge", "argmax before upsampling", "cell centres"),
    ("pointing_game", "ties as hits", "ties"),
    ("pointing_game", "map of the wrong sample", "planted maps"),
    ("place_in_block", "ReLU on the branch before the module", "plain block"),
    ("place_in_block", "conv2 after the last layer", "runs"),
    ("weights_per_stage", "channels of the 3x3", "one block"),
    ("layer_flops", "MACs taken for FLOPs", "by hand"),
    ("seconds_of", "first step counted", "warm-up"),
    ("seconds_of", "no synchronise", "waits at the end"),
}


def test_the_bugs_of_real_repositories_are_among_them():
    known = {(e.name, w.name, w.rejected_by) for e, w in PAIRS}
    assert known >= REAL_BUGS


def test_a_harmless_change_is_reported_as_a_survivor():
    harmless = WrongAnswer("harmless", "# (N, C)\n    z", "\n    z", "values", "none")
    problems = audit(with_wrong(harmless))
    assert "se_gate: the wrong answer 'harmless' survives" in problems


def test_a_wrong_property_is_reported():
    no_sigmoid = next(w for w in SE_GATE.wrong_answers if w.name == "no sigmoid")
    misfiled = replace(no_sigmoid, name="misfiled", rejected_by="values")
    problems = audit(with_wrong(misfiled))
    assert "se_gate: 'misfiled' is rejected by 'range', not by 'values'" in problems


def test_two_equal_wrong_answers_are_reported():
    no_sigmoid = next(w for w in SE_GATE.wrong_answers if w.name == "no sigmoid")
    twin = replace(no_sigmoid, name="twin")
    problems = audit(with_wrong(twin))
    assert "se_gate: the cause of 'twin' is taken for 'no sigmoid'" in problems


@pytest.mark.parametrize(
    ("old", "new"), [("no such text", "x"), ("g", "x"), ("F.relu", "F.relu")]
)
def test_a_replacement_that_is_not_one_change_is_reported(old, new):
    problems = audit(with_wrong(WrongAnswer("bad", old, new, "values", "none")))
    assert [p for p in problems if "expected once" in p]


def test_an_unneeded_property_is_reported():
    spare = Property("spare", "nothing", "nothing", lambda answer: None)
    exercise = replace(SE_GATE, properties=(*SE_GATE.properties, spare))
    assert audit(exercise) == ["se_gate: no wrong answer needs the property 'spare'"]


def test_too_few_wrong_answers_are_reported():
    exercise = replace(SE_GATE, wrong_answers=SE_GATE.wrong_answers[:4])
    assert "se_gate: only 4 wrong answers" in audit(exercise)


def test_a_solution_that_fails_is_reported():
    broken = EXERCISES["squeeze"].solution
    exercise = replace(SE_GATE, solution=broken, wrong_answers=(), name="squeeze")
    problems = audit(exercise)
    assert any(
        problem.startswith("squeeze: the solution fails") for problem in problems
    )


def test_the_matrix_shows_each_verdict():
    text = matrix(EXERCISES["squeeze"])
    row = next(line for line in text.splitlines() if "sum in place" in line)
    assert row.endswith(" .  .  .  x  .  .  .  .  .  .  yes")
    survivor = WrongAnswer("harmless", "# (N, C)\n    z", "\n    z", "values", "none")
    assert judge_wrong_answer(with_wrong(survivor), survivor).rejected_by == ""
    assert matrix(with_wrong(survivor)).splitlines()[-1].split()[-1] == "NO"


def with_wrong(wrong):
    """The exercise se_gate with one more wrong answer."""
    return replace(SE_GATE, wrong_answers=(*SE_GATE.wrong_answers, wrong))


def test_the_matrix_runs_as_a_program(capsys):
    with pytest.raises(SystemExit) as end:
        runpy.run_module("course_lib.exercises", run_name="__main__")
    out = capsys.readouterr().out
    assert f"{len(ALL)} exercises, {len(PAIRS)} wrong answers, 0 faults" in out
    assert end.value.code == 0
    for exercise in ALL:
        assert f"{exercise.name} (notebook {exercise.notebook})" in out
