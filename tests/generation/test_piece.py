import base64
import copy
import re
import wave

import numpy as np
import pytest

from charrnn.data.music.midirolls import read_rolls
from charrnn.errors import InvalidValue, SaveFailed, SourceNotFound, SourceUnusable
from charrnn.generation.piece import Piece

FRAMES = [[60, 64], [60, 64], [62], [], [65, 69]]


def test_save_and_open(tmp_path):
    pytest.importorskip("mido")
    piece = Piece.from_pitches(FRAMES, dt=0.3, prompt_len=2)
    path = piece.save(tmp_path / "x.mid")
    assert path == tmp_path / "x.mid"
    back = Piece.open(path, dt=0.3)
    np.testing.assert_array_equal(back.frames, piece.frames)
    (roll,), _ = read_rolls(piece.save(str(tmp_path / "y.MIDI")), dt=0.3)
    np.testing.assert_array_equal(roll.frames, piece.frames)


def test_what_cannot_be_saved_or_opened(tmp_path):
    pytest.importorskip("mido")
    piece = Piece.from_pitches(FRAMES)
    with pytest.raises(InvalidValue, match=r"an ending in \.mid\. For sound use piece\.wav\(path\)"):
        piece.save(tmp_path / "x.wav")
    with pytest.raises(InvalidValue, match=r"an ending in \.mid\.$"):
        piece.save(tmp_path / "x")
    for write in (piece.save, piece.wav):
        with pytest.raises(SaveFailed, match="failed"):
            write(tmp_path / "none" / "x.mid")
    assert not list(tmp_path.iterdir())
    (tmp_path / "bad.mid").write_bytes(b"MThd")
    with pytest.raises(SourceUnusable, match=r"bad\.mid cannot be read: it is damaged"):
        Piece.open(tmp_path / "bad.mid")
    with pytest.raises(SourceNotFound):
        Piece.open(tmp_path / "none.mid")


def test_wav(tmp_path):
    path = Piece.from_pitches(FRAMES).wav(tmp_path / "x.wav", rate=8000)
    with wave.open(str(path)) as file:
        assert file.getnframes() == round((5 * 0.25 + 0.12) * 8000)


def test_repr(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    piece = Piece.from_pitches(FRAMES, prompt_len=3, log_likelihood=-9.0)
    first, *roll = repr(piece).splitlines()
    assert first == "5 frames of 0.25 s, 5 notes from C4 to A4; prompt: 3 frames; 4.50 nats per frame"
    assert len(roll) == 7
    assert "silence" in repr(Piece(np.zeros((2, 88))))
    assert "silence" in repr(Piece(np.zeros((0, 88))))


def test_in_a_notebook():
    piece = Piece.from_pitches(FRAMES)
    html = piece._repr_html_()
    assert html.count("<rect") == 6
    (sound,) = re.findall(r'src="data:audio/wav;base64,(.*?)"', html)
    assert base64.b64decode(sound)[:4] == b"RIFF"
    assert "<audio" not in Piece.from_pitches([[60]] * 2, dt=31)._repr_html_()
    assert "<audio" in piece.play()._repr_html_()


def test_plot():
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib import pyplot

    ax = Piece.from_pitches(FRAMES, prompt_len=2).plot()
    assert ax.get_xlabel() == "seconds"
    assert len(ax.lines) == 1
    pyplot.close("all")


def test_copies_keep_everything():
    piece = Piece.from_pitches(FRAMES, prompt_len=2, rng_seed=7, state=np.ones((1, 3)))
    again = copy.deepcopy(piece)
    assert (again.prompt_len, again.rng_seed, again.state.shape) == (2, 7, (1, 3))
    np.testing.assert_array_equal(again.frames, piece.frames)
