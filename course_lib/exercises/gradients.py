"""Does a gradient reach every input, and is it the slope one can measure?"""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.properties import Trials, probe_for
from course_lib.exercises.trials import Trial, answering, random_tensor

STEP = 1e-6  # of the central difference, in float64


def gradients(trials: Trials) -> Property:
    """Autograd's slope equals the measured slope, and is not 0, for every tensor."""

    def test(answer: Callable) -> Failure | None:
        for trial in trials(answer):
            return _slope_failure(trial.cast(torch.float64))
        return None

    return Property(
        "gradients",
        "a gradient reaches x and every weight",
        "Look for .detach(), .data, .item(), NumPy and torch.no_grad().",
        test,
    )


def _slope_failure(trial: Trial) -> Failure | None:
    leaves = {
        name: tensor.requires_grad_(name not in trial.frozen)
        for name, tensor in trial.tensors().items()
        if name not in trial.buffers
    }
    given = {name: leaf * 1 for name, leaf in leaves.items()}
    result = trial.call(**given)
    if any(tensor._version for tensor in given.values()):
        return None  # changed in place: "input not modified" says so
    expected = "the slope measured by moving each input a little"
    if not result.requires_grad:
        got = "a result without gradient history"
        return Failure(trial.text, expected, got, (got,))
    with answering(trial.text):
        (result * probe_for(result)).sum().backward()
    for name, leaf in leaves.items():
        direction = random_tensor(*leaf.shape, seed=43).double()
        measured = _measured_slope(trial, name, direction)
        autograd = 0.0 if leaf.grad is None else float((leaf.grad * direction).sum())
        wrong = abs(autograd - measured) > 1e-6 + 1e-3 * abs(measured)
        if wrong or measured == 0:
            label = name.removeprefix("module.")
            got = f"{label}: gradient {autograd:.3g}, measured slope {measured:.3g}"
            evidence = (leaf.grad is None, torch.tensor([autograd, measured]))
            return Failure(trial.text, expected, got, evidence)
    return None


def _measured_slope(trial: Trial, name: str, direction: Tensor) -> float:
    """How fast the probed result grows when one input moves along `direction`."""

    def height(step: float) -> float:
        moved = trial.tensors()[name] + step * direction
        result = trial.call(**{name: moved}).detach()
        return float((result * probe_for(result)).sum())

    return (height(STEP) - height(-STEP)) / (2 * STEP)
