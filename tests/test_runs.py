"""runs.csv: what goes in comes out, and damage is named."""

import dataclasses

import pytest
from tiny_runs import RUN

from course_lib.errors import CourseError
from course_lib.runs import COLUMNS, Record, append_record, read_runs


def record(number: int) -> Record:
    """A row with a value of the right type in each column."""
    values = {int: number, float: number / 7, bool: number % 2 == 0}
    row = {
        field.name: values.get(field.type, f"text, {number}")
        for field in dataclasses.fields(Record)
    }
    return Record(**row | {"format": 1, "run_id": f"{number:012x}"})


def test_a_failed_run_comes_back_without_numbers(tmp_path):
    path = tmp_path / "runs.csv"
    failed = dataclasses.replace(record(1), test_accuracy=float("nan"))
    append_record(path, failed)
    assert read_runs([path])["test_accuracy"].isna().all()


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "runs.csv"
    for number in range(1, 4):
        append_record(path, record(number))
    return path


def test_rows_come_back_with_their_types(table):
    runs = read_runs([table])
    assert list(runs.columns) == COLUMNS
    for number, row in enumerate(runs.to_dict("records"), start=1):
        assert row == dataclasses.asdict(record(number))


def test_equal_runs_of_several_files_count_once(table, tmp_path):
    other = tmp_path / "other.csv"
    append_record(other, record(3))
    append_record(other, record(9))
    assert list(read_runs([table, other])["seed"]) == [1, 2, 3, 9]


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_cut_off_line_is_named_and_nothing_is_changed(table, cut):
    content = table.read_bytes()[:-cut]
    table.write_bytes(content)
    with pytest.raises(CourseError, match=r"line 4 is cut off or damaged.*line 4"):
        read_runs([table])
    assert table.read_bytes() == content


def test_line_cut_in_the_middle_of_the_file_is_named(table):
    lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[2] = lines[2][:30] + "\n"
    table.write_text("".join(lines), encoding="utf-8")
    with pytest.raises(CourseError, match=r"line 3 is cut off"):
        read_runs([table])


def test_another_version_is_named(table):
    text = table.read_text(encoding="utf-8")
    table.write_text(text.replace("\n1,", "\n2,"), encoding="utf-8")
    with pytest.raises(CourseError, match=r"another version"):
        read_runs([table])
    table.write_text(text.replace("status", "state"), encoding="utf-8")
    with pytest.raises(CourseError, match=r"another version"):
        read_runs([table])


def test_not_a_number_where_one_belongs(table):
    text = table.read_text(encoding="utf-8")
    table.write_text(text.replace(str(3 / 7), "three"), encoding="utf-8")
    with pytest.raises(CourseError, match=r"column .*three"):
        read_runs([table])


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\xff\xfe\x00"])
def test_other_files_are_not_taken_for_runs(tmp_path, content):
    path = tmp_path / "runs.csv"
    path.write_bytes(content)
    with pytest.raises(CourseError, match=r"runs\.csv"):
        read_runs([path])


def test_missing_file(tmp_path):
    with pytest.raises(CourseError, match=r"cannot read.*Check the path"):
        read_runs([tmp_path / "no.csv"])


def test_run_id_changes_with_everything_that_matters():
    ids = {RUN.run_id("a"), RUN.run_id("b")}
    changes = {"model": "se", "seed": 6, "epochs": 4, "recipe": "reu2019", "batch": 8}
    for name, value in changes.items():
        ids.add(dataclasses.replace(RUN, **{name: value}).run_id("a"))
    assert len(ids) == 2 + len(changes)
    assert RUN.run_id("a") == dataclasses.replace(RUN).run_id("a")
