"""Any tree of images, one folder a class: listed, checked, resized, kept."""

import hashlib
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
import psutil
import torch
from PIL import Image, ImageOps
from torch import Tensor
from tqdm.auto import tqdm

from course_lib.data.assemble import SPLITS, assemble
from course_lib.data.cache import cache_folder, cached
from course_lib.data.image_set import Dataset, ImageSet
from course_lib.errors import CourseError

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
DEFAULT_SIZE = 64  # pixels a side
BYTES_PER_PIXEL = 3 + 4  # the images, and the packed copy that batches keep
UNREADABLE = (
    OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error,
    Image.DecompressionBombError,
)  # fmt: skip  # what Pillow raises for a damaged file, depending on the format

Tree = dict[str, dict[str, list[Path]]]  # split -> class -> files


def load_folder(path: Path, image_size: int = DEFAULT_SIZE) -> Dataset:
    """Load an image tree, resized and cropped to ``image_size`` squares.

    Two layouts are understood:

    - ``path/train/<class>/*``, with ``path/val`` and ``path/test`` if you have them;
    - ``path/<class>/*`` without splits.

    A split that has no folder of its own gets a tenth of each training class. The
    shorter side is resized to ``image_size``, then the centre is cut out. The result
    is kept in the cache and read again when any file has changed.

    Raises CourseError, naming the file, when the tree is empty, has one class, lacks
    a class in a split, holds a damaged or non-RGB image, or does not fit in memory.
    """
    if image_size < 8:
        raise CourseError(
            f"image size {image_size}", "at least 8 pixels", "Try --image-size 64."
        )
    tree = list_tree(path)
    count = sum(len(files) for split in tree.values() for files in split.values())
    check_memory(path, count, image_size)
    name = path.resolve().name
    file = f"folder-{name}-{image_size}px-{_listing_key(path, tree)}.safetensors"
    return cached(cache_folder() / file, lambda: decode_tree(path, tree, image_size))


def list_tree(path: Path) -> Tree:
    """Return the files of every class in every split, in a fixed order.

    Raises CourseError for an empty tree, a single class, a class missing in a split,
    or too few images for a split.
    """
    if not path.is_dir():
        raise CourseError(
            f"folder {path}", "a folder of images that exists", "Check the path."
        )
    given = {folder.name: folder for folder in _subfolders(path)}
    if "train" not in given:
        _refuse_splits_without_train(path, given)
        tree = {"train": _list_classes(path)}
    else:
        unknown = sorted(set(given) - set(SPLITS))
        if unknown:
            raise CourseError(
                f"folder {given[unknown[0]]}",
                "only train, val and test beside train",
                f"Rename or move {unknown[0]}.",
            )
        tree = {s: _list_classes(given[s]) for s in SPLITS if s in given}
    _check_classes(path, tree)
    return _fill_splits(path, tree)


def decode_tree(path: Path, tree: Tree, image_size: int) -> Dataset:
    """Decode every file of the tree into one Dataset."""
    classes = tuple(sorted(tree["train"]))
    splits = {}
    for split in SPLITS:
        files = [file for name in classes for file in tree[split][name]]
        sizes = [len(tree[split][name]) for name in classes]
        labels = torch.repeat_interleave(
            torch.arange(len(classes)), torch.tensor(sizes)
        )
        images = torch.empty(len(files), 3, image_size, image_size, dtype=torch.uint8)
        progress = tqdm(files, desc=f"{path.name}/{split}", unit="image", disable=None)
        for index, file in enumerate(progress):
            picture = open_rgb(file, str(file), at_least=image_size)
            images[index] = to_tensor(square(picture, image_size))
        splits[split] = ImageSet(images, labels)
    return assemble(f"folder:{path.resolve().name}", classes, splits, mirror=True)


def open_rgb(
    file: Path | BinaryIO, name: str, at_least: int | None = None
) -> Image.Image:
    """Decode one image, upright as its camera held it.

    ``at_least`` lets large JPEGs be decoded at a fraction of their size, never below
    twice that many pixels a side. Raises CourseError naming the image when it is
    damaged or not RGB.
    """
    try:
        with Image.open(file) as image:
            if image.mode != "RGB":
                raise CourseError(
                    f"image {name} of mode {image.mode}",
                    "mode RGB, three colours without transparency",
                    'Convert it in Python: Image.open(f).convert("RGB").save(f).',
                )
            if at_least is not None:
                image.draft("RGB", (2 * at_least, 2 * at_least))
            image.load()
            return ImageOps.exif_transpose(image)
    except UNREADABLE as problem:
        raise CourseError(
            f"image {name} ({problem})",
            "an image that can be decoded",
            "Replace or delete the file.",
        ) from problem


def square(image: Image.Image, size: int) -> Image.Image:
    """Resize the shorter side to ``size`` pixels and cut out the centre square."""
    return ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)


def to_tensor(image: Image.Image) -> Tensor:
    """Return an RGB image as uint8 (3, H, W)."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def check_memory(
    path: Path, count: int, image_size: int, available: int | None = None
) -> None:
    """Raise CourseError when ``count`` images will not fit in the free memory.

    ``available`` is in bytes; None asks the machine.
    """
    if available is None:
        available = psutil.virtual_memory().available
    needed = count * image_size**2 * BYTES_PER_PIXEL
    if needed > available:
        raise CourseError(
            f"{count:,} images of {image_size} px in {path}, {needed / 2**30:.1f} GiB",
            f"at most the {available / 2**30:.1f} GiB of memory that are free",
            "Choose a smaller --image-size or a part of the folder.",
        )


def _subfolders(path: Path) -> list[Path]:
    """List the folders in ``path`` by name, without hidden and system ones."""
    folders = (entry for entry in path.iterdir() if entry.is_dir())
    return sorted(f for f in folders if not f.name.startswith((".", "__")))


def _list_classes(path: Path) -> dict[str, list[Path]]:
    """Return the image files of each class folder, at any depth, by name."""
    classes = {}
    for folder in _subfolders(path):
        try:
            files = [file for file in folder.rglob("*") if file.is_file()]
        except OSError as error:
            raise CourseError(
                f"folder {folder} ({error.strerror})",
                "folders that can be read",
                "Mend its permissions, or name another folder.",
            ) from error
        classes[folder.name] = sorted(
            f for f in files if f.suffix.lower() in SUFFIXES and f.name[0] != "."
        )
    return classes


def _refuse_splits_without_train(path: Path, given: dict[str, Path]) -> None:
    for split in ("val", "test"):
        if split in given:
            raise CourseError(
                f"folder {path} with {split} but no train",
                "train beside it, or class folders only",
                f"Add {path / 'train'}.",
            )


def _check_classes(path: Path, tree: Tree) -> None:
    """Raise CourseError unless all splits show the same classes, two or more."""
    layout = "Put images into one subfolder a class, two classes or more."
    names = sorted(tree["train"])
    if not any(tree["train"].values()):
        raise CourseError(f"folder {path} without images", "class folders", layout)
    if len(names) < 2:
        raise CourseError(
            f"folder {path} with the one class {names[0]!r}", "at least 2", layout
        )
    for split, classes in tree.items():
        where = path if len(tree) == 1 else path / split
        for name in sorted(set(names) | set(classes)):
            if name not in tree["train"]:
                raise CourseError(
                    f"class {name!r} of {where}",
                    f"one of the {len(names)} classes of train",
                    f"Add {path / 'train' / name} or remove {where / name}.",
                )
            if not classes.get(name):
                raise CourseError(
                    f"class {name!r} without an image in {where}",
                    f"images of the same {len(names)} classes in every split",
                    f"Add images to {where / name} or remove the class.",
                )


def _fill_splits(path: Path, tree: Tree) -> Tree:
    """Give each absent split a tenth of every training class, at least one image.

    The files are ordered by a hash of their path: as good as shuffled, and the same
    on every machine.
    """
    absent = [split for split in SPLITS if split not in tree]
    filled = {split: dict(tree.get(split, {})) for split in SPLITS}
    for name, files in tree["train"].items():
        if len(files) <= len(absent):
            raise CourseError(
                f"class {name!r} of {path} with {len(files)} images",
                f"at least {len(absent) + 1}, to share among {', '.join(SPLITS)}",
                "Add images or remove the class.",
            )
        files = (
            sorted(files, key=lambda file: _path_hash(path, file)) if absent else files
        )
        share = max(1, len(files) // 10)
        for split in absent:
            filled[split][name], files = files[:share], files[share:]
        filled["train"][name] = files
    return filled


def _path_hash(path: Path, file: Path) -> bytes:
    return hashlib.sha256(file.relative_to(path).as_posix().encode()).digest()


def _listing_key(path: Path, tree: Tree) -> str:
    """Return a hash that changes when a file is added, removed or written again."""
    sha = hashlib.sha256()
    for split, classes in tree.items():
        for files in classes.values():
            for file in files:
                facts = file.stat()
                line = f"{split} {file.relative_to(path).as_posix()} "
                sha.update(f"{line}{facts.st_size} {facts.st_mtime_ns}\n".encode())
    return sha.hexdigest()[:12]
