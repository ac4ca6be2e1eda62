"""Where the nine taps of a 3x3 convolution land when it is dilated."""

import torch
from torch import Tensor
from torch.nn import functional as F


def taps_inside(height: int, width: int, dilation: int = 4) -> Tensor:
    """How many of the nine taps lie on the map, for every position: (H, W), 1..9.

    The other taps fall on the zeros of the padding, which equals the dilation: their
    weights are multiplied by 0 there.
    """
    ones = torch.ones(1, 1, height, width)
    kernel = torch.ones(1, 1, 3, 3)
    counts = F.conv2d(ones, kernel, padding=dilation, dilation=dilation)
    return counts[0, 0]  # (H, W)


def usable_taps(height: int, width: int, dilation: int = 4) -> Tensor:
    """For each of the nine taps, the share of positions where it lies on the map.

    (3, 3), 0..1: the centre has 1; a tap with 0 never meets the map, so its weight
    gets no gradient and never learns.
    """
    rows, columns = (
        torch.tensor([n - dilation, n, n - dilation]).clamp(min=0) / n
        for n in (height, width)
    )
    return rows[:, None] * columns[None, :]  # (3, 3)
