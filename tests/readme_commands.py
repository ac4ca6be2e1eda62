"""The commands that README and the pages beside it name, and a place to run them in."""

import re
import runpy
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import nbformat
import numpy as np
from notebook_edits import first_version
from PIL import Image

from course_lib.exercises.catalogue import EXERCISES
from course_lib.exercises.sources import solution_source
from course_lib.notebook_files import write_notebook

ROOT = Path(__file__).resolve().parents[1]
PAGES = ["README.md", "notebooks/INSTRUCTOR.md", "data/README.md", "docs/elsewhere.md"]
PAGES += ["benchmarks/README.md"]
PROGRAMS = ("course", "python", "python3", "py", "torchrun", "conda", "source")
SHELLS = ("", "bash", "sh", "console")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)

# What stands in .venv of a made-up clone for `course` and `python`: prints its words.
ECHO = "#!{python}\nimport sys\nprint('{name}', *sys.argv[1:])\n"


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def commands(page: str) -> list[str]:
    """Every command of a page, fenced or in a line, without its comment."""
    return commands_in(text_of(page))


def commands_in(text: str) -> list[str]:
    """The same for a text in Markdown."""
    fenced = [
        line.removeprefix("$ ")
        for kind, body in FENCE.findall(text)
        if kind in SHELLS
        for line in body.split("\n")
    ]
    inline = re.findall(r"`([^`]+)`", FENCE.sub("", text))
    lines = [" ".join(line.partition(" #")[0].split()) for line in [*fenced, *inline]]
    return [line for line in dict.fromkeys(lines) if is_command(line)]


def is_command(line: str) -> bool:
    """True for a program with words behind it, and for Windows' way to activate."""
    words = line.split()
    known = words and words[0].replace("\\", "/").split("/")[-1] in PROGRAMS
    return bool(known and len(words) > 1) or line.endswith("\\activate")


def options(page: str) -> set[str]:
    """Options that stand alone in a page, such as `--sync-bn`."""
    return set(re.findall(r"`(--[a-z-]+)[^`]*`", text_of(page)))


def python_block(page: str) -> str:
    """The page's only block of Python."""
    (block,) = [body for kind, body in FENCE.findall(text_of(page)) if kind == "python"]
    return block


def write_images(folder: Path, count: int, seed: int) -> None:
    """`count` random images of 32 x 32 pixels."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    for number in range(count):
        pixels = random.integers(0, 256, (32, 32, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02}.png")


def make_place(place: Path) -> None:
    """What the words in capitals stand for: photos, notebooks handed in, own module."""
    for seed, name in enumerate(("ant", "bee")):
        write_images(place / "photos" / name, 30, seed)
        write_images(place / "cifar" / "train" / name, 24, 10 + seed)
        write_images(place / "cifar" / "test" / name, 4, 20 + seed)
    (place / "my_gate.py").write_text(python_block("README.md"), encoding="utf-8")
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(solution_source(EXERCISES["squeeze"]))]
    write_notebook(place / "handed-in" / "02_ada.ipynb", notebook)


def make_course(folder: Path) -> Path:
    """A clone with one made-up notebook, committed; returns its folder of notebooks."""
    notebooks = folder / "notebooks"
    write_notebook(notebooks / "02_se.ipynb", first_version())
    (folder / ".gitignore").write_text("notebooks/my/\n", encoding="utf-8")
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "course"]):
        subprocess.run(["git", *identity, *command], cwd=folder, check=True)
    return notebooks


def made_up_checkout(folder: Path, readme: str) -> Path:
    """A checkout with a README and nothing else that the site needs."""
    for name in ("LICENSE", "pyproject.toml", "environment.yml", "requirements.lock"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x", encoding="utf-8")
    (folder / "data").mkdir()
    (folder / "data" / "README.md").write_text("# Data\n", encoding="utf-8")
    shutil.copytree(ROOT / "docs", folder / "docs")
    (folder / "README.md").write_text(readme, encoding="utf-8")
    return folder


def make_set_up_clone(folder: Path) -> Path:
    """A clone whose set-up is done; `course` and `python` in it print their words."""
    for name in ("start.py", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    venv.create(folder / ".venv", symlinks=True)
    for name in ("course", "python"):
        path = folder / ".venv" / "bin" / name
        path.unlink(missing_ok=True)  # a link to this Python
        path.write_text(ECHO.format(python=sys.executable, name=name), encoding="utf-8")
        path.chmod(0o755)
    wanted_state = runpy.run_path(str(ROOT / "start.py"))["wanted_state"]
    state = wanted_state(folder.resolve(), sys.version_info)
    (folder / ".venv" / "course-setup.txt").write_text(state, encoding="utf-8")
    return folder
