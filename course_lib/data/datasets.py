"""Load a data set by name: `signs`, `cifar100`, or any folder of images."""

import difflib
import hashlib
from dataclasses import dataclass
from pathlib import Path

from course_lib.data import signs
from course_lib.data.assemble import (
    SPLITS,
    Limits,
    assemble,
    content_digest,
    limit_dataset,
    splits_of,
)
from course_lib.data.cache import cache_folder, cached
from course_lib.data.cifar100 import (
    DOWNLOAD_MB,
    RECORDED_DIGEST,
    SIZE,
    cifar100_file,
    load_cifar100,
)
from course_lib.data.folder import DEFAULT_SIZE, decode_tree, list_tree, load_folder
from course_lib.data.image_set import Dataset
from course_lib.errors import CourseError

NAMES = ("signs", "cifar100")
FOLDER = "folder:"
SIGNS_COUNTS = {"train": 4000, "val": 1000, "test": 2000}
SIGNS_SIZE = 32  # pixels a side
SIGNS_DIGEST = "9caa2e59a7d0"  # of the default counts and size
CIFAR100_COMMAND = "course data fetch cifar100"


@dataclass(frozen=True)
class DatasetCard:
    """One line of `course data`: what a data set is and how to get it."""

    name: str
    what: str
    where: str  # the file it is kept in, or a word on where it comes from
    present: bool  # ready to load without a connection
    megabytes: float  # to download; 0 for none
    command: str  # that makes it present


def load_dataset(
    name: str,
    image_size: int | None = None,
    limits: Limits | None = None,
    root: Path | None = None,
) -> Dataset:
    """Load a data set, ready for training, from wherever it is.

    name: "signs", "cifar100", "folder:PATH", or the path of an existing folder.
    image_size: pixels a side; by default 32 for signs, 64 for folders. CIFAR-100 is
        always 32.
    limits: how many images of each split, balanced over the classes; None for all.
        Signs are rendered in any number, by default 4000, 1000 and 2000.
    root: where torchvision keeps its download of CIFAR-100; the cache by default.

    Raises CourseError for an unknown name, a data set that is not there, a size the
    data set does not come in, and anything wrong with a folder's images.
    """
    if name == "signs":
        return _load_signs(SIGNS_SIZE if image_size is None else image_size, limits)
    if name == "cifar100":
        if image_size not in (None, SIZE):
            raise CourseError(
                f"image size {image_size} for cifar100",
                f"{SIZE}, the size of its images",
                "Leave --image-size out.",
            )
        return limit_dataset(load_cifar100(root), limits)
    size = DEFAULT_SIZE if image_size is None else image_size
    return limit_dataset(load_folder(_folder_path(name), size), limits)


def describe_datasets(root: Path | None = None) -> list[DatasetCard]:
    """Return a card for each kind of data set, in the order to try them."""
    signs_files = list(cache_folder().glob("signs-*.safetensors"))
    download = (root or cache_folder()) / "cifar-100-python"
    return [
        DatasetCard(
            "signs",
            f"rendered traffic signs, {len(signs.CLASSES)} classes, with masks",
            f"{len(signs_files)} kept in {cache_folder()}",
            present=True,
            megabytes=0,
            command="nothing, it is rendered when first used",
        ),
        DatasetCard(
            "cifar100",
            "60,000 photographs of 32 x 32 pixels, 100 classes",
            str(cifar100_file()),
            present=cifar100_file().is_file() or download.is_dir(),
            megabytes=DOWNLOAD_MB,
            command=CIFAR100_COMMAND,
        ),
        DatasetCard(
            "folder:PATH",
            "your own images, one subfolder a class",
            "anywhere on this machine",
            present=True,
            megabytes=0,
            command="nothing, only name the folder",
        ),
    ]


def folder_of(name: str) -> Path:
    """The path that "folder:PATH" or PATH means, with ~ spelled out; it may be absent.

    Raises CourseError where ~ names nobody.
    """
    try:
        return Path(name.removeprefix(FOLDER)).expanduser()
    except RuntimeError as error:  # no such user
        raise CourseError(f"folder {name}", "a folder", "Check the path.") from error


def check_is_there(name: str, root: Path | None = None) -> None:
    """Raise CourseError at once for a data set that is not there; nothing is read."""
    cards = {card.name: card for card in describe_datasets(root)}
    if name not in NAMES:
        path = _folder_path(name)
        if not path.is_dir():
            list_tree(path)  # which says so
    elif not cards[name].present:
        load_cifar100(root)  # which names the ways to get it


def verify_dataset(name: str, root: Path | None = None) -> str:
    """Compute the digest of a data set anew; return it if it is the recorded one.

    Signs are rendered again and a folder is decoded again: the first is compared with
    the digest in this file, the second with the cache. CIFAR-100 is read from the
    cache and compared with the digest in cifar100.py.

    Raises CourseError when they differ.
    """
    if name == "signs":
        found, recorded = _render_signs(SIGNS_SIZE, SIGNS_COUNTS).digest, SIGNS_DIGEST
        next_step = "Restore course_lib/data from the repository."
    elif name == "cifar100":
        found = content_digest(splits_of(load_cifar100(root)))
        recorded = RECORDED_DIGEST
        next_step = f"Get it again: {CIFAR100_COMMAND}, or course data import cifar100."
    else:
        path = _folder_path(name)
        recorded = load_folder(path).digest
        found = decode_tree(path, list_tree(path), DEFAULT_SIZE).digest
        next_step = f"Delete {cache_folder()}; it is made again."
    if found != recorded:
        raise CourseError(f"{name} with digest {found}", recorded, next_step)
    return found


def _load_signs(size: int, limits: Limits | None) -> Dataset:
    """Return rendered signs from the cache, rendering what is not in it yet.

    The file's name carries a fingerprint of a few rendered images. When the renderer
    changes, so does the name, and an old cache is never mistaken for a new one.
    """
    limits = limits or Limits()
    counts = {s: getattr(limits, s) or SIGNS_COUNTS[s] for s in SPLITS}
    if counts["train"] < len(signs.CLASSES):
        raise CourseError(
            f"limit of {counts['train']} training images",
            f"at least {len(signs.CLASSES)}, one of each class of signs",
            "Raise the limit or leave it out.",
        )
    sample = signs.render("train", 2 * len(signs.CLASSES), size).images
    fingerprint = hashlib.sha256(sample.numpy()).hexdigest()[:8]
    numbers = "-".join(str(counts[split]) for split in SPLITS)
    path = cache_folder() / f"signs-{size}px-{numbers}-{fingerprint}.safetensors"
    return cached(path, lambda: _render_signs(size, counts))


def _render_signs(size: int, counts: dict[str, int]) -> Dataset:
    splits = {split: signs.render(split, counts[split], size) for split in SPLITS}
    return assemble("signs", signs.CLASSES, splits, mirror=False)


def _folder_path(name: str) -> Path:
    """Return the folder a data set's name stands for; CourseError if it is none."""
    path = folder_of(name)
    if not name.removeprefix(FOLDER):
        raise CourseError(f"data set {name!r}", "a name", "Try --data signs.")
    if name.startswith(FOLDER):
        return path
    if path.is_dir():
        return path
    if len(path.parts) > 1:
        raise CourseError(f"folder {name}", "a folder that exists", "Check the path.")
    close = difflib.get_close_matches(name.lower(), NAMES, n=1, cutoff=0.5)
    guess = f"Did you mean {close[0]}?" if close else "Try --data signs."
    raise CourseError(
        f"data set {name!r}", f"one of {', '.join(NAMES)}, {FOLDER}PATH", guess
    )
