"""The command `course`: every verb, and errors in one line."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from course_lib.cli_bench import bench
from course_lib.cli_notebooks import VERBS
from course_lib.cli_options import (
    can_compile,
    change_sizes,
    choose_precision,
    complain,
    network_options,
    parse_duration,
    split_names,
)
from course_lib.cli_train import train
from course_lib.errors import CourseError

if TYPE_CHECKING:
    from course_lib.runs import Run

# Heavy imports (torch, pandas) stay inside the verbs, so that --help answers at once.


def show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    """What --version does."""
    if wanted:
        from course_lib.cost import code_version

        click.echo(f"course {code_version()}")
        context.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=show_version,
    help="Show the version to cite, with its commit, and exit.",
)
def course() -> None:
    """Attention modules in ResNet50: set up, train, compare.

    A problem you can mend is told in one line, with exit status 2.
    """


@course.command()
def doctor() -> None:
    """Say what this machine has, and what to do about each problem.

    Exit status 1 if something stops the course from working.
    """
    from course_lib.doctor import diagnose, has_problem, report

    findings = diagnose()
    click.echo(report(findings))
    if has_problem(findings):
        sys.exit(1)


@course.command()
@click.option("--data", default="signs", help="signs, cifar100 or a folder of images.")
@click.option("--models", help="Names with commas, of those above.")
@click.option("--module", multiple=True, help="Your own, as in my_gate.py:MyGate.")
@click.option("--placements", help="Places with commas, such as branch,pre,post.")
@click.option("--stages", help="Stages with attention, with commas: 1234,4,34.")
@click.option("--seeds", type=int, help="Trainings of each model, from seed 0 on.")
@click.option("--budget", help="Stop after this time, for example 90s, 20m or 2h.")
@click.option("--recipe", default="modern", help="modern or reu2019.")
@click.option("--profile", help="Sizes: ci, laptop or gpu; default: what fits.")
@click.option("--device", default="auto", help="auto, cpu, cuda or mps.")
@click.option("--out", type=Path, help="Folder of runs.csv; default: runs/DATA.")
@click.option("--workers", type=int, help="Processes on a CPU; default: one a core.")
@click.option("--epochs", type=int, help="Instead of the profile's.")
@click.option("--batch", type=int, help="Images in a step, instead of the profile's.")
@network_options
def compare(
    data: str,
    models: str | None,
    module: tuple[str, ...],
    placements: str | None,
    stages: str | None,
    seeds: int | None,
    budget: str | None,
    recipe: str,
    profile: str | None,
    device: str,
    out: Path | None,
    workers: int | None,
    epochs: int | None,
    batch: int | None,
    lr: float | None,
    image_size: int | None,
    train_images: int | None,
    width: int | None,
    reduction: int | None,
    precision: str | None,
    compiled: bool | None,
) -> None:
    """Train the models side by side and say which differ, and how surely.

    Without options: the five networks of the course on the embedded signs, at the
    size this machine can do in minutes. Stop it whenever you like (Ctrl-C); the same
    command goes on where it stopped.

    Models: plain, se, bam, cbam, spatial; bam-spatial, cbam-spatial, eca, coordinate,
    pyramid.
    """
    from course_lib import own_modules, planning
    from course_lib.data.datasets import check_is_there
    from course_lib.profiles import choose_profile

    chosen = choose_profile(profile)
    sizes = chosen.sizes(data)
    sizes = change_sizes(
        sizes, epochs, batch, lr, image_size, train_images, width, reduction
    )
    seconds = None if budget is None else parse_duration(budget)
    on = planning.choose_device(device)
    names = split_names("--models", models) or (["plain"] if module else chosen.models)
    runs = planning.plan_runs(
        data,
        sizes,
        [*names, *own_modules.register(module)],
        chosen.seeds if seeds is None else seeds,
        split_names("--placements", placements),
        recipe,
        choose_precision(precision, on.type),
        split_names("--stages", stages),
    )
    planning.check_rate(recipe, lr)
    check_is_there(data)
    train_and_show(
        runs,
        chosen.name,
        out or default_folder(data),
        str(on),
        seconds,
        workers,
        can_compile(on.type) if compiled is None else compiled,
    )


@course.command()
@click.argument("files", nargs=-1, required=True, type=Path)
@click.option(
    "--out", type=Path, help="Folder of report.md; default: the first file's."
)
def report(files: Sequence[Path], out: Path | None) -> None:
    """Make table, figure and sentences again from one or more runs.csv.

    FILES are such files, or the folders that they are in.
    """
    from course_lib.runs import read_runs

    tables = [path / "runs.csv" if path.is_dir() else path for path in files]
    show_report(read_runs(tables), out or tables[0].parent)


@course.group()
def data() -> None:
    """List, fetch, import and verify the data sets."""


@data.command("list")
def list_data() -> None:
    """Show every data set: what it is, whether it is here, how to get it."""
    from course_lib.data.datasets import describe_datasets

    for card in describe_datasets():
        mark = "[ok]" if card.present else "[ ]"
        click.echo(f"{mark} {card.name}: {card.what}")
        size = f"{card.megabytes:g} MB to download" if card.megabytes else "no download"
        click.echo(f"     where: {card.where}; {size}; to get it: {card.command}")


@data.command("fetch")
@click.argument("name")
def fetch_data(name: str) -> None:
    """Download NAME (cifar100) with torchvision and check it."""
    from course_lib.data.cifar100 import fetch_cifar100
    from course_lib.errors import check_choice

    check_choice("data to fetch", name, ["cifar100"])
    click.echo(f"cifar100 is here, digest {fetch_cifar100().digest}.")


@data.command("import")
@click.argument("name")
@click.argument("sources", nargs=-1, required=True, type=Path)
def import_data(name: str, sources: Sequence[Path]) -> None:
    """Take NAME (cifar100) from SOURCES: folders of images, or zips of them."""
    from course_lib.data.cifar100 import import_cifar100
    from course_lib.errors import check_choice

    check_choice("data to import", name, ["cifar100"])
    click.echo(f"cifar100 is here, digest {import_cifar100(sources).digest}.")


@data.command("verify")
@click.argument("name")
def verify_data(name: str) -> None:
    """Compute the digest of NAME again and compare it with the recorded one."""
    from course_lib.data.datasets import verify_dataset

    click.echo(f"{name}: digest {verify_dataset(name)}, as recorded.")


for verb in (train, bench, *VERBS):  # and lab, start, update, ..., build, site
    course.add_command(verb)


def train_and_show(
    runs: Sequence["Run"],
    profile: str,
    out: Path,
    device: str,
    seconds: float | None,
    workers: int | None,
    compiled: bool,
) -> None:
    """Announce the runs, train those that are not recorded, report all that are done.

    profile: its name, to announce. See `comparing.compare` for the others.
    """
    from course_lib import comparing

    click.echo(comparing.announce(runs, profile, device, out))
    table = comparing.compare(runs, out, device, seconds, workers, compiled)
    if len(table):
        show_report(table, out)
    if len(table) < len(runs):
        click.echo(
            f"{len(table)} of {len(runs)} runs are done. The same command trains the "
            "rest."
        )


def show_report(table, out: Path) -> None:
    """Write report.md and its figure; print the table and the sentences."""
    from course_lib.report import table_text, write_report
    from course_lib.summary import summarise

    path = write_report(table, out)
    click.echo(table_text(summarise(table), table))
    click.echo(f"\nThe whole report, with figure: {path}")


def default_folder(data: str) -> Path:
    """runs/NAME, with the name of the data set or of the folder of images."""
    from course_lib.data.datasets import folder_of

    return Path("runs") / (folder_of(data).resolve().name or "images")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; every mendable problem becomes one line and status 2."""
    sys.exit(run(lambda: course(arguments, prog_name="course", standalone_mode=False)))


def run(action: Callable[[], object]) -> int:
    """Do the action and return its exit status."""
    try:
        action()
    except CourseError as error:
        complain(f"course: {error}")
        return 2
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "course"
        said = error.format_message()
        stop = "" if said.endswith((".", "?", "?)")) else "."
        complain(f"course: {said}{stop} See {where} --help.")
        return 2
    except OSError as error:  # such as printing to a full disk
        complain(f"course: {error.strerror or error}.")
        return 2
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except (KeyboardInterrupt, click.Abort):
        complain("\nStopped. The same command goes on where it stopped.")
        return 130
    return 0


if __name__ == "__main__":
    main()
