"""How much memory reading a file may take, decided from its size and headers before anything is parsed."""

from __future__ import annotations

from pathlib import Path

from charrnn.errors import TooLarge

MEMORY = 1_000_000_000  # bytes

_VALUE = 90  # bytes that Python takes for a value of JSON besides its text: the object and its place in a list or dict


def json_memory(content: bytes) -> int:
    """Return about how many bytes the values of a JSON text take, at most.

    >>> json_memory(b"[1, 2]"), json_memory(b"[[],[],[]]") > 30 * len(b"[[],[],[]]")
    (282, True)
    """
    values = 1 + sum(map(content.count, (b",", b":", b"[", b"{")))
    return 2 * len(content) + _VALUE * values


def require_memory(path: Path, needed: int, allowed: int) -> None:
    """Raise TooLarge if reading `path` takes more memory than is allowed (both in bytes)."""
    if needed > allowed:
        raise TooLarge(
            f"{path} would take about {needed / 1e6:,.0f} MB of memory, and {allowed / 1e6:,.0f} MB are allowed. "
            "If you trust it, allow more: max_memory, in bytes."
        )
