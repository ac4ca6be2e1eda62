"""Small questions about the cells of a notebook, for its jobs and its hygiene."""

import re

import nbformat

IGNORED = "nbval-ignore-output"
CHECK = re.compile(r'^(?:.+ = )?check\("(\w+)", .+\)$', re.MULTILINE)
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def load(path):
    """The notebook of a file, every text in one piece."""
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    """(number among all cells, cell) of every code cell."""
    cells = enumerate(notebook.cells)
    return [(number, cell) for number, cell in cells if cell.cell_type == "code"]


def prose_cells(notebook):
    """(number, text without fenced code) of every markdown cell."""
    cells = enumerate(notebook.cells)
    return [(n, FENCED.sub("", c.source)) for n, c in cells if c.cell_type != "code"]


def check_in(cell):
    """The exercise that a cell checks, "" if none."""
    found = CHECK.search(cell.source) if cell.cell_type == "code" else None
    return found[1] if found else ""


def is_compared(cell):
    """True for a code cell whose stored text must come out again."""
    return cell.cell_type == "code" and IGNORED not in cell.metadata.get("tags", [])


def failed(cell):
    """True for a cell that ended with an error."""
    return any(output.output_type == "error" for output in cell.outputs)


def texts(output):
    """All texts of one output, images left out: {"text/plain": ..., ...}."""
    if output.output_type == "stream":
        return {output.name: output.text}
    if output.output_type == "error":
        return {"error": f"{output.ename}: {output.evalue}"}
    data = output.data.items()
    return {kind: text for kind, text in data if not kind.startswith("image/")}


def printed(cell):
    """What a learner reads below a cell: its printed and plain texts."""
    kinds = ("stdout", "text/plain")
    found = [texts(output) for output in cell.outputs]
    return "".join(text for each in found for k, text in each.items() if k in kinds)


def lines_of(cell):
    """How many lines of a code cell are not blank."""
    return sum(bool(line.strip()) for line in cell.source.splitlines())


def short(text, width=300):
    """A text on one line, cut, for a message."""
    flat = " ".join(text.split())
    return flat if len(flat) <= width else flat[:width] + " ..."


def assert_none(faults):
    """Fail with one fault a line."""
    assert not faults, "\n".join(["", *faults])
