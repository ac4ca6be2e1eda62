"""BAM's formulas once more: slow, in NumPy loops, shared with nothing of the library.

Norms are plain functions here, such as v -> v / 2 + 0.1, which act alike on NumPy
arrays and tensors.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy import ndarray

from course_lib.exercises.formulas import layer, relu, squeeze

Norm = Callable[[ndarray], ndarray]


def bam_channel_branch(
    x: ndarray,
    w1: ndarray,
    b1: ndarray,
    w2: ndarray,
    b2: ndarray,
    norm_hidden: Norm,
    norm_end: Norm,
) -> ndarray:
    """Squeeze, reduce, norm, ReLU, expand, norm: x (N, C, H, W) -> (N, C, 1, 1)."""
    hidden = relu(norm_hidden(layer(squeeze(x), w1, b1)))
    return norm_end(layer(hidden, w2, b2)).reshape(*x.shape[:2], 1, 1)


def dilated(x: ndarray, weight: ndarray, bias: ndarray, dilation: int) -> ndarray:
    """x (N, in, H, W), weight (out, in, k, k) -> (N, out, H, W); taps off the map: 0.

    k is 1 or 3; the centre tap sits on the position itself.
    """
    batch, _, height, width = x.shape
    out = np.zeros((batch, len(weight), height, width)) + bias[:, None, None]
    taps = range(-(weight.shape[2] // 2), weight.shape[2] // 2 + 1)
    for i in range(height):
        for j in range(width):
            for a in taps:
                for b in taps:
                    row, column = i + a * dilation, j + b * dilation
                    if 0 <= row < height and 0 <= column < width:
                        tap = weight[:, :, a - taps[0], b - taps[0]]  # (out, in)
                        out[:, :, i, j] += x[:, :, row, column] @ tap.T
    return out


def bam_spatial_branch(
    x: ndarray,
    weights: Sequence[ndarray],
    biases: Sequence[ndarray],
    dilation: int,
    norms: Sequence[Norm],
    norm_end: Norm,
) -> ndarray:
    """1x1, dilated 3x3, dilated 3x3, 1x1: x (N, C, H, W) -> (N, 1, H, W)."""
    h = x
    for weight, bias, norm in zip(weights[:3], biases[:3], norms, strict=True):
        h = relu(norm(dilated(h, weight, bias, dilation)))
    return norm_end(dilated(h, weights[3], biases[3], dilation))


def bam_map(channel: ndarray, spatial: ndarray, combine: str = "sum") -> ndarray:
    """(N, C, 1, 1) and (N, 1, H, W) -> (N, C, H, W), one position after the other."""
    batch, channels = channel.shape[:2]
    m = np.zeros((batch, channels, *spatial.shape[2:]))
    for n, c, i, j in np.ndindex(m.shape):
        mc, ms = channel[n, c, 0, 0], spatial[n, 0, i, j]
        logit = mc + ms if combine == "sum" else mc * ms
        m[n, c, i, j] = 1 / (1 + math.exp(-logit))
    return m


def bam_refine(x: ndarray, m: ndarray) -> ndarray:
    """Every value once, plus its share m."""
    out = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(x.shape):
        share = m[n, c if m.shape[1] > 1 else 0, i, j]
        out[n, c, i, j] = x[n, c, i, j] + x[n, c, i, j] * share
    return out
