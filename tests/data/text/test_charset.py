import json
import os
import subprocess
import sys
import warnings
from collections import Counter

import numpy as np
import pytest

from charrnn.data.text.charset import CharSet, UnknownCharacterWarning
from charrnn.errors import CorruptFile, InvalidValue, UnknownCharacters, UnknownName
from tests.data.conftest import ARABIC, CHINESE, JAPANESE, RUSSIAN


@pytest.mark.parametrize("text", [RUSSIAN, JAPANESE, CHINESE, ARABIC, "a🙂\U0010ffff", "\n\n", "\ufffd\ufffd"])
def test_encoding_and_back(text):
    chars = CharSet.from_text(text)
    indices = chars.encode(text, on_unknown="error")
    assert indices.dtype == np.int32
    assert indices.tolist() == [chars.chars.index(ch) for ch in text]
    assert chars.decode(indices) == text
    assert chars.chars == ("\ufffd", *sorted(set(text) - {"\ufffd"}))


@pytest.mark.parametrize(("others", "dtype"), [(1, "u1"), (255, "u1"), (256, "u2"), (65_535, "u2"), (65_536, "u4")])
def test_indices_take_the_smallest_type_that_holds_them(others, dtype):
    chars = CharSet(["\ufffd", *map(chr, range(0x10000, 0x10000 + others))])
    assert chars.index_dtype == dtype
    assert chars.vocab_size == len(chars) == others + 1
    text = chars.chars[-1] + chars.chars[1] + chr(0x10FFFF)
    assert chars.indices(text).tolist() == [others, 1, 0]


def test_order_is_the_same_in_every_process():
    program = (
        "from charrnn.data.text.charset import CharSet; print(ascii(CharSet.from_text('the quick brown fox\\n').chars))"
    )
    outputs = {
        subprocess.check_output([sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed})
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_lookups_of_what_is_not_there():
    chars = CharSet.from_text("ab")
    assert [chars.idxofchar(ch) for ch in ("a", "b", "c", "\ufffd", "", "ab", "\ud800", "\U0010ffff")] == [1, 2] + [
        0
    ] * 6
    assert [chars.charatidx(i) for i in (-1, 0, 2, 3)] == ["\ufffd", "\ufffd", "b", "\ufffd"]
    assert chars.decode([1, -1, 3, 2]) == "a\ufffd\ufffdb"
    assert chars.decode([]) == ""
    assert ("a" in chars, "\ufffd" in chars, "c" in chars) == (True, True, False)


def test_rare_characters_and_surrogates_are_left_unknown():
    assert CharSet.from_counts(Counter("aaabbc"), min_count=2).chars == ("\ufffd", "a", "b")
    assert CharSet.from_counts(Counter("ab\ud800\udfff")).chars == ("\ufffd", "a", "b")
    assert CharSet.from_counts(Counter("aaabbc"), min_count=3).chars == ("\ufffd", "a")
    with pytest.raises(InvalidValue, match=r"min_count=4.*occurs 3 times"):
        CharSet.from_counts(Counter("aaabbc"), min_count=4)


def test_unknown_characters_are_replaced_and_named():
    chars = CharSet.from_text("abc")
    with pytest.warns(UnknownCharacterWarning, match=r"replaced by U\+FFFD: 'x' \(2 times\), 'é'\.$") as caught:
        assert chars.encode("axéxb\ufffd").tolist() == [1, 0, 0, 0, 2, 0]
    assert caught[0].filename == __file__


def test_unknown_characters_are_skipped():
    with pytest.warns(UnknownCharacterWarning, match="left out: 'x', 'y'") as caught:
        assert CharSet.from_text("abc").encode("xa\ufffdyb", on_unknown="skip").tolist() == [1, 0, 2]
    assert len(caught) == 1


def test_unknown_characters_are_refused():
    chars = CharSet.from_text("abc")
    with pytest.raises(UnknownCharacters, match="does not know 'x'"):
        chars.encode("axb", on_unknown="error")
    with pytest.raises(UnknownName, match="Did you mean: skip"):
        chars.encode("abc", on_unknown="skipp")  # type: ignore[arg-type]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chars.encode("ab\ufffd")


def test_a_long_list_of_unknown_characters_is_cut():
    with pytest.warns(UnknownCharacterWarning, match=r"'j', \.\.\.\.$"):
        CharSet.from_text("ABC").encode("abcdefghijklm")


def test_line_starts_are_counted():
    chars = CharSet.from_text("first\nand\n\nthen\r\n \nand\n\ufffd\n")
    assert chars.linestarts == {" ": 1, "a": 2, "t": 1}
    drawn = Counter(chars.semirandomch(np.random.default_rng(seed)) for seed in range(400))
    assert set(drawn) == {" ", "a", "t"}
    assert 150 < drawn["a"] < 250


def test_random_characters():
    chars = CharSet.from_text("ab\n")
    rng = np.random.default_rng(0)
    assert {chars.randomidx(rng) for _ in range(50)} == {2, 3}
    assert {chars.randomidx(rng, allow_newline=True) for _ in range(50)} == {1, 2, 3}
    assert chars.randomidx(7) == chars.randomidx(7)


@pytest.mark.parametrize("text", ["one line", "\n\n", "\ufffd"])
def test_a_random_line_start_is_found_in_any_text(text):
    assert CharSet.from_text(text).semirandomch(0) in set(text)


@pytest.mark.parametrize("text", ["ab\nc", CHINESE, '"\\\n\u2028\0'])
def test_record_survives_json(text):
    chars = CharSet.from_text(text)
    again = CharSet.from_json(json.loads(json.dumps(chars.to_json())))
    assert again == chars
    assert hash(again) == hash(chars)
    assert list(again.linestarts) == list(chars.linestarts)
    assert chars != CharSet.from_text(text + "~")


@pytest.mark.parametrize(
    "record",
    [{}, {"chars": "ab", "linestarts": {}}, {"chars": "\ufffdaa", "linestarts": {}}, {"chars": 3, "linestarts": 4}],
)
def test_damaged_records_are_refused(record):
    with pytest.raises(CorruptFile, match="character set"):
        CharSet.from_json(record)


def test_any_order_is_kept_but_not_any_list():
    assert CharSet("\ufffdzay").encode("ayz").tolist() == [2, 3, 1]
    for wrong in ("abc", "\ufffdabb", ""):
        with pytest.raises(InvalidValue, match=r"U\+FFFD"):
            CharSet(wrong)
    with pytest.raises(InvalidValue, match="from_text"):
        CharSet(["\ufffd", "ab"])


def test_repr_is_short_for_large_sets():
    assert repr(CharSet.from_text("".join(map(chr, range(0x4E00, 0x5E00))))).endswith("...>")
    assert repr(CharSet.from_text("a\n")) == r"<CharSet of 3: U+FFFD '\n' 'a'>"


SPECIALS = ["begin", "end"]


@pytest.mark.parametrize("text", ["a\nb", RUSSIAN, "⟨begin⟩", "\ufffd", "\x00\x01\x02\t"])
def test_special_symbols_are_no_characters(text):
    plain, chars = CharSet.from_text(text), CharSet.from_text(text, specials=SPECIALS)
    assert chars.vocab_size == plain.vocab_size + 2
    assert (chars.idxofspecial("begin"), chars.idxofspecial("end")) == (1, 2)
    indices = chars.encode(text)
    assert not {1, 2} & set(indices.tolist())
    assert indices.tolist() == [i and i + 2 for i in plain.encode(text).tolist()]
    assert chars.decode([1, *indices, 2, 2]) == chars.decode(indices) == text
    assert [chars.charatidx(i) for i in (0, 1, 2, 3)] == ["\ufffd", "", "", plain.charatidx(1)]
    assert {chars.randomidx(seed, allow_newline=True) for seed in range(40)}.isdisjoint({0, 1, 2}) or text == "\ufffd"
    assert chars != plain


def test_a_text_that_spells_a_special_symbol_is_only_text():
    chars = CharSet.from_text("⟨⟩begind", specials=SPECIALS)
    assert chars.decode(chars.encode("⟨begin⟩⟨end⟩")) == "⟨begin⟩⟨end⟩"
    assert "⟨begin⟩" not in chars


def test_special_symbols_widen_the_indices():
    characters = ["\ufffd", *map(chr, range(0x4E00, 0x4E00 + 254))]
    assert (CharSet(characters).index_dtype, CharSet(characters, specials=SPECIALS).index_dtype) == ("u1", "u2")


def test_special_symbols_have_names():
    chars = CharSet.from_text("a\n", specials=SPECIALS)
    assert repr(chars) == r"<CharSet of 5: U+FFFD ⟨begin⟩ ⟨end⟩ '\n' 'a'>"
    with pytest.raises(UnknownName, match="Did you mean: begin"):
        chars.idxofspecial("beginn")
    with pytest.raises(UnknownName, match="There are none"):
        CharSet.from_text("a\n").idxofspecial("end")
    with pytest.raises(InvalidValue, match="names of their own"):
        CharSet("\ufffda", specials=["end", "end"])


def test_records_with_and_without_special_symbols():
    chars = CharSet.from_text("a\nb", specials=SPECIALS)
    record = json.loads(json.dumps(chars.to_json()))
    assert CharSet.from_json(record) == chars
    del record["specials"]  # as records were before there were any
    assert CharSet.from_json(record) == CharSet.from_text("a\nb")


@pytest.mark.parametrize("text", [None, 3, b"ab"])
def test_what_is_no_string_is_not_encoded(text):
    with pytest.raises(InvalidValue, match="expected a string"):
        CharSet.from_text("ab").encode(text)


@pytest.mark.parametrize("specials", [(), ("begin", "end")])
def test_an_extended_set_keeps_every_index(specials):
    old = CharSet.from_text("zebra\n", specials=specials)
    new = old.extended({"é": 3, "a": 9, "\n": 1, "€": 1, "B": 3}, {"B": 2, "q": 1}, min_count=2)
    assert new.chars[: len(old)] == old.chars
    assert new.chars[len(old) :] == ("B", "é")
    assert new.linestarts == {"B": 2}
    assert new.specials == specials
    assert new.encode("zebra\n").tolist() == old.encode("zebra\n").tolist()
    assert CharSet.from_json(json.loads(json.dumps(new.to_json()))) == new


def test_onehot_rows_stand_for_characters():
    chars = CharSet.from_text("abcdé")
    rows = chars.onehot("éa\ufffd")
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows.argmax(axis=1), chars.encode("éa\ufffd"))
    np.testing.assert_array_equal(rows.sum(axis=1), np.ones(3))
    np.testing.assert_array_equal(chars.onehot([5, 1]), rows[:2])
    np.testing.assert_array_equal(chars.onehot(5), rows[0])
    np.testing.assert_array_equal(chars.onehot(np.array([5, 1], np.uint8)), rows[:2])
    assert chars.onehot("").shape == (0, 6)
    for wrong in ([6], [-1], [0.5], 6):
        with pytest.raises(InvalidValue, match="indices from 0 to 5"):
            chars.onehot(wrong)
    with pytest.warns(UserWarning, match="Unknown"):
        assert chars.onehot("x")[0, 0] == 1
