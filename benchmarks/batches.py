"""How many images a second: batches on the device against a DataLoader with PIL.

Both give 32 x 32 images in batches of 512, with a random crop (reflection padding 4),
flip, cutout 8 and normalisation drawn for each image. The DataLoader has 2 worker
processes; our batches have 1 thread, then 2. They take turns, so that whatever else
runs on the machine slows all of them, and every round gives one ratio. On a busy
machine 2 threads wait for each other; read the row of 1 thread there.

    python benchmarks/batches.py
    python benchmarks/batches.py --rounds 9 --device cuda
"""

import argparse
import os
import platform
import random
import statistics
import sys
import time
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from torchvision import transforms

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a plain checkout

from course_lib.data.batches import Augment, Batches
from course_lib.data.image_set import ImageSet

BATCH, SIZE, COUNT = 512, 32, 10_240
EPOCHS = 8  # of ours in a round, to take about as long as one of the DataLoader's
MEAN, STD = (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)  # of CIFAR-100


class Cutout:
    """Set a square of ``side`` pixels, centred anywhere, to 0: one image (3, H, W)."""

    def __init__(self, side: int) -> None:
        self.side = side

    def __call__(self, image: Tensor) -> Tensor:
        _, height, width = image.shape
        top = random.randrange(height) - self.side // 2
        left = random.randrange(width) - self.side // 2
        image[
            :,
            max(top, 0) : max(top + self.side, 0),
            max(left, 0) : max(left + self.side, 0),
        ] = 0
        return image


class PillowImages(TorchDataset):
    """The usual way: a Pillow image, transformed one at a time."""

    def __init__(self, image_set: ImageSet) -> None:
        self.images = image_set.images.permute(0, 2, 3, 1).contiguous().numpy()
        self.labels = image_set.labels.tolist()
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(SIZE, padding=4, padding_mode="reflect"),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(MEAN, STD),
                Cutout(8),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.images[index])), self.labels[index]


def random_images(count: int) -> ImageSet:
    generator = torch.Generator().manual_seed(0)
    shape = (count, 3, SIZE, SIZE)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, 100, (count,), generator=generator)
    return ImageSet(images, labels)


def images_a_second(epochs: list, device: torch.device) -> float:
    """Go through whole epochs, the shuffling and drawing included."""
    _wait(device)
    start, images = time.perf_counter(), 0
    for batches in epochs:
        for x, y in batches:
            x = x.to(device, non_blocking=True)
            images += len(y)
    _wait(device)
    return images / (time.perf_counter() - start)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def spread(values: list[float], digits: int) -> str:
    """Return "median [smallest-largest]"."""
    numbers = statistics.median(values), min(values), max(values)
    middle, low, high = (f"{number:,.{digits}f}" for number in numbers)
    return f"{middle} [{low}-{high}]"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--workers", type=int, default=2, help="of the DataLoader")
    parser.add_argument("--device", default="cpu")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    device = torch.device(options.device)
    image_set = random_images(COUNT)
    augment = Augment(crop=4, mirror=True, cutout=8)
    ours = Batches(
        image_set, BATCH, mean=MEAN, std=STD, seed=0, augment=augment, device=device
    )
    loader = DataLoader(
        PillowImages(image_set),
        BATCH,
        shuffle=True,
        drop_last=True,
        num_workers=options.workers,
        persistent_workers=True,
    )
    threads = sorted({1, options.workers})
    loader_rates, our_rates = [], {count: [] for count in threads}
    images_a_second([loader], device)  # starts the workers
    for round_number in range(options.rounds):
        loader_rates.append(images_a_second([loader], device))
        for count in threads:
            torch.set_num_threads(count)
            first = round_number * EPOCHS
            epochs = [ours.epoch(first + i) for i in range(EPOCHS)]
            our_rates[count].append(images_a_second(epochs, device))
    report(options, loader_rates, our_rates)


def report(
    options: argparse.Namespace,
    loader_rates: list[float],
    our_rates: dict[int, list[float]],
) -> None:
    """Print the table: median over the rounds, smallest and largest in brackets."""
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(
        f"{platform.machine()}, {os.cpu_count()} cores{load}, torch "
        f"{torch.__version__}, device {options.device}; {SIZE} x {SIZE} images, batch "
        f"{BATCH}, {options.rounds} rounds: median [smallest-largest]"
    )
    print(f"{'pipeline':<34}{'images a second':<28}times the DataLoader")
    name = f"DataLoader and PIL, {options.workers} worker(s)"
    print(f"{name:<34}{spread(loader_rates, 0):<28}1")
    for count, rates in our_rates.items():
        ratios = [a / b for a, b in zip(rates, loader_rates, strict=True)]
        name = f"Batches, {count} thread(s)"
        print(f"{name:<34}{spread(rates, 0):<28}{spread(ratios, 1)}")


if __name__ == "__main__":
    main()
