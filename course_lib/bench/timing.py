"""Honest timing: warm up, take turns in shuffled order, compare within each round.

A machine is never equally fast for long: clocks change, and other programs run. So
every round runs each task once, in an order drawn anew, and tasks are compared within a
round. What slows the machine for minutes then slows all of them.

On a CPU the clock is the processor time of this process, which stands still while
another program has the core; it needs one thread. On a GPU it is the GPU's own clock,
read by events in its queue, once that queue is empty.
"""

import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Task:
    """Something to time.

    network, mode ("eager" or "compiled") and phase ("train" or "infer") name it.
    prepare: called before the clock starts. step: what is timed.
    """

    network: str
    mode: str
    phase: str
    prepare: Callable[[], None]
    step: Callable[[], None]

    @property
    def name(self) -> tuple[str, str, str]:
        return self.network, self.mode, self.phase


def shuffled(tasks: Sequence[Task], round_number: int) -> list[Task]:
    """The tasks in this round's order: another in each round, the same in each run."""
    order = list(tasks)
    random.Random(round_number).shuffle(order)
    return order


def seconds_of(
    step: Callable[[], object],
    clock: Callable[[], float],
    wait: Callable[[], object],
    steps: int = 1,
) -> float:
    """Seconds a step, over `steps` steps after one that is not counted.

    step: asks the device for one step, and may return before it is done; clock: the
    time in seconds; wait: returns once the device has done all it was asked for.
    """
    step()  # compiles, chooses algorithms, fills the caches
    wait()
    started = clock()
    for _ in range(steps):
        step()
    wait()
    return (clock() - started) / steps


def time_ratio(
    step: Callable[[], object],
    base: Callable[[], object],
    rounds: int,
    clock: Callable[[], float],
    wait: Callable[[], object],
) -> tuple[float, float, float]:
    """How many times as long as `base` does `step` take? Quartiles over rounds.

    Each round times both, and the other one first than the round before; its result is
    one ratio. step, base, clock, wait: as for `seconds_of`.
    -> (lower quartile, median, upper quartile) of the rounds' ratios.
    """
    ratios = []
    for number in range(rounds):
        seconds = {}
        order = ("base", "step") if number % 2 else ("step", "base")
        for name in order:
            case = step if name == "step" else base
            seconds[name] = seconds_of(case, clock, wait)
        ratios.append(seconds["step"] / seconds["base"])
    low, median, high = np.quantile(ratios, (0.25, 0.5, 0.75))
    return low, median, high


def time_task(task: Task, device: torch.device, steps: int = 1) -> float:
    """Milliseconds a step, over `steps` steps after one that is not counted.

    The uncounted step brings code and weights back into the caches, which the tasks
    before it have filled.
    """
    task.prepare()
    if device.type == "cuda":
        return _time_on_cuda(task, steps)
    clock = clock_for(device)
    return 1000 * seconds_of(task.step, clock, lambda: wait_for(device), steps)


def clock_for(device: torch.device) -> Callable[[], float]:
    """Processor time on a CPU, which stands still while other programs have the core.

    Wall time for other devices, and on Windows, where processor time moves in steps of
    about 16 ms, longer than many a step.
    """
    if device.type == "cpu" and sys.platform != "win32":
        return time.process_time
    return time.perf_counter


def _time_on_cuda(task: Task, steps: int) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    task.step()
    torch.cuda.synchronize()
    start.record()
    for _ in range(steps):
        task.step()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end) / steps


def wait_for(device: torch.device) -> None:
    """Wait until the device has done what it was asked."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
