"""How wide the hidden layer of a gate is: C // r, with timm's rounding as an option."""

from course_lib.errors import CourseError


def hidden_width(channels: int, reduction: int, round_to: int = 1) -> int:
    """Hidden units of a gate's bottleneck.

    The papers and the authors' code use exactly C // r (`round_to=1`). timm rounds
    C / r to a multiple of 8, at least 8 (`round_to=8`), so 32 and 64 channels both get
    8 units there; from 128 channels on, in multiples of 128, the two agree at r = 16.

    Raises CourseError when the reduction leaves no hidden unit.
    """
    for name, value in [("channels", channels), ("reduction", reduction)]:
        if not isinstance(value, int) or value < 1:
            raise CourseError(
                f"{name}={value!r}", "a whole number of at least 1", f"Pass {name}=16."
            )
    if round_to > 1:
        nearest = int(channels / reduction + round_to / 2) // round_to * round_to
        return max(round_to, nearest)
    if channels < reduction:
        raise CourseError(
            f"{channels} channels with reduction {reduction}",
            "at least one hidden unit (channels // reduction >= 1)",
            f"Choose a reduction of {channels} or less, or a wider network.",
        )
    return channels // reduction
