"""Known-wrong answers to notebook 12's coordinate_gates."""

from course_lib.exercises.exercise import WrongAnswer

ROWS = "x.mean(dim=3, keepdim=True)  # (N, C, H, 1)"
COLUMNS = "x.mean(dim=2, keepdim=True).transpose(2, 3)  # (N, C, W, 1)"
STRIPS = f"{ROWS}\n    columns = {COLUMNS}"
JOIN = "torch.cat([rows, columns], dim=2)"
FIRST = "F.conv2d(both, w1, b1)"
HIDDEN = f"F.hardswish(norm({FIRST}))"
SPLIT = "h_rows, h_columns = h.split([x.shape[2], x.shape[3]], dim=2)"
G_H = "torch.sigmoid(F.conv2d(h_rows, wh, bh))"
G_W = "torch.sigmoid(F.conv2d(h_columns.transpose(2, 3), ww, bw))"
GATES = f"{G_H}  # (N, C, H, 1)\n    g_w = {G_W}"
RETURN = "return g_h, g_w"

COORDINATE = (
    WrongAnswer(
        "columns not turned",
        COLUMNS,
        "x.mean(dim=2, keepdim=True)",
        "runs",
        "Columns are (N, C, 1, W) and do not join (N, C, H, 1). Turn them first: "
        ".transpose(2, 3).",
    ),
    WrongAnswer(
        "joined along the channels",
        JOIN,
        "torch.cat([rows, columns], dim=1)",
        "runs",
        "Joined along dim=1 the channels double. Join along the strip, dim=2.",
    ),
    WrongAnswer(
        "biases required",
        FIRST,
        "(F.conv2d(both, w1) + b1.view(1, -1, 1, 1))",
        "runs",
        "b1 may be None, and None has no view. Pass it on: F.conv2d(both, w1, b1).",
    ),
    WrongAnswer(
        "axes swapped",
        STRIPS,
        "x.mean(dim=2, keepdim=True)\n"
        "    columns = x.mean(dim=3, keepdim=True).transpose(2, 3)",
        "runs",
        "The names are swapped: mean(dim=3) leaves (N, C, H, 1), and these are the "
        "rows.",
    ),
    WrongAnswer(
        "one gate returned",
        RETURN,
        "return g_h * g_w",
        "runs",
        "One product comes back. Return both: g_h, g_w.",
    ),
    WrongAnswer(
        "gates not turned back",
        G_W,
        "torch.sigmoid(F.conv2d(h_columns, ww, bw))",
        "shape",
        "g_w is (N, C, W, 1). On square maps it would scale rows, without an error. "
        "Turn it back: .transpose(2, 3).",
    ),
    WrongAnswer(
        "lengths swapped in the split",
        SPLIT,
        "h_rows, h_columns = h.split([x.shape[3], x.shape[2]], dim=2)",
        "shape",
        "The rows come first, H of them: split([H, W]), not [W, H]; or the columns "
        "were joined first: torch.cat([rows, columns]).",
    ),
    WrongAnswer(
        "returned in the other order",
        RETURN,
        "return g_w, g_h",
        "shape",
        "The two gates come back in the other order. Return g_h, then g_w.",
    ),
    WrongAnswer(
        "axes lost",
        RETURN,
        "return g_h[..., 0], g_w[:, :, 0]",
        "shape",
        "g_h and g_w have four axes each, so that x * g_h * g_w broadcasts.",
    ),
    WrongAnswer(
        "expanded to the map",
        RETURN,
        "return g_h.expand_as(x), g_w.expand_as(x)",
        "shape",
        "Leave the gates bare; broadcasting expands them in the product.",
    ),
    WrongAnswer(
        "cast to float32",
        RETURN,
        "return g_h.float(), g_w.float()",
        "dtype and device",
        "The gates are forced to float32. Remove .float(): torch keeps the input's "
        "type.",
    ),
    WrongAnswer(
        "sigmoid forgotten for rows",
        G_H,
        "F.conv2d(h_rows, wh, bh)",
        "range",
        "The rows have no sigmoid. Both gates end in one.",
    ),
    WrongAnswer(
        "h-swish at the end",
        G_W,
        "F.hardswish(F.conv2d(h_columns.transpose(2, 3), ww, bw))",
        "range",
        "h-swish has no upper end. It stands in the middle; the columns end in a "
        "sigmoid.",
    ),
    WrongAnswer(
        "pooled over the batch",
        ROWS,
        "x.mean(dim=(0, 3), keepdim=True).repeat(len(x), 1, 1, 1)",
        "samples independent",
        "The rows are averaged over the batch as well. Take dim=3 alone.",
    ),
    WrongAnswer(
        "rows and columns mixed up",
        STRIPS,
        "F.adaptive_avg_pool2d(x.mT, (x.shape[2], 1))\n"
        "    columns = F.adaptive_avg_pool2d(x, (x.shape[3], 1))",
        "own row",
        "H and W are mixed up: a row is averaged over W, dim=3, a column over H, "
        "dim=2.",
    ),
    WrongAnswer(
        "columns joined first",
        JOIN,
        "torch.cat([columns, rows], dim=2)",
        "own row",
        "The strip begins with columns, and its first H places are taken for rows. "
        "Rows are mean(dim=3), and come first in torch.cat.",
    ),
    WrongAnswer(
        "one average for all rows",
        ROWS,
        "x.mean(dim=(2, 3), keepdim=True).expand(-1, -1, x.shape[2], 1)",
        "values",
        "Every row gets the average of the whole map, as in SE. Keep H: dim=3 alone.",
    ),
    WrongAnswer(
        "maximum in place of the mean",
        ROWS,
        "x.amax(dim=3, keepdim=True)",
        "values",
        "The rows take their largest value. Take the mean.",
    ),
    WrongAnswer(
        "sum in place of the mean",
        COLUMNS,
        "x.sum(dim=2, keepdim=True).transpose(2, 3)",
        "values",
        "The columns are not divided by H. Take the mean.",
    ),
    WrongAnswer(
        "sums for both",
        STRIPS,
        "x.sum(dim=3, keepdim=True)\n"
        "    columns = x.sum(dim=2, keepdim=True).transpose(2, 3)",
        "values",
        "These are sums: not divided by W and H. Take the means.",
    ),
    WrongAnswer(
        "b1 forgotten",
        FIRST,
        "F.conv2d(both, w1)",
        "values",
        "b1 is missing: F.conv2d(both, w1, b1) takes the bias as its third argument.",
    ),
    WrongAnswer(
        "bh forgotten",
        G_H,
        "torch.sigmoid(F.conv2d(h_rows, wh))",
        "values",
        "bh is missing: F.conv2d takes the bias as its third argument. Is bw there?",
    ),
    WrongAnswer(
        "bw forgotten",
        G_W,
        "torch.sigmoid(F.conv2d(h_columns.transpose(2, 3), ww))",
        "values",
        "bw is missing: F.conv2d takes the bias as its third argument.",
    ),
    WrongAnswer(
        "all biases forgotten",
        f"{FIRST}))",
        "F.conv2d(both, w1)))\n    bh = bw = None",
        "values",
        "The biases are missing: F.conv2d(x, w, b) takes one as its third argument. "
        "Used here: b1, bh, bw.",
    ),
    WrongAnswer(
        "one last layer for both",
        G_W,
        "torch.sigmoid(F.conv2d(h_columns.transpose(2, 3), wh, bh))",
        "values",
        "The columns go through the rows' layer. They have their own: ww, bw.",
    ),
    WrongAnswer(
        "last layers swapped",
        GATES,
        "torch.sigmoid(F.conv2d(h_rows, ww, bw))\n"
        "    g_w = torch.sigmoid(F.conv2d(h_columns.transpose(2, 3), wh, bh))",
        "values",
        "wh and ww are swapped: wh belongs to the rows, ww to the columns.",
    ),
    WrongAnswer(
        "norm forgotten",
        HIDDEN,
        "F.hardswish(F.conv2d(both, w1, b1))",
        "values",
        "norm is not called. It comes after the first layer, before h-swish.",
    ),
    WrongAnswer(
        "norm after the h-swish",
        HIDDEN,
        "norm(F.hardswish(F.conv2d(both, w1, b1)))",
        "values",
        "norm comes after the h-swish. Its place is before.",
    ),
    WrongAnswer(
        "swish in place of h-swish",
        HIDDEN,
        f"F.silu(norm({FIRST}))",
        "values",
        "SiLU (swish) stands for h-swish. Use F.hardswish.",
    ),
    WrongAnswer(
        "hard sigmoids at the end",
        GATES,
        "F.hardsigmoid(F.conv2d(h_rows, wh, bh))\n"
        "    g_w = F.hardsigmoid(F.conv2d(h_columns.transpose(2, 3), ww, bw))",
        "values",
        "The gates end in a hard sigmoid. Both end in torch.sigmoid.",
    ),
    WrongAnswer(
        "ReLU in place of h-swish",
        HIDDEN,
        "F.relu(norm(F.conv2d(both, w1, b1)))",
        "values",
        "A ReLU stands for the h-swish. Use F.hardswish.",
    ),
    WrongAnswer(
        "hard sigmoid in place of h-swish",
        HIDDEN,
        "F.hardsigmoid(norm(F.conv2d(both, w1, b1)))",
        "values",
        "h-swish is a times the hard sigmoid of a. Use F.hardswish.",
    ),
    WrongAnswer(
        "no bend in the middle",
        HIDDEN,
        "norm(F.conv2d(both, w1, b1))",
        "values",
        "Without the h-swish, two linear layers are one. Call F.hardswish.",
    ),
    WrongAnswer(
        "two norm calls",
        HIDDEN,
        f"F.hardswish(torch.cat([norm(p) for p in {FIRST}.split(\n"
        "        [x.shape[2], x.shape[3]], dim=2)], dim=2))",
        "one norm",
        "norm was called twice. In training BatchNorm takes its mean over both strips: "
        "join first, then one call.",
    ),
    WrongAnswer(
        "norm on three axes",
        HIDDEN,
        f"F.hardswish(norm({FIRST}[..., 0])[..., None])",
        "one norm",
        "norm stands for BatchNorm2d, which wants four axes: (N, M, H + W, 1).",
    ),
    WrongAnswer(
        "strips detached",
        JOIN,
        "torch.cat([rows, columns], dim=2).detach()",
        "gradients",
        ".detach() cuts the path from the gates to x. Remove it.",
    ),
    WrongAnswer(
        "gates applied in place",
        RETURN,
        "x.mul_(g_h)\n    return g_h, g_w",
        "input not modified",
        "mul_ writes into the caller's x. Return the gates; the module multiplies.",
    ),
)
