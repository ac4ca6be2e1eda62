"""Small helpers for the cells of a notebook: set up, guess, compare, break.

Every notebook begins with the same cell, tagged `nbval-ignore-output` because the
device and the versions differ between machines:

    from course_lib.notebook import setup
    setup("02")
"""

import math
import random
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import torch
from torch import Tensor

from course_lib.answer_log import entries
from course_lib.errors import CourseError, check_choice
from course_lib.exercises.catalogue import EXERCISES
from course_lib.exercises.engine import examine
from course_lib.exercises.messages import MARKS, show
from course_lib.planning import choose_device
from course_lib.profiles import choose_profile

SEED = 0
NO_GUESS = "..."  # what stands in a predict cell before you write
FINEST = 1e-5  # compare() names no smaller difference: those change between machines

_guesses: dict[str, str] = {}  # name -> what you wrote, in this kernel


def setup(number: str) -> None:
    """Prepare a notebook: fixed seeds, one thread, and a look at what is solved.

    number: "01" to "12". Prints the profile, the device, the versions, and one mark
    for each exercise of the notebook: `[ok]` once a check of yours has passed.

    Raises CourseError for another number, or an unknown COURSE_PROFILE.
    """
    if not (isinstance(number, str) and number.isdigit() and len(number) == 2):
        raise CourseError(
            f"setup({number!r})", "a notebook's number in quotes", 'Try setup("02").'
        )
    random.seed(SEED)
    np.random.seed(SEED)
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    profile, device = choose_profile().name, choose_device("auto").type
    print(
        f"Notebook {number}: profile {profile}, device {device}, "
        f"course {course_version()}, torch {torch.__version__}"
    )
    marks = [f"{MARKS[status]} {name}" for name, status in solved(number).items()]
    if marks:
        print("Exercises: " + "  ".join(marks))


def solved(number: str) -> dict[str, str]:
    """Best outcome of each exercise of a notebook: "ok", "failed" or "unsolved"."""
    found = {(entry["exercise"], entry["outcome"]) for entry in entries()}
    outcomes = {}
    for exercise in EXERCISES.values():
        if exercise.notebook == number:
            seen = [s for s in ("ok", "failed") if (exercise.name, s) in found]
            outcomes[exercise.name] = seen[0] if seen else "unsolved"
    return outcomes


def predict(name: str, guess: object) -> None:
    """Write a guess down before you see the answer; `recall(name)` shows it again.

    name: your handle for the question. guess: any text or number; "..." counts as
    none. Nothing is judged and nothing waits for you.
    """
    text = str(guess).strip()
    if text in ("", NO_GUESS):
        _guesses.pop(name, None)
        print("No guess yet: replace the dots, then run the cell again.")
        return
    _guesses[name] = text
    print(f"Noted, your guess for {name}: {text}")


def recall(name: str, answer: object = None) -> None:
    """Print your guess for `name`, and the answer below it where one is given."""
    print(f"your guess: {_guesses.get(name, 'none noted')}")
    if answer is not None:
        print(f"the answer: {answer}")


def break_it(name: str, answer: object) -> None:
    """Show what the check of an exercise says about a copy broken on purpose.

    name: the exercise, such as "se_gate"; answer: the broken function or class.
    Unlike `check`, it records nothing, returns nothing and never raises for a wrong
    answer. Raises CourseError for a name that does not exist.
    """
    check_choice("exercise", name, EXERCISES)
    report, _ = examine(EXERCISES[name], answer)
    show(replace(report, footer="Broken on purpose: nothing is recorded."))


def compare(
    name: str,
    mine: Tensor | np.ndarray | float,
    reference: Tensor | np.ndarray | float,
    rtol: float = 1e-4,
    atol: float = 1e-5,
) -> None:
    """Print whether two results agree, and how far apart they are at most.

    Close means |mine - reference| <= atol + rtol * |reference| everywhere, with equal
    shapes. The largest difference is rounded up to a power of ten, 1e-05 at least, so
    that the line is the same on every machine. Nothing is raised.
    """
    ours, theirs = (
        torch.as_tensor(v).detach().cpu().double() for v in (mine, reference)
    )
    if ours.shape != theirs.shape:
        print(f"{name}: shapes differ, {tuple(ours.shape)} and {tuple(theirs.shape)}")
        return
    if not ours.numel():
        print(f"{name}: both are empty")
        return
    close = torch.allclose(ours, theirs, rtol=rtol, atol=atol)
    apart = (ours - theirs).abs().max().item()
    print(f"{name}: {'close' if close else 'NOT close'}, {in_words(apart)}")


def in_words(apart: float) -> str:
    """The largest difference, rounded up to a power of ten."""
    if not math.isfinite(apart):
        return "some values are not finite"
    bound = FINEST if apart <= FINEST else 10.0 ** math.ceil(math.log10(apart))
    return f"largest difference at most {bound:.0e}"


def course_version() -> str:
    """The installed version of the course, "(not installed)" from a bare checkout."""
    try:
        return version("attention-course")
    except PackageNotFoundError:
        return "(not installed)"
