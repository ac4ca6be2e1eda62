"""Known-wrong answers to the exercises of notebook 06: counts and silence."""

from course_lib.exercises.exercise import WrongAnswer

COUNT = "sum(outputs * (inputs * k * k + 1) for inputs, outputs, k in layers)"

STACK_PARAMETERS = (
    WrongAnswer(
        "biases forgotten",
        "(inputs * k * k + 1)",
        "(inputs * k * k)",
        "46",
        "Only the weights are counted: 43. Each convolution has a bias for each output "
        "channel.",
    ),
    WrongAnswer(
        "last layer without its bias",
        COUNT,
        f"{COUNT} - layers[-1][1]",
        "46",
        "The last layer is counted without its bias: 45. The sigmoid after it does not "
        "replace the bias.",
    ),
    WrongAnswer(
        "two maps into the last layer",
        COUNT,
        f"{COUNT} + layers[-1][2] ** 2",
        "46",
        "The last kernel is counted twice: 55, as if it read two maps. Its input has "
        "the channels that the list says.",
    ),
    WrongAnswer(
        "k in place of k * k",
        "inputs * k * k + 1",
        "inputs * k + 1",
        "46",
        "A kernel is counted with k weights. It has k rows of k: k * k.",
    ),
    WrongAnswer(
        "one bias for the whole stack",
        "sum(outputs * (inputs * k * k + 1) for inputs",
        "1 + sum(outputs * inputs * k * k for inputs",
        "46",
        "One bias is counted for all layers together: 44. Each layer has its own.",
    ),
    WrongAnswer(
        "first layer alone",
        "in layers)",
        "in layers[:1])",
        "46",
        "Only the first layer is counted. Add up all of them.",
    ),
    WrongAnswer(
        "a bias in each row",
        "inputs * k * k + 1",
        "inputs * k * k + k",
        "46",
        "k biases are counted for each kernel: 54. There is one for each output "
        "channel.",
    ),
    WrongAnswer(
        "one bias a layer",
        "outputs * (inputs * k * k + 1)",
        "outputs * inputs * k * k + 1",
        "many channels",
        "One bias is counted for a layer. Each output channel has one.",
    ),
    WrongAnswer(
        "input channels ignored",
        "inputs * k * k + 1",
        "k * k + 1",
        "many channels",
        "An output channel reads every input channel, each with its own k x k kernel. "
        "Multiply by the channels in.",
    ),
    WrongAnswer(
        "output channels ignored",
        "outputs * (inputs",
        "1 * (inputs",
        "many channels",
        "One output channel is counted. Multiply by the channels out.",
    ),
    WrongAnswer(
        "biases of the input",
        "outputs * (inputs * k * k + 1)",
        "inputs * (outputs * k * k + 1)",
        "many channels",
        "Each input channel gets a bias. Biases belong to the output channels.",
    ),
    WrongAnswer(
        "channels in plus channels out",
        "outputs * (inputs * k * k + 1)",
        "(outputs + inputs) * k * k // 2 + outputs",
        "many channels",
        "Channels in and out are added. There is a kernel for each pair: multiply.",
    ),
    WrongAnswer(
        "a list in place of the sum",
        COUNT,
        "[outputs * (inputs * k * k + 1) for inputs, outputs, k in layers]",
        "runs",
        "Write it so that you give a whole number, an int.",
    ),
    WrongAnswer(
        "last layer alone",
        "in layers)",
        "in layers[-1:])",
        "46",
        "Only the last layer is counted: 10. Add up all of them.",
    ),
    WrongAnswer(
        "46 whatever the layers",
        COUNT,
        "46",
        "46",
        "The answer is fixed, whatever comes in. Use `layers`.",
    ),
    WrongAnswer(
        "k unpacked in the middle",
        "inputs, outputs, k in layers",
        "inputs, k, outputs in layers",
        "46",
        "A layer is (in, out, k), in this order.",
    ),
)

GRAD = "slopes = torch.autograd.grad(total, parameters, allow_unused=True)"
PROBE = "probe = torch.randn_like(y)"
DEAD = "slope is None or not slope.any()"

SILENT_PARAMETERS = (
    WrongAnswer(
        "plain sum",
        "(y * probe).sum()",
        "y.sum()",
        "no false alarm",
        "In y.sum() positive and negative slopes cancel, behind a BatchNorm for "
        "example. Multiply y by random numbers first.",
    ),
    WrongAnswer(
        "unused layers refused",
        ", allow_unused=True)",
        ")",
        "runs",
        "A layer that is never called makes autograd.grad raise. Pass "
        "allow_unused=True; its gradient is then None.",
    ),
    WrongAnswer(
        "None not expected",
        DEAD,
        "not slope.any()",
        "runs",
        "The gradient of a layer that is never called is None. Ask `slope is None` "
        "first.",
    ),
    WrongAnswer(
        "None not counted",
        DEAD,
        "slope is not None and not slope.any()",
        "silent ones found",
        "A layer that is never called has the gradient None and is silent too.",
    ),
    WrongAnswer(
        "only None counted",
        DEAD,
        "slope is None",
        "silent ones found",
        "Only missing gradients count. A dead gate has gradients of exactly 0: ask "
        "`not slope.any()` as well.",
    ),
    WrongAnswer(
        "the living ones",
        DEAD,
        "slope is not None and slope.any()",
        "silent ones found",
        "These are the parameters that get a gradient. Return the others.",
    ),
    WrongAnswer(
        "weights only",
        DEAD,
        'name.endswith("weight") and (slope is None or not slope.any())',
        "silent ones found",
        "Only the weights are listed. Biases can be silent too.",
    ),
    WrongAnswer(
        "one zero is enough",
        "not slope.any()",
        "not slope.all()",
        "no false alarm",
        "One entry without gradient makes the whole parameter silent. All entries must "
        "be 0: not slope.any().",
    ),
    WrongAnswer(
        "a threshold",
        "not slope.any()",
        "slope.abs().max() < 1e-3",
        "no false alarm",
        "A small gradient is not none: an optimiser can scale it. Ask for exactly 0.",
    ),
    WrongAnswer(
        "an input of its own",
        "y = module(x)",
        "y = module(torch.zeros_like(x))",
        "silent ones found",
        "The module is tried on an input of its own. Use the x that is passed.",
    ),
    WrongAnswer(
        "stored gradients read",
        GRAD,
        "total.backward()\n    slopes = [p.grad for p in parameters]",
        "own gradients",
        "backward() adds to gradients that the module already holds, so old ones "
        "count. torch.autograd.grad returns fresh ones.",
    ),
    WrongAnswer(
        "gradients cleared",
        GRAD,
        "module.zero_grad()\n    total.backward()\n"
        "    slopes = [p.grad for p in parameters]",
        "own gradients",
        "zero_grad() and backward() replace what the module held, in the middle of a "
        "training step. Use torch.autograd.grad.",
    ),
    WrongAnswer(
        "a training step",
        GRAD,
        GRAD + "\n    with torch.no_grad():\n"
        "        for p, s in zip(parameters, slopes, strict=True):\n"
        "            p.sub_(0.1 * (0 if s is None else s))",
        "module untouched",
        "The parameters are moved along their gradients. Looking must not train.",
    ),
    WrongAnswer(
        "input doubled in place",
        "y = module(x)",
        "y = module(x.mul_(2))",
        "module untouched",
        "The caller's x is changed in place. Pass x as it is.",
    ),
    WrongAnswer(
        "y squared",
        "(y * probe).sum()",
        "(y**2).sum()",
        "no false alarm",
        "y squared has slope 0 where y is 0. Use random numbers.",
    ),
    WrongAnswer(
        "slopes added up",
        "not slope.any()",
        "not slope.sum()",
        "no false alarm",
        "Slopes of opposite sign add up to 0: any(), not sum().",
    ),
    WrongAnswer(
        "left in eval mode",
        "y = module(x)",
        "module.eval()\n    y = module(x)",
        "module untouched",
        "The module is left in eval mode. Leave its mode alone, or put it back.",
    ),
)
