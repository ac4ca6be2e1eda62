"""Bad arguments and bad maps end in one line that names the value and the next step."""

import pytest
from attention_variants import images

from course_lib.attention import (
    ATTENTION,
    BAM,
    CBAM,
    BAMSpatial,
    CBAMChannel,
    CBAMSpatial,
    SmallSpatial,
    SqueezeExcitation,
)
from course_lib.attention.bam import bam_map
from course_lib.attention.cbam import channel_maps, pool
from course_lib.attention.spatial import small_spatial_gate
from course_lib.errors import CourseError

WITH_HIDDEN_LAYER = ["se", "bam", "cbam", "bam-spatial"]


@pytest.mark.parametrize("name", WITH_HIDDEN_LAYER)
def test_fewer_channels_than_the_reduction(name):
    with pytest.raises(CourseError, match=r"8 channels with reduction 16.*8 or less"):
        ATTENTION[name].make(8, 16)


@pytest.mark.parametrize("name", WITH_HIDDEN_LAYER)
@pytest.mark.parametrize("reduction", [0, -4, 2.5, "16"])
def test_a_reduction_that_is_no_count(name, reduction):
    with pytest.raises(CourseError, match=f"reduction={reduction!r}"):
        ATTENTION[name].make(64, reduction)


@pytest.mark.parametrize("kernel_size", [0, 2, 8, -3])
def test_an_even_kernel(kernel_size):
    for build in (CBAMSpatial, lambda k: CBAM(32, kernel_size=k)):
        with pytest.raises(CourseError, match=f"kernel_size={kernel_size}.*odd"):
            build(kernel_size)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: BAM(32, combine="add"), "combine 'add'.*sum, product"),
        (lambda: BAM(32, norm="end"), "norm 'end'.*Did you mean 'ends'"),
        (lambda: BAM(32, pool="local"), "pool 'local'.*global, square"),
        (lambda: BAMSpatial(32, norm="none"), "norm 'none'"),
        (lambda: CBAM(32, order="serial"), "order 'serial'.*channel-first"),
        (lambda: CBAM(32, map_order="mean"), "map_order 'mean'.*mean-max"),
        (lambda: CBAM(32, pools=("avg", "mean")), "pool 'mean'.*avg, max, lp, lse"),
        (lambda: CBAMChannel(32, pools=("min",)), "pool 'min'"),
        (lambda: SmallSpatial(upsample="x3"), "upsample 'x3'.*match, x2"),
        (lambda: SmallSpatial(start="random"), "start 'random'.*xu-ma"),
    ],
)
def test_an_unknown_choice_is_told_with_the_known_ones(call, message):
    with pytest.raises(CourseError, match=message):
        call()


def test_the_functions_refuse_unknown_choices_too():
    x = images(2, 4, 5, 7)
    with pytest.raises(CourseError, match="combine 'add'"):
        bam_map(x, x, combine="add")
    with pytest.raises(CourseError, match="map_order 'max'"):
        channel_maps(x, map_order="max")
    with pytest.raises(CourseError, match="pool 'mean'"):
        pool(x, "mean")
    weights = SmallSpatial().parameters()
    with pytest.raises(CourseError, match="upsample 'x3'"):
        small_spatial_gate(x, *weights, upsample="x3")


@pytest.mark.parametrize("size", [(1, 1), (7, 7), (7, 8), (8, 7)])
def test_the_original_upsampling_refuses_odd_maps(size):
    x = images(2, 4, *size)
    with pytest.raises(CourseError, match=rf"x2.* {size[0]} x {size[1]}.*'match'"):
        SmallSpatial(upsample="x2")(x)
    assert SmallSpatial()(x).shape == x.shape


@pytest.mark.parametrize("size", [(8, 6), (6, 12), (6, 13)])
def test_the_released_pooling_of_bam_refuses_what_the_code_could_not_do(size):
    module = BAM(32, combine="product", pool="square").eval()
    with pytest.raises(CourseError, match=rf"{size[0]} x {size[1]}.*'global'"):
        module(images(2, 32, *size))


@pytest.mark.parametrize("norm", ["ends", "hidden"])
def test_a_batch_of_one_in_training_mode_of_bam(norm):
    module, x = BAM(32, norm=norm), images(1, 32, 5, 7)
    with pytest.raises(CourseError, match=r"batch of 1.*eval"):
        module(x)
    assert module.eval()(x).shape == x.shape


@pytest.mark.parametrize(
    "build",
    [
        lambda: BAM(32, combine="product", norm="hidden-spatial"),
        lambda: BAMSpatial(32),
        lambda: CBAM(32),
        lambda: SqueezeExcitation(32),
        lambda: SmallSpatial(),
    ],
)
def test_the_others_train_on_a_batch_of_one(build):
    assert build()(images(1, 32, 5, 7)).isfinite().all()


def test_the_error_is_one_line_and_travels_between_processes():
    with pytest.raises(CourseError) as caught:
        SqueezeExcitation(8)
    assert "\n" not in str(caught.value)
    rebuilt, arguments = caught.value.__reduce__()
    assert str(rebuilt(*arguments)) == str(caught.value)
