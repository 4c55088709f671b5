"""Warnings name the caller's line; hints name what was probably meant."""

import pytest

from charrnn import CharSet, errors


def test_a_warning_names_the_line_that_called_charrnn():
    with pytest.warns(UserWarning, match="Ω") as caught:
        CharSet.from_text("ab").encode("Ω")
    assert caught[0].filename == __file__


def test_a_warning_can_be_raised_from_outside(recwarn):
    errors.warn_caller("hm", errors.DamageWarning)
    assert recwarn[0].filename == __file__


@pytest.mark.parametrize(
    "error", [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, Exception)]
)
def test_every_error_is_one_of_charrnn_and_of_the_standard_library(error):
    if issubclass(error, Warning) or error is errors.CharRNNError:
        return
    assert issubclass(error, errors.CharRNNError)
    assert {base for base in error.__mro__ if base.__module__ == "builtins"} - {Exception, BaseException, object}


def test_a_long_list_of_names_is_cut():
    hint = errors.near_matches("?", map(str, range(10_000)))
    assert hint.startswith("Known: 0, 1, 10, 100, ")
    assert hint.endswith(" and 9,960 more.")


def test_a_message_shows_control_characters_instead_of_sending_them():
    assert str(errors.CorruptFile("a\x1b[2Jb\x9b1m\u202ec")) == "a\\x1b[2Jb\\x9b1m\\u202ec"
    assert str(errors.SaveFailed(5, "disk")) == "[Errno 5] disk"
