"""Guess the encoding of bytes that are not UTF-8, from the letters that languages are written in.

An encoding explains bytes well if what they become in it are letters of one language, the frequent ones above all, with
capitals where capitals stand, and punctuation where punctuation stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

LATIN = {  # the letters beyond ASCII of each language, lower case
    "French": "éèàçêùâîôûëïœæÿ",
    "German": "äöüß",
    "Spanish": "áéíóúñü",
    "Portuguese": "ãáçéõâêíóàúô",
    "Italian": "àèéìòùî",
    "Dutch": "ëéïöèüê",
    "Swedish": "äöåé",
    "Danish": "æøåé",
    "Icelandic": "áðéíóúýþæö",
    "Catalan": "àéèíïóòúüç",
    "Polish": "ąęłżśćńóź",
    "Czech": "áíéýěščřžůúďťňó",
    "Slovak": "áíéýčšžľťúôňďäóĺŕ",
    "Hungarian": "áéöóőüíúű",
    "Romanian": "ăîâșțşţ",
    "Croatian": "čćšžđ",
    "Turkish": "ıüşğçöâî",
    "Lithuanian": "ąčęėįšųūž",
    "Latvian": "āčēģīķļņšūž",
    "Estonian": "äõöüšž",
}
OTHER = {  # all letters, the most frequent first
    "Russian": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфёъ",
    "Ukrainian": "оаинтівреслкдумпзяьбгчйхцжїшюєщфґ",
    "Bulgarian": "аиоентсрвлкдпмзгуябчъцжщюхшфйь",
    "Greek": "αοιετσνηυρπκμλωόίάγθδέήχύώφβξζψϊςϋΐΰ",
    "Hebrew": "יוהלארבתשמדנמכחעםקפןגטסזצךףץ",
    "Arabic": "اليمنوترعبدسهفةقحكجخشصطزىضذغثأئإءؤظآ",
    "Thai": "".join(map(chr, range(0xE01, 0xE5C))),
}
FREQUENT = 12  # so many letters of an alphabet count in full, the others a half
ALPHABETS = {
    name: frozenset(letters + letters.upper().replace("SS", "")) for name, letters in {**LATIN, **OTHER}.items()
}
COMMON = {name: frozenset(letters[:FREQUENT] + letters[:FREQUENT].upper()) for name, letters in OTHER.items()}
MARKS = frozenset("“”‘’‚„«»‹›–—…·•°§©®™€£¿¡№\xa0\xad")
APOSTROPHES = frozenset("’‘ʼ·\xad—–…")

SINGLE = (  # the usual ones first: of two that explain bytes equally well, the first is taken
    *("cp1252", "cp1251", "koi8_r", "cp1250", "iso8859_2", "cp1253", "iso8859_7", "cp1254", "cp1257", "iso8859_13"),
    *("cp1255", "cp1256", "iso8859_6", "mac_roman", "cp850", "cp437", "cp866", "iso8859_5", "mac_cyrillic", "koi8_u"),
    *("iso8859_15", "cp852", "mac_latin2", "mac_greek", "mac_turkish", "iso8859_9", "iso8859_4", "iso8859_16", "cp874"),
)
DOUBLE = ("cp932", "euc_jp", "cp949", "gb18030", "big5")
JIS = re.compile(rb"\x1b\$[@B]|\x1b\(J|\x1b\$\(D")
LOOKED_AT = 1 << 14  # bytes
ENOUGH = 20  # characters beyond ASCII that make a guess as sure as it gets
CREDIBLE = 0.6  # a score below it explains nothing


class Guess(NamedTuple):
    """An encoding, how sure it is from 0 to 1, and the next best that reads the bytes differently."""

    encoding: str
    confidence: float
    rival: str | None = None


def guess(sample: bytes, known: Mapping[str, int] | None = None) -> Guess | None:
    """Return the most likely encoding of bytes that are not UTF-8, None if there is no credible one.

    Parameters
    ----------
    sample : bytes
        Some of the bytes.
    known : mapping of str to int, optional
        How often characters occur in other parts of the text; the bytes are likely to be in the same language.

    Examples
    --------
    >>> text = "Съешь же ещё этих мягких французских булок, да выпей чаю"
    >>> guess(text.encode("koi8-r")).encoding, guess(text.encode("cp1251")).encoding
    ('koi8_r', 'cp1251')
    >>> guess("Zażółć gęślą jaźń".encode("iso8859-2")).encoding
    'iso8859_2'
    """
    if JIS.search(sample):
        return Guess("iso2022_jp", 1.0)
    sample = (
        sample[: max(LOOKED_AT, sample.find(b"\n", LOOKED_AT) + 1 or LOOKED_AT)] if len(sample) > LOOKED_AT else sample
    )
    evidence = len(sample) - len(sample.translate(None, bytes(range(128, 256))))
    if not evidence:
        return None
    scores, read = {}, {}
    for encoding in (*SINGLE, *DOUBLE):
        text = sample.decode(encoding, "replace")
        scores[encoding] = _score(encoding, text, known)
        read[encoding] = text
    best = max(scores, key=lambda encoding: round(scores[encoding], 3))
    if scores[best] < CREDIBLE:
        return None
    others = [encoding for encoding in scores if read[encoding] != read[best]]
    rival = max(others, key=scores.__getitem__, default=None)
    lead = scores[best] - max(scores[rival], 0.0) if rival else 1.0
    sure = (0.5 + min(0.5, 2 * max(lead, 0.0))) * min(1.0, scores[best]) * (0.5 + 0.5 * min(1.0, evidence / ENOUGH))
    return Guess(best, round(sure, 2), rival if rival and scores[rival] >= CREDIBLE else None)


def _score(encoding: str, text: str, known: Mapping[str, int] | None) -> float:
    """Return how well an encoding explains bytes, from the text that they become in it: at most 1."""
    beyond = [
        (before, ch, after) for before, ch, after in zip(" " + text, text, text[1:] + " ", strict=False) if ch > "\x7f"
    ]
    if not beyond:
        return 0.0
    if encoding in DOUBLE:
        return sum(_east_asian(encoding, ch) for _, ch, _ in beyond) / len(beyond)
    marks = sum(_of_mark(*at) for at in beyond if not at[1].isalpha())
    letters = [at for at in beyond if at[1].isalpha()]
    if not letters:
        return marks / len(beyond)
    shape = -sum(_misplaced(*at) for at in letters)
    counted: dict[str, int] = {}
    for _, ch, _ in letters:
        counted[ch] = counted.get(ch, 0) + 1
    values = (_of_language(counted, language, known) for language in ALPHABETS)
    return (max(values) + marks + shape) / len(beyond)


def _of_language(letters: Mapping[str, int], language: str, known: Mapping[str, int] | None) -> float:
    alphabet, common = ALPHABETS[language], COMMON.get(language)
    total = 0.0
    for ch, n in letters.items():
        if known and ch in known:
            total += n
        elif ch in alphabet:
            total += n * (1.0 if common is None or ch in common else 0.7) * (0.8 if known else 1.0)
        else:
            total -= n
    return total


def _of_mark(before: str, ch: str, after: str) -> float:
    if ch in MARKS:
        between = before.isalpha() and after.isalpha()
        return 0.8 if not between or ch in APOSTROPHES else -1.0
    return -3.0 if ch == "\ufffd" or "\x80" <= ch <= "\x9f" else -1.0


def _misplaced(before: str, ch: str, after: str) -> float:
    """Return 1 for a capital within a word, or a letter beside one of another script, else 0."""
    if before.isalpha():
        if ch.isupper() and before.islower():
            return 1.0
        if (ch >= "\u0370") != (before >= "\u0370"):
            return 1.0
    return 1.0 if after.isalpha() and (ch >= "\u0370") != (after >= "\u0370") else 0.0


def _east_asian(encoding: str, ch: str) -> float:
    """Return a character's weight for an encoding; its frequent characters count in full."""
    if ch == "\ufffd" or "\ue000" <= ch <= "\uf8ff":
        return -5.0
    kana, hangul = "\u3041" <= ch <= "\u30ff", "\uac00" <= ch <= "\ud7a3"
    if "\u3000" <= ch <= "\u3020" or "\uff01" <= ch <= "\uff5e" or ch in MARKS:
        return 0.9
    if encoding == "cp949":
        return 1.0 if hangul and _lead(ch, "euc_kr") else 0.3 if "\u4e00" <= ch <= "\u9fff" else -1.0
    if kana:
        return 1.0 if encoding in ("cp932", "euc_jp") else 0.0
    if not "\u4e00" <= ch <= "\u9fff":
        return -1.0
    if encoding == "gb18030":
        return 1.0 if 0xB0 <= _lead(ch, "gb2312") <= 0xD7 else 0.65
    if encoding == "big5":
        return 1.0 if 0xA4 <= _lead(ch, "big5") <= 0xC6 else 0.3
    return 0.8 if 0xB0 <= _lead(ch, "euc_jp") <= 0xCF else 0.2


def _lead(ch: str, encoding: str) -> int:
    code = ch.encode(encoding, "ignore")
    return code[0] if len(code) == 2 else 0


def twice_encoded(chunks: Iterable[str]) -> tuple[int, str, str]:
    r"""Return the number of characters of a text that look encoded twice, with an example and its original.

    >>> twice_encoded(["CafÃ© au lait, ", "dÃ©jÃ\xa0 vu"])
    (3, 'Ã©', 'é')
    """
    counts = dict.fromkeys(TWICE, 0)
    examples: dict[str, tuple[str, str]] = {}
    for chunk in chunks:
        for encoding in TWICE:
            for match in _DOUBLED[encoding].finditer(chunk):
                try:
                    once = match[0].encode(encoding).decode("utf-8")
                except UnicodeError:
                    continue
                counts[encoding] += 1
                examples.setdefault(encoding, (match[0], once))
    most = max(counts, key=counts.__getitem__)
    return counts[most], *examples.get(most, ("", ""))


def _doubled(encoding: str) -> re.Pattern[str]:
    """Return a pattern of a UTF-8 sequence that was decoded in a single-byte encoding."""

    def characters(codes: range) -> str:
        return re.escape("".join(bytes([code]).decode(encoding, "ignore") for code in codes))

    tail = f"[{characters(range(0x80, 0xC0))}]"
    heads = ((range(0xC2, 0xE0), 1), (range(0xE0, 0xF0), 2), (range(0xF0, 0xF5), 3))
    return re.compile("|".join(f"[{characters(codes)}]{tail}{{{n}}}" for codes, n in heads))


RARE = "ÃÂ√├┬╨╤"  # what the first byte of a sequence becomes, in the usual encodings: seldom in texts ...
TYPICAL = "ÄÅÐÑÎÏ×ØÙâãåäçéèРСГВ"  # ... or often
TWICE = ("cp1252", "latin_1", "cp1251", "mac_roman", "cp437", "cp850")
_DOUBLED = {encoding: _doubled(encoding) for encoding in TWICE}
