"""Known-wrong answers to the exercises of notebook 04: the map."""

from course_lib.exercises.exercise import WrongAnswer

LOGITS = 'channel + spatial if combine == "sum" else channel * spatial'
SIGMOID = "torch.sigmoid(logits)"

MAP = (
    WrongAnswer(
        "matrix product",
        LOGITS,
        'channel + spatial if combine == "sum" else channel @ spatial',
        "runs",
        "`@` is the matrix product. `channel * spatial` multiplies position by "
        "position and broadcasts.",
    ),
    WrongAnswer(
        "combine compulsory",
        'combine: str = "sum"',
        "combine: str",
        "runs",
        'combine has no default. Keep combine: str = "sum".',
    ),
    WrongAnswer(
        "spatial branch alone",
        LOGITS,
        "spatial",
        "shape",
        "All channels share one map: the spatial branch alone, which is BAM as the "
        "blog describes it, or a mean over the channels. Merge both, keep C.",
    ),
    WrongAnswer(
        "channel branch alone",
        LOGITS,
        "channel",
        "shape",
        "All positions share one number: the channel branch alone, which is nearly SE, "
        "or a mean over the map. Merge both, keep H and W.",
    ),
    WrongAnswer(
        "cast to float32",
        SIGMOID,
        f"{SIGMOID}.float()",
        "dtype and device",
        "The map is forced to float32. Remove .float().",
    ),
    WrongAnswer(
        "no sigmoid",
        SIGMOID,
        "logits",
        "range",
        "These are the merged logits. Put torch.sigmoid around them.",
    ),
    WrongAnswer(
        "tanh in place of the sigmoid",
        SIGMOID,
        "torch.tanh(logits)",
        "range",
        "tanh lies in (-1, 1), so 1 + M could reach 0. Use torch.sigmoid.",
    ),
    WrongAnswer(
        "one plus M",
        SIGMOID,
        f"1 + {SIGMOID}",
        "range",
        "This is the factor, 1 + M. Return M itself; bam_refine adds the 1.",
    ),
    WrongAnswer(
        "a sigmoid on each branch, then the sum",
        f"logits = {LOGITS}\n    return {SIGMOID}",
        "channel, spatial = torch.sigmoid(channel), torch.sigmoid(spatial)\n"
        f"    return {LOGITS}",
        "range",
        "Each branch has its own sigmoid, and their sum reaches 2. Merge the logits, "
        "then one sigmoid.",
    ),
    WrongAnswer(
        "first image's channels for all",
        LOGITS,
        'channel[:1] + spatial if combine == "sum" else channel[:1] * spatial',
        "samples independent",
        "All images use the channel logits of the first. Keep axis 0 whole.",
    ),
    WrongAnswer(
        "first image's map for all",
        LOGITS,
        'channel + spatial[:1] if combine == "sum" else channel * spatial[:1]',
        "samples independent",
        "All images use the spatial logits of the first. Keep axis 0 whole.",
    ),
    WrongAnswer(
        "channels reversed",
        LOGITS,
        'channel.flip(1) + spatial if combine == "sum" else channel.flip(1) * spatial',
        "channels permute",
        "The channel axis is turned round: channel 0 gets the last one's logit.",
    ),
    WrongAnswer(
        "product for the sum",
        LOGITS,
        "channel * spatial",
        "values",
        "The branches are always multiplied. That is the authors' released code; the "
        'paper, and combine="sum", add them.',
    ),
    WrongAnswer(
        "sum for the product",
        LOGITS,
        "channel + spatial",
        "values",
        'The branches are always added. combine="product" multiplies them.',
    ),
    WrongAnswer(
        "maximum of the branches",
        LOGITS,
        'torch.maximum(channel, spatial) if combine == "sum" else channel * spatial',
        "values",
        "The larger branch wins. The paper tried that too (20.28 % error); its own "
        "form is the sum (20.00 %).",
    ),
    WrongAnswer(
        "mean of the branches",
        LOGITS,
        '(channel + spatial) / 2 if combine == "sum" else channel * spatial',
        "values",
        "The sum is divided by 2, which makes every map flatter. Add, nothing more.",
    ),
    WrongAnswer(
        "a sigmoid on each branch, then the product",
        LOGITS,
        'channel.sigmoid() * spatial.sigmoid() if combine == "sum" else channel '
        "* spatial",
        "values",
        "Each branch has its own sigmoid before they meet. Merge the logits first.",
    ),
    WrongAnswer(
        "sigmoid twice",
        SIGMOID,
        f"torch.sigmoid({SIGMOID})",
        "values",
        "A second sigmoid squeezes M into 0.5 to 0.73. One is enough.",
    ),
    WrongAnswer(
        "softmax over the map",
        SIGMOID,
        "logits.flatten(2).softmax(dim=2).reshape(logits.shape)",
        "values",
        "softmax makes the positions share a sum of 1. Use torch.sigmoid.",
    ),
    WrongAnswer(
        "softmax over the channels",
        SIGMOID,
        "logits.softmax(dim=1)",
        "values",
        "softmax makes the channels share a sum of 1, and the spatial branch cancels. "
        "Use torch.sigmoid.",
    ),
    WrongAnswer(
        "channel branch detached",
        SIGMOID,
        'torch.sigmoid(channel.detach() + spatial if combine == "sum" else '
        "channel.detach() * spatial)",
        "gradients",
        "The channel branch is cut off by .detach() or .data and will never learn.",
    ),
    WrongAnswer(
        "a misspelt combine passes",
        'check_choice("combine", combine, COMBINE)\n',
        "\n",
        "misspelt combine",
        "An unknown combine gives a map without a word, and the run would be called "
        'something it is not. Begin with check_choice("combine", combine, COMBINE).',
    ),
)
