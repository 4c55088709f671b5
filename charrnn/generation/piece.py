"""A generated piece of music: shown as a piano roll, played, and saved as MIDI or sound."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from charrnn.data.music.midirolls import read_rolls
from charrnn.data.music.midiwriting import write_midi
from charrnn.data.music.rolls import Roll, describe
from charrnn.data.music.source import MIDI
from charrnn.errors import InvalidValue, SaveFailed, SourceUnusable
from charrnn.generation import rolldrawing, synth

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEARD_INLINE = 60.0  # seconds; the sound of longer pieces would make notebooks too large


@dataclass(frozen=True, eq=False, repr=False)
class Piece(Roll):
    """A piece that a model wrote, prompt included; it prints as a piano roll.

    Parameters
    ----------
    frames, onsets, dt, beats, meter
        See `Roll`.
    prompt_len : int
        Number of frames of the prompt, which are the first.
    rng_seed : int
        Pass it as `rng` to get the same piece again.
    log_likelihood : float, optional
        Log-likelihood of the frames that the model wrote, in nats.
    state : numpy.ndarray, optional
        Hidden state at the end, (L, H); an LSTM's h and c, (L, H) each, side by side on the last axis. Pass it as
        `init_state` to continue from it.

    Examples
    --------
    >>> Piece.from_pitches([[60, 64, 67]] * 2 + [[60, 65, 69]] * 3, prompt_len=2)
    5 frames of 0.25 s, 5 notes from C4 to A4; prompt: 2 frames
      A4 │  ▀▀▀
         │▀▀
         │▄▄▀▀▀
         │
      C4 │▄▄▄▄▄
         └──╵──
         0 1.25 s
    """

    prompt_len: int = 0
    rng_seed: int | None = None
    log_likelihood: float | None = None
    state: np.ndarray | None = None

    @classmethod
    def open(
        cls, path: str | os.PathLike[str], dt: float | None = None, beats: float | None = None, onsets: bool = False
    ) -> Piece:
        """Return the first piece of a MIDI file, to hear it, to see it, or as a prompt.

        Parameters
        ----------
        path : str or os.PathLike
            The MIDI file.
        dt : float, optional
            Length of a frame in seconds.
        beats : float, optional
            Length of a frame in beats; a quarter of a beat if neither `dt` nor `beats` is given.
        onsets : bool
            Whether to distinguish struck from held keys.

        Returns
        -------
        Piece

        Raises
        ------
        SourceNotFound
            If the file does not exist.
        SourceUnusable
            If the file contains no piece.
        InvalidValue
            If `dt` or `beats` has the wrong type or is out of range.
        """
        rolls, report = read_rolls(path, dt, beats, onsets)
        if not rolls:
            raise SourceUnusable(f"{path} cannot be read: {report.refused}.")
        roll = rolls[0]
        return cls(roll.frames, roll.onsets, roll.dt, roll.beats, roll.meter)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the piece to a MIDI file, and return the path.

        Raises
        ------
        InvalidValue
            If the name does not end in `.mid` or `.midi`.
        SaveFailed
            If the file cannot be written.
        NotInstalled
            If mido is not installed.
        """
        if Path(path).suffix.lower() not in MIDI:
            hint = "For sound use piece.wav(path)." if Path(path).suffix.lower() == ".wav" else ""
            raise InvalidValue(f"{path} is not the name of a MIDI file: expected an ending in .mid. {hint}".rstrip())
        return write_midi(self, path)

    def wav(self, path: str | os.PathLike[str], rate: int = synth.RATE) -> Path:
        """Write the piece as sound (a plain piano, 16 bits, `rate` samples per second), and return the path.

        Raises
        ------
        InvalidValue
            If `rate` has the wrong type or is out of range, or the piece is longer than an hour.
        SaveFailed
            If the file cannot be written.
        """
        target, content = Path(path).expanduser(), synth.wav_bytes(self, rate)
        try:
            target.write_bytes(content)
        except OSError as error:
            raise SaveFailed(f"Writing {target} failed: {error}. Take another directory.") from error
        return target

    def play(self, rate: int = synth.RATE) -> Any:
        """Return a player for a notebook (`IPython.display.Audio`)."""
        from IPython.display import Audio  # takes a while to import

        return Audio(data=synth.wav_bytes(self, rate))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the piece with matplotlib, the prompt in grey, and return the axes.

        Raises
        ------
        NotInstalled
            If matplotlib is not installed.
        """
        return rolldrawing.plot(self, ax, self.prompt_len)

    def __repr__(self) -> str:
        return f"{self._summary()}\n{rolldrawing.blocks(self, given=self.prompt_len)}"

    def _repr_html_(self) -> str:
        player = ""
        if 0 < self.seconds <= HEARD_INLINE:
            data = base64.b64encode(synth.wav_bytes(self)).decode()
            player = f'<br><audio controls src="data:audio/wav;base64,{data}"></audio>'
        return f"<div>{self._summary()}</div>{rolldrawing.svg(self, self.prompt_len)}{player}"

    def _summary(self) -> str:
        prompt = f"; prompt: {self.prompt_len:,} frames" if self.prompt_len else ""
        likely = "" if self.log_likelihood is None else f"; {self._nats():.2f} nats per frame"
        return f"{describe(self)}{prompt}{likely}"

    def _nats(self) -> float:
        return -(self.log_likelihood or 0.0) / max(len(self) - self.prompt_len, 1)
