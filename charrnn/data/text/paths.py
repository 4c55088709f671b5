"""Find the text files at given paths: one file, several in a list, a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from charrnn.errors import InvalidValue, SourceNotFound, SourceUnusable

LONGEST_PATH = 4096  # characters
MANY = 1000  # strings of a longer list are texts unless one of so many is a file
NAMED = 5  # names in one message
FILE_NAME = re.compile(
    r"[^\n]{0,200}\.(?:txt|text|md|csv|tsv|tab|json|jsonl|ndjson|midi?|kar|rmi|npz|mat|tex|html?|log|py|c|h|java|js)",
    re.IGNORECASE,
)
MIDI = (".mid", ".midi", ".kar", ".rmi")
MODEL = "model.json"  # a folder that holds it is a model's working directory


def require_path(source: str | os.PathLike[str]) -> Path:
    r"""Return the path that a text or path-like names, whether there is something or not.

    Raises
    ------
    InvalidValue
        If it is empty.
    SourceUnusable
        If it is a text rather than a path.

    >>> require_path("Tyger Tyger, burning bright,\nIn the forests of the night;\n")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    charrnn.errors.SourceUnusable: 'Tyger Tyger, burning bright,...' cannot be read: it is a text, not a path...
    """
    text = os.fspath(source)
    if not text.strip():
        raise InvalidValue(f"{text!r} is not a path: expected that of a text file, a table, a folder or music.")
    if not _possible(text):
        raise SourceUnusable(
            f"'{text.strip().splitlines()[0][:40]}...' cannot be read: it is a text, not a path. Write it to a file "
            'and give its path, or give it in a list, ["..."], as one document.'
        )
    return Path(text).expanduser()


def is_folder(source: Any) -> bool:
    """Return whether a source is the path of a folder; nothing is raised.

    >>> is_folder("."), is_folder(""), is_folder("a" * 100_000), is_folder(5)
    (True, False, False, False)
    """
    return _stands(source, Path.is_dir)


def is_file(source: Any) -> bool:
    """Return whether a source is the path of a file; nothing is raised."""
    return _stands(source, Path.is_file)


def missing(path: Path) -> SourceNotFound:
    """Return the error for a path that does not exist, with similar names."""
    text = str(path)
    hint = "Give the path of a text file."
    if any(ch in text for ch in "*?[") and (path.parent.exists() or "*" in str(path.parent)):
        hint = f"For all files of a pattern give sorted(Path({str(path.parent)!r}).glob({path.name!r}))."
    elif " " in text and not path.suffix:
        hint = 'Give the path of a text file; if this is a text itself, give it in a list, ["..."].'
    return SourceNotFound(f"No file {path} (looked from {Path.cwd()}). {hint}")


def listed_files(items: Iterable[Any]) -> list[Path] | None:
    """Return the files that a list names, in its order; None if its entries are not paths.

    They are if each is a path object or the path of an existing file.

    Raises
    ------
    SourceNotFound
        If a file does not exist.
    SourceUnusable
        If some entries are files and some are not, or one is a folder.
    """
    items = list(items)
    if not items or not all(isinstance(item, str | os.PathLike) for item in items):
        return None
    paths = any(not isinstance(item, str) for item in items)
    if not paths and len(items) > MANY and not any(map(is_file, items[:MANY])):
        return None
    found = [is_file(item) for item in items]
    there = [item for item, stands in zip(items, found, strict=True) if stands]
    absent = [item for item, stands in zip(items, found, strict=True) if not stands]
    folders = [item for item in absent if is_folder(item)]
    if not absent:
        return [Path(item).expanduser() for item in items]
    if folders and (there or paths or len(folders) == len(items)):
        raise SourceUnusable(f"{_names(folders)} in a list: give a folder by itself, or the files in it.")
    if there:
        raise SourceUnusable(
            f"Of a list of {len(items):,}, {_names(there)} {'are files' if len(there) > 1 else 'is a file'}, and "
            f"{_names(absent)} {'are' if len(absent) > 1 else 'is'} not: give paths only, or texts only."
        )
    if paths or all(FILE_NAME.fullmatch(item) for item in items):
        hint = "" if paths else " Texts that look like names of files can be given as Documents."
        raise SourceNotFound(f"There is no file {_names(absent)} (looked from {Path.cwd()}).{hint}")
    return None


def is_midi(path: Path) -> bool:
    """Return whether a file's name says that it is a MIDI file."""
    return path.suffix.lower() in MIDI


def folder_files(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the files of a folder and its sub-folders, by name, and the working directories that were passed over.

    Hidden ones are passed over too.

    Raises
    ------
    SourceUnusable
        If the folder is a working directory, or cannot be read.
    """
    if (folder / MODEL).is_file():
        raise SourceUnusable(f"{folder} is a model's working directory, not a text. Load it with ModelState.load.")

    def refuse(error: OSError) -> None:
        if Path(str(error.filename)) == folder:
            raise SourceUnusable(f"{folder} cannot be read: {error.strerror}.") from error

    files, models = [], []
    for place, folders, names in os.walk(folder, onerror=refuse):
        here = Path(place)
        if MODEL in names and here != folder:
            models.append(here)
            folders.clear()
            continue
        folders[:] = [name for name in folders if not name.startswith((".", "__MACOSX"))]
        files += [here / name for name in names if not name.startswith(".") and (here / name).is_file()]
    return sorted(files), sorted(models)


def _possible(text: str) -> bool:
    longest = max(map(len, re.split(r"[/\\]", text)))
    return len(text) <= LONGEST_PATH and longest <= 255 and not set("\n\r\0") & set(text)


def _stands(source: Any, what: Any) -> bool:
    if not isinstance(source, str | os.PathLike) or not os.fspath(source) or not _possible(str(source)):
        return False
    try:
        return bool(what(Path(source).expanduser()))
    except (OSError, ValueError, RuntimeError):  # RuntimeError: no home directory
        return False


def _names(items: list[Any]) -> str:
    shown = ", ".join(str(item).replace("\n", " ")[:60] for item in items[:NAMED])
    return shown + (f" and {len(items) - NAMED:,} more" if len(items) > NAMED else "")
