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
        "super().__init__() forgotten",
        "super().__init__()\n        hidden",
        "hidden",
        "runs",
        "Call super().__init__() first: it prepares the module for its layers.",
    ),
    WrongAnswer(
        "reduction replaced by 16",
        "hidden_width(channels, reduction, round_to)",
        "hidden_width(channels, 16, round_to)",
        "runs",
        "The reduction is 16 whatever you pass. Use the argument `reduction`.",
    ),
    WrongAnswer(
        "layers in a plain list",
        "self.reduce = nn.Linear(channels, hidden, bias=bias)\n"
        "        self.expand = nn.Linear(hidden, channels, bias=bias)\n"
        "\n"
        "    def gate(self, x: Tensor) -> Tensor:\n"
        '        """The bare gate: x (N, C, H, W) -> (N, C, 1, 1), values in (0, '
        '1)."""\n'
        "        reduce, expand = self.reduce, self.expand",
        "self.layers = [\n"
        "            nn.Linear(channels, hidden, bias=bias),\n"
        "            nn.Linear(hidden, channels, bias=bias),\n"
        "        ]\n"
        "\n"
        "    def gate(self, x: Tensor) -> Tensor:\n"
        '        """The bare gate: x (N, C, H, W) -> (N, C, 1, 1), values in (0, '
        '1)."""\n'
        "        reduce, expand = self.layers",
        "layers registered",
        "A plain list, or making layers in gate(), hides them from nn.Module: assign "
        "them as self.reduce, self.expand in __init__.",
    ),
    WrongAnswer(
        "no hidden unit",
        "hidden_width(channels, reduction, round_to)",
        "channels // 16",
        "layers registered",
        "The hidden layer is empty: channels // 16 is 0 here. Use the argument "
        "`reduction`.",
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
        "biases in both layers",
        "self.reduce = nn.Linear(channels, hidden, bias=bias)\n"
        "        self.expand = nn.Linear(hidden, channels, bias=bias)",
        "self.reduce = nn.Linear(channels, hidden)\n"
        "        self.expand = nn.Linear(hidden, channels)",
        "parameter count",
        "bias=False still made biases. Pass bias=bias to both layers.",
    ),
    WrongAnswer(
        "hidden width is the reduction",
        "hidden_width(channels, reduction, round_to)",
        "reduction",
        "parameter count",
        "The hidden layer has `reduction` units. It has channels // reduction.",
    ),
    WrongAnswer(
        "reduction multiplies",
        "hidden_width(channels, reduction, round_to)",
        "channels * reduction",
        "parameter count",
        "The hidden layer has channels * reduction units. Divide: channels // "
        "reduction.",
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
