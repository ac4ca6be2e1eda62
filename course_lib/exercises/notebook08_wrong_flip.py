"""Known-wrong answers to the exercises of notebook 08: the sign-flip test."""

from course_lib.exercises.exercise import WrongAnswer

OBSERVED = "observed = abs(differences.mean())"
FLIPPED = "np.abs((flips * differences).mean(axis=1))"
AS_FAR = "flipped >= observed - ROUNDING"
BODY = f"""{OBSERVED}
    flipped = {FLIPPED}  # (B,)
    as_far = ({AS_FAR}).sum()  # ties count
    return (as_far + 1) / (len(flips) + 1)"""
SHARE = "(as_far + 1) / (len(flips) + 1)"

SIGN_FLIP = (
    WrongAnswer(
        "the observed case left out",
        SHARE,
        "as_far / len(flips)",
        "range",
        "b / B leaves out the signs that did occur, so p can be 0. They are one more "
        "case: (b + 1) / (B + 1).",
    ),
    WrongAnswer(
        "observed case counted above only",
        SHARE,
        "(as_far + 1) / len(flips)",
        "range",
        "The observed case is one more below as well: divide by len(flips) + 1.",
    ),
    WrongAnswer(
        "observed case counted below only",
        SHARE,
        "as_far / (len(flips) + 1)",
        "range",
        "The observed case is as far as itself: count it above as well, as_far + 1.",
    ),
    WrongAnswer(
        "a count, not a share",
        SHARE,
        "as_far + 1",
        "range",
        "This counts the flips. p is their share: divide by len(flips) + 1.",
    ),
    WrongAnswer(
        "divided by the seeds",
        "(len(flips) + 1)",
        "(len(differences) + 1)",
        "range",
        "Divide by the number of flips, not of seeds: len(flips) + 1.",
    ),
    WrongAnswer(
        "one side doubled",
        BODY,
        """observed = differences.mean()
    flipped = (flips * differences).mean(axis=1)  # (B,)
    as_far = (flipped >= observed - ROUNDING).sum()
    return 2 * (as_far + 1) / (len(flips) + 1)""",
        "range",
        "One direction is counted and doubled, which passes 1 where the mean is low. "
        "Compare distances from 0, abs on both; then nothing is doubled.",
    ),
    WrongAnswer(
        "the share that is nearer",
        SHARE,
        "1 - (as_far + 1) / (len(flips) + 1)",
        "range",
        "This is 1 - p, the share of flips that are less far out.",
    ),
    WrongAnswer(
        "flips multiplied as a matrix",
        "(flips * differences).mean(axis=1)",
        "(differences @ flips) / len(differences)",
        "runs",
        "differences @ flips sums over the rows. Each row is one flip: flips @ "
        "differences, or (flips * differences).mean(axis=1).",
    ),
    WrongAnswer(
        "torch's name for the axis",
        "(flips * differences).mean(axis=1)",
        "(flips * differences).mean(axis=2)",
        "runs",
        "flips has two axes, 0 and 1. The mean of one flip runs along axis 1.",
    ),
    WrongAnswer(
        "compared, never counted",
        "as_far = (flipped >= observed - ROUNDING).sum()",
        "as_far = flipped >= observed - ROUNDING",
        "shape",
        "One answer a flip comes out. Count those that are True: .sum().",
    ),
    WrongAnswer(
        "one direction only",
        f"{OBSERVED}\n    flipped = {FLIPPED}",
        "observed = differences.mean()\n"
        "    flipped = (flips * differences).mean(axis=1)",
        "sides equal",
        "Only flips that favour the first model count: that is one-sided. Compare "
        "distances from 0, with abs on both.",
    ),
    WrongAnswer(
        "abs on the observed mean only",
        FLIPPED,
        "(flips * differences).mean(axis=1)",
        "sides equal",
        "abs is missing on the flipped means, so one of two directions is lost: the p "
        "is one-sided, half as large.",
    ),
    WrongAnswer(
        "signs added",
        "flips * differences",
        "flips + differences",
        "sides equal",
        "The signs are added, which shifts the differences. Multiply: flips * "
        "differences.",
    ),
    WrongAnswer(
        "abs on the flipped means only",
        OBSERVED,
        "observed = differences.mean()",
        "sides equal",
        "abs is missing on the observed mean: below 0, every flip counts as further.",
    ),
    WrongAnswer(
        "halved",
        SHARE,
        "(as_far + 1) / (len(flips) + 1) / 2",
        "false alarms",
        "Half of a two-sided p is a one-sided p. Both directions are luck's: do not "
        "halve.",
    ),
    WrongAnswer(
        "abs inside the observed mean",
        "abs(differences.mean())",
        "np.abs(differences).mean()",
        "false alarms",
        "The observed mean keeps its signs: abs(differences.mean()), not "
        "abs(differences).mean().",
    ),
    WrongAnswer(
        "sum against mean",
        "(flips * differences).mean(axis=1)",
        "(flips * differences).sum(axis=1)",
        "false alarms",
        "The sum of each flip is compared with a mean. Take the mean of both, or the "
        "sum of both.",
    ),
    WrongAnswer(
        "mean against sum",
        "abs(differences.mean())",
        "abs(differences.sum())",
        "false alarms",
        "The mean of each flip is compared with a sum. Take the mean of both, or the "
        "sum of both.",
    ),
    WrongAnswer(
        "averaged over the flips",
        "mean(axis=1)",
        "mean(axis=0)",
        "false alarms",
        "axis=0 averages one seed over all flips. Average each flip over its seeds: "
        "axis=1.",
    ),
    WrongAnswer(
        "one sign for all seeds",
        "(flips * differences).mean(axis=1)",
        "(flips[:, :1] * differences).mean(axis=1)",
        "false alarms",
        "p is always 1. Either abs stands inside the mean, so no sign matters: mean "
        "first, then abs. Or all seeds of a flip get one sign: each has its own.",
    ),
    WrongAnswer(
        "twice the smaller side",
        BODY,
        """flipped = (flips * differences).mean(axis=1)  # (B,)
    above = (flipped >= differences.mean() - ROUNDING).sum()
    below = (flipped <= differences.mean() + ROUNDING).sum()
    return min(1.0, 2 * (min(above, below) + 1) / (len(flips) + 1))""",
        "values",
        "The smaller side is doubled, as in McNemar's test. Here abs counts both "
        "directions at once: compare distances from 0, and do not double.",
    ),
    WrongAnswer(
        "comparison turned round",
        AS_FAR,
        "flipped <= observed + ROUNDING",
        "values",
        "The comparison points the wrong way: count the flips at least as far out, >=.",
    ),
    WrongAnswer(
        "ties left out",
        AS_FAR,
        "flipped > observed + ROUNDING",
        "ties count",
        "> leaves out the flips that are exactly as far. Accuracies are counts of "
        "images, so ties are common: >=.",
    ),
    WrongAnswer(
        "ties lost to rounding",
        AS_FAR,
        "flipped >= observed",
        "ties count",
        "Two sums of the same numbers may differ in the last digit. Leave room: "
        "observed - ROUNDING.",
    ),
    WrongAnswer(
        "two tails added",
        SHARE,
        "min(1.0, 2 * (as_far + 1) / (len(flips) + 1))",
        "false alarms",
        "abs has already counted both directions. Do not double.",
    ),
    WrongAnswer(
        "rounded to two digits",
        SHARE,
        "round((as_far + 1) / (len(flips) + 1), 2)",
        "values",
        "p is rounded. Round when you print, not when you compute.",
    ),
    WrongAnswer(
        "flips multiplied in place",
        FLIPPED,
        "flips\n    flipped *= differences\n    flipped = np.abs(flipped.mean(axis=1))",
        "input not modified",
        "*= writes into the caller's flips. Write flips * differences.",
    ),
)
