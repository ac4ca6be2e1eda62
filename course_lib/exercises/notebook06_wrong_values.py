"""Known-wrong answers to the exercises of notebook 06: other numbers in the gate."""

from course_lib.exercises.exercise import WrongAnswer
from course_lib.exercises.notebook06_wrong_gate import FIRST, LAST, MATCH, MEAN, SECOND

VALUES = (
    WrongAnswer(
        "maximum in place of the mean",
        MEAN,
        "m = x.amax(dim=1, keepdim=True)",
        "values",
        "The channels are reduced by their maximum, which is one of CBAM's two. Here "
        "it is the mean.",
    ),
    WrongAnswer(
        "sum in place of the mean",
        MEAN,
        "m = x.sum(dim=1, keepdim=True)",
        "values",
        "The channels are added up, C times too large. Take the mean.",
    ),
    WrongAnswer(
        "bilinear upsampling",
        MATCH,
        'F.interpolate(b, size=x.shape[2:], mode="bilinear")',
        "values",
        "The upsampling is bilinear, which blends neighbours. It copies the nearest "
        'one: mode="nearest".',
    ),
    WrongAnswer(
        "first ReLU missing",
        FIRST,
        "F.conv2d(m, w1, b1, padding=2)",
        "values",
        "The first convolution has no ReLU, so it and the second are one linear map. "
        "Put F.relu around it.",
    ),
    WrongAnswer(
        "second ReLU missing",
        SECOND,
        "F.conv2d(a, w2, b2, stride=2, padding=1)",
        "values",
        "The second convolution has no ReLU. Put F.relu around it.",
    ),
    WrongAnswer(
        "sigmoid in the middle",
        SECOND,
        "torch.sigmoid(F.conv2d(a, w2, b2, stride=2, padding=1))",
        "values",
        "The second convolution ends in a sigmoid. It ends in a ReLU; the sigmoid "
        "comes last.",
    ),
    WrongAnswer(
        "two 3x3 kernels swapped",
        "F.conv2d(a, w2, b2, stride=2",
        "F.conv2d(a, w3, b3, stride=2",
        "values",
        "w3 and b3 do the halving. Use w2 and b2 for the second convolution.",
    ),
    WrongAnswer(
        "first bias ignored",
        "F.conv2d(m, w1, b1, padding=2)",
        "F.conv2d(m, w1, padding=2)",
        "values",
        "b1 is not used. Pass it: F.conv2d(m, w1, b1, padding=2).",
    ),
    WrongAnswer(
        "second bias ignored",
        "F.conv2d(a, w2, b2, stride=2, padding=1)",
        "F.conv2d(a, w2, stride=2, padding=1)",
        "values",
        "b2 is not used. Pass it to the second convolution.",
    ),
    WrongAnswer(
        "last bias ignored",
        "F.conv2d(u, w3, b3, padding=1)",
        "F.conv2d(u, w3, padding=1)",
        "values",
        "b3 is not used. Pass it to the last convolution.",
    ),
    WrongAnswer(
        "ReLU before the sigmoid",
        LAST,
        "torch.sigmoid(F.relu(F.conv2d(u, w3, b3, padding=1)))",
        "values",
        "A ReLU stands before the sigmoid, so no gate is below 0.5. Take it out.",
    ),
    WrongAnswer(
        "w2 and w3 exchanged",
        MEAN,
        f"w2, w3 = w3, w2\n    {MEAN}",
        "values",
        "w2 and w3 are exchanged. w2 belongs to the layer with the stride, w3 to the "
        "last.",
    ),
    WrongAnswer(
        "second and last layer exchanged",
        MEAN,
        f"w2, b2, w3, b3 = w3, b3, w2, b2\n    {MEAN}",
        "values",
        "The second and the last layer have exchanged kernels and biases. w2 and b2 "
        "go with the stride, w3 and b3 with the sigmoid.",
    ),
    WrongAnswer(
        "ReLU on x",
        MEAN,
        "m = F.relu(x).mean(dim=1, keepdim=True)",
        "values",
        "x itself goes through a ReLU. Only the first two convolutions have one.",
    ),
)
