"""Every notebook as shipped, solved, and answered wrongly.

Each notebook is a scope of its own for `--dist loadscope` (see conftest.py). The first
job trains at the `ci` profile, the others find its checkpoints; each also runs alone.
"""

import pytest
from notebook_cells import assert_none
from notebook_jobs import as_shipped_faults, solved_faults, wrong_faults

from course_lib.authoring import sources

NOTEBOOKS = [source.with_suffix(".ipynb") for source in sources()]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem),
]


@pytest.fixture(scope="session")
def settings(tmp_path_factory):
    """Checkpoints and data in a fresh folder: nothing is read from the checkout."""
    folder = tmp_path_factory.mktemp("notebooks")
    return {
        "COURSE_RUNS": str(folder / "runs"),
        "COURSE_CACHE": str(folder / "cache"),
    }


def test_as_shipped(path, settings):
    assert_none(as_shipped_faults(path, settings))


def test_solved(path, settings):
    assert_none(solved_faults(path, settings))


def test_answered_wrongly(path, settings):
    assert_none(wrong_faults(path, settings))
