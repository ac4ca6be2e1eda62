"""Inputs and special properties for the exercises of notebook 11, scaling out."""

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

# --- shard_indices ------------------------------------------------------------------

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


# --- average_gradients --------------------------------------------------------------

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


# --- rank_loss ----------------------------------------------------------------------

PARTS = [(4, 4), (5, 4, 4), (7, 1), (6, 3, 0)]  # images of each process


def loss_trials(answer: Callable) -> Iterator[Trial]:
    """Each process of each division that has images."""
    for parts in PARTS:
        for rank, own in enumerate(parts):
            if own:
                yield loss_trial(answer, parts, rank)


def loss_trial(answer: Callable, parts: tuple[int, ...], rank: int) -> Trial:
    """One process's losses, all different from 0."""
    losses = random_tensor(sum(parts), seed=71).abs() + 0.2
    own = losses.split(parts)[rank]
    total, ranks = sum(parts), len(parts)
    inputs = {"losses": own, "total": total, "ranks": ranks}

    def reference(v: dict[str, object]) -> np.ndarray:
        return np.add.reduce(v["losses"]) / (v["total"] / v["ranks"])

    text = f"losses ({len(own)},), total {total}, ranks {ranks}"
    return Trial(text, answer, inputs, reference)


def equal_shares() -> Property:
    """Equally many images each: a process's loss is the mean of its own."""

    def test(answer: Callable) -> Failure | None:
        for rank in range(2):
            trial = loss_trial(answer, (4, 4), rank)
            result, wanted = trial.call(), trial.inputs["losses"].mean()
            if not close(result, wanted):
                return Failure(
                    trial.text,
                    "the mean of these losses, as all have equally many",
                    f"something else{difference(result, wanted)}",
                    (result, loss_trial(answer, (7, 1), 0).call()),
                )
        return None

    return Property(
        "equal shares",
        "with equally many images each, it is the mean of one's own losses",
        "Check the factor with two processes of four images each.",
        test,
    )


def mean_over_all() -> Property:
    """The plain mean over the processes is the mean over all images."""

    def test(answer: Callable) -> Failure | None:
        for parts in [p for p in PARTS if all(p)]:
            trials = [loss_trial(answer, parts, rank) for rank in range(len(parts))]
            shares = torch.stack([trial.call() for trial in trials])
            every = torch.cat([trial.inputs["losses"] for trial in trials])
            if not close(shares.mean(), every.mean()):
                return Failure(
                    f"processes with {' and '.join(map(str, parts))} images",
                    f"losses whose plain mean is {every.mean():.4f}",
                    f"their plain mean is {shares.mean():.4f}",
                    (shares,),
                )
        return None

    return Property(
        "mean over all",
        "the plain mean over the processes is the mean over all images",
        "An image must weigh the same in whichever process it lies.",
        test,
    )


def empty_process() -> Property:
    """A process without an image adds 0, not NaN."""

    def test(answer: Callable) -> Failure | None:
        trial = loss_trial(answer, (6, 3, 0), 2)
        result = trial.call()
        if not close(result, torch.zeros(())):
            return Failure(trial.text, "0", f"{result.item():g}", (result,))
        return None

    return Property(
        "empty process",
        "a process without an image has a loss of 0",
        "Start from the sum: it is 0 for no numbers, while the mean is NaN.",
        test,
    )
