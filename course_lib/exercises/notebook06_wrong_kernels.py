"""Known-wrong answers to the exercises of notebook 06: kernels that live."""

from course_lib.exercises.exercise import WrongAnswer

SIGNED = "w1 * w1.sum().sign()"

ALIVE_KERNELS = (
    WrongAnswer(
        "every weight of w1 positive",
        SIGNED,
        "w1.abs()",
        "w1 as a whole",
        "The 5x5 lost its pattern: all weights are positive, so it can only blur. Keep "
        "or negate it as a whole.",
    ),
    WrongAnswer(
        "one kernel returned",
        "return w1 * w1.sum().sign(), w2.abs()",
        "return w1 * w1.sum().sign()",
        "runs",
        "Write it so that you give a tuple of two kernels, w1 and w2.",
    ),
    WrongAnswer(
        "flattened",
        "w2.abs()",
        "w2.abs().flatten(1, 2)[0, :2]",
        "shape",
        "A kernel lost weights on the way. Each keeps its own shape.",
    ),
    WrongAnswer(
        "cast to float32",
        SIGNED,
        f"({SIGNED}).float()",
        "dtype and device",
        "A kernel is forced to float32. Remove .float(): torch keeps the input's type.",
    ),
    WrongAnswer(
        "negative weights cut off",
        "w2.abs()",
        "w2.clamp(min=0)",
        "sizes stay",
        "Negative weights of w2 are set to 0, so half of the kernel is gone. Take "
        "their absolute values.",
    ),
    WrongAnswer(
        "divided by the sum",
        SIGNED,
        "w1 / w1.sum()",
        "sizes stay",
        "Dividing by the sum turns the sign, and also rescales w1 without limit. "
        "Multiply by the sum's sign.",
    ),
    WrongAnswer(
        "shifted to a positive sum",
        SIGNED,
        "w1 - w1.mean() + 0.1",
        "sizes stay",
        "w1 is shifted, which changes its weights. Change nothing but its sign.",
    ),
    WrongAnswer(
        "sign of the mean of w2",
        "w2.abs()",
        "w2 * w2.sum().sign()",
        "w2 never cancels",
        "w2 is only turned as a whole: a bright spot under a negative weight is cut "
        "to 0. Make every weight positive.",
    ),
    WrongAnswer(
        "w2 left alone",
        "w2.abs()",
        "w2 * 1",
        "w2 never cancels",
        "w2 keeps its negative weights, so the second ReLU can still cut everything. "
        "Take w2.abs().",
    ),
    WrongAnswer(
        "w2 made negative",
        "w2.abs()",
        "-w2.abs()",
        "w2 never cancels",
        "Every weight of w2 is negative, so the second ReLU cuts everything. Drop the "
        "minus.",
    ),
    WrongAnswer(
        "w1 left alone",
        SIGNED,
        "w1 * 1",
        "a bright patch passes",
        "w1 may have a negative sum, so the first ReLU cuts a bright patch. Multiply "
        "it by its sum's sign.",
    ),
    WrongAnswer(
        "sign of the middle weight",
        SIGNED,
        "w1 * w1[0, 0, 2, 2].sign()",
        "a bright patch passes",
        "The sign comes from the middle weight. A bright patch meets all 25: take the "
        "sum's sign.",
    ),
    WrongAnswer(
        "sign the wrong way round",
        SIGNED,
        "w1 * -w1.sum().sign()",
        "a bright patch passes",
        "The sum of w1 is made negative. Drop the minus.",
    ),
    WrongAnswer(
        "changed in place",
        "return w1 * w1.sum().sign(), w2.abs()",
        "return w1.mul_(w1.sum().sign()), w2.abs_()",
        "input not modified",
        "The caller's kernels are overwritten by mul_ and abs_. Return new tensors.",
    ),
    WrongAnswer(
        "times the sum",
        SIGNED,
        "w1 * w1.sum()",
        "sizes stay",
        "Multiply by the sum's *sign*, not by the sum.",
    ),
    WrongAnswer(
        "kernels in the wrong order",
        "return w1 * w1.sum().sign(), w2.abs()",
        "return w2.abs(), w1 * w1.sum().sign()",
        "sizes stay",
        "The kernels come back in the wrong order. Return w1's first, then w2's.",
    ),
)
