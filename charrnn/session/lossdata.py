"""What a loss is measured on: a part of the model's data, or anything of its kind."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from charrnn.data.documents.document import Document
from charrnn.data.music.rolls import Roll
from charrnn.data.reading import Reading
from charrnn.data.recognise import source_like
from charrnn.data.streams.batch import Streams
from charrnn.data.text import paths
from charrnn.data.text.charset import UnknownCharacterWarning
from charrnn.data.text.dataset import DataSet
from charrnn.errors import InvalidValue, warn_caller

if TYPE_CHECKING:
    from charrnn.session.session import Session

PARTS = ("train", "valid", "test")
LEAST = 32  # sequences of a stream


@contextlib.contextmanager
def data(ms: Session, on: Any) -> Iterator[Streams]:
    """Give a `with` block the data that a loss is measured on; see `charrnn.session.train.calc_loss`.

    Raises
    ------
    InvalidValue
        If it is of another kind than the model learned, or a string that names a file.
    SourceNotFound, SourceUnusable
        If a file cannot be used.

    Warns
    -----
    UnknownCharacterWarning
        If it holds characters that the model does not know.
    """
    if isinstance(on, str) and on in PARTS:
        yield {"train": lambda: ms.train_data, "valid": lambda: ms.valid_data, "test": lambda: ms.test_data}[on]()
        return
    if isinstance(on, str) and not ms.task.file_suffix:
        if paths.is_file(on) or paths.FILE_NAME.fullmatch(on):
            raise InvalidValue(f"on={on!r} names a file, and a string is a text itself: give Path({on!r}).")
        if ms.corpus.kind == "text":
            yield _text(ms, on)
            return
    single = isinstance(on, str | Document | Roll) or (isinstance(on, np.ndarray) and on.ndim == 2)
    given = [on] if single and not (isinstance(on, str) and ms.task.file_suffix) else on
    reading = (ms.facts.reading or Reading()).of_another(given)
    source = source_like(ms.corpus, given, reading)
    with tempfile.TemporaryDirectory(prefix="charrnn-") as place:
        corpus = source.encode_like(Path(place), ms.corpus)
        for note in corpus.notes:
            if "read as U+FFFD" in note:
                warn_caller(f"{corpus.source}: {note}", UnknownCharacterWarning)
        yield corpus.open(place).valid


def batchsize(data: Streams, on: Any, most: int) -> int:
    """Return the number of streams to measure on: fewer for a short text, so that most of it is read in context."""
    if not isinstance(data, DataSet) or (isinstance(on, str) and on in PARTS):
        return most
    return min(most, max(1, data.data_len // LEAST))


def _text(ms: Session, text: str) -> DataSet:
    symbols = ms.task.encode(text, least=2).astype(ms.chars.index_dtype)
    return DataSet(symbols, ms.chars.vocab_size, min(ms.corpus.seq_len, len(symbols) - 1), "text")
