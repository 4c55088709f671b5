"""The one place that decides what a source is: what is said of it first, else what it looks like."""

from pathlib import Path

import numpy as np
import pytest

from charrnn.data.documents.options import DocumentOptions
from charrnn.data.music.options import MusicOptions
from charrnn.data.recognise import recognise
from charrnn.data.text.source import ReadOptions
from charrnn.errors import InvalidValue, SourceNotFound, SourceUnusable, UnknownName
from tests.data.smf import off, on, smf

PIECE = smf([on(0, 60), off(96, 60), on(0, 64), off(96, 64)])


@pytest.fixture
def mixed(tmp_path):
    """A folder of five MIDI files and six others."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    for n in range(5):
        (folder / f"{n}.mid").write_bytes(PIECE)
    for n in range(6):
        (folder / f"{n}.txt").write_text(f"a text, number {n}\n")
    return folder


def source_of(given, options=None, music=None, musical=()):
    return recognise(given, ReadOptions(), options or DocumentOptions(), music or MusicOptions(), musical)


def kind_of(given, **options):
    return source_of(given, DocumentOptions(**options)).corpus.kind


def encoded(given, directory, **options):
    directory.mkdir()
    return source_of(given, DocumentOptions(**options)).encode(directory, 10, 0.9)[0]


def test_what_is_said_decides_what_a_folder_is(mixed):
    assert kind_of(mixed, kind="music") == "music"
    assert kind_of(mixed, kind="text") == kind_of(mixed, documents=False) == "text"
    assert kind_of(mixed, kind="documents") == kind_of(mixed, documents=True) == "documents"
    assert kind_of(mixed, labels="author") == "documents"
    for music in ({"transpose": 2}, {"pedal": False}, {"dt": 0.3}, {"beats": 1.0}, {"onsets": True}):
        assert source_of(mixed, music=MusicOptions(**music)).corpus.kind == "music"
    assert source_of(mixed, musical=["preset='piano'"]).corpus.kind == "music"


def test_else_a_folder_is_what_most_of_its_files_are_and_that_is_told(mixed, tmp_path):
    text = encoded(mixed, tmp_path / "a")
    assert text.kind == "documents"
    assert "5 of 11 files are MIDI files, so the folder is read as documents; kind='music' takes" in text.summary()
    for n in range(2):
        (mixed / f"{n}.txt").unlink()
    music = encoded(mixed, tmp_path / "b")
    assert (music.kind, music.pieces) == ("music", 5)
    assert "5 of 9 files are MIDI files, so the folder is read as music; kind='documents' takes" in music.summary()
    assert "so the folder" not in encoded(mixed, tmp_path / "c", kind="documents").summary()
    assert "Passed over 4 files that are not MIDI." in encoded(mixed, tmp_path / "d", kind="music").notes


def test_options_of_two_kinds_are_refused(mixed):
    for options, music in [
        ({"labels": "author"}, {"dt": 0.3}),
        ({"kind": "text"}, {"transpose": 2}),
        ({"kind": "csv"}, {"beats": 1.0}),
        ({"documents": True}, {"onsets": True}),
        ({"kind": "music", "only": {"a": "b"}}, {}),
        ({"kind": "music", "documents": False}, {}),
    ]:
        with pytest.raises(InvalidValue, match=r"for music, and .* about texts: leave one out"):
            source_of(mixed, DocumentOptions(**options), MusicOptions(**music))
    for options in ({"text": 0}, {"kind": "documents"}, {"kind": "csv"}):
        with pytest.raises(InvalidValue, match=r"documents=False, yet .*: leave one out"):
            kind_of("a.txt", documents=False, **options)
    with pytest.raises(UnknownName, match="kind='musik': expected 'text', 'documents', 'music'"):
        DocumentOptions(kind="musik")


def test_options_of_music_for_what_is_no_music_are_refused(mixed, tmp_path):
    (tmp_path / "none").mkdir()
    for given, name in [(mixed / "1.txt", r".*1\.txt"), (tmp_path / "none", ".*none"), (["a poem"], "a list of 1")]:
        with pytest.raises(InvalidValue, match=f"transpose is for music, which {name} is not"):
            source_of(given, music=MusicOptions(transpose=2))
    with pytest.raises(InvalidValue, match="head='nade' is for music"):
        source_of(mixed / "1.txt", musical=["head='nade'"])
    with pytest.raises(InvalidValue, match="is music, but labels is about documents"):
        source_of(mixed / "1.mid", DocumentOptions(labels="author"))
    with pytest.raises(SourceNotFound):
        source_of(tmp_path / "chorales", music=MusicOptions(transpose=2)).open()


@pytest.mark.parametrize("given", ["", " ", "x" * 5000, "Tyger Tyger,\nburning bright\n" * 50])
@pytest.mark.parametrize("options", [{}, {"documents": True}, {"kind": "text"}, {"kind": "csv"}, {"kind": "music"}])
def test_texts_and_nothing_are_not_paths(given, options):
    with pytest.raises((InvalidValue, SourceUnusable), match="not a path"):
        kind_of(given, **options)


def test_bytes_and_empty_lists_are_refused(tmp_path):
    with pytest.raises(InvalidValue, match="is of bytes"):
        kind_of(b"alice.txt")
    for nothing in ([], (), tmp_path.glob("*.txt")):
        with pytest.raises(SourceUnusable, match="A glob may have matched nothing"):
            kind_of(nothing)


def test_lists_of_files_are_those_files_in_their_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.txt", "b.txt"):
        Path(name).write_text(f"the text of {name}\n" * 9)
    files = ["b.txt", "a.txt"]
    assert encoded(files, tmp_path / "c").documents == 2
    for number, globbed in enumerate(
        (Path().glob("?.txt"), tuple(files), map(Path, files), sorted(Path().glob("?.*")))
    ):
        assert encoded(globbed, tmp_path / f"d{number}").documents == 2
    for number, options in enumerate(({"documents": False}, {"kind": "text"})):
        text = encoded(files, tmp_path / f"e{number}", **options)
        whole = "the text of b.txt\n" * 9 + "the text of a.txt\n" * 9
        np.testing.assert_array_equal(np.load(tmp_path / f"e{number}" / "symbols.npy"), text.charset.indices(whole))
    for name in ("a.mid", "b.mid"):
        Path(name).write_bytes(PIECE)
    assert encoded(["a.mid", "b.mid"], tmp_path / "f").pieces == 2
    assert encoded(Path().glob("*.mid"), tmp_path / "g").pieces == 2
    for options in ({}, {"kind": "music"}, {"documents": False}):
        with pytest.raises(SourceUnusable, match=r"holds music, such as b\.mid, and other files"):
            kind_of(["a.txt", "b.mid"], **options)
    with pytest.raises(SourceUnusable, match=r"and c\.txt is not: give paths only, or texts only"):
        source_of(["a.txt", "c.txt"]).open()
    with pytest.raises(SourceNotFound, match=r"no file c\.txt, d\.txt"):
        source_of(["c.txt", "d.txt"]).open()


def test_a_folder_may_be_one_text_without_the_models_in_it(mixed, tmp_path):
    model = mixed / "sub" / "model"
    model.mkdir(parents=True)
    (model / "model.json").write_text("{}")
    (model / "notes.txt").write_text("not to be learned")
    text = encoded(mixed, tmp_path / "a", documents=False)
    assert text.length == 6 * len("a text, number 0\n")
    assert "Passed over a working directory of models." in text.notes
    assert encoded(mixed, tmp_path / "b").documents == 6
    assert encoded(mixed, tmp_path / "c", kind="music").pieces == 5
    with pytest.raises(SourceUnusable, match="is a model's working directory"):
        source_of(model).open()
