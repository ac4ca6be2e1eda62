"""Known-wrong answers to notebook 12's ECA."""

from course_lib.exercises.exercise import WrongAnswer

RULE = "eca_kernel_size(channels)"
CONV = "nn.Conv1d(1, 1, k, padding=k // 2, bias=False)"
SIGNAL = "squeeze(x)[:, None]"
GATE = "torch.sigmoid(self.conv(s))[:, 0, :, None, None]"
PRODUCT = "x * self.gate(x)"

MODULE = (
    WrongAnswer(
        "padding forgotten",
        CONV,
        "nn.Conv1d(1, 1, k, bias=False)",
        "runs",
        "Without padding k - 1 gates are missing, and those left do not fit the "
        "channels. Pad k // 2 zeros on each side.",
    ),
    WrongAnswer(
        "padding of 1",
        CONV,
        "nn.Conv1d(1, 1, k, padding=1, bias=False)",
        "runs",
        "Padding 1 fits k = 3 alone. 2 * padding = k - 1 keeps the length: padding = k "
        "// 2.",
    ),
    WrongAnswer(
        "padding of k",
        CONV,
        "nn.Conv1d(1, 1, k, padding=k, bias=False)",
        "runs",
        "k zeros on each side give k + 1 gates too many. 2 * padding = k - 1 keeps the "
        "length: padding = k // 2.",
    ),
    WrongAnswer(
        "padding of k - 1",
        CONV,
        "nn.Conv1d(1, 1, k, padding=k - 1, bias=False)",
        "runs",
        "k - 1 zeros are enough for both sides together: padding = k // 2.",
    ),
    WrongAnswer(
        "as many signals as channels",
        CONV,
        "nn.Conv1d(channels, channels, k, padding=k // 2, bias=False)",
        "runs",
        "Conv1d(C, C, k) expects C signals. One goes in and one comes out: "
        "Conv1d(1, 1, k).",
    ),
    WrongAnswer(
        "signal's axis kept",
        GATE,
        "torch.sigmoid(self.conv(s))[..., None]",
        "runs",
        "The gate is (N, 1, C, 1). Drop the signal's axis: [:, 0, :, None, None].",
    ),
    WrongAnswer(
        "signal without its axis",
        SIGNAL,
        "squeeze(x)",
        "runs",
        "Conv1d reads (N, 1, C): one signal, C places long. Add the axis: squeeze(x)"
        "[:, None].",
    ),
    WrongAnswer(
        "channels as channels",
        SIGNAL,
        "squeeze(x)[:, :, None]",
        "runs",
        "This is (N, C, 1): C signals of one place. ECA slides along the channels: "
        "(N, 1, C).",
    ),
    WrongAnswer(
        "batch of one squeezed away",
        SIGNAL,
        "nn.functional.adaptive_avg_pool2d(x, 1).squeeze()[:, None]",
        "runs",
        ".squeeze() without axes also removes a batch of one. Name the axes, or use "
        "squeeze(x).",
    ),
    WrongAnswer(
        "squeeze forgotten",
        SIGNAL,
        "x",
        "runs",
        "The convolution gets the whole map x. Give it the averages, squeeze(x).",
    ),
    WrongAnswer(
        "two axes short",
        GATE,
        "torch.sigmoid(self.conv(s))[:, 0]",
        "runs",
        "A gate (N, C) does not broadcast over a map. Add two axes: [:, 0, :, None, "
        "None].",
    ),
    WrongAnswer(
        "always 3",
        RULE,
        "3",
        "kernel size",
        "k = 3 everywhere is the released code's default. Here k follows from C.",
    ),
    WrongAnswer(
        "even kernel",
        RULE,
        "int((math.log2(channels) + 1) / 2)",
        "runs",
        "int alone leaves even kernels, which have no middle. Add 1 to an even k.",
    ),
    WrongAnswer(
        "even kernel, unchecked",
        f"{RULE} if kernel_size is None else kernel_size\n        check_odd(k)",
        "int((math.log2(channels) + 1) / 2) if kernel_size is None else kernel_size",
        "runs",
        "An even kernel, padded k // 2, gives one gate too many. Make k odd first: k + "
        "1.",
    ),
    WrongAnswer(
        "kernel_size ignored",
        f"{RULE} if kernel_size is None else kernel_size",
        f"{RULE}\n        check_odd(k if kernel_size is None else kernel_size)",
        "kernel size",
        "kernel_size is ignored: use it in place of the formula.",
    ),
    WrongAnswer(
        "even made odd downwards",
        RULE,
        "(int((math.log2(channels) + 1) / 2) - 1) // 2 * 2 + 1",
        "kernel size",
        "An even k goes down to the odd number below. Go up: k + 1.",
    ),
    WrongAnswer(
        "natural logarithm",
        RULE,
        "int((math.log(channels) + 1) / 2) // 2 * 2 + 1",
        "kernel size",
        "math.log is the natural logarithm. The formula has base 2: math.log2.",
    ),
    WrongAnswer(
        "decimal logarithm",
        RULE,
        "int((math.log10(channels) + 1) / 2) // 2 * 2 + 1",
        "kernel size",
        "This is the decimal logarithm. The formula has base 2: math.log2.",
    ),
    WrongAnswer(
        "rounded, then made odd",
        RULE,
        "round((math.log2(channels) + 1) / 2) // 2 * 2 + 1",
        "kernel size",
        "round sends 3.5 to 4, then to 5; so does b outside the fraction. Cut (log2(C) "
        "+ 1) / 2 with int first.",
    ),
    WrongAnswer(
        "b forgotten",
        RULE,
        "int(math.log2(channels) / 2) // 2 * 2 + 1",
        "kernel size",
        "b is missing: (log2(C) + 1) / 2.",
    ),
    WrongAnswer(
        "gamma and b swapped",
        RULE,
        "int(math.log2(channels) + 2) // 2 * 2 + 1",
        "kernel size",
        "gamma and b have changed places: gamma = 2 divides, b = 1 is added.",
    ),
    WrongAnswer(
        "bias left in",
        CONV,
        "nn.Conv1d(1, 1, k, padding=k // 2)",
        "kernel size",
        "Conv1d brings a bias unless told otherwise: bias=False.",
    ),
    WrongAnswer(
        "kernel not registered",
        CONV,
        "[nn.Conv1d(1, 1, k, padding=k // 2, bias=False)][0].requires_grad_(False)"
        ".forward",
        "kernel size",
        "nn.Module does not find the kernel. Assign the layer itself to self, not its "
        "method or a list.",
    ),
    WrongAnswer(
        "gate returned",
        PRODUCT,
        "self.gate(x)",
        "shape",
        "This is the gate. Multiply x by it.",
    ),
    WrongAnswer(
        "cast to float32",
        PRODUCT,
        "(x * self.gate(x)).float()",
        "dtype and device",
        "The result is forced to float32. Remove .float(): torch keeps the input's "
        "type.",
    ),
    WrongAnswer(
        "no sigmoid",
        GATE,
        "self.conv(s)[:, 0, :, None, None]",
        "range",
        "The sigmoid is missing, so gates are any number, also negative ones.",
    ),
    WrongAnswer(
        "sigmoid before the convolution",
        GATE,
        "self.conv(torch.sigmoid(s))[:, 0, :, None, None]",
        "range",
        "The sigmoid comes before the convolution. It has to be the last function.",
    ),
    WrongAnswer(
        "residual added",
        PRODUCT,
        "x + x * self.gate(x)",
        "range",
        "x is added: that is BAM's 1 + gate. ECA multiplies alone.",
    ),
    WrongAnswer(
        "pooled over the batch",
        SIGNAL,
        "squeeze(x).mean(dim=0, keepdim=True).repeat(len(x), 1)[:, None]",
        "samples independent",
        "The averages run over the batch as well. Every sample keeps its own: dims 2 "
        "and 3.",
    ),
    WrongAnswer(
        "convolution over the samples",
        GATE,
        "torch.sigmoid(self.conv(s.transpose(0, 2))).transpose(0, 2)[:, 0, :, None, "
        "None]",
        "samples independent",
        "The kernel slides along the batch: neighbours are other images. Slide along "
        "the channels.",
    ),
    WrongAnswer(
        "gate applied twice",
        PRODUCT,
        "x * self.gate(x) ** 2",
        "gated",
        "The gate is applied twice. Once: x * self.gate(x).",
    ),
    WrongAnswer(
        "softmax",
        GATE,
        "torch.softmax(self.conv(s), dim=2)[:, 0, :, None, None]",
        "values",
        "A softmax lets the gates compete for a sum of 1. ECA has a sigmoid for each.",
    ),
    WrongAnswer(
        "maximum in place of the mean",
        SIGNAL,
        "x.amax(dim=(2, 3))[:, None]",
        "values",
        "The largest value of each map is taken. ECA squeezes with the mean.",
    ),
    WrongAnswer(
        "sum in place of the mean",
        SIGNAL,
        "x.sum(dim=(2, 3))[:, None]",
        "values",
        "The sum is not divided by H * W, so larger maps open gates further. Use "
        "squeeze.",
    ),
    WrongAnswer(
        "ends joined",
        CONV,
        'nn.Conv1d(1, 1, k, padding=k // 2, bias=False, padding_mode="circular")',
        "values",
        "Circular padding makes the last channel a neighbour of the first. Pad zeros.",
    ),
    WrongAnswer(
        "every second neighbour",
        CONV,
        "nn.Conv1d(1, 1, k, padding=2 * (k // 2), dilation=2, bias=False)",
        "values",
        "With dilation=2 each channel asks every second neighbour. Leave it out.",
    ),
    WrongAnswer(
        "kernel turned round",
        GATE,
        "torch.sigmoid(self.conv(s.flip(2)).flip(2))[:, 0, :, None, None]",
        "values",
        "The kernel is turned round. Slide it as PyTorch does, without flip.",
    ),
    WrongAnswer(
        "squeeze detached",
        SIGNAL,
        "squeeze(x.detach())[:, None]",
        "gradients",
        ".detach() cuts the path from the gate to x. Remove it.",
    ),
    WrongAnswer(
        "even kernel accepted",
        "        check_odd(k)\n",
        "",
        "even kernel refused",
        "An even kernel_size is accepted and fails much later. Call check_odd(k) in "
        "__init__.",
    ),
    WrongAnswer(
        "multiplied in place",
        PRODUCT,
        "x.mul_(self.gate(x))",
        "input not modified",
        "mul_ writes into the caller's x, which the block may still need. Use x * g.",
    ),
)
