"""Writes the table of grades, and a short note for each student."""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from course_lib.grading import OUTCOMES, Grade
from course_lib.runs import write_atomically

COLUMNS = ("file", "exercise", "outcome", "property", "seconds")
MEANING = {
    "solved": "every property holds",
    "not solved": "the cell holds its stub, or the course's own version",
    "missing": "no cell defines it",
    "wrong": "this property does not hold",
    "timeout": "it did not end in time",
    "crashed": "it ended the process",
    "tampered": "it changed the check: read the code",
    "no exercise": "no exercise of the course is in this notebook",
    "not a notebook": "the file is no notebook that can be read",
}


def write_grades(grades: Sequence[Grade], out: Path) -> Path:
    """Write grades.csv and notes/STUDENT.md into `out`; return the table's path."""
    notes = out / "notes"
    notes.mkdir(parents=True, exist_ok=True)
    path = out / "grades.csv"
    write_atomically(path, table_text(grades).encode("utf-8"))
    for student, rows in by_student(grades).items():
        note = note_text(student, rows)
        write_atomically(notes / f"{student}.md", note.encode("utf-8"))
    return path


def table_text(grades: Sequence[Grade]) -> str:
    """The CSV, one row for each exercise of each file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in grades:
        seconds = f"{one.seconds:.1f}"
        row = (spreadsheet_safe(one.file), one.exercise, one.outcome, one.property)
        writer.writerow([*row, seconds])
    return text.getvalue()


def spreadsheet_safe(name: str) -> str:
    """A file's name that no spreadsheet takes for a formula."""
    name = name.encode("utf-8", "replace").decode("utf-8")
    return f"./{name}" if name.startswith(("=", "+", "-", "@", "\t", "\r")) else name


def by_student(grades: Sequence[Grade]) -> dict[str, list[Grade]]:
    """A student is a folder in the handed-in folder, else a file, by its safe name."""
    owners: dict[str, str] = {}  # folder or file -> name of the note
    taken: set[str] = set()
    found: dict[str, list[Grade]] = {}
    for one in grades:
        first, *rest = PurePosixPath(one.file).parts
        if first not in owners:
            stem = first if rest else PurePosixPath(first).stem
            safe = re.sub(r"[^\w-]+", "_", stem)[:80].strip("_") or "student"
            name, number = safe, 1
            while name.lower() in taken:  # some systems see no difference
                number += 1
                name = f"{safe}_{number}"
            taken.add(name.lower())
            owners[first] = name
        found.setdefault(owners[first], []).append(one)
    return found


def note_text(student: str, grades: Sequence[Grade]) -> str:
    """What was solved and what was not, with the likely cause."""
    solved = sum(one.outcome == "solved" for one in grades)
    lines = [f"# {student}", "", f"{solved} of {len(grades)} exercises solved."]
    file = None
    for one in grades:
        if one.file != file:
            file = one.file
            lines += ["", f"## {code(file)}", ""]
        prop = f" ({one.property})" if one.property else ""
        what = f"{one.outcome}{prop}: {MEANING[one.outcome]}."
        lines.append(f"- {one.exercise}: {what}" if one.exercise else f"- {what}")
        if one.detail:
            lines.append(f"  {code(one.detail)}")
        if one.remark:
            lines.append(f"  {one.remark}")
    return "\n".join(lines) + "\n"


def code(text: str) -> str:
    """Text of a student as code, so that nothing in it is taken for Markdown."""
    text = " ".join(text.encode("utf-8", "replace").decode("utf-8").split())
    return "`" + text.replace("`", "'") + "`"


def summary(grades: Sequence[Grade]) -> str:
    """How often each outcome occurs, in one line."""
    counts = {name: sum(one.outcome == name for one in grades) for name in OUTCOMES}
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)
