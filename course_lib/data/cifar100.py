"""CIFAR-100: downloaded by torchvision, or imported from image folders and zips.

The images reach us in an order that depends on the source. So every split is sorted
by class, and within a class by the SHA-256 of the pixels (bytes of the uint8 tensor
(3, 32, 32)). The last 50 of each class's 500 training images in that order are the
validation set. Download and import therefore give the same splits and one digest.

Classes are in alphabetical order; torchvision's are too, so the labels are the same.

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
"""

import hashlib
import http.client
import io
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torchvision.datasets import CIFAR100
from tqdm.auto import tqdm

from course_lib.data.assemble import assemble, take
from course_lib.data.cache import cache_folder, keep, read_dataset
from course_lib.data.folder import SUFFIXES, open_rgb, to_tensor
from course_lib.data.image_set import Dataset, ImageSet
from course_lib.errors import CourseError

SIZE = 32  # pixels a side
DOWNLOAD_MB = 169  # megabytes
RECORDED_DIGEST = "f7501127890f"  # of the 45,000 + 5,000 + 10,000 images
DOWNLOAD_PROBLEMS = (OSError, RuntimeError, http.client.HTTPException, tarfile.TarError)

Parts = dict[str, tuple[Tensor, Tensor]]  # split -> images (N, 3, 32, 32), labels (N,)


@dataclass(frozen=True)
class Counts:
    """How many classes there are, and how many images each class has in a split."""

    classes: int = 100
    train: int = 450
    val: int = 50
    test: int = 100

    def in_source(self, split: str) -> int:
        """Images a class in the source, where validation is part of train."""
        return self.test if split == "test" else self.train + self.val


@dataclass(frozen=True)
class Entry:
    """One image of a source, before it is read."""

    source: Path
    name: str  # path inside the source, with forward slashes
    split: str  # "train" or "test"
    label: str  # the class


def cifar100_file() -> Path:
    """Return where the prepared data set is kept."""
    return cache_folder() / "cifar100.safetensors"


def load_cifar100(root: Path | None = None) -> Dataset:
    """Load CIFAR-100 from the cache, or from torchvision's download under ``root``.

    45,000 training, 5,000 validation and 10,000 test images of 32 x 32 pixels.
    Raises CourseError with the ways to get it when it is in neither place.
    """
    ready = read_dataset(cifar100_file())
    if ready is not None:
        return ready
    try:
        parts = _torchvision_parts(root, CIFAR100, download=False)
    except RuntimeError as absent:  # torchvision: not found, or wrong MD5
        found = "cifar100, which is not on this machine"
        if cifar100_file().exists():
            found = f"{cifar100_file()}, which is damaged or of another version"
        raise _ways_to_get_it(found, "a copy in the cache folder") from absent
    return _keep_torchvision(parts, Counts())


def fetch_cifar100(
    root: Path | None = None,
    source: Callable[..., CIFAR100] = CIFAR100,
    counts: Counts | None = None,
) -> Dataset:
    """Download CIFAR-100 with torchvision, which checks its MD5, and keep it.

    ``root`` is where the 169 MB go; the cache folder unless given. Tests pass another
    ``source`` and its ``counts``. Raises CourseError without a connection.
    """
    try:
        parts = _torchvision_parts(root, source, download=True)
    except DOWNLOAD_PROBLEMS as problem:
        raise _ways_to_get_it(
            f"download of cifar100 ({problem})",
            f"an internet connection that carries {DOWNLOAD_MB} MB",
        ) from problem
    return _keep_torchvision(parts, counts or Counts())


def import_cifar100(sources: Sequence[Path], counts: Counts | None = None) -> Dataset:
    """Read CIFAR-100 from image folders or zips and keep it in the cache.

    Together the sources hold train/<class>/*.png and test/<class>/*.png, at any
    depth. Zips are read as they are, without unpacking. ``counts`` says how many
    images are expected: 500 and 100 for each of 100 classes unless given.

    Returns the data set; its digest is ``RECORDED_DIGEST`` for the real images.
    Raises CourseError naming the file for a zip cut short, a damaged image, an image
    that is not 32 x 32 RGB, and for a wrong number of classes or images.
    """
    counts = counts or Counts()
    entries = [entry for source in sources for entry in list_entries(source)]
    check_counts(entries, counts)
    classes = tuple(sorted({entry.label for entry in entries}))
    images = torch.empty(len(entries), 3, SIZE, SIZE, dtype=torch.uint8)
    contents = (item for source in sources for item in read_entries(source, entries))
    progress = tqdm(
        contents, "cifar100", total=len(entries), unit="image", disable=None
    )
    for index, (entry, content) in enumerate(progress):
        images[index] = decode(entry, content)
    labels = torch.tensor([classes.index(entry.label) for entry in entries])
    in_train = torch.tensor([entry.split == "train" for entry in entries])
    parts = {
        "train": (images[in_train], labels[in_train]),
        "test": (images[~in_train], labels[~in_train]),
    }
    return _keep(parts, classes, counts)


def list_entries(source: Path) -> list[Entry]:
    """List the images of a folder or zip that lie in train/<class> or test/<class>."""
    if source.is_dir():
        files = (file for file in source.rglob("*") if file.is_file())
        names = sorted(file.relative_to(source).as_posix() for file in files)
    else:
        with _open_zip(source) as archive:
            names = archive.namelist()
    entries = []
    for name in names:
        *_, split, label, file = ("", "", *(source / name).parts)
        if split in ("train", "test") and Path(file).suffix.lower() in SUFFIXES:
            entries.append(Entry(source, name, split, label))
    return entries


def read_entries(source: Path, entries: list[Entry]) -> Iterator[tuple[Entry, bytes]]:
    """Yield those entries that lie in ``source``, with the bytes of their files."""
    wanted = [entry for entry in entries if entry.source == source]
    if source.is_dir():
        for entry in wanted:
            yield entry, (source / entry.name).read_bytes()
        return
    with _open_zip(source) as archive:
        for entry in wanted:
            try:
                yield entry, archive.read(entry.name)
            except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as problem:
                raise CourseError(
                    f"{entry.name} in {source} ({problem})",
                    "a file that can be read",
                    "Copy the zip again.",
                ) from problem


def decode(entry: Entry, content: bytes) -> Tensor:
    """Decode one image to uint8 (3, 32, 32)."""
    where = f"{entry.name} in {entry.source}"
    image = open_rgb(io.BytesIO(content), where)
    if image.size != (SIZE, SIZE):
        raise CourseError(
            f"image {where} of {image.width} x {image.height} pixels",
            f"{SIZE} x {SIZE}",
            "Import CIFAR-100 itself; other images go through --data folder:PATH.",
        )
    return to_tensor(image)


def check_counts(entries: list[Entry], counts: Counts) -> None:
    """Raise CourseError unless every class has its number of images in both splits."""
    together = "Give all folders or zips in one command, each once."
    for split in ("train", "test"):
        here = [entry for entry in entries if entry.split == split]
        found = Counter(entry.label for entry in here)
        where = ", ".join(sorted({str(entry.source) for entry in here}))
        if len(found) != counts.classes:
            raise CourseError(
                f"{len(found)} classes in {split}/ of {where or 'the sources'}",
                f"{counts.classes} folders {split}/<class>",
                together,
            )
        for label, count in sorted(found.items()):
            if count != counts.in_source(split):
                raise CourseError(
                    f"{count} images in {split}/{label} of {where}",
                    f"{counts.in_source(split)}",
                    together,
                )
    labels = {s: {e.label for e in entries if e.split == s} for s in ("train", "test")}
    odd = sorted(labels["train"] ^ labels["test"])
    if odd:
        raise CourseError(
            f"class {odd[0]!r} in only one of train/ and test/",
            "the same classes in both",
            "Check the names of the class folders.",
        )


def canonical_order(images: Tensor, labels: Tensor) -> Tensor:
    """Return the order by class, then by SHA-256 of the pixels: int64 (N,).

    images: uint8 (N, 3, H, W); labels: int64 (N,).
    """
    hashes = [hashlib.sha256(image).digest() for image in images.numpy()]
    classes = labels.tolist()
    order = sorted(range(len(classes)), key=lambda i: (classes[i], hashes[i]))
    return torch.tensor(order)


def _keep(parts: Parts, classes: tuple[str, ...], counts: Counts) -> Dataset:
    """Sort both parts, cut validation off the training part, and write the cache."""
    splits = {}
    for split, (images, labels) in parts.items():
        order = canonical_order(images, labels)
        splits[split] = ImageSet(images[order], labels[order])
    # Sorted by class, so the position within the class is the remainder.
    position = torch.arange(len(splits["train"].labels)) % counts.in_source("train")
    in_val = position >= counts.train
    whole = splits["train"]
    splits["train"] = take(whole, torch.nonzero(~in_val).flatten())
    splits["val"] = take(whole, torch.nonzero(in_val).flatten())
    dataset = assemble("cifar100", classes, splits, mirror=True)
    keep(cifar100_file(), dataset)
    return dataset


def _torchvision_parts(
    root: Path | None, source: Callable[..., CIFAR100], download: bool
) -> dict[str, CIFAR100]:
    root = root or cache_folder()
    return {
        split: source(root, train=split == "train", download=download)
        for split in ("train", "test")
    }


def _keep_torchvision(sets: dict[str, CIFAR100], counts: Counts) -> Dataset:
    """Turn torchvision's arrays, uint8 (N, 32, 32, 3), into the kept data set."""
    parts = {}
    for split, found in sets.items():
        images = torch.from_numpy(found.data).permute(0, 3, 1, 2).contiguous()
        parts[split] = (images, torch.tensor(found.targets))
    return _keep(parts, tuple(sets["train"].classes), counts)


def _open_zip(source: Path) -> zipfile.ZipFile:
    if not source.exists():
        raise CourseError(f"{source}", "a folder or zip that exists", "Check the path.")
    try:
        return zipfile.ZipFile(source)
    except (zipfile.BadZipFile, OSError) as problem:
        raise CourseError(
            f"{source} ({problem})",
            "a folder, or a whole zip",
            "A zip that is cut short has to be copied or downloaded again.",
        ) from problem


def _ways_to_get_it(found: str, expected: str) -> CourseError:
    return CourseError(
        found,
        expected,
        f"Download {DOWNLOAD_MB} MB with `course data fetch cifar100`, or import images"
        " with `course data import cifar100 FOLDER_OR_ZIPS...`, or use `--data signs`,"
        " which needs nothing.",
    )
