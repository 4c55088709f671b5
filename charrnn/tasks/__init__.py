"""Where text, documents and music differ: a task for each kind of data.

>>> sorted(TASKS)
['documents', 'music', 'text']
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from charrnn.data.corpus import Corpus, Parts
from charrnn.data.documents.corpus import DocumentCorpus
from charrnn.data.music.corpus import MusicCorpus
from charrnn.data.text.corpus import TextCorpus
from charrnn.tasks.documents import DocumentTask
from charrnn.tasks.music import MusicTask
from charrnn.tasks.task import Task
from charrnn.tasks.text import TextTask

TASKS: dict[str, type[Task[Any]]] = {
    TextCorpus.kind: TextTask,
    DocumentCorpus.kind: DocumentTask,
    MusicCorpus.kind: MusicTask,
}


def task_for(corpus: Corpus, parts: Callable[[], Parts[Any]], never_written: int = 0) -> Task[Any]:
    """Return the task of a corpus's kind; parameters as of `Task`."""
    return TASKS[corpus.kind](corpus, parts, never_written)
