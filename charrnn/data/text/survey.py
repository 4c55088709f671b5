"""One pass over a text: how often each character occurs, which ones begin lines, how long it is."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np

CODE_POINTS = 0x110000
USUAL = 0x10000  # code points to begin with: clearing room for all of them takes longer than reading a short text
NEWLINE = ord("\n")
BLOCK = 1 << 20  # characters counted at a time, which takes 12 times as many bytes


def code_points(text: str) -> np.ndarray:
    """Return the code points of `text`, uint32 (T,); lone surrogates are passed through.

    >>> code_points("aé")
    array([ 97, 233], dtype=uint32)
    """
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


class Survey:
    r"""The counts from one pass over a text.

    Attributes
    ----------
    length : int
        Characters seen.
    counts, linestarts : ndarray of int64
        For every code point, how often it occurs and how often right after a newline. They reach to 0xFFFF, or to the
        last code point if any beyond was seen.

    >>> survey = Survey(["to be\no", "r not\n"])
    >>> survey.length, survey.counts[ord("o")], survey.counts_by_character["t"], survey.linestarts_by_character
    (13, np.int64(3), 2, {'o': 1})
    """

    def __init__(self, chunks: Iterable[str] = ()) -> None:
        self.length = 0
        self.counts = np.zeros(USUAL, np.int64)
        self.linestarts = np.zeros(USUAL, np.int64)
        self._last = 0
        for chunk in chunks:
            self.add(chunk)

    def add(self, chunk: str) -> None:
        """Take in the next part of the text."""
        for start in range(0, len(chunk), BLOCK):
            self._add(code_points(chunk[start : start + BLOCK]))

    def _add(self, codes: np.ndarray) -> None:
        self.length += len(codes)
        self.counts = self._tallied(self.counts, codes)
        if self._last == NEWLINE:
            self.linestarts = self._tallied(self.linestarts, codes[:1])
        self.linestarts = self._tallied(self.linestarts, codes[np.flatnonzero(codes[:-1] == NEWLINE) + 1])
        self._last = codes[-1]

    def add_documents(self, texts: Collection[str]) -> None:
        r"""Take in whole documents, each of which begins a line.

        >>> survey = Survey()
        >>> survey.add_documents(["ab\nc", "b"])
        >>> survey.length, survey.linestarts_by_character, survey.counts_by_character["\n"]
        (5, {'a': 1, 'b': 1, 'c': 1}, 1)
        """
        self.add("".join(f"\n{text}" for text in texts))
        self.length -= len(texts)
        self.counts[NEWLINE] -= len(texts)

    @staticmethod
    def _tallied(totals: np.ndarray, codes: np.ndarray) -> np.ndarray:
        counts = np.bincount(codes)
        if len(counts) > len(totals):
            totals = np.pad(totals, (0, CODE_POINTS - len(totals)))
        totals[: len(counts)] += counts
        return totals

    @property
    def counts_by_character(self) -> dict[str, int]:
        """How often each character occurs, by code point."""
        return {chr(code): int(self.counts[code]) for code in np.flatnonzero(self.counts)}

    @property
    def linestarts_by_character(self) -> dict[str, int]:
        """How often each character begins a line, the very first one aside, by code point."""
        return {chr(code): int(self.linestarts[code]) for code in np.flatnonzero(self.linestarts)}
