"""A notebook in JupyterLab, driven as a learner does: by keyboard, menu and mouse."""

import os
from contextlib import contextmanager
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

SECONDS = 1000  # Playwright counts in ms
OPEN_LIMIT, RUN_LIMIT, STEP_LIMIT = 120 * SECONDS, 300 * SECONDS, 40 * SECONDS

FLAGS = ["--disable-gpu", "--disable-background-networking", "--no-first-run"]

# What moves a slider, a list, a row of buttons. A list needs the Space, which opens it:
# an arrow alone goes to the next cell of the notebook.
KEYS = {
    "DIV": ("ArrowRight",),
    "SELECT": ("Space", "ArrowDown", "Enter"),
    "BUTTON": ("Space",),
}

# What a control of a widget is. A slider of choices has a class of its own.
CONTROLS = ".widget-slider, .jupyter-widgets.widget-inline-hbox"

SAVED = """() => !window.jupyterapp?.shell.currentWidget?.context?.model?.dirty"""

FAILURES = (
    "[data-mime-type='application/vnd.jupyter.error'], "
    "[data-mime-type='application/vnd.jupyter.stderr']"
)

# No cell is waiting or running, and the kernel says that it is idle.
IDLE = """() => {
    const session = window.jupyterapp?.shell.currentWidget?.sessionContext?.session;
    const prompts = [...document.querySelectorAll('.jp-InputPrompt')];
    return session?.kernel?.status === 'idle'
        && !prompts.some(prompt => prompt.textContent.includes('[*]'));
}"""

STARTED = """() => [...document.querySelectorAll('.jp-InputPrompt')]
    .some(prompt => /\\[[*0-9]+\\]/.test(prompt.textContent))"""

RAN_AGAIN = """([prompt, before]) =>
    /\\[[0-9]+\\]/.test(prompt.textContent) && prompt.textContent !== before"""

REDRAWN = """([area, before]) => {
    const image = area.querySelector('img');
    return image?.complete && image.src !== before;
}"""

# Every text of an element: its colour, and the backgrounds from it up to the page,
# each as red, green, blue, opacity in 0..255. A canvas reads any form of CSS colour.
TEXT_COLOURS = """element => {
    const canvas = document.createElement('canvas').getContext('2d');
    const rgba = colour => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
        const text = walker.currentNode.textContent.trim();
        if (!text) continue;
        const parent = walker.currentNode.parentElement;
        const backgrounds = [];
        for (let node = parent; node; node = node.parentElement) {
            backgrounds.push(rgba(getComputedStyle(node).backgroundColor));
        }
        found.push([text, rgba(getComputedStyle(parent).color), backgrounds]);
    }
    return found;
}"""


@contextmanager
def chromium(program):
    """A headless Chromium with a throw-away profile."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0  # for whom no sandbox works
    flags = [*FLAGS, "--no-sandbox"] if is_root else FLAGS
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        try:
            yield browser
        finally:
            browser.close()


# What the course writes. The frame around it is JupyterLab's own.
OURS = {"include": [[".jp-RenderedMarkdown"], [".jp-OutputArea-output"]]}


# JupyterLab drops the alternative text of an output, and ipywidgets names no slider.
# Tests look at what stands in for them: the text below the figure, the visible label.
NOT_OURS = ("image-alt", "aria-input-field-name")

UNDESCRIBED = """areas => areas.filter(area => {
    const text = area.querySelector('[data-mime-type$="stdout"]')?.textContent ?? '';
    return area.querySelector('.jp-RenderedImage') && text.trim().length < 30;
}).length"""


def barriers(page, context=None, without=()):
    """What axe finds wrong for readers with a screen reader, a keyboard, weak sight.

    context: only in these parts of the page; without: rules to leave out. One text a
    fault: rule, place, reason.
    """
    options = {"rules": {rule: {"enabled": False} for rule in without}}
    options |= {"resultTypes": ["violations"]}  # no list of all that is in order
    found = Axe().run(page, context, options).response["violations"]
    return [
        f"{fault['id']}: {' '.join(map(str, node['target']))}: {node['failureSummary']}"
        for fault in found
        for node in fault["nodes"]
    ]


class NotebookPage:
    """One notebook that is open in JupyterLab.

    problems: uncaught errors of the page's scripts. Pictures go into `shots`. With a
    `link`, the address is that of the start page, and this link of it is followed;
    start_text: what stood there.
    HANDLES: what takes the keys in a control of a widget.
    """

    HANDLES = ".noUi-handle, select, button:not(.mod-active)"

    def __init__(self, browser, address, shots, link=""):
        self.page = browser.new_page(viewport={"width": 1280, "height": 1000})
        self.shots, self.problems = Path(shots), []
        page = self.page
        page.set_default_timeout(STEP_LIMIT)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.goto(address)
        if link:
            self.follow(link)
        page.locator(".jp-Notebook").wait_for(timeout=OPEN_LIMIT)
        page.wait_for_function(IDLE, timeout=OPEN_LIMIT)

    def follow(self, link):
        """Read the start page, then click on one of its links."""
        start = self.page.locator(".jp-MarkdownViewer")
        start.locator("table").wait_for(timeout=OPEN_LIMIT)
        assert barriers(self.page, ".jp-MarkdownViewer .jp-RenderedMarkdown") == []
        self.start_text = start.inner_text()
        self.picture(f"start-page-to-{link.strip()}")
        start.get_by_role("link", name=link).first.click()

    def failures(self):
        """Errors of the page's scripts, and outputs that are errors or warnings."""
        return self.problems + self.page.locator(FAILURES).all_inner_texts()

    def run_all(self):
        """The menu's Run All Cells, until the last cell has ended."""
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        self.page.wait_for_function(STARTED)
        self.page.wait_for_function(IDLE, timeout=RUN_LIMIT)

    def cells(self, text):
        """The code cells whose source holds a text."""
        source = self.page.locator(".jp-InputArea-editor", has_text=text)
        return self.page.locator(".jp-CodeCell", has=source)

    def code_cell(self, text):
        """The first code cell whose source holds a text."""
        return self.cells(text).first

    def text_cell(self, text):
        """The first cell of prose that holds a text."""
        return self.page.locator(".jp-MarkdownCell", has_text=text).first

    def type_last_line(self, cell, line):
        """Write `line` in place of a cell's last line; its indent stays."""
        self.type_last_lines(cell, [line])

    def type_last_lines(self, cell, lines, replaced=1):
        """Write lines of one indent in place of as many as are `replaced`."""
        cell.locator(".cm-content").click()
        self.page.keyboard.press("ControlOrMeta+End")
        for _ in range(replaced - 1):
            self.page.keyboard.press("Shift+ArrowUp")
        self.page.keyboard.press("Shift+Home")
        for number, line in enumerate(lines):
            if number:
                self.page.keyboard.press("Enter")  # JupyterLab indents the new line
            self.page.keyboard.type(line)

    def save(self):
        """Ctrl+S, until nothing is unsaved."""
        self.page.keyboard.press("ControlOrMeta+s")
        self.page.wait_for_function(SAVED)

    def run(self, cell):
        """Shift+Enter in a cell, until it has ended."""
        prompt = cell.locator(".jp-InputPrompt")
        before = prompt.inner_text()
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")
        self.page.wait_for_function(
            RAN_AGAIN, arg=[prompt.element_handle(), before], timeout=STEP_LIMIT
        )
        self.page.wait_for_function(IDLE, timeout=STEP_LIMIT)

    def new_cell_below(self, cell, source):
        """Make a cell below another (Escape, B, Enter), type into it; return it."""
        cell.locator(".cm-content").click()
        for key in ("Escape", "b", "Enter"):
            self.page.keyboard.press(key)
        self.page.keyboard.type(source)
        return self.code_cell(source)

    def output(self, cell):
        """What is shown below a cell."""
        return cell.locator(".jp-Cell-outputArea")

    def card(self, cell):
        """The HTML below a check."""
        return self.output(cell).locator(".jp-RenderedHTMLCommon").first

    def move(self, cell, control):
        """One step of a control by keyboard, until the figure is another."""
        area = cell.locator(".widget-output")
        before = area.locator("img").first.get_attribute("src")
        control.focus()
        for key in KEYS[control.evaluate("element => element.tagName")]:
            self.page.keyboard.press(key)
        self.page.wait_for_function(
            REDRAWN, arg=[area.element_handle(), before], timeout=STEP_LIMIT
        )
        self.page.wait_for_function(IDLE, timeout=STEP_LIMIT)

    def move_each_control(self, text, name):
        """Press a key on each control below a cell; return the labels of the controls.

        Each time the figure and the printed numbers must change.
        """
        cell = self.code_cell(text)
        below = self.output(cell)
        below.locator(".widget-output img").wait_for()
        self.picture(f"widgets-{name}", cell)
        labels = []
        for control in below.locator(CONTROLS).all():
            label = control.locator(".widget-label").inner_text()
            before = below.inner_text()
            self.move(cell, control.locator(self.HANDLES).first)
            assert below.inner_text() != before, (
                f"{label}: the same numbers are printed"
            )
            self.picture(f"widgets-{name}-{label}", cell)
            labels.append(label)
        return labels

    def use_theme(self, name):
        """Have "JupyterLab Light" or "JupyterLab Dark", as the reader's system has."""
        light = "false" if "Dark" in name else "true"
        self.page.emulate_media(color_scheme="dark" if "Dark" in name else "light")
        body = self.page.locator(f"body[data-jp-theme-light='{light}']")
        body.wait_for(state="attached")

    def text_colours(self, element):
        """[text, its colour, the backgrounds below it] of each text in an element."""
        return element.evaluate(TEXT_COLOURS)

    def picture(self, name, element=None):
        """Keep a picture of the page, or of one element of it."""
        path = self.shots / f"{name}.png"
        if element is None:
            self.page.screenshot(path=path)
        else:
            element.scroll_into_view_if_needed()
            element.screenshot(path=path)
