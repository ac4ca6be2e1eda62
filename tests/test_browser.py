"""Notebooks as a learner meets them: in JupyterLab, in a real browser.

It needs Chromium: on Debian `apt install chromium`, elsewhere name the program in the
environment variable COURSE_CHROMIUM. Without it these tests are skipped. Pictures of
the page go into the folder COURSE_SHOTS, else into pytest's temporary folder.
"""

import pytest
from contrast import READABLE, contrast

from course_lib.exercises.catalogue import EXERCISES
from course_lib.exercises.engine import FALLBACK
from course_lib.exercises.messages import LABELS
from course_lib.site import build_site
from course_lib.workspace import course_notebooks

NUMBER = "02"
CHECK = 'check("squeeze", squeeze)'
WRONG, RIGHT = "return x.amax(dim=(2, 3))", "return x.mean(dim=(2, 3))"
LONG_PRINT = "print('long' * 60); "

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_contrast_of_known_colours():
    black, white, clear = (0, 0, 0, 255), (255, 255, 255, 255), (0, 0, 0, 0)
    grey = (119, 119, 119, 255)  # the lightest grey but one to fail on white
    assert contrast(black, [white]) == pytest.approx(21)
    assert contrast(grey, [clear, white]) == pytest.approx(4.48, abs=0.01)
    assert contrast(white, [clear, clear]) == pytest.approx(1)
    half = (0, 0, 0, 128)  # over white, the grey (127, 127, 127)
    assert contrast(black, [half, clear]) == pytest.approx(5.24, abs=0.01)
    assert contrast(half, [clear, white]) == pytest.approx(4.00, abs=0.01)


@pytest.fixture(scope="module")
def notebook(lab):
    """The learner's copy of notebook 02 after Run All, open in JupyterLab."""
    page = lab.open(NUMBER)
    page.picture("opened")
    page.run_all()
    return page


def test_pages_of_the_site_have_no_barriers(lab, tmp_path):
    """Colours come from the theme, so two pages tell; they take axe the longest."""
    from browser_page import barriers

    first = build_site(tmp_path / "site")
    notebooks = sorted(first.parent.glob("notebooks/[0-9][0-9]_*.html"))
    assert len(notebooks) == len(course_notebooks())
    # pandas leaves the corner of a table with a named index empty
    rules = ["empty-table-header"]
    for theme, pages in {
        "light": [first, *notebooks],
        "dark": [first, notebooks[1]],
    }.items():
        page = lab.browser.new_page(color_scheme=theme)
        for path in pages:
            page.goto(path.as_uri())
            colours = [] if path in (first, notebooks[1]) else ["color-contrast"]
            found = barriers(page, without=[*rules, *colours])
            assert found == [], f"{path.name}, {theme}"
        page.close()


@pytest.fixture(autouse=True)
def no_errors(request):
    """After each test: no script of a page failed, no output is an error."""
    yield
    if "lab" in request.fixturenames:
        for number, page in request.getfixturevalue("lab").pages.items():
            assert page.failures() == [], f"notebook {number}"


def test_run_all_leaves_each_check_unsolved(notebook):
    for name in exercises():
        card = notebook.card(notebook.code_cell(f'check("{name}", '))
        assert card.inner_text().startswith(f"[ ] {name}: not solved yet.")


def exercises():
    """The names of the notebook's exercises."""
    return [name for name, one in EXERCISES.items() if one.notebook == NUMBER]


def answer_squeeze(notebook, line):
    """Write the answer and run its check; return the card."""
    stub, check = notebook.code_cell("def squeeze("), notebook.code_cell(CHECK)
    notebook.type_last_line(stub, line)
    notebook.run(stub)
    notebook.run(check)
    return notebook.card(check)


def test_a_wrong_answer_is_explained_and_a_right_one_is_accepted(notebook):
    wrong = answer_squeeze(notebook, WRONG).inner_text()
    assert wrong.startswith("[x] squeeze: values:")
    assert "This is max pooling" in wrong
    assert FALLBACK in wrong
    assert all(label in wrong.splitlines() for label in LABELS)
    right = answer_squeeze(notebook, RIGHT).inner_text()
    assert right.startswith("[ok] squeeze: all ")
    assert "Your version is used below." in right


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_cards_can_be_read_in_each_theme(notebook, theme):
    notebook.use_theme(theme)
    wrong = answer_squeeze(notebook, LONG_PRINT + WRONG)
    others = {
        "wrong": wrong,
        "unsolved": notebook.card(notebook.code_cell('check("se_gate", ')),
        "broken": notebook.card(notebook.code_cell("break_it(")),
    }
    for name, card in others.items():
        check_contrast(notebook, card)
        assert card.evaluate("e => e.scrollWidth <= e.clientWidth"), "text sticks out"
        notebook.picture(f"card-{name}-{theme[11:].lower()}", card)
    right = answer_squeeze(notebook, RIGHT)
    check_contrast(notebook, right)
    notebook.picture(f"card-right-{theme[11:].lower()}", right)
    notebook.picture(f"page-{theme[11:].lower()}")


def check_contrast(notebook, card):
    """Every text of a card stands out from what lies below it."""
    colours = notebook.text_colours(card)
    ratios = {text: contrast(colour, below) for text, colour, below in colours}
    assert ratios
    assert {text: r for text, r in ratios.items() if r < READABLE} == {}


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_what_the_course_writes_has_no_barriers(notebook, theme):
    from browser_page import NOT_OURS, OURS, UNDESCRIBED, barriers

    notebook.use_theme(theme)
    found = barriers(notebook.page, OURS, without=NOT_OURS)
    assert not found, "\n\n".join(found)
    areas = notebook.page.locator(".jp-Cell-outputArea")
    assert areas.evaluate_all(UNDESCRIBED) == 0, "a figure without words below it"
    sliders = notebook.page.locator(".widget-slider")
    labels = sliders.locator(".widget-label").all_inner_texts()
    assert len(labels) == sliders.count() and all(labels)


def test_the_table_of_contents_leads_to_a_section(notebook):
    page = notebook.page
    page.keyboard.press("ControlOrMeta+Shift+k")
    entries = page.locator(".jp-TableOfContents .jp-tocItem-content")
    entries.first.wait_for()
    assert entries.count() > 8
    entry = entries.filter(has_text="Exercise 2").first
    notebook.picture("contents")
    entry.click()
    heading = page.get_by_role("heading", name="Exercise 2").first
    heading.wait_for()
    box = heading.bounding_box()
    assert box is not None and 0 <= box["y"] < 1000, "the section is out of sight"
    page.keyboard.press("ControlOrMeta+Shift+k")


def test_at_200_percent_nothing_sticks_out(notebook):
    page = notebook.page
    page.set_viewport_size({"width": 640, "height": 500})  # 1280 x 1000 at 200 %
    page.keyboard.press("ControlOrMeta+b")  # the file list goes, as a reader would
    for cell in (notebook.code_cell(CHECK), notebook.code_cell('check("se_gate", ')):
        card = notebook.card(cell)
        card.scroll_into_view_if_needed()
        assert card.evaluate("e => e.scrollWidth <= e.clientWidth")
    notebook.picture("zoomed")
    page.keyboard.press("ControlOrMeta+b")
    page.set_viewport_size({"width": 1280, "height": 1000})


def test_hints_unfold_one_by_one(notebook):
    hints = notebook.text_cell("Exercise 1: squeeze").locator("details")
    assert hints.count() == 4
    bodies = [hint.locator("p, pre").first for hint in hints.all()]
    assert [body.is_visible() for body in bodies] == [False] * 4
    hints.first.locator("summary").press("Enter")
    assert [body.is_visible() for body in bodies] == [True, False, False, False]
    for hint in hints.all()[1:]:
        hint.locator("summary").click()
    assert [body.is_visible() for body in bodies] == [True] * 4
    notebook.picture("hints", notebook.text_cell("Exercise 1: squeeze"))


def test_the_solution_is_shown_in_a_new_cell(notebook):
    source = "from course_lib.exercises import show_solution; "
    source += 'show_solution("squeeze")'
    cell = notebook.new_cell_below(notebook.code_cell(CHECK), source)
    notebook.run(cell)
    shown = notebook.output(cell).inner_text()
    assert "def squeeze(x: Tensor) -> Tensor:" in shown
    assert "Why: " in shown
    assert "Your answer" in shown or "From your answer" in shown
    notebook.picture("solution", cell)


def test_widgets_of_notebook_02_by_keyboard(notebook):
    assert notebook.move_each_control("interact(", NUMBER) == ["image", "block"]
