"""The verb `course bench`."""

from pathlib import Path

import click

from course_lib.cli_options import choose_precision, split_names
from course_lib.errors import CourseError, check_choice

# Heavy imports (torch, pandas) stay inside the verb, so that --help answers at once.

# The sizes when nothing is asked for: (image size, batch) by device and stem.
SIZES = {
    ("cuda", "imagenet"): (224, 256),
    ("cuda", "cifar"): (32, 512),
    ("cuda", "stride2"): (32, 512),
    ("cpu", "imagenet"): (128, 4),
    ("cpu", "cifar"): (32, 16),
    ("cpu", "stride2"): (32, 64),
}
MODES = ("eager", "compiled")
PHASES = ("train", "infer")


@click.command()
@click.option("--models", help="Names with commas, such as plain,se,fused-se.")
@click.option("--against", help="timm, torchvision, both with a comma, or none.")
@click.option("--stem", default="imagenet", help="imagenet, cifar or stride2.")
@click.option("--image-size", type=int, help="Pixels; default: 224, on a CPU 128.")
@click.option("--batch", type=int, help="Images a step; default: 256, on a CPU 4.")
@click.option("--width", type=int, default=64, help="Channels of the stem.")
@click.option("--mode", help="eager, compiled or both; default: eager, both on CUDA.")
@click.option("--phases", default="train,infer", help="train, infer or both.")
@click.option("--precision", help="fp32 or bf16; default: bf16 on GPUs from 2020 on.")
@click.option("--device", default="auto", help="auto, cpu, cuda or mps.")
@click.option("--rounds", type=int, default=7, help="Each network is timed so often.")
@click.option("--steps", type=int, help="Steps a timing; default: 10, on a CPU 1.")
@click.option("--nchw", is_flag=True, help="Maps channel by channel in memory.")
@click.option("--out", type=Path, help="Folder of the files; default: runs/bench.")
def bench(
    models: str | None,
    against: str | None,
    stem: str,
    image_size: int | None,
    batch: int | None,
    width: int,
    mode: str | None,
    phases: str,
    precision: str | None,
    device: str,
    rounds: int,
    steps: int | None,
    nchw: bool,
    out: Path | None,
) -> None:
    """Time ResNet50 with each module, against plain and against other libraries.

    All networks take turns in shuffled order, so that a busy machine slows them alike;
    each is compared with plain ResNet50 of the same round. Writes times.csv, bench.csv
    and a figure. Ctrl-C keeps the finished rounds; the same command goes on.
    """
    from course_lib.bench import figure, networks, record, running
    from course_lib.bench.cases import Settings
    from course_lib.planning import choose_device
    from course_lib.profiles import FIVE

    on = choose_device(device)
    cuda = on.type == "cuda"
    check_choice("stem", stem, ("imagenet", "cifar", "stride2"))
    usual_size, usual_batch = SIZES["cuda" if cuda else "cpu", stem]
    names = networks.list_networks(
        names_of("--models", models, FIVE + (networks.FUSED if cuda else ())),
        names_of("--against", against, libraries_there(width)),
        width,
    )
    settings = Settings(
        networks=tuple(names),
        modes=chosen("--mode", mode, MODES if cuda else ("eager",), MODES),
        phases=chosen("--phases", phases, PHASES, PHASES),
        stem=stem,
        width=width,
        image_size=usual_size if image_size is None else image_size,
        batch=usual_batch if batch is None else batch,
        precision=choose_precision(precision, on.type),
        channels_last=not nchw,
        steps=(10 if cuda else 1) if steps is None else steps,
        device=str(on),
    )
    check_sizes(settings, rounds)
    out = out or Path("runs") / "bench"
    click.echo(announce(settings, rounds, out))
    table = running.measure(settings, rounds, out)
    path = figure.save(table, out)
    click.echo(f"\n{record.markdown(table)}\n\n{sentence(table)}\nFigure: {path}")


def names_of(option: str, text: str | None, usual: tuple[str, ...]) -> list[str]:
    """ "a, b" -> ["a", "b"]; None -> the usual ones."""
    return list(usual) if text is None else split_names(option, text)


def libraries_there(width: int) -> tuple[str, ...]:
    """The other libraries that can be timed without being asked for."""
    from importlib.util import find_spec

    if width != 64:
        return ()
    return tuple(name for name in ("timm", "torchvision") if find_spec(name))


def chosen(
    option: str, text: str | None, usual: tuple[str, ...], allowed: tuple[str, ...]
) -> tuple[str, ...]:
    """Names with commas, each of `allowed`, in its order; `both` is all of them."""
    if text is not None and text.strip() == "both":
        return allowed
    names = names_of(option, text, usual)
    for name in names:
        check_choice(option, name, allowed)
    return tuple(name for name in allowed if name in names)


def check_sizes(settings, rounds: int) -> None:
    """Raise CourseError for numbers that cannot be timed."""
    from course_lib.resnet import SMALLEST_IMAGE, check_image_size

    numbers = {"--rounds": rounds, "--steps": settings.steps, "--width": settings.width}
    for option, value in numbers.items():
        if value < 1:
            raise CourseError(f"{option} {value}", "at least 1", "Leave it out.")
    if settings.batch < 2:
        raise CourseError(
            f"--batch {settings.batch}", "at least 2 images for BatchNorm", "Try 4."
        )
    if settings.width < 4:
        raise CourseError(f"--width {settings.width}", "at least 4", "Try 8.")
    check_image_size(settings.image_size, SMALLEST_IMAGE[settings.stem])


def announce(settings, rounds: int, out: Path) -> str:
    """What is about to be measured, in two lines."""
    layout = "channels_last" if settings.channels_last else "NCHW"
    return (
        f"{len(settings.networks)} networks, {' and '.join(settings.modes)}, "
        f"{settings.image_size} px, batch {settings.batch}, {layout}, "
        f"{settings.precision}, {settings.device}, {rounds} rounds.\n"
        f"Results go to {out}; Ctrl-C stops, the same command goes on."
    )


def sentence(table) -> str:
    """On what machine, and what the columns mean."""
    row = table.iloc[0]
    return (
        f"Median over {row['rounds']} rounds, ratios within a round, quartiles in "
        f"brackets. {row['machine']}, load {row['load']:.1f}, torch {row['torch']}; "
        f"copies {row['gb_s']:,.1f} GB/s, multiplies {row['gflop_s']:,.0f} GFLOP/s."
    )
