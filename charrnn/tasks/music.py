"""The task of piano music: a model composes pieces and scores them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from charrnn import checks
from charrnn.data.music.corpus import MusicCorpus
from charrnn.data.music.rolls import Roll
from charrnn.data.music.source import MIDI
from charrnn.data.text.charset import CharSet
from charrnn.errors import InvalidValue
from charrnn.generation import music as composing
from charrnn.generation import rolldrawing
from charrnn.generation.classifying import Classification
from charrnn.generation.music import Compositions, Music, PieceScore
from charrnn.generation.piece import Piece
from charrnn.tasks.task import OF_TEXTS, Task

if TYPE_CHECKING:
    from charrnn.model.model import Model
    from charrnn.settings.hyper import HyperParams
    from charrnn.training.place import Place

FOR_TEXTS = ("stream", "generatestring", "classify", "neurons", "find_neurons", "saliency", "share", "finetune")


class MusicTask(Task[MusicCorpus]):
    """The task of a model of piano music."""

    temp, file_suffix = 1.0, ".mid"
    example = "piece = ms.generate(200), piece.save('x.mid'), ms.score(piece)"
    _learned, _thing, _foreign, _foreign_kind = "music", "piece", OF_TEXTS, "texts"

    @classmethod
    def suited(cls, hyper: HyperParams, source: object) -> HyperParams:
        from charrnn.model import heads

        return hyper if heads.make(hyper, vocab_size=1).unit == "frame" else hyper.replace(head="nade")

    @property
    def refusals(self) -> dict[str, str]:
        for_texts = {name: f"ms.{name} is for models of texts; this one learned music." for name in FOR_TEXTS}
        return super().refusals | for_texts | {"chars": "A model of music has keys, not characters."}

    @property
    def chars(self) -> CharSet:
        raise InvalidValue(self.refusals["chars"])

    def encode(self, thing: Any, least: int = 0) -> np.ndarray:
        if isinstance(thing, str) and Path(thing).suffix.lower() not in MIDI:
            raise InvalidValue(f"{thing!r:.60} is not music, which this model learned: give a piece or a MIDI file.")
        planes = composing.planes_of(thing, self.corpus)
        if len(planes) < least:
            raise InvalidValue(f"The piece is too short: expected {least} or more frames, not {len(planes)}.")
        return planes

    def before(self) -> np.ndarray:
        return np.zeros((1, self.corpus.columns), bool)

    def write(
        self,
        model: Model,
        length: int | None = None,
        *,
        temp: float | None = None,
        prompt: Music | None = None,
        init_state: np.ndarray | None = None,
        rng: int | np.random.Generator | None = None,
        n: int | None = None,
        keys: tuple[int, int] | None = None,
        scale: str | Iterable[int] | None = None,
        most: int | None = None,
        melody: Music | None = None,
        **foreign: Any,
    ) -> Piece | Compositions:
        """Return pieces that a model composes.

        Parameters
        ----------
        model : Model
        length : int
            Number of frames after the prompt, 200 by default.
        temp : float
            Temperature, 1 by default.
        prompt : Piece, MIDI file, array (T, 88), or pitches; optional
            The music to continue: a piece, or a chord such as ``[60, 64, 67]``; silence by default.
        init_state : numpy.ndarray, optional
            Initial hidden state, (L, H), such as another piece's `state`.
        rng : int or numpy.random.Generator, optional
            Seed, such as another piece's `rng_seed` to get that piece again; fresh by default.
        n : int, optional
            Number of pieces; one by default.
        keys : (int, int), optional
            Lowest and highest MIDI pitch.
        scale : str or iterable of int, optional
            A name such as ``"C major"`` or ``"f# minor"``, or pitch classes from 0 (C) to 11 (B).
        most : int, optional
            Maximum number of notes at once.
        melody : as `prompt`, optional
            An upper voice to harmonise: its notes sound, the keys above are silent, and the piece has its length.
            Pitches alone, such as ``[72, 74, 76]``, are a note for each frame.

        Returns
        -------
        Piece, or Compositions if `n` is given

        Raises
        ------
        InvalidValue, UnknownName
            If an argument has the wrong type, is out of range, or is for texts.
        SourceNotFound, SourceUnusable, NotInstalled
            If a MIDI file cannot be read.
        """
        self._refuse(foreign)
        for name, number in (("n", n), ("most", most)):
            if number is not None:
                checks.whole(name, number)
        allowed = None if keys is None and scale is None else composing.allowed_keys(keys, scale)
        found = composing.write_pieces(
            model,
            self.corpus,
            composing.checked_frames(200 if length is None else length),
            n or 1,
            temp=self.temp if temp is None else temp,
            prompt=None if isinstance(prompt, str) and not prompt.strip() else prompt,
            init_state=init_state,
            rng=rng,
            allowed=allowed,
            most=most,
            melody=melody,
        )
        return found[0] if n is None else found

    def stream(self, model: Model, length: int | None = None, **options: Any) -> Iterator[str]:
        raise InvalidValue(self.refusals["stream"])

    def sample(self, model: Model, place: Place, seed: int, temp: float = 0.5) -> str:
        """Return a short piece as a piano roll, at twice the temperature: pieces need more randomness than texts."""
        return repr(self.write(model, 64, temp=2 * temp, rng=np.random.default_rng([seed, model.steps])))

    def page_record(self) -> dict[str, Any]:
        raise InvalidValue(self.refusals["share"])

    def shown(self, written: Piece, width: int) -> str:
        return rolldrawing.blocks(written, width, written.prompt_len)

    def drawing(self, written: Piece) -> str:
        return rolldrawing.svg(written, written.prompt_len)

    def score(self, model: Model, thing: Any, **options: Any) -> PieceScore:
        self._refuse(options)
        return composing.score_piece(model, self.corpus, Roll.from_planes(self.encode(thing)))

    def classify(self, model: Model, text: str, column: str | None = None) -> Classification:
        raise InvalidValue(self.refusals["classify"])

    def exercises(self, model: Model) -> dict[str, Callable[[], object]]:
        piece = np.eye(88, dtype=bool)[:8]
        return {
            "writing": lambda: self.write(model, 8),
            "scoring": lambda: self.score(model, piece),
            "neurons": lambda: model.process(self.encode(piece).astype(model.hyper.dtype)),
        }

    def beginning(self, length: int) -> Piece:
        """Return the first frames of the validation pieces, one piece after the other."""
        return self._decoded(np.concatenate(self._parts().valid.first(length))[:length])

    def _decoded(self, encoded: np.ndarray) -> Piece:
        piece = Piece.from_planes(encoded, dt=self.corpus.dt, beats=self.corpus.beats)
        assert isinstance(piece, Piece)  # `from_planes` returns its own class
        return piece
