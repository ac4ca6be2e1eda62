"""Small experiments inside a notebook: your own module, trained beside the others.

Trainings are kept in `runs/notebooks`, or in the folder named by the environment
variable COURSE_RUNS.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch

from course_lib.attention import AttentionFactory
from course_lib.errors import CourseError
from course_lib.planning import choose_device, plan_runs
from course_lib.profiles import choose_profile
from course_lib.progress_bar import image_bar, reporter
from course_lib.runs import Run
from course_lib.training import Outcome, Trainer
from course_lib.workers import load_data

CHECKOUT = Path(__file__).resolve().parents[1]
FOLDER = Path(os.environ.get("COURSE_RUNS") or CHECKOUT / "runs" / "notebooks")

Variant = AttentionFactory | str


def train_here(
    variants: Mapping[str, Variant], seed: int = 0, placement: str | None = None
) -> tuple[pd.DataFrame, dict[str, Outcome]]:
    """Train each variant on the signs at the profile's size, in this process.

    variants: a label for the table -> a name of ATTENTION such as "plain", or a
        callable from channels to a module, such as your own class.
    placement: where callables go; None means "branch".

    Returns a table (label, test accuracy in %, parameters, seconds) and the outcomes
    with the trained networks. Each epoch is saved: after an interrupt, run the cell
    again and it goes on.
    """
    if not variants:
        raise CourseError("train_here({})", "a network", "Try {'plain': 'plain'}.")
    torch.set_num_threads(1)
    device = choose_device("auto")
    runs = {
        label: _run(variant, seed, placement) for label, variant in variants.items()
    }
    dataset = load_data(next(iter(runs.values())))
    FOLDER.mkdir(parents=True, exist_ok=True)
    outcomes = {}
    images = len(dataset.train.labels)
    total = sum(run.images_to_train(images) for run in runs.values())
    with image_bar(total) as bar:
        for label, run in runs.items():
            bar.set_description(label)
            variant = variants[label]
            attention = None if isinstance(variant, str) else variant
            trainer = Trainer(run, dataset, device, reporter(bar), attention=attention)
            key = run.run_id(dataset.digest) + fingerprint(attention)
            outcomes[label] = trainer.train(FOLDER / f"{key}.pt")
    return table(outcomes), outcomes


def table(outcomes: Mapping[str, Outcome]) -> pd.DataFrame:
    """One row a network: test accuracy in % (one seed), parameters, seconds."""
    return pd.DataFrame(
        {
            "network": label,
            "test accuracy %": round(100 * outcome.test_accuracy, 1),
            "parameters": outcome.parameters,
            "seconds": round(outcome.progress.seconds, 1),
        }
        for label, outcome in outcomes.items()
    )


def fingerprint(attention: AttentionFactory | None) -> str:
    """Eight hex digits that change when a module starts or computes differently.

    It names the checkpoint: a module that you changed is trained anew, one that you
    only renamed goes on.
    """
    if attention is None:
        return ""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = attention(32)
        digest = hashlib.sha256(repr(module).encode())
        x = torch.randn(3, 32, 8, 10, requires_grad=True)  # (N, C, H, W)
        for value in module.state_dict().values():
            digest.update(value.float().numpy().tobytes())  # how it starts
        for parameter in module.parameters():
            torch.nn.init.normal_(parameter)  # so that no part is silent
        outputs = [module(x), module.eval()(x)]
        (gradient,) = torch.autograd.grad(torch.stack(outputs).square().sum(), x)
    for numbers in (*outputs, gradient):
        digest.update(numbers.detach().numpy().tobytes())
    return "-" + digest.hexdigest()[:8]


def _run(variant: Variant, seed: int, placement: str | None) -> Run:
    sizes = choose_profile().signs
    model = variant if isinstance(variant, str) else "plain"
    run = plan_runs("signs", sizes, [model], seed + 1)[seed]
    if isinstance(variant, str):
        return run
    stages = "123" if placement == "between_stages" else "1234"
    return replace(run, placement=placement or "branch", stages=stages)
