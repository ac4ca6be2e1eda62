"""The course as a static site: README, notebooks and figures as web pages, by Sphinx.

Nothing is executed: the pages show the outputs that the notebooks were committed with.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from course_lib.errors import CourseError

CHECKOUT = Path(__file__).resolve().parents[1]
# What the pages link to. Folders keep their place, so that relative links stay right.
PAGES = (
    "data/README.md",
    "docs/elsewhere.md",
    "benchmarks/README.md",
    "notebooks/INSTRUCTOR.md",
)
FOLDERS = ("notebooks/instructor", "data/figures", "data/results")
FILES = ("LICENSE", "pyproject.toml", "environment.yml", "requirements.lock")
MENU = """

```{{toctree}}
:hidden:
:caption: {caption}

{entries}
```
"""


def build_site(out: Path, checkout: Path = CHECKOUT) -> Path:
    """Write the site into the folder `out` and return its first page.

    Raises CourseError when Sphinx is not installed, when `out` holds files that are
    not a site, and with Sphinx's own words when a page cannot be built or a link inside
    the course leads nowhere.
    """
    if find_spec("myst_nb") is None:
        raise CourseError(
            "no Sphinx here", "the packages of the extra `test`", "Run start.py setup."
        )
    if out.exists() and not out.is_dir():
        raise CourseError(f"--out {out}, a file", "a folder", "Choose another name.")
    if out.exists() and any(out.iterdir()) and not (out / "searchindex.js").exists():
        raise CourseError(
            f"--out {out}", "an empty folder, or an older site", "Choose another one."
        )
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        collect_pages(checkout, source)
        run = subprocess.run(
            sphinx_command(checkout / "docs", source, out, Path(folder) / "trees"),
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
    if run.returncode != 0:
        said = run.stderr.replace(str(source), "").strip()
        raise CourseError(f"Sphinx said: {said}", "no warning", "Mend that page.")
    return out / "index.html"


def sphinx_command(settings: Path, source: Path, out: Path, trees: Path) -> list[str]:
    """Build everything anew; a warning is an error, after all have been told."""
    options = ["-W", "--keep-going", "--quiet", "--fresh-env"]
    folders = ["-c", str(settings), "-d", str(trees), str(source), str(out)]
    return [sys.executable, "-m", "sphinx", *options, *folders]


def collect_pages(checkout: Path, source: Path) -> None:
    """Copy what becomes a page, or is linked to by one, into a new folder."""
    notebooks = sorted((checkout / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    (source / "notebooks").mkdir(parents=True)
    pages = [path for path in PAGES if (checkout / path).exists()]
    for path in [*pages, *FILES]:
        copy = source / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(checkout / path, copy)
    for notebook in notebooks:
        text = describe_figures(notebook.read_text(encoding="utf-8"))
        (source / "notebooks" / notebook.name).write_text(text, encoding="utf-8")
    for path in FOLDERS:
        if (checkout / path).exists():
            shutil.copytree(checkout / path, source / path, dirs_exist_ok=True)
    name_reports(source)
    readme = (checkout / "README.md").read_text(encoding="utf-8")
    menus = menu("Notebooks", [f"notebooks/{nb.stem}" for nb in notebooks])
    others = [
        path.relative_to(source).with_suffix("").as_posix()
        for path in sorted(source.rglob("*.md"))
    ]
    menus += menu("For instructors, and data", others)
    (source / "index.md").write_text(readme + menus, encoding="utf-8")


def name_reports(source: Path) -> None:
    """Begin the title of each report with its folder, so that no two are the same."""
    for path in (source / "data" / "results").glob("*/report.md"):
        text = path.read_text(encoding="utf-8")
        named = text.replace("# ", f"# {path.parent.name}: ", 1)
        path.write_text(named, encoding="utf-8")


def describe_figures(notebook: str) -> str:
    """Give each cell with figures their alternative text, where MyST-NB looks for it.

    `show` stores the text with the output; MyST-NB reads it from the cell.
    """
    content = json.loads(notebook)
    for cell in content["cells"]:
        outputs = [output.get("metadata", {}) for output in cell.get("outputs", [])]
        texts = [found.get("image/png", {}).get("alt", "") for found in outputs]
        if any(texts):
            cell["metadata"]["mystnb"] = {
                "image": {"alt": " ".join(filter(None, texts))}
            }
    return json.dumps(content)


def menu(caption: str, entries: list[str]) -> str:
    """A menu of pages for the side of the site."""
    return MENU.format(caption=caption, entries="\n".join(entries))
