"""BAM, the Bottleneck Attention Module: a channel branch and a spatial branch, merged.

Source: Park, Woo, Lee and Kweon, "BAM: Bottleneck Attention Module", 2018:
y = x + x * M, M = sigmoid(Mc + Ms), written here as y = (1 + M) * x.

Paper and released code differ in two ways, and both are arguments here:

- combine: the paper adds the two branches ("sum"), the code multiplies them
  ("product").
- norm, where BatchNorm sits: once at the end of each branch in the paper ("ends"),
  after each hidden layer and never at the end in the code ("hidden"). Xu Ma's version
  of the code has none in the channel branch ("hidden-spatial").

The paper's equations print no ReLU; without any, a stack of convolutions would be one
convolution. We keep the ReLU of the released code after every hidden layer.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.attention.squeeze_excitation import squeeze
from course_lib.attention.widths import hidden_width
from course_lib.errors import CourseError, check_choice

Norm = Callable[[Tensor], Tensor]
COMBINE = ("sum", "product")
NORM = ("ends", "hidden", "hidden-spatial")
POOL = ("global", "square")


def identity(x: Tensor) -> Tensor:
    """No normalisation."""
    return x


def left_square(x: Tensor) -> Tensor:
    """What the released code pools: a window of H x H, not H x W.

    x (N, C, H, W) -> (N, C, H, H), all of x on square maps. Where H < W < 2 H the code
    silently sees only this left square; any other shape fails.
    """
    height, width = x.shape[2:]
    if not height <= width < 2 * height:
        raise CourseError(
            f"pool='square' on a map of {height} x {width}",
            "H <= W < 2 H, as in the released code",
            "Use pool='global', which takes any map.",
        )
    return x[:, :, :, :height]


def bam_channel_branch(
    x: Tensor,
    w1: Tensor,
    b1: Tensor,
    w2: Tensor,
    b2: Tensor,
    norm_hidden: Norm = identity,
    norm_end: Norm = identity,
) -> Tensor:
    """Channel logits Mc, before the sigmoid: x (N, C, H, W) -> (N, C, 1, 1).

    w1 (C//r, C), w2 (C, C//r), biases b1 (C//r), b2 (C). norm_hidden acts on the
    hidden units before their ReLU, norm_end on the result; both keep the shape.
    """
    s = squeeze(x)  # (N, C)
    z = F.relu(norm_hidden(F.linear(s, w1, b1)))  # (N, C//r)
    logits = norm_end(F.linear(z, w2, b2))  # (N, C)
    return logits[:, :, None, None]  # (N, C, 1, 1)


def bam_spatial_branch(
    x: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    dilation: int = 4,
    norms: Sequence[Norm] = (identity, identity, identity),
    norm_end: Norm = identity,
) -> Tensor:
    """Spatial logits Ms, before the sigmoid: x (N, C, H, W) -> (N, 1, H, W).

    Four convolutions: 1x1 (C -> C//r), two 3x3 with `dilation`, 1x1 (C//r -> 1), each
    with a weight and a bias; the map keeps its size. norms act before the ReLU of the
    first three, norm_end on the result.
    """
    h = F.relu(norms[0](F.conv2d(x, weights[0], biases[0])))  # (N, C//r, H, W)
    for i in (1, 2):
        h = F.conv2d(h, weights[i], biases[i], padding=dilation, dilation=dilation)
        h = F.relu(norms[i](h))  # (N, C//r, H, W)
    return norm_end(F.conv2d(h, weights[3], biases[3]))  # (N, 1, H, W)


def bam_map(channel: Tensor, spatial: Tensor, combine: str = "sum") -> Tensor:
    """Merge the branches into M in (0, 1).

    channel (N, C, 1, 1), spatial (N, 1, H, W), both logits -> M (N, C, H, W).
    combine: "sum" is the paper's, "product" the released code's. Raises an error for
    another combine.
    """
    check_choice("combine", combine, COMBINE)
    logits = channel + spatial if combine == "sum" else channel * spatial
    return torch.sigmoid(logits)  # (N, C, H, W)


def bam_refine(x: Tensor, m: Tensor) -> Tensor:
    """x refined by its map m in (0, 1): every value grows by its share m.

    x (N, C, H, W), m (N, C, H, W), or (N, 1, H, W) for the spatial branch alone
    -> (N, C, H, W). The paper writes x + x * m: x is there once, not twice.
    """
    return x * (1 + m)  # (N, C, H, W)


class BAMChannel(nn.Module):
    """BAM's channel branch with its weights: x (N, C, H, W) -> logits (N, C, 1, 1)."""

    def __init__(
        self,
        channels: int,
        reduction: int = 16,
        norm: str = "ends",
        pool: str = "global",
    ) -> None:
        super().__init__()
        check_choice("norm", norm, NORM)
        check_choice("pool", pool, POOL)
        hidden = hidden_width(channels, reduction)
        self.pool = pool
        self.reduce = nn.Linear(channels, hidden)
        self.expand = nn.Linear(hidden, channels)
        self.norm_hidden = nn.BatchNorm1d(hidden) if norm == "hidden" else nn.Identity()
        self.norm_end = nn.BatchNorm1d(channels) if norm == "ends" else nn.Identity()
        self.batch_norm = norm != "hidden-spatial"

    def forward(self, x: Tensor) -> Tensor:
        if self.training and self.batch_norm and x.shape[0] == 1:
            raise CourseError(
                "BAM in training mode with a batch of 1 image",
                "at least 2 images, since its BatchNorm needs a spread",
                "Drop the last partial batch, or call .eval() first.",
            )
        return bam_channel_branch(
            x if self.pool == "global" else left_square(x),
            self.reduce.weight,
            self.reduce.bias,
            self.expand.weight,
            self.expand.bias,
            self.norm_hidden,
            self.norm_end,
        )


class BAMSpatial(nn.Module):
    """BAM's spatial branch, on its own y = (1 + sigmoid(Ms)) * x.

    This is the REU group's spatial-only BAM: the released code's branch, BatchNorm
    after the first three convolutions. `logits` returns Ms (N, 1, H, W), which the
    full BAM merges with its channel branch.

    channels: C; reduction: r, hidden C // r; dilation: of the two 3x3 convolutions.
    norm: see the top of this file ("hidden-spatial" means the same as "hidden" here).
    Raises CourseError when C // r is 0 or `norm` is unknown.
    """

    def __init__(
        self,
        channels: int,
        reduction: int = 16,
        dilation: int = 4,
        norm: str = "hidden",
    ) -> None:
        super().__init__()
        check_choice("norm", norm, NORM)
        hidden = hidden_width(channels, reduction)
        self.dilation = dilation
        size = {"kernel_size": 3, "padding": dilation, "dilation": dilation}
        self.reduce = nn.Conv2d(channels, hidden, kernel_size=1)
        self.dilated1 = nn.Conv2d(hidden, hidden, **size)
        self.dilated2 = nn.Conv2d(hidden, hidden, **size)
        self.to_map = nn.Conv2d(hidden, 1, kernel_size=1)
        ends = norm == "ends"
        self.norms = nn.ModuleList(
            nn.Identity() if ends else nn.BatchNorm2d(hidden) for _ in range(3)
        )
        self.norm_end = nn.BatchNorm2d(1) if ends else nn.Identity()

    def logits(self, x: Tensor) -> Tensor:
        """Ms before the sigmoid: x (N, C, H, W) -> (N, 1, H, W)."""
        convolutions = [self.reduce, self.dilated1, self.dilated2, self.to_map]
        return bam_spatial_branch(
            x,
            [convolution.weight for convolution in convolutions],
            [convolution.bias for convolution in convolutions],
            self.dilation,
            list(self.norms),
            self.norm_end,
        )

    def gate(self, x: Tensor) -> Tensor:
        """The bare map in (0, 1): x (N, C, H, W) -> (N, 1, H, W)."""
        return torch.sigmoid(self.logits(x))

    def forward(self, x: Tensor) -> Tensor:
        return bam_refine(x, self.gate(x))  # (N, C, H, W)


class BAM(nn.Module):
    """y = (1 + M) * x with M from both branches: x (N, C, H, W) -> (N, C, H, W).

    channels: C; reduction: r = 16 in the paper; dilation: 4 in the paper.
    combine: "sum" (paper) or "product" (released code).
    norm: "ends" (paper), "hidden" (released code), "hidden-spatial" (Xu Ma). Left at
        None it follows `combine`: paper with "sum", released code with "product".
    pool: "global", or "square" for the released code's H x H window.

    The factor 1 + M lies in (1, 2): BAM can amplify, never silence.
    Raises CourseError for an unknown choice, when C // r is 0, and in training mode
    for a batch of one image (its BatchNorm1d needs at least two).
    """

    def __init__(
        self,
        channels: int,
        reduction: int = 16,
        dilation: int = 4,
        combine: str = "sum",
        norm: str | None = None,
        pool: str = "global",
    ) -> None:
        super().__init__()
        check_choice("combine", combine, COMBINE)
        if norm is None:
            norm = "ends" if combine == "sum" else "hidden"
        self.combine = combine
        self.channel = BAMChannel(channels, reduction, norm, pool)
        self.spatial = BAMSpatial(channels, reduction, dilation, norm)

    def gate(self, x: Tensor) -> Tensor:
        """The bare map M in (0, 1): x (N, C, H, W) -> (N, C, H, W)."""
        channel, spatial = self.channel(x), self.spatial.logits(x)
        if not x.is_contiguous(memory_format=torch.channels_last):
            return bam_map(channel, spatial, self.combine)
        # M must lie in memory as x does, or every product of the two is slow.
        order = (0, 2, 3, 1)
        m = bam_map(channel.permute(order), spatial.permute(order), self.combine)
        return m.permute(0, 3, 1, 2)  # (N, H, W, C) -> (N, C, H, W)

    def forward(self, x: Tensor) -> Tensor:
        return bam_refine(x, self.gate(x))  # (N, C, H, W)
