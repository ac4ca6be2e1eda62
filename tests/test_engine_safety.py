"""Whatever an answer does, `check` ends in a message and returns something usable."""

import signal
import subprocess
import sys
import threading
import time

import pytest
import torch
from torch import Tensor, nn

from course_lib.exercises import check, guard
from course_lib.exercises.catalogue import EXERCISES
from course_lib.exercises.engine import examine
from course_lib.exercises.guard import TimeLimit, guarded, time_limit, watching_thread

SQUEEZE = EXERCISES["squeeze"]
HAS_ALARM = hasattr(signal, "setitimer")


@pytest.fixture(autouse=True)
def own_log_and_short_limit(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path))
    monkeypatch.delenv("COURSE_STRICT", raising=False)
    monkeypatch.setattr(guard, "TIME_LIMIT", 2.0)


def outcome(answer, name="squeeze"):
    """The failed property and the message's rows."""
    report, failed = examine(EXERCISES[name], answer)
    assert report.status == "failed"
    assert len(report.lines()) == 5
    return failed, dict(report.rows)


# --- wrong types --------------------------------------------------------------------


@pytest.mark.parametrize("answer", [None, 3, "se_gate", torch.ones(2), [1]])
def test_something_that_cannot_be_called(answer):
    failed, rows = outcome(answer)
    assert failed == "runs"
    assert rows["got"] == f"an object of type {type(answer).__name__}"
    assert rows["likely"].startswith("Pass squeeze without brackets")


def test_a_module_in_place_of_its_class():
    failed, rows = outcome(nn.Linear(2, 2), "SqueezeExcitation")
    assert failed == "runs"
    assert "positional arguments" in rows["got"]


def test_a_function_in_place_of_a_class():
    failed, rows = outcome(lambda *a, **k: 3, "SqueezeExcitation")
    assert (failed, rows["got"]) == ("runs", "an object of type int, not an nn.Module")


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (None, "None. Is the line with `return` missing?"),
        (1.5, "an object of type float, not a torch.Tensor"),
        ([torch.ones(1)], "an object of type list, not a torch.Tensor"),
        (NotImplemented, "an object of type NotImplementedType, not a torch.Tensor"),
        (torch.ones(2).numpy(), "an object of type ndarray, not a torch.Tensor"),
    ],
)
def test_a_result_of_the_wrong_type(result, words):
    failed, rows = outcome(lambda x: result)
    assert (failed, rows["got"]) == ("runs", words)


def test_a_sparse_result():
    failed, rows = outcome(lambda x: x.mean((2, 3)).to_sparse())
    assert failed == "runs"
    assert "torch.sparse_coo" in rows["got"]


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (lambda x: x.mean((2, 3)).long(), "dtype and device"),
        (lambda x: x.mean((2, 3)) > 0, "dtype and device"),
        (lambda x: x.mean((2, 3)).to(torch.complex64), "dtype and device"),
        (lambda x: x.mean((2, 3)).to("meta"), "range"),
        (lambda x: x.mean((2, 3)) * torch.nan, "range"),
        (lambda x: x.mean((2, 3)) * torch.inf, "range"),
        (lambda x: x.new_zeros(0, 3), "shape"),
        (lambda x: x, "shape"),
    ],
)
def test_results_of_another_kind(answer, failed):
    assert outcome(answer)[0] == failed


def test_wrong_numbers_of_arguments():
    assert "takes 0 positional arguments" in outcome(lambda: 1)[1]["got"]
    assert "missing 1 required positional" in outcome(lambda x, y: x)[1]["got"]


# --- objects that lie ---------------------------------------------------------------


class LyingTensor(Tensor):
    """Says it has the right shape, and that it equals everything."""

    @property
    def shape(self):
        return torch.Size((2, 6))

    def __eq__(self, other):
        return True

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return torch.ones(2, 6)


def test_a_tensor_that_lies_about_its_shape():
    failed, rows = outcome(lambda x: torch.ones(5, 4).as_subclass(LyingTensor))
    assert (failed, rows["got"]) == ("shape", "shape (5, 4)")


class NotATensor:
    """Pretends to be a tensor."""

    __class__ = Tensor
    shape, dtype, device = torch.Size((2, 6)), torch.float32, torch.device("cpu")

    def __repr__(self):
        raise RuntimeError("no text for you")


def test_an_object_that_pretends_to_be_a_tensor():
    failed, rows = outcome(lambda x: NotATensor())
    assert failed == "runs"
    assert rows["got"] == "an object of type NotATensor, not a torch.Tensor"


class NoText(Exception):
    def __str__(self):
        raise ValueError("an error without a text")


def test_an_error_without_a_text():
    def answer(x):
        raise NoText

    assert "NoText: (its text cannot be shown)" in outcome(answer)[1]["got"]


def test_an_answer_that_is_right_only_the_first_time():
    calls = []

    def answer(x):
        calls.append(x)
        return x.mean((2, 3)) if len(calls) < 12 else "enough"

    _, rows = outcome(answer)
    assert rows["got"] == "an object of type str, not a torch.Tensor"


def test_an_answer_that_knows_what_check_expects_cannot_reach_it():
    def answer(x):
        x.resize_(1)
        return torch.zeros(2, 6)

    failed, _ = outcome(answer)
    assert failed == "shape"  # the second input; the first was a copy


def test_inputs_are_fresh_for_every_call():
    def answer(x):
        result = x.mean((2, 3))
        x.zero_()
        return result

    failed, rows = outcome(answer)
    assert failed == "input not modified"
    assert rows["got"].startswith("x was changed: 0 at")


# --- endless loops ------------------------------------------------------------------


def endless(x):
    while True:
        x = x + 1


def test_an_endless_loop_ends_at_its_line():
    _, rows = outcome(endless)
    assert rows["got"].startswith("still running after 2 seconds at line ")
    assert "x = x + 1" in rows["got"] or "while True:" in rows["got"]
    assert rows["likely"].startswith("A loop does not end")


def test_an_endless_loop_that_catches_exceptions():
    def answer(x):
        while True:
            try:
                x = x + 1
            except Exception:
                x = 0

    assert "still running" in outcome(answer)[1]["got"]


@pytest.mark.skipif(not HAS_ALARM, reason="this system has no alarm signal")
def test_a_sleep_is_interrupted():
    started = time.monotonic()
    assert "still running" in outcome(lambda x: time.sleep(60))[1]["got"]
    assert time.monotonic() - started < 30


def test_the_time_limit_holds_in_another_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(outcome(endless)))
    thread.start()
    thread.join(60)
    assert found and "still running" in found[0][1]["got"]


def test_the_watching_thread_works_in_the_main_thread_too():
    # As on Windows, where there is no alarm.
    with pytest.raises(TimeLimit), watching_thread(0.3):
        endless(0)
    assert sum(range(10**6)) > 0  # nothing is delivered later


@pytest.mark.skipif(not HAS_ALARM, reason="this system has no alarm signal")
def test_someone_else_s_alarm_is_given_back():
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *a: rung.append(True))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with time_limit(30):
            time.sleep(0.7)
        assert not rung
        time.sleep(0.2)
        assert rung
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# --- memory, output, exits ----------------------------------------------------------


@pytest.mark.parametrize("count", [10**13, 4 * 10**9])
def test_a_huge_tensor(count):
    if count < 10**13 and not sys.platform.startswith("linux"):
        pytest.skip("only Linux can limit the memory of a running process")
    failed, rows = outcome(lambda x: torch.ones(count))
    assert failed == "runs"
    assert rows["likely"].startswith("A tensor is far larger than needed")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="see guard.py")
def test_the_memory_limit_is_lifted_afterwards():
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    outcome(lambda x: torch.ones(10**13))
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_a_huge_shape_without_memory():
    failed, rows = outcome(lambda x: torch.zeros(1).expand(10**7, 10**7))
    assert (failed, rows["got"]) == ("shape", "shape (10000000, 10000000)")


def test_a_flood_of_prints(capsys):
    def answer(x):
        for _ in range(20_000):
            print("spam " * 10)
        return x.mean((2, 3))

    report, _ = examine(SQUEEZE, answer)
    assert len(report.text()) < 2000
    assert "spam" not in capsys.readouterr().out  # not beside the report


@pytest.mark.parametrize("leave", [sys.exit, exit, lambda: quit(3)])
def test_an_exit_is_a_message(leave):
    assert outcome(lambda x: leave())[1]["likely"].startswith("exit() ends a program.")


def test_an_endless_recursion():
    def answer(x):
        return answer(x)

    assert "calls itself without end" in outcome(answer)[1]["likely"]


def test_any_other_way_out_is_a_message():
    class Odd(BaseException):
        pass

    def answer(x):
        raise Odd("way out")

    assert "Odd: way out" in outcome(answer)[1]["got"]


def test_an_interrupt_by_the_learner_passes_through():
    def answer(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check("squeeze", answer)


def test_global_settings_are_put_back():
    def answer(x):
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        torch.set_num_threads(1)
        torch.manual_seed(1)
        sys.setrecursionlimit(200_000)
        sys.stdout = None
        return x.mean((2, 3))

    threads, limit, out = torch.get_num_threads(), sys.getrecursionlimit(), sys.stdout
    examine(SQUEEZE, answer)
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()
    assert (torch.get_num_threads(), sys.getrecursionlimit()) == (threads, limit)
    assert sys.stdout is out


def test_a_check_works_inside_no_grad():
    with torch.no_grad():
        report, _ = examine(SQUEEZE, lambda x: x.mean((2, 3)))
        assert report.status == "ok"
        assert not torch.is_grad_enabled()


def test_the_guard_lets_errors_of_the_course_itself_out():
    with pytest.raises(ZeroDivisionError), guarded():
        print(1 / 0)


# --- in a real kernel ---------------------------------------------------------------

CELLS = """
from course_lib.exercises import check
from course_lib.exercises import guard
guard.TIME_LIMIT = 2.0
---
def squeeze(x):
    total = 0
    while True:
        total += 1
---
squeeze = check("squeeze", squeeze)
---
class SqueezeExcitation(torch.nn.Module):
    def __init__(self, channels, reduction=16, bias=True):
        super().__init__()
        self.a = torch.nn.Linear(channels, channels // reduction, bias)

    def forward(self, x):
        return x * self.b(x)
---
import torch
---
class SqueezeExcitation(torch.nn.Module):
    def __init__(self, channels, reduction=16, bias=True):
        super().__init__()
        self.a = torch.nn.Linear(channels, channels // reduction, bias)

    def forward(self, x):
        return x * self.b(x)
---
SqueezeExcitation = check("SqueezeExcitation", SqueezeExcitation)
---
squeeze = check("squeeze", lambda x: exit())
---
print(squeeze(torch.ones(1, 2, 3, 4)).tolist(), SqueezeExcitation.__module__)
---
from course_lib.exercises.progress import last_answer
print(last_answer("SqueezeExcitation"))
"""


@pytest.mark.slow
def test_messages_in_a_jupyter_kernel():
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    cells = [cell.strip() for cell in CELLS.split("---")]
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    client = nbclient.NotebookClient(notebook, timeout=120, allow_errors=True)
    client.execute()
    errors = [
        (number, output.evalue)
        for number, cell in enumerate(notebook.cells)
        for output in cell.outputs
        if output.output_type == "error"
    ]
    assert errors == [(3, "name 'torch' is not defined")]
    endless_loop, broken, leaves = (
        notebook.cells[n].outputs[0].data for n in (2, 6, 7)
    )
    assert (
        "still running after 2 seconds at line 4: total += 1"
        in (endless_loop["text/plain"])
        or "line 3: while True:" in endless_loop["text/plain"]
    )
    assert (
        "has no attribute 'b' at line 8: return x * self.b(x)" in broken["text/plain"]
    )
    assert broken["text/html"].startswith("<div")
    assert "exit() ends a program." in leaves["text/plain"]
    used, source = (notebook.cells[n].outputs[0].text for n in (8, 9))
    assert used == "[[1.0, 1.0]] course_lib.attention.squeeze_excitation\n"
    assert source.startswith("class SqueezeExcitation(torch.nn.Module):")


def test_the_matrix_runs_as_a_program():
    command = [sys.executable, "-m", "course_lib.exercises"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr
    exercises, wrong = len(EXERCISES), 0
    for exercise in EXERCISES.values():
        wrong += len(exercise.wrong_answers)
        assert f"{exercise.name} (notebook {exercise.notebook})" in done.stdout
    assert f"{exercises} exercises, {wrong} wrong answers, 0 faults" in done.stdout
