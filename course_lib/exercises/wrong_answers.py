"""Proves the checks on wrong answers: every known mistake is rejected, by name.

`audit` lists what is not as it should be; `matrix` prints who rejects what.
"""

import functools
from dataclasses import dataclass

from course_lib.exercises.exercise import Exercise, Failure, Property, WrongAnswer
from course_lib.exercises.guard import guarded
from course_lib.exercises.judge import (
    Unsolved,
    first_failure,
    matching_wrong_answer,
)
from course_lib.exercises.sources import (
    compile_answer,
    solution_source,
    wrong_source,
)

FEWEST_WRONG_ANSWERS = 5


@dataclass(frozen=True)
class Verdict:
    """What the check said about one known-wrong answer.

    rejected_by: the property's name, "" when the wrong answer passed.
    matched: the known-wrong answer whose cause the learner would read, "" for none.
    """

    wrong: WrongAnswer
    rejected_by: str
    matched: str


@functools.cache
def judge_wrong_answer(exercise: Exercise, wrong: WrongAnswer) -> Verdict:
    """Check one known-wrong answer, as if a learner had written its text."""
    answer = compile_answer(exercise, wrong_source(exercise, wrong))
    with guarded():
        found = first_failure(exercise, answer)
        if found is None:
            return Verdict(wrong, "", "")
        return Verdict(wrong, found[0].name, _match(exercise, *found))


def _match(exercise: Exercise, prop: Property, failure: Failure) -> str:
    match = matching_wrong_answer(exercise, prop, failure)
    return "" if match is None else match.name


def audit(exercise: Exercise) -> list[str]:
    """Every fault of an exercise's check, one sentence each; empty when sound."""
    problems = audit_solution(exercise)
    if len(exercise.wrong_answers) < FEWEST_WRONG_ANSWERS:
        problems.append(f"only {len(exercise.wrong_answers)} wrong answers")
    used = set()
    for wrong in exercise.wrong_answers:
        try:
            verdict = judge_wrong_answer(exercise, wrong)
        except ValueError as error:
            problems.append(str(error))
            continue
        used.add(verdict.rejected_by)
        problems += problems_of(verdict)
    for prop in exercise.properties:
        if prop.name not in used:
            problems.append(f"no wrong answer needs the property {prop.name!r}")
    return [f"{exercise.name}: {problem}" for problem in problems]


def audit_solution(exercise: Exercise) -> list[str]:
    """The solution must pass, as an object and as a text run anew."""
    problems = []
    texts = {
        "the solution": exercise.solution,
        "its text": compile_answer(exercise, solution_source(exercise)),
    }
    for words, answer in texts.items():
        try:
            with guarded():
                found = first_failure(exercise, answer)
        except Unsolved:
            problems.append(f"{words} is a stub")
            continue
        if found is not None:
            prop, failure = found
            problems.append(f"{words} fails {prop.name!r}: {failure.got}")
    return problems


def problems_of(verdict: Verdict) -> list[str]:
    """What is wrong with a verdict: survived, wrong property, wrong cause."""
    wrong = verdict.wrong
    if not verdict.rejected_by:
        return [f"the wrong answer {wrong.name!r} survives"]
    if verdict.rejected_by != wrong.rejected_by:
        return [
            f"{wrong.name!r} is rejected by {verdict.rejected_by!r}, "
            f"not by {wrong.rejected_by!r}"
        ]
    if verdict.matched != wrong.name:
        return [f"the cause of {wrong.name!r} is taken for {verdict.matched!r}"]
    return []


def matrix(exercise: Exercise) -> str:
    """The wrong-answer matrix: one line a wrong answer, one column a property."""
    names = [prop.name for prop in exercise.properties]
    lines = [f"{exercise.name} (notebook {exercise.notebook}): {exercise.title}"]
    lines += [f"  {number:>2} {name}" for number, name in enumerate(names, 1)]
    columns = " ".join(f"{number:>2}" for number in range(1, len(names) + 1))
    lines.append(f"  {'wrong answer':<44}{columns}  cause found")
    for wrong in exercise.wrong_answers:
        verdict = judge_wrong_answer(exercise, wrong)
        cells = " ".join(" x" if n == verdict.rejected_by else " ." for n in names)
        found = "yes" if verdict.matched == wrong.name else "NO"
        lines.append(f"  {wrong.name:<44}{cells}  {found}")
    return "\n".join(lines)
