"""An answer of the kernel that came while nobody was told is found all the same."""

import asyncio
from queue import Empty

import nbformat
import pytest

from course_lib.patient_client import PatientClient, looking_often


class Overlooking:
    """A channel that sees a message only at the start of a wait, as in the fault."""

    def __init__(self, comes_after: float | None) -> None:
        self.comes_after, self.calls = comes_after, 0

    async def get_message(self, timeout: float | None = None) -> dict[str, str]:
        self.calls += 1
        start = asyncio.get_running_loop().time()
        if self.calls == 1:
            self.begin = start
        if self.comes_after is not None and start - self.begin >= self.comes_after:
            return {"content": "the answer"}
        await asyncio.sleep(60 if timeout is None else timeout)
        raise Empty


@pytest.mark.parametrize("timeout", [None, 30.0])
def test_a_message_that_was_overlooked_is_found(timeout):
    channel = Overlooking(comes_after=0.05)
    patient = looking_often(channel.get_message, seconds=0.02)
    found = asyncio.run(asyncio.wait_for(patient(timeout=timeout), 10))
    assert found == {"content": "the answer"}
    assert channel.calls >= 3


def test_without_the_mend_it_stays_overlooked():
    channel = Overlooking(comes_after=0.05)
    with pytest.raises(Empty):
        asyncio.run(channel.get_message(timeout=0.2))


def test_no_message_is_empty_when_the_time_is_up():
    channel = Overlooking(comes_after=None)
    patient = looking_often(channel.get_message, seconds=0.02)
    with pytest.raises(Empty):
        asyncio.run(patient(timeout=0.1))


@pytest.mark.slow
def test_a_notebook_with_a_widget_runs_through():
    source = "import ipywidgets\nipywidgets.interact(lambda x: print(x), x=(0, 3))"
    cells = [nbformat.v4.new_code_cell(source) for _ in range(3)]
    cells.append(nbformat.v4.new_code_cell("print(2 + 2)"))
    notebook = nbformat.v4.new_notebook(cells=cells)
    PatientClient(notebook, timeout=120).execute()
    assert notebook.cells[-1].outputs[0].text == "4\n"
