"""course compare from the outside: interrupted, killed, out of space, and misused."""

import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

from course_lib.attention import ATTENTION
from course_lib.blocks import PLACEMENTS
from course_lib.comparing import compare
from course_lib.errors import CourseError
from course_lib.planning import plan_runs
from course_lib.profiles import CI, PROFILES
from course_lib.report import write_report
from course_lib.runs import read_runs
from course_lib.workers import ctrl_c_waits

TINY = [
    "--profile",
    "ci",
    "--models",
    "plain,spatial",
    "--seeds",
    "1",
    "--epochs",
    "4",
    "--train-images",
    "128",
    "--batch",
    "16",
]
SLOWLY = ["--workers", "1"]  # one run after the other: time enough to be stopped

SAME = ["run_id", "status", "train_loss", "val_accuracy", "test_accuracy", "macs"]


def course(*arguments: str, **options) -> subprocess.Popen:
    """Start `course ...` as a process of its own."""
    command = [sys.executable, "-m", "course_lib.cli", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, **pipes, **options)


def finish(process: subprocess.Popen) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def results(out: Path) -> pd.DataFrame:
    """The rows that must be equal, in an order of their own."""
    runs = read_runs([out / "runs.csv"])
    return runs.sort_values("run_id", ignore_index=True)[SAME]


def hits(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (out / "hits").iterdir()}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("whole")
    status, text, errors = finish(course("compare", *TINY, "--out", out))
    assert status == 0, errors
    assert "plain" in text and "report.md" in text
    return out


def wait_for(condition, process: subprocess.Popen, what: str) -> None:
    for _ in range(1200):
        if condition():
            return
        assert process.poll() is None, f"ended before {what}: {finish(process)}"
        time.sleep(0.1)
    raise AssertionError(f"no {what} within two minutes")


def has_checkpoint(out: Path) -> bool:
    return any((out / "checkpoints").glob("*.pt"))


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_to_the_same_numbers(uninterrupted, tmp_path):
    process = course("compare", *TINY, *SLOWLY, "--out", tmp_path)
    wait_for(lambda: has_checkpoint(tmp_path), process, "checkpoint")
    workers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    finish(process)
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive, "training processes outlived the command"
    assert not (tmp_path / "runs.csv").exists() or len(results(tmp_path)) < 2

    status, _, errors = finish(course("compare", *TINY, "--out", tmp_path))
    assert status == 0, errors
    pd.testing.assert_frame_equal(results(tmp_path), results(uninterrupted))
    assert hits(tmp_path) == hits(uninterrupted)
    assert not has_checkpoint(tmp_path)


def hear_ctrl_c() -> None:
    """In a new process: a shell's background jobs are started deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent by signal")
def test_ctrl_c_ends_cleanly_and_goes_on(uninterrupted, tmp_path):
    command = ["compare", *TINY, *SLOWLY, "--out", tmp_path]
    process = course(*command, start_new_session=True, preexec_fn=hear_ctrl_c)
    wait_for(lambda: has_checkpoint(tmp_path), process, "checkpoint")
    os.killpg(process.pid, signal.SIGINT)  # a terminal interrupts all of them
    status, _, errors = finish(process)
    assert status == 130
    assert "Traceback" not in errors
    assert "The same command goes on" in errors
    status, _, errors = finish(course("compare", *TINY, "--out", tmp_path))
    assert status == 0, errors
    pd.testing.assert_frame_equal(results(tmp_path), results(uninterrupted))


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent by signal")
@pytest.mark.parametrize("other_threads", [0, 1])
def test_ctrl_c_while_workers_start_is_kept_for_later(other_threads):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    ends = threading.Event()
    threads = [threading.Thread(target=ends.wait) for _ in range(other_threads)]
    for thread in threads:  # it gets the signal, as a progress bar's thread may
        thread.start()
    interrupted = "import os, signal; os.kill(os.getpid(), signal.SIGINT); print('on')"
    reached = []
    try:
        with pytest.raises(KeyboardInterrupt), ctrl_c_waits():
            os.kill(os.getpid(), signal.SIGINT)
            child = subprocess.run(
                [sys.executable, "-c", interrupted], stdout=subprocess.PIPE
            )
            reached.append(child.stdout.split())
    finally:
        ends.set()
        after = signal.signal(signal.SIGINT, before)
    assert reached == [[b"on"]], "the block was torn, or the process started in it"
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert after is signal.default_int_handler


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent by signal")
def test_ctrl_c_that_was_ignored_before_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with ctrl_c_waits():
            os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs a limit on the size of files")
def test_full_disk_is_told_in_one_line_and_loses_nothing(uninterrupted, tmp_path):
    def no_large_files() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    limited = course("compare", *TINY, "--out", tmp_path, preexec_fn=no_large_files)
    status, _, errors = finish(limited)
    assert status == 2
    line = errors.strip().splitlines()[-1]
    assert line.startswith("course: cannot write") and "Free some space" in line
    assert "Traceback" not in errors
    assert not has_checkpoint(tmp_path)

    status, _, errors = finish(course("compare", *TINY, "--out", tmp_path))
    assert status == 0, errors
    pd.testing.assert_frame_equal(results(tmp_path), results(uninterrupted))


@pytest.mark.slow
def test_budget_stops_and_a_second_call_finishes(uninterrupted, tmp_path):
    command = ["compare", *TINY, "--out", tmp_path]
    status, text, errors = finish(course(*command, "--budget", "1s"))
    assert status == 0, errors
    assert "0 of 2 runs are done" in text
    status, _, errors = finish(course(*command, "--budget", "1h"))
    assert status == 0, errors
    pd.testing.assert_frame_equal(results(tmp_path), results(uninterrupted))


@pytest.mark.slow
def test_finished_runs_are_not_trained_again(uninterrupted):
    table = uninterrupted / "runs.csv"
    before = table.read_bytes()
    status, _, errors = finish(course("compare", *TINY, "--out", uninterrupted))
    assert status == 0, errors
    assert table.read_bytes() == before
    assert "img/s" not in errors


def test_outcome_files_agree_with_the_table(uninterrupted):
    for row in read_runs([uninterrupted / "runs.csv"]).to_dict("records"):
        packed = (uninterrupted / "hits" / f"{row['run_id']}.bin").read_bytes()
        bits = np.unpackbits(np.frombuffer(packed, np.uint8))[: row["test_images"]]
        assert bits.mean() == pytest.approx(row["test_accuracy_last"])
    report = (uninterrupted / "report.md").read_text(encoding="utf-8")
    assert "plain" in report and "cannot tell" in report
    assert (uninterrupted / "report.png").stat().st_size > 10_000


@pytest.mark.slow
def test_report_makes_the_table_again(uninterrupted, tmp_path):
    table = uninterrupted / "runs.csv"
    status, text, errors = finish(course("report", table, table, "--out", tmp_path))
    assert status == 0, errors
    assert (tmp_path / "report.md").exists()
    assert text.count("\nplain ") >= 1


BAD = {
    "unknown model": (["--models", "sea"], "model 'sea'"),
    "unknown data": (["--data", "cifar10"], "cifar10"),
    "unknown recipe": (["--recipe", "old"], "recipe 'old'"),
    "unknown placement": (["--placements", "top"], "placement 'top'"),
    "stages out of order": (["--stages", "43"], "--stages '43'"),
    "no fifth stage": (["--stages", "1,5"], "--stages '5'"),
    "unknown device": (["--device", "tpu"], "device 'tpu'"),
    "unknown profile": (["--profile", "big"], "profile 'big'"),
    "channels below reduction": (
        ["--models", "se", "--reduction", "64"],
        "32 channels",
    ),
    "seeds not positive": (["--seeds", "0"], "--seeds 0"),
    "budget not positive": (["--budget", "0m"], "budget"),
    "budget not a time": (["--budget", "soon"], "'soon'"),
    "images too small": (["--image-size", "8"], "images of 8 pixels"),
    "batch of zero": (["--batch", "0"], "--batch 0"),
    "batch of one": (["--batch", "1"], "a batch of 1"),
    "width of one": (["--width", "1"], "width 1"),
    "no names": (["--models", ","], "--models ','"),
    "no data": (["--data", ""], "data set ''"),
    "no such user": (["--data", "~no-such-user/x"], "~no-such-user/x"),
    "device with a word": (["--device", "cpu:x"], "device 'cpu:x'"),
    "a rate for a fixed recipe": (["--recipe", "reu2019", "--lr", "1"], "--lr 1"),
    "unknown option": (["--bugdet", "1m"], "No such option"),
    "not a number": (["--seeds", "three"], "'three'"),
}


@pytest.mark.parametrize("arguments, named", BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_line_and_status_2(arguments, named, tmp_path, capsys):
    from course_lib.cli import main

    with pytest.raises(SystemExit) as exit_:
        main(["compare", "--profile", "ci", *arguments, "--out", str(tmp_path / "out")])
    printed = capsys.readouterr()
    assert exit_.value.code == 2
    (line,) = [line for line in printed.err.splitlines() if line]
    assert line.startswith("course: ") and named in line
    assert not (tmp_path / "out").exists()


def test_cuda_asked_for_and_absent(tmp_path, capsys):
    import torch

    from course_lib.cli import main

    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(SystemExit) as exit_:
        main(["compare", "--device", "cuda", "--out", str(tmp_path / "out")])
    assert exit_.value.code == 2
    assert "--device cuda" in capsys.readouterr().err


@pytest.mark.parametrize("where", ["a file", "runs.csv is a folder", "read only"])
def test_unwritable_place_is_named(where, tmp_path, capsys):
    from course_lib.cli import main

    out = tmp_path / "out"
    if where == "a file":
        out.write_text("taken", encoding="utf-8")
    elif where == "runs.csv is a folder":
        (out / "runs.csv").mkdir(parents=True)
    else:
        out.mkdir()
        out.chmod(0o500)
        if os.access(out, os.W_OK):
            pytest.skip("this user may write everywhere")
    with pytest.raises(SystemExit) as exit_:
        main(["compare", *TINY, "--out", str(out)])
    assert exit_.value.code == 2
    assert str(out) in capsys.readouterr().err


def test_cut_off_table_is_refused_before_any_training(uninterrupted, tmp_path, capsys):
    from course_lib.cli import main

    out = tmp_path / "out"
    out.mkdir()
    content = (uninterrupted / "runs.csv").read_bytes()[:-20]
    (out / "runs.csv").write_bytes(content)
    with pytest.raises(SystemExit) as exit_:
        main(["compare", *TINY, "--out", str(out)])
    assert exit_.value.code == 2
    assert "cut off" in capsys.readouterr().err
    assert (out / "runs.csv").read_bytes() == content


def test_plan_takes_plain_once_and_every_placement_of_the_others():
    runs = plan_runs("signs", CI.signs, ["plain", "se"], 2, ["pre", "post"])
    asked = [(run.model, run.placement, run.seed) for run in runs]
    assert asked == [
        (model, place, seed)
        for seed in (0, 1)
        for model, place in [("plain", "branch"), ("se", "pre"), ("se", "post")]
    ]


def test_plan_takes_every_depth_asked_for():
    runs = plan_runs("signs", CI.signs, ["plain", "se"], 1, stages=["4", "34"])
    asked = [(run.model, run.placement, run.stages) for run in runs]
    assert asked == [
        ("plain", "branch", "1234"),
        ("se", "branch", "4"),
        ("se", "branch", "34"),
    ]


def test_plan_uses_each_modules_own_place():
    runs = plan_runs("signs", CI.signs, ["bam", "cbam"], 1)
    assert [(run.placement, run.stages) for run in runs] == [
        ("between_stages", "123"),
        ("branch", "1234"),
    ]
    sizes = dataclasses.replace(CI.signs, reduction=16)
    with pytest.raises(CourseError, match=r"8 channels with reduction 16"):
        plan_runs("signs", sizes, ["se"], 1, ["conv2"])


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
@pytest.mark.parametrize("data", ["signs", "cifar100", "folder:any"])
def test_every_model_fits_every_place_in_every_profile(profile, data):
    runs = plan_runs(data, profile.sizes(data), list(ATTENTION), 1, list(PLACEMENTS))
    assert len(runs) == 1 + 9 * len(PLACEMENTS)


@pytest.mark.slow
def test_a_run_that_diverges_is_recorded_and_the_others_go_on(tmp_path):
    sizes = dataclasses.replace(CI.signs, train_images=60, epochs=1)
    (run,) = plan_runs("signs", sizes, ["plain"], 1)
    runs = [dataclasses.replace(run, lr=1e30), run]
    table = compare(runs, tmp_path, workers=1)
    assert list(table["status"]) == ["failed: the loss is nan in epoch 1", "done"]
    again = compare(runs, tmp_path, workers=1)
    pd.testing.assert_frame_equal(again, table)
    path = write_report(table, tmp_path)
    assert "the loss is nan in epoch 1" in path.read_text(encoding="utf-8")
