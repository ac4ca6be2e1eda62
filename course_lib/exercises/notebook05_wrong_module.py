"""Known-wrong answers to the exercises of notebook 05: the module."""

from course_lib.exercises.exercise import WrongAnswer

CHANNEL = "self.channel = CBAMChannel(channels, reduction, mlp_bias, pools)"
SPATIAL = (
    "self.spatial = CBAMSpatial(kernel_size, map_order, norm, bn_momentum, bn_scale)"
)
FORWARD = "return self.spatial(self.channel(x))"
GATE = "return channel * self.spatial.gate(x * channel)"
ORDER = "self.order = order"

MODULE = (
    WrongAnswer(
        "super().__init__() forgotten",
        "super().__init__()\n        check",
        "check",
        "runs",
        "Call super().__init__() first: it prepares the module for its parts.",
    ),
    WrongAnswer(
        "reduction ignored",
        "CBAMChannel(channels, reduction, mlp_bias, pools)",
        "CBAMChannel(channels, 16, mlp_bias, pools)",
        "runs",
        "The reduction is 16 whatever you pass, as in one public port. Use the "
        "argument `reduction`.",
    ),
    WrongAnswer(
        "norm and map_order swapped",
        "map_order, norm, bn_momentum",
        "norm, map_order, bn_momentum",
        "runs",
        "CBAMSpatial takes kernel_size, map_order, norm, bn_momentum, bn_scale, in "
        "this order.",
    ),
    WrongAnswer(
        "kernel of 49",
        "kernel_size: int = 7",
        "kernel_size: int = 49",
        "parameter count",
        "The default kernel is 49 wide, as in one public port: 4,802 weights for 98. "
        "The paper's is 7.",
    ),
    WrongAnswer(
        "two MLPs",
        CHANNEL,
        f"{CHANNEL}\n        self.channel_of_max = CBAMChannel(channels, reduction, "
        "mlp_bias)",
        "parameter count",
        "There are two MLPs, one a pooling. Both poolings share one: a single "
        "CBAMChannel.",
    ),
    WrongAnswer(
        "mlp_bias ignored",
        "CBAMChannel(channels, reduction, mlp_bias, pools)",
        "CBAMChannel(channels, reduction, pools=pools)",
        "parameter count",
        "mlp_bias=False still made biases. Pass mlp_bias to CBAMChannel.",
    ),
    WrongAnswer(
        "kernel_size ignored",
        "CBAMSpatial(kernel_size, map_order,",
        "CBAMSpatial(7, map_order,",
        "parameter count",
        "The kernel is 7 wide whatever you pass. Use the argument `kernel_size`.",
    ),
    WrongAnswer(
        "norm ignored",
        "map_order, norm, bn_momentum, bn_scale)",
        "map_order, True, bn_momentum, bn_scale)",
        "parameter count",
        "norm=False still made a BatchNorm. Pass norm to CBAMSpatial.",
    ),
    WrongAnswer(
        "gates in a plain list",
        f"{CHANNEL}\n        {SPATIAL}",
        f"{CHANNEL}\n        {SPATIAL}".replace("self.channel =", "channel =").replace(
            "self.spatial =", "spatial ="
        )
        + "\n        vars(self).update(channel=channel, spatial=spatial)",
        "parameter count",
        "A plain list hides both gates from nn.Module. Assign self.channel and "
        "self.spatial in __init__.",
    ),
    WrongAnswer(
        "spatial gate returned alone",
        FORWARD,
        "return self.spatial.gate(self.channel(x))",
        "shape",
        "forward returns the bare spatial gate. Multiply by x: call self.spatial.",
    ),
    WrongAnswer(
        "cast to float32",
        FORWARD,
        f"{FORWARD}.float()",
        "dtype and device",
        "The result is forced to float32. Remove .float(): torch keeps the input's "
        "type.",
    ),
    WrongAnswer(
        "inner residual",
        FORWARD,
        f"{FORWARD} + x",
        "range",
        "x is added inside the module, as in one public port. The block's own shortcut "
        "is enough: return the gated x.",
    ),
    WrongAnswer(
        "gates returned in place of x",
        FORWARD,
        "return self.gate(x)",
        "range",
        "forward returns the gates. Multiply x by them.",
    ),
    WrongAnswer(
        "gates added",
        FORWARD,
        "return x * (self.channel.gate(x) + self.spatial.gate(x))",
        "range",
        "The two gates are added, as BAM adds its logits. CBAM multiplies both.",
    ),
    WrongAnswer(
        "map of the whole batch",
        FORWARD,
        "return x * self.gate(x).mean(dim=0, keepdim=True)",
        "samples independent",
        "The gates are averaged over the batch. Each image keeps its own.",
    ),
    WrongAnswer(
        "forward in the other order",
        FORWARD,
        "return self.channel(self.spatial(x))",
        "gated",
        "forward runs the spatial gate first, gate(x) does not. Channel first: "
        "self.spatial(self.channel(x)).",
    ),
    WrongAnswer(
        "spatial gate of x in gate",
        GATE,
        "return channel * self.spatial.gate(x)",
        "gated",
        "gate(x) makes the map from x. Channel first means: from x * channel.",
    ),
    WrongAnswer(
        "channel gate twice",
        FORWARD,
        "return self.spatial(self.channel(self.channel(x)))",
        "gated",
        "The channel gate is applied twice. Once is enough.",
    ),
    WrongAnswer(
        "channel gate twice, as a factor",
        FORWARD,
        "return self.channel(x) * self.gate(x)",
        "gated",
        "The channel gate counts twice: self.channel(x) and gate(x) both hold it. Use "
        "one.",
    ),
    WrongAnswer(
        "gate calls the modules",
        GATE,
        "return self.spatial(self.channel(x))",
        "gated",
        "gate returns maps that already hold x, so x counts twice. Use .gate(x), not "
        "the call.",
    ),
    WrongAnswer(
        "gate is the spatial gate",
        GATE,
        "return self.spatial.gate(x * channel)",
        "gated",
        "gate(x) is only the spatial gate: multiply by the channel gate.",
    ),
    WrongAnswer(
        "gate is the channel gate",
        GATE,
        "return channel",
        "gated",
        "gate(x) is only the channel gate: multiply by the spatial gate.",
    ),
    WrongAnswer(
        "channel gate alone",
        FORWARD,
        "return self.channel(x)",
        "gated",
        "The spatial gate is built and never applied. self.spatial(self.channel(x)).",
    ),
    WrongAnswer(
        "always channel first",
        ORDER,
        'self.order = "channel-first"',
        "values",
        "The argument `order` is ignored. Keep it: self.order = order.",
    ),
    WrongAnswer(
        "default order turned round",
        'order: str = "channel-first"',
        'order: str = "spatial-first"',
        "values",
        "Without an argument the spatial gate comes first. The paper's order is "
        "channel first.",
    ),
    WrongAnswer(
        "parallel for channel first",
        ORDER,
        'self.order = "parallel" if order == "channel-first" else order',
        "values",
        "Both gates read x: that is `parallel`. Channel first gives the spatial gate "
        "x * channel.",
    ),
    WrongAnswer(
        "average alone",
        "CBAMChannel(channels, reduction, mlp_bias, pools)",
        'CBAMChannel(channels, reduction, mlp_bias, ("avg",))',
        "values",
        "The channel gate pools by the average alone: that is SE. Pass pools on.",
    ),
    WrongAnswer(
        "map_order ignored",
        "CBAMSpatial(kernel_size, map_order, norm,",
        'CBAMSpatial(kernel_size, "max-mean", norm,',
        "values",
        "map_order is ignored. Pass it on to CBAMSpatial.",
    ),
    WrongAnswer(
        "maps always mean first",
        "CBAMSpatial(kernel_size, map_order, norm,",
        'CBAMSpatial(kernel_size, "mean-max", norm,',
        "values",
        "The maps stand in timm's order, [mean, max]. Pass map_order on to "
        "CBAMSpatial.",
    ),
    WrongAnswer(
        "detached",
        FORWARD,
        "return x * self.gate(x).detach()",
        "gradients",
        "The gates are cut off by .detach() or .data: their weights never learn. "
        "Remove it.",
    ),
    WrongAnswer(
        "momentum and scale swapped",
        "bn_momentum, bn_scale)",
        "bn_scale, bn_momentum)",
        "start",
        "bn_momentum and bn_scale arrive swapped, so the scale is not 0. CBAMSpatial "
        "takes momentum first.",
    ),
    WrongAnswer(
        "scale of 1 at the start",
        "bn_scale: float = 0.0",
        "bn_scale: float = 1.0",
        "start",
        "The BatchNorm's scale starts at 1, as in timm. The authors start it at 0.",
    ),
    WrongAnswer(
        "bn_scale ignored",
        "norm, bn_momentum, bn_scale)",
        "norm, bn_momentum)",
        "arguments",
        "bn_scale is ignored. Pass it on to CBAMSpatial.",
    ),
    WrongAnswer(
        "bn_momentum ignored",
        "norm, bn_momentum, bn_scale)",
        "norm, 0.01, bn_scale)",
        "arguments",
        "bn_momentum is ignored. Pass it on to CBAMSpatial.",
    ),
    WrongAnswer(
        "both BatchNorm arguments ignored",
        "norm, bn_momentum, bn_scale)",
        "norm)",
        "arguments",
        "bn_momentum and bn_scale are ignored. Pass both on to CBAMSpatial.",
    ),
    WrongAnswer(
        "pools ignored",
        "CBAMChannel(channels, reduction, mlp_bias, pools)",
        "CBAMChannel(channels, reduction, mlp_bias)",
        "arguments",
        "pools is ignored. Pass it on to CBAMChannel.",
    ),
    WrongAnswer(
        "multiplied in place",
        FORWARD,
        "return x.mul_(self.gate(x))",
        "input not modified",
        "The caller's x is overwritten by *= or mul_. Make a new tensor.",
    ),
)
