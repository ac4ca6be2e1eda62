"""Folders of images that do not fit in memory, such as ImageNet: read as they come.

A standard PyTorch DataLoader decodes the images in processes of its own; a standard
DistributedSampler says which process of a training reads which of them. An epoch's
order and augmentation depend on (seed, epoch) alone, so neither the number of
processes nor that of the decoders changes what is trained on.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import torch
from torch import Tensor
from torch.utils.data import DataLoader, DistributedSampler
from torch.utils.data import Dataset as TorchDataset
from torchvision import transforms

from course_lib.data.assemble import SPLITS
from course_lib.data.folder import BYTES_PER_PIXEL, list_tree, open_rgb, to_tensor
from course_lib.errors import CourseError

# Of ImageNet's training images in 0..1 units, as torchvision's published weights use.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SHARE_OF_MEMORY = 0.5  # of what is free; more images than fit in it are streamed


class Photos(TorchDataset):
    """One split: photo n is decoded, cut to a square and handed on as uint8.

    labels: int64 (N,). In training, crop and flip are drawn anew for each (seed,
    epoch, n); otherwise the centre is cut out.
    """

    def __init__(self, files: Sequence[Path], labels: Tensor, image_size: int) -> None:
        self.files, self.labels, self.image_size = files, labels, image_size
        self.seed: int | None = None  # set by `train_with`
        self.epoch = 0
        self.change = transforms.Compose(
            [
                transforms.Resize(round(image_size * 256 / 224)),
                transforms.CenterCrop(image_size),
            ]
        )

    def train_with(self, seed: int) -> None:
        """From now on with random crops and flips, drawn from this seed."""
        self.seed = seed
        self.change = transforms.Compose(
            [
                transforms.RandomResizedCrop(self.image_size),
                transforms.RandomHorizontalFlip(),
            ]
        )

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, n: int) -> tuple[Tensor, Tensor] | CourseError:
        """Photo n as uint8 (3, H, W) and its label; an error is handed on, not raised.

        Raised in a decoder process, it would come out as a page of text.
        """
        try:
            picture = open_rgb(self.files[n], str(self.files[n]))
        except CourseError as error:
            return error
        if self.seed is None:
            return to_tensor(self.change(picture)), self.labels[n]
        with torch.random.fork_rng(devices=[]):
            mixed = np.random.SeedSequence((self.seed, self.epoch, n)).generate_state(1)
            torch.manual_seed(int(mixed[0]))
            return to_tensor(self.change(picture)), self.labels[n]


@dataclass(frozen=True)
class StreamedFolder:
    """A folder of images, listed and checked but not read. As Dataset, without pixels.

    name: says "(streamed)", as crops, flips and colours differ from those in memory.
    digest: of the names of all files; their content is not looked at.
    loaders: decoder processes for each training process; 0 decodes in that process.
    """

    name: str
    classes: tuple[str, ...]
    train: Photos
    val: Photos
    test: Photos
    digest: str
    loaders: int


class StreamedBatches:
    """Batches of one split, decoded on the way; otherwise like `Batches`.

    indices: which images and in which order, a DistributedSampler in training.
    """

    def __init__(
        self,
        photos: Photos,
        batch_size: int,
        indices: DistributedSampler | range,
        device: torch.device,
        loaders: int,
    ) -> None:
        self.photos, self.labels = photos, photos.labels
        self.indices, self.device = indices, device
        self.scale = torch.tensor(STD, device=device).view(1, 3, 1, 1) * 255
        self.shift = torch.tensor(MEAN, device=device).view(1, 3, 1, 1) * 255
        self.loader = DataLoader(
            photos,
            batch_size,
            sampler=indices,
            num_workers=loaders,
            collate_fn=collate,
            pin_memory=device.type == "cuda",
            drop_last=isinstance(indices, DistributedSampler),
        )

    def __len__(self) -> int:
        """Batches in an epoch."""
        return len(self.loader)

    def epoch(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield x float32 (N, 3, H, W) in channels_last and y int64 (N,)."""
        self.photos.epoch = epoch
        if isinstance(self.indices, DistributedSampler):
            self.indices.set_epoch(epoch)
        for batch in self.loader:
            if isinstance(batch, CourseError):
                raise batch
            x, y = (part.to(self.device, non_blocking=True) for part in batch)
            x = (x.float() - self.shift) / self.scale  # (N, 3, H, W)
            yield x.contiguous(memory_format=torch.channels_last), y


def stream_folder(path: Path, image_size: int, loaders: int = 0) -> StreamedFolder:
    """List a folder of images for streaming; layouts as for `load_folder`.

    Raises CourseError for an empty tree, one class, a class that a split lacks.
    """
    tree = list_tree(path)
    classes = tuple(sorted(tree["train"]))
    splits, sha = {}, hashlib.sha256(b"streamed")
    for split in SPLITS:
        files = [file for name in classes for file in tree[split][name]]
        counts = torch.tensor([len(tree[split][name]) for name in classes])
        labels = torch.repeat_interleave(torch.arange(len(classes)), counts)
        splits[split] = Photos(files, labels, image_size)
        for file in files:
            sha.update(f"{split} {file.relative_to(path).as_posix()}\n".encode())
    name = f"folder:{path.resolve().name} (streamed)"
    return StreamedFolder(
        name, classes, **splits, digest=sha.hexdigest()[:12], loaders=loaders
    )


def streamed_batches(
    folder: StreamedFolder,
    batch: int,
    seed: int,
    device: torch.device,
    shard: tuple[int, int] = (0, 1),
) -> dict[str, StreamedBatches]:
    """The three splits.

    shard: (rank, ranks) of a process that shares each batch and each evaluation with
        others.
    Raises CourseError when the batch cannot be shared evenly or exceeds the images.
    """
    rank, ranks = shard
    count = len(folder.train)
    if batch % ranks or batch > count:
        raise CourseError(
            f"--batch {batch} for {ranks} processes and {count:,} images",
            f"a multiple of {ranks}, at most {count:,}",
            f"Try --batch {max(1, min(batch, count) // ranks) * ranks}.",
        )
    share = batch // ranks
    folder.train.train_with(seed)
    # The sampler adds seed and epoch up: seeds far apart never share an order.
    sampler = DistributedSampler(
        folder.train, ranks, rank, seed=seed * 1_000_003, drop_last=True
    )

    def batches(photos: Photos, indices: DistributedSampler | range) -> StreamedBatches:
        return StreamedBatches(photos, share, indices, device, folder.loaders)

    def own(photos: Photos) -> range:
        return range(rank, len(photos), ranks)  # nothing padded or dropped

    return {
        "train": batches(folder.train, sampler),
        "val": batches(folder.val, own(folder.val)),
        "test": batches(folder.test, own(folder.test)),
    }


def collate(
    samples: list[tuple[Tensor, Tensor] | CourseError],
) -> tuple[Tensor, Tensor] | CourseError:
    """A batch: images uint8 (N, 3, H, W), labels (N,); or the first error in it."""
    for sample in samples:
        if isinstance(sample, CourseError):
            return sample
    images, labels = zip(*samples, strict=True)
    return torch.stack(images), torch.stack(labels)


def too_big(path: Path, image_size: int, processes: int = 1) -> bool:
    """Whether the folder's images would take too much memory on this machine.

    processes: that hold a copy each on this machine.
    """
    count = sum(
        len(files) for split in list_tree(path).values() for files in split.values()
    )
    needed = processes * count * image_size**2 * BYTES_PER_PIXEL
    return needed > SHARE_OF_MEMORY * psutil.virtual_memory().available
