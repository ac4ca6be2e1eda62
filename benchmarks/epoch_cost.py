"""What an epoch costs, against the number of images and the number of pixels.

    python benchmarks/epoch_cost.py                     # laptop size, one core
    python benchmarks/epoch_cost.py --rounds 9          # two more, in the same files
    python benchmarks/epoch_cost.py --rounds 0 --out data/results   # the figure alone

Trains plain ResNet50 and SE on random images, an epoch a timing, with the batches, the
network and the optimiser of `course compare`: first several numbers of images at one
size, then several sizes at one number. All take turns in shuffled order. Writes
epoch-cost.csv (one row a timing), .json (settings and machine) and .png.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
import torch
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a plain checkout

import epoch_cost_figure

from course_lib.bench.running import load, progress
from course_lib.bench.timing import Task, shuffled, wait_for
from course_lib.cost import code_version, describe_device
from course_lib.data.batches import Augment, Batches
from course_lib.data.image_set import ImageSet
from course_lib.errors import CourseError
from course_lib.planning import choose_device
from course_lib.preparing import make_optimizer
from course_lib.recipes import MODERN
from course_lib.resnet import resnet50
from course_lib.runs import write_atomically

ROOT = Path(__file__).resolve().parents[1]
CLASSES = 18
COLUMNS = ["round", "model", "images", "image_size", "steps", "ms"]
NAME = "epoch-cost"


@dataclass(frozen=True)
class Settings:
    """What is measured; a measurement goes on only where it is equal.

    images: the numbers, all of image_sizes[0] pixels a side. images_at: the number at
    which the sizes are compared. All are multiples of the batch.
    """

    models: tuple[str, ...] = ("plain", "se")
    images: tuple[int, ...] = (64, 128, 256, 512, 1024)
    image_sizes: tuple[int, ...] = (32, 48, 64, 96, 128)
    images_at: int = 128
    batch: int = 64
    stem: str = "stride2"
    width: int = 8
    reduction: int = 4
    precision: str = "fp32"
    device: str = "cpu"


GPU = Settings(
    images=(2560, 5120, 10240, 20480, 40960),
    images_at=5120,
    batch=256,
    stem="cifar",
    width=64,
    reduction=16,
    precision="bf16",
    device="cuda",
)


class Epoch:
    """A network, its optimiser and its images, ready to train one epoch."""

    def __init__(self, model: str, images: int, size: int, settings: Settings) -> None:
        self.model, self.images, self.size = model, images, size
        self.precision = settings.precision
        self.device = torch.device(settings.device)
        torch.manual_seed(0)
        network = resnet50(
            CLASSES,
            model,
            stem=settings.stem,
            width=settings.width,
            reduction=settings.reduction,
        )
        self.network = network.to(self.device, memory_format=torch.channels_last)
        # small, so that many epochs on random labels stay finite
        self.optimizer = make_optimizer(self.network, MODERN, lr=1e-4)
        scale = size / 32
        self.batches = Batches(
            random_images(images, size),
            settings.batch,
            mean=(0.5, 0.5, 0.5),
            std=(0.25, 0.25, 0.25),
            seed=0,
            augment=Augment(round(4 * scale), mirror=True, cutout=round(8 * scale)),
            device=self.device,
        )

    def task(self) -> Task:
        """Named by model, number and size; one batch brings all into the caches."""
        name = self.model, str(self.images), str(self.size)
        return Task(*name, prepare=lambda: self.train(1), step=self.train)

    def train(self, steps: int | None = None) -> None:
        """One epoch, or its first steps: as Trainer trains it."""
        for _, (x, y) in zip(
            range(steps or len(self.batches)), self.batches.epoch(0), strict=False
        ):
            with self.autocast():
                loss = F.cross_entropy(
                    self.network(x), y, label_smoothing=MODERN.label_smoothing
                )
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()

    def autocast(self):
        """bfloat16 arithmetic where asked for."""
        if self.precision == "bf16":
            return torch.autocast(self.device.type, dtype=torch.bfloat16)
        return nullcontext()


def random_images(count: int, size: int) -> ImageSet:
    """Noise: how long a step takes does not depend on what the images show."""
    generator = torch.Generator().manual_seed(0)
    shape = (count, 3, size, size)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    return ImageSet(images, torch.arange(count) % CLASSES)


def every_epoch(settings: Settings) -> list[Epoch]:
    """Each model with each number of images, then with each size; none twice."""
    first = settings.image_sizes[0]
    cells = [(images, first) for images in settings.images]
    cells += [(settings.images_at, size) for size in settings.image_sizes]
    return [
        Epoch(model, images, size, settings)
        for model in settings.models
        for images, size in dict.fromkeys(cells)
    ]


def time_epoch(task: Task, device: torch.device) -> float:
    """Milliseconds of an epoch: processor time on a CPU, the clock on a GPU."""
    task.prepare()
    wait_for(device)
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    started = clock()
    task.step()
    wait_for(device)
    return 1000 * (clock() - started)


def measure(
    settings: Settings | None,
    rounds: int,
    out: Path,
    budget_seconds: float | None = None,
    timer: Callable[[Task, torch.device], float] = time_epoch,
) -> pd.DataFrame:
    """Time every epoch until `out` holds `rounds` rounds; return all timings.

    settings: None takes what `out` holds, to read it.
    budget_seconds: no further round begins after this time, but one always runs.
    """
    times = known_times(settings, out)
    done = 0 if times.empty else int(times["round"].max()) + 1
    if rounds <= done:
        return times
    started, device = time.monotonic(), torch.device(settings.device)
    if device.type == "cpu":
        torch.set_num_threads(1)  # the processor clock adds up all threads
    else:
        torch.backends.cudnn.benchmark = True
    epochs = {epoch.task().name: epoch for epoch in every_epoch(settings)}
    tasks = [epoch.task() for epoch in epochs.values()]
    with progress(len(tasks) * (rounds - done), "epochs") as bar:
        for number in range(done, rounds):
            for task in shuffled(tasks, number):
                epoch = epochs[task.name]
                row = [number, epoch.model, epoch.images, epoch.size]
                row += [len(epoch.batches), timer(task, device)]
                times.loc[len(times)] = row
                bar.update()
            save(settings, times, out)
            if budget_seconds and time.monotonic() - started > budget_seconds:
                break
    return known_times(settings, out)


def known_times(settings: Settings | None, out: Path) -> pd.DataFrame:
    """The rounds that an earlier call finished.

    Raises CourseError when the folder holds other settings or a damaged file.
    """
    table, facts = out / f"{NAME}.csv", out / f"{NAME}.json"
    if not facts.exists():
        return pd.DataFrame(columns=COLUMNS)
    try:
        known = json.loads(facts.read_text(encoding="utf-8"))["settings"]
        times = pd.read_csv(table)[COLUMNS]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CourseError(
            f"cannot go on from {table} ({error})",
            "the files that this script wrote",
            "Choose another folder with --out.",
        ) from error
    if settings and known != json.loads(json.dumps(asdict(settings))):
        raise CourseError(
            f"{facts} has other settings",
            f"{asdict(settings)}",
            "Choose another folder with --out.",
        )
    return times


def save(settings: Settings, times: pd.DataFrame, out: Path) -> None:
    """Write the table and the facts, whole."""
    out.mkdir(parents=True, exist_ok=True)
    facts = {
        "settings": asdict(settings),
        "machine": describe_device(torch.device(settings.device)),
        "threads": torch.get_num_threads() if settings.device == "cpu" else 0,
        "load": load(),
        "torch": torch.__version__,
        "code": code_version(),
    }
    text = times.to_csv(index=False, lineterminator="\n", float_format="%.2f")
    write_atomically(out / f"{NAME}.csv", text.encode())
    write_atomically(out / f"{NAME}.json", json.dumps(facts, indent=1).encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / NAME)
    options = parser.parse_args()
    device = choose_device(options.device)
    settings = GPU if device.type == "cuda" else Settings(device=str(device))
    if options.rounds == 0:
        settings = None  # whatever was measured, also elsewhere
    times = measure(settings, options.rounds, options.out)
    if times.empty:
        raise CourseError(
            f"no timings in {options.out}",
            "those of an earlier call",
            "Measure first: leave --rounds out.",
        )
    path = epoch_cost_figure.save(times, options.out / f"{NAME}.png")
    print(epoch_cost_figure.table(times).to_string(index=False))
    print(f"\n{epoch_cost_figure.alt_text(times)}\nFigure: {path}")


if __name__ == "__main__":
    try:
        main()
    except CourseError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
