"""Every notebook file of the course is clean, and built as the others are."""

import notebook_anatomy as anatomy
import notebook_hygiene as hygiene
import pytest
from notebook_cells import assert_none, load

from course_lib.authoring import NOTEBOOKS, sources

pytest.importorskip("jupytext")
SOURCES = sources()
BUILT = [path.with_suffix(".ipynb") for path in SOURCES]
of_each = pytest.mark.parametrize("path", BUILT, ids=lambda path: path.stem)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_notebook_is_in_step_with_its_source(source):
    assert_none(hygiene.pair_faults(source))


def test_every_notebook_has_a_source():
    assert sorted(NOTEBOOKS.glob("*.ipynb")) == BUILT


@of_each
def test_every_cell_was_executed_without_error(path):
    assert_none(hygiene.execution_faults(load(path)))


@of_each
def test_every_check_is_unsolved(path):
    assert_none(hygiene.check_faults(load(path)))


@of_each
def test_no_place_on_a_machine_is_named(path):
    assert_none(hygiene.path_faults(load(path)))


@of_each
def test_every_figure_has_alternative_text(path):
    assert_none(hygiene.figure_faults(load(path)))


@of_each
def test_tags_and_ids(path):
    assert_none(hygiene.metadata_faults(load(path)))


@of_each
def test_set_up_is_the_same_everywhere(path):
    assert_none(anatomy.setup_faults(load(path), path.stem[:2]))


@of_each
def test_sizes(path):
    assert_none(anatomy.size_faults(load(path)))


@of_each
def test_headings(path):
    assert_none(anatomy.heading_faults(load(path), path.stem[:2]))


@of_each
def test_exercises_are_those_of_the_catalogue(path):
    assert_none(anatomy.exercise_faults(load(path), path.stem[:2]))


@of_each
def test_prose(path):
    assert_none(anatomy.prose_faults(load(path)))
