"""Sizes of the experiments: what a continuous-integration run, a laptop, a GPU can do.

A profile changes sizes only, never code. `COURSE_PROFILE` chooses one; otherwise the
hardware does: a CUDA GPU gives "gpu", anything else "laptop".
"""

import os
from dataclasses import dataclass

import torch

from course_lib.errors import check_choice


@dataclass(frozen=True)
class Sizes:
    """One experiment: images, network and length of training.

    Image counts of None mean all images of the split. width is the stem's channels
    (64 in the real ResNet50); depth is always ResNet50's. reduction is r of SE, BAM and
    CBAM: 16 at full width; 4 in the narrow network, where 16 would leave a gate on 8
    channels without a single hidden unit. lr is the peak learning rate of recipes that
    leave it to the profile.
    """

    image_size: int
    train_images: int | None
    val_images: int | None
    test_images: int | None
    stem: str
    width: int
    reduction: int
    epochs: int
    batch: int
    lr: float


@dataclass(frozen=True)
class Profile:
    """Sizes per data set, and what `course compare` runs when not told."""

    name: str
    signs: Sizes
    cifar100: Sizes
    folder: Sizes
    models: tuple[str, ...]
    seeds: int

    def sizes(self, data: str) -> Sizes:
        """The sizes for a data set's name; folders share one row."""
        return {"signs": self.signs, "cifar100": self.cifar100}.get(data, self.folder)


FIVE = ("plain", "se", "bam", "cbam", "spatial")

CI = Profile(
    name="ci",
    signs=Sizes(32, 1000, 200, 500, "stride2", 8, 4, epochs=4, batch=20, lr=0.15),
    cifar100=Sizes(32, 1000, 500, 500, "stride2", 8, 4, epochs=2, batch=20, lr=0.15),
    folder=Sizes(32, 1000, 500, 500, "stride2", 8, 4, epochs=2, batch=20, lr=0.15),
    models=FIVE,
    seeds=1,
)

LAPTOP = Profile(
    name="laptop",
    signs=Sizes(32, 3000, 500, 2000, "stride2", 8, 4, epochs=12, batch=64, lr=0.3),
    cifar100=Sizes(32, 10000, 1000, 5000, "stride2", 8, 4, epochs=6, batch=64, lr=0.3),
    folder=Sizes(64, 3000, 500, 2000, "stride2", 8, 4, epochs=12, batch=64, lr=0.3),
    models=FIVE,
    seeds=3,
)

GPU = Profile(
    name="gpu",
    signs=Sizes(64, 20000, 2000, 5000, "cifar", 64, 16, epochs=30, batch=256, lr=0.2),
    cifar100=Sizes(
        32, None, None, None, "cifar", 64, 16, epochs=100, batch=512, lr=0.4
    ),
    folder=Sizes(
        224, None, None, None, "imagenet", 64, 16, epochs=100, batch=256, lr=0.2
    ),
    models=FIVE,
    seeds=3,
)

PROFILES = {profile.name: profile for profile in (CI, LAPTOP, GPU)}


def choose_profile(name: str | None = None) -> Profile:
    """The profile named, or COURSE_PROFILE's, or the one that fits the hardware."""
    name = name or os.environ.get("COURSE_PROFILE")
    if not name:
        name = "gpu" if torch.cuda.is_available() else "laptop"
    check_choice("profile", name, PROFILES)
    return PROFILES[name]
