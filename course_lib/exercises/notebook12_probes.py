"""Why a learner's test accuses ECA: modules for which one mistake makes no difference.

A test that accuses every right module, but none whose kernel reads the same from both
sides, has forgotten that an echo is the kernel turned round. Each probe is a right
module with one such special feature; the first that a test accepts names its mistake.
"""

import contextlib
import functools
import itertools
import logging
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from course_lib.attention import AttentionFactory
from course_lib.attention.eca import eca_kernel_size
from course_lib.exercises.trials import AnswerError, WrongType, answering, type_text
from course_lib.impostors import Gate, local_gate, look_alike, slide
from course_lib.laws import LOG

STEPS = 4096  # gates between 0 and 1
COUNTED = (64, 128, 2048)  # numbers of channels that tell the rules for k apart
CAUSES = {
    "steps": "torch.equal wants the last digit. Two ways to add up 35 numbers, or to "
    "write a sigmoid, differ there: use same.",
    "symmetric": "The echo is the kernel turned round: kernel_of(module).flip(0). Gate "
    "c + 1 sees a pulse through the weight before the middle one.",
    "alone": "Your test wants a kernel without neighbours. That channels may be "
    "renumbered is a law of SE; ECA asks neighbours, so their order counts.",
    "constant": "The numbers are right, their order is not. The echo is "
    "kernel.flip(0), and at channel 0 its first two fall off the edge: [2:].",
    "zeros": "A law holds for small weights alone. Gates near one half are a fact "
    "about the start, not a law of the formula.",
}


def complaints(answer: Callable, name: str, make: AttentionFactory) -> list[str]:
    """What the learner's test says about one module, for the same random numbers."""
    torch.manual_seed(0)
    with answering(f"broken_laws of {name!r}"):
        found = answer(make)
        if not isinstance(found, list):
            raise WrongType(type_text(found), "a list of names, [] for none")
        return [str(one) for one in found]


def accepts(answer: Callable, name: str, make: AttentionFactory) -> bool:
    """True where the test has nothing to say; an error is no consent."""
    try:
        return not complaints(answer, name, make)
    except AnswerError:
        return False


def filled(fill: Callable[[Tensor], Tensor], gate: Gate) -> AttentionFactory:
    """ECA with a gate of its own, its kernel w replaced by fill(w)."""

    def make(channels: int) -> torch.nn.Module:
        module = look_alike(gate)(channels)
        with torch.no_grad():
            module.filter.copy_(fill(module.filter))
        return module

    return make


def in_steps(s: Tensor, w: Tensor) -> Tensor:
    """Gates cut to whole steps: no rounding is left, so equal is exactly equal."""
    return torch.round(local_gate(s, w) * STEPS) / STEPS


def whole_logits(w: Tensor) -> Tensor:
    """The nearest weights whose gates are whole steps."""
    # A long row: the first numbers of a short one may be rounded otherwise.
    gates = torch.round(w.repeat(64).sigmoid() * STEPS) / STEPS
    return gates.logit()[: len(w)]


def lopsided(s: Tensor, w: Tensor) -> Tensor:
    """ECA, but for channels 60 to 89: so no renumbering leaves the gates alike."""
    z = slide(s, w)
    place = torch.arange(z.shape[1])
    return torch.sigmoid(z * (1 + ((place >= 60) & (place < 90))))


def middle(w: Tensor) -> Tensor:
    """A kernel that asks no neighbour."""
    return 0.7 * (torch.arange(len(w)) == len(w) // 2)


PROBES: dict[str, AttentionFactory] = {
    "steps": filled(whole_logits, in_steps),
    "symmetric": filled(lambda w: w + w.flip(0), lopsided),
    "alone": filled(middle, local_gate),
    "constant": filled(lambda w: torch.full_like(w, 0.4), lopsided),
    "zeros": filled(torch.zeros_like, local_gate),
}


@contextlib.contextmanager
def unequal_shapes() -> Iterator[list[str]]:
    """Collects the shapes that `same` was given, where they were not equal."""
    texts: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: texts.append(record.getMessage())
    level, passed_on = LOG.level, LOG.propagate
    LOG.addHandler(handler)
    LOG.setLevel(logging.DEBUG)
    LOG.propagate = False
    try:
        yield texts
    finally:
        LOG.removeHandler(handler)
        LOG.setLevel(level)
        LOG.propagate = passed_on


def shapes_cause(shapes: str) -> str:
    """For `same` with unequal shapes: it says no, whatever the numbers."""
    return f"same got shapes {shapes}, so it says no. Give it two of one shape."


def sizes_cause(sizes: tuple[int, ...]) -> str:
    """For another rule of k."""
    wanted = ", ".join(map(str, sizes))
    return (
        f"Your test wants k = {wanted} at C = 64, 128, 2048. Work k out: of two odd "
        "numbers as near, the upper one counts."
    )


@functools.lru_cache(maxsize=64)
def mistake_of(answer: Callable, name: str, make: AttentionFactory) -> tuple[str, str]:
    """What kind of mistake makes a test accuse the right module `name`, and its cause.

    Two empty texts where no probe tells.
    """
    with unequal_shapes() as shapes:
        accepts(answer, name, make)
    if shapes:
        return f"shapes {shapes[0]}", shapes_cause(shapes[0])
    for kind, probe in PROBES.items():
        if accepts(answer, kind, probe):
            return kind, CAUSES[kind]
    for sizes in itertools.product((3, 5, 7), repeat=len(COUNTED)):
        rule = dict(zip(COUNTED, sizes, strict=True))
        other = look_alike(size=lambda c, rule=rule: rule.get(c) or eca_kernel_size(c))
        if accepts(answer, "another size", other):
            return f"sizes {sizes}", sizes_cause(sizes)
    return "", ""
