"""How the tests are shared out between processes; JupyterLab and a browser for them."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

JOBS = "test_notebook_jobs.py::"
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FOUND = [os.environ.get("COURSE_CHROMIUM"), *map(shutil.which, NAMES)]
PROGRAM = next(filter(None, FOUND), None)


@pytest.hookimpl(optionalhook=True)  # absent without pytest-xdist
def pytest_xdist_make_scheduler(config, log):
    """With --dist loadscope: each notebook of test_notebook_jobs.py is a scope.

    So two notebooks run side by side, and the jobs of one notebook share its
    checkpoints. All other scopes stay as they are: a module, or a class.
    """
    if config.getoption("dist") != "loadscope":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class OneScopeANotebook(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return scope_of(nodeid) or super()._split_scope(nodeid)

    return OneScopeANotebook(config, log)


def scope_of(nodeid):
    """ "[02_name]" for a job of that notebook, "" for any other test."""
    return nodeid[nodeid.index("[") :] if JOBS in nodeid and "[" in nodeid else ""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A new learner's JupyterLab in a browser: lab.open("02") opens a notebook.

    copies: the learner's folder, progress: that of the log of checks.
    """
    pytest.importorskip("playwright", reason="playwright is not installed")
    if PROGRAM is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is here")
    from browser_page import NotebookPage, chromium
    from browser_server import PROGRESS, jupyterlab, learner_copies

    from course_lib.start_page import NAME

    folder = tmp_path_factory.mktemp("browser")
    shots = Path(os.environ.get("COURSE_SHOTS") or folder / "shots")
    copies, pages = learner_copies(folder), {}

    def open_notebook(number, by_link=False):
        page = NAME if by_link else next(copies.glob(f"{number}_*.ipynb")).name
        link = f"{number} " if by_link else ""
        address = address_of(copies / page)
        pages[number] = NotebookPage(browser, address, shots, link)
        return pages[number]

    with jupyterlab(copies, folder) as address_of, chromium(PROGRAM) as browser:
        yield SimpleNamespace(
            open=open_notebook,
            pages=pages,
            browser=browser,
            copies=copies,
            progress=folder / PROGRESS,
        )
        for number, page in pages.items():
            page.picture(f"{number}-at-the-end")
