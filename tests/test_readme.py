"""Every command of the README and the pages beside it runs, in miniature.

A command that another test runs is listed with the name of that test.
"""

import ast
import functools
import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from PIL import Image
from readme_commands import (
    PAGES,
    ROOT,
    commands,
    commands_in,
    made_up_checkout,
    make_course,
    make_place,
    make_set_up_clone,
    options,
    text_of,
)
from torch.distributed.run import get_args_parser

from course_lib import cli, comparing, site, workspace
from course_lib.attention import ATTENTION
from course_lib.data import cifar100, datasets
from course_lib.own_modules import VARIABLE

# What the words in capitals are here.
PLACEHOLDERS = {
    "folder:PATH": "folder:photos",
    "PATH ...": "cifar",
    "FILE ...": str(ROOT / "data" / "results" / "signs-laptop"),
    "FOLDER": "handed-in",
    "NAME": "folder:photos",
    "VERB": "compare",
    "PARTS": "parts",
}
TINY = "--profile ci --epochs 1 --train-images 40 --batch 20 --width 4 --device cpu"
TRAIN = f"{TINY} --out run"
COMPARE = f"{TINY} --seeds 1 --out runs"
FEW = f"{COMPARE} --models plain,se"
BENCH = "--stem stride2 --width 8 --batch 8 --rounds 1 --models plain,se"

# command -> more options, which make it small, and what it prints (a pattern)
HERE = {
    "course compare": (FEW, r"SE .*The whole report"),
    "course compare --data cifar100": (FEW, "The whole report"),
    "course compare --data folder:PATH": (FEW, "The whole report"),
    "course compare --module my_gate.py:MyGate": (COMPARE, r"plain .*MyGate-\w+"),
    "course compare --module my_gate.py:MyGate --models plain,se": (
        COMPARE,
        r"plain .*SE .*MyGate-\w+",
    ),
    "course report FILE ...": ("--out again", r"CBAM: -20\.8 points"),
    "course train": (TRAIN, "of 500 test images right"),
    "torchrun --nproc-per-node 4 -m course_lib.train --data folder:PATH --model se "
    "--batch 1024 --lr 0.8": (TRAIN, "of 6 test images right"),
    "course data list": ("", r"signs.*cifar100.*folder:PATH"),
    "course data fetch cifar100": ("", "cifar100 is here"),
    "course data import cifar100 PATH ...": ("", "cifar100 is here"),
    "course data verify NAME": ("", "as recorded"),
    "course data verify cifar100": ("", "as recorded"),
    "course bench": (f"{BENCH} --against none --out bench", "Figure: "),
    "course doctor": ("", r"Python .*(All is well|to mend)"),
    "course lab": ("--no-browser", r"jupyter.*--no-browser"),
    "course start": ("", r"\[ok\] .*02_se\.ipynb"),
    "course status": ("", "Next: squeeze in 02_se.ipynb"),
    "course update": ("", r"02_se\.ipynb: new: copied"),
    "course rescue": ("", "nothing to rescue"),
    "course grade": ("handed-in --out grades", r"1 solved, 3 missing"),
    "course grade FOLDER": ("--out grades", r"1 solved, 3 missing"),
    "course grade handed-in/": ("--out grades", r"1 solved, 3 missing"),
    "course grade --help": ("", "no sandbox"),
    "course site": ("--out pages", r"first page: .*index\.html"),
    "course --version": ("", r"course \S+"),
    "course VERB --help": ("", "Usage: course compare"),
    "python benchmarks/gpu_queue.py": ("list", "cifar100-seeds-1"),
    "python benchmarks/gpu_queue.py list": ("", "cifar100-seeds-1"),
    "python benchmarks/small_experiments.py": ("", "05_cbam_maps"),
    "python benchmarks/parts.py": ("pack parts", "MiB"),
    "python benchmarks/parts.py pack PARTS": ("", "MiB"),
}
SMALL = "test_small_experiments.py: test_each_is_made_in_miniature"
ELSEWHERE = {
    "course data verify signs": "test_datasets.py: "
    "test_the_default_signs_have_the_recorded_digest",
    "python benchmarks/gpu_queue.py run smoke --out OUT": "test_gpu_queue.py: "
    "test_an_entry_of_each_kind_runs_in_miniature",
    "python benchmarks/gpu_queue.py take OUT": "test_gpu_queue.py: "
    "test_take_adds_rows_after_those_that_are_known",
    "python benchmarks/parts.py join PARTS": "test_gpu_queue.py: "
    "test_parts_join_to_the_same_data_set",
    "python benchmarks/epoch_cost.py": "test_epoch_cost.py: "
    "test_the_command_measures_and_draws",
    "python benchmarks/small_experiments.py 03_open_gates": SMALL,
    "python benchmarks/small_experiments.py 05_cbam_start --only CBAM --seeds 0": SMALL,
    "python benchmarks/pointing.py": "test_gpu_queue.py: "
    "test_scores_go_beside_the_checkpoints_and_not_into_the_recorded_table",
}
STARTS = {  # what start.py hands over to, in a clone where the set-up is done
    "python3 start.py": "course lab",
    "python3 start.py test": "python -m pytest -n 2",
    "python3 start.py compare": "course compare",
    "python3 start.py doctor": "course doctor",
    "python3 start.py setup": "The course is ready",
    "python3 start.py lab --no-browser --ip=0.0.0.0": "course lab --no-browser --ip=0",
    "source .venv/bin/activate": "course doctor",
}
ON_WINDOWS = {"py start.py", "py start.py test", r".venv\Scripts\activate"}
WITH_CONDA = {"conda env create -f environment.yml", "conda activate attention-course"}
# Times a DataLoader for minutes, and is part of no test.
NOT_RUN = {"python benchmarks/batches.py"}
LISTS = (HERE, ELSEWHERE, STARTS, ON_WINDOWS, WITH_CONDA, NOT_RUN)


def test_no_command_is_left_out():
    named = {command for page in PAGES for command in commands(page)}
    listed = {command for each in LISTS for command in each}
    assert named - listed == set(), "run it here, or list it with the test that does"
    assert listed - named == set(), "no page names it any more"


@pytest.mark.parametrize("command", ELSEWHERE)
def test_the_test_that_runs_it_is_there(command):
    file, name = ELSEWHERE[command].split(": ")
    tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
    assert name in {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with photos, a made-up CIFAR-100, notebooks handed in, a module."""
    folder = tmp_path_factory.mktemp("readme")
    make_place(folder)
    return folder


class FewPhotos:
    """Stands in for torchvision's CIFAR100: the images of the folder `cifar`."""

    classes = ("ant", "bee")

    def __init__(self, root, train, download):
        files = sorted(Path("cifar", "train" if train else "test").rglob("*.png"))
        self.data = np.stack([np.array(Image.open(file)) for file in files])
        self.targets = [self.classes.index(file.parent.name) for file in files]


@pytest.fixture
def miniature(place, tmp_path, monkeypatch):
    """Everything that a command may touch is small, and in a folder of the tests."""
    monkeypatch.chdir(place)
    monkeypatch.setenv("COURSE_CACHE", str(place / "cache"))
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress"))
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.setattr(comparing, "how_many_workers", lambda *_: 0)  # this process
    few = {"counts": cifar100.Counts(classes=2, train=20, val=4, test=4)}
    stand_in = functools.partial(cifar100.fetch_cifar100, source=FewPhotos, **few)
    small = functools.partial(cifar100.import_cifar100, **few)
    monkeypatch.setattr(cifar100, "fetch_cifar100", stand_in)
    monkeypatch.setattr(cifar100, "import_cifar100", small)
    monkeypatch.setattr(datasets, "RECORDED_DIGEST", small([place / "cifar"]).digest)
    monkeypatch.setattr(workspace, "NOTEBOOKS", tmp_path / "notebooks")
    checkout = made_up_checkout(tmp_path / "checkout", "# A course\n")
    monkeypatch.setattr(site.build_site, "__defaults__", (checkout,))
    modules = dict(ATTENTION)
    yield tmp_path
    ATTENTION.clear()
    ATTENTION.update(modules)


@pytest.mark.slow
@pytest.mark.parametrize("command", HERE)
def test_it_runs(command, miniature, monkeypatch, capsys):
    if command.split()[1] in ("lab", "start", "status", "update", "rescue"):
        if not shutil.which("git"):
            pytest.skip("git is not installed")
        make_course(miniature)
    more, pattern = HERE[command]
    line = f"{command} {more}"
    for name, value in PLACEHOLDERS.items():
        line = line.replace(name, value)
    if command == "course lab":  # JupyterLab itself is started in test_browser.py
        monkeypatch.setattr(os, "execve", lambda program, *more: print(*more))
        monkeypatch.setattr(subprocess, "run", print_and_succeed)
    status = run(line.split(), monkeypatch)
    printed = capsys.readouterr()
    short = command == "course doctor" and status == 1  # of memory or disk, here
    assert status == 0 or short, printed.err
    assert re.search(pattern, printed.out, re.S), printed.out


def print_and_succeed(command, **_):
    """Stands in for subprocess.run, with which JupyterLab is started on Windows."""
    print(command)
    return SimpleNamespace(returncode=0)


def run(words, monkeypatch):
    """Exit status of a command, run in this process."""
    if words[0] == "torchrun":
        asked = get_args_parser().parse_args(words[1:])
        assert asked.module and asked.training_script == "course_lib.train"
        words = ["course", "train", *asked.training_script_args]
    try:
        if words[0] == "course":
            cli.main(words[1:])
        else:
            monkeypatch.setattr(sys, "argv", words[1:])
            monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
            runpy.run_path(str(ROOT / words[1]), run_name="__main__")
    except SystemExit as left:
        return left.code or 0
    return 0


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A clone whose set-up is done."""
    return make_set_up_clone(tmp_path_factory.mktemp("clone"))


@pytest.mark.skipif(os.name == "nt", reason="the made-up environment is a POSIX one")
@pytest.mark.parametrize("command", STARTS)
def test_it_starts(command, clone):
    if command.startswith("source"):
        words = ["bash", "-c", f"{command} && course doctor"]
    else:
        words = [sys.executable, *command.split()[1:]]
    done = subprocess.run(
        words, cwd=clone, capture_output=True, encoding="utf-8", timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert STARTS[command] in done.stdout


def test_windows_is_told_the_same_commands():
    told = {re.sub("^py ", "python3 ", line) for line in ON_WINDOWS if " " in line}
    assert told == {"python3 start.py", "python3 start.py test"} <= set(STARTS)


def test_conda_makes_the_environment_that_is_then_activated():
    made = yaml.safe_load(text_of("environment.yml"))
    assert f"conda activate {made['name']}" in WITH_CONDA


def test_commands_are_found_in_fences_of_every_shell():
    kinds = ("", "bash", "sh", "console")
    text = "".join(f"```{kind}\n$ course a{kind} -x  # y\n```\n" for kind in kinds)
    text += "```python\ncourse python\n```\n"
    assert commands_in(text) == [f"course a{kind} -x" for kind in kinds]


def test_every_verb_for_readers_is_in_the_readme():
    readme = text_of("README.md")
    verbs = set(cli.course.commands) - {"build"}  # for authors
    assert [verb for verb in sorted(verbs) if f"`course {verb}" not in readme] == []


def test_options_that_pages_name_exist():
    known = {
        option
        for command in cli.course.commands.values()
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    for path in (ROOT / "benchmarks").glob("*.py"):
        known |= set(re.findall(r'"(--[a-z-]+)"', path.read_text(encoding="utf-8")))
    named = {option for page in PAGES for option in options(page)}
    assert named and named - known == set()


def test_the_version_to_cite_is_the_version():
    version = tomllib.loads(text_of("pyproject.toml"))["project"]["version"]
    assert f"Version {version}." in text_of("README.md")


def test_colab_is_told_to_install_packages_of_the_course():
    wishes = tomllib.loads(text_of("pyproject.toml"))["project"]["dependencies"]
    (line,) = re.findall(
        r"^!pip install --quiet (.*)$", text_of("docs/elsewhere.md"), re.M
    )
    asked = [name.partition(">=")[0] for name in line.replace('"', "").split()]
    assert set(asked) <= {wish.partition(">=")[0] for wish in wishes}
