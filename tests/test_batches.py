"""Batches: each one against a slow formula, and the order against its promises."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.data.batches import Augment, Batches, Draws, pack, reflect
from course_lib.data.image_set import ImageSet
from course_lib.errors import CourseError

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
NOTHING = Augment(crop=0, mirror=False, cutout=0)
DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=pytest.mark.skipif(
            not torch.cuda.is_available(), reason="needs a CUDA GPU"
        ),
    ),
]


def images_of(count: int, height: int = 12, width: int = 10) -> ImageSet:
    """Random images; the label of an image is its number."""
    generator = torch.Generator().manual_seed(count)
    shape = (count, 3, height, width)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    return ImageSet(images, torch.arange(count))


def batches_of(image_set, batch_size=4, seed=0, augment=NOTHING, device="cpu"):
    return Batches(
        image_set, batch_size, mean=MEAN, std=STD, seed=seed, augment=augment,
        device=device,
    )  # fmt: skip


def normalised(images: torch.Tensor) -> torch.Tensor:
    """The formula, image by image and colour by colour: uint8 to float64."""
    out = torch.empty(images.shape, dtype=torch.float64)
    for colour in range(3):
        value = images[:, colour].double() / 255
        out[:, colour] = (value - MEAN[colour]) / STD[colour]
    return out


def slow_reference(image: torch.Tensor, draws: Draws, i: int, augment: Augment):
    """Pad, crop, flip, normalise and cut out one image in NumPy: float64 (3, H, W)."""
    _, height, width = image.shape
    crop, half = augment.crop, augment.cutout // 2
    padded = np.pad(image.numpy(), ((0, 0), (crop, crop), (crop, crop)), "reflect")
    top, left = int(draws.top[i]), int(draws.left[i])
    window = padded[:, top : top + height, left : left + width]
    if draws.flipped[i]:
        window = window[:, :, ::-1]
    x = normalised(torch.from_numpy(window.copy())[None])[0].numpy()
    y0, x0 = int(draws.hole_y[i]) - half, int(draws.hole_x[i]) - half
    y1, x1 = y0 + augment.cutout, x0 + augment.cutout
    x[:, max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = 0
    return x


@pytest.mark.parametrize("device", DEVICES)
@settings(deadline=None, max_examples=40)
@given(
    crop=st.integers(0, 9),
    mirror=st.booleans(),
    cutout=st.integers(0, 10),
    seed=st.integers(0, 2**31),
    epoch=st.integers(0, 300),
)
def test_every_augmented_image_equals_the_slow_reference(
    device, crop, mirror, cutout, seed, epoch
):
    augment = Augment(crop, mirror, cutout)
    image_set = images_of(11)
    batches = batches_of(image_set, 3, seed, augment, device)
    draws = batches.draw(epoch)
    done = 0
    for x, y in batches.epoch(epoch):
        for image, label in zip(x.cpu().numpy(), y.tolist(), strict=True):
            assert label == draws.order[done]
            expected = slow_reference(image_set.images[label], draws, done, augment)
            np.testing.assert_allclose(image, expected, rtol=0, atol=2e-6)
            done += 1
    assert done == 9  # 11 images in batches of 3: the last 2 are dropped


@pytest.mark.parametrize("count, batch_size", [(10, 4), (8, 4), (3, 7), (1, 1)])
def test_evaluation_gives_every_image_once_in_order_and_unchanged(count, batch_size):
    image_set = images_of(count)
    batches = batches_of(image_set, batch_size, augment=None)
    xs, ys = zip(*batches.epoch(0), strict=True)
    assert len(xs) == len(batches)
    assert torch.cat(ys).tolist() == list(range(count))
    x = torch.cat(xs).double()
    torch.testing.assert_close(x, normalised(image_set.images), rtol=0, atol=2e-6)


def test_normalised_training_images_have_mean_0_and_deviation_1():
    image_set = images_of(64)
    mean = tuple(
        (image_set.images[:, c].double() / 255).mean().item() for c in range(3)
    )
    std = tuple(
        (image_set.images[:, c].double() / 255).std(correction=0).item()
        for c in range(3)
    )
    batches = Batches(image_set, 64, mean=mean, std=std, seed=0, augment=None)
    (x, _), *_ = batches.epoch(0)
    for colour in range(3):
        assert x[:, colour].mean().item() == pytest.approx(0, abs=1e-5)
        assert x[:, colour].std(correction=0).item() == pytest.approx(1, abs=1e-5)


@settings(deadline=None, max_examples=30)
@given(count=st.integers(1, 40), data=st.data(), epoch=st.integers(0, 50))
def test_an_epoch_shows_no_image_twice_and_drops_only_a_partial_batch(
    count, data, epoch
):
    batch_size = data.draw(st.integers(1, count))
    batches = batches_of(images_of(count), batch_size)
    labels = [label for _, y in batches.epoch(epoch) for label in y.tolist()]
    assert len(labels) == len(set(labels)) == count - count % batch_size
    assert len(batches) == count // batch_size


def test_seed_and_epoch_decide_everything():
    image_set, augment = images_of(24), Augment(crop=3, cutout=4)

    def batch(seed, epoch):
        return next(batches_of(image_set, 24, seed, augment).epoch(epoch))

    x, y = batch(1, 2)
    again_x, again_y = batch(1, 2)
    assert torch.equal(x, again_x)
    assert torch.equal(y, again_y)
    for seed, epoch in [(1, 3), (2, 2), (2, 1)]:
        other_x, other_y = batch(seed, epoch)
        assert not torch.equal(y, other_y)
        assert not torch.equal(x, other_x)


def test_a_resumed_run_sees_the_batches_of_the_uninterrupted_one():
    image_set, augment = images_of(24), Augment(crop=3, cutout=4)
    uninterrupted = batches_of(image_set, 6, 9, augment)
    seen = [list(uninterrupted.epoch(epoch)) for epoch in range(4)]
    torch.rand(7)  # the global generator has no say
    resumed = list(batches_of(image_set, 6, 9, augment).epoch(3))
    for (x, y), (resumed_x, resumed_y) in zip(seen[3], resumed, strict=True):
        assert torch.equal(x, resumed_x)
        assert torch.equal(y, resumed_y)


def test_switching_one_part_off_leaves_the_others_as_they_were():
    image_set = images_of(16)
    full = batches_of(image_set, augment=Augment(3, True, 4)).draw(5)
    for augment in (Augment(3, False, 4), Augment(3, True, 0)):
        part = batches_of(image_set, augment=augment).draw(5)
        assert torch.equal(part.order, full.order)
        assert torch.equal(part.top, full.top)
        assert torch.equal(part.hole_x, full.hole_x)


def test_draws_reach_both_ends_of_their_ranges():
    draws = batches_of(images_of(2000), augment=Augment(4, True, 8)).draw(0)
    assert (draws.top.min(), draws.top.max()) == (0, 8)
    assert (draws.left.min(), draws.left.max()) == (0, 8)
    assert (draws.hole_y.min(), draws.hole_y.max()) == (0, 11)
    assert (draws.hole_x.min(), draws.hole_x.max()) == (0, 9)
    assert 0.4 < draws.flipped.double().mean() < 0.6


def test_each_image_has_its_own_draw():
    draws = batches_of(images_of(200), augment=Augment(4, True, 8)).draw(0)
    for numbers in (draws.top, draws.left, draws.flipped, draws.hole_y, draws.hole_x):
        assert len(numbers.unique()) > 1
    assert not torch.equal(draws.top, draws.left)


@pytest.mark.parametrize("mirror", [False, True])
def test_an_arrow_is_turned_round_only_with_mirror(mirror):
    images = torch.zeros(64, 3, 8, 8, dtype=torch.uint8)
    images[:, :, :, 0] = 255  # bright on the left
    augment = Augment(crop=0, mirror=mirror, cutout=0)
    batches = batches_of(ImageSet(images, torch.arange(64)), 64, augment=augment)
    (x, _), *_ = batches.epoch(0)
    turned = (x[:, 0, :, -1] > x[:, 0, :, 0]).all(dim=1)
    assert turned.any() == mirror
    assert not turned.all()


@pytest.mark.parametrize("augment", [None, Augment(2, True, 4)])
def test_batches_are_channels_last_float32(augment):
    for x, y in batches_of(images_of(8), augment=augment).epoch(0):
        assert x.dtype == torch.float32
        assert x.shape == (4, 3, 12, 10)
        assert x.is_contiguous(memory_format=torch.channels_last)
        assert y.dtype == torch.int64


def test_the_images_of_the_set_are_not_changed():
    image_set = images_of(8)
    before = image_set.images.clone()
    list(batches_of(image_set, augment=Augment(3, True, 6)).epoch(0))
    assert torch.equal(image_set.images, before)


def test_a_batch_is_yours_to_change():
    batches = batches_of(images_of(8), augment=None)
    first, _ = next(batches.epoch(0))
    kept = first.clone()
    first.zero_()
    again, _ = next(batches.epoch(0))
    assert torch.equal(again, kept)


def test_pack_keeps_every_colour_of_every_pixel():
    images = images_of(3).images
    unpacked = pack(images).view(torch.uint8).view(3, 12, 10, 4)
    assert torch.equal(unpacked[..., :3].permute(0, 3, 1, 2), images)
    assert not unpacked[..., 3].any()


@given(size=st.integers(1, 40), data=st.data())
def test_reflect_equals_numpy(size, data):
    padding = data.draw(st.integers(0, size - 1))
    expected = np.pad(np.arange(size), padding, "reflect")
    assert reflect(size, padding).tolist() == expected.tolist()


@pytest.mark.parametrize(
    "batch_size, augment, named, advice",
    [
        (0, None, "batch size 0", "--batch"),
        (-3, NOTHING, "batch size -3", "--batch"),
        (41, NOTHING, "batch size 41", "--batch 32"),
        (4, Augment(crop=10), "crop 10", "crop 1"),
        (4, Augment(crop=-1), "crop -1", "crop 1"),
        (4, Augment(cutout=11), "cutout 11", "cutout 2"),
        (4, Augment(cutout=-2), "cutout -2", "cutout 2"),
    ],
)
def test_impossible_batches_are_refused_by_name(batch_size, augment, named, advice):
    with pytest.raises(CourseError) as refused:
        batches_of(images_of(40), batch_size, augment=augment)
    assert named in refused.value.found
    assert advice in refused.value.next_step


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_gpu_and_cpu_see_the_same_augmentation():
    image_set, augment = images_of(24), Augment(3, True, 5)
    on_cpu = batches_of(image_set, 6, 3, augment, "cpu").epoch(7)
    on_gpu = batches_of(image_set, 6, 3, augment, "cuda").epoch(7)
    for (x, y), (gpu_x, gpu_y) in zip(on_cpu, on_gpu, strict=True):
        torch.testing.assert_close(gpu_x.cpu(), x, rtol=0, atol=2e-6)
        assert torch.equal(gpu_y.cpu(), y)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_no_step_waits_for_the_gpu():
    batches = batches_of(images_of(24), 6, 3, Augment(3, True, 5), "cuda").epoch(0)
    next(batches)  # the transfer of the epoch's numbers happens here
    torch.cuda.set_sync_debug_mode("error")
    try:
        assert len(list(batches)) == 3
    finally:
        torch.cuda.set_sync_debug_mode("default")
