"""Known-wrong answers to the exercises of notebook 02: the module and its place."""

from course_lib.exercises.exercise import WrongAnswer

FORWARD = "return x * self.gate(x)"

MODULE = (
    WrongAnswer(
        "expand built like reduce",
        "nn.Linear(hidden, channels, bias=bias)",
        "nn.Linear(channels, hidden, bias=bias)",
        "runs",
        "Both layers reduce. The second goes back: nn.Linear(hidden, channels).",
    ),
    WrongAnswer(
        "gate returned alone",
        FORWARD,
        "return self.gate(x)",
        "shape",
        "forward returns the bare gate. Multiply x by it.",
    ),
    WrongAnswer(
        "cast to float32",
        FORWARD,
        "return (x * self.gate(x)).float()",
        "dtype and device",
        "The result is forced to float32. Remove .float(): torch keeps the input's "
        "type.",
    ),
    WrongAnswer(
        "one plus the gate",
        FORWARD,
        "return x * (1 + self.gate(x))",
        "range",
        "x is added to the gated x, as in BAM. SE returns x * gate alone.",
    ),
    WrongAnswer(
        "gate added",
        FORWARD,
        "return x + self.gate(x)",
        "range",
        "The gate is added to x. It multiplies: x * gate.",
    ),
    WrongAnswer(
        "one gate for the whole batch",
        FORWARD,
        "return x * self.gate(x).mean(dim=0, keepdim=True)",
        "samples independent",
        "The gate is averaged over the batch. Each image keeps its own.",
    ),
    WrongAnswer(
        "sigmoid twice",
        FORWARD,
        "return x * torch.sigmoid(self.gate(x))",
        "gated",
        "A second sigmoid squeezes every gate into 0.5 to 0.73. gate(x) has one.",
    ),
    WrongAnswer(
        "gate applied twice",
        FORWARD,
        "return x * self.gate(x) * self.gate(x)",
        "gated",
        "x is multiplied by the gate twice. Once is enough.",
    ),
    WrongAnswer(
        "biases built, never used",
        "return se_gate(x, reduce.weight, expand.weight, reduce.bias, expand.bias)",
        "return se_gate(x, reduce.weight, expand.weight)",
        "values",
        "The biases exist and are not used. Pass reduce.bias and expand.bias as well.",
    ),
    WrongAnswer(
        "gate from relu(x)",
        "return se_gate(x, reduce",
        "return se_gate(F.relu(x), reduce",
        "values",
        "An extra ReLU acts on x before the gate, as in one widely copied repository. "
        "Give se_gate x itself.",
    ),
    WrongAnswer(
        "weights detached",
        "return se_gate(x, reduce.weight, ",
        "return se_gate(x, reduce.weight.detach(), ",
        "gradients",
        "A weight is cut off by .detach() or .data and will never learn. Remove it.",
    ),
    WrongAnswer(
        "gate detached",
        FORWARD,
        "return x * self.gate(x).detach()",
        "gradients",
        "The gate is cut off by .detach() or .data: its weights never learn. Remove "
        "it.",
    ),
    WrongAnswer(
        "hidden width rounded to 8",
        "round_to: int = 1",
        "round_to: int = 8",
        "parameter count",
        "The hidden width is rounded to a multiple of 8, as in timm. The paper's is "
        "exactly C // r.",
    ),
    WrongAnswer(
        "bias always there",
        "nn.Linear(hidden, channels, bias=bias)",
        "nn.Linear(hidden, channels)",
        "parameter count",
        "bias=False still leaves a bias in the second layer. Pass bias=bias to both.",
    ),
    WrongAnswer(
        "multiplied in place",
        FORWARD,
        "return x.mul_(self.gate(x))",
        "input not modified",
        "The caller's x is overwritten by *= or mul_. Write x * self.gate(x).",
    ),
    WrongAnswer(
        "dropout",
        FORWARD,
        "return F.dropout(x, 0.5, self.training) * self.gate(x)",
        "train against eval",
        "Dropout acts in training mode. SE has none.",
    ),
)

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
