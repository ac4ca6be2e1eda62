"""Known-wrong answers to the exercises of notebook 02: the two functions."""

from course_lib.exercises.exercise import WrongAnswer

MEAN = "x.mean(dim=(2, 3))"

SQUEEZE = (
    WrongAnswer(
        "window of H x H",
        MEAN,
        "F.avg_pool2d(x, x.shape[2], stride=x.shape[2]).flatten(1)",
        "runs",
        "The pooling window is H x H, as in BAM's released code, and fails on a map "
        "that is not square. Average over H and W.",
    ),
    WrongAnswer(
        "one axis left over",
        MEAN,
        "x.mean(dim=2)",
        "shape",
        "Only H is averaged away. Pass both axes: dim=(2, 3).",
    ),
    WrongAnswer(
        "axes kept",
        MEAN,
        "x.mean(dim=(2, 3), keepdim=True)",
        "shape",
        "Two axes of size 1 are left: by keepdim=True, or by a pooling. Leave keepdim "
        "out, or add .flatten(1).",
    ),
    WrongAnswer(
        "averaged over the channels",
        MEAN,
        "x.mean(dim=1)",
        "shape",
        "Axis 1 is the channels. Average over the map, axes 2 and 3.",
    ),
    WrongAnswer(
        "averaged over everything",
        MEAN,
        "x.mean()",
        "shape",
        "x.mean() averages over all four axes, N and C too. Give the axes of the map: "
        "dim=(2, 3).",
    ),
    WrongAnswer(
        "averaged over the batch",
        MEAN,
        "x.mean(dim=(0, 2, 3))",
        "shape",
        "Axis 0 is the batch, and it is averaged away too. Only H and W go: dim=(2, "
        "3).",
    ),
    WrongAnswer(
        "averaged over C and H",
        MEAN,
        "x.mean(dim=(1, 2))",
        "shape",
        "Axes 1 and 2 are C and H. The map is H and W: dim=(2, 3).",
    ),
    WrongAnswer(
        "averaged over C and W",
        MEAN,
        "x.mean(dim=(1, 3))",
        "shape",
        "Axes 1 and 3 are C and W. The map is H and W: dim=(2, 3).",
    ),
    WrongAnswer(
        "averaged over C, H and W",
        MEAN,
        "x.mean(dim=(1, 2, 3))",
        "shape",
        "Axis 1 is the channels, and they are averaged away too. Only H and W go: "
        "dim=(2, 3).",
    ),
    WrongAnswer(
        "averaged over W alone",
        MEAN,
        "x.mean(dim=3)",
        "shape",
        "Only W, axis 3, is averaged away. Pass both axes of the map: dim=(2, 3).",
    ),
    WrongAnswer(
        "pooled and squeezed",
        MEAN,
        "F.adaptive_avg_pool2d(x, 1).squeeze()",
        "shape",
        "`.squeeze()` also removes a batch of one. Name the axes: .flatten(1).",
    ),
    WrongAnswer(
        "cast to float32",
        MEAN,
        "x.float().mean(dim=(2, 3))",
        "dtype and device",
        "The result is forced to float32. Remove .float(), or dtype= where you make a "
        "tensor: x.new_zeros has the type of x.",
    ),
    WrongAnswer(
        "filled into torch.zeros",
        "return x.mean(dim=(2, 3))",
        "s = torch.zeros(x.shape[:2])\n"
        "    for n in range(x.shape[0]):\n"
        "        for c in range(x.shape[1]):\n"
        "            s[n, c] = x[n, c].mean()\n"
        "    return s",
        "dtype and device",
        "torch.zeros makes float32, on the CPU; use x.new_zeros(N, C).",
    ),
    WrongAnswer(
        "filled up on the CPU",
        MEAN,
        "torch.zeros(x.shape[:2]) + x.mean(dim=(2, 3))",
        "dtype and device",
        "A tensor is made on the CPU, whatever device x is on. Make it from x: "
        "x.new_zeros(shape).",
    ),
    WrongAnswer(
        "sum in place of the average",
        MEAN,
        "x.sum(dim=(2, 3))",
        "range",
        "The sum is not divided by H * W, so larger maps give larger numbers. Use "
        "mean.",
    ),
    WrongAnswer(
        "pooled over the batch",
        MEAN,
        "x.mean(dim=(0, 2, 3)).expand(x.shape[:2])",
        "samples independent",
        "The average runs over the batch too, so all images share it. Leave axis 0.",
    ),
    WrongAnswer(
        "reshape in place of a transpose",
        MEAN,
        "x.reshape(len(x), -1, x.shape[1]).mean(dim=1)",
        "channels permute",
        "reshape(N, H * W, C) cuts the memory anew and mixes channels. Use "
        "x.flatten(2), or dim=(2, 3).",
    ),
    WrongAnswer(
        "one corner read",
        MEAN,
        "x[:, :, 0, 0]",
        "positions equal",
        "Only the first position is read. Every position counts in the average.",
    ),
    WrongAnswer(
        "last row and column left out",
        MEAN,
        "x[:, :, :-1, :-1].mean(dim=(2, 3))",
        "positions equal",
        "The slice :-1 leaves out the last row and column. Take the whole map.",
    ),
    WrongAnswer(
        "maximum in place of the average",
        MEAN,
        "x.amax(dim=(2, 3))",
        "values",
        "This is max pooling, one of CBAM's two. The squeeze is the average.",
    ),
    WrongAnswer(
        "median in place of the average",
        MEAN,
        "x.flatten(2).median(dim=2).values",
        "values",
        "This is the median. The squeeze is the average.",
    ),
    WrongAnswer(
        "detached",
        MEAN,
        "x.detach().mean(dim=(2, 3))",
        "gradients",
        "The result is cut off from x by .detach() or .data. Remove it.",
    ),
    WrongAnswer(
        "divided in place",
        MEAN,
        "x.div_(x[0, 0].numel()).sum(dim=(2, 3))",
        "input not modified",
        "The caller's x is divided in place by /= or div_. Write x / (H * W).",
    ),
)
