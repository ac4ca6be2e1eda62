"""From three splits to a Dataset: balanced limits, pixel statistics and the digest."""

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from course_lib.data.image_set import Dataset, ImageSet
from course_lib.errors import CourseError

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Limits:
    """How many images of each split to use; None takes all of them."""

    train: int | None = None
    val: int | None = None
    test: int | None = None

    def __post_init__(self) -> None:
        for split in SPLITS:
            limit = getattr(self, split)
            if limit is not None and limit < 1:
                raise CourseError(
                    f"limit of {limit} {split} images",
                    "at least 1",
                    "Leave the limit out to use the whole split.",
                )


def assemble(
    name: str, classes: tuple[str, ...], splits: dict[str, ImageSet], mirror: bool
) -> Dataset:
    """Put three splits together with their statistics and digest.

    ``splits`` has the keys train, val and test.
    """
    mean, std = pixel_statistics(splits["train"].images)
    digest = content_digest(splits)
    return Dataset(
        name, classes, **splits, mean=mean, std=std, mirror=mirror, digest=digest
    )


def splits_of(dataset: Dataset) -> dict[str, ImageSet]:
    """Return the three splits by name, in the order train, val, test."""
    return {"train": dataset.train, "val": dataset.val, "test": dataset.test}


def content_digest(splits: dict[str, ImageSet]) -> str:
    """Return the first 12 hex digits of a sha256 over all images and labels.

    Order counts: two data sets have one digest only if every split holds the same
    images with the same labels in the same order.
    """
    sha = hashlib.sha256()
    for split in SPLITS:
        images, labels = splits[split].images, splits[split].labels
        sha.update(f"{split} {tuple(images.shape)}".encode())
        sha.update(images.contiguous().numpy())
        sha.update(labels.numpy().astype("<i8"))  # the same bytes on every machine
    return sha.hexdigest()[:12]


def pixel_statistics(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each colour, in 0..1 units.

    A pixel takes one of 256 values, so counting them gives both exactly, without a
    float copy of the images. ``images`` is uint8 (N, 3, H, W). A standard deviation
    below one grey level is raised to it, so that dividing by it stays harmless.
    """
    values = torch.arange(256, dtype=torch.float64) / 255  # (256,)
    means, stds = [], []
    for colour in range(3):
        counts = torch.bincount(images[:, colour].flatten(), minlength=256)  # (256,)
        share = counts / counts.sum(dtype=torch.float64)  # (256,)
        mean = (share * values).sum()
        variance = (share * (values - mean) ** 2).sum()
        means.append(mean.item())
        stds.append(max(variance.sqrt().item(), 1 / 255))
    return tuple(means), tuple(stds)


def limit_dataset(dataset: Dataset, limits: Limits | None) -> Dataset:
    """Return the data set with at most ``limits`` images a split.

    The images are balanced over the classes and the same on every machine. Mean, std
    and digest are those of the images kept. A limit larger than its split takes all.

    Raises CourseError when a training limit leaves a class without an image.
    """
    if limits is None:
        return dataset
    splits = splits_of(dataset)
    kept = {}
    for split, image_set in splits.items():
        limit = getattr(limits, split)
        if limit is not None and limit < len(image_set.labels):
            image_set = take(image_set, balanced_indices(image_set.labels, limit))
        kept[split] = image_set
    if all(kept[split] is splits[split] for split in SPLITS):
        return dataset
    if len(kept["train"].labels) < len(dataset.classes):
        raise CourseError(
            f"limit of {limits.train} training images",
            f"at least {len(dataset.classes)}, one of each class of {dataset.name}",
            "Raise the limit or leave it out.",
        )
    return assemble(dataset.name, dataset.classes, kept, dataset.mirror)


def balanced_indices(labels: Tensor, count: int) -> Tensor:
    """Pick ``count`` positions, as evenly over the classes as the data allows.

    Each class is shuffled with a fixed seed; then the first image of every class is
    taken, then the second, and so on. A smaller count is a subset of a larger one.
    NumPy's RandomState keeps its stream for ever, so every machine picks the same.

    labels: int64 (N,). Returns int64 (count,), ascending.
    """
    shuffled = np.random.RandomState(0).permutation(len(labels))  # (N,)
    shuffled = torch.from_numpy(shuffled).long()
    turn = torch.empty_like(shuffled)  # (N,): how many of its class come before
    for label in labels.unique():
        members = shuffled[labels[shuffled] == label]  # (images of this class,)
        turn[members] = torch.arange(len(members))
    order = torch.argsort(turn * (labels.max() + 1) + labels)  # (N,)
    return order[:count].sort().values


def take(image_set: ImageSet, indices: Tensor) -> ImageSet:
    """Return the images at ``indices`` (int64) with their labels, masks and boxes."""
    masks, boxes = image_set.masks, image_set.boxes
    return replace(
        image_set,
        images=image_set.images[indices],
        labels=image_set.labels[indices],
        masks=None if masks is None else masks[indices],
        boxes=None if boxes is None else boxes[indices],
    )
