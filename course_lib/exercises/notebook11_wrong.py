"""Known-wrong answers to notebook 11's average_gradients and rank_loss."""

from course_lib.exercises.exercise import WrongAnswer

DIVIDE = "total / len(parts)"
ADD = "total = sum(part for part in parts if part is not None)"
PRESENT = "[part for part in parts if part is not None]"

AVERAGE = (
    WrongAnswer(
        "sum in place of the mean",
        DIVIDE,
        "total",
        "equal processes",
        "This is the sum: the learning rate is then multiplied by the number of "
        "processes. Divide by that number, len(gradients).",
    ),
    WrongAnswer(
        "divided by the parameters",
        DIVIDE,
        "total / len(gradients[0])",
        "equal processes",
        "len(gradients[0]) counts the parameters. Divide by the number of processes.",
    ),
    WrongAnswer(
        "averaged over the elements",
        DIVIDE,
        "total.mean() / len(parts)",
        "one a parameter",
        "A mean over all elements leaves one number for a parameter. Average over the "
        "processes only.",
    ),
    WrongAnswer(
        "returned in the loop",
        "averaged.append(total / len(parts))\n    return",
        "averaged.append(total / len(parts))\n        return",
        "one a parameter",
        "It returns after the first parameter. Move `return` out of the loop.",
    ),
    WrongAnswer(
        "absent ones skipped",
        ADD,
        "if any(part is None for part in parts):\n            continue\n        " + ADD,
        "one a parameter",
        "A parameter that one process did not use is left out. Count None as 0.",
    ),
    WrongAnswer(
        "one flat tensor",
        "return averaged",
        "return torch.cat([one.flatten() for one in averaged])",
        "runs",
        "All parameters lie in one flat tensor. Return a list, one tensor for each.",
    ),
    WrongAnswer(
        "None not expected",
        ADD,
        "total = sum(part for part in parts)",
        "runs",
        "A gradient may be None, which cannot be added. Skip it in the sum.",
    ),
    WrongAnswer(
        "None stacked",
        f"{ADD}\n        averaged.append({DIVIDE})",
        "averaged.append(torch.stack(parts).mean(dim=0))",
        "runs",
        "A gradient may be None, which cannot be stacked. Add up those that are there, "
        "and divide by len(gradients).",
    ),
    WrongAnswer(
        "zip without a star",
        "zip(*gradients, strict=True)",
        "zip(gradients, strict=True)",
        "runs",
        "zip(gradients) without * visits the processes. Write zip(*gradients).",
    ),
    WrongAnswer(
        "processes for parameters",
        "zip(*gradients, strict=True)",
        "gradients",
        "runs",
        "This loop visits the processes and adds different parameters up. "
        "zip(*gradients) visits the parameters.",
    ),
    WrongAnswer(
        "only the first process",
        ADD,
        "total = next(part for part in parts if part is not None) * len(parts)",
        "processes renumbered",
        "Only the first process's gradient counts; the other images are wasted. Add "
        "all of them.",
    ),
    WrongAnswer(
        "last process forgotten",
        ADD,
        "total = sum(part for part in parts[:-1] if part is not None)\n"
        "        total = total * len(parts) / (len(parts) - 1)",
        "processes renumbered",
        "parts[:-1] leaves the last process out. Add all of them.",
    ),
    WrongAnswer(
        "largest",
        ADD,
        f"total = torch.stack({PRESENT}).amax(dim=0) * len(parts)",
        "values",
        "amax takes the largest of the gradients. Take their mean.",
    ),
    WrongAnswer(
        "median",
        ADD,
        f"total = torch.stack({PRESENT}).median(dim=0).values * len(parts)",
        "values",
        "The median is no mean: a batch of all images has the mean. Add and divide.",
    ),
    WrongAnswer(
        "divided by those present",
        DIVIDE,
        "total / sum(part is not None for part in parts)",
        "absent is zero",
        "Only the processes that have a gradient are counted. A process whose images "
        "do not need a parameter has the gradient 0: divide by len(gradients).",
    ),
    WrongAnswer(
        "float32",
        DIVIDE,
        "(total / len(parts)).float()",
        "dtype and device",
        "The result is float32 whatever the gradients are. Leave .float() out.",
    ),
    WrongAnswer(
        "summed in place",
        ADD,
        "total = next(part for part in parts if part is not None)\n"
        "        for part in parts:\n"
        "            if part is not None and part is not total:\n"
        "                total += part",
        "input not modified",
        "+= adds into the gradient of the first process. Begin with a new tensor.",
    ),
)

LOSS = "losses.sum() * ranks / total"

RANK_LOSS = (
    WrongAnswer(
        "mean of means",
        LOSS,
        "losses.mean()",
        "mean over all",
        "A mean of means: an image in a small part weighs more than one in a large "
        "part. Divide the sum by the images that a process has on average.",
    ),
    WrongAnswer(
        "whole images for each process",
        LOSS,
        "losses.sum() / (total // ranks)",
        "mean over all",
        "// rounds down: with 13 images for 3 processes it says 4. Divide by "
        "total / ranks.",
    ),
    WrongAnswer(
        "tail dropped",
        LOSS,
        "losses[: total // ranks].sum() * ranks / (total // ranks * ranks)",
        "mean over all",
        "Images above total // ranks are dropped. Add all losses.",
    ),
    WrongAnswer(
        "sum in place of the mean",
        LOSS,
        "losses.sum()",
        "equal shares",
        "This is the sum: the step grows with the batch. Divide by total / ranks.",
    ),
    WrongAnswer(
        "averaged twice",
        LOSS,
        "losses.sum() / total",
        "equal shares",
        "DDP divides by the number of processes again, so the step is `ranks` times "
        "too small. Multiply by ranks.",
    ),
    WrongAnswer(
        "divided by ranks",
        LOSS,
        "losses.sum() / ranks / total",
        "equal shares",
        "DDP divides by ranks itself. Multiply by ranks, to make up for it.",
    ),
    WrongAnswer(
        "mean times ranks",
        LOSS,
        "losses.mean() * ranks",
        "equal shares",
        "The mean of one's own images needs no factor when all have equally many. "
        "Start from the sum.",
    ),
    WrongAnswer(
        "mean, weighted afterwards",
        LOSS,
        "losses.mean() * len(losses) * ranks / total",
        "empty process",
        "The mean of no numbers is NaN, and NaN times 0 stays NaN. Start from the sum.",
    ),
    WrongAnswer(
        "one loss an image",
        LOSS,
        "losses * ranks / total",
        "shape",
        "There is still one loss for each image. Add them up: losses.sum().",
    ),
    WrongAnswer(
        "a Python number",
        LOSS,
        "(losses.sum() * ranks / total).item()",
        "runs",
        ".item() gives a Python number, which has no gradient. Return the tensor.",
    ),
    WrongAnswer(
        "float32",
        LOSS,
        "losses.float().sum() * ranks / total",
        "dtype and device",
        "The result is float32 whatever the losses are. Leave .float() out.",
    ),
    WrongAnswer(
        "a constant for no images",
        LOSS,
        f"{LOSS} if len(losses) else torch.tensor(0.0)",
        "empty gradients",
        "The loss of an empty process has no graph to the network, so backward() fails "
        "there while the others wait. `losses.sum()` of no losses is 0 with a graph.",
    ),
    WrongAnswer(
        "detached",
        LOSS,
        "losses.detach().sum() * ranks / total",
        "gradients",
        ".detach() cuts the graph: backward() has nothing to do. Leave it out.",
    ),
    WrongAnswer(
        "scaled in place",
        LOSS,
        "losses.mul_(ranks / total).sum()",
        "input not modified",
        "mul_ changes the caller's losses. Use *, which makes a new tensor.",
    ),
)
