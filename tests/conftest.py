"""How the tests are shared out between the processes of `python start.py test`."""

import pytest

JOBS = "test_notebook_jobs.py::"


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
