"""Small notebooks made up for the tests of the notebooks' own tests."""

import nbformat
from notebook_anatomy import SETUP
from notebook_cells import IGNORED

from course_lib.authoring import KERNEL
from course_lib.exercises.catalogue import EXERCISES
from course_lib.exercises.sources import stub_source

ALT = "Accuracy of two networks on 500 test images: 61.0 % and 62.4 %."
FOLDED = "<details><summary>{}</summary>\n\n{}\n</details>\n"
NAMES = ["squeeze", "se_gate", "SqueezeExcitation", "se_residual"]  # notebook 02


def prose(text):
    return nbformat.v4.new_markdown_cell(text)


def code(source, *outputs, **metadata):
    """A code cell, with texts (as if printed) or output nodes, and its metadata."""
    nodes = [stream(o) if isinstance(o, str) else o for o in outputs]
    return nbformat.v4.new_code_cell(source, outputs=nodes, metadata=metadata)


def stream(text, name="stdout"):
    return nbformat.v4.new_output("stream", name=name, text=text)


def picture(alt=ALT):
    """The output of an image, as `show` gives it; alt="" as matplotlib's own does."""
    data = {"image/png": "iVBORw0KGgo=", "text/plain": "<an image>"}
    metadata = {"image/png": {"alt": alt}} if alt else {}
    return nbformat.v4.new_output("display_data", data=data, metadata=metadata)


def card(text):
    return nbformat.v4.new_output("display_data", data={"text/plain": text})


def notebook(*cells):
    """A notebook whose code cells count as executed in their order."""
    made = nbformat.v4.new_notebook(cells=list(cells), metadata={"kernelspec": KERNEL})
    count = 0
    for number, cell in enumerate(made.cells):
        cell.id = f"cell-{number:03d}"
        if cell.cell_type == "code":
            count += 1
            cell.execution_count = count
    return made


def exercise(name):
    """Text with four hints, stub, check: three cells."""
    hints = enumerate(EXERCISES[name].hints, start=1)
    folded = [
        FOLDED.format(f"Hint {n}: help", f"```python\n{h}\n```") for n, h in hints
    ]
    unsolved = card(f"[ ] {name}: not solved yet. The verified version is used below.")
    return [
        prose("\n".join([f"### Exercise: {name}", "", *folded])),
        code(stub_source(EXERCISES[name]).strip(), exercise=name),
        code(f'{name} = check("{name}", {name})', unsolved),
    ]


def sound():
    """A notebook 02 in which nothing is wrong.

    Cell 0 is the title, 1 the set-up, 2 text, 3 a figure; then come the exercises:
    their texts are the cells 4, 7, 10 and 13.
    """
    setup = code(SETUP.format(number="02"), "Notebook 02\n", tags=[IGNORED])
    cells = [prose("# 02 Made up"), setup, prose("## A figure")]
    cells.append(code("show(figure, alt=alt)", picture(), ALT + "\n"))
    for name in NAMES:
        cells += exercise(name)
    for number in range(16):
        cells += [prose("word " * 100), code(f"print({number})", f"{number}\n")]
    questions = "".join(FOLDED.format(f"{n}. Why?", "Because.") for n in range(1, 6))
    return notebook(*cells, prose(f"## 9. Recap\n\n{questions}"))
