"""On a terminal one line rewrites itself; elsewhere plain lines come now and then, with rate and time to go."""

import io
import sys

import pytest

from charrnn.training.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_plain_lines_tell_rate_and_time_to_go(monkeypatch, capsys):
    monkeypatch.setattr(Progress, "PLAIN_EVERY", 0.0)
    with Progress("round 1/2", total=1234, characters=10) as progress:
        progress.advance("loss 2.345")
    line = capsys.readouterr().out
    assert line.startswith("round 1/2: 1 of 1,234 batches, loss 2.345, ")
    assert line.count("\n") == 1
    assert "characters/s" in line
    assert "to go" in line


def test_quick_work_is_silent_off_terminal(capsys):
    with Progress("round 1/1", total=2, characters=10) as progress:
        progress.advance()
        progress.advance()
    assert capsys.readouterr().out == ""


def test_a_terminal_gets_a_line_that_can_go_back(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    with Progress("round 1/1", total=4, characters=10) as progress:
        progress.advance("loss 1.5", to=3)
        progress.advance("loss 1.5", to=1)
        progress.write("A sample.")
    shown = sys.stdout.getvalue()
    assert "round 1/1" in shown
    assert "A sample.\n" in shown


@pytest.mark.parametrize("text", ["", "two\nlines", "日本"])
def test_written_text_stays(capsys, text):
    with Progress("x", total=1, characters=1) as progress:
        progress.write(text)
    assert capsys.readouterr().out == text + "\n"
