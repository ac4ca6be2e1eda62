"""What a fair choice of the epoch must do."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.notebook07_trials import (
    TIED,
    chosen,
    histories,
    history_of,
    tied_histories,
)


def all_chosen(answer: Callable) -> Tensor:
    """The epochs of all histories: what tells one mistake from another."""
    return torch.stack([chosen(answer, *one) for one in histories()])


def choice_runs() -> Property:
    """It takes a history and returns a number."""

    def test(answer: Callable) -> None:
        for text, history in histories():
            chosen(answer, text, history)

    return Property(
        "runs",
        "it takes a history and returns a number",
        "Read the error: history is a list, each row a dict.",
        test,
    )


def is_an_epoch() -> Property:
    """The number is one of the history's epochs."""
    statement = "the number is the `epoch` of one of the rows"

    def test(answer: Callable) -> Failure | None:
        for text, history in histories():
            result = chosen(answer, text, history)
            epochs = [row["epoch"] for row in history]
            if result.numel() != 1 or result.item() not in epochs:
                wanted = f"one of {epochs[0]} to {epochs[-1]}"
                got = f"{result.tolist()}"
                return Failure(text, wanted, got, (all_results(answer),))
        return None

    return Property("an epoch", statement, 'Return best["epoch"].', test)


def all_results(answer: Callable) -> Tensor:
    """All results in one row, whatever their shapes."""
    return torch.cat([chosen(answer, *one).flatten() for one in histories()])


def blind_to_the_test_set() -> Property:
    """Other test accuracies, or none: the same epoch."""

    def test(answer: Callable) -> Failure | None:
        found, first = [], None
        for text, history in [*histories(), *tied_histories()]:
            before = chosen(answer, text, history).item()
            for row in history:  # every epoch once the best one on the test images
                other = [one | {"test_accuracy": 0.1} for one in history]
                other[history.index(row)]["test_accuracy"] = 0.25
                after = chosen(answer, f"{text}, other test accuracies", other).item()
                found.append(after)
                if after != before and first is None:
                    words = f"{text}; then epoch {row['epoch']} made best on the test"
                    first = (words, f"epoch {before:.0f}", f"epoch {after:.0f}")
        if first is not None:
            text, wanted, got = first
            got = f"{wanted}, then {got}"
            return Failure(text, f"{wanted} both times", got, (torch.tensor(found),))
        for text, history in histories():
            bare = [{k: row[k] for k in row if k != "test_accuracy"} for row in history]
            chosen(answer, f"{text}, no test_accuracy in the rows", bare)
        return None

    return Property(
        "test set unread",
        "whatever the test images say, the same epoch is chosen",
        'Read row["val_accuracy"], and nothing of the test images.',
        test,
    )


def highest_validation() -> Property:
    """The epoch with the highest val_accuracy."""

    def test(answer: Callable) -> Failure | None:
        for text, history in histories():
            result = chosen(answer, text, history).item()
            best = max(history, key=lambda row: row["val_accuracy"])
            if result != best["epoch"]:
                got = f"epoch {result:.0f}"
                wanted = f"epoch {best['epoch']}, val_accuracy {best['val_accuracy']}"
                return Failure(text, wanted, got, (all_chosen(answer),))
        return None

    return Property(
        "values",
        "the epoch with the highest val_accuracy",
        "Keep the best row so far and compare each row with it.",
        test,
    )


def ties_to_the_earlier() -> Property:
    """Of equal rows the earliest."""

    def test(answer: Callable) -> Failure | None:
        for text, (val, wanted) in TIED.items():
            result = chosen(answer, text, history_of(val)).item()
            if result != wanted:
                got = f"epoch {result:.0f}"
                return Failure(text, f"epoch {wanted}", got, (result,))
        return None

    return Property(
        "ties",
        "of two equal epochs the earlier counts",
        "Replace the best row only when another one is higher, not when equal.",
        test,
    )


def history_untouched() -> Property:
    """The caller's rows stay as they were, in their order."""

    def test(answer: Callable) -> Failure | None:
        for text, history in histories():
            given = [dict(row) for row in history]
            answer(given)
            if given != history:
                kind = "a row" if len(given) == len(history) else "its length"
                kind = (
                    "the order" if given != history and _same(given, history) else kind
                )
                return Failure(
                    text, "the history as it was", f"{kind} changed", (kind,)
                )
        return None

    return Property(
        "input not modified",
        "the caller's history stays as it was",
        "Look for .sort(), .pop(), .reverse() and assignments to a row.",
        test,
    )


def _same(a: list[dict], b: list[dict]) -> bool:
    """The same rows in any order."""
    return sorted(map(repr, a)) == sorted(map(repr, b))
