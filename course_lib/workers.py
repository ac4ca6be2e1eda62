"""Runs training jobs: side by side as processes on a CPU, one by one on a GPU.

On a CPU every job has one thread: two processes of one thread train twice as much as
one, while one process of two threads gains little and loses on a busy machine.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from queue import Empty

import torch

from course_lib.data.datasets import Limits, load_dataset
from course_lib.data.image_set import Dataset
from course_lib.errors import CourseError
from course_lib.own_modules import register_again
from course_lib.runs import Run
from course_lib.training import Outcome, Stopped, Trainer, TrainingFailed
from course_lib.troubles import first_line, is_failed_compile, is_out_of_memory


@dataclass(frozen=True)
class Job:
    """One run to train, and what it needs to know of the machine.

    deadline: time.time() after which the job stops at the next step; None for never.
    """

    run: Run
    device: str
    checkpoint: Path
    compiled: bool
    deadline: float | None


@dataclass(frozen=True)
class Result:
    """What came of a job. status: "done", "failed: <cause>" or "stopped"."""

    job: Job
    status: str
    outcome: Outcome | None = None


@lru_cache(maxsize=1)
def data_of(
    data: str, image_size: int, train: int | None, val: int | None, test: int | None
) -> Dataset:
    """The data set of a run, kept between the runs of one process."""
    return load_dataset(data, image_size, Limits(train, val, test))


def load_data(run: Run) -> Dataset:
    """The data set of a run. Raises CourseError when it is not there."""
    return data_of(
        run.data, run.image_size, run.train_images, run.val_images, run.test_images
    )


def train_job(
    job: Job, report: Callable[..., None], should_stop: Callable[[], bool]
) -> Result:
    """Train one run; a loss of NaN is a result, not an error."""

    def stop_now() -> bool:
        late = job.deadline is not None and time.time() > job.deadline
        return late or should_stop()

    if stop_now():
        return Result(job, "stopped")
    device = torch.device(job.device)
    try:
        dataset = load_data(job.run)
        trainer = Trainer(job.run, dataset, device, report, stop_now, job.compiled)
        outcome = trainer.train(job.checkpoint)
    except Stopped:
        return Result(job, "stopped")
    except TrainingFailed as failure:
        return Result(job, f"failed: {failure}")
    except (MemoryError, RuntimeError) as error:
        raise explain(error, job) from error
    return Result(job, "done", outcome.without_network())


def explain(error: Exception, job: Job) -> Exception:
    """The one-line form of running out of memory or of a compiler that is missing."""
    run = job.run
    if is_out_of_memory(error):
        return CourseError(
            f"out of memory on {job.device} with batches of {run.batch} images of "
            f"{run.image_size} pixels",
            "a batch that fits",
            f"Try --batch {max(2, run.batch // 2)}; finished runs are kept.",
        )
    if job.compiled and is_failed_compile(error):
        return CourseError(
            f"torch.compile failed ({first_line(error)})",
            "a C compiler and Triton",
            "Add --eager to train without compiling.",
        )
    return error


def run_jobs(
    jobs: Sequence[Job], workers: int, report: Callable[..., None]
) -> Iterator[Result]:
    """Train all jobs, and hand back each result as it comes.

    workers: processes side by side; 0 trains in this process, as on a GPU.
    report: called with numbers of images, for the progress bar; see Trainer.
    Jobs start in the order given. Leaving the loop early (an interrupt, an error)
    stops the others at their next step.
    """
    if workers == 0:
        for job in jobs:
            yield train_job(job, report, lambda: False)
        return
    context = multiprocessing.get_context("spawn")
    stop, reports = context.Event(), context.Queue()
    pool = ProcessPoolExecutor(
        workers, context, initializer=start_worker, initargs=(stop, reports)
    )
    try:
        with ctrl_c_waits():  # inherited: no worker is torn while it imports
            pending = {pool.submit(work, job) for job in jobs}
        while pending:
            done, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
            _drain(reports, report)
            yield from _results(done)
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _drain(reports: multiprocessing.Queue, report: Callable[..., None]) -> None:
    """Hand on what the workers reported since the last look."""
    while True:
        try:
            report(*reports.get_nowait())
        except Empty:
            return


def _results(done: set[Future]) -> Iterator[Result]:
    for future in done:
        try:
            yield future.result()
        except BrokenProcessPool as error:
            raise CourseError(
                "a training process was ended from outside",
                "processes that may run to their end",
                "If memory was short, add --workers 1 or halve --batch; then go on.",
            ) from error


# Set once in each worker process.
_stop: threading.Event
_reports: multiprocessing.Queue


@contextmanager
def ctrl_c_waits() -> Iterator[None]:
    """Ctrl-C waits for the end of this block; processes started in it never get it.

    Windows cannot keep it from those: a worker that still imports shows a traceback.
    """
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN  # as after `nohup`
    if ignored or threading.current_thread() is not threading.main_thread():
        yield  # Ctrl-C reaches the main thread only
        return
    pressed = []
    before = signal.signal(signal.SIGINT, lambda *_: pressed.append(True))
    try:
        with without_sigint():
            yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt


@contextmanager
def without_sigint() -> Iterator[None]:
    """This thread and the processes that it starts do not get the signal of Ctrl-C."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def start_worker(stop: threading.Event, reports: multiprocessing.Queue) -> None:
    """First thing in a worker: one thread, no Ctrl-C, no life without its parent."""
    global _stop, _reports
    _stop, _reports = stop, reports
    reports.cancel_join_thread()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    register_again()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """When the parent is gone, even by SIGKILL, the worker ends as well."""
    multiprocessing.parent_process().join()
    os._exit(1)


def work(job: Job) -> Result:
    """One job in a worker process."""

    def report(images: int, trained: bool = True) -> None:
        _reports.put((images, trained))

    return train_job(job, report, _stop.is_set)
