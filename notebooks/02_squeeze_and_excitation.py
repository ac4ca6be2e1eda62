# %% [markdown]
# # 02 Squeeze-and-Excitation: one gate per channel
#
# **The question: what does one gate per channel cost ResNet50, and what does it buy?**
#
# About 80 minutes. You need notebook 01: the bottleneck block and how `check` works.
#
# Afterwards you can
#
# - derive the module from what it must do, and write it in nine lines;
# - prove that yours equals the authors' and timm's;
# - read a claim such as "SE adds one point" and ask what it rests on.

# %% tags=["nbval-ignore-output"]
from course_lib.notebook import setup

setup("02")

# %% [markdown]
# ## 1. Six channels of a street
#
# A layer of a network hands on many maps of one image: its **channels**. You make six
# of them by hand. Four keep what is red, blue, yellow or green. One keeps brightness,
# one keeps edges.

# %%
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.data.signs import CLASSES, render

scenes = render("train", 360, 64)
images = scenes.images.float() / 255  # (360, 3, 64, 64)
STOP, PARKING = 4, 32  # numbers of two scenes: one red sign, one blue sign


# %%
def six_channels(images):
    """images (N, 3, H, W) in 0..1 -> maps (N, 6, H, W), none below 0."""
    red, green, blue = images.unbind(dim=1)  # (N, H, W) each
    grey = images.mean(dim=1)
    across = F.pad((grey[:, :, 1:] - grey[:, :, :-1]).abs(), (0, 1))
    down = F.pad((grey[:, 1:] - grey[:, :-1]).abs(), (0, 0, 0, 1))
    maps = {
        "red": red - torch.maximum(green, blue),
        "blue": blue - torch.maximum(red, green),
        "yellow": torch.minimum(red, green) - blue,
        "green": green - torch.maximum(red, blue),
        "bright": grey,
        "edges": across + down,
    }
    return list(maps), torch.stack(list(maps.values()), dim=1).clamp(min=0)


names, x = six_channels(images)  # x (360, 6, 64, 64)


# %%
def channel_sums(maps, masks):
    """Maps (N, C, H, W), masks (N, H, W) -> sums on the sign, sums: (N, C) each."""
    return (maps * masks[:, None]).sum((2, 3)), maps.sum((2, 3))


def share_on_sign(weights, sums):
    """Weights (C,) or (N, C) for the channels -> share of the sum on the sign (N,)."""
    on_sign, whole = sums
    return (weights * on_sign).sum(1) / (weights * whole).sum(1).clamp(min=1e-9)


sums = channel_sums(x, scenes.masks)
share = sums[0] / sums[1].clamp(min=1e-9)  # (360, 6)
for name, stop, parking in zip(names, share[STOP], share[PARKING], strict=True):
    print(f"{name:<8}{stop:6.2f} on the stop sign{parking:6.2f} on the parking sign")

# %% [markdown]
# Each number is the share of a channel's sum that lies on the sign's own pixels (the
# scenes come with masks). The figure shows the maps, **each in
# its own colour scale**: yellow is its largest value. Faint things count too: this
# sign's red holds a little more green than blue, so yellow scores 0.48.

# %%
from matplotlib.figure import Figure

from course_lib.plots import show

figure = Figure(figsize=(9, 3.3), dpi=100, layout="constrained")
for row, n in zip(figure.subplots(2, 7), (STOP, PARKING), strict=True):
    row[0].imshow(images[n].permute(1, 2, 0), interpolation="nearest")
    row[0].set_title(CLASSES[scenes.labels[n]], fontsize=10, fontweight="bold")
    for c, axes in enumerate(row[1:]):
        axes.imshow(x[n, c], cmap="cividis", interpolation="nearest")
        axes.set_title(f"{names[c]}: {share[n, c]:.2f}", fontsize=10)
    for axes in row:
        axes.set_axis_off()
title = "The red channel finds one sign, the blue channel the other"
figure.suptitle(title, fontsize=13, fontweight="bold")
red, blue = share[:, 0], share[:, 1]
show(
    figure,
    alt=f"Two scenes, each with six channel maps. {title}: red puts {red[STOP]:.2f} of "
    f"its sum on the stop sign and {red[PARKING]:.2f} on the parking sign, blue "
    f"{blue[STOP]:.2f} and {blue[PARKING]:.2f}.",
)

# %% [markdown]
# ### Predict
#
# The next layer adds the channels up. You may give each channel a weight between 0 and
# 1, **the same weights for all 360 scenes**. With equal weights, 0.29 of the sum lies
# on the signs. How far do the best fixed weights get? Write a number instead of the
# dots.

# %%
from course_lib.notebook import predict

predict("best fixed weights", "...")

# %%
from course_lib.notebook import recall


def optimise(parameters, weights, steps):
    """Adam moves the parameters until weights() put the most on the signs."""
    adam = torch.optim.Adam(parameters, lr=0.02)
    for _ in range(steps):
        adam.zero_grad()
        (-share_on_sign(weights(), sums).mean()).backward()
        adam.step()


logits = torch.zeros(6, requires_grad=True)
optimise([logits], logits.sigmoid, steps=1000)
best_fixed = logits.sigmoid().detach()
equal = share_on_sign(torch.ones(6), sums).mean()
fixed = share_on_sign(best_fixed, sums).mean()
ceiling = share.max(dim=1).values.mean()
print(f"equal weights {equal:.2f}, best channel of each image {ceiling:.2f}")
found = [f"{name} {v:.2f}" for name, v in zip(names, best_fixed, strict=True)]
print("best fixed weights:", ", ".join(found))
recall("best fixed weights", f"{fixed:.2f}, found by an optimiser")

# %% [markdown]
# An optimiser gets fixed weights to 0.54: red, and a little blue. The best channel
# **for each image** reaches 0.71, the ceiling: the share of a sum lies between those of
# its parts. But that choice looks at the masks. How far do weights get that come **from
# the image alone**? Making them is the idea of Squeeze-and-Excitation, by Hu, Shen,
# Albanie, Sun and Wu (2017).
#
# ## 2. From the wish to the module
#
# You want a function from maps (N, C, H, W) to C weights per image. Four wishes fix it.
#
# 1. *Any map size must do.* So replace every channel by its **average**: C
#    numbers per image. This is the **squeeze**.
# 2. *A channel's weight may depend on the other channels.* "Much red, little blue"
#    needs both. So use a **linear layer** over the C numbers, then a second one, with a
#    **ReLU** between them: without it, two layers are one.
# 3. *It must be cheap.* One full layer has C x C weights, 4.2 million at C = 2048. So
#    let the first layer shrink to **C / r** numbers, with r = 16. The pair has 2
#    C<sup>2</sup> / r.
# 4. *Several channels may matter at once.* So end with a **sigmoid**: each weight lies
#    between 0 and 1 on its own. Now it is a **gate**. Layers two and three together are
#    the **excitation**.
#
# | formula | Python | shape | meaning |
# |---|---|---|---|
# | x | `x` | (N, C, H, W) | the maps that come in |
# | s = (1 / HW) &Sigma;<sub>ij</sub> x<sub>ij</sub> | `squeeze(x)` | (N, C) | squeezed: one average per channel |
# | z = ReLU(W<sub>1</sub> s + b<sub>1</sub>) | `z`, with `w1`, `b1` | (N, C//r) | hidden units |
# | g = &sigma;(W<sub>2</sub> z + b<sub>2</sub>) | `se_gate(x, w1, w2, b1, b2)` | (N, C, 1, 1) | gate: one number in (0, 1) per channel |
# | y = g x | `x * g` | (N, C, H, W) | every map, scaled by its gate |
#
# C//r is C / r rounded down. Mind the letters: the paper calls the squeezed vector z
# and the gate s. The docstrings keep ours, even where they name its equations.
#
# ## 3. Squeeze
#
# First the slowest version, on a map small enough to check by eye: one image, two
# channels, two rows, three columns.

# %%
tiny = torch.tensor([[[[1.0, 2, 3], [4, 5, 6]], [[0, 0, 6], [0, 6, 0]]]])
N, C, H, W = tiny.shape  # (1, 2, 2, 3)
slow = torch.zeros(N, C)
for n in range(N):
    for c in range(C):
        for i in range(H):
            for j in range(W):
                slow[n, c] += tiny[n, c, i, j] / (H * W)
print([round(v, 4) for v in slow[0].tolist()])

# %% [markdown]
# 21 / 6 is 3.5, and 12 / 6 is 2.
#
# ### Exercise 1: squeeze
#
# **Goal**: the same for all images and channels at once, without a loop.
# `squeeze(x)`: (N, C, H, W) -> (N, C). Difficulty 1 of 3, 3 minutes, about 1 line. It
# matters because here the network gives up *where* and keeps *how much*.
#
# <details><summary>Hint 1: a question</summary>
#
# x has four axes. Which two disappear when each map becomes one number?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# (N, C, H, W) -> (N, C): axes 2 and 3 are averaged away.
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# x.mean takes dim, one axis or a tuple of axes.
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# return x.mean(dim=(____, ____))
# ```
# </details>


# %% exercise="squeeze"
def squeeze(x: Tensor) -> Tensor:
    """Average of each channel over the map: x (N, C, H, W) -> s (N, C)."""
    raise NotImplementedError("squeeze")


# %%
from course_lib.exercises import check

squeeze = check("squeeze", squeeze)

# %% [markdown]
# **What you saw.** `[ ]` means that you have not written it yet; the notebook goes on
# with the verified version. `show_solution("squeeze")` prints that one. Now the loop
# and the fast version have to agree.

# %%
torch.testing.assert_close(squeeze(tiny), slow)
for n in (STOP, PARKING):
    s = squeeze(x)[n].tolist()  # six numbers
    averages = {k: round(v, 2) for k, v in zip(names, s, strict=True)}
    print(CLASSES[scenes.labels[n]], averages)

# %% [markdown]
# Six numbers are left of 64 x 64 x 6. They still tell the two scenes apart.
#
# ## 4. Excitation
#
# Again by hand first. Take s = (3.5, 2) from above and **one** hidden unit. It asks:
# how much more of channel 0 than of channel 1? The second layer opens channel 0 and
# closes channel 1 by the answer.

# %%
from math import exp

s = [3.5, 2.0]
z = max(0.0, 1.0 * s[0] - 1.0 * s[1])  # one hidden unit, weights (1, -1), ReLU
by_hand = []
for weight in (2.0, -2.0):
    by_hand.append(1 / (1 + exp(-weight * z)))  # sigmoid
print(f"z = {z}, gates = {by_hand[0]:.3f} and {by_hand[1]:.3f}")

# %% [markdown]
# ### Exercise 2: the gate
#
# **Goal**: squeeze and excitation in one function, with the weights as arguments.
# `se_gate(x, w1, w2, b1, b2)` -> (N, C, 1, 1), the biases may be `None`. Difficulty 2
# of 3, 10 minutes, about 4 lines. It matters because this is the module: the rest is
# bookkeeping.
#
# <details><summary>Hint 1: a question</summary>
#
# How many numbers describe one image after the squeeze, and how many gates do you need?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# (N, C, H, W) -> (N, C) -> (N, C//r) -> (N, C) -> (N, C, 1, 1).
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# squeeze(x), F.linear(s, w, b) (b may be None), F.relu, torch.sigmoid,
# g[:, :, None, None].
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# s = ____(x)
# z = F.relu(F.linear(s, ____, b1))
# g = ____(F.linear(z, ____, b2))
# return g[:, :, None, None]
# ```
# </details>


# %% exercise="se_gate"
def se_gate(
    x: Tensor,
    w1: Tensor,
    w2: Tensor,
    b1: Tensor | None = None,
    b2: Tensor | None = None,
) -> Tensor:
    """Gate in (0, 1) for every sample and channel; equations 2 and 3.

    x (N, C, H, W), w1 (C//r, C), w2 (C, C//r), optional biases b1 (C//r), b2 (C)
    -> g (N, C, 1, 1).
    """
    raise NotImplementedError("se_gate")


# %%
se_gate = check("se_gate", se_gate)

# %%
g = se_gate(tiny, w1=torch.tensor([[1.0, -1]]), w2=torch.tensor([[2.0], [-2]]))
torch.testing.assert_close(g.flatten(), torch.tensor(by_hand))
print(g.flatten())

# %% [markdown]
# **What you saw.** The bare gate, (N, C, 1, 1), multiplies whole maps by broadcasting.
#
# Now return to the street with weights that you choose by hand. Three hidden units ask:
# is there more red than the mean of blue and yellow, and likewise for the other two?
# Without an answer every gate stays shut, as the bias is -5.

# %%
w1, w2 = torch.zeros(3, 6), torch.zeros(6, 3)  # C = 6, three hidden units
w1[:, :3] = torch.tensor([[1, -0.5, -0.5], [-0.5, 1, -0.5], [-0.5, -0.5, 1]])
w2[:3] = 400 * torch.eye(3)  # z is about 0.06 here: 400 z overcomes -5
g = se_gate(x, w1, w2, b2=torch.full((6,), -5.0))  # (360, 6, 1, 1)
print(f"by hand: {share_on_sign(g.flatten(1), sums).mean():.2f} on the signs")
for n in (STOP, PARKING):
    gates = {k: round(v.item(), 2) for k, v in zip(names, g[n].flatten(), strict=True)}
    print(CLASSES[scenes.labels[n]], gates)

# %% [markdown]
# Only three rows of `w2` are set, so bright, edges and green can never open. By hand
# you get 0.56, hardly more than fixed weights. So **train** a gate with three hidden
# units. The averages are small, hence the factor of 10; in a network, BatchNorm sets
# the scale. Judge it on 360 scenes that it has not seen.

# %%
torch.manual_seed(0)
first, second = nn.Linear(6, 3), nn.Linear(3, 6)


def trained_gate(maps):
    """Your se_gate with trained weights: maps (N, 6, H, W) -> (N, 6)."""
    weights = first.weight, second.weight, first.bias, second.bias
    return se_gate(10 * maps, *weights).flatten(1)


averages = squeeze(x)[:, :, None, None]  # (360, 6, 1, 1), squeezed once for all steps
parameters = [*first.parameters(), *second.parameters()]
optimise(parameters, lambda: trained_gate(averages), steps=2000)
others = render("test", 360, 64)
new_x = six_channels(others.images.float() / 255)[1]
new_sums = channel_sums(new_x, others.masks)
with torch.no_grad():
    g, new_g = trained_gate(x), trained_gate(new_x)  # (360, 6) each

# %%
new_hand = se_gate(new_x, w1, w2, b2=torch.full((6,), -5.0)).flatten(1)
tried = {"equal": torch.ones(6), "best fixed": best_fixed, "gate by hand": new_hand}
ladder = {k: share_on_sign(v, new_sums).mean() for k, v in tried.items()}
ladder["gate trained"] = share_on_sign(new_g, new_sums).mean()
ladder["ceiling"] = (new_sums[0] / new_sums[1].clamp(min=1e-9)).max(1).values.mean()
print(f"trained gate on its own scenes: {share_on_sign(g, sums).mean():.2f}")
print("on 360 others:", ", ".join(f"{k} {v:.2f}" for k, v in ladder.items()))

# %%
panels = {"best fixed": best_fixed.expand(360, 6), "trained gates": g}
figure = Figure(figsize=(7, 4.9), dpi=100, layout="constrained")
said = []
for row, n in zip(figure.subplots(2, 3), (STOP, PARKING), strict=True):
    row[0].imshow(images[n].permute(1, 2, 0), interpolation="nearest")
    row[0].set_title(CLASSES[scenes.labels[n]], fontsize=10, fontweight="bold")
    for axes, (text, weights) in zip(row[1:], panels.items(), strict=True):
        summed = (x[n] * weights[n, :, None, None]).sum(dim=0)  # (64, 64)
        axes.imshow(summed, cmap="cividis", interpolation="nearest")
        axes.set_title(f"{text}: {share_on_sign(weights, sums)[n]:.2f}", fontsize=10)
        said.append(f"{row[0].get_title()}, {axes.get_title()}")
    for axes in row:
        axes.set_axis_off()
fixed, gated = ladder["best fixed"], ladder["gate trained"]
title = f"Share on the sign: {fixed:.2f} with fixed weights, {gated:.2f} with gates"
figure.suptitle(title + "\n(mean of 360 other scenes)", fontsize=12, fontweight="bold")
show(figure, alt=f"{title}, mean of 360 other scenes. Two scenes: {'; '.join(said)}.")

# %% [markdown]
# On scenes they never saw, fixed weights reach 0.54 and trained gates 0.63, about half
# of the way to the ceiling. The module only turns whole maps up and down. In a network,
# training finds the matrices the same way, from the loss.
#
# ## 5. The module and its place
#
# ### Exercise 3: `SqueezeExcitation`
#
# **Goal**: a module that owns the two layers. `SqueezeExcitation(channels,
# reduction=16, bias=True, round_to=1)`; `gate(x)` gives the bare gate, `forward(x)` the
# scaled maps. Difficulty 2 of 3, 8 minutes, about 5 lines. It matters because ResNet50
# gets sixteen of them. `hidden_width(channels, reduction, round_to)` gives C // r;
# `round_to` is for timm's rounding.
#
# <details><summary>Hint 1: a question</summary>
#
# Which weights does se_gate need, and who should own them?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# reduce: (C//r, C), expand: (C, C//r); gate(x): (N, C, 1, 1); forward(x): (N, C, H, W).
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# nn.Linear(in, out, bias=bias) has .weight and .bias; hidden_width gives C//r.
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# self.reduce = nn.Linear(channels, ____, bias=bias)
# self.expand = nn.Linear(____, channels, bias=bias)
# # gate: return se_gate(x, self.reduce.weight, ____, self.reduce.bias, ____)
# # forward: return x * ____
# ```
# </details>

# %%
from course_lib.attention.widths import hidden_width

print("hidden units:", {C: hidden_width(C, 16) for C in (256, 512, 1024, 2048)})


# %% exercise="SqueezeExcitation"
class SqueezeExcitation(nn.Module):
    """Multiplies every channel by its gate: x (N, C, H, W) -> (N, C, H, W).

    channels: C of the input.
    reduction: r, the hidden layer has exactly C // r units (16 in the paper).
    bias: biases in both layers (True: the authors' released network and timm;
        False: the paper's ablations, moskomule's and Xu Ma's code).
    round_to: 8 gives timm's rounded hidden width; 1 the paper's. No check looks at it.

    Parameters: 2 C (C//r), plus C//r + C with biases.
    Raises CourseError when C // r is 0.
    """

    def __init__(
        self, channels: int, reduction: int = 16, bias: bool = True, round_to: int = 1
    ) -> None:
        super().__init__()
        raise NotImplementedError("SqueezeExcitation")

    def gate(self, x: Tensor) -> Tensor:
        """The bare gate: x (N, C, H, W) -> (N, C, 1, 1), values in (0, 1)."""
        raise NotImplementedError("SqueezeExcitation")

    def forward(self, x: Tensor) -> Tensor:
        raise NotImplementedError("SqueezeExcitation")


# %%
SqueezeExcitation = check("SqueezeExcitation", SqueezeExcitation)

# %% [markdown]
# **What you saw.** The check never asked for the names of your layers. It counted
# parameters and compared numbers.
#
# ### Exercise 4: the gate in its place
#
# A bottleneck ends with `F.relu(y + shortcut)`, where y is the branch after its last
# BatchNorm. SE goes **onto the branch, before the sum**.
#
# **Goal**: `se_residual(y, shortcut, w1, w2, b1, b2)` -> (N, C, H, W), the end of such
# a block. Difficulty 2 of 3, 5 minutes, about 2 lines. It matters because the same gate
# after the sum is worse in the paper: 22.78 % error against 22.28 % (ImageNet, section
# 6).
#
# <details><summary>Hint 1: a question</summary>
#
# If every gate closes, what should the block still pass on?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# y (N, C, H, W), gate (N, C, 1, 1), shortcut (N, C, H, W): one product, one sum.
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# se_gate(y, w1, w2, b1, b2), broadcasting with *, F.relu.
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# g = se_gate(____, w1, w2, b1, b2)
# return F.relu(____ * g + ____)
# ```
# </details>


# %% exercise="se_residual"
def se_residual(
    y: Tensor,
    shortcut: Tensor,
    w1: Tensor,
    w2: Tensor,
    b1: Tensor | None = None,
    b2: Tensor | None = None,
) -> Tensor:
    """The end of a block with Squeeze-and-Excitation on the branch.

    y (N, C, H, W) the branch after its last BatchNorm, shortcut (N, C, H, W), weights
    as in `se_gate` -> (N, C, H, W). The gate is made from y and scales y alone.
    """
    raise NotImplementedError("se_residual")


# %%
se_residual = check("se_residual", se_residual)

# %% [markdown]
# **What you saw.** With all gates shut the block becomes ReLU(shortcut): the
# network can switch a branch off for one image and keep it for the next.
#
# A blog post of 2019 tells SE in one sentence: average the channels, use two fully
# connected layers, multiply. It is by the University of North Texas Research
# Experiences for Undergraduates (REU); no link to it is available. Complete it: the
# first layer shrinks to C / 16, a ReLU follows, and a sigmoid ends the second. The
# product is per channel *and per image*. The "input" is the branch, before the shortcut
# joins. The sigmoid matters: with a ReLU gate the paper measures 23.47 % error, worse
# than no SE (23.30 %). Both use its long recipe; with the shorter one of its Table 2,
# plain ResNet50 has 24.80 % and SE 23.29 %.
#
# ## 6. Into ResNet50: what it costs
#
# Walk through one block's shapes, at the width of ResNet50's first stage.

# %%
y, shortcut = torch.randn(2, 2, 256, 14, 10)  # two tensors (2, 256, 14, 10)
w1, w2 = torch.randn(16, 256), torch.randn(256, 16)
walk = {"y": y, "s": squeeze(y), "z": F.relu(F.linear(squeeze(y), w1))}
walk |= {"g": se_gate(y, w1, w2), "out": se_residual(y, shortcut, w1, w2)}
for name, tensor in walk.items():
    print(f"{name:<5}{tuple(tensor.shape)}")

# %% [markdown]
# ### Predict
#
# ResNet50 has 25,557,032 parameters and 4.09 billion multiply-adds at 224 pixels. SE
# goes into all sixteen blocks. By how many percent does each number grow?

# %%
predict("growth", "...")

# %%
import pandas as pd

rows = []
for stage, (C, blocks) in enumerate([(256, 3), (512, 4), (1024, 6), (2048, 3)], 1):
    h = C // 16
    rows.append((stage, blocks, C, h, blocks * 2 * C * h, blocks * (h + C)))
columns = ["stage", "blocks", "C", "C/16", "weights", "biases"]
cost = pd.DataFrame(rows, columns=columns)
print(cost.to_string(index=False))
weights, biases = cost["weights"].sum(), cost["biases"].sum()
print(f"weights {weights:,}, with biases {weights + biases:,}")

# %% [markdown]
# The last stage alone holds 63 % of the weights, as C counts squared. Now let your own
# module say the same, inside the network. The "meta" device keeps only the shapes.

# %%
from course_lib.cost import count_macs, count_parameters
from course_lib.resnet import resnet50

with torch.device("meta"):
    plain, with_se = resnet50(1000), resnet50(1000, attention=SqueezeExcitation)
p, q = count_parameters(plain), count_parameters(with_se)
assert q - p == weights + biases
m, k = count_macs(plain, 224), count_macs(with_se, 224)
print(f"parameters    {p:,} -> {q:,}")
print(f"multiply-adds {m / 1e9:.4f} -> {k / 1e9:.4f} billion")
recall("growth", f"parameters {q / p - 1:+.1%}, multiply-adds {k / m - 1:+.2%}")

# %% [markdown]
# The arithmetic is nearly free: each layer of a gate works on one vector, not on a map.
# Time is another matter. The paper reports 190 ms for a plain training step and 209 ms
# with SE (256 images, section 4): +10 %. Notebook 10 finds out why.
#
# Is r = 16 a good choice? In the paper's Table 10 the error stays between 22.25 and
# 22.29 % from r = 2 (45.7 million parameters) to r = 16 (28.1). At r = 32 it is 22.72
# %.
#
# ## 7. Is it really SE?
#
# Now compare with **other people's code**. `tests/golden` holds inputs, weights,
# outputs and gradients recorded from two implementations: moskomule's (no biases) and
# timm's (biases).

# %%
from pathlib import Path

from safetensors.torch import load_file

import course_lib
from course_lib.notebook import compare

golden = Path(course_lib.__file__).parents[1] / "tests" / "golden"
for path in sorted(golden.glob("*_se_*.safetensors")):
    data = load_file(path)
    one, two = ("fc.0", "fc.2") if "fc.0.weight" in data else ("fc1", "fc2")
    w1, w2 = (data[layer + ".weight"].flatten(1) for layer in (one, two))
    b1, b2 = data.get(one + ".bias"), data.get(two + ".bias")
    inputs = data["input"].requires_grad_()
    y = inputs * se_gate(inputs, w1, w2, b1, b2)
    (y * data["probe"]).sum().backward()
    case = path.stem.removesuffix("_eval")
    compare(f"{case} output  ", y, data["output"])
    compare(f"{case} gradient", inputs.grad, data["grad_input"])

# %% [markdown]
# ### The library's network, then your block
#
# timm's `seresnet50` gets random weights. The first cell copies them into **the
# library's** SE-ResNet50. The second compares **your** `se_residual` with the end of
# one of timm's blocks. `zero_init_last=False` matters: otherwise every branch starts at
# zero, and even a wrong gate would pass.

# %%
from importlib.util import find_spec

from course_lib.weights import from_timm

HAS_TIMM = find_spec("timm") is not None
if not HAS_TIMM:
    print("timm is not here, so nothing is compared. `python start.py test` brings it.")
else:
    import timm

    theirs = timm.create_model("seresnet50", zero_init_last=False).double().eval()
    ours = resnet50(1000, attention="se").double().eval()
    ours.load_state_dict(from_timm(theirs))
    image = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        compare("logits, verified SE-ResNet50", ours(image), theirs(image))
    print(f"parameters: {count_parameters(theirs):,}, {count_parameters(ours):,}")

# %%
if HAS_TIMM:
    block, seen = theirs.layer1[1], {}
    block.bn3.register_forward_hook(lambda module, args, y: seen.update(y=y.clone()))
    x_in = torch.randn(2, 256, 14, 10, dtype=torch.float64)
    with torch.no_grad():
        expected, fc1, fc2 = block(x_in), block.se.fc1, block.se.fc2
    own = fc1.weight.flatten(1), fc2.weight.flatten(1), fc1.bias, fc2.bias
    compare("one block, your se_residual", se_residual(seen["y"], x_in, *own), expected)

# %% [markdown]
# ## 8. Before the first step
#
# ### Predict
#
# A fresh SE has random weights. Which value do its gates have on average, and how much
# of the branch is left?

# %%
predict("gates at the start", "...")


# %%
def watch(network, x, look):
    """look(module, its input) for each block's SE: {"layer1.0": result, ...}."""
    seen, hooks = {}, []
    for name, module in network.named_modules():
        if name.endswith(".attention"):
            key = name.removesuffix(".attention")

            def keep(module, args, key=key):
                seen[key] = look(module, args[0])

            hooks.append(module.register_forward_pre_hook(keep))
    with torch.no_grad():
        network(x)
    for hook in hooks:
        hook.remove()
    return seen


def gates(module, x):
    """The bare gates of one SE without the last two axes: (N, C)."""
    return module.gate(x).flatten(1)


def largest(module, x):
    """The largest value, without its sign, that one SE squeezes."""
    return squeeze(x).abs().max().item()


# %%
from functools import partial

from course_lib.data.datasets import Limits, load_dataset
from course_lib.planning import plan_runs
from course_lib.preparing import build_network
from course_lib.profiles import choose_profile

sizes = choose_profile().signs
limits = Limits(sizes.train_images, sizes.val_images, sizes.test_images)
signs = load_dataset("signs", sizes.image_size, limits)
mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (signs.mean, signs.std))
pictures, labels = signs.test.images[:90], signs.test.labels[:90]
inputs = (pictures / 255 - mean) / std  # (90, 3, H, W)

SE = partial(SqueezeExcitation, reduction=sizes.reduction)
run = plan_runs("signs", sizes, ["se"], seeds=1)[0]  # recipe and seed of section 9
fresh = build_network(run, len(CLASSES), SE).eval()
start = watch(fresh, inputs, gates)
everything = torch.cat([g.flatten() for g in start.values()])
center, spread = everything.mean(), everything.std()
recall("gates at the start", f"{center:.2f} (sd {spread:.2f}), so half of the branch")
print(f"largest squeezed value: {max(watch(fresh, inputs, largest).values())}")
print(f"a gate whose logit is 5: {torch.tensor(5.0).sigmoid():.2f}")

# %% [markdown]
# Small random weights give logits near 0, and the sigmoid of 0 is 0.5. So **every gate
# starts near one half**. A network trained from the start adapts. A *trained* network
# into which you insert fresh SE loses half of all sixteen branches at once, unless a
# bias such as +5 in the second layer starts the gates at 0.99.
#
# Our recipe also starts the last BatchNorm of each branch with a scale of 0. So the
# branch is 0, and so is its squeeze: at first no gate depends on the image at all.
#
# ## 9. What it buys, here
#
# Now train plain ResNet50 and SE-ResNet50 on the signs: same recipe, same batches, same
# starting weights outside the gates. The profile sets the size: `ci` takes about half a
# minute, `laptop` (12 epochs, 3,000 images) 4 to 6 minutes (one core, two networks);
# `gpu` trains the full width on 20,000 images, and is not timed yet. Each epoch is
# saved: stop the cell when you like, run it again.
#
# **Mind the size.** The `ci` and `laptop` networks are eight times narrower, and use
# **r = 4**: with r = 16, a gate on 8 channels (after a 3x3 convolution, notebook 03)
# would have no hidden unit. So SE adds **42 % parameters** here, not 9.9 %. Even a
# proven gain might come from size alone.

# %%
predict("SE minus plain, in points", "...")

# %% tags=["nbval-ignore-output"]
from course_lib.exercises import whose
from course_lib.experiments import train_here

table, outcomes = train_here({"plain": "plain", "SE": SE})

# %% tags=["nbval-ignore-output"]
table.insert(1, "source", ["verified", whose("SqueezeExcitation")])
print(table.to_string(index=False))
small, large = table["parameters"]
print(f"r = {sizes.reduction}: SE adds {large / small - 1:.0%} parameters")
# One number per image: 1 if only SE is right, -1 if only plain is, 0 otherwise.
paired = outcomes["SE"].hits.float() - outcomes["plain"].hits.float()  # (test images,)
points = 100 * paired.mean()
# 1.96 standard errors on each side hold 95 %; times 100 makes points.
margin = 1.96 * 100 * paired.std() / len(paired) ** 0.5
recall("SE minus plain, in points", f"{points:+.1f}, from {len(paired)} test images")
print(f"the choice of test images alone leaves ±{margin:.1f} points (95 %)")

# %% [markdown]
# `source` says whose implementation made the row. **What this cannot show**: whether SE
# helps. It is one seed. The interval covers the choice of test images, not the luck of
# the starting weights. The training is short, and the two networks differ in size. In
# the recorded run of `course compare` (`laptop`), seed 0 has 80.3 % for plain and
# 76.8 % for SE. Three seeds, in README.md's table, cannot tell: -6.5 points, interval
# -13.2 to +0.2. Notebook 08 says how many you need.
#
# ## 10. What it bought others
#
# The same post claims a little more than one point of accuracy, all else equal. Here
# are twelve pairs from nine sources, and where each is printed: accuracy without and
# with SE, always a ResNet50 (the REU's and SPANet's in pre-activation form).

# %%
RUNS = [  # who, printed in, data, plain, SE: top-1 accuracy in % (or 100 - error)
    ("SE paper", "its Table 2", "ImageNet", 75.20, 76.71),
    ("SE paper, long recipe", "its Table 10", "ImageNet", 76.70, 77.72),
    ("CBAM paper's run", "its ImageNet table", "ImageNet", 75.44, 76.86),
    ("Xu Ma's re-run", "README, ma-xu/DCANet", "ImageNet", 75.90, 77.29),
    ("moskomule's re-run", "README, moskomule/senet.pytorch", "ImageNet", 76.15, 77.06),
    ("PytorchInsight", "README, implus/PytorchInsight", "ImageNet", 76.384, 77.184),
    ("timm, recipe a2", "results-imagenet.csv, 224 px", "ImageNet", 79.828, 80.102),
    ("timm, recipe a1", "results-imagenet.csv, 224 px", "ImageNet", 80.382, 80.012),
    ("timm, recipe a3", "results-imagenet.csv, 224 px", "ImageNet", 78.052, 77.036),
    ("BAM paper's run", "its CIFAR-100 table", "CIFAR-100", 78.51, 79.28),
    ("SPANet", "README, ma-xu/SPANet", "CIFAR-100", 77.39, 77.91),
    ("REU table, 2019", "ma-xu/ResidualAttention", "CIFAR-100", 75.06, 75.29),
]
runs = pd.DataFrame(RUNS, columns=["source", "printed in", "data", "plain", "SE"])
runs["gain"] = (runs["SE"] - runs["plain"]).round(2)
runs = runs.sort_values("gain", ignore_index=True)
print(runs.to_string(index=False))

# %%
figure = Figure(figsize=(9, 4.4), dpi=100, layout="constrained")
axes = figure.subplots()
STYLES = {"ImageNet": ("#0072B2", "o"), "CIFAR-100": ("#D55E00", "s")}
for data, (colour, marker) in STYLES.items():
    part = runs[runs["data"] == data]
    axes.plot(part["gain"], part.index, marker, color=colour, markersize=8, label=data)
for y, gain in runs["gain"].items():
    axes.text(gain + 0.06, y, f"{gain:+.2f}", va="center", fontsize=9.5)
axes.axvline(0, color="black", linestyle="--", linewidth=1)
axes.set_yticks(runs.index, runs["source"], fontsize=10)
axes.set_xlim(-1.4, 1.9)
axes.set_xlabel("SE minus plain ResNet50, points of top-1 accuracy", fontsize=10)
axes.legend(loc="lower right", fontsize=10)
axes.spines[["top", "right"]].set_visible(False)
low, high = runs["gain"].min(), runs["gain"].max()
title = f"Reported gains of SE run from {low:+.2f} to {high:+.2f} points"
axes.set_title(title, fontsize=13, fontweight="bold", loc="left")
listed = ", ".join(f"{r.source} ({r.data}) {r.gain:+.2f}" for r in runs.itertuples())
show(figure, alt=f"{title}, one dot a source: {listed}.")

# %% [markdown]
# So "a little more than a point" is true of ImageNet with the paper's recipes, not in
# general. With timm's strong recipes the gain is -1.02 to +0.27; on CIFAR-100 it stays
# below 0.8. Nor is all else equal: SE brings 2.5 million more parameters. Nearly all
# rows are single runs, and moskomule's plain network has torchvision's recipe.
#
# ## 11. Look at the gates
#
# The left panel shows where your gates lie, per block; the right one how much a gate
# differs **from image to image**. Grey is the same network before its first step.

# %% tags=["nbval-ignore-output"]
network = outcomes["SE"].network.cpu().eval()
trained = watch(network, inputs, gates)
squeezed = watch(network, inputs, lambda module, x: squeeze(x))
print("how much they vary between images (sd, mean over channels)")
for block in ("layer1.0", "layer2.0", "layer3.0", "layer4.2"):
    s = squeezed[block].std(dim=0).mean()
    before, after = (found[block].std(dim=0).mean() for found in (start, trained))
    print(f"{block}: g at the start {before:.4f}, g now {after:.4f}, s now {s:.4f}")

# %% tags=["nbval-ignore-output"]
figure = Figure(figsize=(9, 4), dpi=100, layout="constrained")
left, right = figure.subplots(1, 2)
ends = torch.tensor([0.05, 0.95])  # 90 % lie between
for found, colour, width in ((start, "#777777", 8), (trained, "#0072B2", 3)):
    for place, values in enumerate(found.values()):
        left.plot([place] * 2, values.quantile(ends), color=colour, linewidth=width)
left.set_title("90 % of the gates: start grey, trained blue", fontsize=10.5)
blocks = [name.removeprefix("layer") for name in trained]
at_start, differs = (
    [values.std(dim=0).mean().item() for values in found.values()]
    for found in (start, trained)
)
right.plot(at_start, "s--", color="#777777", label="at the start")
right.plot(differs, "o-", color="#0072B2", label="trained")
right.set_title("how much one gate differs between images", fontsize=10.5)
for axes in (left, right):
    axes.set_xticks(range(len(trained)), blocks, fontsize=9, rotation=90)
    axes.set_xlabel("block (stage.number)", fontsize=10)
left.set(ylim=(0, 1), ylabel="gate")
right.set(ylim=(0, 1.1 * max(differs)), ylabel="sd over 90 images, channel mean")
right.legend(fontsize=9.5)
title = f"Between images a gate differed by {max(at_start):.3f} at most, "
title += f"now by {min(differs):.3f} to {max(differs):.3f}"
figure.suptitle(title, fontsize=13, fontweight="bold")
show(figure, alt=f"Gates of 16 blocks at the start and trained. {title} (sd).")

# %% [markdown]
# At the start the spread is exactly 0. Read the right axis: the short `ci` training
# raises it to a few thousandths at most. The gates are still nearly constants. One
# cause is printed above: s itself varies little. It averages the output of a BatchNorm,
# whose mean over a batch is its bias. The paper trains 100 epochs on ImageNet. There,
# late gates depend on the class and early ones hardly do; those of SE_5_2, the second
# block of the last stage, lie mostly near 1.
#
# One image and one block at a time: first as a figure, then with controls.


# %% tags=["nbval-ignore-output"]
def draw_gates(image, block):
    """The picture, and its gates beside the average gates, sorted by the average."""
    average, own = trained[block].mean(dim=0), trained[block][image]  # (C,) each
    order = average.argsort()
    figure = Figure(figsize=(9, 3), dpi=100, layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1, 3])
    left.imshow(pictures[image].permute(1, 2, 0))
    left.set_axis_off()
    right.plot(own[order], "o", markersize=5, color="#D55E00", label="this image")
    right.plot(average[order], color="#0072B2", label="average of 90 images")
    right.set_ylim(0, 1)
    right.set_xlabel("channel, sorted by its average gate", fontsize=10)
    right.legend(fontsize=9.5)
    title = f"{CLASSES[labels[image]]}, {block}: "
    title += f"gates {own.min():.2f} to {own.max():.2f}"
    right.set_title(title, fontsize=11, fontweight="bold")
    furthest = (own - average).abs().max()
    show(figure, alt=f"{title}; at most {furthest:.3f} from the average image.")


draw_gates(image=4, block="layer1.0")

# %% tags=["nbval-ignore-output"]
from ipywidgets import IntSlider, SelectionSlider, interact

controls = interact(
    draw_gates,
    image=IntSlider(4, 0, 89, description="image"),
    block=SelectionSlider(options=list(trained), value="layer1.0", description="block"),
)

# %% [markdown]
# ## 12. Break it
#
# A softmax also gives positive weights below 1, and "attention" often means softmax. So
# replace the sigmoid. The properties of `se_gate` are, in this order: runs, shape,
# dtype and device, range, samples independent, channels permute, gates apart, values,
# gradients, input not modified. **Which is the first to fail?**

# %%
predict("softmax", "...")


# %%
from course_lib.notebook import break_it


def softmax_gate(x, w1, w2, b1=None, b2=None):
    """se_gate with one word changed."""
    z = F.relu(F.linear(squeeze(x), w1, b1))  # (N, C//r)
    return F.linear(z, w2, b2).softmax(dim=1)[:, :, None, None]  # (N, C, 1, 1)


break_it("se_gate", softmax_gate)
recall("softmax", "gates apart")

y = torch.randn(2, 256, 14, 10)
w1, w2 = torch.randn(16, 256) / 16, torch.randn(256, 16) / 4
for gate in (se_gate, softmax_gate):
    g = gate(y, w1, w2)
    print(f"{gate.__name__:<14}sum {g[0].sum():7.2f}   branch times {g.mean():.4f}")

# %% [markdown]
# The gates share a sum of 1, so opening one closes the others. With 256 channels the
# branch shrinks to 1/256: the block is nearly switched off. Accuracy alone may not tell
# you. In the REU's table softmax-SE has 75.38 % and SE 75.29 %, one seed each
# (CIFAR-100, 2019).
#
# ## 13. Recap
#
# <details><summary>1. What does the squeeze throw away, what does it keep?</summary>
#
# The position. It keeps one average per channel and image, for any map size.
# </details>
# <details><summary>2. Why two layers with a ReLU between them?</summary>
#
# The narrow middle makes it cheap. The ReLU keeps two layers from being one.
# </details>
# <details><summary>3. Why a sigmoid and not a softmax?</summary>
#
# Sigmoids decide one by one; a softmax divides a fixed sum.
# </details>
# <details><summary>4. How many parameters does SE add to ResNet50, and where?</summary>
#
# 2,530,992 with biases, +9.9 %: 25,557,032 becomes 28,088,024. 63 % of the weights sit
# in the last stage.
# </details>
# <details><summary>5. What does SE buy?</summary>
#
# +1.02 to +1.51 points on ImageNet in the paper, -1.02 to +1.51 over twelve reported
# pairs. On your signs: one seed cannot tell.
# </details>
#
# ### Not shown here
#
# that gates *explain* what a network looks at; that SE beats
# spending 2.5 million parameters elsewhere.
#
# **Paper against code.** The released network has biases in both layers; the paper's
# ablations leave them out, and so does moskomule: 28,071,976 parameters instead of
# 28,088,024. timm rounds C / r to a multiple of 8, which changes narrow networks only.
#
# **An open problem.** How much of SE's gain comes from gates that depend on the image,
# and how much from learned constants? Freeze each gate at its average and measure. Here
# the gates are nearly frozen already: the question needs a longer training.
#
# **Next**: notebook 03 moves the gate: before the block, after it, onto the shortcut,
# into single stages.
