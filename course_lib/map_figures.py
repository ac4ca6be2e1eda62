"""Attention maps drawn over their images, the sign outlined."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.errors import CourseError
from course_lib.looking import energy_inside, enlarge

TEXT = 9.5  # points
MOST_COLUMNS = 8


def map_figure(
    images: Tensor,
    masks: Tensor,
    maps: Mapping[str, Tensor],
    title: str,
    word: str = "",
) -> Figure:
    """A row of images, then a row for each module: its map, and the sign's outline.

    images (N, 3, H, W) in 0..1 or uint8, masks (N, H, W) bool, maps: label ->
    (N, h, w), enlarged here to H x W. Each map has its own colour scale, dark lowest;
    the number above it is the share of the map's sum (smallest value taken off) that
    lies on the sign, beside the sign's share of the image in the first row. word: what
    to call that number, over the first map of each row.

    Raises CourseError for more than eight images, which would be too small to see.
    """
    count, height, width = masks.shape
    if count > MOST_COLUMNS:
        raise CourseError(
            f"{count} images in one figure", f"at most {MOST_COLUMNS}", "Take fewer."
        )
    rows = 1 + len(maps)
    size = (1.1 + 1.0 * count, 0.75 + 1.15 * rows)  # inches
    figure = Figure(figsize=size, dpi=100, layout="constrained")
    axes = figure.subplots(rows, count, squeeze=False)
    shares = masks.float().mean(dim=(1, 2))
    for n in range(count):
        axes[0, n].imshow(images[n].permute(1, 2, 0), interpolation="nearest")
        _finish(axes[0, n], masks[n], f"sign {shares[n]:.2f}", "white")
    for row, (label, small) in zip(axes[1:], maps.items(), strict=True):
        large = enlarge(small, height, width)  # (N, H, W)
        inside = energy_inside(large, masks)
        for n in range(count):
            row[n].imshow(large[n], cmap="cividis", interpolation="nearest")
            text = f"{word if n == 0 else ''} {inside[n]:.2f}".strip()
            _finish(row[n], masks[n], text, "white")
        row[0].set_ylabel(label, fontsize=TEXT)
    axes[0, 0].set_ylabel("image", fontsize=TEXT)
    figure.suptitle(title, fontsize=13, fontweight="bold")
    return figure


def _finish(axes: Axes, mask: Tensor, title: str, colour: str) -> None:
    """Outline the sign, write the number, take the ticks away."""
    axes.contour(mask, levels=[0.5], colors="black", linewidths=2.6)
    axes.contour(mask, levels=[0.5], colors=colour, linewidths=1.2)
    axes.set_title(title, fontsize=TEXT)
    axes.set_xticks([])
    axes.set_yticks([])
