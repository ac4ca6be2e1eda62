"""Counting and timing: laws, independent counts, a made-up machine; nothing timed."""

import json
import sys
import time

import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from course_lib.bench import blocks, published, recorded
from course_lib.bench.blocks import block_work
from course_lib.bench.bytes_moved import counting
from course_lib.bench.cost_figures import draw_roofs, least_ms
from course_lib.bench.plans import plan_bytes
from course_lib.bench.timing import clock_for, seconds_of, time_ratio
from course_lib.blocks import Bottleneck
from course_lib.cost import layer_flops
from course_lib.errors import CourseError
from course_lib.exercises.notebook10_machine import Machine
from course_lib.exercises.notebook10_ratio import thrice
from course_lib.resnet import resnet50


def test_layers_add_up_to_pytorch_s_count():
    with torch.device("meta"):
        network = resnet50(10, width=16).eval()
        image = torch.empty(2, 3, 64, 64)
    found = []
    for layer in network.modules():
        layer.register_forward_hook(
            lambda layer, inputs, y: found.append(layer_flops(layer, inputs[0], y))
        )
    with FlopCounterMode(display=False) as theirs:
        network(image)
    assert sum(found) == theirs.get_total_flops()


@pytest.mark.parametrize(
    "layer, shape",
    [
        (nn.Conv2d(6, 9, (1, 5), stride=2, padding=(0, 2), groups=3), (2, 6, 7, 11)),
        (nn.Conv2d(4, 8, 3, dilation=4, padding=4), (3, 4, 9, 5)),
        (nn.Linear(6, 4), (3, 6)),
        (nn.Linear(6, 4, bias=False), (2, 7, 6)),
    ],
    ids=["grouped", "dilated", "linear", "linear on the last axis"],
)
def test_one_layer_is_counted_as_pytorch_counts_it(layer, shape):
    x = torch.empty(shape)
    with FlopCounterMode(display=False) as theirs:
        y = layer(x)
    assert layer_flops(layer, x, y) == theirs.get_total_flops()


def test_a_block_s_work_is_what_pytorch_does():
    with torch.device("meta"), counting() as count:
        Bottleneck(64, 16)(torch.empty(3, 64, 10, 10))
    done = count.operations
    work = block_work(64, 10, 3)
    convolutions = [work[name] for name in ("1x1 reduce", "3x3", "1x1 expand")]
    counted = [(o.flops, o.bytes["eager"] / 4) for o in done if o.flops]
    assert counted == convolutions
    norms = sum(o.bytes["eager"] for o in done if o.name == "native_batch_norm") / 4
    assert norms == pytest.approx(work["BatchNorm x 3"][1], rel=0.01)
    relus = sum(o.bytes["eager"] for o in done if o.name.startswith("relu")) / 4
    assert relus == pytest.approx(work["ReLU x 3"][1], rel=0.01)


# --- plan_bytes ---


@st.composite
def chains(draw):
    """Operations in a row, each on some of the names before it."""
    numbers = {f"n{k}": draw(st.integers(1, 50)) for k in range(8)}
    names = list(numbers)
    picks = [
        draw(st.lists(st.sampled_from(names[:k]), min_size=1, max_size=3))
        for k in range(2, 8)
    ]
    operations = [(tuple(pick), f"n{k}") for k, pick in enumerate(picks, start=2)]
    keep = set(draw(st.lists(st.sampled_from(names[2:]), max_size=3))) | {"n7"}
    return operations, numbers, keep


@given(chains(), st.integers(1, 5))
@settings(derandomize=True, max_examples=100, deadline=None)
def test_sharing_a_pass_never_moves_more(chain, cut):
    operations, numbers, keep = chain
    apart = plan_bytes([[one] for one in operations], numbers, keep)
    halves = plan_bytes([operations[:cut], operations[cut:]], numbers, keep)
    together = plan_bytes([operations], numbers, keep)
    assert together <= halves <= apart
    assert plan_bytes([operations], numbers, keep, size=2) * 2 == together


def test_one_pass_reads_what_comes_from_outside_and_writes_what_is_kept():
    operations = [(("a", "b"), "c"), (("c", "a"), "d")]
    numbers = {"a": 1, "b": 10, "c": 100, "d": 1000}
    assert plan_bytes([operations], numbers, {"d"}, size=1) == 1011
    assert plan_bytes([operations], numbers, {"c", "d"}, size=1) == 1111
    assert plan_bytes([[one] for one in operations], numbers, {"d"}, 1) == 1212


# --- the stopwatch ---


@pytest.mark.parametrize("asks_ahead", [True, False])
def test_a_stopwatch_on_a_made_up_machine(asks_ahead):
    machine = Machine(thrice, asks_ahead)
    found = seconds_of(machine.case("step"), machine.clock, machine.wait, steps=100)
    assert found == pytest.approx(0.3, rel=0.001)
    ratio = time_ratio(
        machine.case("step"), machine.case("base"), 6, machine.clock, machine.wait
    )
    assert ratio == pytest.approx((3, 3, 3), rel=0.02)


# --- what is recorded and published ---


def test_a_machine_is_bound_by_one_of_its_ceilings():
    peak = (100.0, 10.0, 4)  # GFLOP/s, GB/s, bytes
    assert published.ridge(peak) == 40
    assert least_ms(1e9, 1e6, peak) == (10.0, "compute")
    assert least_ms(1e6, 1e8, peak) == (40.0, "memory")


def test_published_times_as_ratios():
    table = published.published_ratios()
    assert (table["ratio"] > 1).all()
    paper = table[table["source"].str.startswith("SE paper")]["ratio"]
    assert paper.tolist() == [209 / 190]
    eca = table[table["module"] == "CBAM"]["ratio"]
    assert eca.tolist() == pytest.approx([2.17, 1.53], abs=0.005)


def test_every_published_time_says_where_it_is_found():
    table = published.published_ratios()
    assert set(table["source"]) == set(published.SOURCES)


def test_each_machine_has_a_line_of_its_own():
    peaks = {f"machine {n}": (100.0 * n, 10.0, 4) for n in range(1, 6)}
    with pytest.raises(ValueError, match="zip"):
        draw_roofs({"copy": 1.0}, peaks)


def made_up(folder, device, mode, precision, channels_last):
    folder.mkdir(parents=True)
    settings = {"device": device, "precision": precision}
    known = {"settings": settings | {"channels_last": channels_last}}
    (folder / "bench.json").write_text(json.dumps(known), encoding="utf-8")
    rows = [
        (name, mode, phase, ratio, 50 * ratio)
        for phase in ("train", "infer")
        for name, ratio in (("plain", 1.0), ("se", 1.2 if phase == "train" else 1.1))
    ]
    columns = ["network", "mode", "phase", "ratio", "ms"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "bench.csv", index=False)


def test_recorded_folders_are_found_and_gaps_named(tmp_path):
    made_up(tmp_path / "bench-cpu", "cpu", "eager", "fp32", True)
    made_up(tmp_path / "bench-cpu-modes" / "bf16", "cpu", "compiled", "bf16", False)
    made_up(tmp_path / "bench-gpu-h200", "cuda:0", "eager", "bf16", True)
    benches = recorded.read_benches(tmp_path)
    table = recorded.ratios_by_switch(benches, ["se", "cbam"])
    assert len(table) == 3 and list(table.columns) == ["plain, ms", "se"]
    assert set(table["se"]) == {1.2} and set(table["plain, ms"]) == {50.0}
    missing = recorded.not_recorded(benches, "cpu")
    assert len(missing) == 6
    assert "eager fp32 channels_last" not in missing
    assert "compiled bf16 NCHW" not in missing
    assert len(recorded.not_recorded(benches, "cuda")) == 7


def test_a_folder_without_measurements_is_one_line(tmp_path):
    with pytest.raises(CourseError, match=r"no bench-\*/bench.csv in .* course bench"):
        recorded.read_benches(tmp_path)


def test_a_layer_of_another_kind_counts_nothing():
    x = torch.empty(1, 3, 4, 4, device="meta")
    for layer in (nn.BatchNorm2d(3), nn.ReLU(), nn.Dropout()):
        assert layer_flops(layer, x, x) == 0


def test_a_block_s_step_does_not_add_to_the_gradients_of_the_one_before(monkeypatch):
    made = []

    def keep(*arguments, **options):
        made.append(Bottleneck(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(blocks, "Bottleneck", keep)
    step = blocks.block_step((2, 16, 5, 5))
    step()
    first = [parameter.grad.clone() for parameter in made[0].parameters()]
    step()
    second = [parameter.grad for parameter in made[0].parameters()]
    torch.testing.assert_close(second, first)


def test_processor_time_is_read_where_it_is_fine_enough(monkeypatch):
    cpu = torch.device("cpu")
    monkeypatch.setattr(sys, "platform", "linux")
    assert clock_for(cpu) is time.process_time
    assert clock_for(torch.device("cuda")) is time.perf_counter
    monkeypatch.setattr(sys, "platform", "win32")
    assert clock_for(cpu) is time.perf_counter
