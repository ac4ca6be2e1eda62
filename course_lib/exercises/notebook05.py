"""Exercises of notebook 05, CBAM: channel gate, two maps, spatial gate, module."""

from course_lib.attention.cbam import (
    CBAM,
    cbam_channel_gate,
    cbam_spatial_gate,
    channel_maps,
)
from course_lib.exercises import notebook05_wrong_channel as wrong_channel
from course_lib.exercises import notebook05_wrong_maps as wrong_maps
from course_lib.exercises import notebook05_wrong_module as wrong_module
from course_lib.exercises import notebook05_wrong_spatial as wrong_spatial
from course_lib.exercises.bounds import minus_to_plus_x, zero_to_one
from course_lib.exercises.exercise import Exercise
from course_lib.exercises.gradients import gradients
from course_lib.exercises.notebook05_module import (
    arguments_passed_on,
    cbam_build,
    gates_multiply,
    module_trials,
    starts_at_one_half,
)
from course_lib.exercises.notebook05_trials import (
    channel_trials,
    gate_of_zero,
    maps_trials,
    renumber_channels,
    silence_kernel,
    smallest_and_largest_channel,
    spatial_trials,
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
from course_lib.exercises.structure import (
    channel_order,
    gates_apart,
    known_result,
    parameter_count,
)

CHANNEL_GATE = Exercise(
    name="cbam_channel_gate",
    title="one MLP for two poolings",
    notebook="05",
    solution=cbam_channel_gate,
    why=(
        "Average and maximum go through the same two layers, so both must speak the "
        "same language. The sum comes before the sigmoid, so the gate stays in (0, 1)."
    ),
    hints=(
        "Two vectors describe each image. How many MLPs, how many sums, how many "
        "sigmoids?",
        "x (N, C, H, W) -> pool (N, C) -> z (N, C//r) -> (N, C), once for each kind; "
        "the sum (N, C) -> (N, C, 1, 1).",
        "pool(x, kind), F.linear(s, w, b), F.relu, torch.sigmoid, a loop over pools.",
        "logits = 0.0\n"
        "for kind in pools:\n"
        "    z = F.relu(F.linear(pool(x, ____), w1, b1))\n"
        "    logits = ____ + F.linear(z, w2, b2)\n"
        "return ____(logits)[:, :, None, None]",
    ),
    properties=(
        runs(channel_trials),
        shape(channel_trials),
        dtype_and_device(channel_trials),
        in_range(
            channel_trials,
            "every gate lies between 0 and 1",
            zero_to_one,
            "Let torch.sigmoid be the last function, after the sum.",
        ),
        samples_independent(channel_trials, ("x",)),
        channel_order(channel_trials, {"x": 1, "w1": 1, "w2": 0, "b2": 0}),
        gates_apart(channel_trials),
        values(channel_trials),
        gradients(channel_trials),
        input_untouched(channel_trials),
    ),
    wrong_answers=wrong_channel.CHANNEL_GATE,
)

CHANNEL_MAPS = Exercise(
    name="channel_maps",
    title="two maps from all channels",
    notebook="05",
    solution=channel_maps,
    why=(
        "Now the channel axis goes and the positions stay: two numbers for each "
        "position. The order of the two is a convention, and it must fit the weights."
    ),
    hints=(
        "SE averaged over positions. Which axis must go here, and which two stay?",
        "x (N, C, H, W) -> largest (N, 1, H, W) and mean (N, 1, H, W) -> (N, 2, H, W).",
        "x.max(dim, keepdim=True) gives .values and .indices; x.mean; torch.cat.",
        "maps = [x.max(dim=____, keepdim=True).values, x.mean(dim=____, keepdim=True)]"
        '\nif map_order == "mean-max":\n'
        "    maps.reverse()\n"
        "return torch.cat(maps, dim=____)",
    ),
    properties=(
        runs(maps_trials),
        shape(maps_trials),
        dtype_and_device(maps_trials),
        in_range(
            maps_trials,
            "both maps lie between a position's smallest and largest channel",
            smallest_and_largest_channel,
            "Divide the sum by the number of channels: mean.",
        ),
        known_result(
            maps_trials,
            "channels equal",
            "renumbering the channels changes nothing",
            "Take every channel into both maps, all alike.",
            renumber_channels,
            unchanged,
            ("channels renumbered", "the same maps as before"),
        ),
        values(maps_trials),
        gradients(maps_trials),
        input_untouched(maps_trials),
    ),
    wrong_answers=wrong_maps.CHANNEL_MAPS,
)

SPATIAL_GATE = Exercise(
    name="cbam_spatial_gate",
    title="the 7x7 gate",
    notebook="05",
    solution=cbam_spatial_gate,
    why=(
        "One kernel slides over the two maps, so a position's gate depends on its "
        "surroundings. The map has one channel and scales all C alike by broadcasting."
    ),
    hints=(
        "Two maps come in, one gate goes out, of the same H x W. Which padding keeps "
        "the size for any odd k?",
        "channel_maps (N, 2, H, W) -> conv2d with (1, 2, k, k) -> (N, 1, H, W) -> "
        "norm, where given -> sigmoid.",
        "channel_maps(x, map_order), F.conv2d(maps, weight, padding=...), "
        "torch.sigmoid.",
        "maps = ____(x, map_order)\n"
        "logits = F.conv2d(maps, weight, padding=weight.shape[-1] // ____)\n"
        "if norm is not None:\n"
        "    logits = ____(logits)\n"
        "return ____(logits)",
    ),
    properties=(
        runs(spatial_trials),
        shape(spatial_trials),
        dtype_and_device(spatial_trials),
        in_range(
            spatial_trials,
            "every gate lies between 0 and 1",
            zero_to_one,
            "Let torch.sigmoid be the last function, after norm.",
        ),
        samples_independent(spatial_trials, ("x",)),
        known_result(
            spatial_trials,
            "positions apart",
            "each position has its own gate; positions do not compete",
            "Treat every logit alone: no softmax over the map, no division by a sum.",
            silence_kernel,
            gate_of_zero,
            ("kernel of zeros", "the same gate everywhere, sigmoid of norm(0)"),
        ),
        values(spatial_trials),
        gradients(spatial_trials),
        input_untouched(spatial_trials),
    ),
    wrong_answers=wrong_spatial.SPATIAL_GATE,
)

MODULE = Exercise(
    name="CBAM",
    title="the module, in three orders",
    notebook="05",
    solution=CBAM,
    why=(
        "Both gates multiply, and the second one reads what the first has left. So the "
        "order is part of the module; only `parallel` lets both read x."
    ),
    hints=(
        "In the paper's order, what does the spatial gate read: x, or x after the "
        "channel gate?",
        "channel.gate (N, C, 1, 1), spatial.gate (N, 1, H, W); their product and the "
        "output (N, C, H, W).",
        "CBAMChannel and CBAMSpatial are modules with gate(x); calling one returns "
        "x * gate(x).",
        "self.channel = CBAMChannel(channels, ____, mlp_bias, pools)\n"
        "self.spatial = CBAMSpatial(____, map_order, norm, bn_momentum, bn_scale)\n"
        "# gate, channel first: c = self.channel.gate(x)\n"
        "#   return c * self.spatial.gate(____)\n"
        "# forward, channel first: return self.____(self.____(x))",
    ),
    properties=(
        runs(module_trials),
        parameter_count(  # second: the formula below needs both gates
            [
                cbam_build("CBAM(32)", 2 * 32 * 2 + 2 + 32 + 100, 32),
                cbam_build(
                    "CBAM(11, 4, kernel_size=3)",
                    2 * 11 * 2 + 2 + 11 + 20,
                    11,
                    4,
                    kernel_size=3,
                ),
                cbam_build(
                    "CBAM(10, 3, mlp_bias=False, norm=False)",
                    2 * 10 * 3 + 98,
                    10,
                    3,
                    mlp_bias=False,
                    norm=False,
                ),
            ]
        ),
        shape(module_trials),
        dtype_and_device(module_trials),
        in_range(
            module_trials,
            "no value grows: both gates lie between 0 and 1",
            minus_to_plus_x,
            "Multiply x by both gates, and add nothing.",
        ),
        samples_independent(module_trials, ("x",)),
        gates_multiply(),
        values(module_trials),
        gradients(module_trials),
        starts_at_one_half(),
        arguments_passed_on(),
        input_untouched(module_trials),
    ),
    wrong_answers=wrong_module.MODULE,
)

EXERCISES = (CHANNEL_GATE, CHANNEL_MAPS, SPATIAL_GATE, MODULE)
