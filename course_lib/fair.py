"""A fair training in three functions: choose an epoch, measure, shuffle.

Notebook 07 builds them. `Trainer` and `Batches` do the same within the loop.
"""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn


def choose_epoch(history: list[dict[str, float]]) -> int:
    """The epoch that the validation images choose: the highest val_accuracy.

    history: one row an epoch, in the order trained, with epoch, train_loss,
    val_accuracy and sometimes test_accuracy -> that row's epoch; of equal ones the
    earliest. The test images have no say.
    """
    best = history[0]
    for row in history[1:]:
        if row["val_accuracy"] > best["val_accuracy"]:  # a tie keeps the earlier
            best = row
    return best["epoch"]


def accuracy_of(network: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> float:
    """The share of images that a network gets right, however they are cut up.

    batches: x (n, ...) and y (n,) of each batch, n may vary -> accuracy in 0..1.
    The network is in eval mode meanwhile, without gradients, and afterwards in the
    mode in which it came.
    """
    was_training = network.training
    network.eval()
    right, images = 0, 0
    with torch.no_grad():
        for x, y in batches:
            right += (network(x).argmax(dim=1) == y).sum().item()
            images += len(y)
    network.train(was_training)
    return right / images


def epoch_order(seed: int, epoch: int, images: int) -> Tensor:
    """The order of the training images in one epoch: int64 (images,).

    seed, epoch: 0 or more. The order depends on the two alone: not on the network, nor
    on what was drawn before. The random numbers that all code shares, of torch, NumPy
    and Python, go on as if nothing was drawn.
    """
    mixed = np.random.SeedSequence((seed, epoch)).generate_state(1)[0]
    generator = torch.Generator().manual_seed(int(mixed))
    return torch.randperm(images, generator=generator)
