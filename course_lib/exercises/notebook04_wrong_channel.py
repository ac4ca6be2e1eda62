"""Known-wrong answers to the exercises of notebook 04: the channel branch."""

from course_lib.exercises.exercise import WrongAnswer

SQUEEZE = "s = squeeze(x)  # (N, C)"
HIDDEN = "F.relu(norm_hidden(F.linear(s, w1, b1)))"
END = "norm_end(F.linear(z, w2, b2))"

CHANNEL = (
    WrongAnswer(
        "window of H x H",
        SQUEEZE,
        "s = F.avg_pool2d(x, x.shape[2], stride=x.shape[2]).flatten(1)",
        "runs",
        "The pooling window is H x H, as in the authors' code, and does not fit this "
        "map. Average over H and W: squeeze(x).",
    ),
    WrongAnswer(
        "weights swapped",
        "F.linear(s, w1, b1)",
        "F.linear(s, w2, b1)",
        "runs",
        "The first layer is F.linear(s, w1, b1): it shrinks C to C//r.",
    ),
    WrongAnswer(
        "squeeze forgotten",
        "F.linear(s, w1, b1)",
        "F.linear(x, w1, b1)",
        "runs",
        "The first layer gets the whole map. Give it s = squeeze(x), (N, C).",
    ),
    WrongAnswer(
        "averaged over the width alone",
        SQUEEZE,
        "s = x.mean(dim=3)",
        "runs",
        "The average runs over the width alone, so the height is left. Average over "
        "H and W: squeeze(x).",
    ),
    WrongAnswer(
        "weight @ numbers",
        "F.linear(s, w1, b1)",
        "w1 @ s + b1",
        "runs",
        "w1 @ s multiplies the batch, not the channels. Use F.linear(s, w1, b1), which "
        "is s @ w1.T + b1.",
    ),
    WrongAnswer(
        "two axes short",
        "return logits[:, :, None, None]",
        "return logits",
        "shape",
        "(N, C) does not broadcast over a map. Add two axes: [:, :, None, None].",
    ),
    WrongAnswer(
        "expanded to the map",
        "return logits[:, :, None, None]",
        "return logits[:, :, None, None].expand_as(x)",
        "shape",
        "The logits are expanded to the whole map. Return them bare, (N, C, 1, 1).",
    ),
    WrongAnswer(
        "cast to float32",
        END,
        f"{END}.float()",
        "dtype and device",
        "The result is forced to float32. Remove .float(): torch keeps x's type.",
    ),
    WrongAnswer(
        "pooled over the batch",
        SQUEEZE,
        "s = squeeze(x).mean(dim=0, keepdim=True).expand(len(x), -1)",
        "samples independent",
        "The average runs over the batch too, so all images share it. Leave axis 0.",
    ),
    WrongAnswer(
        "reshape in place of a transpose",
        SQUEEZE,
        "s = x.reshape(len(x), -1, x.shape[1]).mean(dim=1)",
        "channels permute",
        "reshape(N, H * W, C) cuts the memory anew and mixes channels. Use squeeze(x).",
    ),
    WrongAnswer(
        "left square only",
        SQUEEZE,
        "s = squeeze(x[:, :, : x.shape[3], : x.shape[2]])",
        "positions equal",
        "Only a square of the map is pooled: the authors' code does so where H < W < "
        "2 H, without a word. Take the whole map.",
    ),
    WrongAnswer(
        "sigmoid already here",
        END,
        f"torch.sigmoid({END})",
        "values",
        "The sigmoid comes after the branches are merged, once. Return the logits.",
    ),
    WrongAnswer(
        "no ReLU between the layers",
        HIDDEN,
        "norm_hidden(F.linear(s, w1, b1))",
        "values",
        "Without the ReLU two layers are one. The paper's formula prints none, the "
        "released code has it: F.relu(norm_hidden(v)).",
    ),
    WrongAnswer(
        "ReLU at the end",
        END,
        f"F.relu({END})",
        "values",
        "A ReLU ends the branch, so no channel could say less. Return the logits.",
    ),
    WrongAnswer(
        "norm after the ReLU",
        HIDDEN,
        "norm_hidden(F.relu(F.linear(s, w1, b1)))",
        "values",
        "norm_hidden comes after the ReLU. It comes before: F.relu(norm_hidden(v)).",
    ),
    WrongAnswer(
        "no norm at the end",
        END,
        "F.linear(z, w2, b2)",
        "values",
        "norm_end is not used: that is the authors' code, which has no norm at the "
        "end. The paper has one.",
    ),
    WrongAnswer(
        "no norm on the hidden units",
        HIDDEN,
        "F.relu(F.linear(s, w1, b1))",
        "values",
        "norm_hidden is not used. F.relu(norm_hidden(F.linear(s, w1, b1))).",
    ),
    WrongAnswer(
        "no norm at all",
        f"{HIDDEN}  # (N, C//r)\n    logits = {END}",
        "F.relu(F.linear(s, w1, b1))\n    logits = F.linear(z, w2, b2)",
        "values",
        "Neither norm is used, as in Xu Ma's channel branch. The paper has norm_end.",
    ),
    WrongAnswer(
        "the norms swapped",
        f"{HIDDEN}  # (N, C//r)\n    logits = {END}",
        "F.relu(norm_end(F.linear(s, w1, b1)))\n"
        "    logits = norm_hidden(F.linear(z, w2, b2))",
        "values",
        "The two norms have changed places. norm_end acts on the result.",
    ),
    WrongAnswer(
        "maximum in place of the average",
        SQUEEZE,
        "s = x.amax(dim=(2, 3))",
        "values",
        "This is max pooling, one of CBAM's two. BAM takes the average alone.",
    ),
    WrongAnswer(
        "average and maximum",
        SQUEEZE,
        "s = squeeze(x) + x.amax(dim=(2, 3))",
        "values",
        "Average and maximum together belong to CBAM. BAM takes the average alone.",
    ),
    WrongAnswer(
        "sum in place of the average",
        SQUEEZE,
        "s = x.sum(dim=(2, 3))",
        "values",
        "This is the sum; squeeze averages. A sum grows with the map.",
    ),
    WrongAnswer(
        "both biases ignored",
        f"{HIDDEN}  # (N, C//r)\n    logits = {END}",
        "F.relu(norm_hidden(F.linear(s, w1)))\n    logits = norm_end(F.linear(z, w2))",
        "values",
        "The biases b1 and b2 are not used. F.linear takes them third.",
    ),
    WrongAnswer(
        "second bias ignored",
        "F.linear(z, w2, b2)",
        "F.linear(z, w2)",
        "values",
        "b2 is not used. Pass it: F.linear(z, w2, b2).",
    ),
    WrongAnswer(
        "first bias ignored",
        "F.linear(s, w1, b1)",
        "F.linear(s, w1)",
        "values",
        "b1 is not used. Pass it: F.linear(s, w1, b1).",
    ),
    WrongAnswer(
        "detached",
        SQUEEZE,
        "s = squeeze(x).detach()",
        "gradients",
        "The squeezed numbers are cut off from x by .detach() or .data. Remove it.",
    ),
    WrongAnswer(
        "divided in place",
        SQUEEZE,
        "s = x.div_(x[0, 0].numel()).sum(dim=(2, 3))",
        "input not modified",
        "The caller's x is divided in place by /= or div_. Use squeeze(x).",
    ),
)
