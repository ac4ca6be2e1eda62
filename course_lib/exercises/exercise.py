"""What an exercise is made of: its properties, its hints, its known-wrong answers."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Failure:
    """Why an answer does not have a property.

    input, expected, got: one line each, for the learner.
    evidence: what the answer produced, to be compared with what known-wrong answers
        produce (tensors, numbers or strings).
    cause: the likely cause, where the failure itself tells it.
    """

    input: str
    expected: str
    got: str
    evidence: tuple[object, ...] = ()
    cause: str | None = None


@dataclass(frozen=True)
class Property:
    """One law that a right answer obeys.

    name: short, used by WrongAnswer.rejected_by; statement: the law in words.
    advice: the next step when no known-wrong answer explains the failure.
    test: the answer -> None where the law holds, else a Failure.
    """

    name: str
    statement: str
    advice: str
    test: Callable[[Callable], Failure | None]


@dataclass(frozen=True)
class WrongAnswer:
    """A known mistake: the solution's text with one passage replaced.

    rejected_by: the name of the property that must be the first to fail.
    cause: what the learner reads; what went wrong, and the next step.
    """

    name: str
    old: str
    new: str
    rejected_by: str
    cause: str


@dataclass(frozen=True)
class Exercise:
    """One thing to write, and everything that is known about it.

    solution: the library's object; its source text is the solution's text.
    why: two sentences shown with the solution.
    hints: four, from a question to code with blanks.
    """

    name: str
    title: str
    notebook: str
    solution: Callable
    why: str
    hints: tuple[str, str, str, str]
    properties: tuple[Property, ...]
    wrong_answers: tuple[WrongAnswer, ...]
