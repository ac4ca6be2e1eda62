"""What learners wrote in the notebooks, word for word, and the cause they must read.

The known-wrong answers change one passage of the solution. These are whole answers,
written in other ways.
"""

import pytest
import torch
from exercise_answers import outcome
from torch import nn
from torch.nn import functional as F

from course_lib.attention.squeeze_excitation import se_gate
from course_lib.blocks import conv
from course_lib.exercises.catalogue import EXERCISES
from course_lib.exercises.sources import compile_answer, solution_source

ALL = list(EXERCISES.values())


def likely(name, answer):
    return outcome(answer, name)[1]["likely"]


BLANKS = {
    "bottleneck": ("norms[2]", "____"),
    "projection": ("stride == 1", "stride == ____"),
    "build_stage": ("count - 1", "____"),
    "squeeze": ("dim=(2, 3)", "dim=(____, ____)"),
    "se_gate": ("squeeze(x)", "____(x)"),
    "SqueezeExcitation": ("reduce.bias", "____"),
    "se_residual": ("se_gate(y", "se_gate(____"),
}


def with_a_blank(exercise):
    """The solution with a blank of hint 4 left in; elsewhere, in its last `return`."""
    source = solution_source(exercise)
    if exercise.name in BLANKS:
        old, new = BLANKS[exercise.name]
        assert old in source
        return source.replace(old, new)
    before, word, after = source.rpartition("return ")
    assert word
    return f"{before}return ____ or {after}"


@pytest.mark.parametrize("exercise", ALL, ids=lambda e: e.name)
def test_a_blank_left_in_is_named(exercise):
    answer = compile_answer(exercise, with_a_blank(exercise))
    cause = "`____` is a blank of hint 4: fill it in."
    assert likely(exercise.name, answer) == cause


# --- squeeze ------------------------------------------------------------------------


def loops_of_the_notebook(x):
    N, C, H, W = x.shape
    slow = torch.zeros(N, C)
    for n in range(N):
        for c in range(C):
            for i in range(H):
                for j in range(W):
                    slow[n, c] += x[n, c, i, j]
    return slow / (H * W)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (loops_of_the_notebook, "use x.new_zeros(N, C)"),
        (lambda x: x.mean((2, 3)).float(), "Remove .float()"),
        (lambda x: x.mean(), "all four axes"),
        (lambda x: x.mean((0, 2, 3)), "Axis 0 is the batch"),
        (lambda x: x.mean((1, 2)), "Axes 1 and 2 are C and H"),
        (lambda x: x.mean(3), "Only W, axis 3"),
        (lambda x: x.mean(-1), "Only W, axis 3"),
        (lambda x: nn.AdaptiveAvgPool2d(1)(x).squeeze(), "a batch of one"),
        (lambda x: nn.AdaptiveAvgPool2d(1)(x), "or by a pooling"),
    ],
)
def test_squeeze(answer, words):
    assert words in likely("squeeze", answer)


# --- se_gate and se_residual --------------------------------------------------------


def gate_with(first=None, second=None, last=torch.sigmoid, end=None):
    def answer(x, w1, w2, b1=None, b2=None):
        s = x.mean((2, 3))
        z = F.relu(first(s, w1, b1) if first else F.linear(s, w1, b1))
        g = last(second(z, w2, b2) if second else F.linear(z, w2, b2))
        g = g[..., None, None]
        return end(x, g) if end else g

    return answer


def ask_for_truth(s, w1, b1):
    s = s @ w1.T
    if b1:
        s = s + b1
    return s


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (gate_with(lambda s, w, b: s @ w + b), "s @ w1.T"),
        (gate_with(second=lambda s, w, b: s @ w + b), "z @ w2.T"),
        (gate_with(ask_for_truth), "is not None"),
        (
            gate_with(lambda s, w, b: s @ w.T, lambda s, w, b: s @ w.T),
            "b1 and b2 are not used",
        ),
        (gate_with(last=lambda z: torch.sigmoid(F.relu(z))), "below 0.5"),
        (gate_with(end=lambda x, g: x * g), "x times the gate; return the gate alone"),
        (gate_with(end=lambda x, g: g.expand_as(x)), "expanded to the whole map"),
        (lambda x, w1, w2, b1=None, b2=None: F.linear(x, w1, b1), "the whole map x"),
    ],
)
def test_se_gate(answer, words):
    assert words in likely("se_gate", answer)


def test_zeros_of_another_type_that_raise_an_error():
    def answer(x, w1, w2, b1=None, b2=None):
        s = torch.zeros(x.shape[:2])
        s += x.mean((2, 3))
        return torch.sigmoid(F.linear(F.relu(F.linear(s, w1, b1)), w2, b2))[
            ..., None, None
        ]

    assert "use x.new_zeros(shape)" in likely("se_gate", answer)


def test_a_tensor_as_a_yes_or_no_in_any_exercise():
    cause = likely("squeeze", lambda x: x if x > 0 else x.mean((2, 3)))
    assert cause == "A tensor is no yes or no. Ask `is not None`."


def test_biases_not_passed_on():
    def answer(y, shortcut, w1, w2, b1=None, b2=None):
        return F.relu(shortcut + se_gate(y, w1, w2) * y)

    assert "b1, b2 are not passed to se_gate." in likely("se_residual", answer)


# --- SqueezeExcitation --------------------------------------------------------------


def module_with(make_hidden, in_list=False, prepare=True, biases=True):
    """A module whose __init__ has one mistake."""

    class Answer(nn.Module):
        def __init__(self, channels, reduction=16, bias=True):
            if prepare:
                super().__init__()
            bias = bias or not biases
            hidden = make_hidden(channels, reduction)
            layers = [
                nn.Linear(channels, hidden, bias),
                nn.Linear(hidden, channels, bias),
            ]
            if in_list:
                self.layers = layers
            else:
                self.reduce, self.expand = layers

        def gate(self, x):
            down, up = self.layers if in_list else (self.reduce, self.expand)
            return se_gate(x, down.weight, up.weight, down.bias, up.bias)

        def forward(self, x):
            return x * self.gate(x)

    return Answer


class LayersMadeInGate(nn.Module):
    def __init__(self, channels, reduction=16, bias=True):
        super().__init__()
        self.sizes = channels, channels // reduction

    def gate(self, x):
        channels, hidden = self.sizes
        down, up = nn.Linear(channels, hidden), nn.Linear(hidden, channels)
        return se_gate(x, down.weight, up.weight, down.bias, up.bias)

    def forward(self, x):
        return x * self.gate(x)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (module_with(lambda c, r: c // r, in_list=True), "assign them as self.reduce"),
        (LayersMadeInGate, "assign them as self.reduce"),
        (module_with(lambda c, r: c // 16), "Use the argument `reduction`"),
        (module_with(lambda c, r: c // r, biases=False), "still made biases"),
        (module_with(lambda c, r: r), "`reduction` units"),
        (module_with(lambda c, r: c * r), "channels * reduction units"),
        (module_with(lambda c, r: c // r, prepare=False), "super().__init__()"),
    ],
)
def test_the_module(answer, words):
    assert words in likely("SqueezeExcitation", answer)


# --- notebook 01 --------------------------------------------------------------------


def test_an_identity_is_not_none():
    def answer(a, b, stride):
        if (a, stride) == (b, 1):
            return nn.Sequential()
        return nn.Sequential(conv(a, b, 1, stride), nn.BatchNorm2d(b))

    failed, rows = outcome(answer, "projection")
    assert failed == "None where x fits"
    assert rows["likely"].endswith("Return None.")


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (lambda x, shortcut, y, norms: F.relu(norms[2](y) + x), "argument `shortcut`"),
        (lambda x, shortcut, y, norms: F.relu(shortcut + x), "argument `shortcut`"),
        (lambda x, shortcut, y, norms: F.relu(y + shortcut), "after w3?"),
        (lambda x, shortcut, y, norms: F.relu(norms(y) + shortcut), "such as norms[0]"),
    ],
)
def test_the_end_of_the_bottleneck(end, words):
    def answer(x, shortcut, w1, w2, w3, norms, stride=1):
        y = F.relu(norms[0](F.conv2d(x, w1)))
        y = F.relu(norms[1](F.conv2d(y, w2, stride=stride, padding=1)))
        return end(x, shortcut, F.conv2d(y, w3), norms)

    assert words in likely("bottleneck", answer)


def make_in_channels(make_block, in_channels, channels, count, stride):
    blocks = [make_block(in_channels, channels, stride) for _ in range(count)]
    return nn.Sequential(*blocks)


def make_wider(make_block, in_channels, channels, count, stride):
    blocks = [make_block(in_channels, 4 * channels, stride)]
    blocks += [make_block(4 * channels, 4 * channels, 1) for _ in range(count - 1)]
    return nn.Sequential(*blocks)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (make_in_channels, "After the first block the width is 4 * channels."),
        (make_wider, "make_block multiplies by 4 itself."),
    ],
)
def test_build_stage(answer, words):
    assert words in likely("build_stage", answer)
