"""Notebook 12: what learners write, with names of their own, and what they read."""

import pytest
import torch
from exercise_answers import outcome
from torch import nn
from torch.nn import functional as F

from course_lib.attention.eca import check_odd, eca_kernel_size
from course_lib.attention.squeeze_excitation import squeeze
from course_lib.exercises.notebook12_probes import PROBES, unequal_shapes
from course_lib.laws import broken_laws, kernel_of, pulse, same


def likely(name, answer):
    return outcome(answer, name)[1]["likely"]


# --- broken_laws --------------------------------------------------------------------


def laws_with(extra=None, flip=True, last=slice(2, None), right=153, sizes=(3, 5, 7)):
    """A learner's test, with its own names and one mistake."""

    def answer(make):
        m, x = make(256), torch.randn(3, 256, 6, 4)
        g, k = m.gate(x), kernel_of(m)
        if g.shape != (3, 256, 1, 1):
            return ["form"]
        k = k.flip(0) if flip else k
        flat = x.mean((2, 3), keepdim=True).expand(-1, -1, 6, 4)
        laws = {
            "wie viele": [len(kernel_of(make(c))) for c in (64, 128, 2048)]
            == list(sizes),
            "mal": same(m(x), g * x),
            "allein": same(m.gate(x[1:2]), g[1:2]),
            "Mittel": same(m.gate(flat), g),
            "Nachbarn": same(pulse(m, 100), F.pad(k, (98, right))),
            "Rand": same(pulse(m, 0), F.pad(k[last], (0, 253))),
        }
        if extra is not None:
            laws["noch eins"] = extra(m, x, g)
        return [name for name, kept in laws.items() if not kept]

    return answer


def renumbered(m, x, g):
    p = torch.randperm(256)
    return same(m.gate(x)[:, p], m.gate(x[:, p]))


def mean_in_another_order(m, x, g):
    return torch.equal(m.gate(x.flip(3)), g)


def exact_pulse(m, x, g):
    return torch.equal(pulse(m, 100)[98:103], kernel_of(m).flip(0))


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ({"flip": False}, "turned round: kernel_of(module).flip(0)"),
        ({"last": slice(0, 3)}, "at channel 0 its first two fall off"),
        ({"flip": False, "last": slice(0, 3)}, "their order is not"),
        ({"right": 152}, "shapes (256,) and (255,)"),
        ({"last": slice(1, None)}, "shapes (256,) and (257,)"),
        ({"sizes": (3, 3, 7)}, "wants k = 3, 3, 7 at C = 64, 128, 2048"),
        ({"sizes": (5, 5, 7)}, "wants k = 5, 5, 7"),
        ({"extra": lambda m, x, g: torch.equal(m(x), x * g)}, "the last digit"),
        ({"extra": mean_in_another_order}, "the last digit"),
        ({"extra": exact_pulse}, "the last digit"),
        ({"extra": renumbered}, "a law of SE"),
        ({"extra": lambda m, x, g: same(m.gate(x.roll(1, 1)), g.roll(1, 1))}, "of SE"),
        ({"extra": lambda m, x, g: same(m.gate(x.flip(1)), g.flip(1))}, "a law of SE"),
        (
            {"extra": lambda m, x, g: bool((g - 0.5).abs().max() < 0.01)},
            "small weights",
        ),
        ({"extra": lambda m, x, g: same(m.gate(x[:1]), g)}, "and (3, 256, 1, 1)"),
    ],
)
def test_a_false_alarm_is_explained(mistake, words):
    assert words in likely("broken_laws", laws_with(**mistake))


def test_the_first_broken_law_alone_is_not_enough():
    failed, rows = outcome(lambda make: laws_with()(make)[:1], "broken_laws")
    assert failed == "all named"
    assert "Return all" in rows["likely"]


@pytest.mark.parametrize("name", PROBES)
def test_a_probe_is_a_right_module(name):
    torch.manual_seed(0)
    assert broken_laws(PROBES[name]) == []


def test_steps_leave_no_rounding():
    torch.manual_seed(0)
    module, x = PROBES["steps"](256), torch.randn(2, 256, 7, 5)
    assert torch.equal(module.gate(x.flip(2)), module.gate(x))
    assert torch.equal(pulse(module, 100)[98:103], kernel_of(module).flip(0))


def test_unequal_shapes_are_collected():
    with unequal_shapes() as texts:
        assert not same(torch.ones(3), torch.ones(4))
        assert same(torch.ones(3), torch.ones(3))
    assert texts == ["(3,) and (4,)"]
    assert not same(torch.ones(3), torch.ones(4))
    assert len(texts) == 1


# --- ECA ----------------------------------------------------------------------------


def module_with(build=None, before=None, end=None, given=True):
    """A learner's ECA: how the layer is built, what it slides over, how it ends."""

    class ECA(nn.Module):
        def __init__(self, channels, kernel_size=None):
            super().__init__()
            k = kernel_size if given and kernel_size else eca_kernel_size(channels)
            check_odd(kernel_size or k)
            default = nn.Conv1d(1, 1, k, padding=k // 2, bias=False)
            self.slide = build(channels, k) if build else default

        def gate(self, x):
            z = self.slide(before(squeeze(x)) if before else squeeze(x)[:, None])
            return end(z) if end else torch.sigmoid(z).transpose(1, 2)[..., None]

        def forward(self, x):
            return self.gate(x) * x

    return ECA


class Unprepared(nn.Module):
    def __init__(self, channels, kernel_size=None):
        self.conv = nn.Conv1d(1, 1, 3, padding=1, bias=False)


def every_channel(channels, k):
    return nn.Conv1d(channels, channels, k, padding=k // 2, bias=False)


def each_alone(channels, k):
    return nn.Conv1d(channels, channels, k, padding=k // 2, groups=channels, bias=False)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (module_with(given=False), "kernel_size is ignored"),
        (module_with(lambda c, k: nn.Conv1d(1, 1, k, 1, 1, bias=False)), "k // 2"),
        (module_with(lambda c, k: nn.Conv1d(1, 1, k, 1, k, bias=False)), "k // 2"),
        (module_with(end=lambda z: z.sigmoid().unsqueeze(-1)), "[:, 0, :, None, None]"),
        (module_with(every_channel), "One goes in and one comes out"),
        (
            module_with(every_channel, lambda s: s[..., None], lambda z: z[..., None]),
            "One signal goes in and one comes out",
        ),
        (
            module_with(each_alone, lambda s: s[..., None], lambda z: z[..., None]),
            "One signal goes in and one comes out",
        ),
        (Unprepared, "super().__init__()"),
    ],
)
def test_a_module_that_is_not_yet_eca(answer, words):
    assert words in likely("ECA", answer)


# --- coordinate_gates ---------------------------------------------------------------


def gates_with(
    order="rows", split="H W", bend=F.hardswish, end=torch.sigmoid, calls=1, result=None
):
    """A learner's two strips, with einsum, and one mistake."""

    def answer(x, w1, wh, ww, b1=None, b2=None, b3=None, norm=lambda z: z):
        height, width = x.shape[2:]
        strips = [x.mean(3), x.mean(2)]
        strips = strips if order == "rows" else strips[::-1]
        first = [F.conv2d(s[..., None], w1, b1) for s in strips]
        if calls == 2:
            z = torch.cat([norm(s) for s in first], 2)
        else:
            z = norm(torch.cat(first, 2))
        z = bend(z)
        cut = height if split == "H W" else width
        a, b = z[:, :, :cut], z[:, :, cut:]
        g_h, g_w = end(F.conv2d(a, wh, b2)), end(F.conv2d(b.mT, ww, b3))
        return result(g_h, g_w) if result else (g_h, g_w)

    return answer


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (gates_with(calls=2), "norm was called twice"),
        (gates_with(order="columns"), "begins with columns"),
        (gates_with(split="W H"), "the columns were joined first"),
        (gates_with(bend=F.silu), "SiLU (swish)"),
        (gates_with(end=F.hardsigmoid), "end in a hard sigmoid"),
        (gates_with(result=lambda g_h, g_w: (g_w, g_h)), "in the other order"),
        (
            lambda x, w1, wh, ww, b1=None, b2=None, b3=None, norm=None: gates_with()(
                x, w1, wh, ww, norm=norm
            ),
            "Used here: b1, bh, bw",
        ),
        (
            lambda x, w1, wh, ww, b1=None, b2=None, b3=None, norm=None: gates_with()(
                x, w1, wh, ww, None, b2, b3, norm
            ),
            "b1 is missing",
        ),
    ],
)
def test_strips_that_are_not_yet_right(answer, words):
    assert words in likely("coordinate_gates", answer)


def rows_and_columns_swapped(x, w1, wh, ww, b1=None, bh=None, bw=None, norm=None):
    rows, columns = x.mean(2, keepdim=True), x.mean(3, keepdim=True)
    return torch.cat([rows, columns.transpose(2, 3)], dim=2)


def test_swapped_axes_do_not_join():
    cause = likely("coordinate_gates", rows_and_columns_swapped)
    assert "mean(dim=3) leaves (N, C, H, 1)" in cause
