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
        "The stride is not used, so the branch keeps the large map. Pass stride=stride "
        "to the 3x3.",
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
        "ReLU before the norm",
        "F.relu(norms[0](F.conv2d(x, w1)))",
        "norms[0](F.relu(F.conv2d(x, w1)))",
        "values",
        "Convolution, ReLU, norm is another order than this block's. Put the norm "
        "between the convolution and the ReLU.",
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

PROJECTION = (
    WrongAnswer(
        "channels swapped",
        "conv(in_channels, out_channels, 1, stride)",
        "conv(out_channels, in_channels, 1, stride)",
        "runs",
        "The convolution takes out_channels where x has in_channels. Swap the first "
        "two arguments.",
    ),
    WrongAnswer(
        "stride forgotten in the rule",
        "if stride == 1 and in_channels == out_channels:",
        "if in_channels == out_channels:",
        "shape",
        "With equal channels and stride 2 the map still shrinks, so x must be "
        "projected too. Test the stride as well.",
    ),
    WrongAnswer(
        "channels forgotten in the rule",
        "if stride == 1 and in_channels == out_channels:",
        "if stride == 1:",
        "shape",
        "At stride 1 the channels can still change (the first stage does it). Compare "
        "them as well.",
    ),
    WrongAnswer(
        "or in place of and",
        "stride == 1 and in_channels",
        "stride == 1 or in_channels",
        "shape",
        "None is right only where stride and channels both fit. Use `and`.",
    ),
    WrongAnswer(
        "convolution without the stride",
        "conv(in_channels, out_channels, 1, stride)",
        "conv(in_channels, out_channels, 1)",
        "shape",
        "The projection keeps the large map. Pass the stride to its convolution.",
    ),
    WrongAnswer(
        "ReLU on the shortcut",
        "nn.BatchNorm2d(out_channels)",
        "nn.BatchNorm2d(out_channels), nn.ReLU()",
        "values",
        "A ReLU follows the projection. The shortcut has none; it comes after the sum.",
    ),
    WrongAnswer(
        "bias in the convolution",
        "conv(in_channels, out_channels, 1, stride)",
        "nn.Conv2d(in_channels, out_channels, 1, stride)",
        "values",
        "The convolution has a bias, which the BatchNorm after it takes away again. "
        "Pass bias=False.",
    ),
    WrongAnswer(
        "average pooling in place of the stride",
        "conv(in_channels, out_channels, 1, stride)",
        "nn.AvgPool2d(stride, ceil_mode=True), conv(in_channels, out_channels, 1)",
        "values",
        "Pooling before a 1x1 is the ResNet-D variant. Here the 1x1 takes the stride.",
    ),
    WrongAnswer(
        "weights frozen",
        "conv(in_channels, out_channels, 1, stride)",
        "conv(in_channels, out_channels, 1, stride).requires_grad_(False)",
        "gradients",
        "The convolution is excluded from training. Leave requires_grad as it is.",
    ),
    WrongAnswer(
        "projection everywhere",
        "if stride == 1 and in_channels == out_channels:",
        "if stride == 0:",
        "parameter count",
        "Every block gets a projection, even where x already fits. Return None there.",
    ),
    WrongAnswer(
        "no BatchNorm",
        "nn.BatchNorm2d(out_channels)",
        "nn.Identity()",
        "parameter count",
        "The BatchNorm after the 1x1 is missing. Add nn.BatchNorm2d(out_channels).",
    ),
    WrongAnswer(
        "3x3 in place of 1x1",
        "conv(in_channels, out_channels, 1, stride)",
        "conv(in_channels, out_channels, 3, stride)",
        "parameter count",
        "A 3x3 projection costs nine times the weights. Use a 1x1.",
    ),
    WrongAnswer(
        "running averages never move",
        "nn.BatchNorm2d(out_channels)",
        "nn.BatchNorm2d(out_channels, momentum=0.0)",
        "train against eval",
        "momentum=0 keeps the running averages at their start. Leave the default, 0.1.",
    ),
)

BUILD_STAGE = (
    WrongAnswer(
        "expansion forgotten",
        "make_block(channels * EXPANSION, channels, 1)",
        "make_block(channels, channels, 1)",
        "runs",
        "A block's output has 4 * channels channels, and that is what the next one "
        "receives. Multiply by EXPANSION.",
    ),
    WrongAnswer(
        "a list in place of a module",
        "return nn.Sequential(*layers)",
        "return layers",
        "runs",
        "A list has no parameters and cannot be called. Return nn.Sequential(*layers).",
    ),
    WrongAnswer(
        "stride in every block",
        "make_block(channels * EXPANSION, channels, 1)",
        "make_block(channels * EXPANSION, channels, stride)",
        "shape",
        "Every block shrinks the map. Only the first takes the stride; pass 1 later.",
    ),
    WrongAnswer(
        "stride never used",
        "make_block(in_channels, channels, stride)",
        "make_block(in_channels, channels, 1)",
        "shape",
        "The map never shrinks. Pass the stride to the first block.",
    ),
    WrongAnswer(
        "stride in the last block",
        "[make_block(in_channels, channels, stride)]\n"
        "    for _ in range(count - 1):\n"
        "        layers.append(make_block(channels * EXPANSION, channels, 1))",
        "[make_block(in_channels, channels, 1 if count > 1 else stride)]\n"
        "    for i in range(count - 1):\n"
        "        step = stride if i == count - 2 else 1\n"
        "        layers.append(make_block(channels * EXPANSION, channels, step))",
        "first block changes",
        "The last block takes the stride, so the others run on the large map. Give it "
        "to the first block.",
    ),
    WrongAnswer(
        "one block too few",
        "range(count - 1)",
        "range(count - 2)",
        "values",
        "One block is missing. The first is made before the loop: count - 1 remain.",
    ),
    WrongAnswer(
        "one block too many",
        "range(count - 1)",
        "range(count)",
        "values",
        "There is one block too many. The first is made before the loop.",
    ),
    WrongAnswer(
        "the later blocks applied twice",
        "nn.Sequential(*layers)",
        "nn.Sequential(*layers, *layers[1:])",
        "values",
        "Some blocks appear twice in the Sequential. Pass every layer once.",
    ),
    WrongAnswer(
        "one block shared",
        "for _ in range(count - 1):\n"
        "        layers.append(make_block(channels * EXPANSION, channels, 1))",
        "if count > 1:\n"
        "        layers += [make_block(channels * EXPANSION, channels, 1)] "
        "* (count - 1)",
        "parameter count",
        "One block object stands at several places and shares its weights. Call "
        "make_block anew for each place.",
    ),
)
