"""Known-wrong answers to the exercises of notebook 09: the energy on the sign."""

from course_lib.exercises.exercise import WrongAnswer

SHIFT = "energy = maps - maps.amin(dim=(1, 2), keepdim=True)  # (N, H, W)"
SCORE = "(energy * masks).sum((1, 2)) / energy.sum((1, 2))"
VARIES = "varies = energy.amax(dim=(1, 2), keepdim=True) > rounding(maps)"
GUARD = "    energy = torch.where(varies, energy, 1.0)\n"

ENERGY = (
    WrongAnswer(
        "axes dropped",
        "maps.amin(dim=(1, 2), keepdim=True)",
        "maps.amin(dim=(1, 2))",
        "runs",
        "The smallest values are (N,) and meet the maps' last axis. Keep the axes: "
        "keepdim=True.",
    ),
    WrongAnswer(
        "maps picked by the mask",
        "(energy * masks).sum((1, 2))",
        "energy[masks].sum((1, 2))",
        "runs",
        "energy[masks] is one long list without images. Multiply: energy * masks.",
    ),
    WrongAnswer(
        "summed over the batch",
        SCORE,
        "(energy * masks).sum() / energy.sum()",
        "shape",
        "All images are added up. Return one score an image: .sum((1, 2)).",
    ),
    WrongAnswer(
        "one axis summed",
        SCORE,
        "(energy * masks).sum(2) / energy.sum(2).clamp(min=1e-6)",
        "shape",
        "Only one axis is summed. An image has two: .sum((1, 2)).",
    ),
    WrongAnswer(
        "sum on the sign",
        SCORE,
        "(energy * masks).sum((1, 2))",
        "range",
        "The sum on the sign is not yet a share. Divide by the whole sum.",
    ),
    WrongAnswer(
        "inside minus outside",
        "energy * masks)",
        "energy * masks - energy * ~masks)",
        "range",
        "What lies outside is taken off, so scores fall below 0. Add up the sign "
        "alone.",
    ),
    WrongAnswer(
        "mean on the sign",
        SCORE,
        "(energy * masks).sum((1, 2)) / masks.sum((1, 2))",
        "range",
        "The sum is divided by the size of the sign. Divide by the whole map's sum.",
    ),
    WrongAnswer(
        "off the sign",
        "energy * masks",
        "energy * ~masks",
        "planted maps",
        "This is the energy outside. Leave out the ~.",
    ),
    WrongAnswer(
        "map of the wrong sample",
        SCORE,
        "(energy.roll(1, 0) * masks).sum((1, 2)) / energy.roll(1, 0).sum((1, 2))",
        "planted maps",
        "Each map is scored against another image's mask. Were the images shuffled "
        "between the two?",
    ),
    WrongAnswer(
        "smallest of the whole batch",
        "maps.amin(dim=(1, 2), keepdim=True)",
        "maps.amin()",
        "samples independent",
        "One image's minimum is taken off all maps. Take each map's own: dim=(1, 2).",
    ),
    WrongAnswer(
        "divided by the batch's sum",
        "/ energy.sum((1, 2))",
        "/ energy.sum((1, 2)).mean()",
        "planted maps",
        "All maps are divided by one number. Divide each by its own sum.",
    ),
    WrongAnswer(
        "no guard against constant maps",
        GUARD,
        "",
        "constant map",
        "A constant map leaves 0 / 0. Put 1 everywhere in it with torch.where.",
    ),
    WrongAnswer(
        "constant maps score 0",
        SCORE,
        "(varies[:, 0, 0] * (energy * masks).sum((1, 2))) / energy.sum((1, 2))",
        "constant map",
        "A constant map is given 0, which is below chance. It scores what a random "
        "position scores.",
    ),
    WrongAnswer(
        "exactly constant only",
        VARIES,
        "varies = energy.amax(dim=(1, 2), keepdim=True) > 0",
        "constant map",
        "Enlarged, a constant map differs in the seventh digit; > 0 blows that up. So "
        "does the rounding of the shifted map, whose level is 0: take it of the map "
        "before the shift.",
    ),
    WrongAnswer(
        "values of where swapped",
        "torch.where(varies, energy, 1.0)",
        "torch.where(varies, 1.0, energy)",
        "planted maps",
        "The values of torch.where are swapped. The one where True comes first: "
        "torch.where(varies, energy, 1.0).",
    ),
    WrongAnswer(
        "no shift",
        SHIFT,
        "energy = maps",
        "scale and shift",
        "The smallest value is still in the map, so a gate from 0.5 to 0.6 looks "
        "constant. Take it off.",
    ),
    WrongAnswer(
        "softmax",
        SHIFT,
        "energy = maps.flatten(1).softmax(1).view_as(maps)\n"
        "    energy = energy - energy.amin(dim=(1, 2), keepdim=True)",
        "scale and shift",
        "A softmax depends on the map's scale. Use the values as they are.",
    ),
    WrongAnswer(
        "squared",
        "(energy * masks).sum((1, 2)) / energy.sum((1, 2))",
        "(energy**2 * masks).sum((1, 2)) / (energy**2).sum((1, 2))",
        "values",
        "The values are squared, which favours the peak. Add them up as they are.",
    ),
    WrongAnswer(
        "mean in place of the smallest",
        SHIFT,
        "energy = (maps - maps.mean(dim=(1, 2), keepdim=True)).clamp(min=0)",
        "values",
        "The mean is taken off and the rest cut at 0. Take off the smallest value.",
    ),
    WrongAnswer(
        "box for mask",
        "energy * masks)",
        "energy * masks.any(1, keepdim=True) * masks.any(2, keepdim=True))",
        "values",
        "The box around the sign is used. Its corners are street: use the mask.",
    ),
    WrongAnswer(
        "scaled in place",
        SHIFT,
        f"maps /= maps.amax(dim=(1, 2), keepdim=True)\n    {SHIFT}",
        "input not modified",
        "The caller's maps are scaled by /=. No scale is needed here.",
    ),
)
