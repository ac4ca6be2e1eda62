"""ResNet50 and ResNet101, with a slot for an attention module in every block.

Source: He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2015,
as torchvision builds it (stride in the 3x3 convolution). Parameter names equal
torchvision's, so its weights load unchanged.

`preact=True` is the network of the REU group instead. It follows the pre-activation
order of He et al. 2016 but leaves out the BatchNorm after the stem, in the shortcuts
and before the pooling.
"""

from collections.abc import Sequence
from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.attention import ATTENTION, AttentionFactory
from course_lib.blocks import (
    EXPANSION,
    PLACEMENTS,
    Block,
    Bottleneck,
    PreActBottleneck,
    build_stage,
    conv,
)
from course_lib.errors import CourseError, check_choice
from course_lib.weights import initialise_backbone

# The pixels that one position of the last map stands for: smaller images are refused.
SMALLEST_IMAGE = {"imagenet": 32, "cifar": 8, "stride2": 16}


class ResNet(nn.Module):
    """Stem, four stages of bottlenecks, average pooling, classifier.

    images (N, 3, H, W) -> logits (N, num_classes). See `resnet50` for the arguments.
    """

    def __init__(
        self,
        blocks: Sequence[int],
        num_classes: int,
        attention: AttentionFactory | None,
        placement: str,
        stages: Sequence[int],
        stem: str,
        preact: bool,
        width: int,
        stride_in: str,
    ) -> None:
        super().__init__()
        self.smallest_image = SMALLEST_IMAGE[stem]
        self._build_stem(stem, width, preact)
        in_blocks = attention if placement != "between_stages" else None
        kind = PreActBottleneck if preact else Bottleneck

        def stage(number: int, in_channels: int, stride: int) -> nn.Sequential:
            module = in_blocks if number in stages else None

            def block(inputs: int, channels: int, stride: int) -> Block:
                return kind(inputs, channels, stride, module, placement, stride_in)

            channels = width * 2 ** (number - 1)
            return build_stage(block, in_channels, channels, blocks[number - 1], stride)

        self.layer1 = stage(1, width, stride=1)
        self.layer2 = stage(2, width * EXPANSION, stride=2)
        self.layer3 = stage(3, width * EXPANSION * 2, stride=2)
        self.layer4 = stage(4, width * EXPANSION * 4, stride=2)
        self.between = nn.ModuleDict()
        if attention is not None and placement == "between_stages":
            for number in stages:
                channels = width * 2 ** (number - 1) * EXPANSION
                self.between[f"stage{number}"] = attention(channels)
        self.fc = nn.Linear(width * 8 * EXPANSION, num_classes)

    def _build_stem(self, stem: str, width: int, preact: bool) -> None:
        size, stride = {"imagenet": (7, 2), "cifar": (3, 1), "stride2": (3, 2)}[stem]
        self.conv1 = conv(3, width, size, stride)
        self.bn1 = None if preact else nn.BatchNorm2d(width)
        self.maxpool = None
        if stem == "imagenet":
            self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        self._check_images(x)
        x = self.conv1(x)  # (N, width, H, W), halved unless the stem is "cifar"
        if self.bn1 is not None:
            x = F.relu(self.bn1(x), inplace=True)
        if self.maxpool is not None:
            x = self.maxpool(x)  # halved again
        x = self._stage(1, self.layer1, x)  # (N, 4 * width, H1, W1)
        x = self._stage(2, self.layer2, x)  # (N, 8 * width, H1/2, W1/2)
        x = self._stage(3, self.layer3, x)  # (N, 16 * width, H1/4, W1/4)
        x = self._stage(4, self.layer4, x)  # (N, 32 * width, H1/8, W1/8)
        return self.fc(x.mean(dim=(2, 3)))  # (N, num_classes)

    def _stage(self, number: int, layer: nn.Sequential, x: Tensor) -> Tensor:
        x = layer(x)
        name = f"stage{number}"
        return self.between[name](x) if name in self.between else x

    def _check_images(self, x: Tensor) -> None:
        if x.dim() != 4 or x.shape[1] != 3:
            raise CourseError(
                f"input of shape {tuple(x.shape)}",
                "images (N, 3, H, W)",
                "Add the batch axis with x[None], or convert to three channels.",
            )
        check_image_size(min(x.shape[2:]), self.smallest_image)


def check_image_size(size: int, smallest: int) -> None:
    """Raise CourseError when images are too small for the stem."""
    if size < smallest:
        raise CourseError(
            f"images of {size} pixels",
            f"at least {smallest} pixels with this stem",
            "Use larger images or a stem that shrinks them less, such as 'cifar'.",
        )


def resnet50(
    num_classes: int,
    attention: str | AttentionFactory | None = None,
    placement: str | None = None,
    stages: Sequence[int] | None = None,
    stem: str = "imagenet",
    preact: bool = False,
    width: int = 64,
    reduction: int = 16,
    zero_init_residual: bool = False,
    stride_in: str = "3x3",
    blocks: Sequence[int] = (3, 4, 6, 3),
) -> ResNet:
    """ResNet50 for `num_classes` classes: images (N, 3, H, W) -> (N, num_classes).

    attention: None, a name of `ATTENTION`, or a callable from channels to a module,
        so that your own class drops in. A class whose first argument is not the
        channels needs a wrapper: `lambda channels: SmallSpatial()`.
    placement: a name of `PLACEMENTS`. None takes the module's default place; for a
        callable that is "branch".
    stages: which of the stages 1 to 4 get the module. None means all four, and 1 to 3
        for "between_stages", as in the BAM paper.
    stem: "imagenet" (7x7 stride 2 and a max pooling), "cifar" (3x3, keeps the size) or
        "stride2" (3x3 stride 2, for small images on a laptop).
    preact: the REU network's block order instead of the standard one.
    width: channels of the stem, 64 in ResNet50; smaller divides the whole network.
    reduction: r of the modules that have a hidden layer (named modules only).
    zero_init_residual: each block starts as the identity (not with preact).
    stride_in: "3x3" (torchvision, the released code) or "1x1" (what the papers count:
        3.86 instead of 4.09 billion multiply-adds at 224 pixels).

    Raises CourseError for an unknown name, or a stage that does not exist.
    """
    check_choice("stem", stem, SMALLEST_IMAGE)
    check_choice("stride_in", stride_in, ("3x3", "1x1"))
    if preact and zero_init_residual:
        raise CourseError(
            "zero_init_residual=True with preact=True",
            "one of the two, as a pre-activation block does not end in a BatchNorm",
            "Leave zero_init_residual out.",
        )
    if num_classes < 1 or width < 1:
        raise CourseError(
            f"num_classes={num_classes}, width={width}", "at least 1 of each", "Try 10."
        )
    factory, placement = choose_attention(attention, placement, reduction)
    if stages is None:
        stages = (1, 2, 3) if placement == "between_stages" else (1, 2, 3, 4)
    check_stages(stages)
    network = ResNet(
        blocks, num_classes, factory, placement, stages, stem, preact, width, stride_in
    )
    initialise_backbone(network, zero_init_residual=zero_init_residual)
    return network


# The deeper network differs in the third stage only: 23 blocks instead of 6.
resnet101 = partial(resnet50, blocks=(3, 4, 23, 3))


def check_stages(stages: Sequence[int]) -> None:
    """Raise CourseError unless `stages` is a sequence of whole numbers from 1 to 4."""
    # Text is refused, as no stage equals "3": the network would silently be plain.
    is_sequence = isinstance(stages, Sequence) and not isinstance(stages, str)
    if not is_sequence or any(number not in (1, 2, 3, 4) for number in stages):
        raise CourseError(
            f"stages={stages!r}",
            "some of the stages 1, 2, 3 and 4, as whole numbers",
            "Try stages=(3, 4).",
        )


def choose_attention(
    attention: str | AttentionFactory | None, placement: str | None, reduction: int
) -> tuple[AttentionFactory | None, str]:
    """The callable (channels -> module) and the place that the caller asked for."""
    default, factory = "branch", attention
    if isinstance(attention, str):
        check_choice("model", attention, ATTENTION)
        row = ATTENTION[attention]
        default, factory = row.placement, None
        if row.make is not None:
            factory = lambda channels: row.make(channels, reduction)  # noqa: E731
    elif attention is not None and (
        isinstance(attention, nn.Module) or not callable(attention)
    ):
        raise CourseError(
            f"attention={type(attention).__name__} object",
            "a name, or a callable from channels to a module",
            "Pass the class itself, or a function that builds one module per block.",
        )
    placement = placement or default
    check_choice("placement", placement, PLACEMENTS)
    return factory, placement
