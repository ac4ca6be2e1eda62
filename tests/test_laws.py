"""The laws of ECA: every right form keeps them, every impostor breaks its own."""

import pytest
import torch

from course_lib.attention import ECA
from course_lib.exercises.catalogue import EXERCISES
from course_lib.exercises.engine import examine
from course_lib.impostors import RIGHT, WRONG, band_matrix
from course_lib.laws import broken_laws, kernel_of, pulse

ONLY = {  # impostors that one law alone catches: so no law can be left out
    "kernel of 5 everywhere": "size",
    "kernel of 5 at most": "size",
    "rounded, then made odd": "size",
    "maximum for the mean": "average",
    "one position for the mean": "average",
    "mean over the batch": "samples",
    "ends joined": "ends",
    "ends repeated": "ends",
    "earlier neighbours only": "neighbours",
    "one plus the gate": "gated",
    "gate applied twice": "gated",
    "no padding": "shape",
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", RIGHT)
def test_a_right_form_keeps_every_law(name, seed):
    torch.manual_seed(seed)
    assert broken_laws(RIGHT[name]) == []


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", WRONG)
def test_an_impostor_is_caught_whatever_the_weights(name, seed):
    torch.manual_seed(seed)
    found = broken_laws(WRONG[name])
    assert found and (name not in ONLY or found == [ONLY[name]])


@pytest.mark.parametrize("name", RIGHT)
def test_right_forms_agree_with_the_module(name):
    torch.manual_seed(0)
    module, form = ECA(40), RIGHT[name](40)
    with torch.no_grad():
        for parameter in form.parameters():
            parameter.copy_(kernel_of(module).view_as(parameter))
    x = torch.randn(3, 40, 5, 7)
    torch.testing.assert_close(form(x), module(x))


@pytest.mark.parametrize("name", sorted(set(WRONG) - {"no padding"}))
def test_impostors_look_like_a_module(name):
    torch.manual_seed(0)
    module, x = WRONG[name](64), torch.randn(2, 64, 5, 7)
    assert module(x).shape == x.shape
    assert module.gate(x).shape == (2, 64, 1, 1)


def test_a_band_matrix_holds_the_kernel_on_its_diagonals():
    matrix = band_matrix(torch.tensor([1.0, 2, 3, 4, 5]), 9)
    assert torch.equal(matrix[4], torch.tensor([0.0, 0, 1, 2, 3, 4, 5, 0, 0]))
    assert torch.equal(matrix[0], torch.tensor([3.0, 4, 5, 0, 0, 0, 0, 0, 0]))
    assert (matrix != 0).sum() == 9 * 5 - 6


def test_a_pulse_comes_out_turned_round():
    torch.manual_seed(0)
    module = ECA(256)
    echo, kernel = pulse(module, 100), kernel_of(module)
    torch.testing.assert_close(echo[98:103], kernel.flip(0))
    assert echo.count_nonzero() == 5


def values_alone(make):
    """Another good test: one law, the formula itself, and the rest of the module."""
    module, x = make(256), torch.randn(2, 256, 3, 4)
    w, right = kernel_of(module), ECA(256)
    broken = [len(kernel_of(make(c))) for c in (64, 2048)] != [3, 7] or len(w) != 5
    if not broken:
        right.conv.weight.data = w[None, None]
        broken = not torch.allclose(module(x), right(x), rtol=1e-3, atol=1e-5)
    return ["the formula"] * broken


def test_a_test_written_otherwise_passes(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path))
    report, _ = examine(EXERCISES["broken_laws"], values_alone)
    assert report.status == "ok", report.text()


def nothing_found(make):
    """A test that accepts everything."""
    return []


def test_a_weak_test_reads_how_many_it_caught():
    report, failed = examine(EXERCISES["broken_laws"], nothing_found)
    assert failed == "kernel size"
    assert "0 of 22 caught" in dict(report.rows)["got"]
