"""out = relu(small_spatial(BatchNorm(y)) + shortcut) with one more pass each way.

The gate k (N, 1, H, W) is made from the mean of z = a y + d over the channels. That
mean needs BatchNorm's statistics of the whole batch first, so it is a pass over y of
its own. Backward, the gate's gradient is the sum over channels of g z: a pass over g
and y, before BatchNorm's sums can be made. The rest rides on a plain block's passes.
The same could be done for any gate that reads one number a position.

Written for reading and for torch.compile; there are no kernels for it.
Terms as in `channel`.
"""

import torch
from torch import Tensor

from course_lib.attention.spatial import small_spatial_gate
from course_lib.fused.batch_norm import (
    Affine,
    affine,
    backward_of_batch_norm,
    batch_statistics,
)
from course_lib.fused.channel import pull_back
from course_lib.fused.passes import behind_relu, moments, wide


def column(vector: Tensor) -> Tensor:
    """(C,) -> (1, C, 1, 1), to stand beside a map."""
    return vector[None, :, None, None]


def channel_mean(y: Tensor, z: Affine) -> Tensor:
    """The mean of a y + d over the channels: (N, C, H, W) -> (N, 1, H, W)."""
    weighted = (wide(y) * column(z.a)).mean(dim=1, keepdim=True)
    return weighted + z.d.mean()


class SpatialTail(torch.autograd.Function):
    """The end of a block with a gate for each position; see the top of this file."""

    @staticmethod
    def forward(
        ctx,
        y: Tensor,
        shortcut: Tensor,
        norm_weight: Tensor,
        norm_bias: Tensor,
        eps: float,
        *gate_weights: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        mean, variance = batch_statistics(*moments(y))  # pass: y -> (C,) twice
        z = affine(mean, variance, norm_weight, norm_bias, eps)
        m = channel_mean(y, z)  # extra pass: y -> (N, 1, H, W)
        k = small_spatial_gate(m, *gate_weights)  # (N, 1, H, W)
        scaled = k * (wide(y) * column(z.a) + column(z.d))
        out = torch.relu(scaled + wide(shortcut)).to(y.dtype)  # pass: y, x -> out
        ctx.save_for_backward(y, out, m, k, *z, *gate_weights)
        ctx.mark_non_differentiable(mean, variance)
        return out, mean, variance

    @staticmethod
    def backward(ctx, grad: Tensor, *unused) -> tuple[Tensor | None, ...]:
        y, out, m, k, *rest = ctx.saved_tensors
        z, gate_weights = Affine(*rest[:4]), rest[4:]
        count, channels = y.numel() // y.shape[1], y.shape[1]
        g = behind_relu(grad, out)
        # extra pass: g, y -> (N, 1, H, W), the sum over channels of g z
        z_map = wide(y) * column(z.a) + column(z.d)
        dk = (wide(g) * z_map).sum(dim=1, keepdim=True)
        dm, *d_gate = pull_back(small_spatial_gate, dk, m, *gate_weights)
        dz = wide(g) * k + dm / channels  # never written: recomputed where needed
        # pass: g, y -> (C,) twice
        sum_dz, sum_dz_y = dz.sum(dim=(0, 2, 3)), (dz * wide(y)).sum(dim=(0, 2, 3))
        d_weight, d_bias, q, r = backward_of_batch_norm(sum_dz, sum_dz_y, z, count)
        # pass: g, y -> dy
        dy = (column(z.a) * dz + column(q) + column(r) * wide(y)).to(y.dtype)
        return dy, g, d_weight, d_bias, None, *d_gate


def bn_spatial_add_relu(
    y: Tensor,
    shortcut: Tensor,
    norm_weight: Tensor,
    norm_bias: Tensor,
    gate_weights: tuple[Tensor, ...],
    eps: float = 1e-5,
) -> tuple[Tensor, Tensor, Tensor]:
    """relu(small spatial module (BatchNorm(y)) + shortcut) in training mode.

    y, shortcut (N, C, H, W); norm_weight, norm_bias (C,); gate_weights: the six of
    `small_spatial_gate`. -> out (N, C, H, W), the batch's mean and variance (C,).
    """
    return SpatialTail.apply(y, shortcut, norm_weight, norm_bias, eps, *gate_weights)
