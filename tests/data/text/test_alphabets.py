import pytest

from charrnn.data.text.alphabets import guess, twice_encoded
from tests.data.conftest import ARABIC, CHINESE, FRENCH, JAPANESE, RUSSIAN

POLISH = "Litwo! Ojczyzno moja! ty jesteś jak zdrowie;\nIle cię trzeba cenić, ten tylko się dowie,\nKto cię stracił.\n"
CZECH = "večerní máj, byl lásky čas. Hrdliččin zval ku lásce hlas, kde borový zaváněl háj, kvetoucí strom lhal žel,\n"
HUNGARIAN = "Itt az idő, most vagy soha! Rabok legyünk, vagy szabadok? Ez a kérdés, válasszatok! tűz és gyűlölet, fő\n"
GERMAN = "Über allen Gipfeln ist Ruh, die Vögelein schweigen im Walde, balde ruhest du auch, groß und schön, Füße\n"
SWEDISH = "du fjällhöga nord, du tysta, du glädjerika sköna! Jag hälsar dig, vänaste land uppå jord, ängder gröna\n"
LITHUANIAN = "Tėvyne mūsų, tu didvyrių žeme, iš praeities Tavo sūnūs te stiprybę semia. Tegul tamsumas prašalina\n"
GREEK = "Σε γνωρίζω από την κόψη του σπαθιού την τρομερή, σε γνωρίζω από την όψη που με βία μετράει τη γη\n"
HEBREW = "בראשית ברא אלהים את השמים ואת הארץ והארץ היתה תהו ובהו\n"
TURKISH = "Korkma, sönmez bu şafaklarda yüzen al sancak; o benim milletimin yıldızıdır, parlayacak, ağır çatma\n"
KOREAN = "나 보기가 역겨워 가실 때에는 말없이 고이 보내 드리우리다. 영변에 약산 진달래꽃\n"


@pytest.mark.parametrize(
    ("text", "encodings"),
    [
        (POLISH, ["cp1250", "iso8859_2", "mac_latin2", "cp852"]),
        (CZECH, ["cp1250", "iso8859_2", "mac_latin2"]),
        (HUNGARIAN, ["cp1250", "iso8859_2", "cp852"]),
        (GERMAN, ["cp1252", "mac_roman", "cp437"]),
        (SWEDISH, ["cp1252", "mac_roman", "cp850"]),
        (FRENCH, ["cp1252", "mac_roman", "cp850"]),
        (LITHUANIAN, ["iso8859_13", "cp1257"]),
        (TURKISH, ["cp1254"]),
        (GREEK, ["iso8859_7", "cp1253"]),
        (RUSSIAN, ["cp1251", "koi8_r", "cp866", "iso8859_5", "mac_cyrillic"]),
        (HEBREW, ["cp1255"]),
        (ARABIC, ["cp1256", "iso8859_6"]),
        (JAPANESE, ["cp932", "euc_jp", "iso2022_jp"]),
        (CHINESE, ["gb18030", "big5"]),
        (KOREAN, ["euc_kr"]),
    ],
)
def test_encodings_are_told_by_letters(text, encodings):
    for encoding in encodings:
        content = text.encode(encoding)
        found = guess(content)
        assert content.decode(found.encoding) == text, (encoding, found)
        assert 0 < found.confidence <= 1


def test_little_evidence_is_little_confidence():
    assert guess("café".encode("cp1252")).confidence < 0.5 < guess((FRENCH * 5).encode("cp1252")).confidence


def test_what_nothing_explains():
    assert guess(b"plain") is None
    assert guess(bytes(range(128, 256))) is None


def test_the_rest_of_the_text_tells_the_language():
    byte = "cenić, cię".encode("cp1250")
    assert guess(byte, {"ę": 9, "ć": 7, "ą": 8}).encoding == "cp1250"


@pytest.mark.parametrize("encoding", ["cp1252", "latin_1", "cp1251", "mac_roman", "cp437"])
@pytest.mark.parametrize("text", [FRENCH, RUSSIAN, POLISH])
def test_text_that_was_encoded_twice(text, encoding):
    assert twice_encoded([text])[0] == 0
    twice = "".join(line.encode().decode(encoding, "ignore") for line in text.splitlines(True))
    assert twice_encoded([twice])[0] >= 5
