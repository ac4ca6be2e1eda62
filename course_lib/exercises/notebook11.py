"""Exercises of notebook 11, scaling out: shards, the mean of gradients, the loss."""

from dataclasses import replace

from course_lib.exercises import notebook11_wrong as wrong
from course_lib.exercises import notebook11_wrong_shard as wrong_shard
from course_lib.exercises.exercise import Exercise
from course_lib.exercises.gradients import gradients
from course_lib.exercises.notebook11_gradients import (
    absent_is_zero,
    all_gradient_trials,
    equal_processes,
    gradient_trials,
    one_for_each_parameter,
    processes_renumbered,
)
from course_lib.exercises.notebook11_loss import (
    empty_gradients,
    empty_process,
    equal_shares,
    loss_trials,
    mean_over_all,
)
from course_lib.exercises.notebook11_shard import (
    SEED,
    changes_with,
    every_image_once,
    own_generator,
    same_again,
    same_batches,
    shard_trials,
    whole_numbers,
)
from course_lib.exercises.properties import (
    dtype_and_device,
    input_untouched,
    runs,
    shape,
    values,
)
from course_lib.sharing import average_gradients, rank_loss, shard_indices

EPOCHS = {f"epoch {epoch}": (SEED, epoch) for epoch in range(3)}
SEEDS = {f"seed {seed}, epoch 0": (seed, 0) for seed in (0, 1, 5)}
SEEDS["seed 7, epoch 1"] = (7, 1)

SHARD = Exercise(
    name="shard_indices",
    title="the sampler",
    notebook="11",
    solution=shard_indices,
    why=(
        "All processes draw the same order, so none has to ask another one. Dealt out "
        "like cards, its first batch is the first batch of one process, whatever "
        "their number."
    ),
    hints=(
        "How can processes that do not talk agree on who takes which image?",
        "order: (count,), the same in every process; the shard: each ranks-th of it.",
        "torch.Generator().manual_seed(n), torch.randperm(count, generator=...), "
        "a slice [start::step].",
        "generator = torch.Generator().manual_seed(____ + ____)\n"
        "order = torch.randperm(count, generator=____)\n"
        "return order[____::____]",
    ),
    properties=(
        runs(shard_trials),
        whole_numbers(),
        same_again(),
        own_generator(),
        every_image_once(),
        changes_with("epoch", EPOCHS),
        changes_with("seed", SEEDS),
        same_batches(),
        values(shard_trials),
    ),
    wrong_answers=wrong_shard.SHARD,
)

AVERAGE = Exercise(
    name="average_gradients",
    title="the exchange",
    notebook="11",
    solution=average_gradients,
    why=(
        "The gradient of a mean is the mean of the gradients, so equal parts may be "
        "averaged. A parameter that a process did not use has the gradient 0 there, "
        "and that process still counts."
    ),
    hints=(
        "Which index do you average over, which one do you keep?",
        "gradients[rank][p] -> one tensor for each p, of the parameter's own shape.",
        "zip(*gradients) turns rows into columns; sum adds tensors; skip None.",
        "averaged = []\n"
        "for parts in zip(*____, strict=True):\n"
        "    total = sum(part for part in parts if ____)\n"
        "    averaged.append(total / ____)\n"
        "return averaged",
    ),
    properties=(
        replace(
            runs(all_gradient_trials),
            statement="it takes the gradients and returns a list of tensors",
        ),
        one_for_each_parameter(),
        dtype_and_device(gradient_trials),
        equal_processes(),
        processes_renumbered(),
        values(gradient_trials),
        absent_is_zero(),
        input_untouched(all_gradient_trials),
    ),
    wrong_answers=wrong.AVERAGE,
)

RANK_LOSS = Exercise(
    name="rank_loss",
    title="unequal parts",
    notebook="11",
    solution=rank_loss,
    why=(
        "DDP always takes the plain mean over the processes. Dividing each sum by "
        "total / ranks, the same number everywhere, gives every image the weight "
        "1 / total after that mean."
    ),
    hints=(
        "DDP divides by ranks. What must stand there before, so that each image "
        "weighs 1 / total?",
        "losses: (n,) -> a tensor of shape (); the sum of an empty part is 0.",
        "losses.sum(), times ranks, divided by total.",
        "return losses.____() * ____ / ____",
    ),
    properties=(
        runs(loss_trials),
        shape(loss_trials),
        dtype_and_device(loss_trials),
        equal_shares(),
        mean_over_all(),
        empty_process(),
        gradients(loss_trials),
        empty_gradients(),
        input_untouched(loss_trials),
    ),
    wrong_answers=wrong.RANK_LOSS,
)

EXERCISES = (SHARD, AVERAGE, RANK_LOSS)
