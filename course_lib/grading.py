"""Grades handed-in notebooks: each student's answers in a process of their own.

What a notebook prints, holds as outputs or says about itself counts nothing: the
answers are taken out of it (`handed_in`) and checked again (`grading_child`, which also
says what a hostile answer can still do). This process only reads the handed-in files,
waits, kills what takes too long, and keeps the table.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.exercises.catalogue import EXERCISES
from course_lib.grading_process import Child, Ended, TooLate, course_digest
from course_lib.handed_in import Answer, exercises_in, find_answers
from course_lib.notebook_files import parse_notebook

OUTCOMES = ("solved", "not solved", "missing", "wrong", "timeout", "crashed")
OUTCOMES += ("tampered", "no exercise", "not a notebook")
LARGEST_FILE = 50_000_000  # bytes
CHECK_SECONDS = 10.0  # the engine's own limit, where --seconds leaves room for it


@dataclass(frozen=True)
class Limits:
    """seconds: for each exercise; gigabytes: memory that a student's process may add.

    Raises CourseError for a limit that no check can meet.
    """

    seconds: float = 30.0
    gigabytes: float = 4.0

    def __post_init__(self) -> None:
        if not 1 <= self.seconds <= 3600:
            raise CourseError(
                f"--seconds {self.seconds:g}", "1 to 3600", "Try --seconds 30."
            )
        if not 0.5 <= self.gigabytes <= 1024:
            raise CourseError(
                f"--memory {self.gigabytes:g}", "0.5 to 1024 GB", "Try --memory 4."
            )


@dataclass(frozen=True)
class Grade:
    """One row of the table.

    file: path inside the folder; outcome: one of OUTCOMES; property: the first that
    failed; seconds: of the check, by the clock; detail, remark: for the note only.
    """

    file: str
    exercise: str
    outcome: str
    property: str = ""
    seconds: float = 0.0
    detail: str = ""
    remark: str = ""


def grade_folder(
    folder: Path,
    limits: Limits | None = None,
    workers: int = 2,
    tell: Callable[[str], None] = lambda line: None,
) -> list[Grade]:
    """Grade every file in a folder and its subfolders; rows in the order of the files.

    tell: is given one line for each finished file. Nothing is written into the folder.

    Raises CourseError for a folder without files, and when the course's own files
    changed meanwhile: then no row can be believed.
    """
    if workers < 1:
        raise CourseError(f"--workers {workers}", "at least 1", "Try --workers 2.")
    contents = read_folder(folder)  # all of it, before any answer runs
    before, limits = course_digest(), limits or Limits()

    def one(file: str) -> list[Grade]:
        grades = grade_file(file, contents[file], limits)
        if course_digest() != before:
            raise CourseError(
                f"the course's own files changed while {file} was graded",
                "files that stay as they are",
                "Restore them with git, and grade in a container.",
            )
        return grades

    rows: list[Grade] = []
    pool = ThreadPoolExecutor(workers)
    try:
        for number, grades in enumerate(pool.map(one, contents), 1):
            solved = sum(grade.outcome == "solved" for grade in grades)
            seconds = sum(grade.seconds for grade in grades)
            counts = f"{solved} of {len(grades)} solved, {seconds:.0f} s of checks"
            tell(f"[{number}/{len(contents)}] {grades[0].file}: {counts}")
            rows += grades
    finally:
        pool.shutdown(cancel_futures=True)
    return rows


def read_folder(folder: Path) -> dict[str, bytes]:
    """Name inside the folder -> content, of every file that is not hidden."""
    if not folder.is_dir():
        raise CourseError(
            f"{folder}", "a folder of handed-in notebooks", "Check the name."
        )
    found = {}
    for path in sorted(visible_files(folder)):
        name = path.relative_to(folder).as_posix()
        try:
            small = path.stat().st_size <= LARGEST_FILE
            found[name] = path.read_bytes() if small else b""
        except OSError:
            found[name] = b""
    if not found:
        raise CourseError(f"{folder}", "at least one file", "Check the name.")
    return found


def visible_files(folder: Path) -> Iterator[Path]:
    """Files below a folder; hidden ones and links are passed over."""
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "__"))]
        for name in files:
            path = Path(place, name)
            if not name.startswith(".") and path.is_file() and not path.is_symlink():
                yield path


def grade_file(file: str, content: bytes, limits: Limits) -> list[Grade]:
    """The rows of one handed-in file."""
    try:
        notebook = parse_notebook(content.decode("utf-8"))
    except ValueError as error:
        reason = "it is no text" if isinstance(error, UnicodeDecodeError) else error
        return [Grade(file, "", "not a notebook", detail=str(reason))]
    held = exercises_in(notebook, EXERCISES)
    numbers = {EXERCISES[name].notebook for name in held}
    expected = [name for name, e in EXERCISES.items() if e.notebook in numbers]
    if not expected:
        return [Grade(file, "", "no exercise", detail="no cell has one of the names")]
    answers = find_answers(notebook, expected, EXERCISES)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        return grade_answers(file, answers, limits, Path(scratch))


def grade_answers(
    file: str, answers: Sequence[Answer], limits: Limits, scratch: Path
) -> list[Grade]:
    """Check answers in one process, and in a new one after each that ended it."""
    found = {a.exercise: Grade(file, a.exercise, "missing") for a in answers}
    todo = [answer for answer in answers if answer.source]
    solved: list[Answer] = []
    second_tries = 2  # after another student's answer ended the server of all
    while todo:
        request = {
            "check_seconds": min(CHECK_SECONDS, limits.seconds / 3),
            "memory_bytes": limits.gigabytes * 1e9,
            "jobs": [asdict(answer) for answer in todo],
            "solved": [asdict(answer) for answer in solved],
        }
        with Child(request, scratch) as child:
            for grade in child_grades(file, todo, child, limits.seconds):
                if child.server_gone and second_tries:
                    second_tries -= 1
                    break
                answer = todo.pop(0)
                found[answer.exercise] = grade
                if grade.outcome == "solved":
                    solved.append(answer)
    return list(found.values())


def child_grades(
    file: str, answers: Sequence[Answer], child: Child, seconds: float
) -> Iterator[Grade]:
    """Grades of the answers that one child is given, until it is dead.

    An answer that the child does not begin is left to the next child: something that
    an earlier answer left running ended this one. The first one is always graded.
    """
    for number, answer in enumerate(list(answers)):
        started, begun = time.monotonic(), False
        try:
            child.wait_for("begin", answer.exercise, seconds)
            started, begun = time.monotonic(), True
            verdict = child.wait_for("verdict", answer.exercise, seconds)
            outcome, prop = verdict["outcome"], verdict["property"]
            detail = verdict["detail"]
        except TooLate:
            outcome, prop = "timeout", "runs"
            detail = f"stopped after {seconds:g} seconds"
        except Ended as ended:
            outcome, prop, detail = "crashed", "runs", str(ended)
        if number and not begun and not child.forged:
            return
        if child.forged:
            outcome, prop, detail = "tampered", "", "it wrote to the private channel"
        remark = "It imports solutions of the course." if answer.borrowed else ""
        took = time.monotonic() - started
        yield Grade(file, answer.exercise, outcome, prop, took, detail, remark)
        if child.dead:
            return
