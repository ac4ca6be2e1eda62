"""The verb `course train`: one network, in one process or in many."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from course_lib.cli_options import (
    can_compile,
    change_sizes,
    choose_precision,
    network_options,
)
from course_lib.errors import CourseError

if TYPE_CHECKING:
    from course_lib.shared_images import Order

# Heavy imports (torch, pandas) stay inside the verbs, so that --help answers at once.


@click.command()
@click.option("--data", default="signs", help="signs, cifar100 or folder:PATH.")
@click.option(
    "--model", default="plain", help="plain, se, ...; see course compare --help."
)
@click.option("--placement", help="Where the module goes; default: its own place.")
@click.option("--stages", help="Stages with attention, such as 34; default: all.")
@click.option("--epochs", type=int, help="Instead of the profile's.")
@click.option("--batch", type=int, help="Images in a step, of all processes together.")
@click.option("--seed", type=int, default=0, help="Of weights and data order.")
@click.option("--recipe", default="modern", help="modern or reu2019.")
@click.option("--out", type=Path, help="Folder of the results; default: runs/train.")
@click.option("--profile", help="Sizes: ci, laptop or gpu; default: what fits.")
@click.option("--device", default="auto", help="auto, cpu, cuda or mps.")
@network_options
@click.option("--sync-bn", is_flag=True, help="BatchNorm over the whole batch (CUDA).")
@click.option(
    "--stream/--in-memory",
    default=None,
    help="Read a folder's images as they come; default: when they are too big.",
)
@click.option("--loaders", type=int, default=2, help="Decoders a process, to stream.")
@click.option("--stop-after", type=int, help="End once so many epochs are done.")
def train(
    data: str,
    model: str,
    placement: str | None,
    stages: str | None,
    epochs: int | None,
    batch: int | None,
    seed: int,
    recipe: str,
    out: Path | None,
    profile: str | None,
    device: str,
    lr: float | None,
    image_size: int | None,
    train_images: int | None,
    width: int | None,
    reduction: int | None,
    precision: str | None,
    compiled: bool | None,
    sync_bn: bool,
    stream: bool | None,
    loaders: int,
    stop_after: int | None,
) -> None:
    """Train one network, in one process or in many.

    With several processes, on one machine or more:

        torchrun --nproc-per-node 4 -m course_lib.train --data folder:PATH

    They share each batch of --batch images. Every epoch is saved; stop it at any
    moment, and the same command goes on, also with another number of processes.
    """
    from course_lib import distributed, planning
    from course_lib.profiles import choose_profile
    from course_lib.shared_images import Order

    check_counts({"--seed": seed, "--loaders": loaders}, 0)
    check_counts({"--stop-after": stop_after}, 1)
    sizes = choose_profile(profile).sizes(data)
    sizes = change_sizes(
        sizes, epochs, batch, lr, image_size, train_images, width, reduction
    )
    planning.check_rate(recipe, lr)
    on = distributed.device_here(planning.choose_device(device))
    run = planning.plan_runs(
        data,
        sizes,
        [model],
        1,
        [placement] if placement else [],
        recipe,
        choose_precision(precision, on.type),
        [stages] if stages else [],
    )[0]
    order = Order(
        replace(run, seed=seed),
        on,
        out or Path("runs") / "train",
        can_compile(on.type) if compiled is None else compiled,
        sync_bn,
        stream,
        loaders,
        stop_after,
        some_images=train_images is not None,
    )
    train_with_others(order)


def train_with_others(order: "Order") -> None:
    """Meet the other processes if there are any, train, tell the result once."""
    from course_lib import distributed
    from course_lib.train import train_one

    with distributed.joined() as ranks:
        try:
            text = train_one(order, ranks)
        except distributed.Unsaid:
            sys.exit(2)
        except CourseError as error:
            if ranks.first:
                raise
            click.echo(f"course: process {ranks.rank}: {error}", err=True)
            sys.exit(2)  # this process alone has it
    if ranks.first:
        click.echo(text)


def check_counts(numbers: dict[str, int | None], least: int) -> None:
    """Raise CourseError for a number below the least."""
    for option, value in numbers.items():
        if value is not None and value < least:
            raise CourseError(f"{option} {value}", f"at least {least}", "Leave it out.")
