"""The plates of the traffic signs: their shapes, their colours and their glyphs.

Lengths on a plate are integers: 256 units are half the plate's width (`HALF`). The
origin is the middle of the plate, u points right, v points down. A shape is a
function that tells how far a point lies outside the plate's edge (negative: inside),
as a signed distance field does. Every shape is its own mirror image, so each function
takes |u| in place of u.
"""

from typing import NamedTuple

import numpy as np

Array = np.ndarray

HALF = 256  # units from the middle of a plate to its side
FULL = 128  # full coverage: 255 x 128 still fits into 16 bits


def circle(u: Array, v: Array) -> Array:
    """(u^2 + v^2 - HALF^2) / (2 HALF): exact on the edge and close to it, no root."""
    return (u * u + v * v - HALF * HALF) >> 9


def triangle(u: Array, v: Array) -> Array:
    """Equilateral, tip up: a floor, and one slanted side (cos 30 = 222 / 256)."""
    return np.maximum(v - 222, ((222 * u - 128 * v) >> 8) - 111)


def inverted(u: Array, v: Array) -> Array:
    """The triangle, tip down."""
    return triangle(u, -v)


def square(u: Array, v: Array) -> Array:
    """A little smaller than the circle, so that both show about the same area."""
    return np.maximum(u, np.abs(v)) - 222


def diamond(u: Array, v: Array) -> Array:
    """A square on its tip: |u| + |v| = HALF (cos 45 = 181 / 256)."""
    return ((181 * (u + np.abs(v))) >> 8) - 181


def octagon(u: Array, v: Array) -> Array:
    """A square and a square on its tip, both cutting."""
    v = np.abs(v)
    return np.maximum(np.maximum(u, v), (181 * (u + v)) >> 8) - HALF


def board(u: Array, v: Array) -> Array:
    """A wide board, as advertisements have; no sign has this shape."""
    return np.maximum(u - HALF, np.abs(v) - 150)


class Shape(NamedTuple):
    """A plate's outline, and where its glyph goes (plate units)."""

    distance: object  # the function above
    glyph_half: int  # half the glyph's width
    glyph_down: int  # how far the glyph's middle lies under the plate's


SHAPES = {
    "circle": Shape(circle, 160, 0),
    "triangle": Shape(triangle, 120, 84),
    "inverted": Shape(inverted, 120, -84),
    "square": Shape(square, 165, 0),
    "diamond": Shape(diamond, 125, 0),
    "octagon": Shape(octagon, 205, 0),
    "board": Shape(board, 130, 0),
}


class Paint(NamedTuple):
    """The colours of a plate (red, green, blue, 0 to 255) and its rim's width."""

    rim: tuple[int, int, int]
    face: tuple[int, int, int]
    glyph: tuple[int, int, int]
    rim_width: int  # plate units


RED, BLUE, YELLOW = (196, 30, 44), (24, 84, 176), (244, 190, 20)
WHITE, BLACK = (240, 240, 236), (26, 26, 30)

PAINTS = {
    "red rim": Paint(RED, WHITE, BLACK, 46),
    "red": Paint(WHITE, RED, WHITE, 18),
    "blue": Paint(WHITE, BLUE, WHITE, 18),
    "yellow": Paint(WHITE, YELLOW, BLACK, 30),
}


class Plate(NamedTuple):
    """What makes a sign: its shape, its paint and its glyph, by name."""

    shape: str
    paint: str
    glyph: str


SIGNS = {
    "danger": Plate("triangle", "red rim", "mark"),
    "bend-left": Plate("triangle", "red rim", "left"),
    "bend-right": Plate("triangle", "red rim", "right"),
    "give-way": Plate("inverted", "red rim", "none"),
    "stop": Plate("octagon", "red", "stop"),
    "no-entry": Plate("circle", "red", "bar"),
    "limit-30": Plate("circle", "red rim", "30"),
    "limit-70": Plate("circle", "red rim", "70"),
    "no-left": Plate("circle", "red rim", "left"),
    "no-right": Plate("circle", "red rim", "right"),
    "turn-left": Plate("circle", "blue", "left"),
    "turn-right": Plate("circle", "blue", "right"),
    "ahead": Plate("circle", "blue", "ahead"),
    "one-way": Plate("square", "blue", "ahead"),
    "parking": Plate("square", "blue", "parking"),
    "first-aid": Plate("square", "blue", "cross"),
    "priority": Plate("diamond", "yellow", "none"),
    "hazard": Plate("diamond", "yellow", "mark"),
}

# Boards and plates that look like signs and are none: the colours, the shapes and the
# glyphs of the signs in combinations that no sign has.
DECOYS = (
    Plate("circle", "yellow", "none"),
    Plate("circle", "blue", "none"),
    Plate("circle", "red", "none"),
    Plate("triangle", "blue", "none"),
    Plate("triangle", "yellow", "none"),
    Plate("inverted", "blue", "bar"),
    Plate("square", "red", "none"),
    Plate("square", "red rim", "none"),
    Plate("square", "yellow", "left"),
    Plate("square", "yellow", "right"),
    Plate("diamond", "blue", "none"),
    Plate("diamond", "red rim", "cross"),
    Plate("diamond", "red", "none"),
    Plate("octagon", "yellow", "ahead"),
    Plate("octagon", "blue", "none"),
    Plate("board", "red", "bar"),
    Plate("board", "red rim", "mark"),
    Plate("board", "blue", "none"),
    Plate("board", "blue", "bar"),
    Plate("board", "yellow", "none"),
)
