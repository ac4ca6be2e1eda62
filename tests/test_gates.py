"""Gates by class: the share of variance between classes, on planted gates."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import f_oneway

from course_lib.errors import CourseError
from course_lib.gates import class_means, class_share, expected_share, gates_by_image
from course_lib.looking import capture_gates
from course_lib.resnet import resnet50

FEW = settings(derandomize=True, deadline=None, max_examples=30)


@st.composite
def labelled_gates(draw):
    """Gates (N, C) and labels (N,) of classes of unequal size."""
    count, channels = draw(st.integers(6, 30)), draw(st.integers(1, 7))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    gates = torch.rand(count, channels, generator=generator)
    labels = torch.randint(0, 3, (count,), generator=generator) ** 2 + 2
    labels[:2] = torch.tensor([2, 6])
    return gates, labels


@FEW
@given(data=labelled_gates())
def test_the_share_is_that_of_the_analysis_of_variance(data):
    gates, labels = data
    share = class_share(gates, labels).double()
    groups = [gates[labels == k].double().numpy() for k in labels.unique()]
    k, n = len(groups), len(labels)
    between = torch.from_numpy(f_oneway(*groups, axis=0).statistic) * (k - 1)
    torch.testing.assert_close(share, between / (between + n - k), rtol=1e-3, atol=1e-4)


@FEW
@given(data=labelled_gates(), scale=st.floats(0.01, 9), shift=st.floats(-1, 1))
def test_laws_of_the_share(data, scale, shift):
    gates, labels = data
    share = class_share(gates, labels)
    assert share.shape == gates.shape[1:]
    assert share.min() >= 0 and share.max() <= 1 + 1e-5
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    for other in (
        class_share(gates[order], labels[order]),  # images in another order
        class_share(gates, 100 - labels),  # other names for the classes
        class_share(scale * gates + shift, labels),
        class_share(gates.flip(1), labels).flip(0),
    ):
        torch.testing.assert_close(share, other, rtol=1e-3, atol=1e-4)


def test_planted_gates():
    labels = torch.tensor([0, 0, 1, 1, 1, 2])
    by_class = torch.tensor([0.1, 0.1, 0.5, 0.5, 0.5, 0.9])
    within = torch.tensor([0.2, 0.4, 0.1, 0.3, 0.5, 0.3])  # each class has mean 0.3
    still = torch.full((6,), 0.7)
    share = class_share(torch.stack([by_class, within, still], dim=1), labels)
    torch.testing.assert_close(share, torch.tensor([1.0, 0.0, 0.0]), atol=1e-6, rtol=0)
    means = class_means(torch.stack([by_class, within], dim=1), labels)
    torch.testing.assert_close(means[:, 0], torch.tensor([0.1, 0.5, 0.9]))
    torch.testing.assert_close(means[:, 1], torch.full((3,), 0.3))


def test_labels_without_meaning_score_what_is_expected():
    generator = torch.Generator().manual_seed(0)
    gates = torch.rand(90, 4000, generator=generator)
    labels = torch.arange(90) % 18
    share = class_share(gates, labels)
    assert expected_share(labels) == 17 / 89
    # 5 standard errors of 4,000 channels
    error = 5 * share.std().item() / 4000**0.5
    assert share.mean().item() == pytest.approx(17 / 89, abs=error)


@pytest.mark.parametrize("name", ["se", "cbam", "spatial", "bam"])
def test_gates_by_image_are_means_over_positions(name):
    torch.manual_seed(0)
    network = resnet50(5, name, stem="stride2", width=8, reduction=4)
    images = torch.rand(5, 3, 32, 32)
    found = gates_by_image(network, images, batch=2)
    for layer, gate in capture_gates(network, images).items():
        torch.testing.assert_close(found[layer], gate.mean(dim=(2, 3)))


@pytest.mark.parametrize(
    ("gates", "labels"),
    [
        (torch.rand(4, 3, 1, 1), torch.arange(4)),
        (torch.rand(4, 3), torch.arange(3)),
        (torch.rand(1, 3), torch.arange(1)),
    ],
)
def test_gates_and_labels_that_do_not_fit_are_refused(gates, labels):
    for function in (class_means, class_share):
        with pytest.raises(CourseError, match="at least 2 images"):
            function(gates, labels)
