"""The static site: every page is there, every link leads somewhere, figures speak."""

import json
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from readme_commands import made_up_checkout

from course_lib.errors import CourseError
from course_lib.site import CHECKOUT, build_site, collect_pages, describe_figures

NOTEBOOKS = sorted((CHECKOUT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


class Page(HTMLParser):
    """Links, targets, headings and images of one page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.images: list[dict[str, str | None]] = []
        self.headings: list[int] = []
        self.title = ""
        self._in_title = False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.links += [found[key] for key in ("href", "src") if found.get(key)]
        if "id" in found:
            self.ids.add(found["id"])
        if tag == "img":
            self.images.append(found)
        if tag in ("h1", "h2", "h3", "h4"):
            self.headings.append(int(tag[1]))
        self._in_title = tag == "title" and not self.title  # not those inside drawings

    def handle_data(self, data):
        self.title += data if self._in_title else ""

    def handle_endtag(self, tag):
        self._in_title = False


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Every page of the site by its path."""
    first = build_site(tmp_path_factory.mktemp("site") / "site")
    return {path: Page(path) for path in first.parent.rglob("*.html")}


def test_every_notebook_is_a_page(pages):
    names = {path.stem for path in pages}
    assert {notebook.stem for notebook in NOTEBOOKS} <= names
    assert "index" in names


def test_no_two_pages_have_the_same_title(pages):
    places = {}
    for path, page in pages.items():
        assert page.title.strip(), f"{path.name} has no title"
        places.setdefault(page.title, []).append(path.name)
    assert {title: names for title, names in places.items() if len(names) > 1} == {}


def test_every_link_leads_somewhere(pages):
    broken = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = path.parent / unquote(parts.path) if parts.path else path
            if not target.exists():
                broken.append(f"{path.name}: {link}")
                continue
            ids = pages[target].ids if target in pages else {parts.fragment}
            if unquote(parts.fragment or "") not in ids | {""}:
                broken.append(f"{path.name}: {link}")
    assert not broken


def test_every_figure_of_a_notebook_has_its_own_words(pages):
    for path, page in pages.items():
        for image in page.images:
            if "_images" in (image.get("src") or ""):
                assert len(image.get("alt") or "") > 30, (path.name, image)


def test_headings_go_down_one_step_at_a_time(pages):
    for notebook in NOTEBOOKS:
        page = next(page for path, page in pages.items() if path.stem == notebook.stem)
        assert page.headings[0] == 1 and page.headings.count(1) == 1
        steps = zip(page.headings, page.headings[1:], strict=False)
        assert all(after - before <= 1 for before, after in steps), notebook.stem


def test_alternative_texts_move_to_where_the_builder_reads_them():
    figure = {"metadata": {"image/png": {"alt": "A map."}}, "data": {}}
    cells = [{"metadata": {}, "outputs": [figure, figure]}, {"metadata": {}}]
    made = json.loads(describe_figures(json.dumps({"cells": cells})))
    assert made["cells"][0]["metadata"] == {
        "mystnb": {"image": {"alt": "A map. A map."}}
    }
    assert made["cells"][1]["metadata"] == {}


def test_a_link_to_nothing_is_named(tmp_path):
    checkout = made_up_checkout(tmp_path / "course", "# T\n\n[gone](notebooks/no.md)\n")
    with pytest.raises(CourseError, match=r"notebooks/no\.md"):
        build_site(tmp_path / "out", checkout)


def test_a_folder_of_other_files_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(CourseError, match="an empty folder, or an older site"):
        build_site(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_is_no_place_for_a_site(tmp_path):
    (tmp_path / "site").write_text("mine", encoding="utf-8")
    with pytest.raises(CourseError, match="a file: expected a folder"):
        build_site(tmp_path / "site")


def test_the_readme_becomes_the_first_page(tmp_path):
    checkout = made_up_checkout(tmp_path / "course", "# Title\n")
    collect_pages(checkout, tmp_path / "source")
    text = (tmp_path / "source" / "index.md").read_text(encoding="utf-8")
    assert text.startswith("# Title\n") and "data/README" in text
