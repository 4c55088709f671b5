"""Self-contained pages: escaping of their contents, and the files that they may replace."""

import pytest

from charrnn.errors import InvalidValue, SaveFailed
from charrnn.pages import page as pages
from charrnn.pages.page import LargePageWarning

PAGE = f'<!doctype html>{pages.MARK} 0.1">'


def test_only_pages_of_charrnn_are_replaced(tmp_path):
    path = tmp_path / "page.html"
    pages.write(pages.checked_path(path), PAGE)
    assert pages.write(pages.checked_path(str(path)), PAGE + "more").read_text() == PAGE + "more"
    path.write_text("<p>by hand</p>")
    with pytest.raises(SaveFailed, match="not a page of charrnn's"):
        pages.checked_path(path)
    assert path.read_text() == "<p>by hand</p>"


@pytest.mark.parametrize("name", ["model.json", "page", "", "folder.html"])
def test_other_names_are_refused(name, tmp_path):
    (tmp_path / "folder.html").mkdir()
    with pytest.raises((InvalidValue, SaveFailed)):
        pages.checked_path(tmp_path / name)


def test_a_missing_directory_is_named(tmp_path):
    with pytest.raises(SaveFailed, match=r"the directory .*missing does not exist\. Make it"):
        pages.checked_path(tmp_path / "missing" / "page.html")


def test_a_large_page_is_announced(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "LARGE", 10)
    with pytest.warns(LargePageWarning, match=r"page\.html has 0 MB"):
        pages.write(tmp_path / "page.html", PAGE)


def test_what_fills_a_template_is_not_filled_again():
    assert pages.fill("{{a}} {{b}}", a="{{b}}", b="1") == "{{b}} 1"
