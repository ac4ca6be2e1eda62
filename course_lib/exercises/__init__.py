"""Exercises that check themselves: `check`, `hint`, `show_solution`, `progress`."""

from course_lib.exercises.engine import CheckFailed, check, whose
from course_lib.exercises.reveal import hint, progress, show_solution

__all__ = ["CheckFailed", "check", "hint", "progress", "show_solution", "whose"]
