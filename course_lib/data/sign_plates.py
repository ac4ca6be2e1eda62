"""Where plates stand in a scene, and how they are painted.

A scene is SIDE x SIDE units whatever its size in pixels, so one seed gives the same
scene at every size. x points right, y points down.
"""

from dataclasses import dataclass

import numpy as np

from course_lib.data.sign_effects import SIDE, blend
from course_lib.data.sign_glyphs import FIELD, GLYPH_FIELDS, GLYPHS
from course_lib.data.sign_random import draw
from course_lib.data.sign_shapes import FULL, HALF, PAINTS, SHAPES, Plate

Array = np.ndarray

SHAPE_NAMES = tuple(SHAPES)
PAINT_NAMES = tuple(PAINTS)
PAINT_COLOURS = np.array([[p.rim, p.face, p.glyph] for p in PAINTS.values()], np.int16)
RIM_WIDTHS = np.array([paint.rim_width for paint in PAINTS.values()], np.int32)
GLYPH_HALVES = np.array([shape.glyph_half for shape in SHAPES.values()], np.int32)
GLYPH_DOWNS = np.array([shape.glyph_down for shape in SHAPES.values()], np.int32)
TILT_UNIT = 1024  # tan(angle / 2) counts in 1024ths


@dataclass(frozen=True)
class Place:
    """Where something stands in each of N scenes; int32, (N,) each."""

    x: Array  # of its middle, scene units
    y: Array
    radius: Array  # half its width, scene units
    tilt: Array  # 1024 tan(angle / 2), clockwise


def codes(plates: tuple[Plate, ...]) -> Array:
    """Plates as numbers: shape, paint and glyph. Returns int64 (len(plates), 3)."""
    return np.array(
        [
            (
                SHAPE_NAMES.index(plate.shape),
                PAINT_NAMES.index(plate.paint),
                GLYPHS.index(plate.glyph),
            )
            for plate in plates
        ]
    )


def pixel_middles(size: int) -> Array:
    """The middles of a row of pixels in scene units. Returns int32 (size,)."""
    return (2 * np.arange(size, dtype=np.int32) + 1) * SIDE // (2 * size)


def local_coordinates(place: Place, size: int) -> tuple[Array, Array]:
    """Every pixel as seen from a plate: plate units, turned with the plate.

    With t = tan(angle / 2), cos = (1 - t^2) / (1 + t^2) and sin = 2 t / (1 + t^2):
    a rotation from integers alone. Returns u and v, int32 (N, H, W).
    """
    pixel = pixel_middles(size)
    dx = (pixel[None, :] - place.x[:, None])[:, None, :]  # (N, 1, W)
    dy = (pixel[None, :] - place.y[:, None])[:, :, None]  # (N, H, 1)
    t = place.tilt.astype(np.int64)
    one = TILT_UNIT * TILT_UNIT
    scale = (one + t * t) * place.radius  # (N,)
    cos = ((one - t * t) * (HALF * SIDE) // scale).astype(np.int32)[:, None, None]
    sin = (2 * t * TILT_UNIT * (HALF * SIDE) // scale).astype(np.int32)[:, None, None]
    u = (dx * cos + dy * sin) >> 12  # SIDE is 2**12
    v = (dy * cos - dx * sin) >> 12
    return u, v


def pixels_per_half(place: Place, size: int) -> Array:
    """Half a plate's width in sixteenths of a pixel. Returns int32 (N, 1, 1)."""
    return (place.radius * size // (SIDE // 16))[:, None, None]


def coverage_of(distance: Array, sharpness: Array) -> Array:
    """Turn a signed distance into how much of each pixel is covered.

    distance: int32 (N, H, W), plate units, negative inside. sharpness: int32
    (N, 1, 1), from `pixels_per_half`. A pixel whose middle lies on the edge is half
    covered. Returns int16 (N, H, W), 0 to `FULL`.
    """
    # 128 / (16 x 256) = 1 / 32: from sixteenths of a pixel to 128ths of coverage.
    covered = FULL // 2 - ((distance * sharpness) >> 5)
    return covered.clip(0, FULL).astype(np.int16)


def plate_distance(shape: Array, u: Array, v: Array) -> Array:
    """Signed distance to each image's own shape. shape: (N,). Returns (N, H, W)."""
    u = np.abs(u)
    distance = np.empty_like(u)
    for number, name in enumerate(SHAPE_NAMES):
        rows = np.flatnonzero(shape == number)
        if rows.size:
            distance[rows] = SHAPES[name].distance(u[rows], v[rows])
    return distance


def glyph_coverage(code: Array, u: Array, v: Array, sharpness: Array) -> Array:
    """How much of each pixel the glyph covers. Returns int16 (N, H, W)."""
    shape, glyph = code[:, 0], code[:, 2]
    half = GLYPH_HALVES[shape][:, None, None]
    down = GLYPH_DOWNS[shape][:, None, None]
    per_unit = (FIELD << 11) // half  # cells of the field in a unit, times 4096
    column = ((u * per_unit) >> 12) + FIELD // 2
    row = (((v - down) * per_unit) >> 12) + FIELD // 2
    column = column.clip(0, FIELD - 1)
    row = row.clip(0, FIELD - 1)
    cell = (glyph[:, None, None].astype(np.int32) * FIELD + row) * FIELD + column
    height = GLYPH_FIELDS.ravel()[cell]  # (N, H, W)
    steep = (sharpness * half // (HALF * 16)).clip(8)  # eighths; 8: the field as it is
    slope = ((height - FULL // 2) * steep.astype(np.int32)) >> 3
    return (slope + FULL // 2).clip(0, FULL).astype(np.int16)


def plate_colours(seeds: Array, name: str, paint: Array) -> Array:
    """Rim, face and glyph colour of each plate, faded at random.

    Returns int16 (N, 3, 3): part, channel.
    """
    fade = [draw(seeds, f"{name}.fade{channel}", -24, 25) for channel in range(3)]
    fade = np.stack(fade, axis=1).astype(np.int16)  # (N, 3)
    return (PAINT_COLOURS[paint] + fade[:, None, :]).clip(0, 255)


def paint_plates(
    images: Array, seeds: Array, name: str, code: Array, place: Place
) -> Array:
    """Paint one plate into each image: rim, face, glyph.

    code: (N, 3), from `codes`. Returns the plate's coverage, int16 (N, H, W).
    """
    size = images.shape[-1]
    shape, paint = code[:, 0], code[:, 1]
    colours = plate_colours(seeds, name, paint)[:, :, :, None, None]
    sharpness = pixels_per_half(place, size)
    u, v = local_coordinates(place, size)
    distance = plate_distance(shape, u, v)
    whole = coverage_of(distance, sharpness)
    face = coverage_of(distance + RIM_WIDTHS[paint][:, None, None], sharpness)
    blend(images, colours[:, 0], whole)
    blend(images, colours[:, 1], face)
    blend(images, colours[:, 2], glyph_coverage(code, u, v, sharpness))
    return whole
