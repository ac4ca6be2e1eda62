"""Known-wrong answers to notebook 10's plan_bytes."""

from course_lib.exercises.exercise import WrongAnswer

READ = "read = {name for inputs, _ in operations for name in inputs} - made"
AFTER = "passes[place + 1 :]"
EACH = "for name in [*read, *(made & needed)]:"
KEEP = "for inputs in after for name in inputs} | keep"

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
)
