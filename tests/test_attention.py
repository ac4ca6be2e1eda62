"""Laws that every attention module keeps, in every form the course offers."""

import copy

import pytest
import torch
from attention_variants import VARIANTS, gate_shape, images, randomised
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.attention import ATTENTION, BAMSpatial, CBAMSpatial, SmallSpatial

FEW = settings(derandomize=True, deadline=None, max_examples=12)
NAMES = list(VARIANTS)
SIZES = st.tuples(
    st.integers(1, 3),  # N
    st.sampled_from([16, 32, 48]),  # C
    st.integers(1, 11),  # H
    st.integers(1, 11),  # W
)


def built(name, channels=32, seed=0):
    return randomised(VARIANTS[name].build(channels), seed)


def factor(name, gate):
    """What x is multiplied with: the gate, for BAM one more."""
    return VARIANTS[name].offset + gate


# Shapes and ranges ----------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@FEW
@given(size=SIZES)
def test_any_map_keeps_its_shape_and_is_multiplied_by_the_bare_gate(name, size):
    module, x = built(name, channels=size[1]), images(*size)
    with torch.no_grad():
        y, gate = module(x), module.gate(x)
    assert y.shape == x.shape
    assert gate.shape == gate_shape(VARIANTS[name], *size)
    assert gate.min() >= 0 and gate.max() <= 1
    torch.testing.assert_close(y, x * factor(name, gate))


@pytest.mark.parametrize("size", [(1, 32, 1, 1), (2, 32, 7, 7), (2, 32, 3, 10)])
@pytest.mark.parametrize("name", NAMES)
def test_the_gate_lies_strictly_between_0_and_1(name, size):
    # So BAM's factor lies in (1, 2): it amplifies and never silences. In float64, as
    # float32 rounds a sigmoid to exactly 1 from logits of 17 on.
    gate = built(name).double().gate(images(*size, dtype=torch.float64))
    assert gate.min() > 0 and gate.max() < 1


@pytest.mark.parametrize("name", [name for name in ATTENTION if name != "plain"])
def test_the_table_builds_modules_for_any_channels_and_reduction(name):
    row = ATTENTION[name]
    x = images(2, 24, 5, 3)
    assert row.make(24, 8).eval()(x).shape == x.shape
    hidden = row.make(64, 16), row.make(64, 4)
    counts = [sum(p.numel() for p in module.parameters()) for module in hidden]
    # "coordinate" has a hidden layer too, of at least 8 units: as many in both.
    shrinks = name in ("se", "bam", "cbam", "bam-spatial", "pyramid")
    assert (counts[0] < counts[1]) == shrinks


# Structure ------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_samples_do_not_see_each_other_in_eval_mode(name):
    module, x = built(name), images(3, 32, 5, 7)
    alone = torch.cat([module(one[None]) for one in x])
    torch.testing.assert_close(module(x), alone)


def permuted(module, order):
    """The same module for channels in another order: weights that touch C move."""
    other = copy.deepcopy(module)
    with torch.no_grad():
        for name, value in other.state_dict().items():
            layer, leaf = name.split(".")[-2:]
            if layer == "reduce" and leaf == "weight":  # (C//r, C) or (C//r, C, 1, 1)
                value.copy_(value[:, order].clone())
            elif layer == "expand" or (layer == "norm_end" and len(value.shape) == 1):
                value.copy_(value[order].clone() if len(value) > 1 else value)
    return other


@pytest.mark.parametrize("name", NAMES)
def test_permuting_the_channels_permutes_the_gate(name):
    module, x = built(name), images(2, 32, 5, 7)
    order = torch.randperm(32, generator=torch.Generator().manual_seed(1))
    expected = module(x)[:, order]
    torch.testing.assert_close(permuted(module, order)(x[:, order]), expected)


def changed_kernels(module, change):
    """The same module with `change` applied to every kernel wider than one position."""
    other = copy.deepcopy(module)
    with torch.no_grad():
        for value in other.state_dict().values():
            if value.dim() == 4 and value.shape[-1] > 1:
                value.copy_(change(value).clone())
    return other


def mirror(a):
    return a.flip(-1)


def transpose(a):
    return a.transpose(-1, -2)


# The small module's stride of 2 starts at the left edge: on most maps it has no mirror.
@pytest.mark.parametrize("name", [name for name in NAMES if name != "spatial"])
def test_the_gate_follows_a_left_right_flip(name):
    module, x = built(name), images(2, 32, 6, 9)
    flipped = changed_kernels(module, mirror)
    torch.testing.assert_close(flipped(mirror(x)), mirror(module(x)))


@pytest.mark.parametrize("name", NAMES)
def test_rows_and_columns_are_treated_alike(name):
    module, x = built(name), images(2, 32, 6, 9)
    turned = changed_kernels(module, transpose)
    torch.testing.assert_close(turned(transpose(x)), transpose(module(x)))


def reach(module, channels, size=25):
    """Which positions of x move the gate in the middle: bool (H, W)."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(0.01)
    x = torch.ones(1, channels, size, size, requires_grad=True)
    module.eval().gate(x)[0, 0, size // 2, size // 2].backward()
    return x.grad[0].abs().sum(0) > 0


def test_one_gate_of_the_small_module_sees_9_by_9_positions():
    seen = reach(SmallSpatial(), 4)
    assert seen.sum() == 81 and seen.any(0).sum() == 9 and seen.any(1).sum() == 9


def test_bam_spans_17_by_17_positions_but_touches_25():
    seen = reach(BAMSpatial(16), 16)
    touched = torch.arange(4, 21, 4)  # 12 - 8, 12 - 4, 12, 12 + 4, 12 + 8
    expected = torch.zeros_like(seen)
    expected[touched[:, None], touched] = True
    assert torch.equal(seen, expected)


def test_cbam_sees_the_size_of_its_kernel():
    assert reach(CBAMSpatial(5, norm=False), 4).sum() == 25


# Memory layout, precision, gradients ------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_channels_last_gives_the_same_and_stays_channels_last(name):
    module, x = built(name), images(2, 32, 5, 7)
    y = module(x.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(y, module(x))
    assert y.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", NAMES)
def test_bf16_autocast_stays_near_float32(name, dtype):
    module, x = built(name), images(2, 32, 5, 7)
    with torch.autocast("cpu", torch.bfloat16):
        y = module(x.to(dtype))
    assert y.dtype == dtype
    assert y.isfinite().all()
    torch.testing.assert_close(y.float(), module(x), rtol=0.15, atol=0.05)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_the_input_is_not_modified(name, training):
    module, x = built(name).train(training), images(2, 32, 5, 7)
    before = x.clone()
    module(x)
    assert torch.equal(x, before)


def without_gradient(module, x):
    module(x).square().mean().backward()
    named = module.named_parameters()
    return {name for name, p in named if p.grad is None or not p.grad.any()}


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_and_the_input_get_a_gradient(name):
    module, x = built(name), images(4, 32, 6, 5).requires_grad_()
    dead = without_gradient(module, x)
    assert not dead, f"no gradient reached {dead}"
    assert (x.grad != 0).all()


# A BatchNorm scale of 0 stops the gradient of the kernel before it, once.
NOT_IN_THE_FIRST_STEP = {
    "cbam": {"spatial.conv.weight"},
    "cbam-spatial": {"conv.weight"},
}
# "spatial" is left out: a small gate may start dead, see test_attention_values.py.
AT_THE_START = [name for name in ATTENTION if name not in ("plain", "spatial")]


@pytest.mark.parametrize("name", AT_THE_START)
def test_what_gets_no_gradient_in_the_first_step_gets_one_in_the_second(name):
    torch.manual_seed(0)
    module, x = ATTENTION[name].make(64, 16), images(4, 64, 6, 5)
    assert without_gradient(module, x) == NOT_IN_THE_FIRST_STEP.get(name, set())
    torch.optim.SGD(module.parameters(), lr=0.1).step()
    module.zero_grad()
    assert without_gradient(module, x) == set()


def test_an_all_zero_channel_gives_finite_gradients():
    # A channel that is 0 everywhere is common after a ReLU.
    x = images(2, 32, 4, 4)
    x[:, 3] = 0
    x.requires_grad_()
    built("cbam-channel-4")(x).sum().backward()
    assert x.grad.isfinite().all()


# Training and evaluation ------------------------------------------------------------

WITHOUT_BATCH_NORM = {
    *("se", "se-nobias", "se-timm", "cbam-paper", "spatial"),
    *("cbam-channel", "cbam-channel-4", "cbam-spatial-plain"),
}


@pytest.mark.parametrize("name", NAMES)
def test_training_differs_from_evaluation_by_batch_norm_alone(name):
    module, x = built(name), images(3, 32, 6, 5)
    before = copy.deepcopy(module.state_dict())
    evaluated = module(x)
    torch.testing.assert_close(module.state_dict(), before, rtol=0, atol=0)
    trained = module.train()(x)
    same = torch.allclose(trained, evaluated)
    assert same == (name in WITHOUT_BATCH_NORM)
    changed = {k for k, v in module.state_dict().items() if not v.equal(before[k])}
    statistics = {k for k in before if "running" in k or "tracked" in k}
    assert changed == statistics
    assert bool(statistics) == (name not in WITHOUT_BATCH_NORM)
