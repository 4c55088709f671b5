"""Tables are as wide as they need to be, or as there is room for."""

import re

import pytest

from charrnn.table import Table

ROWS = [
    {"name": "first", "loss": 1.5, "time": "2024-01-01 12:00", "sample": "<b>the quick brown fox jumps</b>"},
    {"name": "second", "loss": None, "time": "2024-01-02 12:00", "sample": None},
]


def lines(width):
    return Table(ROWS, cut=["sample"], spare=["time", "loss"]).text(width).splitlines()


def test_with_room_everything_is_there():
    assert "<b>the quick brown fox jumps</b>" in lines(80)[1]


@pytest.mark.parametrize("width", range(24, 80))
def test_no_line_is_wider_than_there_is_room(width):
    shown = lines(width)
    assert max(map(len, shown)) <= width
    assert shown[0].startswith("name")
    assert "sample" in shown[0]


def test_texts_are_cut_before_columns_are_left_out():
    assert lines(50)[0].split() == ["name", "loss", "time", "sample"]
    assert lines(50)[1].endswith("<b>the quick br…")
    assert lines(32)[0].split() == ["name", "loss", "sample"]
    assert lines(24)[0].split() == ["name", "sample"]


def test_what_may_not_be_cut_is_shown_whole():
    assert max(map(len, Table(ROWS).text(10).splitlines())) > 60


def test_the_terminal_says_how_wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "24")
    assert repr(Table(ROWS, cut=["sample"], spare=["time", "loss"])).splitlines() == lines(24)


def test_a_page_shows_all_and_runs_nothing():
    page = Table(ROWS)._repr_html_()
    assert "&lt;b&gt;the quick" in page
    assert "<b>" not in page
    assert re.findall(r"<th[^>]*>(\w+)</th>", page) == ["name", "loss", "time", "sample"]
    assert page.count("<tr>") == 3
    assert '<td style="text-align: right">1.5000</td>' in page


def test_on_a_page_only_what_may_be_cut_is_broken_into_lines():
    page = Table(ROWS, cut=["sample"])._repr_html_()
    assert '<td style="text-align: left; white-space: nowrap">second</td>' in page
    assert '<td style="text-align: left">&lt;b&gt;the quick' in page


def test_no_rows():
    assert repr(Table()) == ""
    assert "<table>" in Table()._repr_html_()
