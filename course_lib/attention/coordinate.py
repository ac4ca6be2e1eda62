"""Coordinate Attention: one gate per channel and row, one per channel and column.

Source: Hou, Zhou and Feng, "Coordinate Attention for Efficient Mobile Network Design",
2021, and the code its authors released.

    rows    = mean over each row                                     (N, C, H)
    columns = mean over each column                                  (N, C, W)
    h = h-swish(BatchNorm(1x1 convolution of [rows, columns]))       (N, M, H + W)
    g_h = sigmoid(1x1 convolution of the first H of h)               (N, C, H, 1)
    g_w = sigmoid(1x1 convolution of the last W of h)                (N, C, 1, W)
    y = x * g_h * g_w                                                (N, C, H, W)

h-swish(a) = a * min(max(a + 3, 0), 6) / 6. The first convolution and its BatchNorm
serve rows and columns alike; the two last convolutions are separate.

- Authors' code: M = max(8, C // r) with r = 32, and a bias in all three convolutions.
  The first one is idle: BatchNorm takes it out again, so in training its gradient is 0
  but for rounding. `bias=True`, our default.
- timm (CoordAttn): no biases (`bias=False`), and M is C / 24 rounded to a multiple
  of 8, so 88 against 64 at C = 2048. With equal M and bias the two are equal.

A gate of a row and a gate of a column multiply, so every channel's map has rank 1: it
can light one rectangle, not two corners across from each other. On a 1 x 1 map row and
column are the same number.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.attention.bam import Norm, identity
from course_lib.errors import CourseError


def coordinate_gates(
    x: Tensor,
    w1: Tensor,
    wh: Tensor,
    ww: Tensor,
    b1: Tensor | None = None,
    bh: Tensor | None = None,
    bw: Tensor | None = None,
    norm: Norm = identity,
) -> tuple[Tensor, Tensor]:
    """The gates of the rows and of the columns, each in (0, 1).

    x (N, C, H, W), w1 (M, C, 1, 1), wh and ww (C, M, 1, 1), optional biases b1 (M),
    bh and bw (C); norm acts on (N, M, H + W, 1) before the h-swish
    -> g_h (N, C, H, 1), g_w (N, C, 1, W).
    """
    rows = x.mean(dim=3, keepdim=True)  # (N, C, H, 1)
    columns = x.mean(dim=2, keepdim=True).transpose(2, 3)  # (N, C, W, 1)
    both = torch.cat([rows, columns], dim=2)  # (N, C, H + W, 1)
    h = F.hardswish(norm(F.conv2d(both, w1, b1)))  # (N, M, H + W, 1)
    h_rows, h_columns = h.split([x.shape[2], x.shape[3]], dim=2)
    g_h = torch.sigmoid(F.conv2d(h_rows, wh, bh))  # (N, C, H, 1)
    g_w = torch.sigmoid(F.conv2d(h_columns.transpose(2, 3), ww, bw))  # (N, C, 1, W)
    return g_h, g_w


class CoordinateAttention(nn.Module):
    """Multiplies every position by its two gates: x (N, C, H, W) -> (N, C, H, W).

    channels: C of the input.
    reduction: r, 32 in the authors' code.
    least: the fewest hidden channels; M = max(least, C // r), 8 in the authors' code.
    bias: biases in the three convolutions (True: authors' code; False: timm).

    Parameters: 3 C M + 2 M, plus 2 C + M with biases.
    Raises CourseError when channels, reduction or least is no count.
    """

    def __init__(
        self, channels: int, reduction: int = 32, least: int = 8, bias: bool = True
    ) -> None:
        super().__init__()
        counts = {"channels": channels, "reduction": reduction, "least": least}
        for name, value in counts.items():
            if not isinstance(value, int) or value < 1:
                raise CourseError(
                    f"{name}={value!r}",
                    "a whole number of at least 1",
                    f"Pass {name}=32.",
                )
        hidden = max(least, channels // reduction)
        self.reduce = nn.Conv2d(channels, hidden, kernel_size=1, bias=bias)
        self.norm = nn.BatchNorm2d(hidden)
        self.expand_rows = nn.Conv2d(hidden, channels, kernel_size=1, bias=bias)
        self.expand_columns = nn.Conv2d(hidden, channels, kernel_size=1, bias=bias)

    def gates(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (N, C, H, W) -> g_h (N, C, H, 1) and g_w (N, C, 1, W), each in (0, 1)."""
        return coordinate_gates(
            x,
            self.reduce.weight,
            self.expand_rows.weight,
            self.expand_columns.weight,
            self.reduce.bias,
            self.expand_rows.bias,
            self.expand_columns.bias,
            self.norm,
        )

    def gate(self, x: Tensor) -> Tensor:
        """The bare gate g_h * g_w: x (N, C, H, W) -> (N, C, H, W), in (0, 1)."""
        g_h, g_w = self.gates(x)
        return g_h * g_w

    def forward(self, x: Tensor) -> Tensor:
        g_h, g_w = self.gates(x)
        return x * g_h * g_w  # (N, C, H, W), laid out in memory as x is
