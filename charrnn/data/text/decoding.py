"""Find out in which encoding a file is written, and decode it block by block."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import charset_normalizer

UTF8 = "utf-8-sig"  # drops a byte order mark
BOMS = {  # UTF-32 first: its little-endian mark begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
TEXT_BYTES = bytes([*range(7, 14), 27, *range(32, 256)])
BLOCK = 1 << 18  # bytes decoded at a time: what they become still fits a core's cache
SAMPLE = 1 << 17  # bytes looked at on either side of the first byte that is not UTF-8


class Codec(NamedTuple):
    """An encoding and what to do with bytes that are invalid in it."""

    encoding: str
    errors: str = "strict"


class UndecodableError(Exception):
    """The byte at `position` of the file is invalid."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


def decode(path: Path, codec: Codec) -> Iterator[str]:
    """Yield the text of a file in pieces, never cutting between the CR and the LF of one line end.

    Raises
    ------
    UndecodableError
        A byte is invalid and the codec is strict.
    """
    # The outer decoder translates nothing; it only holds back a CR at the end of a block.
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(codec.encoding)(codec.errors), translate=False)
    with path.open("rb") as file:
        end = False
        while not end:
            block = file.read(BLOCK)
            end = not block
            try:
                yield decoder.decode(block, final=end)
            except UnicodeDecodeError as error:
                raise UndecodableError(file.tell() - len(error.object) + error.start) from error
            except UnicodeError as error:  # the byte order mark that UTF-16 and UTF-32 begin with is missing
                raise UndecodableError(0) from error


def announced(head: bytes) -> Codec | None:
    r"""Return the codec that a UTF-16 or UTF-32 byte order mark at the beginning of a file announces.

    >>> announced("é".encode("utf-16"))
    Codec(encoding='utf-16', errors='replace')
    """
    return next((Codec(encoding, "replace") for bom, encoding in BOMS.items() if head.startswith(bom)), None)


def sample_around(path: Path, position: int) -> bytes:
    """Return the lines around a byte of a file, to guess from."""
    start = max(0, position - SAMPLE)
    with path.open("rb") as file:
        file.seek(start)
        before, after = file.read(position - start), file.read(SAMPLE)
    if start:
        before = before[before.find(b"\n") + 1 :]
    if len(after) == SAMPLE and b"\n" in after:
        after = after[: after.rfind(b"\n") + 1]
    return before + after


def looks_binary(sample: bytes) -> bool:
    """Return whether the bytes are no text in any encoding that extends ASCII."""
    return b"\0" in sample or 20 * len(sample.translate(None, TEXT_BYTES)) > len(sample)


def guess(sample: bytes) -> Codec:
    """Return the most likely codec of bytes that are not valid UTF-8.

    Mostly valid multi-byte sequences mean UTF-8 with some damage. Else charset-normalizer decides, but cp1252, the most
    frequent by far, goes before whatever explains the bytes no better. It is taken where bytes beyond ASCII are too few
    for statistics or nothing fits; its holes are written out as backslash escapes.

    >>> guess("Съешь же ещё этих мягких французских булок, да выпей чаю".encode("cp1251"))
    Codec(encoding='cp1251', errors='replace')
    >>> guess("Съешь же ещё этих мягких".encode()[:-1])
    Codec(encoding='utf-8-sig', errors='replace')
    """
    text = sample.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    beyond_ascii = len(text) - len(text.encode("ascii", "ignore"))
    if beyond_ascii - damaged >= 10 * damaged:
        return Codec(UTF8, "replace")
    western = Codec("cp1252", "backslashreplace")
    if beyond_ascii < len(sample) / 100:
        return western
    matches = charset_normalizer.from_bytes(sample)
    best = matches.best()
    if best is None or any("cp1252" in m.could_be_from_charset and m.coherence >= best.coherence for m in matches):
        return western
    return Codec(best.encoding, "replace")
