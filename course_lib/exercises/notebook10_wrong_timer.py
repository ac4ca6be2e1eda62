"""Known-wrong answers to notebook 10's seconds_of and time_ratio."""

from course_lib.exercises.exercise import WrongAnswer

WARM = "step()  # compiles, chooses algorithms, fills the caches\n    wait()\n    "
START = "started = clock()\n    "
LOOP = "for _ in range(steps):\n        step()\n    "
END = "wait()\n    return (clock() - started) / steps"

SECONDS_OF = (
    WrongAnswer(
        "first step counted",
        WARM,
        "wait()\n    ",
        "warm-up",
        "The first step is counted: it compiles, chooses algorithms and fills caches. "
        "Run one step before the clock starts.",
    ),
    WrongAnswer(
        "clock started too early",
        WARM + START,
        START + WARM,
        "warm-up",
        "The clock starts before the warm-up. Read it right before the loop.",
    ),
    WrongAnswer(
        "no synchronise",
        END,
        "return (clock() - started) / steps",
        "waits at the end",
        "The clock is read while the device still works: this is the time to ask, not "
        "to do. Call wait() before the last clock().",
    ),
    WrongAnswer(
        "wait after the clock",
        END,
        "seconds = clock() - started\n    wait()\n    return seconds / steps",
        "waits at the end",
        "wait() comes after the last clock(), too late for it. Swap the two.",
    ),
    WrongAnswer(
        "warm-up still running",
        WARM,
        "step()\n    ",
        "waits before the start",
        "The clock starts while the device still does the warm-up. Call wait() before "
        "the first clock().",
    ),
    WrongAnswer(
        "wait only between",
        WARM + START + LOOP + END,
        "step()\n    wait()\n    started = clock()\n    for _ in range(steps):\n"
        "        wait()\n        step()\n    return (clock() - started) / steps",
        "waits at the end",
        "The last step is never waited for. Call wait() after the loop.",
    ),
    WrongAnswer(
        "wait in each step",
        LOOP,
        "for _ in range(steps):\n        step()\n        wait()\n    ",
        "no wait between",
        "Waiting after each step keeps the host from asking ahead, as a training does. "
        "Wait once, after the loop.",
    ),
    WrongAnswer(
        "not divided",
        "(clock() - started) / steps",
        "clock() - started",
        "several steps",
        "This is the time of all steps together. Divide by steps.",
    ),
    WrongAnswer(
        "divided by one more",
        "(clock() - started) / steps",
        "(clock() - started) / (steps + 1)",
        "warm-up",
        "steps + 1 counts the warm-up, which the clock did not see. Divide by steps.",
    ),
    WrongAnswer(
        "one step for all",
        "for _ in range(steps):\n        step()",
        "step()",
        "several steps",
        "One step is run whatever `steps` says. Loop over range(steps).",
    ),
    WrongAnswer(
        "warm-up as one of the steps",
        "range(steps)",
        "range(steps - 1)",
        "warm-up",
        "The loop has one step too few: the warm-up is none of them. Use range(steps).",
    ),
    WrongAnswer(
        "only the last reading",
        "(clock() - started) / steps",
        "clock() / steps",
        "warm-up",
        "A clock counts from an arbitrary moment. Take the difference of two readings.",
    ),
    WrongAnswer(
        "readings swapped",
        "(clock() - started)",
        "(started - clock())",
        "warm-up",
        "The result is negative: the later reading comes first in the difference.",
    ),
    WrongAnswer(
        "milliseconds",
        "(clock() - started) / steps",
        "1000 * (clock() - started) / steps",
        "warm-up",
        "A thousand times too much: these are milliseconds. Return seconds.",
    ),
    WrongAnswer(
        "another clock",
        "started = clock()",
        "started, clock = time.perf_counter(), time.perf_counter",
        "given clock",
        "The clock that was passed in is not read. Call clock().",
    ),
    WrongAnswer(
        "the fastest step",
        START + LOOP + END,
        "seconds = []\n    for _ in range(steps):\n        started = clock()\n"
        "        step()\n        wait()\n        seconds.append(clock() - started)\n"
        "    return min(seconds)",
        "several steps",
        "The minimum is the luckiest step. Time all of them together and divide.",
    ),
    WrongAnswer(
        "nothing returned",
        "return (clock() - started) / steps",
        "print(clock() - started)",
        "runs",
        "It prints the time and returns nothing. Return the number.",
    ),
)

TURNS = 'order = ("base", "step") if number % 2 else ("step", "base")'
RATIO = 'ratios.append(seconds["step"] / seconds["base"])'
QUARTILES = "np.quantile(ratios, (0.25, 0.5, 0.75))"
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
        "seconds_of(case, clock, wait)",
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
)
