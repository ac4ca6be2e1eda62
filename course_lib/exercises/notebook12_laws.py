"""Special properties for notebook 12: is the learner's own test a good test?"""

import functools
from collections.abc import Callable, Mapping

import torch

from course_lib.attention import AttentionFactory
from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.trials import AnswerError, WrongType, answering, type_text
from course_lib.impostors import RIGHT, WRONG


def complaints(answer: Callable, name: str, make: AttentionFactory) -> list[str]:
    """What the learner's test says about one module, for the same random numbers."""
    torch.manual_seed(0)
    with answering(f"broken_laws of {name!r}"):
        found = answer(make)
        if not isinstance(found, list):
            raise WrongType(type_text(found), "a list of names, [] for none")
        return [str(one) for one in found]


@functools.lru_cache(maxsize=64)
def caught_by(answer: Callable) -> dict[str, bool]:
    """Which impostors a test catches; an error counts as a complaint."""
    caught = {}
    for name, make in WRONG.items():
        try:
            caught[name] = bool(complaints(answer, name, make))
        except AnswerError as failed:
            if isinstance(failed.error, (WrongType, NotImplementedError)):
                raise
            caught[name] = True
    return caught


def laws_run() -> Property:
    """It takes a class and returns a list."""

    def test(answer: Callable) -> None:
        name = next(iter(RIGHT))
        complaints(answer, name, RIGHT[name])

    return Property(
        "runs",
        "it takes a class and returns a list",
        "Read the error, then call your function on ECA.",
        test,
    )


def no_false_alarm() -> Property:
    """Five ways to write ECA: none may be accused."""

    def test(answer: Callable) -> Failure | None:
        found = {name: complaints(answer, name, make) for name, make in RIGHT.items()}
        accused = {name: laws for name, laws in found.items() if laws}
        if accused:
            name, laws = next(iter(accused.items()))
            got = f"{name!r} is said to break {', '.join(laws)}"
            wanted = f"[] for each of {len(RIGHT)} right modules"
            return Failure("ECA, written in five ways", wanted, got, (repr(found),))
        return None

    return Property(
        "no false alarm",
        "ECA is accepted, however it is written",
        "Ask only for what the formula says, up to rounding, and for no names.",
        test,
    )


def catches(name: str, modules: Mapping[str, AttentionFactory]) -> Property:
    """Every impostor of one kind is caught."""

    def test(answer: Callable) -> Failure | None:
        caught = caught_by(answer)
        missed = [one for one in modules if not caught[one]]
        if missed:
            got = f"{sum(caught.values())} of {len(caught)} caught; not "
            got += ", ".join(map(repr, missed))
            text = f"{len(modules)} modules, and those of the other kinds"
            return Failure(text, "a complaint about each", got, (repr(caught),))
        return None

    return Property(
        name,
        f"every module with a wrong {name} is caught",
        "Which law does the module named above break? Add it.",
        test,
    )
