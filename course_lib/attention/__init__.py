"""The attention modules, and the table of their names.

Every module maps x (N, C, H, W) to a tensor of the same shape and has `gate(x)`, which
returns the bare gate or map before broadcasting. All take any H x W, channels_last
input, bf16 autocast, and a batch of one in eval mode.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from course_lib.attention.bam import BAM, BAMSpatial
from course_lib.attention.cbam import CBAM, CBAMChannel, CBAMSpatial
from course_lib.attention.coordinate import CoordinateAttention
from course_lib.attention.eca import ECA
from course_lib.attention.pyramid import PyramidAttention
from course_lib.attention.spatial import SmallSpatial
from course_lib.attention.squeeze_excitation import SqueezeExcitation

AttentionFactory = Callable[[int], nn.Module]


@dataclass(frozen=True)
class Attention:
    """One row of the table: how to build a module, and where it goes by default.

    make: (channels, reduction) -> module; modules without a hidden layer ignore the
        reduction. None for the plain network.
    placement: see course_lib.blocks.PLACEMENTS.
    """

    title: str
    make: Callable[[int, int], nn.Module] | None
    placement: str


ATTENTION: dict[str, Attention] = {
    "plain": Attention("no attention", None, "branch"),
    "se": Attention(
        "Squeeze-and-Excitation, with biases",
        lambda channels, reduction=16: SqueezeExcitation(channels, reduction),
        "branch",
    ),
    "bam": Attention(
        "BAM, as in the paper",
        lambda channels, reduction=16: BAM(channels, reduction),
        "between_stages",
    ),
    "cbam": Attention(
        "CBAM, as released by its authors",
        lambda channels, reduction=16: CBAM(channels, reduction),
        "branch",
    ),
    "spatial": Attention(
        "small spatial module, 46 parameters",
        lambda channels, reduction=16: SmallSpatial(),
        "branch",
    ),
    "bam-spatial": Attention(
        "spatial branch of BAM alone",
        lambda channels, reduction=16: BAMSpatial(channels, reduction),
        "between_stages",
    ),
    "cbam-spatial": Attention(
        "spatial gate of CBAM alone",
        lambda channels, reduction=16: CBAMSpatial(),
        "branch",
    ),
    "eca": Attention(
        "Efficient Channel Attention",
        lambda channels, reduction=16: ECA(channels),
        "branch",
    ),
    "coordinate": Attention(  # its r is 32 where that of the others is 16
        "Coordinate Attention, as released by its authors",
        lambda channels, reduction=16: CoordinateAttention(channels, 2 * reduction),
        "branch",
    ),
    "pyramid": Attention(
        "spatial pyramid attention",
        lambda channels, reduction=16: PyramidAttention(channels, reduction),
        "branch",
    ),
}

__all__ = [
    "ATTENTION",
    "BAM",
    "CBAM",
    "ECA",
    "Attention",
    "AttentionFactory",
    "BAMSpatial",
    "CBAMChannel",
    "CBAMSpatial",
    "CoordinateAttention",
    "PyramidAttention",
    "SmallSpatial",
    "SqueezeExcitation",
]
