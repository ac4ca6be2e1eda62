"""Known-wrong answers to the exercises of notebook 04: the spatial branch."""

from course_lib.exercises.exercise import WrongAnswer

FIRST = "h = F.relu(norms[0](F.conv2d(x, weights[0], biases[0])))"
SIZE = "padding=dilation, dilation=dilation"
STEP = "h = F.relu(norms[i](h))"
LAST = "norm_end(F.conv2d(h, weights[3], biases[3]))"
BODY = f"""{FIRST}  # (N, C//r, H, W)
    for i in (1, 2):
        h = F.conv2d(h, weights[i], biases[i], {SIZE})
        {STEP}"""
WHOLE = f"{BODY}  # (N, C//r, H, W)\n    return {LAST}"

SPATIAL = (
    WrongAnswer(
        "one convolution too many",
        "for i in (1, 2):",
        "for i in (1, 2, 4):",
        "runs",
        "There are four weights, 0 to 3, so weights[4] does not exist. The dilated "
        "ones are 1 and 2.",
    ),
    WrongAnswer(
        "biases forgotten in the order",
        "F.conv2d(h, weights[i], biases[i], padding",
        "F.conv2d(h, biases[i], weights[i], padding",
        "runs",
        "Weight and bias have changed places: F.conv2d(h, weight, bias).",
    ),
    WrongAnswer(
        "3x3 convolutions counted from 0",
        "for i in (1, 2):",
        "for i in range(2):",
        "runs",
        "range(2) is 0 and 1, and weights[0] is the first 1x1. The 3x3 convolutions "
        "are 1 and 2.",
    ),
    WrongAnswer(
        "padding 1",
        SIZE,
        "padding=1, dilation=dilation",
        "shape",
        "Padding 1 is too little for a dilated convolution: the map shrinks at each, "
        "as in External-Attention's code. padding=dilation keeps its size.",
    ),
    WrongAnswer(
        "no padding",
        SIZE,
        "dilation=dilation",
        "shape",
        "Without padding the map shrinks by 2 * dilation at each 3x3. padding=dilation "
        "keeps its size.",
    ),
    WrongAnswer(
        "padding without dilation",
        SIZE,
        "padding=dilation",
        "shape",
        "The padding is there, the dilation is not, so the map grows. Pass "
        "dilation=dilation too.",
    ),
    WrongAnswer(
        "padding twice the dilation",
        SIZE,
        "padding=2 * dilation, dilation=dilation",
        "shape",
        "The padding is twice what is needed, and the map grows. A 3x3 reaches one "
        "dilation to each side: padding=dilation.",
    ),
    WrongAnswer(
        "padding fixed at 4",
        SIZE,
        "padding=4, dilation=dilation",
        "shape",
        "The padding is 4 whatever the dilation: padding=dilation.",
    ),
    WrongAnswer(
        "last convolution left out",
        LAST,
        "norm_end(h)",
        "shape",
        "The map still has C//r channels. The last 1x1, weights[3], makes it one.",
    ),
    WrongAnswer(
        "averaged over the map",
        LAST,
        f"{LAST}.mean(dim=(2, 3), keepdim=True)",
        "shape",
        "The map is averaged to one number. Keep every position: (N, 1, H, W).",
    ),
    WrongAnswer(
        "cast to float32",
        LAST,
        f"{LAST}.float()",
        "dtype and device",
        "The result is forced to float32. Remove .float(): torch keeps x's type.",
    ),
    WrongAnswer(
        "mean of the batch taken off",
        FIRST,
        FIRST.replace("(x, ", "(x - x.mean(dim=0, keepdim=True), "),
        "samples independent",
        "Each image is compared with the mean of its batch. An image must not see the "
        "others: use x itself.",
    ),
    WrongAnswer(
        "dilation left at 1",
        SIZE,
        "padding=1",
        "reach",
        "The taps lie side by side, at distance 1. Pass padding=dilation and "
        "dilation=dilation.",
    ),
    WrongAnswer(
        "dilation fixed at 4",
        SIZE,
        "padding=4, dilation=4",
        "reach",
        "The dilation is 4 whatever you are given. Use the argument `dilation`.",
    ),
    WrongAnswer(
        "dilation doubled in the second",
        SIZE,
        "padding=i * dilation, dilation=i * dilation",
        "reach",
        "The second 3x3 has twice the dilation. Both have the same.",
    ),
    WrongAnswer(
        "three dilated convolutions",
        "for i in (1, 2):",
        "for i in (1, 2, 2):",
        "reach",
        "Three dilated convolutions, as in External-Attention's code, reach too far. "
        "The paper has two: weights 1 and 2.",
    ),
    WrongAnswer(
        "one dilated convolution",
        "for i in (1, 2):",
        "for i in (1,):",
        "values",
        "weights[2] is never used. There are two dilated convolutions: 1 and 2.",
    ),
    WrongAnswer(
        "the same weight twice",
        "F.conv2d(h, weights[i], biases[i], padding",
        "F.conv2d(h, weights[1], biases[1], padding",
        "values",
        "The two dilated convolutions share one weight. Each has its own: weights[i].",
    ),
    WrongAnswer(
        "dilated convolutions in the wrong order",
        "for i in (1, 2):",
        "for i in (2, 1):",
        "values",
        "weights[2] comes before weights[1]. Apply them in their order.",
    ),
    WrongAnswer(
        "no ReLU after the 3x3",
        STEP,
        "h = norms[i](h)",
        "values",
        "Without a ReLU after each 3x3 they merge into one convolution. The released "
        "code has it: F.relu(norms[i](h)).",
    ),
    WrongAnswer(
        "no ReLU at all",
        BODY,
        BODY.replace(
            "F.relu(norms[0](F.conv2d(x, weights[0], biases[0])))",
            "norms[0](F.conv2d(x, weights[0], biases[0]))",
        ).replace("F.relu(norms[i](h))", "norms[i](h)"),
        "values",
        "No ReLU at all: the four convolutions are one linear map. Each but the last "
        "has one: F.relu(norms[i](h)).",
    ),
    WrongAnswer(
        "no ReLU after the first 1x1",
        FIRST,
        "h = norms[0](F.conv2d(x, weights[0], biases[0]))",
        "values",
        "The first 1x1 has no ReLU. All but the last convolution have one.",
    ),
    WrongAnswer(
        "norm after the ReLU",
        STEP,
        "h = norms[i](F.relu(h))",
        "values",
        "norms[i] comes after the ReLU. It comes before: F.relu(norms[i](h)).",
    ),
    WrongAnswer(
        "no norm after the 3x3",
        STEP,
        "h = F.relu(h)",
        "values",
        "norms[1] and norms[2] are not used. F.relu(norms[i](h)).",
    ),
    WrongAnswer(
        "the first norm everywhere",
        STEP,
        "h = F.relu(norms[0](h))",
        "values",
        "norms[0] acts after each 3x3 too. Each layer has its own: norms[i].",
    ),
    WrongAnswer(
        "no norm at the end",
        LAST,
        "F.conv2d(h, weights[3], biases[3])",
        "values",
        "norm_end is not used: that is the authors' code, which has no norm at the "
        "end. The paper has one.",
    ),
    WrongAnswer(
        "hidden norm at the end",
        LAST,
        "norms[2](F.conv2d(h, weights[3], biases[3]))",
        "values",
        "A norm of the hidden layers acts on the result. norm_end does.",
    ),
    WrongAnswer(
        "ReLU at the end",
        LAST,
        f"F.relu({LAST})",
        "values",
        "A ReLU ends the branch, so no position could say less. Return the logits.",
    ),
    WrongAnswer(
        "sigmoid already here",
        LAST,
        f"torch.sigmoid({LAST})",
        "values",
        "The sigmoid comes after the branches are merged, once. Return the logits.",
    ),
    WrongAnswer(
        "no biases",
        WHOLE,
        WHOLE.replace(", biases[0]", "")
        .replace(", biases[i]", "")
        .replace(", biases[3]", ""),
        "values",
        "Biases are not used. Each F.conv2d takes its own third: biases[i].",
    ),
    WrongAnswer(
        "biases of the 3x3 ignored",
        "weights[i], biases[i], padding",
        "weights[i], padding",
        "values",
        "biases[1], biases[2] are not used. F.conv2d(h, weights[i], biases[i]).",
    ),
    WrongAnswer(
        "last bias ignored",
        "F.conv2d(h, weights[3], biases[3])",
        "F.conv2d(h, weights[3])",
        "values",
        "biases[3] is not used. F.conv2d(h, weights[3], biases[3]).",
    ),
    WrongAnswer(
        "detached",
        FIRST,
        FIRST.replace("(x, ", "(x.detach(), "),
        "gradients",
        "x is cut off by .detach() or .data, so no gradient returns to it. Remove it.",
    ),
    WrongAnswer(
        "written into x",
        f"return {LAST}",
        f"return x[:, :1].copy_({LAST})",
        "input not modified",
        "The map is written into the caller's x. Return a new tensor.",
    ),
)
