"""Known-wrong answers to notebook 12's pyramid_squeeze."""

from course_lib.exercises.exercise import WrongAnswer

POOL = "F.adaptive_avg_pool2d(x, level)"
FLAT = "grid.flatten(1)"
CAT = "return torch.cat([grid.flatten(1) for grid in grids], dim=1)"

PYRAMID = (
    WrongAnswer(
        "view on channels_last",
        FLAT,
        "grid.view(grid.shape[0], -1)",
        "runs",
        "view fails where memory is laid out channels_last, as the released code does. "
        "Use flatten(1).",
    ),
    WrongAnswer(
        "windows of fixed size",
        POOL,
        "F.avg_pool2d(x, (x.shape[2] // level, x.shape[3] // level))",
        "runs",
        "On 2 rows, H // 4 is 0. Adaptive pooling makes level x level cells of any "
        "map.",
    ),
    WrongAnswer(
        "grids not flattened",
        FLAT,
        "grid",
        "runs",
        "Grids of 1, 2 and 4 rows do not join. Flatten each one: grid.flatten(1).",
    ),
    WrongAnswer(
        "tuple returned",
        CAT,
        "return tuple(grid.flatten(1) for grid in grids)",
        "runs",
        "The grids come back one by one. Join them: torch.cat along dim=1.",
    ),
    WrongAnswer(
        "channels kept apart",
        "[grid.flatten(1) for grid in grids], dim=1",
        "[grid.flatten(2) for grid in grids], dim=2",
        "shape",
        "This is (N, C, 21). The linear layer reads one row a sample: flatten(1).",
    ),
    WrongAnswer(
        "samples flattened",
        CAT,
        "return torch.cat([grid.flatten() for grid in grids])",
        "shape",
        "The batch is flattened with the rest. Keep axis 0: flatten(1), dim=1.",
    ),
    WrongAnswer(
        "one strip a grid",
        POOL,
        "F.adaptive_avg_pool2d(x, (level, 1))",
        "shape",
        "(level, 1) makes level cells. A grid has level x level.",
    ),
    WrongAnswer(
        "levels ignored",
        "for level in levels",
        "for level in (1, 2, 4)",
        "shape",
        "levels is an argument: use it in place of (1, 2, 4).",
    ),
    WrongAnswer(
        "grids added",
        CAT,
        "size = max(levels)\n"
        "    return sum(F.interpolate(grid, size=size).flatten(1) for grid in grids)",
        "shape",
        "The grids are added up, as in the code of 2021. Here they are joined.",
    ),
    WrongAnswer(
        "cast to float32",
        CAT,
        f"{CAT}.float()",
        "dtype and device",
        "The result is forced to float32. Remove .float(): torch keeps the input's "
        "type.",
    ),
    WrongAnswer(
        "sum in place of the mean",
        POOL,
        "F.adaptive_avg_pool2d(x, level) * x[0, 0].numel() / level**2",
        "range",
        "These are sums over the cells. Take averages.",
    ),
    WrongAnswer(
        "centred over the batch",
        POOL,
        "F.adaptive_avg_pool2d(x.mean(dim=0, keepdim=True).expand_as(x), level)",
        "samples independent",
        "All samples share the batch's averages. Each keeps its own.",
    ),
    WrongAnswer(
        "finest grid first",
        "for level in levels",
        "for level in levels[::-1]",
        "SE first",
        "The grids come in reverse. Keep the order of levels, whatever it is.",
    ),
    WrongAnswer(
        "maximum in place of the mean",
        POOL,
        "F.adaptive_max_pool2d(x, level)",
        "SE first",
        "The cells take their largest value. This pyramid takes averages.",
    ),
    WrongAnswer(
        "joined before flattening",
        CAT,
        "return torch.cat([grid.flatten(2) for grid in grids], dim=2).flatten(1)",
        "SE first",
        "Joined first, all cells of channel 0 come first. Flatten each grid, then "
        "join.",
    ),
    WrongAnswer(
        "levels sorted",
        "for level in levels",
        "for level in sorted(levels)",
        "values",
        "The levels are sorted. Keep the order given, (3, 1) for example.",
    ),
    WrongAnswer(
        "positions before channels",
        FLAT,
        "grid.flatten(2).mT.flatten(1)",
        "values",
        "Within a grid the cells come first, then the channels. Channel by channel: "
        "flatten(1).",
    ),
    WrongAnswer(
        "rows and columns swapped",
        FLAT,
        "grid.mT.flatten(1)",
        "values",
        "Each grid is turned on its side. Keep rows before columns.",
    ),
    WrongAnswer(
        "finer from coarser",
        POOL,
        "F.interpolate(F.adaptive_avg_pool2d(x, max(levels)), size=level)",
        "SE first",
        "Small grids are picked from the finest one. Pool each from x itself.",
    ),
    WrongAnswer(
        "nearest cells",
        POOL,
        "F.adaptive_avg_pool2d(F.interpolate(x, size=4 * level), level)",
        "SE first",
        "The map is resized first, so its positions count unequally. Pool x itself.",
    ),
    WrongAnswer(
        "centred in place",
        "return torch.cat",
        "x.sub_(x.mean(dim=(2, 3), keepdim=True))\n    return torch.cat",
        "input not modified",
        "sub_ writes into the caller's x. Leave x as it is.",
    ),
)
