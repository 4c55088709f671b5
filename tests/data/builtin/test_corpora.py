import hashlib
import http.server
import pydoc_data.topics
import threading

import numpy as np
import pytest

from charrnn.data.builtin import chorales, corpora, verse
from charrnn.data.documents.source import Documents
from charrnn.data.music.source import Pieces, is_music
from charrnn.errors import DownloadFailed, UnknownName

CONTENT = b"First Citizen:\nBefore we proceed any further, hear me speak.\n"
PIECES = "3a16418f6275ef922d048d89502e643dcb8b2528f0ccb7ee26f0b43f1c2fdf9c"
VERSE = "7f36318ff496366e6e5df8da1337f7691fe8fdd91bd0bab2fa3055354466b60c"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    return tmp_path / "charrnn" / "corpora"


@pytest.fixture
def requests_served(monkeypatch):
    """Serve CONTENT on this machine under any name; the list fills with what was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT)

        def log_message(self, *args):
            pass

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.01]).start()
        url = f"http://127.0.0.1:{server.server_port}/input.txt"
        monkeypatch.setitem(corpora.DOWNLOADS, "good", corpora.Download(url, hashlib.sha256(CONTENT).hexdigest()))
        monkeypatch.setitem(corpora.DOWNLOADS, "forged", corpora.Download(url, "0" * 64))
        yield asked
        server.shutdown()


def test_the_tale():
    path = corpora.path("tale")
    text = path.read_text(encoding="utf-8")
    assert text == corpora.tale()
    assert 100_000 <= len(text) <= 150_000
    assert len(set(text)) <= 80
    paragraphs = text.split("\n\n")
    long = [paragraph for paragraph in paragraphs if len(paragraph) > 200]
    assert len(long) == len(set(long))
    assert max(map(len, text.splitlines())) <= 76


def test_language_reference():
    text = corpora.pydoc_topics()
    assert text == corpora.pydoc_topics()
    assert len(text) > 300_000
    prose = [line for topic in pydoc_data.topics.topics.values() for line in topic.split("\n") if line[:1].isalpha()]
    assert all(line in text for line in prose)
    assert not any(line.lstrip().startswith(("|", "+")) for line in text.split("\n"))
    assert "\r" not in text
    assert text.endswith("\n")


def test_language_reference_as_a_file(cache):
    path = corpora.path("pydoc")
    assert path.read_bytes().decode("utf-8") == corpora.pydoc_topics()
    assert path.parent == cache
    path.write_text("spoiled")
    assert corpora.path("pydoc").read_text(encoding="utf-8") == corpora.pydoc_topics()
    assert list(cache.iterdir()) == [path]


def test_verse_is_read_as_it_was_written():
    documents = Documents.open(corpora.path("verse"), labels="voice")
    assert list(documents) == verse.poems()
    assert documents.label_counts["voice"] == {"almanac": 100, "keeper": 100, "nursery": 100, "oracle": 100}
    assert len({item.text for item in documents}) == 400
    assert [note for note in documents.notes if "Left out" in note] == []


def test_verse_is_the_same_everywhere():
    assert hashlib.sha256(corpora.verse_csv().encode()).hexdigest() == VERSE


def test_voices_are_told_apart_by_form():
    by_voice = {voice: [item.text for item in verse.poems() if item.labels["voice"] == voice] for voice in verse.VOICES}
    assert all(text.startswith("In ") and text.count("\n") == 3 for text in by_voice["almanac"])
    assert all(text == text.lower() and text.count(" / ") == 2 for text in by_voice["keeper"])
    assert all(text.startswith("One for the ") and "\nFour for the " in text for text in by_voice["nursery"])
    assert all(text.startswith("O ") and " -- for " in text for text in by_voice["oracle"])


def test_pieces_are_read_as_they_were_composed():
    path = corpora.path("pieces")
    pieces = Pieces.open(path)
    assert is_music(path)
    assert (pieces.parts, pieces.dt, pieces.beats) == ({"train": 48, "valid": 6, "test": 6}, 0.3, 0.5)
    assert pieces.notes == []
    read = [[tuple(np.flatnonzero(frame) + 21) for frame in roll.frames] for roll in pieces.rolls("test")]
    assert read == chorales.divided()["test"]


def test_pieces_are_the_same_everywhere():
    assert hashlib.sha256(corpora.pieces_json().encode()).hexdigest() == PIECES
    assert 20_000 < len(corpora.pieces_json()) < 60_000


def test_download_is_kept(requests_served):
    assert corpora.path("good").read_bytes() == CONTENT
    assert corpora.path("good").read_bytes() == CONTENT
    assert len(requests_served) == 1


def test_forged_download_is_refused(requests_served, cache):
    with pytest.raises(DownloadFailed, match="hash"):
        corpora.path("forged")
    assert list(cache.iterdir()) == []


def test_off_line(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setitem(corpora.DOWNLOADS, "far", corpora.Download("http://127.0.0.1:9/away.txt", "0" * 64))
    there = "Without a network there are pieces, pydoc, tale, verse"
    with pytest.raises(DownloadFailed, match=rf"away\.txt could not be fetched.*put the file at.*{there}"):
        corpora.path("far")


def test_names():
    assert {"pydoc", "tinyshakespeare"} <= set(corpora.names())
    with pytest.raises(UnknownName, match="Did you mean: tinyshakespeare"):
        corpora.path("tinyshakespear")
