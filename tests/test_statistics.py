"""The statistics layer: first its properties on simulated runs, then examples."""

import gc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from course_lib.errors import CourseError
from course_lib.statistics import (
    bootstrap_interval,
    holm,
    mcnemar,
    mean_interval,
    paired_difference,
    seeds_needed,
)

SIMULATIONS = 2000


def simulate_pairs(seeds, difference=0.0, seed_sd=2.0, noise_sd=0.5, repeats=1):
    """(repeats, seeds) accuracies of a model and of plain that share a seed effect."""
    random = np.random.default_rng(2019)
    shared = random.normal(75, seed_sd, (repeats, seeds))
    plain = shared + random.normal(0, noise_sd, (repeats, seeds))
    model = shared + difference + random.normal(0, noise_sd, (repeats, seeds))
    return model, plain


# Properties on simulated runs -----------------------------------------------------


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_the_interval_of_the_mean_covers_as_often_as_it_says(seeds):
    random = np.random.default_rng(1)
    runs = random.normal(75, 1.5, (SIMULATIONS, seeds))
    intervals = [mean_interval(row) for row in runs]
    covered = np.mean([i.low <= 75 <= i.high for i in intervals])
    assert 0.92 <= covered <= 0.97


def test_a_lower_level_covers_less():
    random = np.random.default_rng(1)
    runs = random.normal(75, 1.5, (SIMULATIONS, 4))
    intervals = [mean_interval(row, level=0.5) for row in runs]
    assert 0.46 <= np.mean([i.low <= 75 <= i.high for i in intervals]) <= 0.54


def test_the_interval_of_the_difference_covers_as_often_as_it_says():
    model, plain = simulate_pairs(seeds=4, difference=1.0, repeats=SIMULATIONS)
    results = [paired_difference(a, b) for a, b in zip(model, plain, strict=True)]
    assert 0.92 <= np.mean([r.low <= 1.0 <= r.high for r in results]) <= 0.97


def test_the_paired_tests_hold_their_level_when_nothing_differs():
    model, plain = simulate_pairs(seeds=7, repeats=SIMULATIONS)
    results = [paired_difference(a, b) for a, b in zip(model, plain, strict=True)]
    assert 0.035 <= np.mean([r.p < 0.05 for r in results]) <= 0.065
    # the exact test may only reject less often: its p-values come in steps of 1/64
    assert 0.02 <= np.mean([r.p_permutation < 0.05 for r in results]) <= 0.06


def test_pairing_finds_what_the_unpaired_formula_misses():
    model, plain = simulate_pairs(seeds=5, difference=1.0, repeats=500)
    pairs = list(zip(model, plain, strict=True))
    paired = np.mean([paired_difference(a, b).p < 0.05 for a, b in pairs])
    unpaired = np.mean([scipy_stats.ttest_ind(a, b).pvalue < 0.05 for a, b in pairs])
    assert paired > 0.6
    assert unpaired < 0.2


def test_three_seeds_make_the_bootstrap_promise_too_much():
    random = np.random.default_rng(3)
    runs = random.normal(75, 1.5, (500, 3))
    intervals = [bootstrap_interval(row, resamples=999) for row in runs]
    covered = np.mean([i.low <= 75 <= i.high for i in intervals])
    assert 0.6 < covered < 0.88


def test_the_bootstrap_covers_with_many_values():
    random = np.random.default_rng(4)
    samples = random.exponential(1.0, (500, 100))
    intervals = [bootstrap_interval(row, resamples=999) for row in samples]
    assert 0.9 <= np.mean([i.low <= 1 <= i.high for i in intervals]) <= 0.98


def test_holm_makes_false_claims_rare_over_many_models(monkeypatch):
    # statsmodels collects garbage in every call: 0.1 s each, minutes over 2,000 calls
    monkeypatch.setattr(gc, "collect", lambda *generation: 0)
    random = np.random.default_rng(5)
    p_values = random.uniform(size=(SIMULATIONS, 6))
    raw = np.mean(p_values.min(axis=1) < 0.05)
    corrected = np.mean([holm(row).min() < 0.05 for row in p_values])
    assert raw > 0.2
    assert 0.035 <= corrected <= 0.06


@pytest.mark.parametrize(("difference", "sd"), [(1.0, 1.0), (0.5, 1.2), (3.0, 1.0)])
def test_the_seeds_needed_give_the_power_asked_for(difference, sd):
    seeds = seeds_needed(difference, sd)
    random = np.random.default_rng(6)

    def power(n):
        runs = random.normal(difference, sd, (SIMULATIONS, n))
        return np.mean(scipy_stats.ttest_1samp(runs, 0, axis=1).pvalue < 0.05)

    assert power(seeds) >= 0.77  # 0.80, less 3 standard errors of the simulation
    assert power(seeds - 1) < 0.83


accuracies = st.lists(
    st.integers(0, 1000).map(lambda hits: hits / 1000), min_size=2, max_size=8
)


@settings(max_examples=100, deadline=None)
@given(values=accuracies, shift=st.floats(-50, 50), scale=st.floats(0.1, 100))
def test_intervals_follow_shift_and_scale(values, shift, scale):
    before = mean_interval(values)
    after = mean_interval(np.asarray(values) * scale + shift)
    for bound in ("mean", "low", "high"):
        expected = getattr(before, bound) * scale + shift
        assert getattr(after, bound) == pytest.approx(expected, abs=1e-6, nan_ok=True)


@settings(max_examples=100, deadline=None)
@given(pairs=st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=2))
def test_swapping_the_sides_flips_the_difference_and_keeps_the_p_values(pairs):
    model, plain = (np.array(side) / 100 for side in zip(*pairs, strict=True))
    one, other = paired_difference(model, plain), paired_difference(plain, model)
    assert one.mean == pytest.approx(-other.mean)
    assert one.low == pytest.approx(-other.high, nan_ok=True)
    assert one.p == pytest.approx(other.p, nan_ok=True)
    if len(pairs) <= 16:
        assert one.p_permutation == pytest.approx(other.p_permutation, nan_ok=True)


@settings(max_examples=50, deadline=None)
@given(effect=st.floats(0.15, 100), sd=st.floats(0.01, 10))
def test_more_spread_never_needs_fewer_seeds(effect, sd):
    few, many = seeds_needed(effect * sd, sd), seeds_needed(effect * sd, 2 * sd)
    assert few is not None and few >= 2
    assert many is None or many >= few


# Examples worked by hand ----------------------------------------------------------


def test_mean_interval_by_hand():
    # mean 75, sd 1, sem 1/sqrt(3), t(0.975, 2) = 4.302653
    interval = mean_interval([74, 75, 76])
    assert interval.mean == 75
    assert interval.n == 3
    assert interval.high == pytest.approx(75 + 4.302653 / 3**0.5, abs=1e-5)
    assert interval.low == pytest.approx(75 - 4.302653 / 3**0.5, abs=1e-5)


def test_paired_difference_by_hand():
    # differences 1, 2, 3: mean 2, sd 1, t = 2 sqrt(3) = 3.4641 with 2 degrees,
    # p = 1 - t / sqrt(t^2 + 2) = 1 - sqrt(12/14); signs: 2 of 8 as extreme
    result = paired_difference([11, 22, 33], [10, 20, 30])
    assert (result.mean, result.sd, result.n) == (2, 1, 3)
    assert result.p == pytest.approx(1 - (12 / 14) ** 0.5)
    assert result.p_permutation == 0.25
    assert result.low == pytest.approx(2 - 4.302653 / 3**0.5, abs=1e-5)


@pytest.mark.parametrize("seeds", [2, 3, 5, 8])
def test_sign_flips_cannot_go_below_two_in_two_to_the_n(seeds):
    baseline = np.zeros(seeds)
    result = paired_difference(100 + np.arange(seeds), baseline)
    assert result.p_permutation == pytest.approx(2 / 2**seeds)


def test_many_pairs_sample_the_sign_flips_the_same_way_each_time():
    model, plain = simulate_pairs(seeds=40, difference=0.2)
    one = paired_difference(model[0], plain[0])
    assert one == paired_difference(model[0], plain[0])
    assert one.p_permutation == pytest.approx(one.p, rel=0.25)


def test_one_run_has_a_mean_and_no_interval():
    for result in (mean_interval([0.7]), bootstrap_interval([0.7])):
        assert (result.mean, result.n) == (0.7, 1)
        assert np.isnan([result.low, result.high]).all()
    pair = paired_difference([0.7], [0.6])
    assert pair.mean == pytest.approx(0.1)
    assert np.isnan([pair.low, pair.high, pair.p, pair.p_permutation, pair.sd]).all()


@pytest.mark.filterwarnings("error")
def test_equal_differences_are_no_proof():
    pair = paired_difference([0.8, 0.9, 0.7], [0.75, 0.85, 0.65])
    assert pair.mean == pytest.approx(0.05)
    assert np.isnan([pair.low, pair.high, pair.p, pair.p_permutation]).all()


def test_holm_on_a_known_example():
    # sorted 0.005 0.01 0.03 0.04 times 4 3 2 1, never falling: 0.02 0.03 0.06 0.06
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])


def test_seeds_needed_on_known_cases():
    assert seeds_needed(1.0, 1.0) == 10  # the textbook paired t-test, d = 1
    assert seeds_needed(-1.0, 1.0) == 10
    assert seeds_needed(0.5, 1.0) == 34  # d = 0.5
    assert seeds_needed(50.0, 0.1) == 2
    assert seeds_needed(1.0, 0.0) == 2
    assert seeds_needed(5e4, 1e-6) == 2
    assert seeds_needed(0.0, 1.0) is None
    assert seeds_needed(0.01, 1.0) is None
    assert seeds_needed(1.0, 1.0, alpha=0.01) > 10
    assert seeds_needed(1.0, 1.0, power=0.95) > 10


def test_mcnemar_by_hand():
    # 6 images only a gets right, 1 only b: p = 2 (C(7,0) + C(7,1)) / 2^7 = 0.125
    hits_a = [True] * 10 + [True] * 6 + [False] * 1 + [False] * 3
    hits_b = [True] * 10 + [False] * 6 + [True] * 1 + [False] * 3
    result = mcnemar(hits_a, hits_b)
    assert (result.both, result.only_a, result.only_b, result.neither) == (10, 6, 1, 3)
    assert result.p == pytest.approx(0.125)


def test_mcnemar_of_equal_networks():
    assert mcnemar([True, False], [True, False]).p == 1


def test_the_bootstrap_gives_the_same_answer_twice():
    values = [1.0, 2.0, 4.0, 8.0]
    assert bootstrap_interval(values) == bootstrap_interval(values)
    few = [bootstrap_interval(values, resamples=99, seed=seed) for seed in range(5)]
    assert len(set(few)) > 1


# Bad input ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: mean_interval([]), r"shape \(0,\)"),
        (lambda: mean_interval([[1.0, 2.0]]), r"shape \(1, 2\)"),
        (lambda: mean_interval([0.7, float("nan")]), "nan"),
        (lambda: mean_interval([0.7, 0.8], level=95), "level 95"),
        (lambda: bootstrap_interval([]), "at least one number"),
        (lambda: paired_difference([1, 2], [1, 2, 3]), "2 values against 3"),
        (lambda: paired_difference([1, float("inf")], [1, 2]), "inf"),
        (lambda: paired_difference([], []), "at least one number"),
        (lambda: holm([]), "at least one number"),
        (lambda: holm([0.1, 1.2]), "from 0 to 1"),
        (lambda: holm([0.1, float("nan")]), "nan"),
        (lambda: seeds_needed(1.0, -1.0), "sd -1"),
        (lambda: seeds_needed(float("nan"), 1.0), "nan"),
        (lambda: seeds_needed(1.0, 1.0, power=80), "power 80"),
        (lambda: mcnemar([], []), "one entry an image"),
        (lambda: mcnemar([True], [True, False]), "same length"),
        (lambda: mcnemar([0.3, 0.9], [0.1, 0.2]), "bool"),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(CourseError, match=named):
        call()


def test_flips_that_are_equal_but_for_rounding_are_ties():
    gains, losses = np.array([0, 0, 189, 594, 721]), np.array([721, 783, 0, 0, 0])
    found = paired_difference(gains / 20, losses / 20)  # % of 2,000 images
    assert found.mean == pytest.approx(0) and found.p_permutation == 1
