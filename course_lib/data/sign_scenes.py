"""A street scene, painted from back to front: street, clutter, sign, what hides it."""

import numpy as np

from course_lib.data.sign_effects import SIDE, blend
from course_lib.data.sign_plates import (
    TILT_UNIT,
    Place,
    codes,
    coverage_of,
    local_coordinates,
    paint_plates,
    pixel_middles,
    pixels_per_half,
)
from course_lib.data.sign_random import draw
from course_lib.data.sign_shapes import DECOYS, FULL, HALF, circle

Array = np.ndarray

# How hard the task is. Lengths in 4096ths of the image's side.
SIGN_RADIUS = (980, 1500)  # width 48 % to 73 % of the side
SIGN_TILT = (-110, 111)  # about 12 degrees either way
DECOY_RADIUS = (320, 520)  # width 16 % to 25 %
DECOY_COUNT = (1, 4)  # one to three in each scene
HIDER_CHANCE = 60  # percent of the signs that are partly hidden

OFF_STAGE = -4 * SIDE  # where things stand that a scene does not have
BUILDINGS = 8
DECOY_CODES = codes(DECOYS)

BRICKS = np.array(
    [
        *([150, 84, 70], [176, 160, 136], [120, 124, 134], [190, 178, 160]),
        *([98, 106, 124], [166, 122, 92], [136, 142, 128], [208, 200, 190]),
    ],
    np.int16,
)
LEAVES = np.array([[46, 92, 44], [70, 110, 48], [96, 104, 50], [38, 74, 52]], np.int16)
POSTS = np.array([[112, 114, 116], [86, 66, 50], [60, 64, 68]], np.int16)


def pick(table: Array, seeds: Array, name: str) -> Array:
    """One row of a table for each image, at random."""
    return table[draw(seeds, name, 0, len(table))]


def place_sign(seeds: Array) -> Place:
    """The sign: anywhere, of any size and tilt in the range, wholly in the frame."""
    radius = draw(seeds, "sign.radius", *SIGN_RADIUS)
    room = SIDE - 2 * radius  # (N,)
    x = radius + ((room * draw(seeds, "sign.x", 0, 1025)) >> 10)
    y = radius + ((room * draw(seeds, "sign.y", 0, 1025)) >> 10)
    return Place(x, y, radius, draw(seeds, "sign.tilt", *SIGN_TILT))


def place_decoy(seeds: Array, number: int, sign: Place) -> Place:
    """A decoy: the one of four random spots that lies farthest from the sign."""
    name = f"decoy{number}"
    spots = range(4)
    x = np.stack([draw(seeds, f"{name}.x{spot}", 0, SIDE) for spot in spots])  # (4, N)
    y = np.stack([draw(seeds, f"{name}.y{spot}", 0, SIDE) for spot in spots])
    farthest = np.argmax((x - sign.x) ** 2 + (y - sign.y) ** 2, axis=0)  # (N,)
    each = np.arange(len(seeds))
    wanted = number < draw(seeds, "decoy.count", *DECOY_COUNT)
    x = np.where(wanted, x[farthest, each], OFF_STAGE)
    radius = draw(seeds, f"{name}.radius", *DECOY_RADIUS)
    return Place(x, y[farthest, each], radius, draw(seeds, f"{name}.tilt", -200, 201))


def paint_background(seeds: Array, size: int) -> Array:
    """Sky, buildings, ground and road. Returns the new images, int16 (N, 3, H, W)."""
    y = pixel_middles(size)
    horizon = draw(seeds, "horizon", 1500, 2900)
    images = np.empty((len(seeds), 3, size, size), np.int16)
    images[:] = sky(seeds, y)
    paint_buildings(images, seeds, horizon)
    paint_ground(images, seeds, horizon)
    return images


def sky(seeds: Array, y: Array) -> Array:
    """Blue or grey above, paler below. Returns int16 (N, 3, H, 1)."""
    blueness = draw(seeds, "sky.blue", 0, 90)
    level = draw(seeds, "sky.level", 150, 226)
    top = np.stack([level - blueness, level - blueness // 2, level + blueness // 4], 1)
    pale = draw(seeds, "sky.pale", 0, 40)[:, None, None] * (y >> 6) >> 6  # (N, 1, H)
    return (top[:, :, None] + pale).clip(0, 255).astype(np.int16)[..., None]


def paint_buildings(images: Array, seeds: Array, horizon: Array) -> None:
    """A row of houses with windows, down to the horizon and beyond."""
    size = images.shape[-1]
    xy = pixel_middles(size)
    shift = draw(seeds, "houses.shift", 0, SIDE)[:, None]
    width = draw(seeds, "houses.width", 700, 1400)[:, None]
    house = (xy + shift) // width % BUILDINGS  # (N, W)
    rises = [draw(seeds, f"house{k}", -200, 1500) for k in range(BUILDINGS)]
    walls = [pick(BRICKS, seeds, f"wall{k}") for k in range(BUILDINGS)]
    rise = np.take_along_axis(np.stack(rises, axis=1), house, axis=1)  # (N, W)
    wall = np.stack(walls, axis=1)[np.arange(len(seeds))[:, None], house]  # (N, W, 3)
    below_roof = xy[None, :, None] - (horizon[:, None] - rise)[:, None, :]  # (N, H, W)
    coverage = (FULL // 2 + ((below_roof * size) >> 5)).clip(0, FULL).astype(np.int16)
    blend(images, wall.transpose(0, 2, 1)[:, :, None, :], coverage)
    across = (xy + shift) // 190 % 2 == 0  # (N, W)
    along = below_roof // 210 % 2 == 1  # (N, H, W)
    window = across[:, None, :] & along & (below_roof > 0)
    glass = draw(seeds, "windows", 20, 70).astype(np.int16)[:, None, None]
    blend(images, np.int16(48), window * glass)


def paint_ground(images: Array, seeds: Array, horizon: Array) -> None:
    """A verge, and a road with a dashed line that runs to a point on the horizon."""
    size = images.shape[-1]
    xy = pixel_middles(size)
    depth = xy[None, :] - horizon[:, None]  # (N, H): how far below the horizon
    edge = (FULL // 2 + ((depth * size) >> 5)).clip(0, FULL).astype(np.int16)
    verge = pick(np.concatenate([LEAVES, BRICKS[1:3]]), seeds, "verge")
    blend(images, verge[:, :, None, None], edge[:, :, None])
    middle = draw(seeds, "road.x", 600, SIDE - 600)
    lean = draw(seeds, "road.lean", -160, 161)[:, None]
    axis = middle[:, None] + ((depth * lean) >> 8)  # (N, H)
    off_axis = np.abs(xy[None, None, :] - axis[:, :, None])  # (N, H, W)
    spread = draw(seeds, "road.spread", 200, 420)[:, None]
    half_width = 60 + ((depth * spread) >> 8)  # (N, H)
    grey = draw(seeds, "road.grey", 70, 130).astype(np.int16)[:, None, None, None]
    road = (off_axis < half_width[:, :, None]) & (depth > 0)[:, :, None]
    blend(images, grey, road * np.int16(FULL))
    dash = (depth > 0) & (((depth * depth) >> 12) // 90 % 2 == 0)  # (N, H)
    line = (off_axis < (half_width >> 4)[:, :, None]) & dash[:, :, None]
    blend(images, np.int16(215), line * np.int16(100))


def paint_trees(images: Array, seeds: Array) -> None:
    """One bush or tree: a round patch of leaves."""
    x = draw(seeds, "tree.x", 0, SIDE)
    y = draw(seeds, "tree.y", 1000, 3400)
    radius = draw(seeds, "tree.radius", 300, 900)
    place = Place(x, y, radius, np.zeros_like(x))
    size = images.shape[-1]
    u, v = local_coordinates(place, size)
    rough = (u * v >> 4) % 61 - 30  # an uneven outline
    coverage = coverage_of(circle(u, v) + rough, pixels_per_half(place, size))
    blend(images, pick(LEAVES, seeds, "leaves")[:, :, None, None], coverage)


def paint_post(images: Array, seeds: Array, name: str, place: Place) -> None:
    """The post that a plate stands on: from the plate's middle down to the ground."""
    size = images.shape[-1]
    xy = pixel_middles(size)
    half_width = 40 + (place.radius >> 5)
    outside = np.abs(xy[None, :] - place.x[:, None]) - half_width[:, None]  # (N, W)
    coverage = (FULL // 2 - ((outside * size) >> 5)).clip(0, FULL).astype(np.int16)
    below = xy[None, :] > place.y[:, None]  # (N, H)
    colour = pick(POSTS, seeds, f"{name}.post")[:, :, None, None]
    blend(images, colour, coverage[:, None, :] * below[:, :, None])


def paint_clutter(images: Array, seeds: Array, sign: Place) -> None:
    """Decoys in the colours of signs, each on a post."""
    for number in range(DECOY_COUNT[1] - 1):
        name = f"decoy{number}"
        place = place_decoy(seeds, number, sign)
        paint_post(images, seeds, name, place)
        paint_plates(images, seeds, name, pick(DECOY_CODES, seeds, name), place)


def paint_hider(images: Array, seeds: Array, sign: Place) -> Array:
    """A pole or leaves before a part of the sign. Returns coverage, int16 (N, H, W)."""
    size = images.shape[-1]
    is_pole = draw(seeds, "hider.kind", 0, 2) == 0
    wanted = draw(seeds, "hider", 0, 100) < HIDER_CHANCE
    aside = draw(seeds, "hider.aside", 30, 200)  # plate units from the sign's middle
    aside = np.where(draw(seeds, "hider.side", 0, 2) == 0, aside, -aside)
    along = draw(seeds, "hider.along", -HALF, HALF + 1)
    x = np.where(wanted, sign.x + ((sign.radius * aside) >> 8), OFF_STAGE)
    y = sign.y + ((sign.radius * along) >> 8)
    leaf_radius = sign.radius * draw(seeds, "hider.leaf", 80, 130) >> 8
    pole_radius = sign.radius * draw(seeds, "hider.pole", 24, 44) >> 8
    radius = np.where(is_pole, pole_radius, leaf_radius)
    tilt = draw(seeds, "hider.tilt", -TILT_UNIT // 8, TILT_UNIT // 8 + 1)
    place = Place(x, y, radius, tilt)
    u, v = local_coordinates(place, size)
    pole = np.abs(u) - HALF
    distance = np.where(is_pole[:, None, None], pole, circle(u, v))
    coverage = coverage_of(distance, pixels_per_half(place, size))
    posts, leaves = pick(POSTS, seeds, "hider.post"), pick(LEAVES, seeds, "hider.leaf")
    colour = np.where(is_pole[:, None], posts, leaves)[:, :, None, None]
    blend(images, colour, coverage)
    return coverage
