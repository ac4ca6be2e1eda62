"""Known-wrong answers to the exercises of notebook 09: pointing."""

from course_lib.exercises.exercise import WrongAnswer

LARGEST = "largest = maps.amax(dim=(1, 2), keepdim=True)  # (N, 1, 1)"
TOP = "at_top = maps >= largest - rounding(maps)"
SCORE = "(at_top & masks).sum((1, 2)) / at_top.sum((1, 2))"

POINTING = (
    WrongAnswer(
        "axes dropped",
        "(1, 2), keepdim=True)  #",
        "(1, 2))  #",
        "runs",
        "largest is (N,) and meets the maps' last axis. Keep the axes: keepdim=True.",
    ),
    WrongAnswer(
        "mean over the batch",
        SCORE,
        f"({SCORE}).mean()",
        "shape",
        "The scores are averaged already. Return one an image, (N,): intervals need "
        "them all.",
    ),
    WrongAnswer(
        "a score for each row",
        SCORE,
        "(at_top & masks).sum(2) / at_top.sum(2).clamp(min=1)",
        "shape",
        "Only one axis is summed. An image has two: .sum((1, 2)).",
    ),
    WrongAnswer(
        "largest of the batch, 0 / 0",
        "maps.amax(dim=(1, 2), keepdim=True)",
        "maps.amax()",
        "numbers",
        "`largest` is that of the whole batch, which most maps never reach: 0 / 0. "
        "Take each map's own: dim=(1, 2), keepdim=True.",
    ),
    WrongAnswer(
        "rounding added",
        "largest - rounding(maps)",
        "largest + rounding(maps)",
        "numbers",
        "No position counts as the top, so 0 / 0. Compare with >=, and subtract "
        "rounding(maps).",
    ),
    WrongAnswer(
        "hits counted",
        SCORE,
        "(at_top & masks).sum((1, 2))",
        "range",
        "These are counts. Divide by the number of positions at the top.",
    ),
    WrongAnswer(
        "off the sign",
        "at_top & masks",
        "at_top & ~masks",
        "planted maps",
        "These are the misses. Leave out the ~.",
    ),
    WrongAnswer(
        "smallest value",
        f"{LARGEST}\n    {TOP}",
        "smallest = maps.amin(dim=(1, 2), keepdim=True)  # (N, 1, 1)\n"
        "    at_top = maps <= smallest + rounding(maps)",
        "planted maps",
        "The smallest value is taken. A map is larger where the network looks more.",
    ),
    WrongAnswer(
        "map of the wrong sample",
        TOP,
        "at_top = (maps >= largest - rounding(maps)).roll(1, 0)",
        "planted maps",
        "Each map is scored against another image's mask. Were the images shuffled "
        "between the two?",
    ),
    WrongAnswer(
        "largest of each row",
        "maps.amax(dim=(1, 2), keepdim=True)",
        "maps.amax(dim=2, keepdim=True)",
        "planted maps",
        "Every row has its own largest value. Take it over both axes: dim=(1, 2).",
    ),
    WrongAnswer(
        "divided by all positions",
        "/ at_top.sum((1, 2))",
        "/ maps[0].numel()",
        "planted maps",
        "The count is divided by H * W. Divide by the number of positions at the top.",
    ),
    WrongAnswer(
        "largest of the whole batch",
        f"{LARGEST}\n    {TOP}  # (N, H, W)\n    return {SCORE}",
        f"largest = maps.amax()\n    {TOP}\n    return {SCORE}.clamp(min=1)",
        "samples independent",
        "One image's maximum is used for all. Take each map's own: dim=(1, 2).",
    ),
    WrongAnswer(
        "ties as hits",
        SCORE,
        "(at_top & masks).any(2).any(1).float()",
        "ties",
        "One of the tied positions on the sign counts as a full hit, so a constant map "
        "scores 1. Divide the hits by the ties.",
    ),
    WrongAnswer(
        "ties as misses",
        SCORE,
        "(~at_top | masks).all(2).all(1).float()",
        "ties",
        "Tied positions count only when all lie on the sign, so a constant map scores "
        "0. Divide the hits by the ties.",
    ),
    WrongAnswer(
        "first of the ties",
        SCORE,
        "masks.flatten(1).gather(1, at_top.flatten(1).float().argmax(1)[:, None])"
        "[:, 0].float()",
        "ties",
        "argmax takes the first of the tied positions, the upper left one: a constant "
        "map always points at a corner. Let the ties share.",
    ),
    WrongAnswer(
        "divided by the mask",
        "/ at_top.sum((1, 2))",
        "/ masks.sum((1, 2))",
        "planted maps",
        "The hits are divided by the size of the sign. Divide by the number of "
        "positions at the top.",
    ),
    WrongAnswer(
        "exactly equal",
        TOP,
        "at_top = maps == largest",
        "rounding",
        "== looks at the seventh digit, where enlarging rounds: a constant map then "
        "points somewhere. Allow rounding(maps).",
    ),
    WrongAnswer(
        "tolerance too wide",
        TOP,
        "at_top = maps >= largest - 1e-3",
        "rounding",
        "Values one part in 10,000 apart count as equal. Use rounding(maps).",
    ),
    WrongAnswer(
        "box for mask",
        "at_top & masks)",
        "at_top & masks.any(1, keepdim=True) & masks.any(2, keepdim=True))",
        "values",
        "The box around the sign is used. Its corners are street: use the mask.",
    ),
    WrongAnswer(
        "upper tenth",
        TOP,
        "at_top = maps >= 0.9 * largest",
        "rounding",
        "Everything above 90 % of the largest counts as the top. Only ties do.",
    ),
    WrongAnswer(
        "scaled in place",
        LARGEST,
        f"maps /= maps.amax(dim=(1, 2), keepdim=True)\n    {LARGEST}",
        "input not modified",
        "The caller's maps are scaled by /=. No scale is needed here.",
    ),
)
