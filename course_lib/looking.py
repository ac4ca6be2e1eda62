"""Where a network looks: its gates as maps, scored against the sign's own pixels.

A map is (N, H, W), one number a position, larger where the network looks more. Scores
are (N,), one an image, so that means and intervals can be taken over images.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.errors import CourseError


@torch.no_grad()
def capture_gates(network: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """The bare gate of every attention module, by the module's name in the network.

    images (N, 3, H, W), normalised as in training. Each gate is on the CPU, of the
    shape its module gives: (N, C, 1, 1), (N, 1, h, w) or (N, C, h, w). The network runs
    once in eval mode and is put back into the mode it had.

    Raises CourseError when no module of the network has a method `gate`.
    """
    modules = attention_modules(network)
    if not modules:
        raise CourseError(
            f"a {type(network).__name__} without attention",
            "a module with a method gate(x)",
            'Build one with resnet50(10, attention="cbam").',
        )
    gates: dict[str, Tensor] = {}
    hooks = [
        module.register_forward_pre_hook(_remember_gate(name, gates))
        for name, module in modules.items()
    ]
    was_training = network.training
    try:
        network.eval()(images)
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()
    return gates


def attention_modules(network: nn.Module) -> dict[str, nn.Module]:
    """Outermost modules with a method `gate`: CBAM, but not the two gates inside it."""
    found: dict[str, nn.Module] = {}
    for name, module in network.named_modules():
        inside = any(name.startswith(outer + ".") for outer in found)
        if callable(getattr(module, "gate", None)) and not inside:
            found[name] = module
    return found


def _remember_gate(
    name: str, gates: dict[str, Tensor]
) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        gates[name] = module.gate(inputs[0]).float().cpu()

    return hook


def spatial_map(gate: Tensor) -> Tensor:
    """One number a position: the mean over channels, (N, C or 1, h, w) -> (N, h, w).

    Raises CourseError for a channel gate (N, C, 1, 1), which is equal everywhere.
    """
    if gate.shape[2:] == (1, 1):
        raise CourseError(
            f"a gate of shape {tuple(gate.shape)}",
            "a map with more than one position",
            "A channel gate looks everywhere alike; take a spatial module.",
        )
    return gate.mean(dim=1)  # (N, h, w)


def enlarge(maps: Tensor, height: int, width: int) -> Tensor:
    """Maps (N, h, w) -> (N, height, width), bilinear, cell centres aligned."""
    size = (height, width)
    return F.interpolate(maps[:, None], size=size, mode="bilinear")[:, 0]


def pointing_game(maps: Tensor, masks: Tensor) -> Tensor:
    """Does the largest value lie on the sign? 1 or 0; ties share: (N, H, W) -> (N,).

    masks (N, H, W), bool, of the maps' size. When k positions share the largest value
    and j of them lie on the sign, the score is j / k: what a random pick among them
    would score. A constant map scores the mask's share of the image, which is chance.

    Source: Zhang et al., "Top-down Neural Attention by Excitation Backprop", 2016,
    with their 15-pixel margin left out, since our masks are exact.
    """
    _check_sizes(maps, masks)
    largest = maps.amax(dim=(1, 2), keepdim=True)  # (N, 1, 1)
    at_top = maps == largest  # (N, H, W)
    return (at_top & masks).sum((1, 2)) / at_top.sum((1, 2))


def energy_inside(maps: Tensor, masks: Tensor) -> Tensor:
    """Share of the map's sum that lies on the sign, 0..1: (N, H, W) -> (N,).

    Each map is first shifted so that its smallest value is 0. A constant map then has
    no energy at all and scores the mask's share of the image, which is chance.
    """
    _check_sizes(maps, masks)
    energy = maps - maps.amin(dim=(1, 2), keepdim=True)  # (N, H, W)
    energy = torch.where(energy.sum((1, 2), keepdim=True) > 0, energy, 1.0)
    return (energy * masks).sum((1, 2)) / energy.sum((1, 2))


def _check_sizes(maps: Tensor, masks: Tensor) -> None:
    if maps.shape != masks.shape:
        raise CourseError(
            f"maps of {tuple(maps.shape)} with masks of {tuple(masks.shape)}",
            "the same N, H and W",
            "Enlarge the maps first: enlarge(maps, height, width).",
        )
