"""A headless browser, for tests of pages."""

import html.parser
import json
import shutil
import subprocess
import tempfile

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--virtual-time-budget=20000", "--dump-dom"),
]


class Element(html.parser.HTMLParser):
    """The text of the element with an id, and its attributes."""

    def __init__(self, page, id_):
        super().__init__()
        self.text, self.attributes, self._id, self._depth = "", {}, id_, 0
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if self._depth or ("id", self._id) in attrs:
            self.attributes = self.attributes or dict(attrs)
            self._depth += tag not in ("meta", "input", "br", "hr", "link")

    def handle_endtag(self, tag):
        self._depth -= self._depth > 0

    def handle_data(self, data):
        self.text += data * (self._depth > 0)


def opened(path, fragment=""):
    """Return the page at a path after its scripts have run; skip the test without a browser."""
    browser = next(filter(None, map(shutil.which, NAMES)), None)
    if browser is None:
        pytest.skip("needs a browser")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [browser, *FLAGS, f"--user-data-dir={profile}", f"{path.as_uri()}#{fragment}"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120, encoding="utf-8").stdout


def value_of(script, tmp_path):
    """Return the result of a JavaScript function body, passed as JSON."""
    page = tmp_path / "script.html"
    page.write_text(
        f'<!doctype html><meta charset="utf-8"><pre id="result">it failed</pre>'
        f"<script>function body() {{ {script} }}\n"
        'document.getElementById("result").textContent = JSON.stringify(body());</script>',
        encoding="utf-8",
    )
    return json.loads(Element(opened(page), "result").text)
