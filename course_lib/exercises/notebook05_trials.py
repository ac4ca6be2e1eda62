"""Inputs, slow formulas and special properties for the exercises of notebook 05."""

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor, nn

from course_lib.exercises import formulas
from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.properties import close, difference
from course_lib.exercises.structure import Build
from course_lib.exercises.trials import (
    Trial,
    answering,
    core_shape,
    module_trial,
    random_tensor,
    shape_text,
)


def sigmoid(logits: ndarray) -> ndarray:
    """1 / (1 + exp(-logit)), one number at a time."""
    flat = [1 / (1 + math.exp(-logit)) for logit in logits.flatten()]
    return np.array(flat).reshape(logits.shape)


# --- cbam_channel_gate --------------------------------------------------------------

# N, C, H, W, hidden units, biases, channels_last, poolings.
CHANNEL_SIZES = [
    (2, 6, 7, 5, 3, True, False, ("avg", "max")),
    (3, 11, 4, 9, 2, False, True, ("avg", "max")),
    (1, 7, 3, 13, 4, True, False, ("max",)),
]


def channel_trials(answer: Callable) -> Iterator[Trial]:
    """With biases, without them, and with one pooling for a batch of one."""
    for n, c, h, w, hidden, biases, last, pools in CHANNEL_SIZES:
        tensors = {
            "x": 2 * random_tensor(n, c, h, w, seed=51, channels_last=last) + 0.3,
            "w1": random_tensor(hidden, c, seed=52) / 2,
            "w2": random_tensor(c, hidden, seed=53) / 2,
            "b1": 1 + random_tensor(hidden, seed=54) / 4 if biases else None,
            "b2": random_tensor(c, seed=55) if biases else None,
        }
        text = f"{shape_text(tensors)}, pools {pools}"
        inputs = tensors | {"pools": pools}
        reference = lambda v: channel_formula(*v.values())  # noqa: E731
        yield Trial(text, answer, inputs, reference)


def channel_formula(
    x: ndarray,
    w1: ndarray,
    w2: ndarray,
    b1: ndarray | None,
    b2: ndarray | None,
    pools: tuple[str, ...] = ("avg", "max"),
) -> ndarray:
    """The same MLP for every pooling, one sum, one sigmoid: -> (N, C, 1, 1)."""
    logits = np.zeros(x.shape[:2])
    for kind in pools:
        s = formulas.squeeze(x) if kind == "avg" else largest_of_map(x)
        hidden = formulas.relu(formulas.layer(s, w1, b1))
        logits = logits + formulas.layer(hidden, w2, b2)
    return sigmoid(logits)[:, :, None, None]


def largest_of_map(x: ndarray) -> ndarray:
    """Largest value of each channel: x (N, C, H, W) -> (N, C)."""
    s = np.zeros(x.shape[:2])
    for n, image in enumerate(x):
        for c, values in enumerate(image):
            s[n, c] = max(values.flatten().tolist())
    return s


# --- channel_maps -------------------------------------------------------------------


def maps_trials(answer: Callable) -> Iterator[Trial]:
    """Both orders, maps with H > W and H < W, a batch of one."""
    for n, c, h, w, order, last in [
        (2, 6, 7, 5, "max-mean", False),
        (3, 5, 4, 9, "mean-max", True),
        (1, 7, 3, 11, "max-mean", False),
    ]:
        x = random_tensor(n, c, h, w, seed=56, channels_last=last) - 0.4
        text = f"x {tuple(x.shape)}, map_order {order!r}"
        reference = lambda v: maps_formula(*v.values())  # noqa: E731
        yield Trial(text, answer, {"x": x, "map_order": order}, reference)


def maps_formula(x: ndarray, map_order: str = "max-mean") -> ndarray:
    """Largest and mean value over the channels, pixel by pixel: -> (N, 2, H, W)."""
    n, _, height, width = x.shape
    maps = np.zeros((n, 2, height, width))
    first = 0 if map_order == "max-mean" else 1
    for k in range(n):
        for i in range(height):
            for j in range(width):
                values = x[k, :, i, j].tolist()
                maps[k, first, i, j] = max(values)
                maps[k, 1 - first, i, j] = sum(values) / len(values)
    return maps


def smallest_and_largest_channel(trial: Trial) -> tuple[Tensor, Tensor]:
    """Largest and mean value of a pixel lie between them."""
    x = trial.inputs["x"]
    return x.amin(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)


def renumber_channels(trial: Trial) -> dict[str, Tensor]:
    """The channels of x in another order."""
    return {"x": trial.tensors()["x"].roll(1, dims=1)}


def unchanged(trial: Trial) -> Tensor:
    """What the answer says about the inputs as they are."""
    return trial.call()


# --- cbam_spatial_gate --------------------------------------------------------------


def stand_in_norm(logits: ndarray) -> ndarray:
    """Takes BatchNorm's place: scales and shifts, tensors and arrays alike."""
    return 1.5 * logits + 0.3


def spatial_trials(answer: Callable) -> Iterator[Trial]:
    """Kernels of 7, 3 and 5; with and without norm; one side of 3."""
    for n, c, h, w, k, norm, order, last in [
        (2, 6, 7, 9, 7, stand_in_norm, "max-mean", False),
        (3, 5, 8, 4, 3, None, "mean-max", True),
        (1, 7, 3, 11, 5, stand_in_norm, "max-mean", False),
    ]:
        tensors = {
            "x": random_tensor(n, c, h, w, seed=57, channels_last=last) - 0.4,
            "weight": 3 * random_tensor(1, 2, k, k, seed=58) / k,
        }
        text = f"{shape_text(tensors)}, norm {'given' if norm else None}, {order}"
        inputs = tensors | {"norm": norm, "map_order": order}
        reference = lambda v: spatial_formula(*v.values())  # noqa: E731
        yield Trial(text, answer, inputs, reference)


def spatial_formula(
    x: ndarray, weight: ndarray, norm: Callable | None, map_order: str = "max-mean"
) -> ndarray:
    """Two maps, one convolution, norm where given, sigmoid: -> (N, 1, H, W)."""
    maps = maps_formula(x, map_order)
    logits = formulas.convolution(maps, weight, padding=weight.shape[2] // 2)
    return sigmoid(logits if norm is None else norm(logits))


def silence_kernel(trial: Trial) -> dict[str, Tensor]:
    """A kernel of zeros."""
    return {"weight": torch.zeros_like(trial.inputs["weight"])}


def gate_of_zero(trial: Trial) -> Tensor:
    """The gate where every logit of the convolution is 0."""
    n, _, height, width = trial.inputs["x"].shape
    logit = 0.3 if trial.inputs["norm"] else 0.0
    return torch.full((n, 1, height, width), logit).sigmoid()


# --- CBAM ---------------------------------------------------------------------------


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
