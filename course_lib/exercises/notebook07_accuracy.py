"""What a fair measurement must do."""

from collections.abc import Callable

import torch

from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.notebook07_trials import Asked, asked

NEVER_CALLED = (
    "The given network was never called. Batches can be read only once, so count in "
    "the same loop; and use the network itself, not a copy."
)


def about_accuracy(
    name: str,
    statement: str,
    advice: str,
    fault: Callable[[Asked], tuple[str, ...] | None],
    evidence: Callable[[Asked], object] = lambda one: 0,
) -> Property:
    """A property of single calls.

    fault: None, or what was expected, what came, and the cause where it is certain.
    """

    def test(answer: Callable) -> Failure | None:
        every = list(asked(answer))
        for one in every:
            found = fault(one)
            if found is not None:
                expected, got, *cause = found
                said = torch.cat([each.accuracy.flatten() for each in every])
                more = tuple(repr(evidence(each)) for each in every)
                return Failure(one.text, expected, got, (said, *more), *cause)
        return None

    return Property(name, statement, advice, test)


def one_number(one: Asked) -> tuple[str, str] | None:
    """A single number came back."""
    if one.accuracy.numel() != 1:
        return "one number", f"shape {tuple(one.accuracy.shape)}"
    return ("a float", "a tensor with one number") if one.is_tensor else None


def a_share(one: Asked) -> tuple[str, str] | None:
    """It lies in 0..1."""
    value = one.accuracy.item()
    return None if 0 <= value <= 1 else ("a share in 0..1", f"{value:.4g}")


def always_eval(one: Asked) -> tuple[str, str] | None:
    """Every batch met the network in eval mode."""
    modes = one.network.seen.training
    if not any(modes):
        return None
    return "eval mode for each batch", f"train mode for {sum(modes)} of {len(modes)}"


def images_as_given(one: Asked) -> tuple[str, ...] | None:
    """The network saw each image once, unchanged, in any order."""
    wanted = "each of the 23 images once, as it was given"
    if not one.network.seen.images:
        return wanted, "the network saw no image", NEVER_CALLED
    seen = torch.cat(one.network.seen.images)
    if len(seen) != len(one.images):
        return wanted, f"{len(seen)} images"
    gap = (seen[:, None] - one.images).abs().amax(dim=(2, 3, 4))  # (seen, given)
    missing = int((gap.amin(dim=0) > 1e-6).sum())
    return (wanted, f"{missing} of them changed") if missing else None


def without_gradients(one: Asked) -> tuple[str, str] | None:
    """No graph was recorded."""
    if not any(one.network.seen.gradients):
        return None
    return "torch.no_grad() around the batches", "gradients were recorded"


def any_cut() -> Property:
    """The same images, cut up otherwise: the same accuracy."""

    def test(answer: Callable) -> Failure | None:
        first, *others = list(asked(answer))
        said = torch.stack([one.accuracy for one in (first, *others)])
        for one in others:
            if abs(one.accuracy - first.accuracy) > 1e-6:
                return Failure(
                    f"{first.text}; then {one.text.partition(', ')[0]}",
                    "the same accuracy both times",
                    f"{first.accuracy:.4f}, then {one.accuracy:.4f}",
                    (said,),
                )
        return None

    return Property(
        "unequal batches",
        "every image counts once, in a small batch as in a large one",
        "Add up right answers and images; divide once, at the end.",
        test,
    )


def the_share(one: Asked) -> tuple[str, str] | None:
    """It is the share of right answers, where there is a single batch."""
    if len(one.network.seen.images) > 1 or abs(one.accuracy.item() - one.truth) < 1e-6:
        return None
    return f"{one.truth:.4f}", f"{one.accuracy.item():.4f}"


def left_as_it_was(one: Asked) -> tuple[str, str] | None:
    """Mode, weights and buffers are what they were."""
    network = one.network
    mode = "train mode" if one.was_training else "eval mode"
    if {network.training, network.norm.training} != {one.was_training}:
        return f"the network back in {mode}", "it is in the other mode"
    now = network.state_dict()
    changed = [k for k, v in one.before.items() if not torch.equal(v, now[k])]
    return ("the same weights", f"{changed[0]} changed") if changed else None
