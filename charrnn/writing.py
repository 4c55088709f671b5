"""What a model writes, and what it makes of what others wrote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from charrnn.generation import sampling, scoring
from charrnn.generation.sampling import Sample, Sampler
from charrnn.generation.scoring import Score
from charrnn.travelling import TravellingModel


class WritingModel(TravellingModel):
    """What `ModelState` does with its model's predictions: writing and scoring."""

    def generate(
        self,
        numchars: int = 100,
        temp: float = 0.5,
        prompt: str = "\n",
        init_state: np.ndarray | None = None,
        argmax: bool = False,
        rng: int | np.random.Generator | None = None,
        on_unknown: Literal["replace", "skip", "error"] = "replace",
    ) -> Sample:
        """Let the model write.

        Parameters
        ----------
        numchars : int
            Number of characters after the prompt.
        temp : float
            Temperature: below 1 the likely becomes likelier, above 1 less so.
        prompt : str
            Text to continue, which is echoed once; "" for a random character that begins lines.
        init_state : numpy.ndarray, optional
            Hidden state to begin with, (L, H), such as another sample's `state`; blank by default.
        argmax : bool
            Take the likeliest character each time.
        rng : int or numpy.random.Generator, optional
            For the same text again, such as another sample's `rng_seed`; fresh by default.
        on_unknown : {"replace", "skip", "error"}
            What to do with characters of the prompt that the model does not know.

        Returns
        -------
        Sample
            A string, with `prompt`, `rng_seed` and `state` (L, H).

        Raises
        ------
        InvalidValue
            If an argument makes no sense.
        UnknownCharacters
            If `on_unknown` is "error" and the prompt holds some.
        """
        return sampling.generate(
            self.model,
            self.chars,
            numchars,
            temp=temp,
            prompt=prompt,
            init_state=init_state,
            argmax=argmax,
            rng=rng,
            on_unknown=on_unknown,
            skip=self._never_written,
        )

    def stream(self, numchars: int | None = None, **options: Any) -> Iterator[str]:
        """Yield the prompt and then what the model writes, piece by piece; for ever without a number of characters.

        Takes the options of `generate`.
        """
        sampler = Sampler(self.model, self.chars, **options, skip=self._never_written)
        yield sampler.prompt
        yield from sampler.write(numchars)

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

    def score(self, text: str, on_unknown: Literal["replace", "skip", "error"] = "replace") -> Score:
        """Return how likely the model finds a text, at the beginning of a line: nats, bits, perplexity."""
        return scoring.score(self.model, self.chars, text, on_unknown)
