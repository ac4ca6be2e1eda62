"""Squeeze-and-Excitation: one gate per channel, from the average of each channel.

Source: Hu, Shen, Albanie, Sun and Wu, "Squeeze-and-Excitation Networks", 2017,
equations 2 (squeeze) and 3 (excitation). Default: biases present, as in the network
the authors released (their text recommends leaving them out: `bias=False`).

Terms: N batch, C channels, H x W map, r reduction; x input, s squeezed, z hidden,
g gate.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.attention.widths import hidden_width


def squeeze(x: Tensor) -> Tensor:
    """Average of each channel over the map: x (N, C, H, W) -> s (N, C)."""
    return x.mean(dim=(2, 3))


def se_gate(
    x: Tensor,
    w1: Tensor,
    w2: Tensor,
    b1: Tensor | None = None,
    b2: Tensor | None = None,
) -> Tensor:
    """Gate in (0, 1) for every sample and channel; equations 2 and 3.

    x (N, C, H, W), w1 (C//r, C), w2 (C, C//r), optional biases b1 (C//r), b2 (C)
    -> g (N, C, 1, 1).
    """
    s = squeeze(x)  # (N, C)
    z = F.relu(F.linear(s, w1, b1))  # (N, C//r)
    g = torch.sigmoid(F.linear(z, w2, b2))  # (N, C)
    return g[:, :, None, None]  # (N, C, 1, 1)


class SqueezeExcitation(nn.Module):
    """Multiplies every channel by its gate: x (N, C, H, W) -> (N, C, H, W).

    channels: C of the input.
    reduction: r, the hidden layer has exactly C // r units (16 in the paper).
    bias: biases in both layers (True: the authors' released network and timm;
        False: the paper's ablations, moskomule's and Xu Ma's code).
    round_to: 8 gives timm's rounded hidden width; 1 the paper's. No check looks at it.

    Parameters: 2 C (C//r), plus C//r + C with biases.
    Raises CourseError when C // r is 0.
    """

    def __init__(
        self, channels: int, reduction: int = 16, bias: bool = True, round_to: int = 1
    ) -> None:
        super().__init__()
        hidden = hidden_width(channels, reduction, round_to)
        self.reduce = nn.Linear(channels, hidden, bias=bias)
        self.expand = nn.Linear(hidden, channels, bias=bias)

    def gate(self, x: Tensor) -> Tensor:
        """The bare gate: x (N, C, H, W) -> (N, C, 1, 1), values in (0, 1)."""
        reduce, expand = self.reduce, self.expand
        return se_gate(x, reduce.weight, expand.weight, reduce.bias, expand.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x)  # (N, C, H, W)
