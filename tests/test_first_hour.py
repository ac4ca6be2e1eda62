"""A learner's first hour, in JupyterLab in a real browser, as the start page leads.

The start page, notebook 01 from Run All to its last exercise, with a wrong answer to
each before the right one, then the start page again and on to notebook 02. What a
browser needs is in test_browser.py.
"""

import pytest

from course_lib import cli, workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]

GUESS = 'predict("gradient without shortcuts", "near 0")'
DOTS = 'predict("gradient without shortcuts", "...")'
PLAY = "interactive_output("

# exercise -> lines of a wrong answer, what its card says, lines of the right one
ANSWERS = {
    "bottleneck": (
        [
            "y = F.relu(norms[0](F.conv2d(x, w1)))",
            "y = F.relu(norms[1](F.conv2d(y, w2, padding=1)))",
            "y = norms[2](F.conv2d(y, w3))",
            "return F.relu(y + shortcut)",
        ],
        ("runs", "The branch keeps the large map. Pass stride=stride to the 3x3."),
        [
            "y = F.relu(norms[0](F.conv2d(x, w1)))",
            "y = F.relu(norms[1](F.conv2d(y, w2, stride=stride, padding=1)))",
            "y = norms[2](F.conv2d(y, w3))",
            "return F.relu(y + shortcut)",
        ],
    ),
    "projection": (
        [
            "change = conv(in_channels, out_channels, 1, stride)",
            "norm = nn.BatchNorm2d(out_channels)",
            "fits = in_channels == out_channels",
            "return None if fits else nn.Sequential(change, norm)",
        ],
        ("shape", "With equal channels and stride 2 the map still shrinks"),
        [
            "change = conv(in_channels, out_channels, 1, stride)",
            "norm = nn.BatchNorm2d(out_channels)",
            "fits = in_channels == out_channels and stride == 1",
            "return None if fits else nn.Sequential(change, norm)",
        ],
    ),
    "build_stage": (
        [
            "layers = [make_block(in_channels, channels, stride)]",
            "layers += [make_block(4 * channels, channels, 1)] * (count - 1)",
            "return nn.Sequential(*layers)",
        ],
        ("parameter count", "Call make_block anew for"),
        [
            "layers = [make_block(in_channels, channels, stride)]",
            "later = range(count - 1)",
            "layers += [make_block(4 * channels, channels, 1) for _ in later]",
            "return nn.Sequential(*layers)",
        ],
    ),
}


def test_the_first_hour(lab, monkeypatch, capsys):
    notebook = lab.open("01", by_link=True)
    assert "Begin with 01 ResNet50 from blocks." in notebook.start_text
    assert solved_in(notebook.start_text, "01") == "0 of 3"

    notebook.type_last_line(notebook.code_cell(DOTS), GUESS)
    notebook.run_all()
    assert notebook.failures() == []
    for name in ANSWERS:
        assert card(notebook, name).startswith(f"[ ] {name}: not solved yet.")
    notebook.picture("hour-after-run-all")

    for name, (wrong, said, right) in ANSWERS.items():
        solve(notebook, name, wrong, said, right)
    assert notebook.move_each_control(PLAY, "01") == ["stem", "pixels", "width"]
    notebook.save()
    assert notebook.failures() == []
    (copy,) = lab.copies.glob("01_*.ipynb")
    text = copy.read_text(encoding="utf-8")
    assert all(lines[-2] in text for *_, lines in ANSWERS.values()) and "near 0" in text

    monkeypatch.setenv("COURSE_PROGRESS", str(lab.progress))
    monkeypatch.setattr(workspace, "NOTEBOOKS", lab.copies.parent)
    with pytest.raises(SystemExit):
        cli.main(["status"])
    status = capsys.readouterr().out
    assert "[ok]  01_resnet50_from_blocks" in status and "3 of 3" in status
    assert "Next: squeeze in 02_squeeze_and_excitation.ipynb" in status

    following = lab.open("02", by_link=True)
    assert "Begin with 02 Squeeze-and-Excitation" in following.start_text
    assert solved_in(following.start_text, "01") == "3 of 3"
    assert following.code_cell("def squeeze(").count() == 1
    assert following.failures() == []


def solved_in(start_text, number):
    """ "0 of 3" in a notebook's row of the start page."""
    (row,) = [row for row in start_text.splitlines() if f"]\t{number} " in row]
    return row.split("\t")[2]


def card(notebook, name):
    """The text below the check of an exercise."""
    return notebook.card(notebook.code_cell(f'check("{name}", {name})')).inner_text()


def solve(notebook, name, wrong, said, right):
    """Answer wrongly, read the card, unfold a hint, mend the answer."""
    stub = notebook.code_cell(f"def {name}(")
    check = notebook.code_cell(f'check("{name}", {name})')
    notebook.type_last_lines(stub, wrong)
    notebook.run(stub)
    notebook.run(check)
    prop, cause = said
    assert card(notebook, name).startswith(f"[x] {name}: {prop}:")
    assert cause in card(notebook, name)
    notebook.picture(f"hour-{name}-wrong", check)

    hint = notebook.text_cell(f"write {name}").locator("details").nth(2)
    hint.locator("summary").click()
    assert hint.locator("p, pre").first.is_visible()
    notebook.picture(f"hour-{name}-hint", hint)

    notebook.type_last_lines(stub, right, replaced=len(wrong))
    notebook.run(stub)
    notebook.run(check)
    assert card(notebook, name).startswith(f"[ok] {name}: all ")
    notebook.picture(f"hour-{name}-right", check)
