"""What is done, what is next, and how long it takes: `course status`."""

import re
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode
from tabulate import tabulate

from course_lib.answer_log import entries
from course_lib.notebook_files import read_notebook
from course_lib.workspace import NOTEBOOKS, copy_of, course_notebooks, exercise_names

MINUTES = re.compile(r"(\d+)(?: *(?:to|-|–) *(\d+))?[ \u00a0]minutes")


@dataclass(frozen=True)
class Standing:
    """How far the learner is in one notebook.

    path: the course's notebook; title: its first heading, the file's name without one;
    minutes: as its first cells say, "" if they do not; solved, unsolved: names of its
    exercises, in order; copied: is there a copy.
    """

    path: Path
    title: str
    minutes: str
    solved: tuple[str, ...]
    unsolved: tuple[str, ...]
    copied: bool

    @property
    def finished(self) -> bool:
        """True when every exercise is solved."""
        return not self.unsolved


def standings(folder: Path = NOTEBOOKS) -> list[Standing]:
    """One Standing for each notebook of the course, in order.

    An exercise is solved once a check of it has passed, whatever came later.
    Raises CourseError when a notebook of the course cannot be read.
    """
    passed = {entry["exercise"] for entry in entries() if entry["outcome"] == "ok"}
    found = []
    for path in course_notebooks(folder):
        notebook = read_notebook(path)
        names = exercise_names(notebook)
        found.append(
            Standing(
                path,
                title(notebook) or path.stem,
                minutes(notebook),
                tuple(name for name in names if name in passed),
                tuple(name for name in names if name not in passed),
                copy_of(path).exists(),
            )
        )
    return found


def title(notebook: NotebookNode) -> str:
    """The first heading of the first cell; "" where there is none."""
    for cell in notebook.cells[:1]:
        for line in cell.source.splitlines():
            if line.startswith("# "):
                return line.removeprefix("# ").strip()
    return ""


def minutes(notebook: NotebookNode) -> str:
    """ "75" or "60-90", as the first cells say; "" where they say nothing."""
    for cell in notebook.cells[:3]:
        match = MINUTES.search(cell.source)
        if match and cell.cell_type == "markdown":
            return "-".join(part for part in match.groups() if part)
    return ""


def next_notebook(found: list[Standing]) -> Standing:
    """The first notebook with an unsolved exercise; the first of all when none has."""
    return next((one for one in found if not one.finished), found[0])


def status_text(found: list[Standing]) -> str:
    """The table, and a line on what is next."""
    rows = []
    for one in found:
        count = len(one.solved) + len(one.unsolved)
        mark = "[ok]" if one.finished else "[ ]"
        solved = f"{len(one.solved)} of {count}" if count else "none"
        rows.append([mark, one.path.stem, solved, one.minutes, ", ".join(one.unsolved)])
    headers = ["", "notebook", "solved", "minutes", "still to do"]
    table = tabulate(rows, headers, tablefmt="simple", disable_numparse=True)
    return f"{table}\n\n{next_line(found)}"


def next_line(found: list[Standing]) -> str:
    """What to do next, in one line."""
    one = next_notebook(found)
    if one.finished:
        return "Every exercise is solved."
    time = f", {one.minutes} minutes for the whole notebook" if one.minutes else ""
    return f"Next: {one.unsolved[0]} in {one.path.name}{time}. Open it: course lab"
