"""Endless loops, huge tensors, exits: `check` ends in a message all the same."""

import signal
import sys
import threading
import time

import pytest
import torch
from exercise_answers import outcome

from course_lib.attention import SqueezeExcitation
from course_lib.exercises import check, guard
from course_lib.exercises.catalogue import EXERCISES
from course_lib.exercises.engine import examine
from course_lib.exercises.guard import TimeLimit, guarded, time_limit, watching_thread
from course_lib.exercises.sources import compile_answer, solution_source

SQUEEZE = EXERCISES["squeeze"]
HAS_ALARM = hasattr(signal, "setitimer")


@pytest.fixture(autouse=True)
def own_log_and_short_limit(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path))
    monkeypatch.delenv("COURSE_STRICT", raising=False)
    monkeypatch.setattr(guard, "TIME_LIMIT", 2.0)


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
        for _ in range(200):  # on a busy machine it rings late
            if not rung:
                time.sleep(0.05)
        assert rung
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# --- memory, output, exits ----------------------------------------------------------


@pytest.mark.parametrize("count", [10**13, 4 * 10**9])
def test_a_huge_tensor(count):
    if count < 10**13 and not guard.can_limit_memory():
        pytest.skip("this machine grants it: see guard.py")
    failed, rows = outcome(lambda x: torch.ones(count))
    assert failed == "runs"
    assert rows["likely"].startswith("A tensor is far larger than needed")


@pytest.mark.skipif(not guard.can_limit_memory(), reason="see guard.py")
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
        for _ in range(1000):
            print("spam " * 10)
        return x.mean((2, 3))

    report, _ = examine(SQUEEZE, answer)
    assert report.status == "ok"
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


@pytest.fixture
def odd_session():
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    yield
    torch.set_default_device(None)
    torch.set_default_dtype(torch.float32)


def test_the_notebook_s_defaults_do_not_reach_a_check(odd_session):
    exercise = EXERCISES["SqueezeExcitation"]
    answer = compile_answer(exercise, solution_source(exercise))
    with torch.inference_mode():
        report, _ = examine(exercise, answer)
    assert report.status == "ok", report.text()
    assert torch.get_default_dtype() == torch.float64
    assert torch.empty(1).device.type == "meta"


def test_a_long_error_leaves_room_for_the_line():
    def answer(x):
        raise ValueError("long " * 1000)

    got = outcome(answer)[1]["got"]
    assert got.startswith("ValueError: long long")
    assert got.endswith('raise ValueError("long " * 1000)')


def test_a_module_without_its_gate_method():
    class NoGate(SqueezeExcitation):
        gate = property()

        def forward(self, x):
            return x * SqueezeExcitation.gate(self, x)

    failed, rows = outcome(NoGate, "SqueezeExcitation")
    assert failed == "gated"
    assert rows["got"] == "a module without gate(x)"


def test_the_guard_lets_errors_of_the_course_itself_out():
    with pytest.raises(ZeroDivisionError), guarded():
        print(1 / 0)
