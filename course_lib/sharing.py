"""What processes that train one network share out, and how they put it together.

Three small formulas, the exercises of notebook 11. The exchange itself is PyTorch's:
see course_lib.distributed.
"""

import torch
from torch import Tensor


def shard_indices(count: int, rank: int, ranks: int, seed: int, epoch: int) -> Tensor:
    """Numbers of the images that process `rank` of `ranks` takes in one epoch: int64.

    All processes draw one and the same order of 0 .. count - 1 with torch.randperm,
    from a generator seeded with seed + epoch. Process r takes the places r, r + ranks,
    r + 2 ranks, ... of it: no image is left out and none is taken twice.
    """
    generator = torch.Generator().manual_seed(seed + epoch)
    order = torch.randperm(count, generator=generator)  # (count,), equal everywhere
    return order[rank::ranks]


def average_gradients(gradients: list[list[Tensor | None]]) -> list[Tensor]:
    """What every process holds after the exchange: the plain mean over all processes.

    gradients[rank][p] is the gradient of parameter p in one process, None where its
    images did not use that parameter; at least one process did. -> one tensor for
    each parameter.
    """
    averaged = []
    for parts in zip(*gradients, strict=True):  # one parameter, all processes
        total = sum(part for part in parts if part is not None)
        averaged.append(total / len(parts))
    return averaged


def rank_loss(losses: Tensor, total: int, ranks: int) -> Tensor:
    """The loss on which one process calls backward(), a tensor of shape ().

    losses (n,): of this process's images; n may differ between processes and may be 0.
    total: images in all processes together. The plain mean over the `ranks` processes,
    which DDP takes of the gradients, is then the mean over all images.
    """
    return losses.sum() * ranks / total
