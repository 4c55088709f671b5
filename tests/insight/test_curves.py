"""The curves of training: as numbers, as a picture, as characters of any width, and live."""

import re
import sys

import numpy as np
import pytest

from charrnn.errors import InvalidValue, NotInstalled, SaveFailed
from charrnn.insight import chart, live
from charrnn.insight.curves import Curves, of_history


def curves(n=1000, validations=4, ngrams=None):
    step = np.arange(1, n + 1)
    loss = 1.5 + np.exp(-step / 100) + np.where(step % 2, 0.1, -0.1)
    valid_step = np.linspace(1, n, validations + 1)[1:].astype(int)
    valid_loss = np.array([2.0, 1.7, 1.6, 1.65])[:validations]
    return Curves(step, loss, np.full(n, 1e-3), valid_step, valid_loss, {1: 3.0, 2: 1.9} if ngrams is None else ngrams)


def test_what_is_drawn_is_what_the_history_tells():
    steps = {"step": np.array([1, 2, 3]), "loss": np.array([3.0, 2.0, 1.5]), "learnrate": np.full(3, 0.1)}
    rows = {"step": np.array([1, 2, 3]), "valid_loss": np.array([2.5, np.nan, 1.75])}
    drawn = of_history(steps, rows, {})
    assert drawn.best == (3, 1.75)
    assert drawn.valid_step.tolist() == [1, 3]
    assert drawn.best_ngram is None
    assert drawn.span == (1, 3)


@pytest.mark.parametrize("rows", [{}, {"step": np.array([1]), "valid_loss": np.array([np.nan])}])
def test_nothing_to_draw_is_said(rows):
    with pytest.raises(InvalidValue, match=r"ms\.train\(\)"):
        of_history({}, rows, {})


def test_the_training_curve_is_averaged_over_windows():
    drawn = curves(n=1000)
    steps, losses = drawn.smooth
    assert steps.tolist() == list(range(5, 1001, 5))
    np.testing.assert_allclose(losses, drawn.loss.reshape(200, 5).mean(axis=1))
    few = curves(n=3)
    np.testing.assert_allclose(few.smooth[1], few.loss)


@pytest.mark.parametrize("width", [1, 40, 57, 80, 120, 300])
def test_a_chart_is_as_wide_as_there_is_room_for(width):
    lines = curves().chart(width).splitlines()
    assert max(map(len, lines)) == min(max(width, 40), 120)
    text = "\n".join(lines)
    assert text.count("●") + text.count("★") == 4 + 2  # in the plot and in the legend
    assert "★ best 1.600 at step 750" in text
    assert "● validation 1.650" in text
    assert "┄ 2-gram 1.900" in text
    assert "1,000 steps" in text
    numbers = [float(line.split()[0]) for line in lines if "┤" in line]
    assert numbers == sorted(numbers, reverse=True)


@pytest.mark.parametrize("drawn", [curves(n=1), curves(n=0), curves(validations=0, ngrams={}), curves(n=1, ngrams={})])
def test_little_is_drawn_too(drawn):
    assert "nats per character" in repr(drawn)


def test_a_flat_line_is_at_its_height():
    flat = Curves(np.arange(1, 9), np.full(8, 2.0), np.full(8, 0.1), np.zeros(0), np.zeros(0), {})
    rows = [line[7:] for line in flat.chart(47).splitlines()[1 : chart.ROWS + 1]]
    drawn = [at for at, row in enumerate(rows) if row.strip()]
    assert drawn == [5]
    assert len(rows[5]) == 40


def test_pictures_are_made_in_each_format(tmp_path):
    pytest.importorskip("matplotlib")
    for suffix, begin in ((".png", b"\x89PNG"), (".svg", b"<?xml"), (".PDF", b"%PDF")):
        path = curves().save(tmp_path / f"c{suffix}")
        assert path.read_bytes().startswith(begin)
    for drawn in (curves(n=1), curves(n=0), curves(validations=0, ngrams={})):
        assert drawn._repr_png_().startswith(b"\x89PNG")


def test_a_picture_says_it_all_and_has_no_background(tmp_path):
    pytest.importorskip("matplotlib")
    from matplotlib.image import imread

    figure = curves().figure()
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert sorted(texts) == ["2-gram 1.900", "best 1.600", f"training {curves().smooth[1][-1]:.3f}", "validation 1.650"]
    assert figure.axes[1].get_ylabel() == "learning\nrate"
    image = imread(curves().save(tmp_path / "c.png"))
    assert image[0, 0, 3] == 0


@pytest.mark.parametrize(("last", "labels"), [(1e-3, ["0", "0.001"]), (1e-5, ["1e-05", "0.001"])])
def test_of_learning_rates_the_ends_are_labelled(last, labels):
    pytest.importorskip("matplotlib")
    drawn = curves()
    drawn.learnrate[-1] = last
    axes = drawn.figure().axes[1]
    assert [label.get_text() for label in axes.get_yticklabels()] == labels
    assert not axes.get_yticklabels(minor=True)


def test_names_of_curves_do_not_cover_each_other():
    pytest.importorskip("matplotlib")
    axes = curves(ngrams={3: 1.652, 4: 1.651, 5: 1.649}).figure().axes[0]
    heights = sorted(text.xy[1] for text in axes.texts if not text.get_text().startswith("best"))
    low, high = axes.get_ylim()
    assert min(np.diff(heights)) > 0.05 * (high - low)


def test_without_matplotlib_there_is_a_chart_and_one_line_that_helps(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert curves()._repr_png_() is None
    assert "┤" in repr(curves())
    with pytest.raises(NotInstalled, match=r"matplotlib.*pip install matplotlib .*\[notebook\]") as error:
        curves().save(tmp_path / "c.png")
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_files_of_other_kinds_are_refused(tmp_path):
    with pytest.raises(InvalidValue, match=r"\.png, \.svg or \.pdf"):
        curves().save(tmp_path / "c.jpg")
    pytest.importorskip("matplotlib")
    with pytest.raises(SaveFailed):
        curves().save(tmp_path / "nowhere" / "c.png")


# Live


class Handle:
    def __init__(self):
        self.calls = []

    def display(self, shown):
        self.calls.append(("display", shown))

    def update(self, shown):
        self.calls.append(("update", shown))


@pytest.fixture
def notebook(monkeypatch):
    handle = Handle()
    monkeypatch.setattr(live, "in_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.DisplayHandle", lambda: handle)
    return handle


def test_a_notebook_gets_one_picture_that_follows(notebook, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    plot = live.LivePlot(lambda: now[0])
    step = plot.after(lambda x: x + 1)
    for now[0] in (100.5, 101.5, 102.0, 105.0, 105.5):
        assert step(2) == 3
    assert notebook.calls == [("display", 101.5), ("update", 105.0)]
    plot.after(None, at_once=True)()
    assert len(notebook.calls) == 3


def test_drawing_takes_only_a_small_part_of_the_time(notebook, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])

    def slow():
        now[0] += 1

    plot = live.LivePlot(slow)
    step = plot.after(None)
    for _ in range(2000):
        now[0] += 0.1
        step()
    assert 3 <= len(notebook.calls) <= 6  # of 200 seconds: the first, and one in 50


def test_what_goes_wrong_with_a_picture_does_not_stop_training(notebook, capsys):
    def broken():
        raise OSError("the page is closed")

    plot = live.LivePlot(broken)
    step = plot.after(lambda: "trained", at_once=True)
    assert [step(), step()] == ["trained", "trained"]
    assert capsys.readouterr().out == "No more pictures of training: the page is closed\n"


def test_a_terminal_gets_a_chart_only_at_once(capsys):
    plot = live.LivePlot(curves)
    plot._next = 0.0
    plot.after(None)()
    assert capsys.readouterr().out == ""
    plot.after(None, at_once=True)()
    assert "┤" in capsys.readouterr().out


# At the prompt


def test_a_model_shows_its_curves(ms, tmp_path, capsys):
    with pytest.raises(InvalidValue, match="nothing to plot"):
        ms.plot()
    ms.train(num_rounds=2, train_len=3, print_every=0, verbose=0)
    drawn = ms.plot()
    assert drawn.step.tolist() == [1, 2, 3, 4, 5, 6]
    assert drawn.valid_step.tolist() == [3, 6]
    assert sorted(drawn.ngrams) == [1, 2, 3, 4, 5]
    assert re.search(r"\d-gram", repr(drawn))
    capsys.readouterr()
    ms.train(train_len=2, verbose=0, plot=True)
    assert "8 steps" in capsys.readouterr().out
    pytest.importorskip("matplotlib")
    assert ms.plot(tmp_path / "c.png").step[-1] == 8
    assert (tmp_path / "c.png").exists()
