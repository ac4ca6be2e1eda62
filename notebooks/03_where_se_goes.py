# %% [markdown]
# # 03 Where should SE go?
#
# **The question: which place in the block and which stage pay best for a gate, and how
# sure can you be of the ranking?**
#
# About 80 minutes. You need notebooks 01 and 02. The REU's blog post of 2019 promised
# to look at this question; here is that look.
#
# Afterwards you can
#
# - put any module at any of five places of a bottleneck, and prove that it sits there;
# - say what a place costs, stage by stage, without building the network;
# - turn recorded runs into a ranking, and say which parts of it are certain.

# %% tags=["nbval-ignore-output"]
from course_lib.notebook import setup

setup("03")

# %% [markdown]
# ## 1. Sixteen gates, sixteen prices
#
# Notebook 02 put the same module into all sixteen blocks of ResNet50. Ask the network
# what each of them weighs. "meta" keeps the shapes only, so this takes no time.

# %%
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.attention import SqueezeExcitation
from course_lib.resnet import resnet50


def gate_weights(**choices):
    """Weights of the 16 gates of an SE-ResNet50, biases left out, first block first."""
    with torch.device("meta"):
        network = resnet50(1000, SqueezeExcitation, **choices)
    gates = [m for m in network.modules() if isinstance(m, SqueezeExcitation)]
    return [gate.reduce.weight.numel() + gate.expand.weight.numel() for gate in gates]


prices = gate_weights()
print([f"{price:,}" for price in prices])

# %%
from matplotlib.figure import Figure

from course_lib.plots import show

STAGES = [1] * 3 + [2] * 4 + [3] * 6 + [4] * 3
COLOURS = {1: "#56B4E9", 2: "#009E73", 3: "#E69F00", 4: "#D55E00"}
figure = Figure(figsize=(8.5, 3.6), dpi=100, layout="constrained")
axes = figure.subplots()
axes.bar(range(16), [p / 1000 for p in prices], color=[COLOURS[s] for s in STAGES])
for stage, middle in {1: 1, 2: 4.5, 3: 9.5, 4: 14}.items():
    top = max(p for p, s in zip(prices, STAGES, strict=True) if s == stage) / 1000
    axes.text(middle, top + 12, f"stage {stage}: {top:.0f}k each", ha="center")
axes.set_xticks(range(16), range(1, 17))
axes.set(xlabel="block", ylabel="weights of its gate, thousands", ylim=(0, 590))
axes.spines[["top", "right"]].set_visible(False)
last = sum(prices[-3:]) / sum(prices)
title = f"The last three of 16 gates hold {last:.0%} of SE's weights"
axes.set_title(title, fontsize=13, fontweight="bold", loc="left")
each = ", ".join(f"stage {STAGES[b]} {prices[b]:,}" for b in (0, 3, 7, 13))
show(figure, alt=f"{title}. Weights of one gate: {each}.")

# %% [markdown]
# The last gate costs 64 times the first. Does it do 64 times as much? The SE paper
# takes SE out of the last stage alone, and reports less than 0.1 % more top-5 error.

# %%
plain = 25_557_032  # parameters of ResNet50, notebook 01
for name, added in {"all 16 gates": sum(prices), "first 13": sum(prices[:-3])}.items():
    print(f"{name:<13}{added:>10,} weights, {added / plain:+.1%} parameters")

# %% [markdown]
# So the *stage* matters for the price. The *place inside the block* does, too.
#
# ### Predict
#
# Move all sixteen gates from the end of the branch to right after the 3x3 convolution.
# All of SE had 2,514,944 weights. How many are left?

# %%
from course_lib.notebook import predict

predict("after the 3x3", "...")

# %%
from course_lib.notebook import recall

moved = sum(gate_weights(placement="conv2"))
recall("after the 3x3", f"{moved:,}, a {sum(prices) // moved}th")

# %% [markdown]
# A quarter of the channels, so a sixteenth of the weights.
#
# ## 2. Five places
#
# The SE paper tries five places (in its ablations, Tables 10 to 16). The figure shows a
# bottleneck as you know it, and where each place is.

# %%
STEPS = ["x", "1x1", "ReLU", "3x3", "ReLU", "1x1", "+", "ReLU", "output"]
AT = [0, 2.6, 3.9, 5.2, 6.5, 9.1, 11.9, 13.2, 16]
MARKS = {"pre": 1.3, "conv2": 7.8, "branch": 10.5, "post": 14.6, "identity": 7.8}
figure = Figure(figsize=(9, 2.9), dpi=100, layout="constrained")
axes = figure.subplots()
axes.plot([0, 16], [0, 0], color="black", zorder=1)
axes.plot([0.55, 0.55, 11.9, 11.9], [0, 1.6, 1.6, 0], color="black", zorder=1)
box = {"boxstyle": "round", "facecolor": "white"}
for text, at in zip(STEPS, AT, strict=True):
    axes.text(at, 0, text, ha="center", va="center", bbox=box, fontsize=10)
axes.text(4.5, 1.6, "1x1 where shapes differ", ha="center", va="center", bbox=box)
gate = {"boxstyle": "circle", "facecolor": "#E69F00", "edgecolor": "black"}
for place, at in MARKS.items():
    height = 1.6 if place == "identity" else 0
    axes.text(at, height, "g", ha="center", va="center", bbox=gate, fontsize=10)
    axes.text(at, height - 0.42, place, ha="center", va="top", fontweight="bold")
axes.set(xlim=(-0.7, 17), ylim=(-1, 2.1))
axes.set_axis_off()
title = "One bottleneck, five places for a gate (g)"
axes.set_title(title, fontsize=13, fontweight="bold", loc="left")
where = "before the first 1x1, after the 3x3, after the last 1x1, on the shortcut"
show(figure, alt=f"{title}: pre, conv2, branch, identity: {where}; post after the sum.")

# %% [markdown]
# Each convolution has its BatchNorm. C is the width of the 3x3, C<sub>in</sub> what
# enters the block.
#
# | place | the paper's name | what the module meets | channels |
# |---|---|---|---|
# | `"branch"` | SE, "standard" | branch after its last BatchNorm | 4C |
# | `"pre"` | SE-PRE | x, on its way into the branch | C<sub>in</sub> |
# | `"post"` | SE-POST | the sum after its ReLU | 4C |
# | `"identity"` | SE-Identity | the shortcut, projected if need be | 4C |
# | `"conv2"` | SE 3x3 | the 3x3's output after its ReLU | C |
#
# Code disagrees as well. pycls and timm's RegNet use `conv2` (thread 125 of pycls says
# the difference is small). pytorch-cifar100 gates the branch after an extra ReLU. The
# REU's network gates a raw convolution without BatchNorm.
#
# First the smallest block: one number instead of a map, three steps, and a "module"
# that halves what it meets.


# %%
def relu(v):
    return max(0.0, v)


def tiny_block(x, place):
    """Steps v - 1, 2 v and 1 - v; the module 0.5 v stands at `place`."""
    half = {name: 0.5 if name == place else 1.0 for name in MARKS}
    y = relu(half["pre"] * x - 1)
    y = half["conv2"] * relu(2 * y)
    y = half["branch"] * (1 - y)
    return half["post"] * relu(y + half["identity"] * x)


by_hand = {place: tiny_block(2.0, place) for place in ("", *MARKS)}
print(by_hand)

# %% [markdown]
# The plain block gives 1. The same module at five points of the same block makes five
# different functions.
#
# ### Predict
#
# Now close the gate: the module returns 0. At which places does the block still pass
# on its shortcut x whole?

# %%
predict("shortcut survives", "...")

# %% [markdown]
# ### Exercise 1: the module in its place
#
# **Goal**: `place_in_block(x, project, layers, attend, place)` -> (N, 4C, H', W'). The
# parts come as functions: `project` makes the shortcut, `layers` are the three
# convolutions with their BatchNorms, `attend` is the module. Difficulty 2 of 3, 10
# minutes, about 10 lines. It matters because each place is one line, and most bugs are
# that line in the wrong row. `check_choice("place", place, PLACES)` refuses a misspelt
# place.
#
# <details><summary>Hint 1: a question</summary>
#
# Which of the five maps does the shortcut have to see, and which not?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# (N, Cin, H, W) at 'pre', (N, C, H', W') at 'conv2', (N, 4C, H', W') at the other
# three.
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# reduce, mix, expand = layers; F.relu; attend(y) if place == ... else y; project(x).
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# check_choice("place", place, PLACES)
# reduce, mix, expand = layers
# y = attend(x) if place == "pre" else x
# y = F.relu(mix(F.relu(____)))
# y = attend(y) if place == ____ else y
# y = expand(y)
# y = attend(y) if place == ____ else y
# s = ____
# s = attend(s) if place == "identity" else s
# y = ____
# return attend(y) if place == "post" else y
# ```
# </details>

# %%
from collections.abc import Callable, Sequence

from course_lib.errors import check_choice
from course_lib.exercises import check
from course_lib.placing import PLACES

Layer = Callable[[Tensor], Tensor]  # a function from maps to maps


# %% exercise="place_in_block"
def place_in_block(
    x: Tensor,
    project: Layer,
    layers: Sequence[Layer],
    attend: Layer,
    place: str,
) -> Tensor:
    """A bottleneck with a module at one of five places: -> (N, 4C, H', W').

    x: (N, Cin, H, W). project: the shortcut, (N, Cin, H, W) -> (N, 4C, H', W').
    layers: the 1x1, the 3x3 and the last 1x1 convolution, each with its BatchNorm:
    Cin -> C, C -> C, C -> 4C channels; no ReLU inside.
    attend: the module, keeps every shape, made for the channels at its place.
    place: "pre" (what the branch gets), "conv2" (after the 3x3 and its ReLU), "branch"
    (after the last layer), "identity" (the projected shortcut), "post" (the output).

    Raises an error for another place, which would leave the block plain.
    """
    raise NotImplementedError("place_in_block")


# %%
place_in_block = check("place_in_block", place_in_block)

# %% [markdown]
# **What you saw.** Two of the properties need no formula: a module that does nothing
# leaves the plain block, and a closed module silences its own place alone. Now your
# function repeats the numbers by hand, and answers the prediction.

# %%
steps = [lambda v: v - 1, lambda v: 2 * v, lambda v: 1 - v]
two = torch.full((1, 1, 1, 1), 2.0)
survives = []
for place in PLACES:
    halved = place_in_block(two, lambda v: v, steps, lambda v: 0.5 * v, place)
    assert halved.item() == by_hand[place]
    closed = place_in_block(two, lambda v: v, steps, torch.zeros_like, place).item()
    print(f"{place:<9}halved {halved.item():.1f}   closed {closed:.1f}")
print("plain    ", by_hand[""])
recall("shortcut survives", "branch, pre and conv2")

# %% [markdown]
# At `branch` exactly the shortcut is left, 2. At `pre` and `conv2` it passes too, plus
# what the rest of the branch makes of zeros (here 1). At `identity` and `post` the gate
# stands **on the trunk**: closed, `post` cuts off everything; `identity` cuts the
# shortcut and leaves the branch alone (here 1 - 2 = -1, which the ReLU makes 0).
# Remember this for section 5.
#
# ## 3. Into real blocks
#
# The library's `Bottleneck` has the five places built in. Lend your function its
# layers: the two must agree. Block and weights are random.

# %%
from course_lib.blocks import EXPANSION, Bottleneck, channels_at
from course_lib.notebook import compare

torch.manual_seed(3)
x = torch.randn(2, 64, 15, 10)
for place in PLACES:
    block = Bottleneck(64, 32, 2, SqueezeExcitation, place).eval()
    layers = [
        nn.Sequential(block.conv1, block.bn1),
        nn.Sequential(block.conv2, block.bn2),
        nn.Sequential(block.conv3, block.bn3),
    ]
    with torch.no_grad():
        mine = place_in_block(x, block.downsample, layers, block.attention, place)
        compare(place, mine, block(x))
print(f"channels_at(64, 32) = {channels_at(64, 32)}, EXPANSION = {EXPANSION}")

# %% [markdown]
# The channels differ: 64, 32 or 128. A module built for the wrong number stops with an
# error. In mmdetection's thread 10190 a CBAM for `planes` channels meets the output of
# the last 1x1, which has `planes * 4`. That is the kind of bug you want: it is loud.
#
# Somebody else's block: timm's RegNet has its SE after the 3x3. Its three layers and
# its gate go into your function.

# %%
from importlib.util import find_spec

if find_spec("timm") is None:
    print("timm is not here, so nothing is compared. `python start.py test` brings it.")
else:
    from timm.models.regnet import Bottleneck as RegNetBlock

    theirs = RegNetBlock(
        256, 256, bottle_ratio=1 / 4, group_size=64, se_ratio=1 / 16
    ).eval()
    layers = [theirs.conv1, theirs.conv2, theirs.conv3]  # a second ReLU changes nothing
    x = torch.randn(2, 256, 9, 6)
    with torch.no_grad():
        mine = place_in_block(x, theirs.downsample, layers, theirs.se, "conv2")
        compare("RegNet block, your conv2", mine, theirs(x))

# %% [markdown]
# ### Exercise 2: the price of a place
#
# **Goal**: `weights_per_stage(place, width, reduction, blocks)` -> four whole numbers,
# by arithmetic alone. `channels_at(inputs, channels)` gives the channels at each place
# of one block, as a dictionary. Difficulty 2 of 3, 8 minutes, about 8 lines. It matters
# because you choose a place *before* you train.
#
# <details><summary>Hint 1: a question</summary>
#
# How many channels does a gate of stage 3 meet on the branch, and how many after the
# 3x3?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# stage k (from 0): C = width * 2**k; the first block gets what the stage before hands
# on, the others 4 C.
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# enumerate(blocks), channels_at(inputs, channels)[place], //, append.
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# counts, inputs = [], width
# for stage, number in enumerate(blocks):
#     channels = width * ____
#     total = 0
#     for _ in range(____):
#         c = channels_at(inputs, channels)[____]
#         total += 2 * c * (____)
#         inputs = EXPANSION * ____
#     counts.append(total)
# return counts
# ```
# </details>


# %% exercise="weights_per_stage"
def weights_per_stage(
    place: str = "branch",
    width: int = 64,
    reduction: int = 16,
    blocks: Sequence[int] = (3, 4, 6, 3),
) -> list[int]:
    """Weights that SE adds to each stage, biases not counted: one number a stage.

    place: which of the channels of `channels_at` the gates meet. width: C of the first
    stage's 3x3 convolutions, and the channels that enter its first block; each stage
    doubles C. blocks: how many blocks, so how many gates, each stage has.
    A gate on c channels has 2 c (c // reduction) weights.
    """
    raise NotImplementedError("weights_per_stage")


# %%
weights_per_stage = check("weights_per_stage", weights_per_stage)

# %%
import pandas as pd

cost = pd.DataFrame({place: weights_per_stage(place) for place in PLACES}).T
cost.columns = [f"stage {n}" for n in (1, 2, 3, 4)]
cost["all"] = cost.sum(axis=1)
cost["added %"] = (100 * cost["all"] / plain).round(1)
for place in PLACES:
    assert cost.loc[place, "all"] == sum(gate_weights(placement=place))
print(cost.to_string())

# %% [markdown]
# **What you saw.** The arithmetic equals the built networks. `pre` is cheaper than
# `branch`, as each stage's first block still gets the channels of the stage before.
# **Mind the numbering**: the paper counts the stem as stage 1, so its stages 2 to 5 are
# your 1 to 4.
#
# A detective's question: two sizes in the paper's tables do not fit this count at
# first. Compare.

# %%
PRINTED = {  # parameters in the paper's tables on stages and places, in millions
    "stage 1 (its stage 2)": (cost.loc["branch", "stage 1"], 25.6),
    "stage 2 (its stage 3)": (cost.loc["branch", "stage 2"], 25.7),
    "stage 3 (its stage 4)": (cost.loc["branch", "stage 3"], 26.4),
    "all stages": (cost.loc["branch", "all"], 28.1),
    "after the 3x3": (cost.loc["conv2", "all"], 25.8),
}
print(f"{'':<23}printed  counted  25.6 + added")
for name, (added, printed) in PRINTED.items():
    added = added / 1e6
    print(f"{name:<23}{printed:7}  {plain / 1e6 + added:7.1f}  {25.6 + added:12.1f}")

# %% [markdown]
# All five printed sizes fit if the added weights were put on top of the rounded 25.6.
# That is our guess, not the paper's word. Either way the module counted is yours.
#
# ### Play: which stages get SE?
#
# First as a figure: all 15 choices of stages, at `branch` with r = 16.

# %%
from itertools import combinations, pairwise

CHOICES = [s for n in (1, 2, 3, 4) for s in combinations((1, 2, 3, 4), n)]


def millions(stages, place="branch", reduction=16):
    """Weights in millions that SE adds in these stages."""
    counts = weights_per_stage(place, reduction=reduction)
    return sum(counts[stage - 1] for stage in stages) / 1e6


def draw_cost(stages=(1, 2, 3, 4), place="branch", reduction=16):
    """All choices of stages as bars, yours in orange."""
    bars = {"+".join(map(str, s)): millions(s, place, reduction) for s in CHOICES}
    chosen = "+".join(map(str, stages))
    figure = Figure(figsize=(8.5, 3.3), dpi=100, layout="constrained")
    axes = figure.subplots()
    colours = ["#E69F00" if name == chosen else "#0072B2" for name in bars]
    axes.bar(list(bars), list(bars.values()), color=colours)
    axes.tick_params(axis="x", rotation=45, labelsize=9.5)
    axes.set(xlabel="stages with SE", ylabel="weights added, millions")
    axes.spines[["top", "right"]].set_visible(False)
    added = bars[chosen]
    title = f"Stages {chosen} at {place}, r = {reduction}: +{added:.3f} million, "
    title += f"{added * 1e6 / plain:.1%} of ResNet50"
    axes.set_title(title, fontsize=12, fontweight="bold", loc="left")
    show(figure, alt=f"{title}. Stage 4 alone: {bars['4']:.3f} million.")


draw_cost(stages=(1, 2, 3))

# %% tags=["nbval-ignore-output"]
from ipywidgets import SelectionSlider, ToggleButtons, interact

named = {"+".join(map(str, stages)): stages for stages in CHOICES}
controls = interact(
    draw_cost,
    stages=SelectionSlider(options=named, value=(1, 2, 3), description="stages"),
    place=ToggleButtons(options=PLACES, description="place"),
    reduction=SelectionSlider(options=[2, 4, 8, 16, 32], value=16, description="r"),
)

# %% [markdown]
# Seven of the 15 choices leave stage 4 out. They all stay below one million.
#
# ## 4. What the paper measured
#
# Three tables of the SE paper, ImageNet, top-1 error in %, each row one training.

# %%
PAPER = {
    "reduction r": {"2": 22.29, "4": 22.25, "8": 22.26, "16": 22.28, "32": 22.72},
    "place": {
        "branch": 22.28,
        "pre": 22.23,
        "post": 22.78,
        "identity": 22.20,
        "conv2": 22.48,
    },
    "stages": {"1": 23.03, "2": 23.04, "3": 22.68, "all": 22.28},
}
NO_SE = 23.30
everything = [error for table in PAPER.values() for error in table.values()]

# %%
figure = Figure(figsize=(9, 3.6), dpi=100, layout="constrained")
panels = figure.subplots(1, 3, sharey=True, width_ratios=[5, 5, 4])
for axes, (name, table) in zip(panels, PAPER.items(), strict=True):
    axes.plot(list(table), list(table.values()), "o", color="#0072B2", markersize=8)
    axes.axhline(NO_SE, color="black", linestyle="--", linewidth=1)
    for at, error in enumerate(table.values()):
        axes.text(at, error + 0.05, f"{error:.2f}", ha="center", fontsize=9.5)
    axes.set_xlabel(name + " (no interval given)", fontsize=10)
    axes.margins(x=0.15)
    axes.tick_params(axis="x", labelsize=9.5)
    axes.spines[["top", "right"]].set_visible(False)
panels[0].text(0, NO_SE - 0.03, f"without SE {NO_SE:.2f}", va="top", fontsize=9.5)
panels[0].set(ylabel="top-1 error, %", ylim=(22.05, 23.4))
title = f"With SE {min(everything):.2f} to {max(everything):.2f} % error, "
title += f"without {NO_SE:.2f} %: one run each"
figure.suptitle(title, fontsize=13, fontweight="bold")
said = [
    f"{n}: " + ", ".join(f"{k} {v:.2f}" for k, v in t.items()) for n, t in PAPER.items()
]
show(figure, alt=f"{title}. Top-1 error by {'; '.join(said)}.")

# %% [markdown]
# Read it with three questions. Is the best better than the second? How does the gap
# compare with other causes? What was left out? ImageNet has 50,000 validation images,
# so one point is 500 images. The paper's footnote on a longer schedule gives SE on the
# branch 22.20 % after a fixed 270 epochs.

# %%
order = sorted(PAPER["place"].items(), key=lambda row: row[1])
for (better, e1), (worse, e2) in pairwise(order):
    gap = e2 - e1
    print(f"{better:<9}before {worse:<9}{gap:.2f} points, {500 * gap:.0f} images")
best, branch = order[0][1], PAPER["place"]["branch"]
print(f"branch to best {branch - best:.2f}, to the other schedule {branch - 22.2:.2f}")
error = 100 * (0.22 * 0.78 / 50_000) ** 0.5
print(f"standard error of one such error rate: {error:.2f} points")
print(f"of the difference of two independent ones: {2**0.5 * error:.2f} points")

# %% [markdown]
# The best three places lie within 0.08 points. The schedule alone moves the *same*
# network by as much. So the paper's order identity, pre, branch is no ranking; the
# authors themselves call these places similar. Two networks
# each with 0.19 differ by chance by about 0.26 if their errors were independent (tested
# on the same images, it is less). So 0.20 from `branch` to `conv2` is no finding, and
# 0.50 to `post` is about two standard errors, seeds not counted: how far two seeds
# differ there, the tables do not say. From r = 2 to 16 nothing can be told
# either, at 45.7 to 28.1 million parameters. Stage 4 alone, the most expensive, is not
# in the table. You have it recorded.
#
# ## 5. Before the first step
#
# At `identity` and `post` the gate multiplies the trunk itself. A fresh gate is about
# 0.5 (notebook 02). With our recipe the branches start at 0, so only the trunk is left.
#
# ### Predict
#
# How large is what leaves stage 3 (six blocks) at `identity`, compared with the same
# network without SE?

# %%
predict("trunk after stage 3", "...")

# %%
from course_lib.data.signs import render
from course_lib.weights import initialise_backbone

pictures = (render("train", 64, 32).images / 255 - 0.5) / 0.25  # (64, 3, 32, 32)


def stage_sizes(attention, place):
    """How large is what leaves each of the four stages, on average, untrained?"""
    narrow = {"width": 8, "stem": "stride2", "reduction": 4}
    network, sizes = resnet50(18, attention, place, **narrow), []
    same = torch.Generator().manual_seed(0)  # equal weights outside the gates
    initialise_backbone(network, same, zero_init_residual=True)
    for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
        stage.register_forward_hook(lambda m, a, y: sizes.append(y.abs().mean().item()))
    with torch.no_grad():
        network(pictures)
    return torch.tensor(sizes)


# %%
def open_se(channels, reduction=4):
    """SE whose gates start at 0.99: the second bias is 5."""
    module = SqueezeExcitation(channels, reduction)
    nn.init.constant_(module.expand.bias, 5.0)
    return module


whole = stage_sizes(None, None)  # the same network without SE
shares = {place: stage_sizes("se", place) / whole for place in PLACES}
shares["identity, open"] = stage_sizes(open_se, "identity") / whole
for name, row in shares.items():
    print(f"{name:<15}" + "".join(f"  stage {n} {v:.3f}" for n, v in enumerate(row, 1)))
answer = shares["identity"][2]
recall("trunk after stage 3", f"{answer:.3f}; 1 / 2^6 = 1 / 64 = {1 / 64:.3f}")

# %% [markdown]
# On the trunk halves multiply: 1/8 after three blocks, 1/64 after six. (BatchNorm in
# the next stage's projection sets the size right again.) On the branch nothing is lost,
# as the trunk passes by. He et al. met this in 2016 (*Identity Mappings in Deep
# Residual Networks*): with a gate on the shortcut, the bias it starts with decides how
# well the network trains. So add a second suspect: gates that start open.
#
# ## 6. Your runs
#
# Train three networks: SE at `branch`, at `identity`, and at `identity` with open
# gates. `ci` takes half a minute to two and a half; `laptop` (12 epochs, 3,000 images) 3
# to 15 minutes on one core, by how busy the machine is. `gpu` is not timed yet. To try another place, change `PLACE`.

# %%
PLACE = "identity"
predict("identity against branch", "...")

# %% tags=["nbval-ignore-output"]
from functools import partial

from course_lib.experiments import train_here
from course_lib.profiles import choose_profile

r = choose_profile().signs.reduction  # 4 in the narrow network, 16 at full width
SE, opened = partial(SqueezeExcitation, reduction=r), partial(open_se, reduction=r)
there = {f"SE at {PLACE}": SE, f"SE at {PLACE}, open": opened}
at_branch, _ = train_here({"SE at branch": SE})
elsewhere, _ = train_here(there, placement=PLACE)

# %% tags=["nbval-ignore-output"]
mine = pd.concat([at_branch, elsewhere], ignore_index=True)
mine.insert(1, "source", f"you, {choose_profile().name}, one seed")
print(mine.to_string(index=False))
accuracy = mine["test accuracy %"]
recall("identity against branch", f"{accuracy[1] - accuracy[0]:+.1f} points, one seed")
print(f"open minus {PLACE}: {accuracy[2] - accuracy[1]:+.1f} points, one seed")

# %% [markdown]
# **What this cannot show**: one seed, a few epochs, one learning rate. At `ci` the
# networks hardly learn at all. `open` minus `identity` is one seed, too: a reason to
# record more (section 8 has three), no result. A ranking needs several seeds, paired. So write the
# function that makes one.
#
# ## 7. From runs to a ranking
#
# By hand first. Two places, three seeds, made-up accuracies in %.

# %%
ours, base = [72.0, 80.0, 75.0], [70.0, 79.0, 73.0]
pairs = [ours[seed] - base[seed] for seed in range(3)]
mean = sum(pairs) / 3
squares = sum((d - mean) ** 2 for d in pairs)
error = (squares / (3 - 1) / 3) ** 0.5  # n - 1 = 2: the mean came from the same pairs
print(f"differences {pairs}, mean {mean:.2f}")
print(f"interval {mean - 4.303 * error:.2f} to {mean + 4.303 * error:.2f}")

# %% [markdown]
# The accuracies spread over 8 points, the differences over 1: a lucky seed lifts both
# places. With three pairs the factor is 4.303 (Student's t, 2 degrees of freedom), not
# 1.96. The interval leaves out 0, so the sign is certain, at 95 %.
#
# ### Exercise 3: the ranking
#
# **Goal**: `rank_places(runs, against, level)` -> a table, one row a place, best first.
# `mean_interval(pairs, level)` gives mean, low, high and n. Difficulty 3 of 3, 12
# minutes, about 10 lines. It matters because sorting means is not ranking.
#
# <details><summary>Hint 1: a question</summary>
#
# Two places share a seed: what do their runs have in common, and how do you take it
# out?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# one row a run -> a table (seeds, places) -> one difference a seed -> one row a place.
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# done.pivot(index="seed", columns="placement", values="test_accuracy"), .dropna(),
# mean_interval(pairs, level) with .mean .low .high .n, pd.DataFrame(rows,
# columns=RANKED), .sort_values.
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# done = runs[runs["status"] == ____]
# table = 100 * done.pivot(index="seed", columns=____, values="test_accuracy")
# rows = []
# for place in table.columns:
#     pairs = (table[place] - ____).dropna()
#     found = mean_interval(____, level)
#     certain = found.low > 0 or ____
#     estimate = (found.mean, found.low, found.high, certain)
#     rows.append((place, found.n, table[place].mean(), *estimate))
# ranked = pd.DataFrame(rows, columns=RANKED)
# return ranked.sort_values(____, ascending=False, ignore_index=True)
# ```
# </details>

# %%
from course_lib.placing import RANKED, check_one_a_seed  # noqa: F401
from course_lib.statistics import mean_interval

print(mean_interval(pairs, level=0.95), RANKED, sep="\n")


# %% exercise="rank_places"
def rank_places(
    runs: pd.DataFrame, against: str = "branch", level: float = 0.95
) -> pd.DataFrame:
    """Places from best to worst, each compared with one of them, seed by seed.

    runs: one row a run, with placement, seed, status and test_accuracy (0..1). Rows
    whose status is not "done" do not count.

    -> one row a place: placement; seeds, those it has in common with `against`;
    accuracy, the mean of all its seeds in %; difference, the mean of (place - against)
    over the common seeds in points, with its t interval, low to high; certain, True
    where the interval leaves out 0. Sorted by difference, best first. One seed has no
    interval (nan).

    Raises an error for two runs of one place and seed, as of two models.
    """
    raise NotImplementedError("rank_places")


# %%
rank_places = check("rank_places", rank_places)

# %% [markdown]
# **What you saw.** The check feeds a table with shuffled rows, a missing seed, a failed
# run and a single seed. Each is an honest accident of real experiments.
#
# ## 8. Thirty recorded trainings
#
# `data/results/signs-places` holds runs of `course compare` at `laptop` size: width 8,
# r = 4, 12 epochs, 3,000 images, 3 seeds each. Plain, SE at the five places, and SE in
# one stage alone. Each seed starts from the same weights outside the gates and meets
# the same batches. (The file's step times were measured beside other work: leave them
# out.)
#
# ### Predict
#
# Write your ranking of the five places, best first.

# %%
predict("ranking of the places", "...")

# %%
from course_lib.experiments import CHECKOUT
from course_lib.runs import read_runs

RESULTS = CHECKOUT / "data" / "results"
recorded = read_runs([RESULTS / "signs-places" / "runs.csv"])
places = recorded[(recorded["model"] == "se") & (recorded["stages"] == "1234")]
ranking = rank_places(places)
print(ranking.round(2).to_string(index=False))
recall("ranking of the places", ", ".join(ranking["placement"]))

# %% [markdown]
# Four comparisons give luck four chances. To be 95 % sure of *all four*, ask of each
# interval 1 - 0.05/4 (the Bonferroni correction). And a ranking needs its *neighbours*
# told apart, not each place from `branch`: four pairs again, corrected likewise.

# %%
level = 1 - 0.05 / 4
strict = rank_places(places, level=level)
among_four = list(strict.loc[strict["certain"], "placement"])
print(f"certainly different from branch, all four at once: {', '.join(among_four)}")
names = list(ranking["placement"])
for better, worse in pairwise(names):
    pair = rank_places(places, against=worse, level=level)
    row = pair.set_index("placement").loc[better]
    verdict = "certain" if row["certain"] else "cannot tell"
    interval = f"({row['low']:+.1f} to {row['high']:+.1f})"
    print(
        f"{better:<9}over {worse:<9}{row['difference']:+6.1f} {interval:<17}{verdict}"
    )

# %%
without = recorded["stages"].where(recorded["model"] != "plain", "none")
in_stages = recorded[recorded["placement"] == "branch"].assign(placement=without)
by_stage = rank_places(in_stages, against="none")
print(by_stage.rename(columns={"placement": "stages"}).round(2).to_string(index=False))
strict = rank_places(in_stages, against="none", level=1 - 0.05 / 5)
certain = list(strict.loc[strict["certain"], "placement"])
print(f"certain for all five at once: {', '.join(certain) or 'none'}")

# %% [markdown]
# Now the paper beside your recorded runs: each row's difference to its base, in points
# of accuracy. The axes differ.

# %%
PAPER["stages"] |= {"none": NO_SE}
WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
LABEL = {"textcoords": "offset points", "ha": "center", "fontsize": 9.5, "bbox": WHITE}


def beside(axes, ranked, table, base):
    """Paper (left) and recorded runs (right) in one row of panels: what they say."""
    said = []
    for y, row in enumerate(ranked.itertuples()):
        if (name := row.placement.replace("1234", "all")) in table:
            points = table[base] - table[name]  # less error is more accuracy
            axes[0].plot(points, y, "s", color="#009E73", markersize=8)
            axes[0].annotate(f"{points:+.2f}", (points, y), (0, 7), **LABEL)
        axes[1].plot([row.low, row.high], [y, y], color="#0072B2", linewidth=2.2)
        axes[1].plot(row.difference, y, "o", color="#0072B2", markersize=8)
        axes[1].annotate(f"{row.difference:+.1f}", (row.difference, y), (0, 7), **LABEL)
        said.append(f"{name} {row.difference:+.1f}")
    labels = [name.replace("1234", "all") for name in ranked["placement"]]
    axes[0].set_yticks(range(len(ranked)), labels, fontsize=10)
    axes[0].set_ylim(len(ranked) - 0.5, -0.7)
    for panel in axes:
        panel.axvline(0, color="black", linestyle="--", linewidth=1)
        panel.spines[["top", "right"]].set_visible(False)
        panel.margins(x=0.15)
    return ", ".join(said)


# %%
figure = Figure(figsize=(9, 6.2), dpi=100, layout="constrained")
grid = figure.subplots(2, 2, sharey="row")
first = beside(grid[0], ranking, PAPER["place"], "branch")
second = beside(grid[1], by_stage, PAPER["stages"], "none")
for row, base in zip(grid, ("SE at branch", "plain"), strict=True):
    row[0].set_xlabel(f"paper, ImageNet: minus {base}, points\n(no interval given)")
    row[1].set_xlabel(
        f"recorded, signs: minus {base}, points\n(3 seeds, 95 % interval)"
    )
grid[0][0].set_ylabel("place", fontsize=10)
grid[1][0].set_ylabel("stages with SE", fontsize=10)
last = ranking.iloc[-1]
title = f"identity, first in the paper, is {-last['difference']:.0f} points behind "
title += "branch here\n(alone certain, not among four)"
figure.suptitle(title, fontsize=13, fontweight="bold")
assert last["placement"] == "identity"
assert last["certain"] and "identity" not in among_four
title = title.replace("\n", " ")
show(figure, alt=f"{title}. Recorded, minus branch: {first}. Minus plain: {second}.")

# %% [markdown]
# **What you saw.** `post` and `identity` are last, as section 5 would suggest, but three
# seeds leave wide intervals (`identity` -57 to -2). Stage 4 alone looks best, SE
# everywhere worst of the stages, yet none of the five is certain at once. The order is
# not the paper's. Size, epochs and data differ, so neither refutes the other.
#
# Both put `post` behind `branch`. They disagree about `identity`: first in the paper,
# last here, in each of the three seeds. (Stage 4 alone is not in the paper's table.)
# Section 5 has a suspect: half-open gates on the trunk, and 12 epochs to open them.
#
# So three more runs were recorded, equal in all but one thing: at `identity`, with a
# bias of 5 (`data/results/03_open_gates.csv`).

# %%
opened = pd.read_csv(RESULTS / "03_open_gates.csv").assign(placement="identity, open")
with_opened = pd.concat([places, opened], ignore_index=True)
print(rank_places(with_opened, against="identity").round(1).to_string(index=False))

# %% [markdown]
# **What you saw.** Open gates lift `identity` by 35 points (2.9 to 67.8), up to the
# level of `pre`. So most of the gap was the *start*, not the place. The paper trains far
# longer, on far more images: time enough to open a gate. That is a likely reading, not
# a proof.
#
# ### The ranking, and how sure you may be
#
# - **Order of the means**: conv2, pre, branch, post, identity.
# - **Certain here**: `pre` before `branch`, by 6.7 points: 4.8 to 8.6 alone, 2.7 to 10.7
#   with four comparisons at once.
# - **Not certain**: `conv2` before `pre` or `branch`; even `post` behind `branch`. It is
#   25 points behind, but the three gaps differ so much that its interval, even taken
#   alone, reaches +1.5.
#   A large gap is no narrow interval.
# - **Stages**: stage 4 alone beats plain by 3.8 points (1.5 to 6.2). With five
#   comparisons at once it does not. All four stages together come last.
# - **The paper**: `post` is worse; identity, pre and branch cannot be told apart.
#
# Your advice to the blog's readers? Keep fresh gates off the trunk, or start them open.
# Try `pre` and `conv2` beside `branch`: `conv2` costs a sixteenth. And take five seeds.
#
# ## 9. Break it
#
# Two bugs of real code. The first is pytorch-cifar100's (issue 75): a ReLU on the branch
# before its gate. The second reuses the name x at `pre`. The properties are, in this
# order: runs, shape, dtype and device, plain block, closed gate, misspelt place, values,
# gradients, input not modified. **Which fails first, for each?**

# %%
predict("extra ReLU", "...")
predict("x reused", "...")

# %%
from course_lib.notebook import break_it


def extra_relu(x, project, layers, attend, place):
    """place_in_block, but the gated branch has passed a ReLU."""
    check_choice("place", place, PLACES)
    reduce, mix, expand = layers

    def last(y):
        return F.relu(expand(y)) if place == "branch" else expand(y)

    return place_in_block(x, project, [reduce, mix, last], attend, place)


def reuse_x(x, project, layers, attend, place):
    """place_in_block, but at "pre" the shortcut gets the gated x as well."""
    if place != "pre":
        return place_in_block(x, project, layers, attend, place)
    x = attend(x)
    return place_in_block(x, project, layers, lambda y: y, place)


# %%
break_it("place_in_block", extra_relu)
recall("extra ReLU", "plain block")
break_it("place_in_block", reuse_x)
recall("x reused", "closed gate")

# %% [markdown]
# A module that does nothing exposes the first: the block is no longer the plain one, as
# the branch can only add. The second is quieter. Shapes fit, the network trains, and you
# would have published `pre` while measuring something close to `post`.
#
# ## 10. Recap
#
# <details><summary>1. Which places stand on the trunk, and what follows?</summary>
#
# `identity` and `post`. Their gates multiply from block to block: a fresh stage of six
# blocks hands on 1/64 of what it would without gates.
# </details>
# <details><summary>2. What does moving SE after the 3x3 save?</summary>
#
# 15/16 of its weights: 157,184 are left of 2,514,944, as C is a quarter and counts
# squared.
# </details>
# <details><summary>3. And leaving it out of the last stage?</summary>
#
# 63 %: the increase falls from 9.8 to 3.7 %. The paper loses less than 0.1 % top-5.
# </details>
# <details><summary>4. Why subtract runs of the same seed first?</summary>
#
# A lucky seed lifts every place. The difference is free of that part of luck.
# </details>
# <details><summary>5. When is a ranking certain?</summary>
#
# When the interval of each neighbouring pair leaves out 0, corrected for the number of
# pairs. The order of the means is not enough.
# </details>
#
# ### Not shown here
#
# Full width, long training and photographs are missing, and so is a learning rate or a
# starting bias tuned for each place. Two places may well swap.
#
# **Paper against code.** The paper's "standard" place is `branch` in its released
# network, moskomule's and timm's. RegNet's is `conv2`, EfficientNet's likewise follows
# the depthwise convolution. Names help little: read where the call stands.
#
# **An open problem.** Do open gates help at `post` and `branch`, too, and does the order
# survive a long training? Record five seeds of each with `open_se`, and rank them.
#
# **Next**: notebook 04 leaves the blocks. BAM sits between the stages.
