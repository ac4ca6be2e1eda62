"""Exercises of notebook 09, looking: enlarge a map, score it, gates by class."""

from course_lib.exercises import notebook09_wrong_enlarge as wrong_enlarge
from course_lib.exercises import notebook09_wrong_gates as wrong_gates
from course_lib.exercises import notebook09_wrong_maps as wrong_maps
from course_lib.exercises import notebook09_wrong_scores as wrong_scores
from course_lib.exercises.bounds import zero_to_one
from course_lib.exercises.exercise import Exercise
from course_lib.exercises.notebook09_enlarge_trials import (
    cell_centres,
    enlarge_trials,
    lowest_to_highest,
)
from course_lib.exercises.notebook09_gate_trials import (
    planted_gate_trials,
    renamed,
    share_trials,
    still_trials,
)
from course_lib.exercises.notebook09_trials import (
    agrees,
    energy,
    images_alone,
    level_trials,
    map_trials,
    near_trials,
    no_nan,
    peak_trials,
    planted_trials,
    pointing,
    scaled,
    tied_trials,
    unchanged,
)
from course_lib.exercises.properties import (
    dtype_and_device,
    in_range,
    input_untouched,
    runs,
    samples_independent,
    shape,
    values,
)
from course_lib.gates import class_share
from course_lib.looking import energy_inside, enlarge, pointing_game

ENLARGE = Exercise(
    name="enlarge",
    title="a map as large as the image",
    notebook="09",
    solution=enlarge,
    why=(
        "A small map says something about cells, the mask about pixels, so one of them "
        "has to change its size. Bilinear enlarging keeps every cell's value in the "
        "middle of its cell."
    ),
    hints=(
        "F.interpolate wants a channel axis. Where does a map (N, h, w) have one?",
        "(N, h, w) -> (N, 1, h, w) -> (N, 1, height, width) -> (N, height, width).",
        'maps[:, None], F.interpolate(x, size=..., mode="bilinear"), [:, 0].',
        "size = (height, width)\n"
        'return F.interpolate(maps[:, ____], size=size, mode="____")[:, ____]',
    ),
    properties=(
        runs(enlarge_trials),
        shape(enlarge_trials),
        dtype_and_device(enlarge_trials),
        in_range(
            enlarge_trials,
            "no value lies outside those of the maps",
            lowest_to_highest,
            "Bilinear stays between neighbours; bicubic overshoots.",
        ),
        samples_independent(enlarge_trials, ("maps",)),
        cell_centres(),
        values(enlarge_trials),
        input_untouched(enlarge_trials),
    ),
    wrong_answers=wrong_enlarge.ENLARGE,
)

POINTING = Exercise(
    name="pointing_game",
    title="the pointing game, with ties",
    notebook="09",
    solution=pointing_game,
    why=(
        "When several positions share the largest value, the map does not say which "
        "it means: each gets an equal part of the point. So a map that says nothing "
        "scores chance, however its ties happen to be ordered."
    ),
    hints=(
        "A map is the same everywhere. What would a random pick score?",
        "largest (N, 1, 1), at_top (N, H, W) bool, the score (N,).",
        "maps.amax(dim=(1, 2), keepdim=True), >=, rounding(maps), &, .sum((1, 2)).",
        "check_maps(maps, masks)\n"
        "largest = maps.amax(dim=____, keepdim=True)\n"
        "at_top = maps >= largest - rounding(maps)\n"
        "return (at_top & ____).sum((1, 2)) / ____.sum((1, 2))",
    ),
    properties=(
        runs(pointing(map_trials)),
        shape(pointing(map_trials)),
        no_nan(
            pointing(map_trials),
            "No position reached `largest`, so 0 / 0. Take the maximum of each map "
            "(dim=(1, 2), keepdim=True) and subtract rounding.",
        ),
        in_range(
            pointing(map_trials),
            "every score lies between 0 and 1",
            zero_to_one,
            "Divide by the number of positions that share the largest value.",
        ),
        agrees(
            "planted maps",
            "the mask itself scores 1, its opposite 0",
            "Count the largest positions that lie on the sign of the same image.",
            pointing(peak_trials),
        ),
        images_alone(pointing(map_trials)),
        agrees(
            "ties",
            "positions that share the largest value share the point",
            "Divide by the number of positions at the top, at_top.sum((1, 2)).",
            pointing(tied_trials),
        ),
        agrees(
            "rounding",
            "values tie up to rounding: a constant map scores chance, also enlarged",
            "Count values as equal when they differ by less than rounding(maps).",
            pointing(near_trials),
        ),
        values(pointing(map_trials)),
        input_untouched(pointing(map_trials)),
    ),
    wrong_answers=wrong_maps.POINTING,
)

ENERGY = Exercise(
    name="energy_inside",
    title="how much of the map lies on the sign",
    notebook="09",
    solution=energy_inside,
    why=(
        "Without the shift, a gate between 0.5 and 0.6 would score nearly as a "
        "constant one. A constant map has nothing left after the shift, so it gets the "
        "score of a random position."
    ),
    hints=(
        "Two gates, 0 to 1 and 0.5 to 0.6, draw the same picture. Which step makes "
        "their scores equal?",
        "energy (N, H, W), varies (N, 1, 1) bool, the score (N,).",
        "maps.amin(dim=(1, 2), keepdim=True), energy.amax, rounding(maps), "
        "torch.where(varies, energy, 1.0).",
        "check_maps(maps, masks)\n"
        "energy = maps - maps.____(dim=(1, 2), keepdim=True)\n"
        "varies = energy.amax(dim=(1, 2), keepdim=True) > rounding(maps)\n"
        "energy = torch.where(varies, energy, ____)\n"
        "return (energy * ____).sum((1, 2)) / energy.sum((1, 2))",
    ),
    properties=(
        runs(energy(map_trials)),
        shape(energy(map_trials)),
        in_range(
            energy(map_trials),
            "every score lies between 0 and 1",
            zero_to_one,
            "Divide the sum on the sign by the sum of the whole map.",
        ),
        agrees(
            "planted maps",
            "the mask itself scores 1, its opposite 0",
            "Add up the values on the sign of the same image.",
            energy(planted_trials),
        ),
        images_alone(energy(map_trials)),
        agrees(
            "constant map",
            "a map that is the same everywhere scores the mask's share of the image",
            "Put 1 everywhere where the map does not vary by more than rounding(maps).",
            energy(level_trials),
        ),
        unchanged(
            "scale and shift",
            "3 * maps + 2 scores what maps scores",
            "Take the smallest value of each map off, and use no softmax.",
            energy(map_trials),
            scaled,
            "times 3, plus 2",
        ),
        values(energy(map_trials)),
        input_untouched(energy(map_trials)),
    ),
    wrong_answers=wrong_scores.ENERGY,
)

SHARE = Exercise(
    name="class_share",
    title="how much of a gate depends on the class",
    notebook="09",
    solution=class_share,
    why=(
        "The spread of class means alone grows with the spread of the gates. Divided "
        "by the whole variance it is a share, and layers can be compared."
    ),
    hints=(
        "If every image of a class had its class's mean gate, how much would the gates "
        "still vary?",
        "mean (C,), own (images of class k, C), between (C,), total (C,).",
        "labels.unique(), gates[labels == k], .mean(dim=0), .sum(dim=0), "
        ".clamp(min=still).",
        "check_gates(gates, labels)\n"
        "mean = gates.mean(dim=____)\n"
        "between = torch.zeros_like(mean)\n"
        "for k in labels.unique():\n"
        "    own = gates[____]\n"
        "    between = between + len(own) * (____ - mean) ** 2\n"
        "total = ((gates - mean) ** 2).sum(dim=0)\n"
        "still = len(gates) * SMALLEST**2\n"
        "return ____ / total.clamp(min=still)",
    ),
    properties=(
        runs(share_trials),
        shape(share_trials),
        in_range(
            share_trials,
            "every share lies between 0 and 1",
            zero_to_one,
            "Divide the sum of squares between the classes by the whole one.",
        ),
        agrees(
            "planted gates",
            "a gate that follows the class scores 1, equal class means score 0",
            "Weight each class by its images, in the sum of squares and in the whole.",
            planted_gate_trials,
        ),
        unchanged(
            "class names",
            "classes called 2, 5, 8 score as classes 0, 1, 2",
            "Go through labels.unique().",
            share_trials,
            renamed,
            "now called 2, 5, 8, ...",
        ),
        values(share_trials),
        agrees(
            "still gates",
            "a gate that never moves scores 0",
            "Do not divide by less than rounding leaves: total.clamp(min=still).",
            still_trials,
        ),
        input_untouched(share_trials),
    ),
    wrong_answers=wrong_gates.SHARE,
)

EXERCISES = (ENLARGE, POINTING, ENERGY, SHARE)
