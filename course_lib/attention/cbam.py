"""CBAM: a channel gate from two poolings, then a spatial gate from two maps.

Source: Woo, Park, Lee and Kweon, "CBAM: Convolutional Block Attention Module", 2018,
equations 2 (channel) and 3 (spatial). The paper leaves biases and BatchNorm open, so
the default is the network the authors released:

- the MLP has biases (timm: none, `mlp_bias=False`);
- the two pooled maps are stacked [max, mean] (the paper prints [avg; max], timm has
  [mean, max]: `map_order="mean-max"`);
- the 7x7 convolution is followed by a BatchNorm with momentum 0.01 and a scale that
  starts at 0, so every spatial gate starts at exactly 0.5 (timm: momentum 0.1, scale
  1; Xu Ma: momentum 0.01, scale 1; the paper's equation: none, `norm=False`).
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.attention.widths import hidden_width
from course_lib.errors import CourseError, check_choice

POOLS = ("avg", "max", "lp", "lse")
MAP_ORDERS = ("max-mean", "mean-max")
# The three arrangements of the paper's Table 3: the first is its choice; in the last
# both gates read x.
ORDERS = ("channel-first", "spatial-first", "parallel")


def pool(x: Tensor, kind: str) -> Tensor:
    """One number per channel: x (N, C, H, W) -> (N, C).

    kind: "avg" or "max"; the released code also offers "lp", the square root of the
    sum (not the mean) of squares, and "lse", the log of the sum of exponentials.
    """
    if kind == "avg":
        return x.mean(dim=(2, 3))
    if kind == "max":
        return F.adaptive_max_pool2d(x, 1).flatten(1)
    if kind == "lp":
        # Written with sqrt, a channel that is 0 everywhere would get NaN gradients.
        return torch.linalg.vector_norm(x, dim=(2, 3))
    if kind == "lse":
        return x.logsumexp(dim=(2, 3))
    check_choice("pool", kind, POOLS)
    raise AssertionError(kind)


def cbam_channel_gate(
    x: Tensor,
    w1: Tensor,
    w2: Tensor,
    b1: Tensor | None = None,
    b2: Tensor | None = None,
    pools: Sequence[str] = ("avg", "max"),
) -> Tensor:
    """Channel gate in (0, 1); equation 2: one MLP, used once per pooling, then summed.

    x (N, C, H, W), w1 (C//r, C), w2 (C, C//r), optional biases -> (N, C, 1, 1).
    """
    logits = 0.0
    for kind in pools:
        z = F.relu(F.linear(pool(x, kind), w1, b1))  # (N, C//r)
        logits = logits + F.linear(z, w2, b2)  # (N, C)
    return torch.sigmoid(logits)[:, :, None, None]  # (N, C, 1, 1)


def channel_maps(x: Tensor, map_order: str = "max-mean") -> Tensor:
    """Largest and mean value over the channels: x (N, C, H, W) -> (N, 2, H, W)."""
    check_choice("map_order", map_order, MAP_ORDERS)
    maps = [x.max(dim=1, keepdim=True).values, x.mean(dim=1, keepdim=True)]
    if map_order == "mean-max":
        maps.reverse()
    return torch.cat(maps, dim=1)


def cbam_spatial_gate(
    x: Tensor,
    weight: Tensor,
    norm: Callable[[Tensor], Tensor] | None = None,
    map_order: str = "max-mean",
) -> Tensor:
    """Spatial gate in (0, 1); equation 3.

    x (N, C, H, W), weight (1, 2, k, k) with k odd, no bias; `norm` is applied to the
    map before the sigmoid -> (N, 1, H, W).
    """
    maps = channel_maps(x, map_order)  # (N, 2, H, W)
    logits = F.conv2d(maps, weight, padding=weight.shape[-1] // 2)  # (N, 1, H, W)
    if norm is not None:
        logits = norm(logits)
    return torch.sigmoid(logits)  # (N, 1, H, W)


class CBAMChannel(nn.Module):
    """CBAM's channel gate alone: x (N, C, H, W) -> (N, C, H, W).

    channels: C; reduction: r = 16 in the paper; mlp_bias: biases in both layers; pools:
    names of POOLS, each of which passes the MLP.
    """

    def __init__(
        self,
        channels: int,
        reduction: int = 16,
        mlp_bias: bool = True,
        pools: Sequence[str] = ("avg", "max"),
    ) -> None:
        super().__init__()
        hidden = hidden_width(channels, reduction)
        for kind in pools:
            check_choice("pool", kind, POOLS)
        self.pools = tuple(pools)
        self.reduce = nn.Linear(channels, hidden, bias=mlp_bias)
        self.expand = nn.Linear(hidden, channels, bias=mlp_bias)

    def gate(self, x: Tensor) -> Tensor:
        """The bare gate: x (N, C, H, W) -> (N, C, 1, 1), values in (0, 1)."""
        w1, b1 = self.reduce.weight, self.reduce.bias
        w2, b2 = self.expand.weight, self.expand.bias
        return cbam_channel_gate(x, w1, w2, b1, b2, self.pools)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x)  # (N, C, H, W)


class CBAMSpatial(nn.Module):
    """CBAM's spatial gate alone: x (N, C, H, W) -> (N, C, H, W).

    On its own it is the REU group's spatial-only CBAM, without the channel MLP that
    their code builds and never uses.

    kernel_size: k, odd (7 in the paper). map_order, norm, bn_momentum, bn_scale: see
    the top of this file. Parameters: 2 k^2, plus 2 with the BatchNorm.
    """

    def __init__(
        self,
        kernel_size: int = 7,
        map_order: str = "max-mean",
        norm: bool = True,
        bn_momentum: float = 0.01,
        bn_scale: float = 0.0,
    ) -> None:
        super().__init__()
        check_choice("map_order", map_order, MAP_ORDERS)
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise CourseError(
                f"kernel_size={kernel_size}",
                "an odd number, so that the map keeps its size",
                "Pass kernel_size=7, the paper's.",
            )
        self.map_order = map_order
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)
        self.norm = None
        if norm:
            self.norm = nn.BatchNorm2d(1, momentum=bn_momentum)
            nn.init.constant_(self.norm.weight, bn_scale)

    def gate(self, x: Tensor) -> Tensor:
        """The bare gate: x (N, C, H, W) -> (N, 1, H, W), values in (0, 1)."""
        return cbam_spatial_gate(x, self.conv.weight, self.norm, self.map_order)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x)  # (N, C, H, W)


class CBAM(nn.Module):
    """Channel gate, then spatial gate: x (N, C, H, W) -> (N, C, H, W).

    order: see ORDERS; the rest: CBAMChannel, CBAMSpatial and the top of this file.
    Raises CourseError for an unknown choice, an even kernel, or when C // r is 0.
    """

    def __init__(
        self,
        channels: int,
        reduction: int = 16,
        kernel_size: int = 7,
        order: str = "channel-first",
        mlp_bias: bool = True,
        pools: Sequence[str] = ("avg", "max"),
        map_order: str = "max-mean",
        norm: bool = True,
        bn_momentum: float = 0.01,
        bn_scale: float = 0.0,
    ) -> None:
        super().__init__()
        check_choice("order", order, ORDERS)
        self.order = order
        self.channel = CBAMChannel(channels, reduction, mlp_bias, pools)
        self.spatial = CBAMSpatial(kernel_size, map_order, norm, bn_momentum, bn_scale)

    def gate(self, x: Tensor) -> Tensor:
        """Product of both gates, as applied to x: (N, C, H, W), values in (0, 1)."""
        if self.order == "parallel":
            return self.channel.gate(x) * self.spatial.gate(x)
        if self.order == "channel-first":
            channel = self.channel.gate(x)  # (N, C, 1, 1)
            return channel * self.spatial.gate(x * channel)
        spatial = self.spatial.gate(x)  # (N, 1, H, W)
        return spatial * self.channel.gate(x * spatial)

    def forward(self, x: Tensor) -> Tensor:
        if self.order == "channel-first":
            return self.spatial(self.channel(x))  # (N, C, H, W)
        if self.order == "spatial-first":
            return self.channel(self.spatial(x))
        return x * self.gate(x)
