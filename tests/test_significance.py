"""The four tests written out: their promises on simulated runs, then scipy."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from course_lib.errors import CourseError
from course_lib.exercises.catalogue import EXERCISES
from course_lib.exercises.engine import examine
from course_lib.runs import read_hits
from course_lib.significance import (
    holm_corrected,
    mcnemar_p,
    paired_interval,
    sign_flip_p,
)
from course_lib.statistics import holm, mcnemar, paired_difference

REPEATS = 2000
hits = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)
p_lists = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def other_flips(n):
    """All patterns of n signs but the observed one: (2^n - 1, n)."""
    return np.array(list(product([1.0, -1.0], repeat=n)))[1:]


# Promises on simulated runs -------------------------------------------------------


@pytest.mark.parametrize(("seeds", "level"), [(2, 0.5), (3, 0.95), (6, 0.8)])
def test_the_interval_covers_as_often_as_it_says(seeds, level):
    random = np.random.default_rng(1)
    shared = random.normal(75, 2, (REPEATS, seeds))
    model = shared + random.normal(1, 0.5, (REPEATS, seeds))
    plain = shared + random.normal(0, 0.5, (REPEATS, seeds))
    pairs = zip(model, plain, strict=True)
    bounds = np.array([paired_interval(a, b, level) for a, b in pairs])
    inside = ((bounds[:, 1] <= 1) & (bounds[:, 2] >= 1)).mean()
    assert inside == pytest.approx(level, abs=0.035)


def test_sign_flips_hold_their_level():
    random = np.random.default_rng(2)
    flips = random.choice([-1.0, 1.0], (99, 14))
    p = [sign_flip_p(d, flips) for d in random.normal(0, 1, (REPEATS, 14))]
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.015)
    assert min(p) == 0.01  # never below 1 / (B + 1)


def test_mcnemar_never_exceeds_its_level():
    random = np.random.default_rng(3)
    chance = random.beta(1.5, 0.5, (REPEATS, 300))
    a, b = (random.random((REPEATS, 300)) < chance for _ in "ab")
    p = np.array([mcnemar_p(*pair) for pair in zip(a, b, strict=True)])
    assert 0.02 <= np.mean(p <= 0.05) <= 0.055


def test_holm_makes_one_false_claim_in_twenty_families():
    families = np.random.default_rng(4).random((REPEATS, 6))
    smallest = np.array([holm_corrected(family).min() for family in families])
    assert np.mean(smallest <= 0.05) == pytest.approx(0.05, abs=0.015)


# Against scipy, statsmodels and the library ---------------------------------------


@settings(max_examples=60, deadline=None)
@given(pairs=st.lists(st.tuples(*[st.integers(0, 2000)] * 2), min_size=2, max_size=8))
def test_interval_and_sign_flips_equal_the_library_s(pairs):
    a, b = np.array(pairs, float).T / 20  # % of 2,000 images
    theirs = paired_difference(a, b)
    if np.isnan(theirs.p):  # no spread: the library does not judge
        return
    ours = paired_interval(a, b)
    assert ours == pytest.approx((theirs.mean, theirs.low, theirs.high), abs=1e-8)
    p = sign_flip_p(a - b, other_flips(len(a)))
    assert p == pytest.approx(theirs.p_permutation)


@settings(max_examples=60, deadline=None)
@given(pairs=hits)
def test_mcnemar_equals_statsmodels_and_the_library_s(pairs):
    a, b = np.array(pairs).T
    table = [[(a & b).sum(), (a & ~b).sum()], [(~a & b).sum(), (~a & ~b).sum()]]
    expected = statsmodels_mcnemar(table, exact=True).pvalue
    assert mcnemar_p(a, b) == pytest.approx(expected)
    assert mcnemar(a, b).p == pytest.approx(expected)


@settings(max_examples=20, deadline=None)  # statsmodels takes 0.1 s
@given(p_values=p_lists)
def test_holm_equals_the_library_s_which_asks_statsmodels(p_values):
    assert holm_corrected(np.array(p_values)) == pytest.approx(holm(p_values))


def test_drawn_flips_come_near_the_exact_p():
    random = np.random.default_rng(5)
    d = random.normal(0.4, 1, 14)
    exact = scipy_stats.permutation_test(
        (d,), np.mean, permutation_type="samples", n_resamples=np.inf
    ).pvalue
    drawn = sign_flip_p(d, random.choice([-1.0, 1.0], (20_000, 14)))
    assert drawn == pytest.approx(exact, abs=0.012)


# By hand --------------------------------------------------------------------------


def test_three_seeds_by_hand():
    # differences 1, 2, 3: mean 2, sd 1, t(0.975, 2) = 4.302653
    a, b = np.array([11.0, 22, 33]), np.array([10.0, 20, 30])
    half = 4.302653 / 3**0.5
    assert paired_interval(a, b) == pytest.approx((2, 2 - half, 2 + half), abs=1e-5)
    assert sign_flip_p(a - b, other_flips(3)) == 0.25


def test_ties_count_in_spite_of_rounding():
    # of all 16 patterns, 14 lie at least as far from 0 as 0.1 + 0.2 + 0.3 - 0.4
    assert sign_flip_p(np.array([0.1, 0.2, 0.3, -0.4]), other_flips(4)) == 14 / 16


def test_networks_that_never_disagree():
    assert mcnemar_p(np.array([True, False]), np.array([True, False])) == 1


def test_holm_by_hand():
    # sorted 0.005 0.01 0.03 0.04 times 4 3 2 1, never falling: 0.02 0.03 0.06 0.06
    corrected = holm_corrected(np.array([0.01, 0.04, 0.03, 0.005]))
    assert corrected == pytest.approx([0.03, 0.06, 0.06, 0.02])


# The checks of the exercises ------------------------------------------------------


def interval_from_scipy(values, baseline, level=0.95):
    result = scipy_stats.ttest_rel(values, baseline)
    low, high = result.confidence_interval(level)
    return [(values - baseline).mean(), low, high]


def flips_by_loop(differences, flips):
    sums = [abs(sum(row * differences)) for row in flips]
    as_far = sum(s > abs(sum(differences)) - 1e-7 for s in sums)
    return (1 + as_far) / (1 + len(flips))


def mcnemar_from_scipy(hits_a, hits_b):
    a, b = int(sum(hits_a & ~hits_b)), int(sum(~hits_a & hits_b))
    return scipy_stats.binomtest(a, a + b).pvalue if a + b else 1


def holm_by_accumulate(p_values):
    ranks = np.argsort(np.argsort(p_values))
    steps = np.sort(p_values) * np.arange(len(p_values), 0, -1)
    return np.minimum(np.maximum.accumulate(steps), 1)[ranks]


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("paired_interval", interval_from_scipy),
        ("sign_flip_p", flips_by_loop),
        ("mcnemar_p", mcnemar_from_scipy),
        ("holm_corrected", holm_by_accumulate),
    ],
)
def test_another_way_to_write_it_passes(name, answer):
    report, _ = examine(EXERCISES[name], answer)
    assert report.status == "ok", report.text()


@pytest.mark.parametrize(
    ("answer", "got"),
    [
        (lambda a, b: None, "None"),
        (lambda a, b: "0.5", "0.5"),
        (lambda a, b: {"p": 0.5}, "dict"),
        (lambda a, b: [0.5, [0.5]], "list"),
    ],
)
def test_an_answer_that_is_no_number_is_told_so(answer, got):
    report, failed = examine(EXERCISES["mcnemar_p"], answer)
    if got == "0.5":  # NumPy reads it as a number, so the values must judge it
        assert failed not in ("", "runs")
    else:
        assert failed == "runs"
        assert got in dict(report.rows)["got"]


def test_the_bugs_that_coverage_must_name():
    named = {
        (name, wrong.name, wrong.rejected_by)
        for name in ("paired_interval", "sign_flip_p", "mcnemar_p")
        for wrong in EXERCISES[name].wrong_answers
    }
    assert named >= {
        ("paired_interval", "unpaired formula on paired runs", "coverage"),
        ("paired_interval", "population variance", "coverage"),
        ("paired_interval", "z in place of t", "coverage"),
        ("sign_flip_p", "halved", "false alarms"),
        ("mcnemar_p", "one-sided", "false alarms"),
    }


# Recorded hits --------------------------------------------------------------------


def test_hits_are_read_as_they_were_packed(tmp_path):
    (tmp_path / "hits").mkdir()
    given = np.array([True, False, False, True, True, False, True, True, True, False])
    (tmp_path / "hits" / "abc.bin").write_bytes(np.packbits(given).tobytes())
    assert read_hits(tmp_path, "abc", 10).tolist() == given.tolist()
    assert read_hits(tmp_path, "abc", 10).dtype == bool
    with pytest.raises(CourseError, match="holds 16 images: expected the hits of 17"):
        read_hits(tmp_path, "abc", 17)
    with pytest.raises(CourseError, match="holds 0 images"):
        read_hits(tmp_path, "other", 10)
