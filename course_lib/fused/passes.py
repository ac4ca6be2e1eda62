"""The passes over a map that the fused operations are made of, in plain PyTorch.

A map is (N, C, H, W). A pass reads whole maps, or writes one; vectors (N, C) or (C,)
and position maps (N, 1, H, W) are small beside it. Sums are kept in float32 at least,
also for maps in bfloat16.

`triton_passes` has the same functions as GPU kernels, each of which touches every
number of a map once. Here PyTorch may take several passes for one of them, unless a
compiler joins them.
"""

import torch
from torch import Tensor


def wide(x: Tensor) -> Tensor:
    """bfloat16 and float16 as float32, wider numbers as they are."""
    return x if x.dtype in (torch.float32, torch.float64) else x.float()


def spread(vector: Tensor) -> Tensor:
    """(N, C) -> (N, C, 1, 1), to stand beside a map."""
    return vector[:, :, None, None]


def moments(y: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance (divided by H W) of each channel of each image: two (N, C).

    Reads y.
    """
    variance, mean = torch.var_mean(wide(y), dim=(2, 3), correction=0)
    return mean, variance


def scale_add_relu(y: Tensor, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """relu(scale y + shift + x), scale and shift (N, C). Reads y and x, writes out."""
    out = wide(y) * spread(scale) + spread(shift) + wide(x)
    return torch.relu(out).to(y.dtype)


def behind_relu(grad: Tensor, out: Tensor) -> Tensor:
    """The gradient where the ReLU let something through: out > 0."""
    return torch.where(out > 0, grad, grad.new_zeros(()))


def masked_sums(grad: Tensor, out: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The gradient behind the ReLU, and its sums with 1 and with y.

    grad, out, y (N, C, H, W) -> g = grad where out > 0, A = sum of g over the map
    (N, C), B = sum of g y over the map (N, C). Reads grad, out and y, writes g.
    """
    g = torch.where(
        out > 0, grad, torch.zeros((), dtype=grad.dtype, device=grad.device)
    )
    a = wide(g).sum(dim=(2, 3))
    b = (wide(g) * wide(y)).sum(dim=(2, 3))
    return g, a, b


def combine(g: Tensor, y: Tensor, p: Tensor, q: Tensor, r: Tensor) -> Tensor:
    """p g + q + r y with p, q, r (N, C). Reads g and y, writes the result."""
    return (wide(g) * spread(p) + spread(q) + wide(y) * spread(r)).to(g.dtype)
