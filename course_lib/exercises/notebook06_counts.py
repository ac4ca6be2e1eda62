"""Special properties for the exercises of notebook 06: parameters, silent ones."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from course_lib.attention.spatial import SmallSpatial
from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.trials import (
    WrongType,
    answering,
    fill_weights,
    random_tensor,
    type_text,
)

# --- stack_parameters ---------------------------------------------------------------

Layers = list[tuple[int, int, int]]

ONE_CHANNEL = (
    ([(1, 1, 5), (1, 1, 3), (1, 1, 3)], 46),
    ([(1, 1, 7)], 50),
    ([(1, 1, 1), (1, 1, 9)], 84),
)
MANY_CHANNELS = (
    ([(6, 2, 3)], 2 * (6 * 9 + 1)),
    ([(2, 1, 7), (1, 5, 1)], 99 + 10),
    ([(3, 4, 5), (4, 2, 1), (2, 7, 3)], 4 * 76 + 2 * 5 + 7 * 19),
)


def counted(answer: Callable, layers: Layers) -> int:
    """What the answer says about one stack, which must be a whole number."""
    with answering(f"layers {layers}"):
        result = answer(list(layers))
        if type(result) is not int:
            raise WrongType(type_text(result), "a whole number, an int")
    return result


def counts(
    name: str, statement: str, advice: str, cases: Sequence[tuple[Layers, int]]
) -> Property:
    """The exact number for each stack; all numbers together are the evidence."""

    def test(answer: Callable) -> Failure | None:
        got = tuple(counted(answer, layers) for layers, _ in cases)
        for (layers, wanted), found in zip(cases, got, strict=True):
            if found != wanted:
                text = f"layers {layers}"
                return Failure(text, f"{wanted} parameters", str(found), got)
        return None

    return Property(name, statement, advice, test)


def returns_a_number() -> Property:
    """It takes a list of layers and returns an int."""

    def test(answer: Callable) -> None:
        for layers, _ in ONE_CHANNEL + MANY_CHANNELS:
            counted(answer, layers)  # raises AnswerError

    return Property(
        "runs",
        "it takes the list and returns a whole number",
        "Read the error, then print what the loop sees.",
        test,
    )


# --- silent_parameters --------------------------------------------------------------


class Forgotten(nn.Module):
    """Two layers, of which one is never called, as in the REU's CBAMS."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Linear(3, 3)
        self.used = nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.used(x)


class Faint(nn.Module):
    """Scales x by (1e-10 s): the gradient of s is tiny, and not 0."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return x * (1e-10 * self.scale)


class Opposites(nn.Module):
    """Outputs and their negatives: their sum is 0 whatever the parameter is."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        y = x * self.scale
        return torch.cat([y, -y], dim=1)


class Zero(nn.Module):
    """Scales x by 0: the output is 0, the gradient of the scale is not."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


class Difference(nn.Module):
    """Scales x by w[0] - w[1]: the two slopes of w add up to 0."""

    def __init__(self) -> None:
        super().__init__()
        self.pair = nn.Parameter(torch.tensor([2.0, 1.0]))

    def forward(self, x: Tensor) -> Tensor:
        return (self.pair[0] - self.pair[1]) * x


class OneChannel(nn.Module):
    """Scales channel 0 only: three entries of its parameter get no gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.scales = nn.Parameter(torch.ones(4))

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :1] * self.scales[0]


def small_spatial(cut: bool) -> nn.Module:
    """A small spatial module that lives, or whose second ReLU cuts everything."""
    module = SmallSpatial()
    fill_weights(module)
    with torch.no_grad():
        module.gather.weight.abs_()
        module.shrink.weight.abs_()
        module.shrink.bias.fill_(-50.0 if cut else 0.5)
    return module


def input_of(n: int = 2) -> Tensor:
    """x (N, 4, 6, 6), mostly positive."""
    return random_tensor(n, 4, 6, 6, seed=81) + 0.5


DEAD = ["gather.weight", "gather.bias", "shrink.weight", "shrink.bias", "excite.weight"]
Case = tuple[str, Callable[[], nn.Module], list[str]]
LIVING = ("a gate that lives", lambda: small_spatial(cut=False), [])
CUT = ("a gate whose second ReLU is always 0", lambda: small_spatial(cut=True), DEAD)
IDLE = ["unused.weight", "unused.bias"]
UNUSED = ("a module with a layer never called", Forgotten, IDLE)
OPPOSITES = ("a module whose outputs add up to 0", Opposites, [])
FAINT = ("a module with gradients of about 1e-9", Faint, [])
ZERO = ("a module whose output is 0, for now", Zero, [])
DIFFERENCE = ("a module (w[0] - w[1]) * x", Difference, [])
PART = ("a module that uses 1 of 4 entries", OneChannel, [])


def listed(answer: Callable, text: str, module: nn.Module, x: Tensor) -> list[str]:
    """The names that an answer gives, which must be a list of str."""
    with answering(text):
        result = answer(module, x)
        if type(result) is not list or any(type(name) is not str for name in result):
            raise WrongType(type_text(result), "a list of names")
    return result


def names_right(name: str, statement: str, advice: str, *cases: Case) -> Property:
    """The right names for each module, in the module's order."""

    def test(answer: Callable) -> Failure | None:
        found = [listed(answer, text, make(), input_of()) for text, make, _ in cases]
        for (text, _, wanted), got in zip(cases, found, strict=True):
            if got != wanted:
                evidence = tuple(str(names) for names in found)
                return Failure(text, str(wanted), str(got), evidence)
        return None

    return Property(name, statement, advice, test)


def takes_modules() -> Property:
    """It takes each kind of module and returns a list of names."""

    cases = (LIVING, CUT, UNUSED, OPPOSITES, FAINT, ZERO, DIFFERENCE, PART)

    def test(answer: Callable) -> None:
        for text, make, _ in cases:
            listed(answer, text, make(), input_of())

    return Property(
        "runs",
        "it takes a module and its input and returns a list of names",
        "Read the error; a gradient may be None.",
        test,
    )


def own_gradients() -> Property:
    """Gradients that the module already holds neither count nor change."""

    def test(answer: Callable) -> Failure | None:
        text = "a dead gate that holds gradients of 1 from an earlier step"
        module = small_spatial(cut=True)
        for parameter in module.parameters():
            parameter.grad = torch.ones_like(parameter)
        got = listed(answer, text, module, input_of())
        if got != DEAD:
            return Failure(text, str(DEAD), str(got), (str(got),))
        for name, parameter in module.named_parameters():
            held = parameter.grad
            if held is None or not (held == 1).all():
                message = f"{name} holds {'none' if held is None else 'others'}"
                return Failure(text, "the same gradients after it", message, (message,))
        return None

    return Property(
        "own gradients",
        "what the module held before neither counts nor changes",
        "Use torch.autograd.grad, which returns gradients and stores none.",
        test,
    )


def module_untouched() -> Property:
    """Weights, mode and x stay."""

    def test(answer: Callable) -> Failure | None:
        text, x = "a small spatial module, x (2, 4, 6, 6)", input_of()
        module = small_spatial(cut=False)
        before = {k: v.clone() for k, v in module.state_dict().items()}
        listed(answer, text, module, x)
        for name, value in module.state_dict().items():
            if not torch.equal(value, before[name]):
                return Failure(text, f"{name} as it was", "it was changed", (name,))
        if not module.training:
            return Failure(text, "module.training still True", "it is False", ("mode",))
        if not torch.equal(x, input_of()):
            return Failure(text, "x as it was", "x was changed", ("x",))
        return None

    return Property(
        "module untouched",
        "weights, mode and input stay as they were",
        "No optimiser step, no in-place call: only a forward and its gradients.",
        test,
    )
