"""One file per prepared data set: written whole or not at all, checked when read."""

import json
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from course_lib.data.assemble import splits_of
from course_lib.data.image_set import Dataset, ImageSet
from course_lib.errors import CourseError

CHECKOUT = Path(__file__).resolve().parents[2]
FORMAT = "1"  # of the cache files; raise it when their layout changes
PARTS = ("images", "labels", "masks", "boxes")


def cache_folder() -> Path:
    """Return the folder for prepared data: COURSE_CACHE, or data/cache here."""
    named = os.environ.get("COURSE_CACHE")
    return Path(named).expanduser() if named else CHECKOUT / "data" / "cache"


def cached(path: Path, make: Callable[[], Dataset]) -> Dataset:
    """Return the data set kept at ``path``; make and keep it if it is not there.

    A damaged file is made again. Of several processes that ask at once, one makes
    the file and the others wait for it.
    """
    ready = read_dataset(path)
    if ready is not None:
        return ready
    with _lock(path):
        ready = read_dataset(path)  # another process may have made it meanwhile
        if ready is None:
            ready = make()
            _write(path, ready)
    return ready


def keep(path: Path, dataset: Dataset) -> None:
    """Write the data set to ``path``, replacing what was there in one step.

    A process killed half-way leaves the old file, or none. Raises CourseError when
    the folder cannot be written or the disk is full.
    """
    with _lock(path):
        _write(path, dataset)


def read_dataset(path: Path) -> Dataset | None:
    """Read the data set at ``path``; None if absent, damaged or of another format."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                return None
            facts = json.loads(metadata["facts"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError, KeyError):
        return None
    if _checksum(tensors) != facts["checksum"]:
        return None
    splits = {
        split: ImageSet(*(tensors.get(f"{split}.{part}") for part in PARTS))
        for split in ("train", "val", "test")
    }
    return Dataset(
        name=facts["name"],
        classes=tuple(facts["classes"]),
        **splits,
        mean=tuple(facts["mean"]),
        std=tuple(facts["std"]),
        mirror=facts["mirror"],
        digest=facts["digest"],
    )


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Let one process at a time write ``path``."""
    lock = FileLock(path.with_name(path.name + ".lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as problem:
        raise _not_written(path, problem) from problem
    try:
        yield
    finally:
        lock.release()


def _write(path: Path, dataset: Dataset) -> None:
    """Write beside ``path`` first, then rename: no reader ever sees half a file."""
    tensors = _tensors(dataset)
    facts = {
        "name": dataset.name,
        "classes": dataset.classes,
        "mean": dataset.mean,
        "std": dataset.std,
        "mirror": dataset.mirror,
        "digest": dataset.digest,
        "checksum": _checksum(tensors),
    }
    metadata = {"format": FORMAT, "facts": json.dumps(facts)}
    part = path.with_name(path.name + ".part")
    try:
        save_file(tensors, part, metadata)
        part.chmod(0o644)  # safetensors lets only you read it; a class shares a cache
        os.replace(part, path)
    except (OSError, SafetensorError) as problem:
        with suppress(OSError):
            part.unlink()
        raise _not_written(path, problem) from problem


def _not_written(path: Path, problem: Exception) -> CourseError:
    return CourseError(
        f"cache folder {path.parent} ({problem})",
        "a folder that can be written, with room for the images",
        "Set the environment variable COURSE_CACHE to another folder.",
    )


def _tensors(dataset: Dataset) -> dict[str, Tensor]:
    """Name every tensor of the data set, as in "train.images"."""
    return {
        f"{split}.{part}": getattr(image_set, part).contiguous()
        for split, image_set in splits_of(dataset).items()
        for part in PARTS
        if getattr(image_set, part) is not None
    }


def _checksum(tensors: dict[str, Tensor]) -> int:
    """Return a CRC-32 over all tensors: it finds damage, it does not stop forgery."""
    crc = 0
    for name in sorted(tensors):
        crc = zlib.crc32(tensors[name].numpy(), zlib.crc32(name.encode(), crc))
    return crc
