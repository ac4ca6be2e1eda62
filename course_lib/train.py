"""`course train`: one network, alone or in several processes started by torchrun.

torchrun --nproc-per-node 2 -m course_lib.train --data signs
"""

import io
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import torch

from course_lib.comparing import lock, make_record, record_result
from course_lib.data.datasets import FOLDER
from course_lib.data.image_set import Dataset
from course_lib.data.streaming import StreamedFolder, stream_folder, too_big
from course_lib.distributed import Ranks
from course_lib.errors import CourseError
from course_lib.progress_bar import image_bar, reporter
from course_lib.runs import Run, read_runs, write_atomically
from course_lib.training import Stopped, Trainer, TrainingFailed
from course_lib.workers import Job, Result, explain, load_data

# What gloo and NCCL say when the process at the other end is gone.
LOST = ("Connection closed", "Connection reset", "Broken pipe", "remote process")

IMAGES = ("signs", "cifar100")  # the data sets that are no folder

Found = TypeVar("Found")


@dataclass(frozen=True)
class Order:
    """One training: the run, and how this machine is to do it.

    sync_bn: BatchNorm over the whole batch. stream: read images from the disk as they
    come; None decides by their size. loaders: decoder processes for each training
    process, where images are streamed. stop_after: end when so many epochs are done.
    some_images: the number of training images was asked for, not the profile's.
    """

    run: Run
    device: torch.device
    out: Path
    compiled: bool = False
    sync_bn: bool = False
    stream: bool | None = None
    loaders: int = 2
    stop_after: int | None = None
    some_images: bool = False


def train_one(order: Order, ranks: Ranks) -> str:
    """Train, save each epoch, record the result; returns what to tell about it.

    Writes into `order.out`: runs.csv, hits/, history/ and checkpoints/ as `compare`
    does, and `weights/ID.pt`, the state_dict of the trained network. A training that
    is recorded already is not done again.

    Raises CourseError in the first process and Unsaid in the others.
    """
    if order.device.type == "cpu":
        torch.set_num_threads(1)  # a step's recorded time is that of one thread
    with ExitStack() as stack:
        together(
            ranks,
            lambda: stack.enter_context(lock(order.out)) if ranks.first else None,
        )
        dataset, run = load(order, ranks)
        key = run.run_id(dataset.digest) + ("-sync" if order.sync_bn else "")
        done = together(ranks, lambda: recorded(order.out, key) if ranks.first else "")
        done = ranks.from_first(done)
        if done:
            return done
        job = Job(
            run,
            str(order.device),
            order.out / "checkpoints" / f"{key}.pt",
            order.compiled,
            deadline=None,
        )
        try:
            result = train(job, dataset, order, ranks)
        except Stopped as stop:
            return str(stop)
        except (MemoryError, RuntimeError) as error:
            raise one_line(error, job, ranks) from error
        return write(result, dataset, key, order.out, ranks) if ranks.first else ""


def together(ranks: Ranks, action: Callable[[], Found]) -> Found:
    """Do it in all processes; where one of them fails, all stop and one tells."""
    error, found = None, None
    try:
        found = action()
    except CourseError as problem:
        error = problem
    ranks.agree(error)
    return found


def load(order: Order, ranks: Ranks) -> tuple[Dataset | StreamedFolder, Run]:
    """The same images in all processes: all stream where one lacks the memory.

    Raises CourseError in the first process and Unsaid in the others.
    """
    lacking = together(ranks, lambda: streams(order))
    stream = bool(ranks.sum(torch.tensor(int(lacking))))
    dataset, run = together(
        ranks, lambda: prepare(replace(order, stream=stream), ranks)
    )
    digest = ranks.from_first(dataset.digest)
    together(ranks, lambda: check_same(dataset.digest, digest, order, ranks))
    return dataset, run


def streams(order: Order) -> bool:
    """Whether this process would read the images as they come."""
    run = order.run
    if order.stream is not None or run.data in IMAGES:
        return bool(order.stream)
    path = Path(run.data.removeprefix(FOLDER)).expanduser()
    return too_big(path, run.image_size, processes_here())


def check_same(own: str, first: str, order: Order, ranks: Ranks) -> None:
    """Raise CourseError where this process's images are not the first one's."""
    if own != first:
        raise CourseError(
            f"{order.run.data}, whose images in process {ranks.rank} (digest {own}) "
            f"are not those of process 0 ({first})",
            "the same images on every machine",
            "Copy the data set anew.",
        )


def prepare(order: Order, ranks: Ranks) -> tuple[Dataset | StreamedFolder, Run]:
    """The images, and the run with its final sizes; streamed only if the order says so.

    Raises CourseError for images that are not there and for what the processes cannot
    share.
    """
    run = order.run
    if run.batch < 2 * ranks.size:
        raise CourseError(
            f"--batch {run.batch} for {ranks.size} processes",
            "at least 2 images for each, since BatchNorm needs a spread",
            f"Try --batch {16 * ranks.size}; it counts the images of all processes.",
        )
    if order.sync_bn and order.device.type != "cuda":
        raise CourseError(
            f"--sync-bn on {order.device.type}",
            "CUDA: PyTorch has SyncBatchNorm for GPUs only",
            "Leave it out: each process then normalises its own images.",
        )
    path = Path(run.data.removeprefix(FOLDER)).expanduser()
    if order.stream and run.data in IMAGES:
        raise CourseError(
            f"--stream with {run.data}", "a folder of images", "Leave --stream out."
        )
    if not order.stream:
        return load_data(run), run
    check_streaming(order)
    every = replace(run, train_images=None, val_images=None, test_images=None)
    return stream_folder(path, run.image_size, order.loaders), every


def check_streaming(order: Order) -> None:
    """Raise CourseError for what streaming would leave out without a word."""
    if order.some_images:
        raise CourseError(
            f"--train-images {order.run.train_images} with a folder that is streamed",
            "all of its images",
            "Leave --train-images out, or add --in-memory.",
        )
    if order.run.recipe != "modern":
        raise CourseError(
            f"--recipe {order.run.recipe} with a folder that is streamed",
            "modern, since streaming has crops and flips of its own",
            "Leave --recipe out, or add --in-memory.",
        )


def processes_here() -> int:
    """Training processes on this machine; torchrun says how many."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", 1))


def train(
    job: Job, dataset: Dataset | StreamedFolder, order: Order, ranks: Ranks
) -> Result:
    """Train to the end, from the checkpoint if there is one; a bar in one process.

    Raises Stopped, with the epochs that are done, once they are `order.stop_after`
    or more; in all processes alike.
    """
    run, limit = job.run, order.stop_after
    images = run.images_to_train(len(dataset.train.labels))
    with ExitStack() as stack:
        options = {}
        if ranks.first:
            options["report"] = reporter(
                stack.enter_context(image_bar(images, run.label))
            )
        trainer = together(
            ranks,
            lambda: Trainer(
                run,
                dataset,
                order.device,
                should_stop=lambda: (
                    limit is not None and trainer.progress.epoch >= limit
                ),
                compiled=order.compiled,
                ranks=ranks,
                sync_bn=order.sync_bn,
                **options,
            ),
        )
        try:
            return Result(job, "done", trainer.train(job.checkpoint))
        except Stopped:
            done = trainer.progress.epoch
            raise Stopped(
                f"Stopped after {done} of {run.epochs} epochs, as asked."
            ) from None
        except TrainingFailed as failure:  # in all processes alike
            return Result(job, f"failed: {failure}")


def one_line(error: Exception, job: Job, ranks: Ranks) -> Exception:
    """Out of memory, a missing compiler or a lost process, in one line each."""
    text = str(error)
    if ranks.size > 1 and any(words in text for words in LOST):
        return CourseError(
            f"process {ranks.rank} lost another one ({text.splitlines()[0][-60:]})",
            f"all {ranks.size} processes to run to the end",
            "See what that one says; the same command goes on from the last epoch.",
        )
    return explain(error, job)


def recorded(out: Path, key: str) -> str:
    """What runs.csv says of this training; "" when it holds no such row.

    Raises CourseError for a training that failed.
    """
    table = out / "runs.csv"
    if not table.exists():
        return ""
    rows = read_runs([table])
    rows = rows[rows["run_id"] == key]
    if not len(rows):
        return ""
    row = rows.iloc[-1]
    if row.status != "done":
        raise CourseError(
            f"this training failed before: {row.status.removeprefix('failed: ')}",
            "one that was not tried yet",
            "Try a lower --lr, or another --out.",
        )
    return (
        f"This training is recorded already (done, test accuracy "
        f"{100 * row.test_accuracy:.2f} %) in {table}."
    )


def write(
    result: Result, dataset: Dataset | StreamedFolder, key: str, out: Path, ranks: Ranks
) -> str:
    """Record a training that ended; returns its line. Done by the first process.

    Raises CourseError after the record of a training that failed.
    """
    record = replace(make_record(result, dataset), run_id=key)
    if ranks.size > 1:
        record = replace(record, machine=f"{ranks.size} processes: {record.machine}")
    outcome = result.outcome
    if outcome is not None:
        weights = out / "weights" / f"{key}.pt"
        weights.parent.mkdir(exist_ok=True)
        content = io.BytesIO()
        torch.save(outcome.network.state_dict(), content)
        write_atomically(weights, content.getvalue())
    record_result(result, record, out)
    if outcome is None:
        raise CourseError(
            f"training {result.status}", "finite numbers", "Try a lower --lr."
        )
    right, count = int(outcome.hits.sum()), len(outcome.hits)
    return (
        f"{right:,} of {count:,} test images right after the last epoch "
        f"({100 * right / count:.2f} %).\nWeights: {weights}"
    )


if __name__ == "__main__":
    from course_lib.cli import main

    main(["train", *sys.argv[1:]])
