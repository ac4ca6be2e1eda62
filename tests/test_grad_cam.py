"""Grad-CAM against two other ways to compute it."""

import pytest
import torch
from torch.nn import functional as F

from course_lib.errors import CourseError
from course_lib.grad_cam import grad_cam
from course_lib.resnet import resnet50

IMAGES = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1)).double()
CLASSES = torch.tensor([4, 0, 2])


@pytest.fixture(params=["plain", "cbam"])
def network(request):
    """A small ResNet50 in float64, in training mode, running averages set."""
    torch.manual_seed(0)
    made = resnet50(5, request.param, stem="stride2", width=4, reduction=2).double()
    with torch.no_grad():
        made.train()(torch.rand(8, 3, 32, 32).double())
    return made


def output_of(network, layer, change=None):
    """The layer's output in eval mode, and the logits with that output changed."""
    kept = []

    def hook(module, inputs, output):
        kept.append(output.clone())
        return output if change is None else change(output)

    module = dict(network.named_modules())[layer]
    handle = module.register_forward_hook(hook)
    with torch.no_grad():
        logits = network(IMAGES)
    handle.remove()
    return kept[0], logits


def test_at_the_last_layer_it_is_cam(network):
    # Zhou et al. 2016: behind an average pooling, the classifier's own weights.
    maps = grad_cam(network, "layer4", IMAGES, CLASSES)
    network.eval()
    activation, _ = output_of(network, "layer4")
    weights = network.fc.weight.detach()[CLASSES]  # (N, C)
    positions = activation.shape[2] * activation.shape[3]
    cam = (weights[:, :, None, None] * activation).sum(dim=1) / positions
    torch.testing.assert_close(maps, F.relu(cam).float())


def test_its_weights_are_measured_slopes(network):
    # Raise one whole channel a little: the logit grows by the sum of its gradients.
    layer, step = "layer3", 1e-6
    maps = grad_cam(network, layer, IMAGES, CLASSES)
    network.eval()
    activation, _ = output_of(network, layer)
    positions = activation.shape[2] * activation.shape[3]
    cam = torch.zeros_like(activation[:, 0])
    for c in range(activation.shape[1]):
        heights = []
        for sign in (1, -1):

            def change(output, c=c, sign=sign):
                output = output.clone()
                output[:, c] += sign * step
                return output

            _, logits = output_of(network, layer, change)
            heights.append(logits.gather(1, CLASSES[:, None])[:, 0])
        slope = (heights[0] - heights[1]) / (2 * step) / positions  # (N,)
        cam += slope[:, None, None] * activation[:, c]
    torch.testing.assert_close(maps, F.relu(cam).float(), rtol=1e-3, atol=1e-5)


def test_no_class_means_the_network_s_own_answer(network):
    network.eval()
    with torch.no_grad():
        own = network(IMAGES).argmax(dim=1)
    expected = grad_cam(network, "layer3", IMAGES, own)
    assert torch.equal(grad_cam(network, "layer3", IMAGES), expected)


def test_images_are_independent_and_other_classes_give_other_maps(network):
    together = grad_cam(network, "layer3", IMAGES, CLASSES)
    pairs = zip(IMAGES.split(1), CLASSES.split(1), strict=True)
    alone = torch.cat([grad_cam(network, "layer3", x, k) for x, k in pairs])
    torch.testing.assert_close(together, alone)
    assert not torch.allclose(
        together, grad_cam(network, "layer3", IMAGES, 4 - CLASSES)
    )


def test_the_network_is_left_as_it_was(network):
    network.train()
    network.layer2.eval()
    modes = [m.training for m in network.modules()]
    state = {k: v.clone() for k, v in network.state_dict().items()}
    with torch.no_grad():
        grad_cam(network, "layer3.1", IMAGES)
    for bad in ("layer9", "fc"):
        with pytest.raises(CourseError):
            grad_cam(network, bad, IMAGES)
    for classes in (CLASSES + 1, CLASSES - 1, CLASSES[:2]):
        with pytest.raises(CourseError, match="one number below 5"):
            grad_cam(network, "layer4", IMAGES, classes)
    assert [m.training for m in network.modules()] == modes
    assert all(p.grad is None for p in network.parameters())
    assert not any(m._forward_hooks for m in network.modules())
    assert all(torch.equal(v, state[k]) for k, v in network.state_dict().items())


def test_frozen_weights_do_no_harm(network):
    expected = grad_cam(network, "layer3", IMAGES)
    network.requires_grad_(False)
    assert torch.equal(grad_cam(network, "layer3", IMAGES), expected)
