"""What the GPU queue brings home: one small archive a folder, packed there, taken here.

Packed by gpu_queue.py's `run`, taken by its `take`. A run that data/results knows stays
as it is recorded there; measurements of `course bench` are replaced by newer ones.
"""

import platform
import shutil
import tarfile
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.runs import COLUMNS, read_runs, write_atomically

KEPT = ("*.csv", "*.json", "hits", "history")
DRY = "dry-"  # how the archives of a dry run begin


@dataclass(frozen=True)
class Taken:
    """One archive that was taken. kept: runs that were known here with other results,
    whose row, hits and history stay."""

    folder: str
    kept: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.kept:
            return f"{self.folder}: taken"
        return (
            f"{self.folder}: taken, except {', '.join(self.kept)}, recorded here "
            "already with other results, which stay"
        )


def pack(folder: Path, out: Path, dry: bool) -> Path | None:
    """Put what is worth keeping into OUT/FOLDER.tar.gz, in miniature dry-FOLDER."""
    if not folder.exists():
        return None
    out.mkdir(parents=True, exist_ok=True)
    name_there = f"{DRY if dry else ''}{folder.name}"
    path = out / f"{name_there}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for kind in KEPT:
            for found in sorted(folder.glob(kind)):
                archive.add(found, f"{name_there}/{found.name}")
    return path


def take(out: Path, results: Path) -> list[Taken]:
    """Unpack archives into `results`; known runs stay, new ones are added."""
    archives = sorted(out.glob("*.tar.gz"))
    if not archives:
        raise CourseError(
            f"no archive in {out}", "files NAME.tar.gz", "Check the path."
        )
    for path in archives:
        if path.name.startswith(DRY):
            raise CourseError(
                f"{path} is from a dry run",
                "archives of real runs alone",
                f"Delete the files {DRY}*.tar.gz there.",
            )
    return [take_one(path, results) for path in archives]


def take_one(path: Path, results: Path) -> Taken:
    """Add one archive to `results`; nothing changes there unless it fits."""
    name = path.name.removesuffix(".tar.gz")
    kept = []
    with tempfile.TemporaryDirectory() as scratch:
        unpack(path, Path(scratch))
        new, folder = Path(scratch) / name, results / name
        if not new.is_dir():
            raise CourseError(
                f"no {name}/ in {path}", "an archive under its own name", "Rename it."
            )
        if (new / "runs.csv").exists():
            merged, known = merge_runs(folder / "runs.csv", new / "runs.csv")
            kept = [key for key, same in known.items() if leave(new, folder, key, same)]
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(folder / "runs.csv", merged)
            (new / "runs.csv").unlink()
        shutil.copytree(new, folder, dirs_exist_ok=True)
    return Taken(name, tuple(kept))


def unpack(path: Path, folder: Path) -> None:
    """Extract an archive. Raises CourseError when it is cut off or none.

    Python 3.11.0 to 3.11.3 cannot keep an archive inside its folder, so they are told.
    """
    if not hasattr(tarfile, "data_filter"):
        raise CourseError(
            f"Python {platform.python_version()}, whose tarfile has no filters",
            "3.11.4 or newer to unpack archives",
            "Run this one command with a newer Python.",
        )
    try:
        with tarfile.open(path) as archive:
            archive.extractall(folder, filter="data")
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise CourseError(
            f"cannot unpack {path} ({error})",
            "an archive as `run` wrote it",
            "Copy it once more.",
        ) from error


def merge_runs(known: Path, new: Path) -> tuple[bytes, dict[str, bool]]:
    """The rows of `known`, if there is such a file, then those of runs that it lacks.

    Also returned: the runs that both have, by run_id, and whether their rows are equal.
    Raises CourseError when one of the two is damaged or they do not fit together.
    """
    read_runs([new])
    header, *found = new.read_bytes().splitlines()
    lines = []
    if known.exists():
        read_runs([known])
        first, *lines = known.read_bytes().splitlines()
        if first != header:
            raise CourseError(
                f"{known} and the archive have other columns",
                "runs of the same version of the course",
                "Keep them in two folders.",
            )
    here = {run_id(line) for line in lines}
    both = {run_id(line): line in lines for line in found if run_id(line) in here}
    added = [line for line in found if run_id(line) not in here]
    return b"\n".join([header, *lines, *added]) + b"\n", both


def run_id(line: bytes) -> str:
    """Of a line of runs.csv; the column before it is a number."""
    return line.split(b",")[COLUMNS.index("run_id")].decode()


def leave(new: Path, folder: Path, key: str, same_row: bool) -> bool:
    """Take the files of a run that is known out of `new`; True if they say otherwise.

    With the same row, files that are missing here may come.
    """
    otherwise = not same_row
    for name in (f"hits/{key}.bin", f"history/{key}.json"):
        if not (new / name).exists():
            continue
        here = folder / name
        if here.exists():
            otherwise |= here.read_bytes() != (new / name).read_bytes()
        if here.exists() or not same_row:
            (new / name).unlink()
    return otherwise
