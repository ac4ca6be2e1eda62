"""Small made-up notebooks, and random edits of them by the course and by a learner."""

import random

import nbformat

from course_lib.notebook_files import fresh_copy

STUB = '''def {name}(x):
    """{name}, version {version}."""
    raise NotImplementedError("{name}")
'''

EDITS = ("answer", "answer", "insert", "append", "move", "copy", "split", "strip")
EDITS += ("delete",)


def text_cell(text):
    return nbformat.v4.new_markdown_cell(text)


def code_cell(text, exercise=""):
    cell = nbformat.v4.new_code_cell(text)
    if exercise:
        cell.metadata["exercise"] = exercise
    return cell


def stub(name, version=1):
    return code_cell(STUB.format(name=name, version=version), name)


def numbered(cells):
    """A notebook of the course: its cells have ids by their place."""
    notebook = nbformat.v4.new_notebook()
    notebook.nbformat_minor = 5
    notebook.cells = [nbformat.from_dict(cell) for cell in cells]
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:03d}"
    return notebook


def first_version(names=("squeeze", "se_gate", "SqueezeExcitation")):
    """A title, then for each exercise a text, its stub and its check."""
    cells = [text_cell("# 02 Title\n\n60 to 90 minutes"), code_cell("import torch")]
    for name in names:
        cells += [text_cell(f"## {name}"), stub(name)]
        cells += [code_cell(f'{name} = check("{name}", {name})')]
    return numbered([*cells, code_cell('guess = "..."'), text_cell("The end.")])


def answer(notebook, name, line):
    """Write an answer over the stub of an exercise."""
    for cell in notebook.cells:
        if cell.metadata.get("exercise") == name:
            cell.source = f"def {name}(x):\n    return {line!r}\n"


def edited_by_course(notebook, seed):
    """A newer version: cells moved, deleted, rewritten; exercises renamed; new text."""
    rng, cells = random.Random(seed), list(notebook.cells)
    for step in range(rng.randint(0, 6)):
        at = rng.randrange(len(cells))
        cell = nbformat.from_dict(cells[at])
        edit = rng.choice(["delete", "move", "rewrite", "rename", "insert"])
        if edit == "insert" or len(cells) < 3:
            cells.insert(at, text_cell(f"New text {step}."))
        elif edit == "delete":
            del cells[at]
        elif edit == "move":
            cells.insert(rng.randrange(len(cells)), cells.pop(at))
        else:
            name = cell.metadata.get("exercise", "")
            if edit == "rename" and name:
                cell.metadata["exercise"] = f"{name}_new{step}"
                cell.source = cell.source.replace(name, f"{name}_new{step}")
            cell.source += f"\n# course, edit {step}"
            cells[at] = cell
    return numbered(cells)


def edited_by_learner(copy, seed, prefix="mine"):
    """A learner's copy after random edits, and the lines that the learner wrote."""
    rng, cells, lines = random.Random(seed), list(copy.cells), []

    def line():
        lines.append(f"# {prefix} {seed} {len(lines)}")
        return lines[-1]

    for _ in range(rng.randint(0, 10)):
        at = rng.randrange(len(cells))
        cell = nbformat.from_dict(cells[at])
        edit = rng.choice(EDITS)
        if edit == "answer" and cell.metadata.get("exercise"):
            cell.source = f"def {cell.metadata.exercise}(x):\n    return x  {line()}"
            cells[at] = cell
        elif edit == "append":
            cell.source += f"\n{line()}"
            cells[at] = cell
        elif edit == "move":
            cells.insert(rng.randrange(len(cells)), cells.pop(at))
        elif edit == "copy":  # JupyterLab keeps the metadata of a pasted cell
            cell.id = f"copy-{rng.random()}"[:20].replace(".", "")
            cells.insert(at, cell)
        elif edit == "split":
            cell.id = f"split-{rng.random()}"[:20].replace(".", "")
            cell.source = line()
            cells.insert(at + 1, cell)
        elif edit == "strip":  # some programs drop the metadata
            cell.metadata = nbformat.from_dict({})
            cells[at] = cell
        elif edit == "delete" and len(cells) > 2 and f"# {prefix}" not in cell.source:
            del cells[at]
        else:
            kind = rng.choice([text_cell, code_cell])
            cells.insert(at, kind(f"{line()}\n{line()}"))
    edited = nbformat.from_dict(copy)
    edited.cells = cells
    text = "\n".join(cell.source for cell in cells)
    return edited, [line for line in lines if line in text]  # not overwritten again


def learner_copy(notebook, *answers):
    """A fresh copy with some exercises answered."""
    copy = fresh_copy(notebook)
    for name in answers:
        answer(copy, name, f"mine {name}")
    return copy
