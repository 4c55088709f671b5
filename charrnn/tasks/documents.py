"""The task of documents: a model writes whole documents, conditioned on labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from charrnn import checks
from charrnn.data.documents.corpus import DocumentCorpus
from charrnn.data.documents.dataset import BEGIN, END
from charrnn.errors import InvalidValue
from charrnn.generation import sampler as sampling
from charrnn.generation.documents import Samples, write_documents
from charrnn.generation.sampler import Sample
from charrnn.tasks.text import TRIES, CharacterTask

if TYPE_CHECKING:
    from charrnn.model.model import Model
    from charrnn.training.place import Place


class DocumentTask(CharacterTask[DocumentCorpus]):
    """The task of a model of documents."""

    example = "ms.generate(n=3), ms.score('a text')"
    _learned = "documents"

    @property
    def refusals(self) -> dict[str, str]:
        if self.corpus.tables:
            sentence = "finetune takes models of texts or of documents without labels; make a new model."
            return super().refusals | {"finetune": sentence}
        sentence = "The documents of this model have no labels: make one with labels=... to classify."
        return super().refusals | {"classify": sentence}

    def before(self) -> np.ndarray:
        return np.array([self.chars.idxofspecial(BEGIN)], np.int32)

    def page_record(self) -> dict[str, Any]:
        ends = [self.chars.idxofspecial(BEGIN), self.chars.idxofspecial(END)]
        return {"firsts": self._indexed(self.corpus.firsts), "newlines": False, "ends": ends}

    def write(
        self,
        model: Model,
        length: int | None = None,
        *,
        temp: float | None = None,
        prompt: str | None = None,
        init_state: np.ndarray | None = None,
        rng: int | np.random.Generator | None = None,
        on_unknown: Literal["replace", "skip", "error"] = "replace",
        n: int | None = None,
        label: Any = None,
        guidance: float = 1.0,
        clamp: object = None,
        **others: Any,
    ) -> Sample | Samples:
        if n is not None:
            checks.whole("n", n)
        chosen = self._chosen(others)
        led = self._led_by(model, label, guidance)
        if init_state is not None:
            raise InvalidValue("init_state is for texts: every document begins with a blank state.")
        found = write_documents(
            model,
            self.chars,
            n or 1,
            sampling.checked_numchars(1000 if length is None else length),
            prompt="" if prompt is None or prompt == "\n" else self.as_read(prompt),
            # With a label the model draws the first character; without, it is drawn from the data's distribution.
            first=self.corpus.random_first if label is None else None,
            temp=self.temp if temp is None else temp,
            rng=rng,
            on_unknown=on_unknown,
            skip=self.never_written,
            **chosen,
            **led,
        )
        return found[0] if n is None else found

    def stream(self, model: Model, length: int | None = None, **options: Any) -> Iterator[str]:
        """Yield whole documents, one after the other, endlessly."""
        if "n" in options:
            raise TypeError("stream writes one document after the other, and takes no n.")
        rng = np.random.default_rng(sampling.seed_of(options.pop("rng", None)))
        while True:
            yield f"{self.write(model, length, rng=rng, **options)}\n\n"

    def sample(self, model: Model, place: Place, seed: int, temp: float = 0.5) -> str:
        """Return a document, if possible one that is not blank."""
        rng = np.random.default_rng([seed, model.steps])
        for _ in range(TRIES):
            written = str(self.write(model, 300, temp=temp, rng=rng))
            if written[1:].strip():
                break
        return written
