"""What `course doctor` does: look at this machine and say in plain words what to mend.

`diagnose` collects facts and hands them to the judgements of `course_lib.checkup`.
The doctor changes nothing, and comes to an end whatever is broken: packages are
imported only where they are looked at, and an error becomes a finding.
"""

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from course_lib import checkup
from course_lib.checkup import REINSTALL, Finding

ROOT = Path(__file__).resolve().parents[1]
MARKS = {"ok": "[ok]", "warn": "[!] ", "problem": "[x] "}


def diagnose() -> list[Finding]:
    """Return a finding on each topic, for this machine and this environment."""
    return [_look(topic, look) for topic, look in LOOKS.items()]


def has_problem(findings: list[Finding]) -> bool:
    """Return whether any finding is a problem.

    `course doctor` ends with status 1 then, and with 0 otherwise: warnings are advice.
    """
    return any(finding.state == "problem" for finding in findings)


def report(findings: list[Finding]) -> str:
    """Return the findings as text: a line each, and the next step where one is due."""
    width = max(len(finding.topic) for finding in findings)
    lines = []
    for finding in findings:
        mark = MARKS[finding.state]
        lines.append(f"{mark} {finding.topic:<{width}}  {finding.found}")
        if finding.state != "ok":
            lines.append(f"{'':{len(mark) + width + 3}}-> {finding.advice}")
    problems = sum(finding.state == "problem" for finding in findings)
    warnings = sum(finding.state == "warn" for finding in findings)
    if problems or warnings:
        lines.append(f"\n{problems} to mend [x], {warnings} to know [!].")
    else:
        lines.append("\nAll is well.")
    return "\n".join(lines)


def _look(topic: str, look: Callable[[], Finding]) -> Finding:
    """Return what `look` finds; an error that nobody foresaw is a finding too."""
    try:
        return look()
    except Exception as error:
        return Finding(topic, "problem", _text(error), REINSTALL)


def _text(error: Exception) -> str:
    """Return the kind and the first line of an error."""
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _look_at_python() -> Finding:
    return checkup.check_python(sys.version_info[:3], sys.executable)


def _look_at_torch() -> Finding:
    failure = ""
    try:
        import torch
        import torchvision

        box = torch.tensor([[0.0, 0.0, 1.0, 1.0]])  # (1, 4): x0, y0, x1, y1
        torchvision.ops.nms(box, torch.ones(1), 0.5)
    except Exception as error:
        failure = _text(error)
    return checkup.check_torch(_version("torch"), _version("torchvision"), failure)


def _look_at_gpu() -> Finding:
    import torch

    cuda, failure = [], ""
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            facts = torch.cuda.get_device_properties(index)
            cuda.append((facts.name, facts.total_memory / 1e9))
        try:
            torch.ones(2, device="cuda").sum().item()
        except RuntimeError as error:
            failure = _text(error)
    return checkup.check_gpu(
        cuda=cuda,
        failure=failure,
        mps=torch.backends.mps.is_available(),
        has_nvidia_driver=shutil.which("nvidia-smi") is not None,
        torch_cuda=torch.version.cuda,
    )


def _look_at_profile() -> Finding:
    from course_lib.errors import CourseError
    from course_lib.profiles import choose_profile

    name, failure = None, ""
    try:
        name = choose_profile().name
    except CourseError as error:
        failure = str(error)
    return checkup.check_profile(name, os.environ.get("COURSE_PROFILE"), failure)


def _look_at_memory() -> Finding:
    import psutil

    memory = psutil.virtual_memory()
    return checkup.check_memory(memory.available / 1e9, memory.total / 1e9)


def _free_gb(folder: Path) -> float:
    """Return the free space in GB at `folder`, or at its nearest parent that exists."""
    for place in (folder, *folder.parents):
        if place.exists():
            return shutil.disk_usage(place).free / 1e9
    return 0.0  # a drive that is not there


def _look_at_disk() -> Finding:
    return checkup.check_disk("Disk", ROOT, _free_gb(ROOT))


def _look_at_cache() -> Finding:
    from course_lib.data.cache import cache_folder

    folder = cache_folder()
    return checkup.check_disk("Data cache", folder, _free_gb(folder))


def _look_at_cores() -> Finding:
    import torch

    from course_lib.cost import usable_cores

    return checkup.check_cores(usable_cores(), torch.get_num_threads())


def _look_at_kernel() -> Finding:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        command = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        command = None
    return checkup.check_kernel(command, Path(sys.prefix))


def _look_at_widgets() -> Finding:
    from jupyter_core.paths import jupyter_path

    extension = "@jupyter-widgets/jupyterlab-manager"
    folders = [Path(folder) / extension for folder in jupyter_path("labextensions")]
    is_there = any(folder.is_dir() for folder in folders)
    return checkup.check_widgets(_version("ipywidgets"), is_there)


def _look_at_data() -> Finding:
    from course_lib.data.datasets import describe_datasets

    return checkup.check_data(
        card for card in describe_datasets() if not card.name.startswith("folder:")
    )


def _look_at_bytecode() -> Finding:
    return checkup.check_bytecode(os.environ.get("PYTHONDONTWRITEBYTECODE"))


def _look_at_writing() -> Finding:
    failure = ""
    try:
        with tempfile.TemporaryFile(dir=ROOT):
            pass
    except OSError as error:
        failure = str(error)
    return checkup.check_writable(ROOT, failure)


def _look_at_place() -> Finding:
    on_windows = platform.system() == "Windows"
    return checkup.check_place(str(ROOT), on_windows, os.environ.get("PYTHONPATH"))


LOOKS: dict[str, Callable[[], Finding]] = {
    "Python": _look_at_python,
    "PyTorch": _look_at_torch,
    "GPU": _look_at_gpu,
    "Profile": _look_at_profile,
    "Processor": _look_at_cores,
    "Memory": _look_at_memory,
    "Disk": _look_at_disk,
    "Data cache": _look_at_cache,
    "Data": _look_at_data,
    "Notebooks": _look_at_kernel,
    "Widgets": _look_at_widgets,
    "Start-up": _look_at_bytecode,
    "Writing": _look_at_writing,
    "Place": _look_at_place,
}
