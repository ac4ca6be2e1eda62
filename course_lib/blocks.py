"""The residual blocks of ResNet50, each with a slot for an attention module.

Source: He et al. 2015 ("Bottleneck") and the REU network ("PreActBottleneck"). Pure
functions first (weights as arguments), then the modules.
"""

from collections.abc import Callable, Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.attention import AttentionFactory
from course_lib.attention.squeeze_excitation import se_gate

EXPANSION = 4  # a bottleneck's output has 4 times the channels of its 3x3 convolution

PLACEMENTS = {
    "branch": "after the last BatchNorm of the block, before the sum",
    "pre": "on what enters the block's residual branch",
    "post": "on the block's output, after the sum and its ReLU",
    "identity": "on the shortcut, after its projection if there is one",
    "conv2": "after the 3x3 convolution, its BatchNorm and ReLU",
    "between_stages": "after the last block of a stage",
}


def conv(in_channels: int, out_channels: int, size: int, stride: int = 1) -> nn.Conv2d:
    """A convolution without bias that keeps H x W at stride 1."""
    return nn.Conv2d(
        in_channels, out_channels, size, stride, padding=size // 2, bias=False
    )


def bottleneck(
    x: Tensor,
    shortcut: Tensor,
    w1: Tensor,
    w2: Tensor,
    w3: Tensor,
    norms: Sequence[Callable[[Tensor], Tensor]],
    stride: int = 1,
) -> Tensor:
    """1x1 reduce, 3x3, 1x1 expand, plus the shortcut; He et al. 2015, figure 5.

    x (N, Cin, H, W), shortcut (N, 4C, H', W'), w1 (C, Cin, 1, 1), w2 (C, C, 3, 3),
    w3 (4C, C, 1, 1), norms: three, one for each convolution -> (N, 4C, H', W').
    The stride sits in the 3x3 convolution, so H' is H / stride, rounded up.
    """
    y = F.relu(norms[0](F.conv2d(x, w1)))  # (N, C, H, W)
    y = F.relu(norms[1](F.conv2d(y, w2, stride=stride, padding=1)))  # (N, C, H', W')
    y = norms[2](F.conv2d(y, w3))  # (N, 4C, H', W')
    return F.relu(y + shortcut)


def projection(in_channels: int, out_channels: int, stride: int) -> nn.Module | None:
    """What the shortcut needs so that x (N, in_channels, H, W) fits the branch.

    None where x fits as it is. Otherwise a 1x1 convolution and a BatchNorm:
    -> (N, out_channels, H / stride, W / stride), rounded up.
    """
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(
        conv(in_channels, out_channels, 1, stride), nn.BatchNorm2d(out_channels)
    )


def build_stage(
    make_block: Callable[[int, int, int], nn.Module],
    in_channels: int,
    channels: int,
    count: int,
    stride: int,
) -> nn.Sequential:
    """`count` blocks in a row: x (N, in_channels, H, W) -> (N, 4 * channels, H', W').

    make_block: (in_channels, channels, stride) -> module with 4 * channels outputs.
    The first block takes the stride and the change of width, the others neither.
    """
    layers = [make_block(in_channels, channels, stride)]
    for _ in range(count - 1):
        layers.append(make_block(channels * EXPANSION, channels, 1))
    return nn.Sequential(*layers)


def se_residual(
    y: Tensor,
    shortcut: Tensor,
    w1: Tensor,
    w2: Tensor,
    b1: Tensor | None = None,
    b2: Tensor | None = None,
) -> Tensor:
    """The end of a block with Squeeze-and-Excitation on the branch.

    y (N, C, H, W) the branch after its last BatchNorm, shortcut (N, C, H, W), weights
    as in `se_gate` -> (N, C, H, W). The gate is made from y and scales y alone.
    """
    g = se_gate(y, w1, w2, b1, b2)  # (N, C, 1, 1)
    return F.relu(y * g + shortcut)  # (N, C, H, W)


class Block(nn.Module):
    """What both kinds of bottleneck share: one attention module at one place."""

    def place_attention(
        self,
        attention: AttentionFactory | None,
        placement: str,
        channels: dict[str, int],
    ) -> None:
        """Build the module for the number of channels at its place."""
        self.placement = placement
        self.attention = None
        if attention is not None:
            self.attention = attention(channels[placement])

    def attend(self, place: str, x: Tensor) -> Tensor:
        """Apply the attention module if `place` is where it goes."""
        if self.attention is not None and self.placement == place:
            return self.attention(x)
        return x


def channels_at(in_channels: int, channels: int) -> dict[str, int]:
    """How many channels an attention module meets at each place of a block."""
    out_channels = channels * EXPANSION
    places = {"pre": in_channels, "conv2": channels}
    return places | dict.fromkeys(("branch", "post", "identity"), out_channels)


class Bottleneck(Block):
    """The function `bottleneck` with its weights, and places for an attention module.

    x (N, in_channels, H, W) -> (N, 4 * channels, H / stride, W / stride).

    attention: called with the channels at its place, returns a module; or None.
    placement: a name of PLACEMENTS; "between_stages" means none inside the block.
    stride_in: "3x3" (torchvision and the released code) or "1x1" (the papers' count).
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        attention: AttentionFactory | None = None,
        placement: str = "branch",
        stride_in: str = "3x3",
    ) -> None:
        super().__init__()
        out_channels = channels * EXPANSION
        stride1, stride2 = (stride, 1) if stride_in == "1x1" else (1, stride)
        self.conv1 = conv(in_channels, channels, 1, stride1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = conv(channels, channels, 3, stride2)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = conv(channels, out_channels, 1)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.downsample = projection(in_channels, out_channels, stride)
        self.place_attention(attention, placement, channels_at(in_channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        y = self.attend("pre", x)  # (N, in_channels, H, W)
        y = F.relu(self.bn1(self.conv1(y)), inplace=True)  # (N, channels, H, W)
        y = F.relu(self.bn2(self.conv2(y)), inplace=True)
        y = self.attend("conv2", y)
        y = self.bn3(self.conv3(y))  # (N, 4 * channels, H / stride, W / stride)
        y = self.attend("branch", y)
        shortcut = x if self.downsample is None else self.downsample(x)
        shortcut = self.attend("identity", shortcut)
        return self.attend("post", F.relu(y + shortcut, inplace=True))


class PreActBottleneck(Block):
    """The REU network's block: BatchNorm and ReLU come before each convolution.

    Shapes and arguments as Bottleneck. The attention module in place "branch" sees
    the raw output of the last convolution, with no BatchNorm before it.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        attention: AttentionFactory | None = None,
        placement: str = "branch",
        stride_in: str = "3x3",
    ) -> None:
        super().__init__()
        out_channels = channels * EXPANSION
        stride1, stride2 = (stride, 1) if stride_in == "1x1" else (1, stride)
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = conv(in_channels, channels, 1, stride1)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv2 = conv(channels, channels, 3, stride2)
        self.bn3 = nn.BatchNorm2d(channels)
        self.conv3 = conv(channels, out_channels, 1)
        self.shortcut = None
        if stride != 1 or in_channels != out_channels:
            self.shortcut = conv(in_channels, out_channels, 1, stride)
        self.place_attention(attention, placement, channels_at(in_channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        active = F.relu(self.bn1(x), inplace=True)  # (N, in_channels, H, W)
        shortcut = x if self.shortcut is None else self.shortcut(active)
        y = self.conv1(self.attend("pre", active))  # (N, channels, H, W)
        y = self.conv2(F.relu(self.bn2(y), inplace=True))
        y = F.relu(self.bn3(y), inplace=True)
        y = self.conv3(self.attend("conv2", y))  # (N, 4 * channels, H', W')
        y = self.attend("branch", y)
        return self.attend("post", y + self.attend("identity", shortcut))
