"""The tasks of models of characters, and of models of a continuous text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from charrnn import checks
from charrnn.data.documents.labels import only_label, shares
from charrnn.data.text.charset import CharSet
from charrnn.data.text.corpus import CharacterCorpus, TextCorpus
from charrnn.errors import InvalidValue
from charrnn.generation import classifying, scoring
from charrnn.generation import sampler as sampling
from charrnn.generation.classifying import Classification
from charrnn.generation.documents import Samples, write_texts
from charrnn.generation.sampler import Sample, Sampler
from charrnn.generation.scoring import Score
from charrnn.generation.writer import BLOCK
from charrnn.model.sampling import OPTIONS
from charrnn.tasks.task import OF_MUSIC, Task

if TYPE_CHECKING:
    from charrnn.model.model import Model
    from charrnn.settings.hyper import HyperParams
    from charrnn.training.place import Place

C = TypeVar("C", bound=CharacterCorpus)

TRIES = 5  # attempts at a sample that is not blank


class CharacterTask(Task[C]):
    """The base class of the tasks of texts and of documents."""

    _foreign, _foreign_kind = OF_MUSIC, "music"

    @classmethod
    def suited(cls, hyper: HyperParams, source: object) -> HyperParams:
        from charrnn.model import heads

        if heads.make(hyper, vocab_size=1).unit != "character":
            raise InvalidValue(f"head={hyper.head!r} is for music, which {source} is not.")
        return hyper

    @property
    def chars(self) -> CharSet:
        return self.corpus.charset

    def encode(self, thing: Any, least: int = 0) -> np.ndarray:
        symbols = self.chars.encode(self._text(thing))
        if len(symbols) < least:
            raise InvalidValue(f"The text is too short: expected {least} or more characters, not {len(symbols)}.")
        return symbols

    def as_read(self, thing: Any) -> Any:
        return self.reading.cleaned(thing, self.chars) if self.reading and isinstance(thing, str) else thing

    def _text(self, thing: Any) -> str:
        if not isinstance(thing, str):
            raise InvalidValue(f"{thing!r:.60} is not a text: this model learned {self._learned}, so give a string.")
        return str(self.as_read(thing))

    def _decoded(self, encoded: np.ndarray) -> str:
        return self.chars.decode(encoded)

    def beginning(self, length: int) -> str:
        between = "\n\n" if "\n" in self.chars else ""
        return between.join(map(self._decoded, self._parts().valid.first(length)))[:length]

    def score(
        self,
        model: Model,
        thing: Any,
        *,
        on_unknown: Literal["replace", "skip", "error"] = "replace",
        label: Any = None,
        **others: Any,
    ) -> Score:
        self._refuse(others)
        tables = self.corpus.tables
        labels = [only_label(table, share) for table, share in zip(tables, shares(tables, label), strict=True)]
        return scoring.score(model, self.chars, self._text(thing), on_unknown, labels)

    def classify(self, model: Model, text: str, column: str | None = None) -> Classification:
        return classifying.classify(
            model, self.require("classify").chars, self.corpus.tables, self.as_read(text), column
        )

    def exercises(self, model: Model) -> dict[str, Callable[[], object]]:
        text = self.chars.chars[-1]
        return {
            "writing": lambda: self.write(model, BLOCK, prompt=text),
            "scoring": lambda: self.score(model, text),
            "neurons": lambda: model.process(self.encode(text)),
        }

    def _chosen(self, others: dict[str, Any]) -> dict[str, Any]:
        """Return the options of `charrnn.model.sampling.Choice` among others; refuse what remains."""
        self._refuse({name: value for name, value in others.items() if name not in OPTIONS})
        return {name: value for name, value in others.items() if name in OPTIONS}

    def _indexed(self, firsts: Mapping[str, int]) -> list[list[int]]:
        return [[self.chars.idxofchar(ch), n] for ch, n in firsts.items()]

    def _led_by(self, model: Model, label: Any, guidance: float) -> dict[str, Any]:
        """Return the options of a label; see `charrnn.generation.writer.Writer`."""
        checks.number("guidance", guidance)
        if label is None:
            if guidance != 1:
                raise InvalidValue(f"guidance={guidance!r} exaggerates a label: give one, as in label={{...}}.")
            return {}
        return {"condition": model.condition(shares(self.corpus.tables, label)), "guidance": float(guidance)}


class TextTask(CharacterTask[TextCorpus]):
    """The task of a model of a continuous text."""

    example = "ms.generate(500), ms.score('a text')"
    _learned = "a text"

    @property
    def refusals(self) -> dict[str, str]:
        return super().refusals | {
            "classify": "ms.classify needs labels: make a model of documents with labels=... to classify.",
        }

    def before(self) -> np.ndarray:
        return np.zeros(0, np.int32)

    def passages(self, length: int) -> list[str]:
        """Return the beginning of the validation text, from the first line that begins within its 200 characters."""
        text = self.beginning(length + 200)
        start = text.find("\n", 0, 200) + 1
        return list(filter(None, [text[start : start + length]]))

    def page_record(self) -> dict[str, Any]:
        return {"firsts": self._indexed(self.chars.linestarts), "newlines": "\n" in self.chars, "ends": []}

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
        options = self._options(model, temp, prompt, label, guidance)
        options |= {"init_state": init_state, "rng": rng, "on_unknown": on_unknown, **chosen}
        length = 100 if length is None else length
        if n is None:
            return sampling.generate(model, self.chars, length, **options)
        return write_texts(model, self.chars, n, length, **options)

    def stream(
        self,
        model: Model,
        length: int | None = None,
        *,
        temp: float | None = None,
        prompt: str | None = None,
        label: Any = None,
        guidance: float = 1.0,
        init_state: np.ndarray | None = None,
        rng: int | np.random.Generator | None = None,
        on_unknown: Literal["replace", "skip", "error"] = "replace",
        clamp: object = None,
        **others: Any,
    ) -> Iterator[str]:
        chosen = self._chosen(others)
        options = self._options(model, temp, prompt, label, guidance)
        options |= {"init_state": init_state, "rng": rng, "on_unknown": on_unknown, **chosen}
        sampler = Sampler(model, self.chars, **options)
        yield sampler.prompt
        yield from sampler.write(length)

    def sample(self, model: Model, place: Place, seed: int, temp: float = 0.5) -> str:
        """Return the line that stream 0 is in, as far as it was read, and how the model continues it.

        If that would be blank, or nothing is read yet, the line begins with a random character that begins lines.
        """
        rng = np.random.default_rng([seed, model.steps])
        if place.state is not None:
            line, reading = self._line_so_far(place)
            state = place.state[:, 0]
            written = str(self.write(model, 100, temp=temp, prompt=reading, init_state=state, rng=rng))
            if written[len(reading) :].strip():
                return f"{line}{written}".lstrip("\n")
        for _ in range(TRIES):
            written = str(self.write(model, 100, temp=temp, prompt="", rng=rng))
            if written[1:].strip():
                break
        return written

    def _line_so_far(self, place: Place) -> tuple[str, str]:
        """Return the characters that stream 0 has read of its line, at most one sequence, and its next character."""
        data, streams = self._parts().train, place.state.shape[1] if place.state is not None else 1
        before = data.batch(place.pos - 1, streams).x[:, 0] if place.pos else np.zeros(0, np.int32)
        line = self._decoded(before).rpartition("\n")[2]
        return line, self._decoded(data.batch(place.pos, streams).x[:1, 0])

    def _options(
        self, model: Model, temp: float | None, prompt: str | None, label: Any, guidance: float
    ) -> dict[str, Any]:
        options: dict[str, Any] = {"temp": self.temp if temp is None else temp, "skip": self.never_written}
        return (
            options
            | {"prompt": "\n" if prompt is None else self.as_read(prompt)}
            | self._led_by(model, label, guidance)
        )
