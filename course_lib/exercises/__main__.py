"""`python -m course_lib.exercises`: the wrong-answer matrix of every exercise.

Exits with status 1 when a check has a fault.
"""

import sys

from course_lib.exercises.catalogue import EXERCISES
from course_lib.exercises.wrong_answers import audit, matrix

problems = []
for exercise in EXERCISES.values():
    print(matrix(exercise), end="\n\n")
    problems += audit(exercise)
for problem in problems:
    print(f"FAULT {problem}")
count = sum(len(exercise.wrong_answers) for exercise in EXERCISES.values())
print(f"{len(EXERCISES)} exercises, {count} wrong answers, {len(problems)} faults")
sys.exit(1 if problems else 0)
