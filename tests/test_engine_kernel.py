"""`check` inside a real Jupyter kernel."""

import pytest


@pytest.fixture(autouse=True)
def own_log(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path))
    monkeypatch.delenv("COURSE_STRICT", raising=False)


CELLS = """
from course_lib.exercises import check
from course_lib.exercises import guard
guard.TIME_LIMIT = 2.0
---
def squeeze(x):
    total = 0
    while True:
        total += 1
---
squeeze = check("squeeze", squeeze)
---
class SqueezeExcitation(torch.nn.Module):
    def __init__(self, channels, reduction=16, bias=True):
        super().__init__()
        self.a = torch.nn.Linear(channels, channels // reduction, bias)

    def forward(self, x):
        return x * self.b(x)
---
import torch
---
class SqueezeExcitation(torch.nn.Module):
    def __init__(self, channels, reduction=16, bias=True):
        super().__init__()
        self.a = torch.nn.Linear(channels, channels // reduction, bias)

    def forward(self, x):
        return x * self.b(x)
---
SqueezeExcitation = check("SqueezeExcitation", SqueezeExcitation)
---
squeeze = check("squeeze", lambda x: exit())
---
print(squeeze(torch.ones(1, 2, 3, 4)).tolist(), SqueezeExcitation.__module__)
---
from course_lib.answer_log import last_answer
print(last_answer("SqueezeExcitation"))
"""


@pytest.mark.slow
def test_messages_in_a_jupyter_kernel():
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    cells = [cell.strip() for cell in CELLS.split("---")]
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    client = nbclient.NotebookClient(notebook, timeout=120, allow_errors=True)
    client.execute()
    errors = [
        (number, output.evalue)
        for number, cell in enumerate(notebook.cells)
        for output in cell.outputs
        if output.output_type == "error"
    ]
    assert errors == [(3, "name 'torch' is not defined")]
    endless_loop, broken, leaves = (
        notebook.cells[n].outputs[0].data for n in (2, 6, 7)
    )
    assert (
        "still running after 2 seconds at line 4: total += 1"
        in (endless_loop["text/plain"])
        or "line 3: while True:" in endless_loop["text/plain"]
    )
    assert (
        "has no attribute 'b' at line 7: return x * self.b(x)" in broken["text/plain"]
    )
    assert broken["text/html"].startswith("<div")
    assert "exit() ends a program." in leaves["text/plain"]
    used, source = (notebook.cells[n].outputs[0].text for n in (8, 9))
    assert used == "[[1.0, 1.0]] course_lib.attention.squeeze_excitation\n"
    assert source.startswith("class SqueezeExcitation(torch.nn.Module):")
