"""Where do trained networks look? Scores their maps against the signs' own pixels.

Trains each network through the library (or takes its checkpoint), scores the gate of
every layer, and Grad-CAM of the last two stages, on all test images, and writes one
row a network and layer. `random` columns: the same network with weights drawn anew.
Rows of other profiles, models and seeds stay in the file --out.

    python benchmarks/pointing.py --profile laptop --seeds 3
    python benchmarks/pointing.py --profile ci --models plain,cbam --seeds 1
"""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a plain checkout

from course_lib.data.image_set import Dataset
from course_lib.errors import CourseError
from course_lib.grad_cam import grad_cam
from course_lib.looking import (
    attention_modules,
    capture_maps,
    center_map,
    chance_map,
    ideal_map,
    randomised,
    score_maps,
)
from course_lib.planning import choose_device, plan_runs
from course_lib.profiles import PROFILES
from course_lib.runs import Run, write_atomically
from course_lib.training import Trainer
from course_lib.workers import load_data

ROOT = Path(__file__).resolve().parents[1]
CHECKPOINTS = ROOT / "runs" / "pointing"
SCORES = CHECKPOINTS / "scores.csv"
KEY = ["profile", "model", "seed"]  # the rows of one run share these
CAM_LAYERS = ("layer3", "layer4")
CALIBRATION = 250  # images on which a network with new weights sets its BatchNorm


def train(run: Run, dataset: Dataset) -> tuple[nn.Module, float]:
    """The trained network and its test accuracy, 0..1."""
    CHECKPOINTS.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(run, dataset, choose_device("auto"))
    outcome = trainer.train(CHECKPOINTS / f"{run.run_id(dataset.digest)}.pt")
    return outcome.network, outcome.test_accuracy


def normalised(dataset: Dataset) -> Tensor:
    """Test images as the network was trained on them: (N, 3, H, W)."""
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (dataset.mean, dataset.std))
    return (dataset.test.images / 255 - mean) / std


def maps_of(network: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """Gates by layer where the network has modules, and Grad-CAM: (N, h, w) each."""
    maps = capture_maps(network, images) if attention_modules(network) else {}
    for layer in CAM_LAYERS:
        pieces = [grad_cam(network, layer, part) for part in images.split(250)]
        maps[f"Grad-CAM {layer}"] = torch.cat(pieces)
    return maps


def rows_of(run: Run, dataset: Dataset) -> list[dict[str, object]]:
    """One row a layer, and the baselines: means over the test images."""
    network, accuracy = train(run, dataset)
    images, masks = normalised(dataset), dataset.test.masks
    learned = maps_of(network, images)
    drawn_anew = maps_of(randomised(network, images[:CALIBRATION], run.seed), images)
    baselines = {
        "chance": mean_scores(chance_map(masks), masks),
        "center": mean_scores(center_map(masks), masks),
    }
    rows = []
    for layer, maps in learned.items():
        row = {"model": run.model, "seed": run.seed, "layer": layer}
        row |= {"map": f"{maps.shape[1]}x{maps.shape[2]}"}
        scores = {"": mean_scores(maps, masks)} | {
            f"_{name}": found for name, found in baselines.items()
        }
        scores["_ideal"] = mean_scores(ideal_map(masks, *maps.shape[1:]), masks)
        scores["_random"] = mean_scores(drawn_anew[layer], masks)
        for kind, found in scores.items():
            row |= {f"{name}{kind}": round(v, 4) for name, v in found.items()}
        row |= {"test_accuracy": round(accuracy, 4), "test_images": len(masks)}
        rows.append(row)
    return rows


def mean_scores(maps: Tensor, masks: Tensor) -> dict[str, float]:
    """Mean over the images of each score."""
    return {name: v.mean().item() for name, v in score_maps(maps, masks).items()}


def add_rows(path: Path, rows: list[dict[str, object]]) -> None:
    """Put the rows of a run into a table, in place of those it had of that run.

    Raises CourseError when the file is no such table, or cannot be written.
    """
    table = pd.DataFrame(rows)
    if path.exists():
        try:
            before = pd.read_csv(path)
            known = before.set_index(KEY).index
        except (OSError, ValueError, KeyError) as error:
            raise CourseError(
                f"cannot add to {path} ({error})",
                "a table that this script wrote",
                "Choose another file with --out.",
            ) from error
        others = before[~known.isin(table.set_index(KEY).index)]
        table = pd.concat([others, table]) if len(others) else table
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, table.to_csv(index=False, lineterminator="\n").encode())


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", choices=PROFILES, default="laptop")
    parser.add_argument("--models", default="plain,bam,cbam,spatial")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=SCORES)
    return parser.parse_args()


def main() -> None:
    options = arguments()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    sizes = PROFILES[options.profile].signs
    for run in plan_runs("signs", sizes, options.models.split(","), options.seeds):
        found = rows_of(replace(run, precision="fp32"), load_data(run))
        rows = [{"profile": options.profile} | row for row in found]
        add_rows(options.out, rows)
        print(f"{run.label}: test accuracy {rows[-1]['test_accuracy']:.1%}", flush=True)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    try:
        main()
    except CourseError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
