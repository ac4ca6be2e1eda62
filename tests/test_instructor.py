"""The instructor's pages: one a notebook, and the cards they promise appear."""

import re

import pytest

from course_lib.exercises.catalogue import EXERCISES
from course_lib.workspace import NOTEBOOKS, course_notebooks

NUMBERS = [path.name[:2] for path in course_notebooks()]
PARTS = (
    "Hook and vote",
    "Plan",
    "Misconceptions, and what shows them",
    "Checkpoint questions",
    "Time",
)


def page_text(number: str) -> str:
    return (NOTEBOOKS / "instructor" / f"{number}.md").read_text(encoding="utf-8")


def promises(number: str) -> list[tuple[str, str, str]]:
    """(exercise, wrong answer, what the page says is read) of each row."""
    found = []
    for line in page_text(number).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|") or len(cells) != 3:
            continue
        for exercise, names in re.findall(r"(\w+): ((?:\*[^*]+\*(?:, )?)+)", cells[1]):
            found += [
                (exercise, n, cells[2]) for n in re.findall(r"\*([^*]+)\*", names)
            ]
    return found


@pytest.mark.parametrize("number", NUMBERS)
def test_a_page_has_every_part(number):
    headings = re.findall(r"^## (.+?)(?: \(.*\))?$", page_text(number), re.M)
    assert [part for part in PARTS if part not in headings] == []


@pytest.mark.parametrize("number", NUMBERS)
def test_every_wrong_answer_that_a_page_names_exists(number):
    rows = promises(number)
    assert len(rows) >= 4
    for exercise, name, _ in rows:
        assert EXERCISES[exercise].notebook == number
        known = [wrong.name for wrong in EXERCISES[exercise].wrong_answers]
        assert name in known, f"{exercise}: {name}"


@pytest.mark.parametrize("number", NUMBERS)
def test_pages_quote_the_cards(number):
    """Of the rows that quote one wrong answer, most quote its cause word for word."""
    rows = promises(number)
    quoted = 0
    for exercise, name, said in rows:
        (wrong,) = [w for w in EXERCISES[exercise].wrong_answers if w.name == name]
        # Pages may put the property's name and a colon first.
        texts = [text.rstrip(".)") for text in (said, said.split(": ", 1)[-1])]
        quoted += any(text in wrong.cause for text in texts)
    assert quoted >= len(rows) / 2
