"""Runs a learner's code so that whatever it does ends in a message.

What each limit can and cannot stop:

- Time. On Linux and macOS, in the main thread, an alarm interrupts Python code, sleeps
  and waits. Elsewhere (Windows, other threads) a watching thread raises the same error
  in the learner's code, which takes effect at the next Python instruction. Neither can
  stop one long call inside a C library, nor a loop that catches every error; there you
  interrupt or restart the kernel.
- Memory. On Linux without a CUDA device the address space may grow by MEMORY_BYTES.
  Elsewhere the allocator itself has to refuse; a request that fits the machine is
  granted.
- Output. Prints are kept up to PRINTED_CHARACTERS, the rest is dropped.
- `os._exit` and crashes inside C code end the process; nothing in it can prevent that.
"""

import contextlib
import ctypes
import io
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator

import psutil
import torch

# The property "dtype and device" needs this part of torch. It takes seconds to load,
# which would otherwise count as the learner's in the first check.
import torch._dynamo

from course_lib.exercises.messages import notebook_shell

TIME_LIMIT = 10.0  # seconds for all the properties of one check
MEMORY_BYTES = 2 * 2**30
PRINTED_CHARACTERS = 600


class TimeLimit(BaseException):
    """Raised in the learner's code when its time is over.

    Not an Exception, so that `except Exception` in that code does not swallow it.
    """


class CappedText(io.StringIO):
    """Keeps the first characters written to it and drops the rest."""

    def write(self, text: str) -> int:
        room = PRINTED_CHARACTERS - self.tell()
        if room > 0:
            super().write(text[:room])
        return len(text)


@contextlib.contextmanager
def guarded(seconds: float | None = None) -> Iterator[io.StringIO]:
    """Limits on time, memory and output; yields what was printed so far.

    Random state, default type and device, and gradient mode of the notebook neither
    reach the learner's code nor are changed by it.
    """
    printed = CappedText()
    with (
        restored_torch(),
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
        warnings.catch_warnings(action="ignore"),
        kernel_kept_alive(),
        memory_limit(MEMORY_BYTES),
        time_limit(TIME_LIMIT if seconds is None else seconds),
    ):
        yield printed


@contextlib.contextmanager
def restored_torch() -> Iterator[None]:
    """torch as in a fresh session with one thread; what was set before comes back."""
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    recursion = sys.getrecursionlimit()
    # One thread: starting a pool of threads under a memory limit can end the process.
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float32)
    try:
        with (
            torch.random.fork_rng(devices=[]),
            torch.device("cpu"),
            torch.inference_mode(False),
            torch.enable_grad(),
        ):
            yield
    finally:
        torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)
        sys.setrecursionlimit(recursion)


@contextlib.contextmanager
def kernel_kept_alive() -> Iterator[None]:
    """In a notebook, exit() asks the kernel to shut down; make it raise instead."""
    shell = notebook_shell()
    if shell is None:
        yield
        return

    def refuse() -> None:
        raise SystemExit

    shell.ask_exit = refuse
    try:
        yield
    finally:
        del shell.ask_exit  # the class's own method is found again


def time_limit(seconds: float) -> contextlib.AbstractContextManager[None]:
    """Raise TimeLimit inside the block after `seconds`; see the top of this file."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    if in_main_thread and hasattr(signal, "setitimer"):
        return alarm(seconds)
    return watching_thread(seconds)


@contextlib.contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """The time limit by signal; repeats, in case the learner's code swallows one."""

    def ring(number: int, frame: object) -> None:
        raise TimeLimit

    started = time.monotonic()
    handler_before = signal.signal(signal.SIGALRM, ring)
    remaining, interval = signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)
    try:
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:  # also when the alarm rings just before the line above
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler_before or signal.SIG_DFL)
        if remaining:  # someone else's alarm was running: give it back its time
            left = max(remaining - (time.monotonic() - started), 0.001)
            signal.setitimer(signal.ITIMER_REAL, left, interval)


@contextlib.contextmanager
def watching_thread(seconds: float) -> Iterator[None]:
    """The time limit by a thread, for Windows and for threads that get no signals."""
    watched = ctypes.c_ulong(threading.get_ident())
    lock, over = threading.Lock(), threading.Event()

    def watch() -> None:
        wait = seconds
        while not over.wait(wait):
            with lock:
                if not over.is_set():
                    raise_in(watched, TimeLimit)
            wait = 0.5

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        with lock:
            over.set()
            raise_in(watched, None)  # take back what was not delivered yet


def raise_in(thread: ctypes.c_ulong, error: type[BaseException] | None) -> None:
    """Ask Python to raise `error` in a thread; None withdraws the request."""
    argument = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, argument)


def can_limit_memory() -> bool:
    """Only Linux limits a running process; a CUDA driver reserves too much for it."""
    return sys.platform.startswith("linux") and not torch.cuda.is_available()


@contextlib.contextmanager
def memory_limit(extra_bytes: int) -> Iterator[None]:
    """Let the address space grow by `extra_bytes` at most, where that is possible."""
    if not can_limit_memory():
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = psutil.Process().memory_info().vms + extra_bytes
    if soft != resource.RLIM_INFINITY:
        limit = min(limit, soft)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
