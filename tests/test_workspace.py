"""The learner's copies: start, update, rescue, status, lab. No answer is ever lost."""

import json
import os
import shutil
import subprocess
import sys

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from notebook_edits import (
    answer,
    code_cell,
    edited_by_course,
    edited_by_learner,
    first_version,
    learner_copy,
    numbered,
    stub,
    text_cell,
)

from course_lib import cli, workspace
from course_lib.carrying import HEADING, carry
from course_lib.errors import CourseError
from course_lib.jupyter import lab_command, lab_environment
from course_lib.notebook_files import read_notebook, write_notebook
from course_lib.rescuing import rescue
from course_lib.standing import minutes, next_notebook, standings, status_text
from course_lib.start_page import start_page
from course_lib.workspace import start, update

SEEDS = st.integers(0, 2**32)
NAME = "02_se.ipynb"


def texts(notebook):
    return [cell.source for cell in notebook.cells]


def all_text(notebook):
    return "\n".join(texts(notebook))


# --- carrying: laws -------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(learner=SEEDS, course=SEEDS)
def test_no_line_of_a_learner_is_lost_and_a_second_time_changes_nothing(
    learner, course
):
    old = first_version()
    mine, lines = edited_by_learner(workspace.fresh_copy(old), learner)
    new = edited_by_course(old, course)
    before = nbformat.from_dict(mine)
    carried = carry(mine, new).notebook
    assert mine == before
    assert [line for line in lines if line not in all_text(carried)] == []
    nbformat.validate(carried)
    assert len({cell.id for cell in carried.cells}) == len(carried.cells)
    again = carry(carried, new)
    assert again.notebook == carried
    assert again.clashes == []


@settings(max_examples=100, deadline=None)
@given(learner=SEEDS, course=SEEDS, later=SEEDS)
def test_nothing_is_lost_over_two_updates_with_edits_between(learner, course, later):
    old = first_version()
    mine, lines = edited_by_learner(workspace.fresh_copy(old), learner)
    new = edited_by_course(old, course)
    mine, more = edited_by_learner(carry(mine, new).notebook, later, "then")
    lines = [line for line in lines if line in all_text(mine)]
    carried = carry(mine, edited_by_course(new, later)).notebook
    assert [line for line in lines + more if line not in all_text(carried)] == []


@settings(max_examples=100, deadline=None)
@given(learner=SEEDS, course=SEEDS)
def test_the_newer_notebook_is_all_there_in_its_order(learner, course):
    old = first_version()
    mine, _ = edited_by_learner(workspace.fresh_copy(old), learner)
    new = edited_by_course(old, course)
    ids = [cell.id for cell in carry(mine, new).notebook.cells]
    theirs = [cell.id for cell in new.cells]
    assert [i for i in ids if i in theirs] == theirs


@given(course=SEEDS)
def test_an_untouched_copy_becomes_the_newer_notebook(course):
    old = first_version()
    new = edited_by_course(old, course)
    carried = carry(workspace.fresh_copy(old), new)
    assert carried.notebook == workspace.fresh_copy(new)
    found = (carried.kept, carried.own, carried.clashes, carried.without_place)
    assert found == ([], 0, [], [])


# --- carrying: cases ------------------------------------------------------------------


def test_an_answer_goes_to_its_exercise_wherever_that_is():
    old = first_version(["squeeze", "se_gate"])
    new = first_version(["se_gate", "extra", "squeeze"])
    carried = carry(learner_copy(old, "squeeze", "se_gate"), new)
    assert carried.kept == ["se_gate", "squeeze"] and not carried.clashes
    by_name = {c.metadata.get("exercise"): c.source for c in carried.notebook.cells}
    assert "mine se_gate" in by_name["se_gate"]
    assert "mine squeeze" in by_name["squeeze"]
    assert "NotImplementedError" in by_name["extra"]


@pytest.mark.parametrize("names", [["gate"], []])
def test_an_answer_to_a_renamed_or_deleted_exercise_comes_last(names):
    carried = carry(learner_copy(first_version(), "se_gate"), first_version(names))
    assert carried.without_place == ["se_gate"] and carried.kept == []
    *_, heading, last = texts(carried.notebook)
    assert heading == HEADING and "mine se_gate" in last


def test_an_answer_without_a_place_finds_it_when_the_exercise_returns():
    old = first_version(["squeeze", "se_gate"])
    without = carry(learner_copy(old, "se_gate"), first_version(["squeeze"]))
    back = carry(without.notebook, old)
    assert back.kept == ["se_gate"] and HEADING not in texts(back.notebook)
    assert back.notebook == carry(learner_copy(old, "se_gate"), old).notebook


def test_a_changed_stub_with_an_answer_is_a_clash_and_the_answer_stays():
    old, new = first_version(["squeeze", "se_gate"]), first_version(["squeeze"])
    new.cells += [stub("se_gate", version=2)]
    new = numbered(new.cells)
    carried = carry(learner_copy(old, "squeeze", "se_gate"), new)
    assert len(carried.clashes) == 1 and carried.clashes[0].startswith("se_gate: ")
    assert "mine se_gate" in carried.notebook.cells[-1].source
    unanswered = carry(learner_copy(old), new)
    assert "version 2" in unanswered.notebook.cells[-1].source
    assert unanswered.clashes == []


def test_a_cell_of_your_own_follows_the_cell_before_it():
    old = first_version(["squeeze", "se_gate"])
    mine = learner_copy(old)
    place = texts(mine).index("## se_gate")
    mine.cells.insert(place + 1, code_cell("note = 1"))
    mine.cells.insert(0, text_cell("my notebook"))
    new = first_version(["extra", "se_gate", "squeeze"])
    carried = carry(mine, new)
    found = texts(carried.notebook)
    assert found[found.index("note = 1") - 1] == "## se_gate"
    assert found[0] == "my notebook" and carried.own == 2


def test_an_edited_text_stays_where_the_course_left_it_alone():
    mine = learner_copy(first_version(["squeeze"]))
    at = texts(mine).index('guess = "..."')
    mine.cells[at].source = 'guess = "42"'
    carried = carry(mine, first_version(["extra", "squeeze"]))
    found = texts(carried.notebook)
    assert 'guess = "42"' in found and 'guess = "..."' not in found
    assert carried.clashes == []
    new = first_version(["squeeze"])
    new.cells[at].source = 'guess = "?"'
    carried = carry(mine, new)
    found = texts(carried.notebook)
    assert {'guess = "42"', 'guess = "?"'} <= set(found)
    assert len(carried.clashes) == 1 and 'guess = "42"' in carried.clashes[0]


# --- start and update on disk ---------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A course of two notebooks in a throw-away clone."""
    folder = tmp_path / "notebooks"
    write_notebook(folder / "01_net.ipynb", first_version(["bottleneck"]))
    notebook = first_version()
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text="old output")]
    notebook.cells[1].execution_count = 3
    write_notebook(folder / NAME, notebook)
    monkeypatch.setenv("COURSE_PROGRESS", str(folder / "my"))
    monkeypatch.setattr(workspace, "NOTEBOOKS", folder)
    return folder


def tree(folder):
    """Every file below a folder with its content."""
    return {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def replace_course(folder, notebook, name=NAME):
    write_notebook(folder / name, notebook)


def solve(folder, name="se_gate", line="mine", file=NAME):
    copy = read_notebook(folder / "my" / file)
    answer(copy, name, line)
    write_notebook(folder / "my" / file, copy)


def test_start_makes_copies_without_outputs_and_never_again(folder):
    assert [path.name for path in start(folder)] == ["01_net.ipynb", NAME]
    copy = read_notebook(folder / "my" / NAME)
    assert texts(copy) == texts(read_notebook(folder / NAME))
    assert "old output" not in (folder / "my" / NAME).read_text(encoding="utf-8")
    solve(folder)
    before = tree(folder)
    assert start(folder) == []
    assert tree(folder) == before


def test_update_carries_backs_up_and_then_finds_nothing_to_do(folder):
    start(folder)
    solve(folder)
    old = (folder / "my" / NAME).read_bytes()
    assert {o.text for o in update(folder)} == {"up to date"}
    replace_course(folder, first_version(["extra", "se_gate"]))
    first, second = update(folder)
    assert (first.mark, first.text, second.mark) == ("[ok]", "up to date", "[ok]")
    assert second.details == ("answers kept: se_gate",)
    copy = read_notebook(folder / "my" / NAME)
    assert "'mine'" in all_text(copy) and "## extra" in all_text(copy)
    (backup,) = (folder / "my" / "backup").rglob(NAME)
    assert backup.read_bytes() == old and str(backup) in second.text
    before = tree(folder)
    assert {o.text for o in update(folder)} == {"up to date"}
    assert tree(folder) == before


def test_an_answer_follows_its_exercise_to_another_notebook(folder):
    start(folder)
    solve(folder)
    replace_course(folder, first_version(["squeeze"]))
    replace_course(folder, first_version(["se_gate"]), "03_new.ipynb")
    outcomes = {o.name: o for o in update(folder)}
    assert outcomes["03_new.ipynb"].details == ("answers kept: se_gate",)
    assert "at the end of the notebook: se_gate" in outcomes[NAME].details[-1]
    for name in (NAME, "03_new.ipynb"):
        assert "'mine'" in all_text(read_notebook(folder / "my" / name))


def test_a_renamed_notebook_takes_the_answers_of_the_old_copy(folder):
    start(folder)
    solve(folder)
    old = (folder / "my" / NAME).read_bytes()
    (folder / NAME).rename(folder / "02_squeeze.ipynb")
    outcomes = {o.name: o for o in update(folder)}
    assert "answers kept: se_gate" in outcomes["02_squeeze.ipynb"].details
    assert "no notebook of this name" in outcomes[NAME].text
    assert (folder / "my" / NAME).read_bytes() == old


DAMAGED = [b"", b"{", b"[1, 2]", b'{"nbformat": 4, "cells": 3}', b"\xff\x00"]
DAMAGED += [b'{\n<<<<<<< HEAD\n"nbformat": 4\n=======\n>>>>>>> theirs\n}']


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_copy_is_reported_and_left_and_the_others_go_on(folder, content):
    start(folder)
    damaged = folder / "my" / "01_net.ipynb"
    damaged.write_bytes(content)
    solve(folder)
    replace_course(folder, first_version(["bottleneck", "new"]), "01_net.ipynb")
    replace_course(folder, first_version(["se_gate"]))
    first, second = update(folder)
    assert first.mark == "[x]" and "expected a Jupyter notebook" in first.text
    assert ("conflict" in first.text) == (b"<<<" in content)
    assert damaged.read_bytes() == content
    assert second.details == ("answers kept: se_gate",)


def test_a_damaged_notebook_of_the_course_leaves_the_copy(folder):
    start(folder)
    solve(folder)
    before = (folder / "my" / NAME).read_bytes()
    (folder / NAME).write_bytes(b"{")
    assert [o.mark for o in update(folder)] == ["[ok]", "[x]"]
    assert (folder / "my" / NAME).read_bytes() == before


def test_two_backups_in_one_second_are_two(folder):
    start(folder)
    for names in (["a"], ["b"], ["c"]):
        replace_course(folder, first_version(names))
        update(folder)
    assert len(list((folder / "my" / "backup").rglob(NAME))) == 3


def test_a_write_that_fails_leaves_the_copy_and_tells(folder, monkeypatch):
    start(folder)
    solve(folder)
    replace_course(folder, first_version(["se_gate"]))
    before = (folder / "my" / NAME).read_bytes()

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    outcome = update(folder)[1]
    assert outcome.mark == "[x]" and "No space left" in outcome.text
    assert (folder / "my" / NAME).read_bytes() == before


def test_a_course_without_notebooks_is_told(tmp_path):
    for action in (start, update, standings):
        with pytest.raises(CourseError, match="no notebooks in"):
            action(tmp_path)


# --- rescue ---------------------------------------------------------------------------


@pytest.fixture
def clone(folder):
    """The same course, committed."""
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    (folder.parent / ".gitignore").write_text("notebooks/my/\n", encoding="utf-8")
    commands = [["init", "-q"], ["add", "."], ["commit", "-qm", "course"]]
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    for command in commands:
        subprocess.run(["git", *identity, *command], cwd=folder.parent, check=True)
    return folder


def solve_tracked(folder, line="tracked"):
    """Answer se_gate and add a cell in the course's own notebook, as a learner may."""
    notebook = read_notebook(folder / NAME)
    answer(notebook, "se_gate", line)
    notebook.cells.insert(4, code_cell("added = 1"))
    write_notebook(folder / NAME, notebook)


def test_nothing_to_rescue(clone):
    assert rescue(clone) == []


def test_rescue_into_a_new_copy_and_restore(clone):
    original = (clone / NAME).read_bytes()
    solve_tracked(clone)
    edited = (clone / NAME).read_bytes()
    (outcome,) = rescue(clone)
    copied = all_text(read_notebook(clone / "my" / NAME))
    assert "'tracked'" in copied and "added = 1" in copied
    assert "answers kept: se_gate" in outcome.details
    assert "restore --source=HEAD" in outcome.details[-1]
    assert (clone / NAME).read_bytes() == edited
    before = tree(clone)
    rescue(clone)
    assert tree(clone) == before
    (outcome,) = rescue(clone, restore=True)
    assert outcome.mark == "[ok]" and (clone / NAME).read_bytes() == original
    (backup,) = (clone / "my" / "backup").rglob(f"rescued/{NAME}")
    assert backup.read_bytes() == edited
    assert rescue(clone) == []


@pytest.mark.parametrize("in_copy", ["", "mine"])
def test_rescue_into_a_copy_that_exists(clone, in_copy):
    start(clone)
    if in_copy:
        solve(clone, line=in_copy)
    solve_tracked(clone)
    (outcome,) = rescue(clone)
    copy = read_notebook(clone / "my" / NAME)
    (place,) = (
        cell
        for cell in copy.cells
        if cell.metadata.get("exercise") == "se_gate" and cell.id.startswith("cell")
    )
    assert repr(in_copy or "tracked") in place.source
    assert "'tracked'" in all_text(copy) and "added = 1" in all_text(copy)
    assert any("another answer" in d for d in outcome.details) == bool(in_copy)
    before = tree(clone)
    rescue(clone)
    assert tree(clone) == before


def test_a_tracked_notebook_with_conflict_marks_is_reported_and_left(clone):
    content = b"<<<<<<< HEAD\n{}\n=======\n>>>>>>> theirs\n"
    (clone / NAME).write_bytes(content)
    (outcome,) = rescue(clone, restore=True)
    assert outcome.mark == "[x]" and "conflict" in outcome.text
    assert (clone / NAME).read_bytes() == content


def test_a_deleted_notebook_is_restored(clone):
    (clone / NAME).unlink()
    assert rescue(clone, restore=True)[0].mark == "[ok]"
    assert (clone / NAME).exists()


def test_rescue_outside_a_clone_is_told(folder):
    with pytest.raises(CourseError, match="git"):
        rescue(folder)


# --- status and lab -------------------------------------------------------------------


def log(folder, *lines):
    path = folder / "my" / ".progress.jsonl"
    path.parent.mkdir(exist_ok=True)
    entries = [json.dumps({"exercise": n, "outcome": o}) for n, o in lines]
    path.write_text("\n".join(entries) + "\n", encoding="utf-8")


def test_status_counts_what_was_ever_solved_and_names_what_is_next(folder):
    log(folder, ("bottleneck", "ok"), ("bottleneck", "failed"), ("squeeze", "ok"))
    found = standings(folder)
    assert [one.solved for one in found] == [("bottleneck",), ("squeeze",)]
    text = status_text(found)
    assert "[ok]  01_net      1 of 1    60-90" in text
    assert "[ ]   02_se       1 of 3    60-90      se_gate, SqueezeExcitation" in text
    assert text.endswith(
        "Next: se_gate in 02_se.ipynb, 60-90 minutes for the whole notebook. "
        "Open it: course lab"
    )
    names = ["bottleneck", "squeeze", "se_gate", "SqueezeExcitation"]
    log(folder, *((name, "ok") for name in names))
    assert status_text(standings(folder)).endswith("Every exercise is solved.")
    assert next_notebook(standings(folder)).path.name == "01_net.ipynb"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("About 75 minutes.", "75"), ("60–90 minutes", "60-90"), ("Soon.", "")],
)
def test_minutes_as_the_notebook_says(text, expected):
    assert minutes(numbered([text_cell(text)])) == expected


def test_the_start_page_leads_to_the_next_exercise(folder):
    log(folder, ("bottleneck", "ok"), ("squeeze", "ok"))
    page = start_page(standings(folder))
    first, rest = page.split("\n\n", 2)[1:]
    assert "(02_se.ipynb)" in first and "`se_gate`" in first and "60-90" in first
    assert first.startswith("**Go on with [")
    rows = [line for line in rest.splitlines() if ".ipynb)" in line]
    assert ["`[ok]`" in row for row in rows] == [True, False]
    assert "1 of 1" in rows[0] and "1 of 3" in rows[1]
    names = ["bottleneck", "squeeze", "se_gate", "SqueezeExcitation"]
    log(folder, *((name, "ok") for name in names))
    assert "**Every exercise is solved.**" in start_page(standings(folder))


def test_the_start_page_takes_the_titles_from_the_standings(folder):
    untitled = first_version(["squeeze"])
    untitled.cells[0].source = "No heading."
    write_notebook(folder / NAME, untitled)
    found = standings(folder)
    assert [one.title for one in found] == ["02 Title", "02_se"]
    for path in folder.glob("*.ipynb"):
        path.unlink()  # nothing is read a second time
    assert "[02 Title](01_net.ipynb)" in start_page(found)


def test_status_makes_the_start_page_anew_where_there_are_copies(folder, capsys):
    for expected in (False, True):
        with pytest.raises(SystemExit):
            cli.main(["status"])
        assert (folder / "my" / "START.md").exists() is expected
        start(folder)
    (folder / "my" / "START.md").write_text("old", encoding="utf-8")
    with pytest.raises(SystemExit):
        cli.main(["status"])
    text = (folder / "my" / "START.md").read_text(encoding="utf-8")
    assert text.startswith("# Attention modules in CNNs")


def test_lab_opens_the_start_page_of_the_copies(folder, monkeypatch):
    log(folder, ("bottleneck", "ok"))
    started = []
    monkeypatch.setattr(os, "execve", lambda *all: started.append(all))
    monkeypatch.setattr(
        subprocess,
        "run",
        lambda command, env: started.append((command[0], command, env)),
    )
    with pytest.raises(SystemExit):
        cli.main(["lab", "--no-browser", "--port=1234"])
    ((_, command, environment),) = started
    assert command[1:3] == ["-m", "jupyterlab"]
    assert f"--notebook-dir={folder / 'my'}" in command
    assert "--LabApp.default_url=/lab/tree/START.md" in command
    text = (folder / "my" / "START.md").read_text(encoding="utf-8")
    assert "**Begin with [" in text and "(02_se.ipynb)" in text
    assert command[-2:] == ["--no-browser", "--port=1234"]
    assert (folder / "my" / NAME).exists()
    assert environment["JUPYTERLAB_SETTINGS_DIR"].startswith(str(folder))


def test_settings_of_your_own_are_left_alone(tmp_path, monkeypatch):
    monkeypatch.delenv("JUPYTERLAB_SETTINGS_DIR", raising=False)
    lab_environment(tmp_path)
    (path,) = tmp_path.rglob("notification.jupyterlab-settings")
    assert json.loads(path.read_text(encoding="utf-8"))["fetchNews"] == "false"
    path.write_text("{}", encoding="utf-8")
    lab_environment(tmp_path)
    assert path.read_text(encoding="utf-8") == "{}"
    monkeypatch.setenv("JUPYTERLAB_SETTINGS_DIR", "elsewhere")
    assert lab_environment(tmp_path)["JUPYTERLAB_SETTINGS_DIR"] == "elsewhere"


def test_a_name_with_spaces_is_part_of_an_address(tmp_path):
    command = lab_command(tmp_path, "02 é.ipynb", [])
    assert "--LabApp.default_url=/lab/tree/02%20%C3%A9.ipynb" in command


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("start", "Your copies are all in"),
        ("update", "02_se.ipynb: up to date"),
        ("status", "Next: bottleneck in 01_net.ipynb"),
        ("rescue", "nothing to rescue"),
    ],
)
def test_the_verbs(clone, capsys, verb, words):
    start(clone)
    with pytest.raises(SystemExit) as left:
        cli.main([verb])
    assert left.value.code == 0
    assert words in capsys.readouterr().out


def test_update_ends_with_status_1_when_a_notebook_was_left(folder, capsys):
    start(folder)
    (folder / "my" / NAME).write_bytes(b"{")
    with pytest.raises(SystemExit) as left:
        cli.main(["update"])
    assert left.value.code == 1
    assert "[x]  02_se.ipynb" in capsys.readouterr().out


def test_the_way_to_jupyterlab_does_not_load_pytorch():
    script = (
        "import sys; from course_lib import cli, jupyter, start_page, workspace; "
        "print('torch' in sys.modules)"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False", "course lab would start seconds later"
