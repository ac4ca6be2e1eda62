"""A run and its record: what was asked for, what came out, and the file of all runs."""

import csv
import hashlib
import io
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd

from course_lib.errors import CourseError
from course_lib.recipes import RECIPES

FORMAT = 1


@dataclass(frozen=True)
class Run:
    """One training to do. Two equal runs on one machine give the same result.

    data: name of the data set. train_images and so on: None means all of the split.
    stages: those with attention, as in "1234". lr: the peak learning rate.
    seed: starts weights and data order.
    """

    data: str
    image_size: int
    train_images: int | None
    val_images: int | None
    test_images: int | None
    model: str
    placement: str
    stages: str
    reduction: int
    stem: str
    width: int
    recipe: str
    epochs: int
    batch: int
    lr: float
    precision: str
    seed: int

    @property
    def label(self) -> str:
        """For people: "se @ pre, seed 2"."""
        return f"{self.model} @ {self.placement}, seed {self.seed}"

    def images_to_train(self, images: int) -> int:
        """Images seen in the whole training; the last partial batch is dropped."""
        return self.epochs * (images // self.batch * self.batch)

    def run_id(self, data_digest: str) -> str:
        """12 hex digits that change when the run, its recipe or its data do.

        The data set counts by its digest, so that a folder may move.
        """
        recipe = asdict(RECIPES[self.recipe]) | {"faults": ""}  # words change no run
        asked = asdict(self) | {"recipe": recipe, "data": ""}
        text = json.dumps([FORMAT, data_digest, asked], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Record:
    """One row of runs.csv.

    Accuracies lie in 0..1. test_accuracy is the epoch that the recipe selects,
    test_accuracy_last that of the last epoch. step_ms is the median over the epochs of
    training milliseconds per step, on a CPU in processor time of its one thread;
    seconds is the whole run by the clock, evaluation included.
    """

    format: int
    run_id: str
    data: str
    data_digest: str
    image_size: int
    train_images: int
    test_images: int
    classes: int
    model: str
    placement: str
    stages: str
    reduction: int
    stem: str
    width: int
    preact: bool
    recipe: str
    epochs: int
    batch: int
    lr: float
    precision: str
    compiled: bool
    seed: int
    status: str
    train_loss: float
    val_accuracy: float
    test_accuracy: float
    test_accuracy_last: float
    parameters: int
    macs: int
    step_ms: float
    seconds: float
    device: str
    machine: str
    torch: str
    code: str
    finished: str


COLUMNS = [field.name for field in fields(Record)]
NUMBERS = {
    field.name: field.type for field in fields(Record) if field.type in (int, float)
}


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file whole or not at all, whatever happens in between.

    Raises CourseError when the disk is full or the place cannot be written.
    """
    beside = path.with_name(path.name + ".part")
    try:
        with open(beside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise disk_error(path, error) from error


def disk_error(path: Path, error: Exception) -> CourseError:
    """The one-line form of a write that failed."""
    return CourseError(
        f"cannot write {path} ({getattr(error, 'strerror', None) or error})",
        "a folder that can be written, with free space",
        "Free some space, or choose another folder with --out; then run it again.",
    )


def append_record(path: Path, record: Record) -> None:
    """Add one row to runs.csv; the file is replaced whole, so it is never cut short."""
    line = io.StringIO()
    writer = csv.DictWriter(line, COLUMNS, lineterminator="\n")
    if not path.exists():
        writer.writeheader()
    writer.writerow(asdict(record))
    before = path.read_bytes() if path.exists() else b""
    write_atomically(path, before + line.getvalue().encode("utf-8"))


def read_runs(paths: Iterable[Path]) -> pd.DataFrame:
    """All rows of one or more runs.csv; a run that two files hold counts once.

    Raises CourseError when a file is missing, cut off, from another version, or not a
    table of runs. Nothing is changed.
    """
    frames = [_read_one(Path(path)) for path in paths]
    runs = pd.concat(frames, ignore_index=True)
    return runs.drop_duplicates(["run_id", "status"], ignore_index=True)


def read_hits(folder: Path, run_id: str, test_images: int) -> np.ndarray:
    """Which test images a finished run got right: bool (test_images,).

    folder: that of its runs.csv; run_id and test_images: from its row.
    Raises CourseError when the file is missing or too short.
    """
    path = Path(folder) / "hits" / f"{run_id}.bin"
    packed = path.read_bytes() if path.exists() else b""
    if 8 * len(packed) < test_images:
        raise CourseError(
            f"{path} holds {8 * len(packed)} images",
            f"the hits of {test_images} images, written by course compare",
            "Keep the folder hits/ beside runs.csv.",
        )
    bits = np.unpackbits(np.frombuffer(packed, np.uint8))
    return bits[:test_images].astype(bool)


def _read_one(path: Path) -> pd.DataFrame:
    try:
        text = path.read_text(encoding="utf-8-sig")  # as spreadsheets save it
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(
            f"cannot read {path} ({getattr(error, 'strerror', None) or 'not text'})",
            "a runs.csv written by course compare",
            "Check the path.",
        ) from error
    try:
        rows = list(csv.reader(io.StringIO(text)))
    except csv.Error as error:
        raise CourseError(
            f"{path} is no table ({error})",
            "a runs.csv written by course compare",
            "Check the path.",
        ) from error
    _check_header(path, rows)
    for number, row in enumerate(rows[1:], start=2):
        last_is_cut = number == len(rows) and not text.endswith("\n")
        if len(row) != len(COLUMNS) or last_is_cut:
            raise CourseError(
                f"{path} line {number} is cut off or damaged",
                f"{len(COLUMNS)} columns in each line",
                f"Delete line {number} and run the same command again, or use "
                "another folder with --out.",
            )
    table = pd.DataFrame(rows[1:], columns=COLUMNS)
    return _typed(path, table)


def _check_header(path: Path, rows: list[list[str]]) -> None:
    if not rows or "run_id" not in rows[0]:
        found = "is empty" if not rows else "has no column run_id"
        raise CourseError(
            f"{path} {found}", "a runs.csv written by course compare", "Check the path."
        )
    version = rows[1][0] if len(rows) > 1 and rows[1] else str(FORMAT)
    if rows[0] != COLUMNS or version != str(FORMAT):
        raise CourseError(
            f"{path} was written by another version of the course",
            f"format {FORMAT} with {len(COLUMNS)} columns",
            "Use the version that wrote it, or another folder with --out.",
        )


def _typed(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    for column, number in NUMBERS.items():
        try:
            table[column] = [number(text) for text in table[column]]
        except ValueError as error:
            raise CourseError(
                f"{path}, column {column}: {error}",
                "a number in every line",
                "Delete the damaged line and run the same command again.",
            ) from error
    for column in ("preact", "compiled"):
        table[column] = table[column] == "True"
    return table
