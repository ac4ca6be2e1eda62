"""`signs`: traffic signs in street scenes, rendered from a seed, with mask and box.

The embedded data set of the course. It needs no download, and every image comes with
the pixels where its sign is, so that you can score where a network looks. Eighteen
classes differ in shape, paint and glyph; most share two of the three with another
class, and decoys wear the same colours. Rendering is integer arithmetic throughout:
the same images on every platform, at any size from 32 to 224 pixels.
"""

import numpy as np
import torch

from course_lib.data.image_set import ImageSet
from course_lib.data.sign_effects import add_blur, add_haze, add_light, add_noise
from course_lib.data.sign_plates import codes, paint_plates
from course_lib.data.sign_scenes import (
    paint_background,
    paint_clutter,
    paint_hider,
    paint_post,
    paint_trees,
    place_sign,
)
from course_lib.data.sign_shapes import FULL, SIGNS
from course_lib.errors import CourseError

Array = np.ndarray

CLASSES: tuple[str, ...] = tuple(SIGNS)
SIGN_CODES = codes(tuple(SIGNS.values()))

SPLIT_SEEDS = {"train": 0, "val": 1 << 30, "test": 2 << 30}  # first seed of each split
SPLIT_LENGTH = 1 << 30  # images in a split at most: no seed is in two splits
SIZES = (32, 224)  # smallest and largest side, pixels
CHUNK_PIXELS = 1 << 18  # pixels rendered at a time: small enough for the cache


def render(split: str, count: int, size: int, start: int = 0) -> ImageSet:
    """Render images `start` to `start + count - 1` of a split.

    Image i of a split is the same whatever `start` and `count` are, and shows the same
    scene at every size. Its label is i modulo the number of classes, so any run of
    images is balanced to within one.

    split: "train", "val" or "test"; their seeds are disjoint. count: at least 1.
    size: height and width in pixels, 32 to 224.
    Returns an `ImageSet` with images (N, 3, size, size), labels (N,), masks of the
    visible sign (N, size, size) and boxes around the masks (N, 4).
    Raises CourseError for an unknown split and for a number out of range.
    """
    check_arguments(split, count, size, start)
    images = np.empty((count, 3, size, size), np.uint8)
    masks = np.empty((count, size, size), bool)
    numbers = np.arange(start, start + count, dtype=np.int64)  # (N,)
    seeds = (numbers + SPLIT_SEEDS[split]).astype(np.uint32)
    labels = numbers % len(CLASSES)
    step = max(1, CHUNK_PIXELS // size**2)
    for first in range(0, count, step):
        chunk = slice(first, first + step)
        images[chunk], masks[chunk] = render_scenes(seeds[chunk], labels[chunk], size)
    return ImageSet(
        images=torch.from_numpy(images),
        labels=torch.from_numpy(labels),
        masks=torch.from_numpy(masks),
        boxes=torch.from_numpy(boxes_around(masks)),
    )


def check_arguments(split: str, count: int, size: int, start: int) -> None:
    """Raise CourseError unless `render` can render this."""
    if split not in SPLIT_SEEDS:
        expected = "one of " + ", ".join(SPLIT_SEEDS)
        raise CourseError(f"split {split!r}", expected, 'Try split "train".')
    if not SIZES[0] <= size <= SIZES[1]:
        expected = f"{SIZES[0]} to {SIZES[1]} pixels"
        raise CourseError(f"image size {size}", expected, "Try size 32 or 64.")
    if count < 1:
        raise CourseError(f"count {count}", "at least 1 image", "Try count 1000.")
    if start < 0 or start + count > SPLIT_LENGTH:
        expected = f"images 0 to {SPLIT_LENGTH - 1}"
        raise CourseError(f"start {start}, count {count}", expected, "Try start 0.")


def render_scenes(seeds: Array, labels: Array, size: int) -> tuple[Array, Array]:
    """Render one scene for each seed: the whole recipe, step by step.

    seeds: uint32 (N,). labels: (N,). Returns images uint8 (N, 3, H, W) and the masks of
    the visible signs, bool (N, H, W).
    """
    sign = place_sign(seeds)
    images = paint_background(seeds, size)  # int16 (N, 3, H, W)
    paint_trees(images, seeds)
    paint_clutter(images, seeds, sign)
    paint_post(images, seeds, "sign", sign)
    plate = paint_plates(images, seeds, "sign", SIGN_CODES[labels], sign)  # (N, H, W)
    hider = paint_hider(images, seeds, sign)  # (N, H, W)
    add_light(images, seeds)
    add_haze(images, seeds)
    add_blur(images, seeds)
    add_noise(images, seeds)
    visible = (plate >= FULL // 2) & (hider < FULL // 2)
    return images.astype(np.uint8), visible


def boxes_around(masks: Array) -> Array:
    """The tightest box around each mask.

    masks: bool (N, H, W), at least one True in each. Returns int64 (N, 4): x0, y0, x1,
    y1, upper bounds exclusive.
    """
    size = masks.shape[-1]
    columns, rows = masks.any(axis=1), masks.any(axis=2)  # (N, W), (N, H)
    x0, y0 = columns.argmax(axis=1), rows.argmax(axis=1)
    x1 = size - columns[:, ::-1].argmax(axis=1)
    y1 = size - rows[:, ::-1].argmax(axis=1)
    return np.stack([x0, y0, x1, y1], axis=1).astype(np.int64)
