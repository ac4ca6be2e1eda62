"""A progress bar that counts images and says how much time is left."""

import sys
from functools import partial

from tqdm.auto import tqdm


def image_bar(total: int, text: str = "") -> tqdm:
    """A bar for `total` images; in a log file it writes a line every 30 seconds."""
    redrawn = sys.stderr.isatty() or "ipykernel" in sys.modules
    return tqdm(
        total=total,
        unit="img",
        unit_scale=True,
        smoothing=0.05,
        desc=text,
        mininterval=0.5 if redrawn else 30,
    )


def reporter(bar: tqdm) -> partial:
    """What a Trainer calls with the images it has trained; see `advance`."""
    return partial(advance, bar)


def ignore(images: int, trained: bool = True) -> None:
    """What a Trainer without a bar calls: nothing happens."""


def advance(bar: tqdm, images: int, trained: bool = True) -> None:
    """Move the bar; images of an earlier session count as done, not as fast."""
    if trained:
        bar.update(images)
        return
    bar.initial += images
    bar.n += images
    bar.last_print_n += images
