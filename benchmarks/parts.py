"""Carry CIFAR-100 to a machine without internet, in parts of a size you choose.

    python benchmarks/parts.py pack PARTS    # here: PARTS/cifar100.001-of-003 ...
    python benchmarks/parts.py join PARTS    # there, once all parts arrived

The 176 MiB of pixels become 125 MiB without losing a bit: each pixel is predicted from
its left, upper and upper-left neighbours (the median predictor of LOCO-I, Weinberger
et al. 2000), for all images at once; the differences are near 0, and xz packs them.
`join` checks the data set's digest and puts it where the course looks for it.
"""

import argparse
import json
import lzma
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a plain checkout

from course_lib.data.assemble import content_digest, splits_of
from course_lib.data.cache import keep
from course_lib.data.cifar100 import cifar100_file, load_cifar100
from course_lib.data.image_set import Dataset, ImageSet
from course_lib.errors import CourseError

NAME = "cifar100"
SPLITS = ("train", "val", "test")


def predict(images: np.ndarray, row: int, column: int) -> np.ndarray:
    """Each image's guess at a pixel from those before it: uint8 (N, 3, H, W) -> (N, 3).

    The median of left, upper and left + upper - upper-left.
    """
    if row == 0 and column == 0:
        return np.full(images.shape[:2], 128, np.int16)
    if row == 0:
        return images[:, :, 0, column - 1].astype(np.int16)
    if column == 0:
        return images[:, :, row - 1, 0].astype(np.int16)
    left = images[:, :, row, column - 1].astype(np.int16)
    upper = images[:, :, row - 1, column].astype(np.int16)
    corner = images[:, :, row - 1, column - 1].astype(np.int16)
    low, high = np.minimum(left, upper), np.maximum(left, upper)
    return np.clip(left + upper - corner, low, high)


def to_differences(images: np.ndarray) -> np.ndarray:
    """Pixel minus guess, modulo 256; the same shape and type (N, 3, H, W), uint8."""
    differences = np.empty_like(images)
    for row in range(images.shape[2]):
        for column in range(images.shape[3]):
            guess = predict(images, row, column).astype(np.uint8)
            differences[:, :, row, column] = images[:, :, row, column] - guess
    return differences


def from_differences(differences: np.ndarray) -> np.ndarray:
    """The inverse of `to_differences`."""
    images = np.empty_like(differences)
    for row in range(images.shape[2]):
        for column in range(images.shape[3]):
            guess = predict(images, row, column).astype(np.uint8)
            images[:, :, row, column] = differences[:, :, row, column] + guess
    return images


def encode(dataset: Dataset) -> bytes:
    """A data set as one stream: a line of facts, then differences and labels."""
    shapes = {split: list(getattr(dataset, split).images.shape) for split in SPLITS}
    facts = {
        "name": dataset.name,
        "classes": dataset.classes,
        "mean": dataset.mean,
        "std": dataset.std,
        "mirror": dataset.mirror,
        "digest": dataset.digest,
        "shapes": shapes,
    }
    pieces = [json.dumps(facts).encode() + b"\n"]
    for split in SPLITS:
        images = getattr(dataset, split).images.numpy()
        pieces.append(to_differences(images).tobytes())
    for split in SPLITS:
        pieces.append(getattr(dataset, split).labels.numpy().astype("<i8").tobytes())
    return b"".join(pieces)


def decode(stream: bytes) -> Dataset:
    """The inverse of `encode`."""
    line, _, rest = stream.partition(b"\n")
    facts = json.loads(line)
    images, labels, place = {}, {}, 0
    for split, shape in facts["shapes"].items():
        size = int(np.prod(shape))
        packed = np.frombuffer(rest, np.uint8, size, place).reshape(shape)
        images[split] = torch.from_numpy(from_differences(packed))
        place += size
    for split, (count, *_) in facts["shapes"].items():
        numbers = np.frombuffer(rest, "<i8", count, place).astype(np.int64)
        labels[split], place = torch.from_numpy(numbers), place + 8 * count
    return Dataset(
        name=facts["name"],
        classes=tuple(facts["classes"]),
        **{split: ImageSet(images[split], labels[split]) for split in SPLITS},
        mean=tuple(facts["mean"]),
        std=tuple(facts["std"]),
        mirror=facts["mirror"],
        digest=facts["digest"],
    )


def write_parts(packed: bytes, folder: Path, part_mb: float) -> list[Path]:
    """Cut the bytes into files of at most `part_mb` MiB, numbered k of n."""
    size = int(part_mb * 2**20)
    if size < 1:
        raise CourseError(f"--mb {part_mb}", "more than 0", "Try --mb 45.")
    pieces = [packed[at : at + size] for at in range(0, len(packed), size)]
    folder.mkdir(parents=True, exist_ok=True)
    paths = [
        folder / f"{NAME}.{number:03}-of-{len(pieces):03}"
        for number in range(1, len(pieces) + 1)
    ]
    for path, piece in zip(paths, pieces, strict=True):
        path.write_bytes(piece)
    return paths


def read_parts(folder: Path) -> bytes:
    """All parts in order. Raises CourseError when one is missing."""
    paths = sorted(folder.glob(f"{NAME}.*-of-*"))
    if not paths:
        raise CourseError(
            f"no parts in {folder}", f"files {NAME}.001-of-...", "Check the folder."
        )
    count = int(paths[-1].name[-3:])
    wanted = [f"{NAME}.{number:03}-of-{count:03}" for number in range(1, count + 1)]
    missing = [name for name in wanted if not (folder / name).exists()]
    if missing:
        raise CourseError(
            f"{missing[0]} is not in {folder}", f"all {count} parts", "Bring it first."
        )
    return b"".join((folder / name).read_bytes() for name in wanted)


def join(folder: Path) -> Dataset:
    """Unpack, check and keep the data set. Raises CourseError for damaged parts."""
    try:
        dataset = decode(lzma.decompress(read_parts(folder)))
    except (lzma.LZMAError, ValueError, KeyError) as error:
        raise CourseError(
            f"the parts in {folder} do not unpack ({error})",
            "parts of one packing, whole",
            "Pack and bring them again.",
        ) from error
    found = content_digest(splits_of(dataset))
    if found != dataset.digest:
        raise CourseError(
            f"the parts in {folder} give digest {found}", dataset.digest, "Pack again."
        )
    keep(cifar100_file(), dataset)
    return dataset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["pack", "join"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--mb", type=float, default=45, help="MiB of a part at most")
    parser.add_argument("--preset", type=int, default=3, help="of xz; 6 is slower")
    options = parser.parse_args()
    try:
        if options.action == "join":
            print(f"{NAME} is here, digest {join(options.folder).digest}.")
            return
        packed = lzma.compress(encode(load_cifar100()), preset=options.preset)
        for path in write_parts(packed, options.folder, options.mb):
            print(f"{path}: {path.stat().st_size / 2**20:.1f} MiB")
    except CourseError as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
