"""Where attention goes: places in a block, stages, and starting weights."""

import pandas as pd
import pytest
import torch
from attention_variants import images
from torch import nn
from torch.nn import functional as F

from course_lib.attention import ATTENTION, SmallSpatial, SqueezeExcitation
from course_lib.blocks import PLACEMENTS, Bottleneck, PreActBottleneck
from course_lib.errors import CourseError
from course_lib.placing import rank_places
from course_lib.resnet import resnet50, resnet101
from course_lib.weights import initialise_backbone

IN_BLOCKS = [place for place in PLACEMENTS if place != "between_stages"]
NAMES = list(ATTENTION)


class HalfMinus(nn.Module):
    """Stands in for attention: 0.5 x - 0.3 shows on which side of a ReLU it acts."""

    def __init__(self, channels):
        super().__init__()
        self.channels = channels

    def forward(self, x):
        assert x.shape[1] == self.channels
        return 0.5 * x - 0.3


def small(attention=None, placement=None, **kwargs):
    """ResNet50 of an eighth of the width."""
    return resnet50(5, attention, placement, width=8, **kwargs)


def randomise_statistics(module):
    random = torch.Generator().manual_seed(0)
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.weight.data.uniform_(0.5, 1.5, generator=random)
            layer.bias.data.normal_(0, 0.5, generator=random)
            layer.running_mean.normal_(0, 0.5, generator=random)
            layer.running_var.uniform_(0.5, 1.5, generator=random)
    return module.eval()


# Inside a block -------------------------------------------------------------------


def bottleneck_by_hand(block, x, here):
    """`here(place, x)` applies the module where `place` is the chosen one."""
    y = F.relu(block.bn1(block.conv1(here("pre", x))))
    y = here("conv2", F.relu(block.bn2(block.conv2(y))))
    y = here("branch", block.bn3(block.conv3(y)))
    shortcut = x
    if block.downsample is not None:
        shortcut = block.downsample(x)
    return here("post", F.relu(y + here("identity", shortcut)))


def pre_activation_by_hand(block, x, here):
    active = F.relu(block.bn1(x))
    y = block.conv1(here("pre", active))
    y = block.conv2(F.relu(block.bn2(y)))
    y = block.conv3(here("conv2", F.relu(block.bn3(y))))
    shortcut = x
    if block.shortcut is not None:
        shortcut = block.shortcut(active)
    return here("post", here("branch", y) + here("identity", shortcut))


@pytest.mark.parametrize("place", IN_BLOCKS)
@pytest.mark.parametrize(("in_channels", "stride"), [(16, 1), (16, 2), (32, 1)])
@pytest.mark.parametrize(
    ("block_class", "by_hand"),
    [(Bottleneck, bottleneck_by_hand), (PreActBottleneck, pre_activation_by_hand)],
)
def test_the_module_acts_at_its_place(block_class, by_hand, in_channels, stride, place):
    torch.manual_seed(0)
    block = block_class(in_channels, 8, stride, HalfMinus, place)
    randomise_statistics(block)
    x = images(2, in_channels, 7, 6)

    def here(name, value):
        return 0.5 * value - 0.3 if name == place else value

    expected = by_hand(block, x.clone(), here)
    assert expected.shape == (2, 32, -(-7 // stride), -(-6 // stride))
    torch.testing.assert_close(block(x), expected)
    without = by_hand(block, x.clone(), lambda name, value: value)
    assert (expected - without).abs().max() > 0.01


def test_the_stride_can_move_to_the_first_convolution():
    for block_class in (Bottleneck, PreActBottleneck):
        strides = {}
        for stride_in in ("1x1", "3x3"):
            block = block_class(16, 8, 2, stride_in=stride_in)
            strides[stride_in] = block.conv1.stride[0], block.conv2.stride[0]
        assert strides == {"1x1": (2, 1), "3x3": (1, 2)}


# In the network -------------------------------------------------------------------

AFTER_BLOCKS = [256] * 3 + [512] * 4 + [1024] * 6 + [2048] * 3
CHANNELS = {
    "branch": AFTER_BLOCKS,
    "post": AFTER_BLOCKS,
    "identity": AFTER_BLOCKS,
    "conv2": [64] * 3 + [128] * 4 + [256] * 6 + [512] * 3,
    "pre": [64, *AFTER_BLOCKS[:-1]],
    "between_stages": [256, 512, 1024],
}


def channels_met(**kwargs):
    """The channels for which the network asks for a module, in order."""
    met = []

    def record(channels):
        met.append(channels)
        return nn.Identity()

    with torch.device("meta"):
        resnet50(10, record, **kwargs)
    return met


@pytest.mark.parametrize("preact", [False, True])
@pytest.mark.parametrize("place", list(PLACEMENTS))
def test_each_place_gets_modules_of_the_right_channels(place, preact):
    assert channels_met(placement=place, preact=preact) == CHANNELS[place]


def test_a_callable_goes_on_the_branch_unless_told_otherwise():
    assert channels_met() == CHANNELS["branch"]
    assert len(channels_met()) == 16


@pytest.mark.parametrize(
    ("stages", "placement", "expected"),
    [
        ((1,), "branch", [256] * 3),
        ([4], "conv2", [512] * 3),
        ((4, 2), "branch", [512] * 4 + [2048] * 3),
        ((), "post", []),
        ((4,), "between_stages", [2048]),
        (range(1, 5), "between_stages", [256, 512, 1024, 2048]),
    ],
)
def test_stages_choose_the_depth(stages, placement, expected):
    met = channels_met(stages=stages, placement=placement)
    assert met == expected


def test_the_weights_of_se_follow_the_formula_of_the_paper():
    # (2 / r) times the sum over blocks of C squared.
    assert 2 / 16 * sum(c * c for c in CHANNELS["branch"]) == 2_514_944
    with torch.device("meta"):
        network = resnet50(10, lambda c: SqueezeExcitation(c, bias=False))
    modules = [m for m in network.modules() if isinstance(m, SqueezeExcitation)]
    assert len(modules) == 16
    assert sum(p.numel() for m in modules for p in m.parameters()) == 2_514_944


def test_between_stages_acts_after_the_last_block_of_a_stage():
    network = randomise_statistics(
        small(HalfMinus, "between_stages", stages=(1, 3), stem="cifar")
    )
    x = images(2, 3, 16, 12)
    y = F.relu(network.bn1(network.conv1(x)))
    y = 0.5 * network.layer1(y) - 0.3
    y = 0.5 * network.layer3(network.layer2(y)) - 0.3
    y = network.fc(network.layer4(y).mean(dim=(2, 3)))
    torch.testing.assert_close(network(x), y)


def test_runs_of_two_models_cannot_be_ranked_together():
    row = {"placement": "pre", "seed": 2, "status": "done", "test_accuracy": 0.5}
    runs = pd.DataFrame([row, row | {"placement": "branch"}])
    assert list(rank_places(runs)["difference"]) == [0.0, 0.0]
    with pytest.raises(CourseError, match="two runs at 'pre' with seed 2"):
        rank_places(pd.concat([runs, runs.head(1)]))


def test_names_use_their_default_place():
    with torch.device("meta"):
        networks = {name: resnet50(10, name) for name in NAMES}
    between = {name for name, network in networks.items() if len(network.between)}
    assert between == {"bam", "bam-spatial"}
    assert all(len(networks[name].between) == 3 for name in between)
    in_blocks = {
        n for n, net in networks.items() if net.layer4[2].attention is not None
    }
    assert in_blocks == set(NAMES) - between - {"plain"}
    assert sum(isinstance(m, SmallSpatial) for m in networks["spatial"].modules()) == 16


def test_width_divides_the_network_and_reduction_reaches_the_modules():
    network = small("se", reduction=4)
    assert network.conv1.out_channels == 8
    assert network.fc.in_features == 2048 // 8
    assert network.layer1[0].attention.reduce.out_features == 32 // 4
    assert [len(getattr(network, f"layer{i}")) for i in (1, 2, 3, 4)] == [3, 4, 6, 3]
    with torch.device("meta"):
        assert len(resnet101(10).layer3) == 23


@pytest.mark.parametrize(
    ("stem", "map_size"), [("imagenet", 16), ("cifar", 64), ("stride2", 32)]
)
def test_stems_shrink_a_64_pixel_image_to_their_size(stem, map_size):
    network, seen = small(stem=stem).eval(), []
    network.layer1.register_forward_hook(lambda _, args, y: seen.append(args[0].shape))
    network(images(1, 3, 64, 64))
    assert seen == [(1, 8, map_size, map_size)]


@pytest.mark.parametrize("preact", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_every_network_takes_odd_images_one_by_one_and_uses_every_parameter(
    name, preact
):
    torch.manual_seed(0)
    network = small(name, stem="stride2", preact=preact, reduction=8).double()
    x = images(3, 3, 45, 37, dtype=torch.float64)
    network(x).sum().backward()
    unused = [n for n, p in network.named_parameters() if p.grad is None]
    assert not unused
    network.eval()
    with torch.no_grad():
        one_by_one = torch.cat([network(image[None]) for image in x])
        torch.testing.assert_close(network(x), one_by_one)


# Starting weights -----------------------------------------------------------------


def backbone(network):
    """Parameters outside the attention modules."""
    return {
        name: value
        for name, value in network.named_parameters()
        if "attention" not in name and not name.startswith("between")
    }


def started(seed, *args, **kwargs):
    network = small(*args, reduction=4, **kwargs)
    initialise_backbone(network, torch.Generator().manual_seed(seed))
    return network


@pytest.mark.parametrize("preact", [False, True])
def test_one_seed_gives_every_variant_the_same_backbone(preact):
    plain = backbone(started(3, preact=preact))
    for name in NAMES:
        variant = backbone(started(3, name, preact=preact))
        torch.testing.assert_close(variant, plain, rtol=0, atol=0)
    elsewhere = backbone(started(3, "se", "conv2", preact=preact))
    torch.testing.assert_close(elsewhere, plain, rtol=0, atol=0)
    other = backbone(started(4, preact=preact))
    assert not torch.equal(other["conv1.weight"], plain["conv1.weight"])
    assert not torch.equal(other["fc.bias"], plain["fc.bias"])


def test_attention_keeps_its_own_start():
    network = small("se", reduction=4)
    before = network.layer1[0].attention.reduce.weight.clone()
    initialise_backbone(network)
    assert torch.equal(network.layer1[0].attention.reduce.weight, before)
    cbam = small("cbam", reduction=4).layer2[1].attention
    assert cbam.spatial.norm.weight.item() == 0


def test_the_backbone_starts_as_he_et_al_say():
    torch.manual_seed(0)
    network = resnet50(100)
    for block in (network.layer2[1], network.layer4[2]):
        for layer in (block.conv1, block.conv2, block.conv3):
            fan_out = layer.out_channels * layer.kernel_size[0] ** 2
            expected = (2 / fan_out) ** 0.5
            assert layer.weight.std().item() == pytest.approx(expected, rel=0.02)
    bound = 2048**-0.5
    assert 0.99 * bound < network.fc.weight.abs().max() <= bound
    assert (network.layer3[2].bn3.weight == 1).all()


def test_zero_init_residual_makes_each_block_the_identity():
    network = small(zero_init_residual=True).eval()
    x = images(2, 32, 6, 5).relu()
    torch.testing.assert_close(network.layer1[1](x), x, rtol=0, atol=0)
    assert not torch.equal(small().eval().layer1[1](x), x)
