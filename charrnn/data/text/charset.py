"""The characters a model knows, each with its index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from charrnn.data.text.survey import Survey, code_points
from charrnn.errors import CorruptFile, InvalidValue, UnknownCharacters, UnknownName, near_matches, warn_caller

UNKNOWN = "\ufffd"
POLICIES = ("replace", "skip", "error")


class UnknownCharacterWarning(UserWarning):
    """A text holds characters that the model does not know."""


class CharSet:
    r"""A fixed alphabet: U+FFFD, which stands for every unknown character, at index 0, and V - 1 others.

    Special symbols, such as the begin and the end of a document, may follow U+FFFD. They are not characters: no text
    encodes to them, and decoding leaves them out.

    Parameters
    ----------
    chars : sequence of str
        All characters in the order of their indices. `from_text` and `from_counts` sort them by code point.
    linestarts : mapping of str to int, optional
        Characters that begin lines, and how many lines each begins.
    specials : sequence of str
        Names of special symbols, which take the indices from 1 up.

    Attributes
    ----------
    chars : tuple of str, (V,)
        What stands at each index; a special symbol is shown as its name in brackets.

    Raises
    ------
    InvalidValue
        If U+FFFD is not first, an item is not a single character, or a character or name occurs twice.

    Examples
    --------
    >>> chars = CharSet.from_text("to be\nor not\n")
    >>> chars
    <CharSet of 9: U+FFFD '\n' ' ' 'b' 'e' 'n' 'o' 'r' 't'>
    >>> chars.encode("to")
    array([8, 6], dtype=int32)
    >>> chars.decode([8, 6])
    'to'
    >>> CharSet.from_text("ab", specials=["begin", "end"])
    <CharSet of 5: U+FFFD ⟨begin⟩ ⟨end⟩ 'a' 'b'>
    """

    unknown_char = UNKNOWN
    unknown_idx = 0

    def __init__(
        self, chars: Sequence[str], linestarts: Mapping[str, int] | None = None, specials: Sequence[str] = ()
    ) -> None:
        characters = tuple(chars)
        if any(len(ch) != 1 for ch in characters):
            raise InvalidValue("A CharSet is made of single characters; use CharSet.from_text for a text.")
        if characters[:1] != (UNKNOWN,) or len(set(characters)) != len(characters):
            raise InvalidValue("A CharSet begins with U+FFFD and holds each character once.")
        self.specials = tuple(specials)
        if len(set(self.specials)) != len(self.specials):
            raise InvalidValue(f"Special symbols need names of their own, not {', '.join(self.specials)}.")
        self.chars = (UNKNOWN, *(f"⟨{name}⟩" for name in self.specials), *characters[1:])
        beginners = set(characters) - {"\n", "\r", UNKNOWN}
        self.linestarts = {ch: n for ch, n in (linestarts or {}).items() if ch in beginners}
        codes = np.array([ord(ch) for ch in characters], dtype="<u4")
        indices = np.array([0, *range(self._first, self.vocab_size)])
        # Code point -> index; the last entry is that of every code point beyond the largest.
        self._table = np.zeros(codes.max() + 2, dtype=np.min_scalar_type(self.vocab_size - 1))
        self._table[codes] = indices
        self._codes = np.full(self.vocab_size, ord(UNKNOWN), dtype="<u4")
        self._codes[indices] = codes

    @classmethod
    def from_counts(
        cls,
        counts: Mapping[str, int],
        linestarts: Mapping[str, int] | None = None,
        min_count: int = 0,
        specials: Sequence[str] = (),
    ) -> CharSet:
        """Make the character set of a text from how often each character occurs in it.

        Characters that occur fewer than `min_count` times, and lone surrogates, which are no characters, are left
        unknown.

        Raises
        ------
        InvalidValue
            If no character occurs so often.

        Examples
        --------
        >>> CharSet.from_counts({"a": 9, "b": 1}, min_count=2)
        <CharSet of 2: U+FFFD 'a'>
        """
        most = max(counts.values(), default=0)
        if min_count > most > 0:
            raise InvalidValue(
                f"min_count={min_count} leaves no character known: the most frequent occurs {most} times."
            )
        return cls([UNKNOWN, *sorted(_frequent(counts, min_count) - {UNKNOWN})], linestarts, specials)

    @classmethod
    def from_text(cls, text: str, min_count: int = 0, specials: Sequence[str] = ()) -> CharSet:
        """Make the character set of a text."""
        survey = Survey([text])
        return cls.from_counts(survey.counts_by_character, survey.linestarts_by_character, min_count, specials)

    def extended(
        self, counts: Mapping[str, int], linestarts: Mapping[str, int] | None = None, min_count: int = 0
    ) -> CharSet:
        """Return a set in which every character keeps its index and those of another text follow, sorted.

        Parameters are as for `from_counts`.

        Examples
        --------
        >>> CharSet.from_text("bee").extended({"a": 2, "b": 1, "c": 1}, min_count=2)
        <CharSet of 4: U+FFFD 'b' 'e' 'a'>
        """
        own = (UNKNOWN, *self.chars[self._first :])
        return CharSet([*own, *sorted(_frequent(counts, min_count) - {*own})], linestarts, self.specials)

    @property
    def vocab_size(self) -> int:
        """V, the number of characters, U+FFFD and special symbols included."""
        return len(self.chars)

    @property
    def _first(self) -> int:
        """Index of the first character after U+FFFD and the special symbols."""
        return 1 + len(self.specials)

    @property
    def characters(self) -> tuple[str, ...]:
        """The known characters: all symbols but U+FFFD and the special ones."""
        return self.chars[self._first :]

    @property
    def index_dtype(self) -> np.dtype:
        """The smallest of uint8, uint16 and uint32 that holds every index."""
        return self._table.dtype

    def idxofchar(self, ch: str) -> int:
        """Return the index of a character, 0 if it is unknown."""
        return int(self.indices(ch)[0]) if len(ch) == 1 else 0

    def idxofspecial(self, name: str) -> int:
        """Return the index of a special symbol.

        Raises
        ------
        UnknownName
            If no special symbol has this name.

        >>> CharSet.from_text("ab", specials=["begin", "end"]).idxofspecial("end")
        2
        """
        if name not in self.specials:
            hint = near_matches(name, self.specials) if self.specials else "There are none."
            raise UnknownName(f"This CharSet has no special symbol {name!r}. {hint}")
        return 1 + self.specials.index(name)

    def charatidx(self, idx: int) -> str:
        """Return the character of an index, U+FFFD for an unknown index, "" for a special symbol."""
        return self.decode([idx])

    def indices(self, text: str) -> np.ndarray:
        """Return the index of each character (T,), 0 where it is unknown, as small integers."""
        return self._table.take(code_points(text), mode="clip")

    def encode(self, text: str, on_unknown: Literal["replace", "skip", "error"] = "replace") -> np.ndarray:
        """Return the indices of a text's characters.

        Parameters
        ----------
        text : str
            Any string.
        on_unknown : {"replace", "skip", "error"}
            What becomes of characters that are not in the set: "replace" makes them U+FFFD and "skip" leaves them out,
            both with an UnknownCharacterWarning that names them; "error" raises.

        Returns
        -------
        ndarray of int32, (T,)

        Raises
        ------
        UnknownCharacters
            If `on_unknown` is "error" and the text has unknown characters.
        UnknownName
            If `on_unknown` is not one of these.
        InvalidValue
            If `text` is not a string.
        """
        if not isinstance(text, str):
            raise InvalidValue(f"{text!r} is not a text: expected a string.")
        if on_unknown not in POLICIES:
            raise UnknownName(f"on_unknown={on_unknown!r} is not a policy. {near_matches(str(on_unknown), POLICIES)}")
        indices = self.indices(text).astype(np.int32)
        unknown = Counter(ch for ch in (text[i] for i in np.flatnonzero(indices == 0)) if ch != UNKNOWN)
        if not unknown:
            return indices
        named = ", ".join(f"{ch!r}" + (f" ({n} times)" if n > 1 else "") for ch, n in unknown.most_common(10))
        named += ", ..." if len(unknown) > 10 else ""
        if on_unknown == "error":
            raise UnknownCharacters(f"The model does not know {named}. Allow on_unknown='replace' or 'skip'.")
        done = "replaced by U+FFFD" if on_unknown == "replace" else "left out"
        warn_caller(f"Unknown to the model and {done}: {named}.", UnknownCharacterWarning)
        return indices if on_unknown == "replace" else self.encode("".join(ch for ch in text if ch not in unknown))

    def decode(self, indices: Sequence[int] | np.ndarray) -> str:
        """Return the text of indices (T,); those out of range become U+FFFD, special symbols are left out."""
        indices = np.asarray(indices, dtype=np.int64)
        indices = indices[(indices < 1) | (indices >= self._first)]
        known = (indices >= 0) & (indices < self.vocab_size)
        return self._codes[np.where(known, indices, 0)].tobytes().decode("utf-32-le")

    def onehot(self, text: str | int | Sequence[int] | np.ndarray) -> np.ndarray:
        """Return the rows of 0 and a single 1 that stand for characters, to be shown or fed to another program.

        Nothing in charrnn needs them: a model looks its rows up by index.

        Parameters
        ----------
        text : str, int, sequence of int or numpy.ndarray
            T characters, as `encode` reads them; or indices (T,); or one index.

        Returns
        -------
        ndarray of float32, (T, V), or (V,) of one index

        Raises
        ------
        InvalidValue
            An index is not a whole number from 0 to V - 1.

        >>> CharSet.from_text("ab").onehot("ba")
        array([[0., 0., 1.],
               [0., 1., 0.]], dtype=float32)
        """
        indices = self.encode(text) if isinstance(text, str) else np.asarray(text)
        if indices.size and (
            indices.dtype.kind not in "iu" or not 0 <= int(indices.min()) <= int(indices.max()) < self.vocab_size
        ):
            raise InvalidValue(f"{text!r:.60}: expected a text, or indices from 0 to {self.vocab_size - 1:,}.")
        rows = np.zeros((*indices.shape, self.vocab_size), np.float32)
        np.put_along_axis(rows, indices.astype(np.int64)[..., np.newaxis], 1, axis=-1)
        return rows

    def randomidx(self, rng: np.random.Generator | int | None = None, allow_newline: bool = False) -> int:
        """Return the index of a random character; a newline only if allowed or if the set has no other."""
        newline = self.idxofchar("\n")
        candidates = [i for i in range(self._first, self.vocab_size) if allow_newline or i != newline]
        return int(np.random.default_rng(rng).choice(candidates or [newline]))

    def semirandomidx(self, rng: np.random.Generator | int | None = None) -> int:
        """Draw the index of a character to begin a line with, as often as lines of the text begin with it.

        Where the text had one line only, this is `randomidx`.
        """
        if not self.linestarts:
            return self.randomidx(rng)
        counts = np.array(list(self.linestarts.values()), dtype=float)
        return self.idxofchar(np.random.default_rng(rng).choice(list(self.linestarts), p=counts / counts.sum()))

    def semirandomch(self, rng: np.random.Generator | int | None = None) -> str:
        """Draw a character to begin a line with; see `semirandomidx`."""
        return self.charatidx(self.semirandomidx(rng))

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able record."""
        characters = "".join([UNKNOWN, *self.chars[self._first :]])
        return {"chars": characters, "linestarts": self.linestarts, "specials": list(self.specials)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> CharSet:
        """Restore a character set from its record.

        Raises
        ------
        CorruptFile
            If the record is not one of a character set.
        """
        try:
            linestarts = {str(ch): int(n) for ch, n in record["linestarts"].items()}
            return cls(record["chars"], linestarts, record.get("specials", ()))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise CorruptFile(
                f"The record of the character set is damaged: {error!r}. Restore it from a copy."
            ) from error

    def __contains__(self, ch: str) -> bool:
        return ch == UNKNOWN or self.idxofchar(ch) != 0

    def __len__(self) -> int:
        return self.vocab_size

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CharSet) and (self.chars, self.linestarts) == (other.chars, other.linestarts)

    def __hash__(self) -> int:
        return hash(self.chars)

    def __repr__(self) -> str:
        named = self.chars[1 : self._first]
        shown = " ".join(["U+FFFD", *named, *(repr(ch) for ch in self.chars[self._first : 80])])
        return f"<CharSet of {self.vocab_size:,}: {shown}{' ...' if self.vocab_size > 80 else ''}>"


def _frequent(counts: Mapping[str, int], min_count: int) -> set[str]:
    """Return the characters that occur often enough, without lone surrogates."""
    return {ch for ch, n in counts.items() if n >= max(min_count, 1) and not "\ud800" <= ch <= "\udfff"}
