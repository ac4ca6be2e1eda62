"""One recipe, one loop: train a network, save each epoch, go on where it stopped."""

import math
import pickle
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.attention import AttentionFactory
from course_lib.cost import code_version, count_macs, count_parameters
from course_lib.data.image_set import Dataset
from course_lib.distributed import ALONE, Ranks
from course_lib.errors import CourseError
from course_lib.preparing import build_network, make_batches, make_optimizer
from course_lib.recipes import RECIPES, learning_rate
from course_lib.resnet import ResNet
from course_lib.runs import Run, disk_error
from course_lib.sharing import rank_loss

# What PyTorch raises for a checkpoint that is cut short, or not a checkpoint.
DAMAGED = (
    EOFError,
    RuntimeError,
    ValueError,
    KeyError,
    TypeError,
    pickle.UnpicklingError,
)


class Stopped(Exception):
    """The run was asked to stop; the last finished epoch is saved."""


class TrainingFailed(Exception):
    """The run cannot go on, for a reason of its own, such as a loss of NaN."""


@dataclass
class Progress:
    """What a finished epoch leaves behind; saved with the weights.

    history: one row an epoch with train_loss, val_accuracy and, where the recipe
    selects on the test set, test_accuracy. step_seconds: training seconds per step.
    """

    epoch: int = 0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    step_seconds: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Outcome:
    """A finished training.

    hits: bool (test images,), whether the last epoch's network is right.
    test_accuracy: of the epoch that the recipe selects.
    parameters, macs: of the network; macs for one image, forward.
    """

    network: ResNet | None
    progress: Progress
    hits: Tensor
    test_accuracy: float
    parameters: int
    macs: int

    def without_network(self) -> "Outcome":
        """The figures alone, small enough to send between processes."""
        return replace(self, network=None)


class Trainer:
    """Trains one run on one device.

    report: called with a number of images, and False for those of an earlier session.
    should_stop: asked at every step; when it says True, `Stopped` is raised.
    compiled: train through torch.compile, worth it on a GPU.
    attention: used instead of the module that `run.model` names, such as your own.
    ranks: the processes that train this network together; every one of them makes a
        Trainer. All see together the batches that one process would see.
    sync_bn: BatchNorm over the whole batch, not over each process's part of it.
    """

    def __init__(
        self,
        run: Run,
        dataset: Dataset,
        device: torch.device,
        report: Callable[..., None] = lambda images, trained=True: None,
        should_stop: Callable[[], bool] = lambda: False,
        compiled: bool = False,
        attention: AttentionFactory | None = None,
        ranks: Ranks = ALONE,
        sync_bn: bool = False,
    ) -> None:
        self.run, self.device, self.classes = run, device, len(dataset.classes)
        self.recipe = RECIPES[run.recipe]
        self.report, self.should_stop = report, should_stop
        self.compiled, self.attention = compiled, attention
        self.ranks, self.sync_bn = ranks, sync_bn
        self.batches = make_batches(run, dataset, device, ranks)
        self._start()

    def _start(self) -> None:
        """Fresh weights, fresh optimiser, epoch 0."""
        with torch.random.fork_rng():  # the caller's random numbers go on as they were
            network = build_network(self.run, self.classes, self.attention)
        self.network = network.to(self.device, memory_format=torch.channels_last)
        self.macs = count_macs(self.network, self.run.image_size)
        if self.compiled:
            torch.compiler.reset()  # it refuses more than 8 networks in one process
        self.forward = self.ranks.wrap(self.network, self.sync_bn)
        if self.compiled:
            self.forward = torch.compile(self.forward)
        self.optimizer = make_optimizer(self.network, self.recipe, self.run.lr)
        self.progress = Progress()

    def train(self, checkpoint: Path | None = None) -> Outcome:
        """Train to the last epoch, from the checkpoint if there is one.

        Raises Stopped, TrainingFailed (loss or weights are not finite), and CourseError
        when the disk is full.
        """
        if checkpoint is not None:
            self.load(checkpoint)
            before = self.progress.epoch * len(self.batches["train"]) * self.run.batch
            self.report(before, False)
        while self.progress.epoch < self.run.epochs:
            with torch.random.fork_rng():
                self._epoch()
            if checkpoint is not None:
                self.save(checkpoint)
        hits = self.evaluate("test")
        accuracy = hits.float().mean().item()
        if self.recipe.select == "best-on-test":
            accuracy = max(row["test_accuracy"] for row in self.progress.history)
        size = count_parameters(self.network)
        return Outcome(self.network, self.progress, hits, accuracy, size, self.macs)

    def _epoch(self) -> None:
        """One pass over the training images, then the validation accuracy."""
        # A CPU run has one thread among others: its processor time is what it costs.
        clock = time.process_time if self.device.type == "cpu" else time.perf_counter
        started, clock_started = time.perf_counter(), clock()
        loss = self._train_epoch()
        step_seconds = (clock() - clock_started) / len(self.batches["train"])
        number = self.progress.epoch + 1
        self.ranks.same_buffers(self.network)
        if not math.isfinite(loss):
            raise TrainingFailed(f"the loss is {loss} in epoch {number}")
        if not all(
            value.isfinite().all() for value in self.network.state_dict().values()
        ):
            raise TrainingFailed(f"the weights are not finite after epoch {number}")
        row = {"epoch": number, "train_loss": loss}
        row["val_accuracy"] = self.evaluate("val").float().mean().item()
        if self.recipe.select == "best-on-test":
            row["test_accuracy"] = self.evaluate("test").float().mean().item()
        self.progress.epoch = number
        self.progress.history.append(row)
        self.progress.step_seconds.append(step_seconds)
        self.progress.seconds += time.perf_counter() - started

    def _train_epoch(self) -> float:
        """Mean training loss of the epoch; no value is fetched within a step."""
        # A module of your own may draw numbers; a resumed epoch draws the same ones.
        start = self.run.seed * 1_000_003 + self.progress.epoch
        torch.manual_seed(start + 500_009 * self.ranks.rank)
        self.network.train()
        batches = self.batches["train"]
        steps = len(batches)
        total = torch.zeros((), device=self.device)
        for step, (x, y) in enumerate(batches.epoch(self.progress.epoch)):
            if self.should_stop():
                raise Stopped
            done = (self.progress.epoch + step / steps) / self.run.epochs
            for group in self.optimizer.param_groups:
                group["lr"] = learning_rate(self.recipe, self.run.lr, done)
            with self._precision():
                logits = self.forward(x)  # (N, classes)
                loss = self._loss(logits, y)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            total += loss.detach()
            self.report(self.run.batch)
        return self.ranks.sum(total).item() / steps / self.ranks.size

    def _loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """Mean over the batch; of one process's part, what adds up to that mean."""
        smoothing = self.recipe.label_smoothing
        if self.ranks.size == 1:
            return F.cross_entropy(logits, y, label_smoothing=smoothing)
        losses = F.cross_entropy(
            logits, y, label_smoothing=smoothing, reduction="none"
        )  # (n,): this process's images
        return rank_loss(losses, self.run.batch, self.ranks.size)

    def evaluate(self, split: str) -> Tensor:
        """Whether the network is right, for each image of a split: bool (N,), CPU.

        Each process judges every ranks-th image and no image is judged twice.
        """
        self.network.eval()
        count = len(self.batches[split].labels)
        hits = torch.zeros(count, dtype=torch.uint8, device=self.device)  # (N,)
        own, done = hits[self.ranks.rank :: self.ranks.size], 0  # a view of hits
        with torch.inference_mode(), self._precision():
            for x, y in self.batches[split].epoch(0):
                own[done : done + len(y)] = self.network(x).argmax(dim=1) == y
                done += len(y)
        return self.ranks.sum(hits).bool().cpu()

    def _precision(self):
        """bfloat16 arithmetic where the run asks for it, float32 otherwise."""
        if self.run.precision == "bf16":
            return torch.autocast(self.device.type, dtype=torch.bfloat16)
        return nullcontext()

    def save(self, checkpoint: Path) -> None:
        """Write weights, optimiser and progress; the old file stays until the end.

        Of several processes the first one writes: they all hold the same.
        """
        if not self.ranks.first:
            return
        state = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "progress": vars(self.progress),
            "made_by": self.made_by(),
        }
        beside = checkpoint.with_name(checkpoint.name + ".part")
        try:
            torch.save(state, beside)
            beside.replace(checkpoint)
        except (OSError, RuntimeError) as error:
            beside.unlink(missing_ok=True)
            raise disk_error(checkpoint, error) from error

    def load(self, checkpoint: Path) -> None:
        """Go on from a checkpoint, whatever the number of processes that wrote it.

        One that is missing, damaged, or made by other code, another torch or another
        kind of device means from the start. Only the first process reads the file.
        """
        state = self._read(checkpoint) if self.ranks.first else None
        state = self.ranks.from_first(state)
        if state is None:
            return
        try:
            self.network.load_state_dict(state["network"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.progress = Progress(**state["progress"])
        except torch.OutOfMemoryError:
            raise
        except DAMAGED:
            self._start()

    def _read(self, checkpoint: Path) -> dict | None:
        """A checkpoint's content; None for one that this run cannot go on from."""
        if not checkpoint.exists():
            return None
        try:
            state = torch.load(checkpoint, map_location="cpu", weights_only=True)
            return state if state["made_by"] == self.made_by() else None
        except OSError as error:
            raise CourseError(
                f"cannot read {checkpoint} ({error.strerror or error})",
                "a file that can be read",
                "Mend its permissions, or delete it to train that run from the start.",
            ) from error
        except DAMAGED:
            return None

    def made_by(self) -> list[str]:
        """What must not change within a run."""
        return [code_version(), str(torch.__version__), self.device.type]
