"""One line that fits where it is shown, and is shown seldom enough; off terminals, plain lines now and then."""

import io
import sys

import pytest

from charrnn.training import screen
from charrnn.training.progress import Moment, Progress

MOMENT = Moment(grad_norm=12.34, learnrate=0.001, epochs=2.25, seconds_left=83.0)


class TerminalFile(io.StringIO):
    def isatty(self):
        return True


def at_once(monkeypatch):
    for kind in (screen.Terminal, screen.Plain, screen.Notebook):
        monkeypatch.setattr(kind, "REFRESH", 0.0)


@pytest.fixture
def terminal(monkeypatch):
    """Return a function that makes standard output a terminal, which pytest lets it be only within a test."""

    def begin():
        at_once(monkeypatch)
        monkeypatch.setattr(sys, "stdout", TerminalFile())
        return sys.stdout

    return begin


def test_plain_lines_tell_losses_rate_and_time_to_go(monkeypatch, capsys):
    at_once(monkeypatch)
    with Progress("round 1/2", 1234, 10, valid_loss=1.75) as progress:
        progress.advance(617, 1.5, lambda: MOMENT)
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    pieces = line.rstrip("\n").split("  ")
    assert pieces[:4] == ["round 1/2 50%", "epoch 2.25", "train 1.500", "valid 1.750"]
    assert pieces[4] == "2.16/2.52 bits"  # divided by ln 2
    assert pieces[5].endswith(" chars/s")
    assert pieces[6:] == ["01:23 left", "rate 0.001", "grad 12.3"]


@pytest.mark.parametrize("width", [8, 20, 39, 40, 79, 80, 119, 120])
def test_a_line_fits_and_never_loses_its_beginning(width):
    progress = Progress("round 10/12", 4, 10, valid_loss=1.75, verbose=0)
    progress.advance(1, 1.5, lambda: MOMENT)
    line = progress.line(width)
    assert len(line) <= width
    assert ("round 10/12 25%" in line) == (width >= 15)
    assert ("01:23 left" in line) == (width >= 40)
    assert ("valid 1.750" in line) == (width >= 79)
    assert ("grad" in line) == (width >= 119)


def test_a_narrow_terminal_never_gets_a_line_that_breaks(monkeypatch, terminal):
    monkeypatch.setenv("COLUMNS", "40")
    out = terminal()
    with Progress("round 1/1", 4, 10, valid_loss=1.75) as progress:
        for done in (1, 2, 1, 4):
            progress.advance(done, 1.5, lambda: MOMENT)
        progress.validating()
    lines = out.getvalue().replace("\n", "\r").split("\r")
    assert max(map(len, lines)) <= 39
    assert "round 1/1 100%  train 1.500  01:23 left" in lines
    assert any(line.rstrip() == "round 1/1: validating" for line in lines)
    assert "\x1b[3" not in out.getvalue()  # no colour


def test_quick_work_is_silent_off_terminal(capsys):
    with Progress("round 1/1", 2, 10) as progress:
        progress.advance(1, 1.5, lambda: MOMENT)
        progress.advance(2, 1.5, lambda: MOMENT)
    assert capsys.readouterr().out == ""


def test_the_loss_is_the_mean_of_the_last_steps_that_were_not_undone():
    progress = Progress("", 1000, 10, verbose=0)
    for done in range(1, 301):
        progress.advance(done, float(done), lambda: MOMENT)
    assert progress.loss == pytest.approx(250.5)
    progress.advance(201, 7.0, lambda: MOMENT)
    assert progress.loss == 7


def test_what_is_not_shown_is_not_computed(monkeypatch, capsys):
    with Progress("round 1/1", 9, 10) as progress:
        progress.advance(1, 1.5, lambda: pytest.fail("computed"))
        at_once(monkeypatch)
        progress.advance(2, 1.5, lambda: MOMENT)
    assert "grad 12.3" in capsys.readouterr().out


def test_what_is_not_known_is_left_out():
    progress = Progress("round 1", 4, 10, verbose=0)
    assert progress.line(80) == "round 1"
    progress.advance(1, 1.5, lambda: Moment(1.0, 0.001, 0.5, float("inf")))
    line = progress.line(200)
    assert "left" not in line
    assert "valid" not in line
    assert "2.16 bits" in line


@pytest.mark.parametrize("text", ["", "two\nlines", "日本"])
@pytest.mark.parametrize("verbose", [1, 2])
def test_written_text_stays(capsys, text, verbose):
    with Progress("x", 1, 1, verbose=verbose) as progress:
        progress.write(text)
    assert capsys.readouterr().out == text + "\n"


def test_written_text_stays_on_a_terminal(terminal):
    out = terminal()
    with Progress("x", 1, 1) as progress:
        progress.advance(1, 1.5, lambda: MOMENT)
        progress.write("A sample.")
    assert "A sample.\n" in out.getvalue()


def test_silence(terminal):
    out = terminal()
    with Progress("x", 1, 1, verbose=0) as progress:
        progress.advance(1, 1.5, lambda: MOMENT)
        progress.write("A sample.")
        progress.validating()
    assert out.getvalue() == ""


def test_a_notebook_gets_one_output_that_is_replaced(monkeypatch):
    at_once(monkeypatch)
    sent = []
    monkeypatch.setattr(screen, "in_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda *data, **options: sent.append((data, options)))
    monkeypatch.setattr("IPython.core.display_functions.display", lambda *data, **options: sent.append((data, options)))
    with Progress("x", 4, 1) as progress:
        progress.advance(1, 1.5, lambda: MOMENT)
        progress.advance(2, 1.5, lambda: MOMENT)
    (first, options), (second, more), (last, _) = sent
    assert first[0]["text/plain"].startswith("x 25%")
    assert second[0]["text/plain"].startswith("x 50%")
    assert last[0]["text/plain"].startswith("x 50%")
    assert options["display_id"] == more["display_id"]
    assert more["update"] is True


def test_a_terminal_is_no_notebook():
    assert not screen.in_notebook()
