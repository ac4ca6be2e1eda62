"""The jobs that run a notebook find what is wrong: planted faults must be named."""

import nbformat
import pytest
from conftest import scope_of
from made_up_notebooks import NAMES, code, notebook, prose
from notebook_cells import IGNORED
from notebook_hygiene import execution_faults
from notebook_jobs import as_shipped_faults, solved_faults, unnamed, wrong_faults

from course_lib.exercises.catalogue import EXERCISES
from course_lib.exercises.sources import stub_source

# --- as shipped -----------------------------------------------------------------------


@pytest.mark.slow
def test_broken_cells_are_named_and_sound_ones_are_not(tmp_path):
    settings = 'import os\nprint(os.environ["COURSE_PROFILE"], os.environ["PLANTED"])'
    made = notebook(
        code(settings, "ci yes\n"),
        code("print(6 * 7)", "43\n"),
        code("print(6 * 7)", "43\n", tags=[IGNORED]),
        code("1 / 0"),
        prose("# Text"),
        code("print(6 * 7)"),
        code("import time\ntime.sleep(60)", course={"timeout": 1}),
    )
    made.cells[5].execution_count = None
    path = tmp_path / "02_made_up.ipynb"
    nbformat.write(made, path)
    differs, fails, endless = as_shipped_faults(path, {"PLANTED": "yes"})
    assert (
        differs.startswith("cell 1: Cell outputs differ")
        and "'43\\n' == '42\\n'" in differs
    )
    assert (
        fails.startswith("cell 3: Cell execution caused")
        and "ZeroDivisionError" in fails
    )
    assert endless.startswith("cell 6: Timeout of 1 seconds")
    # nbval never compares a cell that was not executed; the hygiene does.
    assert "cell 5 was not executed" in execution_faults(made)


@pytest.mark.slow
def test_what_is_no_notebook_is_named(tmp_path):
    path = tmp_path / "02_made_up.ipynb"
    path.write_text("{", encoding="utf-8")
    assert as_shipped_faults(path, {})[0].startswith("nbval ended with ")


# --- solved and answered wrongly ------------------------------------------------------


def two_exercises(path, imports, check):
    """Write a notebook with two exercises; `check` is the cell that checks se_gate."""
    library = EXERCISES["squeeze"].solution.__module__
    stubs = [code(stub_source(EXERCISES[n]), exercise=n) for n in NAMES[:2]]
    made = notebook(
        code(f"{imports}\nfrom course_lib.exercises import check"),
        stubs[0],
        code('squeeze = check("squeeze", squeeze)'),
        code("print(squeeze.__module__)", f"{library}\n"),
        stubs[1],
        code(check),
        code("print(se_gate.__module__)", f"{library}\n"),
    )
    nbformat.write(made, path)
    return path


@pytest.mark.slow
def test_a_notebook_that_cannot_be_solved_is_named(tmp_path):
    path = tmp_path / "02_made_up.ipynb"
    check = 'se_gate = check("se_gate", se_gate)'
    two_exercises(path, "from torch import Tensor", check)  # without F and torch
    (fault,) = solved_faults(path, {})
    assert fault.startswith("cell 5 raised CheckFailed: [x] se_gate: runs")


@pytest.mark.slow
def test_a_notebook_that_goes_on_with_a_wrong_answer_is_named(tmp_path):
    path = tmp_path / "02_made_up.ipynb"
    imports = "import torch\nfrom torch import Tensor\nfrom torch.nn import functional"
    two_exercises(path, f"{imports} as F", 'check("se_gate", se_gate)')
    (fault,) = wrong_faults(path, {})
    assert fault.startswith("cell 6 does not use the verified version: __main__ in")


def test_a_check_that_does_not_name_the_failure_is_named():
    wrong = EXERCISES["se_gate"].wrong_answers[0]
    footer = "The verified version is used below."
    right = f"[x] se_gate: {wrong.rejected_by}: law\n likely {wrong.cause}\n {footer}"
    assert unnamed(code("", right), "se_gate") == []
    for words in (wrong.rejected_by, wrong.cause, footer):
        (fault,) = unnamed(code("", right.replace(words, "...")), "se_gate")
        assert "is not named" in fault
    survivor = "[ok] se_gate: all 10 properties hold. Your version is used below."
    assert len(unnamed(code("", survivor), "se_gate")) == 3


# --- sharing out ----------------------------------------------------------------------


def test_each_notebook_is_a_scope_and_nothing_else_is():
    job = "tests/test_notebook_jobs.py::test_solved[02_squeeze_and_excitation]"
    assert scope_of(job) == "[02_squeeze_and_excitation]"
    assert scope_of("tests/test_notebook_hygiene.py::test_prose[02_squeeze]") == ""
    assert scope_of("tests/test_notebook_jobs.py::test_other") == ""
