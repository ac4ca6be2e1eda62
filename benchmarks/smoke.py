"""Every network on a device in float32 against the CPU in float64: logits, gradients.

Called by gpu_queue.py. A network passes when the largest difference, relative to the
largest value, is below LOGITS and GRADIENTS. On a GPU it also times the fused passes by
their bytes.
"""

import copy
import sys
from pathlib import Path

import pandas as pd
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a plain checkout

from course_lib.attention import ATTENTION
from course_lib.bench.timing import Task, time_task
from course_lib.errors import CourseError
from course_lib.fused import FUSABLE, fuse
from course_lib.resnet import resnet50

# float32 through 14 layers. Of the gradients the median over the parameters counts: a
# largest value that rounding moves to another position changes a few of them wholly.
LOGITS, GRADIENTS = 1e-3, 2e-2


def relative(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """Largest difference over the largest value; NaN counts as infinite."""
    difference = (found.detach().cpu().double() - wanted.detach()).abs().max()
    share = (difference / wanted.abs().max().clamp_min(1e-12)).item()
    return share if share == share else float("inf")


def differences(network: nn.Module, twin: nn.Module, device: str) -> dict[str, float]:
    """How far `network` on the device is from `twin` in float64 on the CPU."""
    torch.manual_seed(1)
    images = torch.randn(8, 3, 32, 32).to(memory_format=torch.channels_last)
    weights = torch.randn(8, 10)
    wanted = twin(images.double())
    (wanted * weights.double()).sum().backward()
    found = network(images.to(device))
    (found * weights.to(device)).sum().backward()
    pairs = zip(network.parameters(), twin.parameters(), strict=True)
    gradients = [relative(p.grad, q.grad) for p, q in pairs if q.grad.abs().max() > 0]
    buffers = zip(network.buffers(), twin.buffers(), strict=True)
    return {
        "logits": relative(found, wanted),
        "gradients": sorted(gradients)[len(gradients) // 2],
        "worst_gradient": max(gradients),
        "running": max(relative(p, q.double()) for p, q in buffers),
    }


def compare_with_cpu(out: Path, device: str, dry: bool) -> pd.DataFrame:
    """Write smoke.csv; raise CourseError naming the networks that differ."""
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    rows = []
    names = [*ATTENTION, *(f"fused-{name}" for name in FUSABLE)]
    for name in names[-2:] if dry else names:
        torch.manual_seed(0)
        model = name.removeprefix("fused-")
        # One block a stage: through 16 blocks a ReLU that flips by rounding would
        # change gradients more than any mistake.
        network = resnet50(10, model, stem="cifar", width=16, blocks=(1, 1, 1, 1))
        twin = copy.deepcopy(network).double()
        if name != model:
            network = fuse(network, "plain" if device == "cpu" else "auto")
        network = network.to(device, memory_format=torch.channels_last)
        rows.append({"network": name} | differences(network, twin, device))
        print(rows[-1], flush=True)
    out.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(rows)
    table.to_csv(out / "smoke.csv", index=False)
    if torch.device(device).type == "cuda":
        kernel_speeds(device).to_csv(out / "kernels.csv", index=False)
    wrong = table[(table["logits"] > LOGITS) | (table["gradients"] > GRADIENTS)]
    if len(wrong):
        raise CourseError(
            f"{', '.join(wrong['network'])} on {device}",
            f"logits within {LOGITS:g} and gradients within {GRADIENTS:g} of the CPU's",
            "See smoke.csv.",
        )
    return table


def kernel_speeds(device: str) -> pd.DataFrame:
    """GB/s of each fused pass in bf16, on the map sizes of ResNet50 at 224 pixels."""
    from course_lib.fused import triton_passes as passes

    on = torch.device(device)
    rows = []
    for channels, side in ((256, 56), (512, 28), (1024, 14), (2048, 7)):
        shape = (256, channels, side, side)
        maps = [torch.randn(shape, device=on, dtype=torch.bfloat16) for _ in range(3)]
        y, x, g = (map_.to(memory_format=torch.channels_last) for map_ in maps)
        p, q, r = (torch.randn(256, channels, device=on) for _ in range(3))
        calls = {
            "moments": (1, lambda y=y: passes.moments(y)),
            "scale_add_relu": (
                3,
                lambda y=y, x=x, p=p, q=q: passes.scale_add_relu(y, x, p, q),
            ),
            "masked_sums": (4, lambda y=y, x=x, g=g: passes.masked_sums(g, x, y)),
            "combine": (
                3,
                lambda y=y, g=g, p=p, q=q, r=r: passes.combine(g, y, p, q, r),
            ),
        }
        for name, (count, call) in calls.items():
            task = Task(name, "eager", "train", lambda: None, call)
            ms = time_task(task, on, steps=20)
            rate = count * y.nbytes / ms / 1e6
            row = {"pass": name, "channels": channels, "ms": ms, "gb_s": rate}
            rows.append(row)
            print(row, flush=True)
    return pd.DataFrame(rows)
