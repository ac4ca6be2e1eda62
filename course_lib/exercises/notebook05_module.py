"""Inputs, slow formula and special properties for notebook 05: the whole module."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy import ndarray
from torch import nn

from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.notebook05_trials import channel_formula, spatial_formula
from course_lib.exercises.properties import close, difference
from course_lib.exercises.structure import Build
from course_lib.exercises.trials import (
    Trial,
    answering,
    core_shape,
    module_trial,
    random_tensor,
)


def module_trials(answer: Callable, method: str = "__call__") -> Iterator[Trial]:
    """One module an order, the first with the default one; eval mode."""
    for channels, reduction, options, shape, last in [
        (11, 4, {}, (2, 11, 5, 7), False),
        (10, 3, SPATIAL_FIRST, (3, 10, 6, 4), True),
        (13, 6, {"order": "parallel"}, (1, 13, 3, 8), False),
    ]:
        x = random_tensor(*shape, seed=59, channels_last=last) + 0.3
        given = "".join(f", {name}={value!r}" for name, value in options.items())
        yield module_trial(
            f"CBAM({channels}, {reduction}{given}) on x {shape}",
            lambda c=channels, r=reduction, o=options: answer(c, r, **o),
            x,
            lambda v, o=options: module_formula(v, **o),
            method,
        )


SPATIAL_FIRST = {
    "order": "spatial-first",
    "mlp_bias": False,
    "map_order": "mean-max",
    "kernel_size": 3,
}


def module_gate_trials(answer: Callable) -> Iterator[Trial]:
    """The same modules, asked for the product of their gates."""
    yield from module_trials(answer, "gate")


def module_formula(
    v: dict[str, ndarray],
    order: str = "channel-first",
    map_order: str = "max-mean",
    mlp_bias: bool = True,
    kernel_size: int = 7,
    pools: tuple[str, ...] = ("avg", "max"),
) -> ndarray:
    """x times both gates, with the weights recognised by their shapes."""
    x, found = v["x"], weights_by_shape(v)
    mlp = [found.get(name) for name in ("w1", "w2", "b1", "b2")]

    def norm(logits: ndarray) -> ndarray:
        mean, spread = found["running_mean"], np.sqrt(found["running_var"] + 1e-5)
        return (logits - mean) / spread * found["weight"] + found["bias"]

    def channel(y: ndarray) -> ndarray:
        return channel_formula(y, *mlp, pools)

    def spatial(y: ndarray) -> ndarray:
        return spatial_formula(y, found["kernel"], norm, map_order)

    if order == "parallel":
        return x * channel(x) * spatial(x)
    first, second = channel, spatial
    if order == "spatial-first":
        first, second = spatial, channel
    y = x * first(x)
    return y * second(y)


def weights_by_shape(v: dict[str, ndarray]) -> dict[str, ndarray]:
    """MLP, kernel and the single numbers of the BatchNorm, whatever their names.

    Raises LookupError when a part is missing.
    """
    channels, found = v["x"].shape[1], {}
    for name, weight in v.items():
        weight = weight.reshape(core_shape(weight.shape))
        if name == "x" or weight.ndim == 0:
            continue
        if weight.ndim == 2:
            found["w1" if weight.shape[1] == channels else "w2"] = weight
        elif weight.ndim == 4:
            found["kernel"] = weight
        elif len(weight) == 1:
            found[name.rpartition(".")[2]] = weight
        else:
            found["b2" if len(weight) == channels else "b1"] = weight
    if missing := {"w1", "w2", "kernel", "weight"} - set(found):
        raise LookupError(f"a gate is incomplete: {', '.join(sorted(missing))} missing")
    return found


def cbam_build(text: str, parameters: int, *sizes: int, **options: object) -> Build:
    """A module to count."""
    return Build(text, lambda answer: answer(*sizes, **options), parameters)


def gates_multiply() -> Property:
    """forward and gate agree, and the gate is one number for each value of x."""

    def test(answer: Callable) -> Failure | None:
        pairs = zip(module_trials(answer), module_gate_trials(answer), strict=True)
        for output, gate in pairs:
            x, y, g = output.tensors()["x"], output.call(), gate.call()
            if g.shape != x.shape:
                got = f"gate(x) of shape {tuple(g.shape)}"
                wanted = f"gate(x) of shape {tuple(x.shape)}"
                return Failure(output.text, wanted, got, (tuple(g.shape),))
            if not close(y, x * g):
                got = f"something else{difference(y, x * g)}"
                return Failure(output.text, "x * gate(x)", got, (y, g))
        return None

    return Property(
        "gated",
        "the output is x times gate(x), the product of both gates",
        "Write the same order into gate and into forward.",
        test,
    )


def starts_at_one_half() -> Property:
    """The authors' start: a scale of 0 makes every spatial gate 0.5, in training."""

    def test(answer: Callable) -> Failure | None:
        text = "CBAM(12, 4), fresh, in training mode"
        x = random_tensor(3, 12, 6, 5, seed=60)
        with answering(text), torch.no_grad():
            module: nn.Module = answer(12, 4).train()
            g = module.gate(x)
        spread = g.amax(dim=(2, 3)) - g.amin(dim=(2, 3))  # (N, C)
        if spread.max() <= 1e-6:
            return None
        got = f"a channel's gate differs by {spread.max():.2g} within a map"
        return Failure(text, "the same gate at every position", got, (g,))

    return Property(
        "start",
        "a fresh module has the same gate at every position",
        "Pass bn_momentum and bn_scale on to CBAMSpatial, in this order.",
        test,
    )


def arguments_passed_on() -> Property:
    """bn_scale, bn_momentum and pools reach the two gates."""
    given = 'CBAM(12, 4, bn_scale=1.0, bn_momentum=0.1, pools=("max",))'

    def build(answer: Callable) -> nn.Module:
        return answer(12, 4, bn_scale=1.0, bn_momentum=0.1, pools=("max",))

    def test(answer: Callable) -> Failure | None:
        with answering(given):
            module = build(answer)
        norms = [m for m in module.modules() if isinstance(m, nn.BatchNorm2d)]
        found = [(norm.weight.max().item(), norm.momentum) for norm in norms]
        if found != [(1.0, 0.1)]:
            got = ", ".join(f"scale {s:g}, momentum {m}" for s, m in found)
            wanted = "a BatchNorm with scale 1, momentum 0.1"
            return Failure(given, wanted, got or "no BatchNorm2d", tuple(found))
        trial = module_trial(
            given,
            lambda: build(answer),
            random_tensor(2, 12, 5, 6, seed=61) + 0.3,
            lambda v: module_formula(v, pools=("max",)),
        )
        result, wanted = trial.call(), trial.expected()
        if close(result, wanted):
            return None
        got = f"not equal{difference(result, wanted)}"
        return Failure(given, "the values of the maximum alone", got, (result,))

    return Property(
        "arguments",
        "bn_scale, bn_momentum and pools reach the gates",
        "Pass every argument on to CBAMChannel or CBAMSpatial.",
        test,
    )
