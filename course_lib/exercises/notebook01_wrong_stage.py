"""Known-wrong answers to the exercises of notebook 01: shortcut rule and stage."""

from course_lib.exercises.exercise import WrongAnswer

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
        "BatchNorm of in_channels",
        "nn.BatchNorm2d(out_channels)",
        "nn.BatchNorm2d(in_channels)",
        "runs",
        "The BatchNorm follows the convolution: it needs out_channels.",
    ),
    WrongAnswer(
        "four times the convolution's channels",
        "conv(in_channels, out_channels, 1",
        "conv(in_channels, 4 * out_channels, 1",
        "runs",
        "out_channels is already 4C. The convolution multiplies it once more.",
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
        "four times the channels",
        "conv(in_channels, out_channels, 1, stride), nn.BatchNorm2d(out_channels)",
        "conv(in_channels, 4 * out_channels, 1, stride), nn.BatchNorm2d(4 * "
        "out_channels)",
        "shape",
        "out_channels is already 4C. Pass it as it is to both layers.",
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
        "identity in place of None",
        "return None",
        "return nn.Identity()",
        "None where x fits",
        "A module that does nothing is still a module, and the notebook counts it. "
        "Return None.",
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
        "in_channels in every block",
        "make_block(channels * EXPANSION, channels, 1)",
        "make_block(in_channels, channels, 1)",
        "runs",
        "Every block is made with in_channels. After the first block the width is 4 * "
        "channels.",
    ),
    WrongAnswer(
        "channels multiplied by 4",
        "make_block(in_channels, channels, stride)",
        "make_block(in_channels, 4 * channels, stride)",
        "runs",
        "make_block multiplies by 4 itself. Pass channels as the second argument.",
    ),
    WrongAnswer(
        "list not unpacked",
        "nn.Sequential(*layers)",
        "nn.Sequential(layers)",
        "runs",
        "Put a star: nn.Sequential(*layers). It takes modules, not a list.",
    ),
    WrongAnswer(
        "ModuleList in place of Sequential",
        "nn.Sequential(*layers)",
        "nn.ModuleList(layers)",
        "runs",
        "A ModuleList keeps modules but does not run them. Return "
        "nn.Sequential(*layers).",
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
