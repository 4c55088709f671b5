import hashlib
import http.server
import pydoc_data.topics
import threading

import pytest

from charrnn import corpora
from charrnn.errors import DownloadFailed, UnknownName

CONTENT = b"First Citizen:\nBefore we proceed any further, hear me speak.\n"


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
    with pytest.raises(DownloadFailed, match=r"away\.txt could not be fetched.*put the file at"):
        corpora.path("far")


def test_names():
    assert {"pydoc", "tinyshakespeare"} <= set(corpora.names())
    with pytest.raises(UnknownName, match="Did you mean: tinyshakespeare"):
        corpora.path("tinyshakespear")
