"""What a GPU should measure, as a queue of short entries: one command an entry.

    python benchmarks/gpu_queue.py list
    python benchmarks/gpu_queue.py run smoke --out OUT
    python benchmarks/gpu_queue.py run cifar100-seeds-1 --out OUT --budget 540
    python benchmarks/gpu_queue.py take OUT        # later: into data/results

An entry ends by itself before --budget seconds (about; a training stops at its next
step). Called again it goes on: finished runs are taken from data/results and from the
folder --work, half-finished ones from --work. Everything worth keeping is in OUT as one
small archive an entry. --dry-run does the same in miniature on a CPU, in a folder
of its own below --work, with archives dry-NAME.tar.gz, which `take` refuses.
"""

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a plain checkout

from archives import pack, take

from course_lib.bench import running
from course_lib.bench.cases import Settings
from course_lib.bench.networks import FUSED, PEERS
from course_lib.comparing import compare
from course_lib.errors import CourseError, check_choice
from course_lib.planning import choose_device, plan_runs
from course_lib.profiles import CI, FIVE, GPU
from course_lib.runs import Run

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "data" / "results"
# Compiling takes a minute a network, so those come in groups that fit one command.
GROUPS = {
    "a": ("plain", "se", "fused-se", "timm-se"),
    "b": ("plain", "fused-plain", "spatial", "fused-spatial"),
    "c": ("plain", "cbam", "timm-cbam", "bam"),
}
ROUNDS = 7


@dataclass(frozen=True)
class Place:
    """Where an entry works, how long it may, and whether in miniature."""

    work: Path
    seconds: float
    dry: bool
    device: str


@dataclass(frozen=True)
class Entry:
    """One thing to measure. folder: below --work and data/results. run: does it."""

    name: str
    folder: str
    what: str
    run: Callable[[Place], None]


def smoke(place: Place) -> None:
    """Every network on the device in float32 against the CPU in float64."""
    from smoke import compare_with_cpu

    compare_with_cpu(place.work / "smoke", place.device, place.dry)


def bench_entry(stem: str, mode: str, names: tuple[str, ...], part: str) -> Entry:
    """Step times at full size: eager all at once, compiled in groups."""
    size, batch = (224, 256) if stem == "imagenet" else (32, 512)
    folder = f"bench-{size}-{mode}{part}"

    def run(place: Place) -> None:
        settings = Settings(
            networks=names,
            modes=("eager",) if place.dry else (mode,),
            phases=("train", "infer"),
            stem=stem,
            width=8 if place.dry else 64,
            image_size=32 if place.dry else size,
            batch=2 if place.dry else batch,
            precision="fp32" if place.dry else "bf16",
            channels_last=True,
            steps=1 if place.dry else 10,
            device=place.device,
        )
        rounds = 1 if place.dry else ROUNDS
        running.measure(settings, rounds, place.work / folder, place.seconds)

    return Entry(folder, folder, f"{', '.join(names)}; {size} px, batch {batch}", run)


def train_entry(
    name: str,
    folder: str,
    data: str,
    models: tuple[str, ...],
    seeds: int,
    recipe: str = "modern",
    placements: tuple[str, ...] = (),
    epochs: int | None = None,
) -> Entry:
    """Runs of `course compare` on the GPU profile's sizes."""

    def run(place: Place) -> None:
        runs = planned(data, models, seeds, recipe, placements, epochs, place)
        out = place.work / folder
        bring_results(folder, out, place.dry)
        done = compare(
            runs, out, place.device, place.seconds, workers=1, compiled=not place.dry
        )
        print(f"{name}: {len(done)} of {len(runs)} runs are done.")

    where = f" at {', '.join(placements)}" if placements else ""
    what = f"{', '.join(models)}{where}; {data}, {recipe}, {seeds} seed(s)"
    return Entry(name, folder, what, run)


def planned(
    data: str,
    models: tuple[str, ...],
    seeds: int,
    recipe: str,
    placements: tuple[str, ...],
    epochs: int | None,
    place: Place,
) -> list[Run]:
    """The runs of an entry; in miniature two networks on a few signs for one epoch."""
    if place.dry:
        sizes = replace(
            CI.signs, train_images=64, val_images=20, test_images=20, epochs=1, batch=16
        )
        return plan_runs("signs", sizes, models[:2], 1, placements[:1], recipe)
    sizes = GPU.sizes(data)
    sizes = replace(sizes, epochs=epochs or sizes.epochs)
    return plan_runs(data, sizes, models, seeds, placements, recipe, "bf16")


def bring_results(folder: str, out: Path, dry: bool) -> None:
    """Start from the runs in data/results, unless `out` has runs of its own."""
    if not dry and (RESULTS / folder).exists() and not (out / "runs.csv").exists():
        shutil.copytree(RESULTS / folder, out, dirs_exist_ok=True)


def epoch_cost(place: Place) -> None:
    """Seconds of an epoch against images and pixels."""
    from epoch_cost import GPU as FULL
    from epoch_cost import Settings as Sizes
    from epoch_cost import measure

    small = Sizes(("plain",), (4, 8), (32, 48), images_at=4, batch=4)
    settings = small if place.dry else replace(FULL, device=place.device)
    rounds = 1 if place.dry else ROUNDS
    measure(settings, rounds, place.work / "epoch-cost-gpu", place.seconds)


def pointing(place: Place) -> None:
    """Pointing-game scores of networks trained on signs."""
    script = ROOT / "benchmarks" / "pointing.py"
    out = place.work / "signs-pointing" / "scores.csv"
    out.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(script), "--out", str(out), "--seeds", "1"]
    command += ["--profile", "ci" if place.dry else "gpu"]
    if place.dry:
        command += ["--models", "spatial"]
    try:
        subprocess.run(command, check=True, timeout=place.seconds)
    except subprocess.TimeoutExpired:
        print("signs-pointing: stopped by the budget; the same command goes on.")
    except subprocess.CalledProcessError as error:
        raise CourseError(
            f"benchmarks/pointing.py ended with status {error.returncode}",
            "scores of every network",
            "Read its message above.",
        ) from error


def entries() -> list[Entry]:
    """The queue, in order."""
    eager = (*FIVE, *FUSED, *(name for names in PEERS.values() for name in names))
    queue = [Entry("smoke", "smoke", "every module, fp32 against the CPU", smoke)]
    for stem in ("imagenet", "cifar"):
        queue.append(bench_entry(stem, "eager", eager, ""))
        for part, names in GROUPS.items():
            queue.append(bench_entry(stem, "compiled", names, f"-{part}"))
    what = "plain and se: an epoch against images and pixels"
    queue.append(Entry("epoch-cost", "epoch-cost-gpu", what, epoch_cost))
    modern = "cifar100-gpu"
    for seeds in (1, 3, 5):
        name = f"cifar100-seeds-{seeds}"
        queue.append(train_entry(name, modern, "cifar100", FIVE, seeds))
    variants = ("bam-spatial", "cbam-spatial")
    queue.append(train_entry("cifar100-variants", modern, "cifar100", variants, 3))
    places = ("pre", "post", "identity", "conv2")
    queue.append(
        train_entry(
            "cifar100-placements", modern, "cifar100", ("se",), 1, placements=places
        )
    )
    queue.append(
        train_entry(
            "cifar100-reu2019",
            "cifar100-reu2019",
            "cifar100",
            FIVE,
            1,
            "reu2019",
            epochs=150,
        )
    )
    queue.append(train_entry("signs-64", "signs-gpu", "signs", FIVE, 3))
    what = "where networks trained on signs look"
    queue.append(Entry("signs-pointing", "signs-pointing", what, pointing))
    return queue


def run_entry(name: str, place: Place, out: Path) -> None:
    """Run one entry and pack what it made, also when it is interrupted."""
    queue = {entry.name: entry for entry in entries()}
    check_choice("entry", name, queue)
    started = time.monotonic()
    try:
        queue[name].run(place)
    finally:
        path = pack(place.work / queue[name].folder, out, place.dry)
        print(f"{name}: {time.monotonic() - started:.0f} s, results in {path}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list")
    run = verbs.add_parser("run")
    run.add_argument("entry")
    run.add_argument("--out", type=Path, required=True)
    run.add_argument("--work", type=Path, default=Path("runs") / "gpu-queue")
    run.add_argument("--budget", type=float, default=540, help="seconds")
    run.add_argument("--device", default="cuda")
    run.add_argument("--dry-run", action="store_true")
    verbs.add_parser("take").add_argument("out", type=Path)
    options = parser.parse_args()
    try:
        if options.verb == "list":
            for entry in entries():
                print(f"{entry.name:24} {entry.what}")
        elif options.verb == "take":
            print(*take(options.out, RESULTS), sep="\n")
        else:
            device = "cpu" if options.dry_run else options.device
            choose_device(device)
            seconds = options.budget
            work = options.work / "dry" if options.dry_run else options.work
            place = Place(work, seconds, options.dry_run, device)
            run_entry(options.entry, place, options.out)
    except CourseError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
