"""Known-wrong answers to notebook 10's time_ratio."""

from course_lib.exercises.exercise import WrongAnswer

TURNS = 'order = ("base", "step") if number % 2 else ("step", "base")'
RATIO = 'ratios.append(seconds["step"] / seconds["base"])'
QUARTILES = "np.quantile(ratios, (0.25, 0.5, 0.75))"
MEASURE = "seconds_of(case, clock, wait)"
BEGIN = "ratios = []\n    for number in range(rounds):\n        seconds = {}\n"
BODY = """        order = ("base", "step") if number % 2 else ("step", "base")
        for name in order:
            case = step if name == "step" else base
            seconds[name] = seconds_of(case, clock, wait)
        ratios.append(seconds["step"] / seconds["base"])
    low, median, high = np.quantile(ratios, (0.25, 0.5, 0.75))
    return low, median, high"""
KEEPING = """every = {"step": [], "base": []}
    for number in range(rounds):
        order = ("base", "step") if number % 2 else ("step", "base")
        for name in order:
            case = step if name == "step" else base
            every[name].append(seconds_of(case, clock, wait))
    """


def of_all_times(ending: str, keeping: str = KEEPING) -> tuple[str, str]:
    """The passage to replace, and one that keeps all times and ends otherwise."""
    return BEGIN + BODY, keeping + ending


ONE_AFTER_ANOTHER = """every = {
        name: [seconds_of(case, clock, wait) for _ in range(rounds)]
        for name, case in (("base", base), ("step", step))
    }
    """
PAIRED = """ratios = [s / b for s, b in zip(every["step"], every["base"], strict=True)]
    low, median, high = np.quantile(ratios, (0.25, 0.5, 0.75))
    return low, median, high"""

TIME_RATIO = (
    WrongAnswer(
        "one after another",
        *of_all_times(PAIRED, ONE_AFTER_ANOTHER),
        "takes turns",
        "All rounds of one come before all rounds of the other, so a slow minute hits "
        "one of them. Time both in each round.",
    ),
    WrongAnswer(
        "always the same first",
        TURNS,
        'order = ("base", "step")',
        "who goes first",
        "`base` always goes first. Whatever the second place costs then lands on "
        "`step`. Swap the two from round to round.",
    ),
    WrongAnswer(
        "the other always first",
        TURNS,
        'order = ("step", "base")',
        "who goes first",
        "`step` always goes first. Whatever the second place costs then lands on "
        "`base`. Swap the two from round to round.",
    ),
    WrongAnswer(
        "upside down",
        RATIO,
        'ratios.append(seconds["base"] / seconds["step"])',
        "three times as long",
        "The ratio is upside down: step over base, so that slower is above 1.",
    ),
    WrongAnswer(
        "difference for ratio",
        RATIO,
        'ratios.append(seconds["step"] - seconds["base"])',
        "three times as long",
        "This is a difference in seconds. Divide: a ratio can be compared between "
        "machines.",
    ),
    WrongAnswer(
        "extra for ratio",
        RATIO,
        'ratios.append(seconds["step"] / seconds["base"] - 1)',
        "three times as long",
        "This is the extra share. The docstring asks how many times as long: leave "
        '"- 1" out.',
    ),
    WrongAnswer(
        "base against itself",
        'case = step if name == "step" else base',
        "case = base",
        "three times as long",
        "Both timings are of `base`. Take `step` for the name step.",
    ),
    WrongAnswer(
        "first step counted",
        "seconds[name] = seconds_of(case, clock, wait)",
        "started = clock()\n            case()\n            wait()\n"
        "            seconds[name] = clock() - started",
        "cold caches",
        "What ran before has filled the caches, and the step pays for it. seconds_of "
        "runs one step that is not counted.",
    ),
    WrongAnswer(
        "nobody waits",
        MEASURE,
        "seconds_of(case, clock, lambda: None)",
        "waits for the device",
        "Nobody waits for the device, so the clock sees how long it takes to ask. Pass "
        "`wait` on to seconds_of.",
    ),
    WrongAnswer(
        "ratio of the minima",
        *of_all_times(
            'ratio = min(every["step"]) / min(every["base"])\n'
            "    return ratio, ratio, ratio"
        ),
        "slow rounds",
        "Each minimum may come from another round, and luck is all that is kept. "
        "Divide within each round.",
    ),
    WrongAnswer(
        "ratio of the medians",
        *of_all_times(
            'a, b = (np.quantile(every[n], (0.25, 0.5, 0.75)) for n in ("step", '
            '"base"))\n    low, median, high = a / b\n    return low, median, high'
        ),
        "slow rounds",
        "The two medians may come from different rounds. Divide within each round, "
        "then take the median.",
    ),
    WrongAnswer(
        "ratio of the means",
        *of_all_times(
            'ratio = np.mean(every["step"]) / np.mean(every["base"])\n'
            "    return ratio, ratio, ratio"
        ),
        "slow rounds",
        "A mean of times follows the slowest rounds. Divide within each round, then "
        "take the median.",
    ),
    WrongAnswer(
        "mean of the ratios",
        "return low, median, high",
        "return low, np.mean(ratios), high",
        "one bad round",
        "One bad round moves a mean. Return the median in the middle.",
    ),
    WrongAnswer(
        "from best to worst",
        QUARTILES,
        "np.quantile(ratios, (0, 0.5, 1))",
        "one bad round",
        "The ends are the extremes, which one bad round decides. Use the quartiles "
        "0.25 and 0.75.",
    ),
    WrongAnswer(
        "five to ninety-five",
        QUARTILES,
        "np.quantile(ratios, (0.05, 0.5, 0.95))",
        "one bad round",
        "0.05 and 0.95 are no quartiles; with nine rounds they follow the extremes. "
        "Use 0.25 and 0.75.",
    ),
    WrongAnswer(
        "mean and standard error",
        f"low, median, high = {QUARTILES}",
        "error = np.std(ratios) / len(ratios) ** 0.5\n"
        "    low, median, high = np.median(ratios) + error * np.array([-1, 0, 1])",
        "one bad round",
        "A standard error grows with one bad round and shrinks with their number. "
        "Return the quartiles.",
    ),
    WrongAnswer(
        "sorted, each for itself",
        *of_all_times(
            'pairs = zip(sorted(every["step"]), sorted(every["base"]), strict=True)\n'
            "    ratios = [s / b for s, b in pairs]\n"
            "    low, median, high = np.quantile(ratios, (0.25, 0.5, 0.75))\n"
            "    return low, median, high"
        ),
        "one bad round",
        "Sorting tears the rounds apart. Divide within each round first.",
    ),
    WrongAnswer(
        "one round",
        "range(rounds)",
        "range(1)",
        "takes turns",
        "One round is timed whatever `rounds` says, so there is no spread to see. Loop "
        "over range(rounds).",
    ),
    WrongAnswer(
        "thirds",
        QUARTILES,
        "np.quantile(ratios, (1 / 3, 0.5, 2 / 3))",
        "quartiles",
        "A third and two thirds are no quartiles. Use 0.25 and 0.75.",
    ),
    WrongAnswer(
        "high before low",
        "return low, median, high",
        "return high, median, low",
        "quartiles",
        "The upper quartile comes first here. Return low, median, high.",
    ),
    WrongAnswer(
        "the median alone",
        "return low, median, high",
        "return median",
        "runs",
        "The median alone hides how far the rounds scatter. Return three numbers.",
    ),
    WrongAnswer(
        "another clock",
        MEASURE,
        "seconds_of(case, time.perf_counter, wait)",
        "given clock",
        "The clock that was passed in is not read. Pass `clock` on to seconds_of.",
    ),
    WrongAnswer(
        "clock and wait swapped",
        MEASURE,
        "seconds_of(case, wait, clock)",
        "runs",
        "The order is seconds_of(case, clock, wait).",
    ),
    WrongAnswer(
        "case with brackets",
        MEASURE,
        "seconds_of(case(), clock, wait)",
        "runs",
        "step() runs the step and passes its result, None. Pass the function itself.",
    ),
    WrongAnswer(
        "clock with brackets",
        MEASURE,
        "seconds_of(case, clock(), wait)",
        "runs",
        "clock() is one reading. Pass the function itself.",
    ),
    WrongAnswer(
        "rounds as steps",
        MEASURE,
        "seconds_of(case, clock, wait, rounds)",
        "steps in a round",
        "seconds_of's fourth argument is steps a measurement, no rounds. Leave it out.",
    ),
    WrongAnswer(
        "one round fewer",
        "range(rounds)",
        "range(rounds - 1)",
        "takes turns",
        "One round is missing: range(rounds) has `rounds` of them.",
    ),
    WrongAnswer(
        "the halves swapped",
        "if number % 2 else",
        "if number < rounds // 2 else",
        "who goes first",
        "`base` goes first in one half of the rounds and `step` in the other. A slow "
        "half then favours one. Swap the two every round.",
    ),
    WrongAnswer(
        "a coin each round",
        "if number % 2 else",
        "if torch.rand(()) < 0.5 else",
        "who goes first",
        "A coin can favour one of them in few rounds. Swap the two every round.",
    ),
    WrongAnswer(
        "percent for shares",
        QUARTILES,
        "np.quantile(ratios, (25, 50, 75))",
        "runs",
        "np.quantile wants 0.25, not 25.",
    ),
    WrongAnswer(
        "shares for percent",
        QUARTILES,
        "np.percentile(ratios, (0.25, 0.5, 0.75))",
        "slow rounds",
        "np.percentile wants 25, not 0.25.",
    ),
    WrongAnswer(
        "ten to ninety",
        QUARTILES,
        "np.quantile(ratios, (0.1, 0.5, 0.9))",
        "one bad round",
        "These are not the quartiles: use 0.25 and 0.75.",
    ),
    WrongAnswer(
        "median first",
        "return low, median, high",
        "return median, low, high",
        "slow rounds",
        "The median comes first here. Return low, median, high.",
    ),
)
