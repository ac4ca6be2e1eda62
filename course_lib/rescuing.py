"""For a learner who worked in the course's own notebooks: `course rescue`.

What they wrote is copied into `notebooks/my/`. Then git can put the course's file back.
"""

import subprocess
from pathlib import Path

from nbformat import NotebookNode

from course_lib.carrying import HEADING, Carried, carry, heading
from course_lib.errors import CourseError
from course_lib.notebook_files import (
    ORIGIN,
    WITHOUT_PLACE,
    cleared,
    digest,
    exercise_of,
    is_answered,
    is_edited,
    name_cells,
    parse_notebook,
    read_notebook,
    write_notebook,
)
from course_lib.workspace import NOTEBOOKS, Backup, Outcome, copy_of, describe

RESTORE = ("restore", "--source=HEAD", "--staged", "--worktree", "--")


def rescue(folder: Path = NOTEBOOKS, restore: bool = False) -> list[Outcome]:
    """Copy what was written into the course's notebooks to `my/`.

    restore: also put those notebooks back as the last commit has them.
    Raises CourseError where git is missing or the folder is no checkout.
    """
    backup = Backup(folder / "my" / "backup")
    outcomes = []
    for path in changed_notebooks(folder):
        try:
            outcomes.append(rescue_one(path, backup, restore))
        except CourseError as error:
            outcomes.append(Outcome("[x]", path.name, str(error)))
    return outcomes


def rescue_one(path: Path, backup: Backup, restore: bool) -> Outcome:
    """Rescue what stands in one of the course's notebooks."""
    details = []
    if path.exists():
        committed = committed_notebook(path)
        edited = marked(read_notebook(path), committed)
        details = rescue_into_copy(path, edited, committed, backup)
    if not restore:
        command = f"git -C {path.parent} {' '.join(RESTORE)} {path.name}"
        details.append(f"now restore the course's file: {command}")
        return Outcome("[!]", path.name, "it has changes", tuple(details))
    if path.exists():
        details.append(f"a backup of it: {backup.keep(path, 'rescued')}")
    git(path.parent, *RESTORE, path.name)
    return Outcome("[ok]", path.name, "restored", tuple(details))


def rescue_into_copy(
    path: Path, edited: NotebookNode, committed: NotebookNode, backup: Backup
) -> list[str]:
    """Bring the learner's cells of an edited notebook into their copy.

    An answer fills a stub. Where the copy has another answer, that one stays, and the
    rescued one goes under the last heading.
    """
    target = copy_of(path)
    if not target.exists():
        carried = carry(edited, committed)
        write_notebook(target, carried.notebook)
        return [f"copied to {target}", *describe(carried)]
    mine = read_notebook(target)
    written = [cell for cell in edited.cells if is_written(cell)]
    answers = {exercise_of(cell): cell for cell in written if exercise_of(cell)}
    if holds(mine, written):
        return [f"{target} holds everything"]
    carried = carry(mine, committed, answers)
    append_missing(carried, written)
    details = [f"a backup of your copy: {backup.keep(target)}"]
    write_notebook(target, carried.notebook)
    return [*details, f"copied into {target}", *describe(carried)]


def is_written(cell: NotebookNode) -> bool:
    """True for a cell that holds the learner's own text."""
    if exercise_of(cell):
        return is_answered(cell)
    return is_edited(cell) and bool(cell.source.strip())


def holds(notebook: NotebookNode, cells: list[NotebookNode]) -> bool:
    """True when the text of every cell stands somewhere in the notebook."""
    return {digest(c) for c in cells} <= {digest(c) for c in notebook.cells}


def append_missing(carried: Carried, written: list[NotebookNode]) -> None:
    """Put the rescued cells that the notebook does not hold under the last heading."""
    cells = carried.notebook.cells
    there = {digest(cell) for cell in cells}
    missing = [cleared(cell) for cell in written if digest(cell) not in there]
    if missing and not any(cell.source == HEADING for cell in cells):
        cells.append(heading())
    for cell in missing:
        cell.metadata.pop(ORIGIN, None)
        cell.metadata[WITHOUT_PLACE] = True
        cells.append(cell)
        name = exercise_of(cell)
        if name and name not in carried.without_place:
            carried.clashes.append(
                f"{name}: your copy has another answer; the rescued one is at its end"
            )
    carried.own += len(missing)
    name_cells(cells)


def marked(edited: NotebookNode, committed: NotebookNode) -> NotebookNode:
    """The edited notebook with the marks of a copy of the committed one."""
    by_id = {cell.get("id"): cell for cell in committed.cells}
    texts = {digest(cell) for cell in committed.cells}
    for cell in edited.cells:
        original = by_id.get(cell.get("id"))
        if digest(cell) in texts:
            cell.metadata[ORIGIN] = digest(cell)
        elif (
            original is not None
            and original.cell_type == cell.cell_type
            and exercise_of(original) == exercise_of(cell)
        ):
            cell.metadata[ORIGIN] = digest(original)
    return edited


def changed_notebooks(folder: Path) -> list[Path]:
    """The course's notebooks that differ from the last commit."""
    listing = git(
        folder, "diff", "--name-only", "-z", "--relative", "HEAD", "--", "*.ipynb"
    )
    names = sorted({name for name in listing.split("\0") if name})
    return [folder / name for name in names if "/" not in name]


def committed_notebook(path: Path) -> NotebookNode:
    """The notebook as it is in the last commit."""
    text = git(path.parent, "show", f"HEAD:./{path.name}")
    try:
        return parse_notebook(text)
    except ValueError as error:
        raise CourseError(
            f"{path.name} in the last commit ({error})",
            "a Jupyter notebook of format 4",
            "Get the course again in another folder.",
        ) from error


def git(folder: Path, *arguments: str) -> str:
    """What git prints. Raises CourseError where it fails or is missing."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise CourseError(
            f"git cannot be started ({error.strerror})",
            "git on this machine",
            "Install git; or copy your notebook to another folder by hand.",
        ) from error
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it failed"])[-1]
        raise CourseError(
            f"git {arguments[0]} in {folder} ({reason})",
            "a folder that git clone made",
            "Without git, copy your notebook to another folder by hand.",
        )
    return done.stdout
