"""What a model of music writes: a piece to look at, to hear and to keep."""

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

HEARD_INLINE = 60.0  # seconds: longer pieces would make a notebook heavy


@dataclass(frozen=True, eq=False, repr=False)
class Piece(Roll):
    """A piece that a model wrote, prompt included; at the prompt it shows itself as a piano roll.

    Parameters
    ----------
    frames, onsets, dt, beats, meter
        As in `Roll`.
    prompt_len
        How many frames at the beginning the model was given.
    rng_seed
        Pass it as `rng` to get the same piece again.
    log_likelihood
        Of the frames that the model wrote, in nats.
    state
        Hidden state at the end, (L, H); an LSTM's h and c, (L, H) each, side by side on the last axis. Pass it as
        `init_state` to go on from there.

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
        """Read the first piece of a MIDI file, to hear it, see it or have it continued.

        Parameters
        ----------
        path
            The file.
        dt, beats
            Seconds of a frame, or beats of a frame; a quarter of a beat if neither is given.
        onsets
            Whether to tell struck keys from held ones.

        Raises
        ------
        SourceNotFound, SourceUnusable
            There is no such file, or no piece in it.
        InvalidValue
            `dt` or `beats` makes no sense.
        """
        rolls, report = read_rolls(path, dt, beats, onsets)
        if not rolls:
            raise SourceUnusable(f"{path} cannot be read: {report.refused}.")
        roll = rolls[0]
        return cls(roll.frames, roll.onsets, roll.dt, roll.beats, roll.meter)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it as a MIDI file, and return the path.

        Raises
        ------
        InvalidValue
            The name does not end in `.mid` or `.midi`.
        SaveFailed
            The file cannot be written.
        NotInstalled
            mido is not installed.
        """
        if Path(path).suffix.lower() not in MIDI:
            hint = "For sound use piece.wav(path)." if Path(path).suffix.lower() == ".wav" else ""
            raise InvalidValue(f"{path} is no name of a MIDI file: expected one that ends in .mid. {hint}".rstrip())
        return write_midi(self, path)

    def wav(self, path: str | os.PathLike[str], rate: int = synth.RATE) -> Path:
        """Write it as sound of a plain piano, 16 bits, `rate` samples per second, and return the path.

        Raises
        ------
        InvalidValue
            `rate` makes no sense, or the piece is longer than an hour.
        SaveFailed
            The file cannot be written.
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
        """Draw it with matplotlib, the prompt in grey, and return the axes.

        Raises
        ------
        NotInstalled
            matplotlib is not installed.
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
