"""ECA, Coordinate Attention and spatial pyramid attention: laws and values."""

import copy

import numpy as np
import pytest
import torch
from attention_formulas import batch_norm, linear, relu, sigmoid
from attention_variants import images, randomised
from hypothesis import given, settings
from hypothesis import strategies as st
from timm.layers import EcaModule
from timm.layers.coord_attn import CoordAttn
from torch import nn

from course_lib.attention import (
    ATTENTION,
    ECA,
    CoordinateAttention,
    PyramidAttention,
    SqueezeExcitation,
)
from course_lib.attention.coordinate import coordinate_gates
from course_lib.attention.eca import eca_kernel_size
from course_lib.attention.pyramid import pyramid_squeeze
from course_lib.attention.squeeze_excitation import se_gate
from course_lib.errors import CourseError
from course_lib.resnet import resnet50

FEW = settings(derandomize=True, deadline=None, max_examples=12)
BUILD = {
    "eca": ECA,
    "eca-5": lambda c: ECA(c, 5),
    "coordinate": CoordinateAttention,
    "coordinate-nobias": lambda c: CoordinateAttention(c, 4, bias=False),
    "pyramid": lambda c: PyramidAttention(c, 4),
    "pyramid-13": lambda c: PyramidAttention(c, 8, levels=(1, 3)),
}
NAMES = list(BUILD)
each = pytest.mark.parametrize("name", NAMES)
SIZES = st.tuples(
    st.integers(1, 3),  # N
    st.sampled_from([16, 24, 48]),  # C
    st.integers(1, 9),  # H
    st.integers(1, 9),  # W
)


def built(name, channels=32, seed=0):
    """The module in eval mode with random weights."""
    module = randomised(BUILD[name](channels), seed)
    if name.startswith("eca"):  # its first axis is no fan
        with torch.no_grad():
            module.conv.weight.mul_(3)
    return module


def gate_shape(name, n, c, h, w):
    return (n, c, h, w) if name.startswith("coordinate") else (n, c, 1, 1)


# Laws -------------------------------------------------------------------------------


@each
@FEW
@given(size=SIZES)
def test_any_map_keeps_its_shape_and_is_multiplied_by_the_bare_gate(name, size):
    module, x = built(name, channels=size[1]), images(*size)
    with torch.no_grad():
        y, gate = module(x), module.gate(x)
    assert y.shape == x.shape
    assert gate.shape == gate_shape(name, *size)
    torch.testing.assert_close(y, x * gate)


@pytest.mark.parametrize("size", [(1, 32, 1, 1), (2, 32, 7, 7), (2, 32, 3, 10)])
@each
def test_the_gate_lies_strictly_between_0_and_1(name, size):
    gate = built(name).double().gate(images(*size, dtype=torch.float64))
    assert gate.min() > 0 and gate.max() < 1
    assert gate.std() > 0.01


@each
def test_samples_do_not_see_each_other_in_eval_mode(name):
    module, x = built(name), images(3, 32, 5, 7)
    alone = torch.cat([module(one[None]) for one in x])
    torch.testing.assert_close(module(x), alone)


@each
def test_channels_last_gives_the_same_and_stays_channels_last(name):
    module, x = built(name), images(2, 32, 5, 7)
    y = module(x.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(y, module(x))
    assert y.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@each
def test_bf16_autocast_stays_near_float32(name, dtype):
    module, x = built(name), images(2, 32, 5, 7)
    with torch.autocast("cpu", torch.bfloat16):
        y = module(x.to(dtype))
    assert y.dtype == dtype
    assert y.isfinite().all()
    torch.testing.assert_close(y.float(), module(x), rtol=0.15, atol=0.05)


@each
def test_every_parameter_and_the_input_get_a_gradient(name):
    module, x = built(name), images(4, 32, 6, 5).requires_grad_()
    module(x).square().mean().backward()
    for key, parameter in module.named_parameters():
        # In eval mode BatchNorm is a fixed scale: even the bias before it counts.
        assert parameter.grad.any(), key
    assert (x.grad != 0).all()


@each
def test_training_differs_from_evaluation_by_batch_norm_alone(name):
    module, x = built(name), images(3, 32, 6, 5)
    before = x.clone()
    evaluated = module(x)
    same = torch.allclose(module.train()(x), evaluated)
    assert same == (not name.startswith("coordinate"))
    assert torch.equal(x, before)


@each
def test_a_batch_of_one_on_a_map_of_one_position_trains(name):
    module = built(name).train()
    assert module(images(1, 32, 1, 1)).isfinite().all()


# ECA --------------------------------------------------------------------------------


def slow_eca(x, kernel):
    s = x.mean((2, 3))
    reach = len(kernel) // 2
    gate = np.empty_like(s)
    for c in range(s.shape[1]):
        total = 0
        for j, weight in enumerate(kernel):
            neighbour = c + j - reach
            if 0 <= neighbour < s.shape[1]:
                total = total + weight * s[:, neighbour]
        gate[:, c] = sigmoid(total)
    return gate[:, :, None, None]


@pytest.mark.parametrize("size", [(3, 32, 5, 7), (1, 48, 1, 1), (2, 3, 8, 6)])
@pytest.mark.parametrize("name", ["eca", "eca-5"])
def test_eca_equals_the_slow_formula(name, size):
    module = built(name, size[1]).double()
    x = images(*size, dtype=torch.float64)
    expected = slow_eca(x.numpy(), module.conv.weight.detach().flatten().numpy())
    found = module.gate(x).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("channels", [8, 64, 100, 256, 2048])
def test_eca_equals_timm_with_copied_weights(channels):
    ours, theirs = ECA(channels), EcaModule(channels)
    theirs.load_state_dict(ours.state_dict())
    x = images(2, channels, 5, 7)
    torch.testing.assert_close(theirs(x), ours(x))


def test_the_kernel_size_is_the_papers_and_from_8_channels_on_that_of_timm():
    sizes = [eca_kernel_size(2**n) for n in range(13)]
    assert sizes == [1, 1, 1, 3, 3, 3, 3, 5, 5, 5, 5, 7, 7]
    for channels in range(1, 2100):
        k = eca_kernel_size(channels)
        exact = (np.log2(channels) + 1) / 2
        assert k % 2 == 1 and abs(k - exact) <= 1
        assert EcaModule(channels).conv.kernel_size[0] == max(k, 3)


@pytest.mark.parametrize("name", ["eca", "eca-5"])
def test_a_gate_of_eca_depends_on_its_neighbours_alone(name):
    module, x = built(name), images(1, 32, 3, 4).requires_grad_()
    reach = module.conv.kernel_size[0] // 2
    for c in (0, 10, 31):
        (grad,) = torch.autograd.grad(module.gate(x)[0, c].sum(), x)
        asked = grad[0].abs().sum((1, 2)).nonzero().flatten().tolist()
        assert asked == list(range(max(0, c - reach), min(31, c + reach) + 1))


def test_eca_follows_shifted_channels_but_not_permuted_ones():
    module, x = built("eca"), images(2, 32, 5, 7)
    gate, shifted = module.gate(x), module.gate(x.roll(4, dims=1))
    torch.testing.assert_close(shifted[:, 6:30], gate[:, 2:26])
    order = torch.randperm(32, generator=torch.Generator().manual_seed(1))
    assert (module.gate(x[:, order]) - gate[:, order]).abs().max() > 0.01


def test_positions_within_a_map_do_not_matter_to_eca():
    module, x = built("eca"), images(2, 32, 4, 6)
    order = torch.randperm(24, generator=torch.Generator().manual_seed(2))
    moved = x.flatten(2)[:, :, order].reshape(x.shape)
    torch.testing.assert_close(module.gate(moved), module.gate(x))


# Coordinate Attention ---------------------------------------------------------------


def slow_coordinate(x, p):
    """Row by row, then column by column: each is one vector through the same layers."""
    p = {k: v.reshape(v.shape[:2]) if v.ndim == 4 else v for k, v in p.items()}

    def strip(means, last):
        h = batch_norm(linear(means, p, "reduce"), p, "norm")
        return sigmoid(linear(h * np.clip(h + 3, 0, 6) / 6, p, last))

    gate = np.ones_like(x)
    for i in range(x.shape[2]):
        gate[:, :, i, :] *= strip(x[:, :, i, :].mean(2), "expand_rows")[:, :, None]
    for j in range(x.shape[3]):
        gate[:, :, :, j] *= strip(x[:, :, :, j].mean(2), "expand_columns")[:, :, None]
    return gate


@pytest.mark.parametrize("size", [(3, 32, 5, 7), (1, 48, 1, 1), (2, 16, 8, 6)])
@pytest.mark.parametrize("name", ["coordinate", "coordinate-nobias"])
def test_coordinate_equals_the_slow_formula(name, size):
    module = built(name, size[1]).double()
    x = images(*size, dtype=torch.float64)
    weights = {key: value.numpy() for key, value in module.state_dict().items()}
    found = module.gate(x).detach().numpy()
    np.testing.assert_allclose(found, slow_coordinate(x.numpy(), weights), rtol=1e-9)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_coordinate_equals_timm_with_copied_weights(bias, training):
    ours = randomised(CoordinateAttention(64, 4, bias=bias))
    theirs = CoordAttn(64, rd_channels=16, bias=bias)
    own, other = theirs.state_dict(), ours.state_dict()
    theirs.load_state_dict(dict(zip(own, other.values(), strict=True)))
    x = images(3, 64, 5, 7)
    found = ours.train(training)(x)
    torch.testing.assert_close(theirs.train(training)(x), found)
    torch.testing.assert_close(theirs.bn1.running_var, ours.norm.running_var)


def test_hidden_channels_of_coordinate_and_timm():
    for channels, ours, timm in [(256, 8, 8), (512, 16, 24), (2048, 64, 88)]:
        assert CoordinateAttention(channels).reduce.out_channels == ours
        assert CoordAttn(channels).conv1.out_channels == timm


def test_a_map_of_coordinate_is_a_column_of_gates_times_a_row_of_gates():
    module, x = built("coordinate"), images(2, 32, 5, 7)
    g_h, g_w = module.gates(x)
    assert g_h.shape == (2, 32, 5, 1) and g_w.shape == (2, 32, 1, 7)
    assert torch.linalg.matrix_rank(module.gate(x)[0, 0].double(), tol=1e-5) == 1


def test_a_row_gate_of_coordinate_sees_its_row_alone():
    module, x = built("coordinate"), images(1, 32, 5, 7).requires_grad_()
    g_h, g_w = module.gates(x)
    (grad,) = torch.autograd.grad(g_h[0, 3, 2].sum(), x, retain_graph=True)
    assert grad[0].abs().sum((0, 2)).nonzero().flatten().tolist() == [2]
    (grad,) = torch.autograd.grad(g_w[0, 3, 0, 4], x)
    assert grad[0].abs().sum((0, 1)).nonzero().flatten().tolist() == [4]


def test_coordinate_follows_moved_rows_and_columns_and_the_transpose():
    module, x = built("coordinate"), images(2, 32, 5, 7)
    rows, columns = torch.tensor([3, 0, 4, 1, 2]), torch.tensor([6, 2, 0, 1, 5, 3, 4])
    moved = x[:, :, rows][:, :, :, columns]
    expected = module(x)[:, :, rows][:, :, :, columns]
    torch.testing.assert_close(module(moved), expected)
    turned = copy.deepcopy(module)
    turned.expand_rows, turned.expand_columns = (
        turned.expand_columns,
        turned.expand_rows,
    )
    torch.testing.assert_close(turned(x.mT), module(x).mT)


def test_the_first_bias_of_coordinate_is_idle_in_training():
    module, x = built("coordinate").double().train(), images(4, 32, 6, 5).double()
    before = module(x)
    module.reduce.bias.data += 1
    torch.testing.assert_close(module(x), before)
    module(x).square().mean().backward()
    assert module.reduce.bias.grad.abs().max() < 1e-12
    assert module.reduce.weight.grad.abs().max() > 1e-6


# Spatial pyramid attention ----------------------------------------------------------


def slow_squeeze(x, levels):
    parts = []
    for level in levels:
        for c in range(x.shape[1]):
            for i in range(level):
                for j in range(level):
                    (top, bottom), (left, right) = (
                        (n * k // level, -(-n * (k + 1) // level))
                        for n, k in ((x.shape[2], i), (x.shape[3], j))
                    )
                    parts.append(x[:, c, top:bottom, left:right].mean((1, 2)))
    return np.stack(parts, axis=1)


@pytest.mark.parametrize(
    "size", [(3, 16, 5, 7), (1, 48, 1, 1), (2, 16, 8, 6), (2, 16, 2, 3)]
)
@pytest.mark.parametrize("name", ["pyramid", "pyramid-13"])
def test_pyramid_equals_the_slow_formula(name, size):
    module = built(name, size[1]).double()
    x = images(*size, dtype=torch.float64)
    p = {key: value.numpy() for key, value in module.state_dict().items()}
    s = slow_squeeze(x.numpy(), module.levels)
    expected = sigmoid(linear(relu(linear(s, p, "reduce")), p, "expand"))
    found = module.gate(x).detach().numpy()[:, :, 0, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_21_averages_of_each_channel_grid_by_grid():
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    x = torch.cat([x, 100 + x], dim=1)
    s = pyramid_squeeze(x)[0]
    assert s.shape == (42,)
    assert s[:2].tolist() == [7.5, 107.5]
    assert s[2:10].tolist() == [2.5, 4.5, 10.5, 12.5, 102.5, 104.5, 110.5, 112.5]
    assert s[10:].tolist() == x.flatten().tolist()


@pytest.mark.parametrize(
    ("height", "bins"),
    [
        (1, [0, 0, 0, 0]),
        (2, [0, 0, 1, 1]),
        (3, [0, 0.5, 1.5, 2]),
        (5, [0.5, 1.5, 2.5, 3.5]),
        (6, [0.5, 1.5, 3.5, 4.5]),
        (8, [0.5, 2.5, 4.5, 6.5]),
    ],
)
def test_bins_repeat_or_overlap_where_4_does_not_divide_the_map(height, bins):
    x = torch.arange(float(height)).reshape(1, 1, height, 1)
    s = pyramid_squeeze(x)[0]
    assert s[5:].reshape(4, 4)[:, 0].tolist() == bins


def test_pyramid_on_one_position_is_se_with_summed_weights():
    module, x = built("pyramid"), images(3, 32, 1, 1)
    w1 = module.reduce.weight
    parts = [part.unflatten(1, (32, -1)).sum(2) for part in w1.split([32, 128, 512], 1)]
    expected = se_gate(x, sum(parts), module.expand.weight)
    torch.testing.assert_close(module.gate(x), expected)


def test_pyramid_with_one_cell_is_se_without_biases():
    module, x = randomised(PyramidAttention(32, levels=(1,))), images(3, 32, 5, 7)
    se = SqueezeExcitation(32, bias=False)
    se.load_state_dict(module.state_dict())
    torch.testing.assert_close(module(x), se(x))


def test_pyramid_sees_where_se_does_not():
    x = images(2, 32, 8, 8)
    pyramid, se = built("pyramid"), randomised(SqueezeExcitation(32))
    mirrored = x.flip(3)
    torch.testing.assert_close(se.gate(mirrored), se.gate(x))
    assert (pyramid.gate(mirrored) - pyramid.gate(x)).abs().max() > 0.01
    # Within a cell of the 4 x 4 grid, positions do not matter.
    cells = x.reshape(2, 32, 4, 2, 4, 2).flip(3, 5).reshape(x.shape)
    torch.testing.assert_close(pyramid.gate(cells), pyramid.gate(x))


# Counts and errors ------------------------------------------------------------------

PLAIN = 25_557_032  # ResNet50 with 1000 classes


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


# Branches of 256, 512, 1024 and 2048 channels in 3, 4, 6 and 3 blocks.
@pytest.mark.parametrize(
    ("attention", "added"),
    [
        ("eca", 3 * 5 + 4 * 5 + 6 * 5 + 3 * 7),
        (lambda c: ECA(c, 3), 16 * 3),
        ("coordinate", 3 * 6_680 + 4 * 25_648 + 6 * 100_448 + 3 * 397_504),
        ("pyramid", 22 * (3 * 256**2 + 4 * 512**2 + 6 * 1024**2 + 3 * 2048**2) // 16),
    ],
    ids=["eca", "eca-3", "coordinate", "pyramid"],
)
def test_parameters_in_resnet50(attention, added):
    with torch.device("meta"):
        network = resnet50(1000, attention)
    assert count(network) == PLAIN + added
    if attention == "eca":
        assert count(network) == 25_557_118  # as timm's resnet50 with eca
    if attention == "coordinate":
        assert count(network) == 27_474_864
    if attention == "pyramid":
        assert count(network) == 53_221_416  # more than twice the plain network


@given(c=st.integers(8, 512), r=st.integers(1, 8))
@settings(derandomize=True, deadline=None, max_examples=25)
def test_parameters_follow_the_closed_forms(c, r):
    m = max(8, c // r)
    with torch.device("meta"):
        assert count(CoordinateAttention(c, r)) == 3 * c * m + 2 * m + 2 * c + m
        assert count(CoordinateAttention(c, r, bias=False)) == 3 * c * m + 2 * m
        assert count(PyramidAttention(c, r)) == (c // r) * 22 * c
        assert count(ECA(c)) == eca_kernel_size(c)


@pytest.mark.parametrize("name", ["eca", "coordinate", "pyramid"])
def test_narrow_networks_run_with_reduction_4(name):
    assert ATTENTION[name].placement == "branch"
    for placement in ("branch", "conv2", "pre"):
        network = resnet50(
            5, name, placement, stem="cifar", width=8, reduction=4, blocks=(1, 1, 1, 1)
        ).eval()
        assert network(images(1, 3, 9, 11)).isfinite().all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ECA(0), "channels=0"),
        (lambda: ECA(64, 4), "kernel_size=4.*odd"),
        (lambda: ECA(64, -1), "kernel_size=-1.*odd"),
        (lambda: CoordinateAttention(64, 0), "reduction=0"),
        (lambda: CoordinateAttention(64, 2.5), "reduction=2.5"),
        (lambda: CoordinateAttention(64, least=0), "least=0"),
        (lambda: PyramidAttention(8), "8 channels with reduction 16.*8 or less"),
        (lambda: PyramidAttention(64, levels=()), r"levels=\(\)"),
        (lambda: PyramidAttention(64, levels=(1, 0)), r"levels=\(1, 0\)"),
    ],
)
def test_bad_arguments_end_in_one_line(call, message):
    with pytest.raises(CourseError, match=message):
        call()


def test_the_gates_of_coordinate_need_no_module():
    x = images(2, 4, 5, 7)
    w1, last = torch.ones(2, 4, 1, 1), torch.zeros(4, 2, 1, 1)
    g_h, g_w = coordinate_gates(x, w1, last, last, norm=nn.Identity())
    assert (g_h * g_w == 0.25).all()
