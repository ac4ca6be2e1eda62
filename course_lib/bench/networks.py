"""The networks that a benchmark can time: ours, and the same ones from other libraries.

Names: a model of ATTENTION ("plain", "se", ...) is ours; "fused-se" is ours with the
fused end of the block; "timm-se" and "torchvision-plain" are other libraries'.
"""

from collections.abc import Sequence
from importlib.util import find_spec

from torch import nn

from course_lib.attention import ATTENTION
from course_lib.errors import CourseError, check_choice
from course_lib.fused import FUSABLE, fuse
from course_lib.resnet import resnet50

PEERS = {
    "timm": ("timm-plain", "timm-se", "timm-eca", "timm-cbam"),
    "torchvision": ("torchvision-plain",),
}
FUSED = tuple(f"fused-{name}" for name in FUSABLE)
OURS = (*ATTENTION, *FUSED)


def list_networks(
    models: Sequence[str], against: Sequence[str], width: int
) -> list[str]:
    """Every network to time, "plain" first, as all are compared with it.

    Raises CourseError for an unknown name, a library that is not installed, and other
    libraries at another width than theirs, 64.
    """
    for model in models:
        check_choice("model", model, OURS)
    names = list(dict.fromkeys(["plain", *models]))
    for library in against:
        check_choice("--against", library, [*PEERS, "none"])
        if library == "none":
            continue
        if find_spec(library) is None:
            raise CourseError(
                f"--against {library}, which is not installed",
                f"the package {library}",
                f"Install it with pip install {library}, or use --against none.",
            )
        if width != 64:
            raise CourseError(
                f"--against {library} with --width {width}",
                "width 64, the only one that other libraries' ResNet50 has",
                "Add --against none, or leave --width out.",
            )
        names += PEERS[library]
    return names


def build(
    name: str, classes: int, stem: str, width: int, passes: str = "auto"
) -> nn.Module:
    """The network of that name, with our stems; see `resnet50` for stem and width.

    passes: how the fused ones run; see course_lib.fused.
    """
    library, _, model = name.rpartition("-")
    if library == "timm":
        return replace_stem(_timm(model, classes), stem)
    if library == "torchvision":
        from torchvision.models import resnet50 as theirs

        return replace_stem(theirs(num_classes=classes), stem)
    if library == "fused":
        return fuse(_ours(model, classes, stem, width), passes)
    return _ours(name, classes, stem, width)


def _ours(model: str, classes: int, stem: str, width: int) -> nn.Module:
    reduction = 16 if width >= 16 else 4  # 4 where 16 would leave no hidden unit
    return resnet50(classes, model, stem=stem, width=width, reduction=reduction)


def _timm(model: str, classes: int) -> nn.Module:
    from timm import create_model

    if model == "plain":
        return create_model("resnet50", num_classes=classes)
    if model == "se":
        return create_model("seresnet50", num_classes=classes)
    layer = {"attn_layer": model}
    return create_model("resnet50", num_classes=classes, block_args=layer)


def replace_stem(network: nn.Module, stem: str) -> nn.Module:
    """Give another library's ResNet50 our smaller stems; "imagenet" is its own."""
    if stem != "imagenet":
        stride = 1 if stem == "cifar" else 2
        network.conv1 = nn.Conv2d(3, 64, 3, stride, padding=1, bias=False)
        network.maxpool = nn.Identity()
    return network
