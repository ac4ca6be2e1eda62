"""Whole answers that learners gave in notebooks 07 and 08, and what they must read."""

import copy
import random

import numpy as np
import pytest
import torch
from exercise_answers import outcome
from scipy import stats


def failed_and_likely(name, answer):
    failed, rows = outcome(answer, name)
    return failed, rows["likely"]


# --- notebook 07 --------------------------------------------------------------------


def last_epoch(history):
    return history[-1]["epoch"]


def ties_by_test(history):
    best = max(history, key=lambda row: (row["val_accuracy"], row["test_accuracy"]))
    return best["epoch"]


def lowest_loss(history):
    return min(history, key=lambda row: row["train_loss"])["epoch"]


@pytest.mark.parametrize(
    ("answer", "failed", "words"),
    [
        (last_epoch, "values", "the last epoch, not the best"),
        (ties_by_test, "test set unread", "the test images choose"),
        (lowest_loss, "values", "learns by heart"),
    ],
)
def test_choose_epoch(answer, failed, words):
    found, likely = failed_and_likely("choose_epoch", answer)
    assert found == failed
    assert words in likely


def measured(finish, network_of=lambda network: network, size=len):
    """accuracy_of with another network, another count and another last line."""

    def answer(network, batches):
        was_training = network.training
        asked = network_of(network).eval()
        right, images = 0, 0
        with torch.no_grad():
            for x, y in batches:
                right += (asked(x).argmax(1) == y).sum().item()
                images += size(x)
        network.train(was_training)
        return finish(right, images)

    return answer


def share(right, images):
    return right / images


def counted_first(network, batches):
    images = sum(len(y) for _, y in batches)
    right = sum((network(x).argmax(1) == y).sum().item() for x, y in batches)
    return right / images


@pytest.mark.parametrize(
    ("answer", "failed", "words"),
    [
        (measured(share, copy.deepcopy), "images as given", "Use the network."),
        (counted_first, "images as given", "read only once"),
        (lambda network, batches: 0.5, "images as given", "was never called"),
        (
            measured(lambda right, images: torch.tensor(right / images)),
            "shape",
            ".item()",
        ),
        (measured(share, size=torch.numel), "values", "the divisor is not"),
        (measured(lambda right, images: right // images), "values", "right / images"),
    ],
)
def test_accuracy_of(answer, failed, words):
    found, likely = failed_and_likely("accuracy_of", answer)
    assert found == failed
    assert words in likely


def drawn(number_of, wrap=torch.Tensor.long):
    def answer(seed, epoch, images):
        generator = torch.Generator().manual_seed(number_of(seed, epoch))
        return wrap(torch.randperm(images, generator=generator))

    return answer


def mixed(seed, epoch):
    return int(np.random.SeedSequence((seed, epoch)).generate_state(1)[0])


def seeded_in_numpy(seed, epoch, images):
    np.random.seed(mixed(seed, epoch) // 2)
    order = np.arange(images)
    np.random.shuffle(order)
    return torch.from_numpy(order)


def seeded_in_python(seed, epoch, images):
    random.seed(f"{seed}, {epoch}")
    order = list(range(images))
    random.shuffle(order)
    return torch.tensor(order)


@pytest.mark.parametrize(
    ("answer", "failed", "words"),
    [
        (drawn(mixed, list), "runs", "A list came back"),
        (drawn(mixed, torch.Tensor.int), "runs", "an int64 tensor"),
        (drawn(lambda s, e: 100 * s + e + 7), "runs never meet", "become one number"),
        (drawn(lambda s, e: int(f"{s}{e}")), "runs never meet", "side by side"),
        (seeded_in_numpy, "global numbers stay", "NumPy's numbers"),
        (seeded_in_python, "global numbers stay", "Python's numbers"),
    ],
)
def test_epoch_order(answer, failed, words):
    found, likely = failed_and_likely("epoch_order", answer)
    assert found == failed
    assert words in likely


def test_numbers_of_numpy_and_python_go_on_after_a_check():
    np.random.seed(1)
    random.seed(1)
    wanted = np.random.rand(), random.random()
    np.random.seed(1)
    random.seed(1)
    outcome(lambda seed, epoch, images: torch.arange(images), "epoch_order")
    assert (np.random.rand(), random.random()) == wanted


# --- notebook 08 --------------------------------------------------------------------


def bootstrap(values, baseline, level=0.95):
    d = values - baseline
    picks = np.random.default_rng(77).choice(d, (3000, len(d))).mean(axis=1)
    return d.mean(), *np.percentile(picks, [50 - 50 * level, 50 + 50 * level])


def interval_with(factor):
    def answer(values, baseline, level=0.95):
        d = values - baseline
        half = factor(level, len(d)) * d.std(ddof=1) / len(d) ** 0.5
        return d.mean(), d.mean() - half, d.mean() + half

    return answer


@pytest.mark.parametrize(
    ("answer", "failed", "words"),
    [
        (bootstrap, "coverage", "as a bootstrap of three values does"),
        (
            interval_with(lambda level, n: stats.t.ppf((1 - level) / 2, n - 1)),
            "range",
            "the quantile is (1 + level) / 2",
        ),
        (
            interval_with(lambda level, n: stats.t.ppf((1 + level) / 2, n - 2)),
            "range",
            "no degree of freedom",
        ),
        (interval_with(lambda level, n: 4.30), "coverage", "three seeds and 95 %"),
    ],
)
def test_paired_interval(answer, failed, words):
    found, likely = failed_and_likely("paired_interval", answer)
    assert found == failed
    assert words in likely


def test_abs_inside_the_mean_of_each_flip():
    def answer(differences, flips):
        flipped = np.abs(flips * differences).mean(axis=1)
        as_far = (flipped >= abs(differences.mean()) - 1e-9).sum()
        return (as_far + 1) / (len(flips) + 1)

    _, likely = failed_and_likely("sign_flip_p", answer)
    assert "abs stands inside the mean" in likely


def test_no_coin_is_thrown():
    def answer(hits_a, hits_b):
        a, b = (hits_a & ~hits_b).sum(), (~hits_a & hits_b).sum()
        return stats.binomtest(int(a), int(a + b), 0.5).pvalue

    failed, likely = failed_and_likely("mcnemar_p", answer)
    assert failed == "runs"
    assert "(n = 0)" in likely


def test_a_list_of_corrected_p():
    failed, likely = failed_and_likely("holm_corrected", list)
    assert failed == "runs"
    assert "np.array" in likely
