"""Special properties for notebook 10's counts: FLOPs of a layer, bytes of a plan."""

import random
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.bench.plans import Pass
from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.trials import WrongType, answering, type_text

WHOLE = (int, np.int64, np.int32)

# --- layer_flops ----------------------------------------------------------------------

Layer = tuple[Callable[[], nn.Module], tuple[int, ...]]  # how to make it, shape of x


def conv(*sizes: int, shape: tuple[int, ...], bias: bool = False, **options) -> Layer:
    """A convolution: channels in, channels out, kernel; shape: of its input."""
    return lambda: nn.Conv2d(*sizes, bias=bias, **options), shape


BY_HAND = [
    (lambda: nn.Linear(3, 1, bias=False), (1, 3)),  # 3 products, 3 additions
    (lambda: nn.Conv2d(1, 1, 1, bias=False), (1, 1, 1, 1)),
]
ONE_IMAGE = [
    conv(3, 5, 3, shape=(1, 3, 4, 6), padding=1),
    conv(6, 4, 1, shape=(1, 6, 5, 3)),
]
BATCH = [
    conv(3, 5, 3, shape=(4, 3, 4, 6), padding=1),
    (lambda: nn.Linear(6, 4, bias=False), (3, 6)),
]
STRIDE = [
    conv(4, 6, 3, shape=(2, 4, 7, 10), padding=1, stride=2),
    conv(4, 6, 3, shape=(2, 4, 7, 10)),
]
KERNEL = [conv(2, 3, (1, 7), shape=(2, 2, 5, 9), padding=(0, 3))]
DILATED = [conv(2, 3, 3, shape=(2, 2, 9, 8), padding=4, dilation=4)]
GROUPS = [
    conv(6, 9, 3, shape=(2, 6, 5, 4), padding=1, groups=3),
    conv(6, 6, 5, shape=(2, 6, 5, 4), padding=2, groups=6),
]
LINEAR = [(lambda: nn.Linear(6, 4, bias=False), (2, 7, 6))]
BIAS = [
    conv(3, 5, 3, shape=(2, 3, 4, 6), bias=True),
    (lambda: nn.Linear(6, 4), (3, 6)),
]
OTHERS = [
    (lambda: nn.BatchNorm2d(3), (2, 3, 4, 5)),
    (lambda: nn.ReLU(), (2, 3, 4, 5)),
    (lambda: nn.MaxPool2d(2), (2, 3, 4, 4)),
    (lambda: nn.AdaptiveAvgPool2d(1), (2, 3, 4, 5)),
]
EVERY = [
    *(BY_HAND + ONE_IMAGE + BATCH + STRIDE + KERNEL),
    *(DILATED + GROUPS + LINEAR + BIAS + OTHERS),
]


def on_meta(case: Layer) -> tuple[str, nn.Module, Tensor, Tensor]:
    """The layer in words, the layer, its input and its output: shapes only."""
    make, shape = case
    with torch.device("meta"):
        layer, x = make(), torch.empty(shape)
    y = layer(x)
    return f"{layer}, x {tuple(x.shape)}, y {tuple(y.shape)}", layer, x, y


def counted(answer: Callable, case: Layer) -> int:
    """What the answer says about one layer, which must be a whole number."""
    text, layer, x, y = on_meta(case)
    with answering(text):
        result = answer(layer, x, y)
        if result is None and not isinstance(layer, nn.Conv2d | nn.Linear):
            raise WrongType("None for a layer of another kind", "0 for it")
        if type(result) not in WHOLE:
            raise WrongType(type_text(result), "a whole number, an int")
    return int(result)


def right_count(case: Layer) -> int:
    """Each number of y: a product and an addition for each weight it is made from."""
    _, layer, _, y = on_meta(case)
    weight = getattr(layer, "weight", None)
    if weight is None or weight.ndim < 2:
        return 0
    return sum(2 * weight[0].numel() for _ in range(y.numel()))


def flops_run() -> Property:
    """The answer takes every layer and returns an int."""

    def test(answer: Callable) -> None:
        for case in EVERY:
            counted(answer, case)  # raises AnswerError

    return Property(
        "runs",
        "it takes a layer, its input and its output, and returns a whole number",
        "Read the error, then print type(layer), x.shape and y.shape.",
        test,
    )


def flops(name: str, statement: str, advice: str, cases: Sequence[Layer]) -> Property:
    """The exact number for some layers; the numbers of all layers are the evidence."""

    def test(answer: Callable) -> Failure | None:
        for case in cases:
            got, right = counted(answer, case), right_count(case)
            if got != right:
                every = tuple(counted(answer, each) for each in EVERY)
                return Failure(on_meta(case)[0], f"{right:,}", f"{got:,}", every)
        return None

    return Property(name, statement, advice, test)


# --- plan_bytes -----------------------------------------------------------------------

Plan = tuple[list[Pass], dict[str, int], frozenset[str], int]
MAP, VECTOR, WEIGHTS = 600, 12, 30
NUMBERS = {name: MAP for name in ("x", "y", "u", "v", "out")}
NUMBERS |= {"p": VECTOR, "s": VECTOR, "w": WEIGHTS}

RELU = (("x",), "out")
ADD = (("x", "y"), "out")
POOL = (("x",), "p")
GATE = (("p", "w"), "s")
SCALE = (("x", "s"), "u")
SUM = (("u", "y"), "v")
LAST = (("v",), "out")
SQUARE = (("x", "x"), "u")


def plan(*passes: Pass, keep: tuple[str, ...] = ("out",), size: int = 4) -> Plan:
    """The arguments of a call."""
    return list(passes), dict(NUMBERS), frozenset(keep), size


ONE = [plan([RELU]), plan([ADD])]
BROADCAST = [plan([SCALE], keep=("u",)), plan([GATE], keep=("s",))]
CHAIN = [plan([SCALE], [SUM], [LAST])]
KEPT = [
    plan([POOL], [GATE], [SCALE], keep=("u", "s")),
    plan([GATE], [SCALE], [(("s", "u"), "out")], keep=("out", "s")),  # s is read twice
]
INSIDE = [
    plan([SCALE, SUM, LAST]),
    plan([SCALE, SUM], [LAST]),
    plan([SCALE], [SUM, LAST]),
]
LATER = [plan([POOL], [SUM], [(("p",), "s"), LAST])]
TWICE = [plan([SQUARE], keep=("u",)), plan([POOL, RELU], keep=("out", "p"))]
SIZES = [plan([ADD], size=2), plan([ADD], size=8)]


def random_plans() -> list[Plan]:
    """Chains of eight operations on names of unlike sizes, cut anywhere."""
    found = []
    for seed in range(6):
        draw = random.Random(seed)
        numbers = {f"n{k}": draw.randint(1, 90) for k in range(11)}
        operations = []
        for k in range(3, 11):
            inputs = draw.sample([f"n{j}" for j in range(k)], draw.randint(1, 3))
            operations.append((tuple(inputs), f"n{k}"))
        cuts = [0, *sorted(draw.sample(range(1, 8), draw.randint(0, 5))), 8]
        ends = pairwise(cuts)
        keep = frozenset({"n10", f"n{draw.randint(3, 9)}"})
        found.append(([operations[a:b] for a, b in ends], numbers, keep, 4))
    return found


EVERY_PLAN = [
    *(ONE + BROADCAST + CHAIN + KEPT + INSIDE),
    *(LATER + TWICE + SIZES + random_plans()),
]


def plan_text(case: Plan) -> str:
    """`[x s -> u, u y -> v] [v -> out], keep out, 4 bytes`."""
    passes, _, keep, size = case
    words = " ".join(
        "[" + ", ".join(f"{' '.join(i)} -> {out}" for i, out in one) + "]"
        for one in passes
    )
    return f"{words}, keep {' '.join(sorted(keep))}, {size} bytes a number"


def moved(answer: Callable, case: Plan) -> int:
    """What the answer says about one plan."""
    return moved_and_left(answer, case)[0]


def moved_and_left(answer: Callable, case: Plan) -> tuple[int, dict[str, object]]:
    """The answer's bytes, and its arguments after the call, by name."""
    passes, numbers, keep, size = case
    left = {
        "passes": [list(one) for one in passes],
        "numbers": dict(numbers),
        "keep": set(keep),
    }
    with answering(plan_text(case)):
        result = answer(*left.values(), size)
        if type(result) not in WHOLE:
            raise WrongType(type_text(result), "a whole number, an int")
    return int(result), left


def right_bytes(case: Plan) -> int:
    """Operation by operation, with what is at hand and what lies in memory."""
    passes, numbers, keep, size = case
    total = 0
    for number, operations in enumerate(passes):
        at_hand: set[str] = set()
        for inputs, name in operations:
            for one in inputs:
                if one not in at_hand:
                    at_hand.add(one)
                    total += numbers[one] * size
            at_hand.add(name)
            wanted = name in keep
            for later in passes[number + 1 :]:
                for others, _ in later:
                    wanted = wanted or name in others
            if wanted:
                total += numbers[name] * size
    return total


def plans_run() -> Property:
    """The answer takes every plan and returns an int."""

    def test(answer: Callable) -> None:
        for case in EVERY_PLAN:
            moved(answer, case)  # raises AnswerError

    return Property(
        "runs",
        "it takes the passes and returns a whole number",
        "Read the error, then print one pass: a list of (inputs, name).",
        test,
    )


def plans(name: str, statement: str, advice: str, cases: Sequence[Plan]) -> Property:
    """The exact bytes of some plans; those of all plans are the evidence."""

    def test(answer: Callable) -> Failure | None:
        for case in cases:
            got, right = moved(answer, case), right_bytes(case)
            if got != right:
                every = tuple(moved(answer, each) for each in EVERY_PLAN)
                text = plan_text(case)
                return Failure(text, f"{right:,} bytes", f"{got:,} bytes", every)
        return None

    return Property(name, statement, advice, test)


def leaves_its_arguments() -> Property:
    """passes, numbers and keep are after a call what they were before it."""

    def test(answer: Callable) -> Failure | None:
        for case in EVERY_PLAN:
            left = moved_and_left(answer, case)[1]
            before = dict(zip(left, case[:3], strict=True))
            changed = tuple(name for name in left if left[name] != before[name])
            if changed:
                got = f"{', '.join(changed)} changed"
                return Failure(plan_text(case), "as they were", got, changed)
        return None

    return Property(
        "arguments",
        "the caller's passes, numbers and keep are left as they were",
        "Copy before you change: keep = set(keep).",
        test,
    )
