"""The two faults of the original 46-parameter module, and how ours mends them."""

import pytest
import torch
from attention_variants import images, randomised
from torch.nn import functional as F

from course_lib.attention import SmallSpatial
from course_lib.attention.dead_gates import mean_maps, silent_parameters
from course_lib.attention.spatial import alive_kernels, small_spatial_gate
from course_lib.cost import stack_parameters
from course_lib.exercises.notebook06 import EXERCISES
from course_lib.looking import capture_gates
from course_lib.resnet import resnet50


def original_gate(module, x):
    """The gate as Xu Ma's code computes it: the small map is always doubled."""
    return small_spatial_gate(x, *module.parameters(), upsample="x2")


# Fault 1: odd maps ------------------------------------------------------------------


@pytest.mark.parametrize("size", [(2, 2), (4, 4), (14, 14), (6, 10)])
def test_ours_equals_the_original_on_even_maps(size):
    module, x = randomised(SmallSpatial()), images(2, 8, *size)
    torch.testing.assert_close(module.gate(x), original_gate(module, x), rtol=0, atol=0)


@pytest.mark.parametrize("size", [(7, 7), (13, 13), (7, 8), (8, 7)])
def test_the_original_fails_on_odd_maps_and_ours_does_not(size):
    module, x = randomised(SmallSpatial()), images(2, 8, *size)
    with pytest.raises(RuntimeError, match="must match the size"):
        x * original_gate(module, x)
    assert module(x).shape == x.shape


def test_the_original_silently_turns_one_position_into_four():
    module, x = randomised(SmallSpatial()), images(2, 8, 1, 1)
    assert (x * original_gate(module, x)).shape == (2, 8, 2, 2)
    assert module(x).shape == (2, 8, 1, 1)


# Fault 2: dead gates ----------------------------------------------------------------


def hidden_map(module, x):
    """What the last convolution sees: (N, 1, H/2, W/2), 0 everywhere on a dead gate."""
    m = x.mean(dim=1, keepdim=True)
    return F.relu(module.shrink(F.relu(module.gather(m))))


def share_dead(start, size, modules=300):
    """Share of fresh modules whose hidden map is 0 for each of 8 images.

    x imitates what the module meets in a fresh ResNet50: the output of a BatchNorm,
    here standard normal noise of 64 channels, so m is noise of 1/8.
    """
    torch.manual_seed(0)
    x = images(8, 64, size, size)
    with torch.no_grad():
        fresh = (SmallSpatial(start=start) for _ in range(modules))
        return sum(not hidden_map(module, x).any() for module in fresh) / modules


@pytest.mark.parametrize("size", [4, 8, 16])
def test_how_many_gates_start_dead(size):
    assert 0.35 <= share_dead("pytorch", size) <= 0.55
    assert share_dead("xu-ma", size) <= 0.03
    assert share_dead("alive", size) == 0


def test_on_the_smallest_map_single_images_die_without_the_mend():
    """Per image on 4 x 4, as in layer4 of a CIFAR ResNet: measured 13 % and 0.05 %."""
    torch.manual_seed(0)
    x = images(200, 64, 4, 4)
    dead = {}
    for start in ("xu-ma", "alive"):
        with torch.no_grad():
            maps = [hidden_map(SmallSpatial(start=start), x) for _ in range(200)]
        dead[start] = torch.stack([(m == 0).flatten(1).all(1) for m in maps]).float()
    assert dead["xu-ma"].mean() > 0.05
    assert dead["alive"].mean() < 0.005


def test_a_dead_gate_is_constant_and_learns_nothing_before_its_last_layer():
    torch.manual_seed(0)
    module, x = SmallSpatial(), images(2, 8, 6, 6)
    torch.nn.init.constant_(module.shrink.bias, -100.0)
    assert not hidden_map(module, x).any()
    assert module.gate(x)[:, :, 1:-1, 1:-1].std() == 0
    module(x).square().sum().backward()
    no_gradient = {n for n, p in module.named_parameters() if not p.grad.any()}
    hidden = {"gather.weight", "gather.bias", "shrink.weight", "shrink.bias"}
    assert no_gradient == hidden | {"excite.weight"}  # the bias alone still learns


@pytest.mark.parametrize("start", ["xu-ma", "alive"])
def test_the_starts_are_what_they_say(start):
    torch.manual_seed(0)
    modules = [SmallSpatial(start=start) for _ in range(400)]
    for layer, k in [("gather", 5), ("shrink", 3), ("excite", 3)]:
        layers = [getattr(module, layer) for module in modules]
        assert not torch.stack([one.bias for one in layers]).any()
        weights = torch.stack([one.weight for one in layers])
        spread = weights.square().mean().sqrt().item()  # about the mean of 0
        assert spread == pytest.approx((2 / k**2) ** 0.5, rel=0.05)
    if start == "alive":
        assert all(module.gather.weight.sum() > 0 for module in modules)
        assert all((module.shrink.weight >= 0).all() for module in modules)


def test_alive_gates_train_from_the_first_step():
    x = images(8, 64, 8, 8)
    for seed in range(100):
        torch.manual_seed(seed)
        module = SmallSpatial(start="alive")
        module(x).square().mean().backward()
        assert all(p.grad.any() for p in module.parameters()), seed


# Measuring both ---------------------------------------------------------------------


def test_the_count_is_46_and_grows_with_channels():
    assert stack_parameters([(1, 1, 5), (1, 1, 3), (1, 1, 3)]) == 46
    assert stack_parameters([(6, 2, 3)]) == 2 * (6 * 9 + 1)


def test_silent_parameters_of_a_dead_gate_are_all_but_the_last_bias():
    torch.manual_seed(0)
    module, x = SmallSpatial(), images(2, 8, 6, 6)
    torch.nn.init.constant_(module.shrink.bias, -100.0)
    names = [name for name, _ in module.named_parameters()]
    assert silent_parameters(module, x) == names[:-1]
    assert all(p.grad is None for p in module.parameters())


def test_mean_maps_leave_no_hook_behind_when_the_network_fails():
    network = resnet50(4, "spatial", stem="stride2", width=4)
    with pytest.raises(Exception):  # noqa: B017, any error of the network
        mean_maps(network, torch.zeros(2, 1, 16, 16))
    assert not any(module._forward_pre_hooks for module in network.modules())


def test_the_mean_maps_are_what_each_gate_reads():
    torch.manual_seed(0)
    network = resnet50(10, "spatial", stem="cifar", width=8).eval()
    maps = mean_maps(network, images(2, 3, 16, 16))
    gates = capture_gates(network, images(2, 3, 16, 16))
    assert len(maps) == 16
    for block, m in maps.items():
        module = network.get_submodule(f"{block}.attention")
        gate = gates[f"{block}.attention"]
        torch.testing.assert_close(module.gate(m).detach(), gate)


def test_alive_kernels_change_signs_only():
    torch.manual_seed(0)
    w1, w2 = torch.randn(1, 1, 5, 5), torch.randn(1, 1, 3, 3)
    first, second = alive_kernels(w1, w2)
    assert first.sum() > 0 and (second >= 0).all()
    torch.testing.assert_close(first.abs(), w1.abs())
    torch.testing.assert_close(second.abs(), w2.abs())


REAL_BUGS = {
    ("stack_parameters", "last layer without its bias", "46"),
    ("stack_parameters", "two maps into the last layer", "46"),
    ("small_spatial_gate", "always doubled", "runs on 7 x 7"),
    ("small_spatial_gate", "bilinear upsampling", "values"),
    ("silent_parameters", "None not counted", "silent ones found"),
    ("alive_kernels", "w1 left alone", "a bright patch passes"),
    ("alive_kernels", "w2 left alone", "w2 never cancels"),
}


def test_the_known_faults_are_among_the_wrong_answers():
    known = {
        (e.name, w.name, w.rejected_by) for e in EXERCISES for w in e.wrong_answers
    }
    assert known >= REAL_BUGS
