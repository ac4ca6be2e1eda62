"""Start PyTorch's torchrun from Python: what notebook 11 and the tests do."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]


def torchrun_command(processes: int, arguments: Sequence[str]) -> list[str]:
    """The command line: `torchrun --standalone --nproc-per-node 2 ...`.

    arguments: a script or "-m", "package.module", then what goes to it. standalone:
    all processes on this machine, which meet at a free port.
    """
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return [*start, "--nproc-per-node", str(processes), *arguments]


def torchrun_environment() -> dict[str, str]:
    """This process's variables, one thread for each process, the course importable."""
    path = [str(CHECKOUT), os.environ.get("PYTHONPATH", "")]
    more = {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, path))}
    if os.name == "nt":
        more["USE_LIBUV"] = "0"  # PyTorch for Windows is built without it
    return dict(os.environ) | more


def torchrun(processes: int, *arguments: str) -> str:
    """Run it to its end; what it printed. Raises CalledProcessError if it failed."""
    return finish(torchrun_command(processes, arguments))


def course_train(processes: int, *options: str) -> str:
    """`course train` with these options, under torchrun if there are several."""
    arguments = ["-m", "course_lib.train", *options]
    if processes == 1:
        return finish([sys.executable, *arguments])
    return finish(torchrun_command(processes, arguments))


def finish(command: Sequence[str]) -> str:
    """Run a command to its end; what it printed."""
    done = subprocess.run(
        command,
        env=torchrun_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    if done.returncode:
        print(done.stderr[-2000:], file=sys.stderr)
    done.check_returncode()
    return done.stdout
