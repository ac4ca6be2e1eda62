"""Known-wrong answers to the exercises of notebook 09: enlarging."""

from course_lib.exercises.exercise import WrongAnswer

CALL = 'F.interpolate(maps[:, None], size=size, mode="bilinear")[:, 0]'

ENLARGE = (
    WrongAnswer(
        "no channel axis",
        CALL,
        'F.interpolate(maps, size=size, mode="bilinear")',
        "runs",
        "F.interpolate reads (N, h, w) as N images of h channels and one axis. Add the "
        "channel axis: maps[:, None].",
    ),
    WrongAnswer(
        "width before height",
        "(height, width)\n",
        "(width, height)\n",
        "shape",
        "Height and width are swapped. Rows come first: size=(height, width).",
    ),
    WrongAnswer(
        "channel axis left over",
        "[:, 0]",
        "",
        "shape",
        "The channel axis that F.interpolate needed is still there. End with [:, 0].",
    ),
    WrongAnswer(
        "squeezed",
        "[:, 0]",
        ".squeeze()",
        "shape",
        "squeeze() also drops the batch axis when N = 1. Use [:, 0].",
    ),
    WrongAnswer(
        "one number for the size",
        "size=size",
        "size=height",
        "shape",
        "One number makes a square. Pass size=(height, width).",
    ),
    WrongAnswer(
        "twice as large",
        "size=size",
        "scale_factor=2",
        "shape",
        "The factor is always 2. Pass size=(height, width).",
    ),
    WrongAnswer(
        "only the first map kept",
        "[:, 0]",
        "[0]",
        "shape",
        "[0] takes the first image. The channel axis is axis 1: [:, 0].",
    ),
    WrongAnswer(
        "cast to float32",
        "[:, 0]",
        "[:, 0].float()",
        "dtype and device",
        "The result is forced to float32. Remove .float().",
    ),
    WrongAnswer(
        "bicubic",
        '"bilinear"',
        '"bicubic"',
        "range",
        "Bicubic overshoots at edges and makes peaks that no cell has. Use bilinear.",
    ),
    WrongAnswer(
        "each map stretched to 0..1",
        "return ",
        "maps = maps - maps.amin(dim=(1, 2), keepdim=True)\n    return ",
        "range",
        "Each map is shifted to begin at 0. Enlarging keeps the values; the scores "
        "shift where they need it.",
    ),
    WrongAnswer(
        "map of the wrong sample",
        "[:, 0]",
        "[:, 0].flip(0)",
        "samples independent",
        "The maps come out in another order than the images. Keep axis 0 as it is.",
    ),
    WrongAnswer(
        "argmax before upsampling",
        "return ",
        "low, top = maps.amin(dim=(1, 2), keepdim=True), maps.amax(dim=(1, 2))\n"
        "    first = maps.flatten(1).argmax(dim=1, keepdim=True)\n"
        "    one = torch.zeros_like(maps.flatten(1)).scatter(1, first, 1)\n"
        "    maps = low + one.view_as(maps) * (top[:, None, None] - low)\n"
        "    return ",
        "cell centres",
        "Only the largest cell is left before enlarging, so ties and slopes are lost. "
        "Enlarge the whole map; the maximum comes afterwards.",
    ),
    WrongAnswer(
        "rows as channels",
        "maps[:, None]",
        "maps[:, :, None]",
        "cell centres",
        "The rows became channels. The new axis goes second: maps[:, None].",
    ),
    WrongAnswer(
        "corners aligned",
        'mode="bilinear"',
        'mode="bilinear", align_corners=True',
        "cell centres",
        "align_corners=True pulls the outer cells to the frame, so every cell moves. "
        "Leave it out.",
    ),
    WrongAnswer(
        "mirrored",
        "[:, 0]",
        "[:, 0].flip(2)",
        "cell centres",
        "Left and right are exchanged. Was the image flipped and the map not?",
    ),
    WrongAnswer(
        "nearest",
        ', mode="bilinear"',
        "",
        "values",
        'Without a mode it is "nearest": blocks with hard edges, and whole blocks tie. '
        'Pass mode="bilinear".',
    ),
    WrongAnswer(
        "axis added in place",
        CALL,
        'F.interpolate(maps.unsqueeze_(1), size=size, mode="bilinear")[:, 0]',
        "input not modified",
        "unsqueeze_ changes the caller's tensor. Write maps[:, None].",
    ),
)
