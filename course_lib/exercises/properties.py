"""The properties that most exercises share, in the order of a check.

Each function makes one Property from `trials`, a function that turns an answer into
its trials. Results are compared bare: a shape must be right, not merely broadcastable.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.trials import AnswerError, Trial, random_tensor

Trials = Callable[[Callable], Iterator[Trial]]
Bounds = Callable[[Trial], tuple[Tensor, Tensor]]

RTOL, ATOL = 1e-4, 1e-5  # float32 against float64


def runs(trials: Trials) -> Property:
    """The answer takes every input and returns a tensor."""

    def test(answer: Callable) -> None:
        for trial in trials(answer):
            trial.call()  # raises AnswerError

    return Property(
        "runs",
        "it takes the input and returns a tensor",
        "Read the error, then print the shapes in the line before it.",
        test,
    )


def shape(trials: Trials) -> Property:
    """The bare result has the formula's shape."""

    def test(answer: Callable) -> Failure | None:
        tried = list(trials(answer))
        results = [trial.call() for trial in tried]
        for trial, result in zip(tried, results, strict=True):
            got, wanted = tuple(result.shape), tuple(trial.expected().shape)
            if got != wanted:
                shapes = tuple(tuple(result.shape) for result in results)
                evidence = (shapes, _varies(results[0]))
                return Failure(trial.text, f"shape {wanted}", f"shape {got}", evidence)
        return None

    return Property(
        "shape",
        "the result has the shape in the docstring",
        "Print the shape after each line and find the first that differs.",
        test,
    )


def _varies(result: Tensor) -> bool:
    """True for maps (N, C, H, W) whose two opposite corners differ in some channel."""
    if result.ndim != 4 or result.numel() == 0 or result.is_meta:
        return False
    return not torch.equal(result[0, :, 0, 0], result[0, :, -1, -1])


def dtype_and_device(trials: Trials) -> Property:
    """float64 in gives float64 out, and the result stays where the input is.

    The second device is "meta", which every machine has: it computes shapes only.
    """

    def test(answer: Callable) -> Failure | None:
        for trial in trials(answer):
            wide = trial.cast(torch.float64)
            text = f"{trial.text}, all float64"
            got = wide.call().dtype
            if got != torch.float64:
                # A tensor made anew, as by torch.zeros, is also on the wrong device.
                evidence = (str(got), _device_of(trial) == "meta")
                return Failure(text, "a float64 result", f"a {got} result", evidence)
            return _device_failure(trial)
        return None

    return Property(
        "dtype and device",
        "the result has the type of x and lives where x lives",
        "Make new tensors from x (x.new_zeros, torch.zeros_like), without .float().",
        test,
    )


def _device_failure(trial: Trial) -> Failure | None:
    got = _device_of(trial)
    if got in ("meta", ""):
        return None
    text = f"{trial.text}, all on a second device"
    return Failure(text, "the result on that device", got, (got,))


def _device_of(trial: Trial) -> str:
    """Where the result is when all inputs are on "meta"; or the error's text.

    "" where the answer looks at values, which "meta" has none of: no evidence.
    """
    inputs = {
        name: value.to("meta") if isinstance(value, Tensor) else value
        for name, value in trial.inputs.items()
    }
    try:
        return str(trial.call(**inputs).device)
    except AnswerError as failed:
        got = " ".join(str(failed.error).split())
        return got if "device" in got and "item" not in got else ""


def in_range(trials: Trials, statement: str, bounds: Bounds, advice: str) -> Property:
    """Every value lies between the bounds, ends included."""

    def test(answer: Callable) -> Failure | None:
        for trial in trials(answer):
            result = trial.call()
            low, high = bounds(trial)
            if not ((result >= low - ATOL) & (result <= high + ATOL)).all():
                got = f"values from {result.min():.3g} to {result.max():.3g}"
                return Failure(trial.text, statement, got, (result,))
        return None

    return Property("range", statement, advice, test)


def samples_independent(trials: Trials, batched: tuple[str, ...]) -> Property:
    """One sample alone gives what it gives within the batch.

    batched: names of the inputs whose first axis is the batch.
    """

    def test(answer: Callable) -> Failure | None:
        for trial in trials(answer):
            whole, tensors = trial.call(), trial.tensors()
            for n in range(len(whole)):
                one = {name: tensors[name][n : n + 1] for name in batched}
                alone, within = trial.call(**one), whole[n : n + 1]
                if not close(alone, within):
                    return Failure(
                        trial.text,
                        "a sample alone gives what it gives in the batch",
                        f"they differ for sample {n}{difference(alone, within)}",
                        (whole, alone),
                    )
        return None

    return Property(
        "samples independent",
        "no sample looks at another one",
        "Axis 0 is the batch: reduce over other axes only.",
        test,
    )


def values(trials: Trials) -> Property:
    """The result equals the slow formula with the same weights."""

    def test(answer: Callable) -> Failure | None:
        for trial in trials(answer):
            result, wanted = trial.call(), trial.expected()
            if not close(result, wanted):
                got = f"not equal{difference(result, wanted)}"
                return Failure(trial.text, "the slow formula's values", got, (result,))
        return None

    return Property(
        "values",
        "the values equal the formula's",
        "Work out one small example by hand and compare line by line.",
        test,
    )


def input_untouched(trials: Trials) -> Property:
    """The answer leaves every tensor it was given as it was."""

    def test(answer: Callable) -> Failure | None:
        for trial in trials(answer):
            given = trial.tensors()
            trial.call(**given)
            for name, before in trial.tensors().items():
                if not torch.equal(given[name], before):
                    return Failure(
                        trial.text,
                        f"{name} as it was before the call",
                        f"{name} was changed{difference(given[name], before)}",
                        (name, given[name]),
                    )
        return None

    return Property(
        "input not modified",
        "the caller's tensors stay as they were",
        "Look for +=, *=, names ending in _ and inplace=True on an input.",
        test,
    )


def close(a: Tensor, b: Tensor) -> bool:
    """Equal shapes, and values within the tolerance of float32."""
    if a.shape != b.shape:
        return False
    return torch.allclose(a.double(), b.double(), rtol=RTOL, atol=ATOL)


def difference(got: Tensor, wanted: Tensor) -> str:
    """`: 0.52 at [0, 2], 0.21 expected`: the largest difference, and where."""
    if got.shape != wanted.shape:
        return f": shape {tuple(got.shape)}, {tuple(wanted.shape)} expected"
    gap = (got.double() - wanted.double()).abs().nan_to_num(nan=torch.inf)
    place = [int(i) for i in torch.unravel_index(gap.argmax(), gap.shape)]
    here = tuple(place)
    return f": {got[here]:.4g} at {place}, {wanted[here]:.4g} expected"


def probe_for(result: Tensor) -> Tensor:
    """Fixed random factors that turn a result into one number to differentiate."""
    return random_tensor(*result.shape, seed=97).to(result)
