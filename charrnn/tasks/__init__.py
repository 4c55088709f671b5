"""Where text, documents and music differ: a task for each kind of data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from charrnn.data.corpus import Corpus, Parts
from charrnn.data.documents.corpus import DocumentCorpus
from charrnn.data.music.corpus import MusicCorpus
from charrnn.data.reading import Reading
from charrnn.data.text.corpus import TextCorpus
from charrnn.tasks.documents import DocumentTask
from charrnn.tasks.task import Task
from charrnn.tasks.text import TextTask


def task_type(kind: str) -> type[Task[Any]]:
    """Return the class of tasks for a kind of data, as `Corpus.kind` names it.

    >>> task_type("documents").__name__
    'DocumentTask'
    """
    if kind == MusicCorpus.kind:  # its modules are imported only when they are needed
        from charrnn.tasks.music import MusicTask

        return MusicTask
    of_characters: dict[str, type[Task[Any]]] = {TextCorpus.kind: TextTask, DocumentCorpus.kind: DocumentTask}
    return of_characters[kind]


def task_for(
    corpus: Corpus, parts: Callable[[], Parts[Any]], never_written: int = 0, reading: Reading | None = None
) -> Task[Any]:
    """Return the task of a corpus's kind; for the parameters see `Task`."""
    return task_type(corpus.kind)(corpus, parts, never_written, reading)
