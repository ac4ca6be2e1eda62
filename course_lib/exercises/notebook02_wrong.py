"""Known-wrong answers to the exercises of notebook 02."""

from course_lib.exercises.exercise import WrongAnswer

MEAN = "x.mean(dim=(2, 3))"

SQUEEZE = (
    WrongAnswer(
        "window of H x H",
        MEAN,
        "F.avg_pool2d(x, x.shape[2], stride=x.shape[2]).flatten(1)",
        "runs",
        "The pooling window is H x H, as in BAM's released code, and fails on a map "
        "that is not square. Average over H and W.",
    ),
    WrongAnswer(
        "one axis left over",
        MEAN,
        "x.mean(dim=2)",
        "shape",
        "Only H is averaged away. Pass both axes: dim=(2, 3).",
    ),
    WrongAnswer(
        "axes kept",
        MEAN,
        "x.mean(dim=(2, 3), keepdim=True)",
        "shape",
        "keepdim=True leaves two axes of size 1. The squeezed form is (N, C).",
    ),
    WrongAnswer(
        "averaged over the channels",
        MEAN,
        "x.mean(dim=1)",
        "shape",
        "Axis 1 is the channels. Average over the map, axes 2 and 3.",
    ),
    WrongAnswer(
        "cast to float32",
        MEAN,
        "x.float().mean(dim=(2, 3))",
        "dtype and device",
        "The result is forced to float32. Remove .float(): torch keeps the input's "
        "type.",
    ),
    WrongAnswer(
        "sum in place of the average",
        MEAN,
        "x.sum(dim=(2, 3))",
        "range",
        "The sum is not divided by H * W, so larger maps give larger numbers. Use "
        "mean.",
    ),
    WrongAnswer(
        "pooled over the batch",
        MEAN,
        "x.mean(dim=(0, 2, 3)).expand(x.shape[:2])",
        "samples independent",
        "The average runs over the batch too, so all images share it. Leave axis 0.",
    ),
    WrongAnswer(
        "reshape in place of a transpose",
        MEAN,
        "x.reshape(len(x), -1, x.shape[1]).mean(dim=1)",
        "channels permute",
        "reshape(N, H * W, C) cuts the memory anew and mixes channels. Use "
        "x.flatten(2), or dim=(2, 3).",
    ),
    WrongAnswer(
        "one corner read",
        MEAN,
        "x[:, :, 0, 0]",
        "positions equal",
        "Only the first position is read. Every position counts in the average.",
    ),
    WrongAnswer(
        "last row and column left out",
        MEAN,
        "x[:, :, :-1, :-1].mean(dim=(2, 3))",
        "positions equal",
        "The slice :-1 leaves out the last row and column. Take the whole map.",
    ),
    WrongAnswer(
        "maximum in place of the average",
        MEAN,
        "x.amax(dim=(2, 3))",
        "values",
        "This is max pooling, one of CBAM's two. The squeeze is the average.",
    ),
    WrongAnswer(
        "median in place of the average",
        MEAN,
        "x.flatten(2).median(dim=2).values",
        "values",
        "This is the median. The squeeze is the average.",
    ),
    WrongAnswer(
        "detached",
        MEAN,
        "x.detach().mean(dim=(2, 3))",
        "gradients",
        "The result is cut off from x by .detach() or .data. Remove it.",
    ),
    WrongAnswer(
        "divided in place",
        MEAN,
        "x.div_(x[0, 0].numel()).sum(dim=(2, 3))",
        "input not modified",
        "The caller's x is divided in place by /= or div_. Write x / (H * W).",
    ),
)

GATE_SQUEEZE = "s = squeeze(x)  # (N, C)"
SIGMOID = "torch.sigmoid(F.linear(z, w2, b2))"

SE_GATE = (
    WrongAnswer(
        "weights swapped",
        "F.linear(s, w1, b1)",
        "F.linear(s, w2, b1)",
        "runs",
        "The first layer got w2, or w1 transposed. Pass w1 (C//r, C) as it is: "
        "F.linear transposes it itself.",
    ),
    WrongAnswer(
        "biases required",
        "F.linear(s, w1, b1)",
        "F.linear(s, w1) + b1",
        "runs",
        "b1 may be None, and None cannot be added. Pass it on: F.linear(s, w1, b1).",
    ),
    WrongAnswer(
        "two axes short",
        "return g[:, :, None, None]",
        "return g",
        "shape",
        "(N, C) does not broadcast over a map. Add two axes: g[:, :, None, None].",
    ),
    WrongAnswer(
        "expanded to the map",
        "return g[:, :, None, None]",
        "return g[:, :, None, None].expand_as(x)",
        "shape",
        "The gate is expanded to the whole map. Return it bare, (N, C, 1, 1).",
    ),
    WrongAnswer(
        "cast to float32",
        SIGMOID,
        f"{SIGMOID}.float()",
        "dtype and device",
        "The gate is forced to float32. Remove .float(): torch keeps the input's type.",
    ),
    WrongAnswer(
        "no sigmoid",
        SIGMOID,
        "F.linear(z, w2, b2)",
        "range",
        "These are the logits. Put torch.sigmoid around the second layer.",
    ),
    WrongAnswer(
        "ReLU in place of the sigmoid",
        SIGMOID,
        "F.relu(F.linear(z, w2, b2))",
        "range",
        "A ReLU gate has no upper bound; in the paper it falls below the plain network "
        "(23.47 against 23.30 % error). Use torch.sigmoid.",
    ),
    WrongAnswer(
        "tanh in place of the sigmoid",
        SIGMOID,
        "torch.tanh(F.linear(z, w2, b2))",
        "range",
        "tanh lies in (-1, 1) and can flip signs. Use torch.sigmoid.",
    ),
    WrongAnswer(
        "pooled over the batch",
        GATE_SQUEEZE,
        "s = squeeze(x).mean(dim=0, keepdim=True).expand(len(x), -1)",
        "samples independent",
        "The average runs over the batch too, so all images share a gate. Leave "
        "axis 0.",
    ),
    WrongAnswer(
        "reshape in place of a transpose",
        GATE_SQUEEZE,
        "s = x.reshape(len(x), -1, x.shape[1]).mean(dim=1)",
        "channels permute",
        "reshape(N, H * W, C) cuts the memory anew and mixes channels. Use squeeze(x).",
    ),
    WrongAnswer(
        "softmax in place of the sigmoid",
        SIGMOID,
        "F.linear(z, w2, b2).softmax(dim=1)",
        "gates apart",
        "softmax makes the gates share a sum of 1: opening one closes the others. Use "
        "torch.sigmoid.",
    ),
    WrongAnswer(
        "gates divided by the largest",
        SIGMOID,
        "(lambda g: g / g.amax(dim=1, keepdim=True))(torch.sigmoid(F.linear(z, w2, "
        "b2)))",
        "gates apart",
        "Dividing by the largest gate ties the channels together. Return the sigmoid.",
    ),
    WrongAnswer(
        "no ReLU between the layers",
        "F.relu(F.linear(s, w1, b1))",
        "F.linear(s, w1, b1)",
        "values",
        "Without the ReLU two layers are one linear map. Put F.relu around the first.",
    ),
    WrongAnswer(
        "sigmoid in place of the ReLU",
        "F.relu(F.linear(s, w1, b1))",
        "torch.sigmoid(F.linear(s, w1, b1))",
        "values",
        "The hidden layer uses a sigmoid. It is a ReLU; the sigmoid comes last.",
    ),
    WrongAnswer(
        "ReLU before the squeeze",
        GATE_SQUEEZE,
        "s = squeeze(F.relu(x))",
        "values",
        "An extra ReLU acts on x before the average, as in one widely copied "
        "repository. Squeeze x itself.",
    ),
    WrongAnswer(
        "maximum in place of the average",
        GATE_SQUEEZE,
        "s = x.amax(dim=(2, 3))",
        "values",
        "The squeeze takes the maximum. SE takes the average.",
    ),
    WrongAnswer(
        "first bias ignored",
        "F.linear(s, w1, b1)",
        "F.linear(s, w1)",
        "values",
        "b1 is not used. Pass it: F.linear(s, w1, b1).",
    ),
    WrongAnswer(
        "second bias ignored",
        "F.linear(z, w2, b2)",
        "F.linear(z, w2)",
        "values",
        "b2 is not used. Pass it: F.linear(z, w2, b2).",
    ),
    WrongAnswer(
        "detached",
        GATE_SQUEEZE,
        "s = squeeze(x).detach()",
        "gradients",
        "The squeezed numbers are cut off from x by .detach() or .data. Remove it.",
    ),
    WrongAnswer(
        "divided in place",
        GATE_SQUEEZE,
        "s = x.div_(x[0, 0].numel()).sum(dim=(2, 3))",
        "input not modified",
        "The caller's x is divided in place by /= or div_. Use squeeze(x).",
    ),
)

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
