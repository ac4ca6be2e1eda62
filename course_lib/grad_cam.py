"""Grad-CAM: where in a layer a class gets its score from. No attention module needed.

Source: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via
Gradient-based Localization", 2017, equations 1 and 2.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.errors import CourseError, check_choice
from course_lib.looking import evaluating


def cam_weights(gradients: Tensor) -> Tensor:
    """One weight a channel: (N, C, h, w) -> (N, C, 1, 1), the mean over positions."""
    return gradients.mean(dim=(2, 3), keepdim=True)


@torch.enable_grad()  # also where the caller has switched gradients off
def grad_cam(
    network: nn.Module, layer: str, images: Tensor, classes: Tensor | None = None
) -> Tensor:
    """Grad-CAM maps of one layer: images (N, 3, H, W) -> (N, h, w) on the CPU, >= 0.

    layer: a module's name in the network, such as "layer4" or "layer3.5".
    classes (N,), int: whose logit is explained; None means the network's own answer.
    The network runs in eval mode and keeps its weights, gradients and mode.

    Raises CourseError for an unknown layer, one without a map, and a class too high.
    """
    modules = dict(network.named_modules())
    check_choice("layer", layer, [name for name in modules if name])
    activation, logits = _run(network, modules[layer], images)
    classes = logits.argmax(dim=1) if classes is None else classes.to(logits.device)
    if (
        classes.shape != logits.shape[:1]
        or not 0 <= classes.min() <= classes.max() < (logits.shape[1])
    ):
        raise CourseError(
            f"classes {classes.tolist()}",
            f"one number below {logits.shape[1]} for each of {len(logits)} images",
            "Leave classes out to explain the network's own answer.",
        )
    chosen = logits.gather(1, classes[:, None]).sum()  # each image has its own logit
    (gradients,) = torch.autograd.grad(chosen, activation)  # (N, C, h, w)
    weighted = cam_weights(gradients) * activation  # (N, C, h, w)
    return F.relu(weighted.sum(dim=1)).detach().float().cpu()  # (N, h, w)


def _run(
    network: nn.Module, module: nn.Module, images: Tensor
) -> tuple[Tensor, Tensor]:
    """The layer's output (N, C, h, w), where gradients begin, and the logits (N, K)."""
    kept: list[Tensor] = []

    def begin_here(module: nn.Module, inputs: tuple, output: Tensor) -> Tensor:
        if not isinstance(output, Tensor) or output.ndim != 4:
            raise CourseError(
                f"a {type(module).__name__} whose output is no map",
                "a layer that gives (N, C, h, w)",
                'Try "layer4".',
            )
        kept.append(output.detach().requires_grad_())
        return kept[-1].clone()  # a layer behind may write into its input

    hook = module.register_forward_hook(begin_here)
    try:
        with evaluating(network):
            logits = network(images.to(next(network.parameters()).device))
    finally:
        hook.remove()
    return kept[0], logits
