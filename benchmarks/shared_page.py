"""Measure how fast a shared model writes in a browser, and the size of its page.

    python -m benchmarks.shared_page [LAYERSxSIZE ...]

Needs chromium, and chromedriver, which drives the page in real time.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.report import MarkdownTable, print_environment
from charrnn import ModelState, corpora

PORT = 9533
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-sync", "--no-first-run"]
CHARACTERS, TURNS = 1500, 5
WRITE = f"""
    const model = loadModel(JSON.parse(byId("model").textContent), byId("weights").textContent);
    const writer = new Writer(model, {{ prompt: "The ", seed: 7, temperature: 0.5 }});
    for (let i = 0; i < 200; i++) writer.next();
    const start = performance.now();
    for (let i = 0; i < {CHARACTERS}; i++) writer.next();
    return 1000 * {CHARACTERS} / (performance.now() - start);
"""


@contextlib.contextmanager
def browser() -> Iterator[Callable[..., Any]]:
    """Yield a function that sends a WebDriver command and returns its value."""

    def send(method: str, path: str, **body: Any) -> Any:
        data = json.dumps(body).encode() if method == "POST" else None
        request = urllib.request.Request(f"http://127.0.0.1:{PORT}{path}", data, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)["value"]

    driver = subprocess.Popen(["chromedriver", f"--port={PORT}"], stdout=subprocess.DEVNULL)
    try:
        time.sleep(2)
        options = {"goog:chromeOptions": {"args": FLAGS}}
        session = f"/session/{send('POST', '/session', capabilities={'alwaysMatch': options})['sessionId']}"
        yield lambda method, path, **body: send(method, session + path, **body)
        send("DELETE", session)
    finally:
        driver.terminate()


def main() -> None:
    print_environment()
    table = MarkdownTable("model", "parameters", "page, MB", "characters/s, median", "best")
    with browser() as send:
        for size in sys.argv[1:] or ["1x128", "2x128", "2x256", "2x512"]:
            layers, state_size = map(int, size.split("x"))
            with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(None):
                source, usedir = corpora.path("pydoc"), Path(folder, "model")
                ms = ModelState.initfromsrcfile(source, usedir, layers=layers, state_size=state_size)
                page = ms.share(Path(folder, "page.html"))
                send("POST", "/url", url=page.as_uri())
                rates = sorted(send("POST", "/execute/sync", script=WRITE, args=[]) for _ in range(TURNS))
                megabytes = page.stat().st_size / 1e6
            table.row(f"GRUEncode {size}", f"{ms.num_parameters:,}", megabytes, rates[TURNS // 2], rates[-1])


if __name__ == "__main__":
    main()
