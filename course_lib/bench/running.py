"""The whole measurement: build, warm up, rounds in shuffled order, a table after each.

Ctrl-C ends it after the rounds that are done; the same command goes on.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import torch
from tqdm.auto import tqdm

from course_lib.bench import record
from course_lib.bench.cases import Case, Settings, facts_of, make_tasks, warm_up
from course_lib.bench.roofline import Ceilings, measure_ceilings
from course_lib.bench.timing import Task, shuffled, time_task
from course_lib.cost import code_version, describe_device
from course_lib.errors import CourseError
from course_lib.troubles import first_line, is_failed_compile, is_out_of_memory

Measure = Callable[[Task], float]  # milliseconds a step


def measure(
    settings: Settings, rounds: int, out: Path, budget_seconds: float | None = None
) -> pd.DataFrame:
    """Time every network until `out` holds `rounds` rounds; return the table.

    Nothing is measured or written when it holds them already.
    budget_seconds: no further round begins after this time, but one always runs.
    Raises CourseError when memory is short, a network does not compile, or `out` holds
    other measurements.
    """
    times = record.load_times(out, settings)
    done = 0 if times.empty else int(times["round"].max()) + 1
    if 0 < rounds <= done:
        return record.stored_table(out, times)
    started = time.monotonic()
    device = torch.device(settings.device)
    if device.type == "cpu":
        torch.set_num_threads(1)  # the processor clock adds up all threads
    else:
        torch.backends.cudnn.benchmark = True
    ceilings = measure_ceilings(device, settings.precision)
    facts = {"settings": asdict(settings), "machine": describe(device, ceilings)}
    facts["networks"] = {
        name: facts_of(name, settings, ceilings) for name in settings.networks
    }
    cases = make_cases(settings, facts["networks"])
    tasks = make_tasks(cases)
    to_do = range(done, rounds)
    timer = lambda task: time_task(task, device, settings.steps)  # noqa: E731
    with progress(len(tasks) * len(to_do), "rounds") as bar:
        for number in to_do:
            new = one_round(tasks, number, timer, bar.update)
            times = pd.concat([times, new]) if len(times) else new
            facts["machine"]["load"] = load()
            record.save(out, facts, times)
            if budget_seconds and time.monotonic() - started > budget_seconds:
                break
    return record.save(out, facts, times)


def one_round(
    tasks: Sequence[Task],
    number: int,
    timer: Measure,
    tell: Callable[[], object] = lambda: None,
) -> pd.DataFrame:
    """Time each task once, in the round's own order."""
    rows = []
    for task in shuffled(tasks, number):
        rows.append((number, *task.name, timer(task)))
        tell()
    return pd.DataFrame(rows, columns=record.TIMES)


def make_cases(settings: Settings, facts: dict[str, dict]) -> list[Case]:
    """Build and warm up every network in every mode; note what memory it takes."""
    if "compiled" in settings.modes:
        # Networks share one class, and PyTorch gives up compiling it after 8.
        torch._dynamo.config.recompile_limit = 8 * len(settings.networks)
    cases = []
    with progress(len(settings.networks) * len(settings.modes), "warm-up") as bar:
        for name in settings.networks:
            facts[name]["peak_mb"] = {}
            for mode in settings.modes:
                try:
                    case = Case(name, mode, settings)
                    if "saved_mb" not in facts[name]:
                        facts[name]["saved_mb"] = case.saved_mb()
                    facts[name]["peak_mb"][mode] = warm_up(case)
                except (MemoryError, RuntimeError) as error:
                    raise explain(error, name, mode, settings) from error
                cases.append(case)
                bar.update()
    return cases


def explain(error: Exception, name: str, mode: str, settings: Settings) -> Exception:
    """The one-line form of too little memory, or of a compiler that is missing."""
    if is_out_of_memory(error):
        return CourseError(
            f"out of memory with {name}, batch {settings.batch}",
            "a batch that fits beside the weights of all networks",
            f"Try --batch {max(2, settings.batch // 2)}, or fewer --models.",
        )
    if mode == "compiled" and is_failed_compile(error):
        return CourseError(
            f"torch.compile failed for {name} ({first_line(error)})",
            "a C compiler, and Triton on a GPU",
            "Use --mode eager.",
        )
    return error


def progress(total: int, text: str) -> tqdm:
    """A bar with the time left."""
    return tqdm(total=total, desc=text, unit="step", disable=None)


def describe(device: torch.device, ceilings: Ceilings) -> dict[str, object]:
    """The machine, its ceilings, and the versions."""
    return {
        "gb_s": ceilings.gb_s,
        "gflop_s": ceilings.gflop_s,
        "machine": describe_device(device),
        "threads": torch.get_num_threads() if device.type == "cpu" else 0,
        "load": load(),
        "torch": torch.__version__,
        "code": code_version(),
    }


def load() -> float:
    """Programs that wanted a core over the last minute, where the system tells."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
