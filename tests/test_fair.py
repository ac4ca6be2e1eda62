"""The three functions of notebook 07 do what the training loop does."""

import torch

from course_lib.data.batches import Augment, Batches
from course_lib.data.image_set import ImageSet
from course_lib.fair import accuracy_of, choose_epoch, epoch_order


def batches(augment, seed=3, images=23, size=10):
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randint(0, 256, (images, 3, 8, 8), generator=generator)
    image_set = ImageSet(pixels.to(torch.uint8), torch.arange(images) % 4)
    mean = std = (0.5, 0.5, 0.5)
    return Batches(image_set, size, mean=mean, std=std, seed=seed, augment=augment)


def test_the_order_is_that_of_the_training_batches():
    train = batches(Augment(crop=1, cutout=0), seed=3)
    for epoch in (0, 1, 7):
        assert torch.equal(epoch_order(3, epoch, 23), train.draw(epoch).order)


def test_accuracy_counts_the_images_of_evaluation_batches():
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 4)).train()
    test = batches(None)
    whole = torch.cat([x for x, _ in test.epoch(0)])
    right = (network(whole).argmax(dim=1) == test.labels).sum().item()
    assert accuracy_of(network, test.epoch(0)) == right / 23
    assert network.training


def test_the_earliest_of_the_best_epochs_is_chosen():
    accuracies = [0.2, 0.6, 0.5, 0.6]
    history = [{"epoch": 5 + i, "val_accuracy": a} for i, a in enumerate(accuracies)]
    assert choose_epoch(history) == 6
