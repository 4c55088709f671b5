"""Read a text of any encoding, any number of times, in bounded memory."""

from __future__ import annotations

import codecs
import hashlib
import os
import shutil
import sys
import tempfile
import weakref
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from charrnn import checks
from charrnn.data.text import cleaning
from charrnn.data.text.decoding import (
    UTF8,
    Codec,
    UndecodableError,
    announced,
    decode,
    guess,
    looks_binary,
    sample_around,
)
from charrnn.data.text.survey import Survey
from charrnn.errors import SourceNotFound, SourceUnusable, UnknownName

# Bytes looked at before all others are read. Larger than anything allocated for a block: once that much was freed, the
# usual allocator on Linux keeps the memory of one block for the next instead of giving it back, which is much faster.
HEAD = 1 << 22


@dataclass(frozen=True)
class ReadOptions:
    """How a file becomes text.

    Parameters
    ----------
    encoding
        Name of the encoding; None finds it out: UTF-8 if the whole file is valid, else a guess that is reported.
    newlines
        Turn CRLF and CR line ends into LF.
    lower
        Lower-case the text.
    gutenberg
        Keep only what stands between the START and END lines of Project Gutenberg.
    strip_punctuation
        Leave out punctuation.

    Raises
    ------
    UnknownName
        There is no such encoding.
    InvalidValue
        One of the others is neither True nor False.

    >>> ReadOptions(lower=True)
    ReadOptions(encoding=None, newlines=True, lower=True, gutenberg=False, strip_punctuation=False)
    """

    encoding: str | None = None
    newlines: bool = True
    lower: bool = False
    gutenberg: bool = False
    strip_punctuation: bool = False

    def __post_init__(self) -> None:
        for name in ("newlines", "lower", "gutenberg", "strip_punctuation"):
            checks.flag(name, getattr(self, name))
        if self.encoding is not None:
            try:
                "a".encode(self.encoding)
            except (LookupError, TypeError) as error:
                raise UnknownName(
                    f"encoding={self.encoding!r}: {error}. Leave encoding out to have it detected."
                ) from None

    def clean(self, chunks: Iterator[str], tally: Counter[str] | None = None) -> Iterator[str]:
        """Yield decoded chunks as these options want them; `tally` counts what the functions of `cleaning` count."""
        if self.newlines:
            chunks = cleaning.normalise_newlines(chunks, tally)
        if self.gutenberg:
            chunks = cleaning.inside_gutenberg_markers(chunks, tally)
        if self.lower:
            chunks = cleaning.lower(chunks)
        if self.strip_punctuation:
            chunks = cleaning.strip_punctuation(chunks)
        return chunks


class TextSource:
    r"""A text in a file, decoded and cleaned anew each time it is read, with only a small part in memory.

    Opening reads it through once.

    Attributes
    ----------
    name : str
        The file's name without folders, or "stdin".
    encoding : str
        The encoding it is read in.
    survey : Survey
        Length and character counts of the text.
    sha256 : str
        Checksum of the file as it stands on disk.
    notes : list of str
        Sentences about whatever is not plain: another encoding, a byte order mark, converted line ends.

    >>> import io
    >>> source = TextSource.open(io.BytesIO("naïve\r\ntexts\r\n".encode()))
    >>> "".join(source.chunks())
    'naïve\ntexts\n'
    >>> source.notes
    ['Converted 2 CRLF line ends to LF.']
    """

    def __init__(self, path: Path, name: str, options: ReadOptions) -> None:
        self.name = name
        self.notes: list[str] = []
        self._path = path
        self._options = options
        self._codec = self._expected_codec()
        tally: Counter[str] = Counter()
        try:
            self.survey = self._take_survey(tally)
        except UndecodableError as invalid:
            tally.clear()
            self._codec = self._guessed_codec(invalid.position)
            self.survey = self._take_survey(tally)
        self._require_text(tally)
        self._note(tally)
        with path.open("rb") as file:
            self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()

    @classmethod
    def open(cls, source: str | os.PathLike[str] | BinaryIO, options: ReadOptions | None = None) -> TextSource:
        """Open a text.

        Parameters
        ----------
        source
            A path, "-" for standard input, or a binary stream. What can be read only once (a stream, a pipe) is copied
            to a temporary file, which is deleted with the object.
        options
            How to read it.

        Raises
        ------
        SourceNotFound
            There is no such file.
        SourceUnusable
            It is a directory, unreadable, binary, shorter than two characters, or not in the encoding asked for.
        """
        options = options or ReadOptions()
        if source == "-":
            return cls._open_stream(sys.stdin.buffer, "stdin", options)
        if not isinstance(source, (str, os.PathLike)):
            if not hasattr(source, "read"):
                raise SourceUnusable(f"{source!r} is no text: expected the path of a text file, or a binary stream.")
            return cls._open_stream(source, Path(str(getattr(source, "name", "stream"))).name, options)
        path = Path(source).expanduser()
        try:
            if path.is_dir():
                raise SourceUnusable(f"{path} is a directory. Give the path of one text file.")
            if path.is_file():
                return cls(path, path.name, options)
            with path.open("rb") as pipe:
                return cls._open_stream(pipe, path.name, options)
        except FileNotFoundError:
            raise SourceNotFound(f"No file {path} (looked from {Path.cwd()}). Give the path of a text file.") from None
        except OSError as error:
            raise SourceUnusable(f"{path} cannot be read: {error.strerror}. Give a text file you may read.") from error

    @classmethod
    def _open_stream(cls, stream: BinaryIO, name: str, options: ReadOptions) -> TextSource:
        handle, path = tempfile.mkstemp(prefix="charrnn-")
        try:
            with os.fdopen(handle, "wb") as copy:
                shutil.copyfileobj(stream, copy)
            source = cls(Path(path), name, options)
        except BaseException:
            os.unlink(path)
            raise
        weakref.finalize(source, os.unlink, path)
        return source

    @property
    def encoding(self) -> str:
        """Name of the encoding."""
        return "utf-8" if self._codec.encoding == UTF8 else self._codec.encoding

    def chunks(self) -> Iterator[str]:
        """Yield the text from its beginning, in pieces of a few hundred thousand characters (very long lines apart)."""
        return self._read(Counter())

    def __repr__(self) -> str:
        return f"<TextSource {self.name}: {self.survey.length:,} characters, {self.encoding}>"

    def _read(self, tally: Counter[str]) -> Iterator[str]:
        return self._options.clean(decode(self._path, self._codec), tally)

    def _take_survey(self, tally: Counter[str]) -> Survey:
        survey = Survey()
        for chunk in self._read(tally):
            survey.add(chunk)
            if survey.counts[0]:
                raise self._binary()
        return survey

    def _expected_codec(self) -> Codec:
        with self._path.open("rb") as file:
            head = file.read(HEAD)
        asked = self._options.encoding and codecs.lookup(self._options.encoding).name
        if asked and asked != "utf-8":
            return Codec(asked)
        if head.startswith(codecs.BOM_UTF8):
            self.notes.append("Dropped a byte order mark.")
        elif not asked and (codec := announced(head)):
            self.notes.append(f"Read as {codec.encoding}, as its byte order mark says.")
            return codec
        if looks_binary(head):
            raise self._binary()
        return Codec(UTF8)

    def _guessed_codec(self, position: int) -> Codec:
        if self._options.encoding:
            raise SourceUnusable(
                f"{self.name} is not valid {self._options.encoding}: its byte {position:,} has no meaning. "
                "Leave encoding out to have it detected."
            )
        sample = sample_around(self._path, position)
        if looks_binary(sample):
            raise self._binary()
        codec = guess(sample)
        if codec.encoding != UTF8:
            self.notes.append(
                f"Not UTF-8 (its byte {position:,} is invalid): read as {codec.encoding}, a guess. "
                "Give encoding= if it is another."
            )
        return codec

    def _require_text(self, tally: Counter[str]) -> None:
        if self.survey.length > 1:
            return
        size = "one character" if self.survey.length else "no text"
        if tally["outside"]:
            raise SourceUnusable(f"{self.name} holds {size} between Project Gutenberg's markers. Leave gutenberg out.")
        raise SourceUnusable(f"{self.name} holds {size}; learning takes at least two characters. Give a longer text.")

    def _binary(self) -> SourceUnusable:
        return SourceUnusable(
            f"{self.name} is a binary file, not a text. Give a text file; if it is UTF-16 without a byte order mark, "
            "say so: encoding='utf-16-le'."
        )

    def _note(self, tally: Counter[str]) -> None:
        if self._codec.errors == "replace" and (invalid := self.survey.counts[0xFFFD]):
            self.notes.append(f"{invalid:,} places are not valid {self.encoding} and were read as U+FFFD.")
        for kind in ("crlf", "cr"):
            if tally[kind]:
                self.notes.append(f"Converted {tally[kind]:,} {kind.upper()} line ends to LF.")
        if tally["outside"]:
            self.notes.append(f"Left out {tally['outside']:,} characters outside of Project Gutenberg's markers.")
