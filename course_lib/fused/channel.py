"""out = relu(SE(BatchNorm(y)) + shortcut), and no pass over the map for SE.

Three observations, all for the training step:

1. Pooling commutes with BatchNorm: the mean of z = a y + d over the map is
   a mean(y) + d. BatchNorm reads y for its statistics anyway. Kept for each image
   instead of for the batch, they are SE's squeeze.
2. Scaling rides on the addition: out = relu((s a) y + (s d) + shortcut) is the pass
   that a plain block makes anyway, with other vectors.
3. Backward needs only A = sum of g and B = sum of g y for each image and channel,
   where g is the gradient behind the ReLU. BatchNorm's backward sums over g and y
   anyway. From A and B follow the gate's gradient, BatchNorm's and the vectors of the
   last pass.

Terms: y (N, C, H, W) the last convolution's output, p (N, C) the squeezed z, s (N, C)
the gate, M = N H W.
"""

from collections.abc import Callable
from types import ModuleType

import torch
from torch import Tensor

from course_lib.attention.squeeze_excitation import se_gate
from course_lib.fused import passes as plain_passes
from course_lib.fused.batch_norm import (
    Affine,
    affine,
    backward_of_batch_norm,
    batch_statistics,
)

Gate = Callable[..., Tensor]  # (p, *weights) -> s, both (N, C)


def excite(p: Tensor, *weights: Tensor) -> Tensor:
    """SE's gate from the squeezed p: weights w1, w2 and perhaps b1, b2, (N, C)."""
    return se_gate(p[:, :, None, None], *weights).flatten(1)


def no_gate(p: Tensor) -> Tensor:
    """The plain block: every gate is 1."""
    return torch.ones_like(p)


class ChannelTail(torch.autograd.Function):
    """The end of a block with a gate for each channel; see the top of this file.

    forward -> out (N, C, H, W), and BatchNorm's mean and variance (C,), which carry no
    gradient.
    """

    @staticmethod
    def forward(
        ctx,
        y: Tensor,
        shortcut: Tensor,
        norm_weight: Tensor,
        norm_bias: Tensor,
        eps: float,
        gate: Gate,
        passes: ModuleType,
        *gate_weights: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        image_mean, image_variance = passes.moments(y)  # pass: y -> (N, C) twice
        mean, variance = batch_statistics(image_mean, image_variance)  # (C,)
        z = affine(mean, variance, norm_weight, norm_bias, eps)  # z = a y + d
        p = z.a * image_mean + z.d  # (N, C)
        s = gate(p, *gate_weights)  # (N, C)
        out = passes.scale_add_relu(y, shortcut, s * z.a, s * z.d)  # pass: y, x -> out
        ctx.save_for_backward(y, out, image_mean, s, *z, *gate_weights)
        ctx.gate, ctx.passes = gate, passes
        ctx.mark_non_differentiable(mean, variance)
        return out, mean, variance

    @staticmethod
    def backward(ctx, grad: Tensor, *unused) -> tuple[Tensor | None, ...]:
        y, out, image_mean, s, *rest = ctx.saved_tensors
        z, gate_weights = Affine(*rest[:4]), rest[4:]
        positions = y.shape[2] * y.shape[3]
        count = y.shape[0] * positions  # M
        g, a_sum, b_sum = ctx.passes.masked_sums(grad, out, y)  # pass: 3 maps -> g
        ds = z.a * b_sum + z.d * a_sum  # (N, C): sum of g z
        p = z.a * image_mean + z.d
        dp, *d_gate = pull_back(ctx.gate, ds, p, *gate_weights)  # (N, C), weights
        # The gradient of z is dz = s g + dp / (H W); its sums over batch and map:
        sum_dz = (s * a_sum + dp).sum(0)  # (C,)
        sum_dz_y = (s * b_sum + dp * image_mean).sum(0)  # (C,)
        d_weight, d_bias, q, r = backward_of_batch_norm(sum_dz, sum_dz_y, z, count)
        q = q + z.a * dp / positions  # (N, C)
        dy = ctx.passes.combine(g, y, z.a * s, q, r.expand_as(q))  # pass: g, y -> dy
        return dy, g, d_weight, d_bias, None, None, None, *d_gate


def pull_back(gate: Gate, grad: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    """Gradients of all inputs of a small function, which is computed once more."""
    _, backward = torch.func.vjp(gate, *inputs)
    return backward(grad)


def bn_se_add_relu(
    y: Tensor,
    shortcut: Tensor,
    norm_weight: Tensor,
    norm_bias: Tensor,
    gate_weights: tuple[Tensor, ...] = (),
    eps: float = 1e-5,
    passes: ModuleType = plain_passes,
) -> tuple[Tensor, Tensor, Tensor]:
    """relu(SE(BatchNorm(y)) + shortcut) in training mode, as one operation.

    y, shortcut (N, C, H, W); norm_weight, norm_bias (C,); gate_weights: w1 (C//r, C),
    w2 (C, C//r) and perhaps b1 (C//r,), b2 (C,), or () for a block without SE.
    -> out (N, C, H, W), and the batch's mean and variance (C,) for running statistics.
    """
    gate = excite if gate_weights else no_gate
    return ChannelTail.apply(
        y, shortcut, norm_weight, norm_bias, eps, gate, passes, *gate_weights
    )
