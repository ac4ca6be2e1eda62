"""What lies between a scene and its photograph: light, haze, blur and noise.

Every function changes the batch in place. A batch is int16, (N, 3, H, W), 0 to 255;
`seeds` is uint32, (N,). Strengths count in 128ths (`FULL`), lengths on the scene in
4096ths of its side (`SIDE`).
"""

import numpy as np

from course_lib.data.sign_random import draw, draw_pixels
from course_lib.data.sign_shapes import FULL

Array = np.ndarray

SIDE = 4096  # units along one side of a scene, whatever its size in pixels

GAIN = (88, 129)  # light: 69 % to 100 %
SHADOW = (0, 50)  # how dark a cast shadow is: up to 38 %
HAZE = (-30, 42)  # below 0: no haze; at most 32 %
BLUR = (0, 20)  # weight of each neighbour: up to 15 %
NOISE = (1, 13)  # largest deviation in grey levels


def blend(images: Array, colours: Array, coverage: Array) -> None:
    """Paint a colour over the images where `coverage` says so.

    colours: int16, broadcast against (N, 3, H, W). coverage: int16, 0 to `FULL`,
    broadcast against (N, H, W).
    """
    images += ((colours - images) * coverage[:, None]) >> 7  # 128 is 2**7


def add_light(images: Array, seeds: Array) -> None:
    """Dim each image, tint it a little, and cast a slanted shadow over a part."""
    brightness = draw(seeds, "light", *GAIN)
    warmth = draw(seeds, "light.warmth", -8, 9)
    gain = np.stack([brightness + warmth, brightness, brightness - warmth], axis=1)
    gain = gain.clip(0, FULL).astype(np.int16)  # (N, 3)
    images *= gain[:, :, None, None]
    images >>= 7
    blend(images, np.int16(0), shadow_coverage(seeds, images.shape[-1]))


def shadow_coverage(seeds: Array, size: int) -> Array:
    """How dark the cast shadow is at each pixel. Returns int16 (N, H, W)."""
    pixel = np.arange(size, dtype=np.int32) * SIDE // size
    start = draw(seeds, "shadow.start", -SIDE, 2 * SIDE)
    slope = draw(seeds, "shadow.slope", -16, 17)  # sixteenths
    depth = draw(seeds, "shadow", *SHADOW)
    x = pixel[None, None, :] - start[:, None, None]  # (N, 1, W)
    x = x + ((pixel[None, :, None] * slope[:, None, None]) >> 4)  # (N, H, W)
    soft_edge = (x >> 2).clip(0, FULL)  # 0 to 128 within an eighth of the side
    return ((soft_edge * depth[:, None, None]) >> 7).astype(np.int16)


def add_haze(images: Array, seeds: Array) -> None:
    """Draw every colour towards a pale grey."""
    strength = draw(seeds, "haze", *HAZE).clip(0).astype(np.int16)
    grey = draw(seeds, "haze.grey", 150, 226).astype(np.int16)
    blend(images, grey[:, None, None, None], strength[:, None, None])


def add_blur(images: Array, seeds: Array) -> None:
    """Mix each pixel with its neighbours, in larger images also with farther ones.

    Passes at distances 1, 2 and 4 (the "a trous" scheme) widen the blur in step with
    the image at no more than three times the cost.
    """
    weight = draw(seeds, "blur", *BLUR).astype(np.int16)[:, None, None, None]
    size = images.shape[-1]
    for distance in (1, 2, 4):
        if distance == 1 or size >= 32 * distance:
            mix_neighbours(images, weight, distance)
            mix_neighbours(images.swapaxes(2, 3), weight, distance)


def mix_neighbours(images: Array, weight: Array, distance: int) -> None:
    """Each pixel takes `weight` 128ths from the pixels left and right of it."""
    outer = images[..., : -2 * distance] + images[..., 2 * distance :]
    inner = images[..., distance:-distance]
    inner += ((outer - 2 * inner) * weight) >> 7


def add_noise(images: Array, seeds: Array) -> None:
    """Add an even spread of noise to every value and round into 0 to 255."""
    size = images.shape[-1]
    bits = draw_pixels(seeds, size)  # (N, H, W): ten bits for each colour
    level = draw(seeds, "noise", *NOISE).astype(np.int16)[:, None, None]
    for channel, shift in enumerate((2, 12, 22)):
        ten_bits = ((bits >> np.uint32(shift)) & np.uint32(1023)).astype(np.int16)
        images[:, channel] += ((ten_bits - 512) * level) >> 9
    np.clip(images, 0, 255, out=images)
