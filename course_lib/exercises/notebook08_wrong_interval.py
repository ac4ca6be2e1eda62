"""Known-wrong answers to the exercises of notebook 08: the paired interval."""

from course_lib.exercises.exercise import WrongAnswer

DIFFERENCES = "d = values - baseline  # (n,): one difference a seed"
SD = "d.std(ddof=1)"
ERROR = "d.std(ddof=1) / np.sqrt(n)"
T = "stats.t.ppf((1 + level) / 2, n - 1)"
RESULT = "return d.mean(), d.mean() - t * standard_error, d.mean() + t * standard_error"
UNPAIRED = "np.sqrt((values.var(ddof=1) + baseline.var(ddof=1)) / n)"

PAIRED_INTERVAL = (
    WrongAnswer(
        "unpaired formula on paired runs",
        ERROR,
        UNPAIRED,
        "coverage",
        "This is the unpaired formula: the luck that both runs of a seed share widens "
        "it. Take the sd of the differences.",
    ),
    WrongAnswer(
        "torch's name for the correction",
        SD,
        "d.std(unbiased=True)",
        "runs",
        "`unbiased` is torch's word. NumPy divides by n - 1 with d.std(ddof=1).",
    ),
    WrongAnswer(
        "degrees of freedom left out",
        T,
        "stats.t.ppf((1 + level) / 2)",
        "runs",
        "stats.t.ppf needs the degrees of freedom as well: n - 1.",
    ),
    WrongAnswer(
        "bounds without the mean",
        RESULT,
        "return d.mean() - t * standard_error, d.mean() + t * standard_error",
        "shape",
        "Two numbers came back. Three are asked for: the mean, then low, then high.",
    ),
    WrongAnswer(
        "one interval a seed",
        RESULT,
        "return d, d - t * standard_error, d + t * standard_error",
        "shape",
        "Each seed got an interval of its own. The interval is around d.mean().",
    ),
    WrongAnswer(
        "bounds swapped",
        RESULT,
        "return d.mean(), d.mean() + t * standard_error, d.mean() - t * standard_error",
        "range",
        "High stands before low. Return mean, mean - half, mean + half; or the factor "
        "is below 0: the quantile is (1 + level) / 2.",
    ),
    WrongAnswer(
        "bounds around 0",
        RESULT,
        "return d.mean(), -t * standard_error, t * standard_error",
        "range",
        "The bounds lie around 0. Add them to the mean.",
    ),
    WrongAnswer(
        "n - 2 degrees of freedom",
        T,
        "stats.t.ppf((1 + level) / 2, n - 2)",
        "range",
        "n - 2 leaves two seeds no degree of freedom: nan. Only the mean was taken "
        "from the n differences: n - 1.",
    ),
    WrongAnswer(
        "interval first, mean last",
        RESULT,
        "return d.mean() - t * standard_error, d.mean() + t * standard_error, d.mean()",
        "range",
        "The order is mean, low, high. Yours begins with low.",
    ),
    WrongAnswer(
        "population variance",
        SD,
        "d.std()",
        "coverage",
        "NumPy's std divides by n, for a whole population. Of n runs, divide by n - 1: "
        "d.std(ddof=1).",
    ),
    WrongAnswer(
        "z in place of t",
        T,
        "stats.norm.ppf((1 + level) / 2)",
        "coverage",
        "The normal quantile ignores that the sd is itself a guess from few runs. Use "
        "stats.t.ppf.",
    ),
    WrongAnswer(
        "1.96 whatever the level",
        T,
        "1.96",
        "coverage",
        "1.96 is the normal quantile of 95 %. Use stats.t.ppf with the level and n - "
        "1.",
    ),
    WrongAnswer(
        "4.30 whatever the level",
        T,
        "4.30",
        "coverage",
        "4.30 belongs to three seeds and 95 %. Ask for other n and levels: "
        "stats.t.ppf((1 + level) / 2, n - 1).",
    ),
    WrongAnswer(
        "n - 1 used twice",
        ERROR,
        "d.std(ddof=1) / np.sqrt(n - 1)",
        "coverage",
        "n - 1 is used twice: ddof=1 has divided by it already. Then it is np.sqrt(n).",
    ),
    WrongAnswer(
        "both tails on one side",
        T,
        "stats.t.ppf(level, n - 1)",
        "coverage",
        "A two-sided interval leaves (1 - level) / 2 on each side. Ask for the "
        "quantile (1 + level) / 2.",
    ),
    WrongAnswer(
        "n degrees of freedom",
        T,
        "stats.t.ppf((1 + level) / 2, n)",
        "values",
        "The mean used up one of n differences: n - 1 degrees of freedom, not n.",
    ),
    WrongAnswer(
        "degrees of freedom of an unpaired test",
        T,
        "stats.t.ppf((1 + level) / 2, 2 * n - 2)",
        "coverage",
        "2 n - 2 belongs to two independent groups. There are n differences: n - 1.",
    ),
    WrongAnswer(
        "level ignored",
        T,
        "stats.t.ppf(0.975, n - 1)",
        "coverage",
        "0.975 is right for level 0.95 only. Write (1 + level) / 2.",
    ),
    WrongAnswer(
        "sd in place of its standard error",
        ERROR,
        SD,
        "coverage",
        "This is the spread of single runs. The mean of n is known better: divide by "
        "np.sqrt(n).",
    ),
    WrongAnswer(
        "divided by n, not its root",
        "/ np.sqrt(n)",
        "/ n",
        "coverage",
        "The spread of a mean shrinks with the root of n, not with n: np.sqrt(n).",
    ),
    WrongAnswer(
        "variance in place of the sd",
        SD,
        "d.var(ddof=1)",
        "coverage",
        "This is the variance, in squared points. Take its root: d.std(ddof=1).",
    ),
    WrongAnswer(
        "baseline minus values",
        DIFFERENCES,
        "d = baseline - values",
        "coverage",
        "The sign is turned round: a better model must have a positive difference, "
        "values - baseline.",
    ),
    WrongAnswer(
        "relative difference",
        DIFFERENCES,
        "d = values / baseline - 1",
        "coverage",
        "This is a ratio. Points are a plain difference: values - baseline.",
    ),
    WrongAnswer(
        "bootstrap",
        RESULT,
        "picks = np.random.default_rng(0).choice(d, (1000, n)).mean(axis=1)\n"
        "    return d.mean(), *np.quantile(picks, [(1 - level) / 2, (1 + level) / 2])",
        "coverage",
        "The bootstrap never leaves the range of the n differences (section 2). Take "
        "the mean, plus and minus t standard errors.",
    ),
    WrongAnswer(
        "scipy's unpaired test",
        RESULT,
        "interval = stats.ttest_ind(values, baseline).confidence_interval(level)\n"
        "    return d.mean(), interval.low, interval.high",
        "coverage",
        "This is the unpaired test, which takes the luck that a seed's two runs share "
        "for noise. Subtract first; scipy's name is ttest_rel.",
    ),
    WrongAnswer(
        "difference without its sign",
        DIFFERENCES,
        "d = np.abs(values - baseline)",
        "values",
        "abs() lets every seed count as a gain. Keep the sign of each difference.",
    ),
    WrongAnswer(
        "each side sorted",
        DIFFERENCES,
        "d = np.sort(values) - np.sort(baseline)",
        "shared luck cancels",
        "Sorting tears the pairs apart: the best run of one meets the best of the "
        "other. Subtract seed by seed.",
    ),
    WrongAnswer(
        "median of the differences",
        RESULT,
        "half = t * standard_error\n"
        "    return np.median(d), np.median(d) - half, np.median(d) + half",
        "values",
        "The standard error belongs to the mean, not to the median. Use d.mean().",
    ),
    WrongAnswer(
        "subtracted in place",
        DIFFERENCES,
        "d = values\n    d -= baseline",
        "input not modified",
        "`d = values` is no copy, so -= writes into the caller's array. Write "
        "d = values - baseline.",
    ),
)
