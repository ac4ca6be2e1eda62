"""ResNet50 and 101: exact totals, multiply-adds, torchvision and timm, bad input.

Totals are counted on the meta device, which knows shapes and holds no numbers.
"""

import json
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from attention_variants import images
from torch.utils.flop_counter import FlopCounterMode

from course_lib.attention import (
    BAM,
    CBAM,
    SqueezeExcitation,
)
from course_lib.resnet import resnet50, resnet101
from course_lib.weights import from_timm

SHAPES_OF_TIMM = Path(__file__).parent / "golden" / "timm_seresnet50_shapes.json"


def se_without_bias(channels):
    return SqueezeExcitation(channels, bias=False)


def bam_released(channels):
    return BAM(channels, combine="product")


def bam_xuma(channels):
    return BAM(channels, combine="product", norm="hidden-spatial")


def cbam_timm(channels):
    return CBAM(channels, mlp_bias=False, map_order="mean-max", bn_scale=1.0)


def on_meta(*args, build=resnet50, **kwargs):
    with torch.device("meta"):
        return build(*args, **kwargs)


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def billion_multiply_adds(network, size):
    """Of convolutions and matrix products, for one image of `size` pixels."""
    x = torch.empty(1, 3, size, size, device="meta")
    with FlopCounterMode(display=False) as counter:
        network.eval()(x)
    return counter.get_total_flops() / 2 / 1e9


# Totals ---------------------------------------------------------------------------

# (attention, placement), parameters with the ImageNet stem (1000, 100 classes) and the
# CIFAR stem (1000, 100), and billion multiply-adds: ImageNet stem at 224 pixels with
# 1000 classes, CIFAR stem at 32 pixels with 100.
# Parameters of "CBAMS as written" equal CBAM's: that code builds the channel MLP
# and never calls it. Ours leaves it out.
BETWEEN = "between_stages"
NETWORKS = [
    (None, None, (25_557_032, 23_712_932, 25_549_352, 23_705_252), 4.0892, 1.2980),
    ("plain", None, (25_557_032, 23_712_932, 25_549_352, 23_705_252), 4.0892, 1.2980),
    (
        se_without_bias,
        "branch",
        (28_071_976, 26_227_876, 28_064_296, 26_220_196),
        *(4.0917, 1.3005),
    ),
    ("se", None, (28_088_024, 26_243_924, 28_080_344, 26_236_244), 4.0917, 1.3005),
    (
        bam_released,
        BETWEEN,
        (25_915_099, 24_070_999, 25_907_419, 24_063_319),
        *(4.1713, 1.3250),
    ),
    (
        bam_xuma,
        BETWEEN,
        (25_914_875, 24_070_775, 25_907_195, 24_063_095),
        *(4.1713, 1.3250),
    ),
    (
        "bam-spatial",
        None,
        (25_740_939, 23_896_839, 25_733_259, 23_889_159),
        *(4.1712, 1.3248),
    ),
    ("cbam", None, (28_089_624, 26_245_524, 28_081_944, 26_237_844), 4.0956, 1.3035),
    (
        "cbam-spatial",
        None,
        (25_558_632, 23_714_532, 25_550_952, 23_706_852),
        *(4.0905, 1.2985),
    ),
    ("spatial", None, (25_557_768, 23_713_668, 25_550_088, 23_705_988), 4.0897, 1.2982),
]


def row_id(value):
    return value if isinstance(value, str) else getattr(value, "__name__", None)


@pytest.mark.parametrize(
    ("attention", "placement", "totals", "at_224", "at_32"), NETWORKS, ids=row_id
)
def test_totals_and_multiply_adds(attention, placement, totals, at_224, at_32):
    found = {}
    for stem in ("imagenet", "cifar"):
        for classes in (1000, 100):
            found[stem, classes] = on_meta(classes, attention, placement, stem=stem)
    assert tuple(count(network) for network in found.values()) == totals
    assert round(billion_multiply_adds(found["imagenet", 1000], 224), 4) == at_224
    assert round(billion_multiply_adds(found["cifar", 100], 32), 4) == at_32


def test_bam_of_the_paper_adds_its_end_norms_to_what_the_released_code_has():
    # Released: BatchNorm on 16, 32 and 64 hidden units, four times. Paper: on C and 1.
    paper, released = on_meta(1000, "bam"), on_meta(1000, bam_released, BETWEEN)
    hidden, ends = 4 * 2 * (16 + 32 + 64), 2 * (256 + 512 + 1024) + 2 * 3
    assert count(paper) == count(released) - hidden + ends == 25_917_793


def test_cbam_in_timms_form():
    assert count(on_meta(1000, cbam_timm)) == 28_073_576


# The network of the REU group: pre-activation, CIFAR stem, 100 classes, 32 pixels.
PREACT = [
    (resnet50, None, None, 23_693_476, 1.2980),
    (resnet101, None, None, 42_685_604, 2.5102),
    (resnet50, se_without_bias, "branch", 26_208_420, 1.3005),
    (resnet50, "spatial", None, 23_694_212, 1.2982),
    (resnet50, bam_xuma, BETWEEN, 24_051_319, 1.3250),
    (resnet50, "bam-spatial", None, 23_877_383, 1.3248),
    (resnet50, "cbam", None, 26_226_068, 1.3035),
    # Theirs prints 26,226,068 here as well: 2,530,992 of them are never used.
    (resnet50, "cbam-spatial", None, 26_226_068 - 2_530_992, 1.2985),
]


@pytest.mark.parametrize(
    ("build", "attention", "placement", "total", "at_32"), PREACT, ids=row_id
)
def test_pre_activation_totals(build, attention, placement, total, at_32):
    network = on_meta(100, attention, placement, stem="cifar", preact=True, build=build)
    assert count(network) == total
    assert round(billion_multiply_adds(network, 32), 4) == at_32


@pytest.mark.parametrize(
    ("attention", "digits", "at_224"),
    [(None, 4, 3.8580), ("se", 4, 3.8605), ("bam", 3, 3.940), ("cbam", 3, 3.864)],
)
def test_the_stride_of_the_papers_counts_what_the_papers_print(
    attention, digits, at_224
):
    network = on_meta(1000, attention, stride_in="1x1")
    assert round(billion_multiply_adds(network, 224), digits) == at_224
    assert count(network) == count(on_meta(1000, attention))


def test_the_stride_of_the_papers_on_cifar():
    network = on_meta(100, stem="cifar", stride_in="1x1")
    assert round(billion_multiply_adds(network, 32), 4) == 1.2225


# torchvision and timm ---------------------------------------------------------------


def randomised_network(network):
    """Eval mode, BatchNorm scales and statistics random: nothing can hide behind 0."""
    random = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data.uniform_(0.2, 0.6, generator=random)
            module.bias.data.normal_(0, 0.1, generator=random)
            module.running_mean.normal_(0, 0.1, generator=random)
            module.running_var.uniform_(0.5, 1.5, generator=random)
    return network.eval()


@pytest.fixture(scope="module")
def torchvision_pairs():
    """Depth -> (theirs, ours), ours with their state_dict loaded unchanged."""
    pairs = {}
    torch.manual_seed(0)
    for build, ours in [
        (torchvision.models.resnet50, resnet50(10)),
        (torchvision.models.resnet101, resnet101(10)),
    ]:
        theirs = randomised_network(build(num_classes=10))
        ours.eval().load_state_dict(theirs.state_dict())
        pairs[build.__name__] = theirs, ours
    return pairs


@pytest.mark.parametrize("depth", ["resnet50", "resnet101"])
def test_ours_equals_torchvision(torchvision_pairs, depth):
    theirs, ours = torchvision_pairs[depth]
    x = images(2, 3, 33, 40)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x))
    gradients = []
    for network in (theirs.train(), ours.train()):
        network.zero_grad()
        y = network(x)
        torch.nn.functional.cross_entropy(y, torch.tensor([3, 7])).backward()
        gradients.append({n: p.grad for n, p in network.named_parameters()})
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict())


@pytest.fixture(scope="module")
def timm_network():
    torch.manual_seed(0)
    return randomised_network(timm.create_model("seresnet50", num_classes=10))


def test_from_timm_makes_ours_equal(timm_network):
    ours = resnet50(10, "se").eval()
    x = images(2, 3, 64, 45)
    with torch.no_grad():
        before = ours(x)
        ours.load_state_dict(from_timm(timm_network))
        assert not torch.allclose(ours(x), before)
        torch.testing.assert_close(ours(x), timm_network(x), rtol=1e-4, atol=1e-5)


def test_from_timm_takes_a_state_dict_too_and_leaves_it_alone(timm_network):
    state = timm_network.state_dict()
    names = list(state)
    renamed, from_network = from_timm(state), from_timm(timm_network)
    torch.testing.assert_close(renamed, from_network, rtol=0, atol=0)
    assert list(state) == names


def test_every_shape_of_timms_seresnet50_has_its_place():
    recorded = json.loads(SHAPES_OF_TIMM.read_text(encoding="utf-8"))
    recorded = recorded["num_classes_1000"]
    shapes = [pair for role in recorded["by_role"].values() for pair in role["shapes"]]
    state = {name: torch.empty(shape, device="meta") for name, shape in shapes}
    ours = dict(on_meta(1000, "se").named_parameters())
    renamed = from_timm(state)
    assert {k: v.shape for k, v in renamed.items()} == {
        k: v.shape for k, v in ours.items()
    }
    assert sum(p.numel() for p in ours.values()) == recorded["total_parameters"]
