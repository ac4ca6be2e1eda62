"""The networks of the small experiments, and what is measured of them."""

import torch
from torch import Tensor, nn

from course_lib.attention import CBAM, AttentionFactory, CBAMSpatial, SqueezeExcitation
from course_lib.data.image_set import Dataset
from course_lib.data.signs import CLASSES
from course_lib.looking import energy_inside, enlarge, evaluating, pointing_game
from course_lib.profiles import LAPTOP
from course_lib.training import Trainer

R = LAPTOP.signs.reduction
BATCH = 500  # images that go through a trained network at once


class NoShortcut(nn.Module):
    """Takes a shortcut's place and returns zeros: (N, C, H, W) -> (N, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)


class Quarter(nn.Module):
    """No attention: x (N, C, H, W) -> 0.25 x."""

    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return 0.25 * x


def se_open(channels: int) -> SqueezeExcitation:
    """SE whose gates start at sigmoid(5) = 0.99."""
    module = SqueezeExcitation(channels, R)
    nn.init.constant_(module.expand.bias, 5.0)
    return module


def cbam_open(channels: int) -> CBAM:
    """CBAM whose two gates start at sigmoid(4) = 0.98; the MLP runs twice."""
    module = CBAM(channels, R)
    nn.init.constant_(module.channel.expand.bias, 2.0)
    nn.init.constant_(module.spatial.norm.bias, 4.0)
    return module


STARTS: dict[str, AttentionFactory] = {
    "CBAM": lambda channels: CBAM(channels, R),
    "CBAM, gates open": cbam_open,
    "CBAM, scale 1": lambda channels: CBAM(channels, R, bn_scale=1.0),
    "branch x 0.25": Quarter,
}


class TestedEachEpoch(Trainer):
    """Keeps which test images are right, each time they are judged."""

    def evaluate(self, split: str) -> Tensor:
        hits = super().evaluate(split)  # bool (N,)
        if split == "test":
            self.tested = [*getattr(self, "tested", []), hits]
        return hits


def halves(hits: Tensor) -> tuple[float, float]:
    """Accuracies of two halves, each with all classes alike: hits bool (N,)."""
    first = torch.arange(len(hits)) // len(CLASSES) % 2 == 0  # every second row of 18
    return hits[first].float().mean().item(), hits[~first].float().mean().item()


def normalised(dataset: Dataset, split: str) -> Tensor:
    """A split's images as the network was trained on them: (N, 3, H, W)."""
    images = getattr(dataset, split).images
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (dataset.mean, dataset.std))
    return (images / 255 - mean) / std


@torch.no_grad()
def accuracy(network: nn.Module, dataset: Dataset) -> float:
    """Share of the test images that the network gets right, in %."""
    parts = normalised(dataset, "test").split(BATCH)
    with evaluating(network):
        logits = torch.cat([network(part) for part in parts])  # (N, classes)
    return 100 * (logits.argmax(dim=1) == dataset.test.labels).float().mean().item()


def spatial_gates(network: nn.Module) -> dict[str, CBAMSpatial]:
    """Every spatial gate of CBAM, by its name in the network."""
    modules = network.named_modules()
    return {name: part for name, part in modules if isinstance(part, CBAMSpatial)}


@torch.no_grad()
def refresh(network: nn.Module, images: Tensor) -> None:
    """Measure the running statistics of every spatial gate anew; no weight changes."""
    network.eval()
    for gate in spatial_gates(network).values():
        gate.norm.reset_running_stats()
        gate.norm.momentum = None  # the plain average over all batches
        gate.norm.train()
    for part in images.split(100):
        network(part)
    network.eval()


def spatial_maps(network: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """What each spatial gate says of the images: (N, 1, h, w) by the gate's name."""
    found: dict[str, list[Tensor]] = {name: [] for name in spatial_gates(network)}
    hooks = [
        part.register_forward_pre_hook(
            lambda module, inputs, name=name: found[name].append(module.gate(inputs[0]))
        )
        for name, part in spatial_gates(network).items()
    ]
    with torch.no_grad(), evaluating(network):
        for part in images.split(BATCH):
            network(part)
    for hook in hooks:
        hook.remove()
    return {name: torch.cat(gates) for name, gates in found.items()}


def map_scores(network: nn.Module, dataset: Dataset) -> list[dict[str, object]]:
    """One row a block: mean and spread of its spatial gate, and its scores."""
    masks = dataset.test.masks  # (N, H, W)
    chance = masks.float().mean().item()
    centre = pointing_game(nearness_to_centre(masks), masks).mean().item()
    rows = []
    for name, gates in spatial_maps(network, normalised(dataset, "test")).items():
        large = enlarge(gates[:, 0], *masks.shape[1:])  # (N, H, W)
        rows.append(
            {
                "block": name.removesuffix(".attention.spatial"),
                "side": gates.shape[-1],
                "gate": gates.mean().item(),
                "spread": gates.std(dim=(2, 3)).mean().item(),
                "pointing": pointing_game(large, masks).mean().item(),
                "energy": energy_inside(large, masks).mean().item(),
                "chance": chance,
                "centre pointing": centre,
                "test images": len(masks),
            }
        )
    return rows


def nearness_to_centre(masks: Tensor) -> Tensor:
    """The map that points at the middle of every image: (N, H, W) -> (N, H, W)."""
    _, height, width = masks.shape
    y = torch.arange(height) - (height - 1) / 2
    x = torch.arange(width) - (width - 1) / 2
    return -(y[:, None] ** 2 + x**2).expand(masks.shape)
