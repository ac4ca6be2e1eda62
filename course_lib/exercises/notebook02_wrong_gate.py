"""Known-wrong answers to the exercises of notebook 02: the gate."""

from course_lib.exercises.exercise import WrongAnswer

GATE_SQUEEZE = "s = squeeze(x)  # (N, C)"
SIGMOID = "torch.sigmoid(F.linear(z, w2, b2))"

SE_GATE = (
    WrongAnswer(
        "weights swapped",
        "F.linear(s, w1, b1)",
        "F.linear(s, w2, b1)",
        "runs",
        "The first layer is F.linear(s, w1, b1), which transposes w1 (C//r, C) itself. "
        "`s @ w1` does not: s @ w1.T. Or is it w2?",
    ),
    WrongAnswer(
        "biases required",
        "F.linear(s, w1, b1)",
        "F.linear(s, w1) + b1",
        "runs",
        "b1 may be None, and None cannot be added. Pass it on: F.linear(s, w1, b1).",
    ),
    WrongAnswer(
        "second weight not transposed",
        "F.linear(z, w2, b2)",
        "z @ w2",
        "runs",
        "The second layer is F.linear(z, w2, b2), which transposes w2 (C, C//r) "
        "itself. `z @ w2` does not: z @ w2.T. Or is it w1?",
    ),
    WrongAnswer(
        "a tensor as a yes or no",
        "F.linear(s, w1, b1)",
        "F.linear(s, w1, b1 if b1 else None)",
        "runs",
        "`if b1:` asks a tensor for a yes or no. Say `if b1 is not None:`, or pass b1 "
        "on.",
    ),
    WrongAnswer(
        "squeeze forgotten",
        "F.linear(s, w1, b1)",
        "F.linear(x, w1, b1)",
        "runs",
        "The first layer gets the whole map x. Give it s = squeeze(x), (N, C).",
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
        "x times the gate",
        "return g[:, :, None, None]",
        "return x * g[:, :, None, None]",
        "shape",
        "This looks like x times the gate; return the gate alone, (N, C, 1, 1).",
    ),
    WrongAnswer(
        "cast to float32",
        SIGMOID,
        f"{SIGMOID}.float()",
        "dtype and device",
        "The gate is forced to float32. Remove .float(): torch keeps the input's type.",
    ),
    WrongAnswer(
        "filled up on the CPU",
        SIGMOID,
        f"torch.zeros(x.shape[:2]) + {SIGMOID}",
        "dtype and device",
        "A tensor is made on the CPU, whatever device x is on. Make it from x: "
        "x.new_zeros(shape).",
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
        "both biases ignored",
        "F.linear(s, w1, b1))  # (N, C//r)\n    g = torch.sigmoid(F.linear(z, w2, b2))",
        "F.linear(s, w1))\n    g = torch.sigmoid(F.linear(z, w2))",
        "values",
        "b1 and b2 are not used. Pass them: F.linear(s, w1, b1), F.linear(z, w2, b2).",
    ),
    WrongAnswer(
        "ReLU before the sigmoid",
        "F.linear(z, w2, b2)",
        "F.relu(F.linear(z, w2, b2))",
        "values",
        "A ReLU stands before the sigmoid, so no gate is below 0.5. Remove it.",
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
