"""How a golden case is read, run through our module, and compared.

A folder holds `manifest.json` and one safetensors file a case. `tests/golden` is used,
or the folder that the environment variable GOLDEN_DIR names. Every case fixes a module,
its weights, an input and a probe P; it records the output, and the gradients of
sum(output * P) with respect to the input and every parameter. Cases in training mode
also record the updated running statistics.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from course_lib.attention import (
    BAM,
    CBAM,
    BAMSpatial,
    CBAMChannel,
    CBAMSpatial,
    SmallSpatial,
    SqueezeExcitation,
)

OUR_FOLDER = Path(__file__).parent / "golden"
FOLDER = Path(os.environ.get("GOLDEN_DIR") or OUR_FOLDER)
TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}

# Their layer -> our layer. What follows the last dot (weight, bias, running_mean,
# running_var, num_batches_tracked) has the same name on both sides.
SE_LINEAR = {"fc.0": "reduce", "fc.2": "expand"}
SE_CONVOLUTION = {"fc1": "reduce", "fc2": "expand"}
BAM_CHANNEL = {
    "channel_att.gate_c.gate_c_fc_0": "channel.reduce",
    "channel_att.gate_c.gate_c_bn_1": "channel.norm_hidden",
    "channel_att.gate_c.gate_c_fc_final": "channel.expand",
}
BAM_CHANNEL_XUMA = {
    "channel_att.fc.gate_c_fc_0": "channel.reduce",
    "channel_att.fc.gate_c_fc_final": "channel.expand",
}
BAM_SPATIAL_ONLY = {
    "spatial_att.gate_s.gate_s_conv_reduce0": "reduce",
    "spatial_att.gate_s.gate_s_bn_reduce0": "norms.0",
    "spatial_att.gate_s.gate_s_conv_di_0": "dilated1",
    "spatial_att.gate_s.gate_s_bn_di_0": "norms.1",
    "spatial_att.gate_s.gate_s_conv_di_1": "dilated2",
    "spatial_att.gate_s.gate_s_bn_di_1": "norms.2",
    "spatial_att.gate_s.gate_s_conv_final": "to_map",
}
BAM_SPATIAL = {theirs: f"spatial.{ours}" for theirs, ours in BAM_SPATIAL_ONLY.items()}
CBAM_SPATIAL_ONLY = {
    "SpatialGate.spatial.conv": "conv",
    "SpatialGate.spatial.bn": "norm",
}
CBAM_BOTH = {
    "ChannelGate.mlp.1": "channel.reduce",
    "ChannelGate.mlp.3": "channel.expand",
    "SpatialGate.spatial.conv": "spatial.conv",
    "SpatialGate.spatial.bn": "spatial.norm",
}
SMALL_SPATIAL = {"gather.1": "gather", "gather.3": "shrink", "excite.0": "excite"}


@dataclass(frozen=True)
class Ours:
    """How to build our module for one of theirs: from (channels, reduction)."""

    build: Callable[[int, int], torch.nn.Module]
    layers: dict[str, str]
    unused: tuple[str, ...] = ()  # layers that their code builds and never calls


# bam_official always runs with pool="square", the window of H x H in the authors' code:
# on square maps it equals the global average; on wider ones it is their quirk.
MODULES = {
    "se_nobias": Ours(lambda c, r: SqueezeExcitation(c, r, bias=False), SE_LINEAR),
    "se_bias": Ours(lambda c, r: SqueezeExcitation(c, r), SE_CONVOLUTION),
    "se_timm_default": Ours(
        lambda c, r: SqueezeExcitation(c, r, round_to=8), SE_CONVOLUTION
    ),
    "bam_official": Ours(
        lambda c, r: BAM(c, r, combine="product", pool="square"),
        BAM_CHANNEL | BAM_SPATIAL,
    ),
    "bam_fullpool": Ours(
        lambda c, r: BAM(c, r, combine="product"), BAM_CHANNEL | BAM_SPATIAL
    ),
    "bam_sum": Ours(
        lambda c, r: BAM(c, r, combine="sum", norm="hidden"), BAM_CHANNEL | BAM_SPATIAL
    ),
    "bam_xuma": Ours(
        lambda c, r: BAM(c, r, combine="product", norm="hidden-spatial"),
        BAM_CHANNEL_XUMA | BAM_SPATIAL,
    ),
    "bam_spatial_only": Ours(lambda c, r: BAMSpatial(c, r), BAM_SPATIAL_ONLY),
    "cbam_official": Ours(lambda c, r: CBAM(c, r), CBAM_BOTH),
    "cbam_channel_only": Ours(
        lambda c, r: CBAMChannel(c, r),
        {"ChannelGate.mlp.1": "reduce", "ChannelGate.mlp.3": "expand"},
    ),
    "cbam_channel_4pool": Ours(
        lambda c, r: CBAMChannel(c, r, pools=("avg", "max", "lp", "lse")),
        {"mlp.1": "reduce", "mlp.3": "expand"},
    ),
    "cbam_spatial_only": Ours(
        lambda c, r: CBAMSpatial(),
        CBAM_SPATIAL_ONLY,
        unused=("ChannelGate.mlp.1", "ChannelGate.mlp.3"),
    ),
    "spatial_small": Ours(lambda c, r: SmallSpatial(), SMALL_SPATIAL),
}


def read_cases(folder):
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        raise FileNotFoundError(f"no manifest.json in the golden folder {folder}")
    return json.loads(manifest.read_text(encoding="utf-8"))["cases"]


CASES = read_cases(FOLDER)
OUR_CASES = {case["file"]: case for case in read_cases(OUR_FOLDER)}


def ours_for(case):
    if case["module"] not in MODULES:
        known = ", ".join(MODULES)
        raise AssertionError(
            f"{case['file']}: unknown module {case['module']!r}; known are {known}. "
            "Add a row to MODULES in tests/golden_cases.py."
        )
    return MODULES[case["module"]]


def reduction_of(case):
    """The reduction that gives the recorded hidden width (none for small modules)."""
    channels, hidden, reduction = case["channels"], case["hidden"], case["reduction"]
    if hidden is None or case["module"] == "se_timm_default":
        return reduction
    if reduction is not None and channels // reduction == hidden:
        return reduction
    return channels // hidden


def our_name(case, name):
    layer, leaf = name.rsplit(".", 1)
    layers = ours_for(case).layers
    assert layer in layers, f"{case['file']}: no layer of ours for {name!r}"
    return f"{layers[layer]}.{leaf}"


def is_unused(case, name):
    return name.rsplit(".", 1)[0] in ours_for(case).unused


def like(value, target):
    """A linear layer recorded as 1x1 convolution, (out, in, 1, 1), as (out, in)."""
    return value.flatten(1) if value.dim() == 4 and target.dim() == 2 else value


def load_case(case, data, module):
    """Put the recorded weights and buffers into our module, all of them, by name."""
    own = module.state_dict()
    recorded = {}
    for entry in case["tensors"]:
        name = entry["name"]
        if not is_unused(case, name):
            ours = our_name(case, name)
            assert ours in own, f"{case['file']}: our module has no {ours!r}"
            recorded[ours] = like(data[name], own[ours])
    module.load_state_dict(recorded, strict=True)


def run_case(case, data, module):
    """Run forward and backward; returns (output, gradient of the input)."""
    module.train(case["mode"] == "train")
    x = data["input"].clone().requires_grad_()
    output = module(x)
    (output * data["probe"]).sum().backward()
    return output.detach(), x.grad


def close(what, found, expected):
    torch.testing.assert_close(
        found, expected, **TOLERANCE, msg=lambda text: f"{what}: {text}"
    )


def compare_gradients(case, data, module):
    parameters = dict(module.named_parameters())
    for entry in case["tensors"]:
        name = entry["name"]
        recorded = data.get(f"grad::{name}")
        if is_unused(case, name):
            assert recorded is None or not recorded.any(), f"{name} is not unused"
        elif entry["kind"] == "parameter":
            found = parameters[our_name(case, name)].grad
            close(f"gradient of {name}", found, like(recorded, found))


def compare_statistics(case, data, module):
    """Buffers: updated as recorded in training mode, untouched in eval mode."""
    buffers = dict(module.named_buffers())
    prefix = "after::" if case["mode"] == "train" else ""
    for entry in case["tensors"]:
        if entry["kind"] == "buffer":
            found = buffers[our_name(case, entry["name"])]
            close(prefix + entry["name"], found, data[prefix + entry["name"]])


def compare_case(case, data, module):
    """Assert that `module`, weights loaded, does what the case recorded."""
    output, grad_input = run_case(case, data, module)
    close("output", output, data["output"])
    close("gradient of the input", grad_input, data["grad_input"])
    compare_gradients(case, data, module)
    compare_statistics(case, data, module)


def built_and_loaded(case, data):
    module = ours_for(case).build(case["channels"], reduction_of(case))
    load_case(case, data, module)
    return module


def case_id(case):
    return Path(case["file"]).stem
