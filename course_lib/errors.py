"""The one exception of the course: a problem that the person in front can mend."""

import difflib
from collections.abc import Iterable


class CourseError(Exception):
    """Something you can mend, told in one line.

    The line names what was found, what was expected and the next step. The command
    line prints it and exits with status 2; a notebook shows it without a traceback
    from deep inside.

    >>> raise CourseError("--seeds 0", "at least 1 seed", "Try --seeds 3.")
    CourseError: --seeds 0: expected at least 1 seed. Try --seeds 3.
    """

    def __init__(self, found: str, expected: str, next_step: str) -> None:
        self.found = found
        self.expected = expected
        self.next_step = next_step
        super().__init__(f"{found}: expected {expected}. {next_step}")

    def __reduce__(self):
        """Let the error travel between processes whole."""
        return CourseError, (self.found, self.expected, self.next_step)


def check_choice(what: str, value: object, allowed: Iterable[str]) -> None:
    """Raise CourseError unless `value` is one of the names in `allowed`.

    `what` says what is being chosen, for example "model" or "combine"; the error
    suggests the nearest name.
    """
    names = [str(name) for name in allowed]
    if value in names:
        return
    # Below 0.7, "gpu" would be taken for "cpu".
    near = difflib.get_close_matches(str(value), names, n=1, cutoff=0.7)
    hint = f"Did you mean {near[0]!r}?" if near else f"Try {names[0]!r}."
    raise CourseError(f"{what} {value!r}", "one of " + ", ".join(names), hint)
