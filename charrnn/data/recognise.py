"""Recognise a source as text, documents or music: the one place where the question is asked."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from charrnn.data.corpus import Corpus
from charrnn.data.documents.corpus import DocumentCorpus
from charrnn.data.documents.options import DocumentOptions
from charrnn.data.documents.source import SUFFIXES
from charrnn.data.music.corpus import MusicCorpus
from charrnn.data.music.options import MusicOptions
from charrnn.data.music.source import folder_census, is_music
from charrnn.data.reading import Reading
from charrnn.data.sources import SOURCES, ContinuousText, Music, SeparateDocuments, Source, named
from charrnn.data.text import paths
from charrnn.data.text.source import ReadOptions
from charrnn.errors import InvalidValue, SourceUnusable


def recognise(
    given: Any,
    reading: ReadOptions,
    documents: DocumentOptions,
    music: MusicOptions,
    musical: Sequence[str] = (),
) -> Source:
    """Decide whether a source is text, documents or music.

    What the options say decides: `kind`, `documents`, or an option that only one kind of data has. Otherwise arrays,
    MIDI files and folders of which they are at least half are music; tables, other folders, lists and data frames are
    documents; and other files are text.

    Parameters
    ----------
    given : path, binary stream, list, array ...
    reading, documents, music : ReadOptions, DocumentOptions, MusicOptions
    musical : sequence of str
        Arguments given elsewhere that only music has, such as "head='nade'".

    Raises
    ------
    InvalidValue
        If options are given for different kinds, or for another kind than the source is.
    SourceUnusable
        If it is a text itself instead of a path, or an empty list.

    Examples
    --------
    >>> recognise("alice.txt", ReadOptions(), DocumentOptions(), MusicOptions()).corpus.kind
    'text'
    >>> recognise("poems.csv", ReadOptions(), DocumentOptions(), MusicOptions()).corpus.kind
    'documents'
    """
    given = settled(given)
    _require_one_kind(given)
    said = [*musical, *(name for name in music.chosen if name != "memory_limit")]
    if documents.kind == "music":
        said.insert(0, "kind='music'")
    if documents.documents is False and documents.about_documents:
        raise InvalidValue(
            f"documents=False, yet {_about(documents.about_documents, 'about documents')}: leave one out."
        )
    other = _said_otherwise(documents)
    if said and other:
        raise InvalidValue(f"{_about(said, 'for music')}, and {_about(other, 'about texts')}: leave one out.")
    if not said and is_music(given) and not (other and _is_mixed(given)):
        if documents.about_documents:
            raise InvalidValue(f"{named(given)} is music, but {_about(documents.about_documents, 'about documents')}.")
        if not other:
            return Music(given, reading, _of_most(given), music)
    if said:
        if documents.kind != "music" and not _may_be_music(given):
            raise InvalidValue(f"{_about(said, 'for music')}, which {named(given)} is not.")
        return Music(given, reading, (), music)
    remarks = () if other else _of_most(given)
    if _holds_documents(given, documents):
        return SeparateDocuments(given, reading, remarks, documents)
    return ContinuousText(given, reading, remarks)


def settled(given: Any) -> Any:
    """Return a source that can be looked at twice: what an iterator yields, as of a glob, as a list.

    Raises
    ------
    InvalidValue, SourceUnusable
        If it is an empty path, bytes, an empty list, or a text itself instead of a path.
    """
    if isinstance(given, bytes | bytearray):
        raise InvalidValue(f"{given!r:.40} is of bytes: expected the path of a text as a string, or texts in a list.")
    if isinstance(given, str | os.PathLike):
        if given != "-":
            paths.require_path(given)
        return given
    if isinstance(given, Iterator) and not hasattr(given, "read"):
        given = list(given)
    if isinstance(given, list | tuple) and not given:
        raise SourceUnusable("The list is empty: expected files, texts or pieces. A glob may have matched nothing.")
    return given


def _require_one_kind(given: Any) -> None:
    """Raise if a list of files holds MIDI files and others."""
    if isinstance(given, list | tuple) and paths.is_file(given[0]):  # else it is texts, of which there may be many
        music = [item for item in given if paths.is_file(item) and is_music(item)]
        others = [item for item in given if item not in music] if music else []
        if others and all(map(paths.is_file, others)):
            raise SourceUnusable(
                f"{named(given).capitalize()} holds music, such as {music[0]}, and other files, such as {others[0]}: "
                "give files of one kind."
            )


def _about(names: Sequence[str], what: str) -> str:
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} {what}"


def _said_otherwise(documents: DocumentOptions) -> list[str]:
    """Return the options that say that a source is not music."""
    said = [] if documents.documents is None else [f"documents={documents.documents}"]
    if documents.kind not in (None, "music"):
        said.append(f"kind={documents.kind!r}")
    return said + [name for name in documents.about_documents if name != "kind"]


def _holds_documents(given: Any, options: DocumentOptions) -> bool:
    """Say whether a source that is not music is documents, each on its own, and not one continuous text."""
    if options.documents is not None:
        if options.documents is False and options.kind == "documents":
            raise InvalidValue("documents=False, yet kind='documents': leave one out.")
        return options.documents
    if options.about_documents or options.kind == "documents":
        return True
    if options.kind == "text" or hasattr(given, "read"):
        return False
    if not isinstance(given, str | os.PathLike):
        return True
    return Path(given).suffix.lower() in SUFFIXES or paths.is_folder(given)


def _is_mixed(given: Any) -> bool:
    """Return whether a source is a folder in which only some files are MIDI files."""
    music, others = _census(given)
    return music > 0 and others > 0


def _census(given: Any) -> tuple[int, int]:
    """Return how many files of a folder are MIDI files and how many are not; none if the path is not a folder."""
    return folder_census(Path(given).expanduser()) if paths.is_folder(given) else (0, 0)


def _may_be_music(given: Any) -> bool:
    """Return whether music may be meant: some of it is, or it is a path at which there is nothing to tell."""
    if is_music(given) or _census(given)[0]:
        return True
    if isinstance(given, str | os.PathLike):
        return not Path(given).suffix and not paths.is_file(given) and not paths.is_folder(given)
    return isinstance(given, list | tuple) and any(paths.is_file(item) and is_music(item) for item in given)


def _of_most(given: Any) -> tuple[str, ...]:
    """Return a sentence about a folder of MIDI and other files whose kind nobody said."""
    music, others = _census(given)
    if not music or not others:
        return ()
    files = f"{music:,} of {music + others:,} files are MIDI files, so the folder is read as"
    if music >= others:
        return (f"{files} music; kind='documents' takes the others.",)
    return (f"{files} documents; kind='music' takes the MIDI files.",)


def source_like(corpus: Corpus, given: Any, reading: Reading) -> Source:
    """Return another source of the same kind as an encoded one.

    Raises
    ------
    InvalidValue, SourceUnusable
        If the options are for another kind, or as `settled`.
    """
    given = settled(given)
    options = reading.documents
    if options.kind in SOURCES and options.kind != corpus.kind:
        raise InvalidValue(f"kind={options.kind!r}: the model learned from {corpus.kind}, so leave it out.")
    if corpus.kind != DocumentCorpus.kind and options.about_documents:
        raise InvalidValue(
            f"{_about(options.about_documents, 'about documents')}, and the model learned from {corpus.kind}."
        )
    if isinstance(corpus, MusicCorpus):
        return Music(given, reading.text, (), reading.music)
    if isinstance(corpus, DocumentCorpus):
        return SeparateDocuments(given, reading.text, (), reading.documents)
    return ContinuousText(given, reading.text)


def with_parts(corpus: Corpus, apart: Mapping[str, Any], reading: Reading, directory: Path) -> Corpus:
    """Encode other sources beside a corpus as its parts for validation and testing; see `Corpus.apart`.

    Parameters
    ----------
    corpus : Corpus
    apart : mapping of str to path, list ...
        The sources, by the names of the parts.
    reading : Reading
        How the corpus was read.
    directory : Path
        Where it was encoded into.

    Raises
    ------
    SourceNotFound, SourceUnusable, InvalidValue, UnknownName, SaveFailed
        As `Source.encode`.
    """
    found = {}
    for part, given in apart.items():
        source = source_like(corpus, given, reading.of_another(given))
        with tempfile.TemporaryDirectory(dir=directory, prefix=part) as place:
            encoded = source.encode_like(Path(place), corpus)
            prefix = f"{part}-"
            for file in Path(place).iterdir():
                file.rename(directory / f"{prefix}{file.name}")
        found[part] = dataclasses.replace(encoded, prefix=prefix)
    return corpus.with_parts(found) if found else corpus
