"""All exercises by name, in the order of the notebooks."""

from course_lib.exercises import notebook01, notebook02, notebook11
from course_lib.exercises.exercise import Exercise

EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for notebook in (notebook01, notebook02, notebook11)
    for exercise in notebook.EXERCISES
}
