"""Print the environment of a benchmark, and a Markdown table for RESULTS.md."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
from pathlib import Path

import threadpoolctl

PACKAGES = ("charrnn-workbench", "pytensor", "numpy", "scipy", "llvmlite", "jax", "torch", "keras")


class MarkdownTable:
    """A table that is printed row by row, as measurements come in."""

    def __init__(self, *columns: str) -> None:
        self._widths = [max(len(column), 24 if i == 0 else 6) for i, column in enumerate(columns)]
        self.row(*columns)
        print(
            "|" + "|".join("-" * (width + 1) + ("-" if i == 0 else ":") for i, width in enumerate(self._widths)) + "|"
        )

    def row(self, *cells: str | float | None) -> None:
        """Print a row; numbers show about three digits, None stays empty."""
        texts = [
            _text(cell).ljust(width) if i == 0 else _text(cell).rjust(width)
            for i, (cell, width) in enumerate(zip(cells, self._widths, strict=True))
        ]
        print("| " + " | ".join(texts) + " |", flush=True)


def _text(cell: str | float | None) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):
        digits = 0 if abs(cell) >= 100 else 1 if abs(cell) >= 10 else 2
        return f"{cell:,.{digits}f}"
    return str(cell)


def print_environment() -> None:
    """Print the date, the processor and the versions in use."""
    print(f"{datetime.date.today()}; {_processor()}, {os.cpu_count()} cores; {platform.system()}")
    print(", ".join([f"Python {platform.python_version()}", *_versions(), *_blas()]), end="\n\n", flush=True)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        facts = dict(line.replace("\t", "").split(":", 1) for line in lines if ":" in line)
        family = f"family {facts['cpu family'].strip()}, model {facts['model'].strip()}"
        return f"{facts['model name'].strip()} ({family}{', AVX-512' if 'avx512f' in facts['flags'] else ''})"
    except (OSError, KeyError):
        return platform.processor()


def _versions() -> list[str]:
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _blas() -> list[str]:
    pools = threadpoolctl.threadpool_info()
    return [f"{pool['internal_api']} {pool['version']}" for pool in pools if pool["user_api"] == "blas"]
