"""Known-wrong answers to the exercises of notebook 07: measuring an accuracy."""

from course_lib.exercises.exercise import WrongAnswer

EVAL = "    network.eval()\n"
NO_GRAD = "with torch.no_grad():"
FORWARD = "network(x).argmax(dim=1)"
ADD = """right += (network(x).argmax(dim=1) == y).sum().item()
            images += len(y)"""
BACK = "    network.train(was_training)\n"
RETURN = "return right / images"

ACCURACY = (
    WrongAnswer(
        "batches have no length",
        RETURN,
        "return right / (len(batches) * len(y))",
        "runs",
        "Batches that come one by one have no len(). Count the images as they come: "
        "images += len(y).",
    ),
    WrongAnswer(
        "batches read twice",
        f"with torch.no_grad():\n        for x, y in batches:\n            {ADD}",
        """with torch.no_grad():
        for x, y in batches:
            right += (network(x).argmax(dim=1) == y).sum().item()
        for x, y in batches:
            images += len(y)""",
        "runs",
        "No image was counted. Batches can be read only once: count images in the "
        "loop that counts right answers.",
    ),
    WrongAnswer(
        "argmax over the batch",
        "argmax(dim=1)",
        "argmax(dim=0)",
        "runs",
        "dim=0 is the batch: it asks which image is best for each class. Classes are "
        "dim=1.",
    ),
    WrongAnswer(
        "one answer an image",
        ADD,
        """right = right + (network(x).argmax(dim=1) == y)[:3].float()
            images += len(y)""",
        "shape",
        "One answer for each image came back. Add them up: .sum().item().",
    ),
    WrongAnswer(
        "a tensor with one number",
        "== y).sum().item()",
        "== y).sum()",
        "shape",
        "The accuracy is still a tensor. .item() after .sum() makes it a number.",
    ),
    WrongAnswer(
        "a count, not a share",
        RETURN,
        "return right",
        "range",
        "This is the number of right answers. Divide it by the number of images.",
    ),
    WrongAnswer(
        "per cent",
        RETURN,
        "return 100 * right / images",
        "range",
        "These are per cent. The library's accuracies lie in 0..1; multiply when you "
        "print.",
    ),
    WrongAnswer(
        "divided by the batches",
        "images += len(y)",
        "images += 1",
        "range",
        "Right answers were divided by the number of batches. Count images: len(y).",
    ),
    WrongAnswer(
        "eval in train mode",
        EVAL,
        "",
        "eval mode",
        "The network is still in train mode: BatchNorm uses the statistics of each "
        "batch, and even learns from it. Call network.eval() first.",
    ),
    WrongAnswer(
        "train mode on purpose",
        EVAL,
        "    network.train()\n",
        "eval mode",
        "network.train() puts BatchNorm and dropout to work. For a measurement it is "
        "network.eval().",
    ),
    WrongAnswer(
        "eval mode for the first batch only",
        ADD,
        ADD + "\n            network.train(was_training)",
        "eval mode",
        "The mode comes back inside the loop, so only the first batch is measured in "
        "eval mode. Move that line out of the loop.",
    ),
    WrongAnswer(
        "a copy is measured",
        EVAL,
        "    import copy\n    network = copy.deepcopy(network).eval()\n",
        "images as given",
        "The network itself saw no image: a copy did, or nobody. A copy costs memory "
        "and hides what you forgot to put back. Use the network.",
    ),
    WrongAnswer(
        "augmentation in eval",
        FORWARD,
        "network(x.flip(3)).argmax(dim=1)",
        "images as given",
        "The images are changed as in training. A measurement takes each one as it "
        "is: no flip, no crop, no cutout.",
    ),
    WrongAnswer(
        "shifted as by a random crop",
        FORWARD,
        "network(x.roll(1, 3)).argmax(dim=1)",
        "images as given",
        "The images are shifted, as a random crop does in training. Give them to the "
        "network as they are.",
    ),
    WrongAnswer(
        "each batch normalised by itself",
        FORWARD,
        "network((x - x.mean()) / x.std()).argmax(dim=1)",
        "images as given",
        "Each batch is normalised with its own mean and spread, so an image's class "
        "depends on its neighbours. The batches are normalised already.",
    ),
    WrongAnswer(
        "last partial batch dropped",
        "for x, y in batches:\n",
        """for x, y in batches:
            if images and len(y) < 10:
                continue
""",
        "images as given",
        "Training drops the last partial batch; a measurement must not. Count every "
        "image.",
    ),
    WrongAnswer(
        "only the first batch",
        "images += len(y)\n",
        "images += len(y)\n            break\n",
        "images as given",
        "Only the first batch is measured: a break or a return stands inside the loop.",
    ),
    WrongAnswer(
        "gradients recorded",
        NO_GRAD,
        "with torch.enable_grad():",
        "no gradients",
        "PyTorch keeps every intermediate result for a backward pass that never "
        "comes. Wrap the loop in torch.no_grad().",
    ),
    WrongAnswer(
        "mean of batch means",
        ADD,
        """right += (network(x).argmax(dim=1) == y).float().mean().item()
            images += 1""",
        "unequal batches",
        "The mean of batch means counts an image of a small batch more than others. "
        "Add up right answers and images, divide once.",
    ),
    WrongAnswer(
        "divided by the first batch's size",
        "images += len(y)",
        "images += size if images else (size := len(y))",
        "unequal batches",
        "Every batch is counted as large as the first. Add len(y) of each.",
    ),
    WrongAnswer(
        "divided by all pixels",
        "images += len(y)",
        "images += x.numel()",
        "values",
        "The right answers are right, the divisor is not: x.numel() counts all "
        "numbers of all images. len(y) counts images.",
    ),
    WrongAnswer(
        "whole shares",
        RETURN,
        "return float(right // images)",
        "values",
        "// drops what comes after the point, so every share is 0. Write right / "
        "images.",
    ),
    WrongAnswer(
        "the least likely class",
        "argmax(dim=1)",
        "argmin(dim=1)",
        "values",
        "argmin takes the least likely class. The network's answer is the largest "
        "logit: argmax.",
    ),
    WrongAnswer(
        "share of mistakes",
        "== y)",
        "!= y)",
        "values",
        "!= counts mistakes: this is the error, 1 - accuracy.",
    ),
    WrongAnswer(
        "left in eval mode",
        BACK,
        "",
        "network unchanged",
        "The network stays in eval mode, so the next epoch trains without BatchNorm's "
        "batch statistics. Put its mode back: network.train(was_training).",
    ),
    WrongAnswer(
        "always back to train mode",
        BACK,
        "    network.train()\n",
        "network unchanged",
        "A network that came in eval mode leaves in train mode. Remember "
        "network.training before you change it.",
    ),
)
