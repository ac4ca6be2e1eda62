"""What a run needs before its first step: network, optimiser, batches."""

import torch
from torch import nn

from course_lib.attention import AttentionFactory
from course_lib.data.batches import Augment, Batches
from course_lib.data.image_set import Dataset
from course_lib.data.streaming import (
    StreamedBatches,
    StreamedFolder,
    streamed_batches,
)
from course_lib.distributed import ALONE, Ranks
from course_lib.recipes import CIFAR10_MEAN, CIFAR10_STD, RECIPES, Recipe
from course_lib.resnet import ResNet, resnet50
from course_lib.runs import Run
from course_lib.weights import initialise_backbone

EVALUATION_PIXELS = 500 * 32 * 32  # in one batch: 500 small images, 10 of 224 pixels


def build_network(
    run: Run, classes: int, attention: AttentionFactory | None = None
) -> ResNet:
    """The network of a run; equal seeds give equal weights outside the attention.

    attention: used instead of the module that `run.model` names, such as your own.
    """
    recipe = RECIPES[run.recipe]
    torch.manual_seed(run.seed)
    network = resnet50(
        classes,
        attention or run.model,
        run.placement,
        stages=[int(number) for number in run.stages],
        stem=run.stem,
        preact=recipe.preact,
        width=run.width,
        reduction=run.reduction,
    )
    backbone = torch.Generator().manual_seed(run.seed)
    initialise_backbone(network, backbone, recipe.zero_init_residual)
    return network


def make_optimizer(network: nn.Module, recipe: Recipe, lr: float) -> torch.optim.SGD:
    """SGD; weight decay only on matrices and kernels unless the recipe says all."""
    decayed, others = [], []
    for parameter in network.parameters():
        is_vector = parameter.dim() < 2
        plain = is_vector and not recipe.decay_everything
        (others if plain else decayed).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    device = next(network.parameters()).device.type
    return torch.optim.SGD(
        groups,
        lr=lr,
        momentum=recipe.momentum,
        nesterov=recipe.nesterov,
        fused=device in ("cpu", "cuda"),
    )


def make_batches(
    run: Run,
    dataset: Dataset | StreamedFolder,
    device: torch.device,
    ranks: Ranks = ALONE,
) -> dict[str, Batches] | dict[str, StreamedBatches]:
    """Batches of the three splits; only the training ones are augmented.

    ranks: this process gets its part of each batch. Images that do not fit in memory
    come from the disk.
    """
    if isinstance(dataset, StreamedFolder):
        shard = (ranks.rank, ranks.size)
        return streamed_batches(dataset, run.batch, run.seed, device, shard)
    recipe = RECIPES[run.recipe]
    scale = run.image_size / 32
    # Scenes with masks hide a part of their sign already; more could hide all of it.
    hides_itself = dataset.train.masks is not None
    augment = Augment(
        crop=round(recipe.crop * scale),
        mirror=recipe.mirror and dataset.mirror,
        cutout=0 if hides_itself else round(recipe.cutout * scale),
    )
    mean, std = dataset.mean, dataset.std
    if recipe.cifar10_norm:
        mean, std = CIFAR10_MEAN, CIFAR10_STD

    many = max(1, EVALUATION_PIXELS // run.image_size**2)

    def batches(split: str, size: int, changes: Augment | None) -> Batches:
        return Batches(
            getattr(dataset, split),
            size,
            mean=mean,
            std=std,
            seed=run.seed,
            augment=changes,
            device=device,
            shard=(ranks.rank, ranks.size),
        )

    return {
        "train": batches("train", run.batch, augment),
        "val": batches("val", many, None),
        "test": batches("test", many, None),
    }
