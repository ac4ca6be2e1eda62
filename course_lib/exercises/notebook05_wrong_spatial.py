"""Known-wrong answers to the exercises of notebook 05: the spatial gate."""

from course_lib.exercises.exercise import WrongAnswer

MAPS = "maps = channel_maps(x, map_order)"
CONV = "F.conv2d(maps, weight, padding=weight.shape[-1] // 2)"
NORM = "if norm is not None:\n        logits = norm(logits)"
END = "return torch.sigmoid(logits)"

SPATIAL_GATE = (
    WrongAnswer(
        "convolution on x",
        "F.conv2d(maps,",
        "F.conv2d(x,",
        "runs",
        "The kernel reads two maps, not the C channels of x. Give it channel_maps(x, "
        "map_order).",
    ),
    WrongAnswer(
        "norm required",
        NORM,
        "logits = norm(logits)",
        "runs",
        "norm may be None, and None cannot be called. Ask `if norm is not None:`.",
    ),
    WrongAnswer(
        "no padding",
        CONV,
        "F.conv2d(maps, weight)",
        "runs",
        "Without padding the map shrinks, and a side of 3 cannot hold the kernel. Pad "
        "by k // 2.",
    ),
    WrongAnswer(
        "padding of 3 for any kernel",
        "padding=weight.shape[-1] // 2",
        "padding=3",
        "shape",
        "A padding of 3 fits k = 7 alone. Pad by weight.shape[-1] // 2.",
    ),
    WrongAnswer(
        "x times the gate",
        END,
        "return x * torch.sigmoid(logits)",
        "shape",
        "The result has C channels: x times the gate, or the gate expanded. Return it "
        "bare, (N, 1, H, W).",
    ),
    WrongAnswer(
        "channel axis lost",
        END,
        "return torch.sigmoid(logits)[:, 0]",
        "shape",
        "(N, H, W) does not broadcast over the channels. Keep the axis: (N, 1, H, W).",
    ),
    WrongAnswer(
        "cast to float32",
        END,
        "return torch.sigmoid(logits.float())",
        "dtype and device",
        "The gate is forced to float32. Remove .float(): torch keeps the input's type.",
    ),
    WrongAnswer(
        "sigmoid forgotten",
        END,
        "return logits",
        "range",
        "The sigmoid is missing, as in one public port. End with torch.sigmoid.",
    ),
    WrongAnswer(
        "tanh in place of the sigmoid",
        END,
        "return torch.tanh(logits)",
        "range",
        "tanh lies in (-1, 1) and can flip signs. Use torch.sigmoid.",
    ),
    WrongAnswer(
        "norm after the sigmoid",
        f"{NORM}\n    {END}  # (N, 1, H, W)",
        "logits = torch.sigmoid(logits)\n"
        "    return logits if norm is None else norm(logits)",
        "range",
        "norm acts after the sigmoid. It normalises the logits, before it.",
    ),
    WrongAnswer(
        "one plus the gate",
        END,
        "return 1 + torch.sigmoid(logits)",
        "range",
        "1 is added, as in BAM. CBAM's gate is the sigmoid alone.",
    ),
    WrongAnswer(
        "map of the whole batch",
        END,
        "return torch.sigmoid(logits.mean(dim=0, keepdim=True).expand_as(logits))",
        "samples independent",
        "The map is averaged over the batch. Each image keeps its own.",
    ),
    WrongAnswer(
        "softmax over the map",
        END,
        "return logits.flatten(1).softmax(dim=1).view_as(logits)",
        "positions apart",
        "softmax shares a sum of 1 among the positions, so a larger map has smaller "
        "gates. Use torch.sigmoid.",
    ),
    WrongAnswer(
        "divided by the largest",
        END,
        "return (lambda g: g / g.amax(dim=(2, 3), keepdim=True))(torch.sigmoid("
        "logits))",
        "positions apart",
        "Dividing by the largest gate ties the positions together. Return the sigmoid.",
    ),
    WrongAnswer(
        "norm ignored",
        NORM,
        "pass",
        "positions apart",
        "norm is given and not used. Apply it to the logits, before the sigmoid.",
    ),
    WrongAnswer(
        "norm on the maps",
        f"logits = {CONV}  # (N, 1, H, W)\n    {NORM}",
        f"maps = maps if norm is None else norm(maps)\n    logits = {CONV}",
        "positions apart",
        "norm acts on the maps. It acts on the convolution's result.",
    ),
    WrongAnswer(
        "argument map_order ignored",
        "channel_maps(x, map_order)",
        "channel_maps(x)",
        "values",
        "map_order is not used. Pass it on: channel_maps(x, map_order).",
    ),
    WrongAnswer(
        "maps the other way round",
        "channel_maps(x, map_order)",
        "channel_maps(x, map_order).flip(1)",
        "values",
        "The two maps stand the other way round: [mean, max] is timm's order. Leave "
        "them as channel_maps gives them.",
    ),
    WrongAnswer(
        "first map twice",
        "channel_maps(x, map_order)",
        "channel_maps(x, map_order)[:, :1].repeat(1, 2, 1, 1)",
        "values",
        "The first map is used twice, x1 + x1. The kernel reads both.",
    ),
    WrongAnswer(
        "dilated",
        CONV,
        "F.conv2d(maps, weight, padding=4 * (weight.shape[-1] // 2), dilation=4)",
        "values",
        "The kernel is dilated by 4, as in BAM. CBAM's is dense: dilation=1.",
    ),
    WrongAnswer(
        "edges repeated",
        CONV,
        "F.conv2d(F.pad(maps, [weight.shape[-1] // 2] * 4, mode='replicate'), weight)",
        "values",
        "The border is filled with copies of the edge. conv2d's own padding fills it "
        "with zeros.",
    ),
    WrongAnswer(
        "kernel turned round",
        "F.conv2d(maps, weight,",
        "F.conv2d(maps, weight.flip(2, 3),",
        "values",
        "The kernel is turned by 180 degrees. F.conv2d takes it as it is.",
    ),
    WrongAnswer(
        "ReLU before the sigmoid",
        "torch.sigmoid(logits)",
        "torch.sigmoid(F.relu(logits))",
        "values",
        "A ReLU stands before the sigmoid, so no gate is below 0.5. Remove it.",
    ),
    WrongAnswer(
        "map detached",
        MAPS,
        f"{MAPS}.detach()",
        "gradients",
        "The maps are cut off from x by .detach() or .data. Remove it.",
    ),
    WrongAnswer(
        "kernel detached",
        "F.conv2d(maps, weight,",
        "F.conv2d(maps, weight.detach(),",
        "gradients",
        "The kernel is cut off by .detach() or .data and will never learn. Remove it.",
    ),
    WrongAnswer(
        "shifted in place",
        MAPS,
        f"{MAPS.replace('(x,', '(x.add_(1),')} - 1",
        "input not modified",
        "The caller's x is changed in place, by += or a name ending in _. Make a new "
        "tensor.",
    ),
)
