"""Which runs a comparison needs, checked before anything is trained."""

import re
from collections.abc import Sequence

import torch

from course_lib.attention import ATTENTION
from course_lib.blocks import PLACEMENTS
from course_lib.errors import CourseError, check_choice
from course_lib.profiles import Sizes
from course_lib.recipes import RECIPES, Recipe
from course_lib.resnet import SMALLEST_IMAGE, check_image_size, resnet50
from course_lib.runs import Run


def plan_runs(
    data: str,
    sizes: Sizes,
    models: Sequence[str],
    seeds: int,
    placements: Sequence[str] = (),
    recipe: str = "modern",
    precision: str = "fp32",
    stages: Sequence[str] = (),
) -> list[Run]:
    """Every run that a comparison needs, all models of one seed before the next seed.

    placements: where the modules go; empty means each module's own place. stages:
    which stages get modules, such as "4" or "1234"; empty means all that the place
    has. "plain" has no module, so it is trained once a seed whatever the places.

    Raises CourseError for an unknown name, no seed, a module that does not fit its
    place at this width, and images too small for the stem. Nothing is trained.
    """
    if seeds < 1:
        raise CourseError(f"--seeds {seeds}", "at least 1 seed", "Try --seeds 3.")
    check_choice("recipe", recipe, RECIPES)
    check_image_size(sizes.image_size, SMALLEST_IMAGE[sizes.stem])
    variants = list_variants(models, placements, stages)
    runs = [
        Run(
            data=data,
            image_size=sizes.image_size,
            train_images=sizes.train_images,
            val_images=sizes.val_images,
            test_images=sizes.test_images,
            model=model,
            placement=place,
            stages=depth,
            reduction=sizes.reduction,
            stem=sizes.stem,
            width=sizes.width,
            recipe=recipe,
            epochs=sizes.epochs,
            batch=sizes.batch,
            lr=peak_rate(RECIPES[recipe], sizes),
            precision=precision,
            seed=seed,
        )
        for seed in range(seeds)
        for model, place, depth in variants
    ]
    for run in runs[: len(variants)]:
        check_network(run)
    return runs


def list_variants(
    models: Sequence[str], placements: Sequence[str], stages: Sequence[str] = ()
) -> list[tuple[str, str, str]]:
    """(model, place, stages), each once; plain has neither place nor stages to vary."""
    for place in placements:
        check_choice("placement", place, PLACEMENTS)
    for depth in stages:
        check_stage_digits(depth)
    variants = []
    for model in models:
        check_choice("model", model, ATTENTION)
        own = ATTENTION[model].placement
        for place in [own] if model == "plain" else placements or [own]:
            every = "123" if place == "between_stages" else "1234"
            for depth in [every] if model == "plain" else stages or [every]:
                if (model, place, depth) not in variants:
                    variants.append((model, place, depth))
    return variants


def check_stage_digits(stages: str) -> None:
    """Raise CourseError unless it lists stages once each and in order, as in "34"."""
    if not re.fullmatch("(?=.)1?2?3?4?", stages):
        raise CourseError(
            f"--stages {stages!r}",
            "the numbers of stages in order, each from 1 to 4",
            "Try --stages 4, or --stages 1,2,3,4 for four networks.",
        )


def peak_rate(recipe: Recipe, sizes: Sizes) -> float:
    """The peak learning rate: the recipe's for this batch, or the profile's."""
    return sizes.lr if recipe.lr is None else recipe.lr * sizes.batch / 128


def check_rate(recipe: str, lr: float | None) -> None:
    """Raise CourseError for a rate given to a recipe that has its own."""
    if lr is not None and RECIPES[recipe].lr is not None:
        raise CourseError(
            f"--lr {lr:g} with the recipe {recipe}",
            "no --lr, since that recipe fixes its own",
            "Leave --lr out, or use --recipe modern.",
        )


def check_network(run: Run) -> None:
    """Build the network without its numbers, so that what cannot be built says so."""
    if run.width < 2:
        raise CourseError(f"width {run.width}", "at least 2", "Try --width 8.")
    if run.batch < 2:
        raise CourseError(
            f"a batch of {run.batch}",
            "at least 2 images, since BatchNorm needs a spread",
            "Try --batch 16.",
        )
    with torch.device("meta"):
        resnet50(
            2,
            run.model,
            run.placement,
            stages=[int(number) for number in run.stages],
            stem=run.stem,
            width=run.width,
            reduction=run.reduction,
            preact=RECIPES[run.recipe].preact,
        )


def choose_device(name: str) -> torch.device:
    """ "auto", "cpu", "cuda", "cuda:1", "mps" -> the device.

    Raises CourseError when it is unknown or not there.
    """
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", name):
        check_choice("device", name, ("auto", "cpu", "cuda", "cuda:1", "mps"))
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    there = {"cpu": 1, "mps": int(torch.backends.mps.is_available())}
    there["cuda"] = torch.cuda.device_count()
    if (device.index or 0) >= there[device.type]:
        raise CourseError(
            f"--device {name}",
            f"a machine where PyTorch finds it ({there[device.type]} found)",
            "Leave --device out to use what is there; course doctor says more.",
        )
    return device
