"""What a comparison must do on a made-up machine: properties of time_ratio."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch

from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.notebook10_machine import Machine, Work
from course_lib.exercises.trials import WrongType, answering, type_text

NUMBERS = (int, float, np.float64, np.float32)


FACTORS = (2, 1, 8, 4, 6, 3, 9, 5, 7)  # how slow the machine is in each round
RATIOS = (1.2, 1.5, 1.1, 1.3, 1.6, 1.4, 1.0, 1.7, 1.8)
BAD = 9.0  # in place of the last
ROUNDS = len(FACTORS)


def thrice(machine: Machine, name: str) -> float:
    """The step takes 0.3 s, the base 0.1 s."""
    return 0.3 if name == "step" else 0.1


def cold(machine: Machine, name: str) -> float:
    """As `thrice`, and 0.3 s more right after the other one."""
    return thrice(machine, name) + 0.3 * (machine.before != name)


def planted(ratios: Sequence[float]) -> Work:
    """Another speed and another ratio in each round."""

    def work(machine: Machine, name: str) -> float:
        number = min(machine.round, ROUNDS - 1)
        return 0.1 * FACTORS[number] * (ratios[number] if name == "step" else 1)

    return work


def ratio_of(answer: Callable, machine: Machine, rounds: int, text: str) -> np.ndarray:
    """The three numbers that the answer returns: (3,)."""
    with answering(text):
        step, base = machine.case("step"), machine.case("base")
        result = answer(step, base, rounds, machine.clock, machine.wait)
        if type(result) not in (tuple, list, np.ndarray) or len(result) != 3:
            raise WrongType(type_text(result), "three numbers: low, median, high")
        for one in result:
            if type(one) not in NUMBERS:
                raise WrongType(type_text(one), "three numbers: low, median, high")
        return np.array(result, dtype=float)


def in_words(three: np.ndarray) -> str:
    """low, median, high."""
    return ", ".join(f"{one:.3g}" for one in three)


def ratio_runs() -> Property:
    """It returns three numbers."""

    def test(answer: Callable) -> None:
        for rounds in (4, 9):
            ratio_of(answer, Machine(thrice), rounds, f"{rounds} rounds on a CPU")

    return Property(
        "runs",
        "it takes two cases and returns three numbers",
        "Read the error. seconds_of takes a case, the clock and the wait.",
        test,
    )


def ratio_clock() -> Property:
    """The clock it was given is the one that is read."""

    def test(answer: Callable) -> Failure | None:
        machine, text = Machine(thrice), "2 rounds on a CPU"
        ratio_of(answer, machine, 2, text)
        looks = len(machine.looks)
        if looks:
            return None
        return Failure(text, "looks at the clock", f"{looks}", (looks,))

    return Property(
        "given clock",
        "it reads the clock that it was given",
        "Pass `clock` on to seconds_of.",
        test,
    )


def ratio_waits() -> Property:
    """At each look at the clock the device is idle."""

    def test(answer: Callable) -> Failure | None:
        machine, text = Machine(thrice, True), "2 rounds on a device working on its own"
        got = ratio_of(answer, machine, 2, text)
        if all(machine.idle):
            return None
        busy = machine.idle.count(False)
        said = f"busy at {busy} of {len(machine.idle)} looks; result {in_words(got)}"
        return Failure(text, "an idle device at each look", said, (machine.events,))

    return Property(
        "waits for the device",
        "the device is idle whenever the clock is read",
        "Pass wait on to seconds_of.",
        test,
    )


def known_ratio(name: str, statement: str, advice: str, work: Work) -> Property:
    """The step takes 0.3 s and the base 0.1 s, in every round."""

    def test(answer: Callable) -> Failure | None:
        text = f"5 rounds, step 0.3 s, base 0.1 s; {statement}"
        got = ratio_of(answer, Machine(work), 5, text)
        if np.allclose(got, 3):
            return None
        return Failure(text, "3, 3, 3", in_words(got), (torch.tensor(got),))

    return Property(name, statement, advice, test)


def takes_turns() -> Property:
    """Each round times both cases."""

    def test(answer: Callable) -> Failure | None:
        machine, text = Machine(thrice), "6 rounds"
        ratio_of(answer, machine, 6, text)
        order = machine.measured
        pairs = zip(order[::2], order[1::2], strict=False)
        both = sum(set(pair) == {"step", "base"} for pair in pairs)
        if both >= 6 and len(order) == 2 * both:
            return None
        got = f"timed in the order {' '.join(order)}"
        return Failure(text, "both cases in each round", got, (tuple(order),))

    return Property(
        "takes turns",
        "each round times both cases, one right after the other",
        "Put both measurements inside the loop over rounds.",
        test,
    )


def steps_in_a_round() -> Property:
    """Twice as many rounds take twice as many steps."""

    def test(answer: Callable) -> Failure | None:
        steps, text = [], "3 rounds, then 6"
        for rounds in (3, 6):
            machine = Machine(thrice)
            ratio_of(answer, machine, rounds, text)
            steps.append(machine.steps)
        if steps[1] == 2 * steps[0]:
            return None
        got = f"{steps[0]} steps, then {steps[1]}"
        return Failure(text, "twice as many steps", got, tuple(steps))

    return Property(
        "steps in a round",
        "each round runs as many steps as any other, however many rounds there are",
        "Print how often step and base are called in one round.",
        test,
    )


def who_goes_first() -> Property:
    """The other case goes first than in the round before."""

    def test(answer: Callable) -> Failure | None:
        machine, text = Machine(thrice), "12 rounds"
        ratio_of(answer, machine, 12, text)
        first = machine.measured[::2]
        if all(one != after for one, after in pairwise(first)):
            return None
        got = f"first in each round: {' '.join(first)}"
        return Failure(text, "step and base in turn", got, (tuple(first),))

    return Property(
        "who goes first",
        "in each round the other case goes first than in the round before",
        "Swap the two in every round: number % 2. A coin can favour one of them.",
        test,
    )


def on_planted(
    answer: Callable, ratios: Sequence[float], text: str
) -> tuple[np.ndarray, np.ndarray]:
    """The answer's three numbers, and the right ones."""
    got = ratio_of(answer, Machine(planted(ratios)), ROUNDS, text)
    return got, np.quantile(ratios, (0.25, 0.5, 0.75))


def slow_rounds() -> Property:
    """A slow machine slows both: the median of the rounds' ratios."""
    listed = ", ".join(map(str, FACTORS))
    text = f"9 rounds, the machine {listed} times as slow; ratios 1.0 to 1.8"

    def test(answer: Callable) -> Failure | None:
        got, right = on_planted(answer, RATIOS, text)
        if abs(got[1] - right[1]) < 1e-6:
            return None
        wanted, said = f"median {right[1]:.3g}", f"median {got[1]:.4g}"
        return Failure(text, wanted, said, (torch.tensor(got),))

    return Property(
        "slow rounds",
        "a round in which everything is slow changes nothing",
        "Divide within each round; take the median after that.",
        test,
    )


def one_bad_round() -> Property:
    """One round with a far larger ratio leaves the three numbers as they were."""
    text = f"9 rounds, in one of them the step takes {BAD:g} times as long"

    def test(answer: Callable) -> Failure | None:
        before, _ = on_planted(answer, RATIOS, text)
        after, _ = on_planted(answer, (*RATIOS[:-1], BAD), text)
        if np.allclose(before, after):
            return None
        wanted = f"{in_words(before)}, as without it"
        evidence = (torch.tensor(before), torch.tensor(after))
        return Failure(text, wanted, in_words(after), evidence)

    return Property(
        "one bad round",
        "one interrupted round moves neither the median nor the quartiles",
        "Means, sums and extremes follow a single round. Medians do not.",
        test,
    )


def right_quartiles() -> Property:
    """Lower quartile, median, upper quartile, in this order."""
    text = f"9 rounds with ratios {', '.join(map(str, sorted(RATIOS)))}"

    def test(answer: Callable) -> Failure | None:
        got, right = on_planted(answer, RATIOS, text)
        if np.allclose(got, right):
            return None
        return Failure(text, in_words(right), in_words(got), (torch.tensor(got),))

    return Property(
        "quartiles",
        "the three numbers are lower quartile, median and upper quartile",
        "np.quantile(ratios, (0.25, 0.5, 0.75)).",
        test,
    )
