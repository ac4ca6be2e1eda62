"""Known-wrong answers to notebook 10's layer_flops and plan_bytes."""

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
)

READ = "read = {name for inputs, _ in operations for name in inputs} - made"
AFTER = "passes[place + 1 :]"
EACH = "for name in [*read, *(made & needed)]:"
KEEP = "for inputs in after for name in inputs} | keep"

PLAN_BYTES = (
    WrongAnswer(
        "reads only",
        EACH,
        "for name in read:",
        "one operation",
        "Only reads are counted. What is made and needed later is written as well.",
    ),
    WrongAnswer(
        "writes only",
        EACH,
        "for name in made & needed:",
        "one operation",
        "Only writes are counted. Every input of a pass has to be read as well.",
    ),
    WrongAnswer(
        "numbers taken for bytes",
        "return size * total",
        "return total",
        "one operation",
        "This counts numbers. Each has `size` bytes: multiply by it.",
    ),
    WrongAnswer(
        "bits",
        "return size * total",
        "return 8 * size * total",
        "one operation",
        "This counts bits. `size` is in bytes already.",
    ),
    WrongAnswer(
        "tensors counted",
        "total += numbers[name]",
        "total += 1",
        "one operation",
        "Every name counts 1 here. Look up how many numbers it holds: numbers[name].",
    ),
    WrongAnswer(
        "one pass only",
        "return size * total",
        "    return size * total",
        "chain",
        "It returns after the first pass. Move `return` out of the loop.",
    ),
    WrongAnswer(
        "gate as large as the map",
        "total += numbers[name]",
        "total += max(numbers[one] for one in [*read, *made])",
        "small tensors",
        "Every name counts as much as the largest. A gate (N, C, 1, 1) is read as it "
        "is; broadcasting copies nothing.",
    ),
    WrongAnswer(
        "small tensors left out",
        "total += numbers[name]",
        "total += numbers[name] * (numbers[name] >= max(numbers.values()))",
        "small tensors",
        "Gates and weights are left out. They are small here, and not always: count "
        "them.",
    ),
    WrongAnswer(
        "in the cache for ever",
        READ,
        READ + " - {name for before in passes[:place] for _, name in before}",
        "chain",
        "What an earlier pass made counts as at hand. A map does not fit into the "
        "cache: it is read again.",
    ),
    WrongAnswer(
        "only the result is written",
        EACH,
        "for name in [*read, *(made & keep)]:",
        "chain",
        "Only what is kept at the end is written. What a later pass reads goes through "
        "memory too.",
    ),
    WrongAnswer(
        "what is kept forgotten",
        KEEP,
        "for inputs in after for name in inputs}",
        "one operation",
        "A name that no pass reads again is still written if it is in `keep`.",
    ),
    WrongAnswer(
        "kept ones written by every pass",
        "made & needed",
        "made & needed | keep",
        "chain",
        "Each pass writes everything in `keep`, even what it did not make. & binds "
        "before |: intersect with `made` last.",
    ),
    WrongAnswer(
        "kept or read, not both",
        KEEP,
        "for inputs in after for name in inputs} ^ keep",
        "what is kept",
        "^ drops names that are both kept and read later. Use |.",
    ),
    WrongAnswer(
        "between operations",
        READ,
        "read = {name for inputs, _ in operations for name in inputs}",
        "inside a pass",
        "Names made inside the pass are read from memory here. The next operation has "
        "them at hand: take `made` off.",
    ),
    WrongAnswer(
        "everything made is written",
        "made & needed",
        "made",
        "inside a pass",
        "What only this pass needs never leaves it. Write what is read later or kept.",
    ),
    WrongAnswer(
        "made by the last operation",
        "made = {name for _, name in operations}",
        "made = {operations[-1][1]}",
        "inside a pass",
        "Only the last operation's name counts as made. Every operation of the pass "
        "makes one.",
    ),
    WrongAnswer(
        "the next pass only",
        AFTER,
        "passes[place + 1 : place + 2]",
        "later passes",
        "Only the next pass is asked. Any later one may read a name: passes[place + 1 "
        ":].",
    ),
    WrongAnswer(
        "every pass asked",
        AFTER,
        "passes",
        "inside a pass",
        "The pass itself is asked too, so its own intermediates count as needed. Ask "
        "the later ones.",
    ),
    WrongAnswer(
        "read once for each operation",
        READ,
        "read = [name for inputs, _ in operations for name in inputs "
        "if name not in made]",
        "read once",
        "A name that several operations of a pass use is read once. Make a set of the "
        "names.",
    ),
    WrongAnswer(
        "float32 written out",
        "return size * total",
        "return 4 * total",
        "sizes",
        "4 bytes are float32's. Use `size`: bfloat16 has 2.",
    ),
    WrongAnswer(
        "a float",
        "return size * total",
        "return size * total / 1e6",
        "runs",
        "Megabytes are for people. Return bytes, a whole number.",
    ),
)
