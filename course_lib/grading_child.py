"""The process in which one student's answers are checked: started by `grading`.

It is given the answers, tells their outcomes through a private channel, and sends all
that is printed nowhere. What this guards against, and how:

- Forged outcomes. A line counts only with a key that this process alone was given, and
  only once for each exercise. Printing `[ok]` does nothing.
- A changed engine. After a check that passed, the functions of the course, of PyTorch
  and of Python that checks rely on must be the ones from before, and a known-wrong
  answer must still be rejected.
- Hanging, crashing, filling memory or disk: limits here and in `grading`.

What it cannot prevent: the answers run in the same process as the checks and with the
rights of whoever grades. Code written for that purpose can find the key in memory, put
functions back after changing them, delete or read files, end other processes, and use
the network.
"""

import builtins
import inspect
import json
import linecache
import math
import os
import sys
import types
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import psutil
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.exercises import guard
from course_lib.exercises.catalogue import EXERCISES
from course_lib.exercises.engine import examine
from course_lib.exercises.exercise import Exercise, Failure, Property
from course_lib.exercises.judge import failure_from_error, is_stub_error
from course_lib.exercises.sources import wrong_object

GIVEN = {"torch": torch, "nn": nn, "F": F, "Tensor": Tensor}
WATCHED = (torch, torch.nn, F, torch.func, torch.linalg, torch.testing, np, math)
WATCHED += (builtins, inspect, json, os, sys, Tensor, nn.Module, Property, Failure)

# What an answer may know of the grader's environment: no passwords, no home folder.
PASSED_ON = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC")
REDIRECTED = ("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", "COURSE_PROGRESS")

MOST_CHANNELS = 65_536  # more than a process has

Snapshot = dict[tuple[str, str], tuple[object, ...]]


class Channel:
    """Tells outcomes to the grading process, each with the key."""

    def __init__(self, connection: Connection, key: str) -> None:
        self._connection, self._key, self._process = connection, key, os.getpid()

    def tell(self, **message: object) -> None:
        """Send one message; a copy of this process made by fork sends nothing."""
        if os.getpid() == self._process:
            line = f"{self._key} {json.dumps(message)}"
            self._connection.send_bytes(line.encode("ascii"))


def main(content: str, scratch: str, connection: Connection, key: str) -> None:
    """Check the answers that the request holds, one after the other.

    content: the request, as JSON; scratch: an empty folder to run in.
    """
    request, channel = json.loads(content), Channel(connection, key)
    separate(scratch, connection.fileno())
    guard.TIME_LIMIT = request["check_seconds"]
    canaries = {job["exercise"]: canary(job["exercise"]) for job in request["jobs"]}
    set_limits(int(request["memory_bytes"]))
    before = snapshot()
    channel.tell(ready=True)
    solved = {}
    for job in request["solved"]:
        solved[job["exercise"]] = build(job, solved)[0]
    for job in request["jobs"]:
        name = job["exercise"]
        channel.tell(begin=name)
        outcome = grade_one(EXERCISES[name], job, solved)
        if outcome["outcome"] == "solved":
            outcome |= tampering(before, EXERCISES[name], canaries[name])
        channel.tell(verdict=name, **outcome)


def separate(scratch: str, kept: int) -> None:
    """Leave the grader's folder, environment, process group, output and channels.

    kept: the number of the one channel that stays open.
    """
    if os.name == "posix":
        os.setsid()
        # Python's channels to its own helpers: an answer could end these through them.
        os.closerange(3, kept)
        os.closerange(kept + 1, MOST_CHANNELS)
    os.chdir(scratch)
    environment = {key: os.environ[key] for key in PASSED_ON if key in os.environ}
    environment |= dict.fromkeys(REDIRECTED, scratch) | {"CUDA_VISIBLE_DEVICES": ""}
    os.environ.clear()
    os.environ.update(environment)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)


def set_limits(memory_bytes: int) -> None:
    """Limit memory and forbid files with content; on Windows there is no way to."""
    if os.name != "posix":
        return
    import resource

    total = psutil.Process().memory_info().vms + memory_bytes
    limits = {"RLIMIT_AS": total, "RLIMIT_FSIZE": 0, "RLIMIT_CORE": 0}
    for name, value in limits.items():
        _, hard = resource.getrlimit(getattr(resource, name))
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        resource.setrlimit(getattr(resource, name), (value, value))


def grade_one(
    exercise: Exercise, job: dict[str, Any], solved: dict[str, Any]
) -> dict[str, str]:
    """Outcome, failed property and likely cause of one answer."""
    answer, error = build(job, solved)
    if error is not None and is_stub_error(error):
        return {"outcome": "not solved", "property": "", "detail": ""}
    if error is not None:
        failure = failure_from_error("the cell and what it needs", error)
        return failed("runs", f"{failure.got}. {failure.cause or ''}")
    try:
        report, prop = examine(exercise, answer)
    except BaseException as error:  # KeyboardInterrupt, which a check lets through
        return failed("runs", f"{type(error).__name__} raised by the answer")
    if report.status == "ok":
        solved[exercise.name] = answer
        return {"outcome": "solved", "property": "", "detail": ""}
    if report.status == "unsolved":
        return {"outcome": "not solved", "property": "", "detail": ""}
    rows = dict(report.rows)
    return failed(prop, f"{rows.get('got', '')}. {rows.get('likely', '')}")


def failed(prop: str, detail: str) -> dict[str, str]:
    """The outcome of an answer without a property, in one short line."""
    outcome = "timeout" if detail.startswith("still running after") else "wrong"
    text = " ".join(detail.split())[:400]
    return {"outcome": outcome, "property": prop, "detail": text}


def build(
    job: dict[str, Any], solved: dict[str, Any]
) -> tuple[object, BaseException | None]:
    """The student's object and None, or the error that running its cell raised.

    Other exercises that it calls are the student's own where they passed, else the
    verified ones.
    """
    name, source = job["exercise"], job["source"]
    module = types.ModuleType(f"handed_in_{name}")
    module.__dict__.update(GIVEN)
    for used in job["uses"]:
        module.__dict__[used] = solved.get(used, EXERCISES[used].solution)
    sys.modules[module.__name__] = module
    file = f"<handed in: {name}>"
    linecache.cache[file] = len(source), None, source.splitlines(True), file
    try:
        with guard.guarded():
            exec(compile(source, file, "exec"), module.__dict__)
            return module.__dict__[name], None
    except BaseException as error:
        return None, error


def canary(name: str) -> Callable:
    """A known-wrong answer that fails the latest of the properties."""
    exercise = EXERCISES[name]
    order = [prop.name for prop in exercise.properties]
    wrong = max(exercise.wrong_answers, key=lambda w: order.index(w.rejected_by))
    return wrong_object(exercise, wrong)


def tampering(before: Snapshot, exercise: Exercise, wrong: Callable) -> dict[str, str]:
    """The outcome "tampered" when a pass cannot be believed; nothing otherwise."""
    after = snapshot()
    for key, values in before.items():
        if not same_objects(values, after.get(key, ())):
            detail = "it replaced " + ".".join(key)
            return {"outcome": "tampered", "property": "", "detail": detail}
    if examine(exercise, wrong)[0].status == "ok":
        detail = "after it, the check accepts a known-wrong answer"
        return {"outcome": "tampered", "property": "", "detail": detail}
    return {}


def same_objects(a: tuple[object, ...], b: tuple[object, ...]) -> bool:
    """The very same objects, whatever they say about being equal."""
    return len(a) == len(b) and all(x is y for x, y in zip(a, b, strict=True))


def snapshot() -> Snapshot:
    """Every function and class that checks rely on, with the code that it runs."""
    owners = [m for n, m in sys.modules.items() if n.partition(".")[0] == "course_lib"]
    found: Snapshot = {}
    for owner in [*owners, *WATCHED]:
        place = getattr(owner, "__name__", str(owner))
        for name, value in list(vars(owner).items()):
            if callable(value) and name != "_":
                code = getattr(value, "__code__", None)
                found[place, name] = (value, code, getattr(value, "__defaults__", None))
    for exercise in EXERCISES.values():
        tests = [prop.test for prop in exercise.properties]
        found["EXERCISES", exercise.name] = (exercise, exercise.solution, *tests)
    return found
