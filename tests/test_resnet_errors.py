"""Bad arguments and images of the network end in one line naming the next step."""

import pytest
import torch
from attention_variants import images

from course_lib.attention import SqueezeExcitation
from course_lib.errors import CourseError
from course_lib.resnet import resnet50


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"attention": "cbm"}, "model 'cbm'.*Did you mean 'cbam'"),
        ({"attention": 16}, "attention=int object.*callable"),
        (
            {"attention": SqueezeExcitation(256)},
            "attention=SqueezeExcitation object.*Pass the class",
        ),
        ({"attention": "se", "placement": "after"}, "placement 'after'.*branch"),
        ({"stem": "cifar10"}, "stem 'cifar10'.*Did you mean 'cifar'"),
        ({"stride_in": "1x3"}, "stride_in '1x3'"),
        ({"stages": (0, 1)}, r"stages=\(0, 1\).*1, 2, 3 and 4"),
        ({"stages": ("1", "2")}, "stages=.*whole numbers"),
        ({"stages": "12"}, "stages='12'"),
        ({"stages": 3}, "stages=3"),
        ({"preact": True, "zero_init_residual": True}, "zero_init_residual.*preact"),
        ({"num_classes": 0}, "num_classes=0"),
        ({"width": 0}, "width=0"),
        ({"attention": "se", "width": 2}, "8 channels with reduction 16"),
    ],
)
def test_bad_arguments_are_told_in_one_line(arguments, message):
    with pytest.raises(CourseError, match=message) as caught:
        resnet50(**{"num_classes": 10, **arguments})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("stem", "smallest"), [("imagenet", 32), ("cifar", 8), ("stride2", 16)]
)
def test_images_too_small_for_the_stem(stem, smallest):
    network = resnet50(5, width=8, stem=stem).eval()
    assert network(images(1, 3, smallest, smallest)).isfinite().all()
    for size in [(smallest - 1, 64), (64, smallest - 1)]:
        with pytest.raises(CourseError, match=f"{smallest - 1} pixels.*{smallest}"):
            network(images(1, 3, *size))


@pytest.mark.parametrize("shape", [(3, 32, 32), (2, 1, 32, 32), (2, 32, 32, 3)])
def test_an_input_that_is_no_batch_of_colour_images(shape):
    with pytest.raises(CourseError, match=r"input of shape \("):
        resnet50(5, width=8)(torch.zeros(shape))
