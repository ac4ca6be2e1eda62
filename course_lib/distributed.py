"""One training in several processes: who takes part, and what they tell each other.

The processes are started by PyTorch's torchrun, gradients are averaged by PyTorch's
DistributedDataParallel (DDP), and messages travel by gloo on CPUs and NCCL on GPUs.
Here are only the few calls that the training loop needs, which do nothing where a
process trains alone.

BatchNorm: each process normalises by the statistics of its own images, as is usual in
practice. DDP hands the running averages of the first process to the others before each
step, and `same_buffers` does so before an evaluation, so that all judge one network.
With --sync-bn the statistics are those of the whole batch (CUDA only).
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from course_lib.errors import CourseError

Found = TypeVar("Found")

PATIENCE = timedelta(hours=1)  # for another process: one may decode images meanwhile


class Unsaid(Exception):
    """A problem of all processes, which the first one tells."""


@dataclass(frozen=True)
class Ranks:
    """The processes of a training. rank: this one's number, from 0; size: how many.

    Every method must be called by all processes, in the same order.
    """

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """True in the one process that writes files and talks."""
        return self.rank == 0

    def wrap(self, network: nn.Module, sync_bn: bool = False) -> nn.Module:
        """The network as training calls it: its gradients become the mean of all."""
        if self.size == 1:
            return network
        if sync_bn:
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
        device = next(network.parameters()).device
        ids = [device.index] if device.type == "cuda" else None
        return DistributedDataParallel(network, device_ids=ids)

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all processes, in place."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def from_first(self, thing: object) -> object:
        """What the first process gave, in every process."""
        if self.size == 1:
            return thing
        held = [thing]
        dist.broadcast_object_list(held)
        return held[0]

    def same_buffers(self, network: nn.Module) -> None:
        """The first process's running statistics, in every process."""
        if self.size > 1:
            for buffer in network.buffers():
                dist.broadcast(buffer, src=0)

    def agree(self, error: CourseError | None) -> None:
        """Go on together, or raise together: a problem anywhere is told once.

        Raises the first error in the first process, and Unsaid in the others.
        """
        errors = [error]
        if self.size > 1:
            errors = [None] * self.size
            dist.all_gather_object(errors, error)
        found = next((e for e in errors if e is not None), None)
        if found is not None:
            raise found if self.first else Unsaid from None

    def together(self, action: Callable[[], Found]) -> Found:
        """Do it in all processes; where one of them fails, all stop and one tells."""
        error, found = None, None
        try:
            found = action()
        except CourseError as problem:
            error = problem
        self.agree(error)
        return found


ALONE = Ranks()


def started_by_torchrun() -> bool:
    """Whether torchrun started this process; it says so in the environment."""
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


def device_here(device: torch.device) -> torch.device:
    """The device of this process: each one on a machine takes a GPU of its own.

    Raises CourseError when the machine has fewer GPUs than processes.
    """
    if device.type != "cuda" or not started_by_torchrun():
        return device
    local, there = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    here = int(os.environ["LOCAL_WORLD_SIZE"])
    if here > there:
        raise CourseError(
            f"{here} processes on a machine with {there} GPUs",
            "one GPU for each process",
            f"Try torchrun --nproc-per-node {there}, or --device cpu.",
        )
    torch.cuda.set_device(local)
    return torch.device("cuda", local)


@contextmanager
def joined() -> Iterator[Ranks]:
    """Meet the other processes that torchrun started; alone, there is none to meet."""
    if not started_by_torchrun():
        yield ALONE
        return
    dist.init_process_group("cpu:gloo,cuda:nccl" if nccl() else "gloo", None, PATIENCE)
    yield Ranks(dist.get_rank(), dist.get_world_size())
    # Not after an error: then the others are gone, and leaving would wait for them.
    dist.destroy_process_group()


def nccl() -> bool:
    """Whether GPUs can talk to each other here."""
    return torch.cuda.is_available() and dist.is_nccl_available()
