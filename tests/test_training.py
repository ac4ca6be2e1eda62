"""The training loop: repeatable, resumable, fair between variants."""

import dataclasses
from pathlib import Path

import pytest
import torch
from tiny_runs import RUN, changed, stripes_dataset

from course_lib import preparing
from course_lib.attention import ATTENTION
from course_lib.data.image_set import Dataset
from course_lib.errors import CourseError
from course_lib.recipes import RECIPES
from course_lib.training import Stopped, Trainer, TrainingFailed
from course_lib.workers import Job, explain

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return stripes_dataset(train=64)


def weights_of(trainer: Trainer) -> dict[str, torch.Tensor]:
    return trainer.network.state_dict()


def assert_equal_states(first: dict, second: dict) -> None:
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def test_same_seed_same_result_bit_for_bit(dataset):
    first, second = Trainer(RUN, dataset, CPU), Trainer(RUN, dataset, CPU)
    one, two = first.train(), second.train()
    assert one.progress.history == two.progress.history
    assert torch.equal(one.hits, two.hits)
    assert_equal_states(weights_of(first), weights_of(second))


def test_another_seed_is_another_run(dataset):
    one = Trainer(RUN, dataset, CPU).train()
    two = Trainer(changed(seed=6), dataset, CPU).train()
    assert one.progress.history != two.progress.history


@pytest.mark.parametrize("model", ["plain", "cbam"])
@pytest.mark.parametrize("recipe", list(RECIPES))
def test_stopped_and_resumed_equals_uninterrupted(dataset, tmp_path, model, recipe):
    run = changed(model=model, recipe=recipe)
    whole = Trainer(run, dataset, CPU)
    expected = whole.train()
    steps = []

    def stop_in_second_epoch() -> bool:
        steps.append(1)
        return len(steps) == 7  # 4 steps an epoch: the third step of epoch 2

    checkpoint = tmp_path / "run.pt"
    stopped = Trainer(run, dataset, CPU, should_stop=stop_in_second_epoch)
    with pytest.raises(Stopped):
        stopped.train(checkpoint)
    assert stopped.progress.epoch == 1

    seen = []
    resumed = Trainer(
        run, dataset, CPU, lambda images, trained=True: seen.append((images, trained))
    )
    outcome = resumed.train(checkpoint)
    assert seen == [(64, False)] + 8 * [(16, True)]  # one epoch kept, two trained
    assert outcome.progress.history == expected.progress.history
    assert outcome.test_accuracy == expected.test_accuracy
    assert torch.equal(outcome.hits, expected.hits)
    assert_equal_states(weights_of(resumed), weights_of(whole))


@pytest.mark.parametrize("damage", ["cut", "empty", "other"])
def test_damaged_checkpoint_means_from_the_start(dataset, tmp_path, damage):
    checkpoint = tmp_path / "run.pt"
    expected = Trainer(RUN, dataset, CPU).train(checkpoint)
    content = checkpoint.read_bytes()
    bad = {"cut": content[: len(content) // 2], "empty": b"", "other": b"not weights"}
    checkpoint.write_bytes(bad[damage])
    again = Trainer(RUN, dataset, CPU).train(checkpoint)
    assert again.progress.history == expected.progress.history
    assert again.progress.seconds != expected.progress.seconds  # trained anew


def test_progress_counts_every_image_once(dataset):
    seen = []
    Trainer(RUN, dataset, CPU, lambda images, trained=True: seen.append(images)).train()
    assert sum(seen) == RUN.epochs * 64


def test_variants_of_a_seed_see_the_same_images(dataset):
    first = Trainer(RUN, dataset, CPU).batches["train"]
    second = Trainer(changed(model="cbam"), dataset, CPU).batches["train"]
    for (x1, y1), (x2, y2) in zip(first.epoch(1), second.epoch(1), strict=True):
        assert torch.equal(x1, x2)
        assert torch.equal(y1, y2)


def test_it_learns():
    outcome = Trainer(changed(epochs=6), stripes_dataset(train=640), CPU).train()
    assert outcome.test_accuracy > 0.9  # chance is 0.5
    assert outcome.hits.float().mean().item() == outcome.test_accuracy


def test_variants_of_a_seed_share_the_backbone(dataset):
    plain = preparing.build_network(RUN, 2).state_dict()
    for model, row in ATTENTION.items():
        run = changed(model=model, placement=row.placement)
        other = preparing.build_network(run, 2).state_dict()
        for name, value in plain.items():
            assert torch.equal(value, other[name]), (model, name)


def test_weight_decay_spares_vectors_unless_the_recipe_says_all():
    network = preparing.build_network(changed(model="se"), 2)
    spared = preparing.make_optimizer(network, RECIPES["modern"], 0.1).param_groups
    assert all(parameter.dim() >= 2 for parameter in spared[0]["params"])
    assert all(parameter.dim() < 2 for parameter in spared[1]["params"])
    assert spared[1]["weight_decay"] == 0
    everything = preparing.make_optimizer(network, RECIPES["reu2019"], 0.1).param_groups
    assert everything[1]["params"] == []


def test_evaluation_changes_nothing(dataset):
    trainer = Trainer(RUN, dataset, CPU)
    before = {name: value.clone() for name, value in weights_of(trainer).items()}
    first, second = trainer.evaluate("test"), trainer.evaluate("test")
    assert torch.equal(first, second)
    assert_equal_states(before, weights_of(trainer))


def test_modern_counts_the_last_epoch_and_reu2019_the_best_on_test(dataset):
    modern = Trainer(changed(epochs=4), dataset, CPU).train()
    assert modern.test_accuracy == modern.hits.float().mean().item()
    assert "test_accuracy" not in modern.progress.history[0]

    reu = Trainer(changed(epochs=4, recipe="reu2019"), dataset, CPU).train()
    every_epoch = [row["test_accuracy"] for row in reu.progress.history]
    assert reu.test_accuracy == max(every_epoch)
    assert reu.hits.float().mean().item() == pytest.approx(every_epoch[-1])


def test_nan_stops_the_run_with_its_epoch(dataset):
    trainer = Trainer(RUN, dataset, CPU)
    with torch.no_grad():
        trainer.network.fc.weight.fill_(float("nan"))
    with pytest.raises(TrainingFailed, match="the loss is nan in epoch 1"):
        trainer.train()


def test_bfloat16_run_stays_finite(dataset):
    outcome = Trainer(changed(precision="bf16", epochs=1), dataset, CPU).train()
    assert 0 < outcome.progress.history[0]["train_loss"] < 10


def test_mirror_needs_data_and_recipe(dataset):
    no_mirror = dataclasses.replace(dataset, mirror=False)
    assert preparing.make_batches(RUN, dataset, CPU)["train"].augment.mirror
    assert not preparing.make_batches(RUN, no_mirror, CPU)["train"].augment.mirror
    for split in ("val", "test"):
        assert preparing.make_batches(RUN, dataset, CPU)[split].augment is None


class NoMemory(torch.nn.Module):
    """A module that asks for more than any machine has."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, x):
        if self.how == "gpu":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return x + torch.empty(2**58, dtype=torch.uint8)


@pytest.mark.parametrize("how", ["gpu", "cpu"])
def test_out_of_memory_names_a_batch_to_try(dataset, how):
    job = Job(RUN, "cpu", Path(), compiled=False, deadline=None)
    with pytest.raises((RuntimeError, MemoryError)) as error:
        Trainer(RUN, dataset, CPU, attention=lambda channels: NoMemory(how)).train()
    line = str(explain(error.value, job))
    assert "out of memory on cpu with batches of 16" in line
    assert "--batch 8" in line


def test_other_errors_are_not_called_memory():
    job = Job(RUN, "cpu", Path(), compiled=False, deadline=None)
    error = RuntimeError("shapes do not fit")
    assert explain(error, job) is error


class RandomGate(torch.nn.Module):
    """A module of a learner's that draws numbers in training."""

    def forward(self, x):
        return torch.nn.functional.dropout(x, 0.3, self.training)


def test_resume_is_exact_for_a_module_that_draws_numbers(dataset, tmp_path):
    def trainer(**options) -> Trainer:
        return Trainer(RUN, dataset, CPU, attention=lambda _: RandomGate(), **options)

    expected = trainer().train()
    calls = []
    stopped = trainer(should_stop=lambda: calls.append(1) or len(calls) == 7)
    with pytest.raises(Stopped):
        stopped.train(tmp_path / "run.pt")
    torch.rand(5)  # anything may happen in between
    again = trainer().train(tmp_path / "run.pt")
    assert again.progress.history == expected.progress.history


def test_weights_that_end_not_finite_fail_the_run(dataset):
    # The loss of the last step is taken before its update, so it can look fine.
    with pytest.raises(TrainingFailed, match=r"(loss is|weights are not)"):
        Trainer(changed(epochs=1, lr=1e25), dataset, CPU).train()


def test_a_checkpoint_that_cannot_be_read_is_kept(dataset, tmp_path, monkeypatch):
    checkpoint = tmp_path / "run.pt"
    Trainer(RUN, dataset, CPU).train(checkpoint)
    content = checkpoint.read_bytes()

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(torch, "load", refuse)
    with pytest.raises(CourseError, match=r"cannot read .*Permission denied"):
        Trainer(RUN, dataset, CPU).train(checkpoint)
    assert checkpoint.read_bytes() == content


def test_a_checkpoint_of_another_version_is_not_gone_on_with(dataset, tmp_path):
    checkpoint = tmp_path / "run.pt"
    first = Trainer(RUN, dataset, CPU)
    first.made_by = lambda: ["another version"]
    first.train(checkpoint)
    seen = []
    Trainer(RUN, dataset, CPU, lambda images, trained=True: seen.append(trained)).train(
        checkpoint
    )
    assert seen.count(True) == RUN.epochs * 4  # every step was trained again


def test_training_leaves_the_callers_random_numbers_alone(dataset):
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    Trainer(RUN, dataset, CPU).train()
    assert torch.equal(torch.rand(3), expected)
