"""Structural properties: what a permutation, a silent branch or a closed gate shows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_lib.exercises.exercise import Failure, Property
from course_lib.exercises.properties import Trials, close, difference
from course_lib.exercises.trials import Trial, answering, core_shape, fill_weights

Change = Callable[[Trial], dict[str, Tensor]]  # the inputs to replace


@dataclass(frozen=True)
class Build:
    """A module to build: in words, how from an answer, and its number of parameters."""

    text: str
    make: Callable[[Callable], nn.Module | None]
    parameters: int


def channel_order(trials: Trials, channel_axes: Mapping[str, int]) -> Property:
    """Renumber the channels, weights included, and the result is renumbered alike.

    channel_axes: for every input with a channel axis, which axis it is.
    """

    def test(answer: Callable) -> Failure | None:
        for trial in trials(answer):
            tensors, before = trial.tensors(), trial.call()
            order = torch.arange(before.shape[1]).roll(1)
            changes = {
                name: tensors[name].index_select(axis, order)
                for name, axis in channel_axes.items()
                if name in tensors
            }
            after, wanted = trial.call(**changes), before[:, order]
            if not close(after, wanted):
                return Failure(
                    f"{trial.text}, channels renumbered",
                    "the same values, renumbered in the same way",
                    f"something else{difference(after, wanted)}",
                    (before, after),
                )
        return None

    return Property(
        "channels permute",
        "renumbering the channels renumbers the result",
        "Keep the channel axis whole: .reshape cuts memory, it does not swap axes.",
        test,
    )


def positions_equal(trials: Trials) -> Property:
    """Move the pixels of x (N, C, H, W) around, and the result stays."""

    def test(answer: Callable) -> Failure | None:
        for trial in trials(answer):
            x, before = trial.tensors()["x"], trial.call()
            after = trial.call(x=x.roll((1, 2), dims=(2, 3)))
            if not close(after, before):
                return Failure(
                    f"{trial.text}, pixels moved around",
                    "the same result as before",
                    f"another one{difference(after, before)}",
                    (before, after),
                )
        return None

    return Property(
        "positions equal",
        "where in the map a value sits makes no difference",
        "Take every position of the map into the average, H and W alike.",
        test,
    )


def known_result(
    trials: Trials,
    name: str,
    statement: str,
    advice: str,
    change: Change,
    wanted: Callable[[Trial], Tensor],
    words: tuple[str, str],
) -> Property:
    """With some inputs changed, the result is known without any formula.

    change: the inputs to replace; wanted: the result that must follow.
    words: the change and the wanted result, for the learner.
    """

    def test(answer: Callable) -> Failure | None:
        for trial in trials(answer):
            result, right = trial.call(**change(trial)), wanted(trial)
            if not close(result, right):
                return Failure(
                    f"{trial.text}, {words[0]}",
                    words[1],
                    f"something else{difference(result, right)}",
                    (result, trial.call()),
                )
        return None

    return Property(name, statement, advice, test)


def gates_apart(trials: Trials) -> Property:
    """Change the last layer's weights of channel 0: only gate 0 may move."""

    def test(answer: Callable) -> Failure | None:
        for trial in trials(answer):
            w2, before = trial.tensors()["w2"], trial.call()
            w2[0] += 3
            after = trial.call(w2=w2)
            if not close(after[:, 1:], before[:, 1:]):
                got = f"gate {_moved(before, after)} moved as well"
                return Failure(
                    f"{trial.text}, row 0 of w2 changed",
                    "gate 0 moves, the others stay",
                    got,
                    (before, after),
                )
        return None

    return Property(
        "gates apart",
        "each channel has its own gate; gates do not compete",
        "Treat every logit alone: no softmax, no division by a sum.",
        test,
    )


def _moved(before: Tensor, after: Tensor) -> int:
    """The first channel after channel 0 whose gate changed."""
    gap = (after - before).abs().flatten(2).amax(dim=(0, 2))
    return int((gap[1:] > 1e-5).nonzero()[0]) + 1


def output_is_gated(outputs: Trials, gates: Trials) -> Property:
    """A module's output is x times its bare gate, one number for each channel."""

    def test(answer: Callable) -> Failure | None:
        for output, gate in zip(outputs(answer), gates(answer), strict=True):
            x, y, g = output.tensors()["x"], output.call(), gate.call()
            wanted = (*x.shape[:2], 1, 1)
            if tuple(g.shape) != wanted:
                got = f"gate(x) of shape {tuple(g.shape)}"
                return Failure(output.text, f"gate(x) of shape {wanted}", got, (g,))
            if not close(y, x * g):
                got = f"something else{difference(y, x * g)}"
                return Failure(output.text, "x * gate(x)", got, (y, g))
        return None

    return Property(
        "gated",
        "the output is x times gate(x), constant over each map",
        "Let forward call self.gate(x) once and multiply.",
        test,
    )


def layers_registered(trials: Trials) -> Property:
    """nn.Module finds two weights, one back from the other, and neither is empty."""

    def test(answer: Callable) -> Failure | None:
        for trial in trials(answer):
            weights = {n: t for n, t in trial.tensors().items() if n != "x"}
            shapes = [core_shape(t.shape) for t in weights.values()]
            matrices = [shape for shape in shapes if len(shape) == 2]
            channels = trial.inputs["x"].shape[1]
            down = [s for s in matrices if s[1] == channels and s[0]]
            back = [s for s in matrices if s[0] == channels and s[1]]
            if not down or not back or len(matrices) < 2:
                got = ", ".join(map(str, matrices)) or "none"
                wanted = f"weights (C//r, {channels}) and ({channels}, C//r)"
                return Failure(trial.text, wanted, got, tuple(matrices) or (got,))
        return None

    return Property(
        "layers registered",
        "module.parameters() finds both layers",
        "Assign self.reduce and self.expand, each an nn.Linear, in __init__.",
        test,
    )


def parameter_count(builds: Sequence[Build]) -> Property:
    """The exact number of parameters; an answer that builds None has 0."""

    def test(answer: Callable) -> Failure | None:
        for build in builds:
            with answering(build.text):
                module = build.make(answer)
                parameters = [] if module is None else list(module.parameters())
            got = sum(parameter.numel() for parameter in parameters)
            if got != build.parameters:
                shapes = ", ".join(str(tuple(p.shape)) for p in parameters[:4])
                return Failure(
                    build.text,
                    f"{build.parameters} parameters",
                    f"{got}: {shapes}" if shapes else "0",
                    (build.text, got),
                )
        return None

    return Property(
        "parameter count",
        "it has exactly the formula's parameters",
        "Compare the shapes above with the formula, layer by layer.",
        test,
    )


def same_in_training(
    build: Callable[[Callable], nn.Module], x: Tensor, text: str
) -> Property:
    """A module without BatchNorm or dropout gives the same in training and eval."""

    def test(answer: Callable) -> Failure | None:
        with answering(text):
            module = build(answer)
            fill_weights(module)
            evaluated = module.eval()(x.clone())
            trained = module.train()(x.clone())
        if not close(trained, evaluated):
            got = f"training differs from eval{difference(trained, evaluated)}"
            return Failure(
                text, "the same result in both modes", got, (evaluated, trained)
            )
        return None

    return Property(
        "train against eval",
        "training and evaluation give the same result",
        "Look for dropout, BatchNorm or self.training.",
        test,
    )
