"""Where the taps of a dilated convolution land."""

import pytest
import torch
from torch import nn

from course_lib.attention.taps import taps_inside, usable_taps


@pytest.mark.parametrize("dilation", [1, 2, 4, 7])
@pytest.mark.parametrize("height, width", [(1, 1), (3, 13), (8, 8), (17, 6)])
def test_both_ways_to_count_agree(height, width, dilation):
    counts = taps_inside(height, width, dilation)
    assert counts.shape == (height, width)
    assert counts.min() >= 1 and counts.max() <= 9
    shares = usable_taps(height, width, dilation)
    assert shares[1, 1] == 1
    torch.testing.assert_close(shares.sum(), counts.mean())


@pytest.mark.parametrize("size, mean", [(32, 7.5625), (16, 6.25), (8, 4), (4, 1)])
def test_the_maps_of_bam(size, mean):
    assert taps_inside(size, size).mean() == mean


@pytest.mark.parametrize("height, width", [(4, 4), (3, 13), (6, 5), (8, 9)])
def test_a_tap_that_never_meets_the_map_gets_no_gradient(height, width):
    layer = nn.Conv2d(1, 1, 3, padding=4, dilation=4)
    layer(torch.ones(1, 1, height, width)).sum().backward()
    meets = layer.weight.grad[0, 0] != 0  # (3, 3)
    assert torch.equal(meets, usable_taps(height, width) > 0)
