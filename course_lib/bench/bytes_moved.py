"""What one step must read, write and compute: counted, not measured.

The network runs once on PyTorch's "meta" device, which has shapes but no numbers. Each
operation reads its inputs and writes its outputs; their sizes are known, and so are the
multiply-adds of convolutions and matrix products. No GPU is needed for the count.

Three ways of running the same step are told apart:

- "eager": every operation is a pass of its own, as written;
- "fused": element-wise operations ride on the pass that makes their first input, so
  they only read their other inputs. A compiler can reach this;
- "ideal": convolutions and matrix products alone, everything else for free.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

WAYS = ("eager", "fused", "ideal")

# Views and bookkeeping: nothing is read or written.
FREE_NAMES = """
    view _unsafe_view reshape expand t transpose permute detach alias squeeze unsqueeze
    slice select as_strided empty empty_like new_empty split unsafe_split
"""
FREE = set(FREE_NAMES.split())
# One number in, one number out, position by position.
ELEMENT_WISE_NAMES = """
    relu relu_ threshold_backward mul mul_ add add_ sub sub_ rsub div div_ neg sigmoid
    sigmoid_ sigmoid_backward addcmul addcmul_ clamp_min clone copy_ _to_copy
    zeros_like ones_like fill_ zero_ where gt ge eq le
"""
ELEMENT_WISE = set(ELEMENT_WISE_NAMES.split())
BATCH_NORM = {
    "native_batch_norm",
    "_native_batch_norm_legit",
    "_native_batch_norm_legit_no_training",
    "cudnn_batch_norm",
    "_batch_norm_with_update",
    "_batch_norm_no_update",
}


@dataclass(frozen=True)
class Operation:
    """One operation of a step: its floating-point operations and its bytes, by way."""

    name: str
    flops: float
    bytes: dict[str, float]


class Count(TorchDispatchMode):
    """While active, notes every operation in `operations`."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[Operation] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        name = func.overloadpacket.__name__
        if name not in FREE:
            flops = 0
            if func.overloadpacket in flop_registry:
                flops = flop_registry[func.overloadpacket](*args, **kwargs, out_val=out)
            reads, writes = sizes((args, kwargs)), sizes(out)
            moved = {way: bytes_of(name, way, reads, writes, flops) for way in WAYS}
            self.operations.append(Operation(name, flops, moved))
        return out


def sizes(values: object) -> list[int]:
    """Bytes of each tensor in a nest of arguments."""
    return [
        value.numel() * value.element_size()
        for value in tree_leaves(values)
        if isinstance(value, Tensor)
    ]


def bytes_of(
    name: str, way: str, reads: list[int], writes: list[int], flops: float
) -> float:
    """Bytes that an operation moves when run in one of the three ways."""
    if flops:
        return sum(reads) + sum(writes)
    if way == "ideal":
        return 0
    if name in BATCH_NORM:  # the statistics are a pass of their own
        return 2 * reads[0] + writes[0]
    if name.endswith("batch_norm_backward"):  # sums first, then the gradient
        return 2 * (reads[0] + reads[1]) + writes[0]
    if way == "fused" and name in ELEMENT_WISE:
        return sum(reads[1:])
    return sum(reads) + sum(writes)


@contextmanager
def counting() -> Iterator[Count]:
    """Count the operations of the block under `with`."""
    with Count() as count:
        yield count


def count_step(
    network: nn.Module, batch: int, image_size: int, phase: str = "train"
) -> list[Operation]:
    """The operations of one step of a network that lies on the meta device.

    phase: "train" is forward, loss, backward and the optimiser's pass over the
    weights; "infer" is forward in eval mode. Numbers are of 4 bytes.
    """
    images = torch.empty(batch, 3, image_size, image_size, device="meta")
    labels = torch.empty(batch, dtype=torch.long, device="meta")
    network.train(phase == "train")
    with torch.set_grad_enabled(phase == "train"), counting() as count:
        logits = network(images)
        if phase == "train":
            F.cross_entropy(logits, labels).backward()
    operations = count.operations
    if phase == "train":
        operations.append(optimiser_pass(network))
    return operations


def optimiser_pass(network: nn.Module) -> Operation:
    """SGD with momentum: reads weight, gradient, momentum; writes weight, momentum."""
    numbers = sum(parameter.numel() for parameter in network.parameters())
    return Operation("sgd", 0, dict.fromkeys(WAYS, 5 * 4 * numbers))
