"""`MusicState`: the `ModelState` of a model that learns piano music."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NoReturn, overload

import numpy as np

from charrnn import checks
from charrnn.data.music.corpus import MusicCorpus
from charrnn.data.music.dataset import PieceSet
from charrnn.data.text.charset import CharSet
from charrnn.errors import InvalidValue
from charrnn.generation import music as composing
from charrnn.generation.music import Compositions, Music, PieceScore
from charrnn.generation.piece import Piece
from charrnn.state import ModelState
from charrnn.training.validate import validation_loss


def _for_texts(name: str) -> Callable[..., NoReturn]:
    def refused(self: MusicState, *args: object, **options: object) -> NoReturn:
        raise InvalidValue(f"ms.{name} is for models of texts; this one, in {self.path}, learned music.")

    refused.__name__ = name
    refused.__doc__ = "Is for models of texts."
    return refused


class MusicState(ModelState):
    """A model of piano music: what `ModelState` makes of MIDI files and piano rolls, and loads again.

    It trains, saves and travels like any other. Losses are nats per frame, summed over the keys.

    Examples
    --------
    >>> ms = ModelState.initfromsrcfile("chorales/", "workdirs/piano", preset="piano")  # doctest: +SKIP
    >>> ms.train(num_rounds=20)                                                         # doctest: +SKIP
    >>> piece = ms.generate(frames=400)                                                 # doctest: +SKIP
    >>> piece.save("first.mid")                                                         # doctest: +SKIP
    """

    corpus: MusicCorpus

    @property
    def chars(self) -> CharSet:
        raise InvalidValue("A model of music has keys, not characters.")

    @overload  # type: ignore[override]
    def generate(self, *args: Any, n: None = None, **options: Any) -> Piece: ...

    @overload
    def generate(self, *args: Any, n: int, **options: Any) -> Compositions: ...

    def generate(  # type: ignore[misc]
        self,
        frames: int = 200,
        temp: float = 1.0,
        prompt: Music | None = None,
        init_state: np.ndarray | None = None,
        rng: int | np.random.Generator | None = None,
        *,
        n: int | None = None,
        keys: tuple[int, int] | None = None,
        scale: str | Iterable[int] | None = None,
        most: int | None = None,
        melody: Music | None = None,
    ) -> Piece | Compositions:
        """Let the model write a piece.

        Parameters
        ----------
        frames : int
            Frames after the prompt.
        temp : float
            Temperature: below 1 the likely becomes likelier, above 1 less so.
        prompt : Piece, MIDI file, array (T, 88), or pitches; optional
            What to go on from: a piece, or a chord such as ``[60, 64, 67]``; silence by default.
        init_state : numpy.ndarray, optional
            Hidden state to begin with, (L, H), such as another piece's `state`.
        rng : int or numpy.random.Generator, optional
            For the same piece again, such as another piece's `rng_seed`; fresh by default.
        n : int, optional
            How many pieces; one by default.
        keys : (int, int), optional
            Lowest and highest MIDI pitch.
        scale : str or iterable of int, optional
            Such as ``"C major"`` or ``"f# minor"``, or pitch classes from 0, C, to 11.
        most : int, optional
            Notes at once.
        melody : as `prompt`, optional
            An upper voice to harmonise: its notes sound, the keys above are silent, and the piece is as long. Pitches
            alone, such as ``[72, 74, 76]``, are a note for each frame.

        Returns
        -------
        Piece, or Compositions if `n` is given

        Raises
        ------
        InvalidValue, UnknownName
            If an argument makes no sense.
        SourceNotFound, SourceUnusable, NotInstalled
            If a MIDI file cannot be read.

        Examples
        --------
        >>> ms.generate(400, prompt=[60, 64, 67], scale="C major", most=4)  # doctest: +SKIP
        """
        for name, number in (("n", n), ("most", most)):
            if number is not None:
                checks.whole(name, number)
        allowed = None if keys is None and scale is None else composing.allowed_keys(keys, scale)
        found = composing.write_pieces(
            self.model,
            self.corpus,
            composing.checked_frames(frames),
            n or 1,
            temp=temp,
            prompt=prompt,
            init_state=init_state,
            rng=rng,
            allowed=allowed,
            most=most,
            melody=melody,
        )
        return found[0] if n is None else found

    def score(self, music: Music) -> PieceScore:  # type: ignore[override]
        """Return how likely the model finds each frame of a piece after the first: nats per frame."""
        return composing.score_piece(self.model, self.corpus, music)

    def trackneurons(
        self, music: Music, temp: float = 1.0, ret_output: bool = False, transpose: bool = True
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Return the hidden states along a piece, (L, H, T), from a blank state.

        With `ret_output` also the probability of each key in the frame after each, (T, 88); without `transpose` (T, L,
        H).
        """
        frames = composing.planes_of(music, self.corpus).astype(self.hyper.dtype)
        if not len(frames):
            raise InvalidValue("There is nothing to track: give a piece of at least one frame.")
        predictions, states = self.model.process(frames, temp=temp)
        states = states.transpose(1, 2, 0) if transpose else states
        return (predictions, states) if ret_output else states

    def test_loss(self, batchsize: int = 16) -> float:
        """Return the loss on the test pieces in nats per frame, where the source has some.

        It is the sum over the keys, and the mean over all frames but the first of each piece.

        Raises
        ------
        InvalidValue
            The source has no test part.
        """
        return validation_loss(self.model, self.test_data, batchsize)

    @property
    def train_data(self) -> PieceSet:  # type: ignore[override]
        """The pieces to learn from."""
        return self._data[0]

    @property
    def valid_data(self) -> PieceSet:  # type: ignore[override]
        """The pieces to validate on."""
        return self._data[1]

    @property
    def test_data(self) -> PieceSet:
        """The pieces for testing, where the source has some."""
        if self._data.test is None:
            raise InvalidValue(f"{self.corpus.source} has no part for testing: use calc_loss, which is of validation.")
        return self._data.test

    def _training_sample(self, temp: float = 0.5) -> str:
        rng = np.random.default_rng([self.hyper.random_seed, self.model.steps])
        return repr(self.generate(64, 2 * temp, rng=rng))  # pieces want more chance than texts

    def _uses(self) -> dict[str, Callable[[], object]]:
        piece = np.eye(88, dtype=bool)[:8]
        return {
            "writing": lambda: self.generate(8),
            "scoring": lambda: self.score(piece),
            "neurons": lambda: self.trackneurons(piece),
        }

    stream = _for_texts("stream")
    generatestring = _for_texts("generatestring")
    classify = _for_texts("classify")
    vectors = _for_texts("vectors")
    excerpt = _for_texts("excerpt")
    neurons = _for_texts("neurons")
    find_neurons = _for_texts("find_neurons")
    saliency = _for_texts("saliency")
    statistics = _for_texts("statistics")
    share = _for_texts("share")
    diff = _for_texts("diff")
