"""One network made ready for timing: its training step and its inference step."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.bench.bytes_moved import WAYS, count_step
from course_lib.bench.networks import build
from course_lib.bench.roofline import Ceilings, floor_ms
from course_lib.bench.timing import Task
from course_lib.cost import count_parameters

CLASSES = {"imagenet": 1000, "cifar": 100, "stride2": 100}


@dataclass(frozen=True)
class Settings:
    """What is measured; two measurements can be joined only if it is equal."""

    networks: tuple[str, ...]
    modes: tuple[str, ...]
    phases: tuple[str, ...]
    stem: str
    width: int
    image_size: int
    batch: int
    precision: str
    channels_last: bool
    steps: int
    device: str


class Case:
    """A network with an optimiser and one batch of random images, on the device."""

    def __init__(self, name: str, mode: str, settings: Settings) -> None:
        self.name, self.mode, self.settings = name, mode, settings
        self.device = torch.device(settings.device)
        layout = torch.contiguous_format
        if settings.channels_last:
            layout = torch.channels_last
        torch.manual_seed(0)
        classes = CLASSES[settings.stem]
        network = build(name, classes, settings.stem, settings.width)
        self.network = network.to(self.device, memory_format=layout)
        self.forward = self.network
        if mode == "compiled":
            self.forward = torch.compile(self.network)
        size = settings.image_size
        images = torch.randn(settings.batch, 3, size, size, device=self.device)
        self.images = images.to(memory_format=layout)  # (N, 3, H, W)
        labels = torch.randint(0, classes, (settings.batch,))
        self.labels = labels.to(self.device)  # (N,)
        self.optimizer = torch.optim.SGD(
            self.network.parameters(),
            lr=1e-4,  # small, so that thousands of steps on one batch stay finite
            momentum=0.9,
            nesterov=True,
            fused=self.device.type == "cuda",
        )

    def tasks(self) -> list[Task]:
        """The steps to time, one a phase."""
        steps = {"train": self.train_step, "infer": self.infer_step}
        return [
            Task(self.name, self.mode, phase, self.preparation(phase), steps[phase])
            for phase in self.settings.phases
        ]

    def preparation(self, phase: str):
        """Puts the network into the mode that the phase needs."""
        return lambda: self.network.train(phase == "train")

    def precision(self):
        """bfloat16 arithmetic where asked for."""
        if self.settings.precision == "bf16":
            return torch.autocast(self.device.type, dtype=torch.bfloat16)
        return nullcontext()

    def train_step(self) -> None:
        """Forward, loss, backward and the optimiser; the gradients are freed."""
        with self.precision():
            loss = F.cross_entropy(self.forward(self.images), self.labels)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def infer_step(self) -> None:
        """Forward alone, in eval mode, without gradients."""
        with torch.inference_mode(), self.precision():
            self.forward(self.images)

    def saved_mb(self) -> float:
        """Megabytes kept from the forward for the backward, weights left out.

        Counted by PyTorch's hooks on what autograd saves, each piece of memory once; so
        it can be told on every device, for eager mode.
        """
        weights = {
            value.untyped_storage().data_ptr()
            for value in (*self.network.parameters(), *self.network.buffers())
        }
        kept: dict[int, int] = {}

        def note(value: Tensor) -> Tensor:
            storage = value.untyped_storage()
            if storage.data_ptr() not in weights:
                kept[storage.data_ptr()] = storage.nbytes()
            return value

        self.network.train()
        hooks = torch.autograd.graph.saved_tensors_hooks(note, lambda value: value)
        with hooks, self.precision():
            logits = self.network(self.images)
        del logits
        return sum(kept.values()) / 1e6


def warm_up(case: Case) -> float:
    """Compile, fill caches, choose algorithms; returns the peak of memory in MB.

    The peak is that of one training step of this network alone, weights and optimiser
    included, as PyTorch's CUDA allocator counts it; not a number on other devices.
    """
    if case.device.type != "cuda":
        for task in case.tasks():
            task.prepare()
            task.step()
        return float("nan")
    for task in case.tasks():
        task.prepare()
        for _ in range(3):
            task.step()
    case.network.train()
    torch.cuda.synchronize()
    # After its own step, what this network holds is weights, momentum and images.
    own = sum(value.nbytes for value in case.network.state_dict().values())
    own += sum(
        value.nbytes
        for state in case.optimizer.state.values()
        for value in state.values()
        if isinstance(value, Tensor)
    )
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    case.train_step()
    torch.cuda.synchronize()
    return (torch.cuda.max_memory_allocated() - before + own) / 1e6


def facts_of(name: str, settings: Settings, ceilings: Ceilings) -> dict[str, float]:
    """Parameters, and for each phase the arithmetic and the floors of one step.

    The floors are counted on the meta device; see bytes_moved.
    """
    network = meta_network(name, settings)
    facts: dict[str, float] = {"parameters": count_parameters(network)}
    for phase in settings.phases:
        operations = count_step(network, settings.batch, settings.image_size, phase)
        facts[f"{phase}_gflop"] = sum(item.flops for item in operations) / 1e9
        for way in WAYS:
            moved = sum(item.bytes[way] for item in operations) / 1e9
            facts[f"{phase}_{way}_gb"] = moved  # as fp32
            facts[f"{phase}_{way}_ms"] = floor_ms(
                operations, ceilings, way, settings.precision
            )
    return facts


def meta_network(name: str, settings: Settings) -> nn.Module:
    """The network without its numbers; a fused one in plain PyTorch."""
    with torch.device("meta"):
        return build(
            name,
            CLASSES[settings.stem],
            settings.stem,
            settings.width,
            passes="plain",
        )


def make_tasks(cases: Sequence[Case]) -> list[Task]:
    """The tasks of all cases."""
    return [task for case in cases for task in case.tasks()]
