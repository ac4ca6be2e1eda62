# %% [markdown]
# # 11 Scaling out: one network, many processes
#
# **The question: do two processes train the same network as one, and how many bytes
# does it take to keep them equal?**
#
# About 75 minutes. You need notebook 01 (the network), notebook 04 (BAM and its
# BatchNorm) and notebook 07 (the recipe, resuming).
#
# Afterwards you can
#
# - share a batch out to several processes, so that no image is lost or counted twice;
# - say when their gradients equal those of one big batch, and when not;
# - start the same training on one process, one machine or many, and foresee its speed.

# %% tags=["nbval-ignore-output"]
from course_lib.notebook import setup

setup("11")

# %% [markdown]
# ## 1. One batch, cut in two
#
# ResNet50 on ImageNet with its 1.28 million training images is more than a laptop can
# do. So several GPUs share each batch. Every one holds a copy of the network, takes a
# part of the images, and computes gradients. Then all exchange their gradients and take
# the same step.
#
# Begin without a GPU and without processes. Here are 13 images and a small network.
# Their brightness rises from the first to the last. One part gets the first 12 images,
# the other the last one, so the parts differ. First the gradient of all 13, then the
# mean of the two parts' gradients.

# %%
import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.two_processes import gradients, make_batch, make_network

x, y = make_batch()  # x (13, 3, 8, 8), y (13,)


def gradient_of(part, network=None):
    """Gradient of the mean loss of some images: all parameters in a row."""
    network = network or make_network()
    F.cross_entropy(network(x[part]), y[part]).backward()
    return gradients(network)  # (260,)


whole = gradient_of(slice(None))
print(f"{len(x)} images, a gradient of {len(whole)} numbers")

# %% [markdown]
# ### Predict
#
# Is the mean of the two parts' gradients the gradient of the whole batch? Write "equal",
# or by how many percent of its length it is off.

# %%
from course_lib.notebook import predict

predict("12 images and 1", "...")

# %%
from course_lib.notebook import recall


def off(found):
    """Length of the error in percent of the true gradient's length."""
    return 100 * (found - whole).norm() / whole.norm()


parts = slice(0, 12), slice(12, 13)
naive = torch.stack([gradient_of(part) for part in parts]).mean(dim=0)
recall("12 images and 1", f"off by {off(naive):.0f} %")

# %% [markdown]
# The last image weighs as much as the other twelve together. Nothing crashes, and no
# message tells you. This notebook builds the exchange from three
# small pieces, and each piece has a mistake of that kind.
#
# | formula | Python | shape | meaning |
# |---|---|---|---|
# | K | `ranks` | | number of processes; each has a `rank` from 0 to K - 1 |
# | S<sub>r</sub> | `shard_indices(count, rank, ranks, seed, epoch)` | (about N / K,) | images that process r takes |
# | &#8467;<sub>r</sub> = (K / N) &Sigma;<sub>i in part r</sub> loss<sub>i</sub> | `rank_loss(losses, total, ranks)` | () | what process r calls `backward()` on |
# | g = (1 / K) &Sigma;<sub>r</sub> g<sub>r</sub> | `average_gradients(gradients)` | as the parameters | what all hold after the exchange |
#
# N is the number of images in all processes together, g<sub>r</sub> the gradient of
# process r. PyTorch calls the number of processes the *world size*.
#
# ## 2. Who takes which image?
#
# The processes do not talk about it. Each one draws **the same shuffled order** from
# the same seed, and takes its places of it. Deal it out like cards, with a loop first:
# seven images, three processes.

# %%
order = torch.randperm(7, generator=torch.Generator().manual_seed(0 + 4)).tolist()
hands = [[], [], []]  # seed 0, epoch 4
for place, image in enumerate(order):
    hands[place % 3].append(image)
print(order, "->", hands)

# %% [markdown]
# ### Exercise 1: the sampler
#
# **Goal**: the hand of one process, without building the others'.
# `shard_indices(count, rank, ranks, seed, epoch)` -> int64. Seed a generator with
# `seed + epoch`, as PyTorch's sampler does. Difficulty 1 of 3, 7 minutes, about 3 lines.
# It matters because a wrong shard trains without complaint: on half of the images, on
# some of them twice, or in the same order for ever.
#
# <details><summary>Hint 1: a question</summary>
#
# How can processes that do not talk agree on who takes which image?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# order: (count,), the same in every process; the shard: each ranks-th of it.
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# torch.Generator().manual_seed(n), torch.randperm(count, generator=...), a slice
# [start::step].
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# generator = torch.Generator().manual_seed(____ + ____)
# order = torch.randperm(count, generator=____)
# return order[____::____]
# ```
# </details>


# %% exercise="shard_indices"
def shard_indices(count: int, rank: int, ranks: int, seed: int, epoch: int) -> Tensor:
    """Numbers of the images that process `rank` of `ranks` takes in one epoch: int64.

    All processes draw one and the same order of 0 .. count - 1 with torch.randperm,
    from a generator seeded with seed + epoch. Process r takes the places r, r + ranks,
    r + 2 ranks, ... of it: no image is left out and none is taken twice.
    """
    raise NotImplementedError("shard_indices")


# %%
from course_lib.exercises import check

shard_indices = check("shard_indices", shard_indices)

# %%
for rank in range(3):
    assert shard_indices(7, rank, 3, seed=0, epoch=4).tolist() == hands[rank]
print("the three hands, dealt at once")

# %% [markdown]
# **What you saw.** The loop and the slice agree. PyTorch has this sampler too. Compare
# with it, once where 12 images divide by 3, and once where 10 do not divide by 4.

# %%
from torch.utils.data import DistributedSampler

sampler = DistributedSampler(range(12), num_replicas=3, rank=1, seed=5)
sampler.set_epoch(4)
print("PyTorch:", list(sampler), " yours:", shard_indices(12, 1, 3, 5, 4).tolist())

padded = [i for r in range(4) for i in DistributedSampler(range(10), 4, r)]
twice = sorted(i for i in set(padded) if padded.count(i) > 1)
print(f"10 images, 4 processes: {len(padded)} places, images {twice} come twice")

# %% [markdown]
# PyTorch's sampler makes the shards equally long: it **pads with repeats**, or drops the
# tail with `drop_last=True`. For training that hardly matters. For evaluation it is
# wrong: those images count twice. Suppose that a network is wrong on exactly those two.

# %%
right = torch.ones(10)
right[twice] = 0
exact = torch.cat([right[shard_indices(10, r, 4, 0, 0)] for r in range(4)])
print(f"padded: {right[padded].mean():.1%}, exact: {exact.mean():.1%}")

# %% [markdown]
# `course train` evaluates each image once, with unequal shards, and adds up hits rather
# than accuracies.
#
# The other classic mistake is silent too. The sampler learns the epoch only if you call
# `set_epoch`. Look at six epochs of 24 images and two processes.

# %%
from matplotlib.figure import Figure

from course_lib.plots import show


def picture(epochs):
    """Which process takes each image: (epochs, 24), 0 or 1."""
    owner = torch.zeros(len(epochs), 24)
    for row, epoch in enumerate(epochs):
        owner[row, shard_indices(24, 1, 2, 0, epoch)] = 1
    return owner


cases = {
    "set_epoch each time": picture(range(6)),
    "set_epoch forgotten": picture([0] * 6),
}
moved = {name: (o[1:] != o[:-1]).float().mean().item() for name, o in cases.items()}

# %%
figure = Figure(figsize=(9, 2.9), dpi=100, layout="constrained")
for axes, (name, owner) in zip(figure.subplots(1, 2), cases.items(), strict=True):
    axes.imshow(owner, cmap="cividis", aspect="auto")
    axes.set_title(f"{name}: {moved[name]:.0%} change hands", fontsize=11)
    axes.set_xlabel("image (dark: process 0, light: process 1)", fontsize=10)
    axes.set_ylabel("epoch", fontsize=10)
    axes.tick_params(labelsize=9.5)
title = "Without set_epoch, each process meets the same images in every epoch"
figure.suptitle(title, fontsize=12.5, fontweight="bold")
said = ", ".join(f"{name} {share:.0%}" for name, share in moved.items())
show(figure, alt=f"{title}. Images that change hands from epoch to epoch: {said}.")

# %% [markdown]
# With `set_epoch`, about half of the images change hands, as chance has it. Without it,
# none does, and their order never changes either.
#
# ## 3. The exchange
#
# Now the gradients. Two processes, two parameters, by hand: one weight of two numbers,
# one bias.

# %%
held = [  # held[rank][p]
    [torch.tensor([1.0, 2.0]), torch.tensor([4.0])],
    [torch.tensor([3.0, 6.0]), torch.tensor([0.0])],
]
by_hand = [torch.zeros(2), torch.zeros(1)]
for p in range(2):
    for rank in range(2):
        by_hand[p] += held[rank][p] / 2
print(by_hand)

# %% [markdown]
# ### Exercise 2: the exchange
#
# **Goal**: the plain mean over the processes, for any number of parameters.
# `average_gradients(gradients)`: `gradients[rank][p]` -> a list with one tensor for each
# parameter. A gradient may be `None`: no image of that process needed the parameter. It
# counts as 0, so divide by all processes. Difficulty 2 of 3, 8 minutes, about 5 lines. It matters because every step of a
# training on many GPUs does this and nothing else.
#
# <details><summary>Hint 1: a question</summary>
#
# Which index do you average over, which one do you keep?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# gradients[rank][p] -> one tensor for each p, of the parameter's own shape.
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# zip(*gradients) turns rows into columns; sum adds tensors; skip None.
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# averaged = []
# for parts in zip(*____, strict=True):
#     total = sum(part for part in parts if ____)
#     averaged.append(total / ____)
# return averaged
# ```
# </details>


# %% exercise="average_gradients"
def average_gradients(gradients: list[list[Tensor | None]]) -> list[Tensor]:
    """What every process holds after the exchange: the plain mean over all processes.

    gradients[rank][p] is the gradient of parameter p in one process, None where its
    images did not use that parameter; at least one process did. -> one tensor for
    each parameter.
    """
    raise NotImplementedError("average_gradients")


# %%
average_gradients = check("average_gradients", average_gradients)

# %%
torch.testing.assert_close(average_gradients(held), by_hand)
halves = [gradient_of(slice(first, 12, 2)) for first in (0, 1)]  # 6 images each
(mean,) = average_gradients([[half] for half in halves])
apart = (mean - gradient_of(slice(0, 12))).abs().max()
print(f"6 and 6 images against 12 at once: {'equal' if apart < 1e-12 else apart}")

# %% [markdown]
# **What you saw.** With equal parts, the mean of the gradients *is* the gradient of the
# mean, to twelve digits (in float64): differentiating a sum term by term changes nothing.
#
# ## 4. Unequal parts
#
# 13 images for two processes make 7 and 6; an epoch's last batch makes anything. DDP,
# PyTorch's `DistributedDataParallel`, always takes the plain mean. You cannot change
# that, but you choose the loss on which each process calls `backward()`.
#
# ### Predict
#
# Deal the 13 images out in turn, as in section 2, so that bright and dark ones go to
# both: 7 and 6. Each process uses the mean of its own losses. How far is the averaged
# gradient off, in percent? It was as printed above for 12 and 1, cut in order.

# %%
predict("7 images and 6", "...")

# %%
seven_six = torch.stack([gradient_of(slice(first, 13, 2)) for first in (0, 1)])
recall("7 images and 6", f"off by {off(seven_six.mean(dim=0)):.1f} %")
cut = torch.stack([gradient_of(part) for part in (slice(0, 7), slice(7, 13))])
print(f"cut in order, 7 dark and 6 bright: off by {off(cut.mean(dim=0)):.1f} %")

# %% [markdown]
# ### Exercise 3: unequal parts
#
# **Goal**: a loss for one process, such that the plain mean over all processes is the
# mean over all images. `rank_loss(losses, total, ranks)`: losses (n,) -> (). n differs
# between processes and may be 0. Difficulty 2 of 3, 8 minutes, 1 line. It matters
# because the mean of means is the most common mistake of all here.
#
# <details><summary>Hint 1: a question</summary>
#
# DDP divides by ranks. What must stand there before, so that each image weighs
# 1 / total?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# losses: (n,) -> a tensor of shape (); the sum of an empty part is 0.
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# losses.sum(), times ranks, divided by total.
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# return losses.____() * ____ / ____
# ```
# </details>


# %% exercise="rank_loss"
def rank_loss(losses: Tensor, total: int, ranks: int) -> Tensor:
    """The loss on which one process calls backward(), a tensor of shape ().

    losses (n,): of this process's images; n may differ between processes and may be 0.
    total: images in all processes together. The plain mean over the `ranks` processes,
    which DDP takes of the gradients, is then the mean over all images.
    """
    raise NotImplementedError("rank_loss")


# %%
rank_loss = check("rank_loss", rank_loss)

# %%
from itertools import pairwise


def gradient_of_rank(part, ranks):
    """As gradient_of, with your loss."""
    network = make_network()
    losses = F.cross_entropy(network(x[part]), y[part], reduction="none")  # (n,)
    rank_loss(losses, len(x), ranks).backward()
    return gradients(network)


for sizes in ([12, 1], [7, 6], [5, 4, 4]):
    ends = torch.tensor([0, *sizes]).cumsum(0).tolist()
    parts = [slice(first, end) for first, end in pairwise(ends)]
    found = average_gradients([[gradient_of_rank(p, len(sizes))] for p in parts])[0]
    print(sizes, "equal" if off(found) < 1e-10 else f"off by {off(found):.1f} %")

# %% [markdown]
# **What you saw.** Every division now gives the gradient of the whole batch. The factor
# is the same in all processes: none needs to know what another one holds, only how many
# images all hold together.
#
# ## 5. Two real processes
#
# Until here, one process played all parts. Now two run side by side. PyTorch's launcher
# **torchrun** starts them and tells each one its rank. They talk through **gloo**, which
# works on any CPU; GPUs use NCCL. The file `course_lib/two_processes.py` does the
# exchange twice. First by hand, with one *all-reduce* for each parameter: a call that
# leaves the sum over all processes in every process.

# %%
import inspect

from course_lib import two_processes

print(inspect.getsource(two_processes.by_hand))
print(inspect.getsource(two_processes.by_ddp))

# %% [markdown]
# Then with DDP. It wraps the network, and does the exchange during `backward()`. Start
# both; this takes about ten seconds, most of them for loading PyTorch twice.

# %%
import tempfile
from pathlib import Path

from course_lib.launching import torchrun

place = tempfile.TemporaryDirectory()  # removed when the kernel ends
folder = Path(place.name)
torchrun(2, "-m", "course_lib.two_processes", str(folder / "found.pt"))
found = torch.load(folder / "found.pt")

# %%
for name in ("by hand", "DDP"):
    apart = (found[name] - whole).abs().max().item()
    bound = "1e-12" if apart < 1e-12 else f"{apart:.0e}"
    print(f"{name}: differs from one process with 13 images by less than {bound}")

# %% [markdown]
# So the answer to the first half of the question is yes: to twelve digits, in float64.
# Additions happen in another order, which is why the last digits may differ. With equal
# gradients in every step, all later weights agree as well. The course's tests train two
# epochs on one process and on two, and find weights equal to nine digits.
#
# ## 6. Where it is not equal: BatchNorm
#
# ### Predict
#
# Now the same network with one BatchNorm. Each process normalises **its own** images.
# By how many percent does the averaged gradient differ from that of one big batch?

# %%
predict("with BatchNorm", "...")

# %%
network = make_network(norm=True)
big = gradient_of(slice(None), network)
gap = 100 * (found["DDP, BatchNorm"] - big).norm() / big.norm()
recall("with BatchNorm", f"{gap:.0f} %")

# %% [markdown]
# Nothing is broken here: it is another function. The mean and spread that an image is
# normalised by come from 7 images, or from 6, in place of 13. The left panel shows the
# running means that each process would keep after one step. The right one asks how this
# depends on the number of images: the signs, after ResNet50's first convolution.

# %%
from course_lib.data.signs import render
from course_lib.resnet import resnet50

one = network[1].running_mean  # (8,): of the big batch
both = found["BatchNorm means"]  # (2, 8)
torch.manual_seed(0)
stem = resnet50(18, width=8, stem="stride2").conv1
with torch.no_grad():
    maps = stem(render("train", 512, 32).images / 255)  # (512, 8, 16, 16)
means, sd = maps.mean((2, 3)), maps.std((0, 2, 3))  # (512, 8), (8,)
means = means[torch.randperm(512)]  # shuffled, as in training
apart = {}
for n in (1, 2, 4, 8, 16, 32, 64, 128):
    pairs = means.view(-1, 2, n, 8).mean(dim=2)  # (pairs, 2 processes, 8)
    gap = (pairs[:, 0] - pairs[:, 1]) / sd
    apart[n] = gap.square().mean().sqrt().item()

# %%
figure = Figure(figsize=(9, 3.5), dpi=100, layout="constrained")
left, right = figure.subplots(1, 2)
left.plot(one, "k_", markersize=22, markeredgewidth=2, label="one process, 13 images")
left.plot(both[0], "o", color="#0072B2", markersize=7, label="process 0, 7 images")
left.plot(both[1], "^", color="#D55E00", markersize=7, label="process 1, 6 images")
left.set_xlabel("channel of the small network", fontsize=10)
left.set_ylabel("running mean after a step", fontsize=10)
left.set_ylim(top=0.035)
left.legend(fontsize=9.5, loc="upper left")
right.loglog(list(apart), list(apart.values()), "s-", color="#0072B2")
right.set_xticks(list(apart), list(apart))
right.set_yticks([0.05, 0.1, 0.2, 0.4], [0.05, 0.1, 0.2, 0.4])
right.minorticks_off()
right.set_xlabel("signs for each of two processes", fontsize=10)
right.set_ylabel("difference of means, in sd", fontsize=10)
for axes in (left, right):
    axes.tick_params(labelsize=9.5)
title = f"Two processes differ by {apart[2]:.2f} sd with 2 signs each, "
title += f"by {apart[128]:.2f} with 128"
figure.suptitle(title, fontsize=12.5, fontweight="bold")
spread = (both[0] - both[1]).abs().max().item()
alt = f"{title} (channel means after ResNet50's first convolution, right). Left: the "
show(figure, alt=alt + f"small network's running means, up to {spread:.3f} apart.")

# %% [markdown]
# Three ways out, and what `course train` does:
#
# - **Leave it.** That is common practice, and the default here. The right panel shows how
#   far the statistics lie apart, not what that costs in accuracy: four times the images
#   halve the difference, roughly. DDP hands process 0's running statistics to the
#   others before each step, and `course train` once more before it evaluates. So all
#   evaluate one and the same network.
# - **SyncBatchNorm** exchanges the statistics as well, in every layer and step:
#   `course train --sync-bn`. PyTorch has it for GPUs only.
# - **Fixed statistics**, as in fine-tuning: then equality is exact again.
#
# Few images for each process are a danger of their own. BAM's channel branch has a
# BatchNorm over a map of 1 x 1 (notebook 04). What if each GPU gets one image?

# %%
from course_lib.attention.bam import BAM
from course_lib.errors import CourseError

try:
    BAM(32)(torch.randn(1, 32, 8, 8))
except CourseError as error:
    print(error)

# %% [markdown]
# Four images on four GPUs stop the training; on one GPU they work. `course train`
# refuses fewer than two images for each process, and says so before it starts.
#
# ## 7. Parameters that nobody uses
#
# The REU (the student group of notebook 02) has a spatial-only CBAM that builds the
# channel gate and never calls it. So 2,530,992 parameters of its ResNet50 never get a
# gradient (measured on its code, ma-xu/ResidualAttention). On one process nobody
# notices. `two_processes.py` also tried one such CBAM module, of 16 channels, with DDP:
# two steps.

# %%
import textwrap

for step in found["unused"]:
    print(textwrap.shorten(step, 300))
print(found["unused, searched"])

# %% [markdown]
# DDP counts the gradients that have arrived. In step 2 it still waits for some from
# step 1, and stops. `find_unused_parameters=True` makes it search the graph in each
# step. That costs time, and hides the fault. The better repair is to delete what is
# never used, as this course's spatial-only CBAM does.
#
# ## 8. course train
#
# The course's own training loop has three additions: the loss of exercise 3, DDP around
# the network, and one more sum at each evaluation. One command trains on one process.
# The same under torchrun trains on many:
#
# ```
# course train --data signs --model se --batch 64
# torchrun --nproc-per-node 4 -m course_lib.train --data signs --model se --batch 64
# ```
#
# `--batch` counts the images of **all** processes. Order and augmentation depend on seed
# and epoch alone, so four processes see together what one sees. Try it: two processes
# train the first of two epochs on 200 signs, then stop, as if the machine were taken
# away. Then **one** process goes on. It takes half a minute.

# %%
from course_lib.launching import course_train

options = ["--profile", "ci", "--device", "cpu", "--eager", "--train-images", "200"]
options += ["--epochs", "2", "--precision", "fp32", "--out", str(folder)]
print(course_train(2, *options, "--stop-after", "1"))

# %%
import json

said = course_train(1, *options).splitlines()[0]  # how many images it has right
(history,) = (folder / "history").glob("*.json")
print([row["epoch"] for row in json.loads(history.read_text(encoding="utf-8"))])
print("evaluated:", said.split(" of ")[1].split(" right")[0])

# %% [markdown]
# **What you saw.** Each epoch is saved by one process, whole or not at all. The second
# start found epoch 1 and did epoch 2, with another number of processes. If one process
# dies, torchrun ends the others, and the same command goes on from the last saved epoch.
#
# On several machines, the same line runs on each one, with an address where they meet:
#
# ```
# torchrun --nnodes 2 --nproc-per-node 4 --rdzv-backend c10d \
#     --rdzv-endpoint HOST:29500 -m course_lib.train --data folder:/data/imagenet
# ```
#
# `examples/slurm.sh` does this on a cluster with Slurm. A folder too big for memory is
# read from the disk by PyTorch's DataLoader, while the network trains.
#
# **What this cannot show**: a speed-up. Two processes on your machine share its cores
# and its memory. Nor does 200 images' accuracy mean anything.
#
# ## 9. What the exchange costs
#
# ### Predict
#
# ResNet50 has 25,557,032 parameters, with gradients of 4 bytes each. How many megabytes
# does each process send in one step, if eight take part? And with eighty?

# %%
predict("MB sent for each step", "...")


# %%
def megabytes_sent(parameters, ranks):
    """A ring: K - 1 pieces to add up, K - 1 to hand round, each 1 / K of the whole."""
    return 2 * (ranks - 1) / ranks * parameters * 4 / 1e6


sent = {ranks: megabytes_sent(25_557_032, ranks) for ranks in (2, 8, 80)}
print({ranks: f"{mb:.0f} MB" for ranks, mb in sent.items()})
recall(
    "MB sent for each step", f"{sent[8]:.0f} with 8 processes, {sent[80]:.0f} with 80"
)

# %% [markdown]
# In a **ring**, each process passes pieces of its gradient to its neighbour. The traffic
# of one process hardly grows with their number: at most twice the gradient's 102 MB.
# (This is the bandwidth-optimal all-reduce of Patarasuk and Yuan, 2009; NCCL and gloo
# may choose another algorithm.) Check the counting with numbers that travel.

# %%
K = 4
pieces = torch.arange(16.0).view(K, K)  # row r: the four pieces that process r holds
total, passes = pieces.sum(dim=0), 0
for step in range(2 * (K - 1)):
    before = pieces.clone()
    for r in range(K):  # process r sends piece c to its neighbour r + 1
        c, to = (r - step) % K, (r + 1) % K
        adding = step < K - 1  # first add up, then hand round
        pieces[to, c] = before[r, c] + before[to, c] * adding
        passes += 1
assert all(torch.equal(row, total) for row in pieces)
print(f"{passes // K} pieces of 1/{K} sent by each process: {passes / K / K} gradients")

# %% [markdown]
# Now the time. Say that a step takes 100 ms of computing on each GPU, and that the
# network carries so many gigabits each second. DDP sends early layers' gradients late
# and late ones early, while `backward()` still runs. So the truth lies between two
# bounds: nothing hidden (the times add up), or all hidden (the longer one counts).


# %%
def efficiency(step_ms, gigabits, ranks, parameters=25_557_032):
    """Share of the computing speed that is left: (nothing hidden, all hidden)."""
    megabytes_a_ms = gigabits / 8
    exchange = megabytes_sent(parameters, ranks) / megabytes_a_ms  # ms
    return step_ms / (step_ms + exchange), min(1.0, step_ms / max(step_ms, exchange))


# %%
def draw_efficiency(step_ms, gigabits):
    """Both bounds from 1 to 64 processes."""
    ranks = [1, 2, 4, 8, 16, 32, 64]
    low, high = zip(*(efficiency(step_ms, gigabits, k) for k in ranks), strict=True)
    figure = Figure(figsize=(8, 3.2), dpi=100, layout="constrained")
    axes = figure.subplots()
    axes.fill_between(ranks, low, high, color="#56B4E9", alpha=0.35)
    axes.plot(ranks, high, "s--", color="#0072B2", label="all hidden by computing")
    axes.plot(ranks, low, "o-", color="#D55E00", label="nothing hidden")
    axes.set_xscale("log", base=2)
    axes.set_xticks(ranks, ranks, fontsize=9.5)
    axes.set(ylim=(0, 1.05), xlabel="processes", ylabel="efficiency")
    axes.legend(fontsize=9.5, loc="lower left")
    title = f"{gigabits} Gbit/s, steps of {step_ms} ms: with 8 processes, "
    title += f"{low[3]:.0%} to {high[3]:.0%} of the speed is used"
    axes.set_title(title, fontsize=11, fontweight="bold", loc="left")
    show(figure, alt=f"{title}; with 64, {low[-1]:.0%} to {high[-1]:.0%}.")


draw_efficiency(step_ms=100, gigabits=10)

# %% [markdown]
# The same with controls. At how many Gbit/s does the lower bound for eight processes
# reach 90 %? What does halving the step time do, as bf16 might?

# %% tags=["nbval-ignore-output"]
from ipywidgets import IntSlider, SelectionSlider, interact

controls = interact(
    draw_efficiency,
    step_ms=IntSlider(100, 10, 400, 10, description="step, ms"),
    gigabits=SelectionSlider(
        options=[1, 10, 25, 100, 150, 400], value=10, description="Gbit/s"
    ),
)

# %%
for gigabits in (1, 10, 100):
    low, high = efficiency(100, gigabits, 8)
    print(
        f"{gigabits:>3} Gbit/s: {8 * low:.1f} to {8 * high:.1f} times one GPU's speed"
    )
spare = 100 / 0.9 - 100  # ms that an exchange may add to a step of 100 ms
print(f"90 %: {sent[8]:.0f} MB in {spare:.1f} ms, {8 * sent[8] / spare:.0f} Gbit/s")
for step_ms in (100, 50):
    low, high = efficiency(step_ms, 10, 8)
    print(f"10 Gbit/s, steps of {step_ms} ms: {low:.0%} to {high:.0%}")

# %% [markdown]
# <details><summary>What the two questions come to</summary>
#
# 179 MB in 11.1 ms is 129 Gbit/s. Halving the step to 50 ms lowers 41 to 70 % to 26 to
# 35 %: faster GPUs need faster networks.
# </details>
#
# For comparison: Goyal and others (*Accurate, Large Minibatch SGD*, 2017) report about
# 90 % efficiency from 8 to 256 GPUs for ResNet50, and train ImageNet in one hour.
#
# Their paper also gives the rule for the learning rate. K processes with the same part
# each make the batch K times as large, and the steps K times as few. **Multiply the
# learning rate by K**, and warm up to it over the first epochs. They find it to hold up
# to 8,192 images, not beyond. `course train` leaves the rate alone when only the number
# of processes changes, as its batch counts all images. When you raise `--batch`, raise
# `--lr`.
#
# ## 10. Break it
#
# An all-reduce leaves the **sum**. Someone forgets to divide. The properties of
# `average_gradients`: runs, one a parameter, dtype and device, equal processes, processes
# renumbered, values, absent is zero, input not modified. **Which is the first to fail?**

# %%
predict("sum in place of mean", "...")


# %%
from course_lib.notebook import break_it


def summed(gradients):
    """average_gradients without the division."""
    columns = zip(*gradients, strict=True)
    return [sum(part for part in parts if part is not None) for parts in columns]


break_it("average_gradients", summed)
recall("sum in place of mean", "equal processes")
double = summed([[whole], [whole]])[0]
print(f"a step {double.norm() / whole.norm():.0f} times as long, on 2 processes")

# %% [markdown]
# The training still runs, with a learning rate times K. With eight processes it may
# diverge, and you would blame the rate. A test with two equal processes finds it in a
# second.
#
# ## 11. Recap
#
# <details><summary>1. When do K processes have the gradient of the big batch?</summary>
#
# When each image weighs 1 / N after the mean over processes, and no layer looks at the
# other images of its batch: no BatchNorm in training mode, or SyncBatchNorm.
# </details>
# <details><summary>2. Why is the mean of means wrong for 7 and 6 images?</summary>
#
# An image among six weighs 1/12, one among seven 1/14; each should weigh 1/13.
# </details>
# <details><summary>3. What does a forgotten set_epoch do?</summary>
#
# Every epoch has the order of the first, and each process meets the same images for
# ever.
# </details>
# <details><summary>4. Why must an evaluation not be padded?</summary>
#
# Repeated images count twice. Add up hits of unequal shards.
# </details>
# <details><summary>5. How much does each process send in a step of ResNet50?</summary>
#
# 2 (K - 1) / K times 102 MB in a ring: 179 MB for K = 8, always less than 205 MB.
# </details>
#
# ### Not shown here
#
# A speed-up, a GPU, a second machine; that large batches train as well as small ones;
# networks too large for one GPU, which need other methods than DDP.
#
# **Paper against code.** The REU group trained with DataParallel, one process for
# four GPUs. Their batch was 512 (`cifar.py` of ma-xu/ResidualAttention), so BatchNorm
# saw 128: the same matter.
#
# **An open problem.** BatchNorm with few images for each process is noisy, which may
# regularise or harm. From how many images on does it not matter for BAM, whose channel
# branch normalises N numbers, not N x H x W?
#
# **Next**: notebook 12 takes a newer paper and turns it into a tested module.
