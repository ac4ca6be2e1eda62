"""Trainings that do not depend on the number of processes, and what torchrun runs.

BatchNorm in training mode depends on which images a process holds, so it is fixed here
in evaluation mode, and all numbers are float64.
"""

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from tiny_runs import changed, stripes_dataset
from torch import nn

from course_lib import two_processes
from course_lib.distributed import ALONE, Ranks, joined
from course_lib.training import Stopped, Trainer

CPU = torch.device("cpu")
RUN = changed(epochs=2, batch=15)  # two processes get 8 and 7 images of a batch
IMAGES = 50  # 3 batches, 5 images left over


class FixedNorms(Trainer):
    """A Trainer in float64 whose BatchNorms never look at the batch."""

    def _start(self) -> None:
        super()._start()
        for module in self.network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.train = lambda mode=True, norm=module: norm
                module.training = False


def make_trainer(ranks: Ranks = ALONE, stop_after: int | None = None) -> Trainer:
    """A trainer of RUN, in float64; it stops when so many epochs are done."""
    torch.set_default_dtype(torch.float64)
    try:
        trainer = FixedNorms(
            RUN,
            stripes_dataset(train=IMAGES),
            CPU,
            should_stop=lambda: trainer.progress.epoch == stop_after,
            ranks=ranks,
        )
    finally:
        torch.set_default_dtype(torch.float32)
    return trainer


def train(trainer: Trainer, checkpoint: Path) -> dict:
    """Train; history, hits and weights, or what is there when it stops."""
    torch.set_default_dtype(torch.float64)
    try:
        hits = trainer.train(checkpoint).hits
    except Stopped:
        hits = None
    finally:
        torch.set_default_dtype(torch.float32)
    return {
        "history": trainer.progress.history,
        "hits": hits,
        "weights": trainer.network.state_dict(),
    }


def norms_of_all(ranks: Ranks) -> list[float]:
    """One number of each process's running statistics after an ordinary training."""
    trainer = Trainer(changed(epochs=1), stripes_dataset(48), CPU, ranks=ranks)
    trainer.train()
    total = sum(buffer.double().sum() for buffer in trainer.network.buffers())
    found = [None] * ranks.size
    dist.all_gather_object(found, float(total))
    return found


def main() -> None:
    """What the processes of torchrun do; the first one writes its results."""
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    with joined() as ranks:
        found = {
            "whole": train(make_trainer(ranks), folder / "whole.pt"),
            "resumed": train(make_trainer(ranks), folder / "by_one.pt"),
            "half": train(make_trainer(ranks, stop_after=1), folder / "by_two.pt"),
            "norms": norms_of_all(ranks),
            "two processes": two_processes.measure(),
        }
        if ranks.first:
            torch.save(found, folder / "found.pt")


if __name__ == "__main__":
    main()
