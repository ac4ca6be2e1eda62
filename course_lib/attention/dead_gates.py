"""Which parameters of a module get no gradient: a gate that starts dead shows here."""

import torch
from torch import Tensor, nn


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
