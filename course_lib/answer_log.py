"""The learner's own log: every check with its outcome and the answer's text.

One JSON object a line in `notebooks/my/.progress.jsonl`, or in the folder named by the
environment variable COURSE_PROGRESS. It stays on this machine. A log that cannot be
written or read never disturbs a check.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

SOURCE_CHARACTERS = 20_000  # of an answer kept in one entry


def log_path() -> Path:
    """Where the log is."""
    folder = os.environ.get("COURSE_PROGRESS")
    if folder:
        return Path(folder) / ".progress.jsonl"
    return Path(__file__).parents[1] / "notebooks" / "my" / ".progress.jsonl"


def record(name: str, outcome: str, failed_property: str, source: str) -> bool:
    """Append one check; False when the log could not be written."""
    entry = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "exercise": name,
        "outcome": outcome,
        "property": failed_property,
        "source": source[:SOURCE_CHARACTERS],
    }
    path = log_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", errors="replace") as file:
            file.write(json.dumps(entry) + "\n")
    except OSError:
        return False
    return True


def entries() -> list[dict[str, str]]:
    """Every readable entry, oldest first; damaged lines are passed over."""
    try:
        lines = log_path().read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and {"exercise", "outcome"} <= entry.keys():
            found.append(entry)
    return found


def last_answer(name: str) -> str:
    """The text of the learner's last answer to an exercise, "" if there is none."""
    for entry in reversed(entries()):
        if entry["exercise"] == name and entry.get("source"):
            return str(entry["source"])
    return ""
