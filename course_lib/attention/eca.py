"""Efficient Channel Attention: every channel's gate asks its neighbours alone.

Source: Wang, Wu, Zhu, Li, Zuo and Hu, "ECA-Net: Efficient Channel Attention for Deep
Convolutional Neural Networks", 2020, and the code its authors released.

    s = mean over the map                                    (N, C)
    g = sigmoid(1-D convolution of s over the channels)      (N, C)
    y = x * g                                                (N, C, H, W)

One kernel of k weights for all channels, without bias: k parameters, no hidden layer.
k is the odd number nearest to (log2(C) + 1) / 2, of two the upper one: 3 at C = 16, 5
at 256, 7 at 2048.

Paper, authors' code and ports differ in k:

- The released ResNet takes k = 3 in every stage unless told otherwise; the command in
  its README passes 3, 5, 5, 7 for the four stages of ResNet50, the formula gives 5, 5,
  5, 7. So 48, 80 or 86 parameters in all.
- timm computes k from C as we do, but never takes less than 3. Below 8 channels the
  formula gives 1, and so do we: then no channel asks another.

Convolution pads with zeros, so the first and last k // 2 channels have fewer
neighbours. Which channels are neighbours means nothing at the start of training; the
layers before the gate can learn an order that suits it.
"""

import math

import torch
from torch import Tensor, nn

from course_lib.attention.squeeze_excitation import squeeze
from course_lib.errors import CourseError


def eca_kernel_size(channels: int, gamma: float = 2, b: float = 1) -> int:
    """k, the odd number nearest to (log2(channels) + b) / gamma; ties go up.

    gamma, b: 2 and 1 in the paper.
    Raises CourseError unless channels is a whole number of at least 1.
    """
    if not isinstance(channels, int) or channels < 1:
        raise CourseError(
            f"channels={channels!r}",
            "a whole number of at least 1",
            "Pass channels=64.",
        )
    k = int(abs((math.log2(channels) + b) / gamma))
    return k if k % 2 else k + 1


def check_odd(kernel_size: int) -> None:
    """Raise CourseError unless kernel_size is an odd number of at least 1."""
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise CourseError(
            f"kernel_size={kernel_size}",
            "an odd number, so that every channel has as many neighbours each side",
            "Use 3, or leave it out for the paper's formula.",
        )


class ECA(nn.Module):
    """Multiplies every channel by its gate: x (N, C, H, W) -> (N, C, H, W).

    channels: C of the input; sets k by the paper's formula.
    kernel_size: k itself, odd, in place of the formula (3: the released default).

    Parameters: k. Raises CourseError for an even kernel.
    """

    def __init__(self, channels: int, kernel_size: int | None = None) -> None:
        super().__init__()
        k = eca_kernel_size(channels) if kernel_size is None else kernel_size
        check_odd(k)
        self.conv = nn.Conv1d(1, 1, k, padding=k // 2, bias=False)

    def gate(self, x: Tensor) -> Tensor:
        """The bare gate: x (N, C, H, W) -> (N, C, 1, 1), values in (0, 1)."""
        s = squeeze(x)[:, None]  # (N, 1, C): one signal, as long as there are channels
        return torch.sigmoid(self.conv(s))[:, 0, :, None, None]  # (N, C, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x)  # (N, C, H, W)
