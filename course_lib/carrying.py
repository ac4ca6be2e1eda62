"""Carries a learner's work from an older copy of a notebook into a newer notebook.

Every cell of the newer notebook is a place. A cell of the learner's copy belongs to the
place of the same exercise, else to the place with the same original text. What has no
place is the learner's own and follows the nearest cell before it that has one; answers
to exercises that are gone come last, under a heading of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import nbformat
from nbformat import NotebookNode

from course_lib.notebook_files import (
    ORIGIN,
    WITHOUT_PLACE,
    cleared,
    digest,
    exercise_of,
    fresh_copy,
    is_answered,
    is_edited,
    name_cells,
)

HEADING = """## Answers without a place

Your answers to exercises that this notebook no longer has, and cells that could not be
put anywhere else. Nothing below is checked. Keep what you need, delete the rest."""


@dataclass
class Carried:
    """A newer notebook with the learner's work in it, and what happened.

    kept: exercises whose answer stands in its place; own: how many cells of the
    learner's own were kept; clashes: what the course and the learner both changed, in
    words; without_place: exercises of the answers under the last heading.
    """

    notebook: NotebookNode
    kept: list[str] = field(default_factory=list)
    own: int = 0
    clashes: list[str] = field(default_factory=list)
    without_place: list[str] = field(default_factory=list)


def carry(
    mine: NotebookNode,
    new: NotebookNode,
    elsewhere: Mapping[str, NotebookNode] | None = None,
) -> Carried:
    """The newer notebook with everything the learner wrote in `mine`.

    elsewhere: answers found in other notebooks, for exercises that moved here. Outputs
    are cleared. Neither notebook is changed.
    """
    carried = Carried(fresh_copy(new))
    slots, written = carried.notebook.cells, without_old_flags(mine.cells)
    places = find_places(written, slots)
    own = arrange(written, places, slots, carried)
    for i, j in places.items():
        fill(slots, j, written[i], carried)
    fill_from_elsewhere(slots, elsewhere or {}, carried)
    name_cells(own.all(), slots)
    cells = [*own.first]
    for j, cell in enumerate(slots):
        cells += [cell, *own.after[j]]
    if own.last:
        cells += [heading(), *own.last]
    carried.notebook.cells = cells
    carried.own = len(cells) - len(slots) - bool(own.last)
    return carried


def without_old_flags(cells: list[NotebookNode]) -> list[NotebookNode]:
    """Copies of the cells; one moved up from the last section is like any other."""
    cells = [cleared(cell) for cell in cells]
    headings = [i for i, cell in enumerate(cells) if is_heading(cell)]
    for cell in cells[: headings[0] if headings else 0]:
        cell.metadata.pop(WITHOUT_PLACE, None)
    return cells


def find_places(mine: list[NotebookNode], slots: list[NotebookNode]) -> dict[int, int]:
    """Which cell of the learner's copy belongs to which cell of the newer notebook."""
    by_text: dict[str, list[int]] = {}
    by_exercise: dict[str, int] = {}
    for j, slot in enumerate(slots):
        if exercise_of(slot):
            by_exercise[exercise_of(slot)] = j
        else:
            by_text.setdefault(digest(slot), []).append(j)
    places = {}
    for name, j in by_exercise.items():
        cells = [i for i, cell in enumerate(mine) if exercise_of(cell) == name]
        if cells:
            places[min(cells, key=lambda i: rank(mine[i], slots[j]))] = j
    untouched_first = sorted(range(len(mine)), key=lambda i: is_edited(mine[i]))
    for i in untouched_first:
        cell = mine[i]
        free = by_text.get(cell.metadata.get(ORIGIN, digest(cell)))
        if free and not exercise_of(cell) and WITHOUT_PLACE not in cell.metadata:
            places[i] = free.pop(0)
    return places


def rank(cell: NotebookNode, slot: NotebookNode) -> tuple[bool, bool]:
    """Smallest for the best cell: an answer, and in the course's own cell."""
    return not answers_slot(cell, slot), ORIGIN not in cell.metadata


def answers_slot(cell: NotebookNode, slot: NotebookNode) -> bool:
    """True for an exercise cell that holds neither its old stub nor the new one."""
    return is_answered(cell) and digest(cell) != digest(slot)


@dataclass
class Own:
    """The learner's own cells: before everything, after cell j, under the heading."""

    first: list[NotebookNode]
    after: list[list[NotebookNode]]
    last: list[NotebookNode]

    def all(self) -> list[NotebookNode]:
        """All of them, in order."""
        return [cell for part in (self.first, *self.after, self.last) for cell in part]


def arrange(
    mine: list[NotebookNode],
    places: Mapping[int, int],
    slots: list[NotebookNode],
    carried: Carried,
) -> Own:
    """Put every cell of the learner's that has no place after its neighbour."""
    own = Own([], [[] for _ in slots], [])
    names = {exercise_of(slot) for slot in slots}
    texts = {digest(slot) for slot in slots}
    target = own.first
    for i, cell in enumerate(mine):
        if is_heading(cell):
            target = own.last
        elif i in places:
            if WITHOUT_PLACE not in cell.metadata:
                target = own.after[places[i]]
        elif is_leftover(cell, texts):
            continue
        elif WITHOUT_PLACE in cell.metadata or lost_exercise(cell, names):
            own.last.append(keep(cell, last=True))
            if exercise_of(cell):
                carried.without_place.append(exercise_of(cell))
        else:
            if ORIGIN in cell.metadata and not exercise_of(cell):
                carried.clashes += clash_of_text(cell, texts)
            target.append(keep(cell, last=target is own.last))
    return own


def is_leftover(cell: NotebookNode, texts: set[str]) -> bool:
    """True for the course's own text, where the newer notebook has no place for it."""
    if exercise_of(cell):
        return not is_answered(cell)
    return not is_edited(cell) or digest(cell) in texts


def lost_exercise(cell: NotebookNode, names: set[str]) -> bool:
    """True for an answer to an exercise that the newer notebook does not have."""
    return exercise_of(cell) not in names | {""}


def clash_of_text(cell: NotebookNode, texts: set[str]) -> list[str]:
    """The clash of a text that you edited and the course changed or removed."""
    if cell.metadata[ORIGIN] in texts:
        return []
    first_line = cell.source.strip().partition("\n")[0][:60]
    return [f"a cell that you edited is new in the course; yours stays: {first_line}"]


def keep(cell: NotebookNode, last: bool) -> NotebookNode:
    """A learner's cell for the newer notebook; last: under the last heading."""
    cell = cleared(cell)
    if exercise_of(cell) or is_edited(cell):
        cell.metadata.pop(ORIGIN, None)  # from now on a cell of the learner's own
    cell.metadata.pop(WITHOUT_PLACE, None)
    if last:
        cell.metadata[WITHOUT_PLACE] = True
    return cell


def fill(
    slots: list[NotebookNode], j: int, cell: NotebookNode, carried: Carried
) -> None:
    """Put what the learner wrote into place j; the course's own text gives way."""
    slot, name = slots[j], exercise_of(slots[j])
    if digest(cell) == digest(slot) or (name and not answers_slot(cell, slot)):
        return
    if not name and not is_edited(cell):
        return
    filled = cleared(cell)
    filled.id, filled.metadata = slot.id, slot.metadata
    slots[j] = filled
    if name:
        carried.kept.append(name)
        if cell.metadata.get(ORIGIN, digest(slot)) != digest(slot):
            carried.clashes.append(
                f"{name}: the course changed its stub and you have an answer; yours "
                "stays. Compare the first line with the one in notebooks/"
            )


def fill_from_elsewhere(
    slots: list[NotebookNode], elsewhere: Mapping[str, NotebookNode], carried: Carried
) -> None:
    """Answers from other notebooks, where this one still has the stub."""
    for j, slot in enumerate(slots):
        name = exercise_of(slot)
        if name in elsewhere and name not in carried.kept:
            fill(slots, j, elsewhere[name], carried)


def heading() -> NotebookNode:
    """The cell that begins the last section."""
    cell = nbformat.v4.new_markdown_cell(HEADING, id="without-a-place")
    cell.metadata[WITHOUT_PLACE] = True
    return cell


def is_heading(cell: NotebookNode) -> bool:
    """True for the cell that begins the last section, unless you wrote in it."""
    return WITHOUT_PLACE in cell.metadata and cell.source.strip() == HEADING
