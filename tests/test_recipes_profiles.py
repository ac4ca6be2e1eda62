"""Recipes and profiles: the schedule's shape, and sizes that fit together."""

import dataclasses

import pytest

from course_lib.errors import CourseError
from course_lib.planning import peak_rate
from course_lib.profiles import GPU, PROFILES, choose_profile
from course_lib.recipes import MODERN, REU2019, learning_rate
from course_lib.resnet import SMALLEST_IMAGE

GRID = [step / 1000 for step in range(1000)]


def test_modern_rises_to_its_peak_and_falls_to_zero():
    rates = [learning_rate(MODERN, 0.3, progress) for progress in GRID]
    top = rates.index(max(rates))
    assert max(rates) == pytest.approx(0.3)
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert learning_rate(MODERN, 0.3, 1.0) == pytest.approx(0, abs=1e-12)


def test_reu2019_takes_five_steps_of_ten_from_point_one_at_their_batch():
    theirs = dataclasses.replace(GPU.cifar100, batch=512)
    assert peak_rate(REU2019, theirs) == pytest.approx(0.1)
    rates = [learning_rate(REU2019, 0.1, progress) for progress in GRID]
    different = sorted({round(rate, 12) for rate in rates}, reverse=True)
    assert different == pytest.approx([0.1, 0.01, 0.001, 0.0001, 0.00001])
    # 150 epochs: the script divides at epochs 30, 60, 90 and 120.
    for epoch in (29, 59, 89, 119):
        before = learning_rate(REU2019, 0.1, epoch / 150)
        after = learning_rate(REU2019, 0.1, (epoch + 1) / 150)
        assert after == pytest.approx(before / 10)


def test_a_recipe_with_a_rate_scales_it_with_the_batch_others_take_the_profiles():
    for batch in (64, 256):
        sizes = dataclasses.replace(GPU.signs, batch=batch)
        assert peak_rate(REU2019, sizes) == pytest.approx(0.1 * batch / 512)
        assert peak_rate(MODERN, sizes) == sizes.lr


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
@pytest.mark.parametrize("data", ["signs", "cifar100", "folder:mine"])
def test_profile_sizes_fit_together(profile, data):
    sizes = profile.sizes(data)
    assert sizes.image_size >= SMALLEST_IMAGE[sizes.stem]
    assert sizes.train_images is None or sizes.train_images >= sizes.batch


def test_profile_comes_from_the_argument_then_the_environment(monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "ci")
    assert choose_profile().name == "ci"
    assert choose_profile("laptop").name == "laptop"
    monkeypatch.setenv("COURSE_PROFILE", "laptob")
    with pytest.raises(CourseError, match=r"laptob.*Did you mean 'laptop'"):
        choose_profile()
