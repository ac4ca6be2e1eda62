"""Known-wrong answers to the exercises of notebook 08: Holm's correction."""

from course_lib.exercises.exercise import WrongAnswer

LOOP = "for rank, place in enumerate(np.argsort(p_values)):  # from the smallest"
HIGHEST = "highest = max(highest, (m - rank) * p_values[place])"
STEP = "(m - rank) * p_values[place]"
WRITE = "corrected[place] = min(1.0, highest)"

HOLM = (
    WrongAnswer(
        "no running maximum",
        HIGHEST,
        f"highest = {STEP}",
        "never falls",
        "A step fell below the one before it. Carry the highest along: max(highest, "
        "this step).",
    ),
    WrongAnswer(
        "Bonferroni called Holm",
        STEP,
        "m * p_values[place]",
        "values",
        "Every p is multiplied by m: this is Bonferroni. Holm's factor falls with each "
        "step: m - rank.",
    ),
    WrongAnswer(
        "sorted from the start",
        LOOP,
        "for rank, place in enumerate(sorted(p_values)):",
        "runs",
        "sorted() gives p-values, not places. np.argsort gives the places, from the "
        "smallest p on.",
    ),
    WrongAnswer(
        "a list",
        "return corrected",
        "return corrected.tolist()",
        "runs",
        "A list came back. (m,) means a NumPy array: fill np.empty(m), or wrap the "
        "list in np.array.",
    ),
    WrongAnswer(
        "a factor for the one after the last",
        STEP,
        "(m - rank) * p_values[place + 1]",
        "runs",
        "place + 1 lies beyond the end for the last test. argsort already counts from "
        "0.",
    ),
    WrongAnswer(
        "only the smallest",
        "return corrected",
        "return corrected.min()",
        "shape",
        "One number for the whole family? Return one corrected p for each test.",
    ),
    WrongAnswer(
        "not cut at 1",
        "min(1.0, highest)",
        "highest",
        "range",
        "m times a large p passes 1. Cut it: min(1.0, highest).",
    ),
    WrongAnswer(
        "divided",
        STEP,
        "p_values[place] / (m - rank)",
        "range",
        "A corrected p grows: multiply by m - rank. (Dividing fits the threshold 0.05, "
        "not p.)",
    ),
    WrongAnswer(
        "factor begins at m - 1",
        STEP,
        "(m - rank - 1) * p_values[place]",
        "range",
        "The factor is one too small, and 0 for the last. rank begins at 0: m - rank.",
    ),
    WrongAnswer(
        "returned in sorted order",
        "corrected[place]",
        "corrected[rank]",
        "range",
        "The results stand in sorted order, so each belongs to another test. Write to "
        "corrected[place].",
    ),
    WrongAnswer(
        "places taken for ranks",
        LOOP,
        "for place, rank in enumerate(np.argsort(p_values)):",
        "order kept",
        "np.argsort gives the place of each rank, not the rank of each place: for "
        "rank, place in enumerate.",
    ),
    WrongAnswer(
        "not sorted at all",
        LOOP,
        "for rank, place in enumerate(range(m)):",
        "order kept",
        "The steps follow the order given. Begin with the smallest p: np.argsort.",
    ),
    WrongAnswer(
        "from the largest",
        "np.argsort(p_values)",
        "np.argsort(-p_values)",
        "false alarms",
        "The steps begin with the largest p. The smallest counts m times, so it comes "
        "first.",
    ),
    WrongAnswer(
        "running minimum",
        f"highest = 0.0\n    {LOOP}\n        {HIGHEST}",
        f"highest = 1.0\n    {LOOP}\n        highest = min(highest, {STEP})",
        "range",
        "The lowest step is carried along. Carry the highest: max, beginning at 0.",
    ),
    WrongAnswer(
        "uncorrected",
        STEP,
        "p_values[place]",
        "false alarms",
        "Nothing is multiplied: six tests give luck six chances. Multiply by m - rank.",
    ),
    WrongAnswer(
        "rank as the factor",
        STEP,
        "(rank + 1) * p_values[place]",
        "false alarms",
        "The smallest p is multiplied by 1, the largest by m: the wrong way round. "
        "Multiply by m - rank.",
    ),
    WrongAnswer(
        "Benjamini-Hochberg",
        STEP,
        "m / (rank + 1) * p_values[place]",
        "values",
        "m / rank is Benjamini-Hochberg's factor, for the share of false claims. "
        "Holm's is m - rank, for a single one.",
    ),
    WrongAnswer(
        "Sidak's step",
        STEP,
        "(1 - (1 - p_values[place]) ** (m - rank))",
        "values",
        "This is the Holm-Sidak form, which needs independent tests. Ours share the "
        "plain runs: (m - rank) * p.",
    ),
    WrongAnswer(
        "last factor is 2",
        STEP,
        "(m - rank + 1) * p_values[place]",
        "values",
        "The factor is one too large. rank begins at 0, so m - rank runs from m to 1.",
    ),
    WrongAnswer(
        "sorted in place",
        f"highest = 0.0\n    {LOOP}",
        "highest = 0.0\n"
        "    order = np.argsort(p_values)\n"
        "    given = p_values.copy()\n"
        "    p_values.sort()\n"
        "    p_values = given\n"
        "    for rank, place in enumerate(order):",
        "input not modified",
        ".sort() sorts the caller's own array. np.argsort leaves it alone.",
    ),
)
