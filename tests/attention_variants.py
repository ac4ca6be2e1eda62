"""Every form of every attention module, for the property tests, with random weights."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from course_lib.attention import (
    BAM,
    CBAM,
    BAMSpatial,
    CBAMChannel,
    CBAMSpatial,
    SmallSpatial,
    SqueezeExcitation,
)

ALL_POOLS = ("avg", "max", "lp", "lse")


@dataclass(frozen=True)
class Variant:
    """How to build it, the axes of its bare gate g, and y = (offset + g) * x."""

    build: Callable[[int], nn.Module]  # from the channels
    gate: str  # "channel" (N, C, 1, 1), "position" (N, 1, H, W) or "both" (N, C, H, W)
    offset: int = 0


VARIANTS = {
    "se": Variant(lambda c: SqueezeExcitation(c), "channel"),
    "se-nobias": Variant(lambda c: SqueezeExcitation(c, bias=False), "channel"),
    "se-timm": Variant(lambda c: SqueezeExcitation(c, round_to=8), "channel"),
    "bam": Variant(lambda c: BAM(c), "both", 1),
    "bam-released": Variant(lambda c: BAM(c, combine="product"), "both", 1),
    "bam-sum-hidden": Variant(lambda c: BAM(c, norm="hidden"), "both", 1),
    "bam-xuma": Variant(
        lambda c: BAM(c, combine="product", norm="hidden-spatial"), "both", 1
    ),
    "bam-dilation-2": Variant(lambda c: BAM(c, reduction=8, dilation=2), "both", 1),
    "bam-spatial": Variant(lambda c: BAMSpatial(c), "position", 1),
    "bam-spatial-ends": Variant(lambda c: BAMSpatial(c, norm="ends"), "position", 1),
    "cbam": Variant(lambda c: CBAM(c), "both"),
    "cbam-spatial-first": Variant(lambda c: CBAM(c, order="spatial-first"), "both"),
    "cbam-parallel": Variant(lambda c: CBAM(c, order="parallel"), "both"),
    "cbam-timm": Variant(
        lambda c: CBAM(
            c, mlp_bias=False, map_order="mean-max", bn_momentum=0.1, bn_scale=1.0
        ),
        "both",
    ),
    "cbam-paper": Variant(lambda c: CBAM(c, norm=False, kernel_size=3), "both"),
    "cbam-channel": Variant(lambda c: CBAMChannel(c), "channel"),
    "cbam-channel-4": Variant(lambda c: CBAMChannel(c, pools=ALL_POOLS), "channel"),
    "cbam-spatial": Variant(lambda c: CBAMSpatial(), "position"),
    "cbam-spatial-plain": Variant(lambda c: CBAMSpatial(3, norm=False), "position"),
    "spatial": Variant(lambda c: SmallSpatial(), "position"),
}


def gate_shape(variant, n, c, h, w):
    shapes = {"channel": (n, c, 1, 1), "position": (n, 1, h, w), "both": (n, c, h, w)}
    return shapes[variant.gate]


def randomised(module, seed=0):
    """The module in eval mode, every weight and statistic random, far from its start.

    Biases are positive, so that hidden units stay alive: on a dead branch any test of
    its other weights would say nothing.
    """
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if name.endswith("running_mean"):
                value.normal_(0, 0.2, generator=random)
            elif name.endswith("bias"):
                value.uniform_(0.2, 0.6, generator=random)
            elif value.dim() == 1:  # scale and running variance of a BatchNorm
                value.uniform_(0.5, 1.5, generator=random)
            elif value.dim() > 1:
                fan_in = value[0].numel()
                value.normal_(0, fan_in**-0.5, generator=random)
    return module.eval()


def images(n, c, h, w, seed=0, dtype=torch.float32):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(n, c, h, w, generator=random, dtype=dtype)
