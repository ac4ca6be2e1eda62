"""Inputs and properties for notebook 11: who takes which image."""

from collections.abc import Callable, Iterator

import numpy as np
import torch

from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.properties import close
from course_lib.exercises.trials import Trial

COUNTS = [(12, 3), (13, 3), (17, 4)]  # images, processes
SEED, EPOCH = 5, 2


def shard_trials(answer: Callable) -> Iterator[Trial]:
    """Counts that the processes can and cannot divide; each process in turn."""
    for count, ranks in COUNTS:
        for rank in range(ranks):
            yield shard_trial(answer, count, rank, ranks, SEED, EPOCH)


def shard_trial(
    answer: Callable, count: int, rank: int, ranks: int, seed: int, epoch: int
) -> Trial:
    """One call, labelled by its arguments."""
    inputs = {"count": count, "rank": rank, "ranks": ranks}
    inputs |= {"seed": seed, "epoch": epoch}
    text = ", ".join(f"{name} {value}" for name, value in inputs.items())
    return Trial(text, answer, inputs, slow_shard)


def slow_shard(v: dict[str, int]) -> np.ndarray:
    """The places of one process, counted one by one like cards that are dealt."""
    generator = torch.Generator().manual_seed(v["seed"] + v["epoch"])
    order = torch.randperm(v["count"], generator=generator).tolist()
    return np.array(
        [image for n, image in enumerate(order) if n % v["ranks"] == v["rank"]]
    )


def whole_numbers() -> Property:
    """The result can index images."""

    def test(answer: Callable) -> Failure | None:
        for trial in shard_trials(answer):
            got = trial.call().dtype
            if got != torch.int64:
                text = f"{got} numbers"
                return Failure(trial.text, "int64 numbers", text, (text,))
        return None

    return Property(
        "whole numbers",
        "the result numbers images: int64",
        "torch.randperm gives int64; leave it so.",
        test,
    )


def same_again() -> Property:
    """The same call gives the same numbers: every process can compute every shard."""

    def test(answer: Callable) -> Failure | None:
        for trial in shard_trials(answer):
            first, second = trial.call(), trial.call()
            if not close(first, second):
                got = f"{first.tolist()}, then {second.tolist()}"
                expected = "the same numbers in a second call"
                return Failure(trial.text, expected, got, ("changes",))
        return None

    return Property(
        "same again",
        "the same arguments give the same images",
        "Draw from a generator of your own, seeded from seed and epoch.",
        test,
    )


def own_generator() -> Property:
    """The random numbers of the rest of the program stay as they are."""

    def test(answer: Callable) -> Failure | None:
        for trial in shard_trials(answer):
            before = torch.get_rng_state()
            trial.call()
            if not torch.equal(before, torch.get_rng_state()):
                expected = "torch's global generator as before the call"
                got = "its state was changed"
                return Failure(trial.text, expected, got, (got,))
        return None

    return Property(
        "generator of its own",
        "the call leaves torch's global generator alone",
        "Draw from torch.Generator(), and pass generator=generator.",
        test,
    )


def every_image_once() -> Property:
    """All processes together hold each image, and none twice."""

    def test(answer: Callable) -> Failure | None:
        for count, ranks in COUNTS:
            shards = [
                shard_trial(answer, count, rank, ranks, SEED, EPOCH).call()
                for rank in range(ranks)
            ]
            every = torch.cat([shard.flatten() for shard in shards])
            if sorted(every.tolist()) != list(range(count)):
                missing = count - len(set(every.tolist()) & set(range(count)))
                twice = len(every) - len(every.unique())
                return Failure(
                    f"count {count}, all {ranks} processes together",
                    f"each of the {count} images once",
                    f"{missing} missing, {twice} too many",
                    tuple(shards),
                )
        return None

    return Property(
        "every image once",
        "the processes together take every image, and none twice",
        "Let all processes draw one order, and share out its places.",
        test,
    )


def changes_with(name: str, trials: dict[str, tuple[int, int]]) -> Property:
    """Another seed or epoch is another order. trials: words -> (seed, epoch)."""

    def test(answer: Callable) -> Failure | None:
        found = {
            words: shard_trial(answer, 30, 0, 2, seed, epoch).call()
            for words, (seed, epoch) in trials.items()
        }
        words = list(found)
        for n, one in enumerate(words):
            for other in words[n + 1 :]:
                if torch.equal(found[one], found[other]):
                    return Failure(
                        f"count 30, rank 0, ranks 2: {one}, {other}",
                        "different images or another order",
                        "the same in both",
                        tuple(found.values()),
                    )
        return None

    return Property(
        f"{name}s differ",
        f"another {name} gives another order",
        f"Let the generator's seed depend on {name}.",
        test,
    )


def same_batches() -> Property:
    """The k-th images of all processes are what one process would take next."""

    def test(answer: Callable) -> Failure | None:
        for count, ranks in COUNTS:
            one = shard_trial(answer, count, 0, 1, SEED, EPOCH).call()
            shards = [
                shard_trial(answer, count, rank, ranks, SEED, EPOCH).call()
                for rank in range(ranks)
            ]
            each = 2  # images of a process in its first batch
            together = torch.cat([shard[:each] for shard in shards])
            wanted = one[: each * ranks]
            if sorted(together.tolist()) != sorted(wanted.tolist()):
                return Failure(
                    f"count {count}, the first {each} images of {ranks} processes",
                    f"the first {each * ranks} of one process: {wanted.tolist()}",
                    f"{together.tolist()}",
                    (*shards, one),
                )
        return None

    return Property(
        "same batches",
        "all processes together train on the batches of one process",
        "Deal the order out like cards: place n goes to process n % ranks.",
        test,
    )
