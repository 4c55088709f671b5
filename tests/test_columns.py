"""Wide, combining and right-to-left characters keep their columns in tables, comparisons and coloured texts."""

import numpy as np
import pytest

from charrnn.columns import clusters, columns, cut, folded, padded
from charrnn.insight.colouring import ColouredText
from charrnn.session.comparison import _side_by_side
from charrnn.table import Table

HEBREW = "שלום"
ACCENT = "e\N{COMBINING ACUTE ACCENT}"


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("abc", ["a", "b", "c"]),
        (f"a{ACCENT}b", ["a", ACCENT, "b"]),
        ("猫だ", ["猫", "だ"]),
        ("नमस्ते", ["न", "म", "स्", "ते"]),
        ("👍🏽a", ["👍🏽", "a"]),
        ("👩\u200d🔬!", ["👩\u200d🔬", "!"]),
        ("🇩🇪🇫🇷", ["🇩🇪", "🇫🇷"]),
        ("\n\N{COMBINING ACUTE ACCENT}", ["\n", "\N{COMBINING ACUTE ACCENT}"]),
        ("", []),
    ],
)
def test_what_is_drawn_as_one_stays_together(text, drawn):
    assert list(clusters(text)) == drawn


def test_texts_are_cut_and_filled_by_columns():
    assert cut("猫だよ", 5) == "猫だ…"
    assert cut(ACCENT * 3, 2) == f"{ACCENT}…"
    assert cut("猫だ", 4) == "猫だ"
    assert padded("猫", 4) == "猫  "
    assert padded(ACCENT, 3, right=True) == f"  {ACCENT}"
    assert padded(HEBREW, 6) == f"{HEBREW}  "
    assert folded("猫だよ ここ\n\nまた", 4) == "猫だ\nよ\nここ\n\nまた"
    assert folded("one two  three", 7) == "one two\nthree"
    assert folded("unbreakable", 4) == "unbr\neaka\nble"
    assert folded("猫", 1) == "猫"


def test_a_table_keeps_its_columns():
    rows = [{"name": "猫", "n": 1}, {"name": ACCENT, "n": 20}, {"name": HEBREW, "n": 300}, {"name": "plain", "n": 4}]
    assert Table(rows).text(80).splitlines() == [
        "name     n",
        "猫       1",
        f"{ACCENT}       20",
        f"{HEBREW}   300",
        "plain    4",
    ]


def test_a_table_is_cut_by_columns():
    shown = Table([{"sample": "猫" * 40, "n": 1}], cut=("sample",)).text(30)
    assert shown.splitlines() == ["sample                       n", f"{'猫' * 13}…  1"]


def test_two_texts_side_by_side_keep_their_columns():
    lines = list(_side_by_side(f"猫だよ\n{ACCENT}a\n{HEBREW}", "left\nright", half=10))
    assert lines == [
        "a writes   │ b writes",
        "猫だよ     │ left",
        f"{ACCENT}a         │ right",
        f"{HEBREW}       │",
    ]


def marked(text, monkeypatch, width="40"):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", width)
    return repr(ColouredText(text, np.linspace(0, 1, len(text)), "unit")).splitlines()[1:]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("abc", ["abc", "▁▅█"]),
        ("猫だa", ["猫だa", "▁ ▅ █"]),
        (f"{ACCENT}b", [f"{ACCENT}b", "▁█"]),
        ("नमस्ते", ["नमस्ते", "▁▂▄▇"]),
        ("🇩🇪a", ["🇩🇪a", "▁ █"]),
        ("שלום", ["\u202dשלום\u202c", "▁▃▆█"]),
        ("a\u1161", ["a\u1161", "▁"]),
    ],
)
def test_marks_stand_under_their_characters(monkeypatch, text, lines):
    assert marked(text, monkeypatch) == lines


def test_lines_of_wide_characters_are_no_wider_than_the_terminal(monkeypatch):
    lines = marked("猫" * 11, monkeypatch, "9")
    assert [columns(line) for line in lines[::2]] == [8, 8, 6]
    assert lines[1].startswith("▁ ")
