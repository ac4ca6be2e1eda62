"""The command line: every verb explains itself, and the data verbs do their work."""

import re
from pathlib import Path

import click
import pytest
from PIL import Image

from course_lib import planning
from course_lib.attention import ATTENTION
from course_lib.cli import course, default_folder, main
from course_lib.cli_options import parse_duration, split_names
from course_lib.cost import code_version
from course_lib.errors import CourseError


def call(capsys, *arguments: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of `course ...`."""
    with pytest.raises(SystemExit) as exit_:
        main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return exit_.value.code, printed.out, printed.err


def verbs(group: click.Group = course, before: tuple[str, ...] = ()):
    """Every verb, with those of groups such as `data list`."""
    for name, command in group.commands.items():
        yield (*before, name)
        if isinstance(command, click.Group):
            yield from verbs(command, (*before, name))


@pytest.mark.parametrize("verb", [(), *verbs()], ids=" ".join)
def test_every_verb_answers_help(verb, capsys):
    status, text, errors = call(capsys, *verb, "--help")
    assert (status, errors) == (0, "")
    assert text.startswith("Usage: course")
    assert len(text.splitlines()) > 4


@pytest.mark.parametrize("verb", list(verbs()), ids=" ".join)
def test_unknown_options_are_one_line(verb, capsys):
    if verb == ("lab",):
        pytest.skip("lab hands unknown options on to JupyterLab")
    status, _, errors = call(capsys, *verb, "--no-such-option")
    assert status == 2
    (line,) = errors.splitlines()
    assert line.startswith("course: ")


@pytest.mark.parametrize(
    "text, seconds",
    [("90", 90), ("90s", 90), ("20m", 1200), ("1h30m", 5400), ("0.5h", 1800)],
)
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "-5m", "5 minutes", "1d", "20m!"])
def test_bad_durations(text):
    with pytest.raises(CourseError, match=r"a time such as"):
        parse_duration(text)


@pytest.mark.parametrize(
    "arguments, said",
    [
        ("comparr", "No such command 'comparr'. Did you mean 'compare'? See course"),
        ("compare --model se", "(Did you mean one of: '--help', '--models',"),
        ("compare plain", "unexpected extra argument (plain). See course compare"),
        ("compare --seeds three", "'three' is not a valid integer. See course"),
        ("compare --device gpu", "one of auto, cpu, cuda, cuda:1, mps. Try 'auto'."),
        ("compare --data cifar10", "Did you mean cifar100?"),
        ("compare --data folder:gone", "folder gone: expected a folder of images"),
        ("compare --data cifar100", "course data fetch cifar100"),
        ("report gone.csv", "cannot read gone.csv"),
    ],
)
def test_a_typo_is_one_line_with_the_next_step(
    arguments, said, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    status, text, errors = call(capsys, *arguments.split())
    assert (status, text) == (2, "")  # nothing is announced that cannot begin
    (line,) = errors.splitlines()
    assert line.startswith("course: ") and said in line


@pytest.mark.parametrize("names", ["plain,se", "plain, se", "plain se", " plain ,se,"])
def test_names_with_commas_or_spaces(names):
    assert split_names("--models", names) == ["plain", "se"]


@pytest.mark.parametrize("verb", ["compare", "train"])
def test_each_size_that_is_asked_for_is_the_one_that_changes(verb, monkeypatch, capsys):
    asked = {"epochs": 31, "batch": 32, "lr": 0.5, "image_size": 33}
    asked |= {"train_images": 34, "width": 35, "reduction": 36}
    planned = []

    def plan_runs(data, sizes, *_):
        planned.append(sizes)
        raise CourseError("enough", "no training", "Stop here.")

    monkeypatch.setattr(planning, "plan_runs", plan_runs)
    options = [f"--{name.replace('_', '-')}={value}" for name, value in asked.items()]
    status, _, errors = call(capsys, verb, "--profile", "ci", *options)
    assert status == 2 and "enough" in errors
    (sizes,) = planned
    assert {name: getattr(sizes, name) for name in asked} == asked


def test_help_names_every_model(capsys):
    text = call(capsys, "compare", "--help")[1]
    (names,) = re.findall(r"Models: (.*?)\.\n", text, re.S)
    own = [name for name in ATTENTION if name.islower()]  # no class of yours
    assert re.findall(r"[a-z-]+", names) == own


@pytest.mark.parametrize(
    "data, name",
    [("signs", "signs"), ("folder:a/b", "b"), ("a/c", "c"), ("/", "images")],
)
def test_results_are_named_after_the_images(data, name):
    assert default_folder(data) == Path("runs") / name


def test_the_version_is_shown(capsys):
    assert call(capsys, "--version")[:2] == (0, f"course {code_version()}\n")


def test_data_list_names_every_set(capsys):
    status, text, _ = call(capsys, "data", "list")
    assert status == 0
    for name in ("signs", "cifar100", "folder:PATH"):
        assert name in text


@pytest.mark.parametrize("verb", ["fetch", "import"])
def test_only_known_data_can_be_brought_in(verb, capsys):
    more = ["anything.zip"] if verb == "import" else []
    status, _, errors = call(capsys, "data", verb, "cifar10", *more)
    assert status == 2
    assert "cifar10" in errors and "Did you mean 'cifar100'?" in errors


@pytest.mark.parametrize("kind", ["empty", "one class", "corrupt", "grey"])
def test_a_bad_image_folder_is_one_line(kind, tmp_path, capsys):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in {"empty": (), "one class": ("cat",)}.get(kind, ("cat", "dog")):
        (folder / name).mkdir()
        for number in range(30):
            path = folder / name / f"{number}.png"
            Image.new("RGB", (32, 32), (number, 0, 0)).save(path)
    bad = folder / "dog" / "7.png"
    if kind == "corrupt":
        bad.write_bytes(bad.read_bytes()[:40])
    if kind == "grey":
        Image.new("L", (32, 32)).save(bad)
    data = ["--data", folder, "--profile", "ci", "--out", tmp_path / "out"]
    status, _, errors = call(capsys, "compare", *data)
    assert status == 2
    (line,) = [line for line in errors.splitlines() if line.startswith("course: ")]
    assert ("7.png" if kind in ("corrupt", "grey") else "photos") in line
    assert "Traceback" not in errors
    assert not (tmp_path / "out").exists()
