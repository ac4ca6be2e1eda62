"""Draw the README's figure of the signs: one scene of each class, mask and box shown.

Run `python -m course_lib.data.signs_figure` from the checkout to write it again.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from PIL import Image

from course_lib.data.signs import CLASSES, render

PATH = Path(__file__).resolve().parents[2] / "data" / "figures" / "signs.png"
SIZE = 96  # pixels along the side of a scene
COLUMNS = 6
START = 18 * 34  # a run of 18 images in which every glyph can be read
ORANGE = "#E69F00"  # Okabe-Ito, safe for colour-blind readers
CASING = [withStroke(linewidth=3, foreground="black")]  # seen on light and on dark


def draw_signs() -> Figure:
    """One scene of each class. Mask: white outline. Box: dashed line."""
    signs = render("train", len(CLASSES), SIZE, START)
    rows = -(-len(CLASSES) // COLUMNS)
    figure = Figure(figsize=(1.5 * COLUMNS, 1.66 * rows + 0.3), layout="constrained")
    figure.suptitle(
        f"{len(CLASSES)} classes of signs: "
        "mask of the visible sign (white) and its box (dashed)",
        fontsize=11,
    )
    axes = figure.subplots(rows, COLUMNS)
    for axis in axes.flat:
        axis.axis("off")
    for index, axis in enumerate(axes.flat[: len(CLASSES)]):
        axis.imshow(signs.images[index].permute(1, 2, 0).numpy())
        mask = np.pad(signs.masks[index].numpy(), 1)  # closed at the frame's edge
        pixels = np.arange(-1, SIZE + 1)
        outline = axis.contour(pixels, pixels, mask, [0.5], colors="white")
        outline.set(path_effects=CASING, linewidth=1.5)
        x0, y0, x1, y1 = signs.boxes[index].tolist()
        box = (x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0
        frame = Rectangle(*box, fill=False, edgecolor=ORANGE, ls="--", lw=1.5)
        axis.add_patch(frame).set_path_effects(CASING)
        axis.set_title(CLASSES[signs.labels[index]], fontsize=9, pad=3)
        axis.set(xlim=(-0.5, SIZE - 0.5), ylim=(SIZE - 0.5, -0.5))
    return figure


def write_figure(path: Path = PATH) -> None:
    """Write the figure as a PNG of 128 colours, which keeps it under 150 kB."""
    figure = draw_signs()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)
    picture = Image.open(path).convert("RGB")
    picture.quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    write_figure()
    print(f"wrote {PATH.relative_to(PATH.parents[2])}")
