"""What a model writes, and what it makes of what others wrote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, cast, overload

import numpy as np

from charrnn import checks
from charrnn.data.documents.corpus import DocumentCorpus
from charrnn.data.documents.labels import only_label, shares
from charrnn.errors import InvalidValue
from charrnn.generation import classifying, scoring
from charrnn.generation import sampler as sampling
from charrnn.generation.classifying import Classification
from charrnn.generation.documents import Samples, write_documents, write_texts
from charrnn.generation.sampler import Sample, Sampler
from charrnn.generation.scoring import Score
from charrnn.session.checkpoints import TravellingModel

if TYPE_CHECKING:
    from charrnn.model.model import Model


class WritingModel(TravellingModel):
    """What `ModelState` does with its model's predictions: writing and scoring."""

    @overload  # the other arguments are those of the implementation
    def generate(self, *args: Any, n: None = None, **options: Any) -> Sample: ...

    @overload
    def generate(self, *args: Any, n: int, **options: Any) -> Samples: ...

    def generate(  # type: ignore[misc]
        self,
        numchars: int | None = None,
        temp: float = 0.5,
        prompt: str = "\n",
        init_state: np.ndarray | None = None,
        argmax: bool = False,
        rng: int | np.random.Generator | None = None,
        on_unknown: Literal["replace", "skip", "error"] = "replace",
        *,
        n: int | None = None,
        label: Any = None,
        guidance: float = 1.0,
        clamp: Mapping[tuple[int, int], float] | None = None,
    ) -> Sample | Samples:
        """Let the model write: text, or whole documents if that is what it learned.

        Parameters
        ----------
        numchars : int
            Number of characters after the prompt, 100 by default. Of documents the most that each may have, 1000 by
            default.
        temp : float
            Temperature: below 1 the likely becomes likelier, above 1 less so.
        prompt : str
            Text to continue, which is echoed once; "" for a random character that begins lines. Every document begins
            with it; without one, and without a label, its first character is drawn as often as documents begin with it.
        init_state : numpy.ndarray, optional
            Hidden state to begin with, (L, H), such as another sample's `state`; blank by default. Not for documents.
        argmax : bool
            Take the likeliest character each time.
        rng : int or numpy.random.Generator, optional
            For the same text again, such as another sample's `rng_seed`; fresh by default.
        on_unknown : {"replace", "skip", "error"}
            What to do with characters of the prompt that the model does not know.
        n : int, optional
            How many texts, written side by side; one by default.
        label : str or mapping, optional
            What the documents are to be like: ``"Blake"``, ``{"author": "Blake"}`` where there are several label
            columns, a mixture ``{"Blake": 0.6, "Dickinson": 0.4}``.
        guidance : float
            1 follows the label as the model learned to; more exaggerates it.
        clamp : mapping of (int, int) to float, optional
            The value at which to hold the first state of (layer, unit), as of `neurons`, from the prompt on.

        Returns
        -------
        Sample, or Samples if `n` is given
            A string, with `prompt`, `rng_seed` and `state` (L, H); a list of them.

        Raises
        ------
        InvalidValue
            If an argument makes no sense.
        UnknownName
            If there is no such label; the nearest are named.
        UnknownCharacters
            If `on_unknown` is "error" and the prompt holds some.

        Examples
        --------
        >>> ms.generate(500, temp=0.7, prompt="Alice ")    # doctest: +SKIP
        >>> ms.generate(n=14, label={"author": "Blake"})   # doctest: +SKIP
        >>> ms.generate(clamp={(1, 17): 1.0})              # doctest: +SKIP
        """
        if n is not None:
            checks.whole("n", n)
        options: dict[str, Any] = {"temp": temp, "argmax": argmax, "rng": rng, "on_unknown": on_unknown}
        options["skip"] = self._never_written
        options |= self._led_by(label, guidance)
        model = self._held(clamp)
        if not isinstance(self.corpus, DocumentCorpus):
            options |= {"prompt": prompt, "init_state": init_state}
            numchars = 100 if numchars is None else numchars
            if n is None:
                return sampling.generate(model, self.chars, numchars, **options)
            return write_texts(model, self.chars, n, numchars, **options)
        if init_state is not None:
            raise InvalidValue("init_state is for texts: every document begins with a blank state.")
        most = sampling.checked_numchars(1000 if numchars is None else numchars)
        # The model knows best how documents with a label begin; without, the data's own distribution is drawn from.
        first = self.corpus.random_first if label is None else None
        prompt = "" if prompt == "\n" else prompt
        found = write_documents(model, self.chars, n or 1, most, prompt=prompt, first=first, **options)
        return found[0] if n is None else found

    def _held(self, clamp: Mapping[tuple[int, int], float] | None) -> Model:
        """Return the model, with some units held if any are to be."""
        if clamp is None or clamp == {}:
            return self.model
        from charrnn.insight.clamping import ClampedModel

        return cast("Model", ClampedModel(self.model, clamp))

    def _led_by(self, label: Any, guidance: float) -> dict[str, Any]:
        """Return the options that labels make, as of `charrnn.generation.writer.Writer`."""
        checks.number("guidance", guidance)
        if label is None:
            if guidance != 1:
                raise InvalidValue(f"guidance={guidance!r} exaggerates a label: give one, as in label={{...}}.")
            return {}
        return {"condition": self.model.condition(shares(self.label_tables, label)), "guidance": float(guidance)}

    def stream(
        self,
        numchars: int | None = None,
        label: Any = None,
        guidance: float = 1.0,
        clamp: Mapping[tuple[int, int], float] | None = None,
        **options: Any,
    ) -> Iterator[str]:
        """Yield the prompt and then what the model writes, piece by piece; for ever without a number of characters.

        Takes the options of `generate` but `n`. Documents come whole, one after the other and for ever: `numchars` is
        the most that each may have.
        """
        if isinstance(self.corpus, DocumentCorpus):
            rng = np.random.default_rng(sampling.seed_of(options.pop("rng", None)))
            while True:
                text = self.generate(numchars, label=label, guidance=guidance, clamp=clamp, rng=rng, **options)
                yield f"{text}\n\n"
        led = self._led_by(label, guidance)
        sampler = Sampler(self._held(clamp), self.chars, **options, **led, skip=self._never_written)
        yield sampler.prompt
        yield from sampler.write(numchars)

    def excerpt(self, length: int = 100, rng: int | np.random.Generator | None = None) -> str:
        """Return a piece from anywhere in the text that the model learns, such as for a prompt.

        Of documents it is a piece of one. Where there are fewer characters than `length`, it is as many as there are.

        Raises
        ------
        SourceNotFound
            If the text is not here.
        InvalidValue
            If `length` is not a whole number from 1 up.

        Examples
        --------
        >>> ms.generate(1000, prompt=ms.excerpt(), argmax=True)  # doctest: +SKIP
        """
        checks.whole("length", length)
        return self.chars.decode(self.train_data.excerpt(length, rng))

    def generatestring(
        self,
        numchars: int = 100,
        temp: float = 0.5,
        seed: str = "\n",
        init_state: np.ndarray | None = None,
        ret_state: bool = False,
    ) -> np.ndarray | None:
        """Print a text, the ancestor's way; `seed` is the text to begin with. See `generate`.

        Returns
        -------
        numpy.ndarray or None
            If `ret_state`, the hidden state at the end, (L, H).
        """
        sample = self.generate(numchars, temp, prompt=seed, init_state=init_state)
        print(f"Generated {numchars} chars, temperature {temp}:\n\n{sample}\n")
        return sample.state if ret_state else None

    def score(self, text: str, on_unknown: Literal["replace", "skip", "error"] = "replace", label: Any = None) -> Score:
        """Return how likely the model finds a text: nats, bits, perplexity.

        At the beginning of a line or of a document, with the label given, as for `generate` but no mixture.
        """
        labels = [
            only_label(table, share)
            for table, share in zip(self.label_tables, shares(self.label_tables, label), strict=True)
        ]
        return scoring.score(self.model, self.chars, text, on_unknown, labels)

    def classify(self, text: str, column: str | None = None) -> Classification:
        """Return how likely each label is for a text, by how likely the text is to the model under each label.

        All labels count as equally likely beforehand (Bayes' rule with a flat prior).

        Parameters
        ----------
        text : str
        column : str, optional
            The label column, where there are several; the others are left open.

        Raises
        ------
        InvalidValue
            If the model knows no labels, there is no text, or the column is not clear.
        UnknownName
            If there is no such column.

        Examples
        --------
        >>> ms.classify("Tyger Tyger, burning bright")  # doctest: +SKIP
        Blake 0.93, Dickinson 0.05, Keats 0.02
        """
        return classifying.classify(self.model, self.chars, self.label_tables, text, column)

    def vectors(self, texts: Iterable[str]) -> np.ndarray:
        """Return a vector for each text, (number of texts, H), to compare or cluster them.

        It is the mean of the last layer's hidden state over the text's characters, read from a blank state.

        Parameters
        ----------
        texts : iterable of str

        Raises
        ------
        InvalidValue
            If a text is empty.
        """
        return classifying.vectors(self.model, self.chars, texts)
