"""Known-wrong answers to the exercises of notebook 05: the two maps."""

from course_lib.exercises.exercise import WrongAnswer

LARGEST = "x.max(dim=1, keepdim=True).values"
MEAN = "x.mean(dim=1, keepdim=True)"
MAPS = f"maps = [{LARGEST}, {MEAN}]"
JOINED = "return torch.cat(maps, dim=1)"
TURN = 'if map_order == "mean-max":'
BODY = f"{MAPS}\n    {TURN}\n        maps.reverse()\n    {JOINED}"

CHANNEL_MAPS = (
    WrongAnswer(
        ".values forgotten",
        LARGEST,
        "x.max(dim=1, keepdim=True)",
        "runs",
        "x.max with a dim returns values and indices. Take .values, or use amax.",
    ),
    WrongAnswer(
        "axis not kept",
        MAPS,
        "maps = [x.max(dim=1).values, x.mean(dim=1)]",
        "shape",
        "Without keepdim=True the maps are (N, H, W), and cat joins them along H. "
        "Keep the axis.",
    ),
    WrongAnswer(
        "pooled over H and W",
        MAPS,
        "maps = [x.amax(dim=(2, 3), keepdim=True), x.mean(dim=(2, 3), keepdim=True)]",
        "shape",
        "These are the channel gate's poolings, over H and W. Here the channels go: "
        "dim=1.",
    ),
    WrongAnswer(
        "joined along the batch",
        JOINED,
        "return torch.cat(maps, dim=0)",
        "shape",
        "The maps are joined along the batch, (2 N, 1, H, W). Join along dim=1.",
    ),
    WrongAnswer(
        "stacked on a new axis",
        JOINED,
        "return torch.stack(maps, dim=1)",
        "shape",
        "torch.stack adds a fifth axis. Use torch.cat with keepdim=True.",
    ),
    WrongAnswer(
        "stacked on axis 0",
        BODY,
        BODY.replace(", keepdim=True", "").replace("cat(maps, dim=1", "stack(maps"),
        "shape",
        "torch.stack puts the maps on axis 0, before the batch. Say where: stack(maps, "
        "dim=1).",
    ),
    WrongAnswer(
        "stacked on axis 0, axis kept",
        JOINED,
        "return torch.stack(maps)",
        "shape",
        "torch.stack adds an axis in front: (2, N, 1, H, W). Use torch.cat(maps, "
        "dim=1).",
    ),
    WrongAnswer(
        "pooled over the batch",
        MAPS,
        MAPS.replace("dim=1", "dim=0"),
        "shape",
        "Axis 0 is the batch: dim=1 is the channel axis.",
    ),
    WrongAnswer(
        "added in place of joined",
        JOINED,
        "return maps[0] + maps[1]",
        "shape",
        "The two maps are added to one. The convolution reads two: torch.cat.",
    ),
    WrongAnswer(
        "cast to float32",
        JOINED,
        "return torch.cat(maps, dim=1).float()",
        "dtype and device",
        "The result is forced to float32. Remove .float(): torch keeps the input's "
        "type.",
    ),
    WrongAnswer(
        "filled up on the CPU",
        JOINED,
        "return torch.zeros(len(x), 2, *x.shape[2:]) + torch.cat(maps, dim=1)",
        "dtype and device",
        "A tensor is made on the CPU, whatever device x is on. Make it from x: "
        "x.new_zeros(shape).",
    ),
    WrongAnswer(
        "sum in place of the mean",
        MEAN,
        "x.sum(dim=1, keepdim=True)",
        "range",
        "The sum is not divided by C, so wide layers give large numbers. Use mean.",
    ),
    WrongAnswer(
        "indices in place of values",
        LARGEST,
        "x.max(dim=1, keepdim=True).indices",
        "range",
        "These are places, not values: take .values.",
    ),
    WrongAnswer(
        "largest absolute value",
        LARGEST,
        "x.abs().max(dim=1, keepdim=True).values",
        "range",
        "The largest absolute value; take the largest value.",
    ),
    WrongAnswer(
        "maps of the batch",
        JOINED,
        "return torch.cat(maps, dim=1).mean(dim=0, keepdim=True).repeat("
        "len(x), 1, 1, 1)",
        "range",
        "The maps are averaged over the batch. Each image keeps its own.",
    ),
    WrongAnswer(
        "first channel in place of the mean",
        MEAN,
        "x[:, :1]",
        "channels equal",
        "One map is the first channel alone. Average over all of them.",
    ),
    WrongAnswer(
        "last channel left out",
        MAPS,
        MAPS.replace("x.m", "x[:, :-1].m"),
        "channels equal",
        "The slice :-1 leaves out the last channel. Take all of them.",
    ),
    WrongAnswer(
        "mean first",
        TURN,
        'if map_order == "max-mean":',
        "values",
        "The order is [mean, max], timm's. The default is the authors': [max, mean].",
    ),
    WrongAnswer(
        "order ignored",
        TURN,
        "if False:",
        "values",
        'map_order="mean-max" changes nothing. Turn the two maps round for it.',
    ),
    WrongAnswer(
        "maximum twice",
        MEAN,
        LARGEST,
        "values",
        "Both maps are the maximum. One of them is the mean.",
    ),
    WrongAnswer(
        "mean twice",
        LARGEST,
        MEAN,
        "values",
        "Both maps are the mean. One of them is the maximum.",
    ),
    WrongAnswer(
        "smallest in place of the largest",
        LARGEST,
        "x.min(dim=1, keepdim=True).values",
        "values",
        "This is the smallest channel. Take the largest: x.max.",
    ),
    WrongAnswer(
        "median in place of the mean",
        MEAN,
        "x.median(dim=1, keepdim=True).values",
        "values",
        "This is the median. Take the mean.",
    ),
    WrongAnswer(
        "ReLU first",
        MAPS,
        MAPS.replace("x.m", "F.relu(x).m"),
        "range",
        "A ReLU acts on x first. The maps are made from x itself, negative values "
        "included.",
    ),
    WrongAnswer(
        "detached",
        JOINED,
        "return torch.cat(maps, dim=1).detach()",
        "gradients",
        "The maps are cut off from x by .detach() or .data. Remove it.",
    ),
    WrongAnswer(
        "the maximum's place in place of its value",
        LARGEST,
        "x.gather(1, x.argmax(dim=1, keepdim=True)).detach()",
        "gradients",
        "The maximum is cut off from x. Take .values of x.max, which keeps the "
        "gradient.",
    ),
    WrongAnswer(
        "overwritten",
        MAPS,
        MAPS.replace(MEAN, "x.div_(x.shape[1]).sum(dim=1, keepdim=True)"),
        "input not modified",
        "The caller's x is divided in place by /= or div_. Use x.mean.",
    ),
)
