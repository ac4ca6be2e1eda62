"""What a fair order of the images must do."""

import itertools
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.notebook07_trials import IMAGES, moved_streams, order_of


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
