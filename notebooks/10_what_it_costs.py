# %% [markdown]
# # 10 What it costs: why almost no arithmetic takes so long
#
# **The question: SE adds 0.26 % to the arithmetic of ResNet50 and 10 % to its training
# step. Where do the other 9.74 points come from?**
#
# About 85 minutes. You need notebook 02 (SE) and, for the names of the others, 04 to 06.
#
# Afterwards you can
#
# - count the arithmetic of a network, and the bytes that it moves;
# - time two programs so that the ratio survives a busy machine;
# - predict a module's price before you measure it, and say what the prediction misses.

# %% tags=["nbval-ignore-output"]
from course_lib.notebook import setup

setup("10")

# %% [markdown]
# ## 1. A quarter of a percent
#
# The SE paper reports +0.26 % FLOPs. It also reports 190 ms for a training step of
# ResNet50 and 209 ms with SE (256 images, eight Titan X, section 4).
#
# One block of ResNet50's first stage, with SE and without: four images, maps of
# 56 x 56, in the layout channels_last (section 7). The counter runs on the "meta" device,
# which knows shapes and no numbers.

# %%
import time

import torch
from torch import nn

from course_lib.attention import SqueezeExcitation
from course_lib.bench.blocks import block_step, block_work
from course_lib.bench.bytes_moved import counting
from course_lib.blocks import Bottleneck

MAP = (4, 256, 56, 56)  # N, C, H, W
VARIANTS = {"plain": None, "SE": SqueezeExcitation}
flops = {}
for name, attention in VARIANTS.items():
    with torch.device("meta"), counting() as count:
        Bottleneck(256, 64, attention=attention)(torch.empty(MAP))
    flops[name] = sum(operation.flops for operation in count.operations)
extra = flops["SE"] / flops["plain"] - 1
print(f"one block, forward: {flops['plain'] / 1e9:.3f} GFLOP, with SE {extra:+.4%}")

# %% [markdown]
# ### Predict
#
# How many times as long does this block's training step take with SE, on your machine?

# %%
from course_lib.notebook import break_it, predict, recall

predict("time of SE's block", "...")


# %% tags=["nbval-ignore-output"]
rough = {}
for name, attention in VARIANTS.items():
    step = block_step(MAP, attention)  # forward and backward
    step()
    started = time.process_time()
    step()
    rough[name] = time.process_time() - started
recall("time of SE's block", f"{rough['SE'] / rough['plain']:.2f}, roughly")

# %% [markdown]
# That is a bad stopwatch; section 5 builds a good one. The arithmetic grew by
# thousandths of a percent: it explains no ratio that you would notice.
#
# ## 2. Counting arithmetic
#
# The smallest example: one filter of 2 x 2 over an image of 3 x 3, with loops.

# %%
import math

from torch import Tensor

image: Tensor = torch.arange(9.0).view(3, 3)
weight = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
out, operations = torch.zeros(2, 2), 0
for i in range(2):
    for j in range(2):
        for a in range(2):
            for b in range(2):
                out[i, j] += weight[a, b] * image[i + a, j + b]
                operations += 2  # a product and an addition
right = nn.functional.conv2d(image[None, None], weight[None, None])
assert torch.equal(out, right[0, 0])
assert operations == 2 * math.prod(weight.shape) * math.prod(out.shape)
print(f"{operations} operations = 2 x {weight.numel()} weights x {out.numel()} numbers")

# %% [markdown]
# | formula | Python | meaning |
# |---|---|---|
# | F = 2 (C<sub>in</sub> / groups) k<sub>h</sub> k<sub>w</sub> &middot; N C<sub>out</sub> H' W' | `layer_flops(layer, x, y)` | operations of a convolution |
# | B = bytes read + bytes written | `plan_bytes(passes, numbers, keep, size)` | traffic of a plan |
# | I = F / numbers moved | `intensity` | operations for each number moved |
# | t &ge; max(F / peak, B / bandwidth) | `draw_roofs` | the roofline |
# | t<sub>step</sub> / t<sub>base</sub> | `time_ratio(step, base, ...)` | what you measure |
#
# Sections 3 to 6 explain the last four rows.
#
# A **MAC** is a multiply-add; a **FLOP** is one operation, so a MAC is two. The papers
# of SE, BAM and CBAM write "GFLOPs" and print MACs: 3.86 for ResNet50 (notebook 01).
#
# ### Exercise 1: the arithmetic of a layer
#
# **Goal**: `layer_flops(layer, x, y)` -> int, for a convolution or linear layer with
# input x and output y. Difficulty 1 of 3, 8 minutes, about 7 lines. It matters because
# counts disagree silently, by two (MAC or FLOP) and by three (forward or whole training
# step: backward computes two gradients).
#
# <details><summary>Hint 1: a question</summary>
#
# How many products go into one number of the output, and how many such numbers are
# there?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# convolution: in_channels / groups x kernel height x kernel width products; linear
# layer: in_features; y.numel() numbers.
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# isinstance, layer.groups, math.prod(layer.kernel_size), layer.in_features, y.numel(),
# //.
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# if isinstance(layer, nn.Conv2d):
#     inputs = layer.in_channels // ____ * math.prod(____)
# elif isinstance(layer, nn.Linear):
#     inputs = ____
# else:
#     return ____
# return ____ * inputs * ____
# ```
# </details>


# %% exercise="layer_flops"
def layer_flops(layer: nn.Module, x: Tensor, y: Tensor) -> int:
    """Floating-point operations of one layer, forward; a multiply-add counts as two.

    layer: nn.Conv2d or nn.Linear. As in PyTorch's counter, a bias counts nothing, and
    every other layer 0. x: its input; y: its output. Only their shapes are looked at.
    """
    raise NotImplementedError("layer_flops")


# %%
from course_lib.exercises import check

layer_flops = check("layer_flops", layer_flops)

# %% [markdown]
# As a hook on every layer of ResNet50, against PyTorch's own counter:

# %%
from course_lib.cost import count_macs
from course_lib.resnet import resnet50

with torch.device("meta"):
    network, image = resnet50(1000, "se").eval(), torch.empty(1, 3, 224, 224)
theirs, counted = 2 * count_macs(network, 224), []  # torch.utils.flop_counter
for layer in network.modules():
    layer.register_forward_hook(
        lambda layer, inputs, y: counted.append(layer_flops(layer, inputs[0], y))
    )
network(image)
hooks = sum(counted)
print(f"hooks {hooks:,}, PyTorch {theirs:,}: {theirs - hooks:,} missed")

# %%
inside = [
    part
    for module in network.modules()
    for part in module.children()
    if isinstance(module, SqueezeExcitation)
]
inputs = [torch.empty(1, part.in_features, device="meta") for part in inside]
se = sum(layer_flops(part, x, part(x)) for part, x in zip(inside, inputs, strict=True))
print(f"the {len(inside)} linear layers of SE: {se:,}")
print(
    f"SE adds {se / hooks:+.2%}; by the paper's rounded 3.87 and 3.86: {3.87 / 3.86 - 1:+.2%}"
)

# %% [markdown]
# **What you saw.** The hooks missed exactly SE: its forward calls functions with the
# layers' weights, and a hook sees only layers that are called. With SE's layers the two
# agree to the last digit. SE adds even less than the paper says: 0.26 % is what its
# rounded 3.86 and 3.87 GFLOPs (table 2) give.
#
# Nobody counted SE's pooling and scaling, BatchNorm or ReLU. They are cheap in arithmetic.
#
# ## 3. Counting bytes
#
# A processor computes on numbers that lie in registers. The block's map has 3.2 million,
# 12.8 MB: too many for registers and for a core's own cache. So each operation **reads its maps from memory and writes its
# result back**. Call that a pass.
#
# ### Predict
#
# SE's forward on a map z: average each channel, make the gate, multiply. How many maps
# does it read or write? A vector of one number a channel counts as nothing.

# %%
predict("maps that SE's forward moves", "...")

# %% [markdown]
# ### Exercise 2: the traffic of a plan
#
# Write an operation as (names it reads, name it makes). A pass runs one or several of
# them together, number by number. What one of them makes, the next has at hand. With
# `RELU = (("x",), "y")`, the plan `[[RELU]]` reads x and writes y: two maps. Two
# passes, `[[A], [B]]`, move what lies between them twice; `[[A, B]]` never.
#
# **Goal**: `plan_bytes(passes, numbers, keep, size)` -> bytes read and written by all
# passes. Difficulty 2 of 3, 12 minutes, about 8 lines. It matters because this number,
# not the FLOPs, tells what a compiler or a hand-written kernel can save.
#
# <details><summary>Hint 1: a question</summary>
#
# Stand between the memory and one pass: what goes in, what comes out?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# names made in the pass; names it reads and does not make; names needed later or kept:
# three sets.
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# enumerate(passes), set comprehensions, passes[place + 1 :], -, &, |, numbers[name].
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# total = 0
# for place, operations in enumerate(passes):
#     made = {name for _, name in operations}
#     read = {name for inputs, _ in operations for name in inputs} - ____
#     after = [inputs for later in passes[____ :] for inputs, _ in later]
#     needed = {name for inputs in after for name in inputs} | ____
#     for name in [*read, *(made & ____)]:
#         total += ____
# return ____ * total
# ```
# </details>

# %%
from collections.abc import Callable, Mapping, Sequence, Set

from course_lib.bench.plans import Pass


# %% exercise="plan_bytes"
def plan_bytes(
    passes: Sequence[Pass], numbers: Mapping[str, int], keep: Set[str], size: int = 4
) -> int:
    """Bytes that all passes together read from memory and write to it.

    passes: in the order they run; each name is made at most once. numbers: how many
    numbers a name holds; keep: names that are needed afterwards; size: bytes of a
    number. A pass reads a name once, and writes only what is needed after it.
    """
    raise NotImplementedError("plan_bytes")


# %%
plan_bytes = check("plan_bytes", plan_bytes)

# %% [markdown]
# Now SE, forward and backward, one operation a pass, as PyTorch runs it. p is the
# pooled vector, s the gate, u = s z; du and dz are gradients.

# %%
N, C, H, W = MAP
maps = dict.fromkeys(
    ["z", "u", "v", "x", "y", "out", "t", "du", "d1", "d2", "dz"], math.prod(MAP)
)
numbers = (
    maps | dict.fromkeys(["p", "s", "ds", "dp", "sums"], N * C) | {"w": 2 * C * C // 16}
)


def maps_moved(*passes, keep):
    """Traffic in units of one map."""
    return plan_bytes(passes, numbers, set(keep.split())) / (4 * maps["z"])


POOL, GATE, SCALE = (("z",), "p"), (("p", "w"), "s"), (("z", "s"), "u")
forward = maps_moved([POOL], [GATE], [SCALE], keep="u")
backward = maps_moved(
    [(("du", "s"), "d1")],  # the gradient of z through the product
    [(("du", "z"), "t")],  # the gradient of s, before its sum
    [(("t",), "ds")],
    [(("ds", "w"), "dp")],
    [(("dp",), "d2")],  # the gradient of z through the average
    [(("d1", "d2"), "dz")],
    keep="dz",
)
recall("maps that SE's forward moves", f"{forward:.1f}")
print(f"backward {backward:.1f}, training step {forward + backward:.1f} maps")

# %% [markdown]
# **Thirteen maps moved** (in nine passes, two of them over vectors only). Forward: the
# average reads z, the product reads z and writes u: three. Backward, line by line:
# 2 + 3 + 1 + 0 + 1 + 3 = 10. Now whole training steps of ResNet50, as PyTorch runs them:

# %%
import pandas as pd

from course_lib.bench.bytes_moved import count_step

rows = {}
for name in ("plain", "se", "bam", "cbam", "spatial"):
    with torch.device("meta"):
        network = resnet50(1000, name)
    step = count_step(network, batch=4, image_size=128)
    gb = {way: sum(o.bytes[way] for o in step) / 1e9 for way in ("eager", "fused")}
    rows[name] = {"GFLOP": sum(o.flops for o in step) / 1e9} | gb | {"calls": len(step)}
counts = pd.DataFrame(rows).T
print(counts.round(2).astype({"calls": int}).to_string())
print((counts / counts.loc["plain"]).add_prefix("x ").round(3).to_string())

# %% [markdown]
# One training step of four images of 128 pixels, in GB. **SE adds 0.2 % arithmetic and
# a quarter of the bytes; CBAM adds two thirds.** "Fused" is what a compiler might reach,
# if element-wise operations ride on the pass before them. SE's share falls by half.
#
# ## 4. The roofline
#
# A machine has two ceilings: operations a second, and bytes a second. No operation is
# faster than either allows (Williams, Waterman and Patterson, *Roofline*, 2009).
# Measure yours: one large matrix product, one large copy.

# %% tags=["nbval-ignore-output"]
from course_lib.bench.roofline import measure_ceilings

mine = measure_ceilings(torch.device("cpu"), "fp32")
print(f"this machine, one thread: {mine.gflop_s:.0f} GFLOP/s, {mine.gb_s:.1f} GB/s")
print(f"ridge: {4 * mine.gflop_s / mine.gb_s:.0f} operations for each number moved")

# %% [markdown]
# Where both ceilings allow the same is the **ridge**. Whatever does fewer operations for
# each number waits for memory. Four machines: the CPU of the course's benchmark, and V100
# SXM2 and A100 80 GB SXM by NVIDIA's data sheets (16 bit: dense tensor cores).

# %%
import json
from pathlib import Path

import course_lib
from course_lib.bench.published import PEAKS, ridge

results = Path(course_lib.__file__).parents[1] / "data" / "results"
bench = json.loads((results / "bench-cpu" / "bench.json").read_text(encoding="utf-8"))
cpu = bench["machine"]["gflop_s"], bench["machine"]["gb_s"], 4  # bytes of a number
machines = {"the CPU": cpu} | PEAKS
for name, peak in machines.items():
    print(f"{name:<13} ridge at {ridge(peak):4.0f} operations a number")

# %% [markdown]
# Now one bottleneck with SE, forward, 64 images, in eight parts: operations over numbers
# read and written. The 3x3 works on a quarter of the channels. Left out: the gate's two
# linear layers, 65,536 operations for section 1's four images.
#
# ### Predict
#
# How many of the eight wait for memory on the CPU, and how many on an A100?

# %%
predict("parts that wait for memory", "...")

# %%
from course_lib.bench.cost_figures import draw_roofs, se_share

work = block_work(channels=256, side=56, batch=64, count=layer_flops)
intensity = {name: f / moved for name, (f, moved) in work.items()}
print({name: round(value, 1) for name, value in intensity.items()})
waiting = [
    f"{sum(value < ridge(machines[name]) for value in intensity.values())} on {name}"
    for name in ("the CPU", "A100, 16 bit")
]
recall("parts that wait for memory", "; ".join(waiting))
draw_roofs(intensity, machines)

# %% [markdown]
# Each roof is a share of its machine's own peak: lower means more of the peak unused, not
# slower. Everything SE adds lies far left, under every ridge; on an A100 even the 1x1
# convolutions wait for memory. So **the further right the ridge, the larger SE's share**,
# until everything waits for memory. Now the same as time.

# %%
from course_lib.bench.cost_figures import draw_block


def draw(channels, side, machine):
    """Least times on one of the machines."""
    draw_block(channels, side, machine, machines[machine])


draw(256, 56, "A100, 16 bit")

# %% [markdown]
# The same with controls. At how many channels does the 3x3 stop waiting for memory (blue
# bar) on the A100? Where does SE matter least?
#
# <details><summary>Answers</summary>
#
# Between 64 and 256: the 3x3 does 144 operations a number at 64 channels, 575 at 256; the
# ridge is 306. SE matters least on the CPU at 2048 channels: 1.3 %.
# </details>

# %% tags=["nbval-ignore-output"]
from ipywidgets import SelectionSlider, ToggleButtons, interact

controls = interact(
    draw,
    channels=SelectionSlider(options=[64, 256, 512, 1024, 2048], value=256),
    side=SelectionSlider(options=[7, 14, 28, 56], value=56, description="map side"),
    machine=ToggleButtons(options=list(machines), value="A100, 16 bit"),
)

# %% [markdown]
# ## 5. An honest stopwatch
#
# Timing goes wrong in silence. Here is a stand-in for a GPU: asked for a step, it answers within 1 ms, and works on for
# 200 ms. Its first step takes 50 s, as if it compiled.


# %%
class StandIn:
    """A device that works on its own, with a clock."""

    def __init__(self):
        self.now, self.done_at, self.steps = 0.0, 0.0, 0

    def step(self):
        work = 0.2 if self.steps else 50.0
        self.done_at = max(self.now, self.done_at) + work
        self.now += 0.001
        self.steps += 1

    def wait(self):
        self.now = max(self.now, self.done_at)

    def clock(self):
        return self.now


device = StandIn()
started = device.clock()
for _ in range(10):
    device.step()
print(f"ten steps in {device.clock() - started:.3f} s, says a naive stopwatch")
device.wait()
print(f"ten steps in {device.clock() - started:.1f} s, says one that waits")

# %% [markdown]
# The truth is ten times 0.2 s. The first number is 200 times too small, the second 26
# times too large. On a GPU the wait is `torch.cuda.synchronize()`.
#
# ### Exercise 3: the stopwatch
#
# **Goal**: `seconds_of(step, clock, wait, steps)` -> seconds a step. Clock and wait are
# arguments, so that it can be tested. Difficulty 1 of 3, 6 minutes,
# about 7 lines.
#
# <details><summary>Hint 1: a question</summary>
#
# What is the device doing at the moment when you read the clock?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# step, clock and wait are functions; the result is one number.
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# step(), wait(), clock(), for _ in range(steps).
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# step()
# ____
# started = clock()
# for _ in range(____):
#     step()
# ____
# return (____ - started) / ____
# ```
# </details>


# %% exercise="seconds_of"
def seconds_of(
    step: Callable[[], object],
    clock: Callable[[], float],
    wait: Callable[[], object],
    steps: int = 1,
) -> float:
    """Seconds a step, over `steps` steps after one that is not counted.

    step: asks the device for one step, and may return before it is done; clock: the
    time in seconds; wait: returns once the device has done all it was asked for.
    """
    raise NotImplementedError("seconds_of")


# %%
seconds_of = check("seconds_of", seconds_of)

# %%
import numpy as np

device = StandIn()
print(f"{seconds_of(device.step, device.clock, device.wait, steps=10):.3f} s a step")
base = np.array([2.0, 3.0, 4.0, 1.0, 2.0])  # seconds of one program in five rounds
step = 1.1 * base + [0, 0, 0, 3, 0]  # of a slower one, interrupted in round 4
means, medians = step.mean() / base.mean(), np.median(step) / np.median(base)
print(f"means {means:.2f}, medians {medians:.2f}, minima {step.min() / base.min():.2f}")
print(f"median of the rounds' ratios {np.median(step / base):.2f}")

# %% [markdown]
# **What you saw.** You want **two** programs compared, on a machine that is never equally
# fast for long. In those five rounds the true ratio is 1.1.
#
# ### Exercise 4: two cases side by side
#
# **Goal**: `time_ratio(step, base, rounds, clock, wait)` -> lower quartile, median and
# upper quartile of the rounds' ratios. Each round times both, and the other one first
# than the round before. Difficulty 2 of 3, 10 minutes, about 9 lines.
#
# <details><summary>Hint 1: a question</summary>
#
# The machine is busy for a minute. Which number of that minute can you still trust?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# one ratio a round -> ratios (rounds,) -> three numbers.
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# seconds_of(case, clock, wait), number % 2, np.quantile(ratios, (0.25, 0.5, 0.75)).
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# ratios = []
# for number in range(rounds):
#     seconds = {}
#     order = ("base", "step") if ____ else ("step", "base")
#     for name in order:
#         case = step if name == "step" else base
#         seconds[name] = seconds_of(____)
#     ratios.append(seconds["step"] / ____)
# low, median, high = np.quantile(____, (0.25, 0.5, 0.75))
# return low, median, high
# ```
# </details>


# %% exercise="time_ratio"
def time_ratio(
    step: Callable[[], object],
    base: Callable[[], object],
    rounds: int,
    clock: Callable[[], float],
    wait: Callable[[], object],
) -> tuple[float, float, float]:
    """How many times as long as `base` does `step` take? Quartiles over rounds.

    Each round times both, and the other one first than the round before; its result is
    one ratio. step, base, clock, wait: as for `seconds_of`.
    -> (lower quartile, median, upper quartile) of the rounds' ratios.
    """
    raise NotImplementedError("time_ratio")


# %%
time_ratio = check("time_ratio", time_ratio)

# %% [markdown]
# First measure the stopwatch itself: a block against **a copy of itself**. Whatever
# differs from 1.00 is its error. The clock is the processor's time for this process,
# which stands still while other programs have the core. But they still share its caches
# and its memory.


# %% tags=["nbval-ignore-output"]
def return_at_once():
    """The wait of a CPU, whose steps return when they are done."""


plain, twin, with_se = (block_step(MAP, a) for a in (None, None, SqueezeExcitation))
for name, case in {"its copy": twin, "SE": with_se}.items():
    low, median, high = time_ratio(case, plain, 9, time.process_time, return_at_once)
    print(f"{name:<9}{median:.2f} x plain (quartiles {low:.2f} to {high:.2f})")

# %% [markdown]
# Compare with your guess of section 1 and with the rough number there. If SE's quartiles
# keep clear of the copy's, you have measured a difference.
#
# If the copy's quartiles leave out 1.00, the stopwatch is **biased** here: where the maps
# lie in memory, or a neighbour that shares the cache. Processor time does not cancel that,
# and more rounds will not help. Make the blocks anew, and read no difference smaller than
# the copy's.
#
# ## 6. Prediction, then measurement
#
# The roofline of a step is the sum over its operations of max(F / peak, B / bandwidth).
# Divide by plain's: a prediction of the ratio, made of counts and two ceilings. Write
# it down before anything is timed. Some seconds at `ci`, some minutes at `laptop` and
# `gpu` (estimated).

# %% tags=["nbval-ignore-output"]
from course_lib.bench.cases import Case, Settings, meta_network
from course_lib.bench.roofline import floor_ms
from course_lib.planning import choose_device
from course_lib.profiles import choose_profile

NAMES = ["plain", "se", "bam", "cbam", "spatial"]
SIZES = {  # stem, width, pixels, images
    "ci": ("stride2", 16, 32, 32),
    "laptop": ("imagenet", 64, 96, 4),
    "gpu": ("imagenet", 64, 224, 64),
}
profile, where = choose_profile().name, choose_device("auto")
size, rounds = SIZES[profile], 3 if profile == "ci" else 9
settings = Settings(
    NAMES, ["eager"], ["train"], *size, "fp32", True, steps=1, device=where.type
)
ceilings = mine if where.type == "cpu" else measure_ceilings(where, "fp32")
floor = {}
for name in NAMES:
    operations = count_step(
        meta_network(name, settings), settings.batch, settings.image_size
    )
    floor[name] = floor_ms(operations, ceilings, "eager", "fp32")
predicted = {name: floor[name] / floor["plain"] for name in NAMES[1:]}
print("predicted:", {name: round(ratio, 2) for name, ratio in predicted.items()})

# %% tags=["nbval-ignore-output"]
from course_lib.bench.timing import wait_for

steps = {}
for name in NAMES:
    case = Case(name, "eager", settings)
    case.network.train()  # in eval mode, BatchNorm skips its statistics
    steps[name] = case.train_step
clock = time.process_time if where.type == "cpu" else time.perf_counter
for name in NAMES[1:]:
    low, median, high = time_ratio(
        steps[name], steps["plain"], rounds, clock, lambda: wait_for(where)
    )
    print(f"{name:<8} {predicted[name]:.2f} predicted, {median:.2f} measured", end=" ")
    print(f"({low:.2f} to {high:.2f})")

# %% [markdown]
# Your numbers are your machine's. One score holds still, the recorded benchmark's: the real ResNet50, 25 rounds, with counts and ceilings of its own.
#
# ### Predict
#
# Of SE's **measured** extra time there, which share did the roofline predict? And which
# share the arithmetic?

# %%
predict("share of SE's extra time predicted", "...")

# %%
from course_lib.bench.cost_figures import draw_score
from course_lib.bench.recorded import read_benches

benches = read_benches(results)
measured = benches[benches["folder"] == "bench-cpu"].set_index("network").loc[NAMES]
facts = pd.DataFrame(bench["networks"]).T.loc[NAMES]
score = (
    pd.DataFrame(
        {
            "arithmetic": facts["train_gflop"] / facts["train_gflop"]["plain"],
            "roofline": facts["train_eager_ms"] / facts["train_eager_ms"]["plain"],
            "measured": measured["ratio"],
            "low": measured["ratio_low"],
            "high": measured["ratio_high"],
        }
    )
    .drop("plain")
    .astype(float)
)
score["share"] = (score["roofline"] - 1) / (score["measured"] - 1)
flop_share = (score["arithmetic"] - 1) / (score["measured"] - 1)
print(score.assign(flop_share=flop_share).round(3).to_string())
answer = f"roofline {score['share']['se']:.0%}, arithmetic {flop_share['se']:.0%}"
recall("share of SE's extra time predicted", answer)
draw_score(score)

# %% [markdown]
# **The score, plainly.** All four prices are too low in the median; clear of the
# quartiles, only CBAM's and the spatial module's. CBAM is the dearest and BAM the cheapest,
# as predicted. Arithmetic alone foresees 2 % of SE's price. The quartiles are wide, as
# the machine was busy. What a roofline leaves out:
#
# - *Each call has a price of its own*: launching it, allocating its result. Section 3
#   counted the calls: 74 % more with SE.
# - *Not every pass runs at the speed of a copy*. Sums over a map, a maximum over
#   channels, a sigmoid and strided reads are slower.
# - *Caches*: a small map never reaches memory, a large one pushes out the neighbour's.
#
# So it is a bound from below, and says where to look: at the passes.
#
# ## 7. Layout, precision, compiler
#
# Three switches change bytes or peak. **channels_last** stores all channels of a
# position side by side. **bf16** halves the bytes; a CPU without instructions for it
# computes far more slowly. On the block with one image, here and now:

# %% tags=["nbval-ignore-output"]
ONE = (1, *MAP[1:])  # one image
base, nchw = block_step(ONE), block_step(ONE, layout=torch.contiguous_format)
for name, case in {"NCHW": nchw, "bf16": block_step(ONE, bf16=True)}.items():
    low, median, high = time_ratio(case, base, 3, time.process_time, return_at_once)
    print(f"{name:<6}{median:.2f} x channels_last fp32 ({low:.2f} to {high:.2f})")

# %% [markdown]
# **torch.compile** puts operations into shared passes: the column "fused" of section 3.
# `course bench --mode both` runs it. What is recorded, and what is not:

# %%
from course_lib.bench.recorded import not_recorded, ratios_by_switch

print(ratios_by_switch(benches, NAMES[1:]).round(2).to_string())
for device in ("cpu", "cuda"):
    absent = not_recorded(benches, device)
    print(
        f"{device}: {len(absent)} of 8 settings not recorded:",
        "; ".join(absent) or "none",
    )

# %% [markdown]
# A ratio is to plain **in the same mode**. This CPU has no bf16 instructions: plain takes
# fourteen times as long, and SE's price is gone. Slow arithmetic hides the passes.
# Compiled, CBAM's extra falls from 0.28 to 0.17; SE's quartiles (0.94 to 1.04) say too
# little. Never time the compilation.
#
# ## 8. On GPUs, as published
#
# A GPU run of ours, once there is one, appears in the table above. Here are published
# times, as ratios: with the module over without.

# %%
from course_lib.bench.cost_figures import draw_published
from course_lib.bench.published import published_ratios

published = published_ratios()
draw_published(published)
nvidia = published[published["source"].str.startswith("NVIDIA")]
for hardware, ratio in zip(nvidia["hardware"], nvidia["ratio"], strict=True):
    machine = hardware.removesuffix(", training")
    block = 1 + se_share(256, 56, machines[machine])
    print(f"{machine:<13} SE {ratio:.2f} x plain, section 4's block {block:.3f}")

# %% [markdown]
# CBAM's rows lie above every row of SE, as its bytes do in section 3. timm's rows: resnet50
# and seresnet50 in `results/benchmark-train-amp-*-pt112-cu113-rtx3090.csv`.
#
# The three lines are one network, ResNeXt101-32x4d with SE and without (NVIDIA
# DeepLearningExamples, release 21.03). **The order is the roofline's.** The step from V100
# fp16 to A100 is not: in section 4's block SE costs 21.4 % and 21.5 % there, and 33 % and
# 42 % were published.
#
# ## 9. SE for free
#
# SE comes after a BatchNorm, z = a y + d:
#
# 1. The average of z is a times the average of y, plus d. BatchNorm reads y for its
#    statistics anyway. Keep them for each image, and they are SE's squeeze.
# 2. s z + x = (s a) y + (s d) + x: the pass that adds the shortcut makes the product,
#    with other vectors.
#
# In ten lines, in float64:

# %%
from torch.nn import functional as F

from course_lib.attention.squeeze_excitation import se_gate

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
y, x = torch.randn(4, 8, 6, 5), torch.randn(4, 8, 6, 5)  # (N, C, H, W)
norm = nn.BatchNorm2d(8)
norm.weight.data, norm.bias.data = torch.randn(8), torch.randn(8)
gate = torch.randn(2, 8), torch.randn(8, 2), torch.randn(2), torch.randn(8)
inputs = [v.requires_grad_() for v in (y, x, norm.weight, norm.bias, *gate)]
torch.set_default_dtype(torch.float32)
z = norm(y)
wanted = F.relu(z * se_gate(z, *gate) + x)

# %%
image_mean = y.mean((2, 3))  # (N, C)
image_variance = y.var((2, 3), correction=0)
mean = image_mean.mean(0)  # (C,): of the batch
variance = image_variance.mean(0) + image_mean.var(0, correction=0)
a = norm.weight / (variance + norm.eps).sqrt()
d = norm.bias - a * mean
p = a * image_mean + d  # (N, C): the squeeze of z, and z was never made
s = se_gate(p[:, :, None, None], *gate)[:, :, 0, 0]
scale, shift = ((s * v)[:, :, None, None] for v in (a, d))
out = F.relu(scale * y + shift + x)
print("equal within 1e-12:", bool((out - wanted).abs().max() < 1e-12))

# %% [markdown]
# Backward needs the sums of g and of g y over each map, where g is the gradient behind
# the ReLU. BatchNorm's backward makes such sums as well. `course_lib/fused/channel.py`
# is that operation, gradients written by hand. Against autograd, and then the maps that
# the forward of each plan moves:

# %%
from course_lib.fused import bn_se_add_relu

upstream = torch.randn_like(wanted)
fused, *_ = bn_se_add_relu(*inputs[:4], gate, norm.eps)
autograd = torch.autograd.grad(wanted, inputs, upstream)
by_hand = torch.autograd.grad(fused, inputs, upstream)
apart = max((m - g).abs().max() for m, g in zip(by_hand, autograd, strict=True))
print(f"{len(inputs)} gradients, equal within 1e-11:", bool(apart < 1e-11))

# %%
SUMS, NORM = (("y",), "sums"), (("y", "sums"), "z")
ADD, RELU = (("u", "x"), "v"), (("v",), "out")
FROM_SUMS, AT_ONCE = (("sums",), "p"), (("y", "x", "s", "sums"), "out")
plans = {
    "eager": [[SUMS], [NORM], [POOL], [GATE], [SCALE], [ADD], [RELU]],
    "the same in eval mode": [[NORM], [POOL], [GATE], [SCALE], [ADD], [RELU]],
    "last three fused": [[SUMS], [NORM], [POOL], [GATE], [SCALE, ADD, RELU]],
    "pooling fused too": [[SUMS], [NORM, POOL], [GATE], [SCALE, ADD, RELU]],
    "by algebra": [[SUMS], [FROM_SUMS], [GATE], [AT_ONCE]],
    "no SE, fused": [[SUMS], [(("y", "x", "sums"), "out")]],
}
for name, passes in plans.items():
    print(f"{name:<22}{maps_moved(*passes, keep='out'):5.1f} maps")

# %% [markdown]
# **What you saw.** By algebra, SE needs no pass of its own: as many maps as no SE at all.
# A compiler does not know that an average commutes with a BatchNorm. Backward likewise:
# of the ten maps that section 3's backward moves, none is left (`ChannelTail.backward`).
#
# The second line is a trap. In `eval` mode a BatchNorm skips its statistics: **time a
# training step in training mode.**
#
# **What was not measured.** The GPU kernels for this (`triton_passes.py`) have run in
# Triton's interpreter only. Nobody has timed them: zero extra passes are a count, not a
# time. And it needs the BatchNorm: in a pre-activation block some passes remain.
#
# ## 10. Break it
#
# Someone writes `seconds_of` for a GPU and forgets the last wait. **What number will this
# stopwatch show** on section 5's stand-in, for a step of 200 ms?

# %%
predict("forgotten wait", "...")


# %%
def no_wait(step, clock, wait, steps=1):
    """seconds_of without the wait at the end."""
    step()
    wait()
    started = clock()
    for _ in range(steps):
        step()
    return (clock() - started) / steps


device = StandIn()
shown = no_wait(device.step, device.clock, device.wait)
recall("forgotten wait", f"{1000 * shown:.0f} ms")
break_it("seconds_of", no_wait)

# %% [markdown]
# On a CPU this stopwatch is right. On a GPU it measures Python. A test with a made-up
# device finds it on any machine.
#
# ## 11. Recap
#
# <details><summary>1. A table says 4.1 GFLOPs for ResNet50, a tool says 8.2. Who is
# right?</summary>
#
# Both: 4.1 billion multiply-adds are 8.2 billion operations. Ask what is counted. The
# papers' 3.86 has the stride elsewhere (notebook 01).
# </details>
# <details><summary>2. So where do the other 9.74 points come from?</summary>
#
# SE moves 13 times a block's output through memory, at best at the speed of a copy. On our
# CPU, of SE's +11.5 % the arithmetic explains 2 %, the whole roofline 53 %. The rest we put
# down to launches and passes slower than a copy. For the paper's Titan X nobody has
# measured it.
# </details>
# <details><summary>3. Why can a faster GPU make SE dearer, relative to plain?</summary>
#
# Where arithmetic has grown faster than bandwidth, the ridge lies further right, and the
# passes under it become a larger share, until everything waits for memory.
# </details>
# <details><summary>4. Why one ratio a round, and then the median?</summary>
#
# What slows a round slows both cases and cancels. The median forgets single bad rounds.
# </details>
# <details><summary>5. Compiled SE takes 0.95 of plain's time. What do you ask?</summary>
#
# Whether plain was compiled too, in the same run.
# </details>
#
# ### Not shown here
#
# A GPU's time of our own; memory in use, which also grows (`course bench` lists it); what
# accuracy the time buys.
#
# **Paper against code.** The SE authors' Caffe code scales and adds in one layer ("Axpy").
# It gives no figure.
#
# **An open problem.** In a pre-activation block, fuse the squeeze into the convolution.
#
# **Next**: notebook 11 trains one network on many processes.
