"""The trainings behind the small experiments, and the rows that they leave.

Each function trains one network on the signs and returns the rows of one table.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import small_networks as networks
import torch

from course_lib.attention import AttentionFactory
from course_lib.cost import code_version
from course_lib.data.image_set import Dataset
from course_lib.planning import plan_runs
from course_lib.profiles import Sizes
from course_lib.recipes import MODERN, RECIPES
from course_lib.runs import Run
from course_lib.training import Outcome, Trainer
from course_lib.workers import load_data

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Job:
    """One training: a network by its label, and a seed; where checkpoints go."""

    label: str
    seed: int
    sizes: Sizes
    out: Path


def plan(job: Job, recipe: str = "modern", placement: str = "branch") -> Run:
    """The run of a job: plain's, whose seed and place are then the job's."""
    run = plan_runs("signs", job.sizes, ["plain"], 1, recipe=recipe)[0]
    return replace(run, seed=job.seed, placement=placement)


def train(
    job: Job, run: Run, attention: AttentionFactory | None
) -> tuple[Outcome, Dataset, int]:
    """Train, from the job's checkpoint if there is one; also processor seconds.

    The seconds are those of this call alone: after an interruption, of the last part.
    """
    dataset = load_data(run)
    trainer = Trainer(run, dataset, CPU, attention=attention)
    folder = job.out / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    label = re.sub("[^a-z0-9]+", "-", job.label.lower())
    started = time.process_time()
    outcome = trainer.train(folder / f"{run.run_id(dataset.digest)}-{label}.pt")
    return outcome, dataset, round(time.process_time() - started)


def setting(run: Run) -> dict[str, object]:
    """The columns that say how it was trained."""
    return {
        "profile": "laptop",
        "epochs": run.epochs,
        "batch": run.batch,
        "lr": run.lr,
        "train images": run.train_images,
        "test images": run.test_images,
        "width": run.width,
    }


def versions() -> dict[str, str]:
    """The columns that say with what."""
    return {"torch": torch.__version__.split("+")[0], "code": code_version()}


@contextmanager
def full_start() -> Iterator[str]:
    """The name of a recipe, known inside: modern, but no block starts as the identity.

    Networks without shortcuts need it.
    """
    name = "full-start"
    RECIPES[name] = replace(MODERN, name=name, zero_init_residual=False)
    try:
        yield name
    finally:
        del RECIPES[name]


def shortcuts(job: Job) -> list[dict[str, object]]:
    """With and without shortcuts; blocks that start as the identity."""
    cut = networks.NoShortcut if job.label == "no shortcuts" else None
    with full_start() as full:
        recipe = "modern" if job.label.endswith("zero start") else full
        run = plan(job, recipe, "identity")
        outcome, _, seconds = train(job, run, cut)
    row = {"network": job.label, "seed": job.seed}
    row |= {"test accuracy %": round(100 * outcome.test_accuracy, 2)}
    row |= {"parameters": outcome.parameters, "processor seconds": seconds}
    return [row | setting(run) | {"stem": run.stem} | versions()]


def open_gates(job: Job) -> list[dict[str, object]]:
    """SE at `identity` whose gates start open."""
    run = plan(job, placement="identity")
    outcome, _, _ = train(job, run, networks.se_open)
    row = {"placement": "identity", "start": job.label, "seed": job.seed}
    row |= {"status": "done", "test_accuracy": round(outcome.test_accuracy, 6)}
    row |= {"parameters": outcome.parameters} | setting(run)
    return [row | {"reduction": run.reduction, "stem": run.stem} | versions()]


def cbam_start(job: Job) -> list[dict[str, object]]:
    """CBAM and three changes of its start, each on its own."""
    run = plan(job)
    outcome, dataset, seconds = train(job, run, networks.STARTS[job.label])
    row = {"network": job.label, "seed": job.seed}
    row |= {"test accuracy %": round(100 * outcome.test_accuracy, 2)}
    last = outcome.progress.history[-1]
    row["fresh statistics %"] = fresh_accuracy(outcome.network, dataset)
    row |= {"train loss": round(last["train_loss"], 4)}
    row |= {"parameters": outcome.parameters, "processor seconds": seconds}
    return [row | setting(run) | {"stem": run.stem} | versions()]


def fresh_accuracy(network: torch.nn.Module, dataset: Dataset) -> float | None:
    """Accuracy in % once the spatial gates' statistics are measured anew, if any."""
    if not networks.spatial_gates(network):
        return None
    networks.refresh(network, networks.normalised(dataset, "train"))
    return round(networks.accuracy(network, dataset), 2)


def cbam_maps(job: Job) -> list[dict[str, object]]:
    """Where the spatial gates of two trained CBAMs look: one row a block."""
    outcome, dataset, _ = train(job, plan(job), networks.STARTS[job.label])
    rows = networks.map_scores(outcome.network, dataset)
    first = {"network": job.label, "seed": job.seed}
    table = pd.DataFrame([first | row | {"profile": "laptop"} for row in rows])
    return table.round(4).to_dict("records")


def epochs(job: Job) -> list[dict[str, object]]:
    """Accuracy on two halves of the test images after each epoch; never resumed."""
    run = replace(plan(job, "reu2019"), lr=0.1)
    trainer = networks.TestedEachEpoch(run, load_data(run), CPU)
    history = trainer.train().progress.history
    *tested, _ = trainer.tested  # the end of training judges once more
    rows = []
    for line, hits in zip(history, tested, strict=True):
        first, second = networks.halves(hits)
        row = {"seed": job.seed, "epoch": line["epoch"]}
        row |= {name: round(line[name], 4) for name in ("train_loss", "val_accuracy")}
        rows.append(row | {"test_a": round(first, 4), "test_b": round(second, 4)})
    return rows
