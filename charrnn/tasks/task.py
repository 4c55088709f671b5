"""`Task`: the operations of a model that depend on its kind of data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

import numpy as np

from charrnn import checks
from charrnn.columns import folded
from charrnn.data.corpus import Corpus, Parts
from charrnn.data.reading import Reading
from charrnn.data.streams.batch import Streams
from charrnn.data.text.charset import CharSet
from charrnn.errors import InvalidValue
from charrnn.generation.classifying import Classification
from charrnn.model.sampling import OPTIONS, checked_temp

if TYPE_CHECKING:
    from charrnn.model.model import Model
    from charrnn.settings.hyper import HyperParams
    from charrnn.training.place import Place

C = TypeVar("C", bound=Corpus)

# Options of `write` that only some kinds of data have, with their defaults.
OF_TEXTS = {**OPTIONS, "on_unknown": "replace", "label": None, "guidance": 1.0, "clamp": None}
OF_MUSIC = {"keys": None, "scale": None, "most": None, "melody": None}


class Task(ABC, Generic[C]):
    """The operations of a model of one kind of data: writing, scoring, reading, samples.

    Every method that uses a model takes it as an argument, because it may be the model of another thread or checkpoint.

    Parameters
    ----------
    corpus : Corpus
        The encoded data that the model learns.
    parts : callable
        Returns the encoded data, mapped into memory; raises SourceNotFound if they are not here.
    never_written : int
        Number of symbols, the first of the vocabulary, that the model never writes.
    reading : Reading, optional
        How the model's source was read; texts to score are read in the same way.

    Attributes
    ----------
    temp : float
        Default temperature of generation.
    example : str
        Calls to try first.
    file_suffix : str or None
        The suffix of files that generated pieces are saved to; None for text.
    """

    temp: ClassVar[float] = 0.5
    example: ClassVar[str]
    file_suffix: ClassVar[str | None] = None
    _learned: ClassVar[str]  # what messages say that the model learned
    _thing: ClassVar[str] = "text"  # and what they call one thing that it writes or reads
    _foreign: ClassVar[Mapping[str, Any]]  # options of `write` for other kinds, with their defaults
    _foreign_kind: ClassVar[str]

    def __init__(
        self,
        corpus: C,
        parts: Callable[[], Parts[Any]],
        never_written: int = 0,
        reading: Reading | None = None,
    ) -> None:
        self.corpus, self._parts, self.never_written, self.reading = corpus, parts, never_written, reading

    # -- what is offered ----------------------------------------------------------------------------------------------

    @classmethod
    @abstractmethod
    def suited(cls, hyper: HyperParams, source: object) -> HyperParams:
        """Return hyperparameters with an output head for this kind of data.

        Raises
        ------
        InvalidValue
            If the head is for another kind; the message names `source`.
        """

    @property
    def refusals(self) -> dict[str, str]:
        """The names of `ModelState` that have no meaning for this model, each with a sentence of explanation."""
        refused = {}
        if not self.corpus.test_len:
            untested = f"{self.corpus.source} has no part for testing, as testfrac= makes: use ms.calc_loss()."
            refused = {"test_loss": untested, "test_data": untested}
        return refused

    def require(self, name: str) -> Self:
        """Return the task if the method of `ModelState` with this name has a meaning for this model.

        Raises
        ------
        InvalidValue
            If it has none; the message explains it.
        """
        if name in (refusals := self.refusals):
            raise InvalidValue(refusals[name])
        return self

    def check_options(self, **options: Any) -> None:
        """Raise InvalidValue if an option of `write` is for another kind of data and not at its default."""
        for name, value in options.items():
            if name in self._foreign and not _same(value, self._foreign[name]):
                raise InvalidValue(f"{name} is for models of {self._foreign_kind}; this one learned {self._learned}.")

    def _refuse(self, options: Mapping[str, Any]) -> None:
        """Raise if there are options that this kind of data does not have, unless they are at their defaults."""
        self.check_options(**options)
        if unknown := options.keys() - self._foreign.keys():
            raise TypeError(f"There is no option {', '.join(sorted(unknown))}.")

    # -- writing ------------------------------------------------------------------------------------------------------

    @abstractmethod
    def write(self, model: Model, length: int | None = None, **options: Any) -> Any:
        """Return a text or piece that a model writes, or a list if `n` is given; see `ModelState.generate`.

        Parameters
        ----------
        model : Model
        length : int, optional
            Characters or frames after the prompt; of a document, at most.
        temp, prompt, init_state, rng, n
            See `ModelState.generate`. A temperature or prompt of None is this kind's default.
        **options
            Other options of `ModelState.generate`; `clamp` is only checked here, because the model does the clamping.

        Raises
        ------
        InvalidValue
            If an option is out of range or for another kind of data.
        """

    @abstractmethod
    def stream(self, model: Model, length: int | None = None, **options: Any) -> Iterator[str]:
        """Yield a generated text or generated pieces, part by part; see `ModelState.stream`."""

    @abstractmethod
    def sample(self, model: Model, place: Place, seed: int, temp: float = 0.5) -> str:
        """Return the sample that training shows and a checkpoint keeps: a function of model, steps and `seed`."""

    @abstractmethod
    def exercises(self, model: Model) -> dict[str, Callable[[], object]]:
        """Return calls, by name, that compile the functions besides those of training."""

    @abstractmethod
    def page_record(self) -> dict[str, Any]:
        """Return how texts begin and end, for a page that writes by itself.

        Returns
        -------
        dict
            `firsts`: symbols that texts begin with, each with how often; `newlines`: whether a text begins after a
            newline; `ends`: symbols that end a text, none if it has no end.
        """

    def shown(self, written: Any, width: int) -> str:
        """Return a generated text or piece as lines of at most `width` columns."""
        return folded(str(written), width)

    def drawing(self, written: Any) -> str | None:
        """Return a generated piece as SVG, None for a text."""
        return None

    # -- reading ------------------------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def chars(self) -> CharSet:
        """The characters that the model knows; InvalidValue if it knows none."""

    def as_read(self, thing: Any) -> Any:
        """Return a text read in the same way as the model's source, such as lower-cased; other things unchanged."""
        return thing

    @abstractmethod
    def encode(self, thing: Any, least: int = 0) -> np.ndarray:
        """Return a text as symbols (T,), or a piece as frames (T, V), as a model reads it.

        Raises
        ------
        InvalidValue
            If it is of another kind or shorter than `least`.
        """

    @abstractmethod
    def before(self) -> np.ndarray:
        """Return the begin symbol or frame that a model reads first, if any: (0 or 1,) or (0 or 1, V)."""

    @abstractmethod
    def score(self, model: Model, thing: Any, **options: Any) -> Any:
        """Return how likely a text or piece is to a model; see `ModelState.score`."""

    @abstractmethod
    def classify(self, model: Model, text: str, column: str | None = None) -> Classification:
        """Return how likely each label is for a text; see `ModelState.classify`."""

    def vectors(self, model: Model, things: Iterable[Any]) -> np.ndarray:
        """Return a vector for each text or piece, (number of things, H), to compare or cluster them.

        It is the mean of the last layer's hidden state, read from a blank state.

        Raises
        ------
        InvalidValue
            If a text or piece is empty or of another kind.
        """
        if isinstance(things, str) or not isinstance(things, Iterable):
            raise InvalidValue(f"{things!r:.60} is not a list: expected several to compare, or one as in [thing].")
        before, H = self.before(), model.hyper.state_size
        found = []
        for number, thing in enumerate(things):
            encoded = self.encode(thing)
            if not len(encoded):
                raise InvalidValue(f"{self._thing.capitalize()} {number} is empty: expected {self.corpus.noun}s.")
            _, states = model.predict(np.concatenate([before, encoded])[:, np.newaxis])
            found.append(np.asarray(states)[-1, len(before) :, 0, :H].mean(axis=0))
        return np.array(found, model.hyper.dtype).reshape(len(found), H)

    def track(
        self, model: Model, thing: Any, *, temp: float | None = None, ret_output: bool = False, transpose: bool = True
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Return the hidden states along a text or piece; see `ModelState.trackneurons`."""
        temp = checked_temp(self.temp if temp is None else temp)
        predictions, states = model.process(self.encode(thing, least=1), temp=temp)
        states = np.asarray(states).transpose(1, 2, 0) if transpose else np.asarray(states)
        return (np.asarray(predictions), states) if ret_output else states

    # -- the data -----------------------------------------------------------------------------------------------------

    def excerpt(self, length: int = 100, rng: int | np.random.Generator | None = None) -> Any:
        """Return an excerpt from a random place in the training data, such as for a prompt.

        Raises
        ------
        SourceNotFound
            If the data are not here.
        InvalidValue
            If `length` is not a whole number from 1 up.
        """
        checks.whole("length", length)
        return self._decoded(self._parts().train.excerpt(length, rng))

    def passages(self, length: int) -> list[Any]:
        """Return the beginning of the validation data: one text, or whole documents or pieces until `length`."""
        return [thing for encoded in self._parts().valid.first(length) if len(thing := self._decoded(encoded))]

    @abstractmethod
    def beginning(self, length: int) -> Any:
        """Return the first `length` characters or frames of the validation data as one text or piece."""

    @abstractmethod
    def _decoded(self, encoded: np.ndarray) -> Any:
        """Return symbols as a text, or frames as a piece."""

    @property
    def test_data(self) -> Streams:
        """The data for testing; InvalidValue if the source has none."""
        found = self.require("test_data")._parts().test
        assert found is not None  # since the corpus has a part for testing
        return found


def _same(value: Any, default: Any) -> bool:
    return value is default or (isinstance(value, bool | int | float | str) and value == default)
