"""Known-wrong answers to the exercises of notebook 02: the gate in its place."""

from course_lib.exercises.exercise import WrongAnswer

SUM = "F.relu(y * g + shortcut)"

RESIDUAL = (
    WrongAnswer(
        "weights swapped",
        "se_gate(y, w1, w2, b1, b2)",
        "se_gate(y, w2, w1, b1, b2)",
        "runs",
        "The two weights are swapped: se_gate(y, w1, w2, b1, b2).",
    ),
    WrongAnswer(
        "concatenated in place of summed",
        SUM,
        "F.relu(torch.cat([y * g, shortcut], dim=1))",
        "shape",
        "Branch and shortcut are stacked, as in DenseNet. A residual block adds them.",
    ),
    WrongAnswer(
        "cast to float32",
        SUM,
        f"{SUM}.float()",
        "dtype and device",
        "The result is forced to float32. Remove .float(): torch keeps the input's "
        "type.",
    ),
    WrongAnswer(
        "no ReLU after the sum",
        SUM,
        "y * g + shortcut",
        "range",
        "The ReLU after the sum is missing. Return F.relu(y * g + shortcut).",
    ),
    WrongAnswer(
        "one gate for the whole batch",
        SUM,
        "F.relu(y * g.mean(dim=0, keepdim=True) + shortcut)",
        "samples independent",
        "The gate is averaged over the batch. Each image keeps its own.",
    ),
    WrongAnswer(
        "gate on the shortcut",
        SUM,
        "F.relu(y + g * shortcut)",
        "placement",
        "The gate scales the shortcut, so closing it cuts off the input. Scale y.",
    ),
    WrongAnswer(
        "gate after the sum",
        SUM,
        "F.relu((y + shortcut) * g)",
        "placement",
        "The gate scales the sum (the paper's SE-POST, half a point worse). Scale y "
        "before the sum.",
    ),
    WrongAnswer(
        "shortcut forgotten",
        SUM,
        "F.relu(y * g)",
        "placement",
        "The shortcut is not added. Return F.relu(y * g + shortcut).",
    ),
    WrongAnswer(
        "gate added",
        SUM,
        "F.relu(y + g + shortcut)",
        "placement",
        "The gate is added. It multiplies the branch: y * g.",
    ),
    WrongAnswer(
        "no biases passed on",
        "se_gate(y, w1, w2, b1, b2)",
        "se_gate(y, w1, w2)",
        "placement",
        "b1, b2 are not passed to se_gate. Call se_gate(y, w1, w2, b1, b2).",
    ),
    WrongAnswer(
        "second bias not passed on",
        "se_gate(y, w1, w2, b1, b2)",
        "se_gate(y, w1, w2, b1)",
        "placement",
        "b2 is not passed to se_gate. Call se_gate(y, w1, w2, b1, b2).",
    ),
    WrongAnswer(
        "gate made from the shortcut",
        "se_gate(y, w1, w2, b1, b2)",
        "se_gate(shortcut, w1, w2, b1, b2)",
        "values",
        "The gate is made from the shortcut. Make it from y, which it scales.",
    ),
    WrongAnswer(
        "gate made from the sum",
        "se_gate(y, w1, w2, b1, b2)",
        "se_gate(y + shortcut, w1, w2, b1, b2)",
        "values",
        "The gate is made from branch and shortcut together. Make it from y alone.",
    ),
    WrongAnswer(
        "ReLU on the branch before the gate",
        SUM,
        "F.relu(F.relu(y) * g + shortcut)",
        "values",
        "A ReLU on the branch leaves a branch that can only add. Remove it; the one "
        "after the sum stays.",
    ),
    WrongAnswer(
        "biases ignored",
        "se_gate(y, w1, w2, b1, b2)",
        "se_gate(y, w1, w2, None, b2)",
        "values",
        "A bias is not passed on. Call se_gate(y, w1, w2, b1, b2).",
    ),
    WrongAnswer(
        "gate detached",
        SUM,
        "F.relu(y * g.detach() + shortcut)",
        "gradients",
        "The gate is cut off by .detach() or .data: its weights never learn. Remove "
        "it.",
    ),
    WrongAnswer(
        "sum written into the branch",
        SUM,
        "F.relu(y.mul_(g).add_(shortcut))",
        "input not modified",
        "The caller's y is overwritten by *=, += or a method ending in _. Write "
        "y * g + shortcut.",
    ),
)
