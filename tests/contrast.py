"""Contrast of text as the Web Content Accessibility Guidelines 2.2 define it.

Colours are (red, green, blue, opacity), each in 0..255.
"""

READABLE = 4.5  # success criterion 1.4.3, text of normal size
WHITE = (255, 255, 255, 255)


def contrast(colour, backgrounds):
    """Ratio of a text's luminance to that of what lies below it, 1 to 21.

    backgrounds: from the text's own element up to the page, which is white.
    """
    below = WHITE
    for background in reversed(backgrounds):
        below = painted(background, below)
    darker, lighter = sorted([luminance(painted(colour, below)), luminance(below)])
    return (lighter + 0.05) / (darker + 0.05)


def painted(colour, below):
    """A colour that may be see-through, painted over one that is not."""
    share = colour[3] / 255
    mixed = (share * a + (1 - share) * b for a, b in zip(colour, below, strict=True))
    return (*list(mixed)[:3], 255)


def luminance(colour):
    """Relative luminance of an sRGB colour: 0 black, 1 white."""
    red, green, blue = (linear(value / 255) for value in colour[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def linear(value):
    """One sRGB value in 0..1 without its gamma."""
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
