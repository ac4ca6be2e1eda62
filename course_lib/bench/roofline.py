"""The two ceilings of a machine, measured: bytes a second and arithmetic a second.

A step can be no faster than its operations: each takes at least the time that its bytes
need at the machine's copying speed, or its arithmetic at the speed of a large matrix
product, whichever is longer. The sum is the step's floor, and floor / measured time its
share of the roofline. Where maps fit into the processor's cache, they move faster than
a large copy, and the share can look better than it is.

Source: Williams, Waterman and Patterson, "Roofline", 2009.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from course_lib.bench.bytes_moved import Operation
from course_lib.bench.timing import Task, time_task

COPY_MB = {"cpu": 64, "cuda": 4096}  # several times the last cache
MATRIX = {"cpu": 1024, "cuda": 8192}  # rows and columns
TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Ceilings:
    """gb_s: 1e9 bytes a second, read and written; gflop_s: 1e9 operations a second."""

    gb_s: float
    gflop_s: float


def measure_ceilings(
    device: torch.device, precision: str, repeats: int = 5
) -> Ceilings:
    """Copy and matrix product, the median of `repeats` each, on random numbers."""
    kind = "cuda" if device.type == "cuda" else "cpu"
    numbers = COPY_MB[kind] * 2**20 // 4
    source = torch.rand(numbers, device=device)
    target = torch.empty_like(source)
    copy_ms = _median_ms(lambda: target.copy_(source), device, repeats)
    side = MATRIX[kind]
    shape = (side, side)
    left, right = (
        torch.randn(shape, device=device).to(TYPES[precision]) for _ in range(2)
    )
    product = torch.empty_like(left)
    with torch.no_grad():
        matmul = lambda: torch.mm(left, right, out=product)  # noqa: E731
        matmul_ms = _median_ms(matmul, device, repeats)
    moved, computed = 2 * source.nbytes, 2 * side**3
    return Ceilings(moved / copy_ms / 1e6, computed / matmul_ms / 1e6)


def _median_ms(step, device: torch.device, repeats: int) -> float:
    task = Task("", "", "", lambda: None, step)
    return statistics.median(time_task(task, device) for _ in range(repeats))


def floor_ms(
    operations: Sequence[Operation], ceilings: Ceilings, way: str, precision: str
) -> float:
    """The least time of a step in milliseconds; see bytes_moved for the ways.

    bf16 halves the bytes of everything but the optimiser's pass, which stays in fp32.
    """
    total = 0.0
    for operation in operations:
        moved = operation.bytes[way]
        if precision == "bf16" and operation.name != "sgd":
            moved /= 2
        total += max(
            operation.flops / ceilings.gflop_s / 1e6, moved / ceilings.gb_s / 1e6
        )
    return total
