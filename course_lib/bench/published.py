"""What others have published: peaks of machines, and step times with SE and CBAM."""

import pandas as pd

# GFLOP/s, GB/s, bytes of a number. NVIDIA's data sheets: V100 SXM2, A100 SXM 80 GB;
# 16-bit numbers on dense tensor cores.
PEAKS = {
    "V100, fp32": (15_700.0, 900.0, 4),
    "V100, fp16": (125_000.0, 900.0, 2),
    "A100, 16 bit": (312_000.0, 2_039.0, 2),
}

# Where to find the sources of TIMES, by the name they have there.
SOURCES = {
    "SE paper, section 4": (
        'Hu et al., "Squeeze-and-Excitation Networks", 2018: a step of 256 images, '
        "forward and backward"
    ),
    "ECA paper, table 3": (
        'Wang et al., "ECA-Net: Efficient Channel Attention for Deep Convolutional '
        'Neural Networks", 2020'
    ),
    "timm, PyTorch 1.12": (
        "huggingface/pytorch-image-models, folder results: benchmark-train-amp-LAYOUT-"
        "pt112-cu113-rtx3090.csv, LAYOUT nchw or nhwc (PyTorch 1.12), rows resnet50 "
        "and seresnet50"
    ),
    "NVIDIA, ResNeXt101": (
        "NVIDIA/DeepLearningExamples, folder PyTorch/Classification/ConvNets: README "
        "of resnext101-32x4d and of se-resnext101-32x4d, container 21.03, one GPU; "
        "16 bit is mixed precision"
    ),
}

# Source (see SOURCES), hardware and mode, module, plain, with the module, unit.
TIMES = (
    ("SE paper, section 4", "8 Titan X, training", "SE", 190, 209, "ms"),
    ("ECA paper, table 3", "RTX 2080 Ti, training", "SE", 1024, 759, "img/s"),
    ("ECA paper, table 3", "RTX 2080 Ti, training", "CBAM", 1024, 472, "img/s"),
    ("ECA paper, table 3", "RTX 2080 Ti, inference", "SE", 1855, 1620, "img/s"),
    ("ECA paper, table 3", "RTX 2080 Ti, inference", "CBAM", 1855, 1213, "img/s"),
    ("timm, PyTorch 1.12", "RTX 3090, AMP, NCHW, training", "SE", 826, 715, "img/s"),
    ("timm, PyTorch 1.12", "RTX 3090, AMP, NHWC, training", "SE", 1218, 972, "img/s"),
    ("NVIDIA, ResNeXt101", "V100, fp32, training", "SE", 147, 132, "img/s"),
    ("NVIDIA, ResNeXt101", "V100, fp16, training", "SE", 587, 443, "img/s"),
    ("NVIDIA, ResNeXt101", "A100, 16 bit, training", "SE", 1211, 855, "img/s"),
)


def ridge(peak: tuple[float, float, int]) -> float:
    """Operations for each number moved, where both ceilings allow the same."""
    gflop_s, gb_s, size = peak
    return size * gflop_s / gb_s


def published_ratios() -> pd.DataFrame:
    """TIMES with a column ratio: time with the module over time without."""
    columns = ["source", "hardware", "module", "plain", "with", "unit"]
    table = pd.DataFrame(TIMES, columns=columns)
    slower = table["with"] / table["plain"]
    return table.assign(ratio=slower.where(table["unit"] == "ms", 1 / slower))
