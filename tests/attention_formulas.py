"""The modules once more, slowly, in NumPy: written from the formulas, eval mode.

Loops and float64, no torch: an independent second opinion. `p` is a state_dict as
NumPy arrays; x is (N, C, H, W); every function returns the bare gate.
"""

import numpy as np

EPS = 1e-5  # of BatchNorm


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def relu(a):
    return np.maximum(a, 0)


def linear(v, p, name):
    """v (N, in) -> (N, out); the bias may be missing."""
    return v @ p[f"{name}.weight"].T + p.get(f"{name}.bias", 0)


def batch_norm(a, p, name):
    """With the stored statistics over axis 1; nothing where there is no such layer."""
    if f"{name}.weight" not in p:
        return a
    shape = (1, -1) + (1,) * (a.ndim - 2)
    mean, var, scale, shift = (
        p[f"{name}.{leaf}"].reshape(shape)
        for leaf in ("running_mean", "running_var", "weight", "bias")
    )
    return (a - mean) / np.sqrt(var + EPS) * scale + shift


def convolution(a, p, name, stride=1, dilation=1):
    """Same-size padding, one output position at a time: a (N, in, H, W)."""
    kernel, bias = p[f"{name}.weight"], p.get(f"{name}.bias", 0)
    k = kernel.shape[-1]
    pad = dilation * (k // 2)
    height, width = a.shape[2:]
    padded = np.pad(a, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    rows, columns = range(0, height, stride), range(0, width, stride)
    out = np.empty((len(a), len(kernel), len(rows), len(columns)))
    reach = dilation * (k - 1) + 1
    for i, top in enumerate(rows):
        for j, left in enumerate(columns):
            patch = padded[:, :, top : top + reach, left : left + reach]
            patch = patch[:, :, ::dilation, ::dilation]  # (N, in, k, k)
            out[:, :, i, j] = np.einsum("nckl,ockl->no", patch, kernel) + bias
    return out


def mlp(s, p, prefix=""):
    """(N, C) -> (N, C), one hidden layer."""
    return linear(relu(linear(s, p, f"{prefix}reduce")), p, f"{prefix}expand")


def se(x, p):
    return sigmoid(mlp(x.mean((2, 3)), p))[:, :, None, None]


def bam_channel(x, p):
    z = batch_norm(
        linear(x.mean((2, 3)), p, "channel.reduce"), p, "channel.norm_hidden"
    )
    logits = linear(relu(z), p, "channel.expand")
    return batch_norm(logits, p, "channel.norm_end")[:, :, None, None]


def bam_spatial(x, p, prefix="", dilation=4):
    h = x
    for i, layer in enumerate(("reduce", "dilated1", "dilated2")):
        h = convolution(h, p, prefix + layer, dilation=dilation if i else 1)
        h = relu(batch_norm(h, p, f"{prefix}norms.{i}"))
    return batch_norm(convolution(h, p, prefix + "to_map"), p, prefix + "norm_end")


def bam(x, p, combine="sum", dilation=4):
    mc, ms = bam_channel(x, p), bam_spatial(x, p, "spatial.", dilation)
    return sigmoid(mc + ms if combine == "sum" else mc * ms)


POOLS = {
    "avg": lambda x: x.mean((2, 3)),
    "max": lambda x: x.max((2, 3)),
    "lp": lambda x: np.sqrt((x**2).sum((2, 3))),
    "lse": lambda x: np.log(np.exp(x).sum((2, 3))),
}


def cbam_channel(x, p, prefix="", pools=("avg", "max")):
    logits = sum(mlp(POOLS[kind](x), p, prefix) for kind in pools)
    return sigmoid(logits)[:, :, None, None]


def cbam_spatial(x, p, prefix="", mean_first=False):
    maps = [x.max(1), x.mean(1)]
    maps = np.stack(maps[::-1] if mean_first else maps, axis=1)  # (N, 2, H, W)
    logits = convolution(maps, p, prefix + "conv")
    return sigmoid(batch_norm(logits, p, prefix + "norm"))


def cbam(x, p, order="channel-first", mean_first=False):
    if order == "spatial-first":
        spatial = cbam_spatial(x, p, "spatial.", mean_first)
        return spatial * cbam_channel(x * spatial, p, "channel.")
    channel = cbam_channel(x, p, "channel.")
    seen = x if order == "parallel" else x * channel
    return channel * cbam_spatial(seen, p, "spatial.", mean_first)


def small_spatial(x, p):
    height, width = x.shape[2:]
    a = relu(convolution(x.mean(1, keepdims=True), p, "gather"))
    b = relu(convolution(a, p, "shrink", stride=2))
    rows = np.arange(height) * b.shape[2] // height  # nearest neighbour
    columns = np.arange(width) * b.shape[3] // width
    u = b[:, :, rows][:, :, :, columns]
    return sigmoid(convolution(u, p, "excite"))


FORMULAS = {
    "se": se,
    "se-nobias": se,
    "se-timm": se,
    "bam": bam,
    "bam-released": lambda x, p: bam(x, p, "product"),
    "bam-sum-hidden": bam,
    "bam-xuma": lambda x, p: bam(x, p, "product"),
    "bam-dilation-2": lambda x, p: bam(x, p, dilation=2),
    "bam-spatial": lambda x, p: sigmoid(bam_spatial(x, p)),
    "bam-spatial-ends": lambda x, p: sigmoid(bam_spatial(x, p)),
    "cbam": cbam,
    "cbam-spatial-first": lambda x, p: cbam(x, p, "spatial-first"),
    "cbam-parallel": lambda x, p: cbam(x, p, "parallel"),
    "cbam-timm": lambda x, p: cbam(x, p, mean_first=True),
    "cbam-paper": cbam,
    "cbam-channel": cbam_channel,
    "cbam-channel-4": lambda x, p: cbam_channel(x, p, pools=POOLS),
    "cbam-spatial": cbam_spatial,
    "cbam-spatial-plain": cbam_spatial,
    "spatial": small_spatial,
}
