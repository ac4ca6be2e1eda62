# %% [markdown]
# # 06 Attention in 46 parameters
#
# **The question: how many of sixteen 46-parameter gates are dead before training
# starts, and how many after you mend them?**
#
# About 85 minutes. You need notebook 01 (the block), 02 (gates) and 04 or 05 (maps).
#
# Afterwards you can
#
# - rebuild a module from a description, down to the exact parameter count;
# - find two faults that raise no error: a map that grows, and a gate that never learns;
# - mend both, and measure what the mend is worth.

# %% tags=["nbval-ignore-output"]
from course_lib.notebook import setup

setup("06")

# %% [markdown]
# ## 1. Sixteen gates before the first step
#
# In 2019 Xu Ma wrote a spatial module with 46 parameters for the REU group's network
# SResNet50 (ma-xu/ResidualAttention, `models/s_resnet.py`). There is no paper. Sixteen
# of them go into ResNet50. Build the network, and let PyTorch choose how they start.
# (The branches start as PyTorch starts them, not at 0 as in our recipe; section 8
# returns to that.)
#
# Each module reads one map: the mean over all channels. Record those sixteen maps for
# eight scenes, and what each gate makes of them.

# %%
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.attention import SmallSpatial
from course_lib.attention.dead_gates import mean_maps
from course_lib.data.signs import render
from course_lib.resnet import resnet50

torch.manual_seed(0)
modules = [SmallSpatial(start="pytorch") for _ in range(16)]
waiting = iter(modules)
network = resnet50(100, attention=lambda channels: next(waiting), stem="cifar")
images = render("train", 8, 32).images / 255  # (8, 3, 32, 32)
maps = mean_maps(network, (images - images.mean()) / images.std())
with torch.no_grad():  # "layer1.0": (8, 1, 32, 32)
    pairs = zip(maps.items(), modules, strict=True)
    gates = {block: module.gate(m) for (block, m), module in pairs}
flat = [block for block, g in gates.items() if g.amin() == g.amax()]

# %%
from matplotlib.figure import Figure

from course_lib.plots import show

figure = Figure(figsize=(9, 3), dpi=100, layout="constrained")
for axes, (block, g) in zip(figure.subplots(2, 8).flat, gates.items(), strict=True):
    number = block.removeprefix("layer")
    if block in flat:  # mid-grey, with the one value that it has
        axes.imshow(torch.full_like(g[0, 0], 0.5), cmap="gray", vmin=0, vmax=1)
        number += f" flat {g.mean():.2f}"
    else:
        axes.imshow(g[0, 0], cmap="cividis")
    axes.set_title(number, fontsize=9.5)
    axes.set_axis_off()
figure.supxlabel("each panel has its own colour scale; grey: flat", fontsize=10)
title = f"{len(flat)} of 16 fresh gates are the same everywhere, for every scene"
figure.suptitle(title, fontsize=13, fontweight="bold")
listed = ", ".join(block.removeprefix("layer") for block in flat)
show(figure, alt=f"Gates of 16 blocks, one scene. {title}: blocks {listed}.")

# %% [markdown]
# A gate that is the same everywhere chooses nothing. Some others draw little more than
# a frame: that is zero padding, not the scene. Do the flat ones at least learn?
#
# ### Predict
#
# With PyTorch's default start, which share of such gates is **dead**: flat for all
# eight scenes, with no gradient that could change it? Write a percentage.

# %%
from course_lib.notebook import predict, recall

predict("dead gates", "...")

# %% [markdown]
# ## 2. From the description to 46
#
# | formula | Python | shape | meaning |
# |---|---|---|---|
# | m = (1/C) &Sigma;<sub>c</sub> x<sub>c</sub> | `m` | (N, 1, H, W) | one map: the mean over channels |
# | a = ReLU(K<sub>1</sub> * m + b<sub>1</sub>) | `w1`, `b1` | (N, 1, H, W) | 5x5 convolution, gathers |
# | b = ReLU(K<sub>2</sub> * a + b<sub>2</sub>) | `w2`, `b2` | (N, 1, H/2, W/2), rounded up | 3x3, stride 2, shrinks |
# | u = nearest neighbour of b | `u` | (N, 1, H, W) | each value copied to 2 x 2 positions |
# | g = &sigma;(K<sub>3</sub> * u + b<sub>3</sub>) | `small_spatial_gate` | (N, 1, H, W) | 3x3 convolution: the gate |
# | y = g x | `x * g` | (N, C, H, W) | all channels share one map |
#
# SE asks *which channel*, this module asks *where*. No BatchNorm, no reduction ratio.
#
# ### Exercise 1: count to 46
#
# **Goal**: the parameters of k x k convolutions in a row, with biases.
# `stack_parameters(layers)` -> int, where a layer is (channels in, channels out, k).
# Difficulty 1 of 3, 4 minutes, about 1 line. It matters because the count is the only
# published check that you have read the description right.
#
# <details><summary>Hint 1: a question</summary>
#
# How many numbers does one output channel own?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# (channels in, channels out, k) -> out * (in * k * k + 1), added up.
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# sum(... for inputs, outputs, k in layers)
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# return sum(outputs * (____ + 1) for inputs, outputs, k in layers)
# ```
# </details>


# %% exercise="stack_parameters"
def stack_parameters(layers: list[tuple[int, int, int]]) -> int:
    """Parameters of convolutions in a row, each with its biases.

    layers: (channels in, channels out, k) of each k x k convolution.
    """
    raise NotImplementedError("stack_parameters")


# %%
from course_lib.exercises import check

stack_parameters = check("stack_parameters", stack_parameters)

# %%
designs = {
    "as described": [(1, 1, 5), (1, 1, 3), (1, 1, 3)],
    "two maps into the last": [(1, 1, 5), (1, 1, 3), (2, 1, 3)],
    "CBAM's 7x7, with a bias": [(2, 1, 7)],
    "no mean, 256 channels": [(256, 256, 5), (256, 256, 3), (256, 256, 3)],
}
for name, layers in designs.items():
    print(f"{name:<28}{stack_parameters(layers):>10,}")

# %% [markdown]
# **What you saw.** 26 + 10 + 10 = 46, and C does not enter. Had you read two maps into
# the last layer, you would get 55; without its bias, 45. The mean over channels saves
# the last row's 2.8 million.
#
# ## 3. Halve, then copy
#
# The smallest example: a 4 x 4 map. Let K<sub>1</sub> and the ReLUs do nothing, and
# let K<sub>2</sub> hold nine ones. With stride 2 the kernel sits on every second
# position; outside the map there are zeros.

# %%
m = torch.arange(16.0).reshape(4, 4)
small = torch.zeros(2, 2)
for i in range(2):
    for j in range(2):
        for row in range(2 * i - 1, 2 * i + 2):
            for column in range(2 * j - 1, 2 * j + 2):
                if 0 <= row < 4 and 0 <= column < 4:
                    small[i, j] += m[row, column]
large = torch.zeros(4, 4)
for i in range(4):
    for j in range(4):
        large[i, j] = small[i // 2, j // 2]
print(large)

# %%
from course_lib.attention.spatial import UPSAMPLES
from course_lib.errors import check_choice

b = F.conv2d(m[None, None], torch.ones(1, 1, 3, 3), stride=2, padding=1)  # (1, 1, 2, 2)
u = F.interpolate(b, scale_factor=2, mode="nearest")  # (1, 1, 4, 4)
assert torch.equal(b[0, 0], small) and torch.equal(u[0, 0], large)
print("sides after halving and doubling:", {H: 2 * -(-H // 2) for H in (1, 4, 6, 7)})
for kind in UPSAMPLES:
    check_choice("upsample", kind, UPSAMPLES)  # silent: both names are known

# %% [markdown]
# Look at the last line. On even sides you get back where you were. On 7 and 1 you do
# not: keep that in mind.
#
# ### Exercise 2: the gate, original and mended
#
# **Goal**: the whole table above in one function. `upsample="x2"` doubles b, as the
# original does; `upsample="match"` gives u the size of x. Difficulty 2 of 3, 12
# minutes, about 8 lines. In the solution `check_choice` refuses other words; you may
# leave it out. It matters because one argument separates a module for even maps from
# one for all.
#
# <details><summary>Hint 1: a question</summary>
#
# Which axis disappears first, and which size must come back at the end?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# (N, C, H, W) -> (N, 1, H, W) -> (N, 1, H, W) -> (N, 1, H/2, W/2) -> (N, 1, H, W).
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# x.mean(dim=..., keepdim=True), F.relu, F.conv2d(m, w1, b1, padding=...),
# F.interpolate(b, size=... or scale_factor=..., mode=...), torch.sigmoid.
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# m = x.mean(dim=____, keepdim=True)
# a = F.relu(F.conv2d(m, w1, b1, padding=____))
# b = F.relu(F.conv2d(a, w2, b2, stride=____, padding=____))
# if upsample == "match":
#     u = F.interpolate(b, size=____, mode="nearest")
# else:
#     u = F.interpolate(b, scale_factor=____, mode="nearest")
# return ____(F.conv2d(u, w3, b3, padding=____))
# ```
# </details>


# %% exercise="small_spatial_gate"
def small_spatial_gate(
    x: Tensor,
    w1: Tensor,
    b1: Tensor,
    w2: Tensor,
    b2: Tensor,
    w3: Tensor,
    b3: Tensor,
    upsample: str = "match",
) -> Tensor:
    """Gate in (0, 1) for every sample and position, shared by all channels.

    x (N, C, H, W), w1 (1, 1, 5, 5), w2 and w3 (1, 1, 3, 3), biases (1,)
    -> (N, 1, H, W).
    """
    raise NotImplementedError("small_spatial_gate")


# %%
small_spatial_gate = check("small_spatial_gate", small_spatial_gate)

# %% [markdown]
# **What you saw.** The check moves one pixel, and looks at gates six positions away.
# Now compare with Xu Ma's own code: `tests/golden` holds inputs, kernels, outputs and
# gradients recorded from his class. Then with a slow one: `slow` sums each window by
# itself.

# %%
from pathlib import Path

from safetensors.torch import load_file

import course_lib
from course_lib.notebook import compare

golden = Path(course_lib.__file__).parents[1] / "tests" / "golden"
names = [
    f"{n}.{k}" for n in ("gather.1", "gather.3", "excite.0") for k in ("weight", "bias")
]
for path in sorted(golden.glob("*_spatial_small_*.safetensors")):
    data = load_file(path)
    x = data["input"].requires_grad_()
    y = x * small_spatial_gate(x, *(data[name] for name in names), upsample="x2")
    (y * data["probe"]).sum().backward()
    case = path.stem.removesuffix("_eval")
    compare(f"{case} output  ", y, data["output"])
    compare(f"{case} gradient", x.grad, data["grad_input"])


# %%
def slow(m, weight, bias, stride):
    """One-channel convolution of m (H, W), window by window."""
    k = weight.shape[-1]
    padded, out = F.pad(m, (k // 2,) * 4), m[::stride, ::stride].clone()
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            top, left = i * stride, j * stride
            out[i, j] = (padded[top : top + k, left : left + k] * weight).sum() + bias
    return out


torch.manual_seed(1)
odd = torch.randn(1, 3, 7, 5)
kernels = [p.detach() for p in SmallSpatial(start="alive").parameters()]
w1, b1, w2, b2, w3, b3 = kernels
a = slow(odd[0].mean(dim=0), w1[0, 0], b1, 1).relu()  # (7, 5)
b = slow(a, w2[0, 0], b2, 2).relu()  # (4, 3)
u = b.repeat_interleave(2, 0).repeat_interleave(2, 1)[:7, :5]
g = slow(u, w3[0, 0], b3, 1).sigmoid()
compare("slow, 7 x 5", small_spatial_gate(odd, *kernels)[0, 0], g)

# %% [markdown]
# ## 4. Fault one: sizes
#
# ### Predict
#
# The original doubles. What happens to `x * g` on 7 x 7, and what on 1 x 1?

# %%
predict("7 x 7 and 1 x 1", "...")


# %%
from functools import cache


@cache
def original(size):
    """The side of x * g with the original's gate, or what went wrong."""
    x = torch.randn(2, 4, size, size)
    try:
        side = (x * small_spatial_gate(x, *kernels, upsample="x2")).shape[-1]
    except RuntimeError:
        return "fails"
    return "ok" if side == size else f"grows to {side}"


for size in (1, 2, 3, 4, 7, 8, 13, 14):
    print(f"{size:>3} x {size:<3} {original(size)}")
recall("7 x 7 and 1 x 1", f"{original(7)}; {original(1)}, without any error")

# %% [markdown]
# 7 x 7 becomes 8 x 8, and PyTorch refuses the product. That is the kind fault. 1 x 1
# becomes 2 x 2, and a size of 1 **broadcasts**: x is copied to four positions, and
# nobody says a word. Where does a ResNet50 meet such maps?

# %%
STEMS = {"imagenet": 4, "cifar": 1}  # how much each stem shrinks
SHOWN = (28, 32, 48, 56, 64, 96, 112, 128, 160, 192, 224, 256, 288)


def sides(pixels, stem):
    """Side of the map in each of the four stages."""
    return [-(-pixels // (STEMS[stem] * 2**stage)) for stage in range(4)]


bad = {stem: [] for stem in STEMS}
for stem in STEMS:
    for pixels in SHOWN:
        if any(original(side) != "ok" for side in sides(pixels, stem)):
            bad[stem].append(pixels)
    print(f"{stem:<9}not every stage is ok: {bad[stem]} pixels")

# %%
MARKS = {"ok": ("", "#CDE7F5"), "fails": (" x", "#E69F00")}
MARKS |= {"grows to 2": (" +", "#F0E442")}
figure = Figure(figsize=(9, 4.4), dpi=100, layout="constrained")
for axes, stem in zip(figure.subplots(2, 1), STEMS, strict=True):
    for column, pixels in enumerate(SHOWN):
        for stage, side in enumerate(sides(pixels, stem)):
            mark, fill = MARKS[original(side)]
            look = {"ha": "center", "va": "center", "fontsize": 9.5}
            look |= {"bbox": {"facecolor": fill, "edgecolor": "white"}}
            axes.text(column, stage, f"{side}{mark}", **look)
    axes.set(xlim=(-0.6, len(SHOWN) - 0.4), ylim=(3.6, -0.6))
    axes.set_xticks(range(len(SHOWN)), SHOWN, fontsize=9.5)
    axes.set_yticks(range(4), [f"stage {n}" for n in range(1, 5)], fontsize=9.5)
    axes.set_title(f"{stem} stem; below: image size in pixels", fontsize=10, loc="left")
    axes.spines[:].set_visible(False)
title = "The original fails on 224-pixel images, in the last stage"
figure.suptitle(title + " (x: fails, +: grows)", fontsize=13, fontweight="bold")
told = "; ".join(f"{stem} stem {pixels}" for stem, pixels in bad.items())
show(figure, alt=f"{title}, where its map is 7 x 7. Sizes with a bad stage: {told}.")

# %% [markdown]
# The same with any size: move the slider, choose the stem.

# %% tags=["nbval-ignore-output"]
from ipywidgets import IntSlider, ToggleButtons, interact


def walk(pixels, stem):
    """Each stage's map, and what the original does on it."""
    for stage, side in enumerate(sides(pixels, stem), 1):
        print(f"stage {stage}: {side:>3} x {side:<3} {original(side)}")


controls = interact(
    walk,
    pixels=IntSlider(224, 8, 320, description="pixels"),
    stem=ToggleButtons(options=list(STEMS), description="stem"),
)

# %% [markdown]
# The authors trained on CIFAR with 32 pixels: 32, 16, 8, 4, all even. So nobody met it.
# `size=x.shape[2:]` in place of `scale_factor=2` mends both cases, and changes nothing
# on even maps:

# %%
even, one = torch.randn(2, 3, 6, 10), torch.randn(2, 3, 1, 1)
same = [small_spatial_gate(even, *kernels, upsample=kind) for kind in UPSAMPLES]
print("6 x 10, both forms equal:", torch.equal(*same))
for x in (odd, one):
    print(tuple(x.shape), "->", tuple((x * small_spatial_gate(x, *kernels)).shape))

# %% [markdown]
# ## 5. How far does a gate look?
#
# ### Predict
#
# 5x5, then 3x3 with stride 2, a doubling, then 3x3. How many rows of x, at most, can
# one gate value depend on?

# %%
predict("reach of a gate", "...")

# %%
live = [torch.full_like(p, 0.05) for p in kernels]  # no ReLU cuts, no saturation


def rows_seen(gate, i):
    """The rows of x that the gate at [i, i] depends on, by its gradient."""
    x = torch.rand(1, 1, 32, 32, requires_grad=True)
    gate(x, *live)[0, 0, i, i].backward()
    rows = x.grad[0, 0].abs().sum(dim=1).nonzero().flatten()
    return int(rows[0]), int(rows[-1])


for i in (16, 17):
    top, bottom = rows_seen(small_spatial_gate, i)
    print(f"gate [{i}, {i}]: rows {top} to {bottom}, {bottom - top + 1} of them")
recall("reach of a gate", f"{bottom - top + 1}")

# %% [markdown]
# The gradient counts for you: 9 rows, and as many columns. The first two layers reach 7. The last 3x3 covers
# three positions of u, but those are copies of only *two* values of b, two positions
# apart: 7 + 2. An even row looks 5 up and 3 down, an odd one 4 and 4.
#
# ## 6. Fault two: dead gates
#
# If b is 0 everywhere, u is 0, and g is &sigma;(b<sub>3</sub>) everywhere. Each ReLU
# that is cut passes no gradient. So K<sub>1</sub>, b<sub>1</sub>, K<sub>2</sub> and
# b<sub>2</sub> get none, and K<sub>3</sub> none either, since its input is 0. One number
# of 46 still learns.
#
# ### Exercise 3: who gets no gradient?
#
# **Goal**: `silent_parameters(module, x)` -> names of the parameters without a gradient,
# for any module. Gradients that the module already holds must neither count nor change.
# Difficulty 3 of 3, 12 minutes, about 6 lines. It matters because nothing else tells
# you: the loss falls, the rest of the network learns.
#
# <details><summary>Hint 1: a question</summary>
#
# Of which single number do you take the gradient, and could that number be a constant?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# y (N, C, H, W) times random numbers -> one sum -> one gradient, or None, for each
# parameter.
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# torch.randn_like(y), module.named_parameters(), torch.autograd.grad(total, list,
# allow_unused=True), slope.any().
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# y = module(x)
# probe = torch.randn_like(y)
# named = dict(module.named_parameters())
# slopes = torch.autograd.grad(____, list(named.values()), allow_unused=True)
# pairs = zip(named, slopes, strict=True)
# return [name for name, slope in pairs if slope is None or ____]
# ```
# </details>


# %% exercise="silent_parameters"
def silent_parameters(module: nn.Module, x: Tensor) -> list[str]:
    """Names of the parameters that get no gradient from the input x.

    x (N, C, H, W) or whatever the module takes. A parameter is silent when its gradient
    is 0 in every entry, or when the output does not depend on it. The names come in the
    module's order. The gradients that the module holds stay as they are.
    """
    raise NotImplementedError("silent_parameters")


# %%
silent_parameters = check("silent_parameters", silent_parameters)

# %%
pairs = zip(maps.items(), modules, strict=True)
silent = {block: silent_parameters(module, m) for (block, m), module in pairs}
dead = [b for b, n in silent.items() if len(n) >= 5]  # 5 of 6: all but excite.bias
blind = [block for block, g in gates.items() if g.std(dim=0).max() < 1e-6]
print(f"dead: {len(dead)} of 16, the same as the flat ones: {dead == flat}")
print(f"the same for all eight scenes: {len(blind)} of 16")
for block in (dead[0], *(block for block in blind if block not in dead)):
    print(f"{block}: {', '.join(silent[block])}")

# %% [markdown]
# **What you saw.** Flat and dead are the same gates: your function finds by gradient
# what the first figure showed by eye. 7 are dead. Five more draw a frame and ignore the
# scene: K<sub>1</sub> and K<sub>2</sub> get no gradient there, K<sub>3</sub> does.
# Section 9 counts both kinds as *constant*.
#
# But that was one draw. Now draw each of the sixteen gates 20 times, in four ways, and
# count the dead. The maps that they read stay.
#
# - **PyTorch**: the default, weights and biases uniform.
# - **torchvision**: its ResNet draws convolutions anew (normal, He et al. 2015), and
#   leaves their random biases. Its own convolutions have none; these do.
# - **Xu Ma**: the same weights, biases 0.
# - **alive**: exercise 4 below.


# %%
from functools import partial


def torchvision_start():
    """What torchvision's ResNet loop does to a module that it finds."""
    module = SmallSpatial(start="pytorch")
    for layer in (module.gather, module.shrink, module.excite):
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return module


def count_dead(make, seeds=20):
    """Dead gates of 16, for each seed."""
    found = torch.zeros(seeds)
    for seed in range(seeds):
        torch.manual_seed(seed)
        for m in maps.values():
            found[seed] += len(silent_parameters(make(), m)) >= 5  # of 6
    return found


# %%
default = partial(SmallSpatial, start="pytorch")
starts = {"PyTorch": default, "torchvision": torchvision_start, "Xu Ma": SmallSpatial}
counted = {label: count_dead(make) for label, make in starts.items()}  # (20,) each
for label, dead in counted.items():
    low, high = dead.aminmax()
    print(f"{label:<12}{dead.mean() / 16:.1%} dead ({low:.0f} to {high:.0f} of 16)")
print("standard deviation of m by block:", *(f"{m.std():.2f}" for m in maps.values()))
recall("dead gates", f"{counted['PyTorch'].mean() / 16:.0%}")

# %% [markdown]
# A quarter to a half of the gates, for a choice that nobody made. The cause is in the
# sizes. The mean over 256 to 2048 channels nearly cancels: m's standard deviation is
# 0.02 to 0.08. By default b<sub>1</sub> reaches &plusmn;0.2 (1/&radic;25) and
# b<sub>2</sub> &plusmn;0.33 (1/&radic;9). A bias that negative cuts everything. Xu Ma's
# zero biases avoid that. What remains is the luck of K<sub>2</sub>: if its weights are mostly
# negative, it cuts every positive value that the first ReLU sends.
#
# ### Exercise 4: a start that lives
#
# **Goal**: `alive_kernels(w1, w2)` -> both kernels with new signs, of unchanged size,
# such that a bright patch reaches the gate. The docstring has the two laws. Difficulty
# 1 of 3, 5 minutes, about 1 line. It matters because a good start is a mend
# without a single new parameter.
#
# <details><summary>Hint 1: a question</summary>
#
# What does a patch of equal positive values become under each kernel?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# w1 (1, 1, 5, 5) times one sign; w2 (1, 1, 3, 3) weight by weight.
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# w1.sum().sign(), w2.abs()
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# return w1 * ____, ____
# ```
# </details>


# %% exercise="alive_kernels"
def alive_kernels(w1: Tensor, w2: Tensor) -> tuple[Tensor, Tensor]:
    """The first two kernels with new signs, so that a bright patch reaches the gate.

    w1 (1, 1, 5, 5) as a whole is kept or negated: its sum must not be below 0. In w2
    (1, 1, 3, 3) each weight must not be below 0. All sizes stay. Returns both.
    """
    raise NotImplementedError("alive_kernels")


# %%
alive_kernels = check("alive_kernels", alive_kernels)

# %% [markdown]
# **What you saw.** The check never asked for one formula: it tested laws, such as "a
# bright patch passes". Put your gate and your kernels into one module, and count again.


# %%
class Yours(SmallSpatial):
    """The module with your gate and, for start="alive", your kernels."""

    def __init__(self, channels, upsample="match", start="alive"):
        super().__init__(upsample, "xu-ma" if start == "alive" else start)
        if start == "alive":
            with torch.no_grad():
                w1, w2 = alive_kernels(self.gather.weight, self.shrink.weight)
                self.gather.weight.copy_(w1)
                self.shrink.weight.copy_(w2)

    def gate(self, x):
        return small_spatial_gate(x, *self.parameters(), upsample=self.upsample)


# %%
counted["alive"] = count_dead(partial(Yours, 1))
figure = Figure(figsize=(8, 3.2), dpi=100, layout="constrained")
axes = figure.subplots()
for row, dead in enumerate(counted.values()):
    numbers, times = dead.unique(return_counts=True)
    axes.scatter(numbers, [row] * len(numbers), s=18 * times, color="#0072B2")
    axes.plot([dead.mean()] * 2, [row - 0.4, row + 0.4], color="black", linewidth=2)
    axes.text(16.4, row, f"{dead.mean() / 16:.1%}", va="center", fontsize=10)
axes.set_yticks(range(4), counted, fontsize=10)
axes.set(ylim=(3.6, -0.6), xlim=(-0.7, 16.2))
axes.set_xlabel(
    "dead gates of 16 (disc: its area counts seeds; line: mean)", fontsize=10
)
axes.spines[["top", "right"]].set_visible(False)
listed = ", ".join(f"{label} {dead.mean():.1f}" for label, dead in counted.items())
title = f"Dead at the start, of 16: {listed}"
axes.set_title(title, fontsize=11.5, fontweight="bold", loc="left")
show(figure, alt=f"Dead gates for 20 seeds and four starts. {title} (means).")

# %% [markdown]
# ## 7. Into ResNet50
#
# `resnet50` passes each block's channels, and `Yours` takes them and **never uses
# them**. Xu Ma's constructor has the same blemish: its one argument is called
# `reduction`, and the blocks pass it `planes * 4`, a number of channels. **Find the
# bug**: what changes when you pass another number?

# %%
from course_lib.cost import count_macs, count_parameters

for channels in (16, 256, 2048):
    torch.manual_seed(0)
    module = Yours(channels)
    total = sum(p.sum() for p in module.parameters())
    print(f"Yours({channels}): {count_parameters(module)} parameters, sum {total:.4f}")

# %% [markdown]
# Nothing. Such an argument raises no error, and a reader will tune it in vain. Only a
# test that changes it and expects a difference finds it, or a linter.
#
# SResNet50 is the REU's **pre-activation** network with the module at the end of each
# branch. You build it, and the standard one.

# %%
built = {}  # (pre-activation?, with the module?)
with torch.device("meta"):  # shapes only, so the start does not matter
    for preact in (False, True):
        for module in (None, partial(Yours, start="xu-ma")):
            net = resnet50(100, module, stem="cifar", preact=preact)
            built[preact, module is not None] = net
for (preact, with_module), net in built.items():
    label = "pre-activation" if preact else "standard"
    label += " + yours" if with_module else ""
    macs = count_macs(net, 32) / 1e9
    print(f"{label:<24}{count_parameters(net):>11,} parameters{macs:>8.4f} GMAC")
grown = count_parameters(built[True, True]) - count_parameters(built[True, False])
print(f"the module adds {grown} = 16 x {grown // 16}")


x, y = torch.zeros(2, 2, 64, 32, 32, device="meta")  # behind the two stems
for n in range(1, 5):
    x = getattr(built[False, True], f"layer{n}")(x)
    y = getattr(built[True, True], f"layer{n}")(y)
    print(f"stage {n}  standard {tuple(x.shape)}  pre-activation {tuple(y.shape)}")

# %% [markdown]
# The shapes agree, the parameters do not. In a pre-activation block BatchNorm and ReLU
# come *before* each convolution. So the module reads the raw output of a convolution.
# Xu Ma's network also differs from He et al.'s of 2016: there is no BatchNorm after the
# first convolution, none on the shortcuts, and no BatchNorm and ReLU before the
# pooling. Predict its difference of 11,776 parameters by hand:

# %%
inside = 2 * (2048 - 64)  # a norm at each block's start, not end: the ends differ
stem, shortcuts = 2 * 64, 2 * (256 + 512 + 1024 + 2048)
print(f"inside blocks {inside:,} + stem {stem} + shortcuts {shortcuts:,}")
standard, preact = (count_parameters(built[kind, False]) for kind in (False, True))
print(f"together {inside + stem + shortcuts:,}, counted {standard - preact:,}")

# %% [markdown]
# Two more traits of that network: it pools with a fixed 4 x 4 window, so it takes 32
# pixels only; and its loop asks for an attribute named `bias.data`, which no module has.
# So the classifier's bias keeps a random start.
#
# ### What the REU measured
#
# CIFAR-100, 150 epochs, one seed, and the best epoch **chosen on the test set**
# (accuracyList.numbers of ma-xu/ResidualAttention).

# %%
REU = {"ResNet50": 75.06, "ResNet101": 74.73, "SEResNet50": 75.29}
REU |= {"BAMResNet50": 75.43, "CBAMResNet50": 74.51, "SResNet50": 75.50}
for name, accuracy in REU.items():
    print(f"{name:<14}{accuracy:6.2f} %  {accuracy - 75.06:+.2f}")
margin = 196 * (0.7506 * (1 - 0.7506) / 10_000) ** 0.5
print(f"one row, 10,000 test images: ±{margin:.2f} points (95 %)")

# %% [markdown]
# SResNet50 gains 0.44 points with 736 parameters, and stands above SE's 2.5 million. But
# the 101-layer network stands below the 50-layer one. The table cannot rank modules.
#
# ## 8. Train it here
#
# Four networks: plain, BAM, and your module in two starts. `ci` takes half a minute to
# three, by how busy the machine is. `laptop` takes about 15 minutes, estimated from the recorded
# 2.6 to 3.9 minutes a network; `gpu` is not timed. Our recipe starts each branch at 0
# (notebook 01). So m is 0 at step 0, and **no** gate depends on the image then. Living
# kernels wake with the branch; dead ones do not.
#
# ### Predict
#
# One seed, a short training. Which two of the four networks differ the least?

# %%
predict("closest pair", "...")

# %% tags=["nbval-ignore-output"]
from course_lib.experiments import train_here


def default_start(channels):
    """Your gate, started as PyTorch starts it."""
    return Yours(channels, start="pytorch")


variants = {"plain": "plain", "BAM": "bam"}
yours = {"alive": Yours, "PyTorch": default_start}
table, outcomes = train_here(variants | yours)

# %% tags=["nbval-ignore-output"]
from course_lib.exercises import whose

gate, start = whose("small_spatial_gate"), whose("alive_kernels")
sources = [f"gate {gate}, kernels {start}", f"gate {gate}, kernels PyTorch's"]
table.insert(1, "source", ["verified"] * 2 + sources)
print(table.drop(columns="seconds").to_string(index=False))
d = outcomes["alive"].hits.float() - outcomes["PyTorch"].hits.float()  # 1, 0 or -1
margin = 196 * d.std() / len(d) ** 0.5
print(f"alive minus PyTorch {100 * d.mean():+.1f} ± {margin:.1f} points")
accuracy = table.set_index("network")["test accuracy %"].sort_values()
gaps = accuracy.diff()[1:]
k = int(gaps.argmin())
pair = f"{accuracy.index[k]} and {accuracy.index[k + 1]}"
recall("closest pair", f"{pair}, {gaps.iloc[k]:.1f} points apart")

# %% [markdown]
# **What this cannot show**: which module is better. Yours is one seed, four epochs at
# `ci`, in a network eight times narrower. The recorded runs (12 epochs, Xu Ma's start,
# three seeds) give -5.0 points for spatial against plain, interval -13.2 to +3.3:
# cannot tell. Short runs also punish every gate that halves its branch at first.

# %%
from course_lib.runs import read_runs

shipped = Path(course_lib.__file__).parents[1] / "data/results/signs-laptop/runs.csv"
runs = read_runs([shipped])
recorded = runs.pivot(index="model", columns="seed", values="test_accuracy").mul(100)
recorded = recorded.loc[["plain", "se", "bam", "spatial"]].round(1)
recorded.insert(0, "source", "recorded, laptop profile")
print(recorded.to_string())

# %% [markdown]
# ## 9. Look at the maps
#
# Which gates look at the image after training? Compare how much a gate differs **between images**,
# before and after training. A dead gate differs by
# nothing, and so does one that draws a frame only.

# %% tags=["nbval-ignore-output"]
from course_lib.data.datasets import Limits, load_dataset
from course_lib.planning import plan_runs
from course_lib.preparing import build_network
from course_lib.profiles import choose_profile

sizes = choose_profile().signs
limits = Limits(sizes.train_images, sizes.val_images, sizes.test_images)
signs = load_dataset("signs", sizes.image_size, limits)
mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (signs.mean, signs.std))
pictures, masks = signs.test.images[:200], signs.test.masks[:200]
inputs = (pictures / 255 - mean) / std  # (200, 3, H, W)
run = plan_runs("signs", sizes, ["plain"], seeds=1)[0]
fresh = {k: build_network(run, len(signs.classes), make) for k, make in yours.items()}
trained = {label: outcomes[label].network.cpu() for label in yours}

# %% tags=["nbval-ignore-output"]
from course_lib.looking import capture_gates


def spreads(network):
    """Standard deviation of each block's gate over images, mean over positions."""
    gates = capture_gates(network, inputs).values()
    return torch.tensor([g.std(dim=0).mean() for g in gates])


FLAT = 1e-6  # rounding only
before = {label: spreads(network) for label, network in fresh.items()}
after = {label: spreads(network) for label, network in trained.items()}
asleep = {label: int((spread < FLAT).sum()) for label, spread in after.items()}
for label in yours:
    flat = int((before[label] < FLAT).sum())
    print(f"{label}: {flat} of 16 gates constant before, {asleep[label]} after")

# %% tags=["nbval-ignore-output"]
figure = Figure(figsize=(9, 3.6), dpi=100, layout="constrained")
axes = figure.subplots()
for (label, spread), style in zip(after.items(), ("o-", "s--"), strict=True):
    color = "#0072B2" if label == "alive" else "#D55E00"
    shown = f"{label}: {asleep[label]} constant"
    axes.plot(spread, style, color=color, label=shown)
axes.set_xticks(range(16), [name.removeprefix("layer") for name in maps], fontsize=9.5)
axes.set_xlabel("block (stage.number)", fontsize=10)
axes.set_ylabel("sd over images, trained", fontsize=10)
axes.legend(fontsize=10)
axes.spines[["top", "right"]].set_visible(False)
title = (
    f"Trained gates that never vary: {asleep['PyTorch']} of 16 with PyTorch's start, "
)
title += f"{asleep['alive']} with yours"
axes.set_title(title, fontsize=12, fontweight="bold", loc="left")
show(figure, alt=f"How much 16 trained gates differ between images. {title}.")

# %% [markdown]
# Before the first step every gate is constant because m is 0, so the first number says
# nothing about death. Afterwards 10 stay constant in the stored run, about as many as a
# PyTorch start makes blind (section 6). Why 3 living ones stay constant is not measured
# here.
#
# Now draw the map of the block that varies most, with each sign's outline. The number
# above a map is the share of its sum that lies on the sign.

# %% tags=["nbval-ignore-output"]
from course_lib.looking import energy_inside, enlarge, pointing_game
from course_lib.map_figures import map_figure

drawn, scores, chance = {}, {}, masks.float().mean()
for label, net in trained.items():
    block = list(maps)[int(after[label][:13].argmax())]  # stage 4 is too coarse
    small = capture_gates(net, inputs)[f"{block}.attention"][:, 0]  # (200, h, w)
    large = enlarge(small, *masks.shape[1:])  # (200, H, W)
    fixed = large.mean(dim=0).expand_as(large)  # one map for all images
    scored = [energy_inside(large, masks), energy_inside(fixed, masks)]
    scored += [pointing_game(large, masks)]
    drawn[f"{label}\n{block}"] = small[:6]
    scores[label] = [f"{score.mean():.2f}" for score in scored]
    print(label, block, "share {}, its mean map {}; pointing {}".format(*scores[label]))
print(f"chance: {chance:.2f} for all")
said = ", ".join(f"{label} {score[0]}" for label, score in scores.items())
title = f"Share of the map on the sign: {said}; chance {chance:.2f}"
figure = map_figure(pictures[:6], masks[:6], drawn, title)
show(figure, alt=f"Six test scenes, two gates' maps, the signs outlined. {title}.")

# %% [markdown]
# Read the score against chance, and against the module's own **mean map**, which is the
# same for every image. Signs rarely touch the rim, so a dull frame that is bright inside
# beats chance without looking at anything. A gate may also mark the *background* and
# score below chance: closing a region is a choice, too. And a map on the sign does not
# prove that the network needs it there. Notebook 09 doubts such maps in earnest.
#
# ## 10. Break it
#
# "Nearest" looks crude. Replace it by bilinear, which many ports do. The properties are,
# in this order: runs, runs on 7 x 7, shape, dtype and device, range, samples
# independent, channels alike, looks near, values, gradients, input not modified.
# **Which is the first to fail?**

# %%
predict("bilinear", "...")

# %%
from course_lib.notebook import break_it


def bilinear_gate(x, w1, b1, w2, b2, w3, b3, upsample="match"):
    """small_spatial_gate with one word changed, twice."""
    m = x.mean(dim=1, keepdim=True)  # (N, 1, H, W)
    a = F.relu(F.conv2d(m, w1, b1, padding=2))
    b = F.relu(F.conv2d(a, w2, b2, stride=2, padding=1))
    size = {"size": x.shape[2:]} if upsample == "match" else {"scale_factor": 2}
    u = F.interpolate(b, mode="bilinear", **size)
    return torch.sigmoid(F.conv2d(u, w3, b3, padding=1))


break_it("small_spatial_gate", bilinear_gate)
recall("bilinear", "values")
top, bottom = rows_seen(bilinear_gate, 16)
print(f"the bilinear gate sees {bottom - top + 1} rows")

# %% [markdown]
# Every shape is right, and the gate still passes *looks near*, which allows 5 each way:
# 11 rows. Only numbers from somebody else's code tell the two apart. Which of them is *better*, no
# run here says.
#
# ## 11. Recap
#
# <details><summary>1. Why does C not enter the count of 46?</summary>
#
# The mean over channels leaves one map; all three convolutions go from one channel to
# one: 26 + 10 + 10.
# </details>
# <details><summary>2. Why is 1 x 1 the worse of the two bad sizes?</summary>
#
# 7 x 7 raises an error. 1 x 1 grows to 2 x 2 by broadcasting, and nothing is said.
# </details>
# <details><summary>3. What is a dead gate, and what still learns in it?</summary>
#
# Its hidden map is 0 for every input, so the gate is constant. The last bias alone gets
# a gradient.
# </details>
# <details><summary>4. Why do random biases kill gates here and not elsewhere?</summary>
#
# The mean over many channels varies by 0.02 to 0.08 only; b<sub>1</sub> reaches
# &plusmn;0.2 and b<sub>2</sub> &plusmn;0.33. There is one hidden channel, and no
# BatchNorm.
# </details>
# <details><summary>5. What does the mend change, and what not?</summary>
#
# Signs only: K<sub>1</sub>'s sum and every weight of K<sub>2</sub> become positive. Dead
# gates fall to 0 of 320; no parameter is added. Accuracy: one seed cannot tell.
# </details>
#
# ### Not shown here
#
# that living gates make a better network; that the module helps at all. Both need
# seeds and length (notebooks 07 and 08).
#
# **Code against description.** Weight decay in the original script also pulls on the 46
# numbers. His siblings of the module (RSResNet50, R2SResNet50) hand the logits on to the
# next block, and the table's 26.21 million for RSResNet50 includes a pair of layers that
# is never called. Your `silent_parameters` would name it.
#
# **An open problem.** A living start is one mend; a BatchNorm before the ReLU is
# another. Which one keeps gates alive *during* training at a high learning rate?
#
# **Next**: notebook 07 trains well and fairly.
