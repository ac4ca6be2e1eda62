"""`check`: tests an answer, shows the outcome, and always returns something usable."""

import difflib
import os
from typing import Any

from course_lib import answer_log
from course_lib.exercises.catalogue import EXERCISES
from course_lib.exercises.exercise import Exercise, Failure, Property
from course_lib.exercises.guard import TimeLimit, guarded
from course_lib.exercises.judge import (
    Unsolved,
    failure_from_error,
    first_failure,
    likely_cause,
)
from course_lib.exercises.messages import LABELS, Report, show
from course_lib.exercises.sources import source_of

FALLBACK = "The verified version is used below."

_last_outcome: dict[str, str] = {}  # exercise -> "ok", "failed" or "unsolved"


class CheckFailed(Exception):
    """Raised by `check` when COURSE_STRICT=1; its text is the report's."""


def check(name: str, answer: Any) -> Any:
    """Test your answer to an exercise; returns it if right, else the verified one.

    name: the exercise, such as "se_gate"; answer: the function or class itself.
    The first property that fails is shown with its likely cause. Nothing is raised,
    except KeyboardInterrupt, and CheckFailed where COURSE_STRICT is "1".
    """
    exercise = EXERCISES.get(name) if isinstance(name, str) else None
    if exercise is None:
        report, used = unknown_exercise(name), answer
    else:
        report, failed = examine(exercise, answer)
        source = "" if answer is exercise.solution else source_of(answer)
        answer_log.record(name, report.status, failed, source)
        _last_outcome[name] = report.status
        used = answer if report.status == "ok" else exercise.solution
    show(report)
    if report.status != "ok" and os.environ.get("COURSE_STRICT") == "1":
        raise CheckFailed(report.text())
    return used


def whose(name: str) -> str:
    """ "yours" if your last answer passed, else "verified": for tables of results."""
    return "yours" if _last_outcome.get(name) == "ok" else "verified"


def examine(exercise: Exercise, answer: object) -> tuple[Report, str]:
    """The report on an answer, and the name of the failed property ("" if none)."""
    name = exercise.name
    if answer is exercise.solution:
        head = "this is the verified version. Run your own cell, then this one."
        return Report("unsolved", name, head), ""
    try:
        with guarded() as printed:
            found = first_failure(exercise, answer)
    except Unsolved:
        return Report("unsolved", name, f"not solved yet. {FALLBACK}"), ""
    except TimeLimit as error:
        first = exercise.properties[0]
        found = first, failure_from_error("the last input", error)
    if found is None:
        head = f"all {len(exercise.properties)} properties hold."
        head += " Your version is used below."
        names = ", ".join(prop.name for prop in exercise.properties)
        return Report(
            "ok", name, head, (("tested", names),), "", printed.getvalue()
        ), ""
    prop, failure = found
    report = failure_report(exercise, prop, failure, printed.getvalue())
    return report, prop.name


def failure_report(
    exercise: Exercise, prop: Property, failure: Failure, printed: str
) -> Report:
    """The five lines of a failure."""
    try:
        with guarded():
            cause = likely_cause(exercise, prop, failure)
    except TimeLimit:
        cause = prop.advice
    texts = (failure.input, failure.expected, failure.got, cause)
    return Report(
        "failed",
        exercise.name,
        f"{prop.name}: {prop.statement}",
        tuple(zip(LABELS, texts, strict=True)),
        FALLBACK,
        printed,
    )


def unknown_exercise(name: object) -> Report:
    """For a misspelt name."""
    near = difflib.get_close_matches(str(name), EXERCISES, n=1, cutoff=0.4)
    likely = f"Did you mean {near[0]!r}?" if near else "progress() lists the names."
    texts = ("check(name, answer)", "the name of an exercise", str(name), likely)
    rows = tuple(zip(LABELS, texts, strict=True))
    return Report(
        "failed", str(name), "no exercise has this name", rows, "Your object is used."
    )
