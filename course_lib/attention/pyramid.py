"""Spatial pyramid attention: a channel gate that knows roughly where things are.

Source: the layer "SPPSELayer" of SPPSEResNet in Xu Ma's code, ma-xu/SPANet, 2019, by
the same group as the small spatial module. We follow this code, not the papers (SPANet,
ICME 2020, and its longer form of 2021): we have not read them, so whether their
equations say the same is not known to us.

    s = averages over 1x1, 2x2 and 4x4 grids of the map, joined     (N, 21 C)
    z = ReLU(linear layer of s)                                     (N, C // r)
    g = sigmoid(linear layer of z)                                  (N, C)
    y = x * g                                                       (N, C, H, W)

Squeeze-and-Excitation with 1 + 4 + 16 = 21 averages of each channel instead of one.
The gate is still one number per channel, equal at every position. No biases, r = 16.
Order in s: the grids one after another; within a grid channel by channel, then rows.

The released layer flattens with `view`, which fails on channels_last maps; ours takes
them. Otherwise the two are equal. Its table of results also names PSPPSE (the gate is
made from the block's input) and CPSPPSE; neither is built here.

The code of 2021 (ma-xu/SPANet_TMM) is another module under the same idea: it adds the
three grids, each with a learned weight, on 4 x 4 positions, takes 1x1 convolutions with
a BatchNorm, and spreads the 4 x 4 gates over the map. There the gate has positions.

Bins of a grid, on any map: bin i of L covers rows floor(i H / L) up to, not including,
ceil((i + 1) H / L). Where L divides H they tile the map. Where it does not, some
neighbours overlap by one row. Below L rows, rows are used again: on 2 rows each fills
two of the four bins; on a 1 x 1 map all 21 averages are the same number, and the gate
is an ordinary SE gate whose first weights are sums over the 21 columns of each channel.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.attention.widths import hidden_width
from course_lib.errors import CourseError

LEVELS = (1, 2, 4)


def pyramid_squeeze(x: Tensor, levels: Sequence[int] = LEVELS) -> Tensor:
    """Averages over each grid: x (N, C, H, W) -> s (N, C * sum of levels squared)."""
    grids = [F.adaptive_avg_pool2d(x, level) for level in levels]  # (N, C, L, L)
    return torch.cat([grid.flatten(1) for grid in grids], dim=1)  # (N, 21 C)


def pyramid_gate(
    x: Tensor, w1: Tensor, w2: Tensor, levels: Sequence[int] = LEVELS
) -> Tensor:
    """Gate in (0, 1) for every sample and channel.

    x (N, C, H, W), w1 (C//r, 21 C), w2 (C, C//r) -> g (N, C, 1, 1).
    """
    s = pyramid_squeeze(x, levels)  # (N, 21 C)
    z = F.relu(F.linear(s, w1))  # (N, C//r)
    g = torch.sigmoid(F.linear(z, w2))  # (N, C)
    return g[:, :, None, None]  # (N, C, 1, 1)


class PyramidAttention(nn.Module):
    """Multiplies every channel by its gate: x (N, C, H, W) -> (N, C, H, W).

    channels: C of the input.
    reduction: r, the hidden layer has C // r units (16 in the released code).
    levels: rows and columns of each grid, (1, 2, 4) in the released code; (1,) is
        Squeeze-and-Excitation without biases.

    Parameters: (C//r) * 22 C with the three default grids.
    Raises CourseError when C // r is 0, or for a grid without cells.
    """

    def __init__(
        self, channels: int, reduction: int = 16, levels: Sequence[int] = LEVELS
    ) -> None:
        super().__init__()
        if not levels or min(levels) < 1:
            raise CourseError(
                f"levels={tuple(levels)}",
                "one or more grids of at least 1 x 1",
                "Use levels=(1, 2, 4).",
            )
        hidden = hidden_width(channels, reduction)
        self.levels = tuple(levels)
        cells = sum(level**2 for level in self.levels)  # 21
        self.reduce = nn.Linear(cells * channels, hidden, bias=False)
        self.expand = nn.Linear(hidden, channels, bias=False)

    def gate(self, x: Tensor) -> Tensor:
        """The bare gate: x (N, C, H, W) -> (N, C, 1, 1), values in (0, 1)."""
        return pyramid_gate(x, self.reduce.weight, self.expand.weight, self.levels)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x)  # (N, C, H, W)
