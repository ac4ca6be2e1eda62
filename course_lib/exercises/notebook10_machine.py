"""A made-up machine with a clock of its own, to test stopwatches on.

Nothing is timed: the clock moves only when a step or a wait moves it, so a check has
the same outcome everywhere.
"""

from collections.abc import Callable

ASK = 0.001  # seconds that it takes to ask the device for a step
Work = Callable[["Machine", str], float]  # seconds that a step of this name takes


class Machine:
    """A host, a device that works on its own, and their clock.

    work: how long the device takes for a step. asks_ahead: a step returns at once, as
    on a GPU; otherwise it returns when it is done, as on a CPU.
    events: letters of what happened, s a step, w a wait, c a look at the clock;
    measured: the name of the case between each two looks; idle: whether the device was
    idle at each look.
    """

    def __init__(self, work: Work, asks_ahead: bool = False) -> None:
        self.work, self.asks_ahead = work, asks_ahead
        self.now = self.done_at = 1000.0
        self.before = ""  # the name of the last case
        self.steps = 0  # of all cases
        self.since = 0  # of them, since the first look at the clock
        self.events = ""
        self.looks: list[str] = []
        self.idle: list[bool] = []

    def case(self, name: str) -> Callable[[], None]:
        """A step to time."""

        def step() -> None:
            self.done_at = max(self.now, self.done_at) + self.work(self, name)
            self.now = self.now + ASK if self.asks_ahead else self.done_at
            self.before = name
            self.steps += 1
            self.since += bool(self.looks)
            self.events += "s"

        return step

    def clock(self) -> float:
        self.events += "c"
        self.looks.append(self.before)
        self.idle.append(self.now >= self.done_at)
        return self.now

    def wait(self) -> None:
        self.events += "w"
        self.now = max(self.now, self.done_at)

    @property
    def round(self) -> int:
        """Which round this is, when each has two measurements of two looks."""
        return len(self.looks) // 4

    @property
    def measured(self) -> list[str]:
        """The case of each measurement: what ran before its second look."""
        return self.looks[1::2]
