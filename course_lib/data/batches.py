"""Batches made where the images live: crop, flip and cutout for a whole batch at once.

A DataLoader decodes and transforms one image after another in Python. Here the whole
split lies on the device as one tensor, and a batch is one indexing operation: for
every pixel of every image we compute from which pixel it comes. Crop and flip are
nothing but a choice of source pixels, so they cost no pass of their own.

Two tricks make it fast. Red, green, blue and an unused byte are packed into one
32-bit integer, so a pixel is fetched at once, not colour by colour. And the random
numbers of a whole epoch are drawn on the CPU and sent over together, so CPU and GPU
see the same augmentation and no step waits for the device.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from course_lib.data.image_set import ImageSet
from course_lib.errors import CourseError


@dataclass(frozen=True)
class Augment:
    """Random changes to training images, drawn anew for each image and epoch.

    crop: the image is padded by its reflection, by this many pixels on each side, and
        a window of the original size is cut out anywhere; 0 for none.
    mirror: half of the images are flipped left to right. Wrong where arrows matter.
    cutout: a square of this side, centred anywhere in the image and clipped at its
        border, is filled with the mean colour (0 after normalisation); 0 for none.
        Source: DeVries and Taylor, arXiv:1708.04552.
    """

    crop: int = 4
    mirror: bool = True
    cutout: int = 8


@dataclass(frozen=True)
class Draws:
    """The random numbers of one epoch, one entry for each image in it."""

    order: Tensor  # int64 (N,): which image
    top: Tensor  # int64 (N,): first row of the crop in the padded image
    left: Tensor  # int64 (N,): first column of the crop in the padded image
    flipped: Tensor  # int64 (N,): 1 if flipped left to right, else 0
    hole_y: Tensor  # int64 (N,): centre row of the cutout
    hole_x: Tensor  # int64 (N,): centre column of the cutout


class Batches:
    """All batches of one split, normalised, for as many epochs as you ask.

    image_set: the split. It is copied to ``device`` once, 4 bytes a pixel.
    mean, std: of each colour in 0..1 units; x = (image / 255 - mean) / std.
    augment: an `Augment` for training: shuffled, augmented, the last partial batch
        dropped. None for evaluation: in order, unchanged, nothing dropped.
    seed: 0 or more; batches depend on (seed, epoch) only, so a resumed run goes on
        with the batches it would have seen.
    shard: (rank, ranks) of a process that shares the work: it gets each ranks-th image
        of every training batch, and each ranks-th image of an evaluation.

    Raises CourseError for a batch size below 1 or larger than a training set, and for
    a crop or cutout that does not fit the image.
    """

    def __init__(
        self,
        image_set: ImageSet,
        batch_size: int,
        *,
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
        seed: int,
        augment: Augment | None,
        device: torch.device | str = "cpu",
        shard: tuple[int, int] = (0, 1),
    ) -> None:
        count, _, height, width = image_set.images.shape
        _check(count, height, width, batch_size, augment)
        self.batch_size = batch_size
        self.seed = seed
        self.augment = augment
        self.rank, self.ranks = shard
        self.device = torch.device(device)
        self.height, self.width = height, width
        self.pixels = pack(image_set.images).to(self.device)  # int32 (N, H * W)
        self.labels = image_set.labels.to(self.device)  # int64 (N,)
        # (x / 255 - mean) / std = x * scale + shift, repeated for a row of pixels
        mean, std = torch.tensor(mean), torch.tensor(std)  # (3,), (3,)
        self.scale = (1 / (255 * std)).repeat(width).to(self.device)  # (W * 3,)
        self.shift = (-mean / std).repeat(width).to(self.device)  # (W * 3,)
        if augment is not None:
            self.source_row = reflect(height, augment.crop).to(self.device)
            self.source_column = reflect(width, augment.crop).to(self.device)

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        if self.augment is None:
            own = len(range(self.rank, len(self.labels), self.ranks))
            return -(-own // self.batch_size)  # rounded up
        return len(self.labels) // self.batch_size

    def epoch(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the batches of one epoch: x, y.

        x: float32 (N, 3, H, W) in channels_last; y: int64 (N,), both on the device.
        """
        if self.augment is None:
            stride = self.batch_size * self.ranks
            for first in range(self.rank, len(self.labels), stride):
                batch = slice(first, first + stride, self.ranks)
                yield self._normalise(self.pixels[batch]), self.labels[batch]
            return
        draws = self.draw(epoch)
        numbers = torch.stack([getattr(draws, part.name) for part in fields(draws)])
        numbers = numbers.to(self.device)  # int64 (6, N): one transfer an epoch
        for step in range(len(self)):
            first, end = step * self.batch_size, (step + 1) * self.batch_size
            batch = slice(first + self.rank, end, self.ranks)
            yield self._augmented(Draws(*numbers[:, batch]))

    def draw(self, epoch: int) -> Draws:
        """Draw the order and the augmentation of one epoch, on the CPU.

        All numbers are drawn whether used or not: switching one part of the
        augmentation off leaves the others as they were.
        """
        # SeedSequence mixes both numbers: seed 1 epoch 2 is not seed 2 epoch 1.
        mixed = np.random.SeedSequence((self.seed, epoch)).generate_state(1)[0]
        generator = torch.Generator().manual_seed(int(mixed))
        count, crop = len(self.labels), self.augment.crop

        def below(end: int) -> Tensor:
            return torch.randint(0, end, (count,), generator=generator)

        return Draws(
            order=torch.randperm(count, generator=generator),
            top=below(2 * crop + 1),
            left=below(2 * crop + 1),
            flipped=below(2) * self.augment.mirror,
            hole_y=below(self.height),
            hole_x=below(self.width),
        )

    def _augmented(self, draws: Draws) -> tuple[Tensor, Tensor]:
        """Return one batch, given its random numbers."""
        # From which row and column of the original does each output pixel come?
        row = torch.arange(self.height, device=self.device)  # (H,)
        column = torch.arange(self.width, device=self.device)  # (W,)
        rows = self.source_row[draws.top[:, None] + row]  # (N, H)
        flipped = draws.flipped[:, None].bool()  # (N, 1)
        column = torch.where(flipped, self.width - 1 - column, column)  # (N, W)
        columns = self.source_column[draws.left[:, None] + column]  # (N, W)
        source = rows[:, :, None] * self.width + columns[:, None, :]  # (N, H, W)
        pixels = self.pixels[draws.order]  # int32 (N, H * W)
        pixels = pixels.gather(1, source.flatten(1))  # int32 (N, H * W)
        x = self._normalise(pixels)  # (N, 3, H, W)
        if self.augment.cutout > 0:
            self._cut_out(x, draws)
        return x, self.labels[draws.order]

    def _normalise(self, pixels: Tensor) -> Tensor:
        """Unpack and normalise: int32 (N, H * W) to float32 (N, 3, H, W)."""
        count, height, width = len(pixels), self.height, self.width
        unpacked = pixels.view(torch.uint8).view(count, height, width, 4)
        x = torch.empty(count, height, width, 3, device=self.device)
        x.copy_(unpacked[..., :3])  # (N, H, W, 3): channels_last in memory
        x.view(count, height, width * 3).mul_(self.scale).add_(self.shift)
        return x.permute(0, 3, 1, 2)  # (N, 3, H, W)

    def _cut_out(self, x: Tensor, draws: Draws) -> None:
        """Set a square around each hole to 0, in place. x: (N, 3, H, W).

        A row outside the image is moved to the border: as the centre lies inside,
        the border row belongs to the square anyway. Columns likewise.
        """
        side = torch.arange(self.augment.cutout, device=self.device)
        side = side - self.augment.cutout // 2  # (cutout,)
        rows = (draws.hole_y[:, None] + side).clamp(0, self.height - 1)  # (N, cutout)
        columns = (draws.hole_x[:, None] + side).clamp(0, self.width - 1)
        image = torch.arange(len(x), device=self.device)  # (N,)
        first = image[:, None, None] * self.height  # rows of the images before
        holes = (first + rows[:, :, None]) * self.width + columns[:, None, :]
        pixels = x.permute(0, 2, 3, 1).view(-1, 3)  # (N * H * W, 3): the same memory
        pixels.index_fill_(0, holes.flatten(), 0.0)


def pack(images: Tensor) -> Tensor:
    """Pack red, green, blue and a zero into one integer a pixel.

    images: uint8 (N, 3, H, W). Returns int32 (N, H * W).
    """
    count, _, height, width = images.shape
    packed = torch.zeros(count, height, width, 4, dtype=torch.uint8)
    packed[..., :3] = images.permute(0, 2, 3, 1)  # (N, H, W, 3)
    return packed.view(torch.int32).view(count, height * width)


def reflect(size: int, padding: int) -> Tensor:
    """Return the source index of each position of a padded line: (size + 2 padding,).

    The border pixel is not repeated: padding 2 of 0 1 2 3 is 2 1 0 1 2 3 2 1.
    """
    position = torch.arange(-padding, size + padding).abs()
    last = size - 1
    return last - (last - position).abs()


def _check(
    count: int, height: int, width: int, batch_size: int, augment: Augment | None
) -> None:
    """Raise CourseError unless batches of this kind can be made."""
    if batch_size < 1:
        raise CourseError(f"batch size {batch_size}", "at least 1", "Try --batch 64.")
    if augment is None:
        return
    if batch_size > count:
        fitting = 1 << (count.bit_length() - 1)  # the largest power of two
        raise CourseError(
            f"batch size {batch_size}",
            f"at most {count}, the number of training images",
            f"Try --batch {fitting}.",
        )
    side = min(height, width)
    if not 0 <= augment.crop < side:
        raise CourseError(
            f"crop {augment.crop} of images of {height} x {width} pixels",
            f"0 to {side - 1} pixels of padding",
            f"Try crop {side // 8}.",
        )
    if not 0 <= augment.cutout <= side:
        raise CourseError(
            f"cutout {augment.cutout} of images of {height} x {width} pixels",
            f"a square of 0 to {side} pixels",
            f"Try cutout {side // 4}.",
        )
