"""The small spatial module: one gate per position from 46 parameters.

Source: Xu Ma's "SpatialLayer", 2019, in the REU group's SResNet50; there is no paper.

    m = mean over channels                         (N, 1, H, W)
    a = ReLU(5x5 convolution of m)                 (N, 1, H, W)
    b = ReLU(3x3 convolution of a, stride 2)       (N, 1, ceil(H/2), ceil(W/2))
    u = nearest upsampling of b                    (N, 1, H, W)
    y = x * sigmoid(3x3 convolution of u)          (N, C, H, W)

26 + 10 + 10 = 46 parameters, whatever C is. We differ from the original in one point:
it doubles b, so it fails on odd maps (7 x 7) and turns a 1 x 1 map into 2 x 2. Ours
sizes u to the input; on even maps the two are equal. `upsample="x2"` is the original.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.errors import CourseError, check_choice

UPSAMPLES = ("match", "x2")
STARTS = ("xu-ma", "pytorch", "alive")


def small_spatial_gate(
    x: Tensor,
    w1: Tensor,
    b1: Tensor,
    w2: Tensor,
    b2: Tensor,
    w3: Tensor,
    b3: Tensor,
    upsample: str = "match",
) -> Tensor:
    """Gate in (0, 1) for every sample and position, shared by all channels.

    x (N, C, H, W), w1 (1, 1, 5, 5), w2 and w3 (1, 1, 3, 3), biases (1,)
    -> (N, 1, H, W).
    """
    check_choice("upsample", upsample, UPSAMPLES)
    m = x.mean(dim=1, keepdim=True)  # (N, 1, H, W)
    a = F.relu(F.conv2d(m, w1, b1, padding=2))  # (N, 1, H, W)
    b = F.relu(F.conv2d(a, w2, b2, stride=2, padding=1))  # (N, 1, H/2, W/2)
    if upsample == "match":
        u = F.interpolate(b, size=x.shape[2:], mode="nearest")  # (N, 1, H, W)
    else:
        u = F.interpolate(b, scale_factor=2, mode="nearest")  # (N, 1, 2(H/2), 2(W/2))
    return torch.sigmoid(F.conv2d(u, w3, b3, padding=1))  # (N, 1, H, W)


def alive_kernels(w1: Tensor, w2: Tensor) -> tuple[Tensor, Tensor]:
    """The first two kernels with new signs, so that a bright patch reaches the gate.

    w1 (1, 1, 5, 5) as a whole is kept or negated: its sum must not be below 0. In w2
    (1, 1, 3, 3) each weight must not be below 0. All sizes stay. Returns both.
    """
    return w1 * w1.sum().sign(), w2.abs()


class SmallSpatial(nn.Module):
    """Multiplies every position by its gate: x (N, C, H, W) -> (N, C, H, W).

    upsample: "match" takes any map; "x2" is the original and takes even maps only.
    start: how the 46 numbers begin.
        "xu-ma": weights N(0, sqrt(2 / (k * k))), biases 0, as his network sets them.
        "pytorch": PyTorch's own default, random biases included. Close to half of the
            gates then start dead: a hidden map is 0 everywhere, no gradient passes.
        "alive": our mend. Xu Ma's, with the first kernel's sum made positive and the
            second kernel made non-negative, so that a positive patch anywhere stays
            visible to the gate.
        Gates dead at the start for a batch of 8, all 16 of ResNet50 (CIFAR stem, noise
        images of 32 pixels, seeds 0 to 4): pytorch 46 %, xu-ma 1 %, alive 0 %.

    Raises CourseError for an unknown choice, and with "x2" on a map of odd size.
    """

    def __init__(self, upsample: str = "match", start: str = "xu-ma") -> None:
        super().__init__()
        check_choice("upsample", upsample, UPSAMPLES)
        check_choice("start", start, STARTS)
        self.upsample = upsample
        self.gather = nn.Conv2d(1, 1, kernel_size=5, padding=2)
        self.shrink = nn.Conv2d(1, 1, kernel_size=3, stride=2, padding=1)
        self.excite = nn.Conv2d(1, 1, kernel_size=3, padding=1)
        if start != "pytorch":
            for convolution in (self.gather, self.shrink, self.excite):
                std = math.sqrt(2 / convolution.kernel_size[0] ** 2)
                nn.init.normal_(convolution.weight, std=std)
                nn.init.zeros_(convolution.bias)
        if start == "alive":
            with torch.no_grad():
                w1, w2 = alive_kernels(self.gather.weight, self.shrink.weight)
                self.gather.weight.copy_(w1)
                self.shrink.weight.copy_(w2)

    def gate(self, x: Tensor) -> Tensor:
        """The bare gate: x (N, C, H, W) -> (N, 1, H, W), values in (0, 1)."""
        height, width = x.shape[2:]
        if self.upsample == "x2" and (height % 2 or width % 2):
            raise CourseError(
                f"upsample='x2' on a map of {height} x {width}",
                "even height and width, as the original module needs",
                "Use upsample='match'.",
            )
        return small_spatial_gate(
            x,
            self.gather.weight,
            self.gather.bias,
            self.shrink.weight,
            self.shrink.bias,
            self.excite.weight,
            self.excite.bias,
            self.upsample,
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x)  # (N, C, H, W)
