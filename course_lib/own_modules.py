"""Your own attention module in `course compare`, by the name of its file and class.

    course compare --module my_gate.py:MyGate

A class takes the number of channels and maps (N, C, H, W) to the same shape. It enters
the table of modules under its name and eight digits that change when it computes
differently, so that a changed module is trained anew.
"""

import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from course_lib.attention import ATTENTION, Attention, AttentionFactory
from course_lib.errors import CourseError

VARIABLE = "COURSE_MODULES"  # what worker processes have to register, too
CHANNELS = (16, 64)  # tried before anything is trained
NEXT = "Give the file and the class, as in my_gate.py:MyGate."


def register(specs: Sequence[str]) -> list[str]:
    """Put modules such as "my_gate.py:MyGate" into ATTENTION; return their names there.

    Processes started from now on register them too, by `register_again`.

    Raises CourseError for a file or class that is not there, a file that fails when it
    is loaded, and a module that cannot be built, run or trained on maps of any size.
    """
    if not specs:
        return []
    names = [_register(spec) for spec in specs]
    os.environ[VARIABLE] = "\n".join(
        f"{_split(spec)[0].resolve()}:{_split(spec)[1]}" for spec in specs
    )
    return names


def register_again() -> None:
    """In a worker process: what its parent has registered."""
    for spec in os.environ.get(VARIABLE, "").splitlines():
        _register(spec)


def _register(spec: str) -> str:
    from course_lib.experiments import fingerprint

    path, name = _split(spec)
    factory = _load(path, name)
    try:
        for channels in CHANNELS:
            _try_out(factory, channels)
        digits = fingerprint(factory)
    except CourseError:
        raise
    except Exception as error:
        raise CourseError(
            f"{name} of {path.name} ({type(error).__name__}: {error})",
            f"a module for {CHANNELS[0]} and {CHANNELS[1]} channels, on maps of 7 x 9",
            "Call it on torch.randn(2, 16, 7, 9) to see where it fails.",
        ) from error
    registered = name + digits
    ATTENTION[registered] = Attention(
        f"{name}, your own", lambda channels, reduction=16: factory(channels), "branch"
    )
    return registered


def _split(spec: str) -> tuple[Path, str]:
    file, _, name = spec.rpartition(":")
    if not file.endswith(".py") or not name.isidentifier():
        raise CourseError(f"--module {spec!r}", "a file and a class in it", NEXT)
    return Path(file).expanduser(), name


def _load(path: Path, name: str) -> AttentionFactory:
    if not path.is_file():
        raise CourseError(f"--module {path}", "a file that is there", NEXT)
    spec = importlib.util.spec_from_file_location(f"own_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise CourseError(
            f"{path.name} fails when it is loaded ({type(error).__name__}: {error})",
            "a Python file that runs",
            f"Try it alone: python {path.name}",
        ) from error
    return _find(module, path, name)


def _find(module: ModuleType, path: Path, name: str) -> AttentionFactory:
    found = getattr(module, name, None)
    if not callable(found) or isinstance(found, nn.Module):
        classes = [
            key
            for key, value in vars(module).items()
            if isinstance(value, type) and issubclass(value, nn.Module)
        ]
        raise CourseError(
            f"{name} of {path.name}",
            "a class, or a function from channels to a module; the file has "
            + (", ".join(classes) or "no class of torch.nn.Module"),
            NEXT,
        )
    return found


def _try_out(factory: AttentionFactory, channels: int) -> None:
    """Raise CourseError unless the module keeps the shape of an odd map."""
    module = factory(channels)
    x = torch.randn(2, channels, 7, 9)  # (N, C, H, W)
    y = module.eval()(x)
    if y.shape != x.shape:
        raise CourseError(
            f"a module that turns {tuple(x.shape)} into {tuple(y.shape)}",
            "the same shape, since it is put inside ResNet50",
            "Return x times its gate.",
        )
