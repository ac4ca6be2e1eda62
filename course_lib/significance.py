"""Is the difference more than luck? Four tests written out, as notebook 08 builds them.

They show each step and check no input. `course compare` uses course_lib/statistics.py,
which asks scipy and statsmodels; the tests hold the two against each other. A value is
one number a run, such as its test accuracy; position i is the same seed on both sides.
"""

import numpy as np
from numpy import ndarray
from scipy import stats

ROUNDING = 1e-9  # two means that differ by less are the same mean, rounded differently


def paired_interval(
    values: ndarray, baseline: ndarray, level: float = 0.95
) -> tuple[float, float, float]:
    """Mean difference of runs paired by seed, with its t interval.

    values, baseline (n,): one run a seed, n of 2 or more; level: how often such an
    interval contains the true difference -> (mean, low, high), values - baseline.
    """
    d = values - baseline  # (n,): one difference a seed
    n = len(d)
    standard_error = d.std(ddof=1) / np.sqrt(n)
    t = stats.t.ppf((1 + level) / 2, n - 1)
    return d.mean(), d.mean() - t * standard_error, d.mean() + t * standard_error


def sign_flip_p(differences: ndarray, flips: ndarray) -> float:
    """Two-sided p of the sign-flip test: if luck alone chose the signs, how rare is it?

    differences (n,): one a seed; flips (B, n): B rows of random signs, +1.0 or -1.0
    -> p in (0, 1]: the share of means at least as far from 0 as the observed one,
    among the B flipped means and the observed one itself.
    """
    observed = abs(differences.mean())
    flipped = np.abs((flips * differences).mean(axis=1))  # (B,)
    as_far = (flipped >= observed - ROUNDING).sum()  # ties count
    return (as_far + 1) / (len(flips) + 1)


def mcnemar_p(hits_a: ndarray, hits_b: ndarray) -> float:
    """Exact two-sided McNemar p of two trained networks on the same test images.

    hits_a, hits_b (N,) bool: was the network right on image i? -> p in (0, 1]; 1 where
    they never disagree. Only images that one alone gets right count: a fair coin.
    """
    only_a = (hits_a & ~hits_b).sum()
    only_b = (hits_b & ~hits_a).sum()
    tail = stats.binom.cdf(min(only_a, only_b), only_a + only_b, 0.5)
    return min(1.0, 2 * tail)


def holm_corrected(p_values: ndarray) -> ndarray:
    """Holm's correction of m p-values (m,), in the order given -> (m,).

    The smallest counts m times, the next m - 1 times, the largest once; none may fall
    below one that was smaller before, and none exceeds 1.
    """
    m = len(p_values)
    corrected = np.empty(m)
    highest = 0.0
    for rank, place in enumerate(np.argsort(p_values)):  # from the smallest
        highest = max(highest, (m - rank) * p_values[place])
        corrected[place] = min(1.0, highest)
    return corrected
