"""Exercises of notebook 07, training well and fairly: choose, measure, shuffle."""

from course_lib.exercises.exercise import Exercise
from course_lib.exercises.notebook07_accuracy import (
    a_share,
    about_accuracy,
    always_eval,
    any_cut,
    images_as_given,
    left_as_it_was,
    one_number,
    the_share,
    without_gradients,
)
from course_lib.exercises.notebook07_epoch import (
    blind_to_the_test_set,
    choice_runs,
    highest_validation,
    history_untouched,
    is_an_epoch,
    ties_to_the_earlier,
)
from course_lib.exercises.notebook07_order import (
    differs,
    each_image_once,
    global_numbers_stay,
    order_runs,
    order_shape,
    same_again,
    shuffled,
)
from course_lib.exercises.notebook07_wrong_accuracy import ACCURACY as WRONG_ACCURACY
from course_lib.exercises.notebook07_wrong_epoch import CHOOSE_EPOCH as WRONG_EPOCH
from course_lib.exercises.notebook07_wrong_order import ORDER as WRONG_ORDER
from course_lib.fair import accuracy_of, choose_epoch, epoch_order

GRID = [(seed, epoch) for seed in range(6) for epoch in range(6)]

CHOOSE_EPOCH = Exercise(
    name="choose_epoch",
    title="the validation set chooses",
    notebook="07",
    solution=choose_epoch,
    why=(
        "The highest of several noisy numbers is high partly by luck. The validation "
        "images pay for that luck, so that the test images report without it."
    ),
    hints=(
        "Which images may be used up by the choice, and which must stay fresh?",
        "history: a list of dicts -> the best row so far -> its epoch.",
        'for row in history[1:]: ...; row["val_accuracy"]; >.',
        "best = history[____]\n"
        "for row in history[1:]:\n"
        '    if row["____"] ____ best["____"]:\n'
        "        best = ____\n"
        'return best["____"]',
    ),
    properties=(
        choice_runs(),
        is_an_epoch(),
        blind_to_the_test_set(),
        highest_validation(),
        ties_to_the_earlier(),
        history_untouched(),
    ),
    wrong_answers=WRONG_EPOCH,
)

ACCURACY = Exercise(
    name="accuracy_of",
    title="an honest measurement",
    notebook="07",
    solution=accuracy_of,
    why=(
        "In eval mode BatchNorm uses what training collected, so an image's class does "
        "not depend on its neighbours in the batch. Then the cutting into batches is "
        "free, provided that every image counts once."
    ),
    hints=(
        "What may the answer for one image depend on, and what not?",
        "x (n, ...) -> logits (n, classes) -> classes (n,) -> one count a batch.",
        "network.training, network.eval(), torch.no_grad(), .argmax(dim=1), "
        ".sum().item(), network.train(mode).",
        "was_training = network.____\n"
        "network.____()\n"
        "right, images = 0, 0\n"
        "with torch.____():\n"
        "    for x, y in batches:\n"
        "        right += (network(x).argmax(dim=____) == ____).sum().item()\n"
        "        images += ____\n"
        "network.train(____)\n"
        "return right / images",
    ),
    properties=(
        about_accuracy(
            "runs",
            "it takes a network and batches, and returns a number",
            "Read the error, then print the shapes in the line before it.",
            lambda one: None,
        ),
        about_accuracy(
            "shape",
            "one number for all images",
            "Add up over the images and leave the tensor: .sum().item().",
            one_number,
        ),
        about_accuracy(
            "range",
            "an accuracy lies in 0..1",
            "Divide the right answers by the images.",
            a_share,
        ),
        about_accuracy(
            "eval mode",
            "the network is in eval mode for every batch",
            "Call network.eval() before the loop.",
            always_eval,
            lambda one: one.network.seen.training,
        ),
        about_accuracy(
            "images as given",
            "the network sees each image once, unchanged",
            "Give x to the network as it comes, for every batch.",
            images_as_given,
            lambda one: [len(x) for x in one.network.seen.images],
        ),
        about_accuracy(
            "no gradients",
            "nothing is recorded for a backward pass",
            "Wrap the loop in torch.no_grad().",
            without_gradients,
        ),
        about_accuracy(
            "values",
            "the share of right answers",
            "Count where the largest logit's class equals y; divide by the images.",
            the_share,
        ),
        any_cut(),
        about_accuracy(
            "network unchanged",
            "mode, weights and buffers are afterwards what they were",
            "Remember network.training and put it back.",
            left_as_it_was,
            lambda one: one.network.training,
        ),
    ),
    wrong_answers=WRONG_ACCURACY,
)

ORDER = Exercise(
    name="epoch_order",
    title="the order of an epoch",
    notebook="07",
    solution=epoch_order,
    why=(
        "A generator of its own, seeded from (seed, epoch), gives every network with "
        "that seed the same order, and a resumed run the order it would have had. "
        "SeedSequence mixes both numbers, so no two runs share orders by accident."
    ),
    hints=(
        "A gate draws weights before training starts. How can the order not notice?",
        "seed, epoch -> one mixed integer -> a generator -> order (images,).",
        "np.random.SeedSequence((a, b)).generate_state(1)[0], "
        "torch.Generator().manual_seed(int(n)), torch.randperm(n, generator=...).",
        "mixed = np.random.SeedSequence((____, ____)).generate_state(1)[0]\n"
        "generator = torch.Generator().manual_seed(int(____))\n"
        "return torch.randperm(____, generator=____)",
    ),
    properties=(
        order_runs(),
        order_shape(),
        each_image_once(),
        shuffled(),
        same_again(),
        differs(
            "epochs differ",
            [(seed, epoch) for seed in (0,) for epoch in range(4)],
            "each epoch has an order of its own",
        ),
        differs(
            "seeds differ",
            [(seed, 3) for seed in range(4)],
            "each seed has an order of its own",
        ),
        differs(
            "runs never meet",
            [*GRID, (0, 150), (1, 50)],
            "no order of one run comes back in another",
        ),
        global_numbers_stay(),
    ),
    wrong_answers=WRONG_ORDER,
)

EXERCISES = (CHOOSE_EPOCH, ACCURACY, ORDER)
