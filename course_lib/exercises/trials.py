"""One call of a learner's function or module: its inputs, its result, its errors.

A module becomes a function of x and of its weights, so that the same properties serve
both. Weights are found and filled by shape: no check depends on a parameter's name.
"""

import contextlib
import math
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

Reference = Callable[[dict[str, np.ndarray | None]], np.ndarray]


class AnswerError(Exception):
    """The learner's code raised `error` (or gave no tensor) on the input `text`."""

    def __init__(self, text: str, error: BaseException) -> None:
        super().__init__(text)
        self.text = text
        self.error = error


class WrongType(Exception):
    """The learner's code returned `got` where `wanted` was asked for."""

    def __init__(self, got: str, wanted: str) -> None:
        super().__init__(got)
        self.got = got
        self.wanted = wanted


@contextlib.contextmanager
def answering(text: str) -> Iterator[None]:
    """Label whatever the learner's code raises with the input it was given."""
    try:
        yield
    except (KeyboardInterrupt, GeneratorExit, AnswerError):
        raise
    except BaseException as error:
        raise AnswerError(text, error) from error


@dataclass(frozen=True)
class Trial:
    """One input for an answer.

    text: the input in words; function: what to call; inputs: by name, in the order of
    the call; reference: the slow formula, on the same inputs as NumPy arrays.
    buffers: inputs that are no weights; frozen: weights that a module excludes from
    training.
    """

    text: str
    function: Callable[..., object]
    inputs: dict[str, object]
    reference: Reference
    buffers: frozenset[str] = frozenset()
    frozen: frozenset[str] = frozenset()

    def tensors(self) -> dict[str, Tensor]:
        """Copies of the inputs that are floating-point tensors, strides kept."""
        return {
            name: value.clone()
            for name, value in self.inputs.items()
            if isinstance(value, Tensor) and value.is_floating_point()
        }

    def call(self, **changes: Tensor) -> Tensor:
        """The answer's result, with some inputs replaced; the others are copies."""
        inputs = {
            name: value.clone() if isinstance(value, Tensor) else value
            for name, value in self.inputs.items()
        }
        inputs |= changes
        with answering(self.text):
            return plain_tensor(self.function(*inputs.values()))

    def expected(self) -> Tensor:
        """What the slow formula says, in float64."""
        arrays = {
            name: value.double().numpy() if isinstance(value, Tensor) else value
            for name, value in self.inputs.items()
        }
        return torch.from_numpy(np.asarray(self.reference(arrays)))

    def cast(self, dtype: torch.dtype) -> "Trial":
        """The same trial with floating-point inputs of another type."""
        cast = {name: value.to(dtype) for name, value in self.tensors().items()}
        return replace(self, inputs=self.inputs | cast)


def plain_tensor(result: object) -> Tensor:
    """The result as a plain dense tensor, whatever it says about itself.

    Raises WrongType when it is none. The type is read with type(), which an object
    cannot redefine, and a subclass of Tensor is stripped of its own methods.
    """
    kind = type(result)
    if not issubclass(kind, Tensor):
        raise WrongType(type_text(result), "a torch.Tensor")
    if kind is not Tensor:
        with torch._C.DisableTorchFunctionSubclass():
            result = Tensor.as_subclass(result, Tensor)
    if result.layout is not torch.strided:
        raise WrongType(f"a tensor of layout {result.layout}", "a dense torch.Tensor")
    return result


def type_text(thing: object) -> str:
    """What something is, without asking it."""
    return "None" if thing is None else f"an object of type {type(thing).__name__}"


class MethodCall(nn.Module):
    """Calls one method of a module, so that functional_call can reach it."""

    def __init__(self, module: nn.Module, method: str) -> None:
        super().__init__()
        self.module = module
        self.method = method

    def forward(self, x: Tensor) -> Tensor:
        return getattr(self.module, self.method)(x)


def module_trial(
    text: str,
    build: Callable[[], object],
    x: Tensor,
    reference: Reference,
    method: str = "__call__",
    fill_vectors: bool = True,
) -> Trial:
    """A trial of a module in eval mode: inputs are x, then its weights by name.

    fill_vectors: see `fill_weights`.
    """
    with answering(text):
        module = build()
        if not issubclass(type(module), nn.Module):
            raise WrongType(type_text(module), "an nn.Module")
        if not hasattr(module, method):
            raise WrongType(f"a module without {method}(x)", f"a method {method}(x)")
        fill_weights(module, fill_vectors)
        module.eval()
    wrapped = MethodCall(module, method)
    parameters = dict(wrapped.named_parameters())
    buffers = dict(wrapped.named_buffers())
    frozen = {name for name, p in parameters.items() if not p.requires_grad}
    state = {name: t.detach() for name, t in (parameters | buffers).items()}

    def function(x: Tensor, *values: Tensor) -> object:
        return functional_call(wrapped, dict(zip(state, values, strict=True)), (x,))

    inputs = {"x": x} | state
    return Trial(
        text, function, inputs, reference, frozenset(buffers), frozenset(frozen)
    )


def fill_weights(module: nn.Module, fill_vectors: bool = True) -> None:
    """Random weights that depend on each parameter's shape alone, not on its name.

    fill_vectors: also biases and the scales of a BatchNorm; they stay as built if not.
    """
    seen: dict[tuple[int, ...], int] = {}
    for parameter in module.parameters():
        shape = core_shape(parameter.shape)
        if parameter.numel() == 0 or (len(shape) == 1 and not fill_vectors):
            continue
        seen[shape] = seen.get(shape, 0) + 1
        seed = zlib.crc32(repr((shape, seen[shape])).encode())
        values = random_tensor(*shape, seed=seed)
        scale = 0.5 if len(shape) == 1 else 2 / math.sqrt(math.prod(shape[1:]))
        with torch.no_grad():
            parameter.copy_((scale * values).reshape(parameter.shape))


def core_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A weight's shape without the 1 x 1 of a convolution: (h, C, 1, 1) -> (h, C)."""
    shape = tuple(shape)
    return shape[:2] if len(shape) == 4 and shape[2:] == (1, 1) else shape


def random_tensor(*shape: int, seed: int, channels_last: bool = False) -> Tensor:
    """Normal numbers that depend on shape and seed alone."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, generator=generator)
    return x.to(memory_format=torch.channels_last) if channels_last else x


def shape_text(tensors: dict[str, object]) -> str:
    """`x (2, 6, 5, 7), w1 (3, 6), b1 None`: what a call was given."""
    return ", ".join(
        f"{name} {tuple(value.shape) if isinstance(value, Tensor) else value}"
        for name, value in tensors.items()
    )
