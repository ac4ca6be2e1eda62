"""A learner's module enters `course compare` by the name of its file and class."""

import subprocess
import sys

import pytest

from course_lib.attention import ATTENTION
from course_lib.cli import main
from course_lib.own_modules import VARIABLE, register, register_again
from course_lib.runs import read_runs

GATE = """
import torch
from torch import nn


class HalfGate(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        return x * torch.sigmoid(self.bias)[:, None, None]


class Pool(nn.Module):
    def __init__(self, channels):
        super().__init__()

    def forward(self, x):
        return x.mean(dim=(2, 3), keepdim=True)


class EvenOnly(Pool):
    def forward(self, x):
        return x.unflatten(2, (-1, 2)).flatten(2, 3)


ready = HalfGate(16)
"""


@pytest.fixture(autouse=True)
def table(monkeypatch):
    """The table of modules and the variable are as before after each test."""
    monkeypatch.setenv(VARIABLE, "")
    before = dict(ATTENTION)
    yield
    ATTENTION.clear()
    ATTENTION.update(before)


@pytest.fixture
def gate(tmp_path):
    path = tmp_path / "my_gate.py"
    path.write_text(GATE, encoding="utf-8")
    return path


def test_a_name_says_what_the_module_computes(gate):
    (name,) = register([f"{gate}:HalfGate"])
    assert name.startswith("HalfGate-") and len(name) == len("HalfGate-") + 8
    assert register([f"{gate}:HalfGate"]) == [name]
    module = ATTENTION[name].make(32, 16)
    assert module.bias.shape == (32,)
    changed = GATE.replace("torch.sigmoid(self.bias)", "2 * torch.sigmoid(self.bias)")
    gate.write_text(changed, encoding="utf-8")
    assert register([f"{gate}:HalfGate"]) != [name]


def test_a_worker_registers_the_same(gate):
    (name,) = register([f"{gate}:HalfGate"])
    del ATTENTION[name]
    register_again()
    assert name in ATTENTION


BAD = {
    "no class": (":", "a file and a class in it"),
    "no such file": ("gone.py:HalfGate", "a file that is there"),
    "no such class": ("my_gate.py:Half", "the file has HalfGate, Pool, EvenOnly"),
    "an object, not a class": ("my_gate.py:ready", "a class, or a function"),
    "another shape": ("my_gate.py:Pool", "the same shape"),
    "even maps only": ("my_gate.py:EvenOnly", "maps of 7 x 9"),
    "not Python": ("broken.py:X", "broken.py fails when it is loaded"),
}


@pytest.mark.parametrize("spec, named", BAD.values(), ids=BAD.keys())
def test_bad_modules_are_told_in_one_line(spec, named, gate, capsys, monkeypatch):
    monkeypatch.chdir(gate.parent)
    (gate.parent / "broken.py").write_text("import no_such_thing\n", encoding="utf-8")
    with pytest.raises(SystemExit) as left:
        main(["compare", "--profile", "ci", "--module", spec, "--out", "out"])
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line]
    assert left.value.code == 2 and line.startswith("course: ") and named in line
    assert not (gate.parent / "out").exists()


@pytest.mark.slow
def test_it_is_trained_beside_plain(gate, tmp_path):
    out = tmp_path / "out"
    sizes = ["--train-images=40", "--batch=20", "--epochs=1", "--width=4", "--seeds=1"]
    module = ["--module", f"{gate}:HalfGate"]
    command = [sys.executable, "-m", "course_lib.cli", "compare", "--profile", "ci"]
    done = subprocess.run(
        [*command, *sizes, *module, "--workers", "1", "--out", str(out)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    runs = read_runs([out / "runs.csv"])
    assert [name.split("-")[0] for name in runs["model"]] == ["plain", "HalfGate"]
    assert set(runs["status"]) == {"done"}
    assert "HalfGate-" in done.stdout
