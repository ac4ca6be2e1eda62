"""Known-wrong answers to notebook 10's seconds_of."""

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
        "mean of single steps",
        START + LOOP + END,
        "seconds = []\n    for _ in range(steps):\n        started = clock()\n"
        "        step()\n        wait()\n        seconds.append(clock() - started)\n"
        "    return sum(seconds) / steps",
        "no wait between",
        "Each step is timed and waited for alone, so the host cannot ask ahead, as a "
        "training does. Read the clock twice, around the whole loop.",
    ),
    WrongAnswer(
        "nothing returned",
        "return (clock() - started) / steps",
        "print(clock() - started)",
        "runs",
        "Nothing is returned: is `return` missing?",
    ),
    WrongAnswer(
        "as many warm-ups as steps",
        "step()  # compiles, chooses algorithms, fills the caches",
        "for _ in range(steps):\n        step()",
        "one more step",
        "One uncounted step is enough. Here there are `steps` of them, and all take "
        "time.",
    ),
    WrongAnswer(
        "waits, then warms up",
        WARM,
        "wait()\n    step()\n    ",
        "waits before the start",
        "Call wait() between the warm-up step and the first clock().",
    ),
    WrongAnswer(
        "whole seconds",
        "(clock() - started) / steps",
        "(clock() - started) // steps",
        "warm-up",
        "// rounds down to whole seconds. Divide with /.",
    ),
    WrongAnswer(
        "step without brackets",
        LOOP,
        "for _ in range(steps):\n        step\n    ",
        "warm-up",
        "Nothing ran between the two looks at the clock: call step().",
    ),
    WrongAnswer(
        "first reading without brackets",
        "started = clock()",
        "started = clock",
        "runs",
        "`started = clock` keeps the function. Read it: clock().",
    ),
    WrongAnswer(
        "second reading without brackets",
        "(clock() - started)",
        "(clock - started)",
        "runs",
        "`clock - started` takes a number from a function. Read it: clock().",
    ),
)
