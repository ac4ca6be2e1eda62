"""What must hold for a notebook file: in step with its source, executed, clean.

Each function returns a list of faults, empty when the notebook is sound.
"""

import re
from itertools import pairwise
from pathlib import Path

from notebook_cells import (
    CHECK,
    IGNORED,
    check_in,
    code_cells,
    failed,
    is_compared,
    load,
    printed,
    short,
    texts,
)

from course_lib.authoring import read_source
from course_lib.exercises.messages import MARKS

ROOT = Path(__file__).resolve().parents[1]
TAGS = {IGNORED}
METADATA = {"tags", "exercise", "course"}
SHORTEST_ALT = 40  # characters: a sentence with a number
MOST_IGNORED = 1 / 3  # of the code cells; the others are compared
ABSOLUTE = re.compile(
    r"(?<![\w/.:])/(?:home|Users|root|tmp|var|opt|mnt|private|workspace)/"
    r"|\b[A-Z]:\\(?:Users|Windows|Program|Temp)"
    r"|file://|ipykernel_\d+|<ipython-input" + f"|{re.escape(str(ROOT))}"
)
PICTURE = re.compile(r"!\[(?P<text>[^\]]*)\]\(|<img(?P<tag>[^>]*)>")
ALT = re.compile(r"alt=[\"'][^\"']{10,}")


def pair_faults(source):
    """The .ipynb has the cells of its .py: ids, types, texts and metadata.

    source: path of the .py. Outputs belong to the .ipynb alone.
    """
    built = source.with_suffix(".ipynb")
    for path in (source, built):
        if not path.exists():
            return [f"{path.name} is missing"]
    wanted, found = read_source(source), load(built)
    faults = [
        f"the notebook's {key} is {found.metadata.get(key)}"
        for key in wanted.metadata
        if found.metadata.get(key) != wanted.metadata[key]
    ]
    if len(wanted.cells) != len(found.cells):
        return [*faults, f"{len(found.cells)} cells, {len(wanted.cells)} in the source"]
    for number, (new, old) in enumerate(zip(wanted.cells, found.cells, strict=True)):
        for key in ("id", "cell_type", "source", "metadata"):
            if new[key] != old.get(key):
                faults.append(
                    f"cell {number}: its {key} is stale: {short(str(old.get(key)), 80)}"
                )
    return faults


def execution_faults(notebook):
    """Every code cell was run, in order, in a fresh kernel, without an error.

    nbval never compares a cell without an execution count.
    """
    faults = []
    for count, (number, cell) in enumerate(code_cells(notebook), start=1):
        if cell.get("execution_count") is None:
            faults.append(f"cell {number} was not executed")
        elif cell.execution_count != count:
            faults.append(
                f"cell {number} was run as {cell.execution_count}, not {count}"
            )
        if failed(cell):
            faults.append(f"cell {number} holds an error")
        if is_compared(cell):
            faults += [
                f"cell {number} holds a warning: {short(output.text)}"
                for output in cell.outputs
                if output.output_type == "stream" and output.name == "stderr"
            ]
    return faults


def check_faults(notebook):
    """As shipped, every check says `[ ]`."""
    return [
        f"cell {number}: {check_in(cell)} is not unsolved: {short(printed(cell))}"
        for number, cell in code_cells(notebook)
        if check_in(cell)
        and not printed(cell).startswith(f"{MARKS['unsolved']} {check_in(cell)}:")
    ]


def path_faults(notebook):
    """No text names a place on somebody's machine."""
    faults = []
    for number, cell in enumerate(notebook.cells):
        every = [cell.source]
        for output in cell.get("outputs", []):
            every += [str(text) for text in texts(output).values()]
        for text in every:
            faults += [
                f"cell {number} names a place: {short(text[found.start() :], 80)}"
                for found in ABSOLUTE.finditer(text)
            ]
    return faults


def figure_faults(notebook):
    """Every image carries its alternative text and prints it right below.

    That is what `show(figure, alt=...)` does; the printed text is what nbval compares.
    """
    faults = []
    for number, cell in enumerate(notebook.cells):
        outputs = cell.get("outputs", [])
        for output, following in pairwise([*outputs, None]):
            for fault in image_faults(output, following):
                faults.append(f"cell {number}: {fault}")
        if cell.cell_type == "markdown":
            for found in PICTURE.finditer(cell.source):
                if not (found["text"] or ALT.search(found["tag"] or "")):
                    faults.append(f"cell {number}: a picture without alternative text")
    return faults


def image_faults(output, following):
    """Faults of one output, given the output below it (or None)."""
    kinds = [kind for kind in output.get("data", {}) if kind.startswith("image/")]
    if not kinds:
        return []
    alt = output.metadata.get(kinds[0], {}).get("alt", "")
    if not alt:
        return ["an image without alternative text; use show(figure, alt=...)"]
    faults = []
    if len(alt) < SHORTEST_ALT or not re.search(r"\d", alt):
        faults.append(f"an alternative text without key numbers: {alt}")
    below = following.get("text", "") if following else ""
    if not " ".join(below.split()).startswith(" ".join(alt.split())):  # it is wrapped
        faults.append("an image whose alternative text is not printed below it")
    return faults


def metadata_faults(notebook):
    """Known metadata and tags only, ids unique, most cells compared."""
    faults = []
    ids = [cell.get("id") for cell in notebook.cells]
    for number, cell in enumerate(notebook.cells):
        if not ids[number] or ids[number] in ids[:number]:
            faults.append(f"cell {number} has no id of its own: {ids[number]}")
        unknown = (
            set(cell.metadata) - METADATA | set(cell.metadata.get("tags", [])) - TAGS
        )
        if unknown:
            faults.append(f"cell {number} has unknown marks: {sorted(unknown)}")
        if cell.cell_type == "code" and re.search(r"#\s*NBVAL_", cell.source):
            faults.append(f"cell {number} gives orders to nbval in a comment")
    return faults + ignored_faults(notebook)


def ignored_faults(notebook):
    """Most cells are compared, and every check is."""
    cells = code_cells(notebook)
    ignored = [number for number, cell in cells if not is_compared(cell)]
    faults = [
        f"cell {number} is a check and is not compared"
        for number, cell in cells
        if CHECK.search(cell.source) and number in ignored
    ]
    if len(ignored) > MOST_IGNORED * len(cells):
        faults.append(f"{len(ignored)} of {len(cells)} code cells are never compared")
    return faults
