"""What every data set of the course looks like: three splits of labelled images."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class ImageSet:
    """One split: images, labels and, for rendered scenes, where the sign is.

    images: uint8, (N, 3, H, W), red, green, blue, 0 to 255.
    labels: int64, (N,), an index into `Dataset.classes`.
    masks: bool, (N, H, W), True where the sign is visible; None without masks.
    boxes: int64, (N, 4), x0, y0, x1, y1 in pixels, upper bounds exclusive:
        `images[n, :, y0:y1, x0:x1]` holds the visible sign; None without boxes.
    """

    images: Tensor
    labels: Tensor
    masks: Tensor | None = None
    boxes: Tensor | None = None


@dataclass(frozen=True)
class Dataset:
    """Three splits, the names of the classes, and what training must know of them.

    name: "signs", "cifar100" or "folder:<dirname>".
    classes: the class names; label k means `classes[k]`.
    mean, std: red, green, blue, of the training images, in units of 0 to 1.
    mirror: may augmentation flip left to right? False where arrows have a side.
    digest: the first 12 hex digits of the SHA-256 over images and labels of the
        three splits.
    """

    name: str
    classes: tuple[str, ...]
    train: ImageSet
    val: ImageSet
    test: ImageSet
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    mirror: bool
    digest: str
