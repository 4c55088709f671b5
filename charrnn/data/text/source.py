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
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, cast

from charrnn.data.text import alphabets, cleaning, decoding, paths
from charrnn.data.text.alphabets import Guess
from charrnn.data.text.decoding import NULS, UTF8, Codec, UndecodableError, announced, decode, looks_binary, opened
from charrnn.data.text.options import ReadOptions
from charrnn.data.text.survey import Survey
from charrnn.errors import SourceNotFound, SourceUnusable
from charrnn.wording import plural

# Bytes looked at before all others are read. Larger than anything allocated for a block: once that much was freed, the
# usual allocator on Linux keeps the memory of one block for the next instead of giving it back, which is much faster.
HEAD = 1 << 22
BEGINNING = 1 << 17  # bytes in which Project Gutenberg's first marker is looked for
FEW = 3  # characters that look encoded twice may be meant


class TextSource:
    r"""A text in a file, decoded and cleaned again at each reading, with only a small part in memory.

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
        self._automatic = False
        self._codec = self._expected_codec()
        tally: Counter[str] = Counter()
        try:
            self.survey = self._take_survey(tally)
        except UndecodableError as invalid:
            self._codec = self._guessed_codec(invalid.position)
            self.survey = self._take_survey(tally)
        if self._automatic and (not tally["books"] or self.survey.length < 2):
            self._options = replace(options, gutenberg=False)
            self.survey = self._take_survey(tally)
        self._require_text(tally)
        self._note(tally)
        with opened(path) as file:
            self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()

    @classmethod
    def open(
        cls,
        source: str | os.PathLike[str] | BinaryIO | Iterable[str | os.PathLike[str]],
        options: ReadOptions | None = None,
    ) -> TextSource:
        """Open a text.

        Parameters
        ----------
        source : path, binary stream, or iterable of paths
            A path, "-" for standard input, or a binary stream; a folder, or a list of paths, whose files follow each
            other as one text. What can be read only once (a stream, a pipe) is copied to a temporary file, which is
            deleted with the object.
        options : ReadOptions, optional
            How to read it.

        Raises
        ------
        SourceNotFound
            If the file does not exist.
        SourceUnusable
            If it is a text, a directory without texts, unreadable, binary, shorter than two characters, or not in
            the encoding asked for.
        InvalidValue
            If it is empty.
        """
        options = options or ReadOptions()
        if isinstance(source, str) and source == "-":
            return cls._open_stream(sys.stdin.buffer, "stdin", options)
        if isinstance(source, str | os.PathLike):
            return cls._open_path(paths.require_path(source), options)
        if hasattr(source, "read"):
            name = Path(str(getattr(source, "name", "stream"))).name
            return cls._open_stream(cast(BinaryIO, source), name, options)
        files = paths.listed_files(source) if _is_list(source) else None
        if files is None:
            raise SourceUnusable(
                f"{source!r:.60} is not a text: expected the path of a text file, or a binary stream. "
                "Texts in a list are documents, not one text."
            )
        return JoinedText("list", [cls._open_path(file, options) for file in files], options)

    @classmethod
    def _open_path(cls, path: Path, options: ReadOptions) -> TextSource:
        try:
            if path.is_dir():
                return _folder_text(path, options)
            if path.is_file():
                return cls(path, path.name, options)
            with path.open("rb") as pipe:
                return cls._open_stream(pipe, path.name, options)
        except FileNotFoundError as error:
            if isinstance(error, SourceNotFound):
                raise
            raise paths.missing(path) from None
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
        return self._options.clean(cleaning.without_traces(decode(self._path, self._codec, tally), tally), tally)

    def _take_survey(self, tally: Counter[str]) -> Survey:
        tally.clear()
        survey = Survey()
        for chunk in self._read(tally):
            survey.add(chunk)
            if tally["nul"] > NULS * max(survey.length, HEAD):
                raise self._binary()
        if tally["nul"] > NULS * survey.length:
            raise self._binary()
        return survey

    def _expected_codec(self) -> Codec:
        with opened(self._path) as file:
            head = file.read(HEAD)
        start = head[:BEGINNING].replace(b"\0", b"").decode("latin-1")
        if self._options.gutenberg is None:
            self._automatic = bool(cleaning.GUTENBERG_START.search(start))
            self._options = replace(self._options, gutenberg=self._automatic)
        asked = self._options.encoding and codecs.lookup(self._options.encoding).name
        if asked and asked != "utf-8":
            return Codec(asked)
        if head.startswith(codecs.BOM_UTF8):
            self.notes.append("Dropped a byte order mark.")
        elif not asked and (codec := announced(head)):
            said = "escapes of JIS say" if codec.encoding == "iso2022_jp" else "byte order mark says"
            self.notes.append(f"Read as {codec.encoding}, as its {said}.")
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
        found = decoding.mixture(self._path)
        if looks_binary(found.sample):
            raise self._binary()
        codec, self._guess = decoding.guess(found)
        if not codec.foreign:
            self.notes.append(
                f"Not UTF-8 (its byte {position:,} is invalid): read as {codec.encoding}, a guess{self._sureness()}. "
                "Give encoding= if it is another."
            )
        self._position = position
        return codec

    _guess: Guess | None = None
    _position = 0

    def _sureness(self) -> str:
        if self._guess is None:
            return ", for want of a better one"
        rival = f"; {self._guess.rival} is the next likely" if self._guess.rival else ""
        return f" of {100 * self._guess.confidence:.0f} % confidence{rival}"

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
        if tally["foreign"]:
            self.notes.append(
                f"UTF-8 but for {plural(tally['foreign'], 'byte')} on {plural(tally['foreign lines'], 'line')}, the "
                f"first at byte {self._position:,}: read there as {self._codec.foreign}, a guess{self._sureness()}."
            )
        invalid = tally["damaged"] if self._codec.foreign else self.survey.counts[0xFFFD]
        if self._codec.errors == "replace" and invalid:
            places = "place is" if invalid == 1 else "places are"
            read = "was" if invalid == 1 else "were"
            self.notes.append(f"{invalid:,} {places} not valid {self.encoding} and {read} read as U+FFFD.")
        self.notes += cleaning_notes(tally, self._automatic, first_mark=self._marked())
        self._note_twice_encoded()

    def _marked(self) -> bool:
        """Return whether the text as it is decoded begins with a byte order mark, as of an encoding given by name."""
        return next((chunk.startswith("\ufeff") for chunk in decode(self._path, self._codec) if chunk), False)

    def _note_twice_encoded(self) -> None:
        """Tell of text that was encoded twice, such as Ã© for é, looking closer where its typical characters occur."""
        counts = self.survey.counts
        if controls := int(counts[0x80:0xA0].sum() - counts[0x85]):
            code = 0x80 + int(counts[0x80:0xA0].argmax())
            meant = bytes([code]).decode("cp1252", "ignore")
            hint = f", which is {meant!r} in cp1252" if meant else ""
            self.notes.append(
                f"{plural(controls, 'control code')} such as {chr(code)!r}{hint}: the text was read in another "
                "encoding before it was saved as it is."
            )
        beyond = int(self.survey.length - counts[:128].sum())
        seldom = sum(int(counts[ord(ch)]) for ch in alphabets.RARE) >= FEW
        often = max(int(counts[ord(ch)]) for ch in alphabets.TYPICAL)
        if not seldom and (often < FEW or 20 * often < beyond):
            return
        number, example, once = alphabets.twice_encoded(self.chunks() if seldom else self._beginning())
        if number >= FEW:
            self.notes.append(
                f"{number:,} characters look encoded twice, such as {example!r} for {once!r}; they are learned as they "
                "stand. Mend the file first, for instance with the package ftfy."
            )

    def _beginning(self) -> Iterator[str]:
        length = 0
        for chunk in self.chunks():
            yield chunk
            length += len(chunk)
            if length > HEAD:
                return


class JoinedText(TextSource):
    """Several texts that follow each other as one, each of which begins a line."""

    def __init__(
        self, name: str, parts: Collection[TextSource], options: ReadOptions, notes: Iterable[str] = ()
    ) -> None:
        self.name = name
        self._parts = list(parts)
        self._options = options
        self._codec = Codec(UTF8)
        self.notes = [f"Read {plural(len(self._parts), 'file')} as one text.", *notes]
        for part in self._parts:
            self.notes += [f"{part.name}: {note}" for note in part.notes]
        self.survey = Survey(self.chunks())
        self._require_text(Counter())
        checksums = "".join(f"{part.name} {part.sha256}\n" for part in self._parts)
        self.sha256 = hashlib.sha256(checksums.encode("utf-8", "surrogateescape")).hexdigest()

    @property
    def encoding(self) -> str:
        """Name of the encoding, "utf-8" where the files differ."""
        found = {part.encoding for part in self._parts}
        return found.pop() if len(found) == 1 else "utf-8"

    def _read(self, tally: Counter[str]) -> Iterator[str]:
        last = "\n"
        for part in self._parts:
            if last != "\n":
                yield "\n"
            for chunk in part.chunks():
                yield chunk
                last = chunk[-1:] or last


def cleaning_notes(tally: Counter[str], automatic: bool = False, first_mark: bool = False) -> list[str]:
    """Return sentences about the counts of `cleaning`; `first_mark` means that the text began with a mark."""
    notes = []
    if first_mark:
        notes.append("Dropped a byte order mark.")
    if marks := tally["marks"] - first_mark:
        notes.append(f"Removed {plural(marks, 'byte order mark')} from the middle of the text.")
    if tally["nul"]:
        notes.append(f"Left out {plural(tally['nul'], 'NUL character')}.")
    for kind in ("crlf", "cr"):
        if tally[kind]:
            ends = "line end" if tally[kind] == 1 else "line ends"
            notes.append(f"Converted {tally[kind]:,} {kind.upper()} {ends} to LF.")
    if tally["outside"]:
        keep = " gutenberg=False keeps them." if automatic else ""
        notes.append(f"Left out {tally['outside']:,} characters outside of Project Gutenberg's markers.{keep}")
    return notes


def passed_over(models: Collection[Path]) -> list[str]:
    """Return a sentence about working directories in a folder of texts, if there are any."""
    if not models:
        return []
    number = "a working directory" if len(models) == 1 else f"{len(models):,} working directories"
    return [f"Passed over {number} of models."]


def _is_list(source: Any) -> bool:
    return isinstance(source, Iterable) and not isinstance(source, bytes | bytearray | Mapping)


def _folder_text(folder: Path, options: ReadOptions) -> JoinedText:
    """Return the files of a folder as one text; those that are not texts are left out."""
    files, models = paths.folder_files(folder)
    texts, left = [], []
    for file in files:
        try:
            texts.append(TextSource.open(file, options))
        except SourceUnusable as error:
            left.append(f"{file.relative_to(folder).as_posix()} ({str(error).partition('. ')[0]})")
    if not texts:
        raise SourceUnusable(f"{folder} is a directory without a text. {' '.join(left[:1])}".rstrip())
    notes = passed_over(models)
    if left:
        notes.append(f"Left out {plural(len(left), 'file')} that cannot be used, the first being {left[0]}.")
    return JoinedText(folder.resolve().name, texts, options, notes)
