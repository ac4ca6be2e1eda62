"""Gates by class and by depth: does a gate depend on what the image shows?

A layer's gates are (N, C): one number an image and channel, a spatial gate averaged
over its positions. The figure of mean gates by class is the SE paper's: Hu et al.,
"Squeeze-and-Excitation Networks", 2017, section on the role of excitation.
"""

import torch
from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.looking import capture_gates

SMALLEST = 1e-5  # standard deviation of a gate that still counts as moving


def gates_by_image(
    network: nn.Module, images: Tensor, batch: int = 250
) -> dict[str, Tensor]:
    """Every layer's gates (N, C), averaged over positions, in the order of the layers.

    images (N, 3, H, W), normalised as in training; they go through in pieces.
    Raises CourseError as `capture_gates`.
    """
    pieces: dict[str, list[Tensor]] = {}
    for part in images.split(batch):
        for name, gate in capture_gates(network, part).items():
            pieces.setdefault(name, []).append(gate.mean(dim=(2, 3)))  # (n, C)
    return {name: torch.cat(gates) for name, gates in pieces.items()}


def class_means(gates: Tensor, labels: Tensor) -> Tensor:
    """Mean gate of each class: gates (N, C), labels (N,) -> (K, C), classes sorted."""
    check_gates(gates, labels)
    return torch.stack([gates[labels == k].mean(dim=0) for k in labels.unique()])


def class_share(gates: Tensor, labels: Tensor) -> Tensor:
    """How much of a gate's variance lies between classes: (N, C), (N,) -> (C,).

    0: every class has the same mean gate. 1: a gate depends on the class alone. A gate
    that never moves has no variance to share out and scores 0. Even shuffled labels
    score (K - 1) / (N - 1) on average, with K classes and N images: compare with that.

    This is eta squared of the analysis of variance.
    """
    check_gates(gates, labels)
    mean = gates.mean(dim=0)  # (C,)
    between = torch.zeros_like(mean)  # (C,), sum of squares
    for k in labels.unique():
        own = gates[labels == k]  # (images of class k, C)
        between = between + len(own) * (own.mean(dim=0) - mean) ** 2
    total = ((gates - mean) ** 2).sum(dim=0)  # (C,)
    still = len(gates) * SMALLEST**2  # what rounding alone may leave
    return between / total.clamp(min=still)  # (C,)


def expected_share(labels: Tensor) -> float:
    """What `class_share` gives on average when the labels mean nothing."""
    return (len(labels.unique()) - 1) / (len(labels) - 1)


def check_gates(gates: Tensor, labels: Tensor) -> None:
    """Raise CourseError unless there is one row of gates for each label."""
    if gates.ndim != 2 or labels.shape != gates.shape[:1] or len(labels) < 2:
        raise CourseError(
            f"gates of {tuple(gates.shape)} with labels of {tuple(labels.shape)}",
            "gates (N, C) and labels (N,), at least 2 images",
            "Average a spatial gate over its positions first: gate.mean((2, 3)).",
        )
