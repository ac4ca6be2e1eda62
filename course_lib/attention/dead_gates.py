"""Which parameters of a module get no gradient: a gate that starts dead shows here."""

import torch
from torch import Tensor, nn

from course_lib.attention.spatial import SmallSpatial


def silent_parameters(module: nn.Module, x: Tensor) -> list[str]:
    """Names of the parameters that get no gradient from the input x.

    x (N, C, H, W) or whatever the module takes. A parameter is silent when its gradient
    is 0 in every entry, or when the output does not depend on it. The names come in the
    module's order. The gradients that the module holds stay as they are.
    """
    y = module(x)
    probe = torch.randn_like(y)  # in a plain sum, slopes can cancel
    named = dict(module.named_parameters())
    total, parameters = (y * probe).sum(), list(named.values())
    slopes = torch.autograd.grad(total, parameters, allow_unused=True)
    pairs = zip(named, slopes, strict=True)
    return [name for name, slope in pairs if slope is None or not slope.any()]


def mean_maps(network: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """What each small spatial module of a network reads, by its block's name.

    images (N, 3, H, W), normalised; the network runs once, in the mode it has.
    Returns {"layer1.0": (N, 1, h, w), ...}: the mean over channels of what comes in.
    """
    maps: dict[str, Tensor] = {}
    hooks = []
    for name, module in network.named_modules():
        if isinstance(module, SmallSpatial):
            block = name.removesuffix(".attention")

            def remember(module, inputs, block=block):
                maps[block] = inputs[0].detach().mean(dim=1, keepdim=True)

            hooks.append(module.register_forward_pre_hook(remember))
    try:
        with torch.no_grad():
            network(images)
    finally:
        for hook in hooks:
            hook.remove()
    return maps
