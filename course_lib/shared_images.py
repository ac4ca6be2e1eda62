"""The images of a training in several processes: the same ones in each of them.

Each process would hold a copy; where memory is short for that, all read them from the
disk as they come.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from course_lib.data.datasets import NAMES, folder_of
from course_lib.data.image_set import Dataset
from course_lib.data.streaming import StreamedFolder, stream_folder, too_big
from course_lib.distributed import Ranks
from course_lib.errors import CourseError
from course_lib.runs import Run
from course_lib.troubles import is_out_of_memory
from course_lib.workers import load_data


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


def load(order: Order, ranks: Ranks) -> tuple[Dataset | StreamedFolder, Run]:
    """The same images in all processes: all stream where one lacks the memory.

    Raises CourseError in the first process and Unsaid in the others.
    """
    lacking = ranks.together(lambda: streams(order))
    stream = bool(ranks.sum(torch.tensor(int(lacking))))
    dataset, run = ranks.together(lambda: prepare(replace(order, stream=stream), ranks))
    digest = ranks.from_first(dataset.digest)
    ranks.together(lambda: check_same(dataset.digest, digest, order, ranks))
    return dataset, run


def streams(order: Order) -> bool:
    """Whether this process would read the images as they come."""
    run = order.run
    if order.stream is not None or run.data in NAMES:
        return bool(order.stream)
    return too_big(folder_of(run.data), run.image_size, processes_here())


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

    Raises CourseError for images that are not there, for too little memory and for what
    the processes cannot share.
    """
    check_shared(order, ranks)
    try:
        return read_images(order)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise no_memory(order) from error


def read_images(order: Order) -> tuple[Dataset | StreamedFolder, Run]:
    """What `prepare` returns, once the order is known to make sense."""
    run = order.run
    if not order.stream:
        return load_data(run), run
    every = replace(run, train_images=None, val_images=None, test_images=None)
    return stream_folder(folder_of(run.data), run.image_size, order.loaders), every


def no_memory(order: Order) -> CourseError:
    """What to tell where the images do not fit."""
    run, processes = order.run, processes_here()
    more = "Try fewer processes, or end other programs."
    if not order.stream and run.data not in NAMES:
        more = "Add --stream: images are then read as they come."
    return CourseError(
        f"out of memory with the images of {run.data} ({run.image_size} pixels, "
        f"training processes here: {processes})",
        "images that fit",
        more,
    )


def check_shared(order: Order, ranks: Ranks) -> None:
    """Raise CourseError for what the processes cannot share."""
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
    if order.stream:
        check_streaming(order)


def check_streaming(order: Order) -> None:
    """Raise CourseError for what streaming cannot do, or would leave out unsaid."""
    if order.run.data in NAMES:
        raise CourseError(
            f"--stream with {order.run.data}",
            "a folder of images",
            "Leave --stream out.",
        )
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
