# %% [markdown]
# # 09 Looking at attention: what a map can prove
#
# **The question: how often does an attention map point at the sign, and what scores as
# well without any attention?**
#
# About 80 minutes. You need notebooks 04 to 06 (modules with a spatial gate), 07
# (validation images) and 08 (intervals).
#
# Afterwards you can
#
# - capture the gates of any network and score them against exact masks;
# - name three baselines that a map must beat, and measure them;
# - tell how much of a gate depends on the class, layer by layer.

# %% tags=["nbval-ignore-output"]
from course_lib.notebook import setup

setup("09")

# %% [markdown]
# ## 1. A beautiful picture
#
# A CBAM-ResNet50 looks at signs. Its spatial gates are maps: one number a position,
# larger where more passes. `capture_maps` hooks every gate and returns them by layer.
# Here are six test images and the gate of one layer, enlarged to the image.

# %%
import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.data.datasets import Limits, load_dataset
from course_lib.planning import plan_runs
from course_lib.preparing import build_network
from course_lib.profiles import choose_profile

sizes = choose_profile().signs
limits = Limits(sizes.train_images, sizes.val_images, sizes.test_images)
signs = load_dataset("signs", sizes.image_size, limits)
mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (signs.mean, signs.std))
inputs = (signs.test.images / 255 - mean) / std  # (N, 3, H, W)
masks = signs.test.masks  # (N, H, W), bool

# %%
from course_lib.looking import capture_maps, randomised, score_maps

run = plan_runs("signs", sizes, ["cbam"], seeds=1)[0]
mystery = randomised(build_network(run, 18), inputs[:250], seed=1)
layers = capture_maps(mystery, inputs)  # 16 layers: (N, h, w) each
scores = {name: score_maps(maps, masks) for name, maps in layers.items()}
best = max(scores, key=lambda name: scores[name]["pointing"].mean())
inside = scores[best]["energy"]  # (N,), the share of each map's sum on the sign
chosen = inside.argsort(descending=True)[:6]

# %%
from course_lib.map_figures import map_figure
from course_lib.plots import show

pictures = signs.test.images[chosen]
title = "A CBAM gate finds the sign"
figure = map_figure(pictures, masks[chosen], {"gate": layers[best][chosen]}, title)
listed = ", ".join(f"{v:.2f}" for v in inside[chosen])
show(
    figure,
    alt=f"{title}: six images, each with one map. The share of the map's sum on the "
    f"sign is {listed}.",
)

# %% [markdown]
# In these images the sign covers the share in the first row, and the map puts the
# share in the second row on it. It seems to work.
#
# ### Predict
#
# This network has a history that I have not told. What share of the sum lies on the
# sign over **all** test images? A map that is the same everywhere puts 0.23 there, the
# sign's average share of the image. Write a number instead of the dots.

# %%
from course_lib.notebook import predict

predict("share on the sign", "...")

# %%
from course_lib.looking import center_map, chance_map
from course_lib.notebook import recall

recall("share on the sign", f"{inside.mean():.2f}, by a network that never trained")
points = {name: found["pointing"].mean().item() for name, found in scores.items()}
order = sorted(points, key=points.get)
print("how often the largest value lies on the sign:")
for name in (*order[:2], *order[-2:]):
    print(f"  untrained, {name:<20}{points[name]:.2f}")
for name, maps in {"constant": chance_map(masks), "centre": center_map(masks)}.items():
    print(f"  {name:<31}{score_maps(maps, masks)['pointing'].mean():.2f}")

# %%
print("the same network, its weights drawn with other seeds:")
for seed in (0, 2):
    drawn = capture_maps(randomised(mystery, inputs[:250], seed), inputs)
    found = {n: score_maps(m, masks)["pointing"].mean() for n, m in drawn.items()}
    top = max(found, key=found.get)
    print(f"  seed {seed}: best {top:<20}{found[top]:.2f}; {best} {found[best]:.2f}")

# %% [markdown]
# Every weight was random. The picture is true and means nothing, for five reasons.
#
# 1. **I chose the images**: the best six of all.
# 2. **I chose the layer**: the best of sixteen.
# 3. **I chose the draw**: seed 1. With the seeds 0 and 2, the best of sixteen layers
#    scores 0.43 and 0.54.
# 4. **Each map has its own colours.** A gate from 0.49 to 0.51 looks as bright as one
#    from 0 to 1.
# 5. **There was no baseline.** Photographers centre their subject, and so does this
#    renderer: a map of nothing but the middle points at the sign in most images.
#
# Convolutions of random weights respond to edges and colours, and signs have both.
# Adebayo et al. (2018) made this a test: a picture that stays alike when the weights
# are drawn anew does not show what was learned.
#
# ## 2. Scores by hand
#
# One map of two by two cells, one image of four by four pixels. The sign fills the
# upper right corner. First with loops.

# %%
small = torch.tensor([[0.2, 0.6], [0.2, 0.2]])  # (h, w)
sign = torch.zeros(4, 4, dtype=torch.bool)
sign[:2, 2:] = True
large = torch.zeros(4, 4)
for i in range(4):
    for j in range(4):
        y, x = min(max(i / 2 - 0.25, 0), 1), min(max(j / 2 - 0.25, 0), 1)  # in cells
        top = (1 - x) * small[0, 0] + x * small[0, 1]  # between two neighbours
        low = (1 - x) * small[1, 0] + x * small[1, 1]
        large[i, j] = (1 - y) * top + y * low
print(large)

# %%
highest, on_sign, everywhere = large.max(), 0.0, 0.0
hits = [bool(sign[i, j]) for i in range(4) for j in range(4) if large[i, j] == highest]
for i in range(4):
    for j in range(4):
        height = large[i, j] - large.min()  # above the lowest position
        everywhere += height
        on_sign += height * sign[i, j]
print(f"pointing: {sum(hits)} of {len(hits)} largest positions on the sign")
print(f"energy:   {on_sign:.2f} of {everywhere:.2f} = {on_sign / everywhere:.4f}")

# %% [markdown]
# | formula | Python | shape | meaning |
# |---|---|---|---|
# | g | `gate` | (N, C or 1, h, w) | the bare gate of one layer |
# | m = (1/C) &Sigma;<sub>c</sub> g<sub>c</sub> | `spatial_map(gate)` | (N, h, w) | a map: mean over channels |
# | M | `enlarge(maps, H, W)` | (N, H, W) | the map, as large as the image |
# | S | `masks` | (N, H, W) bool | the sign's own pixels |
# | #(T &cap; S) / #T, T = argmax M | `pointing_game(maps, masks)` | (N,) | does it point at the sign? |
# | &Sigma;<sub>S</sub>(M - min M) / &Sigma;(M - min M) | `energy_inside(maps, masks)` | (N,) | how much lies on the sign? |
# | #(K &cap; S) / #(K &cup; S), K: the #S highest | `iou(maps, masks)` | (N,) | is it the sign's shape? |
#
# The sign # counts positions. Each score is one number **an image**, so that intervals
# can be taken.
#
# ## 3. Enlarge
#
# ### Exercise 1: enlarge
#
# **Goal**: all maps at once. `enlarge(maps, height, width)`: (N, h, w) -> (N, height,
# width). Difficulty 1 of 3, 4 minutes, about 2 lines. It matters because the mask is
# large and the gate is small: whoever takes the argmax first loses ties and slopes.
#
# <details><summary>Hint 1: a question</summary>
#
# F.interpolate wants a channel axis. Where does a map (N, h, w) have one?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# (N, h, w) -> (N, 1, h, w) -> (N, 1, height, width) -> (N, height, width).
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# maps[:, None], F.interpolate(x, size=..., mode="bilinear"), [:, 0].
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# size = (height, width)
# return F.interpolate(maps[:, ____], size=size, mode="____")[:, ____]
# ```
# </details>


# %% exercise="enlarge"
def enlarge(maps: Tensor, height: int, width: int) -> Tensor:
    """Maps (N, h, w) -> (N, height, width), bilinear, cell centres aligned."""
    raise NotImplementedError("enlarge")


# %%
from course_lib.exercises import check

enlarge = check("enlarge", enlarge)

# %%
torch.testing.assert_close(enlarge(small[None], 4, 4)[0], large)
flat = enlarge(torch.full((1, 4, 4), 0.3), 32, 32)
print("a constant map, enlarged, has these values:")
print([f"{v:.9f}" for v in flat.unique().tolist()])

# %% [markdown]
# **What you saw.** A constant map is no longer constant: the seventh digit rounds. Its
# "largest value" sits somewhere, for no reason. Remember it for the next exercise.
#
# ## 4. Point
#
# ### Exercise 2: the pointing game
#
# **Goal**: 1 if the largest value lies on the sign, 0 if not. When k positions share
# the largest value and j of them lie on the sign, the score is j / k.
# `pointing_game(maps, masks)`: both (N, H, W) -> (N,). Difficulty 2 of 3, 10 minutes,
# about 4 lines. `rounding(maps)`, (N, 1, 1), says how close two values count as equal;
# `check_maps` refuses what cannot be scored. It matters because dead gates are
# constant, and notebook 06 found many of them.
#
# <details><summary>Hint 1: a question</summary>
#
# A map is the same everywhere. What would a random pick score?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# largest (N, 1, 1), at_top (N, H, W) bool, the score (N,).
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# maps.amax(dim=(1, 2), keepdim=True), >=, rounding(maps), &, .sum((1, 2)).
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# check_maps(maps, masks)
# largest = maps.amax(dim=____, keepdim=True)
# at_top = maps >= largest - rounding(maps)
# return (at_top & ____).sum((1, 2)) / ____.sum((1, 2))
# ```
# </details>

# %%
from course_lib.looking import check_maps, rounding

check_maps(flat, flat > 0)  # silent, so these can be scored
print("values this close count as equal:", f"{rounding(flat).item():.1e}")


# %% exercise="pointing_game"
def pointing_game(maps: Tensor, masks: Tensor) -> Tensor:
    """Does the largest value lie on the sign? 1 or 0; ties share: (N, H, W) -> (N,).

    masks (N, H, W), bool, of the maps' size. When k positions share the largest value
    and j of them lie on the sign, the score is j / k: what a random pick among them
    would score. A constant map scores the mask's share of the image, which is chance.

    Source: Zhang et al., "Top-down Neural Attention by Excitation Backprop", 2016,
    with their 15-pixel margin left out, since our masks are exact.
    """
    raise NotImplementedError("pointing_game")


# %%
pointing_game = check("pointing_game", pointing_game)

# %% [markdown]
# Now the map of section 2, and a dead gate of 0.3.

# %%
assert pointing_game(large[None], sign[None]).item() == sum(hits) / len(hits)
share = masks[:1].float().mean()
print(f"the first sign covers {share:.4f} of its image")
dead = enlarge(torch.full((1, 4, 4), 0.3), *masks.shape[1:])
print(f"a constant map, enlarged: {pointing_game(dead, masks[:1]).item():.4f}")

# %% [markdown]
# **What you saw.** A map that says nothing gets chance, not a lucky hit.
#
# ## 5. Weigh
#
# Pointing looks at one position. The energy looks at all.
#
# ### Exercise 3: energy on the sign
#
# **Goal**: shift each map so that its smallest value is 0, then divide the sum on the
# sign by the whole sum. A map that does not vary scores as if it were 1 everywhere.
# `energy_inside(maps, masks)`: both (N, H, W) -> (N,). Difficulty 2 of 3, 8 minutes,
# about 5 lines. It matters because the shift decides what you compare: gates differ
# more in level than in shape.
#
# <details><summary>Hint 1: a question</summary>
#
# Two gates, 0 to 1 and 0.5 to 0.6, draw the same picture. Which step makes their scores
# equal?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# energy (N, H, W), varies (N, 1, 1) bool, the score (N,).
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# maps.amin(dim=(1, 2), keepdim=True), energy.amax, rounding(maps), torch.where(varies,
# energy, 1.0).
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# check_maps(maps, masks)
# energy = maps - maps.____(dim=(1, 2), keepdim=True)
# varies = energy.amax(dim=(1, 2), keepdim=True) > rounding(maps)
# energy = torch.where(varies, energy, ____)
# return (energy * ____).sum((1, 2)) / energy.sum((1, 2))
# ```
# </details>


# %% exercise="energy_inside"
def energy_inside(maps: Tensor, masks: Tensor) -> Tensor:
    """Share of the map's sum that lies on the sign, 0..1: (N, H, W) -> (N,).

    Each map is first shifted so that its smallest value is 0. A constant map then has
    no energy at all and scores the mask's share of the image, which is chance.
    """
    raise NotImplementedError("energy_inside")


# %%
energy_inside = check("energy_inside", energy_inside)

# %%
mine = energy_inside(large[None], sign[None])
torch.testing.assert_close(mine, (on_sign / everywhere)[None])
for text, maps in {"0.2 to 0.6": large, "2.2 to 2.6": large + 2}.items():
    print(f"{text}: {energy_inside(maps[None], sign[None]).item():.4f}")

# %% [markdown]
# **What you saw.** The level does not matter. The third score, `iou`, takes as many of
# the highest positions as the sign has pixels. It divides what both share by what
# either has. Ties for the last places count in part; the library has it.
#
# ## 6. What must be beaten
#
# ### Predict
#
# Four maps without a network: constant; a bump in the middle of every image; the sign's
# own mask, shrunk to 16 x 16 cells; the same, shrunk to 2 x 2, as in the last stage.
# How often does the last one point at the sign?

# %%
predict("the mask as 2 x 2 cells", "...")

# %%
import pandas as pd

from course_lib.looking import ideal_map, iou

H, W = masks.shape[1:]
baselines = {"constant": chance_map(masks), "bump in the middle": center_map(masks)}
for side in (16, 8, 4, 2):
    baselines[f"the mask as {side} x {side}"] = ideal_map(masks, side, side)
rows = {}
for name, maps in baselines.items():
    M = enlarge(maps, H, W)
    trio = pointing_game(M, masks), energy_inside(M, masks), iou(M, masks)
    rows[name] = [round(v.mean().item(), 2) for v in trio]
columns = ["pointing", "energy", "iou"]
print(pd.DataFrame.from_dict(rows, orient="index", columns=columns).to_string())
recall("the mask as 2 x 2 cells", f"{rows['the mask as 2 x 2'][0]:.2f}, below chance")

# %% [markdown]
# Three lessons before any training.
#
# - **Chance** is 0.23, not 0.
# - **The middle** points right in 0.79 of the images. A map that beats chance may have
#   learned where signs hang, and nothing about this image.
# - **Small maps cannot point.** Enlarged, four cells have their peaks in the corners,
#   and signs are not there: even the true mask scores below chance. Only layers of one
#   size can be compared.
#
# ## 7. Your networks
#
# Train BAM, CBAM, the small spatial module, and SE for later. The profile sets the
# size: `ci` takes one to three minutes, `laptop` about 15 minutes (one core, four
# networks); `gpu` is not timed yet. Each epoch is saved.
#
# ### Predict
#
# For each of the three spatial modules we take its best layer. How often does the best
# of them point at the sign? The middle has 0.79.

# %%
predict("best trained map, pointing", "...")

# %% tags=["nbval-ignore-output"]
from course_lib.experiments import train_here

names = {"SE": "se", "BAM": "bam", "CBAM": "cbam", "spatial": "spatial"}
table, outcomes = train_here(names)
networks = {name: outcome.network.cpu().eval() for name, outcome in outcomes.items()}
print(table.to_string(index=False))

# %% [markdown]
# Which layer should stand for a module? The best one, chosen on the **validation**
# images; notebook 07 says why. The test images report. This compares maps of different
# sizes, so layers of 2 x 2 cells cannot win (section 6): best means best of those that
# can point.
#
# Each network then gets its controls: three copies with all weights drawn anew, and
# BatchNorm measured anew on 250 images, scored **at the same layer**. Compare each
# module only with its own controls.


# %%
def points(maps, masks):
    """Maps (N, h, w), masks (N, H, W) -> the pointing game of each image (N,)."""
    return pointing_game(enlarge(maps, *masks.shape[1:]), masks)


def best_layer(network, images, masks):
    """The layer whose map points at the sign most often."""
    found = capture_maps(network, images)
    return max(found, key=lambda name: points(found[name], masks).mean().item())


val_inputs = (signs.val.images / 255 - mean) / std  # (N, 3, H, W)

# %% tags=["nbval-ignore-output"]
from course_lib.statistics import bootstrap_interval

middle = points(center_map(masks), masks)  # (N,)
maps, results, better = {}, {}, []
for name in ("BAM", "CBAM", "spatial"):
    layer = best_layer(networks[name], val_inputs, signs.val.masks)
    maps[name] = capture_maps(networks[name], inputs)
    trained = points(maps[name][layer], masks)
    draws = []  # how often each control points right
    for seed in range(3):
        control = randomised(networks[name], inputs[:250], seed)
        anew = capture_maps(control, inputs)[layer]
        draws.append(points(anew, masks).mean().item())
    results[name] = layer, trained, draws
    gain = bootstrap_interval((trained - middle).tolist(), resamples=999)
    better += [name] if gain.low > 0 else []
    listed = ", ".join(f"{v:.2f}" for v in draws)
    print(f"{name:<8}{layer:<19}{trained.mean():.2f}, random {listed}")
    print(
        f"{'':<8}minus the middle {gain.mean:+.2f} ({gain.low:+.2f}, {gain.high:+.2f})"
    )

# %% tags=["nbval-ignore-output"]
from matplotlib.figure import Figure

figure = Figure(figsize=(8, 3.4), dpi=100, layout="constrained")
axes, said = figure.subplots(), []
TEXTS = ["trained (95 % bootstrap)", "random weights, three draws"]
for y, (name, (layer, trained, draws)) in enumerate(results.items()):
    band = bootstrap_interval(trained.tolist(), resamples=999)
    axes.plot([band.low, band.high], [y - 0.12] * 2, color="#0072B2", linewidth=2)
    axes.plot(band.mean, y - 0.12, "o", color="#0072B2", markersize=8, label=TEXTS[0])
    axes.plot(draws, [y + 0.12] * 3, "s", color="#D55E00", markersize=7, label=TEXTS[1])
    listed = ", ".join(f"{v:.2f}" for v in draws)
    said.append(f"{name} at {layer}, trained {band.mean:.2f}, random {listed}")
    TEXTS = [None, None]  # one entry of each in the legend
for x, text in ((masks.float().mean(), "chance"), (middle.mean(), "the middle")):
    axes.axvline(x, color="black", linestyle="--", linewidth=1)
    axes.text(
        x, -0.55, f"{text} {x:.2f}", ha="center", fontsize=10, backgroundcolor="white"
    )
axes.set_yticks(range(3), [f"{n}, {r[0]}" for n, r in results.items()], fontsize=10)
axes.set(xlim=(0, 1), ylim=(2.5, -0.9))
axes.set_xlabel("pointing game, mean over test images", fontsize=10)
figure.legend(fontsize=9.5, loc="outside lower center", ncols=2)
title = f"{len(better)} of 3 modules point clearly better than the middle of the image"
figure.suptitle(title, fontsize=13, fontweight="bold")
show(figure, alt=f"{title} ({middle.mean():.2f}): {'; '.join(said)}.")

# %% [markdown]
# The best of the three, beside your guess:

# %% tags=["nbval-ignore-output"]
top = max(results, key=lambda name: results[name][1].mean())
answer = f"{results[top][1].mean():.2f} ({top}), the middle {middle.mean():.2f}"
recall("best trained map, pointing", answer)

# %% [markdown]
# Read it in this order: against chance, against the same layer with random weights,
# against the middle. The dashed lines need no network at all. The interval covers the
# choice of test images, not the luck of the starting weights: each trained network is
# one draw. How far draws lie apart, you see in the squares. In the `ci` run one of
# CBAM's squares lies beyond the trained gate: it is section 1's network, picked among
# sixteen layers, in a draw picked too.
#
# ### Larger runs
#
# `data/results/signs-pointing.csv` holds networks of the `laptop` profile (12 epochs,
# 3,000 images), made by `benchmarks/pointing.py` on 2,000 test images. The layer is
# chosen on seed 0, by these very images: its rows say "chose". The other seeds report.

# %%
from pathlib import Path

import course_lib

results_folder = Path(course_lib.__file__).parents[1] / "data" / "results"
recorded = pd.read_csv(results_folder / "signs-pointing.csv")
gates = recorded[~recorded["layer"].str.startswith("Grad-CAM")]
first = gates[gates["seed"] == 0]
picked = first.loc[first.groupby("model")["pointing"].idxmax(), ["model", "layer"]]
table = gates.merge(picked).sort_values(["model", "seed"]).round(2)
table["seed"] = table["seed"].map({0: "0 chose"}).fillna(table["seed"].astype(str))
table["source"] = table["profile"] + ", recorded"
columns = ["model", "layer", "seed", "pointing", "pointing_random", "pointing_center"]
print(table[[*columns, "energy", "energy_center", "source"]].to_string(index=False))

# %%
middle_score = gates["pointing_center"].iloc[0]
for text, column in {"trained": "pointing", "random": "pointing_random"}.items():
    found = gates[column]
    above = (found > middle_score).sum()
    line = f"{text:<9}{len(found)} gates, {found.min():.3f} to {found.max():.3f}, "
    print(line + f"{above} above the middle ({middle_score:.3f})")

# %% [markdown]
# The layer that wins with seed 0 need not win with another: BAM's has 0.89, 0.29 and
# 0.87. The small module's 0.23, trained or random, is chance: such a gate is dead. Of
# 105 gates of trained networks two beat the middle; of their copies with random
# weights, one does.
#
# A score near 0 is no missing signal: that gate is **low** on the sign, image after
# image. A gate scales positive and negative features alike, and later layers can undo
# or use it. Low does not mean ignored, high does not mean used.
#
# ## 8. Grad-CAM beside it
#
# A network without any spatial gate has a map too. **Grad-CAM** (Selvaraju et al.,
# 2017) asks which channels of a layer raise the winning class's logit. It takes the
# gradient's mean over the positions as a weight for each channel:
#
# - w<sub>c</sub> = mean over positions of d logit / d A<sub>c</sub>, shape (N, C, 1,
#   1);
# - map = ReLU(&Sigma;<sub>c</sub> w<sub>c</sub> A<sub>c</sub>), shape (N, h, w).
#
# Behind an average pooling, as at `layer4` of ResNet50, the gradient is the classifier's
# own weight divided by the number of positions. So the map equals an older one, CAM
# (Zhou et al., 2016), up to that factor and the ReLU. Try it on the untrained network.

# %%
from course_lib.grad_cam import grad_cam
from course_lib.notebook import compare

answers, kept = mystery(inputs[:8]).argmax(dim=1), []
hook = mystery.layer4.register_forward_hook(lambda m, args, y: kept.append(y))
with torch.no_grad():
    mystery(inputs[:8])
hook.remove()
weights = mystery.fc.weight.detach()[answers]  # (8, C), of the winning class
area = kept[0].shape[2] * kept[0].shape[3]  # positions
cam = F.relu((weights[:, :, None, None] * kept[0]).sum(dim=1)) / area  # (8, h, w)
compare("Grad-CAM and CAM", grad_cam(mystery, "layer4", inputs[:8]), cam)

# %% tags=["nbval-ignore-output"]
# the SE network has no spatial gate; layer3 has maps of 4 x 4 (ci and laptop)
cams = torch.cat(
    [grad_cam(networks["SE"], "layer3", part) for part in inputs.split(250)]
)
six = torch.arange(6)  # the first six: nobody chose them
rows = {f"{name} gate": maps[name][results[name][0]][six] for name in maps}
rows["Grad-CAM, SE"] = cams[six]
score = {name: points(found, masks[six]).mean() for name, found in rows.items()}
overall = points(cams, masks).mean()
title = f"Grad-CAM points right in {overall:.2f} of all images"
figure = map_figure(signs.test.images[six], masks[six], rows, title, word="energy")
listed = ", ".join(f"{name} {v:.2f}" for name, v in score.items())
show(figure, alt=f"{title}. The first six images, pointing: {listed}.")

# %%
cam_rows = recorded[recorded["layer"] == "Grad-CAM layer3"]
columns = ["pointing", "pointing_random", "pointing_center", "energy", "energy_center"]
averages = cam_rows.groupby("model")[columns].mean().round(2)
averages["source"] = f"laptop, recorded, {cam_rows['seed'].nunique()} seeds"
print(averages.to_string())

# %% [markdown]
# Look at the figure first. The number above a map is its energy, above an image the
# sign's share. In the `ci` run, BAM's gate has straight edges, in much the same places
# in every image: its dilated kernels meet the zeros around the map. Where the small
# module's gate is dead, you see dots: rounding errors, stretched to full colour.
#
# Grad-CAM starts from the answer of the network, so it moves with training: in the
# recorded runs random weights point right in about 0.3 of the images, trained ones in
# 0.7 to 0.8. Plain ResNet50 needs no attention for it. The middle has 0.80, too; in
# energy Grad-CAM is ahead of it.
#
# ## 9. Does a gate know the class?
#
# A channel gate has no map. The SE paper asks another question: does a gate depend on
# **what** the image shows? It plots the mean gate of each class, channel by channel,
# for early and late layers. One number sums that up.
#
# ### Exercise 4: the share between classes
#
# **Goal**: of a gate's variance over images, the share that lies between classes.
# `class_share(gates, labels)`: (N, C), (N,) -> (C,). With g the mean over all images
# and g<sub>k</sub> the mean over the n<sub>k</sub> images of class k: &Sigma;<sub>k</sub>
# n<sub>k</sub> (g<sub>k</sub> - g)<sup>2</sup> divided by the sum of squares over all
# images. A gate that never moves scores 0: so divide by `still` at least, the sum of
# squares of a gate whose standard deviation is `SMALLEST`. Difficulty 3 of 3, 12
# minutes, about 8 lines. It matters because a gate that follows the image need not
# follow what is in it: it may follow brightness or background alone.
#
# <details><summary>Hint 1: a question</summary>
#
# If every image of a class had its class's mean gate, how much would the gates still
# vary?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# mean (C,), own (images of class k, C), between (C,), total (C,).
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# labels.unique(), gates[labels == k], .mean(dim=0), .sum(dim=0), .clamp(min=still).
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# check_gates(gates, labels)
# mean = gates.mean(dim=____)
# between = torch.zeros_like(mean)
# for k in labels.unique():
#     own = gates[____]
#     between = between + len(own) * (____ - mean) ** 2
# total = ((gates - mean) ** 2).sum(dim=0)
# still = len(gates) * SMALLEST**2
# return ____ / total.clamp(min=still)
# ```
# </details>

# %%
from course_lib.gates import SMALLEST, check_gates, class_means, expected_share

check_gates(torch.rand(4, 3), torch.arange(4))  # silent: four images, three gates
print("a gate whose standard deviation is below", SMALLEST, "counts as still")


# %% exercise="class_share"
def class_share(gates: Tensor, labels: Tensor) -> Tensor:
    """How much of a gate's variance lies between classes: (N, C), (N,) -> (C,).

    0: every class has the same mean gate. 1: a gate depends on the class alone. A gate
    that never moves has no variance to share out and scores 0. Even shuffled labels
    score (K - 1) / (N - 1) on average, with K classes and N images: compare with that.

    This is eta squared of the analysis of variance.
    """
    raise NotImplementedError("class_share")


# %%
class_share = check("class_share", class_share)

# %% [markdown]
# Two gates made by hand, for six images of three classes:

# %%
labels = torch.tensor([0, 0, 1, 1, 1, 2])
follows = torch.tensor([0.1, 0.1, 0.5, 0.5, 0.5, 0.9])  # the class, and nothing else
ignores = torch.tensor([0.2, 0.4, 0.1, 0.3, 0.5, 0.3])  # each class has mean 0.3
both = class_share(torch.stack([follows, ignores], dim=1), labels)
print("follows the class, ignores it:", [round(abs(v), 4) for v in both.tolist()])
meaningless = expected_share(torch.arange(500) % 18)
print(f"labels without meaning, 18 classes, 500 images: {meaningless:.3f}")

# %% [markdown]
# **What you saw.** 1 and 0, as it must be. Even meaningless labels score more than 0:
# some class is always highest by luck. That is this score's chance level.
#
# ### Predict
#
# In which stage of your SE network does the class explain most of the gates? A stage
# counts by its highest block.

# %%
predict("stage with most class", "...")

# %% tags=["nbval-ignore-output"]
from course_lib.gates import gates_by_image

by_layer = gates_by_image(networks["SE"], inputs)  # (N, C) each
labels = signs.test.labels
shuffled = labels[torch.randperm(len(labels))]
depth = [name.removeprefix("layer").removesuffix(".attention") for name in by_layer]
real, luck = (
    [class_share(g, of).mean().item() for g in by_layer.values()]
    for of in (labels, shuffled)
)
pairs = list(zip(depth, real, strict=True))
stages = {s: max(v for d, v in pairs if d[0] == s) for s in "1234"}
recall("stage with most class", max(stages, key=stages.get))

# %% tags=["nbval-ignore-output"]
figure = Figure(figsize=(9, 5.2), dpi=100, layout="constrained")
upper, low = figure.subfigures(2, 1, height_ratios=[1.1, 1])
LINES = {"#000000": "-", "#0072B2": "--", "#D55E00": "-.", "#009E73": ":"}
for axes, block in zip(upper.subplots(1, 2), ("1.2", "4.1"), strict=True):
    means = class_means(by_layer[f"layer{block}.attention"], labels)  # (18, C)
    means = 1000 * (means - means.mean(dim=0))  # thousandths
    for k, (colour, line) in enumerate(LINES.items()):
        axes.plot(means[5 * k, :32], line, color=colour, label=signs.classes[5 * k])
    axes.set_title(f"block {block}: class mean minus mean, thousandths", fontsize=10)
    axes.set_xlabel("channel (the first 32)", fontsize=9.5)
upper.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=4)
axes = low.subplots()
axes.plot(real, "o-", color="#0072B2", label="true labels")
axes.plot(luck, "s--", color="#777777", label="shuffled labels")
axes.set_xticks(range(len(depth)), depth, fontsize=9)
axes.set(ylim=(0, 1), ylabel="share of the class", xlabel="block (stage.number)")
axes.legend(fontsize=9.5)
title = f"Share of the class in a gate's variance: {min(real):.2f} to {max(real):.2f}"
figure.suptitle(title, fontsize=12, fontweight="bold")
listed = ", ".join(f"{d} {v:.2f}" for d, v in pairs)
show(figure, alt=f"{title}; shuffled at most {max(luck):.2f}. By block: {listed}.")

# %% [markdown]
# The SE paper (section on the role of excitation) reports for ImageNet: early gates
# nearly the same for all classes, later ones class-specific, the second block of the
# last stage mostly near 1. Here even early gates follow the class, perhaps because
# signs differ in colour. And in the `ci` run the last stage follows it least, against
# the paper; that is one seed, four epochs. But look at the upper panels: the classes
# differ by thousandths. Share and size are two questions.
#
# ## 10. Look for yourself
#
# One image, one stage, one module: first as a figure, then with controls. The map is
# the gate after the stage's last block; Grad-CAM reads the SE network at the same
# place. BAM has no gate after stage 4. **Find an image where pointing is 1 and the
# energy below chance**, the share that stands above the mask. How can both be?


# %% tags=["nbval-ignore-output"]
def look(module, stage, image):
    """The picture, the map and the mask; the three scores in the title."""
    if module == "Grad-CAM":
        small = grad_cam(networks["SE"], f"layer{stage}", inputs[image : image + 1])
    else:
        fits = [n for n in maps[module] if f"layer{stage}" in n or f"stage{stage}" in n]
        if not fits:
            return print(f"{module} has no gate in stage {stage}.")
        small = maps[module][fits[-1]][image : image + 1]
    mask = masks[image : image + 1]
    found = {name: v.item() for name, v in score_maps(small, mask).items()}
    said = ", ".join(f"{name} {v:.2f}" for name, v in found.items())
    title = f"{module}, stage {stage}, image {image}: {said}"
    large = enlarge(small, H, W)[0]
    figure = Figure(figsize=(8, 3), dpi=100, layout="constrained")
    share = f"mask: {mask.float().mean():.2f} of the image"
    panels = {"image": signs.test.images[image].permute(1, 2, 0), share: mask[0]}
    panels |= {f"{v:.2f} dark to {w:.2f} bright": large for v, w in [large.aminmax()]}
    for axes, (name, panel) in zip(figure.subplots(1, 3), panels.items(), strict=True):
        axes.imshow(panel, cmap="cividis")
        axes.set_title(name, fontsize=10)
        axes.set_axis_off()
    figure.suptitle(title, fontsize=12, fontweight="bold")
    show(figure, alt=f"{title}. The sign covers {mask.float().mean():.2f}.")


look("CBAM", stage=1, image=4)

# %% tags=["nbval-ignore-output"]
from ipywidgets import IntSlider, ToggleButtons, interact

controls = interact(
    look,
    module=ToggleButtons(
        options=[*maps, "Grad-CAM"], value="CBAM", description="module"
    ),
    stage=IntSlider(1, 1, 4, description="stage"),
    image=IntSlider(4, 0, len(masks) - 1, description="image"),
)

# %% [markdown]
# <details><summary>One that fits</summary>
#
# In the `ci` run: spatial, stage 3, image 0. One peak lies on the sign, and most of the
# map is nearly as high outside it.
# </details>
#
# ## 11. Break it
#
# A tie counts as a hit if *any* of the tied positions lies on the sign: that is how a
# loop with an early `return` scores. The properties of `pointing_game` are, in this
# order: runs, shape, numbers, range, planted maps, samples independent, ties, rounding,
# values, input not modified. **Which is the first to fail, and what does a dead gate
# score?** Write the property and the score, such as "range, 0.5".

# %%
predict("ties as hits", "...")


# %%
from course_lib.notebook import break_it


def any_hit(maps, masks):
    """pointing_game with the last line changed."""
    largest = maps.amax(dim=(1, 2), keepdim=True)
    at_top = maps >= largest - rounding(maps)
    return (at_top & masks).any(dim=2).any(dim=1).float()


break_it("pointing_game", any_hit)
constant = chance_map(masks)
recall(
    "ties as hits", f"ties; a dead gate scores {any_hit(constant, masks).mean():.2f}"
)
print(f"with ties shared it scores {pointing_game(constant, masks).mean():.2f}")

# %% [markdown]
# A network whose gates all died would win every comparison. Nobody would notice in a
# table of scores: the mistake looks like success.
#
# ## 12. Recap
#
# <details><summary>1. Which baselines must a map beat?</summary>
#
# Chance (the sign's share of the image), the middle of the image, and the same layer
# with its weights drawn anew.
# </details>
# <details><summary>2. Why do ties share the point?</summary>
#
# A map with ties does not say which position it means. With shares, a constant map
# scores chance exactly; as hits, it scores 1.
# </details>
# <details><summary>3. Why not take the argmax of the small map?</summary>
#
# A cell is many pixels, partly sign, partly street. Enlarging first keeps slopes and
# ties, and every pixel is judged by its own mask.
# </details>
# <details><summary>4. What does Grad-CAM need, and what not?</summary>
#
# A layer, a class and a gradient; no attention module. Plain ResNet50 has a map too.
# </details>
# <details><summary>5. What does a class share of 0.03 say, with 18 classes and 500
# images?</summary>
#
# Nothing: shuffled labels score (18 - 1) / (500 - 1) = 0.034 on average.
# </details>
#
# ### Not shown here
#
# That a map **explains** a decision: attention is not explanation. A gate multiplies
# features; what later layers do with them is not in the map. To test a cause, change
# the input or the gate and watch the answer. Nor do these sizes speak for others: the
# `ci` networks are eight times narrower than ResNet50, see 32 pixels, and get one in
# four signs right.
#
# **Paper against code.** The pointing game of Zhang et al. (2016) allows a margin of 15
# pixels, since boxes and outlines are rough. Our masks are exact, so we allow none.
# Drawing tools stretch each map to its own range: a dead gate becomes a pattern of
# rounding errors (section 8).
#
# **An open problem.** Freeze a gate to its mean map, the same for every image. If
# accuracy stays, the image-dependent part was decoration. It needs longer trainings
# than these.
#
# **Next**: notebook 10 asks what the modules cost.
