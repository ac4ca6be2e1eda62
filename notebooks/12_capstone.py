# %% [markdown]
# # 12 Capstone: read a newer module
#
# **The question: 22 modules call themselves ECA and are not. How many does your test
# catch?**
#
# About 90 minutes, and a week if you write the report. You need notebooks 02 (the
# squeeze) and 08 (what a comparison may claim); 09 and 10 for section 7 and the report.
#
# Afterwards you can
#
# - turn a formula into laws, and laws into a test, before any module exists;
# - write the module, prove it right, and say where paper, code and ports differ;
# - enter it in a fair comparison, and report what that shows.

# %% tags=["nbval-ignore-output"]
from course_lib.notebook import setup

setup("12")

# %% [markdown]
# ## 1. Twenty-two impostors
#
# `WRONG` holds 22 modules. Each was meant to be ECA, *Efficient Channel Attention*, and
# has one mistake. Four usual questions: does it run, keep the shape, have gates between
# 0 and 1, send a gradient to every parameter?

# %%
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.impostors import RIGHT, WRONG


def usual_questions(make):
    """Yes or no to four questions about make(64); False where it raises an error."""
    module, x = make(64), torch.randn(2, 64, 5, 7)  # x (N, C, H, W)
    try:
        g, y = module.gate(x), module(x)
        y.square().sum().backward()
    except RuntimeError:
        return [False] * 4
    learns = all(p.grad.any() for p in module.parameters())
    inside = bool(((g > 0) & (g < 1)).all())
    return [True, y.shape == x.shape, inside, bool(learns)]


# %% [markdown]
# ### Predict
#
# How many of the 22 pass all four? Write a number instead of the dots.

# %%
from course_lib.notebook import predict

predict("impostors that pass", "...")

# %%
from course_lib.notebook import recall

torch.manual_seed(0)
answers = {name: usual_questions(make) for name, make in WRONG.items()}
passed = [name for name, answer in answers.items() if all(answer)]
questions = ["runs", "shape", "0 to 1", "gradient"]
for question, *yes in zip(questions, *answers.values(), strict=True):
    print(f"{question:<10}{sum(yes)} of {len(WRONG)}")
recall("impostors that pass", f"{len(passed)} of {len(WRONG)}")

# %% [markdown]
# They ask whether a module works, not **which** one it is. A wrong one trains as well,
# and its accuracy enters your table as ECA's. So the test comes first.
#
# ## 2. Read the paper
#
# Wang, Wu, Zhu, Li, Zuo and Hu, *ECA-Net*, 2020. SE squeezes C averages into C / r
# hidden units and back. The authors skip the detour: a gate comes from the averages of
# its **near neighbours**. So slide one short kernel along the channels.
#
# | paper | Python | shape | meaning |
# |---|---|---|---|
# | y = g(X) | `s = squeeze(x)` | (N, C) | one average a channel (this g is no gate) |
# | k = \|log<sub>2</sub>(C)/&gamma; + b/&gamma;\|<sub>odd</sub> | `eca_kernel_size(channels)` | one number | &gamma; = 2, b = 1; the nearest odd number, of two the upper |
# | C1D<sub>k</sub>(y) | `self.conv(s[:, None])` | (N, 1, C) | k weights for all channels, no bias, zeros outside |
# | &omega; = &sigma;(C1D<sub>k</sub>(y)) | `gate(x)` | (N, C, 1, 1) | the gate |
# | X &omega; | `x * gate(x)` | (N, C, H, W) | as in SE |
#
# By hand: four channels, three weights, two loops.

# %%
s, w = [1.0, 2.0, 0.0, -1.0], [0.5, 1.0, -1.0]
by_hand = [0.0] * 4
for c in range(4):
    for j in range(3):
        neighbour = c + j - 1  # k // 2 = 1 to the left, 1 to the right
        if 0 <= neighbour < 4:
            by_hand[c] += w[j] * s[neighbour]
print(by_hand)
fast = F.conv1d(torch.tensor([[s]]), torch.tensor([[w]]), padding=1)  # (1, 1, 4)
torch.testing.assert_close(fast.flatten(), torch.tensor(by_hand))

# %% [markdown]
# Channel 1 has 0.5 * 1 + 1 * 2 - 1 * 0 = 2.5. The ends ask one neighbour less.
#
# **What do you know without any code?** Besides the shape, six laws follow:
#
# 1. *size*: k weights and no other parameter; k is 3, 5, 7 at C = 64, 128, 2048 (for 4 at
#    128 and 6 at 2048, the paper's listing goes up).
# 2. *gated*: the output is x times the gate.
# 3. *samples*: no image looks at another.
# 4. *average*: only the averages count, not what a map looks like.
# 5. *neighbours*: raise one channel, and k gates move, by the weights in order.
# 6. *ends*: outside the first and last channel there are zeros.
#
# ## 3. The test, before the module
#
# `pulse(module, 100)` sets channel 100 to 1, the others to 0, and returns what each gate
# says before the sigmoid. Here is a right module, with k = 5.

# %%
from course_lib.laws import kernel_of, pulse, same

torch.manual_seed(1)
right = RIGHT["shifted copies"](256)
print("kernel      ", [round(v, 2) for v in kernel_of(right).tolist()])
print("gates 97-103", [round(v, 2) for v in pulse(right, 100)[97:104].tolist()])
print("gates 0-4   ", [round(v, 2) for v in pulse(right, 0)[:5].tolist()])
assert same(pulse(right, 100)[98:103], kernel_of(right).flip(0))

# %% [markdown]
# The echo is the kernel **turned round**: gate 98 sees channel 100 through its *last*
# weight. At channel 0, its first two numbers fall off the edge.
#
# ### Exercise 1: the laws
#
# **Goal**: `broken_laws(make)` -> a list with the names of **all** the laws that a
# module breaks, `[]` for none. `make(256)` builds the module with 256 channels. It has
# `gate(x)` and is called as `module(x)`; the names of its parameters are unknown.
# `kernel_of(module)` gives them in one row; `same(a, b)` wants equal shapes and
# compares up to rounding. Difficulty 3 of 3, 20 minutes, about 14 lines. It matters
# because this test will judge your own module.
#
# The check runs it on six right modules and the 22 impostors. Names of laws are yours to
# choose. A false alarm is worse than a miss: nobody trusts such a test.
#
# <details><summary>Hint 1: a question</summary>
#
# What happens to the gates when one channel goes up, one pixel moves, the other sample
# changes?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# g (2, 256, 1, 1), kernel_of(module) (5,), pulse(module, 100) (256,): zeros but for
# five.
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# same(a, b), x[:1], x.mean(dim=(2, 3), keepdim=True).expand_as(x), .flip(0),
# F.pad(kernel, (left, right)).
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# module, x = make(256), torch.randn(2, 256, 7, 5)
# g, kernel = module.gate(x), kernel_of(module).flip(0)
# if g.shape != (2, 256, 1, 1):
#     return ["shape"]
# average = x.mean(dim=(2, 3), keepdim=True).expand_as(x)
# sizes = [len(kernel_of(make(c))) for c in (64, 128, 2048)]
# laws = {
#     "size": sizes == ____,
#     "gated": same(module(x), ____),
#     "samples": same(module.gate(x[:1]), ____),
#     "average": same(module.gate(____), g),
#     "neighbours": same(pulse(module, 100), F.pad(kernel, (98, ____))),
#     "ends": same(pulse(module, 0), F.pad(kernel[____:], (0, 253))),
# }
# return [name for name, kept in laws.items() if ____]
# ```
# </details>

# %%
from course_lib.attention import AttentionFactory


# %% exercise="broken_laws"
def broken_laws(make: AttentionFactory) -> list[str]:
    """Names of the laws of ECA that a module breaks; [] where it keeps them all.

    make: a number of channels -> a module with gate(x) and forward(x), such as a class.
    256 channels have k = 5. Nothing is known of the names of its parameters.
    """
    raise NotImplementedError("broken_laws")


# %%
from course_lib.exercises import check

broken_laws = check("broken_laws", broken_laws)

# %% [markdown]
# **What you saw.** A test has a specification, too: accept what is right however it is
# written, refuse what is wrong. Which law catches whom? (A sum keeps *average*; the
# pulse sees that it is six times too large.)

# %%
torch.manual_seed(0)
found = {}
for name, make in WRONG.items():
    try:
        found[name] = broken_laws(make)
    except Exception:  # the module fails, or your test on it
        found[name] = ["error"]
laws = sorted({law for names in found.values() for law in names})
caught = torch.tensor([[law in names for law in laws] for names in found.values()])
print(f"{caught.any(dim=1).sum()} of {len(found)} caught")

# %%
from matplotlib.figure import Figure

from course_lib.plots import show

figure = Figure(figsize=(7.5, 5.6), dpi=100, layout="constrained")
axes = figure.subplots()
axes.imshow(caught, cmap="cividis", aspect="auto")
axes.set_xticks(range(len(laws)), laws, fontsize=10)
axes.set_yticks(range(len(found)), found, fontsize=9.5)
axes.set_xticks([v - 0.5 for v in range(1, len(laws))], minor=True)
axes.set_yticks([v - 0.5 for v in range(1, len(found))], minor=True)
axes.grid(which="minor", color="white", linewidth=1)
axes.tick_params(which="both", length=0)
once = int((caught.sum(dim=1) == 1).sum())
title = f"{once} of {len(found)} impostors are caught by one law alone"
axes.set_title(title, fontsize=13, fontweight="bold", loc="left")
counts = ", ".join(
    f"{k} {n}" for k, n in zip(laws, caught.sum(0).tolist(), strict=True)
)
show(figure, alt=f"{title}. Yellow: the law is broken. Impostors caught: {counts}.")

# %% [markdown]
# ### Mutate your own test
#
# A test may be too weak. So leave out one law at a time. **How many impostors slip
# through?**

# %%
for column, law in enumerate(laws):
    others = [other for other in range(len(laws)) if other != column]
    missed = ~caught[:, others].any(dim=1)
    names = [name for name, gone in zip(found, missed, strict=True) if gone]
    print(f"without {law:<11}{len(names)} missed: {', '.join(names) or 'none'}")

# %% [markdown]
# A law whose loss costs nothing is idle, unless it names the fault better.
#
# ## 4. The module
#
# First the **kernel size**. ResNet50's stages have 256, 512, 1024 and 2048 channels, in
# 3, 4, 6 and 3 blocks.
#
# ### Predict
#
# k in the four stages? (log<sub>2</sub>(256) + 1) / 2 is 4.5.

# %%
predict("k in four stages", "...")

# %%
import math

STAGES = {256: 3, 512: 4, 1024: 6, 2048: 3}  # channels: blocks
print({c: (math.log2(c) + 1) / 2 for c in STAGES})
kernels = {
    "formula": [5, 5, 5, 7],
    "README": [3, 5, 5, 7],
    "default": [3, 3, 3, 3],
    "formula, ties down": [5, 5, 5, 5],
}
for name, four in kernels.items():
    total = sum(k * n for k, n in zip(four, STAGES.values(), strict=True))
    print(f"{name:<19}{four}: {total} parameters in ResNet50")
recall("k in four stages", "the first three, all from the authors")

# %% [markdown]
# The released module takes k = 3 unless told otherwise. The README of BangguWu/ECANet
# passes 3, 5, 5, 7 for ResNet50. The formula wants 5 in the first stage, as timm takes
# it. Asked about it (issue 24), an author calls the formula a guide. At 2048 it gives
# exactly 6, a tie (as 4 at 128, issue 12); rounded down, the total is 80, as by the
# README. **So write down which one you mean.** We mean the formula, ties up.
#
# ### Exercise 2: the module
#
# **Goal**: the class. `kernel_size=None` takes the formula, cut with `int` and raised by
# 1 where even; an even `kernel_size` raises an error (`check_odd`). Difficulty 2 of 3,
# 12 minutes, about 7 lines. It matters because your test is waiting for it.
#
# <details><summary>Hint 1: a question</summary>
#
# A kernel slides along something. Along which axis, and how long is it?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# (N, C, H, W) -> (N, C) -> (N, 1, C) -> (N, 1, C) -> (N, C, 1, 1).
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# math.log2, int, k % 2, check_odd(k); nn.Conv1d(1, 1, k, padding=..., bias=False);
# squeeze(x)[:, None], torch.sigmoid.
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# # __init__: k = kernel_size
# if k is None:
#     k = int((math.log2(channels) + 1) / ____)
#     k = k if k % 2 else ____
# check_odd(k)
# self.conv = nn.Conv1d(1, 1, k, padding=____, bias=False)
# # gate: s = squeeze(x)[:, ____]
# # return ____(self.conv(s))[:, 0, :, None, None]
# # forward: return x * ____
# ```
# </details>

# %%
from course_lib.attention.eca import check_odd
from course_lib.attention.squeeze_excitation import squeeze
from course_lib.errors import CourseError

print("the signal:", tuple(squeeze(torch.randn(2, 6, 5, 7))[:, None].shape))
try:
    check_odd(4)
except CourseError as error:
    print("check_odd(4):", error)


# %% exercise="ECA"
class ECA(nn.Module):
    """Multiplies every channel by its gate: x (N, C, H, W) -> (N, C, H, W).

    channels: C of the input; sets k by the paper's formula.
    kernel_size: k itself, odd, in place of the formula (3: the released default).

    Parameters: k. Raises CourseError for an even kernel.
    """

    def __init__(self, channels: int, kernel_size: int | None = None) -> None:
        super().__init__()
        raise NotImplementedError("ECA")

    def gate(self, x: Tensor) -> Tensor:
        """The bare gate: x (N, C, H, W) -> (N, C, 1, 1), values in (0, 1)."""
        raise NotImplementedError("ECA")

    def forward(self, x: Tensor) -> Tensor:
        raise NotImplementedError("ECA")


# %%
from course_lib.attention.eca import eca_kernel_size  # the verified rule, for below

ECA = check("ECA", ECA)

# %% [markdown]
# The check compared values; your test has laws. Do they agree? And does timm's ECA?

# %%
from timm.layers import EcaModule

from course_lib.notebook import compare

print("broken laws:", broken_laws(ECA))
x = torch.randn(2, 256, 9, 7)
mine, theirs = ECA(256), EcaModule(256)
with torch.no_grad():
    theirs.conv.weight.copy_(kernel_of(mine).view_as(theirs.conv.weight))
    compare("mine and timm's", mine(x), theirs(x))

# %% [markdown]
# What do the five numbers replace? At C = 256 and r = 16, SE has 2 &middot; 256 &middot;
# 16 = 8,192 weights; ECA has 5. SE's two layers, without the ReLU, are one matrix from
# averages to logits. So is ECA's kernel (drawn: C = 32, k = 5).

# %%
from course_lib.attention import SqueezeExcitation
from course_lib.impostors import band_matrix

torch.manual_seed(0)
se = SqueezeExcitation(32, 4, bias=False)
matrices = {
    "SE, r = 4": (se.expand.weight @ se.reduce.weight).detach(),  # (32, 32)
    "ECA, k = 5": band_matrix(kernel_of(ECA(32, 5)), 32),
}
own = {"SE, r = 4": se, "ECA, k = 5": ECA(32, 5)}

# %%
figure = Figure(figsize=(7.5, 3.9), dpi=100, layout="constrained")
said = []
for axes, (name, matrix) in zip(figure.subplots(1, 2), matrices.items(), strict=True):
    top = matrix.abs().max()
    axes.imshow(matrix, cmap="cividis", vmin=-top, vmax=top)
    links, numbers = int((matrix != 0).sum()), len(kernel_of(own[name]))
    axes.set_title(f"{name}: {numbers} weights, {links:,} links", fontsize=11)
    axes.set_xlabel("channel asked", fontsize=10)
    axes.set_ylabel("channel gated", fontsize=10)
    said.append(axes.get_title())
title = "SE asks every channel, ECA its neighbours, all alike"
figure.suptitle(title, fontsize=13, fontweight="bold")
key = (
    "yellow raises a gate, blue lowers it, grey: no link; each panel has its own scale"
)
figure.supxlabel(key, fontsize=10)
show(
    figure,
    alt=f"{title}. Two 32 x 32 matrices: {'; '.join(said)}, on 5 diagonals; {key}.",
)

# %% [markdown]
# The price: **who is whose neighbour?** Channels have no natural order. Renumber them,
# and SE's weights with them: the gates are the same as before. No kernel of ECA can do
# that. The layers before must learn a suitable order.
#
# How does k grow with C? The rings are what the README passes for ResNet50.


# %%
def draw_sizes(gamma, b):
    """k over the number of channels, with the README's sizes for ResNet50."""
    channels = [2**n for n in range(3, 13)]
    sizes = [eca_kernel_size(c, gamma, b) for c in channels]
    figure = Figure(figsize=(7.5, 3.2), dpi=100, layout="constrained")
    axes = figure.subplots()
    axes.plot(channels, sizes, "s", color="#0072B2", label="formula")
    ring = {"markersize": 13, "markerfacecolor": "none", "markeredgewidth": 2}
    axes.plot(list(STAGES), [3, 5, 5, 7], "o", color="#D55E00", label="README", **ring)
    axes.set_yticks(range(1, max(sizes) + 2, 2))  # an odd k each
    axes.set_xscale("log", base=2)
    axes.set_xticks(channels, channels, fontsize=9.5)
    axes.set(xlabel="channels C", ylabel="kernel size k", ylim=(0, max(sizes) + 2))
    axes.legend(fontsize=10, loc="upper left")
    four = ", ".join(str(eca_kernel_size(c, gamma, b)) for c in STAGES)
    title = f"gamma = {gamma:g}, b = {b:g}: k = {four} in ResNet50"
    axes.set_title(title, fontsize=12, fontweight="bold", loc="left")
    show(figure, alt=f"{title}; from {sizes[0]} at C = 8 to {sizes[-1]} at 4096.")


draw_sizes(gamma=2, b=1)

# %% [markdown]
# Which &gamma; and b give the README's 3, 5, 5, 7?

# %% tags=["nbval-ignore-output"]
from ipywidgets import FloatSlider, interact

controls = interact(
    draw_sizes,
    gamma=FloatSlider(2, min=1, max=4, step=0.25, description="gamma"),
    b=FloatSlider(1, min=-5, max=3, step=0.5, description="b"),
)

# %%
for gamma in (v / 4 for v in range(4, 17)):
    for b in (v / 2 for v in range(-10, 7)):
        if [eca_kernel_size(c, gamma, b) for c in STAGES] == [3, 5, 5, 7]:
            print(f"gamma = {gamma}, b = {b}")

# %% [markdown]
# Some, far from 2 and 1. Two free numbers fit four sizes: no law.
#
# ## 5. Two strips
#
# ECA's gate has no position. Hou, Zhou and Feng (*Coordinate Attention*, 2021) keep
# half of it: they average each **row** and each **column**, and gate both.
#
# | formula | Python | shape | meaning |
# |---|---|---|---|
# | z<sup>h</sup>, z<sup>w</sup> | `rows`, `columns` | (N, C, H, 1), (N, C, 1, W) | averages over W, over H |
# | f = &delta;(F<sub>1</sub>[z<sup>h</sup>, z<sup>w</sup>]) | `h` | (N, M, H + W, 1) | one strip, M = max(8, C / 32) |
# | g<sup>h</sup>, g<sup>w</sup> | `g_h`, `g_w` | (N, C, H, 1), (N, C, 1, W) | two layers, two sigmoids |
# | y = x g<sup>h</sup> g<sup>w</sup> | `x * g_h * g_w` | (N, C, H, W) | a rectangle lights up |
#
# &delta; is BatchNorm, then **h-swish**: a times min(max(a + 3, 0), 6) / 6. What can
# two strips say of a scene's redness?

# %%
from course_lib.data.signs import CLASSES, render

scene = render("train", 360, 64)
STOP = 4  # the scene of notebook 02
image, mask = scene.images[STOP] / 255, scene.masks[STOP]
red = (image[0] - torch.maximum(image[1], image[2])).clamp(min=0)  # (H, W)
two = torch.zeros(64, 64)
two[8:20, 8:20] = two[44:56, 44:56] = 1  # two marks, across from each other


def strips(a):
    """The mean of each row times that of each column: a (H, W) -> (H, W)."""
    return a.mean(dim=1, keepdim=True) * a.mean(dim=0, keepdim=True)


# %%
maps = {"red": red, "strips of red": strips(red), "two": two, "strips": strips(two)}
inside = {k: (m * mask).sum() / m.sum() for k, m in maps.items()}
ghosts = 1 - (maps["strips"] * two).sum() / maps["strips"].sum()
titles = [
    CLASSES[scene.labels[STOP]],
    *[f"{k}: {inside[k]:.2f} on it" for k in ("red", "strips of red")],
    "two marks",
    f"strips: {ghosts:.0%} elsewhere",
]
figure = Figure(figsize=(9, 2.6), dpi=100, layout="constrained")
panels = [image.permute(1, 2, 0), *maps.values()]
for axes, panel, text in zip(figure.subplots(1, 5), panels, titles, strict=True):
    axes.imshow(panel, cmap="cividis", interpolation="nearest")
    axes.set_title(text, fontsize=9.5)
    axes.set_axis_off()
title = f"Two strips find one place; of two marks they make four ({ghosts:.0%} ghosts)"
figure.suptitle(title, fontsize=12, fontweight="bold")
show(
    figure, alt=f"{title}. Panels: {'; '.join(titles)} (share of the sum on the sign)."
)

# %% [markdown]
# A column times a row has **rank 1**: in one channel H + W numbers stand for H x W, and
# there is no "here or there".
#
# ### Exercise 3: the strips
#
# **Goal**: `coordinate_gates(x, w1, wh, ww, b1, bh, bw, norm)` -> g_h, g_w. The weights
# are those of 1 x 1 convolutions; biases may be `None`; `norm` stands for BatchNorm and
# comes before the h-swish. Difficulty 3 of 3, 15 minutes, about 8 lines. It matters
# because one forgotten turn passes on every square map.
#
# <details><summary>Hint 1: a question</summary>
#
# Two strips, (N, C, H, 1) and (N, C, 1, W), shall become one. Which one turns?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# rows (N, C, H, 1), columns (N, C, W, 1) -> (N, C, H + W, 1) -> (N, M, H + W, 1) -> g_h
# (N, C, H, 1), g_w (N, C, 1, W).
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# x.mean(dim=..., keepdim=True), .transpose(2, 3), torch.cat, F.conv2d(x, w, b),
# F.hardswish, h.split([H, W], dim=2).
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# rows = x.mean(dim=____, keepdim=True)
# columns = x.mean(dim=____, keepdim=True).transpose(2, 3)
# both = torch.cat([rows, columns], dim=____)
# h = F.hardswish(____(F.conv2d(both, w1, b1)))
# h_rows, h_columns = h.split([____, ____], dim=2)
# g_h = torch.sigmoid(F.conv2d(h_rows, wh, bh))
# g_w = torch.sigmoid(F.conv2d(____, ww, bw))
# return g_h, g_w
# ```
# </details>

# %%
from course_lib.attention.bam import Norm, identity


# %% exercise="coordinate_gates"
def coordinate_gates(
    x: Tensor,
    w1: Tensor,
    wh: Tensor,
    ww: Tensor,
    b1: Tensor | None = None,
    bh: Tensor | None = None,
    bw: Tensor | None = None,
    norm: Norm = identity,
) -> tuple[Tensor, Tensor]:
    """The gates of the rows and of the columns, each in (0, 1).

    x (N, C, H, W), w1 (M, C, 1, 1), wh and ww (C, M, 1, 1), optional biases b1 (M),
    bh and bw (C); norm acts on (N, M, H + W, 1) before the h-swish
    -> g_h (N, C, H, 1), g_w (N, C, 1, W).
    """
    raise NotImplementedError("coordinate_gates")


# %%
coordinate_gates = check("coordinate_gates", coordinate_gates)

# %% [markdown]
# Is it Coordinate Attention? Ask timm's, with its weights in your function.

# %%
from timm.layers.coord_attn import CoordAttn

torch.manual_seed(0)
theirs = CoordAttn(64, rd_channels=8, bias=True).eval()
layers = theirs.conv1, theirs.conv_h, theirs.conv_w
weights = [layer.weight for layer in layers] + [layer.bias for layer in layers]
x = torch.randn(2, 64, 7, 5)
with torch.no_grad():
    g_h, g_w = coordinate_gates(x, *weights, norm=theirs.bn1)
    compare("mine and timm's", x * g_h * g_w, theirs(x))

# %% [markdown]
# The same numbers with the same weights. By default, timm leaves all three biases out and
# takes M = 88 at C = 2048, the authors 64.
#
# ### Break it
#
# Someone forgets to turn the columns' gates back. On a square map, does
# `x * g_h * g_w` raise an error? And which property fails first: runs, shape, dtype and
# device, range, samples independent, own row, values, one norm, gradients, input not
# modified?

# %%
predict("gates not turned back", "...")

# %%
from course_lib.notebook import break_it


def not_turned(x, w1, wh, ww, b1=None, bh=None, bw=None, norm=identity):
    """coordinate_gates with the last turn left out."""
    g_h, g_w = coordinate_gates(x, w1, wh, ww, b1, bh, bw, norm)
    return g_h, g_w.transpose(2, 3)


break_it("coordinate_gates", not_turned)
recall("gates not turned back", "no error, and shape")
with torch.no_grad():
    square = torch.randn(2, 64, 7, 7)
    g_h, g_w = not_turned(square, *weights, norm=theirs.bn1)
    compare("on a square map", square * g_h * g_w, theirs(square))

# %% [markdown]
# ImageNet's maps are square: nothing complains. Tests need H and W apart.
#
# ## 6. A pyramid
#
# Xu Ma's group (notebook 06) went on to SPANet (2020). We follow its code,
# ma-xu/SPANet, and have not read the paper. The squeeze keeps 1 x 1, 2 x 2 **and** 4 x
# 4 averages of each channel, 21 numbers. SE's two layers follow, the first one 21 times
# as wide.
#
# ### Exercise 4: the pyramid
#
# **Goal**: `pyramid_squeeze(x, levels=LEVELS)`: (N, C, H, W) -> (N, 21 C), `LEVELS` being
# (1, 2, 4). One grid after another; within a grid channel by channel. Difficulty 1 of 3,
# 5 minutes, about 2 lines. It matters because it must take any map, also 3 x 2.
#
# <details><summary>Hint 1: a question</summary>
#
# SE keeps one average of each channel. How many cells has a 4 x 4 grid?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# (N, C, H, W) -> (N, C, L, L) for each L -> (N, C L L) -> (N, 21 C).
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# F.adaptive_avg_pool2d(x, level), grid.flatten(1), torch.cat(list, dim=1).
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# grids = [F.adaptive_avg_pool2d(x, ____) for level in ____]
# return torch.cat([grid.flatten(____) for grid in grids], dim=____)
# ```
# </details>

# %%
from collections.abc import Sequence

from course_lib.attention.pyramid import LEVELS


# %% exercise="pyramid_squeeze"
def pyramid_squeeze(x: Tensor, levels: Sequence[int] = LEVELS) -> Tensor:
    """Averages over each grid: x (N, C, H, W) -> s (N, C * sum of levels squared)."""
    raise NotImplementedError("pyramid_squeeze")


# %%
pyramid_squeeze = check("pyramid_squeeze", pyramid_squeeze)

# %% [markdown]
# ### Predict
#
# SE adds 2.5 million parameters to ResNet50. How many does the pyramid add?

# %%
predict("pyramid's parameters", "...")

# %%
from course_lib.cost import count_macs, count_parameters
from course_lib.resnet import resnet50

added, lines = {}, []
for name in ("plain", "se", "eca", "coordinate", "pyramid"):
    with torch.device("meta"):  # sizes without numbers
        network = resnet50(1000, name)
    macs = count_macs(network, 224) / 1e9
    added[name] = count_parameters(network) - added.get("plain", 0)
    sign = "+" if lines else ""
    counted = f"{sign}{added[name]:,}"
    lines.append(f"{name:<11}{counted:>12} parameters{macs:8.3f} G multiply-adds")
print("\n".join(lines))
recall("pyramid's parameters", f"{added['pyramid']:,}, more than ResNet50 itself")

# %% [markdown]
# From the second row on, parameters are those **added**; multiply-adds are totals. They
# hardly move, but time does: the ECA paper's Table 3 has 1,024 training images a second
# for plain ResNet50, 759 with SE, 785 with ECA (RTX 2080 Ti). See notebook 10.
#
# What do the authors claim?

# %%
CLAIMS = [  # network, data, top-1 accuracy in %, where it stands
    ("ECA-Net50", "ImageNet", 77.48, "README, BangguWu/ECANet"),
    ("SE-ResNet50", "ImageNet", 76.71, "SE paper, Table 2"),
    ("ResNet50", "ImageNet", 75.20, "SE paper, Table 2"),
    ("SPPSEResNet50", "CIFAR-100", 78.21, "README, ma-xu/SPANet"),
    ("SEResNet50", "CIFAR-100", 77.91, "README, ma-xu/SPANet"),
    ("PreActResNet50", "CIFAR-100", 77.39, "README, ma-xu/SPANet"),
    ("PreActResNet50", "CIFAR-100", 75.06, "table of 2019, ma-xu/ResidualAttention"),
]
for network, data, accuracy, place in CLAIMS:
    print(f"{accuracy:6.2f}  {network:<15}{data:<10}{place}")
print(
    f"ECA-Net50 in the README: 24.37M; we count {(added['plain'] + added['eca']) / 2**20:.2f} x 2**20"
)

# %% [markdown]
# ECA's row stands beside another laboratory's. The pyramid gains 0.30 points over SE;
# the **same plain network** differs by 2.33 between two schedules of one group. And an
# "M" may be 1,048,576.
#
# ## 7. Your module enters the comparison
#
# `course compare` takes a file and a name:
#
# ```
# course compare --module my_gate.py:MyGate
# ```
#
# This cell writes such a file from **your** answer (or the verified one). Any class does
# that takes C and keeps the shape.

# %%
from course_lib.exercises.sources import source_of
from course_lib.experiments import FOLDER

HEADER = """import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.attention.eca import check_odd, eca_kernel_size
from course_lib.attention.squeeze_excitation import squeeze


"""
text = HEADER + source_of(ECA)
text += "\n\nMyGate = ECA\n"
FOLDER.mkdir(parents=True, exist_ok=True)
file = FOLDER / "my_gate.py"  # in runs/notebooks
file.write_text(text, encoding="utf-8")
outline = [line for line in text.splitlines() if line and not line.startswith(" ")]
print(f"{file.name}, {len(text.splitlines())} lines, its outline:", *outline, sep="\n")

# %% [markdown]
# `register` loads the file, tries the class on odd maps, and adds eight hexadecimal
# digits (0-9, a-f) to its name, others when it computes otherwise. Then the module that
# was **registered** has to pass your test.

# %% tags=["nbval-ignore-output"]
from course_lib.attention import ATTENTION
from course_lib.own_modules import register

(name,) = register([f"{file}:MyGate"])
print(name, "breaks the laws", broken_laws(lambda c: ATTENTION[name].make(c, 16)))

# %% [markdown]
# Three seeds, plain and yours, paired; half of the profile's images and epochs, so that
# six trainings fit (your report adds SE). `ci` takes half a minute to five, by how busy
# the machine is; `laptop` about 5 minutes on one core (estimated from the recorded
# runs), `gpu` is not timed. What do you expect?

# %%
predict("MyGate minus plain, in points", "...")

# %% tags=["nbval-ignore-output"]
from dataclasses import replace

from course_lib import comparing
from course_lib.planning import plan_runs
from course_lib.profiles import choose_profile

sizes = choose_profile().signs
images, epochs = sizes.train_images // 2, sizes.epochs // 2
sizes = replace(sizes, train_images=images, epochs=epochs)
runs = plan_runs("signs", sizes, ["plain", name], seeds=3)
table = comparing.compare(runs, FOLDER / "capstone")

# %% tags=["nbval-ignore-output"]
from course_lib.report import table_text, write_report
from course_lib.summary import summarise

summary = summarise(table)
print(table_text(summary, table))
gain = summary.set_index("model")["difference"].get(name, float("nan"))
recall("MyGate minus plain, in points", f"{gain:+.1f} (mean of 3 seeds)")
print("written:", write_report(table, FOLDER / "capstone").name)

# %% [markdown]
# **"Cannot tell" is a result**: every difference inside the interval fits these runs, 0
# included. "Worse" is one, too. But two short epochs see the start alone, where gates
# halve every branch (notebook 02). The course has no recorded run of ECA.
#
# A gate with positions can be scored on the masks (notebook 09). ECA's has none. Here
# is Coordinate Attention's with **random** weights, a baseline.

# %%
from course_lib.data.datasets import Limits, load_dataset
from course_lib.looking import (
    capture_maps,
    center_map,
    chance_map,
    enlarge,
    pointing_game,
    randomised,
)
from course_lib.preparing import build_network

signs = load_dataset("signs", sizes.image_size, Limits(30, 30, 200))
mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (signs.mean, signs.std))
inputs = (signs.test.images / 255 - mean) / std  # (200, 3, H, W)
masks = signs.test.masks  # (200, H, W)
run = plan_runs("signs", sizes, ["coordinate"], seeds=1)[0]
network = randomised(build_network(run, len(CLASSES)), inputs)
points = [
    float(pointing_game(enlarge(maps, *masks.shape[1:]), masks).mean())
    for maps in capture_maps(network, inputs).values()
]
print(f"{len(points)} layers, {min(points):.2f} to {max(points):.2f}")
print(f"mean of all {sum(points) / len(points):.2f}")
for word, blind in {"chance": chance_map, "centre": center_map}.items():
    print(f"{word:<11} {pointing_game(blind(masks), masks).mean():.2f}")

# %% [markdown]
# No layer has learned anything, and at `ci` one is far above chance: **the best of many is
# luck**. Their mean is not above it, and the centre beats all. Fix the layer before you
# look, or report all.

# %% [markdown]
# ## 8. The report
#
# Copy `notebooks/capstone_report.md`, take one of the three modules or one from a paper
# that you like. Twenty points:
#
# | criterion | points | full marks when |
# |---|---|---|
# | laws | 4 | dated before the module; each names what it excludes |
# | test of the test | 3 | eight impostors of your own, no false alarm on two right forms |
# | module | 3 | passes; equals an independent implementation with its weights |
# | variant named | 2 | equation, code, port; every difference listed |
# | comparison | 3 | same recipe and seeds for all, fixed beforehand; three seeds |
# | statistics | 2 | intervals, corrected p, sentences that notebook 08 allows |
# | cost | 1 | parameters, multiply-adds, time, machine |
# | what it cannot show | 2 | at least three, one of which hurts |
#
# No point depends on the module being better.
#
# ## 9. Recap
#
# <details><summary>1. Why is "runs, keeps the shape, learns" a poor test?</summary>
#
# It asks whether a module works. Most of the 22 impostors do.
# </details>
# <details><summary>2. What makes a false alarm, and why is it worse than a miss?</summary>
#
# Asking for what the formula does not say: a name, the last digit, a law of SE. Nobody
# trusts it.
# </details>
# <details><summary>3. How do you know that a law is needed?</summary>
#
# Leave it out. If an impostor slips through, it is.
# </details>
# <details><summary>4. How many parameters has ECA in ResNet50?</summary>
#
# 86 by the formula, 80 by the README, 48 by the code's default.
# </details>
# <details><summary>5. What can strips of rows and columns not say?</summary>
#
# In one channel, two places across from each other: the product has rank 1.
# </details>
#
# ### Not shown here
#
# That one of the three modules helps; that six laws suffice elsewhere.
#
# **Paper against code.** ECA: three rules for k. Coordinate Attention: timm drops all
# three biases; b1 before BatchNorm is idle in training, bh and bw are not. The pyramid:
# the released `view` fails on channels_last maps; the code of 2021 (ma-xu/SPANet_TMM) is
# another module, whose gates have positions.
#
# **An open problem.** Shuffle the channels before ECA's kernel, one fixed order a layer,
# and train. If nothing is lost, neighbourhood was never the point.
#
# ## 10. The end of the course
#
# **What you can do now**: build ResNet50, five modules and the core of two more, and
# prove them right; train fairly; tell luck from effect; look at maps with baselines;
# count cost; share a training out; read the next paper with a test in hand.
#
# **What the course has not shown**: that attention helps a network of full size on
# photographs. Its runs are narrow and short, mostly on rendered signs; no ImageNet, no
# detection, no segmentation.
#
# **Open**: what do gates do that constants would not (02)? How much of a gain is the
# start (05)?
#
# **Where to go**: publish a table from a GPU, "cannot tell" included. Repeat one row of
# notebook 02's twelve with five seeds. Mend a port, with a test that convinces its owner.
