"""Invented runs for tests of the report: no training behind them."""

import numpy as np
import pandas as pd

# mean accuracy in %, parameters, step time against plain
MODELS = {
    "plain": (75.0, 375_000, 1.00),
    "se": (76.5, 413_000, 1.25),
    "bam": (74.8, 381_000, 1.33),
    "cbam": (71.0, 414_000, 2.09),
    "spatial": (74.5, 376_000, 1.61),
    "bam-spatial": (75.2, 379_000, 1.30),
    "cbam-spatial": (75.1, 377_000, 1.50),
}
FIVE = list(MODELS)[:5]


def fake_run(
    model: str,
    seed: int,
    accuracy: float,
    step_ms: float = 100.0,
    recipe: str = "modern",
) -> dict:
    """One finished run as a row of runs.csv; accuracy in %."""
    placement = {"plain": "", "bam": "between_stages", "bam-spatial": "between_stages"}
    row = {
        "format": 1,
        "run_id": f"{model}-{seed}-{recipe}",
        "data": "signs",
        "data_digest": "0123456789ab",
        "image_size": 32,
        "train_images": 3000,
        "test_images": 2000,
        "classes": 18,
        "model": model,
        "placement": placement.get(model, "branch"),
        "stages": "" if model == "plain" else "1234",
        "reduction": 16,
        "stem": "stride2",
        "width": 8,
        "preact": False,
        "recipe": recipe,
        "epochs": 8,
        "batch": 64,
        "lr": 0.3,
        "precision": "fp32",
        "compiled": False,
        "seed": seed,
        "status": "done",
        "train_loss": 0.9,
        "val_accuracy": accuracy / 100,
        "test_accuracy": accuracy / 100,
        "test_accuracy_last": accuracy / 100,
        "parameters": MODELS.get(model, MODELS["plain"])[1],
        "macs": 12_340_000,
        "step_ms": step_ms,
        "seconds": 90.0,
        "device": "cpu",
        "machine": "laptop, 2 cores",
        "torch": "2.15.0",
        "code": "abc1234",
        "finished": "2026-01-01T12:00:00",
    }
    return row


def fake_runs(
    models: list[str], seeds: int, seed_sd: float = 0.8, noise_sd: float = 0.4
) -> pd.DataFrame:
    """Runs of the models over the seeds; each seed shifts all its models together."""
    random = np.random.default_rng(7)
    rows = []
    for seed in range(seeds):
        shift = random.normal(0, seed_sd)
        for model in models:
            mean, _, ratio = MODELS[model]
            accuracy = round(mean + shift + random.normal(0, noise_sd), 2)
            step_ms = 190 * ratio * random.uniform(0.95, 1.05)
            rows.append(fake_run(model, seed, accuracy, step_ms))
    return pd.DataFrame(rows)


def runs_of(
    differences: list[float], model: str = "se", plain: float = 70.0
) -> pd.DataFrame:
    """Plain at 70 % and a model that differs by so many points, a seed each."""
    rows = []
    for seed, difference in enumerate(differences):
        rows.append(fake_run("plain", seed, plain + seed))
        rows.append(fake_run(model, seed, plain + seed + difference))
    return pd.DataFrame(rows)
