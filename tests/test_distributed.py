"""Training in several processes: the same numbers, exact counts, a clean end."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch
from ddp_trainer import CPU, IMAGES, RUN, make_trainer, train
from PIL import Image
from tiny_runs import stripes_dataset
from torch.utils.data import DistributedSampler

from course_lib import launching, two_processes
from course_lib.cli import main
from course_lib.comparing import lock
from course_lib.data.folder import load_folder
from course_lib.data.streaming import (
    StreamedFolder,
    stream_folder,
    streamed_batches,
    too_big,
)
from course_lib.distributed import ALONE, Ranks, Unsaid, device_here
from course_lib.errors import CourseError
from course_lib.preparing import make_batches
from course_lib.runs import read_runs
from course_lib.shared_images import Order, load, prepare
from course_lib.sharing import average_gradients, rank_loss, shard_indices
from course_lib.train import save_weights, train_one
from course_lib.workers import Result

SCRIPT = Path(__file__).with_name("ddp_trainer.py")
TWO = [Ranks(0, 2), Ranks(1, 2)]
THREE = [Ranks(rank, 3) for rank in range(3)]
needs_gloo = pytest.mark.skipif(
    sys.platform == "win32", reason="gloo needs libuv, which Windows builds lack"
)


# --- the formulas -------------------------------------------------------------------


@pytest.mark.parametrize("ranks", [1, 2, 3, 7])
@pytest.mark.parametrize("count", [12, 13, 2])
def test_shards_hold_every_image_once(count, ranks):
    shards = [shard_indices(count, rank, ranks, 3, 1) for rank in range(ranks)]
    assert sorted(torch.cat(shards).tolist()) == list(range(count))
    sizes = [len(shard) for shard in shards]
    assert max(sizes) - min(sizes) <= 1


def test_shards_are_those_of_pytorchs_sampler():
    for rank in range(3):
        sampler = DistributedSampler(range(12), 3, rank, seed=5)
        for epoch in (0, 4):
            sampler.set_epoch(epoch)
            assert shard_indices(12, rank, 3, 5, epoch).tolist() == list(sampler)


def test_set_epoch_matters():
    sampler = DistributedSampler(range(30), 2, 0)
    forgotten = [list(sampler) for _ in range(2)]
    assert forgotten[0] == forgotten[1]
    orders = [shard_indices(30, 0, 2, 0, epoch).tolist() for epoch in range(2)]
    assert orders[0] != orders[1]


@pytest.mark.parametrize("sizes", [(4, 4), (7, 6), (5, 1, 0)])
def test_mean_of_rank_losses_is_the_mean_over_all_images(sizes):
    losses = torch.randn(sum(sizes), dtype=torch.float64)
    parts = losses.split(sizes)
    shares = [rank_loss(part, len(losses), len(sizes)) for part in parts]
    assert torch.stack(shares).mean().item() == pytest.approx(losses.mean().item())


def test_averaged_gradients_count_an_absent_one_as_zero():
    ones = torch.ones(2)
    (mean,) = average_gradients([[3 * ones], [None], [3 * ones]])
    assert torch.equal(mean, 2 * ones)


# --- batches ------------------------------------------------------------------------


@pytest.mark.parametrize("ranks", [TWO, THREE])
def test_processes_see_together_what_one_sees(ranks):
    dataset = stripes_dataset(IMAGES)
    whole = make_batches(RUN, dataset, CPU)["train"].epoch(1)
    parts = [make_batches(RUN, dataset, CPU, one)["train"].epoch(1) for one in ranks]
    for (x, y), *shared in zip(whole, *parts, strict=True):
        for rank, (own_x, own_y) in enumerate(shared):
            assert torch.equal(own_x, x[rank :: len(ranks)])
            assert torch.equal(own_y, y[rank :: len(ranks)])


def test_evaluation_shards_hold_every_image_once():
    dataset = stripes_dataset(IMAGES)
    labels = dataset.test.labels  # (40,)
    for ranks in (TWO, THREE):
        found = torch.full_like(labels, -1)
        for one in ranks:
            batches = make_batches(RUN, dataset, CPU, one)["test"]
            own = [y for _, y in batches.epoch(0)]
            assert len(batches) == len(own)
            found[one.rank :: one.size] = torch.cat(own)  # an error if one is missing
        assert torch.equal(found, labels)


# --- two processes against one ------------------------------------------------------


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What two processes computed, beside what one did; one start for all tests."""
    folder = tmp_path_factory.mktemp("two")
    one = train(make_trainer(), folder / "one.pt")
    train(make_trainer(stop_after=1), folder / "by_one.pt")
    command = launching.torchrun_command(2, [str(SCRIPT), str(folder)])
    done = subprocess.run(
        command,
        env=launching.torchrun_environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    results = torch.load(folder / "found.pt", weights_only=False)
    assert results["half"]["hits"] is None  # it stopped, as asked
    two_to_one = train(make_trainer(), folder / "by_two.pt")
    return results | {"one": one, "two to one": two_to_one}


@needs_gloo
@pytest.mark.parametrize("name", ["whole", "resumed", "two to one"])
def test_processes_train_the_same_weights(found, name):
    """Two; one, then two; two, then one: equal to float64 rounding."""
    expected, got = found["one"], found[name]
    assert expected["weights"].keys() == got["weights"].keys()
    for key, value in expected["weights"].items():
        torch.testing.assert_close(got["weights"][key], value, rtol=1e-9, atol=1e-11)
    for before, after in zip(expected["history"], got["history"], strict=True):
        assert after == pytest.approx(before, rel=1e-9)


@needs_gloo
def test_training_moved_the_weights(found):
    start = make_trainer().network.state_dict()["conv1.weight"]
    assert (found["whole"]["weights"]["conv1.weight"] - start).abs().max() > 1e-3


@needs_gloo
def test_evaluation_counts_are_exact(found):
    hits = found["whole"]["hits"]
    assert hits.dtype == torch.bool
    assert len(hits) == 40
    assert torch.equal(hits, found["one"]["hits"])


@needs_gloo
def test_all_processes_end_with_the_same_running_statistics(found):
    assert len(set(found["norms"])) == 1


@needs_gloo
def test_hand_made_exchange_and_ddp_equal_the_big_batch(found):
    found = found["two processes"]
    for norm, names in ((False, ["by hand", "DDP"]), (True, ["DDP, BatchNorm"])):
        network = two_processes.make_network(norm)
        two_processes.backward(network, slice(None), 1)
        expected = two_processes.gradients(network)
        for name in names:
            apart = (found[name] - expected).abs().max()
            # BatchNorm normalises by each process's own images: another function.
            assert apart > 1e-3 if norm else apart < 1e-12, name
    first, second = found["BatchNorm means"]
    assert (first - second).abs().max() > 1e-3
    assert found["unused"][0] == "step 1: ok"
    assert "find_unused_parameters=True" in found["unused"][1]
    assert found["unused, searched"] == ["step 1: ok", "step 2: ok"]


# --- a folder of photos, streamed ---------------------------------------------------


def make_photos(folder: Path, each: int = 14) -> Path:
    """Two classes of small photos, of several sizes."""
    generator = torch.Generator().manual_seed(0)
    for name, low in (("dark", 0), ("light", 128)):
        (folder / name).mkdir(parents=True)
        for n in range(each):
            size = (40 + n, 36, 3)
            pixels = torch.randint(low, low + 128, size, generator=generator)
            image = Image.fromarray(pixels.to(torch.uint8).numpy())
            image.save(folder / name / f"{n:02}.png")
    return folder


def streamed(folder: Path, ranks: Ranks, loaders: int = 0, batch: int = 4):
    photos = stream_folder(folder, 32, loaders)
    return streamed_batches(photos, batch, 7, CPU, (ranks.rank, ranks.size))


def test_streaming_processes_see_together_what_one_sees(tmp_path):
    folder = make_photos(tmp_path / "photos", each=13)  # 11 of each train
    whole = list(streamed(folder, ALONE)["train"].epoch(1))
    parts = [list(streamed(folder, one)["train"].epoch(1)) for one in TWO]
    assert len(whole) == 22 // 4
    for (x, y), *shared in zip(whole, *parts, strict=True):
        assert x.shape == (4, 3, 32, 32)
        for rank, (own_x, own_y) in enumerate(shared):
            assert torch.equal(own_x, x[rank::2])
            assert torch.equal(own_y, y[rank::2])
    other = next(iter(streamed(folder, ALONE)["train"].epoch(2)))
    assert not torch.equal(other[0], whole[0][0])


def test_streamed_evaluation_neither_pads_nor_drops(tmp_path):
    folder = make_photos(tmp_path / "photos", each=50)  # 5 of each test: 10
    labels = torch.full((10,), -1)
    for one in THREE:
        own = [y for _, y in streamed(folder, one, batch=6)["test"].epoch(0)]
        labels[one.rank :: 3] = torch.cat(own)
    assert labels.tolist() == [0] * 5 + [1] * 5


def test_decoders_change_nothing(tmp_path):
    folder = make_photos(tmp_path / "photos")
    for (x, _), (other, _) in zip(
        streamed(folder, ALONE)["train"].epoch(1),
        streamed(folder, ALONE, loaders=1)["train"].epoch(1),
        strict=True,
    ):
        assert torch.equal(x, other)


@pytest.mark.parametrize("loaders", [0, 1])
def test_a_damaged_photo_is_named_in_one_line(tmp_path, loaders):
    folder = make_photos(tmp_path / "photos", each=5)
    for file in folder.rglob("02.png"):
        file.write_bytes(file.read_bytes()[:60])
    with pytest.raises(CourseError, match=r"image .*02\.png .*decoded") as error:
        for split in ("train", "val", "test"):
            list(streamed(folder, ALONE, loaders)[split].epoch(0))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_streaming_takes_the_photos_that_memory_takes(tmp_path, mode):
    folder = make_photos(tmp_path / "photos", each=5)
    for file in folder.rglob("*.png"):
        Image.open(file).convert(mode).save(file)
    with pytest.raises(CourseError, match=f"mode {mode}") as in_memory:
        load_folder(folder, 32)
    with pytest.raises(CourseError, match=f"mode {mode}") as read:
        list(streamed(folder, ALONE)["test"].epoch(0))
    assert read.value.expected == in_memory.value.expected


def test_streaming_checks_classes_and_batch(tmp_path):
    folder = make_photos(tmp_path / "photos")
    with pytest.raises(CourseError, match="a multiple of 2, at most 24"):
        streamed(folder, TWO[0], batch=5)
    for split in ("train", "val"):
        shutil.copytree(folder, tmp_path / "split" / split)
    shutil.rmtree(tmp_path / "split" / "val" / "dark")
    with pytest.raises(CourseError, match=r"'dark' without an image in .*val"):
        stream_folder(tmp_path / "split", 32)


def test_too_big_asks_for_memory(tmp_path, monkeypatch):
    folder = make_photos(tmp_path / "photos")
    free = 28 * 32 * 32 * 7 * 2  # bytes: half of it is what 28 photos need
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free_memory(free))
    assert not too_big(folder, 32)
    assert too_big(folder, 32, processes=2)


def free_memory(available: int):
    return type("Memory", (), {"available": available})


# --- course train -------------------------------------------------------------------


def photo_order(folder: Path, out: Path, **changes) -> Order:
    run = replace(RUN, data=f"folder:{folder}", image_size=32, batch=8, epochs=2)
    order = Order(run, CPU, out, stream=True, loaders=0)
    return replace(order, **changes)


def edit_row(table: Path, **values) -> None:
    header, row = table.read_text(encoding="utf-8").splitlines()
    cells = dict(zip(header.split(","), row.split(","), strict=True))
    cells |= {name: str(value) for name, value in values.items()}
    table.write_text(f"{header}\n{','.join(cells.values())}\n", encoding="utf-8")


def test_one_process_trains_records_and_does_not_repeat(tmp_path):
    order = photo_order(make_photos(tmp_path / "photos"), tmp_path / "out")
    torch.set_num_threads(2)
    assert "Stopped after 1 of 2 epochs" in train_one(
        replace(order, stop_after=1), ALONE
    )
    assert torch.get_num_threads() == 1
    said = train_one(order, ALONE)
    assert "of 2 test images right" in said
    row = read_runs([order.out / "runs.csv"]).iloc[0]
    assert (row.status, row.train_images, row.test_images) == ("done", 24, 2)
    assert row.data == "folder:photos (streamed)"
    weights = torch.load(order.out / "weights" / f"{row.run_id}.pt", weights_only=True)
    assert "layer4.2.conv3.weight" in weights
    assert not list((order.out / "checkpoints").iterdir())
    percent = said.split("last epoch (")[1].split(" %")[0]
    edit_row(order.out / "runs.csv", test_accuracy=0.9999)  # as of the best epoch
    again = train_one(order, ALONE)
    assert f"already (done, {percent} % of 2 test images right after the last" in again


def test_stop_after_fewer_epochs_than_are_done_stops_at_once(tmp_path):
    order = photo_order(make_photos(tmp_path / "photos"), tmp_path / "out")
    for asked in (1, 2, 1):
        order = replace(order, run=replace(order.run, epochs=3), stop_after=asked)
        text = train_one(order, ALONE)
    assert text == "Stopped after 2 of 3 epochs, as asked."


def test_a_failed_training_stays_failed(tmp_path, monkeypatch):
    order = photo_order(make_photos(tmp_path / "photos"), tmp_path / "out")
    monkeypatch.setattr(
        "course_lib.train.train", lambda job, *_: Result(job, "failed: loss is nan")
    )
    with pytest.raises(CourseError, match="training failed: loss is nan"):
        train_one(order, ALONE)
    with pytest.raises(CourseError, match=r"failed before: .* nan.*lower --lr"):
        train_one(order, ALONE)


@pytest.mark.parametrize(
    ("changes", "batch", "words"),
    [
        ({}, 3, "--batch 3 for 2 processes: expected at least 2 images for each"),
        ({"sync_bn": True}, 8, "--sync-bn on cpu: expected CUDA"),
        ({"some_images": True}, 8, "--train-images .* streamed: expected all"),
    ],
)
def test_what_cannot_be_shared_says_so(tmp_path, changes, batch, words):
    order = photo_order(tmp_path, tmp_path / "out", **changes)
    order = replace(order, run=replace(order.run, batch=batch))
    with pytest.raises(CourseError, match=words):
        prepare(order, Ranks(0, 2))


def test_streaming_knows_one_recipe(tmp_path):
    order = photo_order(tmp_path, tmp_path)
    order = replace(order, run=replace(order.run, recipe="reu2019"))
    with pytest.raises(CourseError, match=r"--recipe reu2019 .*streamed: .*modern"):
        prepare(order, ALONE)


def test_a_folder_in_use_is_told_to_all(tmp_path, monkeypatch):
    order = photo_order(tmp_path, tmp_path / "out")
    told = []

    def gathered(errors, own):
        told.append(own)
        errors[:] = [own, None]

    monkeypatch.setattr(torch.distributed, "all_gather_object", gathered)
    with lock(order.out), pytest.raises(CourseError, match="another comparison"):
        train_one(order, TWO[0])
    assert isinstance(told[0], CourseError)


def test_a_result_that_cannot_be_written_is_told_to_all(tmp_path, monkeypatch):
    """Otherwise the first process ends, and the others wait for it."""
    order = photo_order(make_photos(tmp_path / "photos"), tmp_path / "out")
    full = CourseError("a full disk", "free space", "Free some.")
    told = []

    def refuse(*_):
        raise full

    class Noted(Ranks):
        def agree(self, error):
            told.append(error)
            super().agree(error)

    monkeypatch.setattr("course_lib.train.train", lambda job, *_: Result(job, "done"))
    monkeypatch.setattr("course_lib.train.write", refuse)
    with pytest.raises(CourseError, match="a full disk"):
        train_one(order, Noted())
    assert told[-1] is full


def test_a_folder_of_weights_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "weights").write_text("a file in its place", encoding="utf-8")
    with pytest.raises(CourseError, match="cannot write"):
        save_weights(torch.nn.Linear(1, 1), tmp_path / "weights" / "a.pt")


class Told(Ranks):
    """The second of two processes; the first one lacks memory or has other images."""

    first_digest = None

    def sum(self, values):
        return values + 1

    def from_first(self, thing):
        return self.first_digest or thing

    def agree(self, error):
        if error:
            raise error


def test_all_processes_stream_when_one_must(tmp_path):
    order = photo_order(make_photos(tmp_path / "photos"), tmp_path, stream=None)
    assert isinstance(load(order, Told(1, 2))[0], StreamedFolder)
    assert not isinstance(load(order, ALONE)[0], StreamedFolder)


def test_processes_with_other_images_are_refused(tmp_path):
    order = photo_order(make_photos(tmp_path / "photos"), tmp_path)
    ranks = Told(1, 2)
    object.__setattr__(ranks, "first_digest", "0123")
    with pytest.raises(CourseError, match=r"in process 1 .*not those of process 0"):
        load(order, ranks)


def test_only_folders_stream(tmp_path):
    order = photo_order(tmp_path, tmp_path)
    order = replace(order, run=replace(order.run, data="signs"))
    with pytest.raises(CourseError, match="--stream with signs"):
        prepare(order, ALONE)


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: not enough memory")]
)
@pytest.mark.parametrize(
    "data, step", [("signs", "Try fewer processes"), ("folder:a", "Add --stream")]
)
def test_images_that_do_not_fit_are_told_in_one_line(
    error, data, step, tmp_path, monkeypatch
):
    def load_data(run):
        raise error

    monkeypatch.setattr("course_lib.shared_images.load_data", load_data)
    order = photo_order(tmp_path / "none", tmp_path / "out", stream=False)
    order = replace(order, run=replace(order.run, data=data))
    with pytest.raises(CourseError, match=f"images of {data} .*{step}"):
        train_one(order, ALONE)


def test_another_error_while_images_load_stays_as_it_is(tmp_path, monkeypatch):
    def load_data(run):
        raise RuntimeError("a fault of the course")

    monkeypatch.setattr("course_lib.shared_images.load_data", load_data)
    with pytest.raises(RuntimeError, match="a fault of the course"):
        prepare(photo_order(tmp_path, tmp_path, stream=False), ALONE)


def test_a_folder_of_nobody_is_told_in_one_line(tmp_path):
    for stream in (None, True):
        order = photo_order(tmp_path, tmp_path / "out", stream=stream)
        order = replace(order, run=replace(order.run, data="folder:~no-such-user/x"))
        with pytest.raises(CourseError, match="~no-such-user/x"):
            train_one(order, ALONE)


def test_every_process_needs_a_gpu_of_its_own(monkeypatch):
    for name, value in {"RANK": 1, "WORLD_SIZE": 2, "LOCAL_RANK": 1}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(CourseError, match="2 processes on a machine with 1 GPUs"):
        device_here(torch.device("cuda"))
    assert device_here(CPU) == CPU


def test_an_error_anywhere_is_told_by_the_first(monkeypatch):
    problem = CourseError("image x", "an image", "Delete it.")

    def gathered(errors, own):
        errors[:] = [None, problem]

    monkeypatch.setattr(torch.distributed, "all_gather_object", gathered)
    with pytest.raises(CourseError, match="image x"):
        TWO[0].agree(None)
    with pytest.raises(Unsaid):
        TWO[1].agree(problem)


class Training:
    """`course train` on two processes, to be ended before it is done."""

    def __init__(self, folder: Path, out: Path) -> None:
        self.out = out
        arguments = ["-m", "course_lib.train", "--data", f"folder:{folder}"]
        arguments += ["--stream", "--loaders", "0", "--profile", "ci", "--width", "4"]
        self.arguments = [*arguments, "--batch", "8", "--epochs", "5000"]
        self.arguments += ["--device", "cpu", "--eager", "--out", str(out)]

    def start(self) -> psutil.Popen:
        self.began = time.time()
        return psutil.Popen(
            launching.torchrun_command(2, self.arguments),
            env=launching.torchrun_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def wait_for_epoch(self, process: psutil.Popen) -> None:
        """Until an epoch of this start is saved."""
        while not any(
            file.stat().st_mtime > self.began
            for file in self.out.glob("checkpoints/*.pt")
        ):
            assert process.poll() is None, process.stdout.read()[-3000:]
            assert time.time() - self.began < 240
            time.sleep(0.2)

    def epochs_saved(self) -> int:
        (file,) = self.out.glob("checkpoints/*.pt")
        return torch.load(file, weights_only=True)["progress"]["epoch"]


def rank_of(process: psutil.Process) -> str:
    try:
        return process.environ().get("RANK", "")
    except psutil.Error:
        return ""


@needs_gloo
def test_a_dead_process_ends_the_job_and_an_interrupt_too(tmp_path, capsys):
    """At most the epoch in progress is lost, and one process can go on."""
    training = Training(make_photos(tmp_path / "photos", each=6), tmp_path / "out")
    process = training.start()
    training.wait_for_epoch(process)
    family = process.children(recursive=True)
    (second,) = (child for child in family if rank_of(child) == "1")
    second.kill()
    text = process.communicate(timeout=120)[0]
    assert process.returncode not in (0, None)
    assert not [child for child in family if child.is_running()]
    assert text.count("Traceback (most recent") <= 1, text  # torchrun's own
    saved = training.epochs_saved()
    assert saved >= 1

    process = training.start()
    training.wait_for_epoch(process)
    family = process.children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)  # Ctrl-C reaches all of them
    text = process.communicate(timeout=120)[0]
    assert process.returncode not in (0, None)
    assert not [child for child in family if child.is_running()]
    assert text.count("Stopped. The same command goes on") == 1
    assert training.epochs_saved() > saved

    saved = training.epochs_saved()
    with pytest.raises(SystemExit) as ended:
        main(["train", *training.arguments[2:], "--stop-after", str(saved + 1)])
    assert ended.value.code == 0
    assert f"Stopped after {saved + 1} of 5000 epochs" in capsys.readouterr().out
    assert training.epochs_saved() == saved + 1


@pytest.mark.parametrize(
    ("rank", "local", "lines"), [(0, 0, 1), (1, 1, 0), (4, 0, 1), (5, 1, 0)]
)
def test_a_bad_option_is_told_once_on_each_machine(
    monkeypatch, capsys, rank, local, lines
):
    monkeypatch.setenv("RANK", str(rank))
    monkeypatch.setenv("LOCAL_RANK", str(local))
    with pytest.raises(SystemExit) as ended:
        main(["train", "--stop-after", "0"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("course: --stop-after 0") == lines


def test_a_problem_of_one_later_process_is_told_once(tmp_path, monkeypatch, capsys):
    """Rank 4 is the first on its machine, but not the first of all."""

    @contextmanager
    def as_rank_four():
        yield Ranks(4, 8)

    def fail(*_):
        raise CourseError("out of memory", "a batch that fits", "Halve it.")

    monkeypatch.setenv("RANK", "4")
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setattr("course_lib.distributed.joined", as_rank_four)
    monkeypatch.setattr("course_lib.train.train_one", fail)
    with pytest.raises(SystemExit) as ended:
        main(["train", "--device", "cpu", "--profile", "ci", "--out", str(tmp_path)])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.count("out of memory") == 1 and "process 4: " in said
