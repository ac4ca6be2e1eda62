"""Puts the fused end into the blocks of a ResNet50; the weights keep their names."""

from importlib.util import find_spec
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.attention import SmallSpatial, SqueezeExcitation
from course_lib.blocks import Bottleneck
from course_lib.errors import CourseError, check_choice
from course_lib.fused import passes as plain_passes
from course_lib.fused.batch_norm import update_running
from course_lib.fused.channel import bn_se_add_relu
from course_lib.fused.spatial import bn_spatial_add_relu

FUSABLE = ("plain", "se", "spatial")
PASSES = ("auto", "plain")


def load_kernels() -> ModuleType | None:
    """The passes as GPU kernels, where there is a GPU and Triton to build them."""
    if not torch.cuda.is_available() or find_spec("triton") is None:
        return None
    from course_lib.fused import triton_passes

    return triton_passes


KERNELS = load_kernels()


class FusedBottleneck(Bottleneck):
    """A Bottleneck whose end is one operation while it trains; the same weights.

    block: takes over its layers. passes: "auto" takes the kernels on a CUDA device with
    Triton, and elsewhere the block as it was; "plain" takes the fused operation in
    plain PyTorch everywhere.

    In eval mode the block runs as it was: SE's two extra passes stay, BatchNorm's
    statistics are fixed, and a compiler can fold the rest.
    """

    def __init__(self, block: Bottleneck, passes: str = "auto") -> None:
        nn.Module.__init__(self)
        for name, layer in block.named_children():
            self.add_module(name, layer)
        self.attention, self.downsample = block.attention, block.downsample
        self.placement, self.passes = block.placement, passes

    def forward(self, x: Tensor) -> Tensor:
        passes = self.choose_passes(x)
        if passes is None:
            return super().forward(x)
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)  # (N, channels, H, W)
        y = F.relu(self.bn2(self.conv2(y)), inplace=True)
        y = self.conv3(y)  # (N, 4 * channels, H / stride, W / stride)
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.finish(y, shortcut, passes)

    def choose_passes(self, x: Tensor) -> ModuleType | None:
        """Where the passes are; None for the block as it was."""
        if not self.training:
            return None
        if self.passes == "plain":
            return plain_passes
        return KERNELS if x.is_cuda else None

    def finish(self, y: Tensor, shortcut: Tensor, passes: ModuleType) -> Tensor:
        """relu(attention(BatchNorm(y)) + shortcut), and BatchNorm's running values."""
        norm, gate = self.bn3, self.attention
        weights = tuple(gate_weights(gate))
        # The vectors are small: in full precision, also under autocast. (The meta
        # device, on which steps are counted, knows no autocast.)
        kind = "cpu" if y.is_meta else y.device.type
        with torch.autocast(kind, enabled=False):
            if isinstance(gate, SmallSpatial):
                end = bn_spatial_add_relu(
                    y, shortcut, norm.weight, norm.bias, weights, norm.eps
                )
            else:
                end = bn_se_add_relu(
                    y, shortcut, norm.weight, norm.bias, weights, norm.eps, passes
                )
        out, mean, variance = end
        update_running(norm, mean, variance, y.numel() // y.shape[1])
        return out


def gate_weights(module: nn.Module | None) -> list[Tensor]:
    """The gate's weights in the order that its function takes them."""
    if module is None:
        return []
    if isinstance(module, SqueezeExcitation):
        reduce, expand = module.reduce, module.expand
        found = [reduce.weight, expand.weight, reduce.bias, expand.bias]
        return [weight for weight in found if weight is not None]
    layers = (module.gather, module.shrink, module.excite)
    return [weight for layer in layers for weight in (layer.weight, layer.bias)]


def fuse(network: nn.Module, passes: str = "auto") -> nn.Module:
    """Give every block of a ResNet50 the fused end; returns the network itself.

    Parameters are the same objects under the same names, so optimisers and saved
    weights go on working. For `resnet50(..., attention="se" | "spatial" | None)` with
    the standard blocks; passes: see FusedBottleneck.

    Raises CourseError for a network whose blocks end otherwise.
    """
    check_choice("passes", passes, PASSES)
    blocks = {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, Bottleneck)
    }
    if not blocks:
        raise CourseError(
            f"fuse({type(network).__name__})",
            "a resnet50 with the standard blocks (preact=False)",
            "A pre-activation block has no BatchNorm before its sum to fuse with.",
        )
    for name, block in blocks.items():
        check_fusable(name, block)
    for name, block in blocks.items():
        parent, _, child = name.rpartition(".")
        fused = FusedBottleneck(block, passes).train(block.training)
        setattr(network.get_submodule(parent), child, fused)
    return network


def check_fusable(name: str, block: Bottleneck) -> None:
    """Raise CourseError unless the block ends in a way that can be fused."""
    module = block.attention
    if module is None:
        return
    known = isinstance(module, SqueezeExcitation | SmallSpatial)
    if not known or block.placement != "branch":
        raise CourseError(
            f"fuse: {name} has {type(module).__name__} at {block.placement!r}",
            "no attention, SE or the small spatial module, on the branch",
            "Leave this network as it is.",
        )
