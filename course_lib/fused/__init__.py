"""The end of a block as one operation: BatchNorm, attention, shortcut, ReLU.

`fuse(network)` puts it into a ResNet50 from `resnet50`. SE then needs no pass over the
map of its own, the small spatial module one in each direction.

passes: the passes over the map in plain PyTorch. triton_passes: the same as kernels for
NVIDIA GPUs. channel: BatchNorm + SE + add + ReLU. spatial: the same with the small
spatial module. network: puts them into a network.
"""

from course_lib.fused.channel import bn_se_add_relu
from course_lib.fused.network import FUSABLE, FusedBottleneck, fuse
from course_lib.fused.spatial import bn_spatial_add_relu

__all__ = [
    "FUSABLE",
    "FusedBottleneck",
    "bn_se_add_relu",
    "bn_spatial_add_relu",
    "fuse",
]
