"""Bad input: one line that names the value, what was expected and the next step."""

import urllib.error
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from course_lib.data.cifar100 import (
    Counts,
    cifar100_file,
    fetch_cifar100,
    import_cifar100,
)
from course_lib.data.datasets import Limits, load_dataset, verify_dataset
from course_lib.data.folder import check_memory
from course_lib.errors import CourseError

FEW = Counts(classes=2, train=2, val=1, test=1)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Give every test a cache of its own."""
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))


def write_images(folder: Path, count: int, mode: str = "RGB", size: int = 32) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        pixels = np.full((size, size, 3), 10 * i, np.uint8)
        Image.fromarray(pixels).convert(mode).save(folder / f"{i}.png")


def two_classes(folder: Path, count: int = 4) -> Path:
    for name in ("cat", "dog"):
        write_images(folder / name, count)
    return folder


def few_cifar(folder: Path) -> Path:
    for name in ("cat", "dog"):
        write_images(folder / "train" / name, 3)
        write_images(folder / "test" / name, 1)
    return folder


def zip_of(tree: Path) -> Path:
    file = tree.with_suffix(".zip")
    with zipfile.ZipFile(file, "w") as archive:
        for each in sorted(tree.rglob("*.png")):
            archive.write(each, each.relative_to(tree).as_posix())
    return file


def refusal(of, *arguments) -> CourseError:
    """Call with bad arguments; return the error, which must be one whole line."""
    with pytest.raises(CourseError) as refused:
        of(*arguments)
    error = refused.value
    assert error.found and error.expected and error.next_step
    assert len(str(error).splitlines()) == 1
    return error


def folder_refusal(folder: Path) -> CourseError:
    return refusal(load_dataset, f"folder:{folder}", 16)


# --- names and numbers --------------------------------------------------------------


@pytest.mark.parametrize("of", [load_dataset, verify_dataset])
@pytest.mark.parametrize(
    "name, meant", [("sings", "signs"), ("CIFAR100", "cifar100"), ("cifar", "cifar100")]
)
def test_an_unknown_name_gets_the_list_and_the_closest(of, name, meant):
    error = refusal(of, name)
    assert name in error.found
    assert "signs" in error.expected and "cifar100" in error.expected
    assert meant in error.next_step


def test_a_name_like_nothing_gets_the_default():
    assert "--data signs" in refusal(load_dataset, "zebra").next_step


@pytest.mark.parametrize("prefix", ["folder:", ""])
def test_a_path_that_does_not_exist_is_named(tmp_path, prefix):
    path = tmp_path / "nowhere"
    assert str(path) in refusal(load_dataset, f"{prefix}{path}").found


def test_a_file_is_not_a_folder(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("not a folder", encoding="utf-8")
    assert str(file) in refusal(load_dataset, f"folder:{file}").found


@pytest.mark.parametrize("limit", [0, -5])
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_limit_below_one_is_named(split, limit):
    error = refusal(lambda: Limits(**{split: limit}))
    assert str(limit) in error.found and split in error.found


@pytest.mark.parametrize("name", ["signs", "folder"])
def test_a_limit_that_leaves_a_class_without_images_is_refused(tmp_path, name):
    if name == "folder":
        name = f"folder:{two_classes(tmp_path / 'pets')}"
    error = refusal(load_dataset, name, None, Limits(train=1))
    assert "limit of 1" in error.found


@pytest.mark.parametrize("size", [0, -1, 7])
def test_a_folder_in_no_size_at_all_is_refused(tmp_path, size):
    tree = two_classes(tmp_path / "pets")
    assert f"size {size}" in refusal(load_dataset, f"folder:{tree}", size).found


@pytest.mark.parametrize("size", [0, 16, 500])
def test_signs_in_a_size_they_do_not_come_in_are_refused(size):
    assert str(size) in refusal(load_dataset, "signs", size).found


def test_cifar100_has_one_size():
    error = refusal(load_dataset, "cifar100", 64)
    assert "64" in error.found and "32" in error.expected


# --- folders ------------------------------------------------------------------------


def test_an_empty_folder(tmp_path):
    assert str(tmp_path) in folder_refusal(tmp_path).found


def test_class_folders_without_images(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "dog").mkdir()
    (tmp_path / "dog" / "notes.txt").write_text("no image", encoding="utf-8")
    assert "without images" in folder_refusal(tmp_path).found


def test_one_class_only(tmp_path):
    write_images(tmp_path / "cat", 5)
    error = folder_refusal(tmp_path)
    assert "'cat'" in error.found and "2" in error.expected


def test_one_empty_class(tmp_path):
    (two_classes(tmp_path) / "emu").mkdir()
    assert "'emu'" in folder_refusal(tmp_path).found


@pytest.mark.parametrize("content", [b"", b"not an image", "cut", "flipped"])
def test_a_damaged_image_is_named(tmp_path, content):
    file = two_classes(tmp_path) / "dog" / "2.png"
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    Image.fromarray(noise).save(file)
    whole = file.read_bytes()
    if content == "cut":
        content = whole[: len(whole) // 2]
    elif content == "flipped":
        middle = len(whole) // 2
        content = whole[:middle] + bytes(64) + whole[middle + 64 :]
    file.write_bytes(content)
    assert str(file) in folder_refusal(tmp_path).found


def test_a_damaged_jpeg_is_named(tmp_path):
    file = two_classes(tmp_path) / "dog" / "photo.jpg"
    Image.new("RGB", (64, 64), "red").save(file)
    file.write_bytes(file.read_bytes()[:-20])
    assert str(file) in folder_refusal(tmp_path).found


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "LA"])
def test_an_image_that_is_not_rgb_is_named_with_a_way_to_convert_it(tmp_path, mode):
    two_classes(tmp_path)
    Image.new(mode, (32, 32)).save(tmp_path / "dog" / "odd.png")
    error = folder_refusal(tmp_path)
    assert "odd.png" in error.found and f"mode {mode}" in error.found
    assert 'convert("RGB")' in error.next_step


def test_a_cmyk_jpeg_is_named(tmp_path):
    two_classes(tmp_path)
    Image.new("CMYK", (32, 32)).save(tmp_path / "dog" / "odd.jpg")
    assert "mode CMYK" in folder_refusal(tmp_path).found


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_class_missing_in_a_split_is_named(tmp_path, split):
    two_classes(tmp_path / "train")
    write_images(tmp_path / split / "cat", 3)
    error = folder_refusal(tmp_path)
    assert "'dog'" in error.found and split in error.found


def test_a_class_that_train_does_not_have_is_named(tmp_path):
    two_classes(tmp_path / "train")
    write_images(two_classes(tmp_path / "val") / "emu", 3)
    error = folder_refusal(tmp_path)
    assert "'emu'" in error.found and "train" in error.expected


def test_too_few_images_to_share(tmp_path):
    error = folder_refusal(two_classes(tmp_path, count=2))
    assert "2 images" in error.found and "3" in error.expected


def test_a_split_that_would_be_ignored_is_named(tmp_path):
    two_classes(tmp_path / "train")
    two_classes(tmp_path / "validation")
    assert "validation" in folder_refusal(tmp_path).found


def test_a_split_without_train_is_named(tmp_path):
    two_classes(tmp_path / "test")
    two_classes(tmp_path / "other")
    assert "no train" in folder_refusal(tmp_path).found


def test_images_that_do_not_fit_in_memory_are_refused_before_reading():
    error = refusal(check_memory, Path("photos"), 1_281_167, 224, 2**34)
    assert "photos" in error.found and "419.1 GiB" in error.found
    assert "16.0 GiB" in error.expected
    check_memory(Path("photos"), 1000, 64, 2**30)


def test_a_refused_folder_leaves_nothing_in_the_cache(tmp_path):
    two_classes(tmp_path / "pets")
    (tmp_path / "pets" / "dog" / "2.png").write_bytes(b"damaged")
    folder_refusal(tmp_path / "pets")
    assert not list((tmp_path / "cache").glob("*.safetensors"))


# --- CIFAR-100 ----------------------------------------------------------------------


def assert_names_every_way(error: CourseError) -> None:
    for way in ("169 MB", "course data fetch cifar100", "course data import cifar100",
                "--data signs"):  # fmt: skip
        assert way in error.next_step


def test_cifar100_that_is_not_there_names_every_way_to_get_it():
    assert_names_every_way(refusal(load_dataset, "cifar100"))


def test_no_connection_names_every_way(tmp_path):
    def no_connection(root, train, download):
        raise urllib.error.URLError("name resolution failed")

    error = refusal(fetch_cifar100, tmp_path, no_connection)
    assert "name resolution failed" in error.found
    assert_names_every_way(error)


def test_a_damaged_cache_is_named(tmp_path):
    import_cifar100([few_cifar(tmp_path / "tree")], FEW)
    cifar100_file().write_bytes(cifar100_file().read_bytes()[:-100])
    error = refusal(load_dataset, "cifar100")
    assert str(cifar100_file()) in error.found and "damaged" in error.found


@pytest.mark.parametrize("share", [0, 0.3, 0.99])
def test_a_zip_cut_short_is_named_and_the_cache_kept(tmp_path, share):
    file = zip_of(few_cifar(tmp_path / "tree"))
    import_cifar100([file], FEW)
    before = cifar100_file().read_bytes()
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    error = refusal(import_cifar100, [file], FEW)
    assert str(file) in error.found
    assert cifar100_file().read_bytes() == before


def test_a_zip_with_a_damaged_member_names_both(tmp_path):
    file = zip_of(few_cifar(tmp_path / "tree"))
    with zipfile.ZipFile(file) as archive:
        start = archive.getinfo("test/cat/0.png").header_offset
    content = bytearray(file.read_bytes())
    content[start + 100] ^= 0xFF  # past the header, inside the image
    file.write_bytes(content)
    error = refusal(import_cifar100, [file], FEW)
    assert str(file) in error.found and "test/cat/0.png" in error.found


def test_a_source_that_is_no_zip_or_not_there(tmp_path):
    text = tmp_path / "cifar.tar.gz"
    text.write_text("not a zip", encoding="utf-8")
    assert str(text) in refusal(import_cifar100, [text], FEW).found
    absent = tmp_path / "absent.zip"
    assert str(absent) in refusal(import_cifar100, [absent], FEW).found


def test_a_damaged_image_in_the_tree_is_named(tmp_path):
    tree = few_cifar(tmp_path / "tree")
    (tree / "train" / "dog" / "1.png").write_bytes(b"damaged")
    assert "train/dog/1.png" in refusal(import_cifar100, [tree], FEW).found


@pytest.mark.parametrize("mode, size", [("L", 32), ("RGB", 28)])
def test_an_image_unlike_cifar_is_named(tmp_path, mode, size):
    tree = few_cifar(tmp_path / "tree")
    Image.new(mode, (size, size)).save(tree / "train" / "dog" / "1.png")
    assert "train/dog/1.png" in refusal(import_cifar100, [tree], FEW).found


@pytest.mark.parametrize("split", ["train", "test"])
def test_one_image_too_few_or_too_many_names_the_class(tmp_path, split):
    tree = few_cifar(tmp_path / "tree")
    (tree / split / "dog" / "0.png").rename(tree / split / "cat" / "more.png")
    error = refusal(import_cifar100, [tree], FEW)
    assert str(tree) in error.found and split in error.found


def test_half_of_the_classes_and_no_images_at_all(tmp_path):
    tree = few_cifar(tmp_path / "tree")
    error = refusal(import_cifar100, [tree], Counts())
    assert "2 classes" in error.found and "100" in error.expected
    (tmp_path / "none").mkdir()
    assert "0 classes" in refusal(import_cifar100, [tmp_path / "none"], FEW).found


def test_the_same_folder_twice_is_too_many(tmp_path):
    tree = few_cifar(tmp_path / "tree")
    assert "once" in refusal(import_cifar100, [tree, tree], FEW).next_step


def test_different_classes_in_train_and_test_are_refused(tmp_path):
    tree = few_cifar(tmp_path / "tree")
    (tree / "test" / "dog").rename(tree / "test" / "wolf")
    assert "'dog'" in refusal(import_cifar100, [tree], FEW).found


def test_a_cache_folder_that_cannot_be_made_is_named(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("a file where a folder is wanted", encoding="utf-8")
    monkeypatch.setenv("COURSE_CACHE", str(blocked / "cache"))
    error = refusal(import_cifar100, [few_cifar(tmp_path / "tree")], FEW)
    assert str(blocked) in error.found and "COURSE_CACHE" in error.next_step
