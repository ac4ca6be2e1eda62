# %% [markdown]
# # 08 Is it better? Luck, intervals and the courage to say "cannot tell"
#
# **The question: how many seeds does it take before "+0.5 points" means anything?**
#
# About 90 minutes, nothing is trained. You need the runs of `course compare` that ship
# with the course, and NumPy.
#
# Afterwards you can
#
# - put an interval around a paired difference, and show that it keeps its promise;
# - write three tests, and say what each of them is blind to;
# - read a table of accuracies and sort its claims into "may" and "may not" be written.

# %% tags=["nbval-ignore-output"]
from course_lib.notebook import setup

setup("08")

# %% [markdown]
# ## 1. Two laboratories
#
# Two laboratories compare four attention modules with plain ResNet50. Each trains
# every network once, with care, and prints its test accuracy.

# %%
import numpy as np
import pandas as pd

MODELS = ["plain", "SE", "BAM", "CBAM", "spatial"]
tables = pd.DataFrame(
    {
        "laboratory A": [74.68, 74.47, 74.90, 75.17, 75.45],
        "laboratory B": [75.10, 75.27, 74.77, 74.64, 74.20],
    },
    index=MODELS,
)
print(tables.to_string())
print("winner:", tables.idxmax().to_dict())
print("last:  ", tables.idxmin().to_dict())

# %% [markdown]
# ### Predict
#
# A third laboratory repeats the work. **Which model wins there?** Write a name instead
# of the dots.

# %%
from course_lib.notebook import predict

predict("winner in laboratory C", "...")

# %%
from course_lib.notebook import recall

LUCK = 0.4  # points: the sd from one training to the next, an assumption


def laboratory(number):
    """Accuracy of five models in one laboratory, in %: (5,)."""
    return np.random.default_rng(number).normal(75, LUCK, 5).round(2)


A, B = 5, 43  # of 60, the pair with opposite orders and the clearest gaps
assert (tables["laboratory A"] == laboratory(A)).all()
assert (tables["laboratory B"] == laboratory(B)).all()
winners = [MODELS[laboratory(number).argmax()] for number in range(1000)]
print(pd.Series(winners).value_counts().to_dict())
recall("winner in laboratory C", "whoever is lucky: all five are equally good")

# %% [markdown]
# All five networks have a true accuracy of 75 %. You looked at luck: two of 60
# made-up laboratories, picked for their contradiction. Of 1,000, each model wins about
# 200.
#
# How far apart do **equal** networks land? That depends on how many you compare.

# %%
many = np.random.default_rng(0).normal(75, LUCK, (10_000, 20))  # 20 equal networks
for count in (2, 5, 20):
    gap = np.ptp(many[:, :count], axis=1).mean()  # best minus worst
    print(f"{count:>2} equal networks: best minus worst {gap:.2f} points on average")

# %% [markdown]
# Keep the last line in mind. The REU's table of 2019 has 20 networks that finished, one
# training each. Section 9 reads it again.
#
# ## 2. How far does a mean reach?
#
# Now real runs: plain ResNet50 on the signs, `laptop` profile, three seeds. First
# everything by hand, with loops.

# %%
from pathlib import Path

import course_lib
from course_lib.runs import read_runs

results = Path(course_lib.__file__).parents[1] / "data" / "results"
runs = {d: read_runs([results / f"{d}-laptop/runs.csv"]) for d in ("signs", "cifar100")}


def accuracies(data):
    """Test accuracy in %, one row a seed, one column a model."""
    table = runs[data].pivot(index="seed", columns="model", values="test_accuracy")
    return (100 * table).round(2)


print(accuracies("signs").to_string())
plain = accuracies("signs")["plain"].to_numpy()  # (3,)
n, total, squares = len(plain), 0.0, 0.0
for value in plain:
    total += value / n
for value in plain:
    squares += (value - total) ** 2
sd = (squares / (n - 1)) ** 0.5
print(f"mean {total:.2f}, sd {sd:.2f}, standard error {sd / n**0.5:.2f} points")
assert np.isclose(sd, plain.std(ddof=1)) and np.isclose(total, plain.mean())

# %% [markdown]
# The **sd** says how far single runs scatter. The **standard error**, sd / &radic;n,
# says how far means of n runs scatter. An interval is the mean ± a factor times the
# standard error. Which factor? For 95 %, notebook 02
# took 1.96, notebook 03 took 4.30 and owed you the reason.
#
# ### Predict
#
# Three seeds, factor 1.96. In how many of 100 repetitions does the interval contain the
# true mean?

# %%
predict("coverage of 1.96", "...")

# %%
from scipy import stats


def coverage(low, high, truth):
    """Share of the intervals that contain the truth; low, high (repetitions,)."""
    return ((low <= truth) & (truth <= high)).mean()


random = np.random.default_rng(1)
rows = []
for n in (2, 3, 5, 10, 20):
    x = random.normal(75, LUCK, (4000, n))  # 4,000 experiments of n seeds
    mean, error = x.mean(axis=1), x.std(axis=1, ddof=1) / n**0.5
    picks = x[:, random.integers(n, size=(500, n))].mean(axis=2)  # (4000, 500)
    bootstrap = np.quantile(picks, [0.025, 0.975], axis=1)
    half = {"z": 1.96 * error, "t": stats.t.ppf(0.975, n - 1) * error}
    row = {k: coverage(mean - h, mean + h, 75) for k, h in half.items()}
    rows.append({"n": n} | row | {"bootstrap": coverage(*bootstrap, 75)})
covered = pd.DataFrame(rows).set_index("n")
print((100 * covered).round(1).to_string())
recall("coverage of 1.96", f"{100 * covered.loc[3, 'z']:.0f} of 100")

# %%
from matplotlib.figure import Figure

from course_lib.plots import show

STYLES = {
    "t": ("#0072B2", "o-"),
    "z": ("#D55E00", "s--"),
    "bootstrap": ("#009E73", "^:"),
}
PLACES = {"t": (2.3, 96.5), "z": (4.1, 87), "bootstrap": (5.3, 81)}
figure = Figure(figsize=(8, 3.4), dpi=100, layout="constrained")
axes = figure.subplots()
for name, (colour, style) in STYLES.items():
    axes.plot(100 * covered[name], style, color=colour)
    axes.text(*PLACES[name], name, color=colour, fontsize=11)
axes.axhline(95, color="black", linewidth=1)
axes.set(xlabel="seeds", ylabel="intervals with the truth, %", ylim=(45, 101))
axes.set_xticks(covered.index)
three = 100 * covered.loc[3]
title = f"With 3 seeds, 1.96 keeps {three['z']:.0f} % of a promise of 95 %"
axes.set_title(title, fontsize=12, fontweight="bold", loc="left")
listed = ", ".join(f"{k} {three[k]:.0f} %" for k in STYLES)
show(figure, alt=f"{title}. Coverage at 3 seeds: {listed}; all approach 95 % at 20.")

# %% [markdown]
# The sd is itself a guess from n values, and often too small. Student's **t** makes up
# for it, with n - 1 degrees of freedom: 4.30 for three seeds, not 1.96. The
# **bootstrap** draws n of the n values again and again. It needs no formula, but from
# three values it never leaves their range. Keep it for thousands of images.
#
# | formula | Python | shape | meaning |
# |---|---|---|---|
# | d<sub>i</sub> = a<sub>i</sub> - b<sub>i</sub> | `d = values - baseline` | (n,) | difference of the two runs of seed i |
# | s<sup>2</sup> = &Sigma; (d<sub>i</sub> - d̄)<sup>2</sup> / (n - 1) | `d.std(ddof=1)` | one number | spread of the differences |
# | d̄ ± t<sub>n-1</sub> s / &radic;n | `paired_interval(values, baseline)` | three numbers | interval of the mean difference |
# | p = (b + 1) / (B + 1) | `sign_flip_p(differences, flips)` | one number | b of B flips lie as far out |
# | p = min(1, 2 P(X &le; min(n<sub>a</sub>, n<sub>b</sub>))) | `mcnemar_p(hits_a, hits_b)` | one number | X heads of n<sub>a</sub> + n<sub>b</sub> coins |
# | min(1, max<sub>j &le; i</sub> (m - j) p<sub>(j)</sub>) | `holm_corrected(p_values)` | (m,) | j = 0 is the smallest p |
#
# ## 3. Pairs
#
# `course compare` gives every model the same seeds: the same data order and
# augmentation, and the same starting weights outside the gates. A lucky order may lift
# both. Simulate six seeds where it does.


# %%
from numpy import ndarray


def pairs(seeds, difference, shared=1.5, own=0.3, number=4):
    """Accuracies (seeds,) of a model and of plain; each seed's luck lifts both."""
    random = np.random.default_rng(number)
    luck = random.normal(75, shared, seeds)
    model, plain = luck + random.normal(0, own, (2, seeds))
    return model + difference, plain


model, plain = pairs(seeds=6, difference=0.8)
figure = Figure(figsize=(8, 3.4), dpi=100, layout="constrained")
left, right = figure.subplots(1, 2, width_ratios=[2, 1])
left.plot([0, 1], [plain, model], "o-", color="#0072B2")
left.set_xticks([0, 1], ["plain", "model"], fontsize=11)
left.set_ylabel("accuracy, %", fontsize=10)
right.plot(np.zeros(6), model - plain, "o", color="#D55E00")
middle = (plain.min() + model.max()) / 2
left.set_ylim(middle - 3.5, middle + 3.5)
right.set_ylim(-3.5, 3.5)  # the same scale
right.axhline(0, color="black", linestyle="--", linewidth=1)
right.set_xticks([0], ["model - plain"], fontsize=11)
low, high = (model - plain).min(), (model - plain).max()
title = f"Accuracies span {np.ptp(plain):.1f} points, differences {high - low:.1f}"
figure.suptitle(title, fontsize=12, fontweight="bold")
show(figure, alt=f"{title}. Six seeds, one line each; gains {low:.1f} to {high:.1f}.")

# %% [markdown]
# ### Exercise 1: the paired interval
#
# **Goal**: `paired_interval(values, baseline, level=0.95)` -> mean, low, high of
# values - baseline. Difficulty 2 of 3, 10 minutes, about 5 lines. It matters because
# every table of `course compare` rests on it.
#
# <details><summary>Hint 1: a question</summary>
#
# How many independent numbers are left once you subtract seed by seed?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# values (n,), baseline (n,) -> d (n,) -> three numbers.
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# d.mean(), d.std(ddof=1), np.sqrt(n), stats.t.ppf(quantile, degrees).
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# d = ____ - ____
# n = len(d)
# standard_error = d.std(ddof=____) / ____
# t = stats.t.ppf((1 + level) / 2, ____)
# return d.mean(), d.mean() - ____, d.mean() + ____
# ```
# </details>


# %% exercise="paired_interval"
def paired_interval(
    values: ndarray, baseline: ndarray, level: float = 0.95
) -> tuple[float, float, float]:
    """Mean difference of runs paired by seed, with its t interval.

    values, baseline (n,): one run a seed, n of 2 or more; level: how often such an
    interval contains the true difference -> (mean, low, high), values - baseline.
    """
    raise NotImplementedError("paired_interval")


# %%
from course_lib.exercises import check

paired_interval = check("paired_interval", paired_interval)

# %% [markdown]
# **What you saw.** The check ran your function on simulated experiments and counted how
# often it told the truth. Now against scipy, and against the formula for two
# independent groups.

# %%
from course_lib.notebook import compare

theirs = stats.ttest_rel(model, plain).confidence_interval()
compare("paired_interval and scipy", paired_interval(model, plain)[1:], theirs)
unpaired = stats.ttest_ind(model, plain).confidence_interval()
mean, low, high = paired_interval(model, plain)
print(f"paired   {mean:.2f}, from {low:.2f} to {high:.2f}")
print(f"unpaired {mean:.2f}, from {unpaired.low:.2f} to {unpaired.high:.2f}")

# %% [markdown]
# Same data, same mean. The unpaired interval holds zero, the paired one does not. Does
# pairing help in our recorded runs?

# %%
rows = []
for data in runs:
    table = accuracies(data)
    for name in ("se", "bam", "cbam", "spatial"):
        a, b = table[name].to_numpy(), table["plain"].to_numpy()
        mean, low, high = paired_interval(a, b)
        loose = stats.ttest_ind(a, b).confidence_interval()
        r = np.corrcoef(a, b)[0, 1]
        rows.append((data, name, mean, low, high, (loose.high - loose.low) / 2, r))
columns = ["data", "model", "mean", "low", "high", "unpaired ±", "correlation"]
recorded = pd.DataFrame(rows, columns=columns)
recorded.insert(5, "paired ±", (recorded["high"] - recorded["low"]) / 2)
print(recorded.round(2).to_string(index=False))
narrower = (recorded["paired ±"] < recorded["unpaired ±"]).sum()
print(f"the paired interval is the narrower one in {narrower} of {len(recorded)} rows")

# %% [markdown]
# Hardly. BAM on the signs shows shared luck (correlation 0.92). Elsewhere pairing costs:
# t is 4.30 with 2 degrees of freedom, 2.78 with the unpaired formula's 4. Notebook 07
# found a smaller **spread** in seven of nine pairs of another series. But it must shrink
# by 35 % before its **interval** does, as 2.78 / 4.30 is 0.65. And three
# seeds measure a correlation badly. Pairing is a plan, made **before** you look. To
# choose the narrower interval afterwards breaks the promise of 95 %.
#
# ## 4. Let luck flip the signs
#
# The t interval assumes roughly normal differences, which three seeds cannot confirm.
# The **sign-flip test** assumes less. If SE equals plain, each difference could as well
# have had the other sign. Three seeds have eight patterns of signs; look at all.

# %%
from itertools import product

from course_lib.significance import ROUNDING

d = (accuracies("signs")["se"] - accuracies("signs")["plain"]).to_numpy()
print("differences", d.round(2), "mean", d.mean().round(2))
for signs in product([1, -1], repeat=3):
    mean = sum(s * one for s, one in zip(signs, d, strict=True)) / 3
    far = "as far out" if abs(mean) >= abs(d.mean()) - ROUNDING else ""
    print(f"{signs!s:<14}{mean:7.2f}  {far}")

# %% [markdown]
# Two of eight lie as far out: p = 0.25. All three seeds agree, and still **p cannot be
# smaller**: with n seeds it is at least 2 / 2<sup>n</sup>. Below 0.05 it needs six.
#
# With 20 seeds there are a million patterns, so draw B of them. The signs that occurred
# are one more: count them above and below, (b + 1) / (B + 1).
#
# ### Exercise 2: the sign-flip test
#
# **Goal**: `sign_flip_p(differences, flips)` -> the two-sided p, flips (B, n) given.
# Difficulty 2 of 3, 10 minutes, about 4 lines. It matters because it needs no table of
# t, z or chi-square. Accuracies are counts of images, so means often tie: a tie counts
# as far out. Sums may differ in the last digit, so leave room of ROUNDING (1e-9).
#
# <details><summary>Hint 1: a question</summary>
#
# If the models are equal, what may luck change about each difference, and what not?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# flips (B, n) * differences (n,) -> (B, n) -> mean of each row (B,) -> one count.
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# (...).mean(axis=1), np.abs, .sum() of a comparison, len(flips); ROUNDING is 1e-9.
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# observed = abs(____)
# flipped = np.abs((____ * ____).mean(axis=____))
# as_far = (flipped >= observed - ROUNDING).____
# return (as_far + ____) / (len(flips) + ____)
# ```
# </details>


# %% exercise="sign_flip_p"
def sign_flip_p(differences: ndarray, flips: ndarray) -> float:
    """Two-sided p of the sign-flip test: if luck alone chose the signs, how rare is it?

    differences (n,): one a seed; flips (B, n): B rows of random signs, +1.0 or -1.0
    -> p in (0, 1]: the share of means at least as far from 0 as the observed one,
    among the B flipped means and the observed one itself.
    """
    raise NotImplementedError("sign_flip_p")


# %%
sign_flip_p = check("sign_flip_p", sign_flip_p)

# %%
others = np.array(list(product([1.0, -1.0], repeat=3)))[1:]  # all but the observed
print(f"SE on the signs, all 7 other patterns: p = {sign_flip_p(d, others)}")
model, plain = pairs(seeds=12, difference=0.2, number=3)
exact = stats.permutation_test(
    (model - plain,), np.mean, permutation_type="samples", n_resamples=np.inf
)
others = np.array(list(product([1.0, -1.0], repeat=12)))[1:]  # 4,095 patterns
compare("all patterns and scipy", sign_flip_p(model - plain, others), exact.pvalue)
drawn = np.random.default_rng(0).choice([1.0, -1.0], (999, 12))
print(f"exact p {exact.pvalue:.4f}, 999 drawn {sign_flip_p(model - plain, drawn):.3f}")

# %% [markdown]
# **What you saw.** Given all other patterns, the "+ 1" makes p exact; given some, it
# keeps p honest. Without it p could be 0, which no finite experiment can show.
#
# ## 5. One pair of networks, 2,000 images
#
# There is a test that needs no seeds at all. Two trained networks see the same images.
# `course compare` keeps, for each run, which images it got right.

# %%
from itertools import combinations

from course_lib.runs import read_hits


def hits_of(data, model, seed):
    """Which test images this recorded run got right: bool (N,)."""
    table = runs[data].set_index(["model", "seed"])
    row = table.loc[model, seed]
    folder = results / f"{data}-laptop"
    return read_hits(folder, row["run_id"], int(row["test_images"]))


a, b = hits_of("signs", "bam", 1), hits_of("signs", "plain", 1)
counts = {"both": a & b, "only BAM": a & ~b, "only plain": b & ~a, "neither": ~a & ~b}
print({name: int(which.sum()) for name, which in counts.items()})

# %% [markdown]
# Images that both get right, or both wrong, say nothing about which is better. On the
# others one network wins. If the two are equally good, each win is the toss of a fair
# coin. That is **McNemar's test**.
#
# ### Exercise 3: McNemar
#
# **Goal**: `mcnemar_p(hits_a, hits_b)` -> the exact two-sided p. Difficulty 2 of 3, 8
# minutes, about 4 lines. It matters because it is the strongest thing one pair of runs
# can tell, and the most over-read.
#
# <details><summary>Hint 1: a question</summary>
#
# Which of the four kinds of image can tell the two networks apart?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# hits_a (N,), hits_b (N,) bool -> two counts -> one number.
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# hits_a & ~hits_b, .sum(), min, stats.binom.cdf(k, throws, 0.5).
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# only_a = (hits_a & ____).sum()
# only_b = (____ & ____).sum()
# tail = stats.binom.cdf(min(only_a, only_b), ____, 0.5)
# return min(1.0, ____ * tail)
# ```
# </details>


# %% exercise="mcnemar_p"
def mcnemar_p(hits_a: ndarray, hits_b: ndarray) -> float:
    """Exact two-sided McNemar p of two trained networks on the same test images.

    hits_a, hits_b (N,) bool: was the network right on image i? -> p in (0, 1]; 1 where
    they never disagree. Only images that one alone gets right count: a fair coin.
    """
    raise NotImplementedError("mcnemar_p")


# %%
mcnemar_p = check("mcnemar_p", mcnemar_p)

# %%
from course_lib.statistics import mcnemar

compare("mcnemar_p and statsmodels", mcnemar_p(a, b), mcnemar(a, b).p)
print(f"BAM against plain, seed 1: p = {mcnemar_p(a, b):.4f}")

# %% [markdown]
# ### Predict
#
# BAM beats plain with p = 0.005: a proof? Test **plain against plain**, on both data
# sets: seed 0 against 1, 0 against 2, 1 against 2. The module is the same, only the luck
# differs. How many of the six p are below 0.05?

# %%
predict("plain against plain", "...")

# %%
below = {}
for data in runs:
    hits = [hits_of(data, "plain", seed) for seed in (0, 1, 2)]
    same = [mcnemar_p(i, j) for i, j in combinations(hits, 2)]
    print(f"{data}, plain against plain: p =", *(f"{p:.3f}" for p in same))
    below[data] = sum(bool(p < 0.05) for p in same)
recall("plain against plain", f"below 0.05: {below}, for runs of one model")
for seed in (0, 1, 2):
    a, b = hits_of("signs", "bam", seed), hits_of("signs", "plain", seed)
    gain = 100 * (a.mean() - b.mean())
    print(f"seed {seed}: BAM {gain:+.2f} points, McNemar p = {mcnemar_p(a, b):.3f}")

# %% [markdown]
# Two of three pairs of trainings of **one** model "differ significantly" on the signs;
# none of three on CIFAR-100. McNemar is right: those networks do differ, on images like
# these. It says nothing about the next training. About *modules*, only seeds can speak.
#
# ## 6. Many modules, many chances
#
# ### Predict
#
# You test 16 modules, and none of them does anything. How probable is at least one p
# below 0.05?

# %%
predict("16 tests", "...")

# %%
p_values = np.random.default_rng(2).random((4000, 16))  # equal models: p is uniform
one = (p_values.min(axis=1) < 0.05).mean()
recall("16 tests", f"{one:.2f} simulated, {1 - 0.95**16:.2f} by 1 - 0.95^16")

# %% [markdown]
# Bonferroni multiplies each p by m. **Holm** is as safe and never worse: the smallest p
# pays for m tests, the next for m - 1, and no p may fall below one before it.
#
# ### Exercise 4: Holm
#
# **Goal**: `holm_corrected(p_values)` -> corrected p-values (m,), in the order given.
# Difficulty 2 of 3, 10 minutes, about 7 lines. It matters because a table of modules is
# a family of tests.
#
# <details><summary>Hint 1: a question</summary>
#
# Six tests, none with anything to find: how often is the smallest p below 0.05?
# </details>
# <details><summary>Hint 2: the shapes</summary>
#
# p_values (m,) -> places from the smallest p on -> corrected (m,), in the order given.
# </details>
# <details><summary>Hint 3: the calls</summary>
#
# np.argsort, enumerate, max, min, corrected[place] = ...
# </details>
# <details><summary>Hint 4: code with blanks</summary>
#
# ```python
# for rank, place in enumerate(np.argsort(p_values)):
#     highest = max(____, (m - ____) * p_values[place])
#     corrected[____] = min(____, highest)
# ```
# </details>


# %% exercise="holm_corrected"
def holm_corrected(p_values: ndarray) -> ndarray:
    """Holm's correction of m p-values (m,), in the order given -> (m,).

    The smallest counts m times, the next m - 1 times, the largest once; none may fall
    below one that was smaller before, and none exceeds 1.
    """
    raise NotImplementedError("holm_corrected")


# %%
holm_corrected = check("holm_corrected", holm_corrected)

# %%
from statsmodels.stats.multitest import multipletests

four = np.array([0.011, 0.04, 0.03, 0.005])
compare("statsmodels, its default", holm_corrected(four), multipletests(four)[1])
compare(
    "statsmodels, told 'holm'",
    holm_corrected(four),
    multipletests(four, method="holm")[1],
)
corrected = np.array([holm_corrected(row).min() for row in p_values])
print(
    f"a false claim among 16: {one:.3f} before, {(corrected < 0.05).mean():.3f} after"
)

# %% [markdown]
# **What you saw.** The promise now holds for the table as a whole. And statsmodels'
# default is not Holm but Holm-Sidak: always name the method.
#
# ## 7. Your own verdict
#
# Put the pieces together: the t-test's p, corrected over four modules, beside the
# interval. `course compare` prints the same table from scipy and statsmodels.

# %%
from course_lib.exercises import whose
from course_lib.summary import summarise

print("interval:", whose("paired_interval"), " correction:", whose("holm_corrected"))
eight = {}
for data in runs:
    own = recorded[recorded["data"] == data].set_index("model")
    table = accuracies(data)
    p = [stats.ttest_rel(table[m], table["plain"]).pvalue for m in own.index]
    own = own[["mean", "low", "high"]].assign(
        p=p, corrected=holm_corrected(np.array(p))
    )
    report = summarise(runs[data]).set_index("model").loc[own.index]
    print(own.assign(says=report["outcome"]).round(3).to_string())
    eight[data] = p
    theirs = report["p_corrected"].to_numpy(copy=True)
    compare(
        f"{data}, p of the report", own["corrected"].to_numpy(copy=True), theirs, 1e-3
    )
both = holm_corrected(np.concatenate(list(eight.values())))  # (8,)
print("over all eight:", both.round(3))

# %% [markdown]
# Three claims survive in eight: CBAM lags on both data sets, SE on CIFAR-100. They hold
# for **these** settings: 12 and 6 epochs, an eighth of the width, three seeds. They do
# not say why: slow learning in a short training is one explanation, untested here. They
# do not say that attention hurts in a long one.
#
# Why four and not eight? Each data set's four modules are one family, decided beforehand.
# Over all eight, the same three survive (0.025, 0.025, 0.007).
#
# ## 8. How many seeds?
#
# **Power** is the chance that an experiment finds a difference that is really there. It
# depends on the true difference, in units of the sd of the paired differences, and on
# n. First by simulation, with your own interval.

# %%
SD = 0.5  # points, of the paired differences; an assumption


def power_simulated(seeds, difference, repeats=2000):
    """Share of experiments whose interval excludes 0."""
    random = np.random.default_rng(seeds)
    d = random.normal(difference, SD, (repeats, seeds))
    found = [paired_interval(row, np.zeros(seeds)) for row in d]
    return np.mean([low > 0 or high < 0 for _, low, high in found])


for seeds in (3, 5, 10):
    print(f"{seeds:>2} seeds, true difference 0.5: {power_simulated(seeds, 0.5):.2f}")

# %%
from statsmodels.stats.power import TTestPower

from course_lib.statistics import seeds_needed


def power(seeds, difference):
    """Chance of p < 0.05 on the right side, by statsmodels."""
    return TTestPower().power(difference / SD, seeds, 0.025, alternative="larger")


def draw_power(seeds, difference):
    """Power against seeds for one true difference, with one number of seeds marked."""
    counts = np.arange(2, 31)
    figure = Figure(figsize=(8, 3.4), dpi=100, layout="constrained")
    axes = figure.subplots()
    axes.plot(counts, power(counts, difference), color="#0072B2", linewidth=2)
    axes.plot(seeds, power(seeds, difference), "o", color="#D55E00", markersize=11)
    axes.axhline(0.8, color="black", linestyle="--", linewidth=1)
    axes.set(ylim=(0, 1.05), xlabel="seeds", ylabel="chance to find it")
    needed = seeds_needed(difference, SD)
    label = f"dashed line, 4 of 5 experiments: {needed} seeds"
    axes.text(30, 0.04, label, ha="right", fontsize=11)
    title = f"+{difference:.1f} points, {seeds} seeds: found in "
    title += f"{100 * power(seeds, difference):.0f} of 100 experiments"
    axes.set_title(title, fontsize=12, fontweight="bold", loc="left")
    show(
        figure, alt=f"{title} (sd of differences {SD}). 80 of 100 need {needed} seeds."
    )


draw_power(seeds=3, difference=0.5)

# %% [markdown]
# That answers the opening question: **ten seeds** find half a point in four of five
# experiments, if the differences have an sd of 0.5. With three you miss it in four of
# five.
# "Not significant" is then what you get **whether or not** the module helps. Move the
# sliders: how many seeds does a difference of 0.3 need? And 0.2?
#
# <details><summary>Answer</summary>
#
# 24, and 52: the label in the figure says so (the axis ends at 30). Half the
# difference needs about four times the seeds.
# </details>

# %% tags=["nbval-ignore-output"]
from ipywidgets import FloatSlider, IntSlider, interact

controls = interact(
    draw_power,
    seeds=IntSlider(3, 2, 30, description="seeds"),
    difference=FloatSlider(0.5, min=0.1, max=2.0, step=0.1, description="points"),
)

# %% [markdown]
# ## 9. The REU's table of 2019, again
#
# CIFAR-100, 150 epochs, one seed, and the best epoch **on the test set** (repository
# ma-xu/ResidualAttention). Two more networks ended in NaN.

# %%
REU = {
    "plain": 75.06, "ResNet101": 74.73, "SE": 75.29, "spatial (S)": 75.50,
    "RS": 74.27, "R2S": 75.58, "SSE": 75.38, "SoftmaxSE": 75.38, "RSE": 75.90,
    "EN3SE": 75.19, "BAM": 75.43, "BAM-spatial": 75.39, "RBAM": 75.65, "CBAM": 74.51,
    "CBAM-spatial": 74.88, "RCBAM": 75.64, "RCSA": 75.47, "REN3SE": 76.13,
    "RENSE": 75.34, "REN2SE": 75.67,
}  # fmt: skip
accuracy = np.array(list(REU.values()))  # (20,)
random = np.random.default_rng(3)
own = ", ".join(f"{d} {accuracies(d)['plain'].std():.2f}" for d in runs)
print(f"sd of our three plain runs, in points: {own}")
spread, sd = np.ptp(accuracy), accuracy.std(ddof=1)
print(f"REU, best minus worst: {spread:.2f} points, sd {sd:.2f}")
for luck in (0.2, 0.3, 0.4, 0.5):
    equal = random.normal(0, luck, (10_000, 20))  # 20 equal networks, 10,000 times
    share = (np.ptp(equal, axis=1) >= np.ptp(accuracy)).mean()
    print(f"luck of sd {luck}: equal networks spread as far in {share:6.1%} of tables")

# %%
equal = np.sort(random.normal(accuracy.mean(), LUCK, (10_000, 20)), axis=1)
low, high = np.quantile(equal, [0.025, 0.975], axis=0)  # (20,) each
ranked = pd.Series(REU).sort_values()
inside = ((low <= ranked) & (ranked <= high)).sum()
figure = Figure(figsize=(8, 4), dpi=100, layout="constrained")
axes = figure.subplots()
axes.fill_between(range(20), low, high, color="#56B4E9", alpha=0.4)
axes.plot(ranked.to_numpy(), "o", color="#000000")
axes.set_xticks(range(20), ranked.index, rotation=90, fontsize=9)
axes.set_ylabel("accuracy, %", fontsize=10)
axes.text(0.3, 75.7, "95 % of equal networks,\nluck of sd 0.4", fontsize=10)
title = f"{inside} of 20 networks stand where equal ones would"
axes.set_title(title, fontsize=12, fontweight="bold", loc="left")
ends = f"{ranked.index[0]} {ranked.iloc[0]:.2f} % to {ranked.index[-1]}"
show(figure, alt=f"{title}. REU table, sorted: {ends} {ranked.iloc[-1]:.2f} %.")

# %% [markdown]
# With luck of 0.4 points, twenty copies of one network can make such a table. With luck
# of 0.2 they cannot. **The table does not say which**: one seed has no spread. The
# missing number is the luck itself. What would SE's gain of 0.23 have needed?

# %%
sd_of_difference = LUCK * 2**0.5  # two independent runs; shared luck would lower it
for name in ("SE", "BAM", "REN3SE"):
    gain = REU[name] - REU["plain"]
    seeds = seeds_needed(gain, sd_of_difference)
    held = seeds_needed(gain, sd_of_difference, alpha=0.05 / 18)
    print(f"{name:<7}{gain:+.2f} points: {seeds} seeds; one test of 18: {held} seeds")

# %% [markdown]
# (18 of the 20 rows are variants of ResNet50. Bonferroni's share stands in for Holm's
# first step.) Only the largest gain comes near what a student's budget can settle.
#
# ## 10. The best epoch on the test set
#
# After the last drop of the learning rate, REU's recipe trains 30 more epochs. Accuracy
# then jitters around a plateau. Notebook 07 measures what picking the best epoch adds.
# Here is what it does to a **comparison**: two equal networks, one of which jitters
# more. The sizes of the jitter are made up.

# %%
random = np.random.default_rng(4)
calm = random.normal(75, 0.1, (4000, 30))  # 4,000 trainings of 30 plateau epochs
restless = random.normal(75, 0.3, (4000, 30))
for name, pick in (
    ("last epoch", lambda c: c[:, -1]),
    ("best epoch", lambda c: c.max(1)),
):
    gap = pick(restless) - pick(calm)
    print(
        f"{name}: {pick(calm).mean():.2f} and {pick(restless).mean():.2f} %, "
        f"difference {gap.mean():+.2f}, the restless one wins {(gap > 0).mean():.0%}"
    )

# %% [markdown]
# Selection on the test set does not cancel. It pays for restlessness. No interval
# notices, as every seed is biased the same way. So the last epoch counts.
#
# ## 11. What others measured again
#
# Re-runs by people other than the authors, each beside a plain ResNet50, moskomule's
# taken from torchvision. (a1 to a3 are three recipes of the library timm;
# PytorchInsight, DCANet and EMA are repositories of other modules.) All are
# single runs. Per-image hits are not published, so the interval can only take the test
# images as independent: 50,000 for ImageNet, 10,000 for CIFAR-100.

# %%
RERUNS = [  # who, printed in, module, test images, plain, with the module: %
    ("timm a3", "results-imagenet.csv, 224 px", "SE", 50_000, 78.052, 77.036),
    ("timm a1", "results-imagenet.csv, 224 px", "SE", 50_000, 80.382, 80.012),
    ("timm a2", "results-imagenet.csv, 224 px", "SE", 50_000, 79.828, 80.102),
    ("REU", "ma-xu/ResidualAttention", "SE", 10_000, 75.06, 75.29),
    ("PytorchInsight", "implus/PytorchInsight", "SE", 50_000, 76.384, 77.184),
    ("moskomule", "moskomule/senet.pytorch", "SE", 50_000, 76.15, 77.06),
    ("weiaicunzai", "weiaicunzai/pytorch-cifar100", "SE", 10_000, 77.39, 78.58),
    ("Xu Ma", "ma-xu/DCANet", "SE", 50_000, 75.90, 77.29),
    ("REU", "ma-xu/ResidualAttention", "BAM", 10_000, 75.06, 75.43),
    ("PytorchInsight", "implus/PytorchInsight", "BAM", 50_000, 76.384, 76.898),
    ("REU", "ma-xu/ResidualAttention", "CBAM", 10_000, 75.06, 74.51),
    ("w6688j", "w6688j/cbam", "CBAM", 50_000, 74.26, 75.45),
    ("PytorchInsight", "implus/PytorchInsight", "CBAM", 50_000, 76.384, 77.626),
    ("Xu Ma", "ma-xu/DCANet", "CBAM", 50_000, 75.90, 77.28),
    ("EMA's authors", "EMA-attention-module", "CBAM", 10_000, 77.26, 80.56),
]
reruns = pd.DataFrame(RERUNS, columns=["who", "in", "module", "N", "plain", "with"])
reruns["gain"] = reruns["with"] - reruns["plain"]
variance = sum(reruns[k] * (100 - reruns[k]) / reruns["N"] for k in ("plain", "with"))
reruns["±"] = 1.96 * variance**0.5  # points; the two networks as independent
clear = reruns["gain"].abs() > reruns["±"]
print(reruns.round(2).to_string(index=False))

# %%
COLOURS = {"SE": ("#0072B2", "o"), "BAM": ("#009E73", "s"), "CBAM": ("#D55E00", "^")}
figure = Figure(figsize=(8.5, 5.2), dpi=100, layout="constrained")
axes = figure.subplots()
for module, (colour, marker) in COLOURS.items():
    part = reruns[reruns["module"] == module]
    axes.errorbar(
        part["gain"], part.index, xerr=part["±"], fmt=marker, color=colour, label=module
    )
axes.axvline(0, color="black", linestyle="--", linewidth=1)
images = reruns["N"].map({50_000: "ImageNet", 10_000: "CIFAR-100"})
axes.set_yticks(reruns.index, reruns["who"] + ", " + images, fontsize=9.5)
axes.set_xlabel("minus plain, points; line: luck of the test images alone, 95 %")
axes.legend(fontsize=10, loc="lower right")
axes.spines[["top", "right"]].set_visible(False)
title = f"{clear.sum()} of {len(reruns)} re-runs exclude 0, if only images were luck"
axes.set_title(title, fontsize=12, fontweight="bold", loc="left")
spans = reruns.groupby("module", sort=False)["gain"].agg(["min", "max"])
said = ", ".join(
    f"{m} {low:+.2f} to {high:+.2f}" for m, low, high in spans.itertuples()
)
show(figure, alt=f"Forest plot. {title}. Gains in points: {said}.")

# %%
for module in COLOURS:
    part = reruns[reruns["module"] == module]
    mean, low, high = paired_interval(part["with"].to_numpy(), part["plain"].to_numpy())
    print(
        f"{module:<5}{len(part)} re-runs: {mean:+.2f} points, {low:+.2f} to {high:+.2f}"
    )

# %% [markdown]
# The lines leave out the luck of the seed. Look at timm: a1, a2 and a3 differ only in
# the recipe, and SE's gain changes its sign. **Recipes differ by more than the line of any
# ImageNet re-run spans** (1.3 points against about 1.0).
# The last cell takes each re-run as one draw from "how people train". Even so, five of
# them cannot settle CBAM. They are no random sample: some come from authors of rival
# modules, weiaicunzai's blocks differ in more than the gate.
#
# ## 12. Break it
#
# NumPy's `std()` divides by n unless told otherwise. The properties of
# `paired_interval` are, in this order: runs, shape, range, coverage, shared luck
# cancels, values, input not modified. **Which is the first to fail**, and what does the
# line "got" say?

# %%
predict("population variance", "...")

# %%
from course_lib.notebook import break_it


def population_interval(values, baseline, level=0.95):
    """paired_interval with the standard deviation of a whole population."""
    d = values - baseline
    error = d.std() / np.sqrt(len(d))
    t = stats.t.ppf((1 + level) / 2, len(d) - 1)
    return d.mean(), d.mean() - t * error, d.mean() + t * error


break_it("paired_interval", population_interval)
recall("population variance", "coverage: inside in 39.3 % where 50 % were promised")

# %% [markdown]
# The mean is right, the formula looks right, nothing crashes. Only a simulation that
# knows the truth finds it. Test your statistics as you test your modules.
#
# ## 13. May you write this?
#
# Decide for each sentence before you open it.
#
# <details><summary>A. "SE improves ResNet50 by 0.23 points (REU, 2019)."</summary>
#
# **No.** One seed, best epoch on the test set. You may write: "In one run each, SE
# scored 0.23 points above plain."
# </details>
# <details><summary>B. "On CIFAR-100 (6 epochs, width 8, 3 seeds), CBAM was 4.0 points
# below plain (95 % interval 3.5 to 4.5, Holm-corrected p = 0.003)."</summary>
#
# **Yes.** Setting, seeds, size, interval, correction: all there.
# </details>
# <details><summary>C. "SE makes no difference on the signs (p = 0.16)."</summary>
#
# **No.** The interval is -13.2 to +0.2 points. You may write: "Three seeds cannot tell."
# </details>
# <details><summary>D. "BAM beats plain: McNemar p = 0.005 on 2,000 images."</summary>
#
# **No**, that is seed 1. These two networks differ; so did two plain ones.
# </details>
# <details><summary>E. "We stopped after seed 7, when p fell below 0.05."</summary>
#
# **No.** Looking after each seed gives luck many chances. Fix the number first.
# </details>
# <details><summary>F. "We ran 10 seeds, chosen beforehand for a power of 0.8 at 0.5
# points; the difference was 0.1 (-0.2 to +0.4): a gain above 0.4 is
# unlikely here."</summary>
#
# **Yes.** Nothing was found, and the sentence says what that rules out.
# </details>
#
# Sentence E deserves a number.

# %%
random = np.random.default_rng(5)
d = random.normal(0, SD, (4000, 20))  # equal models, up to 20 seeds
seeds = np.arange(3, 21)
looks = [stats.ttest_1samp(d[:, :n], 0, axis=1).pvalue < 0.05 for n in seeds]
print(f"p below 0.05 at 20 seeds: {looks[-1].mean():.2f}")
print(f"p below 0.05 at some look from 3 to 20: {np.any(looks, axis=0).mean():.2f}")

# %% [markdown]
# ## 14. Recap
#
# <details><summary>1. Why t and not 1.96?</summary>
#
# The sd is estimated from the same few runs. With three seeds the factor is 4.30.
# </details>
# <details><summary>2. When does pairing help, when does it not?</summary>
#
# When the two runs of a seed share luck. Without it, you lose degrees of freedom.
# </details>
# <details><summary>3. Why does the sign-flip test need six seeds?</summary>
#
# With n seeds, its smallest p is 2 / 2<sup>n</sup>: 0.0625 for five, 0.031 for six.
# </details>
# <details><summary>4. What does McNemar's p not know?</summary>
#
# The luck of the training. It judges two trained networks, not two modules.
# </details>
# <details><summary>5. Why is "not significant" no proof of "equal"?</summary>
#
# A small experiment says it nearly always. Read the interval: what does it still allow?
# </details>
#
# ### Not shown here
#
# Other data, longer training, whether our differences are normal: three seeds cannot
# say. Effects of one recipe need not hold under another.
#
# **Paper against code.** That the best test epoch was kept, you learn from the REU's
# `cifar.py`, not from its accuracies. The tables of the SE, BAM and CBAM papers quoted
# in this course report no repeats.
#
# **An open problem.** Seeds, recipes and data sets are three kinds of luck. A
# comparison that draws from all three would need a model with three variances. Who has
# the budget?
#
# **Next**: notebook 09 looks where attention looks, and doubts it with the same tools.
