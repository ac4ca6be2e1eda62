"""Wrong types and objects that lie: `check` ends in a message all the same."""

import pytest
import torch
from exercise_answers import outcome
from torch import Tensor, nn

from course_lib.exercises import guard


@pytest.fixture(autouse=True)
def own_log_and_short_limit(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path))
    monkeypatch.delenv("COURSE_STRICT", raising=False)
    monkeypatch.setattr(guard, "TIME_LIMIT", 2.0)


# --- wrong types --------------------------------------------------------------------


@pytest.mark.parametrize("answer", [None, 3, "se_gate", torch.ones(2), [1]])
def test_something_that_cannot_be_called(answer):
    failed, rows = outcome(answer)
    assert failed == "runs"
    assert rows["got"] == f"an object of type {type(answer).__name__}"
    assert rows["likely"].startswith("Pass squeeze without brackets")


def test_a_module_in_place_of_its_class():
    failed, rows = outcome(nn.Linear(2, 2), "SqueezeExcitation")
    assert failed == "runs"
    assert rows["got"] == "an object of type Linear"
    assert rows["likely"].startswith("Pass SqueezeExcitation without brackets")


def test_a_function_in_place_of_a_class():
    failed, rows = outcome(lambda *a, **k: 3, "SqueezeExcitation")
    assert (failed, rows["got"]) == ("runs", "an object of type int")


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (None, "None"),
        (1.5, "an object of type float"),
        ([torch.ones(1)], "an object of type list"),
        (NotImplemented, "an object of type NotImplementedType"),
        (torch.ones(2).numpy(), "an object of type ndarray"),
    ],
)
def test_a_result_of_the_wrong_type(result, words):
    failed, rows = outcome(lambda x: result)
    assert (failed, rows["got"]) == ("runs", words)


def test_a_sparse_result():
    failed, rows = outcome(lambda x: x.mean((2, 3)).to_sparse())
    assert failed == "runs"
    assert rows["got"] == "a tensor of layout torch.sparse_coo"
    assert rows["expected"] == "a dense torch.Tensor"


def test_a_forgotten_return_and_an_unknown_name():
    assert outcome(lambda x: None)[1]["likely"] == "Is the line with `return` missing?"
    _, rows = outcome(lambda x: y)  # noqa: F821
    assert rows["likely"].startswith("A name is unknown here.")


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (lambda x: x.mean((2, 3)).long(), "dtype and device"),
        (lambda x: x.mean((2, 3)) > 0, "dtype and device"),
        (lambda x: x.mean((2, 3)).to(torch.complex64), "dtype and device"),
        (lambda x: x.mean((2, 3)).to("meta"), "range"),
        (lambda x: x.mean((2, 3)) * torch.nan, "range"),
        (lambda x: x.mean((2, 3)) * torch.inf, "range"),
        (lambda x: x.new_zeros(0, 3), "shape"),
        (lambda x: x, "shape"),
    ],
)
def test_results_of_another_kind(answer, failed):
    assert outcome(answer)[0] == failed


def test_wrong_numbers_of_arguments():
    assert "takes 0 positional arguments" in outcome(lambda: 1)[1]["got"]
    assert "missing 1 required positional" in outcome(lambda x, y: x)[1]["got"]


# --- objects that lie ---------------------------------------------------------------


class LyingTensor(Tensor):
    """Says it has the right shape, and that it equals everything."""

    @property
    def shape(self):
        return torch.Size((2, 6))

    def __eq__(self, other):
        return True

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return torch.ones(2, 6)


def test_a_tensor_that_lies_about_its_shape():
    failed, rows = outcome(lambda x: torch.ones(5, 4).as_subclass(LyingTensor))
    assert (failed, rows["got"]) == ("shape", "shape (5, 4)")


class NotATensor:
    """Pretends to be a tensor."""

    __class__ = Tensor
    shape, dtype, device = torch.Size((2, 6)), torch.float32, torch.device("cpu")

    def __repr__(self):
        raise RuntimeError("no text for you")


def test_an_object_that_pretends_to_be_a_tensor():
    failed, rows = outcome(lambda x: NotATensor())
    assert failed == "runs"
    assert rows["got"] == "an object of type NotATensor"


class NoText(Exception):
    def __str__(self):
        raise ValueError("an error without a text")


def test_an_error_without_a_text():
    def answer(x):
        raise NoText

    assert "NoText: (its text cannot be shown)" in outcome(answer)[1]["got"]


def test_an_answer_that_is_right_only_the_first_time():
    calls = []

    def answer(x):
        calls.append(x)
        return x.mean((2, 3)) if len(calls) < 12 else "enough"

    _, rows = outcome(answer)
    assert rows["got"] == "an object of type str"


def test_an_answer_that_knows_what_check_expects_cannot_reach_it():
    def answer(x):
        x.resize_(1)
        return torch.zeros(2, 6)

    failed, _ = outcome(answer)
    assert failed == "shape"  # the second input; the first was a copy


def test_inputs_are_fresh_for_every_call():
    def answer(x):
        result = x.mean((2, 3))
        x.zero_()
        return result

    failed, rows = outcome(answer)
    assert failed == "input not modified"
    assert rows["got"].startswith("x was changed: 0 at")
