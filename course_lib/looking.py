"""Where a network looks: its gates as maps, scored against the sign's own pixels.

A map is (N, H, W), one number a position, larger where the network looks more. Scores
are (N,), one an image, so that means and intervals can be taken over images. Where a
map does not tell two positions apart, they share: a constant map scores what chance
scores, never more. gates.py holds the gates by class, grad_cam.py Grad-CAM.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.errors import CourseError

ROUNDING = 1e-6  # float32 keeps about 7 digits; closer values count as equal


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Eval mode inside; every module gets its own mode back, even after an error."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


@torch.no_grad()
def capture_gates(network: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """The bare gate of every attention module, by the module's name in the network.

    images (N, 3, H, W), normalised as in training. Each gate is on the CPU, of the
    shape its module gives: (N, C, 1, 1), (N, 1, h, w) or (N, C, h, w). The network runs
    once in eval mode and is put back into the mode it had.

    Raises CourseError when no module of the network has a method `gate`.
    """
    modules = attention_modules(network)
    if not modules:
        raise CourseError(
            f"a {type(network).__name__} without attention",
            "a module with a method gate(x)",
            'Build one with resnet50(10, attention="cbam"); give your own a gate(x).',
        )
    gates: dict[str, Tensor] = {}
    hooks = [
        module.register_forward_pre_hook(_remember_gate(name, gates))
        for name, module in modules.items()
    ]
    try:
        with evaluating(network):
            network(images.to(next(network.parameters()).device))
    finally:
        for hook in hooks:
            hook.remove()
    return gates


def capture_maps(
    network: nn.Module, images: Tensor, batch: int = 250
) -> dict[str, Tensor]:
    """Every spatial gate as maps (N, h, w), in the order of the layers.

    images as in `capture_gates`; they go through in pieces, so that thousands fit.
    Channel gates are left out: they have no map.
    Raises CourseError when no module has a spatial gate.
    """
    pieces: dict[str, list[Tensor]] = {}
    for part in images.split(batch):
        for name, gate in capture_gates(network, part).items():
            if gate.shape[2:] != (1, 1):
                pieces.setdefault(name, []).append(spatial_map(gate))
    if not pieces:
        raise CourseError(
            "a network whose gates have no positions",
            "a spatial module, such as bam, cbam or spatial",
            "Take another network, or larger images: a 1 x 1 map has one position.",
        )
    return {name: torch.cat(maps) for name, maps in pieces.items()}


def attention_modules(network: nn.Module) -> dict[str, nn.Module]:
    """Outermost modules with a method `gate`: CBAM, but not the two gates inside it."""
    found: dict[str, nn.Module] = {}
    for name, module in network.named_modules():
        inside = any(not outer or name.startswith(outer + ".") for outer in found)
        if callable(getattr(module, "gate", None)) and not inside:
            found[name] = module
    return found


def _remember_gate(
    name: str, gates: dict[str, Tensor]
) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        gates[name] = module.gate(inputs[0]).float().cpu()

    return hook


def spatial_map(gate: Tensor) -> Tensor:
    """One number a position: the mean over channels, (N, C or 1, h, w) -> (N, h, w).

    Raises CourseError for a channel gate (N, C, 1, 1), which is equal everywhere.
    """
    if gate.shape[2:] == (1, 1):
        raise CourseError(
            f"a gate of shape {tuple(gate.shape)}",
            "a map with more than one position",
            "A channel gate looks everywhere alike; take a spatial module.",
        )
    return gate.mean(dim=1)  # (N, h, w)


def enlarge(maps: Tensor, height: int, width: int) -> Tensor:
    """Maps (N, h, w) -> (N, height, width), bilinear, cell centres aligned."""
    size = (height, width)
    return F.interpolate(maps[:, None], size=size, mode="bilinear")[:, 0]


def rounding(maps: Tensor) -> Tensor:
    """How close two values of a map count as equal: (N, H, W) -> (N, 1, 1).

    Enlarging a constant map already leaves differences in the seventh digit.
    """
    return ROUNDING * maps.abs().amax(dim=(1, 2), keepdim=True)  # (N, 1, 1)


def pointing_game(maps: Tensor, masks: Tensor) -> Tensor:
    """Does the largest value lie on the sign? 1 or 0; ties share: (N, H, W) -> (N,).

    masks (N, H, W), bool, of the maps' size. When k positions share the largest value
    and j of them lie on the sign, the score is j / k: what a random pick among them
    would score. A constant map scores the mask's share of the image, which is chance.

    Source: Zhang et al., "Top-down Neural Attention by Excitation Backprop", 2016,
    with their 15-pixel margin left out, since our masks are exact.
    """
    check_maps(maps, masks)
    largest = maps.amax(dim=(1, 2), keepdim=True)  # (N, 1, 1)
    at_top = maps >= largest - rounding(maps)  # (N, H, W)
    return (at_top & masks).sum((1, 2)) / at_top.sum((1, 2))


def energy_inside(maps: Tensor, masks: Tensor) -> Tensor:
    """Share of the map's sum that lies on the sign, 0..1: (N, H, W) -> (N,).

    Each map is first shifted so that its smallest value is 0. A constant map then has
    no energy at all and scores the mask's share of the image, which is chance.
    """
    check_maps(maps, masks)
    energy = maps - maps.amin(dim=(1, 2), keepdim=True)  # (N, H, W)
    varies = energy.amax(dim=(1, 2), keepdim=True) > rounding(maps)  # (N, 1, 1)
    energy = torch.where(varies, energy, 1.0)
    return (energy * masks).sum((1, 2)) / energy.sum((1, 2))


def iou(maps: Tensor, masks: Tensor) -> Tensor:
    """Overlap of the map's highest positions with the sign: (N, H, W) -> (N,).

    As many positions are taken as the sign has, k. The score is intersection over
    union, 0..1. Where positions tie for the last places, each counts as a part of one,
    so that the parts add up to k. A constant map scores p / (2 - p), p = k / (H W).
    """
    check_maps(maps, masks)
    k = masks.sum((1, 2))  # (N,)
    values = maps.flatten(1).sort(dim=1, descending=True).values  # (N, H * W)
    last = values.gather(1, k[:, None] - 1)[:, :, None]  # (N, 1, 1): the k-th largest
    above = maps > last + rounding(maps)  # (N, H, W)
    tied = (maps >= last - rounding(maps)) & ~above
    part = (k - above.sum((1, 2))) / tied.sum((1, 2))  # (N,), of each tied position
    both = (above & masks).sum((1, 2)) + part * (tied & masks).sum((1, 2))
    return both / (2 * k - both)


SCORES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "pointing": pointing_game,
    "energy": energy_inside,
    "iou": iou,
}


def score_maps(maps: Tensor, masks: Tensor) -> dict[str, Tensor]:
    """All three scores of maps (N, h, w), enlarged to the masks (N, H, W): (N,) each.

    Raises CourseError as the scores do.
    """
    height, width = masks.shape[-2:]
    large = enlarge(maps, height, width)  # (N, H, W)
    return {name: score(large, masks) for name, score in SCORES.items()}


def chance_map(masks: Tensor) -> Tensor:
    """The map that looks nowhere in particular: (N, H, W) -> (N, H, W), all 1."""
    return torch.ones(masks.shape)


def center_map(masks: Tensor) -> Tensor:
    """The map that looks at the middle of every image: (N, H, W) -> (N, H, W).

    A Gaussian whose standard deviation is a quarter of the height and of the width.
    """
    count, height, width = masks.shape
    y = (torch.arange(height) - (height - 1) / 2) / (height / 4)
    x = (torch.arange(width) - (width - 1) / 2) / (width / 4)
    bump = torch.exp(-(y[:, None] ** 2 + x**2) / 2)  # (H, W)
    return bump.expand(count, height, width).contiguous()


def ideal_map(masks: Tensor, height: int, width: int) -> Tensor:
    """The sign itself, as coarse as a layer: (N, H, W) -> (N, height, width), 0..1.

    Each value is the share of its cell that lies on the sign. Its score says what a
    layer of this size could reach: two by two cells cannot point at the middle.
    """
    return F.interpolate(masks[:, None].float(), (height, width), mode="area")[:, 0]


def randomised(network: nn.Module, images: Tensor, seed: int = 0) -> nn.Module:
    """A copy of the network that has learned nothing: every weight is drawn anew.

    Layers draw as PyTorch starts them; a parameter outside such a layer is shuffled.
    BatchNorm then measures its means and variances on images (N, 3, H, W), at least
    two, so that no activation grows out of bounds. The network itself is untouched.

    Source: Adebayo et al., "Sanity Checks for Saliency Maps", 2018.
    """
    fresh = copy.deepcopy(network)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        for module in fresh.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
            else:
                for parameter in module.parameters(recurse=False):
                    order = torch.randperm(parameter.numel())
                    parameter.copy_(parameter.flatten()[order].view_as(parameter))
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.momentum = None  # the plain average of what it sees
        fresh.train()(images.to(next(fresh.parameters()).device))
    return fresh.eval()


def check_maps(maps: Tensor, masks: Tensor) -> None:
    """Raise CourseError unless every map can be scored against its mask."""
    if maps.ndim != 3 or maps.shape != masks.shape:
        raise CourseError(
            f"maps of {tuple(maps.shape)} with masks of {tuple(masks.shape)}",
            "the same N, H and W",
            "Enlarge the maps first: enlarge(maps, height, width).",
        )
    if masks.dtype != torch.bool:
        raise CourseError(
            f"masks of {masks.dtype}", "bool, True on the sign", "Try masks > 0."
        )
    if not maps.isfinite().all():
        raise CourseError(
            "a map that holds nan or inf",
            "finite numbers",
            "Look for a training whose loss was nan.",
        )
    if not masks.any(dim=(1, 2)).all():
        raise CourseError(
            "a mask without a sign",
            "at least one position on the sign in every image",
            "Leave those images out: keep = masks.any(dim=(1, 2)).",
        )
