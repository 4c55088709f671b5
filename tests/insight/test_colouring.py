"""A text coloured by numbers: in colours, in bars, and as a page."""

import io
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from rich.cells import cell_len

from charrnn.insight.colouring import MOST_SHOWN, NEWLINE, ColouredText, visible

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def terminal(monkeypatch):
    """Return a function that sets the properties of the terminal."""

    def terminal(**variables):
        for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {"TERM": "xterm-256color", "COLUMNS": "40", "LINES": "25", **variables}.items():
            monkeypatch.setenv(name, value)

    return terminal


def coloured(text, values=None, **options):
    return ColouredText(
        text, np.linspace(-1, 1, len(text)) if values is None else np.asarray(values), "unit", **options
    )


def body(shown):
    """Return the lines under the heading."""
    return shown.split("\n")[1:]


def test_a_terminal_with_colours_gets_them(terminal):
    terminal(FORCE_COLOR="1", COLORTERM="truecolor")
    shown = repr(coloured("abc", [-2, 0, 2]))
    assert "48;2;33;102;172m" in shown.split("a")[0]  # blue below, white in the middle, red above
    assert "48;2;255;255;255m" in shown.split("a")[1].split("b")[0]
    assert "48;2;178;24;43m" in shown.split("b")[1].split("c")[0]
    assert body(ESCAPE.sub("", shown)) == ["abc"]


@pytest.mark.parametrize("plain", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": "unknown"}])
def test_a_terminal_without_colours_gets_bars(terminal, plain):
    terminal(FORCE_COLOR="1", **plain)
    shown = repr(coloured("abc"))
    assert "\x1b" not in shown
    assert body(shown) == ["abc", "▁▅█"]


def test_a_file_gets_bars(terminal):
    terminal()
    assert body(repr(coloured("abc"))) == ["abc", "▁▅█"]


def test_an_output_that_cannot_show_bars_gets_digits(terminal, monkeypatch):
    terminal()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert body(repr(coloured("abc"))) == ["abc", "059"]


def test_numbers_that_are_never_below_the_middle_have_bars_from_there():
    assert body(repr(coloured("abc", [0, 1, 2])))[1] == "▁▅█"


@pytest.mark.parametrize("colours", [{}, {"FORCE_COLOR": "1"}])
@pytest.mark.parametrize("columns", [1, 7, 40])
@pytest.mark.parametrize(
    "text", ["plain text " * 9, "日本語の文章です" * 7, "e\u0301té " * 20, "سلام دنیا " * 9, "👍🏽a" * 30]
)
def test_no_line_is_wider_than_the_terminal(terminal, colours, columns, text):
    terminal(COLUMNS=str(columns), **colours)
    lines = body(ESCAPE.sub("", repr(coloured(text))))
    texts = lines if colours else lines[::2]
    assert "".join(texts).translate({0x202D: None, 0x202C: None}) == text  # what keeps a line from left to right
    assert all(cell_len(line) <= max(columns, 2) for line in texts)
    if not colours:
        assert [cell_len(line) for line in texts] == [len(bars) for bars in lines[1::2]]


def test_lines_break_where_the_text_does(terminal):
    terminal()
    assert body(repr(coloured("ab\n\ncd\n")))[::2] == [f"ab{NEWLINE}", NEWLINE, f"cd{NEWLINE}"]


@pytest.mark.parametrize("ch", [chr(c) for c in (0, 7, 9, 13, 27, 127, 0x85, 0x200B, 0x202E, 0x2028, 0x2066, 0xAD)])
def test_nothing_moves_the_cursor_or_turns_the_text(ch):
    assert visible(ch) != ch
    assert visible(ch).isprintable()
    assert ch not in repr(coloured(f"a{ch}b")).replace("\n", "")
    assert ch not in coloured(f"a{ch}b")._repr_html_().replace("\n", "")


def test_a_mark_is_seen_with_its_character():
    assert body(repr(coloured("e\u0301", [1, -1]))) == ["e\u0301", "█"]
    assert body(repr(coloured("\u0301e", [1, -1])))[0] == "◌\u0301e"


class Page(HTMLParser):
    """The text of a page, with the style and the title of each span."""

    def __init__(self, source):
        super().__init__()
        self.text, self.spans, self.open = "", [], []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag == "span":
            self.spans.append(dict(attrs))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_a_page_shows_the_text_as_it_is():
    page = Page(coloured("<b>&amp;\n'\"", np.arange(11))._repr_html_())
    assert page.text == f"unit: 0 to 10<b>&amp;{NEWLINE}\n'\""
    assert not page.open
    assert [span["title"] for span in page.spans] == [str(n) for n in range(11)]


def test_a_page_is_coloured_and_turns_each_line_its_own_way():
    source = coloured("ab", [-1, 1])._repr_html_()
    low, high = Page(source).spans
    assert "background:#2166ac" in low["style"]
    assert "background:#b2182b" in high["style"]
    assert 'dir="auto"' in source
    assert "unicode-bidi:plaintext" in source


def test_what_is_not_finite_counts_as_the_middle():
    np.testing.assert_array_equal(coloured("abcd", [np.nan, np.inf, 2, -1]).levels, [0, 0, 1, -0.5])
    np.testing.assert_array_equal(coloured("ab", [0, 0]).levels, [0, 0])
    np.testing.assert_array_equal(coloured("ab", [0.5, 1], middle=0.5).levels, [0, 1])


def test_a_slice_is_a_part_and_a_long_text_is_cut():
    whole = coloured("ab" * MOST_SHOWN)
    assert f"{MOST_SHOWN:,} characters more" in repr(whole)
    assert f"{MOST_SHOWN:,} characters more" in whole._repr_html_()
    part = whole[3:5]
    assert (part.text, len(part)) == ("ba", 2)
    np.testing.assert_array_equal(part.values, whole.values[3:5])
    assert "more" not in repr(part)
    assert repr(whole[:0]) == "unit: no text"
    with pytest.raises(TypeError, match="slice"):
        whole[3]
