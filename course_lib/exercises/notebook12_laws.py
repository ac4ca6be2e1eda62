"""Special properties for notebook 12: is the learner's own test a good test?"""

import functools
from collections.abc import Callable, Mapping

from course_lib.attention import AttentionFactory
from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.notebook12_probes import complaints, mistake_of
from course_lib.exercises.trials import AnswerError, WrongType
from course_lib.impostors import RIGHT, WRONG


@functools.lru_cache(maxsize=64)
def found_by(answer: Callable) -> dict[str, list[str]]:
    """The names that a test gives for each impostor; ["error"] where it fails."""
    found = {}
    for name, make in WRONG.items():
        try:
            found[name] = complaints(answer, name, make)
        except AnswerError as failed:
            if isinstance(failed.error, (WrongType, NotImplementedError)):
                raise
            found[name] = ["error"]
    return found


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
    """Six ways to write ECA: none may be accused."""

    def test(answer: Callable) -> Failure | None:
        found = {name: complaints(answer, name, make) for name, make in RIGHT.items()}
        accused = {name: laws for name, laws in found.items() if laws}
        if accused:
            name, laws = next(iter(accused.items()))
            got = f"{name!r} is said to break {', '.join(laws)}"
            wanted = f"[] for each of {len(RIGHT)} right modules"
            kind, cause = mistake_of(answer, name, RIGHT[name])
            evidence = kind or repr(found)
            text = "ECA, written in six ways"
            return Failure(text, wanted, got, (evidence,), cause or None)
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
        caught = {one: bool(laws) for one, laws in found_by(answer).items()}
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


def all_named() -> Property:
    """A module that breaks several laws hears of several.

    A test of one or two laws may be a good test: only with three or more names, and
    never two of them together, is it sure that the others are kept back.
    """

    def test(answer: Callable) -> Failure | None:
        found = [laws for laws in found_by(answer).values() if laws != ["error"]]
        names = {law for laws in found for law in laws}
        if len(names) > 2 and max(map(len, found)) == 1:
            text = f"{len(found)} modules, which break {len(names)} laws in all"
            got = "one name for each module"
            return Failure(text, "all the laws that a module breaks", got, (got,))
        return None

    return Property(
        "all named",
        "a module that breaks several laws is told all of them",
        "Ask every law before you return.",
        test,
    )
