"""Builds the notebooks: text source in, executed notebook out, one way only.

An author edits `notebooks/NN_name.py` (py:percent, one cell after each `# %%`) and runs
`course build`. The `.ipynb` beside it is made anew, executed at the `ci` profile, with
its outputs. Nothing ever flows back from the `.ipynb` to the `.py`.
"""

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_lib.errors import CourseError

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
CELL_SECONDS = 240


def sources(names: Sequence[str] = ()) -> list[Path]:
    """The sources asked for ("02" or "02_squeeze_and_excitation"), or all of them."""
    everything = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.py"))
    if not names:
        return everything
    chosen = [
        path for path in everything if any(path.stem.startswith(name) for name in names)
    ]
    if not chosen:
        raise CourseError(
            f"notebook {', '.join(names)}",
            "one of " + ", ".join(path.stem for path in everything),
            "Give its number, such as 02.",
        )
    return chosen


def read_source(path: Path) -> NotebookNode:
    """The notebook that a source describes, without outputs.

    Cell ids are numbered, so that building twice gives the same file.
    """
    import jupytext

    text = path.read_text(encoding="utf-8")
    notebook = jupytext.reads(text, fmt="py:percent")
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:03d}"
        cell.metadata.pop("lines_to_next_cell", None)
    return notebook


def execute(
    notebook: NotebookNode, folder: Path = NOTEBOOKS, settings: Mapping[str, str] = {}
) -> NotebookNode:
    """Run all cells in a fresh kernel in `folder`; outputs are stored in place.

    settings: environment variables of the kernel beside COURSE_PROFILE=ci. The log of
    checks goes to a folder of its own. A cell that raises ends it with its error.
    """
    from course_lib.patient_client import PatientClient

    with tempfile.TemporaryDirectory() as log:
        environment = dict(os.environ, OMP_NUM_THREADS="1", COURSE_PROFILE="ci")
        environment |= {"COURSE_PROGRESS": log} | dict(settings)
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        client = PatientClient(
            notebook,
            timeout=CELL_SECONDS,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
        )
        client.execute(env=environment)
    return clean(notebook)


def clean(notebook: NotebookNode) -> NotebookNode:
    """Drop what differs from run to run and says nothing: times, versions, widgets."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata.language_info.pop("version", None)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    return notebook


def build(source: Path) -> Path:
    """Make and execute the notebook of one source; return its path."""
    notebook = execute(read_source(source))
    target = source.with_suffix(".ipynb")
    nbformat.validate(notebook)
    text = nbformat.writes(notebook, version=nbformat.NO_CONVERT)
    target.write_text(text + "\n", encoding="utf-8", newline="\n")
    return target
