"""Starting weights of a network, and weights brought in from timm."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


def initialise_backbone(
    network: nn.Module,
    generator: torch.Generator | None = None,
    zero_init_residual: bool = False,
) -> None:
    """Draw the weights outside the attention modules, which keep their own start.

    Convolutions: He et al. 2015, normal, fan-out. BatchNorm: 1 and 0. Classifier:
    uniform within 1 / sqrt(fan-in), PyTorch's default. With the same generator state,
    every variant of a network gets the same backbone, so that runs can be paired.

    zero_init_residual: the last BatchNorm of each block starts at 0, so each block
        starts as the identity (Goyal et al. 2017).
    """
    for name, module in network.named_modules():
        if "attention" in name.split(".") or name.startswith("between"):
            continue
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(
                module.weight, mode="fan_out", nonlinearity="relu", generator=generator
            )
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
            if zero_init_residual and name.endswith("bn3"):
                nn.init.zeros_(module.weight)
        elif isinstance(module, nn.Linear):
            bound = module.in_features**-0.5
            nn.init.uniform_(module.weight, -bound, bound, generator=generator)
            nn.init.uniform_(module.bias, -bound, bound, generator=generator)


def from_timm(state: Mapping[str, Tensor] | nn.Module) -> dict[str, Tensor]:
    """Weights of timm's `seresnet50`, renamed for `resnet50(..., attention="se")`.

    state: timm's network or its `state_dict()`. Two things differ: timm calls the
    module `se` with layers `fc1`, `fc2`, and its layers are 1x1 convolutions
    (out, in, 1, 1) where ours are linear (out, in).

    Load with `network.load_state_dict(from_timm(timm_network))`; outputs then agree.
    """
    if isinstance(state, nn.Module):
        state = state.state_dict()
    renamed = {}
    for name, value in state.items():
        if ".se." in name:
            name = name.replace(".se.fc1.", ".attention.reduce.")
            name = name.replace(".se.fc2.", ".attention.expand.")
            if value.dim() == 4:
                value = value.flatten(1)  # (out, in, 1, 1) -> (out, in)
        renamed[name] = value
    return renamed
