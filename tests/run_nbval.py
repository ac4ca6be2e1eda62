"""Runs one notebook under nbval, strictly, with a time limit for each cell.

    python tests/run_nbval.py NOTEBOOK REPORT

Each code cell is run anew and its text is compared with the stored text, unless the
cell is tagged `nbval-ignore-output`. REPORT is a JUnit file: one test case a code cell.
A cell may have CELL_SECONDS, or what its metadata say: `course={"timeout": 300}`.
"""

import sys

import pytest

CELL_SECONDS = 200.0  # the slowest cells take 30 s on an idle core
ONLY_NBVAL = ["no:cacheprovider", "no:xdist", "no:timeout", "no:hypothesispytest"]


class CellLimit:
    """A pytest plugin: nbval itself knows only one limit for all cells."""

    def pytest_runtest_setup(self, item):
        seconds = item.cell.metadata.get("course", {}).get("timeout", CELL_SECONDS)
        item.config.option.nbval_cell_timeout = float(seconds)


def main(notebook, report):
    """Return pytest's exit code: 0 all cells are right, 1 some are not."""
    plugins = [word for name in ONLY_NBVAL for word in ("-p", name)]
    command = ["--nbval", "--nbval-current-env", "--color=no", "-q", *plugins]
    return pytest.main([*command, f"--junitxml={report}", notebook], [CellLimit()])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
