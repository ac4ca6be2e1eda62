"""Bytes of a plan: which operations share a pass, and what then goes through memory.

An operation is (the names it reads, the name it makes). A pass runs some of them
together, number by number: what one operation makes, the next one has at hand. Between
passes everything goes through memory.
"""

from collections.abc import Mapping, Sequence, Set

Operation = tuple[tuple[str, ...], str]
Pass = Sequence[Operation]


def plan_bytes(
    passes: Sequence[Pass], numbers: Mapping[str, int], keep: Set[str], size: int = 4
) -> int:
    """Bytes that all passes together read from memory and write to it.

    passes: in the order they run; each name is made at most once. numbers: how many
    numbers a name holds; keep: names that are needed afterwards; size: bytes of a
    number. A pass reads a name once, and writes only what is needed after it.
    """
    total = 0
    for place, operations in enumerate(passes):
        made = {name for _, name in operations}
        read = {name for inputs, _ in operations for name in inputs} - made
        after = [inputs for later in passes[place + 1 :] for inputs, _ in later]
        needed = {name for inputs in after for name in inputs} | keep
        for name in [*read, *(made & needed)]:
            total += numbers[name]
    return size * total
