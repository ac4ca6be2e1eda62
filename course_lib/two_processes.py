"""The experiment of notebook 11, for torchrun: gradients by hand, by DDP, by one batch.

torchrun --nproc-per-node 2 -m course_lib.two_processes FILE

Every process takes part; the first one writes what came out to FILE.
"""

import sys
from collections.abc import Iterator

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from course_lib.attention.cbam import CBAM
from course_lib.sharing import rank_loss

IMAGES = 13  # not a multiple of two: the processes get 7 and 6


def make_batch(count: int = IMAGES) -> tuple[Tensor, Tensor]:
    """The same numbers in every process: x (count, 3, 8, 8), y (count,)."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(count, 3, 8, 8, generator=generator, dtype=torch.float64)
    brightness = torch.linspace(-1, 1, count, dtype=torch.float64)
    x = x + brightness.view(-1, 1, 1, 1)
    return x, torch.randint(0, 4, (count,), generator=generator)


def make_network(norm: bool = False) -> nn.Sequential:
    """A small network in float64, equal in every process; with BatchNorm if asked."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8) if norm else nn.Identity()]
    layers += [nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)]
    return nn.Sequential(*layers).double()


def backward(network: nn.Module, part: slice, ranks: int) -> None:
    """Gradients of one process's part of the batch, so that their mean is right."""
    x, y = make_batch()
    losses = F.cross_entropy(network(x[part]), y[part], reduction="none")  # (n,)
    rank_loss(losses, len(y), ranks).backward()


def gradients(network: nn.Module) -> Tensor:
    """All gradients in a row, (parameters,)."""
    return torch.cat([p.grad.flatten() for p in network.parameters()])


def by_hand(network: nn.Module, part: slice, ranks: int) -> Tensor:
    """Backward, then one all-reduce a parameter: sum over the processes, divide."""
    backward(network, part, ranks)
    for parameter in network.parameters():
        dist.all_reduce(parameter.grad)  # every process now holds the sum
        parameter.grad /= ranks
    return gradients(network)


def by_ddp(network: nn.Module, part: slice, ranks: int) -> Tensor:
    """The same, done by PyTorch during backward."""
    backward(DistributedDataParallel(network), part, ranks)
    return gradients(network)


def unused_parameters(find: bool) -> Iterator[str]:
    """Two steps of a spatial-only CBAM that keeps its channel gate: what DDP says."""
    torch.manual_seed(0)
    module = CBAM(16)
    module.forward = module.spatial.forward  # the channel gate stays, and is idle
    network = DistributedDataParallel(module, find_unused_parameters=find)
    for step in (1, 2):
        try:
            network(torch.randn(2, 16, 6, 6)).sum().backward()
            yield f"step {step}: ok"
        except RuntimeError as error:
            yield f"step {step}: " + " ".join(str(error).split())


def measure() -> dict[str, Tensor | list[str]]:
    """Everything, together with the other processes; each has the same results."""
    rank, ranks = dist.get_rank(), dist.get_world_size()
    part = slice(rank, None, ranks)
    norms = [None] * ranks
    network = make_network(norm=True)
    network(make_batch()[0][part])  # this process's images move its own statistics
    dist.all_gather_object(norms, network[1].running_mean.tolist())
    return {
        "by hand": by_hand(make_network(), part, ranks),
        "DDP": by_ddp(make_network(), part, ranks),
        "DDP, BatchNorm": by_ddp(make_network(norm=True), part, ranks),
        "BatchNorm means": torch.tensor(norms),  # (ranks, 8)
        "unused": list(unused_parameters(find=False)),
        "unused, searched": list(unused_parameters(find=True)),
    }


def main() -> None:
    """Measure, and let the first process write the results."""
    dist.init_process_group("gloo")
    found = measure()
    if dist.get_rank() == 0:
        torch.save(found, sys.argv[1])
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
