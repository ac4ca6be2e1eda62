"""The passes of `passes` as GPU kernels in Triton: each number of a map moves once.

The same functions with the same arguments and results. Maps lie in memory with their
channels innermost (channels_last); others are copied into that order first. A program
of a kernel takes one image and a block of channels, and walks over the positions, so
sums need no communication and come out the same every time. Arithmetic is in float32.

To a compiler each pass is one closed operation (torch.library.custom_op).
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

# Positions and channels that a program holds at once. 128 channels in bfloat16 are 256
# bytes in a row of memory.
POSITIONS, CHANNELS = 32, 128


@triton.jit
def moments_kernel(
    y, mean, variance, positions, channels, P: tl.constexpr, C: tl.constexpr
):
    """Mean and variance over the positions, from sums of y - shift and its square.

    The shift is the first position's value: without one, a mean that is large beside
    the spread would leave nothing of the variance in float32.
    """
    n = tl.program_id(0).to(tl.int64)
    c = tl.program_id(1) * C + tl.arange(0, C)
    inside = c < channels
    y += n * positions * channels
    shift = tl.load(y + c, mask=inside, other=0.0).to(tl.float32)
    total = tl.zeros([C], tl.float32)
    squares = tl.zeros([C], tl.float32)
    for start in range(0, positions, P):
        p = start + tl.arange(0, P)
        mask = (p < positions)[:, None] & inside[None, :]
        value = tl.load(y + p[:, None] * channels + c[None, :], mask=mask, other=0.0)
        away = tl.where(mask, value.to(tl.float32) - shift[None, :], 0.0)
        total += tl.sum(away, axis=0)
        squares += tl.sum(away * away, axis=0)
    total /= positions
    tl.store(mean + n * channels + c, shift + total, mask=inside)
    spread = squares / positions - total * total
    tl.store(variance + n * channels + c, tl.maximum(spread, 0.0), mask=inside)


@triton.jit
def scale_add_relu_kernel(
    y, x, scale, shift, out, positions, channels, P: tl.constexpr, C: tl.constexpr
):
    """relu(scale y + shift + x)"""
    n = tl.program_id(0).to(tl.int64)
    p = tl.program_id(1) * P + tl.arange(0, P)
    c = tl.program_id(2) * C + tl.arange(0, C)
    mask = (p < positions)[:, None] & (c < channels)[None, :]
    place = n * positions * channels + p[:, None] * channels + c[None, :]
    a = tl.load(scale + n * channels + c, mask=c < channels, other=0.0)
    d = tl.load(shift + n * channels + c, mask=c < channels, other=0.0)
    value = tl.load(y + place, mask=mask, other=0.0).to(tl.float32)
    value = value * a[None, :] + d[None, :]
    value += tl.load(x + place, mask=mask, other=0.0).to(tl.float32)
    # Written so that NaN stays NaN, as in torch.relu.
    value = tl.where(value < 0.0, 0.0, value)
    tl.store(out + place, value.to(out.dtype.element_ty), mask=mask)


@triton.jit
def masked_sums_kernel(
    grad, out, y, g, a_sum, b_sum, positions, channels, P: tl.constexpr, C: tl.constexpr
):
    """g = grad where out > 0; its sums with 1 and with y over the positions"""
    n = tl.program_id(0).to(tl.int64)
    c = tl.program_id(1) * C + tl.arange(0, C)
    inside = c < channels
    first = n * positions * channels
    a = tl.zeros([C], tl.float32)
    b = tl.zeros([C], tl.float32)
    for start in range(0, positions, P):
        p = start + tl.arange(0, P)
        mask = (p < positions)[:, None] & inside[None, :]
        place = first + p[:, None] * channels + c[None, :]
        passed = tl.load(out + place, mask=mask, other=0.0).to(tl.float32) > 0.0
        value = tl.load(grad + place, mask=mask, other=0.0)
        value = tl.where(passed, value, 0.0)
        tl.store(g + place, value, mask=mask)
        value = value.to(tl.float32)
        a += tl.sum(value, axis=0)
        b += tl.sum(
            value * tl.load(y + place, mask=mask, other=0.0).to(tl.float32), axis=0
        )
    tl.store(a_sum + n * channels + c, a, mask=inside)
    tl.store(b_sum + n * channels + c, b, mask=inside)


@triton.jit
def combine_kernel(
    g,
    y,
    p_vector,
    q_vector,
    r_vector,
    out,
    positions,
    channels,
    P: tl.constexpr,
    C: tl.constexpr,
):
    """p g + q + r y"""
    n = tl.program_id(0).to(tl.int64)
    p = tl.program_id(1) * P + tl.arange(0, P)
    c = tl.program_id(2) * C + tl.arange(0, C)
    inside = c < channels
    mask = (p < positions)[:, None] & inside[None, :]
    place = n * positions * channels + p[:, None] * channels + c[None, :]
    row = n * channels + c
    value = tl.load(g + place, mask=mask, other=0.0).to(tl.float32)
    value *= tl.load(p_vector + row, mask=inside, other=0.0)[None, :]
    value += tl.load(q_vector + row, mask=inside, other=0.0)[None, :]
    weight = tl.load(r_vector + row, mask=inside, other=0.0)[None, :]
    value += weight * tl.load(y + place, mask=mask, other=0.0).to(tl.float32)
    tl.store(out + place, value.to(out.dtype.element_ty), mask=mask)


def channels_innermost(x: Tensor) -> Tensor:
    """The map with its channels innermost in memory; itself if they are."""
    return x.contiguous(memory_format=torch.channels_last)


def blocks_of(x: Tensor) -> tuple[int, int, int, int]:
    """Positions and channels of a map, and how many of each a program takes."""
    positions, channels = x.shape[2] * x.shape[3], x.shape[1]
    block = min(CHANNELS, triton.next_power_of_2(channels))
    return positions, channels, POSITIONS * CHANNELS // block, block


def vectors_like(x: Tensor, count: int) -> list[Tensor]:
    """`count` float32 vectors (N, C) for the map x."""
    return [x.new_empty(x.shape[:2], dtype=torch.float32) for _ in range(count)]


@torch.library.custom_op("course::moments", mutates_args=())
def moments(y: Tensor) -> tuple[Tensor, Tensor]:
    """See passes.moments."""
    y = channels_innermost(y)
    mean, variance = vectors_like(y, 2)
    positions, channels, block_p, block_c = blocks_of(y)
    grid = (y.shape[0], triton.cdiv(channels, block_c))
    moments_kernel[grid](y, mean, variance, positions, channels, block_p, block_c)
    return mean, variance


@torch.library.custom_op("course::scale_add_relu", mutates_args=())
def scale_add_relu(y: Tensor, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """See passes.scale_add_relu."""
    y, x = channels_innermost(y), channels_innermost(x)
    out = torch.empty_like(y)
    positions, channels, block_p, block_c = blocks_of(y)
    grid = (y.shape[0], triton.cdiv(positions, block_p), triton.cdiv(channels, block_c))
    scale, shift = scale.float().contiguous(), shift.float().contiguous()
    scale_add_relu_kernel[grid](
        y, x, scale, shift, out, positions, channels, block_p, block_c
    )
    return out


@torch.library.custom_op("course::masked_sums", mutates_args=())
def masked_sums(grad: Tensor, out: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """See passes.masked_sums."""
    grad, out, y = (channels_innermost(x) for x in (grad, out, y))
    g = torch.empty_like(y, dtype=grad.dtype)
    a, b = vectors_like(y, 2)
    positions, channels, block_p, block_c = blocks_of(y)
    grid = (y.shape[0], triton.cdiv(channels, block_c))
    masked_sums_kernel[grid](
        grad, out, y, g, a, b, positions, channels, block_p, block_c
    )
    return g, a, b


@torch.library.custom_op("course::combine", mutates_args=())
def combine(g: Tensor, y: Tensor, p: Tensor, q: Tensor, r: Tensor) -> Tensor:
    """See passes.combine."""
    g, y = channels_innermost(g), channels_innermost(y)
    out = torch.empty_like(y)
    positions, channels, block_p, block_c = blocks_of(y)
    grid = (y.shape[0], triton.cdiv(positions, block_p), triton.cdiv(channels, block_c))
    p, q, r = (vector.float().contiguous() for vector in (p, q, r))
    combine_kernel[grid](g, y, p, q, r, out, positions, channels, block_p, block_c)
    return out


# What a compiler needs to know of each pass: the shapes of its results.


@moments.register_fake
def _(y: Tensor) -> tuple[Tensor, Tensor]:
    return tuple(vectors_like(y, 2))


@scale_add_relu.register_fake
def _(y: Tensor, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    return torch.empty_like(channels_innermost(y))


@masked_sums.register_fake
def _(grad: Tensor, out: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    g = torch.empty_like(channels_innermost(y), dtype=grad.dtype)
    return g, *vectors_like(y, 2)


@combine.register_fake
def _(g: Tensor, y: Tensor, p: Tensor, q: Tensor, r: Tensor) -> Tensor:
    return torch.empty_like(channels_innermost(y))
