"""The page on which JupyterLab opens: what is done, what is next, how it works."""

from pathlib import Path
from urllib.parse import quote

from tabulate import tabulate

from course_lib.runs import write_atomically
from course_lib.standing import Standing, next_notebook

NAME = "START.md"
HOW_IT_WORKS = """\
## How a notebook works

- **Shift+Enter** runs a cell and goes to the next one. *Run > Run All Cells* runs all.
  No cell stops the others: an exercise that you have not solved uses the course's
  verified version below, and says so.
- **Predict** before you look: write a guess instead of the dots. It is shown again
  beside the answer.
- **An exercise** is a function that ends in `raise NotImplementedError`. Replace that
  line, run the cell, then the check below it. `[ ]` is not solved yet, `[x]` is wrong
  and the card says what and why, `[ok]` is right.
- **Stuck?** Four hints unfold above each exercise, from a question to code with blanks.
  `show_solution("name")` in a new cell shows the course's version and why it is so.
- **Long cells** show the time left. Stop one with the square button (or press `I`
  twice); run it again and it goes on where it stopped.
- The **table of contents** is behind the list icon on the left, or Ctrl+Shift+K.
- These notebooks are **your copies**. Every check keeps your answer in a log, and an
  update of the course carries your answers into the new version.
"""


def write_start_page(copies: Path, found: list[Standing]) -> Path:
    """Write START.md into the folder of the learner's copies, and return its path."""
    path = copies / NAME
    write_atomically(path, start_page(found).encode("utf-8"))
    return path


def start_page(found: list[Standing]) -> str:
    """The page as Markdown, with links to the copies beside it."""
    rows = []
    for one in found:
        count = len(one.solved) + len(one.unsolved)
        mark = "[ok]" if one.finished else "[ ]"
        link = f"[{one.title}]({quote(one.path.name)})"
        rows.append([f"`{mark}`", link, f"{len(one.solved)} of {count}", one.minutes])
    headers = ["done", "notebook", "exercises solved", "minutes"]
    table = tabulate(rows, headers, tablefmt="github", disable_numparse=True)
    return (
        "# Attention modules in CNNs\n\n"
        f"{next_step(found)}\n\n{table}\n\n"
        "This page is made anew by `course lab` and `course status`.\n\n"
        f"{HOW_IT_WORKS}"
    )


def next_step(found: list[Standing]) -> str:
    """A link to the next notebook, in one sentence or two."""
    one = next_notebook(found)
    link = f"[{one.title}]({quote(one.path.name)})"
    if one.finished:
        return f"**Every exercise is solved.** To read one again: {link}."
    begin = "Go on with" if one.solved else "Begin with"
    time = f" The whole notebook takes {one.minutes} minutes." if one.minutes else ""
    return f"**{begin} {link}.** Its next exercise is `{one.unsolved[0]}`.{time}"
