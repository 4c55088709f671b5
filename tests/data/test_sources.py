from pathlib import Path

import numpy as np
import pytest

from charrnn.data.sources import DocumentOptions, MusicOptions, encode_source, holds_documents, holds_music
from charrnn.data.text.source import ReadOptions
from charrnn.errors import InvalidValue, SourceUnusable
from tests.data.smf import off, on, smf

PIECE = smf([on(0, 60), off(96, 60), on(0, 64), off(96, 64)])


@pytest.fixture
def mixed(tmp_path):
    """A folder of five MIDI files and six others."""
    for n in range(5):
        (tmp_path / f"{n}.mid").write_bytes(PIECE)
    for n in range(6):
        (tmp_path / f"{n}.txt").write_text(f"a text, number {n}\n")
    return tmp_path


def encoded(source, directory, reading=None, options=None, music=None):
    directory.mkdir(exist_ok=True)
    options, music = options or DocumentOptions(), music or MusicOptions()
    return encode_source(source, directory, 10, 0.9, 0, 0, reading or ReadOptions(), options, music)[0]


def test_what_is_said_decides_what_a_folder_is_and_else_most_of_its_files(mixed):
    assert not holds_music(mixed, DocumentOptions(), MusicOptions())
    assert holds_music(mixed, DocumentOptions(kind="music"), MusicOptions())
    for music in (MusicOptions(transpose=2), MusicOptions(pedal=False), MusicOptions(dt=0.3)):
        assert holds_music(mixed, DocumentOptions(), music)
    (mixed / "0.txt").unlink()
    assert holds_music(mixed, DocumentOptions(), MusicOptions())
    for options in (DocumentOptions(documents=True), DocumentOptions(labels="author")):
        assert not holds_music(mixed, options, MusicOptions())
    with pytest.raises(InvalidValue, match="is music, but labels is about documents"):
        holds_music(mixed / "1.mid", DocumentOptions(labels="author"), MusicOptions())
    with pytest.raises(InvalidValue, match="only is about documents"):
        holds_music(mixed, DocumentOptions(kind="music", only={"a": "b"}), MusicOptions())
    with pytest.raises(InvalidValue, match=r"are for music, which .*1\.txt is not"):
        holds_music(mixed / "1.txt", DocumentOptions(), MusicOptions(transpose=2))


def test_both_readings_of_a_folder_say_what_they_left(mixed, tmp_path_factory):
    place = tmp_path_factory.mktemp("data")
    assert "5 of 11 files are MIDI files, which are not learned as texts." in encoded(mixed, place / "a").notes
    music = encoded(mixed, place / "b", options=DocumentOptions(kind="music"))
    assert music.pieces == 5
    assert "Passed over 6 files that are not MIDI." in music.notes


@pytest.mark.parametrize("source", ["", "x" * 5000, "Tyger Tyger,\nburning bright\n" * 50])
def test_texts_and_nothing_are_not_paths(source, tmp_path):
    with pytest.raises((InvalidValue, SourceUnusable), match="not a path"):
        encoded(source, tmp_path)


def test_lists_of_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.txt", "b.txt"):
        Path(name).write_text(f"the text of {name}\n" * 9)
    files = ["b.txt", "a.txt"]
    assert holds_documents(files, DocumentOptions())
    assert encoded(files, tmp_path / "c").documents == 2
    assert encoded(Path().glob("?.txt"), tmp_path / "d").documents == 2
    text = encoded(files, tmp_path / "e", options=DocumentOptions(documents=False))
    assert text.length == 2 * 9 * len("the text of a.txt\n")
    np.testing.assert_array_equal(
        np.load(tmp_path / "e" / "symbols.npy"),
        text.charset.indices("the text of b.txt\n" * 9 + "the text of a.txt\n" * 9),
    )
    for name in ("a.mid", "b.mid"):
        Path(name).write_bytes(PIECE)
    assert encoded(["a.mid", "b.mid"], tmp_path / "f").pieces == 2


def test_a_folder_without_documents_is_one_text(mixed, tmp_path_factory):
    place = tmp_path_factory.mktemp("data")
    text = encoded(mixed, place, options=DocumentOptions(documents=False))
    assert text.length == 6 * len("a text, number 0\n")
