"""What a check says: plain text everywhere, a card in JupyterLab."""

import html
from dataclasses import dataclass
from typing import Any

WIDTH = 200  # characters of one line's content; longer ones are cut
MARKS = {"ok": "[ok]", "failed": "[x]", "unsolved": "[ ]"}
COLOURS = {
    "ok": "var(--jp-success-color1, #2e7d32)",
    "failed": "var(--jp-error-color1, #c62828)",
    "unsolved": "var(--jp-border-color0, #757575)",
}
LABELS = ("input", "expected", "got", "likely")


@dataclass(frozen=True)
class Report:
    """The outcome of one check.

    status: "ok", "failed" or "unsolved"; name: the exercise; head: the first line.
    rows: (label, text): the properties tested where all hold; for a failure input,
        expected, got, likely cause.
    footer: which version is used below; printed: what the learner's code printed.
    """

    status: str
    name: str
    head: str
    rows: tuple[tuple[str, str], ...] = ()
    footer: str = ""
    printed: str = ""

    def lines(self) -> list[str]:
        """The message itself: one line, two where all holds, five for a failure."""
        first = one_line(f"{MARKS[self.status]} {self.name}: {self.head}")
        return [first] + [f"    {k:<10}{one_line(v)}" for k, v in self.rows]

    def text(self) -> str:
        """The message, the version used below, and what the code printed."""
        lines = self.lines()
        if self.footer:
            lines.append(f"    {self.footer}")
        if self.printed:
            lines.append("    your code printed:")
            lines += [f"      | {line}" for line in self.printed_lines()]
        return "\n".join(lines)

    def printed_lines(self) -> list[str]:
        """The first ten lines that the learner's code printed."""
        lines = self.printed.rstrip().splitlines()
        shown = [one_line(line) for line in lines[:10]]
        return [*shown, "..."] if len(lines) > 10 else shown

    def card(self) -> str:
        """HTML in the theme's own colours, so it reads in light and dark."""
        colour = COLOURS[self.status]
        parts = [
            f'<div style="border: 1px solid var(--jp-border-color2, #8884); '
            f"border-left: 6px solid {colour}; padding: 0.5em 1em; "
            'color: var(--jp-content-font-color1, inherit)">',
            f"<div><strong>{MARKS[self.status]} {html.escape(self.name)}</strong>: "
            f"{html.escape(one_line(self.head))}</div>",
        ]
        if self.rows:
            parts.append(self._grid())
        if self.footer:
            parts.append(f"<div><em>{html.escape(self.footer)}</em></div>")
        if self.printed:
            shown = html.escape("\n".join(self.printed_lines()))
            style = "margin: 0.2em 0; white-space: pre-wrap; overflow-wrap: anywhere"
            parts.append("<div>Your code printed:</div>")
            parts.append(f'<pre style="{style}">{shown}</pre>')
        return "".join(parts) + "</div>"

    def _grid(self) -> str:
        cells = "".join(
            f'<dt style="font-weight: 600; width: auto">{html.escape(label)}</dt>'
            f'<dd style="margin: 0; width: auto; overflow-wrap: anywhere">'
            f"{html.escape(one_line(text))}</dd>"
            for label, text in self.rows
        )
        columns = "max-content 1fr; column-gap: 1em"
        style = f"display: grid; grid-template-columns: {columns}; margin: 0.4em 0"
        return f'<dl style="{style}">{cells}</dl>'

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        """Both forms; the front end takes the richest it can show."""
        return {"text/plain": self.text(), "text/html": self.card()}

    def __repr__(self) -> str:
        return self.text()


def one_line(text: str) -> str:
    """No line breaks or control characters, and not longer than WIDTH."""
    printable = (c if c.isprintable() else " " for c in text[: 4 * WIDTH])
    flat = " ".join("".join(printable).split())
    return flat if len(flat) <= WIDTH else flat[: WIDTH - 4] + " ..."


def show(report: Report) -> None:
    """A card in a notebook, text elsewhere."""
    if notebook_shell() is None:
        print(report.text())
        return
    from IPython.display import display

    display(report)


def notebook_shell() -> Any:
    """The IPython shell that runs this code, None in plain Python."""
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    return get_ipython()
