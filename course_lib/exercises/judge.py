"""Finds the first property that an answer fails, and the likely cause."""

import inspect
import re
from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_lib.exercises import guard
from course_lib.exercises.exercise import Exercise, Failure, Property, WrongAnswer
from course_lib.exercises.sources import is_stub_error, learner_line, wrong_object
from course_lib.exercises.trials import AnswerError, WrongType

TOO_LARGE = "A tensor is far larger than needed. Print the sizes you ask for."
OTHER_TYPE = "torch.zeros makes float32, whatever x is; use x.new_zeros(shape)."
CAUSES = {
    SystemExit: "exit() ends a program. Return the result instead.",
    RecursionError: "The function calls itself without end. Is a name used twice?",
    NameError: "A name is unknown here. Check its spelling, and run the set-up cell.",
    AttributeError: "Check the name's spelling; in a class, set it in __init__ first.",
}
CAUSES_BY_TEXT = {  # a part of the error's text -> the next step
    "'____'": "`____` is a blank of hint 4: fill it in.",
    "allocate memory": TOO_LARGE,
    "same dtype": OTHER_TYPE,
    "but found Double": OTHER_TYPE,
    "but found Float": OTHER_TYPE,
    "Module.__init__() call": "Call super().__init__() in the first line of __init__.",
    "Boolean value of Tensor": "A tensor is no yes or no. Ask `is not None`.",
}


class Unsolved(Exception):
    """The answer is still the stub."""


def first_failure(
    exercise: Exercise, answer: object
) -> tuple[Property, Failure] | None:
    """The first property that fails, and how; None when all hold.

    Raises Unsolved for a stub.
    """
    built = inspect.isclass(exercise.solution) and issubclass(type(answer), nn.Module)
    if built or not callable(answer):
        return exercise.properties[0], not_the_object(exercise, answer)
    for prop in exercise.properties:
        failure = failure_of(prop, answer)
        if failure is not None:
            return prop, failure
    return None


def failure_of(prop: Property, answer: Callable) -> Failure | None:
    """Test one property; an error in the learner's code is a failure too.

    Sets torch's random state: call it inside `guarded()`, which puts that back.
    """
    torch.manual_seed(0)  # whatever an answer draws is the same in every check
    try:
        return prop.test(answer)
    except AnswerError as failed:
        if is_stub_error(failed.error):
            raise Unsolved from failed
        return failure_from_error(failed.text, failed.error)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the result itself could not be examined
        return failure_from_error("the result of your code", error)


def not_the_object(exercise: Exercise, answer: object) -> Failure:
    """For a result in place of the function, or a module in place of its class."""
    kind = type(answer).__name__
    return Failure(
        f'check("{exercise.name}", ...)',
        "the function or class itself",
        f"an object of type {kind}",
        (kind,),
        f"Pass {exercise.name} without brackets: the check calls it.",
    )


def failure_from_error(text: str, error: BaseException) -> Failure:
    """An exception as a failure, at the learner's own line."""
    line = learner_line(error)
    at_line = f" at {line}" if line else ""
    if isinstance(error, WrongType):
        cause = f"Write it so that you give {error.wanted}."
        if error.got == "None":
            cause = "Is the line with `return` missing?"
        return Failure(text, error.wanted, error.got, (error.got,), cause)
    if isinstance(error, guard.TimeLimit):
        got = f"still running after {guard.TIME_LIMIT:g} seconds{at_line}"
        cause = "A loop does not end, or Python visits every pixel. Read that line."
        return Failure(text, "an answer in time", got, (), cause)
    message = error_text(error)
    short = message if len(message) <= 110 else message[:106] + " ..."
    cause = cause_of_error(error, message)
    # `s @ w` and F.linear(s, w) fail alike; newer torch versions name the operation.
    evidence = (re.sub(r"\b(addmm|mm): ", "", message),)
    return Failure(text, "no error", f"{short}{at_line}", evidence, cause)


def error_text(error: BaseException) -> str:
    """`TypeError: ...` in one line, even for an error whose text raises one."""
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = "(its text cannot be shown)"
    name = type(error).__name__
    return f"{name}: {text}" if text else name


def cause_of_error(error: BaseException, message: str) -> str | None:
    """The next step after an exception that no known-wrong answer raises.

    None where nothing is known about it: the property's advice is next then.
    """
    if isinstance(error, MemoryError):
        return TOO_LARGE
    for part, cause in CAUSES_BY_TEXT.items():
        if part in message:
            return cause
    for kind, cause in CAUSES.items():
        if isinstance(error, kind):
            return cause
    return None


def likely_cause(exercise: Exercise, prop: Property, failure: Failure) -> str:
    """The cause of the known-wrong answer that fails in the same way.

    Where there is none: what the failure itself tells, else the property's advice.
    """
    match = matching_wrong_answer(exercise, prop, failure)
    return match.cause if match is not None else failure.cause or prop.advice


def matching_wrong_answer(
    exercise: Exercise, prop: Property, failure: Failure
) -> WrongAnswer | None:
    """The known-wrong answer that produces the same evidence on the same inputs."""
    if not failure.evidence:
        return None
    for wrong in exercise.wrong_answers:
        if wrong.rejected_by == prop.name:
            other = failure_of(prop, wrong_object(exercise, wrong))
            if other is not None and same_evidence(failure.evidence, other.evidence):
                return wrong
    return None


def same_evidence(a: tuple[object, ...], b: tuple[object, ...]) -> bool:
    """Equal item by item; tensors within the rounding of float32."""
    return len(a) == len(b) and all(map(_same, a, b))


def _same(a: object, b: object) -> bool:
    if not isinstance(a, Tensor) or not isinstance(b, Tensor):
        return type(a) is type(b) and a == b
    if a.shape != b.shape:
        return False
    return torch.allclose(
        a.detach().double(), b.detach().double(), rtol=1e-3, atol=1e-4, equal_nan=True
    )
