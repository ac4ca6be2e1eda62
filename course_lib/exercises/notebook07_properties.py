"""What a fair choice, a fair measurement and a fair order must do."""

import itertools
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.notebook07_trials import (
    IMAGES,
    TIED,
    Asked,
    asked,
    chosen,
    histories,
    history_of,
    moved_streams,
    order_of,
    tied_histories,
)

# --- choose_epoch ---------------------------------------------------------------------


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


# --- accuracy_of ----------------------------------------------------------------------


NEVER_CALLED = (
    "The given network was never called. Batches can be read only once, so count in "
    "the same loop; and use the network itself, not a copy."
)


def about_accuracy(
    name: str,
    statement: str,
    advice: str,
    fault: Callable[[Asked], tuple[str, ...] | None],
    evidence: Callable[[Asked], object] = lambda one: 0,
) -> Property:
    """A property of single calls.

    fault: None, or what was expected, what came, and the cause where it is certain.
    """

    def test(answer: Callable) -> Failure | None:
        every = list(asked(answer))
        for one in every:
            found = fault(one)
            if found is not None:
                expected, got, *cause = found
                said = torch.cat([each.accuracy.flatten() for each in every])
                more = tuple(repr(evidence(each)) for each in every)
                return Failure(one.text, expected, got, (said, *more), *cause)
        return None

    return Property(name, statement, advice, test)


def one_number(one: Asked) -> tuple[str, str] | None:
    """A single number came back."""
    if one.accuracy.numel() != 1:
        return "one number", f"shape {tuple(one.accuracy.shape)}"
    return ("a float", "a tensor with one number") if one.is_tensor else None


def a_share(one: Asked) -> tuple[str, str] | None:
    """It lies in 0..1."""
    value = one.accuracy.item()
    return None if 0 <= value <= 1 else ("a share in 0..1", f"{value:.4g}")


def always_eval(one: Asked) -> tuple[str, str] | None:
    """Every batch met the network in eval mode."""
    modes = one.network.seen.training
    if not any(modes):
        return None
    return "eval mode for each batch", f"train mode for {sum(modes)} of {len(modes)}"


def images_as_given(one: Asked) -> tuple[str, ...] | None:
    """The network saw each image once, unchanged, in any order."""
    wanted = "each of the 23 images once, as it was given"
    if not one.network.seen.images:
        return wanted, "the network saw no image", NEVER_CALLED
    seen = torch.cat(one.network.seen.images)
    if len(seen) != len(one.images):
        return wanted, f"{len(seen)} images"
    gap = (seen[:, None] - one.images).abs().amax(dim=(2, 3, 4))  # (seen, given)
    missing = int((gap.amin(dim=0) > 1e-6).sum())
    return (wanted, f"{missing} of them changed") if missing else None


def without_gradients(one: Asked) -> tuple[str, str] | None:
    """No graph was recorded."""
    if not any(one.network.seen.gradients):
        return None
    return "torch.no_grad() around the batches", "gradients were recorded"


def any_cut() -> Property:
    """The same images, cut up otherwise: the same accuracy."""

    def test(answer: Callable) -> Failure | None:
        first, *others = list(asked(answer))
        said = torch.stack([one.accuracy for one in (first, *others)])
        for one in others:
            if abs(one.accuracy - first.accuracy) > 1e-6:
                return Failure(
                    f"{first.text}; then {one.text.partition(', ')[0]}",
                    "the same accuracy both times",
                    f"{first.accuracy:.4f}, then {one.accuracy:.4f}",
                    (said,),
                )
        return None

    return Property(
        "unequal batches",
        "every image counts once, in a small batch as in a large one",
        "Add up right answers and images; divide once, at the end.",
        test,
    )


def the_share(one: Asked) -> tuple[str, str] | None:
    """It is the share of right answers, where there is a single batch."""
    if len(one.network.seen.images) > 1 or abs(one.accuracy.item() - one.truth) < 1e-6:
        return None
    return f"{one.truth:.4f}", f"{one.accuracy.item():.4f}"


def left_as_it_was(one: Asked) -> tuple[str, str] | None:
    """Mode, weights and buffers are what they were."""
    network = one.network
    mode = "train mode" if one.was_training else "eval mode"
    if {network.training, network.norm.training} != {one.was_training}:
        return f"the network back in {mode}", "it is in the other mode"
    now = network.state_dict()
    changed = [k for k, v in one.before.items() if not torch.equal(v, now[k])]
    return ("the same weights", f"{changed[0]} changed") if changed else None


# --- epoch_order ----------------------------------------------------------------------


def orders(answer: Callable) -> Tensor:
    """Orders of a few epochs: what tells one mistake from another."""
    some = [(0, 0), (0, 1), (1, 0), (2, 3)]
    return torch.stack([order_of(answer, *one) for one in some])


def order_runs() -> Property:
    """It takes three numbers and returns an int64 tensor."""

    def test(answer: Callable) -> None:
        for seed, epoch in [(0, 0), (3, 2), (1, 199)]:
            order_of(answer, seed, epoch)

    return Property(
        "runs",
        "it takes seed, epoch and a number of images, and returns an int64 tensor",
        "Read the error, then print what each line makes.",
        test,
    )


def order_shape() -> Property:
    """One entry an image."""

    def test(answer: Callable) -> Failure | None:
        for images in (IMAGES, 7):
            result = order_of(answer, 2, 1, images)
            if result.shape != (images,):
                got = f"shape {tuple(result.shape)}"
                text = f"seed 2, epoch 1, {images} images"
                return Failure(text, f"shape ({images},)", got, (got,))
        return None

    return Property(
        "shape", "one entry for each image", "torch.randperm(images) has it.", test
    )


def each_image_once() -> Property:
    """A permutation."""

    def test(answer: Callable) -> Failure | None:
        result = order_of(answer, 2, 1)
        wanted = torch.arange(IMAGES).double()
        if torch.equal(result.sort().values, wanted):
            return None
        got = f"{len(result.unique())} different numbers, from {result.min():.0f} "
        got += f"to {result.max():.0f}"
        text = f"seed 2, epoch 1, {IMAGES} images"
        return Failure(text, f"0 to {IMAGES - 1}, each once", got, (result,))

    return Property(
        "range",
        "each image comes once an epoch",
        "An order is a permutation: torch.randperm.",
        test,
    )


def shuffled() -> Property:
    """Neighbours part."""

    def test(answer: Callable) -> Failure | None:
        for seed, epoch in [(0, 0), (2, 1), (1, 4)]:
            result = order_of(answer, seed, epoch)
            together = (result.diff().abs() == 1).double().mean().item()
            if together > 0.3:
                text = f"seed {seed}, epoch {epoch}, {IMAGES} images"
                got = f"{100 * together:.0f} % of neighbours stay neighbours"
                return Failure(text, "a shuffled order", got, (orders(answer),))
        return None

    return Property(
        "shuffled",
        "images that follow each other on the disk do not in the batches",
        "Draw a permutation from the generator.",
        test,
    )


def same_again() -> Property:
    """Whatever was drawn in between, the same order."""

    def test(answer: Callable) -> Failure | None:
        state = np.random.get_state()
        try:
            np.random.seed(5)
            results = []
            for number in (1, 2, 3):
                torch.manual_seed(number)
                torch.rand(number)  # as the weights of a network with more layers
                results.append(order_of(answer, 4, 2))
        finally:
            np.random.set_state(state)
        if all(torch.equal(results[0], result) for result in results):
            return None
        same = int((results[0] == results[1]).sum())
        return Failure(
            "seed 4, epoch 2, twice, with other random numbers drawn in between",
            "the same order",
            f"another one: {same} of {IMAGES} images in their old places",
            tuple(results),
        )

    return Property(
        "same again",
        "the order depends on seed and epoch alone",
        "Make a generator in the function, seed it, and draw from it.",
        test,
    )


def differs(name: str, pairs: list[tuple[int, int]], words: str) -> Property:
    """No two of these (seed, epoch) have the same order."""

    def test(answer: Callable) -> Failure | None:
        found = {pair: order_of(answer, *pair) for pair in pairs}
        for one, other in itertools.combinations(pairs, 2):
            if torch.equal(found[one], found[other]):
                return Failure(
                    f"(seed, epoch) {one} and {other}",
                    "two orders",
                    "the same order",
                    (one, other, orders(answer)),
                    f"{one} and {other} become one number on their way to the "
                    "generator. Mix the two: SeedSequence((seed, epoch)).",
                )
        return None

    return Property(name, words, "Both numbers must reach the generator, apart.", test)


def global_numbers_stay() -> Property:
    """The random numbers of torch, NumPy and Python go on as if nothing was drawn."""

    def test(answer: Callable) -> Failure | None:
        moved = moved_streams(lambda: order_of(answer, 0, 1))
        if not moved:
            return None
        return Failure(
            "all random numbers seeded with 9, then seed 0, epoch 1",
            "the next random number of each library as without the call",
            f"another one: {' and '.join(moved)}",
            (order_of(answer, 0, 1), torch.rand(3), *moved),
            f"The call moves {' and '.join(moved)}'s numbers, which are for everybody. "
            "Seed a torch.Generator of your own and draw from it.",
        )

    return Property(
        "global numbers stay",
        "the caller's random numbers go on as if nothing was drawn",
        "torch.manual_seed is for everybody; a torch.Generator is yours alone.",
        test,
    )
