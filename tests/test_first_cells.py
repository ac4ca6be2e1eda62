"""README's table and the schedules say what the notebooks' first cells say."""

import re

import pytest
from readme_commands import text_of

from course_lib.attention import ATTENTION
from course_lib.workspace import NOTEBOOKS

SOURCES = {path.name[:2]: path for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.py"))}


def first_cell(number: str) -> str:
    """The text of a notebook's first cell, in one line."""
    cell = SOURCES[number].read_text(encoding="utf-8").split("\n# %%")[0]
    return " ".join(line.removeprefix("#").strip() for line in cell.splitlines())


def minutes(number: str) -> tuple[int, int]:
    """From and to, such as (90, 120) or (80, 80)."""
    found = re.search(r"(\d+)(?: to (\d+))? minutes", first_cell(number))
    return int(found[1]), int(found[2] or found[1])


def needs(number: str) -> set[int]:
    """The notebooks that the first cell asks for, without those that only help."""
    cell = first_cell(number).replace("**Needs**:", "You need")
    sentence = re.search(r"You need (.*?)\.(?: |$)", cell)[1]
    return numbers(re.sub(r"; \d\d helps", "", sentence))


def numbers(text: str) -> set[int]:
    """ "01, 04 to 06" -> {1, 4, 5, 6}"""
    found = re.findall(r"\b(\d\d)\b(?: to (\d\d)\b)?", text)
    return {n for a, b in found for n in range(int(a), int(b or a) + 1)}


def rows() -> dict[str, tuple[str, str]]:
    """Of README's table: number -> the columns minutes and needs."""
    found = re.findall(
        r"^\| \[(\d\d) .*\| ([\d-]+) \| (.*) \|$", text_of("README.md"), re.M
    )
    return {number: (time, wanted) for number, time, wanted in found}


def test_ranges_of_notebooks_are_read():
    assert numbers("01, 04 to 06 or 11; section 7") == {1, 4, 5, 6, 11}


def test_readme_lists_every_notebook():
    assert list(rows()) == list(SOURCES)


@pytest.mark.parametrize("number", SOURCES)
def test_readme_has_the_minutes_and_needs_of_the_first_cell(number):
    time, wanted = rows()[number]
    low, high = minutes(number)
    assert time == (str(low) if low == high else f"{low}-{high}")
    assert numbers(wanted) == needs(number)


def test_five_days_take_the_hours_that_are_told():
    page = text_of("notebooks/INSTRUCTOR.md")
    hours, table = re.search(
        r"\*\*Five days\*\*, about (\d+) hours(.*?)\n\n[A-Z]", page, re.S
    ).groups()
    cells = [
        cell
        for row in re.findall(r"^\| day .*", table, re.M)
        for cell in row.split("|")[2:4]
    ]
    taught = [re.findall(r"(?:^|or )(\d\d) ", cell.strip()) for cell in cells]
    assert len(taught) == 10
    least = sum(min(minutes(number)[0] for number in either) for either in taught)
    most = sum(max(minutes(number)[1] for number in either) for either in taught)
    assert round(least / 60) == round(most / 60) == int(hours)


def test_readme_names_every_model():
    (sentence,) = re.findall(
        r"^`--models` takes .*?\n\n", text_of("README.md"), re.M | re.S
    )
    own = [name for name in ATTENTION if name.islower()]  # no class of yours
    assert re.findall(r"`([a-z][a-z-]*)`", sentence) == own
