"""One bottleneck block: a step of it to time, and the work of its operations."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_lib.attention import AttentionFactory
from course_lib.blocks import Bottleneck
from course_lib.cost import layer_flops

Work = dict[str, tuple[int, int]]  # operation -> (operations, numbers moved)
CONVOLUTIONS = (  # channels in and out in quarters of the block's, kernel
    ("1x1 reduce", 4, 1, 1),
    ("3x3", 1, 1, 3),
    ("1x1 expand", 1, 4, 1),
)


def block_step(
    shape: tuple[int, int, int, int],
    attention: AttentionFactory | None = None,
    layout: torch.memory_format = torch.channels_last,
    bf16: bool = False,
) -> Callable[[], None]:
    """A training step, forward and backward, of a block on random maps on the CPU.

    The gradients of the step before are dropped, as an optimizer does, so that no step
    adds to them. shape: (N, C, H, W) of input and output. bf16: under autocast.
    """
    torch.manual_seed(0)
    block = Bottleneck(shape[1], shape[1] // 4, attention=attention)
    block = block.to(memory_format=layout)
    x, upstream = (torch.randn(shape).to(memory_format=layout) for _ in range(2))
    x.requires_grad_()

    def step() -> None:
        x.grad = None
        block.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            out = block(x)
        out.backward(upstream.to(out.dtype))

    return step


def block_work(
    channels: int,
    side: int,
    batch: int,
    count: Callable[[nn.Module, Tensor, Tensor], int] = layer_flops,
) -> Work:
    """Forward of a block with SE: operations and numbers read or written, by name.

    channels: of its output; side: of its square maps; count: see `layer_flops`.
    Where there is no convolution, each sum, product and maximum of a number counts as
    one: 5 for BatchNorm in training (two sums and a square, then times a and plus d).
    SE's two linear layers are left out: they work on one number a channel, not on maps.
    """
    work = {}
    for name, inputs, outputs, size in CONVOLUTIONS:
        with torch.device("meta"):
            layer = nn.Conv2d(
                inputs * channels // 4,
                outputs * channels // 4,
                size,
                padding=size // 2,
                bias=False,
            )
            x = torch.empty(batch, layer.in_channels, side, side)
        y = layer(x)
        moved = x.numel() + y.numel() + layer.weight.numel()
        work[name] = (count(layer, x, y), moved)
    large, small = (batch * c * side**2 for c in (channels, channels // 4))
    every = large + 2 * small  # numbers of the block's three maps
    return work | {
        "BatchNorm x 3": (5 * every, 3 * every),
        "ReLU x 3": (every, 2 * every),
        "add shortcut": (large, 3 * large),
        "SE: pool": (large, large),
        "SE: scale": (large, 2 * large),
    }
