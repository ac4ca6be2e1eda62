"""Inputs and properties for notebook 11: the mean of gradients."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.properties import close, difference
from course_lib.exercises.trials import (
    Trial,
    WrongType,
    answering,
    plain_tensor,
    random_tensor,
    type_text,
)

SHAPES = ((4, 3), (4,), (2, 3, 3), (1,))  # of four parameters


def gradient_trials(answer: Callable) -> Iterator[Trial]:
    """Three, two and five processes with a gradient for each parameter."""
    for ranks in (3, 2, 5):
        yield gradient_trial(answer, ranks)


def absent_trials(answer: Callable) -> Iterator[Trial]:
    """Some processes have no gradient for some parameter."""
    yield gradient_trial(answer, 3, frozenset({(1, 0), (0, 2), (2, 2)}))


def all_gradient_trials(answer: Callable) -> Iterator[Trial]:
    """With and without absent gradients."""
    yield from gradient_trials(answer)
    yield from absent_trials(answer)


def gradient_trial(
    answer: Callable, ranks: int, absent: frozenset[tuple[int, int]] = frozenset()
) -> Trial:
    """absent: (rank, parameter) without a gradient. The result is flattened."""
    inputs = {
        f"{rank} {p}": None
        if (rank, p) in absent
        else random_tensor(*shape, seed=100 + 10 * rank + p) + 0.5
        for rank in range(ranks)
        for p, shape in enumerate(SHAPES)
    }

    def function(*values: Tensor | None) -> Tensor:
        return torch.cat([t.flatten() for t in averages(answer, values)])

    text = f"{ranks} processes, {len(SHAPES)} parameters"
    return Trial(
        text + (f", {len(absent)} gradients None" if absent else ""),
        function,
        inputs,
        lambda v: slow_average(v, ranks),
    )


def averages(answer: Callable, values: tuple[Tensor | None, ...]) -> list[Tensor]:
    """The answer's list for gradients given in a row, rank by rank."""
    width = len(SHAPES)
    rows = [list(values[n : n + width]) for n in range(0, len(values), width)]
    result = answer(rows)
    if type(result) not in (list, tuple):
        raise WrongType(type_text(result), "a list with one tensor for each parameter")
    return [plain_tensor(one) for one in result]


def slow_average(v: dict[str, np.ndarray | None], ranks: int) -> np.ndarray:
    """Number by number."""
    parts = []
    for p, shape in enumerate(SHAPES):
        total = np.zeros(shape)
        for rank in range(ranks):
            if v[f"{rank} {p}"] is not None:
                total = total + v[f"{rank} {p}"]
        parts.append(total.ravel() / ranks)
    return np.concatenate(parts)


def one_for_each_parameter() -> Property:
    """As many tensors as parameters, each of its parameter's shape."""

    def test(answer: Callable) -> Failure | None:
        for trial in all_gradient_trials(answer):
            with answering(trial.text):
                found = averages(answer, tuple(trial.inputs.values()))
            shapes = tuple(tuple(one.shape) for one in found)
            if shapes != SHAPES:
                return Failure(
                    trial.text, f"shapes {SHAPES}", f"shapes {shapes}", (shapes,)
                )
        return None

    return Property(
        "one a parameter",
        "there is one result for each parameter, of its shape",
        "Loop over the parameters; average over the processes only.",
        test,
    )


def equal_processes() -> Property:
    """Where all processes hold the same, the mean is that."""

    def test(answer: Callable) -> Failure | None:
        for trial in gradient_trials(answer):
            first = {p: trial.inputs[f"0 {p}"] for p in range(len(SHAPES))}
            same = {name: first[int(name.split()[1])] for name in trial.inputs}
            result = trial.call(**{name: t.clone() for name, t in same.items()})
            wanted = torch.cat([t.flatten() for t in first.values()])
            if not close(result, wanted):
                return Failure(
                    f"{trial.text}, all processes equal",
                    "the gradient that each of them holds",
                    f"something else{difference(result, wanted)}",
                    (result, trial.call()),
                )
        return None

    return Property(
        "equal processes",
        "if all processes hold the same gradient, it is the mean",
        "Divide the sum by the number of processes.",
        test,
    )


def processes_renumbered() -> Property:
    """Which process has which number makes no difference."""

    def test(answer: Callable) -> Failure | None:
        for trial in gradient_trials(answer):
            ranks = len(trial.inputs) // len(SHAPES)
            moved = {
                f"{(rank + 1) % ranks} {p}": trial.inputs[f"{rank} {p}"].clone()
                for rank in range(ranks)
                for p in range(len(SHAPES))
            }
            before, after = trial.call(), trial.call(**moved)
            if not close(after, before):
                return Failure(
                    f"{trial.text}, processes renumbered",
                    "the same result as before",
                    f"another one{difference(after, before)}",
                    (before, after),
                )
        return None

    return Property(
        "processes renumbered",
        "no process counts more than another",
        "Add the gradients of all processes, each once.",
        test,
    )


def absent_is_zero() -> Property:
    """A process without a gradient counts as one with zeros."""

    def test(answer: Callable) -> Failure | None:
        for trial in absent_trials(answer):
            result, wanted = trial.call(), trial.expected()
            if not close(result, wanted):
                got = f"something else{difference(result, wanted)}"
                expected = "the mean with zeros for None"
                return Failure(trial.text, expected, got, (result,))
        return None

    return Property(
        "absent is zero",
        "a process without a gradient counts as one whose gradient is 0",
        "Divide by the number of all processes, absent gradients included.",
        test,
    )
