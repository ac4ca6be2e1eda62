"""Known-wrong answers to the exercises of notebook 04: the use of the map."""

from course_lib.exercises.exercise import WrongAnswer

REFINED = "x * (1 + m)"

REFINE = (
    WrongAnswer(
        "a layer that is not there",
        REFINED,
        "self.gate(x) * x",
        "runs",
        "There is no self here: the map arrives as the argument m.",
    ),
    WrongAnswer(
        "matrix product",
        REFINED,
        "x @ (1 + m)",
        "runs",
        "`@` is the matrix product. `x * (1 + m)` multiplies position by position and "
        "broadcasts.",
    ),
    WrongAnswer(
        "factor without x",
        REFINED,
        "1 + m",
        "shape",
        "This is the factor alone. Multiply x by it.",
    ),
    WrongAnswer(
        "averaged over the map",
        REFINED,
        "(x * (1 + m)).mean(dim=(2, 3))",
        "shape",
        "The map is averaged away. Return all of x, refined: (N, C, H, W).",
    ),
    WrongAnswer(
        "cast to float32",
        REFINED,
        "(x * (1 + m)).float()",
        "dtype and device",
        "The result is forced to float32. Remove .float().",
    ),
    WrongAnswer(
        'no "1 +"',
        REFINED,
        "x * m",
        "range",
        "The 1 is missing, so values shrink, as in SE and CBAM. BAM's factor is 1 + m.",
    ),
    WrongAnswer(
        "x added twice",
        REFINED,
        "x + x * (1 + m)",
        "range",
        "x is in it twice: the factor is 2 + m, as in asdf2kr's code. Either x + x * m "
        "or x * (1 + m).",
    ),
    WrongAnswer(
        "map added",
        REFINED,
        "x + m",
        "range",
        "The map is added to x. It multiplies: x + x * m.",
    ),
    WrongAnswer(
        "one minus the map",
        REFINED,
        "x * (1 - m)",
        "range",
        "Minus instead of plus: where the map says more, there is less.",
    ),
    WrongAnswer(
        "map twice as strong",
        REFINED,
        "x * (2 * m)",
        "range",
        "2 m is 1 in the middle, and silences where m is small. The factor is 1 + m.",
    ),
    WrongAnswer(
        "negative values cut",
        REFINED,
        "F.relu(x) * (1 + m)",
        "range",
        "A ReLU acts on x, which may be negative here. Use x itself.",
    ),
    WrongAnswer(
        "map averaged over the batch",
        REFINED,
        "x * (1 + m.mean(dim=0, keepdim=True))",
        "samples independent",
        "The map is averaged over the batch. Each image keeps its own.",
    ),
    WrongAnswer(
        "map not used",
        REFINED,
        "x",
        "values",
        "m is not used: x comes back as it was. x * (1 + m).",
    ),
    WrongAnswer(
        "one map for all channels",
        REFINED,
        "x * (1 + m.mean(dim=1, keepdim=True))",
        "values",
        "The map is averaged over the channels. Use m as it is.",
    ),
    WrongAnswer(
        "one number for each channel",
        REFINED,
        "x * (1 + m.mean(dim=(2, 3), keepdim=True))",
        "values",
        "The map is averaged over its positions, so it cannot point. Use m as it is.",
    ),
    WrongAnswer(
        "sigmoid again",
        REFINED,
        "x * (1 + torch.sigmoid(m))",
        "values",
        "m has been through its sigmoid; a second one leaves 0.5 to 0.73.",
    ),
    WrongAnswer(
        "map squared",
        REFINED,
        "x * (1 + m * m)",
        "values",
        "The map acts twice. Once is enough: x * (1 + m).",
    ),
    WrongAnswer(
        "map detached",
        REFINED,
        "x * (1 + m.detach())",
        "gradients",
        "The map is cut off by .detach() or .data: its branches never learn.",
    ),
    WrongAnswer(
        "multiplied in place",
        REFINED,
        "x.mul_(1 + m)",
        "input not modified",
        "The caller's x is overwritten by *= or mul_. Write x * (1 + m).",
    ),
)
