"""Known-wrong answers to notebook 10's layer_flops."""

from course_lib.exercises.exercise import WrongAnswer

ANSWER = "return 2 * inputs * y.numel()"
FILTER = "layer.in_channels // layer.groups * math.prod(layer.kernel_size)"

LAYER_FLOPS = (
    WrongAnswer(
        "MACs taken for FLOPs",
        ANSWER,
        "return inputs * y.numel()",
        "by hand",
        "These are multiply-adds (MACs). A multiply-add is two operations: times 2.",
    ),
    WrongAnswer(
        "one addition fewer",
        ANSWER,
        "return (2 * inputs - 1) * y.numel()",
        "by hand",
        "n products need n - 1 additions, true; but counters and papers take n "
        "multiply-adds. Write 2 * inputs.",
    ),
    WrongAnswer(
        "training for forward",
        ANSWER,
        "return 6 * inputs * y.numel()",
        "by hand",
        "Times 3 is a training step: forward, gradient of x, gradient of the weights. "
        "Count the forward alone.",
    ),
    WrongAnswer(
        "a bias added everywhere",
        ANSWER,
        "return 2 * (inputs + 1) * y.numel()",
        "by hand",
        "One weight too many for each number: a bias counts nothing here, and these "
        "layers have none.",
    ),
    WrongAnswer(
        "linear layers forgotten",
        "inputs = layer.in_features",
        "return 0",
        "by hand",
        "A linear layer counts 0 here. Each of its outputs needs in_features "
        "multiply-adds.",
    ),
    WrongAnswer(
        "size of the input",
        ANSWER,
        "return 2 * inputs * x.numel()",
        "by hand",
        "x.numel() counts numbers of the input. The work is done once for each number "
        "of the output: y.numel().",
    ),
    WrongAnswer(
        "weights for work",
        ANSWER,
        "return 2 * layer.weight.numel()",
        "one image",
        "This counts each weight once, as if it were used once. It is used at every "
        "position: start from y.numel().",
    ),
    WrongAnswer(
        "one output channel",
        ANSWER,
        "return 2 * inputs * (y.numel() // y.shape[1])",
        "one image",
        "This is one filter's work. The layer has out_channels of them; y.numel() "
        "holds that factor.",
    ),
    WrongAnswer(
        "output channels twice",
        FILTER,
        f"layer.out_channels * ({FILTER})",
        "one image",
        "y.numel() holds out_channels already. Leave that factor out.",
    ),
    WrongAnswer(
        "input channels forgotten",
        FILTER,
        "math.prod(layer.kernel_size)",
        "one image",
        "A filter reads all input channels of its group, not one. Multiply by "
        "in_channels // groups.",
    ),
    WrongAnswer(
        "side of the kernel",
        FILTER,
        "layer.in_channels // layer.groups * layer.kernel_size[0]",
        "one image",
        "kernel_size[0] is one side. A k x k filter has k * k weights for a channel.",
    ),
    WrongAnswer(
        "batch forgotten",
        ANSWER,
        "return 2 * inputs * y[0].numel()",
        "batch",
        "This is the work for one image. y.numel() holds the batch as well.",
    ),
    WrongAnswer(
        "stride ignored",
        ANSWER,
        "return 2 * inputs * y.shape[0] * y.shape[1] * x[0, 0].numel()",
        "stride",
        "The filter stops at the positions of the output, not of the input: with "
        "stride 2 at a quarter of them.",
    ),
    WrongAnswer(
        "stride divided twice",
        ANSWER,
        "strides = getattr(layer, 'stride', (1, 1))\n"
        "    return 2 * inputs * y.numel() // math.prod(strides)",
        "stride",
        "y is small already because of the stride. Do not divide by it again.",
    ),
    WrongAnswer(
        "square kernels only",
        FILTER,
        "layer.in_channels // layer.groups * layer.kernel_size[0] ** 2",
        "kernel",
        "kernel_size[0] ** 2 takes every kernel for a square. Multiply its two sides.",
    ),
    WrongAnswer(
        "holes counted",
        FILTER,
        "layer.in_channels // layer.groups * math.prod(\n"
        "            d * (k - 1) + 1 for d, k in "
        "zip(layer.dilation, layer.kernel_size, strict=True))",
        "dilation",
        "A dilated kernel reaches further, with the same weights. Holes cost nothing.",
    ),
    WrongAnswer(
        "groups forgotten",
        FILTER,
        "layer.in_channels * math.prod(layer.kernel_size)",
        "groups",
        "With groups, a filter reads in_channels // groups channels only.",
    ),
    WrongAnswer(
        "groups divided twice",
        FILTER,
        f"{FILTER} // layer.groups",
        "groups",
        "Fewer input channels is all that groups change: each number of y still has "
        "its own filter. Divide once.",
    ),
    WrongAnswer(
        "bias counted",
        ANSWER,
        "return (2 * inputs + (layer.bias is not None)) * y.numel()",
        "bias",
        "PyTorch's counter and the papers leave the bias out. Count products and their "
        "additions only.",
    ),
    WrongAnswer(
        "rows of a linear layer",
        "inputs = layer.in_features",
        "return 2 * layer.in_features * layer.out_features * y.shape[0]",
        "linear",
        "A linear layer works on the last axis, for all others. y.numel() holds them "
        "all; y.shape[0] is one.",
    ),
    WrongAnswer(
        "BatchNorm counted",
        "else:\n        return 0",
        "else:\n        return 2 * y.numel()",
        "other layers",
        "Other layers do compute, but PyTorch's counter and the papers count "
        "convolutions and products only. Return 0.",
    ),
    WrongAnswer(
        "a float",
        FILTER,
        "layer.in_channels / layer.groups * math.prod(layer.kernel_size)",
        "runs",
        "/ makes a float, which cannot hold every count exactly. Use //.",
    ),
    WrongAnswer(
        "None for other layers",
        "else:\n        return 0",
        "else:\n        return None",
        "runs",
        "A layer that counts nothing gets 0, so that the counts can be added up.",
    ),
    WrongAnswer(
        "nothing returned",
        ANSWER,
        "operations = 2 * inputs * y.numel()",
        "runs",
        "Is the line with `return` missing?",
    ),
    WrongAnswer(
        "weights of a linear layer once",
        "inputs = layer.in_features",
        "return 2 * layer.weight.numel()",
        "batch",
        "The weights count once for each row of x: in_features x y.numel().",
    ),
    WrongAnswer(
        "rows counted twice",
        "inputs = layer.in_features",
        "inputs = x.numel()",
        "batch",
        "x.numel() holds the batch as well: one output needs in_features products.",
    ),
    WrongAnswer(
        "output channels for the depth",
        FILTER,
        "layer.out_channels // layer.groups * math.prod(layer.kernel_size)",
        "one image",
        "A filter's depth is in_channels, not out_channels.",
    ),
    WrongAnswer(
        "all weights for each number",
        ANSWER,
        "return 2 * layer.weight.numel() * y.numel()",
        "one image",
        "weight.numel() holds all filters; y.numel() counts them again.",
    ),
    WrongAnswer(
        "every layer a convolution",
        "if isinstance(layer, nn.Conv2d):",
        "if layer is not None:",
        "runs",
        "A linear layer has in_features: ask isinstance first.",
    ),
    WrongAnswer(
        "every layer has a kernel",
        f"if isinstance(layer, nn.Conv2d):\n        inputs = {FILTER}",
        "inputs = math.prod(layer.kernel_size)\n"
        "    if isinstance(layer, nn.Conv2d):\n"
        "        inputs = inputs * layer.in_channels // layer.groups",
        "runs",
        "A linear layer has no kernel. Ask isinstance first.",
    ),
    WrongAnswer(
        "every other layer linear",
        "elif isinstance(layer, nn.Linear):\n        inputs = layer.in_features\n"
        "    else:\n        return 0",
        "else:\n        inputs = layer.in_features",
        "runs",
        "Only a linear layer has in_features. Ask isinstance, and return 0 for all "
        "others.",
    ),
    WrongAnswer(
        "kernel_size as a number",
        "math.prod(layer.kernel_size)",
        "layer.kernel_size",
        "runs",
        "kernel_size is a pair: math.prod(layer.kernel_size).",
    ),
)
