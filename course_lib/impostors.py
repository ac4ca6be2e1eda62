"""Modules that are ECA, written in six ways, and modules that only look like it.

Notebook 12 asks a learner's test to accept the first and to catch the others. Nearly
all of the others train without an error.

Source of ECA: Wang et al., "ECA-Net: Efficient Channel Attention for Deep Convolutional
Neural Networks", 2020; see course_lib/attention/eca.py.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.attention import ECA, AttentionFactory
from course_lib.attention.eca import eca_kernel_size

Gate = Callable[[Tensor, Tensor], Tensor]  # s (N, C), w (k,) -> g (N, C)
Squeeze = Callable[[Tensor], Tensor]  # x (N, C, H, W) -> s (N, C)
Apply = Callable[[Tensor, Tensor], Tensor]  # x, g -> y (N, C, H, W)


def mean(x: Tensor) -> Tensor:
    """What ECA squeezes: x (N, C, H, W) -> s (N, C)."""
    return x.mean(dim=(2, 3))


def slide(s: Tensor, w: Tensor, step: int = 1) -> Tensor:
    """Each channel's neighbours, weighted: s (N, C), w (k,) -> (N, C); zeros outside.

    step: from one neighbour to the next. An even kernel gives one value too many, which
    is cut off.
    """
    reach = step * (len(w) // 2)
    filtered = F.conv1d(s[:, None], w[None, None], padding=reach, dilation=step)
    return filtered[:, 0, : s.shape[1]]


def local_gate(s: Tensor, w: Tensor) -> Tensor:
    """ECA's gate: s (N, C), w (k,) -> g (N, C)."""
    return torch.sigmoid(slide(s, w))


class LookAlike(nn.Module):
    """ECA in four exchangeable parts; with all four as they are, it is ECA."""

    def __init__(
        self, size: int, squeeze: Squeeze, gate: Gate, apply: Apply, shape: list[int]
    ) -> None:
        super().__init__()
        start = nn.Conv1d(1, 1, size).weight.detach()  # PyTorch's own random start
        self.filter = nn.Parameter(start.reshape([*shape, size]))
        self.parts = squeeze, gate, apply

    def gate(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) -> (N, C, 1, 1)."""
        squeeze, gate, _ = self.parts
        return gate(squeeze(x), self.filter.flatten())[:, :, None, None]

    def forward(self, x: Tensor) -> Tensor:
        return self.parts[2](x, self.gate(x))  # (N, C, H, W)


def look_alike(
    gate: Gate = local_gate,
    squeeze: Squeeze = mean,
    size: Callable[[int], int] = eca_kernel_size,
    apply: Apply = torch.mul,
    shape: tuple[int, ...] = (),
) -> AttentionFactory:
    """A factory, channels -> module, with some parts exchanged.

    shape: axes of length 1 before the kernel's own, as a convolution has them.
    """
    return lambda channels: LookAlike(size(channels), squeeze, gate, apply, list(shape))


# --- right --------------------------------------------------------------------------


def copies(s: Tensor, w: Tensor) -> Tensor:
    """One shifted copy of s for each weight: no convolution."""
    reach, channels = len(w) // 2, s.shape[1]
    padded = F.pad(s, (reach, reach))
    shifted = [v * padded[:, j : j + channels] for j, v in enumerate(w)]
    return torch.sigmoid(torch.stack(shifted).sum(dim=0))


def band(s: Tensor, w: Tensor) -> Tensor:
    """A (C, C) matrix that is 0 but for k diagonals."""
    return torch.sigmoid(F.linear(s, band_matrix(w, s.shape[1])))


def band_matrix(w: Tensor, channels: int) -> Tensor:
    """Which channel asks which: w (k,) -> (C, C), row c holds the weights of gate c."""
    rows = torch.eye(channels, dtype=w.dtype)  # row c is a pulse on channel c
    return slide(rows, w).T


def double_mean(x: Tensor) -> Tensor:
    """The mean, taken in float64."""
    return x.double().mean(dim=(2, 3)).to(x.dtype)


def written_out(x: Tensor, g: Tensor) -> Tensor:
    """x / (1 + exp(-z)), z being the logit of g: no product, and other roundings."""
    return x / (1 + torch.exp(-g.logit()))


RIGHT: dict[str, AttentionFactory] = {
    "1-D convolution": ECA,
    "kernel of a 2-D convolution": look_alike(shape=(1, 1, 1)),
    "shifted copies": look_alike(copies),
    "band matrix": look_alike(band, shape=(1,)),
    "mean in float64": look_alike(squeeze=double_mean),
    "sigmoid written out": look_alike(apply=written_out),
}

# --- wrong --------------------------------------------------------------------------


def exact(channels: int) -> float:
    """What the formula says before it is made odd."""
    return (math.log2(channels) + 1) / 2


def ends(mode: str) -> Gate:
    """A gate that pads with something else than zeros."""

    def gate(s: Tensor, w: Tensor) -> Tensor:
        reach = len(w) // 2
        padded = F.pad(s[:, None], (reach, reach), mode=mode)  # (N, 1, C + 2 reach)
        return torch.sigmoid(F.conv1d(padded, w[None, None])[:, 0])

    return gate


def unpadded(s: Tensor, w: Tensor) -> Tensor:
    """Too few gates."""
    return torch.sigmoid(F.conv1d(s[:, None], w[None, None])[:, 0])


def over_samples(s: Tensor, w: Tensor) -> Tensor:
    """Neighbours in the batch, not neighbouring channels."""
    return torch.sigmoid(slide(s.T, w).T)


def backwards_only(s: Tensor, w: Tensor) -> Tensor:
    """No channel asks a later one."""
    earlier = torch.arange(len(w)) <= len(w) // 2
    return torch.sigmoid(slide(s, w * earlier))


def common(s: Tensor, w: Tensor) -> Tensor:
    """The mean gate, for every channel."""
    return local_gate(s, w).mean(dim=1, keepdim=True).expand_as(s)


SIZES = {
    "kernel of 3 everywhere": look_alike(size=lambda c: 3),
    "kernel of 5 everywhere": look_alike(size=lambda c: 5),
    "kernel of 5 at most": look_alike(size=lambda c: min(5, eca_kernel_size(c))),
    "even kernel": look_alike(size=lambda c: int(exact(c))),
    "rounded, then made odd": look_alike(size=lambda c: round(exact(c)) // 2 * 2 + 1),
}
POOLING = {
    "maximum for the mean": look_alike(squeeze=lambda x: x.amax(dim=(2, 3))),
    "one position for the mean": look_alike(squeeze=lambda x: x[:, :, 0, 0]),
    "sum for the mean": look_alike(squeeze=lambda x: x.sum(dim=(2, 3))),
    "mean over the batch": look_alike(
        squeeze=lambda x: x.mean(dim=(0, 2, 3)).expand(len(x), -1)
    ),
}
CONVOLUTION = {
    "no padding": look_alike(unpadded),
    "ends joined": look_alike(ends("circular")),
    "ends repeated": look_alike(ends("replicate")),
    "kernel turned round": look_alike(lambda s, w: local_gate(s, w.flip(0))),
    "every second neighbour": look_alike(lambda s, w: slide(s, w, 2).sigmoid()),
    "earlier neighbours only": look_alike(backwards_only),
    "convolution over samples": look_alike(over_samples),
}
GATE = {
    "no sigmoid": look_alike(slide),
    "sigmoid first": look_alike(lambda s, w: slide(s.sigmoid(), w)),
    "softmax for the sigmoid": look_alike(lambda s, w: slide(s, w).softmax(dim=1)),
    "one gate for all": look_alike(common),
    "one plus the gate": look_alike(apply=lambda x, g: x * (1 + g)),
    "gate applied twice": look_alike(apply=lambda x, g: x * g * g),
}
WRONG: dict[str, AttentionFactory] = SIZES | POOLING | CONVOLUTION | GATE
