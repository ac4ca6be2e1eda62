"""The three jobs that run a notebook: as shipped, solved, and answered wrongly.

Each returns a list of faults, empty when the notebook is sound. `settings` are
environment variables of its kernel.
"""

import copy
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from nbclient.exceptions import CellExecutionError
from notebook_cells import (
    check_in,
    code_cells,
    failed,
    is_compared,
    load,
    printed,
    short,
)

from course_lib.authoring import execute
from course_lib.exercises.catalogue import EXERCISES
from course_lib.exercises.engine import FALLBACK
from course_lib.exercises.messages import MARKS, one_line
from course_lib.exercises.sources import solution_source, wrong_source
from course_lib.notebook_files import exercise_of

RUN_NBVAL = Path(__file__).with_name("run_nbval.py")
NBVALS_NUMBER = re.compile(r"^Notebook cell execution failed\s+Cell \d+: ")
TAIL = 2000  # characters of a crashed run's output


# --- as shipped -----------------------------------------------------------------------


def as_shipped_faults(path, settings):
    """No cell may fail, and every stored text must come out again (nbval, strict).

    Rarely a kernel's answer is lost, which looks like a cell without end: a notebook
    that ran out of time is run once more.
    """
    faults = _shipped_once(path, settings)
    if any("timeout" in fault.lower() for fault in faults):
        faults = _shipped_once(path, settings)
    return faults


def _shipped_once(path, settings):
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        done = subprocess.run(
            [sys.executable, RUN_NBVAL, path, report],
            env=environment(settings) | {"COURSE_PROGRESS": folder},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        if done.returncode not in (0, 1):
            return [f"nbval ended with {done.returncode}: {done.stdout[-TAIL:]}"]
        cases = list(ElementTree.parse(report).iter("testcase"))
    cells = code_cells(load(path))
    if len(cases) != len(cells):
        return [f"nbval ran {len(cases)} of {len(cells)} code cells"]
    return [
        f"cell {number}: {NBVALS_NUMBER.sub('', ''.join(complaint.itertext()))}"
        for (number, _), case in zip(cells, cases, strict=True)
        for complaint in case
        if complaint.tag in ("failure", "error", "skipped")
    ]


def environment(settings):
    """This process's variables as a kernel should see them, and the settings."""
    variables = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "COURSE_"))
        and name != "PYTHONDONTWRITEBYTECODE"
    }
    return variables | {"COURSE_PROFILE": "ci", "OMP_NUM_THREADS": "1"} | settings


# --- solved ---------------------------------------------------------------------------


def solved_faults(path, settings):
    """With the library's text in every exercise, every check must say [ok].

    COURSE_STRICT makes a check that does not say so an error, so nothing falls back.
    """
    notebook = load(path)
    names = answer_all(notebook, solution_source)
    faults = run(notebook, path.parent, settings | {"COURSE_STRICT": "1"})
    if faults:
        return faults
    checked = set()
    for number, cell in code_cells(notebook):
        name = check_in(cell)
        if name and not printed(cell).startswith(f"{MARKS['ok']} {name}:"):
            faults.append(f"cell {number}: {name} is not ok: {short(printed(cell))}")
        checked.add(name)
    faults += [f"{name} is never checked" for name in names if name not in checked]
    return faults


def answer_all(notebook, answer):
    """Write answer(exercise) into every exercise cell; return their names."""
    names = []
    for _, cell in code_cells(notebook):
        name = exercise_of(cell)
        if name:
            cell.source = answer(EXERCISES[name])
            names.append(name)
    return names


def run(notebook, folder, settings):
    """Execute all cells in place; return the fault of the cell that raised, if any."""
    try:
        execute(notebook, folder, {"COURSE_STRICT": "0"} | settings)
    except CellExecutionError as error:
        where = ", ".join(str(n) for n, cell in code_cells(notebook) if failed(cell))
        return [f"cell {where} raised {error.ename}: {error.evalue}"]
    return []


# --- answered wrongly -----------------------------------------------------------------


def wrong_faults(path, settings):
    """With a known-wrong answer in every exercise, the notebook must still serve.

    It runs to its end; each check names the property and the cause; and every other
    cell says what it says in the shipped notebook, since it uses the verified version.
    """
    shipped = load(path)
    notebook = copy.deepcopy(shipped)
    answer_all(notebook, lambda exercise: wrong_source(exercise, chosen(exercise)))
    faults = run(notebook, path.parent, settings)
    if faults:
        return faults
    for number, cell in code_cells(notebook):
        expected = printed(shipped.cells[number])
        name = check_in(cell)
        if name:
            faults += [f"cell {number}: {fault}" for fault in unnamed(cell, name)]
        elif is_compared(cell) and printed(cell) != expected:
            faults.append(
                f"cell {number} does not use the verified version: "
                f"{short(printed(cell))} in place of {short(expected)}"
            )
    return faults


def chosen(exercise):
    """The known-wrong answer that goes into the notebook: the first."""
    return exercise.wrong_answers[0]


def unnamed(cell, name):
    """What a failed check should say, and does not."""
    wrong = chosen(EXERCISES[name])
    text = printed(cell)
    wanted = {
        "property": f"{MARKS['failed']} {name}: {wrong.rejected_by}:",
        "cause": one_line(wrong.cause),
        "version used": FALLBACK,
    }
    return [
        f"{name}: the {what} is not named ({words}): {short(text)}"
        for what, words in wanted.items()
        if words not in text
    ]
