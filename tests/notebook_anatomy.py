"""What a notebook of the course is made of: sizes, headings, exercises, prose.

Each function returns a list of faults, empty when the notebook is sound. number is
the notebook's, such as "02".
"""

import re
from itertools import pairwise
from statistics import median

from notebook_cells import (
    IGNORED,
    check_in,
    code_cells,
    lines_of,
    prose_cells,
    short,
)

from course_lib.exercises.catalogue import EXERCISES
from course_lib.exercises.sources import stub_source
from course_lib.notebook_files import exercise_of

SETUP = 'from course_lib.notebook import setup\n\nsetup("{number}")'
CELLS = range(45, 71)
WORDS = range(1500, 2801)
EXERCISES_HERE = range(2, 5)
LONGEST_CODE, MEDIAN_CODE, CODE_IN_A_ROW = 25, 8, 3  # non-blank lines, cells
QUESTIONS = 5  # of the recap
HEADING = re.compile(r"^(#+) +(.+)$", re.MULTILINE)
EMPTY_WORDS = re.compile(r"\b(?:simply|just|obviously)\b", re.IGNORECASE)


def setup_faults(notebook, number):
    """The first code cell sets up, in the same words everywhere, and no other does."""
    cells = code_cells(notebook)
    wanted = SETUP.format(number=number)
    if not cells or cells[0][1].source != wanted:
        return [f"the first code cell is not the set-up: {wanted!r}"]
    faults = []
    if cells[0][1].metadata.get("tags") != [IGNORED]:
        faults.append(f"the set-up is not tagged {IGNORED}: it names your machine")
    for place, cell in cells[1:]:
        if re.search(r"^setup\(", cell.source, re.MULTILINE):
            faults.append(f"cell {place} sets up again")
    return faults


def size_faults(notebook):
    """Cells, words, lines of code and exercises within the limits of the course."""
    lines = [lines_of(cell) for _, cell in code_cells(notebook)]
    words = sum(len(c.source.split()) for c in notebook.cells if c.cell_type != "code")
    exercises = sum(bool(exercise_of(cell)) for cell in notebook.cells)
    sizes = [
        (len(notebook.cells), "cells", CELLS),
        (words, "words of text", WORDS),
        (exercises, "exercises", EXERCISES_HERE),
        (median(lines or [0]), "lines in the median code cell", range(MEDIAN_CODE + 1)),
    ]
    return [
        f"{size:g} {what}: expected {limits[0]} to {limits[-1]}"
        for size, what, limits in sizes
        if not limits[0] <= size <= limits[-1]
    ] + long_faults(notebook)


def long_faults(notebook):
    """No long code cell, no long row of code cells, no empty cell."""
    faults, row = [], 0
    for number, cell in enumerate(notebook.cells):
        if not cell.source.strip():
            faults.append(f"cell {number} is empty")
        row = row + 1 if cell.cell_type == "code" else 0
        if row == CODE_IN_A_ROW + 1:
            faults.append(f"cell {number} is code cell {row} in a row")
        if cell.cell_type == "code" and lines_of(cell) > LONGEST_CODE:
            faults.append(f"cell {number} has {lines_of(cell)} lines of code")
    return faults


def heading_faults(notebook, number):
    """One title, first, with the notebook's number; no level is skipped."""
    headings = [
        (place, len(marks), title)
        for place, text in prose_cells(notebook)
        for marks, title in HEADING.findall(text)
    ]
    if not headings or headings[0][:2] != (0, 1):
        return ["the first cell does not begin with the title"]
    faults = []
    if not headings[0][2].startswith(f"{number} "):
        faults.append(f"the title does not begin with {number}: {headings[0][2]}")
    for before, (place, level, title) in pairwise(headings):
        if level == 1:
            faults.append(f"cell {place}: a second title: {title}")
        elif level > before[1] + 1:
            faults.append(f"cell {place}: {title!r} skips a level")
    return faults


def exercise_faults(notebook, number):
    """Each exercise of the catalogue is there once: hints, stub, check, in this order.

    The stub is the verified solution without its bodies, and the hints are those of
    `hint(name, n)`, so that neither can drift away.
    """
    wanted = [name for name, e in EXERCISES.items() if e.notebook == number]
    cells = code_cells(notebook)
    found = [exercise_of(cell) for _, cell in cells if exercise_of(cell)]
    checks = [check_in(cell) for _, cell in cells if check_in(cell)]
    faults = []
    if found != wanted:
        faults.append(f"exercises {found}: expected {wanted}")
    if checks != found:
        faults.append(f"checks of {checks} for exercises {found}")
    for (place, cell), (_, after) in pairwise([*cells, (None, None)]):
        name = exercise_of(cell)
        if name in EXERCISES:
            if after is None or f'{name} = check("{name}", {name})' != last_line(after):
                faults.append(f"cell {place}: {name} is not checked right below")
            faults += [
                f"cell {place}: {name}: {fault}"
                for fault in text_faults(notebook, place, EXERCISES[name])
            ]
    return faults


def last_line(cell):
    """The last line of a cell."""
    return cell.source.rstrip().rpartition("\n")[2]


def text_faults(notebook, place, exercise):
    """Whether the stub and the four hints above it are the catalogue's."""
    faults = []
    if notebook.cells[place].source.strip() != stub_source(exercise).strip():
        faults.append("the stub is not the verified solution without its bodies")
    above = [c.source for c in notebook.cells[:place] if c.cell_type != "code"]
    text = next((text for text in reversed(above) if "<details>" in text), "")
    for number, hint in enumerate(exercise.hints, start=1):
        folded = text.partition(f"<summary>Hint {number}")[2].partition("</details>")[0]
        if letters(hint) not in letters(folded):
            faults.append(f"hint {number} is not the catalogue's: {short(hint, 80)}")
    return faults


def letters(text):
    """A text without marks of code and without spaces."""
    return re.sub(r"```python|`|\s", "", text)


def prose_faults(notebook):
    """No empty words, and five questions with folded answers at the end."""
    faults = [
        f"cell {number} says {found[0]!r}: "
        + short(text[max(0, found.start() - 30) : found.end() + 30])
        for number, text in prose_cells(notebook)
        for found in EMPTY_WORDS.finditer(text)
    ]
    recap = "".join(
        text
        for _, text in prose_cells(notebook)
        if re.search("^## .*Recap", text, re.M)
    )
    questions = len(re.findall(r"<details><summary>\d\. ", recap))
    if questions != QUESTIONS:
        faults.append(f"{questions} questions in the recap: expected {QUESTIONS}")
    for number, text in prose_cells(notebook):
        if text.count("<details>") != text.count("</details>"):
            faults.append(f"cell {number}: a <details> is not closed")
    return faults
