"""The fused end of a block computes what BatchNorm, module, sum and ReLU compute.

In float64 the largest difference, relative to the largest value, stays below 1e-11 for
every output and every gradient.
"""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from course_lib.attention import CBAM, SmallSpatial, SqueezeExcitation
from course_lib.blocks import Bottleneck
from course_lib.errors import CourseError
from course_lib.fused import FUSABLE, FusedBottleneck, fuse
from course_lib.fused.batch_norm import update_running
from course_lib.fused.channel import bn_se_add_relu
from course_lib.fused.network import gate_weights
from course_lib.fused.spatial import bn_spatial_add_relu
from course_lib.resnet import resnet50

TOLERANCE = 1e-11


def relative(found, wanted):
    return ((found - wanted).abs().max() / wanted.abs().max().clamp_min(1e-300)).item()


def make(kind, channels):
    """A module in float64 whose weights are all away from their start, or None."""
    made = {
        "plain": lambda: None,
        "se": lambda: SqueezeExcitation(channels, 2),
        "se without biases": lambda: SqueezeExcitation(channels, 2, bias=False),
        "spatial": lambda: SmallSpatial(start="alive"),
    }[kind]()
    if made is None:
        return None
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.5)
    return made.double()


def draw(shape, seed, layout):
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(shape, generator=generator, dtype=torch.float64)
    return values.contiguous(memory_format=layout)


LAYOUTS = [torch.contiguous_format, torch.channels_last]
SHAPES = st.tuples(
    st.integers(2, 4), st.integers(2, 6), st.integers(1, 7), st.integers(1, 7)
)


@pytest.mark.parametrize("kind", ["plain", "se", "se without biases", "spatial"])
@given(shape=SHAPES, seed=st.integers(0, 2**31), layout=st.sampled_from(LAYOUTS))
@settings(max_examples=25, deadline=None)
def test_outputs_and_all_gradients_are_those_of_autograd(kind, shape, seed, layout):
    torch.manual_seed(seed)
    module = make(kind, shape[1])
    norm = nn.BatchNorm2d(shape[1]).double()
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    y = (3 * draw(shape, seed, layout) + 5).requires_grad_()
    x = draw(shape, seed + 1, layout).requires_grad_()
    weights = tuple(gate_weights(module))
    inputs = [y, x, norm.weight, norm.bias, *weights]
    upstream = draw(shape, seed + 2, layout)
    z = norm(y)
    wanted = F.relu((z if module is None else module(z)) + x)
    fused = bn_spatial_add_relu if kind == "spatial" else bn_se_add_relu
    found, mean, variance = fused(y, x, norm.weight, norm.bias, weights, norm.eps)
    assert relative(found, wanted) < TOLERANCE
    torch.testing.assert_close(mean, y.mean(dim=(0, 2, 3)))
    torch.testing.assert_close(variance, y.var(dim=(0, 2, 3), correction=0))
    expected = torch.autograd.grad(wanted, inputs, upstream)
    gradients = torch.autograd.grad(found, inputs, upstream)
    scale = max(gradient.abs().max() for gradient in expected).clamp_min(1.0)
    for mine, theirs in zip(gradients, expected, strict=True):
        # A gradient that is 0 but for rounding has no scale of its own.
        assert (mine - theirs).abs().max() / scale < TOLERANCE


@pytest.mark.parametrize("momentum", [0.1, 0.01, None])
def test_running_statistics_move_as_batch_norm_s(momentum):
    ours, theirs = (nn.BatchNorm2d(3, momentum=momentum).double() for _ in range(2))
    for step in range(3):
        y = 2 * draw((4, 3, 5, 2), step, torch.contiguous_format) + step
        theirs(y)
        variance, mean = torch.var_mean(y, dim=(0, 2, 3), correction=0)
        update_running(ours, mean, variance, y.numel() // 3)
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value)


def test_without_running_statistics_nothing_moves():
    norm = nn.BatchNorm2d(2, track_running_stats=False)
    update_running(norm, torch.ones(2), torch.ones(2), 8)
    assert norm.running_mean is None and norm.num_batches_tracked is None


@pytest.mark.parametrize("model", FUSABLE)
def test_a_whole_network_trains_alike(model):
    torch.manual_seed(0)
    network = resnet50(4, model, stem="cifar", width=8, reduction=4).double()
    twin = fuse(copy.deepcopy(network), passes="plain")
    assert list(network.state_dict()) == list(twin.state_dict())
    x = draw((4, 3, 9, 11), 3, torch.channels_last)
    upstream = draw((4, 4), 4, torch.contiguous_format)
    for each in (network, twin):
        (each(x) * upstream).sum().backward()
    for mine, theirs in zip(twin.parameters(), network.parameters(), strict=True):
        assert relative(mine.grad, theirs.grad) < 1e-8
    for mine, theirs in zip(twin.buffers(), network.buffers(), strict=True):
        torch.testing.assert_close(mine, theirs)
    torch.testing.assert_close(twin.eval()(x), network.eval()(x))


def test_on_a_cpu_the_blocks_run_as_they_were():
    torch.manual_seed(0)
    block = Bottleneck(8, 2, 1, lambda channels: SqueezeExcitation(channels, 2))
    (fused,) = fuse(nn.Sequential(copy.deepcopy(block)))
    x = torch.randn(3, 8, 5, 5)
    assert isinstance(fused, FusedBottleneck) and fused.choose_passes(x) is None
    assert torch.equal(fused(x), block(x))


def test_parameters_stay_the_same_objects():
    network = resnet50(3, "se", width=8, reduction=4)
    before = dict(network.named_parameters())
    for name, parameter in fuse(network).named_parameters():
        assert parameter is before[name]


@pytest.mark.parametrize(
    "options, words",
    [
        ({"attention": "cbam"}, "CBAM"),
        ({"attention": "se", "placement": "post"}, "'post'"),
        ({"attention": "se", "preact": True}, "preact=False"),
    ],
)
def test_what_cannot_be_fused_says_so(options, words):
    network = resnet50(3, width=16, **options)
    with pytest.raises(CourseError, match=words):
        fuse(network)


def test_unknown_passes_say_so():
    with pytest.raises(CourseError, match="passes"):
        fuse(resnet50(3, width=8), passes="cuda")


def test_a_block_of_another_kind_keeps_its_module():
    block = Bottleneck(8, 2, 1, lambda channels: CBAM(channels, 2))
    network = nn.Sequential(block)
    with pytest.raises(CourseError):
        fuse(network)
    assert network[0] is block
