"""The exercises' formulas once more: slow, in NumPy loops, shared with nothing.

An answer is right when it equals these. They use no code of the library and no
vectorised call that could share its mistakes.
"""

import math

import numpy as np
from numpy import ndarray


def squeeze(x: ndarray) -> ndarray:
    """Average of each channel: x (N, C, H, W) -> (N, C)."""
    batch, channels, height, width = x.shape
    s = np.zeros((batch, channels))
    for n in range(batch):
        for c in range(channels):
            for i in range(height):
                for j in range(width):
                    s[n, c] += x[n, c, i, j] / (height * width)
    return s


def layer(s: ndarray, weight: ndarray, bias: ndarray | None) -> ndarray:
    """A fully connected layer: s (N, in), weight (out, in) -> (N, out)."""
    out = np.zeros((len(s), len(weight)))
    for n in range(len(s)):
        for k in range(len(weight)):
            out[n, k] = 0.0 if bias is None else bias[k]
            for c in range(weight.shape[1]):
                out[n, k] += weight[k, c] * s[n, c]
    return out


def relu(x: ndarray) -> ndarray:
    """x where positive, else 0."""
    return np.where(x > 0, x, 0.0)


def se_gate(
    x: ndarray,
    w1: ndarray,
    w2: ndarray,
    b1: ndarray | None = None,
    b2: ndarray | None = None,
) -> ndarray:
    """Squeeze, reduce, ReLU, expand, sigmoid: x (N, C, H, W) -> (N, C, 1, 1)."""
    logits = layer(relu(layer(squeeze(x), w1, b1)), w2, b2)
    g = np.zeros((*logits.shape, 1, 1))
    for n, row in enumerate(logits):
        for c, logit in enumerate(row):
            g[n, c, 0, 0] = 1 / (1 + math.exp(-logit))
    return g


def se_residual(
    y: ndarray,
    shortcut: ndarray,
    w1: ndarray,
    w2: ndarray,
    b1: ndarray | None = None,
    b2: ndarray | None = None,
) -> ndarray:
    """The gated branch plus the shortcut, then ReLU."""
    return relu(y * se_gate(y, w1, w2, b1, b2) + shortcut)


def convolution(
    x: ndarray, weight: ndarray, stride: int = 1, padding: int = 0
) -> ndarray:
    """x (N, Cin, H, W), weight (Cout, Cin, k, k) -> (N, Cout, H', W'), no bias."""
    size = weight.shape[2]
    edges = (padding, padding)
    padded = np.pad(x, ((0, 0), (0, 0), edges, edges))
    height = (padded.shape[2] - size) // stride + 1
    width = (padded.shape[3] - size) // stride + 1
    out = np.zeros((len(x), len(weight), height, width))
    for i in range(height):
        for j in range(width):
            top, left = i * stride, j * stride
            window = padded[:, :, top : top + size, left : left + size]
            for n in range(len(x)):
                for k in range(len(weight)):
                    out[n, k, i, j] = (window[n] * weight[k]).sum()
    return out
