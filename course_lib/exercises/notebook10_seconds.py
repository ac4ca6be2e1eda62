"""What a stopwatch must do on a made-up machine: properties of seconds_of."""

from collections.abc import Callable

import numpy as np
import torch

from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.notebook10_machine import Machine
from course_lib.exercises.trials import WrongType, answering, type_text

NUMBERS = (int, float, np.float64, np.float32)


def compiles_first(machine: Machine, name: str) -> float:
    """50 s for the first step of all, then 0.2 s; 0.2, 0.4, 0.6 once it is timed."""
    if not machine.steps:
        return 50.0
    return 0.2 * (1 + machine.since) if machine.looks else 0.2


def seconds(answer: Callable, machine: Machine, steps: int) -> float:
    """What the answer says about a step of this machine."""
    with answering(words_of(machine, steps)):
        result = answer(machine.case("step"), machine.clock, machine.wait, steps)
        if type(result) not in NUMBERS:
            raise WrongType(type_text(result), "a number of seconds")
    return float(result)


def words_of(machine: Machine, steps: int) -> str:
    """A machine in words."""
    kind = "a device that works on its own" if machine.asks_ahead else "a CPU"
    return f"{kind}, first step 50 s, later ones from 0.2 s on, steps {steps}"


def seconds_run() -> Property:
    """It returns a number for one step and for several."""

    def test(answer: Callable) -> None:
        for asks_ahead in (False, True):
            for steps in (1, 3):
                seconds(answer, Machine(compiles_first, asks_ahead), steps)
        machine = Machine(compiles_first)
        with answering("steps left out"):
            answer(machine.case("step"), machine.clock, machine.wait)

    return Property(
        "runs",
        "it takes a step, a clock and a wait, and returns a number",
        "Read the error. step, clock and wait are functions without arguments.",
        test,
    )


def reads_the_clock() -> Property:
    """The clock it was given is the one it reads."""

    def test(answer: Callable) -> Failure | None:
        machine = Machine(compiles_first)
        seconds(answer, machine, 1)
        looks = len(machine.looks)
        if looks >= 2:
            return None
        expected, got = "at least 2 looks at the clock", f"{looks}"
        return Failure(words_of(machine, 1), expected, got, (looks,))

    return Property(
        "given clock",
        "it reads the clock that it was given",
        "Call clock() before and after.",
        test,
    )


def right_seconds(
    name: str, statement: str, advice: str, steps: int, wanted: float
) -> Property:
    """The result on a device that returns when a step is done."""

    def test(answer: Callable) -> Failure | None:
        machine = Machine(compiles_first)
        got = seconds(answer, machine, steps)
        if abs(got - wanted) < 1e-6:
            return None
        text, longer = words_of(machine, steps), Machine(compiles_first)
        seconds(answer, longer, 4)
        evidence = (torch.tensor(got), machine.events, longer.events)
        return Failure(text, f"{wanted:g} s", f"{got:.4g} s", evidence)

    return Property(name, statement, advice, test)


def one_warm_up() -> Property:
    """`steps` steps and one more, which is not counted."""

    def test(answer: Callable) -> Failure | None:
        machine = Machine(compiles_first)
        seconds(answer, machine, 3)
        if machine.steps == 4:
            return None
        expected, got = "4 steps, one of them not counted", f"{machine.steps} steps"
        return Failure(words_of(machine, 3), expected, got, (machine.events,))

    return Property(
        "one more step",
        "it runs `steps` steps after one that is not counted",
        "One step() before the clock starts is enough, whatever `steps` is.",
        test,
    )


def waits(name: str, place: int, statement: str, advice: str) -> Property:
    """The device is idle at one of the looks at the clock: 0 the first, -1 the last."""

    def test(answer: Callable) -> Failure | None:
        machine = Machine(compiles_first, asks_ahead=True)
        got = seconds(answer, machine, 3)
        if machine.idle[place]:
            return None
        said = f"still working; the result was {got:.4g} s"
        return Failure(words_of(machine, 3), statement, said, (machine.events,))

    return Property(name, statement, advice, test)


def no_wait_between() -> Property:
    """The device never runs dry between the two looks at the clock."""

    def test(answer: Callable) -> Failure | None:
        machine = Machine(compiles_first, asks_ahead=True)
        seconds(answer, machine, 3)
        timed = machine.events.partition("c")[2].replace("c", "")
        if "ws" not in timed:
            return None
        got = f"{timed.count('ws')} waits between steps"
        text = words_of(machine, 3)
        return Failure(text, "one wait, after all steps", got, (machine.events,))

    return Property(
        "no wait between",
        "the steps are asked for without a wait between them",
        "Wait once before the clock starts and once after the loop.",
        test,
    )
