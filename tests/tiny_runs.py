"""The smallest training there is: stripes that run along rows or columns."""

import dataclasses

import torch

from course_lib.data.image_set import Dataset, ImageSet
from course_lib.runs import Run

RUN = Run(
    data="stripes",
    image_size=16,
    train_images=None,
    val_images=None,
    test_images=None,
    model="plain",
    placement="branch",
    stages="1234",
    reduction=4,
    stem="stride2",
    width=4,
    recipe="modern",
    epochs=3,
    batch=16,
    lr=0.1,
    precision="fp32",
    seed=5,
)


def stripes(count: int, seed: int) -> ImageSet:
    """Rows or columns of random colour: two classes, told apart by direction only."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 2
    lines = torch.randint(0, 256, (count, 3, 16, 1), generator=generator)
    rows = lines.expand(count, 3, 16, 16)
    images = torch.where(labels.view(-1, 1, 1, 1) == 0, rows, rows.mT)
    return ImageSet(images.to(torch.uint8).contiguous(), labels)


def stripes_dataset(train: int) -> Dataset:
    """A data set of stripes with `train` training images."""
    half = (0.5, 0.5, 0.5)
    splits = stripes(train, 1), stripes(32, 2), stripes(40, 3)
    return Dataset("stripes", ("rows", "columns"), *splits, half, half, True, "0" * 12)


def changed(**changes) -> Run:
    """RUN with some fields changed."""
    return dataclasses.replace(RUN, **changes)
