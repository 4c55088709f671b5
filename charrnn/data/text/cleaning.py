"""Clean a text that comes in chunks, in bounded memory: line ends, Project Gutenberg wrapping, case, punctuation.

Each function takes an iterator of chunks and yields chunks; how the text is cut into chunks never changes the result.

>>> "".join(normalise_newlines(["one\\r\\ntwo\\r", "three\\n"]))
'one\\ntwo\\nthree\\n'
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator

LONGEST_LINE = 1 << 20  # characters; a longer line is passed on in pieces, to keep memory bounded

GUTENBERG_MARKER = re.compile(
    r"^(?:\*\*\* ?)?(START|END) OF (?:THE |THIS )?PROJECT GUTENBERG(?:[^*]{0,300}\*\*\*)?[^\n]*\n?",
    re.MULTILINE | re.IGNORECASE,
)

GUTENBERG_START = re.compile(r"\*\*\* ?START OF (?:THE |THIS )?PROJECT GUTENBERG", re.IGNORECASE)


def normalise_newlines(chunks: Iterable[str], tally: Counter[str] | None = None) -> Iterator[str]:
    """Turn CRLF and lone CR into LF; `tally` counts both. No chunk may end between the CR and the LF of a line end."""
    tally = Counter() if tally is None else tally
    for chunk in chunks:
        if returns := chunk.count("\r"):
            translated = io.IncrementalNewlineDecoder(None, translate=True).decode(chunk, final=True)
            crlf = len(chunk) - len(translated)
            tally.update(crlf=crlf, cr=returns - crlf)
            yield translated
        else:
            yield chunk


def without_traces(chunks: Iterable[str], tally: Counter[str] | None = None) -> Iterator[str]:
    r"""Leave out NUL characters and byte order marks, which concatenated files leave in a text; `tally` counts both.

    >>> "".join(without_traces(["\ufeffone\n", "\ufefftw\0o\n"]))
    'one\ntwo\n'
    """
    tally = Counter() if tally is None else tally
    for chunk in chunks:
        if "\ufeff" in chunk:
            tally["marks"] += chunk.count("\ufeff")
            chunk = chunk.replace("\ufeff", "")
        if "\0" in chunk:
            tally["nul"] += chunk.count("\0")
            chunk = chunk.replace("\0", "")
        yield chunk


def whole_lines(chunks: Iterable[str]) -> Iterator[str]:
    r"""Move the cuts between chunks to line ends.

    >>> list(whole_lines(["on", "e\ntw", "o\n", "three"]))
    ['one\n', 'two\n', 'three']
    """
    rest = ""
    for chunk in chunks:
        lines, newline, tail = (rest + chunk).rpartition("\n")
        if newline:
            yield lines + newline
        rest = tail
        if len(rest) > LONGEST_LINE:
            yield rest
            rest = ""
    if rest:
        yield rest


def inside_gutenberg_markers(chunks: Iterable[str], tally: Counter[str] | None = None) -> Iterator[str]:
    r"""Keep the text between the START and END lines of Project Gutenberg books; `tally` counts dropped characters.

    Several books in one file are all kept, without what is between them. `tally` counts "books" as well, those that
    have both lines.

    >>> marker = "*** {} OF THE PROJECT GUTENBERG EBOOK ALICE ***\n"
    >>> chunks = ["Legalese\n", marker.format("START"), "Once.\n", marker.format("END"), "More legalese\n"]
    >>> list(inside_gutenberg_markers(chunks))
    ['Once.\n']
    """
    tally = Counter() if tally is None else tally
    inside = False
    for chunk in whole_lines(chunks):
        before, *rest = GUTENBERG_MARKER.split(chunk)
        for kind, text in [("", before), *zip(rest[::2], rest[1::2], strict=True)]:
            if kind:
                tally["books"] += inside and kind.upper() == "END"
                inside = kind.upper() == "START"
            if not inside:
                tally["outside"] += len(text)
            elif text:
                yield text


def without_wrapping(text: str, cut: bool | None, tally: Counter[str]) -> str:
    """Return a whole text without the parts outside Project Gutenberg's markers.

    `cut` None leaves it as it is unless it has both of them.
    """
    if cut is False or not (cut or GUTENBERG_START.search(text)):
        return text
    found: Counter[str] = Counter()
    kept = "".join(inside_gutenberg_markers([text], found))
    if cut is None and not (found["books"] and kept.strip()):
        return text
    tally.update(found)
    return kept


def lower(chunks: Iterable[str]) -> Iterator[str]:
    """Lower-case whole lines, because the Greek final sigma depends on the next character.

    >>> "".join(lower(["ΟΔΥΣ", "ΣΕΥΣ"]))
    'οδυσσευς'
    """
    return (chunk.lower() for chunk in whole_lines(chunks))


def strip_punctuation(chunks: Iterable[str]) -> Iterator[str]:
    """Remove Unicode punctuation; letters, digits, symbols and white space stay.

    >>> "".join(strip_punctuation(["“Don't stop”, she", " said: $3+4!"]))
    'Dont stop she said $3+4'
    """
    return (chunk.translate(_WITHOUT_PUNCTUATION) for chunk in chunks)


class _WithoutPunctuation(dict[int, int | None]):
    """A table for `str.translate` that learns each character when it first sees it."""

    def __missing__(self, code: int) -> int | None:
        self[code] = None if unicodedata.category(chr(code)).startswith("P") else code
        return self[code]


_WITHOUT_PUNCTUATION = _WithoutPunctuation()
