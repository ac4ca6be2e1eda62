"""Known-wrong answers to the exercises of notebook 08: McNemar's test."""

from course_lib.exercises.exercise import WrongAnswer

ONLY_A = "only_a = (hits_a & ~hits_b).sum()"
ONLY_B = "only_b = (hits_b & ~hits_a).sum()"
TAIL = "stats.binom.cdf(min(only_a, only_b), only_a + only_b, 0.5)"
RESULT = "return min(1.0, 2 * tail)"

MCNEMAR = (
    WrongAnswer(
        "all cells of the table",
        TAIL,
        "stats.binom.cdf(min(only_a, only_b), len(hits_a), 0.5)",
        "agreement is ignored",
        "The coin is thrown once for each image, agreements included. Throw it only "
        "where they disagree: only_a + only_b times.",
    ),
    WrongAnswer(
        "minus between booleans",
        ONLY_A,
        "only_a = ((hits_a - hits_b) > 0).sum()",
        "runs",
        "NumPy does not subtract booleans. Use & for and, ~ for not.",
    ),
    WrongAnswer(
        "minus in place of ~",
        ONLY_A,
        "only_a = (hits_a & -hits_b).sum()",
        "runs",
        "- is no `not` for booleans. NumPy's is ~: hits_a & ~hits_b.",
    ),
    WrongAnswer(
        "binomtest without a coin",
        RESULT,
        "return stats.binomtest(only_a, only_a + only_b).pvalue",
        "runs",
        "binomtest wants a throw or more. Where no image tells the two apart (n = 0), "
        "return 1.0.",
    ),
    WrongAnswer(
        "not in place of ~",
        ONLY_A,
        "only_a = (hits_a & (not hits_b)).sum()",
        "runs",
        "One yes or no was asked of many images: by not, and, or (use ~, &, |), or by "
        "min of two arrays (count first, .sum()).",
    ),
    WrongAnswer(
        "counts returned",
        RESULT,
        "return only_a, only_b",
        "shape",
        "These are the two counts. Return the p-value, one number.",
    ),
    WrongAnswer(
        "not cut at 1",
        RESULT,
        "return 2 * tail",
        "range",
        "At a tie both tails hold the middle, so their sum passes 1. Cut it: min(1.0, "
        "2 * tail).",
    ),
    WrongAnswer(
        "no p where nothing differs",
        RESULT,
        "return min(1.0, 2 * tail) if only_a + only_b else 0.0",
        "range",
        "Two networks that never disagree are the weakest evidence there is: p = 1.",
    ),
    WrongAnswer(
        "chi-square without a coin",
        RESULT,
        "return stats.chi2.sf((only_a - only_b) ** 2 / (only_a + only_b), 1)",
        "range",
        "nan is 0 / 0: no image tells these two apart (n = 0), so p is 1.0. And "
        "chi-square is rough; the exact p uses stats.binom.cdf.",
    ),
    WrongAnswer(
        "difference of the accuracies",
        TAIL,
        "stats.binom.cdf(\n"
        "        min(hits_a.sum(), hits_b.sum()), hits_a.sum() + hits_b.sum(), 0.5\n"
        "    )",
        "agreement is ignored",
        "These are all hits of each network. Those they share say nothing: count the "
        "images that one alone gets right.",
    ),
    WrongAnswer(
        "test of independence",
        TAIL,
        "stats.chi2_contingency(\n"
        "        np.histogram2d(hits_a, hits_b, bins=2)[0] + 1e-9\n"
        "    ).pvalue / 2",
        "agreement is ignored",
        "This tests whether the two networks' hits are related, which they always are. "
        "Compare only_a with only_b.",
    ),
    WrongAnswer(
        "both in place of only b",
        "hits_b & ~hits_a",
        "hits_b & hits_a",
        "agreement is ignored",
        "hits_b & hits_a are the images that both get right. Only b: hits_b & ~hits_a.",
    ),
    WrongAnswer(
        "neither in place of only a",
        "hits_a & ~hits_b",
        "~hits_a & ~hits_b",
        "agreement is ignored",
        "~hits_a & ~hits_b are the images that both get wrong. Only a: hits_a & "
        "~hits_b.",
    ),
    WrongAnswer(
        "only a counted twice",
        "hits_b & ~hits_a",
        "hits_a & ~hits_b",
        "false alarms",
        "p is always 1. Do only_a and only_b count the same images (swap the roles: "
        "hits_b & ~hits_a), or does max stand where min belongs?",
    ),
    WrongAnswer(
        "a first, whichever is smaller",
        "min(only_a, only_b)",
        "only_a",
        "sides equal",
        "The tail is that of a alone, so swapping the networks changes p. Take the "
        "smaller count, min.",
    ),
    WrongAnswer(
        "one-sided",
        RESULT,
        "return tail",
        "false alarms",
        "One tail alone is a one-sided p: it calls twice as many ties a difference. "
        "Double it.",
    ),
    WrongAnswer(
        "one outcome in place of the tail",
        "stats.binom.cdf(",
        "stats.binom.pmf(",
        "false alarms",
        "pmf is the chance of exactly this count. Add the more uneven ones: cdf.",
    ),
    WrongAnswer(
        "the tail without its end",
        "min(only_a, only_b), only_a",
        "min(only_a, only_b) - 1, only_a",
        "range",
        "The observed count itself belongs to the tail: binom.cdf(k) is P(X <= k).",
    ),
    WrongAnswer(
        "chi-square, uncorrected",
        TAIL,
        "stats.chi2.sf(\n"
        "        (only_a - only_b) ** 2 / max(only_a + only_b, 1), 1\n"
        "    ) / 2",
        "values",
        "This is the chi-square form, rough for few disagreements. The exact p uses "
        "the binomial: stats.binom.cdf.",
    ),
    WrongAnswer(
        "mid-p",
        RESULT,
        "middle = stats.binom.pmf(min(only_a, only_b), only_a + only_b, 0.5)\n"
        "    return min(1.0, 2 * tail - middle)",
        "values",
        "This is the mid-p form, which counts the observed split half. The exact p "
        "counts it whole.",
    ),
    WrongAnswer(
        "written into the hits",
        f"{ONLY_A}\n    {ONLY_B}",
        f"{ONLY_B}\n    hits_a &= ~hits_b\n    only_a = hits_a.sum()",
        "input not modified",
        "&= writes into the caller's hits. Write hits_a & ~hits_b.",
    ),
)
