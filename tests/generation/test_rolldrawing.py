import re

import numpy as np
import pytest

from charrnn.data.music.rolls import Roll
from charrnn.errors import InvalidValue, NotInstalled
from charrnn.generation.rolldrawing import blocks, plot, svg

CELLS = {" ": (0, 0), "▄": (0, 1), "▀": (1, 0), "█": (1, 1)}


def read_back(text, length):
    """The keys that blocks show, from the highest, (pitches, columns)."""
    lines = [line.partition("│")[2].ljust(length) for line in text.splitlines()[:-2]]
    return np.array([[CELLS[cell][half] for cell in line] for line in lines for half in (0, 1)], bool)


def random_roll(length, low=40, high=71):
    frames = np.zeros((length, 88), bool)
    frames[:, low - 21 : high - 20] = np.random.default_rng(length).random((length, high - low + 1)) < 0.2
    frames[0, [low - 21, high - 21]] = True
    return Roll(frames)


def test_every_note_shows():
    roll = random_roll(34)
    shown = read_back(blocks(roll, 40), 34)
    np.testing.assert_array_equal(shown, roll.frames[:, 19:51].T[::-1])


@pytest.mark.parametrize("width", [40, 41, 80, 200])
@pytest.mark.parametrize("length", [1, 33, 34, 35, 100, 1001])
def test_it_fits_its_width(length, width):
    text = blocks(random_roll(length), width, given=length // 2)
    assert max(map(len, text.splitlines())) <= width
    assert text.count("╵") == (1 if length // 2 else 0)
    assert not re.search(r" $", text, re.MULTILINE)


def test_several_frames_in_a_column():
    frames = np.zeros((70, 88))
    frames[1, 10] = frames[69, 11] = 1
    (_, lower) = read_back(blocks(Roll(frames), 40), 34)[:, :34]
    assert np.flatnonzero(lower).tolist() == [0]


def test_the_terminal_is_used(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    assert max(map(len, blocks(random_roll(100)).splitlines())) in range(38, 61)
    monkeypatch.setenv("COLUMNS", "20")
    assert max(map(len, blocks(random_roll(100)).splitlines())) in range(30, 41)


def test_octaves_and_the_highest_pitch_are_named():
    names = re.findall(r"^ *(\S+) │", blocks(random_roll(4, 45, 67), 40), re.MULTILINE)
    assert names == ["G4", "C4", "C3"]


def test_silence():
    for frames in (np.zeros((3, 88)), np.zeros((0, 88))):
        assert blocks(Roll(frames)) == "silence"
        assert svg(Roll(frames)).count("<rect") == 1


def test_svg_has_each_note_at_its_place():
    text = svg(Roll.from_pitches([[60], [60, 72], []]), given=1, width=300, height=130)
    rects = re.findall(r'x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)" rx="1" fill="(.*?)"', text)
    assert rects == [("0.00", "120.00", "199.50", "10.00", "#8a8f98"), ("100.00", "0.00", "99.50", "10.00", "#2b6cb0")]


def test_plot():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    roll = Roll.from_pitches([[60], [60, 72], [61]], dt=0.5)
    ax = plot(roll, given=1)
    boxes = [path.get_extents() for collection in ax.collections for path in collection.get_paths()]
    starts = sorted((round(box.x0, 6), (box.y0 + box.y1) / 2) for box in boxes)
    assert starts == [(0, 60), (0.5, 72), (1, 61)]
    assert ax.get_xlim() == (0, 1.5)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["C4", "C5"]
    assert plot(Roll(np.zeros((0, 88))), ax=pyplot.figure().add_subplot()) is not ax
    pyplot.close("all")


def test_without_matplotlib(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(NotInstalled, match="This needs matplotlib"):
        plot(random_roll(3))


def test_a_file_is_no_axes():
    with pytest.raises(InvalidValue, match="To save it"):
        plot(random_roll(4), "roll.png")
