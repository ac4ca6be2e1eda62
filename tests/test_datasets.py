"""Data sets: what is loaded, that it is the same everywhere, and kept safely."""

import os
import random
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from course_lib.data import signs
from course_lib.data.assemble import (
    assemble,
    balanced_indices,
    content_digest,
    pixel_statistics,
    splits_of,
)
from course_lib.data.cache import cached, keep, read_dataset
from course_lib.data.cifar100 import (
    RECORDED_DIGEST,
    Counts,
    cifar100_file,
    fetch_cifar100,
    import_cifar100,
)
from course_lib.data.datasets import (
    NAMES,
    SIGNS_DIGEST,
    Limits,
    describe_datasets,
    load_dataset,
    verify_dataset,
)
from course_lib.data.image_set import ImageSet
from course_lib.errors import CourseError

ROOT = Path(__file__).resolve().parents[1]
REAL_ZIPS = ROOT.parent / "shared" / "data" / "cifar100"
FEW = Counts(classes=3, train=4, val=2, test=3)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Give every test a cache of its own."""
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))


def photograph(seed: int, width: int = 32, height: int = 32) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


def write_images(folder: Path, count: int, first_seed: int, size: int = 32) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        photograph(first_seed + i, size, size).save(folder / f"{i:03}.png")


def few_cifar(folder: Path) -> Path:
    """Write a CIFAR-100 in small: FEW, as an image tree."""
    for number, label in enumerate(["ant", "bee", "cat"]):
        write_images(folder / "train" / label, 6, 100 * number)
        write_images(folder / "test" / label, 3, 100 * number + 50)
    return folder


def zipped(tree: Path, file: Path, files: list[Path]) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for each in files:
            archive.write(each, Path("inside", each.relative_to(tree)).as_posix())
    return file


def random_dataset(count: int = 12, masks: bool = False):
    generator = torch.Generator().manual_seed(count)

    def image_set():
        shape = (count, 3, 8, 8)
        images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
        labels = torch.arange(count) % 3
        if not masks:
            return ImageSet(images, labels)
        return ImageSet(images, labels, images[:, 0] > 99, torch.ones(count, 4).long())

    splits = {split: image_set() for split in ("train", "val", "test")}
    return assemble("folder:random", ("a", "b", "c"), splits, mirror=True)


def assert_same(one, other):
    assert (one.name, one.classes, one.mean, one.std, one.mirror, one.digest) == (
        other.name, other.classes, other.mean, other.std, other.mirror, other.digest
    )  # fmt: skip
    for here, there in zip(
        splits_of(one).values(), splits_of(other).values(), strict=True
    ):
        for part in ("images", "labels", "masks", "boxes"):
            left, right = getattr(here, part), getattr(there, part)
            assert (left is None and right is None) or torch.equal(left, right)


# --- limits, statistics, digest -----------------------------------------------------


@settings(deadline=None)
@given(sizes=st.lists(st.integers(1, 20), min_size=1, max_size=6), data=st.data())
def test_a_limit_is_as_balanced_as_the_data_allows(sizes, data):
    labels = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    count = data.draw(st.integers(1, sum(sizes)))
    chosen = balanced_indices(labels, count)
    assert len(chosen.unique()) == len(chosen) == count
    assert torch.equal(chosen, chosen.sort().values)
    got = torch.bincount(labels[chosen], minlength=len(sizes)).tolist()
    for here, size in zip(got, sizes, strict=True):
        assert here == size or here >= max(got) - 1  # short only where images ran out


@settings(deadline=None)
@given(data=st.data(), total=st.integers(2, 60))
def test_a_smaller_limit_is_part_of_a_larger_one(data, total):
    labels = torch.arange(total) % 4
    large = data.draw(st.integers(1, total))
    small = data.draw(st.integers(1, large))
    assert set(balanced_indices(labels, small).tolist()) <= set(
        balanced_indices(labels, large).tolist()
    )


def test_a_limit_picks_the_same_images_on_every_machine():
    labels = torch.arange(20) % 2
    assert balanced_indices(labels, 6).tolist() == [1, 8, 10, 17, 18, 19]


def test_pixel_statistics_equal_numpy_in_float64():
    images = random_dataset().train.images
    mean, std = pixel_statistics(images)
    values = images.numpy().astype(np.float64) / 255
    np.testing.assert_allclose(mean, values.mean(axis=(0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(std, values.std(axis=(0, 2, 3)), rtol=1e-12)


def test_one_colour_everywhere_can_still_be_normalised():
    mean, std = pixel_statistics(torch.full((2, 3, 4, 4), 51, dtype=torch.uint8))
    assert mean == pytest.approx((0.2, 0.2, 0.2))
    assert std == (1 / 255,) * 3


@pytest.mark.parametrize("split", ["train", "val", "test"])
@pytest.mark.parametrize("part", ["images", "labels"])
def test_the_digest_sees_one_changed_value(split, part):
    dataset = random_dataset()
    before = content_digest(splits_of(dataset))
    assert before == content_digest(splits_of(random_dataset()))
    getattr(splits_of(dataset)[split], part)[3] += 1
    assert content_digest(splits_of(dataset)) != before


# --- cache --------------------------------------------------------------------------


@pytest.mark.parametrize("masks", [False, True])
def test_the_cache_gives_back_what_was_kept(tmp_path, masks):
    dataset = random_dataset(masks=masks)
    keep(tmp_path / "a.safetensors", dataset)
    assert_same(read_dataset(tmp_path / "a.safetensors"), dataset)


@pytest.mark.parametrize("where", [0.01, 0.5, 0.999])
@pytest.mark.parametrize("damage", ["cut", "flip"])
def test_a_damaged_cache_is_noticed_and_made_again(tmp_path, damage, where):
    path = tmp_path / "a.safetensors"
    dataset = random_dataset(masks=True)
    keep(path, dataset)
    content = bytearray(path.read_bytes())
    at = int(where * len(content))
    if damage == "cut":
        del content[at:]
    else:
        content[at] ^= 0xFF
    path.write_bytes(content)
    assert read_dataset(path) is None
    assert_same(cached(path, random_dataset_with_masks), dataset)
    assert_same(read_dataset(path), dataset)


def random_dataset_with_masks():
    return random_dataset(masks=True)


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.safetensors"
    dataset = random_dataset()
    keep(path, dataset)
    (tmp_path / "a.safetensors.part").mkdir()  # the new file cannot be written
    with pytest.raises(CourseError) as refused:
        keep(path, random_dataset(15))
    assert "COURSE_CACHE" in refused.value.next_step
    assert_same(read_dataset(path), dataset)


def test_what_is_kept_is_not_made_again(tmp_path):
    path = tmp_path / "a.safetensors"
    made = []

    def make():
        made.append(1)
        return random_dataset()

    first, second = cached(path, make), cached(path, make)
    assert_same(first, second)
    assert len(made) == 1


# --- signs --------------------------------------------------------------------------


def test_signs_are_rendered_in_the_numbers_asked_for_and_kept(tmp_path):
    limits = Limits(train=40, val=20, test=30)
    first = load_dataset("signs", limits=limits)
    assert [len(s.labels) for s in splits_of(first).values()] == [40, 20, 30]
    assert first.train.images.shape == (40, 3, 32, 32)
    assert first.train.masks.shape == (40, 32, 32)
    assert first.classes == signs.CLASSES
    assert not first.mirror
    assert torch.equal(first.val.images, signs.render("val", 20, 32).images)
    assert len(list((tmp_path / "cache").glob("signs-32px-40-20-30-*"))) == 2  # + lock
    assert_same(load_dataset("signs", limits=limits), first)


def test_signs_come_in_other_sizes():
    limits = Limits(train=36, val=4, test=4)
    assert load_dataset("signs", 40, limits).test.images.shape == (4, 3, 40, 40)


def test_the_default_signs_have_the_recorded_digest():
    """Rendered anew; fails on a platform that renders differently."""
    assert verify_dataset("signs") == SIGNS_DIGEST


# --- CIFAR-100 ----------------------------------------------------------------------


def test_import_takes_a_folder_and_zips_in_any_order_and_gives_one_digest(tmp_path):
    tree = few_cifar(tmp_path / "tree")
    from_folder = import_cifar100([tree], FEW)
    files = sorted(tree.rglob("*.png"))
    random.Random(0).shuffle(files)
    one = zipped(tree, tmp_path / "one.zip", files[:11])
    two = zipped(tree, tmp_path / "two.zip", files[11:])
    assert_same(import_cifar100([two, one], FEW), from_folder)
    assert_same(import_cifar100([tree / "test", tree / "train"], FEW), from_folder)
    assert_same(load_dataset("cifar100"), from_folder)


def test_import_cuts_validation_off_each_class(tmp_path):
    tree = few_cifar(tmp_path / "tree")
    dataset = import_cifar100([tree], FEW)
    assert dataset.classes == ("ant", "bee", "cat")
    for split, count in {"train": 4, "val": 2, "test": 3}.items():
        labels = splits_of(dataset)[split].labels
        assert torch.bincount(labels).tolist() == [count] * 3
    whole = torch.cat([dataset.train.images, dataset.val.images])
    assert len(whole.flatten(1).unique(dim=0)) == 18  # no image in both


def test_every_imported_image_keeps_its_class(tmp_path):
    tree = few_cifar(tmp_path / "tree")
    dataset = import_cifar100([tree], FEW)
    for image_set in splits_of(dataset).values():
        for image, label in zip(image_set.images, image_set.labels, strict=True):
            folder = dataset.classes[label]
            same = [
                file
                for file in tree.rglob("*.png")
                if np.array_equal(Image.open(file), image.permute(1, 2, 0).numpy())
            ]
            assert [file.parent.name for file in same] == [folder]


def torchvision_like(tree: Path, shuffle_seed: int):
    """Stand in for torchvision's class: the same images, in an order of its own."""

    def open_split(root, train, download):
        assert download
        files = sorted((tree / ("train" if train else "test")).rglob("*.png"))
        random.Random(shuffle_seed).shuffle(files)
        classes = ["ant", "bee", "cat"]
        return SimpleNamespace(
            data=np.stack([np.array(Image.open(file)) for file in files]),
            targets=[classes.index(file.parent.name) for file in files],
            classes=classes,
        )

    return open_split


def test_download_and_import_give_the_same_data_set(tmp_path):
    tree = few_cifar(tmp_path / "tree")
    fetched = fetch_cifar100(tmp_path, torchvision_like(tree, 5), FEW)
    cifar100_file().unlink()
    assert_same(import_cifar100([tree], FEW), fetched)


@pytest.mark.slow
@pytest.mark.skipif(
    not REAL_ZIPS.is_dir(), reason="needs the CIFAR-100 zips beside the checkout"
)
def test_the_real_images_have_the_recorded_digest_and_the_known_mean():
    """Mean and std of the 50,000 as widely published: they fix every pixel sum."""
    dataset = import_cifar100(sorted(REAL_ZIPS.glob("*.zip")))
    assert verify_dataset("cifar100") == dataset.digest == RECORDED_DIGEST
    sizes = [len(image_set.labels) for image_set in splits_of(dataset).values()]
    assert sizes == [45_000, 5_000, 10_000]
    both = torch.cat([dataset.train.images, dataset.val.images])
    mean, std = pixel_statistics(both)
    assert mean == pytest.approx((0.50707516, 0.48654887, 0.44091784), abs=1e-8)
    assert std == pytest.approx((0.26733429, 0.25643846, 0.27615047), abs=1e-8)
    small = load_dataset("cifar100", limits=Limits(1000, 200, 500))
    assert torch.bincount(small.train.labels).tolist() == [10] * 100


# --- folders ------------------------------------------------------------------------


def test_a_tree_without_splits_is_shared_80_10_10_in_every_class(tmp_path):
    for number, name in enumerate(["dog", "cat"]):
        write_images(tmp_path / "pets" / name, 20, 100 * number)
    dataset = load_dataset(f"folder:{tmp_path / 'pets'}", image_size=16)
    assert dataset.name == "folder:pets"
    assert dataset.classes == ("cat", "dog")
    counts = [torch.bincount(s.labels).tolist() for s in splits_of(dataset).values()]
    assert counts == [[16, 16], [2, 2], [2, 2]]
    images = torch.cat([s.images for s in splits_of(dataset).values()])
    assert len(images.flatten(1).unique(dim=0)) == 40  # each image once


def test_given_splits_are_kept_and_absent_ones_come_from_train(tmp_path):
    for number, name in enumerate(["cat", "dog"]):
        write_images(tmp_path / "pets" / "train" / name, 10, 100 * number)
        write_images(tmp_path / "pets" / "test" / name, 3, 100 * number + 50)
    dataset = load_dataset(str(tmp_path / "pets"), image_size=32)
    counts = [len(s.labels) for s in splits_of(dataset).values()]
    assert counts == [18, 2, 6]
    expected = np.array(photograph(50)).transpose(2, 0, 1)
    assert np.array_equal(dataset.test.images[0].numpy(), expected)


def test_images_are_resized_and_cropped_to_the_centre(tmp_path):
    pixels = np.zeros((60, 120, 3), np.uint8)
    pixels[:, 30:90] = 200  # the centre square is bright, the sides are dark
    for name in ("a", "b"):
        (tmp_path / "wide" / name).mkdir(parents=True)
        for suffix in ("png", "jpg", "jpeg", "webp", "bmp"):
            Image.fromarray(pixels).save(tmp_path / "wide" / name / f"x.{suffix}")
    dataset = load_dataset(f"folder:{tmp_path / 'wide'}", image_size=30)
    images = torch.cat([s.images for s in splits_of(dataset).values()])
    assert images.shape == (10, 3, 30, 30)
    assert (images[..., 2:-2].int() - 200).abs().max() <= 4  # JPEG and WebP lose a bit


def test_a_turned_photograph_stands_upright(tmp_path):
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[:16] = 255  # bright above
    sideways = Image.fromarray(pixels).rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn it clockwise to see it upright
    for name in ("a", "b"):
        (tmp_path / "phone" / name).mkdir(parents=True)
        for i in range(3):
            sideways.save(tmp_path / "phone" / name / f"{i}.png", exif=exif)
    image = load_dataset(f"folder:{tmp_path / 'phone'}", image_size=32).train.images[0]
    assert image[:, 0].min() == 255
    assert image[:, -1].max() == 0


def test_a_changed_folder_is_read_again(tmp_path):
    for number, name in enumerate(["cat", "dog"]):
        write_images(tmp_path / "pets" / name, 5, 100 * number)
    name = f"folder:{tmp_path / 'pets'}"
    before = load_dataset(name, image_size=16)
    assert_same(load_dataset(name, image_size=16), before)
    file = tmp_path / "pets" / "cat" / "000.png"
    photograph(999).save(file)
    os.utime(file, (1, 1))  # an earlier time is a change as well
    after = load_dataset(name, image_size=16)
    assert after.digest != before.digest
    assert verify_dataset(name) == load_dataset(name).digest


def test_limits_apply_to_folders_and_change_digest_and_statistics(tmp_path):
    for number, name in enumerate(["cat", "dog"]):
        write_images(tmp_path / "pets" / name, 20, 100 * number)
    name = f"folder:{tmp_path / 'pets'}"
    whole = load_dataset(name, 16)
    part = load_dataset(name, 16, Limits(train=6, val=100))
    assert torch.bincount(part.train.labels).tolist() == [3, 3]
    assert torch.equal(part.val.images, whole.val.images)  # larger limit: all of it
    assert part.digest != whole.digest
    assert part.mean == pixel_statistics(part.train.images)[0]
    assert load_dataset(name, 16, Limits(train=100)).digest == whole.digest


# --- what there is ------------------------------------------------------------------


def test_the_cards_say_what_is_there(tmp_path):
    def card(name):
        return next(c for c in describe_datasets() if c.name == name)

    assert {c.name for c in describe_datasets()} >= set(NAMES)
    assert card("signs").present
    assert not card("cifar100").present
    import_cifar100([few_cifar(tmp_path / "tree")], FEW)
    assert card("cifar100").present


def test_verify_names_both_digests_when_they_differ(tmp_path):
    dataset = import_cifar100([few_cifar(tmp_path / "tree")], FEW)
    with pytest.raises(CourseError) as refused:
        verify_dataset("cifar100")
    assert dataset.digest in refused.value.found
    assert RECORDED_DIGEST in refused.value.expected
