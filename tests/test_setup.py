"""The set-up: what start.py decides, without setting anything up."""

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "start.py"


def load_start():
    spec = importlib.util.spec_from_file_location("start", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


start = load_start()
CAPABLE = {
    "version": (3, 11),
    "system": "Linux",
    "machine": "x86_64",
    "pointer_bits": 64,
    "has_venv": True,
}
WANTED = start.wanted_state(ROOT, (3, 11))


# --- start.py: which machines ---------------------------------------------------------


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"version": (3, 14)},
        {"system": "Windows", "machine": "AMD64"},
        {"system": "Darwin", "machine": "arm64"},
    ],
)
def test_no_obstacle_on_a_capable_machine(facts):
    assert start.obstacle(**{**CAPABLE, **facts}) is None


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        ({"version": (3, 10)}, "this is Python 3.10"),
        ({"version": (2, 7)}, "this is Python 2.7"),
        ({"pointer_bits": 32}, "64-bit"),
        ({"system": "Darwin"}, "Intel Macs"),
        ({"has_venv": False}, "apt install python3.11-venv"),
    ],
)
def test_each_obstacle_is_told_in_one_line_with_the_next_step(facts, word):
    told = start.obstacle(**{**CAPABLE, **facts})
    assert word in told
    assert "\n" not in told


def test_start_asks_for_the_python_of_pyproject():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    oldest = re.search(r"3\.(\d+)", project["requires-python"]).group()
    version = tuple(int(part) for part in oldest.split("."))
    below = (version[0], version[1] - 1)
    assert start.obstacle(**{**CAPABLE, "version": version}) is None
    assert start.obstacle(**{**CAPABLE, "version": below}) is not None


def test_start_parses_on_old_pythons():
    # Python 3.7 is the oldest grammar that every later `ast` can check against.
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 7))


def test_start_needs_the_standard_library_only():
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.split(".")[0])
    assert names and names <= set(sys.stdlib_module_names)


# --- start.py: what is to be done -----------------------------------------------------


def test_a_finished_set_up_is_left_alone():
    assert start.plan(WANTED, WANTED, works=True) == "nothing"


@given(st.integers(0, len(WANTED) - 1))
def test_a_state_cut_short_is_never_taken_for_finished(length):
    assert start.plan(WANTED[:length], WANTED, works=True) != "nothing"


@pytest.mark.parametrize(
    ("state", "works", "todo"),
    [
        (WANTED, False, "anew"),  # the Python it was made with is gone
        (None, False, "anew"),  # nothing there
        (None, True, "update"),  # made by another tool
        (start.UNFINISHED, True, "anew"),  # killed halfway
        ("", True, "anew"),  # killed while writing the state
        (start.wanted_state(ROOT, (3, 12)), True, "anew"),  # another Python
        (WANTED.replace(str(ROOT), "elsewhere"), True, "anew"),  # folder was moved
        (WANTED.splitlines()[0] + "\nother packages\n", True, "update"),
    ],
)
def test_plan(state, works, todo):
    assert start.plan(state, WANTED, works) == todo


@pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml"])
def test_a_change_of_either_file_asks_for_an_update(tmp_path, changed):
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).write_text("before", encoding="utf-8")
    before = start.wanted_state(tmp_path, (3, 11))
    assert start.wanted_state(tmp_path, (3, 11)) == before
    (tmp_path / changed).write_text("after", encoding="utf-8")
    after = start.wanted_state(tmp_path, (3, 11))
    assert start.plan(before, after, works=True) == "update"


def test_children_keep_compiled_files_and_find_the_environment_first():
    child = start.child_environment({"PYTHONDONTWRITEBYTECODE": "1", "PATH": "a"})
    assert "PYTHONDONTWRITEBYTECODE" not in child
    assert child["PATH"] == f"{start.SCRIPTS}{os.pathsep}a"


@pytest.mark.parametrize(
    ("output", "word"),
    [
        ("[Errno -3] Temporary failure in name resolution", "internet"),
        ("Caused by: tcp connect error", "internet"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("hash mismatch", "lines above"),
    ],
)
def test_a_failed_step_is_explained(output, word):
    assert word in start.explain(output)


# --- start.py: the verbs --------------------------------------------------------------


def test_verbs_become_commands():
    command, folder, settings = start.command_for("test", ["-k", "signs"])
    assert command[1:3] == ["-m", "pytest"] and command[-2:] == ["-k", "signs"]
    assert folder == ROOT and settings["COURSE_PROFILE"] == "ci"
    command, folder, settings = start.command_for("compare", ["--seeds", "3"])
    assert command == [start.COURSE, "compare", "--seeds", "3"]
    assert folder is None and settings == {}


def test_help_needs_no_set_up_and_works_from_any_folder(tmp_path):
    copy = tmp_path / "a folder with spaces" / "start.py"
    copy.parent.mkdir()
    shutil.copy(SCRIPT, copy)
    answer = subprocess.run(
        [sys.executable, str(copy), "--help"],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert answer.returncode == 0 and answer.stderr == ""
    assert "start.py test" in answer.stdout
    assert [item.name for item in copy.parent.iterdir()] == ["start.py"]


def test_exit_status_of_the_command_is_passed_on():
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import start; "
        "start.hand_over([sys.executable, '-c', 'raise SystemExit(7)'], None, {})"
    )
    answer = subprocess.run([sys.executable, "-c", program], timeout=60)
    assert answer.returncode == 7
