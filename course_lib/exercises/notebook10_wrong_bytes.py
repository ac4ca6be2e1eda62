"""Known-wrong answers to notebook 10's plan_bytes."""

from course_lib.exercises.exercise import WrongAnswer

READ = "read = {name for inputs, _ in operations for name in inputs} - made"
AFTER = "passes[place + 1 :]"
EACH = "for name in [*read, *(made & needed)]:"
KEEP = "for inputs in after for name in inputs} | keep"
ALL_PASSES = """for place, operations in enumerate(passes):
        made = {name for _, name in operations}
        read = {name for inputs, _ in operations for name in inputs} - made
        after = [inputs for later in passes[place + 1 :] for inputs, _ in later]
        needed = {name for inputs in after for name in inputs} | keep
        for name in [*read, *(made & needed)]:
            total += numbers[name]
"""
FROM_THE_END = """        made = {name for _, name in operations}
        read = {name for inputs, _ in operations for name in inputs} - made
        for name in [*read, *(made & keep)]:
            total += numbers[name]
"""
BACKWARDS = (  # what a later pass reads is kept, so `keep` is all that it takes
    ALL_PASSES,
    "for operations in reversed(passes):\n" + FROM_THE_END + "        keep |= read\n",
    "while passes:\n        operations = passes.pop()\n"
    + FROM_THE_END
    + "        keep = keep | read\n",
)

PLAN_BYTES = (
    WrongAnswer(
        "reads only",
        EACH,
        "for name in read:",
        "one operation",
        "Only reads are counted. What is made and needed later is written as well.",
    ),
    WrongAnswer(
        "writes only",
        EACH,
        "for name in made & needed:",
        "one operation",
        "Only writes are counted. Every input of a pass has to be read as well.",
    ),
    WrongAnswer(
        "numbers taken for bytes",
        "return size * total",
        "return total",
        "one operation",
        "This counts numbers. Each has `size` bytes: multiply by it.",
    ),
    WrongAnswer(
        "bits",
        "return size * total",
        "return 8 * size * total",
        "one operation",
        "This counts bits. `size` is in bytes already.",
    ),
    WrongAnswer(
        "tensors counted",
        "total += numbers[name]",
        "total += 1",
        "one operation",
        "Every name counts 1 here. Look up how many numbers it holds: numbers[name].",
    ),
    WrongAnswer(
        "one pass only",
        "return size * total",
        "    return size * total",
        "chain",
        "It returns after the first pass. Move `return` out of the loop.",
    ),
    WrongAnswer(
        "gate as large as the map",
        "total += numbers[name]",
        "total += max(numbers[one] for one in [*read, *made])",
        "small tensors",
        "Every name counts as much as the largest. A gate (N, C, 1, 1) is read as it "
        "is; broadcasting copies nothing.",
    ),
    WrongAnswer(
        "small tensors left out",
        "total += numbers[name]",
        "total += numbers[name] * (numbers[name] >= max(numbers.values()))",
        "small tensors",
        "Gates and weights are left out. They are small here, and not always: count "
        "them.",
    ),
    WrongAnswer(
        "in the cache for ever",
        READ,
        READ + " - {name for before in passes[:place] for _, name in before}",
        "chain",
        "What an earlier pass made counts as at hand. A map does not fit into the "
        "cache: it is read again.",
    ),
    WrongAnswer(
        "only the result is written",
        EACH,
        "for name in [*read, *(made & keep)]:",
        "chain",
        "Only what is kept at the end is written. What a later pass reads goes through "
        "memory too.",
    ),
    WrongAnswer(
        "what is kept forgotten",
        KEEP,
        "for inputs in after for name in inputs}",
        "one operation",
        "A name that no pass reads again is still written if it is in `keep`.",
    ),
    WrongAnswer(
        "kept ones written by every pass",
        "made & needed",
        "made & needed | keep",
        "chain",
        "Each pass writes everything in `keep`, even what it did not make. & binds "
        "before |: intersect with `made` last.",
    ),
    WrongAnswer(
        "kept or read, not both",
        KEEP,
        "for inputs in after for name in inputs} ^ keep",
        "what is kept",
        "^ drops names that are both kept and read later. Use |.",
    ),
    WrongAnswer(
        "between operations",
        READ,
        "read = {name for inputs, _ in operations for name in inputs}",
        "inside a pass",
        "Names made inside the pass are read from memory here. The next operation has "
        "them at hand: take `made` off.",
    ),
    WrongAnswer(
        "a pass for each operation",
        EACH,
        "for name in [n for inputs, out in operations for n in (*inputs, out)]:",
        "inside a pass",
        "Each operation reads and writes for itself here, as if it had a pass of its "
        "own. Look at the pass as a whole: what goes in, what comes out?",
    ),
    WrongAnswer(
        "everything made is written",
        "made & needed",
        "made",
        "inside a pass",
        "What only this pass needs never leaves it. Write what is read later or kept.",
    ),
    WrongAnswer(
        "made by the last operation",
        "made = {name for _, name in operations}",
        "made = {operations[-1][1]}",
        "inside a pass",
        "Only the last operation's name counts as made. Every operation of the pass "
        "makes one.",
    ),
    WrongAnswer(
        "the next pass only",
        AFTER,
        "passes[place + 1 : place + 2]",
        "later passes",
        "Only the next pass is asked. Any later one may read a name: passes[place + 1 "
        ":].",
    ),
    WrongAnswer(
        "every pass asked",
        AFTER,
        "passes",
        "inside a pass",
        "The pass itself is asked too, so its own intermediates count as needed. Ask "
        "the later ones.",
    ),
    WrongAnswer(
        "read once for each operation",
        READ,
        "read = [name for inputs, _ in operations for name in inputs "
        "if name not in made]",
        "read once",
        "A name that several operations of a pass use is read once. Make a set of the "
        "names.",
    ),
    WrongAnswer(
        "float32 written out",
        "return size * total",
        "return 4 * total",
        "sizes",
        "4 bytes are float32's. Use `size`: bfloat16 has 2.",
    ),
    WrongAnswer(
        "a float",
        "return size * total",
        "return size * total / 1e6",
        "runs",
        "Megabytes are for people. Return bytes, a whole number.",
    ),
    WrongAnswer(
        "what is made, nothing else",
        EACH,
        "for name in made:",
        "one operation",
        "What a pass reads costs as well; only what it makes is counted here.",
    ),
    WrongAnswer(
        "kept names not read",
        READ,
        READ + " - keep",
        "what is kept",
        "A kept name is read from memory like any other: take off `made` only.",
    ),
    WrongAnswer(
        "inputs taken for the name",
        "made = {name for _, name in operations}",
        "made = {name for name, _ in operations}",
        "one operation",
        "An operation is (inputs, name). `name, _` takes the inputs for the name.",
    ),
    WrongAnswer(
        "keep grows",
        BACKWARDS[0],
        BACKWARDS[1],
        "arguments",
        "`keep |= read` changes the caller's set. Begin with a copy: keep = set(keep).",
    ),
    WrongAnswer(
        "passes used up",
        BACKWARDS[0],
        BACKWARDS[2],
        "arguments",
        "pop() empties the caller's list. Loop over the passes instead.",
    ),
    WrongAnswer(
        "nothing returned",
        "return size * total",
        "print(size * total)",
        "runs",
        "Is the line with `return` missing?",
    ),
)
