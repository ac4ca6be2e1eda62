"""The hygiene of notebooks finds what is wrong: planted faults must be named.

The faults for the jobs that run notebooks are in test_notebook_job_faults.py; a mutant
that survives is planted in test_wrong_answers.py.
"""

import nbformat
import notebook_anatomy as anatomy
import notebook_hygiene as hygiene
import pytest
from made_up_notebooks import NAMES, code, notebook, picture, prose, sound, stream
from notebook_cells import IGNORED

from course_lib.authoring import read_source

FILE_CHECKS = [
    hygiene.execution_faults,
    hygiene.check_faults,
    hygiene.path_faults,
    hygiene.figure_faults,
    hygiene.metadata_faults,
    anatomy.size_faults,
    anatomy.prose_faults,
]
NUMBERED_CHECKS = [
    anatomy.setup_faults,
    anatomy.heading_faults,
    anatomy.exercise_faults,
]
ERROR = nbformat.v4.new_output("error", ename="ValueError", evalue="x", traceback=[])


def all_faults(made):
    """Every fault of a notebook file, without its source."""
    found = [fault for check in FILE_CHECKS for fault in check(made)]
    return found + [f for check in NUMBERED_CHECKS for f in check(made, "02")]


def test_nothing_is_wrong_with_a_sound_notebook():
    assert all_faults(sound()) == []


def at(number, **values):
    """A change: these keys of that cell."""
    return lambda made: made.cells[number].update(values)


def insert(number, *cells):
    """A change: these cells before that one."""

    def change(made):
        made.cells[number:number] = cells
        made.cells = notebook(*made.cells).cells

    return change


def replace(number, old, new):
    """A change of a cell's text."""

    def change(made):
        assert old in made.cells[number].source
        made.cells[number].source = made.cells[number].source.replace(old, new)

    return change


def remove(first, last):
    """A change: without the cells first to last."""

    def change(made):
        del made.cells[first : last + 1]
        made.cells = notebook(*made.cells).cells

    return change


LONG = "\n".join(f"x{n} = {n}" for n in range(26))
PLANTS = {
    "not executed": (at(3, execution_count=None), "cell 3 was not executed"),
    "run twice": (at(3, execution_count=9), "cell 3 was run as 9, not 2"),
    "an error": (at(17, outputs=[ERROR]), "cell 17 holds an error"),
    "a warning": (at(17, outputs=[stream("!", "stderr")]), "cell 17 holds a warning"),
    "a solved check": (
        at(6, outputs=[stream("[ok] squeeze: all properties hold.")]),
        "cell 6: squeeze is not unsolved: [ok]",
    ),
    "a silent check": (at(6, outputs=[]), "cell 6: squeeze is not unsolved"),
    "a path in a cell": (at(17, source="open('/tmp/x')"), "cell 17 names a place"),
    "a path in an output": (
        at(17, outputs=[stream(r"C:\Temp\x")]),
        "cell 17 names a place",
    ),
    "the checkout in a text": (
        at(2, source=f"## In {hygiene.ROOT}"),
        "cell 2 names a place",
    ),
    "no alt text": (at(3, outputs=[picture("")]), "cell 3: an image without"),
    "an alt text without numbers": (
        at(3, outputs=[picture(alt="A figure."), stream("A figure.\n")]),
        "cell 3: an alternative text without key numbers",
    ),
    "an alt text that is not printed": (
        at(3, outputs=[picture()]),
        "cell 3: an image whose alternative text is not printed",
    ),
    "a picture in the text": (at(2, source="![](a.png)"), "cell 2: a picture without"),
    "an id twice": (at(3, id="cell-002"), "cell 3 has no id of its own"),
    "an unknown tag": (
        at(17, metadata={"tags": ["nbval-skip"]}),
        "cell 17 has unknown marks: ['nbval-skip']",
    ),
    "a check not compared": (
        at(6, metadata={"tags": [IGNORED]}),
        "cell 6 is a check and is not compared",
    ),
    "orders in a comment": (
        at(17, source="# NBVAL_SKIP\nx = 1"),
        "cell 17 gives orders to nbval",
    ),
    "another set-up": (
        replace(1, 'setup("02")', 'setup("01")'),
        "the first code cell is not the set-up",
    ),
    "a set-up without tag": (at(1, metadata={}), "the set-up is not tagged"),
    "a second set-up": (at(17, source='setup("02")'), "cell 17 sets up again"),
    "too few cells": (remove(20, 30), "38 cells: expected 45 to 70"),
    "too many words": (at(16, source="word " * 2000), "words of text: expected 1500"),
    "too much code": (at(17, source=LONG), "cell 17 has 26 lines of code"),
    "four code cells in a row": (
        insert(4, code("x = 1"), code("x = 2"), code("x = 3")),
        "cell 6 is code cell 4 in a row",
    ),
    "an empty cell": (at(17, source=" "), "cell 17 is empty"),
    "no title": (at(0, source="Welcome."), "does not begin with the title"),
    "another number": (at(0, source="# 03 Made up"), "does not begin with 02"),
    "a second title": (at(2, source="# Again"), "cell 2: a second title"),
    "a skipped level": (at(2, source="Made up\n\n#### A figure"), "skips a level"),
    "an exercise without its check": (remove(6, 6), "squeeze is not checked"),
    "a check without its exercise": (remove(5, 5), "checks of ['squeeze', "),
    "a missing exercise": (remove(4, 6), f"expected {NAMES}"),
    "a check far away": (
        insert(6, prose("And now"), code("x = 1")),
        "cell 5: squeeze is not checked right below",
    ),
    "another signature": (
        replace(5, "x: Tensor", "x"),
        "the stub is not the verified solution without its bodies",
    ),
    "another hint": (replace(4, "axes", "sides"), "squeeze: hint 1 is not the"),
    "an empty word": (replace(2, "A figure", "It is Just a figure"), "cell 2 says"),
    "four questions": (replace(-1, "5. Why", "Why"), "4 questions in the recap"),
    "an open fold": (replace(4, "</details>", ""), "cell 4: a <details> is not closed"),
}


@pytest.mark.parametrize(("change", "words"), PLANTS.values(), ids=PLANTS)
def test_a_planted_fault_is_named(change, words):
    made = sound()
    change(made)
    assert [fault for fault in all_faults(made) if words in fault]


def test_a_notebook_that_hides_from_the_comparison_is_named():
    made = sound()
    for cell in made.cells[17:40]:
        cell.metadata["tags"] = [IGNORED]
    assert "code cells are never compared" in hygiene.metadata_faults(made)[-1]


# --- the pair -------------------------------------------------------------------------

SOURCE = """# %% [markdown]
# # 02 Made up

# %% tags=["nbval-ignore-output"]
print(6 * 7)
"""


@pytest.fixture
def pair(tmp_path):
    """The source of a pair in step."""
    source = tmp_path / "02_made_up.py"
    source.write_text(SOURCE, encoding="utf-8")
    nbformat.write(read_source(source), source.with_suffix(".ipynb"))
    return source


def test_a_pair_in_step_has_no_fault(pair):
    assert hygiene.pair_faults(pair) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("6 * 7", "6 * 8", "cell 1: its source is stale: print(6 * 7)"),
        ("Made", "Thought", "cell 0: its source is stale: # 02 Made up"),
        (' tags=["nbval-ignore-output"]', "", "cell 1: its metadata is stale"),
        (" [markdown]", "", "cell 0: its cell_type is stale: markdown"),
        ("# %% [markdown]", "# %%\nx = 1\n\n# %% [markdown]", "2 cells, 3 in"),
    ],
)
def test_a_stale_pair_is_named(pair, old, new, words):
    pair.write_text(SOURCE.replace(old, new), encoding="utf-8")
    assert [fault for fault in hygiene.pair_faults(pair) if words in fault]


def test_half_a_pair_is_named(pair):
    pair.with_suffix(".ipynb").unlink()
    assert hygiene.pair_faults(pair) == ["02_made_up.ipynb is missing"]
