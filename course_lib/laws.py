"""The laws of Efficient Channel Attention, as a test that knows no implementation.

Notebook 12 writes `broken_laws` before the module exists. It asks a module what it does
to chosen inputs; how it does it is its own affair.

Source: Wang et al., "ECA-Net: Efficient Channel Attention for Deep Convolutional Neural
Networks", 2020; see course_lib/attention/eca.py.
"""

import logging

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.attention import AttentionFactory

LOG = logging.getLogger(__name__)


def kernel_of(module: nn.Module) -> Tensor:
    """Every parameter of a module in one row: for ECA the k weights, (k,)."""
    return torch.cat([p.detach().flatten() for p in module.parameters()])


def pulse(module: nn.Module, channel: int, channels: int = 256) -> Tensor:
    """The logits of all gates when one channel alone is 1, all others 0: (channels,).

    The sigmoid is undone. Where a gate does not lie between 0 and 1, it is nan.
    """
    x = torch.zeros(1, channels, 3, 2)  # (N, C, H, W)
    x[:, channel] = 1
    return module.gate(x).detach().flatten().logit()


def same(a: Tensor, b: Tensor) -> bool:
    """Equal shapes, and equal values but for the rounding of float32.

    Unequal shapes are logged, at level DEBUG: the check of notebook 12 reads them.
    """
    if a.shape != b.shape:
        LOG.debug("%s and %s", tuple(a.shape), tuple(b.shape))
        return False
    return torch.allclose(a, b, rtol=1e-3, atol=1e-5)


def broken_laws(make: AttentionFactory) -> list[str]:
    """Names of the laws of ECA that a module breaks; [] where it keeps them all.

    make: a number of channels -> a module with gate(x) and forward(x), such as a class.
    256 channels have k = 5. Nothing is known of the names of its parameters.
    """
    module, x = make(256), torch.randn(2, 256, 7, 5)  # x (N, C, H, W)
    g, kernel = module.gate(x), kernel_of(module).flip(0)  # kernel (k,), turned round
    if g.shape != (2, 256, 1, 1):
        return ["shape"]
    average = x.mean(dim=(2, 3), keepdim=True).expand_as(x)  # (N, C, H, W)
    sizes = [len(kernel_of(make(c))) for c in (64, 128, 2048)]
    laws = {
        "size": sizes == [3, 5, 7],
        "gated": same(module(x), x * g),
        "samples": same(module.gate(x[:1]), g[:1]),
        "average": same(module.gate(average), g),
        "neighbours": same(pulse(module, 100), F.pad(kernel, (98, 153))),
        "ends": same(pulse(module, 0), F.pad(kernel[2:], (0, 253))),
    }
    return [name for name, kept in laws.items() if not kept]
