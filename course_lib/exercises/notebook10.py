"""Exercises of notebook 10, what it costs: FLOPs, bytes, an honest timer."""

from course_lib.bench.plans import plan_bytes
from course_lib.bench.timing import seconds_of, time_ratio
from course_lib.cost import layer_flops
from course_lib.exercises import notebook10_counts as counts
from course_lib.exercises import notebook10_ratio as ratio
from course_lib.exercises import notebook10_seconds as seconds
from course_lib.exercises.exercise import Exercise
from course_lib.exercises.notebook10_wrong_bytes import PLAN_BYTES
from course_lib.exercises.notebook10_wrong_flops import LAYER_FLOPS
from course_lib.exercises.notebook10_wrong_ratio import TIME_RATIO
from course_lib.exercises.notebook10_wrong_seconds import SECONDS_OF

FLOPS = Exercise(
    name="layer_flops",
    title="the arithmetic of a layer",
    notebook="10",
    solution=layer_flops,
    why=(
        "Each number of the output is made from one filter's weights, a product and an "
        "addition for each. The output's size holds batch, stride and padding already."
    ),
    hints=(
        "How many products go into one number of the output, and how many such numbers "
        "are there?",
        "convolution: in_channels / groups x kernel height x kernel width products; "
        "linear layer: in_features; y.numel() numbers.",
        "isinstance, layer.groups, math.prod(layer.kernel_size), layer.in_features, "
        "y.numel(), //.",
        "if isinstance(layer, nn.Conv2d):\n"
        "    inputs = layer.in_channels // ____ * math.prod(____)\n"
        "elif isinstance(layer, nn.Linear):\n"
        "    inputs = ____\n"
        "else:\n"
        "    return ____\n"
        "return ____ * inputs * ____",
    ),
    properties=(
        counts.flops_run(),
        counts.flops(
            "by hand",
            "a sum of 3 products counts 6 operations",
            "Write the three products and three additions down.",
            counts.BY_HAND,
        ),
        counts.flops(
            "one image",
            "every channel of the output has a filter over all input channels",
            "Multiply: weights of one filter, numbers of the output, two.",
            counts.ONE_IMAGE,
        ),
        counts.flops(
            "batch",
            "N images, or rows, cost N times as much as one",
            "Does your count look at y.shape[0], and once only?",
            counts.BATCH,
        ),
        counts.flops(
            "stride",
            "the filter is applied once for each position of the output",
            "Take sizes from y, not from x.",
            counts.STRIDE,
        ),
        counts.flops(
            "kernel",
            "a 1 x 7 kernel has 7 weights for a channel",
            "Print layer.kernel_size.",
            counts.KERNEL,
        ),
        counts.flops(
            "dilation",
            "a dilated kernel has as many weights as one without holes",
            "Leave layer.dilation alone.",
            counts.DILATED,
        ),
        counts.flops(
            "groups",
            "a filter reads the channels of its own group",
            "Print layer.weight.shape for groups=3.",
            counts.GROUPS,
        ),
        counts.flops(
            "linear",
            "a linear layer works on the last axis, for all the others",
            "Print y.shape for x of shape (2, 7, 6).",
            counts.LINEAR,
        ),
        counts.flops(
            "bias",
            "a bias changes nothing",
            "Leave layer.bias alone.",
            counts.BIAS,
        ),
        counts.flops(
            "other layers",
            "BatchNorm, ReLU and pooling count 0",
            "Return 0 for every layer that is neither of the two.",
            counts.OTHERS,
        ),
    ),
    wrong_answers=LAYER_FLOPS,
)

BYTES = Exercise(
    name="plan_bytes",
    title="the traffic of a plan",
    notebook="10",
    solution=plan_bytes,
    why=(
        "Memory sees only what crosses the border of a pass. Fusing two passes takes "
        "away the write and the read between them, and not a single operation."
    ),
    hints=(
        "Stand between the memory and one pass: what goes in, what comes out?",
        "names made in the pass; names it reads and does not make; names needed later "
        "or kept: three sets.",
        "enumerate(passes), set comprehensions, passes[place + 1 :], -, &, |, "
        "numbers[name].",
        "total = 0\n"
        "for place, operations in enumerate(passes):\n"
        "    made = {name for _, name in operations}\n"
        "    read = {name for inputs, _ in operations for name in inputs} - ____\n"
        "    after = [inputs for later in passes[____ :] for inputs, _ in later]\n"
        "    needed = {name for inputs in after for name in inputs} | ____\n"
        "    for name in [*read, *(made & ____)]:\n"
        "        total += ____\n"
        "return ____ * total",
    ),
    properties=(
        counts.plans_run(),
        counts.plans(
            "one operation",
            "a ReLU reads a map and writes one, an addition reads two",
            "600 numbers read and 600 written, 4 bytes each: 4,800.",
            counts.ONE,
        ),
        counts.plans(
            "small tensors",
            "a gate or a weight counts with its own size",
            "numbers['s'] is 12 here, numbers['x'] is 600.",
            counts.BROADCAST,
        ),
        counts.plans(
            "chain",
            "between passes a map is written and read again",
            "Three passes over a map: list what each reads and writes.",
            counts.CHAIN,
        ),
        counts.plans(
            "what is kept",
            "what is kept is written once, also if it is read later",
            "`needed` holds what later passes read, and what is kept.",
            counts.KEPT,
        ),
        counts.plans(
            "inside a pass",
            "what is made and used in one pass alone never goes through memory",
            "Take the names made in the pass off its reads.",
            counts.INSIDE,
        ),
        counts.plans(
            "later passes",
            "a name is written if any later pass reads it",
            "Look at all passes after this one.",
            counts.LATER,
        ),
        counts.plans(
            "read once",
            "a pass reads a name once, however many operations use it",
            "Collect the names in a set.",
            counts.TWICE,
        ),
        counts.plans(
            "sizes",
            "half as many bytes a number, half as many bytes in all",
            "Multiply by size at the end.",
            counts.SIZES,
        ),
        counts.leaves_its_arguments(),
    ),
    wrong_answers=PLAN_BYTES,
)

SECONDS = Exercise(
    name="seconds_of",
    title="the stopwatch",
    notebook="10",
    solution=seconds_of,
    why=(
        "A GPU answers before it is done, and the first step does work that no later "
        "one does. So: one step that does not count, a wait, the clock, the steps, a "
        "wait, the clock."
    ),
    hints=(
        "What is the device doing at the moment when you read the clock?",
        "step, clock and wait are functions; the result is one number.",
        "step(), wait(), clock(), for _ in range(steps).",
        "step()\n"
        "____\n"
        "started = clock()\n"
        "for _ in range(____):\n"
        "    step()\n"
        "____\n"
        "return (____ - started) / ____",
    ),
    properties=(
        seconds.seconds_run(),
        seconds.reads_the_clock(),
        seconds.right_seconds(
            "warm-up",
            "the first step, which compiles, is not counted",
            "Run one step before the clock starts.",
            1,
            0.2,
        ),
        seconds.right_seconds(
            "several steps",
            "several steps are timed together and averaged",
            "Three steps of 0.2, 0.4 and 0.6 s take 0.4 s each.",
            3,
            0.4,
        ),
        seconds.one_warm_up(),
        seconds.waits(
            "waits before the start",
            0,
            "the device is idle when the clock starts",
            "Call wait() before the first clock().",
        ),
        seconds.waits(
            "waits at the end",
            -1,
            "the device is idle when the clock stops",
            "Call wait() before the last clock().",
        ),
        seconds.no_wait_between(),
    ),
    wrong_answers=SECONDS_OF,
)

RATIO = Exercise(
    name="time_ratio",
    title="two cases side by side",
    notebook="10",
    solution=time_ratio,
    why=(
        "What slows the machine for a while slows both cases of a round, and cancels "
        "in their ratio. The median forgets single bad rounds, and the quartiles say "
        "how far to trust it."
    ),
    hints=(
        "The machine is busy for a minute. Which number of that minute can you still "
        "trust?",
        "one ratio a round -> ratios (rounds,) -> three numbers.",
        "seconds_of(case, clock, wait), number % 2, np.quantile(ratios, (0.25, 0.5, "
        "0.75)).",
        "ratios = []\n"
        "for number in range(rounds):\n"
        "    seconds = {}\n"
        '    order = ("base", "step") if ____ else ("step", "base")\n'
        "    for name in order:\n"
        '        case = step if name == "step" else base\n'
        "        seconds[name] = seconds_of(____)\n"
        '    ratios.append(seconds["step"] / ____)\n'
        "low, median, high = np.quantile(____, (0.25, 0.5, 0.75))\n"
        "return low, median, high",
    ),
    properties=(
        ratio.ratio_runs(),
        ratio.ratio_clock(),
        ratio.ratio_waits(),
        ratio.known_ratio(
            "three times as long",
            "a step that takes three times as long has the ratio 3",
            "Divide the step's seconds by the base's.",
            ratio.thrice,
        ),
        ratio.known_ratio(
            "cold caches",
            "a case is slow right after the other one, which is not counted",
            "Let seconds_of run its uncounted step for each measurement.",
            ratio.cold,
        ),
        ratio.takes_turns(),
        ratio.steps_in_a_round(),
        ratio.who_goes_first(),
        ratio.slow_rounds(),
        ratio.one_bad_round(),
        ratio.right_quartiles(),
    ),
    wrong_answers=TIME_RATIO,
)

EXERCISES = (FLOPS, BYTES, SECONDS, RATIO)
