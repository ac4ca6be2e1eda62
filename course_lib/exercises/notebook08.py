"""Exercises of notebook 08, Is it better?: interval, sign flips, McNemar, Holm."""

from dataclasses import replace

from course_lib.exercises.exercise import Exercise, Property
from course_lib.exercises.notebook08_laws import (
    agreement_is_ignored,
    never_falls,
    only_larger,
    order_kept,
    tied,
    ties_count,
)
from course_lib.exercises.notebook08_properties import (
    arrays_untouched,
    coverage,
    ends_in_order,
    false_alarms,
    flip_p_values,
    holm_p_values,
    mcnemar_p_values,
    p_in_range,
    shared_luck_cancels,
    sides_equal,
)
from course_lib.exercises.notebook08_trials import (
    family_trials,
    flip_trials,
    flip_trials_and_none,
    hits_trials,
    interval_trials,
)
from course_lib.exercises.notebook08_wrong_flip import SIGN_FLIP as WRONG_FLIP
from course_lib.exercises.notebook08_wrong_holm import HOLM as WRONG_HOLM
from course_lib.exercises.notebook08_wrong_interval import PAIRED_INTERVAL as WRONG
from course_lib.exercises.notebook08_wrong_mcnemar import MCNEMAR as WRONG_MCNEMAR
from course_lib.exercises.properties import Trials, runs, shape, values
from course_lib.significance import (
    holm_corrected,
    mcnemar_p,
    paired_interval,
    sign_flip_p,
)


def runs_on(trials: Trials, result: str) -> Property:
    """The shared property "runs", for answers that return no tensor."""
    statement = f"it takes the arrays and returns {result}"
    advice = "Read the error, then print what each line makes."
    return replace(runs(trials), statement=statement, advice=advice)


PAIRED_INTERVAL = Exercise(
    name="paired_interval",
    title="the interval of a paired difference",
    notebook="08",
    solution=paired_interval,
    why=(
        "Subtracting seed by seed first removes the luck that both runs share; only "
        "the spread of the differences is left. The sd comes from the same few runs, "
        "so the factor is t's with n - 1 degrees of freedom, not 1.96."
    ),
    hints=(
        "How many independent numbers are left once you subtract seed by seed?",
        "values (n,), baseline (n,) -> d (n,) -> three numbers.",
        "d.mean(), d.std(ddof=1), np.sqrt(n), stats.t.ppf(quantile, degrees).",
        "d = ____ - ____\n"
        "n = len(d)\n"
        "standard_error = d.std(ddof=____) / ____\n"
        "t = stats.t.ppf((1 + level) / 2, ____)\n"
        "return d.mean(), d.mean() - ____, d.mean() + ____",
    ),
    properties=(
        runs_on(interval_trials, "three numbers"),
        shape(interval_trials),
        ends_in_order(interval_trials),
        coverage(interval_trials),
        shared_luck_cancels(interval_trials),
        values(interval_trials),
        arrays_untouched(interval_trials),
    ),
    wrong_answers=WRONG,
)

SIGN_FLIP = Exercise(
    name="sign_flip_p",
    title="the sign-flip test",
    notebook="08",
    solution=sign_flip_p,
    why=(
        "If the two models are equal, each difference could as well have had the other "
        "sign, so all flips are equally likely. The signs that did occur are one of "
        "them: leave them out, and p can be 0."
    ),
    hints=(
        "If the models are equal, what may luck change about each difference, and what "
        "not?",
        "flips (B, n) * differences (n,) -> (B, n) -> mean of each row (B,) -> one "
        "count.",
        "(...).mean(axis=1), np.abs, .sum() of a comparison, len(flips); ROUNDING is "
        "1e-9.",
        "observed = abs(____)\n"
        "flipped = np.abs((____ * ____).mean(axis=____))\n"
        "as_far = (flipped >= observed - ROUNDING).____\n"
        "return (as_far + ____) / (len(flips) + ____)",
    ),
    properties=(
        runs_on(flip_trials, "a number"),
        shape(flip_trials),
        p_in_range(flip_trials_and_none),
        sides_equal(
            flip_trials,
            lambda trial: {"differences": -trial.inputs["differences"]},
            "all differences with the other sign",
        ),
        false_alarms(
            flip_p_values,
            0.025,
            "1000 simulated experiments of 9 seeds, no difference, flips (199, 9)",
        ),
        values(flip_trials),
        ties_count(tied),
        arrays_untouched(flip_trials),
    ),
    wrong_answers=WRONG_FLIP,
)

MCNEMAR = Exercise(
    name="mcnemar_p",
    title="McNemar's test",
    notebook="08",
    solution=mcnemar_p,
    why=(
        "An image that both networks get right, or both wrong, cannot tell them apart. "
        "On the others one of them wins, and if the networks are equally good, each "
        "win is the toss of a fair coin."
    ),
    hints=(
        "Which of the four kinds of image can tell the two networks apart?",
        "hits_a (N,), hits_b (N,) bool -> two counts -> one number.",
        "hits_a & ~hits_b, .sum(), min, stats.binom.cdf(k, throws, 0.5).",
        "only_a = (hits_a & ____).sum()\n"
        "only_b = (____ & ____).sum()\n"
        "tail = stats.binom.cdf(min(only_a, only_b), ____, 0.5)\n"
        "return min(1.0, ____ * tail)",
    ),
    properties=(
        runs_on(hits_trials, "a number"),
        shape(hits_trials),
        p_in_range(hits_trials),
        agreement_is_ignored(hits_trials),
        sides_equal(
            hits_trials,
            lambda trial: {
                "hits_a": trial.inputs["hits_b"],
                "hits_b": trial.inputs["hits_a"],
            },
            "a and b swapped",
        ),
        false_alarms(
            mcnemar_p_values,
            0.015,  # an exact test of few coins rejects less often than it may
            "1000 simulated tests of two equally good networks on 400 images",
        ),
        values(hits_trials),
        arrays_untouched(hits_trials),
    ),
    wrong_answers=WRONG_MCNEMAR,
)

HOLM = Exercise(
    name="holm_corrected",
    title="Holm's correction",
    notebook="08",
    solution=holm_corrected,
    why=(
        "Each further test gives luck one more chance, so the smallest p must pay for "
        "all m. Once it has held, only m - 1 are left to be false, and the next pays "
        "less: never worse than Bonferroni, and as safe."
    ),
    hints=(
        "Six tests, none with anything to find: how often is the smallest p below "
        "0.05?",
        "p_values (m,) -> places from the smallest p on -> corrected (m,), in the "
        "order given.",
        "np.argsort, enumerate, max, min, corrected[place] = ...",
        "for rank, place in enumerate(np.argsort(p_values)):\n"
        "    highest = max(____, (m - ____) * p_values[place])\n"
        "    corrected[____] = min(____, highest)",
    ),
    properties=(
        runs_on(family_trials, "an array"),
        shape(family_trials),
        only_larger(family_trials),
        order_kept(family_trials),
        never_falls(family_trials),
        false_alarms(
            holm_p_values, 0.025, "1000 simulated families of 6 tests, nothing to find"
        ),
        values(family_trials),
        arrays_untouched(family_trials),
    ),
    wrong_answers=WRONG_HOLM,
)

EXERCISES = (PAIRED_INTERVAL, SIGN_FLIP, MCNEMAR, HOLM)
