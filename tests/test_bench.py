"""course bench: order, ratios, counts, resuming, bad input. Nothing is timed here."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from torch import nn

from course_lib import cli
from course_lib.bench import bytes_moved, figure, networks, record, running
from course_lib.bench.cases import Case, Settings
from course_lib.bench.roofline import Ceilings, floor_ms
from course_lib.bench.timing import Task, shuffled
from course_lib.cli_bench import MODES, chosen, sentence
from course_lib.errors import CourseError

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = Settings(
    networks=("plain", "se"),
    modes=("eager",),
    phases=("train", "infer"),
    stem="stride2",
    width=4,
    image_size=16,
    batch=2,
    precision="fp32",
    channels_last=True,
    steps=1,
    device="cpu",
)


def tasks(names=("plain", "se", "cbam", "spatial")):
    nothing = lambda: None  # noqa: E731
    return [Task(name, "eager", "train", nothing, nothing) for name in names]


def planted(rounds):
    """Times of rounds: plain takes 10, 20, 30, ... ms; se and cbam known multiples."""
    rows = []
    for number in range(rounds):
        for name, factor in (("plain", 1.0), ("se", 1.5), ("cbam", 2.0 + number)):
            ms = 10.0 * (number + 1) * factor
            rows.append((number, name, "eager", "train", ms))
    return pd.DataFrame(rows, columns=record.TIMES)


def facts(names=("plain", "se", "cbam")):
    counted = {"parameters": 1, "saved_mb": 2.0, "peak_mb": {}}
    for key in ("gflop", "eager_ms", "fused_ms", "ideal_ms", "eager_gb", "fused_gb"):
        counted[f"train_{key}"] = 5.0
    machine = {"gb_s": 1.0, "gflop_s": 1.0, "machine": "made up", "load": 0.0}
    machine |= {"torch": "2", "code": "c", "threads": 1}
    settings = asdict(replace(SETTINGS, networks=names, phases=("train",)))
    return {
        "settings": settings,
        "machine": machine,
        "networks": {name: counted for name in names},
    }


def test_every_round_runs_each_task_once_in_an_order_of_its_own():
    orders = [[task.network for task in shuffled(tasks(), n)] for n in range(20)]
    assert all(sorted(order) == sorted(orders[0]) for order in orders)
    assert len({tuple(order) for order in orders}) > 5
    assert {order[0] for order in orders} == {"plain", "se", "cbam", "spatial"}
    again = [[task.network for task in shuffled(tasks(), n)] for n in range(20)]
    assert again == orders


def test_a_round_times_in_that_order_and_keeps_every_time():
    seen = []

    def timer(task):
        seen.append(task.network)
        return float(len(seen))

    times = running.one_round(tasks(), 3, timer)
    assert seen == [task.network for task in shuffled(tasks(), 3)]
    assert list(times["network"]) == seen and list(times["ms"]) == [1, 2, 3, 4]
    assert set(times["round"]) == {3}


def test_ratios_compare_within_a_round_so_a_slow_round_changes_nothing():
    table = record.summarise(planted(5), facts()).set_index("network")
    assert table.loc["plain", "ratio"] == 1
    assert table.loc["se", "ratio"] == pytest.approx(1.5)
    assert table.loc["se", "ratio_low"] == table.loc["se", "ratio_high"]
    assert table.loc["cbam", "ratio"] == pytest.approx(4.0)  # of 2, 3, 4, 5, 6
    assert table.loc["cbam", "ratio_low"] == pytest.approx(3.0)
    assert table.loc["cbam", "ratio_high"] == pytest.approx(5.0)
    assert table.loc["plain", "ms"] == 30 and table.loc["plain", "rounds"] == 5
    assert table.loc["plain", "images_s"] == pytest.approx(1000 * 2 / 30)
    assert table.loc["plain", "share"] == pytest.approx(5 / 30)
    assert list(table.index) == ["plain", "se", "cbam"]


def test_figure_and_markdown_carry_the_ratios():
    table = record.summarise(planted(3), facts())
    text = record.markdown(table)
    assert "| se | eager |" in text and "1.50 (1.50 to 1.50)" in text
    assert "se eager training step 1.50" in figure.alt_text(table)
    assert figure.bench_figure(table).axes[0].get_title() == "eager"


def test_a_measurement_goes_on_where_it_stopped(tmp_path, monkeypatch):
    clock = iter(range(1, 1000))
    monkeypatch.setattr(running, "time_task", lambda *unused: float(next(clock)))
    monkeypatch.setattr(running, "measure_ceilings", lambda *unused: Ceilings(1.0, 1.0))
    first = running.measure(SETTINGS, 1, tmp_path)
    before = (tmp_path / "times.csv").read_text(encoding="utf-8")
    assert set(first["rounds"]) == {1} and next(clock) == 5
    second = running.measure(SETTINGS, 3, tmp_path)
    after = (tmp_path / "times.csv").read_text(encoding="utf-8")
    assert after.startswith(before) and set(second["rounds"]) == {3}
    assert next(clock) == 14
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(running, "measure_ceilings", lambda *unused: Ceilings(9.0, 9.0))
    for rounds in (3, 2):  # they are there: nothing is measured anew
        again = running.measure(SETTINGS, rounds, tmp_path)
        pd.testing.assert_frame_equal(again, second)
    assert files == {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert next(clock) == 15
    with pytest.raises(CourseError, match="another batch"):
        running.measure(replace(SETTINGS, batch=3), 3, tmp_path)
    (tmp_path / "times.csv").write_text("round\n1\n", encoding="utf-8")
    with pytest.raises(CourseError, match="damaged"):
        running.measure(SETTINGS, 4, tmp_path)
    assert json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))["machine"]


@pytest.mark.parametrize("extra", [1, None])
def test_a_setting_of_another_version_is_named(tmp_path, extra):
    record.save(tmp_path, facts(), planted(1))
    asked = replace(SETTINGS, networks=("plain", "se", "cbam"), phases=("train",))
    assert len(record.load_times(tmp_path, asked)) == 3
    known = facts()
    known["settings"]["unknown"] = extra
    record.save(tmp_path, known, planted(1))
    with pytest.raises(CourseError, match="another unknown"):
        record.load_times(tmp_path, asked)
    (tmp_path / "bench.json").write_text('{"settings": 5}', encoding="utf-8")
    with pytest.raises(CourseError, match="damaged"):
        record.load_times(tmp_path, asked)


@pytest.mark.parametrize("name", ["plain", "spatial", "fused-se"])
def test_a_case_takes_a_training_step_and_an_inference_step(name):
    case = Case(name, "eager", SETTINGS)
    before = case.network.fc.weight.clone()
    for task in case.tasks():
        task.prepare()
        task.step()
        assert case.network.training == (task.phase == "train")
    assert not torch.equal(before, case.network.fc.weight)
    assert case.network.fc.weight.grad is None
    assert case.saved_mb() > 0


def test_saved_memory_grows_with_a_module():
    plain, se = (Case(name, "eager", SETTINGS).saved_mb() for name in ("plain", "se"))
    assert se > plain


# --- Counting ---


def test_a_count_by_hand():
    class Two(nn.Module):
        def forward(self, x):
            return torch.relu(x) * torch.sigmoid(x)

    x = torch.empty(10, 100, device="meta")  # 4,000 bytes
    with bytes_moved.counting() as count:
        Two()(x)
    moved = {
        way: sum(item.bytes[way] for item in count.operations)
        for way in bytes_moved.WAYS
    }
    # relu and sigmoid: one map in, one out; their product: two in, one out.
    assert moved == {"eager": 28_000, "fused": 4_000, "ideal": 0}


def test_flops_of_a_training_step_are_three_forwards_less_one_gradient():
    with torch.device("meta"):
        network = networks.build("plain", 10, "stride2", 8)
    flops = {
        phase: sum(item.flops for item in bytes_moved.count_step(network, 2, 16, phase))
        for phase in ("train", "infer")
    }
    first = 2 * 2 * 8 * 8 * 8 * 27  # the images need no gradient
    assert flops["train"] == 3 * flops["infer"] - first


def test_se_costs_passes_and_hardly_any_arithmetic():
    counts = {}
    for name in ("plain", "se"):
        with torch.device("meta"):
            network = networks.build(name, 10, "stride2", 16)
        operations = bytes_moved.count_step(network, 4, 32)
        counts[name] = [sum(item.flops for item in operations)]
        counts[name] += [sum(o.bytes[way] for o in operations) for way in ("eager",)]
    assert counts["se"][0] / counts["plain"][0] < 1.06
    assert counts["se"][1] / counts["plain"][1] > 1.15


@pytest.mark.parametrize("name", networks.FUSED)
def test_a_fused_step_is_counted_and_has_the_same_arithmetic(name):
    flops = {}
    for each in (name, name.removeprefix("fused-")):
        with torch.device("meta"):
            network = networks.build(each, 10, "stride2", 8, passes="plain")
        operations = bytes_moved.count_step(network, 2, 32)
        flops[each] = sum(item.flops for item in operations)
    ordinary = flops[name.removeprefix("fused-")]
    assert flops[name] == pytest.approx(ordinary, rel=0.02)


def test_the_floor_takes_the_slower_of_bytes_and_arithmetic():
    moved = dict.fromkeys(bytes_moved.WAYS, 4e9)
    operations = [
        bytes_moved.Operation("conv", 10e9, moved),
        bytes_moved.Operation("relu", 0, moved),
    ]
    ceilings = Ceilings(gb_s=2.0, gflop_s=1.0)
    assert floor_ms(operations, ceilings, "eager", "fp32") == pytest.approx(12_000)
    assert floor_ms(operations, ceilings, "eager", "bf16") == pytest.approx(11_000)


# --- The command ---


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--models", "senet"], "senet"),
        (["--against", "tim"], "timm"),
        (["--against", "timm", "--width", "8"], "width 64"),
        (["--mode", "fast"], "--mode"),
        (["--phases", "test"], "--phases"),
        (["--stem", "small"], "stem"),
        (["--batch", "1"], "BatchNorm"),
        (["--rounds", "0"], "--rounds 0"),
        (["--steps", "0"], "--steps 0"),
        (["--width", "2"], "--width 2"),
        (["--image-size", "8"], "32 pixels"),
        (["--device", "tpu"], "device"),
        (["--precision", "fp8"], "precision"),
    ],
    ids=lambda value: "-".join(value).strip("-") if isinstance(value, list) else "",
)
def test_bad_input_is_one_line(arguments, words, capsys, tmp_path):
    with pytest.raises(SystemExit) as stop:
        cli.main(["bench", "--out", str(tmp_path / "none"), *arguments])
    assert stop.value.code == 2
    answer = capsys.readouterr()
    assert words in answer.err and len(answer.err.strip().splitlines()) == 1
    assert not (tmp_path / "none").exists()


def test_a_library_that_is_absent_is_named(monkeypatch):
    monkeypatch.setattr(networks, "find_spec", lambda name: None)
    with pytest.raises(CourseError, match="not installed"):
        networks.list_networks(["plain"], ["timm"], 64)


@pytest.mark.parametrize(
    "text, names",
    [
        ("both", MODES),
        ("compiled,eager", MODES),
        ("compiled", ("compiled",)),
        (None, ("eager",)),
    ],
)
def test_a_mode_is_one_or_both(text, names):
    assert chosen("--mode", text, ("eager",), MODES) == names


def test_help_names_the_options():
    answer = CliRunner().invoke(cli.course, ["bench", "--help"])
    assert answer.exit_code == 0
    for option in ("--against", "--mode", "--rounds", "--precision", "--image-size"):
        assert option in answer.output


# --- Recorded tables ---

RECORDED = sorted((ROOT / "data" / "results").glob("bench-*/bench.csv"))
SWITCHES = ("nchw", "bf16", "compiled")  # in one table, which test_results.py compares
WHOLE = [path for path in RECORDED if not path.parent.name.endswith(SWITCHES)]


def test_there_is_a_recorded_table():
    assert WHOLE


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.parent.name)
def test_the_readme_shows_the_recorded_table(path):
    table = pd.read_csv(path)
    readme = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert record.markdown(table) in readme
    assert sentence(table) in " ".join(readme.split())


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.parent.name)
def test_the_recorded_table_follows_from_the_recorded_times(path):
    known = json.loads((path.parent / "bench.json").read_text(encoding="utf-8"))
    made = record.summarise(pd.read_csv(path.parent / "times.csv"), known)
    found = pd.read_csv(path)
    assert list(made["network"]) == list(found["network"])
    for column in ("ms", "ratio", "ratio_low", "ratio_high", "share"):
        assert made[column].to_numpy() == pytest.approx(found[column].to_numpy(), 1e-4)
