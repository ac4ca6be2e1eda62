"""Known-wrong answers to the exercises of notebook 05: the channel gate."""

from course_lib.exercises.exercise import WrongAnswer

POOLED = "F.linear(pool(x, kind), w1, b1)"
SUM = "logits = logits + F.linear(z, w2, b2)"
END = "return torch.sigmoid(logits)[:, :, None, None]"
LAST_TWO = f"    {SUM}  # (N, C)\n    {END}"
LOOP = (
    "logits = 0.0\n"
    "    for kind in pools:\n"
    f"        z = F.relu({POOLED})  # (N, C//r)\n"
    f"        {SUM}"
)

CHANNEL_GATE = (
    WrongAnswer(
        "weights swapped",
        POOLED,
        "F.linear(pool(x, kind), w2, b1)",
        "runs",
        "The first layer takes w1 (C//r, C), the second w2 (C, C//r). F.linear "
        "transposes by itself.",
    ),
    WrongAnswer(
        "biases required",
        POOLED,
        "F.linear(pool(x, kind), w1) + b1",
        "runs",
        "b1 may be None, and None cannot be added. Pass it on: F.linear(s, w1, b1).",
    ),
    WrongAnswer(
        "pooling forgotten",
        POOLED,
        "F.linear(x, w1, b1)",
        "runs",
        "The first layer gets the whole map x. Give it pool(x, kind), (N, C).",
    ),
    WrongAnswer(
        "two axes short",
        END,
        "return torch.sigmoid(logits)",
        "shape",
        "(N, C) does not broadcast over a map. Add two axes: g[:, :, None, None].",
    ),
    WrongAnswer(
        "x times the gate",
        END,
        "return x * torch.sigmoid(logits)[:, :, None, None]",
        "shape",
        "This looks like x times the gate; return the gate alone, (N, C, 1, 1).",
    ),
    WrongAnswer(
        "poolings side by side",
        SUM,
        "logits = F.linear(z, w2, b2) if kind == pools[0] else torch.cat("
        "[logits, F.linear(z, w2, b2)], dim=1)",
        "shape",
        "The poolings are put side by side, 2 C logits. Add them: C logits.",
    ),
    WrongAnswer(
        "cast to float32",
        END,
        "return torch.sigmoid(logits.float())[:, :, None, None]",
        "dtype and device",
        "The gate is forced to float32. Remove .float(): torch keeps the input's type.",
    ),
    WrongAnswer(
        "filled up on the CPU",
        "logits = 0.0",
        "logits = torch.zeros(x.shape[:2])",
        "dtype and device",
        "A tensor is made on the CPU, whatever device x is on. Start from 0.0, or "
        "x.new_zeros(shape).",
    ),
    WrongAnswer(
        "sigmoid before the sum",
        LAST_TWO,
        "    logits = logits + torch.sigmoid(F.linear(z, w2, b2))\n"
        "    return logits[:, :, None, None]",
        "range",
        "Each pooling has its own sigmoid, and the sum of two reaches 2. Add the "
        "logits first, then one sigmoid.",
    ),
    WrongAnswer(
        "no sigmoid",
        END,
        "return logits[:, :, None, None]",
        "range",
        "These are the logits. Put torch.sigmoid around their sum.",
    ),
    WrongAnswer(
        "ReLU in place of the sigmoid",
        END,
        "return F.relu(logits)[:, :, None, None]",
        "range",
        "A ReLU gate has no upper bound. Use torch.sigmoid.",
    ),
    WrongAnswer(
        "pooled over the batch",
        POOLED,
        "F.linear(pool(x, kind).mean(dim=0, keepdim=True).expand(len(x), -1), w1, b1)",
        "samples independent",
        "The pooling runs over the batch too, so all images share a gate. Leave "
        "axis 0.",
    ),
    WrongAnswer(
        "reshape in place of a transpose",
        POOLED,
        "F.linear(x.reshape(len(x), -1, x.shape[1]).mean(dim=1), w1, b1)",
        "channels permute",
        "reshape(N, H * W, C) cuts the memory anew and mixes channels. Use "
        "pool(x, kind).",
    ),
    WrongAnswer(
        "softmax in place of the sigmoid",
        END,
        "return logits.softmax(dim=1)[:, :, None, None]",
        "gates apart",
        "softmax makes the gates share a sum of 1: opening one closes the others. Use "
        "torch.sigmoid.",
    ),
    WrongAnswer(
        "first pooling twice",
        "pool(x, kind)",
        "pool(x, pools[0])",
        "values",
        "One pooling is added to itself, x1 + x1, as in one public port. The second "
        "term is MLP(max).",
    ),
    WrongAnswer(
        "last pooling twice",
        "pool(x, kind)",
        "pool(x, pools[-1])",
        "values",
        "The maximum is used twice. The first term is MLP(average).",
    ),
    WrongAnswer(
        "average alone",
        "for kind in pools:",
        "for kind in pools[:1]:",
        "values",
        "Only the first pooling is used: with the average that is SE. Sum over all "
        "pools.",
    ),
    WrongAnswer(
        "sum overwritten",
        SUM,
        "logits = F.linear(z, w2, b2)",
        "values",
        "Each turn of the loop overwrites the last one, so only the maximum is left. "
        "Add to logits.",
    ),
    WrongAnswer(
        "argument `pools` ignored",
        "for kind in pools:",
        'for kind in ("avg", "max"):',
        "values",
        "It always pools by avg and max. Loop over the argument `pools`.",
    ),
    WrongAnswer(
        "pooled vectors added before the MLP",
        LOOP,
        "s = sum(pool(x, kind) for kind in pools)\n"
        "    logits = F.linear(F.relu(F.linear(s, w1, b1)), w2, b2)",
        "values",
        "The pooled vectors are added first and pass the MLP once. Each passes it "
        "alone; the ReLU makes that another result.",
    ),
    WrongAnswer(
        "hidden units added, second layer once",
        LOOP,
        "z = sum(F.relu(F.linear(pool(x, kind), w1, b1)) for kind in pools)\n"
        "    logits = F.linear(z, w2, b2)",
        "values",
        "The second bias counts once. In the authors' code the whole MLP runs for each "
        "pooling, so b2 counts twice.",
    ),
    WrongAnswer(
        "mean of two gates",
        LAST_TWO,
        "    logits = logits + torch.sigmoid(F.linear(z, w2, b2)) / len(pools)\n"
        "    return logits[:, :, None, None]",
        "values",
        "This is the mean of one gate a pooling. Add the logits, then take one "
        "sigmoid.",
    ),
    WrongAnswer(
        "mean in place of the sum",
        SUM,
        "logits = logits + F.linear(z, w2, b2) / len(pools)",
        "values",
        "The logits are averaged, half of what they should be. Add them.",
    ),
    WrongAnswer(
        "product in place of the sum",
        LOOP,
        LOOP.replace("logits = 0.0", "logits = 1.0").replace(
            "logits + F", "logits * F"
        ),
        "values",
        "The poolings' logits are multiplied. Add them.",
    ),
    WrongAnswer(
        "no ReLU between the layers",
        f"F.relu({POOLED})",
        POOLED,
        "values",
        "Without the ReLU two layers are one linear map. Put F.relu around the first.",
    ),
    WrongAnswer(
        "ReLU before the sigmoid",
        "torch.sigmoid(logits)",
        "torch.sigmoid(F.relu(logits))",
        "values",
        "A ReLU stands before the sigmoid, so no gate is below 0.5. Remove it.",
    ),
    WrongAnswer(
        "first bias ignored",
        POOLED,
        "F.linear(pool(x, kind), w1)",
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
        LOOP,
        LOOP.replace(", b1", "").replace(", b2", ""),
        "values",
        "b1 and b2 are not used. Pass both: F.linear(s, w1, b1), F.linear(z, w2, b2).",
    ),
    WrongAnswer(
        "summed before the ReLU",
        LOOP,
        "z = F.relu(sum(F.linear(pool(x, kind), w1, b1) for kind in pools))\n"
        "    logits = F.linear(z, w2, b2)",
        "values",
        "The poolings are added before the ReLU. Each passes both layers alone.",
    ),
    WrongAnswer(
        "sigmoid in place of the ReLU",
        f"F.relu({POOLED})",
        f"torch.sigmoid({POOLED})",
        "values",
        "A sigmoid stands between the layers. That place takes F.relu.",
    ),
    WrongAnswer(
        "ReLU on both layers",
        SUM,
        "logits = logits + F.relu(F.linear(z, w2, b2))",
        "values",
        "The second layer has a ReLU too, so no logit is negative. Only the first has "
        "one.",
    ),
    WrongAnswer(
        "larger logit in place of the sum",
        SUM,
        "y = F.linear(z, w2, b2)\n"
        "        logits = y if kind == pools[0] else torch.maximum(logits, y)",
        "values",
        "The larger logit is taken. Add the poolings' logits.",
    ),
    WrongAnswer(
        "ReLU on x in place",
        "logits = 0.0",
        "x.relu_()\n    logits = 0.0",
        "values",
        "x.relu_() overwrites x, negative values are lost. The ReLU belongs between "
        "the layers.",
    ),
    WrongAnswer(
        "detached",
        POOLED,
        "F.linear(pool(x, kind).detach(), w1, b1)",
        "gradients",
        "The pooled numbers are cut off from x by .detach() or .data. Remove it.",
    ),
    WrongAnswer(
        "divided in place",
        LOOP,
        f"x.div_(2)\n    {LOOP.replace('pool(x, kind)', '2 * pool(x, kind)')}",
        "input not modified",
        "The caller's x is changed in place, by /= or a name ending in _. Make a new "
        "tensor.",
    ),
)
