"""Whole answers to the exercises of notebooks 09 and 11, and the cause to be read.

Each is an answer that a learner wrote, in other words than the known-wrong answers.
"""

import pytest
import torch
from exercise_answers import outcome

from course_lib.looking import check_maps, rounding


def told(name, answer):
    failed, rows = outcome(answer, name)
    return failed, rows["likely"]


# --- notebook 09 --------------------------------------------------------------------


def top_score(at_top, masks):
    return (at_top & masks).sum((1, 2)) / at_top.sum((1, 2))


@pytest.mark.parametrize(
    ("top", "failed", "words"),
    [
        (lambda m: m == m.max(), "numbers", "whole batch"),
        (lambda m: m > m.amax((1, 2), keepdim=True), "numbers", "Compare with >="),
        (lambda m: m.isnan(), "numbers", "No position"),
        (lambda m: m >= m.amax((1, 2), True) - 1e-3, "rounding", "one part in 10,000"),
        (lambda m: m >= m.amax((1, 2), True) - 1e-5, "rounding", "rounding(maps)"),
        (lambda m: m >= m.amax((1, 2), True) - 1e-7, "rounding", "rounding(maps)"),
    ],
)
def test_pointing_game(top, failed, words):
    found, cause = told(
        "pointing_game", lambda maps, masks: top_score(top(maps), masks)
    )
    assert found == failed
    assert words in cause


def shifted_first(maps, masks):
    check_maps(maps, masks)
    maps = maps - maps.amin(dim=(1, 2), keepdim=True)
    varies = maps.amax(dim=(1, 2), keepdim=True) > rounding(maps)
    energy = torch.where(varies, maps, 1.0)
    return (energy * masks).sum((1, 2)) / energy.sum((1, 2))


def test_rounding_of_the_shifted_map():
    failed, cause = told("energy_inside", shifted_first)
    assert failed == "constant map"
    assert "take it of the map before the shift" in cause


def share(images_of, limit=7e-10, power=2):
    """class_share, with the images of class k and the limit as given."""

    def answer(gates, labels):
        mean = gates.mean(dim=0)
        between = torch.zeros_like(mean)
        for k in labels.unique():
            own = images_of(gates, labels, k)
            between = between + len(own) * (own.mean(dim=0) - mean).abs() ** power
        total = ((gates - mean).abs() ** power).sum(dim=0)
        return between / total.clamp(min=limit)

    return answer


def of_class(gates, labels, k):
    return gates[labels == k]


def one_minus_within(gates, labels):
    within = torch.zeros_like(gates[0])
    for k in labels.unique():
        own = gates[labels == k]
        within = within + ((own - own.mean(dim=0)) ** 2).sum(dim=0)
    total = ((gates - gates.mean(dim=0)) ** 2).sum(dim=0)
    return 1 - within / total.clamp(min=len(gates) * 1e-10)


def single_image(gates, labels):
    mean = gates.mean(dim=0)
    between = sum(len(gates[k]) * (gates[k] - mean) ** 2 for k in labels.unique())
    return between / ((gates - mean) ** 2).sum(dim=0).clamp(min=len(gates) * 1e-10)


@pytest.mark.parametrize(
    ("answer", "failed", "words"),
    [
        (one_minus_within, "still gates", "1 - 0 / still is 1"),
        (share(of_class, limit=1e-12), "still gates", "as much as this limit"),
        (share(of_class, power=1), "values", "Square both"),
        (share(lambda g, of, k: g[k][None]), "planted gates", "Only image k is left"),
        (single_image, "range", "gates[k] is image k, not class k"),
    ],
)
def test_class_share(answer, failed, words):
    found, cause = told("class_share", answer)
    assert found == failed
    assert words in cause


def test_what_counts_as_zero_is_written_as_zero():
    _, rows = outcome(one_minus_within, "class_share")
    assert rows["expected"] == "0, 0, 0"
    assert rows["got"].endswith(", 0 expected")
    _, rows = outcome(share(lambda g, of, k: g[k][None]), "class_share")
    assert rows["expected"] == "1, 0"


# --- notebook 11 --------------------------------------------------------------------


def shard_of_a_block(count, rank, ranks, seed, epoch):
    torch.manual_seed(seed + epoch)
    each = -(-count // ranks)
    return torch.randperm(count)[rank * each : (rank + 1) * each]


def test_the_global_generator_is_named_whatever_else_is_wrong():
    failed, cause = told("shard_indices", shard_of_a_block)
    assert failed == "generator of its own"
    assert cause.startswith("torch.manual_seed resets the generator")


def stacked(gradients):
    return [torch.stack(parts).mean(0) for parts in zip(*gradients, strict=True)]


def without_star(gradients):
    columns = zip(gradients, strict=True)
    return [sum(p for p in parts if p is not None) / len(parts) for parts in columns]


@pytest.mark.parametrize(
    ("answer", "words"),
    [(stacked, "cannot be stacked"), (without_star, "Write zip(*gradients).")],
)
def test_average_gradients(answer, words):
    failed, rows = outcome(answer, "average_gradients")
    assert failed == "runs"
    assert words in rows["likely"]


@pytest.mark.parametrize(
    "nothing",
    [
        lambda losses: torch.tensor(0.0),
        lambda losses: losses.new_zeros(()),
        lambda losses: torch.zeros((), requires_grad=True),  # accepted by backward()
    ],
)
def test_rank_loss_of_an_empty_process(nothing):
    def answer(losses, total, ranks):
        if len(losses) == 0:
            return nothing(losses)
        return losses.sum() * ranks / total

    failed, cause = told("rank_loss", answer)
    assert failed == "empty gradients"
    assert "no graph to the network" in cause
