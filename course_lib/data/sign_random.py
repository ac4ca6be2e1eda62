"""Random numbers that depend on the image alone: same image, same numbers, always.

A generator with a state gives image 7 other numbers when images 0 to 6 were not drawn
first. Here each number is a hash of (image, name of the quantity), so that image 7 is
the same alone, in a batch or in another order. Everything is 32-bit integer
arithmetic, which is exact and therefore equal on every platform.
"""

import zlib

import numpy as np

Array = np.ndarray


def mix(values: Array) -> Array:
    """Scramble 32-bit integers; each output bit depends on every input bit.

    values: uint32, any shape. Returns uint32 of that shape. The map is one to one.
    Source: the finaliser of MurmurHash3 (Austin Appleby, public domain).
    """
    values = values ^ (values >> np.uint32(16))
    values = values * np.uint32(0x85EBCA6B)  # wraps at 2**32, as meant
    values = values ^ (values >> np.uint32(13))
    values = values * np.uint32(0xC2B2AE35)
    return values ^ (values >> np.uint32(16))


def draw_bits(seeds: Array, name: str) -> Array:
    """32 random bits for each image. seeds: uint32 (N,). Returns uint32 (N,)."""
    return mix(mix(seeds) + np.uint32(zlib.crc32(name.encode())))


def draw(seeds: Array, name: str, low: int, high: int) -> Array:
    """One integer for each image, evenly spread over low, ..., high - 1.

    seeds: uint32 (N,), one per image. name: what the number is for; another name
    gives unrelated numbers. high - low: at most 65,536. Returns int32 (N,).
    """
    sixteen_bits = draw_bits(seeds, name) >> np.uint32(16)  # (N,)
    scaled = (sixteen_bits * np.uint32(high - low)) >> np.uint32(16)  # 0..high-low-1
    return scaled.astype(np.int32) + np.int32(low)


def draw_pixels(seeds: Array, size: int) -> Array:
    """32 random bits for each pixel. seeds: uint32 (N,). Returns uint32 (N, H, W)."""
    keys = draw_bits(seeds, "pixels").reshape(-1, 1, 1)  # (N, 1, 1)
    pixels = np.arange(size * size, dtype=np.uint32).reshape(size, size)  # (H, W)
    return mix(keys + mix(pixels))  # (N, H, W)
