"""Measure how fast texts are encoded, and the memory that encoding takes beyond that of the interpreter.

    python benchmarks/encoding.py [MEGABYTES]

Each kind of text is written to a temporary file of that size (300 MB by default) and encoded in a fresh process. The
time is the whole waiting time: detecting the encoding, counting, checksums, writing and syncing the symbols.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from charrnn.data.builtin.corpora import pydoc_topics
from charrnn.data.text.corpus import encode
from charrnn.data.text.source import TextSource

MB = 1_000_000


def random_text(alphabet: str, newline: str = "\n") -> str:
    """Return a million random characters, a sixth of them spaces, in lines of some 80."""
    drawn = np.random.default_rng(0).choice([*alphabet] + [" "] * (len(alphabet) // 6), size=1_000_000)
    return newline.join("".join(line) for line in drawn.reshape(-1, 80))


def kinds() -> dict[str, bytes]:
    """Return a megabyte or so of each kind of text."""
    english, russian = pydoc_topics(), random_text("".join(map(chr, range(0x430, 0x450))))
    chinese = random_text("".join(map(chr, range(0x4E00, 0x4E00 + 5000))))
    return {
        "English, ASCII": english.encode("ascii", "ignore"),
        "English, CRLF": english.replace("\n", "\r\n").encode(),
        "Russian, UTF-8": russian.encode(),
        "Russian, cp1251": russian.encode("cp1251"),
        "Chinese, UTF-8": chinese.encode(),
    }


def peak_memory() -> float:
    """Return the most memory (MB) that this process has had so far, from Linux's own record."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / MB


def measure(path: Path) -> tuple[float, float]:
    """Return the time (s) and the memory (MB beyond the baseline) of encoding a file."""
    before, start = peak_memory(), time.perf_counter()
    encode(TextSource.open(path), path.parent)
    return time.perf_counter() - start, peak_memory() - before


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("megabytes", type=int, nargs="?", default=300, help="size of each file")
    megabytes = parser.parse_args().megabytes
    print(f"{'text':20} {'MB/s':>6} {'memory, MB':>11}")
    for kind, sample in kinds().items():
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "text.txt"
            with path.open("wb") as file:
                while file.tell() < megabytes * MB:
                    file.write(sample)
                os.fsync(file.fileno())  # so that the measurement does not wait for this file
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh_process:
                seconds, memory = fresh_process.submit(measure, path).result()
            print(f"{kind:20} {path.stat().st_size / MB / seconds:6.0f} {memory:11.0f}", flush=True)


if __name__ == "__main__":
    main()
