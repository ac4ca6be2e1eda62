"""The GPU queue in miniature on a CPU, its archives, and CIFAR-100 in parts."""

import lzma
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import archives
import gpu_queue
import parts
import pointing

from course_lib.data.assemble import assemble
from course_lib.data.cache import read_dataset
from course_lib.errors import CourseError
from course_lib.runs import read_runs

NAMES = [entry.name for entry in gpu_queue.entries()]


def place(tmp_path, dry=True):
    return gpu_queue.Place(tmp_path / "work", 500.0, dry, "cpu")


def test_entries_have_names_of_their_own_in_the_planned_order():
    assert len(set(NAMES)) == len(NAMES) and NAMES[0] == "smoke"
    order = ["bench-224-eager", "bench-32-eager", "cifar100-seeds-1"]
    order += ["cifar100-seeds-3", "cifar100-reu2019", "signs-64", "signs-pointing"]
    assert [name for name in NAMES if name in order] == order


def test_every_training_entry_plans_runs_at_full_size(tmp_path):
    full = place(tmp_path, dry=False)
    one, three, five = (
        gpu_queue.planned("cifar100", gpu_queue.FIVE, seeds, "modern", (), None, full)
        for seeds in (1, 3, 5)
    )
    assert (len(one), len(three), len(five)) == (5, 15, 25)
    assert set(one) < set(three) < set(five)  # so that each entry adds to the last
    assert {run.precision for run in five} == {"bf16"}
    assert {run.width for run in five} == {64}


@pytest.mark.slow
def test_an_entry_of_each_kind_runs_in_miniature(tmp_path):
    """Trainings have a test of their own below; pointing.py too."""
    names = ("smoke", "bench-32-compiled-b", "epoch-cost")
    for name in names:
        gpu_queue.run_entry(name, place(tmp_path), tmp_path / "out")
    made = {path.name for path in (tmp_path / "out").iterdir()}
    folders = ("smoke", "bench-32-compiled-b", "epoch-cost-gpu")
    assert made == {f"dry-{folder}.tar.gz" for folder in folders}
    assert sum(path.stat().st_size for path in (tmp_path / "out").iterdir()) < 2**20
    with pytest.raises(CourseError, match="dry run"):
        archives.take(tmp_path / "out", tmp_path / "results")
    assert not (tmp_path / "results").exists()
    assert (tmp_path / "work" / "smoke" / "smoke.csv").exists()
    table = pd.read_csv(tmp_path / "work" / "bench-32-compiled-b" / "bench.csv")
    assert set(table["network"]) == set(gpu_queue.GROUPS["b"])
    assert (tmp_path / "work" / "epoch-cost-gpu" / "epoch-cost.json").exists()


def test_every_training_entry_can_be_planned_in_miniature(tmp_path, monkeypatch):
    """And at full size, except that nothing is trained."""
    planned = []
    monkeypatch.setattr(
        gpu_queue, "compare", lambda runs, *_, **__: planned.append(runs) or []
    )
    for dry in (True, False):
        where = place(tmp_path, dry)
        for entry in gpu_queue.entries():
            if entry.name.startswith(("cifar100-", "signs-64")):
                entry.run(where)
    small, full = planned[: len(planned) // 2], planned[len(planned) // 2 :]
    assert all(len(runs) <= 2 and runs[0].epochs == 1 for runs in small)
    assert {runs[0].epochs for runs in full} == {30, 100, 150}
    places = {run.placement for runs in full for run in runs if run.model == "se"}
    assert places == {"branch", "pre", "post", "identity", "conv2"}


@pytest.mark.slow
def test_a_training_entry_runs_packs_and_adds_to_what_is_known(tmp_path):
    out, results = tmp_path / "out", tmp_path / "results"
    gpu_queue.run_entry("cifar100-seeds-1", place(tmp_path), tmp_path / "dry")
    entry = next(e for e in gpu_queue.entries() if e.name == "cifar100-seeds-1")
    archives.pack(tmp_path / "work" / entry.folder, out, dry=False)  # as a real run
    archives.take(out, results)
    table = results / "cifar100-gpu" / "runs.csv"
    first = table.read_bytes()
    runs = read_runs([table])
    assert list(runs["model"]) == ["plain", "se"] and (runs["status"] == "done").all()
    for run_id in runs["run_id"]:
        assert (table.parent / "hits" / f"{run_id}.bin").exists()
    archives.take(out, results)  # a second time adds nothing
    assert table.read_bytes() == first
    header, one, two = first.splitlines(keepends=True)
    table.write_bytes(header + two)  # known here: the second alone
    archives.take(out, results)
    assert table.read_bytes() == header + two + one


def test_unknown_entries_and_empty_folders_say_so(tmp_path):
    with pytest.raises(CourseError, match="smoke"):
        gpu_queue.run_entry("smok", place(tmp_path), tmp_path)
    with pytest.raises(CourseError, match="no archive"):
        archives.take(tmp_path, tmp_path / "results")


RECORDED = gpu_queue.RESULTS


def archive_of(tmp_path, table, dry=False):
    """What an entry would pack: runs.csv of these bytes, and one file of hits."""
    where = place(tmp_path, dry)
    (where.work / "one" / "hits").mkdir(parents=True, exist_ok=True)
    (where.work / "one" / "runs.csv").write_bytes(table)
    (where.work / "one" / "hits" / "a.bin").write_bytes(b"new")
    archives.pack(where.work / "one", tmp_path / "out", dry)
    return tmp_path / "out"


def recorded_lines():
    table = sorted(RECORDED.glob("*/runs.csv"))[0]
    return table.read_bytes().splitlines(keepends=True)


def test_take_adds_rows_after_those_that_are_known(tmp_path):
    header, one, two = recorded_lines()[:3]
    table = tmp_path / "results" / "one" / "runs.csv"
    table.parent.mkdir(parents=True)
    table.write_bytes(header + two)
    out = archive_of(tmp_path, header + one + two)
    for _ in range(2):  # a second time adds nothing
        assert archives.take(out, tmp_path / "results") == [archives.Taken("one")]
        assert table.read_bytes() == header + two + one
    assert (table.parent / "hits" / "a.bin").read_bytes() == b"new"


def test_take_leaves_what_is_recorded_here_and_names_it(tmp_path):
    """The same runs trained again, elsewhere: other rows, hits and histories."""
    header, one, two = recorded_lines()[:3]
    ids = [archives.run_id(line) for line in (one, two)]
    out = archive_of(tmp_path, header + one + two)
    for key in ids:
        for name in (f"hits/{key}.bin", f"history/{key}.json"):
            path = tmp_path / "work" / "one" / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"theirs")
    archives.pack(tmp_path / "work" / "one", out, dry=False)
    here = tmp_path / "results" / "one"
    (here / "hits").mkdir(parents=True)
    ours = one.replace(b",0,done,", b",0,done,9", 1)  # another training loss
    assert ours != one
    (here / "runs.csv").write_bytes(header + ours + two)
    (here / "hits" / f"{ids[1]}.bin").write_bytes(b"theirs")

    (taken,) = archives.take(out, tmp_path / "results")
    assert taken == archives.Taken("one", (ids[0],))
    assert ids[0] in str(taken) and "stay" in str(taken)
    assert (here / "runs.csv").read_bytes() == header + ours + two
    assert not (here / "hits" / f"{ids[0]}.bin").exists()  # no part of another row
    assert (here / "history" / f"{ids[1]}.json").read_bytes() == b"theirs"  # missing

    (here / "hits" / f"{ids[1]}.bin").write_bytes(b"ours")
    (taken,) = archives.take(out, tmp_path / "results")
    assert taken.kept == tuple(ids)
    assert (here / "hits" / f"{ids[1]}.bin").read_bytes() == b"ours"


def test_take_changes_nothing_when_an_archive_does_not_fit(tmp_path):
    header, one, two = recorded_lines()[:3]
    table = tmp_path / "results" / "one" / "runs.csv"
    table.parent.mkdir(parents=True)
    table.write_bytes(header + two)
    for wrong in (b"nonsense\n1\n", header + one[: len(one) // 3]):
        out = archive_of(tmp_path, wrong)
        with pytest.raises(CourseError):
            archives.take(out, tmp_path / "results")
        assert table.read_bytes() == header + two
        assert [path.name for path in table.parent.iterdir()] == ["runs.csv"]
    (out / "one.tar.gz").write_bytes((out / "one.tar.gz").read_bytes()[:60])
    with pytest.raises(CourseError, match="cannot unpack"):
        archives.take(out, tmp_path / "results")


def test_a_python_that_cannot_check_archives_is_told(tmp_path, monkeypatch):
    out = archive_of(tmp_path, b"".join(recorded_lines()[:2]))
    monkeypatch.delattr("tarfile.data_filter")  # Python 3.11.0 to 3.11.3
    with pytest.raises(CourseError, match=r"3\.11\.4 or newer"):
        archives.take(out, tmp_path / "results")
    assert not (tmp_path / "results").exists()


def test_a_dry_run_works_apart_and_its_archives_are_refused(tmp_path, monkeypatch):
    places = []
    monkeypatch.setattr(
        gpu_queue, "run_entry", lambda _, where, out: places.append(where)
    )
    command = ["gpu_queue.py", "run", "smoke", "--out", "o", "--work", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", [*command, "--dry-run"])
    gpu_queue.main()
    monkeypatch.setattr(sys, "argv", [*command, "--device", "cpu"])
    gpu_queue.main()
    assert [where.work for where in places] == [tmp_path / "dry", tmp_path]
    out = archive_of(tmp_path, b"", dry=True)
    assert [path.name for path in out.iterdir()] == ["dry-one.tar.gz"]
    with pytest.raises(CourseError, match="dry run"):
        archives.take(out, tmp_path / "results")
    assert not (tmp_path / "results").exists()


# --- Pointing-game scores ---


def test_scores_of_other_runs_stay_in_the_table(tmp_path):
    path = tmp_path / "new" / "scores.csv"

    def add(profile, seed, hit):
        row = {"profile": profile, "model": "se", "seed": seed, "layer": "a"}
        pointing.add_rows(path, [row | {"hit": hit}, row | {"layer": "b", "hit": hit}])

    add("ci", 0, 0.1)
    add("gpu", 0, 0.2)
    add("ci", 1, 0.3)
    add("ci", 0, 0.4)  # in place of the first
    rows = path.read_text(encoding="utf-8").split()[1:]
    assert rows[::2] == ["gpu,se,0,a,0.2", "ci,se,1,a,0.3", "ci,se,0,a,0.4"]
    assert len(rows) == 6
    path.write_text("something,else\n1,2\n", encoding="utf-8")
    with pytest.raises(CourseError, match="cannot add"):
        add("ci", 2, 0.5)
    assert path.read_text(encoding="utf-8") == "something,else\n1,2\n"


def test_scores_go_beside_the_checkpoints_and_not_into_the_recorded_table(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["pointing.py"])
    assert gpu_queue.RESULTS not in pointing.arguments().out.parents


def test_a_pointing_script_that_fails_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "benchmarks").mkdir()
    script = tmp_path / "benchmarks" / "pointing.py"
    script.write_text("raise SystemExit(3)", encoding="utf-8")
    monkeypatch.setattr(gpu_queue, "ROOT", tmp_path)
    with pytest.raises(CourseError, match="status 3"):
        gpu_queue.pointing(place(tmp_path))


# --- CIFAR-100 in parts ---


@given(
    arrays(
        np.uint8,
        st.tuples(st.integers(1, 3), st.just(3), st.integers(1, 6), st.integers(1, 6)),
    )
)
@settings(deadline=None)
def test_differences_lose_nothing(images):
    again = parts.from_differences(parts.to_differences(images))
    np.testing.assert_array_equal(again, images)


def test_smooth_images_have_small_differences():
    ramp = np.arange(8, dtype=np.uint8)
    images = np.broadcast_to(ramp[:, None] + 2 * ramp, (2, 3, 8, 8)).copy()
    assert set(parts.to_differences(images)[:, 1, 1:, 1:].ravel()) == {1}


def small_dataset():
    generator = torch.Generator().manual_seed(0)
    splits = {}
    for split, count in (("train", 6), ("val", 4), ("test", 4)):
        images = torch.randint(
            0, 256, (count, 3, 32, 32), dtype=torch.uint8, generator=generator
        )
        splits[split] = (images, torch.arange(count) % 2)
    return splits


@pytest.fixture
def dataset():
    from course_lib.data.image_set import ImageSet

    splits = {name: ImageSet(*pair) for name, pair in small_dataset().items()}
    return assemble("cifar100", ("a", "b"), splits, mirror=True)


def test_parts_join_to_the_same_data_set(dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    packed = lzma.compress(parts.encode(dataset))
    paths = parts.write_parts(packed, tmp_path / "parts", part_mb=0.01)
    assert len(paths) > 2 and all(path.stat().st_size <= 10486 for path in paths)
    joined = parts.join(tmp_path / "parts")
    kept = read_dataset(parts.cifar100_file())
    for each in (joined, kept):
        assert each.digest == dataset.digest and each.classes == dataset.classes
        assert each.mean == dataset.mean and each.mirror
        assert torch.equal(each.val.images, dataset.val.images)
        assert torch.equal(each.test.labels, dataset.test.labels)
    paths[1].write_bytes(b"x" * paths[1].stat().st_size)
    with pytest.raises(CourseError, match="do not unpack"):
        parts.join(tmp_path / "parts")
    paths[1].unlink()
    with pytest.raises(CourseError, match=paths[1].name):
        parts.join(tmp_path / "parts")
    with pytest.raises(CourseError, match="no parts"):
        parts.join(tmp_path)
