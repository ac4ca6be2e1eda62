# %% [markdown]
# # 01 ResNet50 from blocks
#
# **The question.** ResNet50 has 25,557,032 parameters. How many of them do its 16
# shortcuts need?
#
# You build the network from three small functions, and prove that it is the published
# one: same names, same outputs. Every later notebook puts an attention module into it.
#
# **Time**: 90 to 120 minutes; sections 10 and 11 are optional. **Needs**: Python, and a first idea of convolution,
# BatchNorm and ReLU.
#
# Afterwards you will be able to
#
# 1. write the bottleneck block, its shortcut rule and a stage, and have them checked;
# 2. say where the parameters and the multiply-adds of ResNet50 are;
# 3. prove that two networks are equal, and spot two that only look equal.

# %% tags=["nbval-ignore-output"]
from course_lib.notebook import setup

setup("01")

# %% [markdown]
# ## 1. A stack of 16 branches
#
# Begin without training. The cell below makes one *branch*: three convolutions, each
# with a BatchNorm. ResNet50 stacks 16 of them.
#
# `x` is a batch of N maps with C channels of H x W pixels, written (N, C, H, W).

# %%
import torch
from torch import nn
from torch.nn import functional as F

from course_lib.blocks import conv


def branch(last_scale):
    """(N, 64, H, W) -> (N, 64, H, W); last_scale: where the last BatchNorm starts."""
    last = nn.BatchNorm2d(64)
    nn.init.constant_(last.weight, last_scale)
    first = [conv(64, 16, 1), nn.BatchNorm2d(16), nn.ReLU()]
    middle = [conv(16, 16, 3), nn.BatchNorm2d(16), nn.ReLU()]
    return nn.Sequential(*first, *middle, conv(16, 64, 1), last)


# %% [markdown]
# Chain 16 branches, and send a random gradient back from the end. One line decides
# about the shortcuts: `y + maps[-1]` or `y`.


# %%
def gradient_norms(shortcut, last_scale=1.0):
    """Norms of the gradients at 17 maps and at 16 first weights; at the end it is 1."""
    torch.manual_seed(0)
    x = torch.rand(16, 64, 16, 16)  # (N, C, H, W), from 0 to 1
    maps, branches = [x.requires_grad_()], [branch(last_scale) for _ in range(16)]
    for layers in branches:
        y = layers(maps[-1])
        maps.append(F.relu(y + maps[-1] if shortcut else y))
    end = torch.randn_like(maps[-1])
    weights = [layers[0].weight for layers in branches]
    # The gradient of the sum of (last map * end), at each map and each weight.
    grads = torch.autograd.grad(maps[-1], maps + weights, end)
    norms = [(grad.norm() / end.norm()).item() for grad in grads]
    return norms[:17], norms[17:]


# %% [markdown]
# ### Predict
#
# Without shortcuts, the gradient passes 48 convolutions on its way back. Is it much
# smaller at the first branch than at the end, about equal, or much larger? Replace the
# dots by your guess. Nothing judges it.

# %%
from course_lib.notebook import compare, predict, recall

predict("gradient without shortcuts", "...")

# %%
curves = {
    "no shortcuts": gradient_norms(shortcut=False),
    "shortcuts": gradient_norms(shortcut=True),
    "shortcuts, last BatchNorm at 0": gradient_norms(shortcut=True, last_scale=0.0),
}
grown = {label: float(f"{maps[0]:.2g}") for label, (maps, _) in curves.items()}
recall("gradient without shortcuts", f"{grown['no shortcuts']:,g} times larger")
for label in ["no shortcuts", "shortcuts"]:
    first, *_, last = curves[label][1]
    ratio = float(f"{first / last:.2g}")
    print(f"weights, branch 1 against branch 16, {label}: {ratio:,g} times")

# %%
from matplotlib.figure import Figure

from course_lib.plots import show

figure = Figure(figsize=(8, 4), layout="constrained")
axes = figure.subplots()
styles = [("#D55E00", "--"), ("#0072B2", "-"), ("#009E73", ":")]
for (label, (norms, _)), (colour, line) in zip(curves.items(), styles, strict=True):
    axes.semilogy(range(17), norms, color=colour, linestyle=line, linewidth=2.2)
    axes.text(3.2, 1.8 * norms[3], label, color=colour, fontsize=10)
axes.set_title(
    f"16 branches multiply the gradient by {grown['no shortcuts']:,g}; "
    f"with shortcuts by {grown['shortcuts']:,g}",
    fontsize=12,
    loc="left",
)
axes.set_xlabel("branches passed since the input (the gradient travels to the left)")
axes.set_ylabel("gradient norm, end = 1")
axes.spines[["top", "right"]].set_visible(False)
firsts = "; ".join(f"{label} {value:,g}" for label, value in grown.items())
show(figure, alt=f"Gradient norm before the first of 16 branches, end = 1: {firsts}.")

# %% [markdown]
# **What you saw.** The gradient explodes: each branch makes it larger on its way
# back. Yang et al. (2019, arXiv 1902.08129) derive such growth for fully connected
# networks with BatchNorm. The kink at the input has another cause: `torch.rand` spreads
# by 0.29 only, and the first BatchNorm scales that up.
#
# The figure shows gradients of maps; a learning rate acts on weights. The lines above
# the figure compare those: one rate has to serve both ends of the stack.
#
# With shortcuts the gradient grows less. In the third curve each block starts as the
# identity, and the gradient arrives as it left. At the first step only the last
# BatchNorm of a branch learns: its scale is 0, so the convolutions before it get a
# gradient of exactly 0. Our recipe starts so (`zero_init_residual`). Section 9 trains
# all three.
#
# What does the shortcut cost? A sum needs no parameter, unless its two sides differ in
# shape.
#
# ### Predict
#
# What percentage of the 25,557,032 parameters do the shortcuts need?

# %%
predict("share of the shortcuts", "...")

# %% [markdown]
# ## 2. The smallest example: a 1x1 convolution
#
# Two of the three convolutions of a branch are 1x1. Such a convolution looks at one
# pixel and mixes its channels. Here are 2 channels of 2 x 3 pixels, and a weight with
# 3 output channels.

# %%
x = torch.arange(12.0).reshape(1, 2, 2, 3)  # (N, C, H, W)
w = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, -1.0]])  # (out, in)

slow = torch.zeros(1, 3, 2, 3)  # (N, out, H, W)
for out in range(3):
    for row in range(2):
        for column in range(3):
            for c in range(2):
                slow[0, out, row, column] += w[out, c] * x[0, c, row, column]
print(slow[0])

# %% [markdown]
# Output 2 is the difference of the two channels. No loop mixes pixels. So the whole
# thing is one matrix product over channels, repeated at each pixel:

# %%
# "oc,nchw->nohw", read: for each n, o, h, w sum over c
fast = torch.einsum("oc,nchw->nohw", w, x)  # (N, out, H, W)
by_torch = F.conv2d(x, w[:, :, None, None])  # the weight as (out, in, 1, 1)
assert torch.equal(slow, fast) and torch.equal(fast, by_torch)

# %% [markdown]
# A 3x3 convolution is nine such products, one for each place of the kernel, on shifted
# maps, added up. The border needs `padding=1`: one frame of zeros.

# %%
kernel = torch.randn(3, 2, 3, 3)  # (out, in, rows, columns)
padded = F.pad(x, (1, 1, 1, 1))  # (N, C, H + 2, W + 2)
total = torch.zeros(1, 3, 2, 3)
for i in range(3):
    for j in range(3):
        shifted = padded[:, :, i : i + 2, j : j + 3]  # (N, C, H, W)
        # read: for each n, o, h, w sum over c
        total += torch.einsum("oc,nchw->nohw", kernel[:, :, i, j], shifted)
compare("nine 1x1 against one 3x3", total, F.conv2d(x, kernel, padding=1))

# %% [markdown]
# Nine products cost nine times as much. A bottleneck therefore lets the 3x3 work on a
# quarter of the channels. Count the weights for 256 channels:

# %%
thick = 3 * 3 * 256 * 256
bottle = 256 * 64 + 3 * 3 * 64 * 64 + 64 * 256
print(f"one 3x3: {thick:,}   1x1, 3x3, 1x1: {bottle:,}   ratio {thick / bottle:.1f}")

# %% [markdown]
# ## 3. The block in symbols
#
# `*` is a convolution, n1, n2, n3 are BatchNorms, s is the stride. C is the narrow
# width, that of the 3x3. H' is H / s, rounded up, and W' likewise.
#
# | formula | Python names | shape | meaning |
# |---|---|---|---|
# | a = ReLU(n1(w1 * x)) | `x`, `w1`, `norms[0]` | (N, C, H, W) | fewer channels |
# | b = ReLU(n2(w2 * a)) | `w2`, `norms[1]`, `stride` | (N, C, H', W') | looks around |
# | c = n3(w3 * b) | `w3`, `norms[2]` | (N, 4C, H', W') | back to 4C channels |
# | y = ReLU(c + x') | `shortcut` is x' | (N, 4C, H', W') | sum first, then ReLU |
#
# w1 and w3 are 1x1, w2 is 3x3 with `padding=1` and takes the stride. x' is x, or what
# exercise 2 makes of it.
#
# The picture is figure 5 (right) of He et al. (2015, arXiv 1512.03385).
#
# ## 4. How exercises work here
#
# Each exercise has a text, four hints, a cell to fill in, and one that checks it. You
# have four tools:
#
# | tool | what it does |
# |---|---|
# | `check("name", answer)` | tests your answer, shows the first property that fails |
# | `hint("name", 1)` | prints hint 1 to 4, as in the folded texts |
# | `show_solution("name")` | the verified source, why, and how yours differs |
# | `progress()` | lists all exercises with your best outcome |
#
# `[ok]` means that all properties hold, `[x]` that one fails, `[ ]` that nothing is
# written yet. `check` always hands back something that works: your answer if it is
# right, else the verified one. Each check is logged in `notebooks/my/` with your text,
# on this machine only.
#
# Exercise 1 asks for `bottleneck(x, shortcut, w1, w2, w3, norms, stride)`. Here is a
# hint, and then what a wrong answer looks like: one that returns the shortcut alone.

# %%
from collections.abc import Callable, Sequence

from torch import Tensor

from course_lib.blocks import EXPANSION
from course_lib.exercises import check, hint, show_solution  # noqa: F401
from course_lib.notebook import break_it

hint("bottleneck", 1)
break_it("bottleneck", lambda x, shortcut, *rest: shortcut)

# %% [markdown]
# Read the card from the top: which property fails, on which input, what was expected,
# what came out, and the likely cause, found by comparing your result with those of
# known mistakes. (`break_it` is a `check` that leaves no trace in the log.)
#
# ## 5. Exercise 1: the bottleneck
#
# **Goal**: write `bottleneck`, the four lines of the table. **Difficulty** 2 of 3, **10 minutes**, about **4 lines**.
#
# **Why it matters**: every attention module of this course sits inside this function.
#
# <details><summary>Hint 1: a question</summary>
#
# Which of the three convolutions sees a neighbourhood, and which one can skip pixels
# without ignoring any of them?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# (N, Cin, H, W) -> (N, C, H, W) -> (N, C, H', W') -> (N, 4C, H', W'). The last shape
# is the shortcut's.
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# `F.conv2d(x, w)`, `F.conv2d(y, w2, stride=..., padding=...)`, `norms[0](y)`, `F.relu`.
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# y = F.relu(norms[0](F.conv2d(x, w1)))
# y = F.relu(norms[1](F.conv2d(y, w2, stride=____, padding=____)))
# y = ____(F.conv2d(y, w3))
# return F.relu(____)
# ```
# </details>


# %% exercise="bottleneck"
def bottleneck(
    x: Tensor,
    shortcut: Tensor,
    w1: Tensor,
    w2: Tensor,
    w3: Tensor,
    norms: Sequence[Callable[[Tensor], Tensor]],
    stride: int = 1,
) -> Tensor:
    """1x1 reduce, 3x3, 1x1 expand, plus the shortcut; He et al. 2015, figure 5.

    x (N, Cin, H, W), shortcut (N, 4C, H', W'), w1 (C, Cin, 1, 1), w2 (C, C, 3, 3),
    w3 (4C, C, 1, 1), norms: three, one for each convolution -> (N, 4C, H', W').
    The stride sits in the 3x3 convolution, so H' is H / stride, rounded up.
    """
    raise NotImplementedError("bottleneck")


# %%
bottleneck = check("bottleneck", bottleneck)

# %% [markdown]
# **What you saw.** The function receives weights, norms and even its shortcut as
# arguments. That makes it easy to test: with `w3` at 0 the branch is silent, and only
# the shortcut may remain. The check uses odd maps such as 7 x 9,
# because rounding mistakes hide on even ones.
#
# Two details carry most of the mistakes. The ReLU comes *after* the sum, so the branch
# can subtract: with shortcut 3 and branch -2 the result is 1. A ReLU on the branch
# before the sum would give 3. The stride sits in the 3x3, which still touches every
# pixel. You will move it in section 11, to see what breaks.
#
# Solved it, or given up? Type `show_solution("bottleneck")` in a new cell.
#
# ## 6. Exercise 2: the shortcut rule
#
# A sum needs two tensors of one shape. Where a block changes the channels or the map,
# its shortcut must follow.
#
# **Goal**: write `projection(in_channels, out_channels, stride)`. It returns `None`
# where x fits as it is. Otherwise it returns a 1x1 convolution with the stride, and a
# BatchNorm. **Difficulty** 1 of 3, **5 minutes**, about **4 lines**.
#
# **Why it matters**: its parameters answer this notebook's question.
#
# `conv(in_channels, out_channels, size, stride)` makes a convolution without bias.
#
# <details><summary>Hint 1: a question</summary>
#
# Which two things about x can differ from the branch's output?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# (N, in_channels, H, W) -> (N, out_channels, H / stride, W / stride); None where these
# are the same shape.
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# `conv(in_channels, out_channels, size, stride)`, `nn.BatchNorm2d`, `nn.Sequential`.
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# if stride == ____ and in_channels == ____:
#     return None
# return nn.Sequential(conv(in_channels, ____, 1, ____), nn.BatchNorm2d(____))
# ```
# </details>


# %% exercise="projection"
def projection(in_channels: int, out_channels: int, stride: int) -> nn.Module | None:
    """What the shortcut needs so that x (N, in_channels, H, W) fits the branch.

    None where x fits as it is. Otherwise a 1x1 convolution and a BatchNorm:
    -> (N, out_channels, H / stride, W / stride), rounded up.
    """
    raise NotImplementedError("projection")


# %%
projection = check("projection", projection)

# %% [markdown]
# Now ask your rule about each of the 16 blocks. `EXPANSION` is 4: a block made for C
# `channels` hands on 4C. The first block of stages 2 to 4 has stride 2: C doubles there,
# and a 3x3 on a quarter of the pixels costs the same as before.

# %%
STAGES = [(3, 64, 1), (4, 128, 2), (6, 256, 2), (3, 512, 2)]  # blocks, C, stride
width, projections = 64, []
for count, channels, stride in STAGES:
    for index in range(count):
        module = projection(width, EXPANSION * channels, stride if index == 0 else 1)
        if module is not None:
            projections.append((width, EXPANSION * channels, module))
        width = EXPANSION * channels

# %%
for before, after, module in projections:
    numbers = sum(parameter.numel() for parameter in module.parameters())
    print(f"{before:>5} -> {after:<5}{numbers:>11,} parameters")
needed = sum(p.numel() for *_, module in projections for p in module.parameters())
share = f"{100 * needed / 25_557_032:.1f} %: {needed:,} in {len(projections)} blocks"
recall("share of the shortcuts", share)

# %% [markdown]
# **What you saw.** 12 of the 16 shortcuts cost nothing. The other four need 10.9 %
# of the network. The first stage has one although its stride is 1, because 64 channels
# become 256.
#
# He et al. (2015) call this rule option B. Option A pads with zeros and needs no
# parameter; option C projects in every block.
#
# ## 7. Exercise 3: a stage
#
# **Goal**: write `build_stage(make_block, in_channels, channels, count, stride)`. It
# returns `count` blocks in a row. `make_block` makes one block from (in_channels,
# channels, stride). **Difficulty** 2 of 3, **10 minutes**, about **4 lines**.
#
# **Why it matters**: the function takes *any* block. The next notebook passes one with
# a gate inside.
#
# <details><summary>Hint 1: a question</summary>
#
# How many channels come out of the first block, and so go into the second?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# Block 1: in_channels -> 4 * channels, with the stride. Blocks 2 to count:
# 4 * channels -> 4 * channels, stride 1.
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# `make_block(in_channels, channels, stride)`, a loop with `append`,
# `nn.Sequential(*layers)`.
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# layers = [make_block(____, channels, ____)]
# for _ in range(____):
#     layers.append(make_block(____, channels, ____))
# return nn.Sequential(*layers)
# ```
# </details>


# %% exercise="build_stage"
def build_stage(
    make_block: Callable[[int, int, int], nn.Module],
    in_channels: int,
    channels: int,
    count: int,
    stride: int,
) -> nn.Sequential:
    """`count` blocks in a row: x (N, in_channels, H, W) -> (N, 4 * channels, H', W').

    make_block: (in_channels, channels, stride) -> module with 4 * channels outputs.
    The first block takes the stride and the change of width, the others neither.
    """
    raise NotImplementedError("build_stage")


# %%
build_stage = check("build_stage", build_stage)

# %% [markdown]
# **What you saw.** The first block differs, the others are alike. Writing
# `[block] * count` would put *one* object at several places, with shared weights.
# Shapes and values look right then; the parameter count gives it away.
#
# ## 8. Assemble
#
# A module keeps the weights, your functions do the rest. The names `conv1`, `bn1`, ...,
# `downsample` are torchvision's. That will let you load its weights unchanged.


# %%
class Block(nn.Module):
    """Your bottleneck with its weights: (N, Cin, H, W) -> (N, 4C, H', W')."""

    def __init__(self, in_channels, channels, stride):
        super().__init__()
        out_channels, self.stride = channels * EXPANSION, stride
        self.conv1, self.bn1 = conv(in_channels, channels, 1), nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = conv(channels, channels, 3), nn.BatchNorm2d(channels)
        self.conv3 = conv(channels, out_channels, 1)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.downsample = projection(in_channels, out_channels, stride)

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        weights = self.conv1.weight, self.conv2.weight, self.conv3.weight
        norms = self.bn1, self.bn2, self.bn3
        return bottleneck(x, shortcut, *weights, norms, self.stride)


# %%
from course_lib.cost import count_parameters


class MyResNet50(nn.Module):
    """Stem, four stages of your blocks, average, classifier."""

    def __init__(self, num_classes=1000):
        super().__init__()
        self.conv1, self.bn1 = conv(3, 64, 7, stride=2), nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = build_stage(Block, 64, 64, count=3, stride=1)
        self.layer2 = build_stage(Block, 256, 128, count=4, stride=2)
        self.layer3 = build_stage(Block, 512, 256, count=6, stride=2)
        self.layer4 = build_stage(Block, 1024, 512, count=3, stride=2)
        self.fc = nn.Linear(2048, num_classes)

    def forward(self, x):
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))  # (N, 64, H / 4, W / 4)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        return self.fc(x.mean(dim=(2, 3)))  # (N, num_classes)


mine = MyResNet50()
print(f"{count_parameters(mine):,} parameters")

# %% [markdown]
# The count is right. It proves little: a wrong stride would not change it. So compare
# outputs with torchvision's network, on four rendered traffic signs of 224 pixels.
#
# torchvision's weights are random here, so that nothing is downloaded. One pass in
# training mode moves the averages of its BatchNorms a tenth of the way to these images
# (momentum 0.1), so that they are not all 0 and 1. With internet, try
# `resnet50(weights="DEFAULT")`: your network is then a trained one.
#
# A difference means little without a scale. So the cell also prints how far the outputs
# spread from image to image.

# %%
from torchvision.models import resnet50 as torchvision_resnet50

from course_lib.data.signs import render

images = render("test", 4, 224).images.float() / 255  # (N, 3, H, W) in 0..1
theirs = torchvision_resnet50(weights=None)
with torch.no_grad():
    theirs.train()(images)
    mine.load_state_dict(theirs.state_dict())  # raises if one name or shape differs
    outputs = theirs.eval()(images)  # (N, 1000)
    compare("mine against torchvision", mine.eval()(images), outputs)
spread = f"spread from image to image: {outputs.std(dim=0).mean():.0e}"
print(spread)

# %%
from course_lib.resnet import resnet50

library = resnet50(num_classes=1000).eval()
library.load_state_dict(mine.state_dict())
with torch.no_grad():
    compare("library against mine", library(images), mine(images))
print(spread)

# %% [markdown]
# **What you saw.** Three networks, one result. The library's version can also
# take an attention module, and change its stem.
#
# ### Where the parameters are
#
# Add the parameters up by role:

# %%
ROLES = {"conv1": "1x1 reduce", "conv2": "3x3", "conv3": "1x1 expand"}


def role(name):
    """What a parameter such as layer1.0.conv2.weight is for."""
    if "downsample" in name:
        return "shortcuts"
    if name.startswith(("conv1", "fc")):
        return "stem" if name.startswith("conv1") else "classifier"
    return ROLES.get(name.split(".")[-2], "BatchNorms")


totals = {}
for name, parameter in mine.named_parameters():
    totals[role(name)] = totals.get(role(name), 0) + parameter.numel()

# %%
rows = sorted(totals.items(), key=lambda row: row[1])
colours = ["#D55E00" if name == "shortcuts" else "#0072B2" for name, _ in rows]
figure = Figure(figsize=(8, 3.4), layout="constrained")
axes = figure.subplots()
bars = axes.barh([name for name, _ in rows], [n / 1e6 for _, n in rows], color=colours)
texts = [f"{n:,} ({100 * n / sum(totals.values()):.1f} %)" for _, n in rows]
axes.bar_label(bars, texts, padding=4, fontsize=9.5)
axes.set_title("Four shortcuts hold every ninth parameter of ResNet50", loc="left")
axes.set_xlabel("million parameters, 1000 classes")
axes.set_xlim(0, 14.5)
axes.spines[["top", "right"]].set_visible(False)
words = "; ".join(f"{name} {text}" for (name, _), text in zip(rows, texts, strict=True))
show(figure, alt=f"Parameters of ResNet50 by role: {words}.")

# %% [markdown]
# The 3x3 convolutions stand out although they work on a quarter of the channels.
#
# ### A walk through the shapes
#
# The stem decides how large the maps are. The library has three: `imagenet` (7x7 with
# stride 2, then a max pooling), `cifar` (3x3 at full size) and `stride2` (3x3 with
# stride 2, for laptops). A network on PyTorch's "meta" device has shapes and no numbers,
# so this costs nothing.


# %%
def walk(stem, size):
    """(C, H, W) after the stem and after each of the four stages."""
    passed = []

    def note(stage, inputs, output):
        passed.extend([inputs[0], output])

    with torch.device("meta"):
        network = resnet50(1000, stem=stem).eval()
        for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
            stage.register_forward_hook(note)
        network(torch.empty(1, 3, size, size))
    return [tuple(maps.shape[1:]) for maps in [passed[0], *passed[1::2]]]


CASES = [("imagenet", 224), ("imagenet", 32), ("stride2", 32), ("cifar", 32)]
walks = {f"{stem} stem\n{size} px": walk(stem, size) for stem, size in CASES}

# %%
from matplotlib.patches import Rectangle

figure = Figure(figsize=(8, 6.4), layout="constrained")
axes = figure.subplots()
for row, shapes in enumerate(walks.values()):
    for column, (channels, side, _) in enumerate(shapes):
        width = 0.75 * side / 56  # to scale: a pixel is as large everywhere
        corner = column - width / 2, -row
        axes.add_patch(Rectangle(corner, width, width, color="#56B4E9", lw=1))
        text = f"{channels} x {side} x {side}"
        axes.text(column, -row - 0.14, text, ha="center", fontsize=9.5)
axes.set_xticks(range(5), ["after stem", "stage 1", "stage 2", "stage 3", "stage 4"])
axes.set_yticks([0.1 - row for row in range(len(walks))], list(walks))
axes.tick_params(length=0)
axes.set_xlabel("channels x height x width; maps to scale, plus a thin outline")
axes.set(xlim=(-0.5, 4.5), ylim=(-3.3, 0.85), aspect="equal")
axes.spines[:].set_visible(False)
axes.set_title("At 32 pixels, the ImageNet stem leaves stage 4 one pixel", loc="left")
words = "; ".join(f"{label}: {shapes}" for label, shapes in walks.items())
words = words.replace("\n", " ")
show(figure, alt=f"(C, H, W) after the stem and after stages 1 to 4. {words}.")

# %% [markdown]
# One pixel leaves nothing to tell places apart. So the course trains small images with
# the other two stems. Note also the 7 x 7 of stage 4 at 224 pixels: an odd map. Rounding
# mistakes show there.
#
# ### How many multiply-adds
#
# A MAC is one multiplication and one addition; 1 GMAC is a billion of them. The papers
# write "GFLOPs" and print these numbers for ResNet50 at 224 pixels: 3.86 (Hu et al.,
# SE paper, table 2), 3.858 (Woo et al., CBAM paper, ImageNet table). Count yours:

# %%
from course_lib.cost import count_macs

print(f"mine: {count_macs(mine, 224) / 1e9:.3f} GMAC")
with torch.device("meta"):
    papers = resnet50(1000, stride_in="1x1")
print(f"stride moved to the 1x1: {count_macs(papers, 224) / 1e9:.3f} GMAC")

# %% [markdown]
# The papers' numbers fit a network whose stride sits in the first 1x1 of a stage, as in
# the SE authors' Caffe network. The PyTorch code of BAM, CBAM and torchvision has it in
# the 3x3. So those papers count a slightly different network from their code.
#
# ## 9. Experiment: with and without shortcuts
#
# Now train: the library's ResNet50, which equals yours, three times. The data are
# drawn traffic signs: 18 classes, colour images of 32 x 32 pixels (64 at `gpu`).
# `NoShortcut` takes the place where a block's shortcut arrives, and returns zeros.
#
# One trap: our recipe starts the last BatchNorm of each block at 0. Without shortcuts
# such a block hands on zeros, and no gradient passes. So the fair pair is trained with
# `full-start`, where all BatchNorms start at 1.

# %%
from dataclasses import replace

from course_lib.recipes import MODERN, RECIPES

RECIPES["full-start"] = replace(MODERN, name="full-start", zero_init_residual=False)


# %%
class NoShortcut(nn.Module):
    """Takes a shortcut's place and returns zeros: (N, C, H, W) -> (N, C, H, W)."""

    def __init__(self, channels):
        super().__init__()

    def forward(self, x):
        return torch.zeros_like(x)


# %%
from course_lib.experiments import CHECKOUT, FOLDER, table
from course_lib.planning import choose_device, plan_runs
from course_lib.profiles import choose_profile
from course_lib.progress_bar import image_bar, reporter
from course_lib.training import Trainer
from course_lib.workers import load_data


def train(recipe, attention=None):
    """Train on the signs at the profile's size; run again, it goes on where it was."""
    run = plan_runs("signs", choose_profile().signs, ["plain"], 1, recipe=recipe)[0]
    run = replace(run, placement="identity")  # `attention` acts on the shortcut
    data, device = load_data(run), choose_device("auto")
    ending = "-cut" if attention else ""
    FOLDER.mkdir(parents=True, exist_ok=True)
    steps = run.epochs * (len(data.train.labels) // run.batch)
    with image_bar(steps * run.batch, recipe + ending) as bar:
        trainer = Trainer(run, data, device, reporter(bar), attention=attention)
        return trainer.train(FOLDER / f"01-{run.run_id(data.digest)}{ending}.pt")


# %% [markdown]
# The next cell takes half a minute to two on a busy machine at the `ci` profile, and
# about 3 minutes at `laptop`, on one CPU core. `gpu` trains the full width on 20,000
# images and is not timed yet. Each epoch is saved: after an interrupt, run it again.

# %% tags=["nbval-ignore-output"]
outcomes = {
    "shortcuts, zero start": train("modern"),
    "shortcuts": train("full-start"),
    "no shortcuts": train("full-start", NoShortcut),
}

# %% tags=["nbval-ignore-output"]
import pandas as pd

recorded = pd.read_csv(CHECKOUT / "data" / "results" / "01_shortcuts.csv")
rows = recorded.pivot(index="seed", columns="network", values="test accuracy %")
rows.index = [f"recorded: 10 epochs, seed {seed}" for seed in rows.index]
yours = table(outcomes).set_index("network")["test accuracy %"]
rows.loc[f"yours: {choose_profile().name}, seed 0"] = yours
rows.rename_axis("source").round(1)  # test accuracy in %

# %% [markdown]
# **What you saw.** Look at the recorded rows first: one CPU core, 3,000 images, 10
# epochs (`data/results/01_shortcuts.csv`). They are older than today's `laptop`
# profile, which trains 12: compare within a row. Guessing among 18 classes gives 5.6 %.
# Over three seeds, the network without shortcuts reaches 13.9 % on average, the one
# with shortcuts 60.9 %. Starting each block as the identity gives 77.3 %. That fits the
# order of section 1. Three variants cannot prove that the gradient is the cause. A `ci`
# row is too short a training to tell.
#
# Two cautions. All three networks list the same parameters, yet the cut one never uses
# its four projections. And this ResNet50 is narrow: 8 channels in the stem, not 64.
#
# ## 10. Play: stem, pixels, width
#
# Where are the multiply-adds, and where the parameters? First a picture for ResNet50 at
# 224 pixels, then the same with three controls.

# %%
from torch.utils.flop_counter import FlopCounterMode

PARTS = {
    "conv1": "stem",
    "layer1": "stage 1",
    "layer2": "stage 2",
    "layer3": "stage 3",
    "layer4": "stage 4",
    "fc": "classifier",
}


def cost_by_part(stem, pixels, width):
    """GMAC and million parameters of each part, in the order of PARTS."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        network = resnet50(1000, stem=stem, width=width).eval()
        network(torch.empty(1, 3, pixels, pixels))
    counts = counter.get_flop_counts()
    macs = [sum(counts[f"ResNet.{part}"].values()) / 2e9 for part in PARTS]
    return macs, [count_parameters(getattr(network, part)) / 1e6 for part in PARTS]


# %%
def show_cost(stem="imagenet", pixels=224, width=64):
    """Draw both costs side by side, and print them."""
    macs, parameters = cost_by_part(stem, pixels, width)
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, values, unit, colour in [
        (left, macs, "GMAC", "#0072B2"),
        (right, parameters, "million parameters", "#E69F00"),
    ]:
        bars = axes.barh(list(PARTS.values()), values, color=colour)
        axes.bar_label(bars, [f"{value:.3f}" for value in values], padding=3)
        axes.set(xlabel=unit, xlim=(0, 1.25 * max(values)))
        axes.invert_yaxis()
        axes.spines[["top", "right"]].set_visible(False)
    names = list(PARTS.values())
    busiest, largest = (names[v.index(max(v))] for v in (macs, parameters))
    figure.suptitle(f"Most multiply-adds: {busiest}; most parameters: {largest}")
    both = zip(names, macs, parameters, strict=True)
    lines = [f"{name} {m:.3f} GMAC, {p:.3f} M" for name, m, p in both]
    total = f"{sum(macs):.3f} GMAC and {sum(parameters):.2f} M parameters"
    case = f"{stem} stem, {pixels} px, width {width}"
    show(figure, alt=f"{case}: {total}. {'; '.join(lines)}.")


show_cost()

# %% tags=["nbval-ignore-output"]
import ipywidgets as widgets

choices = {
    "stem": ["imagenet", "cifar", "stride2"],
    "pixels": [224, 128, 64, 32],
    "width": [64, 32, 16, 8],
}
controls = {
    name: widgets.SelectionSlider(options=options, description=name)
    for name, options in choices.items()
}
picture = widgets.interactive_output(show_cost, controls)
widgets.VBox([widgets.HBox(list(controls.values())), picture])

# %% [markdown]
# Try this: halve the width. Multiply-adds and parameters fall to about a quarter, since
# each convolution has half the inputs *and* outputs. Then halve the pixels at full
# width: multiply-adds fall to a quarter, parameters stay.
#
# ## 11. Break it: the stride on the wrong convolution
#
# The stride moves from the 3x3 to the first 1x1. That is the network the papers
# counted. The check of `bottleneck` tests, in this order: runs, shape, dtype and
# device, range, samples independent, silent branch, values, gradients, input not
# modified. Which is the first to fail?


# %%
def papers_block(x, shortcut, w1, w2, w3, norms, stride=1):
    y = F.relu(norms[0](F.conv2d(x, w1, stride=stride)))  # the stride moved here
    y = F.relu(norms[1](F.conv2d(y, w2, padding=1)))
    return F.relu(norms[2](F.conv2d(y, w3)) + shortcut)


predict("first property that fails", "...")

# %%
break_it("bottleneck", papers_block)
recall("first property that fails", "values")

# %% [markdown]
# Six properties hold; shapes, ranges, even the parameter count are right. What is lost
# shows in the gradient of an 8 x 8 map, with all weights at 1:


# %%
def pixels_seen(block):
    """How strongly each pixel of an 8 x 8 map reaches the branch, at stride 2."""
    x = torch.ones(1, 1, 8, 8, requires_grad=True)  # (N, Cin, H, W)
    ones = torch.ones(1, 1, 1, 1), torch.ones(1, 1, 3, 3), torch.ones(4, 1, 1, 1)
    block(x, torch.zeros(1, 4, 4, 4), *ones, [nn.Identity()] * 3, 2).sum().backward()
    return x.grad[0, 0] / 4  # (H, W): in how many 3x3 windows the pixel is


grids = {
    "stride in the 3x3": pixels_seen(bottleneck),
    "stride in the 1x1": pixels_seen(papers_block),
}

# %%
figure = Figure(figsize=(7.5, 3.9), layout="constrained")
used = {label: 100 * (grid > 0).float().mean().item() for label, grid in grids.items()}
for axes, (label, grid) in zip(figure.subplots(1, 2), grids.items(), strict=True):
    axes.imshow(grid, cmap="cividis", vmin=0, vmax=9)
    for row in range(8):
        for column in range(8):
            value = int(grid[row, column])
            colour = "black" if value > 5 else "white"
            axes.text(column, row, value, ha="center", va="center", color=colour)
    axes.set(xticks=[], yticks=[])
    axes.set_title(f"{label}: {used[label]:.0f} % of the pixels used", fontsize=10.5)
figure.suptitle("A strided 1x1 never looks at three pixels of four", fontsize=12)
words = "; ".join(f"{label} {share:.0f} %" for label, share in used.items())
show(figure, alt=f"Pixels of an 8 x 8 map that the branch uses: {words}.")

# %% [markdown]
# A last warning. Your weights fit the papers' network without any complaint:

# %%
papers = resnet50(1000, stride_in="1x1").eval()
print(papers.load_state_dict(mine.state_dict()))
with torch.no_grad():
    compare("papers' network against mine", papers(images), mine(images))
print(spread)

# %% [markdown]
# All keys match, and the outputs differ by more than the images do. Equal names and
# counts prove nothing about what a network computes. Equal outputs on real inputs are
# evidence.
#
# ## 12. Recap
#
# Answer each question before you unfold it.
#
# <details><summary>1. Why does a bottleneck begin with a 1x1 convolution?</summary>
#
# It reduces the channels to a quarter, so that the 3x3 costs less. For 256 channels
# the three together need 69,632 weights, one full 3x3 needs 589,824.
# </details>
# <details><summary>2. Which blocks need a projection?</summary>
#
# The first block of each stage. In stages 2 to 4 both map and channels change; in
# stage 1 only the channels do, from 64 to 256.
# </details>
# <details><summary>3. How many parameters do the shortcuts need?</summary>
#
# 2,776,576 of 25,557,032, or 10.9 %, all in four projections with their BatchNorms.
# </details>
# <details><summary>4. Why do papers print 3.86 GFLOPs, and code counts 4.09?</summary>
#
# The papers' count has the stride in the first 1x1 of a stage, so the 3x3 works on a
# smaller map. The released code has it in the 3x3. Both count multiply-adds.
# </details>
# <details><summary>5. Another network's weights load. What do you know?</summary>
#
# That names and shapes agree. Stride, order of layers and placement of ReLU may
# differ. Compare outputs.
# </details>
#
# **What this notebook does not show.** The gradients are those of random weights; nobody
# trained that stack. The experiment is one seed at your size, and three recorded seeds,
# on one data set. How a full ResNet50 without shortcuts would end after a long training
# stays open.
#
# **Paper against code.**
#
# - Stride: in the 1x1 in the papers' counts, in the 3x3 in torchvision.
# - Start of the last BatchNorm: 1 in torchvision by default and in He et al. (2015),
#   0 in our recipe (Goyal et al., 2017, arXiv 1706.02677).
# - The REU group's network of 2019 is a *pre-activation* ResNet50: BatchNorm and ReLU
#   come before each convolution. It differs from He et al. (2016, arXiv 1603.05027):
#   no BatchNorm after the stem, in the shortcuts, or before the pooling. The library
#   builds it with `preact=True`; it has 23,693,476 parameters with 100 classes.
#
# **An open problem.** Networks without BatchNorm, and some without shortcuts, can be
# trained from a careful start (Fixup: arXiv 1901.09321; Deep Kernel Shaping: arXiv
# 2110.01765). Is a shortcut more than a good start? Try it on section 1: find a
# `last_scale` above 0 that keeps all 17 norms within a factor of 2. Then try to find
# one without shortcuts. What do you conclude?
#
# **Next**: notebook 02 puts a gate on the branch, right before the sum:
# Squeeze-and-Excitation. Your log so far:

# %% tags=["nbval-ignore-output"]
from course_lib.exercises import progress

progress()
