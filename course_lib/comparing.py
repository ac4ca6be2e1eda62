"""Which runs are wanted, which are done, and doing the rest."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import torch
from filelock import FileLock, Timeout

from course_lib.cost import code_version, describe_device, usable_cores
from course_lib.data.image_set import Dataset
from course_lib.errors import CourseError
from course_lib.planning import choose_device
from course_lib.progress_bar import image_bar, reporter
from course_lib.recipes import RECIPES
from course_lib.runs import (
    COLUMNS,
    FORMAT,
    Record,
    Run,
    append_record,
    disk_error,
    read_runs,
    write_atomically,
)
from course_lib.workers import Job, Result, load_data, run_jobs

MOST_WORKERS = 60  # Windows cannot wait for more processes at once


def compare(
    runs: Sequence[Run],
    out: Path,
    device: str = "auto",
    budget_seconds: float | None = None,
    workers: int | None = None,
    compiled: bool = False,
) -> pd.DataFrame:
    """Train the runs that `out / "runs.csv"` does not hold yet; return their rows.

    Each finished run is one new row of runs.csv. Stop it at any moment, by Ctrl-C or
    worse, and call it again: at most the epoch in progress is lost, and on a CPU the
    numbers are those of an uninterrupted run, bit for bit. Beside runs.csv lie `hits/`
    (right or wrong for each test image) and `history/` (loss and accuracy of each
    epoch). The table is empty when the budget ended before the first run did.

    budget_seconds: stop after this time; unfinished runs go on at the next call.
    workers: training processes on a CPU, one for each core if None. A GPU trains the
    runs one by one in this process.

    Raises CourseError for bad input, a full disk, too little memory.
    """
    chosen = choose_device(device)
    if budget_seconds is not None and budget_seconds <= 0:
        raise CourseError(
            f"--budget of {budget_seconds:g} seconds",
            "more than 0",
            "Try --budget 20m.",
        )
    dataset = load_data(runs[0])
    ids = [run.run_id(dataset.digest) for run in runs]
    with lock(out):
        table = out / "runs.csv"
        known = set(read_runs([table])["run_id"]) if table.exists() else set()
        deadline = None if budget_seconds is None else time.time() + budget_seconds
        jobs = [
            Job(run, str(chosen), out / "checkpoints" / f"{id_}.pt", compiled, deadline)
            for run, id_ in zip(runs, ids, strict=True)
            if id_ not in known
        ]
        if jobs:
            count = how_many_workers(workers, len(jobs), chosen)
            _train(jobs, dataset, out, count)
        if not table.exists():
            return pd.DataFrame(columns=COLUMNS)
        done = read_runs([table])
    return done[done["run_id"].isin(ids)].reset_index(drop=True)


def how_many_workers(asked: int | None, jobs: int, device: torch.device) -> int:
    """Processes to use: 0 (this process) on a GPU, else one a core unless asked.

    Each process takes up to 1 GB of memory, so with little memory there are fewer.
    """
    if device.type != "cpu":
        return 0
    if asked is not None and asked < 1:
        raise CourseError(f"--workers {asked}", "at least 1", "Leave it out.")
    fitting = max(1, psutil.virtual_memory().available // 10**9)
    usual = min(usable_cores(), fitting)
    return min(asked or usual, jobs, MOST_WORKERS)


@contextmanager
def lock(out: Path) -> Iterator[None]:
    """Make the folder, and keep a second comparison from writing into it."""
    keeper = FileLock(out / ".lock", timeout=0)
    try:
        for folder in (out, out / "checkpoints", out / "hits", out / "history"):
            folder.mkdir(parents=True, exist_ok=True)
        keeper.acquire()
    except Timeout as error:
        raise CourseError(
            f"another comparison is writing into {out}",
            "one at a time",
            "Wait for it, or choose another folder with --out.",
        ) from error
    except (OSError, ValueError) as error:
        raise disk_error(out, error) from error
    try:
        yield
    finally:
        keeper.release()


def _train(jobs: list[Job], dataset: Dataset, out: Path, workers: int) -> None:
    """Train the jobs with a progress bar; record each one as it finishes."""
    left = len(jobs)
    images = len(dataset.train.labels)
    total = sum(job.run.images_to_train(images) for job in jobs)
    with image_bar(total, f"{left} runs to go") as bar:
        for result in run_jobs(jobs, workers, reporter(bar)):
            if result.status == "stopped":
                continue
            record_result(result, make_record(result, dataset), out)
            left -= 1
            bar.set_description(f"{left} runs to go")
            bar.set_postfix_str(f"last: {result.job.run.label}")


def record_result(result: Result, record: Record, out: Path) -> None:
    """Write hits, history and the row of a finished run, then drop its checkpoint."""
    if result.outcome is not None:
        packed = np.packbits(result.outcome.hits.numpy())
        write_atomically(out / "hits" / f"{record.run_id}.bin", packed.tobytes())
        history = json.dumps(result.outcome.progress.history, indent=1)
        path = out / "history" / f"{record.run_id}.json"
        write_atomically(path, history.encode("utf-8"))
    append_record(out / "runs.csv", record)
    result.job.checkpoint.unlink(missing_ok=True)


def make_record(result: Result, dataset: Dataset) -> Record:
    """The row of runs.csv for a finished or failed run."""
    run, outcome = result.job.run, result.outcome
    nan = float("nan")
    last = outcome.progress.history[-1] if outcome else {}
    steps = outcome.progress.step_seconds if outcome else [nan]
    return Record(
        format=FORMAT,
        run_id=run.run_id(dataset.digest),
        data=dataset.name,
        data_digest=dataset.digest,
        image_size=run.image_size,
        train_images=len(dataset.train.labels),
        test_images=len(dataset.test.labels),
        classes=len(dataset.classes),
        model=run.model,
        placement=run.placement,
        stages=run.stages,
        reduction=run.reduction,
        stem=run.stem,
        width=run.width,
        preact=RECIPES[run.recipe].preact,
        recipe=run.recipe,
        epochs=run.epochs,
        batch=run.batch,
        lr=run.lr,
        precision=run.precision,
        compiled=result.job.compiled,
        seed=run.seed,
        status=result.status,
        train_loss=last.get("train_loss", nan),
        val_accuracy=last.get("val_accuracy", nan),
        test_accuracy=outcome.test_accuracy if outcome else nan,
        test_accuracy_last=outcome.hits.float().mean().item() if outcome else nan,
        parameters=outcome.parameters if outcome else 0,
        macs=outcome.macs if outcome else 0,
        step_ms=1000 * float(np.median(steps)),
        seconds=outcome.progress.seconds if outcome else nan,
        device=result.job.device,
        machine=describe_device(torch.device(result.job.device)),
        torch=torch.__version__,
        code=code_version(),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def announce(runs: Sequence[Run], profile: str, device: str, out: Path) -> str:
    """What is about to happen, in two lines."""
    one = runs[0]
    variants = dict.fromkeys(f"{run.model} @ {run.placement}" for run in runs)
    seeds = len({run.seed for run in runs})
    return (
        f"{len(variants)} networks x {seeds} seeds on {one.data} "
        f"({one.image_size} px, {one.epochs} epochs, recipe {one.recipe}, "
        f"profile {profile}, {device}): {', '.join(variants)}.\n"
        f"Runs are recorded in {out}; Ctrl-C stops, the same command goes on."
    )
