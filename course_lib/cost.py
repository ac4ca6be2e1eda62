"""What a network costs before it is trained, and the machine it is trained on."""

import math
import os
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


def count_parameters(network: nn.Module) -> int:
    """Trainable numbers in the network."""
    return sum(parameter.numel() for parameter in network.parameters())


def stack_parameters(layers: list[tuple[int, int, int]]) -> int:
    """Parameters of convolutions in a row, each with its biases.

    layers: (channels in, channels out, k) of each k x k convolution.
    """
    return sum(outputs * (inputs * k * k + 1) for inputs, outputs, k in layers)


def count_macs(network: nn.Module, image_size: int) -> int:
    """Multiply-adds of one image (3, image_size, image_size), forward.

    Half of what PyTorch's flop counter says: convolutions and matrix products only,
    no pooling, BatchNorm, activation or gate multiplication.
    """
    where = next(network.parameters()).device
    image = torch.zeros(1, 3, image_size, image_size, device=where)
    was_training = network.training
    network.eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(image)
    network.train(was_training)
    return counter.get_total_flops() // 2


def layer_flops(layer: nn.Module, x: Tensor, y: Tensor) -> int:
    """Floating-point operations of one layer, forward; a multiply-add counts as two.

    layer: nn.Conv2d or nn.Linear. As in PyTorch's counter, a bias counts nothing, and
    every other layer 0. x: its input; y: its output. Only their shapes are looked at.
    """
    if isinstance(layer, nn.Conv2d):
        inputs = layer.in_channels // layer.groups * math.prod(layer.kernel_size)
    elif isinstance(layer, nn.Linear):
        inputs = layer.in_features
    else:
        return 0
    return 2 * inputs * y.numel()


def usable_cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def describe_device(device: torch.device) -> str:
    """For the record: the GPU's name, or the processor's."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return processor_name()


@cache
def processor_name() -> str:
    """The processor as the operating system names it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


@cache
def code_version() -> str:
    """Version of the course, and its commit where git knows it ("+" if changed)."""
    try:
        number = version("attention-course")
    except PackageNotFoundError:
        number = "unknown"
    folder = Path(__file__).resolve().parent
    command = [
        "git",
        "-C",
        str(folder),
        "describe",
        "--always",
        "--dirty=+",
        "--abbrev=8",
    ]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return number
    commit = answer.stdout.strip()
    return f"{number} {commit}" if answer.returncode == 0 and commit else number
