"""Exercises of notebook 04, BAM: two branches, their map, and what the map does."""

from course_lib.attention.bam import (
    bam_channel_branch,
    bam_map,
    bam_refine,
    bam_spatial_branch,
)
from course_lib.exercises import notebook04_wrong_channel as wrong_channel
from course_lib.exercises import notebook04_wrong_map as wrong_map
from course_lib.exercises import notebook04_wrong_refine as wrong_refine
from course_lib.exercises import notebook04_wrong_spatial as wrong_spatial
from course_lib.exercises.bounds import zero_to_one
from course_lib.exercises.exercise import Exercise
from course_lib.exercises.gradients import gradients
from course_lib.exercises.notebook04_trials import (
    channel_trials,
    map_trials,
    misspelt_combine,
    reach,
    refine_trials,
    roomy_trials,
    spatial_trials,
    x_to_twice_x,
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
from course_lib.exercises.structure import channel_order, positions_equal

CHANNEL = Exercise(
    name="bam_channel_branch",
    title="the channel branch",
    notebook="04",
    solution=bam_channel_branch,
    why=(
        "It is SE without its sigmoid: the branch hands on logits, so that the other "
        "branch can still add to them. The norms are arguments, since paper and code "
        "put them in different places."
    ),
    hints=(
        "How far does se_gate of notebook 02 go before its sigmoid?",
        "(N, C, H, W) -> (N, C) -> (N, C//r) -> (N, C) -> (N, C, 1, 1).",
        "squeeze(x), F.linear(s, w, b), norm_hidden(...), F.relu, norm_end(...), "
        "logits[:, :, None, None].",
        "s = ____(x)\n"
        "z = F.relu(____(F.linear(s, w1, b1)))\n"
        "logits = ____(F.linear(z, w2, b2))\n"
        "return logits[:, :, None, None]",
    ),
    properties=(
        runs(channel_trials),
        shape(channel_trials),
        dtype_and_device(channel_trials),
        samples_independent(channel_trials, ("x",)),
        channel_order(channel_trials, {"x": 1, "w1": 1, "w2": 0, "b2": 0}),
        positions_equal(channel_trials),
        values(channel_trials),
        gradients(channel_trials),
        input_untouched(channel_trials),
    ),
    wrong_answers=wrong_channel.CHANNEL,
)

SPATIAL = Exercise(
    name="bam_spatial_branch",
    title="the spatial branch",
    notebook="04",
    solution=bam_spatial_branch,
    why=(
        "The 1x1 convolutions only change the number of channels; the two dilated 3x3 "
        "are all that looks around. Padding equal to the dilation keeps the map's "
        "size, so the result can be merged with any channel."
    ),
    hints=(
        "Which padding keeps the size of the map when the taps lie d apart?",
        "(N, C, H, W) -> (N, C//r, H, W), three times -> (N, 1, H, W).",
        "F.conv2d(h, weight, bias, padding=..., dilation=...), norms[i] of h, F.relu, "
        "norm_end(...).",
        "h = F.relu(norms[0](F.conv2d(x, weights[0], biases[0])))\n"
        "for i in (1, 2):\n"
        "    h = F.conv2d(h, weights[i], biases[i], padding=____, dilation=____)\n"
        "    h = F.relu(norms[i](h))\n"
        "return ____(F.conv2d(h, weights[3], biases[3]))",
    ),
    properties=(
        runs(roomy_trials),
        shape(roomy_trials),
        dtype_and_device(spatial_trials),
        samples_independent(spatial_trials, ("x",)),
        reach(roomy_trials, dilations=(2, 4)),
        values(spatial_trials),
        gradients(spatial_trials),
        input_untouched(spatial_trials),
    ),
    wrong_answers=wrong_spatial.SPATIAL,
)

MAP = Exercise(
    name="bam_map",
    title="one map from two branches",
    notebook="04",
    solution=bam_map,
    why=(
        "Broadcasting spreads one number a channel and one number a position over "
        "C x H x W. With the sum either branch can raise a value alone; with the "
        "product a branch near 0 silences the other."
    ),
    hints=(
        "What does torch make of (N, C, 1, 1) + (N, 1, H, W)?",
        "(N, C, 1, 1) and (N, 1, H, W) -> (N, C, H, W).",
        'check_choice("combine", combine, COMBINE) refuses misspelt names; +, *, '
        "torch.sigmoid.",
        'check_choice("combine", combine, COMBINE)\n'
        'logits = channel ____ spatial if combine == "sum" else channel ____ spatial\n'
        "return ____(logits)",
    ),
    properties=(
        runs(map_trials),
        shape(map_trials),
        dtype_and_device(map_trials),
        in_range(
            map_trials,
            "every value lies between 0 and 1",
            zero_to_one,
            "Let torch.sigmoid be the last function, and the only one.",
        ),
        samples_independent(map_trials, ("channel", "spatial")),
        channel_order(map_trials, {"channel": 1}),
        values(map_trials),
        gradients(map_trials),
        misspelt_combine(),
    ),
    wrong_answers=wrong_map.MAP,
)

REFINE = Exercise(
    name="bam_refine",
    title="between once and twice",
    notebook="04",
    solution=bam_refine,
    why=(
        "The map is added as a share, so a map of 0 leaves x as it was. The factor "
        "lies between 1 and 2: BAM amplifies and never silences."
    ),
    hints=(
        "What should become of x where the map is 0, and where it is 1?",
        "x (N, C, H, W) and m, equal in shape or (N, 1, H, W) -> (N, C, H, W).",
        "Broadcasting with * and +.",
        "return x * (____ + m)",
    ),
    properties=(
        runs(refine_trials),
        shape(refine_trials),
        dtype_and_device(refine_trials),
        in_range(
            refine_trials,
            "every value is x times something between 1 and 2",
            x_to_twice_x,
            "Keep x once, and add its share m.",
        ),
        samples_independent(refine_trials, ("x", "m")),
        values(refine_trials),
        gradients(refine_trials),
        input_untouched(refine_trials),
    ),
    wrong_answers=wrong_refine.REFINE,
)

EXERCISES = (CHANNEL, SPATIAL, MAP, REFINE)
