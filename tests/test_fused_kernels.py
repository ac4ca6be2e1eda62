"""The Triton kernels against the passes in plain PyTorch.

Without a GPU they run in Triton's interpreter, in a process of its own, since Triton
reads that switch when it is imported. The interpreter cuts bfloat16 off where a GPU
rounds, so the tolerance there is one unit in the last place.
"""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest
import torch

CHECK = """
import sys
import torch
from course_lib.fused import passes, triton_passes
from course_lib.fused.channel import bn_se_add_relu

device = sys.argv[1]
TOLERANCE = {torch.float32: 2e-6, torch.bfloat16: 8e-3}

def draw(shape, dtype=torch.float32, away=0.0):
    values = (torch.randn(shape) + away).to(dtype)
    layout = torch.channels_last if len(shape) == 4 else torch.contiguous_format
    return values.to(device).contiguous(memory_format=layout)

def check(name, arguments, tolerance):
    found = getattr(triton_passes, name)(*arguments)
    wanted = getattr(passes, name)(*arguments)
    if isinstance(found, torch.Tensor):
        found, wanted = [found], [wanted]
    for mine, theirs in zip(found, wanted):
        assert mine.dtype == theirs.dtype and mine.shape == theirs.shape, name
        difference = (mine.double() - theirs.double()).norm()
        assert difference <= tolerance * theirs.double().norm(), (name, difference)

torch.manual_seed(0)
for dtype, tolerance in TOLERANCE.items():
    for shape in [(2, 5, 3, 4), (3, 130, 7, 7), (1, 256, 5, 1), (2, 32, 9, 8)]:
        y, x, grad = draw(shape, dtype, 3.0), draw(shape, dtype), draw(shape, dtype)
        p, q, r = (draw(shape[:2]) for _ in range(3))
        check("moments", (y,), 2e-6)
        check("scale_add_relu", (y, x, p, q), tolerance)
        check("masked_sums", (grad, x, y), 2e-6)
        check("combine", (grad, y, p, q, r), tolerance)
# Far from 0 the variance survives; other memory orders and NaN are taken.
check("moments", (draw((2, 8, 6, 6), away=1000.0),), 1e-3)
check("moments", (draw((2, 8, 6, 6)).contiguous(),), 2e-6)
nan = torch.full((1, 2, 2, 2), float("nan"), device=device)
vector = torch.ones(1, 2, device=device)
assert triton_passes.scale_add_relu(nan, nan, vector, vector).isnan().all()

y, x = (draw((3, 8, 4, 5)).requires_grad_() for _ in range(2))
vectors = [draw((8,)).requires_grad_() for _ in range(2)]
gate = tuple(draw(shape).requires_grad_() for shape in [(2, 8), (8, 2), (2,), (8,)])
upstream = draw((3, 8, 4, 5))
results = []
for way in (passes, triton_passes):
    out, *_ = bn_se_add_relu(y, x, *vectors, gate, 1e-5, way)
    inputs = [y, x, *vectors, *gate]
    results.append([out, *torch.autograd.grad(out, inputs, upstream)])
for mine, theirs in zip(*results):
    assert (mine - theirs).abs().max() <= 1e-5 * theirs.abs().max().clamp_min(1e-3)
print("kernels agree")
"""


def run_check(device, interpret):
    environment = os.environ | {"TRITON_INTERPRET": "1" if interpret else "0"}
    command = [sys.executable, "-c", CHECK, device]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


@pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")
@pytest.mark.skipif(torch.cuda.is_available(), reason="the GPU runs the kernels itself")
def test_kernels_agree_with_plain_pytorch_in_the_interpreter():
    answer = run_check("cpu", interpret=True)
    assert "kernels agree" in answer.stdout, answer.stderr[-3000:]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here")
def test_kernels_agree_with_plain_pytorch_on_the_gpu():
    answer = run_check("cuda", interpret=False)
    assert "kernels agree" in answer.stdout, answer.stderr[-3000:]
