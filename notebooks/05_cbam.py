# %% [markdown]
# # 05 CBAM: two gates in a row
#
# **The question: CBAM gains 1.90 points on ImageNet in its paper and loses 20.8 on our
# signs. How much of that loss is attention, and how much is the way it starts?**
#
# About 85 minutes. You need notebook 02 (the channel gate); 04 helps.
#
# Afterwards you can
#
# - write both gates of CBAM and their three arrangements, and prove them right;
# - carry weights between the authors' code, timm's and the paper's formula;
# - find out *why* a module loses, by changing one thing at a time.

# %% tags=["nbval-ignore-output"]
from course_lib.notebook import setup

setup("05")

# %% [markdown]
# ## 1. A loss that asks for a reason
#
# `data/results/signs-laptop` holds recorded runs: five networks, three seeds each, 12
# epochs on 3,000 signs. How far is each from plain ResNet50 with the same seed?

# %%
from pathlib import Path

import pandas as pd

import course_lib
from course_lib.runs import read_runs

CHECKOUT = Path(course_lib.__file__).parents[1]
recorded = read_runs([CHECKOUT / "data" / "results" / "signs-laptop" / "runs.csv"])
accuracy = 100 * recorded.pivot(index="seed", columns="model", values="test_accuracy")
minus_plain = accuracy.sub(accuracy["plain"], axis=0)  # points, paired by seed
print(minus_plain.round(1).to_string())
print("mean:", minus_plain.mean().round(1).to_dict())

# %% [markdown]
# CBAM is worst with every seed. By which factor does a fresh module scale random maps
# x, **on its first forward pass**?

# %%
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.attention import ATTENTION


def start_factor(module, x):
    """The number f for which f * x comes closest to module(x)."""
    with torch.no_grad():
        return ((module(x) * x).sum() / (x * x).sum()).item()


torch.manual_seed(0)
x = torch.randn(16, 64, 16, 16)  # (N, C, H, W)
factors = {"plain": 1.0}
for name in ("se", "bam", "cbam", "spatial"):
    factors[name] = start_factor(ATTENTION[name].make(64, 4), x)
print({name: round(factor, 2) for name, factor in factors.items()})

# %%
from matplotlib.figure import Figure

from course_lib.plots import show

figure = Figure(figsize=(7.5, 4), dpi=100, layout="constrained")
axes, said = figure.subplots(), []
MARKS = {"plain": "s", "se": "o", "bam": "^", "cbam": "v", "spatial": "D"}
COLOURS = ["#000000", "#E69F00", "#009E73", "#D55E00", "#0072B2"]
for (name, mark), colour in zip(MARKS.items(), COLOURS, strict=True):
    points, factor = minus_plain[name], factors[name]
    x_place = factor + (0.02 if name == "se" else 0)  # else it hides `spatial`
    axes.plot([x_place] * 3, points, mark, color=colour, markersize=8, label=name)
    said.append(f"{name} {factor:.2f}, {points.mean():+.1f} points")
axes.axhline(0, color="black", linestyle="--", linewidth=1)
axes.set_xlabel("factor of a fresh module", fontsize=10)
axes.set_ylabel("points minus plain, same seed", fontsize=10)
axes.set_xlim(0, 1.75)
axes.legend(loc="lower right", fontsize=10)
title = "CBAM starts smallest and loses most"
axes.set_title(title, fontsize=13, fontweight="bold", loc="left")
show(figure, alt=f"{title}. Factor and mean of 3 seeds: {'; '.join(said)}.")

# %% [markdown]
# (BAM scales the whole map between stages; SE is drawn 0.02 to the right.) The modules
# roughly line up by a number that has nothing to do with *where they look*: a
# suspicion, no proof.
#
# ### Predict
#
# Replace CBAM by the constant 0.25: each branch is divided by four, nothing else. How
# many points would that network lose against plain?

# %%
from course_lib.notebook import predict, recall

predict("constant 0.25", "...")

# %% [markdown]
# Section 8 tells. First build it.
#
# ## 2. The channel gate: one MLP, two poolings
#
# SE describes a channel by its average. Take one image with two channels: one has a
# single bright pixel, the other is grey everywhere.

# %%
from collections.abc import Callable, Sequence

from course_lib.attention import cbam
from course_lib.attention.cbam import CBAMChannel, CBAMSpatial, pool
from course_lib.errors import check_choice  # noqa: F401

MAP_ORDERS, ORDERS = cbam.MAP_ORDERS, cbam.ORDERS  # what the arguments may be

# %%
tiny = torch.tensor([[[[6.0, 0, 0], [0, 0, 0]], [[1, 1, 1], [1, 1, 1]]]])
average, largest = [0.0, 0.0], [float("-inf")] * 2
for c in range(2):
    for i in range(2):
        for j in range(3):
            value = tiny[0, c, i, j].item()
            average[c] += value / 6
            largest[c] = max(largest[c], value)
for name, values in {"avg": average, "max": largest}.items():
    torch.testing.assert_close(pool(tiny, name), torch.tensor([values]))
    print(name, [round(v, 4) for v in values])

# %% [markdown]
# To SE the two channels are **the same**: average 1 and 1. The maximum tells them
# apart:
# 6 and 1. CBAM, by Woo, Park, Lee and Kweon (2018), uses both. Both vectors pass **the
# same** two layers. Their results are added, and one sigmoid ends the gate.
#
# | formula | Python | shape | meaning |
# |---|---|---|---|
# | x | `x` | (N, C, H, W) | the maps that come in |
# | s<sub>avg</sub>, s<sub>max</sub> | `pool(x, "avg")`, `pool(x, "max")` | (N, C) | two descriptions of each channel |
# | MLP(s) = W<sub>2</sub> ReLU(W<sub>1</sub> s + b<sub>1</sub>) + b<sub>2</sub> | `w1`, `b1`, `w2`, `b2` | (N, C) | shared: used twice |
# | g<sub>c</sub> = &sigma;(MLP(s<sub>avg</sub>) + MLP(s<sub>max</sub>)) | `cbam_channel_gate` | (N, C, 1, 1) | channel gate (equation 2) |
# | q = [max<sub>c</sub> y, mean<sub>c</sub> y], with y = g<sub>c</sub> x | `channel_maps(y)` | (N, 2, H, W) | two maps |
# | g<sub>s</sub> = &sigma;(norm(w &lowast; q)) | `cbam_spatial_gate` | (N, 1, H, W) | spatial gate (equation 3) |
# | g<sub>s</sub> g<sub>c</sub> x | `CBAM(C)(x)` | (N, C, H, W) | both gates applied |
#
# By hand, with one hidden unit that asks "how much more of channel 0 than of 1?":

# %%
from math import exp


def by_hand(vectors):
    """Gates of two channels: weights (1, -1), ReLU, (1, -1) back, no biases."""
    z = sum(max(0.0, s[0] - s[1]) for s in vectors)  # one hidden unit, once a pooling
    return [1 / (1 + exp(-z)), 1 / (1 + exp(z))]


print("average alone:", [round(g, 3) for g in by_hand([average])])
print("both poolings:", [round(g, 3) for g in by_hand([average, largest])])

# %% [markdown]
# ### Exercise 1: `cbam_channel_gate`
#
# **Goal**: the channel gate as one function; biases may be `None`, and `pools` says
# which poolings take part. -> (N, C, 1, 1). Difficulty 2 of 3, 8 minutes, about 5
# lines. It matters because public ports get three things wrong here: a second MLP, a
# sigmoid for each pooling, the same pooling twice. `pool(x, kind)` is given.
#
# <details><summary>Hint 1: a question</summary>
#
# Two vectors describe each image. How many MLPs, how many sums, how many sigmoids?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# x (N, C, H, W) -> pool (N, C) -> z (N, C//r) -> (N, C), once for each kind; the sum
# (N, C) -> (N, C, 1, 1).
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# pool(x, kind), F.linear(s, w, b), F.relu, torch.sigmoid, a loop over pools.
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# logits = 0.0
# for kind in pools:
#     z = F.relu(F.linear(pool(x, ____), w1, b1))
#     logits = ____ + F.linear(z, w2, b2)
# return ____(logits)[:, :, None, None]
# ```
# </details>


# %% exercise="cbam_channel_gate"
def cbam_channel_gate(
    x: Tensor,
    w1: Tensor,
    w2: Tensor,
    b1: Tensor | None = None,
    b2: Tensor | None = None,
    pools: Sequence[str] = ("avg", "max"),
) -> Tensor:
    """Channel gate in (0, 1); equation 2: one MLP, used once per pooling, then summed.

    x (N, C, H, W), w1 (C//r, C), w2 (C, C//r), optional biases -> (N, C, 1, 1).
    """
    raise NotImplementedError("cbam_channel_gate")


# %%
from course_lib.exercises import check

cbam_channel_gate = check("cbam_channel_gate", cbam_channel_gate)

# %%
w1, w2 = torch.tensor([[1.0, -1]]), torch.tensor([[1.0], [-1]])
for pools in (("avg",), ("avg", "max")):
    g = cbam_channel_gate(tiny, w1, w2, pools=pools)
    hand = by_hand([average, largest][: len(pools)])
    torch.testing.assert_close(g.flatten(), torch.tensor(hand))
    print(pools, [round(v, 3) for v in g.flatten().tolist()])

# %% [markdown]
# **What you saw.** With the average alone both gates are 0.5: no weights could tell the
# channels apart. With the maximum they are 0.993 and 0.007. Sharing costs nothing: the
# MLP has as many parameters as SE's. In the paper (Table 1, ImageNet, ResNet50, top-1
# error) no gate has 24.56 %, the average alone 23.14 %, the maximum alone 23.20 %, both
# 22.80 %. One run each.
#
# **A trap: ties.** Where several pixels share the maximum, who gets the gradient?
# PyTorch's functions disagree. On a map of ones, 4 channels of 4 x 4:

# %%
ways = {
    "max_pool2d, over the map": lambda x: F.max_pool2d(x, 4),
    "amax, over the map": lambda x: x.amax(dim=(2, 3)),
    "max, over the channels": lambda x: x.max(dim=1).values,
    "amax, over the channels": lambda x: x.amax(dim=1),
}
for name, way in ways.items():
    ones = torch.ones(1, 4, 4, 4, requires_grad=True)
    way(ones).sum().backward()
    reached = int((ones.grad != 0).sum())
    print(f"{name:<26}{reached:>3} of 64 entries, sum {ones.grad.sum():.0f}")

# %% [markdown]
# The sum is the same, the spread is not. In CBAM's place x comes out of a BatchNorm, so
# ties are rare. Behind a ReLU, zeros tie all the time.
#
# ## 3. The spatial gate: two maps, one kernel
#
# Now the other way round: the **channels** are pooled away, the positions stay.
#
# ### Exercise 2: `channel_maps`
#
# **Goal**: x (N, C, H, W) -> (N, 2, H, W): the largest and the mean value over the
# channels, in this order; `map_order="mean-max"` turns them round. Difficulty 1 of 3, 4
# minutes, about 4 lines. It matters because the two orders are a convention, and
# weights fit only one.
#
# <details><summary>Hint 1: a question</summary>
#
# SE averaged over positions. Which axis must go here, and which two stay?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# x (N, C, H, W) -> largest (N, 1, H, W) and mean (N, 1, H, W) -> (N, 2, H, W).
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# x.max(dim, keepdim=True) gives .values and .indices; x.mean; torch.cat.
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# maps = [x.max(dim=____, keepdim=True).values, x.mean(dim=____, keepdim=True)]
# if map_order == "mean-max":
#     maps.reverse()
# return torch.cat(maps, dim=____)
# ```
# </details>


# %% exercise="channel_maps"
def channel_maps(x: Tensor, map_order: str = "max-mean") -> Tensor:
    """Largest and mean value over the channels: x (N, C, H, W) -> (N, 2, H, W)."""
    raise NotImplementedError("channel_maps")


# %%
channel_maps = check("channel_maps", channel_maps)

# %%
slow = torch.zeros(1, 2, 2, 3)
for i in range(2):
    for j in range(3):
        values = tiny[0, :, i, j].tolist()
        slow[0, 0, i, j], slow[0, 1, i, j] = max(values), sum(values) / 2
torch.testing.assert_close(channel_maps(tiny), slow)
print(channel_maps(tiny)[0])

# %% [markdown]
# **What you saw.** First the largest map, then the mean: where channel 0 is bright,
# both say so.
#
# ### Exercise 3: `cbam_spatial_gate`
#
# **Goal**: one k x k kernel reads both maps; `norm`, where given, acts on the result;
# a sigmoid ends it. -> (N, 1, H, W) for any odd k. Difficulty 2 of 3, 6 minutes, about
# 5 lines. It matters because a position's gate must see its neighbours.
#
# <details><summary>Hint 1: a question</summary>
#
# Two maps come in, one gate goes out, of the same H x W. Which padding keeps the size
# for any odd k?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# channel_maps (N, 2, H, W) -> conv2d with (1, 2, k, k) -> (N, 1, H, W) -> norm, where
# given -> sigmoid.
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# channel_maps(x, map_order), F.conv2d(maps, weight, padding=...), torch.sigmoid.
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# maps = ____(x, map_order)
# logits = F.conv2d(maps, weight, padding=weight.shape[-1] // ____)
# if norm is not None:
#     logits = ____(logits)
# return ____(logits)
# ```
# </details>


# %% exercise="cbam_spatial_gate"
def cbam_spatial_gate(
    x: Tensor,
    weight: Tensor,
    norm: Callable[[Tensor], Tensor] | None = None,
    map_order: str = "max-mean",
) -> Tensor:
    """Spatial gate in (0, 1); equation 3.

    x (N, C, H, W), weight (1, 2, k, k) with k odd, no bias; `norm` is applied to the
    map before the sigmoid -> (N, 1, H, W).
    """
    raise NotImplementedError("cbam_spatial_gate")


# %%
cbam_spatial_gate = check("cbam_spatial_gate", cbam_spatial_gate)

# %% [markdown]
# **What you saw.** One channel comes out. It scales all C maps alike.
#
# Try a kernel **by hand**. Three channels keep what is red, blue or yellow; the kernel
# averages the largest of them over k x k pixels. The norm standardises and multiplies
# by a scale, as a BatchNorm does.

# %%
from course_lib.data.signs import CLASSES, render
from course_lib.looking import energy_inside

scenes = render("test", 90, 64)


def three_colours(images):
    """images (N, 3, H, W) in 0..1 -> red, blue, yellow maps (N, 3, H, W)."""
    red, green, blue = images.unbind(dim=1)
    others = [torch.maximum(green, blue), torch.maximum(red, green), blue]
    own = [red, blue, torch.minimum(red, green)]
    return (torch.stack(own, 1) - torch.stack(others, 1)).clamp(min=0)


def gate_by_hand(k, scale):
    """Spatial gates of the 90 scenes, (90, 64, 64)."""
    weight = torch.zeros(1, 2, k, k)
    weight[0, 0] = 1 / k**2  # averages the map of the largest channel
    norm = lambda z: scale * (z - z.mean()) / z.std()  # noqa: E731
    maps = three_colours(scenes.images / 255)
    return cbam_spatial_gate(maps, weight, norm)[:, 0]


# %%
def draw_gate(image, k, scale):
    """One scene, its gate, and the score of all 90 gates."""
    gates = gate_by_hand(k, scale)
    inside = energy_inside(gates, scenes.masks).mean()
    figure = Figure(figsize=(6, 3), dpi=100, layout="constrained")
    left, right = figure.subplots(1, 2)
    left.imshow(scenes.images[image].permute(1, 2, 0))
    picture = right.imshow(gates[image], cmap="cividis", vmin=0, vmax=1)
    for axes in (left, right):
        axes.contour(scenes.masks[image], levels=[0.5], colors="white")
        axes.set_axis_off()
    figure.colorbar(picture, ax=right).ax.tick_params(labelsize=9)
    title = f"k = {k}, scale {scale}: {inside:.2f} of the gate lies on the signs"
    figure.suptitle(title, fontsize=11, fontweight="bold")
    about = CLASSES[scenes.labels[image]]
    show(figure, alt=f"{title} (mean of 90); shown: {about}, sign outlined.")


draw_gate(image=4, k=7, scale=2.0)

# %%
share = scenes.masks.float().mean()
print(f"chance (the signs' share of the images): {share:.3f}")
for scale in (0.0, 2.0):
    row = []
    for k in (1, 3, 7, 15):
        inside = energy_inside(gate_by_hand(k, scale), scenes.masks).mean()
        row.append(f"k={k}: {inside:.3f}")
    print(f"scale {scale}:", ", ".join(row))

# %% [markdown]
# The number is the share of the gate's sum, smallest value taken off, that lies on the
# sign. This kernel beats chance. And note: **with a scale of 0 the gate is 0.5
# everywhere**, whatever the kernel. Move the controls:

# %% tags=["nbval-ignore-output"]
from ipywidgets import IntSlider, SelectionSlider, interact

controls = interact(
    draw_gate,
    image=IntSlider(4, 0, 89, description="image"),
    k=SelectionSlider(options=[1, 3, 7, 15], value=7, description="kernel k"),
    scale=SelectionSlider(options=[0.0, 1.0, 2.0, 4.0], value=2.0, description="scale"),
)

# %% [markdown]
# In the paper (Table 2, ImageNet, ResNet50) the spatial gate adds little: 22.80 % error
# without it, 22.68 % with k = 3, 22.66 % with k = 7. Squeezing the channels by a 1x1
# convolution is worse than none: 22.96 % (k = 3) and 22.90 % (k = 7).
#
# ## 4. Which gate comes first?
#
# ### Exercise 4: `CBAM`
#
# **Goal**: the module. `CBAMChannel(channels, reduction, mlp_bias, pools)` and
# `CBAMSpatial(kernel_size, map_order, norm, bn_momentum, bn_scale)` own the weights;
# build both, and put them in order. `"channel-first"` is the paper's: the spatial gate
# reads what the channel gate has left. In `"parallel"` both read x. `gate(x)` gives the
# product of both gates, (N, C, H, W); `forward(x)` the scaled maps. In the solution
# `check_choice` refuses an unknown order; you may leave the refusals out. Difficulty 3
# of 3, 15 minutes, about 15 short lines. It matters because ports differ: an inner
# residual, an ignored reduction, a default kernel of 49.
#
# <details><summary>Hint 1: a question</summary>
#
# In the paper's order, what does the spatial gate read: x, or x after the channel gate?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# channel.gate (N, C, 1, 1), spatial.gate (N, 1, H, W); their product and the output (N,
# C, H, W).
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# CBAMChannel and CBAMSpatial are modules with gate(x); calling one returns x * gate(x).
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# self.channel = CBAMChannel(channels, ____, mlp_bias, pools)
# self.spatial = CBAMSpatial(____, map_order, norm, bn_momentum, bn_scale)
# # gate, channel first: c = self.channel.gate(x)
# #   return c * self.spatial.gate(____)
# # forward, channel first: return self.____(self.____(x))
# ```
# </details>


# %% exercise="CBAM"
class CBAM(nn.Module):
    """Channel gate, then spatial gate: x (N, C, H, W) -> (N, C, H, W).

    order: see ORDERS; the rest: CBAMChannel, CBAMSpatial and the top of this file.
    Raises CourseError for an unknown choice, an even kernel, or when C // r is 0.
    """

    def __init__(
        self,
        channels: int,
        reduction: int = 16,
        kernel_size: int = 7,
        order: str = "channel-first",
        mlp_bias: bool = True,
        pools: Sequence[str] = ("avg", "max"),
        map_order: str = "max-mean",
        norm: bool = True,
        bn_momentum: float = 0.01,
        bn_scale: float = 0.0,
    ) -> None:
        super().__init__()
        raise NotImplementedError("CBAM")

    def gate(self, x: Tensor) -> Tensor:
        """Product of both gates, as applied to x: (N, C, H, W), values in (0, 1)."""
        raise NotImplementedError("CBAM")

    def forward(self, x: Tensor) -> Tensor:
        raise NotImplementedError("CBAM")


# %%
CBAM = check("CBAM", CBAM)

# %% [markdown]
# **What you saw.** `bn_scale=0.0` and `bn_momentum=0.01` are the authors' choices, not
# the formula's. Do the three orders differ at all? Give them the same weights.

# %%
outputs = {}
for order in ORDERS:
    torch.manual_seed(1)  # the same weights for each
    module = CBAM(64, order=order).eval()
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    outputs[order] = module(x).detach()
first = outputs["channel-first"]
for order, y in outputs.items():
    print(f"{order:<14}{(y - first).norm() / first.norm():.2f} away from channel first")

# %% [markdown]
# Different functions. Different accuracy? The paper's Table 3
# (ImageNet, ResNet50, top-1 / top-5 error): channel first 22.66 / 6.31 %, spatial first
# 22.78 / 6.42 %, parallel 22.95 / 6.59 %; SE alone 23.14 / 6.70 %. The steps are 0.12
# and 0.17 points, one run each: little evidence (notebook 08).
#
# ## 5. Into ResNet50: what it costs
#
# ### Predict
#
# SE added 2,530,992 parameters. CBAM has the same MLP, used twice, and a spatial gate
# of
# 100 numbers in each of 16 blocks. How many does it add?

# %%
predict("parameters", "...")

# %%
from course_lib.cost import count_macs, count_parameters
from course_lib.resnet import resnet50

with torch.device("meta"):
    networks = {
        "plain": resnet50(1000),
        "SE": resnet50(1000, attention="se"),
        "CBAM": resnet50(1000, attention=CBAM),
        "CBAM as in timm": resnet50(1000, lambda c: CBAM(c, mlp_bias=False)),
    }
sizes = {name: count_parameters(network) for name, network in networks.items()}
for name, network in networks.items():
    macs = count_macs(network, 224) / 1e9
    print(f"{name:<16}{sizes[name]:>12,}  {macs:.4f} billion multiply-adds")
assert sizes["CBAM"] - sizes["SE"] == 16 * (2 * 7 * 7 + 2)
recall("parameters", f"{sizes['CBAM'] - sizes['plain']:,}")

y = torch.randn(2, 256, 14, 10)  # one block's shapes, stage 1
w1, w2, kernel = torch.randn(16, 256), torch.randn(256, 16), torch.randn(1, 2, 7, 7)
channel = cbam_channel_gate(y, w1, w2)
maps = channel_maps(y * channel)
spatial = cbam_spatial_gate(y * channel, kernel)
walk = {"y": y, "channel": channel, "maps": maps, "spatial": spatial}
for name, tensor in (walk | {"out": y * channel * spatial}).items():
    print(f"{name:<9}{tuple(tensor.shape)}")

# %% [markdown]
# ## 6. Is it really CBAM? And whose?
#
# Three versions are in use.
#
# | | paper | authors' release (our default) | timm |
# |---|---|---|---|
# | biases in the MLP | not in the formula | yes | no: `mlp_bias=False` |
# | maps | [avg; max] | [max, mean] | [mean, max]: `map_order="mean-max"` |
# | norm in the spatial gate | not mentioned: `norm=False` | BatchNorm, `bn_momentum=0.01` | BatchNorm, `bn_momentum=0.1` |
# | its scale at the start | | 0: `bn_scale=0.0` | 1: `bn_scale=1.0` |
#
# First the authors' own code: `tests/golden` holds its inputs, weights, outputs and
# gradients.

# %%
from safetensors.torch import load_file

from course_lib.notebook import compare

for path in sorted((CHECKOUT / "tests" / "golden").glob("*_cbam_official_*eval*")):
    data = load_file(path)
    mlp = [data[f"ChannelGate.mlp.{n}"] for n in ("1.weight", "3.weight")]
    mlp += [data[f"ChannelGate.mlp.{n}"] for n in ("1.bias", "3.bias")]
    bn = {
        k.rpartition(".")[2]: v
        for k, v in data.items()
        if k.startswith("SpatialGate.spatial.bn")
    }
    bn = [bn[n] for n in ("running_mean", "running_var", "weight", "bias")]
    inputs = data["input"].requires_grad_()
    scaled = inputs * cbam_channel_gate(inputs, *mlp)
    kernel = data["SpatialGate.spatial.conv.weight"]
    y = scaled * cbam_spatial_gate(
        scaled, kernel, lambda z, bn=bn: F.batch_norm(z, *bn)
    )
    (y * data["probe"]).sum().backward()
    compare(f"{path.stem[:2]} output  ", y, data["output"])
    compare(f"{path.stem[:2]} gradient", inputs.grad, data["grad_input"])

# %% [markdown]
# Now timm's `CbamModule`, random weights. Its kernel reads [mean, max]: ask for that
# order, or **swap the kernel's two input channels**.

# %%
from importlib.util import find_spec

HAS_TIMM = find_spec("timm") is not None
if not HAS_TIMM:
    print("timm is not here, so nothing is compared. `python start.py test` brings it.")
else:
    from timm.layers.cbam import CbamModule

    torch.manual_seed(0)
    theirs = CbamModule(64).double().eval()
    mlp = [
        layer.weight.flatten(1) for layer in (theirs.channel.fc1, theirs.channel.fc2)
    ]
    kernel, bn = theirs.spatial.conv.conv.weight, theirs.spatial.conv.bn
    with torch.no_grad():
        kernel.normal_()
        z = x.double()
        wanted, scaled = theirs(z), z * cbam_channel_gate(z, *mlp)
        same = scaled * cbam_spatial_gate(scaled, kernel, bn, "mean-max")
        swapped = scaled * cbam_spatial_gate(scaled, kernel.flip(1), bn)
        unswapped = scaled * cbam_spatial_gate(scaled, kernel, bn)
    compare("timm's order            ", same, wanted)
    compare("authors' order, swapped ", swapped, wanted)
    compare("authors' order, as it is", unswapped, wanted)

# %% [markdown]
# So weights travel if the biases are 0 and the kernel's channels are swapped. Nothing
# warns you otherwise: the shapes fit, the numbers are wrong.
#
# ## 7. Before the first step
#
# ### Predict
#
# In the authors' release the spatial BatchNorm starts with scale 0 and shift 0. What is
# a spatial gate then, and which of CBAM's parameters get a gradient in step 1?

# %%
predict("first step", "...")

# %%
torch.manual_seed(0)
fresh = CBAM(64)
(fresh(x) * torch.randn_like(x)).sum().backward()
for name, parameter in fresh.named_parameters():
    print(f"{name:<22}{'gradient' if parameter.grad.any() else 'gradient 0'}")
gate = CBAMSpatial().gate(x)
print(f"spatial gates: {gate.min():.3f} to {gate.max():.3f}")
recall("first step", "0.5 exactly; all but the 7x7 kernel")

# %% [markdown]
# 0 times anything is 0: the kernel cannot be felt, so it gets no gradient until the
# scale has moved. That makes **three suspects** for the lost 20.8 points:
#
# 1. **Stale statistics.** With momentum 0.01 the BatchNorm's running mean keeps
#    0.99<sup>n</sup> of its start after n steps. In evaluation it may be wrong.
# 2. **The scale of 0.** The spatial gate loses its first steps.
# 3. **The quarter.** 0.5 x 0.5: each branch is multiplied by about 0.25, whatever it
#    gives.
#
# As to suspect 3: a branch ends in a BatchNorm with a scale &gamma; that
# could grow to 4 and undo the quarter. How fast? Let a branch give y = g &gamma; u with
# a fixed gate g, and take one gradient step on &gamma;:

# %%
WHO = {46: "(one epoch of the recorded runs)", 200: "(ci)", 552: "(the recorded runs)"}
for n in (46, 200, 460, 552):
    print(f"after {n} steps {0.99**n:.3f} of the start is left", WHO.get(n, ""))
for g in (1.0, 0.5, 0.25):
    gamma = torch.zeros((), requires_grad=True)  # our recipe starts it at 0
    ((1.0 - g * gamma * 1.0) ** 2).backward()  # the branch should give 1, u is 1
    step = -0.1 * gamma.grad.item()
    print(f"g = {g:<5} gamma moves {step:.3f}, the branch moves {g * step:.4f}")

# %% [markdown]
# The gate counts **twice**: on the way forward and on the way back. At g = 0.25 the
# branch learns 16 times slower, with SE's 0.5 four times.
#
# ## 8. One change at a time
#
# Each suspect gets a network in which **only that** is different:
#
# | network | change | tests |
# |---|---|---|
# | CBAM, fresh statistics | same weights, running statistics measured anew | 1 |
# | CBAM, scale 1 | `bn_scale=1.0` | 2 |
# | branch x 0.25 | no attention at all, a constant | 3 |
# | CBAM, gates open | last biases raised: both gates start at 0.98 | 3; also nearly switches attention off (section 9) |
#
# To open a gate, give it a logit of 4. The MLP runs twice, so its bias gets 2.


# %%
class Quarter(nn.Module):
    """No attention: x (N, C, H, W) -> 0.25 x."""

    def forward(self, x):
        return 0.25 * x


def gates_open(channels):
    """CBAM whose two gates start at sigmoid(4) = 0.98."""
    module = CBAM(channels, reduction=r)
    for part in module.modules():
        if isinstance(part, CBAMChannel):
            nn.init.constant_(part.expand.bias, 2.0)
        if isinstance(part, CBAMSpatial):
            nn.init.constant_(part.norm.bias, 4.0)
    return module


from course_lib.profiles import choose_profile

r = choose_profile().signs.reduction
print(
    f"r = {r}: CBAM {start_factor(CBAM(64, r), x):.2f}, "
    f"gates open {start_factor(gates_open(64), x):.2f}"
)

# %% [markdown]
# Four trainings (scale 1 is in the recorded runs only): at `ci` half a minute to two,
# by how busy the machine is, at `laptop` about 5 minutes on one core (by the recorded
# runs), `gpu` not timed. Each epoch is saved.

# %% tags=["nbval-ignore-output"]
from course_lib.exercises import whose
from course_lib.experiments import train_here

variants = {"plain": "plain", "branch x 0.25": lambda channels: Quarter()}
first_table, outcomes = train_here(variants)

# %% tags=["nbval-ignore-output"]
variants = {"CBAM": lambda c: CBAM(c, reduction=r), "CBAM, gates open": gates_open}
second_table, more = train_here(variants)
outcomes |= more
table = pd.concat([first_table, second_table], ignore_index=True)
table.insert(1, "source", ["verified", "a constant", whose("CBAM"), whose("CBAM")])
print(table.to_string(index=False))

# %% [markdown]
# The first suspect: measure the running statistics of the trained spatial gates anew,
# on the training images. No weight changes.

# %% tags=["nbval-ignore-output"]
from course_lib.data.datasets import Limits, load_dataset

sizes = choose_profile().signs
limits = Limits(sizes.train_images, sizes.val_images, sizes.test_images)
signs = load_dataset("signs", sizes.image_size, limits)
mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (signs.mean, signs.std))


def normalised(images):
    """uint8 (N, 3, H, W) -> what the networks were trained on."""
    return (images / 255 - mean) / std


@torch.no_grad()
def accuracy_of(network):
    """Share of the test images that the network gets right, in %."""
    parts = normalised(signs.test.images).split(500)
    logits = torch.cat([network.eval()(part) for part in parts])
    return 100 * (logits.argmax(dim=1) == signs.test.labels).float().mean().item()


# %% tags=["nbval-ignore-output"]
@torch.no_grad()
def refresh(network):
    """Measure the running statistics of every spatial gate anew."""
    network.eval()
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d) and part.num_features == 1:
            part.reset_running_stats()
            part.momentum = None  # the plain average over all batches
            part.train()
    for images in signs.train.images.split(100):
        network(normalised(images))


trained = outcomes["CBAM"].network.cpu()
before = accuracy_of(trained)
refresh(trained)
print(f"CBAM: {before:.1f} %, with fresh statistics {accuracy_of(trained):.1f} %")

# %% [markdown]
# One short run proves little. Beside it, runs recorded at the `laptop` size with the
# code of this section: `data/results/05_cbam_start.csv`; plain, SE and CBAM are from
# `signs-laptop`.

# %%
own = pd.read_csv(CHECKOUT / "data" / "results" / "05_cbam_start.csv")
new = own.pivot(index="seed", columns="network", values="test accuracy %")
names = {"plain": "plain", "se": "SE", "cbam": "CBAM"}
three = accuracy[list(names)].rename(columns=names)
runs = three.join(new.drop(columns="CBAM", errors="ignore"))
runs.index = [f"recorded, seed {seed}" for seed in runs.index]
print(runs.round(1).to_string(), "\n")
against = runs.sub(runs["plain"], axis=0).mean()
print("mean minus plain:", against.round(1).to_dict())
stale = own[own["network"] == "CBAM"].iloc[0]
print(f"CBAM, fresh statistics, seed 0: {stale['fresh statistics %']:.1f} %")
recall("constant 0.25", f"{against['branch x 0.25']:+.1f} points")

# %%
figure = Figure(figsize=(8, 3.6), dpi=100, layout="constrained")
axes = figure.subplots()
SHOWN = ["plain", "SE", "branch x 0.25", "CBAM", "CBAM, scale 1", "CBAM, gates open"]
means = runs[SHOWN].mean()
for place, name in enumerate(SHOWN):
    colour = "#D55E00" if name in ("CBAM", "branch x 0.25") else "#0072B2"
    axes.plot(runs[name], [place] * len(runs), "o", color=colour, markersize=7)
    axes.plot(means[name], place, "|", color="black", markersize=18)
    axes.text(
        means[name], place - 0.33, f"{means[name]:.1f}", ha="center", fontsize=9.5
    )
axes.set_yticks(range(len(SHOWN)), SHOWN, fontsize=10)
axes.set_ylim(len(SHOWN) - 0.5, -0.8)
axes.set_xlabel("test accuracy, % (dot: a seed, bar: mean)", fontsize=10)
axes.spines[["top", "right"]].set_visible(False)
title = "A constant of 0.25 loses about as much as CBAM; open gates lose little"
figure.suptitle(title, fontsize=12, fontweight="bold")
listed = ", ".join(f"{name} {means[name]:.1f} %" for name in SHOWN)
show(figure, alt=f"{title}. Means of the recorded seeds: {listed}.")

# %% [markdown]
# **What you saw**, in the recorded runs (mean of three seeds, points against plain):
#
# 1. *Stale statistics*: no sign of guilt (seed 0 only): measured anew, 62.0 becomes
#    62.5 %.
# 2. *Scale 0*: guilty in part. With a scale of 1, CBAM loses 9.8 points in place of
#    20.8.
# 3. *The quarter*: enough on its own. The constant 0.25, without any gate, loses
#    20.8 points, as CBAM does. With open gates CBAM loses 0.3.
#
# So a loss of this size needs no attention at all, only branches that grow too slowly
# for a short training. Three cautions. The seeds of the constant lie 12.7 points
# apart, those of the open gates 11.3: "no loss" means "cannot tell". Suspects 2 and 3
# overlap, so their shares do not add up. A longer training may close the gap.
#
# ## 9. Where does it look?

# %% tags=["nbval-ignore-output"]
from course_lib.looking import capture_gates, enlarge, spatial_map
from course_lib.map_figures import map_figure

chosen = [5, 60, 150, 260, 340, 450]
pictures, masks = signs.test.images[chosen], signs.test.masks[chosen]
maps = {}
for label in ("CBAM", "CBAM, gates open"):
    network = outcomes[label].network.cpu()
    gates = capture_gates(network, normalised(pictures))
    maps[label.removeprefix("CBAM, ")] = spatial_map(next(iter(gates.values())))
shares = [
    energy_inside(enlarge(m, *masks.shape[1:]), masks).mean() for m in maps.values()
]
title = "First block: share of the map on the sign"
figure = map_figure(pictures, masks, maps, title)
said = ", ".join(f"{k} {v:.2f}" for k, v in zip(maps, shares, strict=True))
chance = masks.float().mean()
show(figure, alt=f"{title}, mean of {len(chosen)} images: {said}; chance {chance:.2f}.")

# %% [markdown]
# Each map has its own colour scale: pattern, not strength. The `ci` training is too
# short for a pattern that means something. So score the **recorded** networks (seed 0,
# 2,000 test images, `05_cbam_maps.csv`). Does the largest value lie on the sign
# (pointing)? What share of the map's sum lies there (energy)? Chance is the sign's
# share of the image; `spread` is the gate's standard deviation within a map.

# %%
scores = pd.read_csv(CHECKOUT / "data" / "results" / "05_cbam_maps.csv")
columns = ["gate", "spread", "pointing", "energy", "chance", "centre pointing"]
print(scores.groupby("network", sort=False)[columns].mean().round(3).to_string())
first = scores[scores["block"] == "layer1.0"]
print(
    first[["network", "spread", "pointing", "energy"]].round(3).to_string(index=False)
)

# %%
figure = Figure(figsize=(9, 3.6), dpi=100, layout="constrained")
left, right = figure.subplots(1, 2)
LOOKS = {"CBAM": ("#D55E00", "o-"), "CBAM, gates open": ("#0072B2", "s--")}
for name, (colour, style) in LOOKS.items():
    rows = scores[scores["network"] == name]
    left.plot(rows["block"], rows["pointing"], style, color=colour, label=name)
    right.plot(rows["block"], rows["spread"], style, color=colour, label=name)
left.axhline(scores["chance"].iloc[0], color="black", linestyle=":")
left.set_ylabel("largest value on the sign", fontsize=10)
right.set_ylabel("spread of the gate within a map", fontsize=10)
left.text(15, 0.25, "chance", fontsize=9.5, ha="right")
for axes in (left, right):
    axes.set_xticks(range(16), [b[5:] for b in rows["block"]], fontsize=9, rotation=90)
    axes.set_xlabel("block (stage.number)", fontsize=10)
right.legend(fontsize=9.5)
widest = scores.groupby("network")["spread"].max()
title = "The better network has the flatter gates (seed 0)"
figure.suptitle(title, fontsize=13, fontweight="bold")
listed = ", ".join(f"{name} {widest[name]:.3f}" for name in LOOKS)
show(figure, alt=f"{title}: widest spread of 16 blocks {listed} (recorded).")

# %% [markdown]
# **What you saw.** Two findings:
#
# - CBAM's first block points at the sign in 73 % of the images, chance is 23 %. Yet a
#   map that always points at **the centre** scores 80 %: our signs often cover it. Ask
#   for that baseline (notebook 09).
# - The open gates have the better accuracy, and they are **flat**: 0.98, spread 0.002
#   at most. The sigmoid's slope at a logit of 4 is 0.018, against 0.25 at 0. Opening
#   the gates did not make the attention work. Seed 0 of the open gates, 88.4 %, is 9
#   points above the other two (79.3 and 77.1).
#
# ## 10. Break it
#
# A widely copied collection returns `out + x` from its CBAM: a residual inside the
# module. The properties of `CBAM` are, in this order: runs, parameter count, shape,
# dtype and device, range, samples independent, gated, values, gradients, start,
# arguments, input not modified. **Which one fails first?**

# %%
predict("inner residual", "...")


# %%
from course_lib.notebook import break_it


class InnerResidual(CBAM):
    """CBAM with `out + x`."""

    def forward(self, x):
        return super().forward(x) + x


break_it("CBAM", InnerResidual)
recall("inner residual", "range")
print(f"factor at the start: {start_factor(InnerResidual(64), x):.2f}")

# %% [markdown]
# The factor is about 1.25 (1.23 on these maps), so by section 8 this port may even
# *learn faster*. A bug that raises accuracy is found by a property, never by a score.
# The check knows more public bugs:
#
# | bug | exercise | caught by |
# |---|---|---|
# | `x1 + x1` for `x1 + x2`: one pooling twice | 1 | values |
# | a sigmoid for each pooling, before the sum | 1 | range |
# | spatial sigmoid forgotten | 3 | range |
# | the argument for r ignored, 16 written in | 4 | runs: 11 channels have no hidden unit |
# | default kernel 49 | 4 | parameter count |
#
# Write one into the cell of its exercise, and check it.
#
# ## 11. Recap
#
# <details><summary>1. Why does one MLP serve two poolings?</summary>
#
# It halves the parameters, and both vectors describe the same channels. The sum comes
# before the sigmoid.
# </details>
# <details><summary>2. Which axes go in which gate?</summary>
#
# Channel gate: H and W go, one number per channel stays. Spatial gate: C goes, one
# number per position stays.
# </details>
# <details><summary>3. What must you do to load the authors' weights into timm's
# CBAM?</summary>
#
# Swap the two input channels of the 7x7 kernel; the MLP's biases must be 0.
# </details>
# <details><summary>4. What does a fresh CBAM do to a branch?</summary>
#
# It multiplies it by a quarter. The spatial gates are exactly 0.5, and the 7x7 kernel
# gets no gradient in the first step.
# </details>
# <details><summary>5. Why does CBAM lose on the signs?</summary>
#
# Mostly by its start: a constant 0.25 without attention loses about as much, and open
# gates win nearly all of it back.
# </details>
#
# ### Not shown here
#
# that CBAM is bad: 12 epochs favour what learns fast. Nor that open gates are better in
# a long training.
#
# **Paper against code.** The paper's Table 1 lists 25.92 million parameters for the SE
# row; its Table 2 has 28.09 for the same accuracy. 25.92 is BAM's number.
#
# **An open problem.** Find a start that neither slows the branch nor flattens the gate:
# a factor of 1 *and* a slope. BAM's 1 + gate is one idea.
#
# **Next**: notebook 06 looks where only 46 parameters are spent.
