"""Known-wrong answers to the exercises of notebook 03: what SE costs."""

from course_lib.exercises.exercise import WrongAnswer

CHANNELS = "c = channels_at(inputs, channels)[place]"
TERM = "total += 2 * c * (c // reduction)"
NEXT = "inputs = EXPANSION * channels"

WEIGHTS_PER_STAGE = (
    WrongAnswer(
        "all stages in one number",
        "return counts",
        "return sum(counts)",
        "runs",
        "This is the sum over all stages. Return the list, one number a stage.",
    ),
    WrongAnswer(
        "no place chosen",
        CHANNELS,
        "c = channels_at(inputs, channels)",
        "runs",
        "channels_at returns a dictionary of all places. Look yours up: [place].",
    ),
    WrongAnswer(
        "one number a block",
        f"{NEXT}\n        counts.append(total)",
        f"{NEXT}\n            counts.append(total)",
        "one number a stage",
        "append stands inside the loop over blocks. Append once a stage.",
    ),
    WrongAnswer(
        "divided with /",
        TERM,
        "total += 2 * c * (c / reduction)",
        "one number a stage",
        "/ makes fractions of units. The hidden layer has c // reduction units.",
    ),
    WrongAnswer(
        "blocks written out",
        "enumerate(blocks)",
        "enumerate((3, 4, 6, 3))",
        "one number a stage",
        "The argument blocks is not used.",
    ),
    WrongAnswer(
        "one layer counted",
        TERM,
        "total += c * (c // reduction)",
        "one block",
        "A gate has two layers: 2 c (c // reduction) weights.",
    ),
    WrongAnswer(
        "channels of the 3x3",
        CHANNELS,
        "c = channels",
        "one block",
        "These are the channels of the 3x3 convolution. At 'branch' there are four "
        "times as many; thread 10190 of mmdetection has this bug.",
    ),
    WrongAnswer(
        "width never doubled",
        "width * 2**stage",
        "width",
        "one block",
        "All stages have the width of the first. Each stage doubles it: 2**stage.",
    ),
    WrongAnswer(
        "stages counted from 1",
        "width * 2**stage",
        "width * 2**(stage + 1)",
        "one block",
        "The first stage is doubled already. enumerate counts from 0.",
    ),
    WrongAnswer(
        "width added instead of doubled",
        "width * 2**stage",
        "width * (stage + 1)",
        "one block",
        "Stage 3 has four times the width of stage 1, not three times: 2**stage.",
    ),
    WrongAnswer(
        "full layer instead of C / r",
        TERM,
        "total += 2 * c * c",
        "one block",
        "The reduction is not used. The hidden layer has c // reduction units.",
    ),
    WrongAnswer(
        "biases counted",
        TERM,
        "total += 2 * c * (c // reduction) + c // reduction + c",
        "one block",
        "Biases are counted too. The docstring asks for weights alone.",
    ),
    WrongAnswer(
        "one gate a stage",
        "range(number)",
        "range(1)",
        "all blocks",
        "One gate a stage is counted. Each of its blocks has one.",
    ),
    WrongAnswer(
        "three gates a stage",
        "range(number)",
        "range(3)",
        "one block",
        "Each stage gets three gates. ResNet50 has 3, 4, 6 and 3 blocks.",
    ),
    WrongAnswer(
        "total never reset",
        "total = 0\n        for",
        "total = counts[-1] if counts else 0\n        for",
        "one block",
        "Each stage begins with the total of the one before. Set total = 0.",
    ),
    WrongAnswer(
        "reduction written out",
        TERM,
        "total += 2 * c * (c // 16)",
        "arguments",
        "The argument reduction is not used: c // reduction.",
    ),
    WrongAnswer(
        "width written out",
        "width * 2**stage",
        "64 * 2**stage",
        "arguments",
        "The argument width is not used.",
    ),
    WrongAnswer(
        "rounded at the end",
        TERM,
        "total += 2 * c * c // reduction",
        "rounding",
        "2 * c * c // reduction rounds too late. Round the hidden units: "
        "c // reduction.",
    ),
    WrongAnswer(
        "rounded to a multiple of 8",
        TERM,
        "total += 2 * c * max(8, (c // reduction + 4) // 8 * 8)",
        "rounding",
        "The hidden units are rounded to a multiple of 8, as timm does. The paper has "
        "c // reduction.",
    ),
    WrongAnswer(
        "place ignored",
        CHANNELS,
        'c = channels_at(inputs, channels)["branch"]',
        "places",
        "Every place gets the count of 'branch'. Look up [place].",
    ),
    WrongAnswer(
        "pre meets its own output",
        f"{CHANNELS}\n            {TERM}\n            {NEXT}",
        f"{NEXT}\n            {CHANNELS}\n            {TERM}",
        "places",
        "At 'pre' a gate meets what enters the block: the output of the block before. "
        "Update inputs after counting.",
    ),
    WrongAnswer(
        "inputs updated once a stage",
        f"            {NEXT}",
        f"        {NEXT}",
        "places",
        "inputs changes only between stages. The second block of a stage already gets "
        "4 C channels.",
    ),
    WrongAnswer(
        "inputs never updated",
        NEXT,
        "pass",
        "places",
        "inputs must start at width and become EXPANSION * channels after every block.",
    ),
    WrongAnswer(
        "inputs without the factor 4",
        NEXT,
        "inputs = channels",
        "places",
        "A block hands on 4 C channels: inputs = EXPANSION * channels.",
    ),
)
