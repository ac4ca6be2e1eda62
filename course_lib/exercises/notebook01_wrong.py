"""Known-wrong answers to the exercises of notebook 01."""

from course_lib.exercises.exercise import WrongAnswer

BOTTLENECK = (
    WrongAnswer(
        "no padding in the 3x3",
        "stride=stride, padding=1",
        "stride=stride",
        "runs",
        "Without padding=1 the 3x3 loses a border of one pixel, and the sum no longer "
        "fits. Add padding=1.",
    ),
    WrongAnswer(
        "stride forgotten",
        "stride=stride, padding=1",
        "padding=1",
        "runs",
        "The branch keeps the large map. Pass stride=stride to the 3x3. (You do? Then "
        "add `shortcut`, not x.)",
    ),
    WrongAnswer(
        "x in place of the shortcut",
        "F.relu(y + shortcut)",
        "F.relu(y + x)",
        "runs",
        "x has Cin channels and the large map; add the argument `shortcut`. (You do? "
        "Then pass stride=stride to the 3x3.)",
    ),
    WrongAnswer(
        "norms called",
        "norms[0](F.conv2d(x, w1))",
        "norms(F.conv2d(x, w1))",
        "runs",
        "`norms` is a row of three functions. Call one of them, such as norms[0].",
    ),
    WrongAnswer(
        "padding on the first 1x1",
        "F.conv2d(x, w1)",
        "F.conv2d(x, w1, padding=1)",
        "runs",
        "padding=1 sits on the first 1x1 and makes the map larger. Only the 3x3 needs "
        "it.",
    ),
    WrongAnswer(
        "padding on the last 1x1",
        "F.conv2d(y, w3)",
        "F.conv2d(y, w3, padding=1)",
        "runs",
        "padding=1 sits on the last 1x1 and makes the map larger. Only the 3x3 needs "
        "it.",
    ),
    WrongAnswer(
        "padding on all three",
        "F.conv2d(x, w1)))  # (N, C, H, W)\n"
        "    y = F.relu(norms[1](F.conv2d(y, w2, stride=stride, padding=1)))  # (N, "
        "C, H', W')\n"
        "    y = norms[2](F.conv2d(y, w3))",
        "F.conv2d(x, w1, padding=1)))\n"
        "    y = F.relu(norms[1](F.conv2d(y, w2, stride=stride, padding=1)))\n"
        "    y = norms[2](F.conv2d(y, w3, padding=1))",
        "runs",
        "Every convolution has padding=1, so both 1x1 make the map larger. Only the "
        "3x3 needs it.",
    ),
    WrongAnswer(
        "concatenated in place of summed",
        "F.relu(y + shortcut)",
        "F.relu(torch.cat([y, shortcut], dim=1))",
        "shape",
        "Branch and shortcut are stacked, as in DenseNet. A residual block adds them.",
    ),
    WrongAnswer(
        "cast to float32",
        "F.relu(y + shortcut)",
        "F.relu(y + shortcut).float()",
        "dtype and device",
        "The result is forced to float32. Remove .float(): torch keeps the input's "
        "type.",
    ),
    WrongAnswer(
        "no ReLU after the sum",
        "return F.relu(y + shortcut)",
        "return y + shortcut",
        "range",
        "The ReLU after the sum is missing. Return F.relu(y + shortcut).",
    ),
    WrongAnswer(
        "statistics of the batch in place of norms",
        "norms[2](F.conv2d(y, w3))",
        "F.batch_norm(F.conv2d(y, w3), None, None, training=True)",
        "samples independent",
        "A normalisation of your own mixes the samples. Call the norms you are given.",
    ),
    WrongAnswer(
        "shortcut forgotten",
        "F.relu(y + shortcut)",
        "F.relu(y)",
        "silent branch",
        "The shortcut is not added. Return F.relu(y + shortcut).",
    ),
    WrongAnswer(
        "last norm forgotten",
        "norms[2](F.conv2d(y, w3))",
        "F.conv2d(y, w3)",
        "silent branch",
        "Each convolution has its own norm: is norms[2] applied after w3?",
    ),
    WrongAnswer(
        "first norm in place of the last",
        "norms[2]",
        "norms[0]",
        "silent branch",
        "Each convolution has its own norm: is norms[2] applied after w3? It looks "
        "like norms[0].",
    ),
    WrongAnswer(
        "second norm in place of the last",
        "norms[2]",
        "norms[1]",
        "silent branch",
        "Each convolution has its own norm: is norms[2] applied after w3? It looks "
        "like norms[1].",
    ),
    WrongAnswer(
        "first norm three times",
        "norms[1](F.conv2d(y, w2, stride=stride, padding=1)))  # (N, C, H', W')\n"
        "    y = norms[2]",
        "norms[0](F.conv2d(y, w2, stride=stride, padding=1)))\n    y = norms[0]",
        "silent branch",
        "Each convolution has its own norm: is norms[2] applied after w3? It looks "
        "like norms[0] three times.",
    ),
    WrongAnswer(
        "stride on the first 1x1",
        "F.conv2d(x, w1)))  # (N, C, H, W)\n"
        "    y = F.relu(norms[1](F.conv2d(y, w2, stride=stride, padding=1)))",
        "F.conv2d(x, w1, stride=stride)))\n"
        "    y = F.relu(norms[1](F.conv2d(y, w2, padding=1)))",
        "values",
        "The stride sits on the first 1x1, which skips three pixels of four unseen "
        "(the papers' count). Move it to the 3x3, as torchvision does.",
    ),
    WrongAnswer(
        "ReLU on the branch before the sum",
        "norms[2](F.conv2d(y, w3))",
        "F.relu(norms[2](F.conv2d(y, w3)))",
        "values",
        "A ReLU after the last norm leaves a branch that can only add. Remove it; the "
        "one after the sum stays.",
    ),
    WrongAnswer(
        "no ReLU after the 3x3",
        "F.relu(norms[1](F.conv2d(y, w2, stride=stride, padding=1)))",
        "norms[1](F.conv2d(y, w2, stride=stride, padding=1))",
        "values",
        "The ReLU after the second norm is missing, so two convolutions act as one.",
    ),
    WrongAnswer(
        "no ReLU after the first 1x1",
        "F.relu(norms[0](F.conv2d(x, w1)))",
        "norms[0](F.conv2d(x, w1))",
        "values",
        "The ReLU after the first norm is missing, so two convolutions act as one.",
    ),
    WrongAnswer(
        "no inner ReLU",
        "F.relu(norms[0](F.conv2d(x, w1)))  # (N, C, H, W)\n"
        "    y = F.relu(norms[1](F.conv2d(y, w2, stride=stride, padding=1)))",
        "norms[0](F.conv2d(x, w1))\n"
        "    y = norms[1](F.conv2d(y, w2, stride=stride, padding=1))",
        "values",
        "Both inner ReLUs are missing, so three convolutions act as one. Put F.relu "
        "around norms[0] and norms[1].",
    ),
    WrongAnswer(
        "ReLU before the norm",
        "F.relu(norms[0](F.conv2d(x, w1)))",
        "norms[0](F.relu(F.conv2d(x, w1)))",
        "values",
        "Convolution, ReLU, norm is another order than this block's. Put the norm "
        "between the convolution and the ReLU.",
    ),
    WrongAnswer(
        "ReLU before the second norm",
        "F.relu(norms[1](F.conv2d(y, w2, stride=stride, padding=1)))",
        "norms[1](F.relu(F.conv2d(y, w2, stride=stride, padding=1)))",
        "values",
        "The ReLU stands before the second norm. The order is convolution, norm, ReLU.",
    ),
    WrongAnswer(
        "ReLU before both norms",
        "F.relu(norms[0](F.conv2d(x, w1)))  # (N, C, H, W)\n"
        "    y = F.relu(norms[1](F.conv2d(y, w2, stride=stride, padding=1)))",
        "norms[0](F.relu(F.conv2d(x, w1)))\n"
        "    y = norms[1](F.relu(F.conv2d(y, w2, stride=stride, padding=1)))",
        "values",
        "Both ReLUs stand before their norms. The order is convolution, norm, ReLU.",
    ),
    WrongAnswer(
        "one norm used twice",
        "norms[1]",
        "norms[0]",
        "values",
        "The first norm is used for two convolutions. Each has its own: norms[0], "
        "norms[1], norms[2].",
    ),
    WrongAnswer(
        "branch detached",
        "F.relu(y + shortcut)",
        "F.relu(y.detach() + shortcut)",
        "gradients",
        "The branch is cut off from its weights by .detach() or .data. Remove it.",
    ),
    WrongAnswer(
        "sum written into the shortcut",
        "F.relu(y + shortcut)",
        "F.relu(shortcut.add_(y))",
        "input not modified",
        "The sum is written into the caller's shortcut by += or add_. Write "
        "y + shortcut.",
    ),
)
