"""How a network is trained: one recipe for every variant, written down as data."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """Everything about training that is not a size.

    lr: peak learning rate for a batch of 128 images, in proportion for other batches
        (Goyal et al. 2017). None takes the profile's: a narrow network that trains for
        minutes needs a larger one than the full network.
    schedule: "one-cycle" rises linearly over the `warmup` share of training, then
        falls to 0 along a cosine; "steps" divides by 10 at 1/5, 2/5, 3/5 and 4/5.
    decay_everything: weight decay also on BatchNorm, biases and other vectors.
    crop, mirror, cutout: augmentation in pixels (32-pixel images; larger ones scale),
        mirror only where the data allow it.
    select: the epoch that counts: "last", or "best-on-test", which looks at the answer.
    cifar10_norm: normalise with the mean and spread of CIFAR-10 whatever the data.
    preact, zero_init_residual: see course_lib.resnet.
    faults: what is wrong with it, in words; shown in every report.
    """

    name: str
    lr: float | None
    schedule: str
    warmup: float
    momentum: float
    nesterov: bool
    weight_decay: float
    decay_everything: bool
    label_smoothing: float
    crop: int
    mirror: bool
    cutout: int
    select: str
    cifar10_norm: bool
    preact: bool
    zero_init_residual: bool
    faults: tuple[str, ...] = ()


MODERN = Recipe(
    name="modern",
    lr=None,
    schedule="one-cycle",
    warmup=0.15,
    momentum=0.9,
    nesterov=True,
    weight_decay=5e-4,
    decay_everything=False,
    label_smoothing=0.1,
    crop=4,
    mirror=True,
    cutout=8,
    select="last",
    cifar10_norm=False,
    preact=False,
    zero_init_residual=True,
)

# The REU group's script of 2019, faults included. Their batch of 512 ran at 0.1. Ours
# differs in three points: crops are padded by reflection, theirs with black; 45,000
# images train, theirs 50,000, since we keep a validation set; BatchNorm sees the whole
# batch, theirs a quarter of it, on four GPUs.
REU2019 = Recipe(
    name="reu2019",
    lr=0.025,
    schedule="steps",
    warmup=0.0,
    momentum=0.9,
    nesterov=False,
    weight_decay=5e-4,
    decay_everything=True,
    label_smoothing=0.0,
    crop=4,
    mirror=True,
    cutout=0,
    select="best-on-test",
    cifar10_norm=True,
    preact=True,
    zero_init_residual=False,
    faults=(
        "the reported epoch is the best one on the test set, which flatters every row",
        "images are normalised with the statistics of CIFAR-10",
        "weight decay also shrinks BatchNorm scales, biases and the gates",
    ),
)

RECIPES = {recipe.name: recipe for recipe in (MODERN, REU2019)}

CIFAR10_MEAN = (0.4914, 0.4822, 0.4465)
CIFAR10_STD = (0.2023, 0.1994, 0.2010)


def learning_rate(recipe: Recipe, peak: float, progress: float) -> float:
    """The rate at some point of training; progress: 0 is the first step, 1 the end."""
    if recipe.schedule == "steps":
        return peak * 0.1 ** min(4, int(progress * 5))
    if progress < recipe.warmup:
        return peak * progress / recipe.warmup
    falling = (progress - recipe.warmup) / (1 - recipe.warmup)
    return peak * 0.5 * (1 + math.cos(math.pi * falling))
