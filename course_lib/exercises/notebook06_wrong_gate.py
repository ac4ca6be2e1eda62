"""Known-wrong answers to the exercises of notebook 06: the gate, but not its values."""

from course_lib.exercises.exercise import WrongAnswer

MEAN = "m = x.mean(dim=1, keepdim=True)"
FIRST = "F.relu(F.conv2d(m, w1, b1, padding=2))"
SECOND = "F.relu(F.conv2d(a, w2, b2, stride=2, padding=1))"
MATCH = 'F.interpolate(b, size=x.shape[2:], mode="nearest")'
LAST = "torch.sigmoid(F.conv2d(u, w3, b3, padding=1))"
TWO_LAYERS = "padding=2))  # (N, 1, H, W)\n    b = F.relu(F.conv2d(a, w2, b2, stride=2"

FORM = (
    WrongAnswer(
        "always doubled",
        MATCH,
        'F.interpolate(b, scale_factor=2, mode="nearest")',
        "runs on 7 x 7",
        "The small map is doubled whatever x is: 7 x 7 becomes 8 x 8, and 1 x 1 "
        "becomes 2 x 2. Ask for size=x.shape[2:].",
    ),
    WrongAnswer(
        "height for both sides",
        "size=x.shape[2:]",
        "size=x.shape[2]",
        "shape",
        "size=x.shape[2] makes a square of side H. Pass both sides: size=x.shape[2:].",
    ),
    WrongAnswer(
        "mean forgotten",
        MEAN,
        "m = x",
        "runs",
        "The first convolution gets all C channels of x. It expects one map: "
        "m = x.mean(dim=1, keepdim=True).",
    ),
    WrongAnswer(
        "channel axis dropped",
        MEAN,
        "m = x.mean(dim=1)",
        "runs",
        "x.mean(dim=1) drops the channel axis, and F.conv2d takes N for channels. Add "
        "keepdim=True.",
    ),
    WrongAnswer(
        "mean over positions",
        MEAN,
        "m = x.mean(dim=(2, 3), keepdim=True)",
        "runs",
        "The mean runs over H and W, which is SE's squeeze. Here it runs over the "
        "channels, dim=1, and keeps the map.",
    ),
    WrongAnswer(
        "original form ignored",
        'if upsample == "match":',
        "if True:",
        "shape",
        'upsample="x2" still sizes the map to x. The original doubles it: '
        "scale_factor=2.",
    ),
    WrongAnswer(
        "the two forms swapped",
        'if upsample == "match":',
        'if upsample == "x2":',
        "runs on 7 x 7",
        'The branches are swapped: "match" doubles and "x2" sizes to x. Turn the '
        "condition round.",
    ),
    WrongAnswer(
        "not upsampled",
        MATCH,
        "b",
        "shape",
        "The map stays at half size. Bring it back: F.interpolate(b, "
        "size=x.shape[2:]).",
    ),
    WrongAnswer(
        "last padding forgotten",
        "F.conv2d(u, w3, b3, padding=1)",
        "F.conv2d(u, w3, b3)",
        "runs",
        "A 3x3 convolution without padding takes one position off each side, and "
        "fails on 1 x 1. Add padding=1.",
    ),
    WrongAnswer(
        "5x5 with padding 1",
        "padding=2",
        "padding=1",
        "runs",
        "A 5x5 kernel with padding 1 takes one position off each side. Keep the size "
        "with padding=2.",
    ),
    WrongAnswer(
        "stride forgotten",
        "stride=2, padding=1",
        "padding=1",
        "shape",
        "The second convolution keeps the size. It halves it: stride=2.",
    ),
    WrongAnswer(
        "x times the gate",
        f"return {LAST}",
        f"return x * {LAST}[:, :, : x.shape[2], : x.shape[3]]",
        "shape",
        "This looks like x times the gate; return the gate alone, (N, 1, H, W).",
    ),
    WrongAnswer(
        "channel axis removed",
        f"return {LAST}",
        f"return {LAST}[:, 0]",
        "shape",
        "The gate lost its channel axis, so it would not broadcast over C. Return "
        "(N, 1, H, W).",
    ),
    WrongAnswer(
        "cast to float32",
        f"return {LAST}",
        f"return {LAST}.float()",
        "dtype and device",
        "The gate is forced to float32. Remove .float(): torch keeps the input's type.",
    ),
    WrongAnswer(
        "filled up on the CPU",
        f"return {LAST}",
        f"return torch.zeros(u.shape, dtype=x.dtype) + {LAST}",
        "dtype and device",
        "A tensor is made on the CPU, whatever device x is on. Make it from x: "
        "x.new_zeros(shape).",
    ),
    WrongAnswer(
        "no sigmoid",
        LAST,
        "F.conv2d(u, w3, b3, padding=1)",
        "range",
        "These are the logits. Put torch.sigmoid around the last convolution.",
    ),
    WrongAnswer(
        "ReLU at the end",
        LAST,
        "F.relu(F.conv2d(u, w3, b3, padding=1))",
        "range",
        "The last convolution ends in a ReLU like the others, which has no upper "
        "bound. It ends in torch.sigmoid.",
    ),
    WrongAnswer(
        "tanh in place of the sigmoid",
        LAST,
        "torch.tanh(F.conv2d(u, w3, b3, padding=1))",
        "range",
        "tanh lies in (-1, 1) and can flip signs. Use torch.sigmoid.",
    ),
    WrongAnswer(
        "one plus the gate",
        f"return {LAST}",
        f"return 1 + {LAST}",
        "range",
        "1 + sigmoid is BAM's factor. Here the gate is the bare sigmoid, below 1.",
    ),
    WrongAnswer(
        "mean over the batch",
        MEAN,
        "m = x.mean(dim=(0, 1), keepdim=True).expand(len(x), -1, -1, -1)",
        "samples independent",
        "The mean runs over the batch too, so all images share one map. Average over "
        "dim=1 only.",
    ),
    WrongAnswer(
        "first channel only",
        MEAN,
        "m = x[:, :1]",
        "channels alike",
        "Only channel 0 is read. Average all of them: x.mean(dim=1, keepdim=True).",
    ),
    WrongAnswer(
        "softmax over positions",
        LAST,
        "F.conv2d(u, w3, b3, padding=1).flatten(2).softmax(-1).view(u.shape)",
        "looks near",
        "A softmax over positions makes them share a sum of 1, so each gate depends on "
        "all the others. Use torch.sigmoid.",
    ),
    WrongAnswer(
        "dilated 5x5",
        "padding=2",
        "padding=4, dilation=2",
        "looks near",
        "The 5x5 has gaps between its taps, as in BAM, and looks further. Leave "
        "dilation out.",
    ),
    WrongAnswer(
        "map centred",
        MEAN,
        "m = x.mean(dim=1, keepdim=True)\n    m = m - m.mean(dim=(2, 3), keepdim=True)",
        "looks near",
        "The mean of the whole map is taken off, so each gate depends on every "
        "position. Leave m as it is.",
    ),
    WrongAnswer(
        "detached",
        MEAN,
        "m = x.mean(dim=1, keepdim=True).detach()",
        "gradients",
        "The mean is cut off from x by .detach() or .data. Remove it.",
    ),
    WrongAnswer(
        "no gradient for the gate",
        f"return {LAST}",
        f"return {LAST}.detach()",
        "gradients",
        "The gate is cut off by .detach(), .data or torch.no_grad(): no kernel can "
        "learn. Remove it.",
    ),
    WrongAnswer(
        "divided in place",
        MEAN,
        "m = x.div_(x.shape[1]).sum(dim=1, keepdim=True)",
        "input not modified",
        "The caller's x is divided in place by /= or div_. Use x.mean.",
    ),
    WrongAnswer(
        "stride on the first convolution",
        TWO_LAYERS,
        "stride=2, padding=2))\n    b = F.relu(F.conv2d(a, w2, b2",
        "looks near",
        "The first convolution has the stride. It belongs to the second.",
    ),
    WrongAnswer(
        "x times it",
        f"return {LAST}",
        f"return x * {LAST}",
        "runs",
        "Return the gate, not x times the gate.",
    ),
    WrongAnswer(
        "it times x",
        f"return {LAST}",
        f"return {LAST} * x",
        "runs",
        "Return the gate alone, not the gate times x.",
    ),
    WrongAnswer(
        "all four axes as size",
        "size=x.shape[2:]",
        "size=x.shape",
        "runs",
        "size=x.shape has four numbers. F.interpolate takes the two sides: "
        "size=x.shape[2:].",
    ),
    WrongAnswer(
        "mean over axis 0",
        MEAN,
        "m = x.mean(dim=0, keepdim=True)",
        "runs",
        "dim=0 is the batch. The channels are axis 1: x.mean(dim=1, keepdim=True).",
    ),
)
