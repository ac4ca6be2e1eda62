"""The rendered signs: promises of `render`, and that no shortcut tells the class."""

import hashlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.data.sign_glyphs import CELLS, DRAWN, GLYPH_FIELDS, GLYPHS, bitmap
from course_lib.data.sign_plates import SHAPE_NAMES, plate_distance
from course_lib.data.sign_random import draw, draw_pixels, mix
from course_lib.data.sign_scenes import place_sign
from course_lib.data.sign_shapes import DECOYS, FULL, HALF, SIGNS
from course_lib.data.signs import (
    CLASSES,
    SPLIT_LENGTH,
    SPLIT_SEEDS,
    render,
    render_scenes,
)
from course_lib.errors import CourseError

SPLITS = ("train", "val", "test")
# SHA-256 over images, labels, masks and boxes of 40 images of each split, at 32 and
# 50 pixels. It changes when a scene changes, and then recorded runs no longer compare.
DIGEST = "48b59a757dbc"


def equal_sets(one, other):
    """Two image sets hold the same values."""
    return all(
        torch.equal(getattr(one, name), getattr(other, name))
        for name in ("images", "labels", "masks", "boxes")
    )


# Properties of `render`


@settings(max_examples=20, deadline=None)
@given(
    split=st.sampled_from(SPLITS),
    start=st.integers(0, 1000),
    count=st.integers(1, 12),
    size=st.integers(32, 72),
)
def test_an_image_does_not_depend_on_what_is_rendered_with_it(
    split, start, count, size
):
    together = render(split, count, size, start)
    last = render(split, 1, size, start + count - 1)
    for name in ("images", "labels", "masks", "boxes"):
        assert torch.equal(getattr(together, name)[-1:], getattr(last, name))


def test_chunks_do_not_show(monkeypatch):
    whole = render("train", 30, 32)
    monkeypatch.setattr("course_lib.data.signs.CHUNK_PIXELS", 7 * 32 * 32)
    assert equal_sets(render("train", 30, 32), whole)


@settings(max_examples=12, deadline=None)
@given(split=st.sampled_from(SPLITS), size=st.sampled_from([32, 33, 47, 64, 97, 224]))
def test_types_and_shapes(split, size):
    signs = render(split, 5, size)
    assert signs.images.shape == (5, 3, size, size)
    assert signs.images.dtype == torch.uint8
    assert signs.labels.shape == (5,) and signs.labels.dtype == torch.int64
    assert signs.masks.shape == (5, size, size) and signs.masks.dtype == torch.bool
    assert signs.boxes.shape == (5, 4) and signs.boxes.dtype == torch.int64


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("split", SPLITS)
def test_boxes_are_tight_around_masks(split, size):
    signs = render(split, 400, size)
    for mask, (x0, y0, x1, y1) in zip(signs.masks, signs.boxes.tolist(), strict=True):
        ys, xs = mask.nonzero(as_tuple=True)
        assert (x0, x1) == (xs.min(), xs.max() + 1)
        assert (y0, y1) == (ys.min(), ys.max() + 1)
    share = signs.masks.float().mean((1, 2))
    assert share.min() > 0.05 and share.max() < 0.65


def test_labels_are_balanced_in_any_run_of_images():
    for start, count in [(0, 180), (7, 180), (3, 100)]:
        counts = render("val", count, 32, start).labels.bincount(minlength=len(CLASSES))
        assert counts.max() - counts.min() <= 1


def test_splits_have_disjoint_seeds_and_images():
    ends = [SPLIT_SEEDS[split] + SPLIT_LENGTH for split in SPLITS]
    assert sorted(SPLIT_SEEDS.values())[1:] == sorted(ends)[:-1]
    assert max(ends) <= 2**32
    images = torch.cat([render(split, 300, 32).images for split in SPLITS])
    assert len({image.numpy().tobytes() for image in images}) == len(images)


def test_the_scene_is_the_same_at_every_size():
    small, large = render("train", 200, 32), render("train", 200, 96)
    shrunk = torch.nn.functional.avg_pool2d(large.images.float(), 3)
    assert (shrunk - small.images).abs().mean() < 12  # noise and glyph edges differ
    others = shrunk.roll(len(CLASSES), 0)  # the same class, another scene
    assert (others - small.images).abs().mean() > 30
    overlap = torch.nn.functional.avg_pool2d(large.masks.float(), 3).round().bool()
    union = (overlap | small.masks).sum((1, 2))
    assert ((overlap & small.masks).sum((1, 2)) / union).min() > 0.85


def test_same_digest_on_every_platform():
    digest = hashlib.sha256()
    for split in SPLITS:
        for size in (32, 50):
            signs = render(split, 40, size)
            for tensor in (signs.images, signs.labels, signs.masks, signs.boxes):
                digest.update(np.ascontiguousarray(tensor.numpy()).tobytes())
    assert digest.hexdigest()[:12] == DIGEST


def test_the_global_random_state_has_no_part():
    torch.manual_seed(1)
    np.random.seed(1)
    first = render("test", 20, 32)
    torch.manual_seed(2)
    np.random.seed(2)
    assert equal_sets(render("test", 20, 32), first)


def test_extremes_of_the_seeds_render():
    first = SPLIT_LENGTH - 3
    assert render("test", 3, 32, first).labels.tolist() == [
        index % len(CLASSES) for index in range(first, first + 3)
    ]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("training", 5, 32), "training"),
        (("train", 0, 32), "count 0"),
        (("train", -4, 32), "count -4"),
        (("train", 5, 31), "size 31"),
        (("train", 5, 225), "size 225"),
        (("train", 5, 32, -1), "start -1"),
        (("train", 5, 32, SPLIT_LENGTH - 4), f"start {SPLIT_LENGTH - 4}"),
    ],
)
def test_bad_arguments_are_named(arguments, named):
    with pytest.raises(CourseError, match=named):
        render(*arguments)


# The sign is where the mask says, and the classes share what they should share


def test_only_pixels_at_the_masks_depend_on_the_class(monkeypatch):
    """The same scenes with other signs: nothing changes away from the two signs."""
    monkeypatch.setattr("course_lib.data.sign_scenes.HIDER_CHANCE", 0)
    seeds = np.arange(200, dtype=np.uint32)
    one, one_mask = render_scenes(seeds, seeds % len(CLASSES), 32)
    other, other_mask = render_scenes(seeds, (seeds + 5) % len(CLASSES), 32)
    changed = torch.from_numpy((one != other).any(axis=1))  # (N, H, W)
    masks = torch.from_numpy(one_mask | other_mask)
    wider = torch.nn.functional.max_pool2d(masks.float(), 7, stride=1, padding=3)
    assert not (changed & ~wider.bool()).any()  # three pixels for soft edges and blur
    assert changed[masks].float().mean() > 0.7


def test_hidden_pixels_are_not_in_the_mask(monkeypatch):
    hidden = render("train", 200, 32).masks
    monkeypatch.setattr("course_lib.data.sign_scenes.HIDER_CHANCE", 0)
    whole = render("train", 200, 32).masks
    assert not (hidden & ~whole).any()
    lost = 1 - hidden.sum((1, 2)) / whole.sum((1, 2))
    assert 0.4 < (lost > 0).float().mean() < 0.7
    assert lost.max() < 0.55


def test_signs_stand_anywhere_and_wholly_in_the_frame():
    sign = place_sign(np.arange(5000, dtype=np.uint32))
    for middle in (sign.x, sign.y):
        assert (middle - sign.radius).min() >= 0
        assert (middle + sign.radius).max() <= 4096
        room = (middle - sign.radius) / (4096 - 2 * sign.radius)
        counts = np.histogram(room, bins=5, range=(0, 1))[0]
        assert counts.min() > 800  # 1,000 expected in each fifth


def test_classes_share_shape_paint_and_glyph():
    assert 16 <= len(CLASSES) <= 20
    assert len(set(SIGNS.values())) == len(CLASSES)
    for part in ("shape", "paint", "glyph"):
        values = [getattr(plate, part) for plate in SIGNS.values()]
        shared = sum(values.count(value) > 1 for value in values)
        assert shared >= len(CLASSES) // 2, part


def test_no_decoy_is_a_sign_and_decoys_wear_all_colours():
    assert not set(DECOYS) & set(SIGNS.values())
    assert {plate.paint for plate in DECOYS} == {p.paint for p in SIGNS.values()}


# Shapes, glyphs and random numbers


@pytest.mark.parametrize("name", SHAPE_NAMES)
def test_a_shape_is_a_signed_distance_within_its_box(name):
    axis = np.arange(-2 * HALF, 2 * HALF + 1, dtype=np.int32)
    u, v = np.meshgrid(axis, axis)
    code = np.array([SHAPE_NAMES.index(name)])
    distance = plate_distance(code, u[None], v[None])[0]
    assert np.array_equal(distance, distance[:, ::-1])  # its own mirror image
    inside = distance < 0
    assert inside[2 * HALF, 2 * HALF]
    assert np.abs(u[inside]).max() <= HALF and np.abs(v[inside]).max() <= HALF
    across = (distance[8:-8, 16:] - distance[8:-8, :-16]) / 16
    down = (distance[16:, 8:-8] - distance[:-16, 8:-8]) / 16
    near = np.abs(distance[8:-8, 8:-8]) < 12
    slope = np.hypot(across, down)[near]
    assert abs(np.median(slope) - 1) < 0.1  # a unit outwards is a unit more


@pytest.mark.parametrize("name", list(DRAWN))
def test_glyphs_are_drawn_on_the_grid_and_survive_softening(name):
    cells = bitmap(DRAWN[name])
    assert cells.shape == (CELLS, CELLS)
    field = GLYPH_FIELDS[GLYPHS.index(name)]
    assert field.min() >= 0 and field.max() <= FULL
    agrees = (field[2::4, 2::4] > FULL // 2) == cells.astype(bool)
    assert agrees.mean() > 0.9


def test_mix_is_one_to_one():
    values = mix(np.arange(1 << 16, dtype=np.uint32))
    assert len(np.unique(values)) == 1 << 16


@given(low=st.integers(-5000, 5000), span=st.integers(1, 65536))
def test_draw_stays_in_its_range(low, span):
    numbers = draw(np.arange(500, dtype=np.uint32), "any", low, low + span)
    assert numbers.min() >= low and numbers.max() < low + span


def test_draws_are_even_and_unrelated():
    seeds = np.arange(20_000, dtype=np.uint32)
    one, other = draw(seeds, "one", 0, 8), draw(seeds, "other", 0, 8)
    table = np.histogram2d(one, other, bins=8)[0]  # 312.5 expected in each cell
    assert table.min() > 240 and table.max() < 390
    steps = np.histogram2d(one[:-1], one[1:], bins=8)[0]
    assert steps.min() > 240 and steps.max() < 390


def test_noise_differs_from_pixel_to_pixel_and_image_to_image():
    bits = draw_pixels(np.arange(8, dtype=np.uint32), 64)
    assert len(np.unique(bits)) > 0.999 * bits.size


# Classifiers that cannot see structure stay under 40 %


@pytest.fixture(scope="module")
def shortcut_data():
    return render("train", 4000, 32), render("test", 1000, 32)


def ridge_accuracy(train, train_labels, test, test_labels, strengths):
    """Test accuracy of ridge regression on one-hot labels, best of several strengths.

    train: float (N, D). The best strength is chosen on the test images, in favour of
    the shortcut.
    """
    mean, std = train.mean(0), train.std(0) + 1e-6
    train, test = (train - mean) / std, (test - mean) / std
    targets = torch.nn.functional.one_hot(train_labels).float() - 1 / len(CLASSES)
    scatter, moment = train.T @ train, train.T @ targets
    accuracies = []
    for strength in strengths:
        weights = torch.linalg.solve(
            scatter + strength * torch.eye(len(scatter)), moment
        )
        hits = (test @ weights).argmax(1) == test_labels
        accuracies.append(hits.float().mean().item())
    return max(accuracies)


def histogram(images, bits):
    """Square roots of joint colour counts, 2**bits steps a channel."""
    steps = (images >> (8 - bits)).long()  # (N, 3, H, W)
    colour = (steps[:, 0] << (2 * bits)) + (steps[:, 1] << bits) + steps[:, 2]
    counts = torch.zeros(len(images), 1 << (3 * bits))
    flat = colour.flatten(1)
    counts.scatter_add_(1, flat, torch.ones(flat.shape))
    return counts.sqrt()


def test_a_linear_classifier_stays_under_40_percent(shortcut_data):
    train, test = shortcut_data
    accuracy = ridge_accuracy(
        train.images.flatten(1).float() / 255,
        train.labels,
        test.images.flatten(1).float() / 255,
        test.labels,
        strengths=(1e4,),
    )
    print(f"linear on pixels: {accuracy:.3f}")
    assert accuracy < 0.40


@pytest.mark.parametrize("bits", [2, 3])
def test_a_colour_histogram_stays_under_40_percent(shortcut_data, bits):
    train, test = shortcut_data
    accuracy = ridge_accuracy(
        histogram(train.images, bits),
        train.labels,
        histogram(test.images, bits),
        test.labels,
        strengths=(1e2, 1e3, 1e4),
    )
    print(f"colour histogram, {1 << bits} steps a channel: {accuracy:.3f}")
    assert accuracy < 0.40


def test_the_nearest_neighbour_stays_under_40_percent(shortcut_data):
    train, test = shortcut_data
    ours = test.images.flatten(1).float()
    known = train.images.flatten(1).float()
    # Squared distances, less a constant for each test image: (1000, 4000).
    distance = known.square().sum(1) - 2 * ours @ known.T
    accuracy = (train.labels[distance.argmin(1)] == test.labels).float().mean().item()
    print(f"nearest neighbour on pixels: {accuracy:.3f}")
    assert accuracy < 0.40
