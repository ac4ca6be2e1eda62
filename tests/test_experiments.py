"""train_here: a notebook's own module beside the library's."""

import pytest
import torch
from torch import nn

from course_lib import experiments
from course_lib.attention import BAM, CBAM, SmallSpatial, SqueezeExcitation
from course_lib.errors import CourseError
from course_lib.experiments import fingerprint


class Detached(SqueezeExcitation):
    """Computes the same, but passes no gradient to x through the product."""

    def forward(self, x):
        return x.detach() * self.gate(x)


DIFFERENT = {
    "se": lambda c: SqueezeExcitation(c, 4),
    "se without biases": lambda c: SqueezeExcitation(c, 4, bias=False),
    "se detached": lambda c: Detached(c, 4),
    "cbam": lambda c: CBAM(c, 4),
    "cbam, other order of maps": lambda c: CBAM(c, 4, map_order="mean-max"),
    "cbam, other momentum": lambda c: CBAM(c, 4, bn_momentum=0.1),
    "cbam, other start": lambda c: CBAM(c, 4, bn_scale=1.0),
    "bam": lambda c: BAM(c, 4),
    "spatial": lambda c: SmallSpatial(),
    "spatial, even maps only": lambda c: SmallSpatial(upsample="x2", start="alive"),
    "nothing": lambda c: nn.Identity(),
}


def test_every_change_of_a_module_has_its_own_fingerprint():
    found = {name: fingerprint(make) for name, make in DIFFERENT.items()}
    assert len(set(found.values())) == len(DIFFERENT), found


def test_a_fingerprint_is_the_same_again_and_leaves_the_generator_alone():
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    assert fingerprint(DIFFERENT["cbam"]) == fingerprint(lambda c: CBAM(c, 4))
    assert torch.equal(torch.rand(4), expected)


@pytest.mark.slow
def test_a_second_call_takes_the_saved_result(tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "FOLDER", tmp_path)
    monkeypatch.setenv("COURSE_PROFILE", "ci")
    variants = {"mine": DIFFERENT["spatial"]}
    first, outcomes = experiments.train_here(variants)
    assert outcomes["mine"].test_accuracy > 0.06  # chance is 1 in 18
    second, _ = experiments.train_here(variants)
    assert first.equals(second)
    assert len(list(tmp_path.glob("*.pt"))) == 1


def test_nothing_to_train_is_told():
    with pytest.raises(CourseError, match=r"a network"):
        experiments.train_here({})
