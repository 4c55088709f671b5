"""Find out in which encoding a file is written, and decode it block by block.

A file that is UTF-8 but for some lines is read line by line: those are in another encoding, or damaged.
"""

from __future__ import annotations

import codecs
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

import charset_normalizer

from charrnn.data.text import alphabets
from charrnn.data.text.alphabets import Guess
from charrnn.errors import SourceUnusable

UTF8 = "utf-8-sig"  # drops a byte order mark
MARK = b"\xef\xbb\xbf"
BOMS = {  # UTF-32 first: its little-endian mark begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
WESTERN = "cp1252"
TEXT_BYTES = bytes([0, *range(7, 14), 27, *range(32, 256)])
NULS = 1 / 1000  # a text may hold such a share of NUL bytes, which are left out
BLOCK = 1 << 18  # bytes decoded at a time: what they become still fits a core's cache
SAMPLE = 1 << 17  # bytes of lines that are not UTF-8, from which their encoding is guessed
LONGEST_LINE = 1 << 22  # bytes; a longer line is taken for several
DAMAGE = re.compile(  # UTF-8 that was cut or made wrongly, rather than another encoding
    rb"\xed[\xa0-\xbf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf](?![\x80-\xbf])|[\xf0-\xf4][\x80-\xbf]{1,2}(?![\x80-\xbf])"
    rb"|[\xc2-\xf4]\Z"
)
BESIDE = b" \"',.;:()-\n"  # what punctuation beyond ASCII may stand beside
FOREIGN = re.compile("[\udc80-\udcff]+")


class Codec(NamedTuple):
    """An encoding, the treatment of bytes that are invalid in it, and the encoding of lines that are not UTF-8."""

    encoding: str
    errors: str = "strict"
    foreign: str = ""


class UndecodableError(Exception):
    """The byte at `position` of the file is invalid."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


class Mixture(NamedTuple):
    """Lines beyond ASCII of a file, those that are UTF-8 and those that are not.

    `known` counts the characters beyond ASCII of the first; `sample` holds some of the others, `alien` those of them
    that hold more bytes that are invalid than characters that are not.
    """

    good: int
    bad: int
    known: Mapping[str, int]
    sample: bytes
    alien: bytes


@contextmanager
def opened(path: Path) -> Iterator[BufferedReader]:
    """Open a file for reading; failures become a SourceUnusable that names it."""
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        reason = error.strerror or error
        raise SourceUnusable(f"{path.name} cannot be read: {reason}. Give a file that you may read.") from error


def decode(path: Path, codec: Codec, tally: Counter[str] | None = None) -> Iterator[str]:
    """Yield the text of a file in pieces, never cutting between the CR and the LF of one line end.

    `tally` counts "foreign" bytes with the "foreign lines" that they stand in, and "damaged" places.

    Raises
    ------
    UndecodableError
        If a byte is invalid and the codec is strict.
    SourceUnusable
        If the file cannot be read.
    """
    if codec.foreign:
        tally = Counter() if tally is None else tally
        for block in _blocks(path):
            yield _decoded(block, codec.foreign, tally)
        return
    # The outer decoder translates nothing; it only holds back a CR at the end of a block.
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(codec.encoding)(codec.errors), translate=False)
    with opened(path) as file:
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
    r"""Return the codec that a UTF-16 or UTF-32 byte order mark, or an escape of JIS, at the beginning announces.

    >>> announced("é".encode("utf-16")), announced("猫".encode("iso2022_jp"))
    (Codec(encoding='utf-16', errors='replace', foreign=''), Codec(encoding='iso2022_jp', errors='replace', foreign=''))
    """
    if found := next((encoding for bom, encoding in BOMS.items() if head.startswith(bom)), None):
        return Codec(found, "replace")
    escapes = b"\x1b$" in head and head.isascii() and alphabets.JIS.search(head)
    return Codec("iso2022_jp", "replace") if escapes else None


def looks_binary(sample: bytes) -> bool:
    """Return whether the bytes are not a text in any encoding that extends ASCII."""
    odd = len(sample.translate(None, TEXT_BYTES))
    return 20 * odd > len(sample) or sample.count(b"\0") > NULS * len(sample)


def mixture(path: Path) -> Mixture:
    """Look through a file for lines that are UTF-8 beyond ASCII, and for those that are not."""
    good = bad = 0
    known: Counter[str] = Counter()
    sample, alien = bytearray(), bytearray()
    for block in _blocks(path):
        if block.isascii():
            continue
        for line in block.splitlines(keepends=True):
            if line.isascii():
                continue
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError:
                text = line.decode("utf-8", "surrogateescape")
                bad += 1
                if len(sample) < SAMPLE:
                    sample += line
                if len(alien) < SAMPLE and _mostly_invalid(text):
                    alien += line
            else:
                good += 1
                if good < 10_000:
                    known.update(ch for ch in text if ch > "\x7f")
    return Mixture(good, bad, known, bytes(sample), bytes(alien))


def guess(found: Mixture) -> tuple[Codec, Guess | None]:
    """Return the most likely codec of a file that is not valid UTF-8, with the guess of its other encoding.

    cp1252, the most frequent by far, is taken where nothing explains the bytes; its holes are written out as backslash
    escapes.

    >>> guess(Mixture(0, 1, {}, *2 * ["Съешь же ещё этих мягких французских булок, да выпей чаю".encode("cp1251")]))[0]
    Codec(encoding='cp1251', errors='replace', foreign='')
    """
    alien = found.alien or found.sample
    best = None if _only_damage(alien) else alphabets.guess(alien, found.known) or _library(alien)
    if found.good and best is None:
        best = Guess(WESTERN, 0.5)
    if best is None:
        return Codec(WESTERN, "backslashreplace"), None
    several = best.encoding in alphabets.DOUBLE
    if not found.good or (several and found.good * 10 < found.bad):
        return Codec(best.encoding, "backslashreplace" if best.encoding == WESTERN else "replace"), best
    return Codec(UTF8, "replace", best.encoding), best


def _library(sample: bytes) -> Guess | None:
    """Return charset-normalizer's guess for bytes that no alphabet explains."""
    if len(sample.translate(None, bytes(range(128)))) < max(20, len(sample) / 100):
        return None
    matches = charset_normalizer.from_bytes(sample)
    best = matches.best()
    if best is None or any("cp1252" in m.could_be_from_charset and m.coherence >= best.coherence for m in matches):
        return None
    return Guess(best.encoding, round(min(0.5, best.coherence), 2))


def _blocks(path: Path) -> Iterator[bytes]:
    """Yield a file in blocks of whole lines, very long ones apart."""
    rest = b""
    with opened(path) as file:
        while block := file.read(BLOCK):
            rest += block
            end = rest.rfind(b"\n") + 1
            if not end and len(rest) > LONGEST_LINE:
                end = len(rest) - 4
                while end and (rest[end] & 0xC0 == 0x80 or rest[end - 1] == 13):
                    end -= 1
            if end:
                yield rest[:end]
                rest = rest[end:]
    yield rest


def _decoded(block: bytes, foreign: str, tally: Counter[str]) -> str:
    try:
        return block.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(_decoded_line(line, foreign, tally) for line in block.splitlines(keepends=True))


def _decoded_line(line: bytes, foreign: str, tally: Counter[str]) -> str:
    """Decode a line that may be in another encoding, or hold single bytes of one."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        pass
    tally["marks"] += line.count(MARK)
    line = line.replace(MARK, b"")
    beyond = len(line) - len(line.translate(None, bytes(range(128, 256))))
    if _mostly_invalid(line.decode("utf-8", "surrogateescape")) and not _only_damage(line):
        whole = line.decode(foreign, "replace")
        if whole.count("\ufffd") * 10 <= beyond and _credible(whole):
            tally.update({"foreign": beyond, "foreign lines": 1})
            return whole
    line, damaged = DAMAGE.subn("\ufffd".encode(), line)
    tally["damaged"] += damaged
    text = line.decode("utf-8", "surrogateescape")
    single = foreign if foreign in alphabets.SINGLE and _is_latin(foreign) else WESTERN
    before = tally["foreign"]
    text = FOREIGN.sub(lambda match: _single_bytes(match, single, tally), text)
    tally["foreign lines"] += tally["foreign"] > before
    return text


def _single_bytes(match: re.Match[str], encoding: str, tally: Counter[str]) -> str:
    """Return the decoded form of bytes beside ASCII letters, such as accents; U+FFFD for others."""
    text, (start, end) = match.string, match.span()
    became = match[0].encode("utf-8", "surrogateescape").decode(encoding, "replace")
    beside = (text[start - 1 : start] + text[end : end + 1]).encode("ascii", "ignore")
    words = all(ch.isalpha() or ch in alphabets.MARKS for ch in became)
    if words and any(chr(code).isalpha() or (code in BESIDE and not became.isalpha()) for code in beside):
        tally["foreign"] += len(became)
        return became
    tally["damaged"] += 1
    return "\ufffd"


def _only_damage(line: bytes) -> bool:
    try:
        DAMAGE.sub(b"", line).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _credible(text: str) -> bool:
    """Return whether a line that was decoded could have been written."""
    beyond = [ch for ch in text if ch > "\x7f"]
    if len(beyond) == 1 and not any(ch.isalpha() and ch.isascii() for ch in text):
        return False
    return sum(ch.isalpha() or ch in alphabets.MARKS or "\u3000" <= ch <= "\uffef" for ch in beyond) >= 0.8 * len(
        beyond
    )


def _mostly_invalid(text: str) -> bool:
    """Return whether a line that was decoded with surrogates holds fewer characters beyond ASCII than those."""
    beyond = sum(ch > "\x7f" for ch in text)
    return 2 * sum("\udc80" <= ch <= "\udcff" for ch in text) > beyond


def _is_latin(encoding: str) -> bool:
    return "é" in bytes(range(128, 256)).decode(encoding, "ignore")
