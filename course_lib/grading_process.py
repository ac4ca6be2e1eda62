"""Starts, hears and kills the process that checks one student's answers."""

import contextlib
import hashlib
import json
import multiprocessing
import os
import queue
import secrets
import signal
import sys
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from course_lib import grading_child
from course_lib.errors import CourseError

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 180.0  # to import PyTorch on a machine that is busy or cold
LONGEST_LINE = 10_000
SERVER_GONE = 255  # exit status of a child whose server was ended

# Importing PyTorch takes seconds. On Linux one process does it and is copied for each
# student; elsewhere copying is not safe, and each student's process does it anew.
METHOD = "forkserver" if sys.platform.startswith("linux") else "spawn"


class TooLate(Exception):
    """The child did not answer in time and was killed."""


class Ended(Exception):
    """The child ended by itself; the text says how."""


class Child:
    """One process that checks answers; killed with all it started when left.

    dead: it answers no more; forged: something else wrote to its private channel.
    server_gone: it may have ended because another student's answer ended the server.
    Raises CourseError where such a process cannot work on this machine.
    """

    def __init__(
        self, request: dict[str, Any], scratch: Path, method: str = METHOD
    ) -> None:
        self.dead = self.forged = self.server_gone = False
        self._key = secrets.token_hex(16)
        self._lines: queue.Queue[bytes] = queue.Queue(maxsize=100)
        context = multiprocessing.get_context(method)
        if method == "forkserver":
            context.set_forkserver_preload(["course_lib.grading_child"])
        here, there = context.Pipe(duplex=False)
        arguments = json.dumps(request), str(scratch), there, self._key
        self._process = context.Process(target=grading_child.main, args=arguments)
        self._process.start()
        there.close()
        threading.Thread(target=self._read, args=(here,), daemon=True).start()
        self._wait_until_ready()

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()

    def _read(self, channel: Connection) -> None:
        """Pass on the child's lines; an empty one at the end.

        In a thread, because a forged message that is never finished would wait here.
        """
        with contextlib.suppress(OSError, EOFError):
            while True:
                self._lines.put(channel.recv_bytes(LONGEST_LINE) or b"?")
        self._lines.put(b"")

    def _wait_until_ready(self) -> None:
        try:
            self.wait_for("ready", True, START_SECONDS)
        except (TooLate, Ended) as error:
            raise CourseError(
                f"the process for grading does not start ({error})",
                "a machine that can run one more process with PyTorch",
                "Run `course doctor`; close other programs if memory is short.",
            ) from error

    def wait_for(self, kind: str, value: object, seconds: float) -> dict[str, str]:
        """The next message, which has to be of this kind.

        Raises TooLate and Ended; the child is dead then. A line without the key, or a
        message out of turn, ends the child and sets `forged`.
        """
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            self.kill()
            raise TooLate from None
        if not line:
            raise Ended(self._end())
        message = self._decode(line)
        if message.get(kind) != value:
            self.forged = True
            self.kill()
            raise Ended("a message out of turn")
        return message

    def _end(self) -> str:
        """How the process ended, after its channel did."""
        self._process.join(5)
        status = self._process.exitcode
        self.kill()
        self.server_gone = status == SERVER_GONE
        return "the process closed its channel" if status is None else ended(status)

    def _decode(self, line: bytes) -> dict[str, Any]:
        """The message in a line, {} when it is none of the child's own."""
        key, _, text = line.decode("ascii", "replace").partition(" ")
        if not secrets.compare_digest(key.encode(), self._key.encode()):
            return {}
        try:
            return json.loads(text)
        except ValueError:
            return {}

    def kill(self) -> None:
        """End the process and everything that it started, as far as it can be found."""
        self.dead = True
        with contextlib.suppress(psutil.Error):
            for one in psutil.Process(self._process.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    one.kill()
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)  # its own group
        self._process.kill()
        self._process.join(10)


def ended(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"the process ended itself with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = str(-status)
    return f"the process was ended by signal {name}"


def course_digest() -> str:
    """A digest of the course's own Python files."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "course_lib").rglob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
