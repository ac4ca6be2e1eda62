"""All exercises by name, in the order of the notebooks."""

from course_lib.exercises import (
    notebook01,
    notebook02,
    notebook03,
    notebook04,
    notebook05,
    notebook06,
    notebook07,
    notebook08,
    notebook09,
    notebook10,
    notebook11,
    notebook12,
)
from course_lib.exercises.exercise import Exercise

NOTEBOOKS = (
    notebook01,
    notebook02,
    notebook03,
    notebook04,
    notebook05,
    notebook06,
    notebook07,
    notebook08,
    notebook09,
    notebook10,
    notebook11,
    notebook12,
)

EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise for notebook in NOTEBOOKS for exercise in notebook.EXERCISES
}
