"""Reads, marks and writes notebook files, and says what a cell is.

A learner's copy carries marks in the metadata of its cells, so that a later update can
tell the course's text from the learner's:

- `course_origin`: a digest of the text that the course gave the cell. A cell whose text
  has another digest now was edited; a cell without the mark was added.
- `course_without_place`: the cell stands in the last section of a copy, "Answers
  without a place".

The metadata of the copy itself hold `course_version`, a digest of the whole notebook
that it was made from. Authors mark the cell of an exercise with `exercise="se_gate"`.
"""

import copy
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_lib.errors import CourseError
from course_lib.runs import write_atomically

ORIGIN = "course_origin"
WITHOUT_PLACE = "course_without_place"
VERSION = "course_version"
CELL_TYPES = ("code", "markdown", "raw")


def read_notebook(path: Path) -> NotebookNode:
    """The notebook in a file, of format 4, with every source as one text.

    Raises CourseError for a file that is missing, damaged or no notebook.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise unreadable(path, error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise unreadable(path, "it is not UTF-8 text") from error
    try:
        return parse_notebook(text)
    except ValueError as error:
        raise unreadable(path, str(error)) from error


def unreadable(path: Path, reason: str) -> CourseError:
    """The one-line form of a file that is no notebook."""
    return CourseError(
        f"{path} ({reason})",
        "a Jupyter notebook of format 4",
        "It is left as it is. Take a copy from notebooks/my/backup or from the "
        "checkpoints of JupyterLab, or move it away and run `course start`.",
    )


def parse_notebook(text: str) -> NotebookNode:
    """The notebook in a text. Raises ValueError, saying what is wrong."""
    try:
        content = json.loads(text)
    except RecursionError as error:
        raise ValueError("too many brackets inside one another") from error
    except ValueError as error:
        conflict = text.lstrip().startswith("<<<<<<<") or "\n<<<<<<< " in text
        reason = "git's conflict marks are in it" if conflict else "it is no JSON"
        raise ValueError(reason) from error
    if not isinstance(content, dict) or content.get("nbformat") != 4:
        raise ValueError("it has no nbformat 4")
    cells = content.get("cells")
    if not isinstance(cells, list):
        raise ValueError("it has no list of cells")
    content["cells"] = [parse_cell(n, cell) for n, cell in enumerate(cells)]
    if not isinstance(content.get("metadata"), dict):
        content["metadata"] = {}
    return nbformat.from_dict(content)


def parse_cell(number: int, cell: object) -> dict:
    """One cell of the JSON, its source as one text. Raises ValueError."""
    if not isinstance(cell, dict) or cell.get("cell_type") not in CELL_TYPES:
        raise ValueError(f"cell {number} is of no known type")
    source = cell.get("source")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise ValueError(f"cell {number} has no text")
    metadata = cell.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    return cell | {"source": source, "metadata": metadata}


def write_notebook(path: Path, notebook: NotebookNode) -> None:
    """Write a notebook whole or not at all.

    Raises CourseError when it would be no valid notebook, or cannot be written.
    """
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        reason = str(error).partition("\n")[0]
        raise unreadable(path, reason) from error
    text = nbformat.writes(notebook, version=nbformat.NO_CONVERT) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text.encode("utf-8"))


def digest(cell: NotebookNode) -> str:
    """12 hex digits of a cell's type and text; spaces at its end do not count."""
    text = f"{cell.cell_type}\n{cell.source}".replace("\r\n", "\n").rstrip()
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def version(notebook: NotebookNode) -> str:
    """12 hex digits that change when the course changes any cell of a notebook."""
    parts = [f"{digest(cell)} {exercise_of(cell)}" for cell in notebook.cells]
    return hashlib.sha256("\n".join(parts).encode("utf-8")).hexdigest()[:12]


def exercise_of(cell: NotebookNode) -> str:
    """The name of the exercise that a code cell is marked with, "" if none."""
    name = cell.metadata.get("exercise")
    return name if cell.cell_type == "code" and isinstance(name, str) else ""


def is_stub(source: str, name: str) -> bool:
    """True while the text still holds `raise NotImplementedError("name")`."""
    plain = source.replace("'", '"')
    return f'raise NotImplementedError("{name}")' in plain


def is_edited(cell: NotebookNode) -> bool:
    """True unless the cell's text is the one that the course gave it."""
    return cell.metadata.get(ORIGIN) != digest(cell)


def is_answered(cell: NotebookNode) -> bool:
    """True for an exercise cell that holds anything but the course's stub."""
    return is_edited(cell) or not is_stub(cell.source, exercise_of(cell))


def cleared(cell: NotebookNode) -> NotebookNode:
    """A copy of a cell without its outputs, with only the keys of its type."""
    keep = {"id", "cell_type", "source", "metadata"}
    if cell.cell_type != "code":
        keep |= {"attachments"}
    new = nbformat.from_dict({key: cell[key] for key in keep & cell.keys()})
    new.metadata = copy.deepcopy(new.metadata)
    new.metadata.pop("execution", None)
    if new.cell_type == "code":
        new.outputs, new.execution_count = [], None
    return new


def fresh_copy(notebook: NotebookNode) -> NotebookNode:
    """A learner's copy: outputs cleared, every cell marked with its origin."""
    cells = [cleared(cell) for cell in notebook.cells]
    for cell in cells:
        cell.metadata[ORIGIN] = digest(cell)
    name_cells(cells)
    metadata = copy.deepcopy(notebook.metadata)
    metadata.pop("widgets", None)
    metadata[VERSION] = version(notebook)
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata}
    return nbformat.from_dict(content | {"cells": cells})


def name_cells(cells: list[NotebookNode], others: Sequence[NotebookNode] = ()) -> None:
    """Give a cell without an id, or with the id of another one, an id of its own.

    others: cells of the same notebook that keep theirs.
    """
    used = {cell.get("id") for cell in [*cells, *others]}
    seen, number = {cell.id for cell in others}, 0
    for cell in cells:
        if not cell.get("id") or cell.id in seen:
            while f"mine-{number:03d}" in used:
                number += 1
            cell.id = f"mine-{number:03d}"
            used.add(cell.id)
        seen.add(cell.id)
