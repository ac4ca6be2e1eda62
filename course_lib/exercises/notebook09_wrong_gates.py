"""Known-wrong answers to the exercises of notebook 09: gates by class."""

from course_lib.exercises.exercise import WrongAnswer

BETWEEN = "len(own) * (own.mean(dim=0) - mean) ** 2"
OWN = (
    "own = gates[labels == k]  # (images of class k, C)\n"
    f"        between = between + {BETWEEN}"
)
TOTAL = "total = ((gates - mean) ** 2).sum(dim=0)"
FRACTION = "between / total.clamp(min=still)"

SHARE = (
    WrongAnswer(
        "classes along the wrong axis",
        "gates[labels == k]",
        "gates[:, labels == k]",
        "runs",
        "The labels pick channels. Images are axis 0: gates[labels == k].",
    ),
    WrongAnswer(
        "label taken for a row",
        "gates[labels == k]",
        "gates[k]",
        "planted gates",
        "gates[k] is one image. The images of class k are gates[labels == k].",
    ),
    WrongAnswer(
        "image k for class k",
        OWN,
        "own = gates[k]\n        between = between + len(own) * (own - mean) ** 2",
        "range",
        "gates[k] is image k, not class k. Take the images gates[labels == k].",
    ),
    WrongAnswer(
        "image k, weighted as its class",
        OWN,
        "own = gates[k]\n"
        "        between = between + (labels == k).sum() * (own - mean) ** 2",
        "range",
        "gates[k] is image k, not the mean of class k. Take gates[labels == k].",
    ),
    WrongAnswer(
        "one row for class k",
        "gates[labels == k]",
        "gates[k : k + 1]",
        "planted gates",
        "Only image k is left for class k. Its images are gates[labels == k].",
    ),
    WrongAnswer(
        "averaged over channels",
        "mean = gates.mean(dim=0)",
        "mean = gates.mean(dim=1, keepdim=True)",
        "shape",
        "Axis 1 is the channels. Each gate has its own mean over images: dim=0.",
    ),
    WrongAnswer(
        "one number for the layer",
        FRACTION,
        f"({FRACTION}).mean()",
        "shape",
        "The channels are averaged already. Return one share a channel, (C,).",
    ),
    WrongAnswer(
        "one row a class",
        FRACTION,
        f"({FRACTION}).expand(len(labels.unique()), -1)",
        "shape",
        "There is one row a class. A share belongs to a channel: (C,).",
    ),
    WrongAnswer(
        "between over within",
        FRACTION,
        "between / (total - between).clamp(min=still)",
        "planted gates",
        "This is the ratio of between to within, as in an F test. Divide by the whole.",
    ),
    WrongAnswer(
        "classes not weighted",
        BETWEEN,
        "(own.mean(dim=0) - mean) ** 2",
        "planted gates",
        "Each class counts once, whatever its size. Multiply by len(own).",
    ),
    WrongAnswer(
        "variance between, not a share",
        FRACTION,
        "between / len(gates)",
        "planted gates",
        "This is the variance between classes. Divide by the whole sum of squares, "
        "since layers differ in spread.",
    ),
    WrongAnswer(
        "share within the classes",
        FRACTION,
        f"1 - {FRACTION}",
        "planted gates",
        "This is what varies within the classes. Return the share between them.",
    ),
    WrongAnswer(
        "sample variance below",
        TOTAL,
        "total = len(gates) * gates.var(dim=0)",
        "planted gates",
        "gates.var divides by N - 1, so the share never reaches 1. Add up the squares.",
    ),
    WrongAnswer(
        "mean of all channels",
        "mean = gates.mean(dim=0)",
        "mean = gates.mean().expand(gates.shape[1])",
        "planted gates",
        "All channels share one mean. Each has its own: gates.mean(dim=0).",
    ),
    WrongAnswer(
        "absolute differences",
        BETWEEN,
        "len(own) * (own.mean(dim=0) - mean).abs()",
        "range",
        "The differences are not squared, but the whole is. Square both.",
    ),
    WrongAnswer(
        "classes counted from 0",
        "for k in labels.unique():",
        "for k in range(len(labels.unique())):",
        "class names",
        "The classes are assumed to be 0, 1, 2. A class without images has no mean. "
        "Go through labels.unique().",
    ),
    WrongAnswer(
        "class 0 left out",
        "for k in labels.unique():",
        "for k in range(1, int(labels.max()) + 1):",
        "planted gates",
        "The loop begins at 1. Go through labels.unique().",
    ),
    WrongAnswer(
        "last class left out",
        "for k in labels.unique():",
        "for k in range(int(labels.max())):",
        "planted gates",
        "The last class is left out: range(n) ends before n. Go through "
        "labels.unique().",
    ),
    WrongAnswer(
        "mean of the class means",
        "mean = gates.mean(dim=0)",
        "mean = torch.stack(\n"
        "        [gates[labels == k].mean(dim=0) for k in labels.unique()]\n"
        "    ).mean(dim=0)",
        "values",
        "The mean over all images is meant, in which a large class counts more: "
        "gates.mean(dim=0).",
    ),
    WrongAnswer(
        "no squares at all",
        f"{BETWEEN}\n    {TOTAL}",
        "len(own) * (own.mean(dim=0) - mean).abs()\n"
        "    total = (gates - mean).abs().sum(dim=0)",
        "values",
        "Absolute differences do not split into between and within. Square both.",
    ),
    WrongAnswer(
        "one minus the share within",
        FRACTION,
        "1 - (total - between) / total.clamp(min=still)",
        "still gates",
        "1 - 0 / still is 1: a gate that never moves then follows the class. Take the "
        "share between, not 1 minus the share within.",
    ),
    WrongAnswer(
        "limit too low",
        "total.clamp(min=still)",
        "total.clamp(min=1e-12)",
        "still gates",
        "Rounding leaves as much as this limit, so a still gate gets a share. Clamp at "
        "still = len(gates) * SMALLEST**2.",
    ),
    WrongAnswer(
        "no guard against still gates",
        "total.clamp(min=still)",
        "total",
        "still gates",
        "A gate that never moves leaves 0 / 0, or a ratio of rounding errors. Divide "
        "by total.clamp(min=still).",
    ),
    WrongAnswer(
        "standard deviations",
        FRACTION,
        f"({FRACTION}).sqrt()",
        "values",
        "This is a ratio of standard deviations. Shares add up for variances: no root.",
    ),
    WrongAnswer(
        "medians of the classes",
        "own.mean(dim=0)",
        "own.median(dim=0).values",
        "planted gates",
        "Medians are taken. Only with means does the variance split into two parts.",
    ),
    WrongAnswer(
        "corrected for luck",
        FRACTION,
        "((between - (len(labels.unique()) - 1) * (total - between)\n"
        "        / (len(gates) - len(labels.unique()))) / total.clamp(min=still))"
        ".clamp(min=0)",
        "values",
        "What luck explains is taken off, as in epsilon squared. Here chance is shown "
        "beside the share: return the plain one.",
    ),
    WrongAnswer(
        "centred in place",
        TOTAL,
        "total = gates.sub_(mean).square().sum(dim=0)",
        "input not modified",
        "The caller's gates are changed by sub_ or -=. Write gates - mean.",
    ),
)
