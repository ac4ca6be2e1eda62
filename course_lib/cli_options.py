"""What the verbs of `course` share: options of a network, their checks, complaints."""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from course_lib.errors import CourseError, check_choice

if TYPE_CHECKING:
    from course_lib.profiles import Sizes

# Heavy imports (torch) stay inside the functions, so that --help answers at once.

NETWORK_OPTIONS = (
    click.option("--lr", type=float, help="Peak learning rate, for the recipe modern."),
    click.option("--image-size", type=int, help="Pixels, instead of the profile's."),
    click.option("--train-images", type=int, help="Instead of the profile's."),
    click.option("--width", type=int, help="Channels of the stem; 64 in ResNet50."),
    click.option("--reduction", type=int, help="r of SE, BAM and CBAM; 16 on a GPU."),
    click.option(
        "--precision", help="fp32 or bf16; default: bf16 on GPUs from 2020 on."
    ),
    click.option(
        "--compiled/--eager", default=None, help="torch.compile; CUDA default."
    ),
)


def network_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the options with which `compare` and `train` size their networks."""
    for option in reversed(NETWORK_OPTIONS):
        command = option(command)
    return command


def change_sizes(
    sizes: "Sizes",
    epochs: int | None,
    batch: int | None,
    lr: float | None,
    image_size: int | None,
    train_images: int | None,
    width: int | None,
    reduction: int | None,
) -> "Sizes":
    """The profile's sizes, with those that were asked for in place of its own.

    Raises CourseError for a number that is not above 0.
    """
    asked = {
        "epochs": epochs,
        "batch": batch,
        "lr": lr,
        "image_size": image_size,
        "train_images": train_images,
        "width": width,
        "reduction": reduction,
    }
    for name, value in asked.items():
        if value is not None and not value > 0:
            option = "--" + name.replace("_", "-")
            raise CourseError(f"{option} {value}", "more than 0", "Leave it out.")
    return replace(sizes, **{key: value for key, value in asked.items() if value})


def split_names(option: str, names: str | None) -> list[str]:
    """ "a, b" or "a b" -> ["a", "b"]; None -> []."""
    if names is None:
        return []
    found = names.replace(",", " ").split()
    if not found:
        raise CourseError(f"{option} {names!r}", "names with commas", "Leave it out.")
    return found


def parse_duration(text: str) -> float:
    """ "90s", "20m", "1h30m" or plain seconds -> seconds."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise CourseError(
            f"--budget {text!r}",
            "a time such as 90s, 20m or 1h30m",
            "Try --budget 20m.",
        )
    seconds = {"": 1, "s": 1, "m": 60, "h": 3600}
    return sum(float(number) * seconds[unit] for number, unit in parts)


def can_compile(device: str) -> bool:
    """Whether to compile unless told: on CUDA, where Triton is installed."""
    return device == "cuda" and find_spec("triton") is not None


def choose_precision(name: str | None, device: str) -> str:
    """ "fp32" or "bf16"; without a wish bf16 on GPUs from 2020 on, where it is fast."""
    import torch

    if name is None:
        fast = device == "cuda" and torch.cuda.get_device_capability() >= (8, 0)
        return "bf16" if fast else "fp32"
    check_choice("precision", name, ("fp32", "bf16"))
    return name


def complain(text: str) -> None:
    """Print a problem; of several processes of torchrun, one on each machine does."""
    if os.environ.get("LOCAL_RANK", "0") == "0":
        click.echo(text, err=True)
