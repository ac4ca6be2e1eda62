"""`course train`: one network, alone or in several processes started by torchrun.

torchrun --nproc-per-node 2 -m course_lib.train --data signs
"""

import io
import sys
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from course_lib.comparing import lock, make_record, record_result
from course_lib.data.image_set import Dataset
from course_lib.data.streaming import StreamedFolder
from course_lib.distributed import Ranks
from course_lib.errors import CourseError
from course_lib.progress_bar import ignore, image_bar, reporter
from course_lib.runs import disk_error, read_runs, write_atomically
from course_lib.shared_images import Order, load
from course_lib.training import Stopped, Trainer, TrainingFailed
from course_lib.workers import Job, Result, explain

# What gloo and NCCL say when the process at the other end is gone.
LOST = ("Connection closed", "Connection reset", "Broken pipe", "remote process")


def train_one(order: Order, ranks: Ranks) -> str:
    """Train, save each epoch, record the result; returns what to tell about it.

    Writes into `order.out`: runs.csv, hits/, history/ and checkpoints/ as `compare`
    does, and `weights/ID.pt`, the state_dict of the trained network. A training that
    is recorded already is not done again.

    Raises CourseError in the first process and Unsaid in the others for a problem
    before or after the training, wherever it is. In the middle of it, a process that
    runs out of memory or loses another one raises its own CourseError.
    """
    if order.device.type == "cpu":
        torch.set_num_threads(1)  # a step's recorded time is that of one thread
    with ExitStack() as stack:
        ranks.together(
            lambda: stack.enter_context(lock(order.out)) if ranks.first else None
        )
        dataset, run = load(order, ranks)
        key = run.run_id(dataset.digest) + ("-sync" if order.sync_bn else "")
        done = ranks.together(lambda: recorded(order.out, key) if ranks.first else "")
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
            raise explain_here(error, job, ranks) from error
        return ranks.together(
            lambda: write(result, dataset, key, order.out, ranks) if ranks.first else ""
        )


def train(
    job: Job, dataset: Dataset | StreamedFolder, order: Order, ranks: Ranks
) -> Result:
    """Train to the end, from the checkpoint if there is one; a bar in one process.

    Raises Stopped, with the epochs that are done, once they are `order.stop_after`
    or more; in all processes alike.
    """
    run, limit = job.run, order.stop_after
    images = run.images_to_train(len(dataset.train.labels))
    with image_bar(images, run.label) if ranks.first else nullcontext() as bar:
        trainer = ranks.together(
            lambda: Trainer(
                run,
                dataset,
                order.device,
                report=reporter(bar) if ranks.first else ignore,
                should_stop=lambda: (
                    limit is not None and trainer.progress.epoch >= limit
                ),
                compiled=order.compiled,
                ranks=ranks,
                sync_bn=order.sync_bn,
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


def explain_here(error: Exception, job: Job, ranks: Ranks) -> Exception:
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
        f"This training is recorded already (done, "
        f"{100 * row.test_accuracy_last:.2f} % of {row.test_images:,} test images "
        f"right after the last epoch) in {table}."
    )


def write(
    result: Result, dataset: Dataset | StreamedFolder, key: str, out: Path, ranks: Ranks
) -> str:
    """Record a training that ended; returns its line. Done by the first process.

    Raises CourseError after the record of a training that failed, and for a disk that
    is full.
    """
    record = replace(make_record(result, dataset), run_id=key)
    if ranks.size > 1:
        record = replace(record, machine=f"{ranks.size} processes: {record.machine}")
    outcome = result.outcome
    if outcome is not None:
        weights = out / "weights" / f"{key}.pt"
        save_weights(outcome.network, weights)
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


def save_weights(network: nn.Module, path: Path) -> None:
    """Write a network's state_dict. Raises CourseError when that is impossible."""
    content = io.BytesIO()
    torch.save(network.state_dict(), content)
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise disk_error(path, error) from error
    write_atomically(path, content.getvalue())


if __name__ == "__main__":
    from course_lib.cli import main

    main(["train", *sys.argv[1:]])
