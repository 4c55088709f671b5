"""How many columns of a terminal a text takes: wide characters two, combining ones none; and texts cut to columns.

>>> columns("abc"), columns("\N{CJK UNIFIED IDEOGRAPH-732B}a"), columns("e\N{COMBINING ACUTE ACCENT}")
(3, 3, 1)
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

LEFT_TO_RIGHT, END_OVERRIDE = "\u202d", "\u202c"  # between them every terminal shows characters in their order
JOINER = "\u200d"


def columns(text: str) -> int:
    """Return how many columns a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def clusters(text: str) -> Iterator[str]:
    """Yield what is drawn as one: a character with its marks, joined emoji, a flag.

    >>> [len(cluster) for cluster in clusters("ae\N{COMBINING ACUTE ACCENT}b")]
    [1, 2, 1]
    """
    cluster = ""
    for ch in text:
        if cluster and joins(cluster, ch):
            cluster += ch
            continue
        if cluster:
            yield cluster
        cluster = ch
    if cluster:
        yield cluster


def joins(cluster: str, ch: str) -> bool:
    """Say whether a character is drawn onto what comes before it."""
    if ch.isascii() or cluster[-1] in "\n\r\t":
        return False
    flag = _is_regional(ch) and len(cluster) == 1 and _is_regional(cluster)
    skin = "\U0001f3fb" <= ch <= "\U0001f3ff"
    mark = unicodedata.category(ch) in ("Mn", "Me") or (unicodedata.category(ch) in ("Mc", "Lo") and not columns(ch))
    return mark or skin or flag or ch == JOINER or cluster[-1] == JOINER


def cut(text: str, width: int, end: str = "…") -> str:
    """Return a text of at most so many columns; what is left out is shown by `end`, of one column.

    >>> cut("abcdef", 4), cut("\N{CJK UNIFIED IDEOGRAPH-732B}" * 3, 4) == "\N{CJK UNIFIED IDEOGRAPH-732B}…"
    ('abc…', True)
    """
    if columns(text) <= width:
        return text
    kept, room = "", width - columns(end)
    for cluster in clusters(text):
        room -= columns(cluster)
        if room < 0:
            break
        kept += cluster
    return kept + end


def padded(text: str, width: int, right: bool = False) -> str:
    """Return a text filled up with blanks to so many columns."""
    blanks = " " * (width - columns(text))
    return blanks + text if right else text + blanks


def folded(text: str, width: int) -> str:
    """Return a text whose lines fit into so many columns, divided at blanks where there are any.

    >>> folded("a longer text", 9)
    'a longer\\ntext'
    """
    return "\n".join(part for line in text.splitlines() for part in _folded(line, width))


def _folded(line: str, width: int) -> Iterator[str]:
    rest = line.rstrip()
    while columns(rest) > width:
        head = cut(rest, width, end="") or next(clusters(rest))
        at = len(head) if rest[len(head) :].startswith(" ") else head.rfind(" ")
        head = rest[:at] if at > 0 else head
        yield head.rstrip()
        rest = rest[len(head) :].lstrip()
    if rest or not line.rstrip():
        yield rest


def runs_leftwards(text: str) -> bool:
    """Say whether some of a text runs from right to left, as Hebrew and Arabic do."""
    return not text.isascii() and any(unicodedata.bidirectional(ch) in ("R", "AL", "AN") for ch in text)


def _is_regional(ch: str) -> bool:
    return "\U0001f1e6" <= ch <= "\U0001f1ff"
