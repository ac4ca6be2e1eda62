"""Honest timing: warm up, take turns in shuffled order, compare within each round.

A machine is never equally fast for long: clocks change, and other programs run. So
every round runs each task once, in an order drawn anew, and tasks are compared within a
round. What slows the machine for minutes then slows all of them.

On a CPU the clock is the processor time of this process, which stands still while
another program has the core; it needs one thread. On a GPU it is the GPU's own clock,
read by events in its queue, once that queue is empty.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

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


def time_task(task: Task, device: torch.device, steps: int = 1) -> float:
    """Milliseconds a step, over `steps` steps after one that is not counted.

    The uncounted step brings code and weights back into the caches, which the tasks
    before it have filled.
    """
    task.prepare()
    task.step()
    if device.type == "cuda":
        return _time_on_cuda(task, steps)
    wait_for(device)
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    started = clock()
    for _ in range(steps):
        task.step()
    wait_for(device)
    return 1000 * (clock() - started) / steps


def _time_on_cuda(task: Task, steps: int) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
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
