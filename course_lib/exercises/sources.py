"""Source text: a learner's, the library's, a stub's, and a known-wrong answer's."""

import ast
import functools
import inspect
import linecache
import os
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import torch

from course_lib.exercises.exercise import Exercise, WrongAnswer

LIBRARY_FOLDERS = tuple(
    str(folder) + os.sep
    for folder in (
        Path(__file__).parents[1],
        Path(torch.__file__).parent,
        *(sysconfig.get_paths()[key] for key in ("stdlib", "purelib", "platlib")),
    )
)


def source_of(answer: object) -> str:
    """The source text of a function or class, "" where there is none.

    Also finds a class defined in a notebook cell, which `inspect` alone does not on
    every Python version.
    """
    try:
        return _class_source(answer) or inspect.getsource(answer)
    except Exception:  # inspect raises many kinds, and an answer may be any object
        return ""


def _class_source(answer: object) -> str:
    if not inspect.isclass(answer):
        return ""
    for member in vars(answer).values():
        code = getattr(member, "__code__", None)
        if code is not None:
            text = "".join(linecache.getlines(code.co_filename))
            found = _class_in(text, answer.__name__, code.co_firstlineno)
            if found:
                return found
    return ""


def _class_in(text: str, name: str, line: int) -> str:
    """The class statement of that name around a line, "" if there is none."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return ""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef) or node.name != name:
            continue
        if node.lineno <= line <= node.end_lineno:
            return ast.get_source_segment(text, node) + "\n"
    return ""


def learner_line(error: BaseException) -> str:
    """Where an error left the learner's code: "line 4: z = F.relu(s)", or ""."""
    frame = _learner_frame(error)
    if frame is None:
        return ""
    filename, number = frame
    text = linecache.getline(filename, number).strip()
    return f"line {number}: {text}" if text else f"line {number}"


def _learner_frame(error: BaseException) -> tuple[str, int] | None:
    """File and line of the innermost frame that is no library's."""
    found, traceback = None, error.__traceback__
    while traceback is not None:
        filename = traceback.tb_frame.f_code.co_filename
        if not is_library(filename):
            found = filename, traceback.tb_lineno
        traceback = traceback.tb_next
    return found


def is_library(filename: str) -> bool:
    """True for files of Python, of installed packages and of the course itself."""
    return filename.startswith(("<frozen", *LIBRARY_FOLDERS))


def is_stub_error(error: BaseException) -> bool:
    """True when the learner's own code says `raise NotImplementedError`."""
    if not isinstance(error, NotImplementedError):
        return False
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return False
    return not is_library(traceback.tb_frame.f_code.co_filename)


@functools.cache
def solution_source(exercise: Exercise) -> str:
    """The text of the verified solution, from the library itself."""
    return inspect.getsource(exercise.solution)


def stub_source(exercise: Exercise) -> str:
    """The solution's text with every body replaced by `raise NotImplementedError`.

    Signatures, docstrings and, for a class, the first line of __init__ stay.
    """
    source = solution_source(exercise)
    lines = source.splitlines()
    nodes = ast.walk(ast.parse(source))
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
    for node in sorted(functions, key=lambda n: n.lineno, reverse=True):
        body = node.body
        keep = 1 if ast.get_docstring(node) else 0
        if node.name == "__init__":
            keep += 1  # super().__init__()
        indent = " " * body[0].col_offset
        first = body[keep].lineno - 1 if keep else body[0].lineno - 1
        stop = f'{indent}raise NotImplementedError("{exercise.name}")'
        lines[first : body[-1].end_lineno] = [stop]
    return "\n".join(lines) + "\n"


def wrong_source(exercise: Exercise, wrong: WrongAnswer) -> str:
    """The solution's text with the one replacement of a known-wrong answer.

    Raises ValueError unless the passage occurs exactly once.
    """
    source = solution_source(exercise)
    if source.count(wrong.old) != 1 or wrong.old == wrong.new:
        raise ValueError(
            f"{exercise.name}: {wrong.name}: {wrong.old!r} occurs "
            f"{source.count(wrong.old)} times in the solution; expected once, changed"
        )
    return source.replace(wrong.old, wrong.new)


@functools.cache
def wrong_object(exercise: Exercise, wrong: WrongAnswer) -> Callable:
    """The known-wrong answer, ready to call."""
    return compile_answer(exercise, wrong_source(exercise, wrong))


def compile_answer(exercise: Exercise, source: str) -> Callable:
    """Run a source text with the names of the solution's own file, and with torch."""
    module = sys.modules[exercise.solution.__module__]
    namespace = {"torch": torch} | vars(module)
    exec(compile(source, "<answer>", "exec"), namespace)
    return namespace[exercise.name]
