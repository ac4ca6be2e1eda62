"""Scores of maps on planted cases, and what capturing leaves behind: nothing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_lib.attention import ATTENTION, CBAM
from course_lib.errors import CourseError
from course_lib.looking import (
    SCORES,
    attention_modules,
    capture_gates,
    capture_maps,
    center_map,
    chance_map,
    energy_inside,
    enlarge,
    evaluating,
    ideal_map,
    iou,
    pointing_game,
    randomised,
    score_maps,
    spatial_map,
)
from course_lib.resnet import resnet50

FEW = settings(derandomize=True, deadline=None, max_examples=40)
NO_MAP = ("plain", "se", "eca", "pyramid")
SPATIAL = [name for name in ATTENTION if name not in NO_MAP]
each_score = pytest.mark.parametrize("name", SCORES)


@st.composite
def random_masks(draw):
    """Masks (N, H, W), each with at least one position on and one off the sign."""
    count, height, width = draw(st.tuples(*[st.integers(2, 9)] * 3))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    masks = torch.rand(count, height, width, generator=generator) < draw(
        st.floats(0.05, 0.45)
    )
    masks[:, 0, 0], masks[:, -1, -1] = True, False
    return masks


def random_maps(masks, seed=0, levels=None):
    """Maps of the masks' size; with `levels`, of few values, so that many tie."""
    maps = torch.rand(masks.shape, generator=torch.Generator().manual_seed(seed))
    return maps if levels is None else (maps * levels).floor()


def chance(name, masks):
    """What a random pick scores."""
    share = masks.double().mean(dim=(1, 2)).float()
    return share / (2 - share) if name == "iou" else share


# Planted maps ---------------------------------------------------------------------


@each_score
@FEW
@given(masks=random_masks())
def test_the_mask_itself_scores_1_and_its_opposite_0(name, masks):
    maps = masks.float()
    assert torch.equal(SCORES[name](maps, masks), torch.ones(len(masks)))
    if name != "iou" or masks.float().mean(dim=(1, 2)).max() <= 0.5:
        assert torch.equal(SCORES[name](1 - maps, masks), torch.zeros(len(masks)))


@each_score
@FEW
@given(masks=random_masks(), value=st.floats(-3, 3))
def test_a_constant_map_scores_chance(name, masks, value):
    maps = torch.full(masks.shape, value)
    torch.testing.assert_close(SCORES[name](maps, masks), chance(name, masks))


@each_score
@pytest.mark.parametrize("size", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("value", [0.1, 0.3, 0.5, 0.7123, 123.4])
def test_a_constant_map_enlarged_still_scores_chance(name, size, value):
    masks = random_masks_of(6, 32, 32)
    maps = enlarge(torch.full((6, size, size), value), 32, 32)
    torch.testing.assert_close(SCORES[name](maps, masks), chance(name, masks))


def random_masks_of(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator) < 0.2


def test_enlarging_a_constant_map_does_round():
    # Otherwise the test above would prove nothing about rounding.
    assert enlarge(torch.full((1, 4, 4), 0.3), 32, 32).unique().numel() > 1


def test_ties_share_by_hand():
    masks = torch.tensor([[[True, True, False], [False, False, False]]])
    maps = torch.tensor([[[5.0, 2.0, 5.0], [5.0, 0.0, 0.0]]])
    assert pointing_game(maps, masks).item() == pytest.approx(1 / 3)
    # k = 2 of the three fives, 2/3 each: 2/3 in common, union 4 - 2/3.
    assert iou(maps, masks).item() == pytest.approx((2 / 3) / (4 - 2 / 3))
    assert energy_inside(maps, masks).item() == pytest.approx(7 / 17)


@FEW
@given(masks=random_masks(), seed=st.integers(0, 99))
def test_ties_score_the_average_over_ways_to_break_them(masks, seed):
    maps = random_maps(masks, seed, levels=3)
    broken = torch.stack(
        [pointing_game(maps + 0.5 * random_maps(masks, s), masks) for s in range(400)]
    )
    error = (broken.mean(dim=0) - pointing_game(maps, masks)).abs()
    assert error.max() < 4.5 * 0.5 / 400**0.5  # 4.5 standard errors at most


@FEW
@given(masks=random_masks(), seed=st.integers(0, 99))
def test_iou_without_ties_is_that_of_the_k_highest(masks, seed):
    maps = random_maps(masks, seed)
    for n, mask in enumerate(masks):
        chosen = torch.zeros_like(mask).flatten()
        chosen[maps[n].flatten().topk(int(mask.sum())).indices] = True
        chosen = chosen.view_as(mask)
        wanted = (chosen & mask).sum() / (chosen | mask).sum()
        torch.testing.assert_close(iou(maps, masks)[n], wanted)


# Laws -----------------------------------------------------------------------------


@each_score
@FEW
@given(masks=random_masks(), scale=st.floats(0.1, 50), shift=st.floats(-5, 5))
def test_scores_do_not_change_under_a_positive_scale_and_a_shift(
    name, masks, scale, shift
):
    maps = random_maps(masks, levels=4)
    before, after = (SCORES[name](m, masks) for m in (maps, scale * maps + shift))
    torch.testing.assert_close(before, after, rtol=1e-4, atol=1e-4)


@each_score
@FEW
@given(masks=random_masks(), seed=st.integers(0, 99))
def test_scores_lie_in_0_to_1_and_images_are_independent(name, masks, seed):
    maps = random_maps(masks, seed, levels=5)
    together = SCORES[name](maps, masks)
    assert together.shape == (len(masks),)
    assert together.min() >= 0 and together.max() <= 1
    pairs = zip(maps.split(1), masks.split(1), strict=True)
    alone = torch.cat([SCORES[name](a, b) for a, b in pairs])
    torch.testing.assert_close(together, alone)


@each_score
def test_the_map_of_another_image_is_not_scored(name):
    masks = torch.zeros(3, 6, 6, dtype=torch.bool)
    for n in range(3):
        masks[n, 2 * n : 2 * n + 2, 1:4] = True  # apart from each other
    maps = masks.float()
    assert SCORES[name](maps, masks).tolist() == [1, 1, 1]
    assert SCORES[name](maps.roll(1, dims=0), masks).tolist() == [0, 0, 0]


@each_score
@FEW
@given(masks=random_masks(), seed=st.integers(0, 99))
def test_turning_map_and_mask_together_changes_nothing(name, masks, seed):
    maps = random_maps(masks, seed)
    turned = SCORES[name](maps.mT.flip(1), masks.mT.flip(1))
    torch.testing.assert_close(SCORES[name](maps, masks), turned)


@pytest.mark.parametrize("name", ["pointing", "energy"])
def test_random_maps_score_chance_on_average(name):
    masks = random_masks_of(4000, 8, 8)
    scores = score_maps(random_maps(masks, seed=7), masks)[name]
    # five standard errors of a share of 0.2 among 4,000
    assert scores.mean().item() == pytest.approx(0.2, abs=5 * 0.4 / 4000**0.5)


# Enlarging, baselines -------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (4, 4), (5, 7)])
def test_a_hot_cell_stays_where_it_is(size):
    height, width = 4 * size[0], 6 * size[1]
    for i in range(size[0]):
        for j in range(size[1]):
            small = torch.zeros(1, *size)
            small[0, i, j] = 1
            large = enlarge(small, height, width)[0]
            y, x = (large == large.max()).nonzero().float().mean(dim=0).tolist()
            # the peak reaches into the frame only where the cell is at the edge
            assert 4 * i <= y < 4 * i + 4 and 6 * j <= x < 6 * j + 6


@FEW
@given(masks=random_masks())
def test_enlarging_commutes_with_mirrors_and_keeps_the_range(masks):
    maps = random_maps(masks)
    large = enlarge(maps, 24, 30)
    for axis in (1, 2):
        torch.testing.assert_close(
            enlarge(maps.flip(axis), 24, 30), large.flip(axis), rtol=1e-4, atol=1e-5
        )
    assert large.min() >= maps.min() - 1e-6 and large.max() <= maps.max() + 1e-6


def test_enlarging_to_the_own_size_changes_nothing():
    maps = torch.rand(2, 5, 7)
    assert torch.equal(enlarge(maps, 5, 7), maps)


def test_the_baselines():
    masks = torch.zeros(2, 8, 10, dtype=torch.bool)
    masks[0, 3:5, 4:6] = True  # the middle
    masks[1, :2, :2] = True  # a corner
    assert pointing_game(center_map(masks), masks).tolist() == [1, 0]
    middle = center_map(masks)
    torch.testing.assert_close(middle, middle.flip(1))
    torch.testing.assert_close(middle, middle.flip(2))
    torch.testing.assert_close(
        pointing_game(chance_map(masks), masks), masks.float().mean(dim=(1, 2))
    )
    assert torch.equal(ideal_map(masks, 8, 10), masks.float())
    ideal = ideal_map(masks, 4, 5)
    torch.testing.assert_close(ideal.mean(dim=(1, 2)), masks.float().mean(dim=(1, 2)))
    assert ideal[1, 0, 0] == 1 and ideal[1].sum() == 1


# Capturing ------------------------------------------------------------------------


def small_network(attention, **options):
    options = {"stem": "stride2", "width": 8, "reduction": 4} | options
    torch.manual_seed(0)
    return resnet50(5, attention, **options)


def hooks_left(network):
    return sum(
        len(m._forward_hooks) + len(m._forward_pre_hooks) for m in network.modules()
    )


PICTURES = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", [name for name in ATTENTION if name != "plain"])
def test_gates_of_every_module_are_those_the_network_uses(name):
    network = small_network(name)
    seen = {}

    def note(place):
        def hook(module, inputs, output):
            offset = 1 if name.startswith("bam") else 0
            seen[place] = inputs[0], output, offset

        return hook

    modules = attention_modules(network)
    assert len(modules) == (3 if name.startswith("bam") else 16)
    hooks = [m.register_forward_hook(note(k)) for k, m in modules.items()]
    gates = capture_gates(network, PICTURES)
    for hook in hooks:
        hook.remove()
    assert list(gates) == list(modules)
    for place, (x, y, offset) in seen.items():
        torch.testing.assert_close(y, x * (offset + gates[place]))
    if name in SPATIAL:
        maps = capture_maps(network, PICTURES, batch=2)
        for place, found in maps.items():
            torch.testing.assert_close(found, spatial_map(gates[place]))


@pytest.mark.parametrize("training", [True, False])
def test_the_network_is_left_as_it_was(training):
    network = small_network("cbam").train(training)
    network.layer1.eval()  # a frozen part keeps its own mode
    modes = [m.training for m in network.modules()]
    state = {k: v.clone() for k, v in network.state_dict().items()}
    capture_gates(network, PICTURES)
    assert [m.training for m in network.modules()] == modes
    assert hooks_left(network) == 0
    for key, value in network.state_dict().items():
        assert torch.equal(value, state[key])


def test_an_error_leaves_no_hook_and_no_mode_behind():
    network = small_network("cbam").train()
    with pytest.raises(CourseError):
        capture_gates(network, PICTURES[0])  # the batch axis is missing
    network.layer3[1].attention.gate = broken_gate
    with pytest.raises(ZeroDivisionError):
        capture_gates(network, PICTURES)
    assert hooks_left(network) == 0
    assert all(m.training for m in network.modules())


def broken_gate(x):
    raise ZeroDivisionError


def test_modes_come_back_after_an_error():
    network = small_network(None).train()
    with pytest.raises(ZeroDivisionError), evaluating(network):
        assert not any(m.training for m in network.modules())
        broken_gate(None)
    assert all(m.training for m in network.modules())


def test_only_the_outermost_gate_counts():
    modules = attention_modules(small_network("cbam"))
    assert all(isinstance(m, CBAM) for m in modules.values())
    assert list(attention_modules(CBAM(16))) == [""]


class WithoutGate(nn.Module):
    """A learner's module that forgot its gate."""

    def forward(self, x):
        return x * torch.sigmoid(x)


# Bad input ------------------------------------------------------------------------


def test_a_module_without_gate_is_named():
    network = small_network(lambda channels: WithoutGate())
    for function in (capture_gates, capture_maps):
        with pytest.raises(CourseError, match=r"method gate\(x\)"):
            function(network, PICTURES)


def test_a_channel_gate_has_no_map():
    with pytest.raises(CourseError, match="no positions"):
        capture_maps(small_network("se"), PICTURES)
    with pytest.raises(CourseError, match="more than one position"):
        spatial_map(torch.rand(2, 8, 1, 1))


GOOD = torch.rand(2, 4, 4), torch.ones(2, 4, 4, dtype=torch.bool)
BAD = {
    "the same N, H and W": (GOOD[0][:1], GOOD[1]),
    "the same N, H and W ": (GOOD[0][:, None], GOOD[1][:, None]),
    "bool": (GOOD[0], GOOD[1].float()),
    "finite": (GOOD[0] * torch.nan, GOOD[1]),
    "at least one position": (GOOD[0], ~GOOD[1]),
}


@each_score
@pytest.mark.parametrize("expected", BAD)
def test_what_cannot_be_scored_is_refused(name, expected):
    with pytest.raises(CourseError, match=expected.strip()):
        SCORES[name](*BAD[expected])


# Randomised weights ---------------------------------------------------------------


class OwnScale(nn.Module):
    """A learner's module with a bare parameter."""

    def __init__(self):
        super().__init__()
        self.kernel = nn.Parameter(torch.arange(9.0).view(1, 1, 3, 3))

    def gate(self, x):
        m = x.mean(dim=1, keepdim=True)
        return torch.sigmoid(nn.functional.conv2d(m, self.kernel, padding=1))

    def forward(self, x):
        return x * self.gate(x)


@pytest.mark.parametrize("attention", ["bam", "cbam", "spatial", "own"])
def test_random_weights_share_nothing_with_the_trained_ones(attention):
    make = (lambda channels: OwnScale()) if attention == "own" else attention
    network = small_network(make).eval()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    fresh = randomised(network, PICTURES, seed=1)
    assert torch.equal(torch.rand(1), expected)  # the caller's random numbers
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    for name, parameter in fresh.named_parameters():
        if parameter.dim() > 1 and parameter.numel() > 8:
            assert not torch.equal(parameter, before[name]), name
    assert not fresh.training
    assert fresh(PICTURES).isfinite().all()
    again, other = randomised(network, PICTURES, 1), randomised(network, PICTURES, 2)
    assert torch.equal(again(PICTURES), fresh(PICTURES))
    assert not torch.equal(other(PICTURES), fresh(PICTURES))
    assert max(m.std() for m in capture_maps(fresh, PICTURES).values()) > 1e-4
