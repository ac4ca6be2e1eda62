"""The functions of the exercises compute what the blocks compute."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from course_lib.attention import SqueezeExcitation
from course_lib.blocks import Bottleneck, bottleneck, build_stage, se_residual


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("attention", [None, SqueezeExcitation])
def test_the_functions_compute_what_the_block_computes(stride, attention):
    torch.manual_seed(1)
    make = None if attention is None else lambda channels: attention(channels, 4)
    block = Bottleneck(5, 3, stride, make).eval()
    x = torch.randn(2, 5, 7, 9)
    shortcut = block.downsample(x)
    weights = [c.weight for c in (block.conv1, block.conv2, block.conv3)]
    norms = [block.bn1, block.bn2, block.bn3]
    if attention is None:
        mine = bottleneck(x, shortcut, *weights, norms, stride)
    else:
        y = F.relu(block.bn1(block.conv1(x)))
        y = block.bn3(block.conv3(F.relu(block.bn2(block.conv2(y)))))
        reduce, expand = block.attention.reduce, block.attention.expand
        mine = se_residual(
            y, shortcut, reduce.weight, expand.weight, reduce.bias, expand.bias
        )
    torch.testing.assert_close(mine, block(x))


def test_a_built_stage_has_torchvision_s_parameters():
    from torchvision.models import resnet50

    ours = build_stage(Bottleneck, 256, 128, 4, 2).state_dict()
    theirs = resnet50().layer2.state_dict()
    assert {k: v.shape for k, v in ours.items()} == {
        k: v.shape for k, v in theirs.items()
    }


def test_the_slow_formulas_agree_with_torch():
    from course_lib.exercises import formulas

    generator = np.random.default_rng(3)
    x, weight = generator.normal(size=(2, 3, 6, 5)), generator.normal(size=(4, 3, 3, 3))
    ours = formulas.convolution(x, weight, stride=2, padding=1)
    theirs = F.conv2d(torch.from_numpy(x), torch.from_numpy(weight), None, 2, 1)
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-10, atol=1e-12)
