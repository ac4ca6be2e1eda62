"""The verbs of `course` for notebooks: lab, start, update, rescue, status, grade,
and for authors build.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from course_lib.workspace import Outcome

# Heavy imports (torch, pandas) stay inside the verbs, so that --help answers at once.


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def lab(arguments: Sequence[str]) -> None:
    """Open your copies of the notebooks in JupyterLab, at a page with what is next.

    Copies that are missing are made first. More arguments go to `jupyter lab`.
    """
    from course_lib import workspace
    from course_lib.jupyter import lab_command, lab_environment
    from course_lib.standing import standings
    from course_lib.start_page import write_start_page

    workspace.start(workspace.NOTEBOOKS)
    copies = workspace.NOTEBOOKS / "my"
    page = write_start_page(copies, standings(workspace.NOTEBOOKS))
    command = lab_command(copies, page.name, arguments)
    environment = lab_environment(copies)
    if os.name == "nt":
        sys.exit(subprocess.run(command, env=environment).returncode)
    # JupyterLab takes over this process, and gets Ctrl-C itself.
    os.execve(command[0], command, environment)


@click.command("start")
def start_copies() -> None:
    """Make your copies of the notebooks in notebooks/my; never overwrites one."""
    from course_lib import workspace

    made = workspace.start(workspace.NOTEBOOKS)
    for path in made:
        click.echo(f"[ok] {path}")
    if not made:
        click.echo(f"Your copies are all in {workspace.NOTEBOOKS / 'my'}.")


@click.command()
def update() -> None:
    """Carry your answers into newer notebooks; the old files are backed up.

    Close the notebooks in JupyterLab first. Exit status 1 if one cannot be read; it
    is left as it was.
    """
    from course_lib import workspace

    show_outcomes(workspace.update(workspace.NOTEBOOKS))


@click.command()
@click.option("--restore", is_flag=True, help="Also put the course's files back.")
def rescue(restore: bool) -> None:
    """Save what you wrote in the course's own notebooks into notebooks/my.

    Prints the git command that puts the course's file back. Exit status 1 if a
    notebook cannot be read; it is left as it was.
    """
    from course_lib import rescuing, workspace

    outcomes = rescuing.rescue(workspace.NOTEBOOKS, restore)
    if not outcomes:
        click.echo("The course's notebooks are as git has them: nothing to rescue.")
    show_outcomes(outcomes)


@click.command()
def status() -> None:
    """Show which exercises are solved, what is next, and the minutes it takes."""
    from course_lib import workspace
    from course_lib.standing import standings, status_text
    from course_lib.start_page import write_start_page

    found = standings(workspace.NOTEBOOKS)
    copies = workspace.NOTEBOOKS / "my"
    if copies.exists():
        write_start_page(copies, found)
    click.echo(status_text(found))


@click.command()
@click.argument("folder", type=Path)
@click.option("--out", type=Path, help="Folder of the table; default: FOLDER-grades.")
@click.option(
    "--seconds", type=float, default=30.0, help="For each exercise; default: 30."
)
@click.option(
    "--memory", type=float, default=4.0, help="GB for each student; default: 4."
)
@click.option("--workers", type=int, default=2, help="Students at once; default: 2.")
def grade(
    folder: Path, out: Path | None, seconds: float, memory: float, workers: int
) -> None:
    """For teachers: check the notebooks handed in to FOLDER; write a table and notes.

    Each notebook's answers run in a process of their own with limits; what the
    notebooks print or hold as outputs counts nothing. That is no sandbox: for a class
    you do not trust, run it in a container or as a user without files.
    """
    from course_lib.grade_report import summary, write_grades
    from course_lib.grading import Limits, grade_folder

    limits = Limits(seconds, memory)
    grades = grade_folder(folder, limits, workers, tell=click.echo)
    folder = folder.resolve()
    path = write_grades(grades, out or folder.with_name(folder.name + "-grades"))
    click.echo(f"{summary(grades)}\nThe table, with notes beside it: {path}")


def show_outcomes(outcomes: Sequence["Outcome"]) -> None:
    """Print what happened to each notebook; exit status 1 if one was left."""
    for outcome in outcomes:
        click.echo("\n".join(outcome.lines()))
    if any(outcome.mark == "[x]" for outcome in outcomes):
        sys.exit(1)


@click.command("build")
@click.argument("names", nargs=-1)
def build_notebooks(names: Sequence[str]) -> None:
    """For authors: make and execute notebooks from their sources.

    NAMES are numbers such as 02; without any, all notebooks are built.
    """
    from course_lib import authoring

    for source in authoring.sources(names):
        click.echo(f"{source.name} ...")
        click.echo(f"  wrote {authoring.build(source).name}")


@click.command()
@click.option("--out", type=Path, default=Path("site"), help="Folder; default: site.")
def site(out: Path) -> None:
    """Make web pages of the README and the notebooks, to read without installing.

    Nothing is executed: the pages show the stored outputs. Open index.html in a
    browser, or put the folder on any web server.
    """
    from course_lib.site import build_site

    click.echo(f"The first page: {build_site(out)}")


VERBS = (lab, start_copies, update, rescue, status, grade, build_notebooks, site)
