"""Exercises of notebook 06, 46 parameters: count, gate, silence, mended start."""

from course_lib.attention.dead_gates import silent_parameters
from course_lib.attention.spatial import alive_kernels, small_spatial_gate
from course_lib.cost import stack_parameters
from course_lib.exercises import notebook06_counts as counts
from course_lib.exercises import notebook06_trials as trials
from course_lib.exercises import notebook06_wrong as wrong
from course_lib.exercises import notebook06_wrong_gate as wrong_gate
from course_lib.exercises import notebook06_wrong_kernels as wrong_kernels
from course_lib.exercises import notebook06_wrong_values as wrong_values
from course_lib.exercises.bounds import zero_to_one
from course_lib.exercises.exercise import Exercise
from course_lib.exercises.gradients import gradients
from course_lib.exercises.properties import (
    dtype_and_device,
    in_range,
    input_untouched,
    runs,
    samples_independent,
    shape,
    values,
)
from course_lib.exercises.structure import known_result

COUNT = Exercise(
    name="stack_parameters",
    title="count to 46",
    notebook="06",
    solution=stack_parameters,
    why=(
        "An output channel has one k x k kernel for each input channel, and one bias. "
        "With one channel everywhere, C never enters the count."
    ),
    hints=(
        "How many numbers does one output channel own?",
        "(channels in, channels out, k) -> out * (in * k * k + 1), added up.",
        "sum(... for inputs, outputs, k in layers)",
        "return sum(outputs * (____ + 1) for inputs, outputs, k in layers)",
    ),
    properties=(
        counts.returns_a_number(),
        counts.counts(
            "46",
            "one-channel layers have k * k + 1 parameters each",
            "Write 26, 10 and 10 on paper, then add.",
            counts.ONE_CHANNEL,
        ),
        counts.counts(
            "many channels",
            "channels in and out both count",
            "Each output channel owns a kernel for each input channel, and one bias.",
            counts.MANY_CHANNELS,
        ),
    ),
    wrong_answers=wrong.STACK_PARAMETERS,
)

GATE = Exercise(
    name="small_spatial_gate",
    title="the gate, original and mended",
    notebook="06",
    solution=small_spatial_gate,
    why=(
        "The mean over channels leaves one map, so 46 numbers are enough for any C. "
        "Sizing the upsampling to x keeps odd maps; on even ones both forms are equal."
    ),
    hints=(
        "Which axis disappears first, and which size must come back at the end?",
        "(N, C, H, W) -> (N, 1, H, W) -> (N, 1, H, W) -> (N, 1, H/2, W/2) -> "
        "(N, 1, H, W).",
        "x.mean(dim=..., keepdim=True), F.relu, F.conv2d(m, w1, b1, padding=...), "
        "F.interpolate(b, size=... or scale_factor=..., mode=...), torch.sigmoid.",
        "m = x.mean(dim=____, keepdim=True)\n"
        "a = F.relu(F.conv2d(m, w1, b1, padding=____))\n"
        "b = F.relu(F.conv2d(a, w2, b2, stride=____, padding=____))\n"
        'if upsample == "match":\n'
        '    u = F.interpolate(b, size=____, mode="nearest")\n'
        "else:\n"
        '    u = F.interpolate(b, scale_factor=____, mode="nearest")\n'
        "return ____(F.conv2d(u, w3, b3, padding=____))",
    ),
    properties=(
        runs(trials.gate_trials),
        trials.odd_maps(trials.gate_trials),
        shape(trials.gate_trials),
        dtype_and_device(trials.gate_trials),
        in_range(
            trials.gate_trials,
            "every gate lies between 0 and 1",
            zero_to_one,
            "Let torch.sigmoid be the last function.",
        ),
        samples_independent(trials.gate_trials, ("x",)),
        known_result(
            trials.gate_trials,
            "channels alike",
            "renumbering the channels changes nothing",
            "Average over all channels, dim=1.",
            lambda trial: {"x": trial.inputs["x"].roll(1, dims=1)},
            lambda trial: trial.call(),
            ("channels renumbered", "the same gates"),
        ),
        trials.looks_near(trials.gate_trials),
        values(trials.gate_trials),
        gradients(trials.gate_trials),
        input_untouched(trials.gate_trials),
    ),
    wrong_answers=(*wrong_gate.FORM, *wrong_values.VALUES),
)

SILENT = Exercise(
    name="silent_parameters",
    title="which parameters get no gradient",
    notebook="06",
    solution=silent_parameters,
    why=(
        "A parameter whose gradient is 0 in every entry learns nothing, and five of a "
        "dead gate's six are so. Random factors keep slopes from cancelling in the sum."
    ),
    hints=(
        "Of which single number do you take the gradient, and could that number be a "
        "constant?",
        "y (N, C, H, W) times random numbers -> one sum -> one gradient, or None, for "
        "each parameter.",
        "torch.randn_like(y), module.named_parameters(), torch.autograd.grad(total, "
        "list, allow_unused=True), slope.any().",
        "y = module(x)\n"
        "probe = torch.randn_like(y)\n"
        "named = dict(module.named_parameters())\n"
        "slopes = torch.autograd.grad(____, list(named.values()), allow_unused=True)\n"
        "pairs = zip(named, slopes, strict=True)\n"
        "return [name for name, slope in pairs if slope is None or ____]",
    ),
    properties=(
        counts.takes_modules(),
        counts.names_right(
            "silent ones found",
            "a dead gate and an unused layer are listed, name by name",
            "Print each name with its gradient.",
            counts.CUT,
            counts.UNUSED,
        ),
        counts.names_right(
            "no false alarm",
            "what gets any gradient is not listed",
            "A parameter is silent only when its gradient is 0 in every entry.",
            counts.LIVING,
            counts.OPPOSITES,
            counts.FAINT,
            counts.ZERO,
            counts.DIFFERENCE,
            counts.PART,
        ),
        counts.own_gradients(),
        counts.module_untouched(),
    ),
    wrong_answers=wrong.SILENT_PARAMETERS,
)

ALIVE = Exercise(
    name="alive_kernels",
    title="a start that lives",
    notebook="06",
    solution=alive_kernels,
    why=(
        "A positive sum lets a bright patch through the first ReLU, and non-negative "
        "weights cannot cancel it before the second. Only signs change, so the values "
        "keep their spread."
    ),
    hints=(
        "What does a patch of equal positive values become under each kernel?",
        "w1 (1, 1, 5, 5) times one sign; w2 (1, 1, 3, 3) weight by weight.",
        "w1.sum().sign(), w2.abs()",
        "return w1 * ____, ____",
    ),
    properties=(
        runs(trials.kernel_trials),
        shape(trials.kernel_trials),
        dtype_and_device(trials.kernel_trials),
        trials.law_of_kernels(
            "sizes stay",
            "only signs change: without them, each weight is what it was",
            "Multiply by 1 or -1, or take absolute values.",
            trials.sizes_stay,
        ),
        trials.law_of_kernels(
            "w1 as a whole",
            "w1 is kept or negated as a whole",
            "One sign for all 25 weights.",
            trials.turned_as_a_whole,
        ),
        trials.law_of_kernels(
            "a bright patch passes",
            "the sum of w1 is positive",
            "Look at the sum of w1, and turn w1 when it is negative.",
            trials.bright_patch_passes,
        ),
        trials.law_of_kernels(
            "w2 never cancels",
            "no weight of w2 is negative",
            "Take the absolute value of each weight of w2.",
            trials.second_never_cancels,
        ),
        input_untouched(trials.kernel_trials),
    ),
    wrong_answers=wrong_kernels.ALIVE_KERNELS,
)

EXERCISES = (COUNT, GATE, SILENT, ALIVE)
