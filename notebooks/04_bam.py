# %% [markdown]
# # 04 BAM: two branches, and a paper against its code
#
# **The question: how many of the nine taps of BAM's 3x3 convolutions ever land on the
# map, and is the code that its authors released the module of their paper?**
#
# About 80 minutes. You need notebook 02 (squeeze, gate) and 03 (places in the network).
#
# Afterwards you can
#
# - say which positions a dilated convolution sees, on any map;
# - write both branches of BAM, merge them, and prove yours against other people's code;
# - find out by a failing property what a paper and its code do differently.

# %% tags=["nbval-ignore-output"]
from course_lib.notebook import setup

setup("04")

# %% [markdown]
# ## 1. One red, two places
#
# Notebook 02 weighed channels. Take its colour channels again, and for each scene the
# **best** one: the one with the largest share of its sum on the sign.

# %%
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.attention.bam import COMBINE, Norm, identity
from course_lib.attention.squeeze_excitation import squeeze
from course_lib.data.signs import CLASSES, render
from course_lib.errors import check_choice

scenes = render("train", 360, 64)
images = scenes.images.float() / 255  # (360, 3, 64, 64)
red, green, blue = images.unbind(dim=1)  # (360, 64, 64) each
maps = {
    "red": red - torch.maximum(green, blue),
    "blue": blue - torch.maximum(red, green),
    "yellow": torch.minimum(red, green) - blue,
    "green": green - torch.maximum(red, blue),
}
x = torch.stack(list(maps.values()), dim=1).clamp(min=0)  # (360, 4, 64, 64)
share = squeeze(x * scenes.masks[:, None]) / squeeze(x).clamp(min=1e-9)  # (360, 4)
best, which = share.max(dim=1)  # (360,) each
print(f"best channel of each scene: {best.mean():.2f} of its sum on the sign")

# %%
from matplotlib.figure import Figure

from course_lib.plots import show

shown = [4, 32, *best.argsort()[[90, 120, 150]].tolist()]
figure = Figure(figsize=(9, 4.1), dpi=100, layout="constrained")
for column, n in zip(figure.subplots(2, 5).T, shown, strict=True):
    column[0].imshow(images[n].permute(1, 2, 0), interpolation="nearest")
    column[0].set_title(CLASSES[scenes.labels[n]], fontsize=10)
    column[1].imshow(x[n, which[n]], cmap="cividis", interpolation="nearest")
    column[1].set_title(f"{list(maps)[which[n]]}: {best[n]:.2f}", fontsize=10)
    for axes in column:
        axes.contour(scenes.masks[n], levels=[0.5], colors="white", linewidths=1)
        axes.set_axis_off()
title = f"Even the best channel leaves {1 - best.mean():.2f} of its sum off the sign"
figure.suptitle(title, fontsize=13, fontweight="bold")
listed = ", ".join(f"{CLASSES[scenes.labels[n]]} {best[n]:.2f}" for n in shown)
show(figure, alt=f"{title} (mean of 360 scenes). Shares on five signs: {listed}.")

# %% [markdown]
# The white line is the sign's outline. A gate per channel turns a *whole* map up or
# down: a sign and a wall of the same red keep their ratio. What tells them apart is
# **where** they are, and what surrounds them. So you want a second kind of gate: one
# number per position, made from its surroundings.
#
# That is the idea of the Bottleneck Attention Module, **BAM**, by Park, Woo, Lee and
# Kweon (2018).
#
# ## 2. Two branches
#
# | formula | Python | shape | meaning |
# |---|---|---|---|
# | M<sub>c</sub> | `bam_channel_branch(x, ...)` | (N, C, 1, 1) | channel logits: SE without its sigmoid |
# | M<sub>s</sub> | `bam_spatial_branch(x, ...)` | (N, 1, H, W) | spatial logits: 1x1, two dilated 3x3, 1x1 |
# | M = &sigma;(M<sub>c</sub> + M<sub>s</sub>) | `bam_map(channel, spatial)` | (N, C, H, W) | one map in (0, 1) from both |
# | y = x + x M | `bam_refine(x, m)` | (N, C, H, W) | factor 1 + M, between 1 and 2 |
#
# Each branch ends in a BatchNorm, and r = 16. Three modules stand **between the stages**
# of ResNet50, not inside its sixteen blocks.
#
# A blog post of 2019, by the REU group of notebook 02, tells it otherwise. In our
# words: BAM looks at regions, not at channels, and adds several 1x1 convolutions. No
# link is available. The paper's own ablation answers (its Table 1; CIFAR-100, ResNet50).
#
# ### Predict
#
# Plain ResNet50 has 21.49 % error, BAM 20.00 %. What does the spatial branch reach
# alone? Write a number instead of the dots.

# %%
from course_lib.notebook import predict, recall

predict("spatial branch alone", "...")

# %%
ERRORS = {  # BAM paper, Table 1: CIFAR-100, ResNet50, error in %
    "no attention": 21.49,
    "channel branch alone": 21.29,
    "spatial branch alone": 21.24,
    "both, larger one": 20.28,
    "both, product": 20.21,
    "both, sum: BAM": 20.00,
}
recall("spatial branch alone", f"{ERRORS['spatial branch alone']:.2f} %")
figure = Figure(figsize=(8, 3.1), dpi=100, layout="constrained")
axes = figure.subplots()
for y, (label, error) in enumerate(ERRORS.items()):
    axes.plot(error, -y, "s" if "sum" in label else "o", color="#0072B2", markersize=9)
    axes.text(error + 0.05, -y, f"{error:.2f}", va="center", fontsize=10)
axes.set_yticks([-y for y in range(6)], list(ERRORS), fontsize=10)
axes.set_xlim(19.8, 21.8)
axes.set_xlabel("CIFAR-100 error of ResNet50, %", fontsize=10)
axes.spines[["top", "right"]].set_visible(False)
title = "Either branch alone gains 0.25 at most, both together 1.49"
axes.set_title(title, fontsize=13, fontweight="bold", loc="left")
listed = ", ".join(f"{label} {error:.2f} %" for label, error in ERRORS.items())
show(figure, alt=f"{title} (points). {listed}.")

# %% [markdown]
# So the blog describes *half* of BAM: the REU's own spatial-only variant. The channel
# branch is missing, and with it most of the gain. The 1x1 convolutions are exactly two,
# and they look at nothing but their own position. The part that looks around is the two
# 3x3 convolutions with **dilation 4**.
#
# Each of these numbers is one published result without a spread. Sum and product differ
# by 0.21 points. Two users report about 78.9 % accuracy for BAM on CIFAR-100 where the
# paper has 80.0 % (its repository, issue 16, no reply seen). So treat 0.21 with care.
#
# ## 3. Where nine taps land
#
# A 3x3 convolution with dilation d reads nine positions, d apart: its **taps**. Where a
# tap falls off the map it reads a zero of the padding. Count, by loops, the taps inside.


# %%
def count_slowly(height, width, d):
    """For each position: how many of the nine taps lie on the map."""
    counts = torch.zeros(height, width)
    for i in range(height):
        for j in range(width):
            for a in (-d, 0, d):
                for b in (-d, 0, d):
                    inside = 0 <= i + a < height and 0 <= j + b < width
                    counts[i, j] += inside
    return counts


print(count_slowly(6, 6, d=4).int())

# %% [markdown]
# The middle 2 x 2 of this 6 x 6 map sees only itself. The corners see four positions.
#
# ### Predict
#
# Four maps: 32, 16, 8 and 4 pixels wide, dilation 4. How many of the nine taps lie
# inside, on average over all positions?

# %%
predict("taps inside", "...")

# %%
from course_lib.attention.taps import taps_inside, usable_taps

found = {}
for size in (32, 16, 8, 4):
    fast = taps_inside(size, size, dilation=4)  # a convolution of ones with ones
    torch.testing.assert_close(fast, count_slowly(size, size, d=4))
    found[size] = fast.mean().item()
    print(f"{size:>2} pixels: {fast.min():.0f} to {fast.max():.0f}, mean {found[size]}")
recall("taps inside", ", ".join(f"{v:g}" for v in found.values()))

# %% [markdown]
# On 32 pixels, 24 x 24 of the 32 x 32 positions have all nine. On 8 pixels every
# position has four. On 4 pixels one tap is left, the centre: **the 3x3 convolution is a
# 1x1**. The paper's CIFAR network has BAM on 32, 16 and 8 pixels. The networks you train
# here have it on 16, 8 and 4.


# %%
def draw_taps(axes, size, d, place):
    """The map, and the taps of the convolution at [place, place]."""
    frame = {"extent": (-0.5, size - 0.5, size - 0.5, -0.5), "vmin": 0, "vmax": 9}
    axes.imshow(taps_inside(size, size, d), cmap="cividis", **frame)
    inside = 0
    for row in (place - d, place, place + d):
        for column in (place - d, place, place + d):
            on_map = 0 <= row < size and 0 <= column < size
            inside += on_map
            marker, colour = ("o", "#D55E00") if on_map else ("x", "black")
            axes.plot(column, row, marker, color=colour, markersize=7)
    axes.set(xlim=(-d - 1, size + d), ylim=(size + d, -d - 1))
    axes.set_title(f"{size} pixels: {inside} of 9", fontsize=11)
    axes.set_xticks([])
    axes.set_yticks([])
    return inside


figure = Figure(figsize=(9, 3), dpi=100, layout="constrained")
said = []
for axes, size in zip(figure.subplots(1, 4), (32, 16, 8, 4), strict=True):
    said.append(f"{size} pixels {draw_taps(axes, size, 4, size // 2)}")
title = "In the middle of the map, dilation 4: nine taps on 32 pixels, one on 4"
figure.suptitle(title, fontsize=13, fontweight="bold")
show(figure, alt=f"{title}. Taps inside: {', '.join(said)}; brighter: more taps.")

# %% [markdown]
# Orange discs are taps on the map, black crosses miss it. The colour of the map gives
# the count for *every* position, dark for 1 and yellow for 9. The same with controls.

# %% tags=["nbval-ignore-output"]
from ipywidgets import IntSlider, SelectionSlider, interact


def explore(size, dilation, place):
    """One map; place is cut to the map."""
    figure = Figure(figsize=(4, 3.6), dpi=100, layout="constrained")
    inside = draw_taps(figure.subplots(), size, dilation, min(place, size - 1))
    mean = taps_inside(size, size, dilation).mean()
    show(figure, alt=f"{size} pixels, dilation {dilation}: {inside} taps, mean {mean}.")


controls = interact(
    explore,
    size=SelectionSlider(options=[4, 8, 16, 32], value=16, description="map, px"),
    dilation=IntSlider(4, 1, 8, description="dilation"),
    place=IntSlider(8, 0, 31, description="row, column"),
)

# %% [markdown]
# Why not dilation 1? Two 3x3 with dilation 1 see 5 x 5 positions. With dilation 4 they
# span 17 x 17, yet touch only 25 of its 289, spaced 4 apart. The paper's errors for
# dilation 1, 2, 4 and 6 are 20.47, 20.28, 20.00 and 20.08 % (Table 1).
#
# ## 4. The channel branch
#
# ### Exercise 1: `bam_channel_branch`
#
# **Goal**: squeeze, shrink, ReLU, grow; logits out, **no sigmoid**. Two norms are
# arguments, as paper and code place them differently. Difficulty 2 of 3, 6 minutes,
# about 4 lines. It matters because logits can still be added to something.
#
# <details><summary>Hint 1: a question</summary>
#
# How far does se_gate of notebook 02 go before its sigmoid?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# (N, C, H, W) -> (N, C) -> (N, C//r) -> (N, C) -> (N, C, 1, 1).
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# squeeze(x), F.linear(s, w, b), norm_hidden(...), F.relu, norm_end(...), logits[:, :,
# None, None].
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# s = ____(x)
# z = F.relu(____(F.linear(s, w1, b1)))
# logits = ____(F.linear(z, w2, b2))
# return logits[:, :, None, None]
# ```
# </details>


# %% exercise="bam_channel_branch"
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
    raise NotImplementedError("bam_channel_branch")


# %%
from course_lib.exercises import check

bam_channel_branch = check("bam_channel_branch", bam_channel_branch)

# %%
from course_lib.attention.squeeze_excitation import se_gate

torch.manual_seed(0)
y = torch.randn(2, 8, 5, 7)
w1, b1, w2, b2 = torch.randn(2, 8), torch.randn(2), torch.randn(8, 2), torch.randn(8)
channel = bam_channel_branch(y, w1, b1, w2, b2)  # (2, 8, 1, 1)
torch.testing.assert_close(channel.sigmoid(), se_gate(y, w1, w2, b1, b2))
print(f"logits from {channel.min():.2f} to {channel.max():.2f}")

# %% [markdown]
# **What you saw.** With a sigmoid behind it, this branch *is* SE, number for number.
#
# ## 5. The spatial branch
#
# ### Exercise 2: `bam_spatial_branch`
#
# **Goal**: 1x1 to C//r channels, two 3x3 with the given dilation, 1x1 to one channel; a
# ReLU after the first three; the size stays. Difficulty 2 of 3, 10 minutes, about 5
# lines. It matters because this is where surroundings come in. (The paper prints no
# ReLU; without one, four convolutions would be a single linear map.)
#
# <details><summary>Hint 1: a question</summary>
#
# Which padding keeps the size of the map when the taps lie d apart?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# (N, C, H, W) -> (N, C//r, H, W), three times -> (N, 1, H, W).
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# F.conv2d(h, weight, bias, padding=..., dilation=...), norms[i] of h, F.relu,
# norm_end(...).
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# h = F.relu(norms[0](F.conv2d(x, weights[0], biases[0])))
# for i in (1, 2):
#     h = F.conv2d(h, weights[i], biases[i], padding=____, dilation=____)
#     h = F.relu(norms[i](h))
# return ____(F.conv2d(h, weights[3], biases[3]))
# ```
# </details>


# %% exercise="bam_spatial_branch"
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
    raise NotImplementedError("bam_spatial_branch")


# %%
bam_spatial_branch = check("bam_spatial_branch", bam_spatial_branch)

# %%
kernels = [(2, 8, 1), (2, 2, 3), (2, 2, 3), (1, 2, 1)]  # out, in, size: C = 8, r = 4
weights = [torch.full((m, n, k, k), 0.1) for m, n, k in kernels]  # positive: the ReLU
biases = [torch.ones(m) for m, _, _ in kernels]  # hides nothing
x = torch.ones(1, 8, 25, 25, requires_grad=True)
bam_spatial_branch(x, weights, biases)[0, 0, 12, 12].backward()
seen = x.grad[0].sum(dim=0) > 0  # (25, 25)
rows = seen.any(dim=1).nonzero().flatten().tolist()
print(f"position [12, 12] sees {seen.sum()} positions, in rows {rows}")

# %% [markdown]
# **What you saw.** One value of the map depends on 25 positions of x: rows 4 to 20 in
# steps of 4, a span of 17. The check asks for this as the property *reach*.
#
# ## 6. Merge and refine
#
# By hand first: two channels, a map of one row with two positions.

# %%
from math import exp

channel, spatial = [2.0, -1.0], [0.0, 1.5]
for c, mc in enumerate(channel):
    by_sum = [1 / (1 + exp(-(mc + ms))) for ms in spatial]
    by_product = [1 / (1 + exp(-(mc * ms))) for ms in spatial]
    print(f"channel {c}: sum {by_sum[0]:.2f} {by_sum[1]:.2f}", end="   ")
    print(f"product {by_product[0]:.2f} {by_product[1]:.2f}")

# %% [markdown]
# Position 0 has the spatial logit 0: no opinion. With the **sum** the channels still
# speak, 0.88 and 0.27. With the **product** both get 0.50, whatever they say.
#
# ### Exercise 3: `bam_map`
#
# **Goal**: both branches' logits to one map. `"sum"` adds them, `"product"` multiplies.
# Difficulty 1 of 3, 4 minutes, about 3 lines. It matters because here paper and
# released code part.
#
# <details><summary>Hint 1: a question</summary>
#
# What does torch make of (N, C, 1, 1) + (N, 1, H, W)?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# (N, C, 1, 1) and (N, 1, H, W) -> (N, C, H, W).
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# check_choice("combine", combine, COMBINE) refuses misspelt names; +, *, torch.sigmoid.
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# check_choice("combine", combine, COMBINE)
# logits = channel ____ spatial if combine == "sum" else channel ____ spatial
# return ____(logits)
# ```
# </details>


# %% exercise="bam_map"
def bam_map(channel: Tensor, spatial: Tensor, combine: str = "sum") -> Tensor:
    """Merge the branches into M in (0, 1).

    channel (N, C, 1, 1), spatial (N, 1, H, W), both logits -> M (N, C, H, W).
    combine: "sum" is the paper's, "product" the released code's. Raises an error for
    another combine.
    """
    raise NotImplementedError("bam_map")


# %%
bam_map = check("bam_map", bam_map)

# %%
for combine in COMBINE:
    channel = torch.zeros(1, 3, 1, 1, requires_grad=True)  # a branch without opinion
    spatial = torch.full((1, 1, 2, 2), 1.5, requires_grad=True)
    bam_map(channel, spatial, combine).sum().backward()
    slopes = channel.grad.abs().sum(), spatial.grad.abs().sum()
    print(f"{combine:<8}gradient: channel {slopes[0]:.2f}, spatial {slopes[1]:.2f}")

# %% [markdown]
# **What you saw.** In the product, a branch at 0 cuts the *other* one off: its gradient
# is 0. The sum lets both learn.
#
# ### Exercise 4: `bam_refine`
#
# **Goal**: x and its map to y = x + x M. Difficulty 1 of 3, 2 minutes, 1 line. It
# matters because a published version of this line is wrong (section 10).
#
# <details><summary>Hint 1: a question</summary>
#
# What should become of x where the map is 0, and where it is 1?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# x (N, C, H, W) and m, equal in shape or (N, 1, H, W) -> (N, C, H, W).
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# Broadcasting with * and +.
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# return x * (____ + m)
# ```
# </details>


# %% exercise="bam_refine"
def bam_refine(x: Tensor, m: Tensor) -> Tensor:
    """x refined by its map m in (0, 1): every value grows by its share m.

    x (N, C, H, W), m (N, C, H, W), or (N, 1, H, W) for the spatial branch alone
    -> (N, C, H, W). The paper writes x + x * m: x is there once, not twice.
    """
    raise NotImplementedError("bam_refine")


# %%
bam_refine = check("bam_refine", bam_refine)

# %%
y = torch.ones(1, 1, 1, 5)
m = torch.tensor([0, 0.25, 0.5, 0.75, 1]).reshape(1, 1, 1, 5)
print("factor:", bam_refine(y, m).flatten().tolist())

# %% [markdown]
# **What you saw.** The factor runs from 1 to 2. SE's gate (0 to 1) can silence a
# channel; BAM can only amplify.
#
# ## 7. Assemble
#
# Your four functions, with weights, in one module. Norms as in the paper: at the ends.


# %%
class BAM(nn.Module):
    """The paper's BAM from your functions: x (N, C, H, W) -> (N, C, H, W)."""

    def __init__(self, channels: int, reduction: int = 16, combine: str = "sum"):
        super().__init__()
        check_choice("combine", combine, COMBINE)
        self.combine, h = combine, channels // reduction
        self.fc1, self.fc2 = nn.Linear(channels, h), nn.Linear(h, channels)
        sizes = [(channels, h, 1), (h, h, 3), (h, h, 3), (h, 1, 1)]
        self.convs = nn.ModuleList(nn.Conv2d(*size) for size in sizes)
        self.norm_c, self.norm_s = nn.BatchNorm1d(channels), nn.BatchNorm2d(1)

    def gate(self, x: Tensor) -> Tensor:
        fc1, fc2 = self.fc1, self.fc2
        own = fc1.weight, fc1.bias, fc2.weight, fc2.bias
        channel = bam_channel_branch(x, *own, norm_end=self.norm_c)
        weights, biases = [v.weight for v in self.convs], [v.bias for v in self.convs]
        spatial = bam_spatial_branch(x, weights, biases, norm_end=self.norm_s)
        return bam_map(channel, spatial, self.combine)

    def forward(self, x: Tensor) -> Tensor:
        return bam_refine(x, self.gate(x))


# %% [markdown]
# Is it right? Compare with a formula in NumPy that shares nothing with it: one image,
# loops over positions and taps.

# %%
import numpy as np


def bam_by_loops(x, p, dilation=4):
    """One image x (C, H, W), p its weights by name -> y (C, H, W)."""
    z = np.maximum(p["fc1.weight"] @ x.mean(axis=(1, 2)) + p["fc1.bias"], 0)
    channel = p["fc2.weight"] @ z + p["fc2.bias"]  # (C,)
    h, size = x, x.shape[1:]
    for n in range(4):
        weight, bias = p[f"convs.{n}.weight"], p[f"convs.{n}.bias"]
        half = weight.shape[-1] // 2
        out = np.zeros((len(weight), *size)) + bias[:, None, None]
        for i, j in np.ndindex(*size):
            for a in range(-half, half + 1):
                for b in range(-half, half + 1):
                    row, column = i + a * dilation, j + b * dilation
                    if 0 <= row < size[0] and 0 <= column < size[1]:
                        tap = weight[:, :, a + half, b + half]
                        out[:, i, j] += tap @ h[:, row, column]
        h = np.maximum(out, 0) if n < 3 else out
    return x * (1 + 1 / (1 + np.exp(-channel[:, None, None] - h)))


# %%
from course_lib.notebook import compare

torch.manual_seed(0)
module = BAM(12, reduction=4).eval()  # in eval mode a fresh BatchNorm changes nothing
p = {name: value.detach().numpy() for name, value in module.named_parameters()}
for shape in [(9, 13), (3, 7)]:
    x = torch.randn(1, 12, *shape)
    compare(f"{shape} against loops", module(x)[0], bam_by_loops(x[0].numpy(), p))

# %% [markdown]
# ### Against recorded outputs
#
# `tests/golden` holds inputs, weights, outputs and gradients of the authors' own class.
# It has its norms on the hidden layers, and multiplies; one case was made to add.


# %%
def official(data, x, combine, pooled=None):
    """A recorded case through your functions; pooled: what the squeeze sees."""
    c, s = "channel_att.gate_c.gate_c_", "spatial_att.gate_s.gate_s_"

    def both(name):
        return data[f"{name}.weight"], data[f"{name}.bias"]

    def norm(name):
        seen = data[f"{name}.running_mean"], data[f"{name}.running_var"]
        return lambda v: F.batch_norm(v, *seen, *both(name))

    own = *both(c + "fc_0"), *both(c + "fc_final")
    pooled = x if pooled is None else pooled
    channel = bam_channel_branch(pooled, *own, norm_hidden=norm(c + "bn_1"))
    names = ("conv_reduce0", "conv_di_0", "conv_di_1", "conv_final")
    weights, biases = zip(*(both(s + name) for name in names), strict=True)
    norms = [norm(s + name) for name in ("bn_reduce0", "bn_di_0", "bn_di_1")]
    spatial = bam_spatial_branch(x, weights, biases, norms=norms)
    return bam_refine(x, bam_map(channel, spatial, combine))


# %%
from pathlib import Path

from safetensors.torch import load_file

import course_lib

golden = Path(course_lib.__file__).parents[1] / "tests" / "golden"
for pattern in ("06*", "07*", "08*", "11*", "12*"):
    (path,) = golden.glob(pattern)
    data = load_file(path)
    x = data["input"].requires_grad_()
    y = official(data, x, "sum" if "sum" in path.stem else "product")
    (y * data["probe"]).sum().backward()
    case = path.stem.removesuffix("_eval")
    compare(f"{case} output  ", y, data["output"])
    compare(f"{case} gradient", x.grad, data["grad_input"])

# %% [markdown]
# ### Into ResNet50
#
# ### Predict
#
# SE adds 2,530,992 parameters to 25,557,032, in sixteen blocks. BAM comes three times,
# at 256, 512 and 1024 channels, none after the last stage. How many does it add?

# %%
predict("BAM adds", "...")

# %%
added = []
for C in (256, 512, 1024):
    h = C // 16
    branch_c = 2 * C * h + h + C + 2 * C  # two layers, biases, BatchNorm of C
    branch_s = C * h + 2 * 9 * h * h + h + 3 * h + 1 + 2  # four kernels, biases, norm
    added.append(branch_c + branch_s)
    print(f"C = {C:>4}: channel {branch_c:>7,}  spatial {branch_s:>7,}")


# %%
from course_lib import attention
from course_lib.cost import count_macs, count_parameters
from course_lib.resnet import resnet50


def released(channels):
    """The library's BAM as in the authors' code: product, norms on hidden layers."""
    return attention.BAM(channels, combine="product")


place = "between_stages"
with torch.device("meta"):  # shapes only
    plain, ours = resnet50(1000), resnet50(1000, BAM, place)
    theirs = resnet50(1000, released, place)
for label, network in (("plain", plain), ("paper", ours), ("code", theirs)):
    macs = count_macs(network, 224) / 1e9
    print(f"{label:<6}{count_parameters(network):>11,}{macs:>8.4f} billion mult.-adds")
assert count_parameters(ours) - count_parameters(plain) == sum(added)
recall("BAM adds", f"{sum(added):,} with the paper's norms")

# %% [markdown]
# Both round to the 25.92 million that the paper prints. So the count cannot say where
# its norms sat. A seventh of SE's parameters; but +2 % arithmetic where SE has +0.06 %,
# as the spatial branch works on whole maps.
#
# Not all parameters can learn. Which taps of a dilated 3x3 get a gradient at all?

# %%
module = BAM(32, reduction=4)
for size in (16, 8, 4):
    module.zero_grad()
    module(torch.randn(8, 32, size, size)).square().sum().backward()
    reached = module.convs[1].weight.grad.abs().sum(dim=(0, 1)) > 0  # (3, 3)
    corner = usable_taps(size, size)[0, 0]
    print(f"{size:>2} pixels: {reached.sum()} of 9 taps learn;", end=" ")
    print(f"a corner tap meets the map at {corner:.0%} of the positions")

# %% [markdown]
# On 4 pixels, eight ninths of the weights in both 3x3 convolutions are ballast. In the
# networks below this is the third BAM.
#
# ## 8. What it buys, here
#
# Train four networks on the signs: plain, SE, BAM with the sum, BAM with the product.
# The last two differ in **one word**: same norms, same start. (The authors' code also
# moves the norms; that would be two changes.) Time: `ci` one to four minutes, `laptop` 8
# to 20 (estimated from the recorded runs); `gpu` is not timed. r is 4 in the narrow
# networks.

# %%
predict("order of the four", "...")

# %% tags=["nbval-ignore-output"]
from functools import partial

from course_lib.experiments import train_here
from course_lib.profiles import choose_profile

sizes = choose_profile().signs
added_up = partial(BAM, reduction=sizes.reduction)
multiplied = partial(BAM, reduction=sizes.reduction, combine="product")
variants = {"plain": "plain", "SE": "se", "BAM": added_up, "BAM product": multiplied}
table, outcomes = train_here(variants, placement=place)

# %% tags=["nbval-ignore-output"]
from course_lib.exercises import whose

parts = ("bam_channel_branch", "bam_spatial_branch", "bam_map", "bam_refine")
makers = {whose(name) for name in parts}
bam = " and ".join(sorted(makers))
table.insert(1, "source", ["verified", "verified", bam, bam])
print(table.to_string(index=False))
for one, other in (("BAM", "plain"), ("BAM", "BAM product")):
    hits = [outcomes[name].hits.float() for name in (one, other)]
    gap = hits[0] - hits[1]  # 1, 0 or -1 for each test image
    margin = 1.96 * gap.std() / len(gap) ** 0.5
    print(f"{one} minus {other}: {100 * gap.mean():+.1f} ± {100 * margin:.1f} points")
recall("order of the four", "the table above, one seed")

# %% [markdown]
# Now the recorded runs of `course compare`, `laptop` profile: three seeds each, 12
# epochs, 3,000 training and 2,000 test images. Their BAM is the library's, with the
# sum. No product was recorded.

# %%
from course_lib.runs import read_runs

folder = Path(course_lib.__file__).parents[1] / "data" / "results" / "signs-laptop"
runs = read_runs([folder / "runs.csv"])
runs["accuracy"] = 100 * runs["test_accuracy"]
chosen = runs[runs["model"].isin(["plain", "se", "bam"])]
recorded = chosen.pivot(index="model", columns="seed", values="accuracy").round(1)
recorded.insert(0, "source", "recorded, laptop")
print(recorded.to_string())
gains = (recorded.loc["bam", [0, 1, 2]] - recorded.loc["plain", [0, 1, 2]]).astype(
    float
)
print("BAM minus plain, by seed:", [round(v, 1) for v in gains])

# %% [markdown]
# SE is behind plain in all three seeds: see notebook 03, section 8. BAM is ahead in all
# three. The report beside that file gives +1.7 points with
# the interval -0.7 to +4.0: it **cannot tell**. Neither can you. One seed and a short
# training show how fast a network learns, not how good it ends. The `±` covers the
# choice of test images alone. On the question of sum or product, your two rows say
# nothing firm: 0.21 points, the paper's difference, is about one of 500 test images.
#
# ## 9. Look at the maps
#
# BAM's map has a position, so you can ask **where** it points. Average it over the
# channels, enlarge it to the image, and score it on 200 test images. *Energy*: subtract
# the map's minimum, then take the share of its sum on the sign. *Pointing*: does its
# largest value lie there?
#
# Signs cover 0.23 of an image: a map that is the same everywhere scores that. What does
# the trained stage 1 score?

# %%
predict("energy on the sign, trained", "...")

# %% tags=["nbval-ignore-output"]
from course_lib.data.datasets import Limits, load_dataset
from course_lib.looking import (
    capture_gates,
    energy_inside,
    enlarge,
    pointing_game,
    spatial_map,
)
from course_lib.planning import plan_runs
from course_lib.preparing import build_network

limits = Limits(sizes.train_images, sizes.val_images, sizes.test_images)
signs = load_dataset("signs", sizes.image_size, limits)
pictures, masks = signs.test.images[:200], signs.test.masks[:200]
mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (signs.mean, signs.std))
inputs = (pictures / 255 - mean) / std  # (200, 3, H, W)
run = plan_runs("signs", sizes, ["bam"], seeds=1)[0]  # recipe and seed of section 8
untrained = build_network(run, len(CLASSES), added_up)
trained = outcomes["BAM"].network.cpu()
captured = {"untrained": untrained, "trained": trained}
captured = {name: capture_gates(net, inputs) for name, net in captured.items()}

# %% tags=["nbval-ignore-output"]
size = pictures.shape[-1]
line = torch.linspace(-1, 1, size)
middle = (-(line[:, None] ** 2) - line**2).expand(200, size, size)  # highest in centre
all_maps = {"the image's centre": middle}
for name, gates in captured.items():
    for place_of, gate in gates.items():
        label = f"{name}, {place_of.removeprefix('between.')}"
        all_maps[label] = enlarge(spatial_map(gate), size, size)
print(f"{'chance: share of the image':<28}{masks.float().mean():.3f}")
for label, found in all_maps.items():
    energy, hits = (
        energy_inside(found, masks).mean(),
        pointing_game(found, masks).mean(),
    )
    shape = found - found.mean(dim=(1, 2), keepdim=True)
    same = shape.mean(dim=0).square().mean() / shape.square().mean()
    print(f"{label:<28}energy {energy:.3f}   pointing {hits:.2f}   same {same:.0%}")
energy = energy_inside(all_maps["trained, stage1"], masks).mean()
recall("energy on the sign, trained", f"{energy:.3f} in stage 1")

# %% [markdown]
# Read the table with three rows in mind. **Chance** is the sign's share of the image.
# The **centre** is what a map scores that never looks. The **untrained** network shows
# what random weights give away for free. Only what the trained rows have above all three
# was learned. In the stored `ci` run the centre beats every map at pointing,
# 0.81. At energy, trained stage 3 (0.34) is above all three, the centre included. But its
# map has 4 x 4 values, its pointing (0.37) is below its untrained 0.45, and it is one
# seed: a hint, no finding.
#
# *same* is the share of a map's variance that is equal in all 200 images: 100 % for the
# centre, 0 % for a map that depends on the image alone. Where is a large *same* from?
#
# Above each map: its energy; above each image: the sign's share. Every map has its own
# colours, dark lowest.

# %% tags=["nbval-ignore-output"]
from course_lib.map_figures import map_figure

rows = {
    f"{name}\n{stage}": spatial_map(captured[name][f"between.{stage}"][:7])
    for name, stage in (("untrained", "stage1"), ("trained", "stage1"))
}
for stage in ("stage2", "stage3"):
    gate = captured["trained"][f"between.{stage}"][:7]
    rows[f"trained\n{stage}"] = spatial_map(gate)
scores = {k: energy_inside(v, masks).mean().item() for k, v in all_maps.items()}
before, after = scores["untrained, stage1"], scores["trained, stage1"]
chance = masks.float().mean().item()
title = f"Stage 1, energy on the sign: {before:.2f} untrained, {after:.2f} trained"
figure = map_figure(pictures[:7], masks[:7], rows, f"{title} (chance {chance:.2f})")
last = f"trained stage 3 {scores['trained, stage3']:.2f}"
alt = f"Seven test signs and BAM's maps. {title}, chance {chance:.2f}, {last}."
show(figure, alt=alt)

# %% [markdown]
# Look at the trained stage 1 of the stored run: **the same rectangle in every image**
# (*same* is 95 %). Its edges lie a quarter of the map from the upper and the left
# border: 4 of 16 positions, the dilation. That is no sign. It is where taps fall off the
# map and read zeros: section 3's figure, drawn by the network. Signs are seldom at the
# border, so such a
# frame alone lifts energy and pointing above chance. A score without the *centre* and
# the *same* beside it would have been reported as attention.
#
# **What this cannot show**: four epochs on 1,000 images are too few for a verdict on
# BAM's attention; networks trained longer may attend elsewhere. One seed is one seed. A
# map over the sign would not prove that the network *uses* it: the factor is only 1 to
# 2. Notebook 09 measures maps properly.
#
# ## 10. Break it: the released code
#
# You download the authors' repository (Jongchan/attention-module). One line of its
# channel class reads a name that is nowhere defined. Here is that line alone.


# %%
class ChannelGate:
    """Our own two lines; the released class has the second and never uses it."""

    def __init__(self):
        self.gate_activation = gate_activation  # noqa: F821


try:
    ChannelGate()
except NameError as error:
    print(f"NameError: {error}")

# %% [markdown]
# **It cannot run as published** (its issues 12 and 27). Delete the line and it runs. Now
# the differences that raise nothing. Four suspects from three repositories, each one
# change to a function of yours.
#
# - **A** pools a window of H x H (authors' code).
# - **B** multiplies the branches, whatever you ask for (authors' code).
# - **C** pads the dilated convolutions by 1 (External-Attention-pytorch).
# - **D** returns `x + x * (1 + m)` (asdf2kr/BAM-CBAM-pytorch, its issue 1).
#
# **Which property fails first?** For each: runs, shape, range, samples independent,
# positions equal (every position is treated alike), reach, values, or gradients.

# %%
for suspect in ("A: square window", "B: product", "C: padding 1", "D: x twice"):
    predict(suspect, "...")

# %%
from course_lib.notebook import break_it


def square_window(x, w1, b1, w2, b2, norm_hidden=identity, norm_end=identity):
    """A: the window is H x H."""
    s = F.avg_pool2d(x, x.shape[2], stride=x.shape[2]).flatten(1)
    z = F.relu(norm_hidden(F.linear(s, w1, b1)))
    return norm_end(F.linear(z, w2, b2))[:, :, None, None]


def always_product(channel, spatial, combine="sum"):
    """B: whatever you ask for."""
    return torch.sigmoid(channel * spatial)


break_it("bam_channel_branch", square_window)
recall("A: square window", "runs")
break_it("bam_map", always_product)
recall("B: product", "values")


# %%
def padding_one(x, weights, biases, dilation=4, norms=(identity,) * 3, end=identity):
    """C: the padding of an ordinary 3x3."""
    h = F.relu(norms[0](F.conv2d(x, weights[0], biases[0])))
    for i in (1, 2):
        h = F.conv2d(h, weights[i], biases[i], padding=1, dilation=dilation)
        h = F.relu(norms[i](h))
    return end(F.conv2d(h, weights[3], biases[3]))


def residual_twice(x, m):
    """D: x, and once more x inside the brackets."""
    return x + x * (1 + m)


break_it("bam_spatial_branch", padding_one)
recall("C: padding 1", "shape")
break_it("bam_refine", residual_twice)
recall("D: x twice", "range")

# %% [markdown]
# A failed because the map is higher than wide. On a wider one, up to a little under twice
# as wide, the window does not fail: **it reads the left square only**, without a word. The recorded case 09 (6 x 10) has
# this built in. And how did C ever work for anyone? Its repository has three
# convolutions with dilation 2 and padding 1, on 7-pixel maps.

# %%
(path,) = golden.glob("09*")
data = load_file(path)
x = data["input"]  # (2, 32, 6, 10)
gap = (official(data, x, "product") - data["output"]).abs().max()
print(f"whole map  : NOT close, largest difference {gap:.2f}")
left = official(data, x, "product", pooled=x[..., :6])
compare("left square", left, data["output"])
for size in (7, 8, 14):
    h, widths = torch.zeros(1, 1, size, size), [size]
    for _ in range(3):
        h = F.conv2d(h, torch.zeros(1, 1, 3, 3), padding=1, dilation=2)
        widths.append(h.shape[-1])
    print("map width after each convolution:", "-".join(map(str, widths)))

# %% [markdown]
# 7-5-3-1: the "map" is **one number for the whole image**, which broadcasts. At 8 or 14
# pixels the sizes clash and the code stops (External-Attention-pytorch, issue 38). Mend
# it: set `padding=2` above and run the cell again.
#
# | point | paper | authors' code | Xu Ma (REU) | External-Attention |
# |---|---|---|---|---|
# | branches | sum | product | product | sum |
# | norm, channel branch | end | hidden | none | hidden |
# | norm, spatial branch | end | after the first three | after the first three | after the first three |
# | pooling | global | H x H | global | global |
# | 3x3 convolutions | 2, dilation 4 | 2, dilation 4 | 2, dilation 4 | 3, dilation 2, padding 1 |
#
# Read at Jongchan/attention-module 459efad, ma-xu/ResidualAttention 045265c and
# External-Attention-pytorch 11d8418.
#
# The released ImageNet weights belong to the product. Which BAM a table means is not a
# detail: ask.
#
# ## 11. Recap
#
# <details><summary>1. What do BAM's two branches see?</summary>
#
# The channel branch sees every channel's average. The spatial branch sees 25 positions
# around each one, 4 apart, all channels mixed by its first 1x1.
# </details>
# <details><summary>2. How many taps of a dilated 3x3 land on maps of 32, 16, 8, 4
# pixels?</summary>
#
# 7.56, 6.25, 4 and 1 on average, with dilation 4. On 32 pixels most positions have all 9.
# </details>
# <details><summary>3. Why does BAM add logits before one sigmoid?</summary>
#
# So that either branch can speak alone. In a product a branch at 0 silences the other
# and stops its gradient.
# </details>
# <details><summary>4. Can BAM switch a channel off?</summary>
#
# No. Its factor 1 + M lies between 1 and 2.
# </details>
# <details><summary>5. What was wrong in the blog's sentence?</summary>
#
# It leaves out the channel branch. Alone, the spatial branch gains 0.25 points, both
# 1.49 (paper, Table 1). And the 1x1 convolutions are not what looks around.
# </details>
#
# ### Not shown here
#
# Nothing here shows that the sum beats the product, that BAM helps on these signs (+1.7
# points, interval -0.7 to +4.0), or that its maps explain a decision.
#
# **Paper against code.** Four differences: the product, the norms, the square window,
# and a name that does not exist. The parameter count, 25.92 million, hides the second.
#
# **An open problem.** On 8-pixel maps dilation 4 leaves four taps. Would a dilation that
# shrinks with the map, 4, 2, 1, do better? Change one line of `BAM` and count the seeds
# that you would need.
#
# **Next**: notebook 05, CBAM, by the same authors in the same year: two poolings, two
# gates one after the other, and gates that *can* close.
