"""The learner's copies in `notebooks/my/`: made once, then carried into newer versions.

The notebooks in `notebooks/` belong to the course and are never edited by a learner, so
that `git pull` always works. Nothing here overwrites a file of the learner's without a
backup of it in `notebooks/my/backup/DATE/`.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from nbformat import NotebookNode

from course_lib.carrying import Carried, carry
from course_lib.errors import CourseError
from course_lib.notebook_files import (
    VERSION,
    exercise_of,
    fresh_copy,
    is_answered,
    read_notebook,
    version,
    write_notebook,
)
from course_lib.runs import write_atomically

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
NUMBERED = "[0-9][0-9]_*.ipynb"


@dataclass(frozen=True)
class Outcome:
    """What happened to one notebook.

    mark: "[ok]" done or nothing to do, "[!]" done and something to look at, "[x]" left
    as it was because of a problem. text: one line; details: more lines.
    """

    mark: str
    name: str
    text: str
    details: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """For the command line."""
        return [f"{self.mark:<5}{self.name}: {self.text}"] + [
            f"       {detail}" for detail in self.details
        ]


def course_notebooks(folder: Path = NOTEBOOKS) -> list[Path]:
    """The course's notebooks, in order. Raises CourseError when there is none."""
    paths = sorted(folder.glob(NUMBERED))
    if not paths:
        raise CourseError(
            f"no notebooks in {folder}",
            "files such as 01_name.ipynb",
            "Get the whole course again, for example with `git restore notebooks`.",
        )
    return paths


def copy_of(path: Path) -> Path:
    """Where the learner's copy of one of the course's notebooks is."""
    return path.parent / "my" / path.name


def start(folder: Path = NOTEBOOKS) -> list[Path]:
    """Make the copies that are missing, and return them.

    Raises CourseError for a notebook of the course that cannot be read.
    """
    made = []
    for path in course_notebooks(folder):
        if not copy_of(path).exists():
            write_notebook(copy_of(path), fresh_copy(read_notebook(path)))
            made.append(copy_of(path))
    return made


def update(folder: Path = NOTEBOOKS) -> list[Outcome]:
    """Carry the learner's work into newer notebooks; one Outcome for each notebook.

    A notebook that cannot be read is reported and left; the others go on. A second
    update finds nothing to do.
    """
    paths = course_notebooks(folder)
    moved = moved_answers(paths)
    backup = Backup(folder / "my" / "backup")
    outcomes = []
    for path in paths:
        try:
            outcomes.append(update_one(path, moved, backup))
        except CourseError as error:
            outcomes.append(Outcome("[x]", path.name, str(error)))
    names = {path.name for path in paths}
    for path in sorted((folder / "my").glob(NUMBERED)):
        if path.name not in names:
            text = "the course has no notebook of this name. It is left as it is"
            outcomes.append(Outcome("[ok]", path.name, text))
    return outcomes


def update_one(path: Path, moved: dict[str, NotebookNode], backup: "Backup") -> Outcome:
    """Update one copy, or make it where it is missing."""
    new, target = read_notebook(path), copy_of(path)
    if not target.exists():
        carried = carry(fresh_copy(new), new, moved)
        write_notebook(target, carried.notebook)
        return Outcome("[ok]", path.name, "new: copied", tuple(describe(carried)))
    mine = read_notebook(target)
    if mine.metadata.get(VERSION) == version(new):
        return Outcome("[ok]", path.name, "up to date")
    carried = carry(mine, new, moved)
    kept_at = backup.keep(target)
    write_notebook(target, carried.notebook)
    mark = "[!]" if carried.clashes or carried.without_place else "[ok]"
    text = f"updated, outputs cleared. Your old file: {kept_at}"
    return Outcome(mark, path.name, text, tuple(describe(carried)))


def describe(carried: Carried) -> list[str]:
    """What was carried, in lines."""
    lines = []
    if carried.kept:
        lines.append(f"answers kept: {', '.join(carried.kept)}")
    if carried.own:
        lines.append(f"cells of your own kept: {carried.own}")
    lines += [f"clash: {clash}" for clash in carried.clashes]
    if carried.without_place:
        names = ", ".join(carried.without_place)
        lines.append(f"answers without a place, at the end of the notebook: {names}")
    return lines


def moved_answers(paths: list[Path]) -> dict[str, NotebookNode]:
    """Answers to exercises that are no longer in the notebook where they were written.

    paths: the course's notebooks. Unreadable copies are passed over here.
    """
    answers: dict[str, NotebookNode] = {}
    for copy in sorted((paths[0].parent / "my").glob(NUMBERED)):
        original = copy.parents[1] / copy.name
        try:
            names = exercise_names(read_notebook(original)) if original.exists() else ()
            mine = read_notebook(copy)
        except CourseError:
            continue
        for cell in mine.cells:
            name = exercise_of(cell)
            if name and name not in names and is_answered(cell):
                answers.setdefault(name, cell)
    return answers


def exercise_names(notebook: NotebookNode) -> list[str]:
    """Names of the exercises of a notebook, in order."""
    names = [exercise_of(cell) for cell in notebook.cells]
    return list(dict.fromkeys(name for name in names if name))


class Backup:
    """One dated folder for the files that are about to be replaced."""

    def __init__(self, folder: Path) -> None:
        self.parent = folder
        self.folder: Path | None = None

    def keep(self, path: Path, inside: str = "") -> Path:
        """Copy a file into the dated folder (and a folder in it); return the copy."""
        if self.folder is None:
            self.folder = self._new_folder()
        target = self.folder / inside / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, path.read_bytes())
        return target

    def _new_folder(self) -> Path:
        date = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
        number = 1
        while True:
            folder = self.parent / (date if number == 1 else f"{date}_{number}")
            try:
                folder.mkdir(parents=True)
                return folder
            except FileExistsError:
                number += 1
