"""BatchNorm's statistics as vectors: what the fused operations need of it.

BatchNorm gives z = a y + d in each channel, a = weight / sigma, d = bias - a mu. All of
it follows from each image's mean and variance, without another look at the map.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Affine(NamedTuple):
    """BatchNorm as z = a y + d, and what its backward needs; each (C,)."""

    a: Tensor
    d: Tensor
    mean: Tensor
    inverse_sigma: Tensor


def batch_statistics(mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance over the batch, (C,) each, from those of each image (N, C).

    The variance of all is the mean of the variances plus the variance of the means.
    """
    return mean.mean(0), variance.mean(0) + mean.var(0, correction=0)


def affine(
    mean: Tensor, variance: Tensor, weight: Tensor, bias: Tensor, eps: float
) -> Affine:
    """z = a y + d for these statistics; all vectors (C,)."""
    inverse_sigma = torch.rsqrt(variance + eps)
    a = weight * inverse_sigma
    return Affine(a, bias - a * mean, mean, inverse_sigma)


@torch.no_grad()
def update_running(
    norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor, count: int
) -> None:
    """Move the running statistics as nn.BatchNorm2d does.

    mean, variance (C,) of the batch, over `count` numbers a channel; the running
    variance is the unbiased one, divided by count - 1.
    """
    if not norm.track_running_stats:
        return
    norm.num_batches_tracked += 1
    momentum = norm.momentum
    if momentum is None:  # the mean over all batches so far
        momentum = 1.0 / norm.num_batches_tracked
    unbiased = variance * (count / (count - 1))
    norm.running_mean.lerp_(mean.to(norm.running_mean.dtype), momentum)
    norm.running_var.lerp_(unbiased.to(norm.running_var.dtype), momentum)


def backward_of_batch_norm(
    sum_dz: Tensor, sum_dz_y: Tensor, z: Affine, count: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """BatchNorm's backward, up to its one pass over the map.

    sum_dz, sum_dz_y (C,): sums of dz and dz y over batch and map, where dz is the
    gradient of BatchNorm's output; count: how many numbers that are.
    -> gradients of weight and bias (C,), and q, r (C,) in dy = a dz + q + r y.
    """
    d_weight = z.inverse_sigma * (sum_dz_y - z.mean * sum_dz)
    r = -z.a * z.inverse_sigma * d_weight / count
    q = -z.a * sum_dz / count - r * z.mean
    return d_weight, sum_dz, q, r
