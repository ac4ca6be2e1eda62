"""Is the difference more than luck? Intervals, paired tests, correction, power.

Every formula comes from scipy or statsmodels; this module gives it the names used in
the course, checks the input, and says what each answer assumes. A value is one number
a run, for example its test accuracy; position i is the same seed on both sides.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as mcnemar_test
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from course_lib.errors import CourseError

MOST_SEEDS = 1000  # seeds_needed gives up above this
LARGEST_EFFECT = 1000.0  # in sd; beyond it 2 or 3 seeds do, and the formula is slow
EXACT_PAIRS = 16  # up to 2**16 sign flips are tried one by one, above that sampled
NAN = float("nan")


@dataclass(frozen=True)
class Interval:
    """A mean of n values and the interval around it, in the unit of the values."""

    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class PairedDifference:
    """Mean of n differences (value - baseline), its interval, and two p-values."""

    mean: float
    low: float
    high: float
    p: float
    p_permutation: float
    n: int
    sd: float


@dataclass(frozen=True)
class McNemar:
    """Images that both, only a, only b or neither model got right, and the p-value."""

    both: int
    only_a: int
    only_b: int
    neither: int
    p: float


def mean_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """Mean of the runs and its t interval.

    Of 100 such intervals, from 100 repetitions of the whole experiment, about
    `100 * level` contain the true mean. This assumes independent runs whose values
    follow roughly a normal distribution. Low and high are nan when the values show
    no spread: one run, or all runs exactly equal.

    Raises CourseError: values empty or not finite; level not between 0 and 1.
    """
    values = _numbers(values, "values")
    _check_between_0_and_1(level, "level")
    n, mean = len(values), float(np.mean(values))
    if _no_spread(values):
        return Interval(mean, NAN, NAN, n)
    low, high = stats.t.interval(level, n - 1, loc=mean, scale=stats.sem(values))
    return Interval(mean, float(low), float(high), n)


def bootstrap_interval(
    values: Sequence[float],
    level: float = 0.95,
    resamples: int = 9999,
    seed: int = 0,
) -> Interval:
    """Mean of the runs and its percentile bootstrap interval.

    It draws n runs with replacement, many times, and keeps the middle `level` of
    their means. It does not assume a normal distribution, but it needs many runs:
    with 3 it never leaves the range of the 3 values, and contains the true mean far
    less often than it says. Use it for many values, such as images.

    Raises CourseError: values empty or not finite; level not between 0 and 1.
    """
    values = _numbers(values, "values")
    _check_between_0_and_1(level, "level")
    n, mean = len(values), float(np.mean(values))
    if _no_spread(values):
        return Interval(mean, NAN, NAN, n)
    result = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=resamples,
        confidence_level=level,
        method="percentile",
        random_state=np.random.default_rng(seed),
    )
    low, high = result.confidence_interval
    return Interval(mean, float(low), float(high), n)


def paired_difference(
    values: Sequence[float], baseline: Sequence[float], level: float = 0.95
) -> PairedDifference:
    """Mean difference of runs paired by seed: interval, t-test, permutation test.

    Pairing takes out what the two runs of one seed share: the data order, the
    augmentation, part of the initial weights. Only the differences count.

    `p` is the two-sided paired t-test. It assumes that the differences are
    independent and roughly normal, which a handful of seeds cannot check.
    `p_permutation` is the sign-flip test, which assumes only that a difference is as
    likely to be -d as +d when the models are equal. But with n pairs there are 2^n
    ways to flip the signs, so the two-sided p cannot go below 2 / 2^n: 0.25 with 3
    seeds, 0.0625 with 5. It can never reach 0.05 there, whatever the models do. This
    is why the t-test is the one that the report corrects and states.

    Interval and p are nan when the differences show no spread (one pair, or all
    differences equal): there is nothing to judge luck by. The interval fits a single
    comparison; it is not widened for several models.

    Raises CourseError: unequal lengths, empty, or not finite.
    """
    values, baseline = _numbers(values, "values"), _numbers(baseline, "baseline")
    if len(values) != len(baseline):
        raise CourseError(
            f"{len(values)} values against {len(baseline)} of the baseline",
            "one of each for every seed",
            "Keep only the seeds that both have.",
        )
    differences = values - baseline
    interval = mean_interval(differences, level)
    if _no_spread(differences):
        p = p_permutation = sd = NAN
    else:
        p = float(stats.ttest_rel(values, baseline).pvalue)
        p_permutation = _sign_flip_p(differences)
        sd = float(np.std(differences, ddof=1))
    return PairedDifference(
        interval.mean, interval.low, interval.high, p, p_permutation, interval.n, sd
    )


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Holm-corrected p-values, in the order given.

    Comparing m models with plain gives luck m chances. After the correction, the
    chance of one or more false claims among all m stays at most alpha.

    Raises CourseError: empty, not finite, or outside 0 to 1.
    """
    p_values = _numbers(p_values, "p-values")
    if p_values.min() < 0 or p_values.max() > 1:
        raise CourseError(
            f"p-values {p_values.tolist()}",
            "each from 0 to 1",
            "Pass the p-values of the tests, not percentages.",
        )
    return multipletests(p_values, method="holm")[1]


def seeds_needed(
    difference: float,
    sd_of_differences: float,
    power: float = 0.8,
    alpha: float = 0.05,
) -> int | None:
    """Paired seeds after which the t-test finds a true difference with this power.

    Both numbers are in the same unit, for example points. The answer is at least 2,
    and None when more than 1,000 seeds were needed (a difference of 0 never is
    found). An sd from 3 runs is itself rough, so read the answer as "about".

    Raises CourseError: a number not finite, sd below 0, power or alpha not in 0 to 1.
    """
    _numbers([difference, sd_of_differences], "difference and sd")
    _check_between_0_and_1(power, "power")
    _check_between_0_and_1(alpha, "alpha")
    if sd_of_differences < 0:
        raise CourseError(
            f"sd {sd_of_differences}", "0 or more", "Pass a standard deviation."
        )
    if difference == 0:
        return None
    if sd_of_differences == 0:
        return 2
    effect = min(abs(difference) / sd_of_differences, LARGEST_EFFECT)
    seeds = np.arange(2, MOST_SEEDS + 1)
    # The two-sided test, less its chance of a find on the wrong side: that is nearly 0
    # here, and statsmodels answers nan for it when the effect is large.
    found = TTestPower().power(effect, seeds, alpha / 2, alternative="larger")
    enough = seeds[found >= power]
    return int(enough[0]) if len(enough) else None


def mcnemar(hits_a: Sequence[bool], hits_b: Sequence[bool]) -> McNemar:
    """Exact McNemar test of two trained networks on the same test images.

    Only images that one network gets right and the other wrong tell them apart. The
    answer holds for these two trained networks. It does not know how much a second
    training, with another seed, would change them.

    hits_a, hits_b: bool (N,), True where the network was right on image i.
    Raises CourseError: not bool, unequal lengths, or empty.
    """
    hits_a, hits_b = np.asarray(hits_a), np.asarray(hits_b)
    fine = hits_a.dtype == hits_b.dtype == bool and hits_a.shape == hits_b.shape
    if not fine or hits_a.ndim != 1 or len(hits_a) == 0:
        raise CourseError(
            f"hits of shape {hits_a.shape} {hits_a.dtype} and "
            f"{hits_b.shape} {hits_b.dtype}",
            "two bool arrays of the same length, one entry an image",
            "Compare predictions with labels: hits = predicted == labels.",
        )
    both, only_a = int((hits_a & hits_b).sum()), int((hits_a & ~hits_b).sum())
    only_b, neither = int((~hits_a & hits_b).sum()), int((~hits_a & ~hits_b).sum())
    table = [[both, only_a], [only_b, neither]]
    return McNemar(
        both, only_a, only_b, neither, float(mcnemar_test(table, exact=True).pvalue)
    )


def _sign_flip_p(differences: np.ndarray) -> float:
    """Two-sided p of flipping the sign of each difference, shape (n,)."""
    exact = len(differences) <= EXACT_PAIRS
    result = stats.permutation_test(
        (differences,),
        _rounded_mean,
        permutation_type="samples",
        n_resamples=np.inf if exact else 2**EXACT_PAIRS - 1,
        random_state=np.random.default_rng(0),
    )
    return float(result.pvalue)


def _rounded_mean(values: np.ndarray, axis: int) -> np.ndarray:
    """The mean, so rounded that sums in another order stay equal."""
    return np.round(np.mean(values, axis=axis), 9)


def _numbers(values: Sequence[float], name: str) -> np.ndarray:
    """The values as a float array (n,), checked: one-dimensional, full, finite."""
    array = np.asarray(values, dtype=float)
    if array.ndim != 1 or len(array) == 0:
        raise CourseError(
            f"{name} of shape {array.shape}",
            "a list of at least one number",
            "Pass one number a run.",
        )
    if not np.isfinite(array).all():
        raise CourseError(
            f"{name} {array.tolist()}",
            "finite numbers",
            "Leave out failed runs, with their partners on the other side.",
        )
    return array


def _no_spread(values: np.ndarray) -> bool:
    """One value, or all equal up to rounding."""
    return bool(np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max())))


def _check_between_0_and_1(value: float, name: str) -> None:
    if not 0 < value < 1:
        raise CourseError(
            f"{name} {value}", "a number between 0 and 1", f"Try {name}=0.95 or 0.05."
        )
