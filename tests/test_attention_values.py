"""What the modules compute: against NumPy, timm and torchvision; counts; bad input."""

import pytest
import torch
import torchvision
from attention_formulas import FORMULAS
from attention_variants import VARIANTS, images, randomised
from hypothesis import given, settings
from hypothesis import strategies as st
from timm.layers import SEModule
from timm.layers.cbam import CbamModule

from course_lib.attention import (
    BAM,
    CBAM,
    BAMSpatial,
    CBAMChannel,
    CBAMSpatial,
    SmallSpatial,
    SqueezeExcitation,
)
from course_lib.attention.bam import BAMChannel
from course_lib.attention.widths import hidden_width

# Values ---------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(3, 32, 5, 7), (1, 48, 1, 1), (2, 16, 8, 6)])
@pytest.mark.parametrize("name", list(VARIANTS))
def test_the_gate_equals_the_formula_in_numpy(name, size):
    module = randomised(VARIANTS[name].build(size[1])).double()
    x = images(*size, dtype=torch.float64)
    weights = {key: value.numpy() for key, value in module.state_dict().items()}
    expected = torch.from_numpy(FORMULAS[name](x.numpy(), weights))
    with torch.no_grad():
        found = module.gate(x)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


def copy_weights(target, source):
    """In order, reshaping linear layers into 1x1 convolutions."""
    own, other = target.state_dict(), source.state_dict()
    pairs = zip(own.items(), other.values(), strict=True)
    target.load_state_dict({k: new.reshape(old.shape) for (k, old), new in pairs})
    return target.eval()


@pytest.mark.parametrize(
    "theirs",
    [
        lambda c: SEModule(c, rd_divisor=1),
        lambda c: torchvision.ops.SqueezeExcitation(c, c // 16),
    ],
    ids=["timm", "torchvision"],
)
def test_se_equals_other_libraries_with_copied_weights(theirs):
    ours = randomised(SqueezeExcitation(64))
    x = images(2, 64, 5, 7)
    torch.testing.assert_close(copy_weights(theirs(64), ours)(x), ours(x))


@pytest.mark.parametrize("channels", [32, 64, 256])
def test_se_rounded_to_8_equals_the_default_of_timm(channels):
    ours = randomised(SqueezeExcitation(channels, round_to=8))
    x = images(2, channels, 5, 7)
    torch.testing.assert_close(copy_weights(SEModule(channels), ours)(x), ours(x))


def test_cbam_with_its_arguments_equals_timm():
    ours = randomised(VARIANTS["cbam-timm"].build(64))
    theirs = copy_weights(CbamModule(64), ours)
    x = images(3, 64, 5, 7)
    torch.testing.assert_close(theirs(x), ours(x))
    theirs.train()
    ours.train()
    torch.testing.assert_close(theirs(x), ours(x))
    torch.testing.assert_close(  # one momentum, so the same running statistics
        theirs.spatial.conv.bn.running_var, ours.spatial.norm.running_var
    )


def test_released_cbam_weights_fit_timm_after_swapping_the_two_maps():
    ours = randomised(CBAM(64))
    torch.nn.init.zeros_(ours.channel.reduce.bias)
    torch.nn.init.zeros_(ours.channel.expand.bias)
    as_timm = VARIANTS["cbam-timm"].build(64).eval()
    as_timm.load_state_dict(ours.state_dict(), strict=False)
    x = images(2, 64, 5, 7)
    assert (as_timm(x) - ours(x)).abs().max() > 0.01
    with torch.no_grad():
        kernel = as_timm.spatial.conv.weight
        kernel.copy_(kernel.flip(1).clone())
    torch.testing.assert_close(as_timm(x), ours(x))


def test_the_three_orders_of_cbam_differ():
    weights = randomised(CBAM(32)).state_dict()
    x, found = images(2, 32, 5, 7), []
    for order in ("channel-first", "spatial-first", "parallel"):
        module = CBAM(32, order=order).eval()
        module.load_state_dict(weights)
        found.append(module(x))
    for i, j in [(0, 1), (0, 2), (1, 2)]:
        assert (found[i] - found[j]).abs().max() > 0.01


def test_sum_and_product_of_bam_differ_with_the_same_weights():
    released = randomised(BAM(32, combine="product"))
    paper = BAM(32, combine="sum", norm="hidden").eval()
    paper.load_state_dict(released.state_dict())
    x = images(2, 32, 5, 7)
    assert (paper(x) - released(x)).abs().max() > 0.01


def test_norm_of_bam_follows_combine_unless_it_is_given():
    for combine, norm in [("sum", "ends"), ("product", "hidden")]:
        left_out, given_ = BAM(32, combine=combine), BAM(32, combine=combine, norm=norm)
        assert left_out.state_dict().keys() == given_.state_dict().keys()


# Starts ---------------------------------------------------------------------------


def test_cbam_starts_with_every_spatial_gate_at_one_half():
    assert (CBAM(32).spatial.gate(images(2, 32, 5, 7)) == 0.5).all()
    assert (CBAMSpatial().eval().gate(images(2, 32, 5, 7)) == 0.5).all()


def test_batch_norm_of_the_spatial_gate_is_the_one_asked_for():
    released, timm = CBAM(32).spatial.norm, VARIANTS["cbam-timm"].build(32).spatial.norm
    assert (released.momentum, released.eps, released.weight.item()) == (0.01, 1e-5, 0)
    assert (timm.momentum, timm.weight.item()) == (0.1, 1)
    assert CBAM(32, norm=False).spatial.norm is None


# Parameter counts -----------------------------------------------------------------

CHANNELS = (256, 512, 1024, 2048)
PARAMETERS = {
    "SE, no bias": (
        lambda c: SqueezeExcitation(c, bias=False),
        (8_192, 32_768, 131_072, 524_288),
    ),
    "SE, biases": (SqueezeExcitation, (8_464, 33_312, 132_160, 526_464)),
    "BAM, released": (
        lambda c: BAM(c, combine="product"),
        (17_361, 68_513, 272_193, 1_085_057),
    ),
    "BAM, released, channel branch": (
        lambda c: BAMChannel(c, norm="hidden"),
        (8_496, 33_376, 132_288, 526_720),
    ),
    "BAM, spatial branch": (BAMSpatial, (8_865, 35_137, 139_905, 558_337)),
    "BAM, Xu Ma": (
        lambda c: BAM(c, combine="product", norm="hidden-spatial"),
        (17_329, 68_449, 272_065, 1_084_801),
    ),
    "CBAM, released": (CBAM, (8_564, 33_412, 132_260, 526_564)),
    "CBAM, channel gate": (CBAMChannel, (8_464, 33_312, 132_160, 526_464)),
    "CBAM, spatial gate": (lambda c: CBAMSpatial(), (100,) * 4),
    "CBAM, timm": (
        lambda c: CBAM(c, mlp_bias=False),
        (8_292, 32_868, 131_172, 524_388),
    ),
    "small spatial": (lambda c: SmallSpatial(), (46,) * 4),
}


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def buffers(module):
    return sum(buffer.numel() for buffer in module.buffers())


@pytest.mark.parametrize("name", list(PARAMETERS))
def test_parameters_of_one_module(name):
    build, expected = PARAMETERS[name]
    with torch.device("meta"):
        assert tuple(count(build(c)) for c in CHANNELS) == expected


@given(hidden=st.integers(1, 64), r=st.integers(1, 32))
@settings(derandomize=True, deadline=None, max_examples=25)
def test_parameters_follow_the_closed_forms(hidden, r):
    c, h = hidden * r, hidden
    spatial = c * h + 18 * h * h + 3 * h + h + 1  # weights and biases, no BatchNorm
    with torch.device("meta"):
        assert count(SqueezeExcitation(c, r, bias=False)) == 2 * c * h
        assert count(SqueezeExcitation(c, r)) == 2 * c * h + h + c
        released = count(BAM(c, r, combine="product"))
        assert released == (2 * c * h + h + c + 2 * h) + (spatial + 6 * h)
        assert count(BAM(c, r)) == (2 * c * h + h + c + 2 * c) + (spatial + 2)
        assert count(BAMSpatial(c, r)) == spatial + 6 * h
        assert count(CBAM(c, r)) == (2 * c * h + h + c) + 98 + 2


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda c: BAM(c, combine="product"), (132, 260, 516, 1028)),
        (BAMSpatial, (99, 195, 387, 771)),
        (CBAM, (3, 3, 3, 3)),
    ],
)
def test_buffers_of_one_module(build, expected):
    with torch.device("meta"):
        assert tuple(buffers(build(c)) for c in CHANNELS) == expected


@given(channels=st.integers(16, 2048))
@settings(derandomize=True, deadline=None, max_examples=50)
def test_the_hidden_width_is_ours_or_that_of_timm(channels):
    assert hidden_width(channels, 16) == channels // 16
    with torch.device("meta"):
        theirs = SEModule(channels).fc1.out_channels
    assert hidden_width(channels, 16, round_to=8) == theirs
