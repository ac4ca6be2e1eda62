"""`hint`, `show_solution` and `progress`: what a learner may ask for."""

import difflib

from course_lib import answer_log
from course_lib.errors import check_choice
from course_lib.exercises.catalogue import EXERCISES
from course_lib.exercises.exercise import Exercise
from course_lib.exercises.messages import MARKS
from course_lib.exercises.sources import solution_source


def hint(name: str, number: int = 1) -> None:
    """Print hint 1 to 4 of an exercise, from a question to code with blanks.

    Raises CourseError for a name or number that does not exist.
    """
    check_choice("exercise", name, EXERCISES)
    check_choice("hint", str(number), "1234")
    print(f"{name}, hint {number} of 4\n\n{EXERCISES[name].hints[int(number) - 1]}")


def show_solution(name: str) -> None:
    """Print the verified source, why it is right, and how your last answer differs.

    Raises CourseError for a name that does not exist.
    """
    check_choice("exercise", name, EXERCISES)
    exercise = EXERCISES[name]
    print(solution_source(exercise))
    print(f"Why: {exercise.why}\n")
    print(difference_to_answer(exercise, answer_log.last_answer(name)))


def difference_to_answer(exercise: Exercise, answer: str) -> str:
    """A unified diff from the learner's text to the solution's."""
    if not answer:
        return "Your answer: none checked yet."
    diff = difflib.unified_diff(
        answer.splitlines(),
        solution_source(exercise).splitlines(),
        "your last answer",
        "verified solution",
        lineterm="",
        n=1,
    )
    lines = list(diff)
    if not lines:
        return "Your answer is the same, character for character."
    return "\n".join(["From your answer (-) to the solution (+):", *lines])


def progress() -> None:
    """Print every exercise with its best outcome and the number of checks."""
    found = answer_log.entries()
    for exercise in EXERCISES.values():
        outcomes = [e["outcome"] for e in found if e["exercise"] == exercise.name]
        best = next((s for s in ("ok", "failed") if s in outcomes), "unsolved")
        checks = f"{len(outcomes)} check" + ("" if len(outcomes) == 1 else "s")
        mark, where = MARKS[best], exercise.notebook
        print(f"{mark:<5}{where}  {exercise.name:<20}{exercise.title:<40}{checks}")
