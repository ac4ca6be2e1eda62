"""The judgements of `course doctor`: from facts to a finding, nothing looked up here.

Each function takes plain facts and returns a `Finding`, so a test can feed it the facts
of a broken machine. `course_lib.doctor` collects the facts of this one.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Literal, Protocol

State = Literal["ok", "warn", "problem"]
REINSTALL = "Delete the folder .venv and run: python start.py setup"


@dataclass(frozen=True)
class Finding:
    """What the doctor found on one topic, and the next step where it is not in order.

    state: "ok"; "warn" when the course works, but slower or with a catch; "problem"
    when part of it cannot work. advice is empty only where state is "ok".
    """

    topic: str
    state: State
    found: str
    advice: str = ""


class Card(Protocol):
    """What a finding needs to know of a data set (see `describe_datasets`)."""

    name: str
    present: bool
    megabytes: float
    command: str


def check_python(version: tuple[int, int, int], executable: str) -> Finding:
    """Judge the version of the Python that runs the course."""
    found = f"{'.'.join(map(str, version))} ({executable})"
    if version < (3, 11):
        advice = "Install Python 3.11 or newer, then start start.py with it."
        return Finding("Python", "problem", found, advice)
    return Finding("Python", "ok", found)


def check_torch(torch: str | None, torchvision: str | None, failure: str) -> Finding:
    """Judge the two versions, and whether a torchvision operator ran.

    failure: the error of importing them or of `torchvision.ops.nms`; empty if none.
    That operator is compiled against one version of torch, so it shows a wrong pair.
    """
    found = f"torch {torch or 'missing'}, torchvision {torchvision or 'missing'}"
    if torch is None or torchvision is None:
        return Finding("PyTorch", "problem", f"{found}: {failure}", REINSTALL)
    if failure:
        return Finding(
            "PyTorch",
            "problem",
            f"{found}, which do not work together: {failure}",
            f"Install both in one command, from one source. {REINSTALL}",
        )
    return Finding("PyTorch", "ok", found)


def check_gpu(
    cuda: list[tuple[str, float]],
    failure: str,
    mps: bool,
    has_nvidia_driver: bool,
    torch_cuda: str | None,
) -> Finding:
    """Judge the accelerator.

    cuda: name and memory in GB of each CUDA GPU that torch sees; failure: the error of
    a small computation on the first; mps: Apple's GPU is usable; has_nvidia_driver:
    nvidia-smi is installed; torch_cuda: the CUDA version torch is built for, or None.
    """
    if cuda:
        found = ", ".join(f"{name} with {memory:.0f} GB" for name, memory in cuda)
        if failure:
            advice = (
                "This torch cannot use this GPU. Update the NVIDIA driver, or hide the "
                "GPU by setting CUDA_VISIBLE_DEVICES to -1."
            )
            return Finding("GPU", "problem", f"{found}, but: {failure}", advice)
        return Finding("GPU", "ok", found)
    if mps:
        return Finding("GPU", "ok", "Apple GPU (MPS)")
    if has_nvidia_driver:
        built = f"built for CUDA {torch_cuda}" if torch_cuda else "built without CUDA"
        advice = (
            f"Update the NVIDIA driver to one that supports CUDA {torch_cuda}."
            if torch_cuda
            else "Install the CUDA build of torch with pytorch.org's selector. "
            "Without it the course runs on the processor."
        )
        found = f"an NVIDIA driver, but torch ({built}) sees no GPU"
        return Finding("GPU", "warn", found, advice)
    found = (
        "none, and none is needed. Training runs on the processor, with smaller images "
        "and networks"
    )
    return Finding("GPU", "ok", found)


def check_profile(name: str | None, asked_for: str | None, failure: str) -> Finding:
    """Judge the choice of sizes: name chosen, what COURSE_PROFILE says, the error."""
    if name is None:
        advice = "Set COURSE_PROFILE to ci, laptop or gpu, or unset it."
        return Finding("Profile", "problem", failure, advice)
    why = "set by COURSE_PROFILE" if asked_for else "chosen by your hardware"
    return Finding("Profile", "ok", f"{name}, {why}: sizes of images and networks")


def check_memory(available_gb: float, total_gb: float) -> Finding:
    """Judge the main memory, in GB of 10**9 bytes."""
    found = f"{available_gb:.1f} GB of {total_gb:.1f} GB are free"
    if available_gb < 1:
        advice = "Close other programs and notebooks; training needs at least 1 GB."
        return Finding("Memory", "problem", found, advice)
    if available_gb < 3:
        advice = "Close other programs before a comparison: each run takes about 1 GB."
        return Finding("Memory", "warn", found, advice)
    return Finding("Memory", "ok", found)


def check_disk(topic: str, folder: PurePath, free_gb: float) -> Finding:
    """Judge the free space, in GB of 10**9 bytes, where `folder` lies."""
    found = f"{free_gb:.1f} GB free in {folder}"
    if free_gb < 0.5:
        advice = "Free at least 1 GB, or runs and images cannot be written."
        return Finding(topic, "problem", found, advice)
    if free_gb < 2:
        advice = "Free 2 GB or more before you fetch data or run a long comparison."
        return Finding(topic, "warn", found, advice)
    return Finding(topic, "ok", found)


def check_cores(cores: int, threads: int) -> Finding:
    """Judge the number of torch's threads against the cores this process may use."""
    found = f"{cores} cores, torch uses {threads} threads"
    if threads > cores:
        advice = f"More threads than cores are slow. Set OMP_NUM_THREADS to {cores}."
        return Finding("Processor", "warn", found, advice)
    return Finding("Processor", "ok", found)


def check_kernel(command: str | None, prefix: Path) -> Finding:
    """Judge the kernel "python3" that notebooks ask for.

    command: the first word of its start command, or None without such a kernel; a bare
    name such as "python" means the Python that runs Jupyter. prefix: the folder of
    this environment.
    """
    if command is None:
        return Finding("Notebooks", "problem", "no kernel called python3", REINSTALL)
    path = Path(command)
    is_bare = path.name == command
    # The parent is resolved, not the file: in .venv it is a link to another Python.
    if is_bare or prefix.resolve() in path.parent.resolve().parents:
        return Finding("Notebooks", "ok", "kernel python3 is this environment's")
    advice = (
        "Notebooks would start without the course's packages. Remove that kernel with: "
        "jupyter kernelspec remove python3"
    )
    return Finding("Notebooks", "problem", f"kernel python3 is {command}", advice)


def check_widgets(ipywidgets: str | None, extension: bool) -> Finding:
    """Judge the sliders: the package's version, and JupyterLab's half of it."""
    if ipywidgets is None or not extension:
        missing = "ipywidgets" if ipywidgets is None else "JupyterLab's extension"
        advice = f"Sliders would show as text. {REINSTALL}"
        return Finding("Widgets", "problem", f"{missing} is missing", advice)
    return Finding("Widgets", "ok", f"ipywidgets {ipywidgets}, with its extension")


def check_data(cards: Iterable[Card]) -> Finding:
    """Name the data sets that are ready, and the command for each that is not.

    Always "ok": the signs need nothing, and the others are a choice.
    """
    words = [
        f"{card.name} ready"
        if card.present
        else f"{card.name} not here (optional, {card.megabytes:.0f} MB: {card.command})"
        for card in cards
    ]
    return Finding("Data", "ok", "; ".join(words))


def check_bytecode(value: str | None) -> Finding:
    """Judge the environment variable PYTHONDONTWRITEBYTECODE."""
    if value:
        return Finding(
            "Start-up",
            "warn",
            f"PYTHONDONTWRITEBYTECODE is set to {value}",
            "Unset it: with it, every kernel compiles torch anew, 10 s and more each.",
        )
    return Finding("Start-up", "ok", "compiled files are kept, so kernels start fast")


def check_writable(folder: PurePath, failure: str) -> Finding:
    """Judge whether a file could be written in the course's folder."""
    if failure:
        advice = "Move the course to a folder of your own, for example in your home."
        return Finding("Writing", "problem", f"cannot write: {failure}", advice)
    return Finding("Writing", "ok", f"{folder} can be written")


def check_place(folder: str, on_windows: bool, pythonpath: str | None) -> Finding:
    """Judge where the course lies, and a search path that could hide its packages."""
    synced = re.search(r"OneDrive|Dropbox|Google Drive|Mobile Documents", folder)
    if pythonpath:
        return Finding(
            "Place",
            "warn",
            f"PYTHONPATH is set to {pythonpath}",
            "Unset it if an import fails: it can put other packages before the "
            "course's own.",
        )
    if synced:
        advice = "Move the course out of it: syncing thousands of files breaks set-ups."
        return Finding("Place", "warn", f"folder synced by {synced.group()}", advice)
    if on_windows and len(folder) > 100:
        advice = "Move it nearer to the drive's root: Windows cuts paths at 260."
        return Finding("Place", "warn", f"a path of {len(folder)} letters", advice)
    return Finding("Place", "ok", folder)
