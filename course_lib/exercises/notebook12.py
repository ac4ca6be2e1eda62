"""Exercises of notebook 12, the capstone: laws, ECA, two strips, a pyramid."""

from course_lib.attention.coordinate import coordinate_gates
from course_lib.attention.eca import ECA
from course_lib.attention.pyramid import pyramid_squeeze
from course_lib.exercises import notebook12_wrong_eca as wrong_eca
from course_lib.exercises import notebook12_wrong_laws as wrong_laws
from course_lib.exercises import notebook12_wrong_pyramid as wrong_pyramid
from course_lib.exercises import notebook12_wrong_strips as wrong_strips
from course_lib.exercises.bounds import minus_to_plus_x, zero_to_one
from course_lib.exercises.exercise import Exercise
from course_lib.exercises.gradients import gradients
from course_lib.exercises.notebook12_laws import (
    all_named,
    catches,
    laws_run,
    no_false_alarm,
)
from course_lib.exercises.notebook12_pyramid_trials import (
    first_are_means,
    pyramid_trials,
    smallest_to_largest,
)
from course_lib.exercises.notebook12_strips import (
    one_norm,
    own_row,
    product_trials,
    strip_trials,
)
from course_lib.exercises.notebook12_trials import (
    eca_gate_trials,
    eca_trials,
    even_refused,
    kernel_sizes,
    module_runs,
)
from course_lib.exercises.properties import (
    dtype_and_device,
    in_range,
    input_untouched,
    runs,
    samples_independent,
    shape,
    values,
)
from course_lib.exercises.structure import output_is_gated
from course_lib.impostors import CONVOLUTION, GATE, POOLING, SIZES
from course_lib.laws import broken_laws

LAWS = Exercise(
    name="broken_laws",
    title="the laws of a module, before the module",
    notebook="12",
    solution=broken_laws,
    why=(
        "Each law asks for one consequence of the formula, on inputs chosen so that "
        "only a right module answers rightly. Together they leave no room: a module "
        "that keeps all six is ECA, whatever its code looks like."
    ),
    hints=(
        "What happens to the gates when one channel goes up, one pixel moves, the "
        "other sample changes?",
        "g (2, 256, 1, 1), kernel_of(module) (5,), pulse(module, 100) (256,): zeros "
        "but for five.",
        "same(a, b), x[:1], x.mean(dim=(2, 3), keepdim=True).expand_as(x), .flip(0), "
        "F.pad(kernel, (left, right)).",
        "module, x = make(256), torch.randn(2, 256, 7, 5)\n"
        "g, kernel = module.gate(x), kernel_of(module).flip(0)\n"
        "if g.shape != (2, 256, 1, 1):\n"
        '    return ["shape"]\n'
        "average = x.mean(dim=(2, 3), keepdim=True).expand_as(x)\n"
        "sizes = [len(kernel_of(make(c))) for c in (64, 128, 2048)]\n"
        "laws = {\n"
        '    "size": sizes == ____,\n'
        '    "gated": same(module(x), ____),\n'
        '    "samples": same(module.gate(x[:1]), ____),\n'
        '    "average": same(module.gate(____), g),\n'
        '    "neighbours": same(pulse(module, 100), F.pad(kernel, (98, ____))),\n'
        '    "ends": same(pulse(module, 0), F.pad(kernel[____:], (0, 253))),\n'
        "}\n"
        "return [name for name, kept in laws.items() if ____]",
    ),
    properties=(
        laws_run(),
        no_false_alarm(),
        catches("kernel size", SIZES),
        catches("squeeze", POOLING),
        catches("convolution", CONVOLUTION),
        catches("gate", GATE),
        all_named(),
    ),
    wrong_answers=wrong_laws.LAWS,
)

MODULE = Exercise(
    name="ECA",
    title="the module of ECA",
    notebook="12",
    solution=ECA,
    why=(
        "The averages form one signal along the channels, so one short kernel serves "
        "all of them. Zeros at the ends keep one gate for each channel."
    ),
    hints=(
        "A kernel slides along something. Along which axis, and how long is it?",
        "(N, C, H, W) -> (N, C) -> (N, 1, C) -> (N, 1, C) -> (N, C, 1, 1).",
        "math.log2, int, k % 2, check_odd(k); nn.Conv1d(1, 1, k, padding=..., "
        "bias=False); squeeze(x)[:, None], torch.sigmoid.",
        "# __init__: k = kernel_size\n"
        "if k is None:\n"
        "    k = int((math.log2(channels) + 1) / ____)\n"
        "    k = k if k % 2 else ____\n"
        "check_odd(k)\n"
        "self.conv = nn.Conv1d(1, 1, k, padding=____, bias=False)\n"
        "# gate: s = squeeze(x)[:, ____]\n"
        "# return ____(self.conv(s))[:, 0, :, None, None]\n"
        "# forward: return x * ____",
    ),
    properties=(
        module_runs(),
        kernel_sizes(),
        shape(eca_trials),
        dtype_and_device(eca_trials),
        in_range(
            eca_trials,
            "no value grows: every gate lies between 0 and 1",
            minus_to_plus_x,
            "Let the sigmoid be the last function of the gate, and add nothing.",
        ),
        samples_independent(eca_trials, ("x",)),
        output_is_gated(eca_trials, eca_gate_trials),
        values(eca_trials),
        gradients(eca_trials),
        even_refused(),
        input_untouched(eca_trials),
    ),
    wrong_answers=wrong_eca.MODULE,
)

COORDINATE = Exercise(
    name="coordinate_gates",
    title="one gate per row, one per column",
    notebook="12",
    solution=coordinate_gates,
    why=(
        "Rows and columns go through the first layer as one strip, so that they share "
        "its weights and its BatchNorm. The columns are turned to join the rows, and "
        "turned back for the product."
    ),
    hints=(
        "Two strips, (N, C, H, 1) and (N, C, 1, W), shall become one. Which one turns?",
        "rows (N, C, H, 1), columns (N, C, W, 1) -> (N, C, H + W, 1) -> (N, M, H + W, "
        "1) -> g_h (N, C, H, 1), g_w (N, C, 1, W).",
        "x.mean(dim=..., keepdim=True), .transpose(2, 3), torch.cat, F.conv2d(x, w, "
        "b), F.hardswish, h.split([H, W], dim=2).",
        "rows = x.mean(dim=____, keepdim=True)\n"
        "columns = x.mean(dim=____, keepdim=True).transpose(2, 3)\n"
        "both = torch.cat([rows, columns], dim=____)\n"
        "h = F.hardswish(____(F.conv2d(both, w1, b1)))\n"
        "h_rows, h_columns = h.split([____, ____], dim=2)\n"
        "g_h = torch.sigmoid(F.conv2d(h_rows, wh, bh))\n"
        "g_w = torch.sigmoid(F.conv2d(____, ww, bw))\n"
        "return g_h, g_w",
    ),
    properties=(
        runs(strip_trials),
        shape(strip_trials),
        dtype_and_device(strip_trials),
        in_range(
            strip_trials,
            "every gate lies between 0 and 1",
            zero_to_one,
            "Both gates end in torch.sigmoid.",
        ),
        samples_independent(strip_trials, ("x",)),
        own_row(),
        values(strip_trials),
        one_norm(),
        gradients(product_trials),
        input_untouched(strip_trials),
    ),
    wrong_answers=wrong_strips.COORDINATE,
)

PYRAMID = Exercise(
    name="pyramid_squeeze",
    title="21 averages of each channel",
    notebook="12",
    solution=pyramid_squeeze,
    why=(
        "Adaptive pooling makes a grid of any map, so the linear layer meets the same "
        "number of averages at every size. The order must never change, since each "
        "average has weights of its own."
    ),
    hints=(
        "SE keeps one average of each channel. How many cells has a 4 x 4 grid?",
        "(N, C, H, W) -> (N, C, L, L) for each L -> (N, C L L) -> (N, 21 C).",
        "F.adaptive_avg_pool2d(x, level), grid.flatten(1), torch.cat(list, dim=1).",
        "grids = [F.adaptive_avg_pool2d(x, ____) for level in ____]\n"
        "return torch.cat([grid.flatten(____) for grid in grids], dim=____)",
    ),
    properties=(
        runs(pyramid_trials),
        shape(pyramid_trials),
        dtype_and_device(pyramid_trials),
        in_range(
            pyramid_trials,
            "every average lies between the smallest and largest value of its sample",
            smallest_to_largest,
            "Take averages over the cells.",
        ),
        samples_independent(pyramid_trials, ("x",)),
        first_are_means(),
        values(pyramid_trials),
        input_untouched(pyramid_trials),
    ),
    wrong_answers=wrong_pyramid.PYRAMID,
)

EXERCISES = (LAWS, MODULE, COORDINATE, PYRAMID)
