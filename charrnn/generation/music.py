"""Generate pieces of piano music, and score given ones."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from charrnn import checks
from charrnn.data.music.corpus import MusicCorpus
from charrnn.data.music.rolls import KEYS, LOWEST, NAMES, Roll
from charrnn.errors import InvalidValue, UnknownName, near_matches
from charrnn.generation.piece import Piece
from charrnn.generation.sampler import seed_of
from charrnn.model.sampling import checked_temp
from charrnn.wording import plural

if TYPE_CHECKING:
    from charrnn.model.model import Model

#: Music as an argument: a piece, frames (T, 88), MIDI pitches of a chord or of each frame, or a MIDI file.
Music = Roll | np.ndarray | Sequence[Any] | str | os.PathLike[str]

BLOCK = 256  # frames read by one call
MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
TONICS = {name: i for i, name in enumerate(NAMES)} | {"D♭": 1, "D♯": 3, "G♭": 6, "G♯": 8, "A♯": 10, "B♭": 10}
TONICS |= {name.replace("♯", "#").replace("♭", "b"): i for name, i in TONICS.items()}


class Compositions(list[Piece]):
    """Several pieces that a model wrote; their piano rolls print one below the other."""

    def __repr__(self) -> str:
        return "\n\n".join(map(repr, self))


@dataclass(frozen=True, eq=False)
class PieceScore:
    """The surprise of a model at a piece.

    Parameters
    ----------
    per_frame : numpy.ndarray
        Surprise at each frame after the first, -ln p, in nats, summed over the keys (T - 1,).

    Examples
    --------
    >>> PieceScore(np.array([6.0, 8.0]))
    7.000 nats per frame, over 2 frames (14.0 nats in all)
    """

    per_frame: np.ndarray

    @property
    def nats(self) -> float:
        """Mean surprise in nats per frame."""
        return float(self.per_frame.mean())

    def __repr__(self) -> str:
        total = float(self.per_frame.sum())
        return f"{self.nats:.3f} nats per frame, over {len(self.per_frame):,} frames ({total:,.1f} nats in all)"


def planes_of(music: Music | None, corpus: MusicCorpus) -> np.ndarray:
    """Return music as the model's frames, bool (T, 88), or (T, 176) if it distinguishes struck from held keys.

    Raises
    ------
    InvalidValue
        If `music` is not a piece, frames, pitches or a path.
    SourceNotFound, SourceUnusable
        If a file does not exist or cannot be read.
    """
    if music is None:
        return np.zeros((0, corpus.columns), bool)
    if isinstance(music, str | os.PathLike):
        music = Piece.open(music, dt=corpus.step.get("dt"), beats=corpus.step.get("beats"), onsets=corpus.onsets)
    if not isinstance(music, Roll):
        music = _roll(music)
    if corpus.onsets and music.onsets is None:
        music = Roll(music.frames, np.zeros_like(music.frames))
    return music.planes[:, : corpus.columns].astype(bool)


def _roll(music: np.ndarray | Sequence[Any]) -> Roll:
    """Return a roll of frames, of the pitches of one chord, or of the pitches of every frame.

    >>> _roll([60, 64, 67]).notes.tolist(), len(_roll([[60], [62], []]))
    ([[60, 0, 1], [64, 0, 1], [67, 0, 1]], 3)
    """
    if isinstance(music, np.ndarray) and music.ndim == 2:
        return Roll.from_planes(music)
    try:
        whole = [music] if all(np.ndim(item) == 0 for item in music) else music
        pitches = [[int(pitch) for pitch in frame] for frame in whole]
    except (TypeError, ValueError) as error:
        if isinstance(error, InvalidValue):
            raise
        raise InvalidValue(
            f"Expected a piece, a MIDI file, frames (T, {KEYS}) or MIDI pitches, not {music!r}."
        ) from None
    if off := [pitch for frame in pitches for pitch in frame if not LOWEST <= pitch < LOWEST + KEYS]:
        raise InvalidValue(f"Pitch {off[0]} is not on the piano: expected MIDI's {LOWEST} to {LOWEST + KEYS - 1}.")
    return Roll.from_pitches(pitches)


def allowed_keys(keys: tuple[int, int] | None = None, scale: str | Iterable[int] | None = None) -> np.ndarray:
    """Return a mask of the keys in a range and a scale, bool (88,).

    Parameters
    ----------
    keys : (int, int), optional
        Lowest and highest MIDI pitch.
    scale : str or iterable of int, optional
        A name such as ``"C major"`` or ``"f# minor"`` (natural), or pitch classes from 0 (C) to 11 (B).

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    InvalidValue
        If `keys` are not two pitches of the piano, low first, `scale` has wrong pitch classes, or no key is left.
    UnknownName
        If `scale` is a name, but not that of a scale.

    Examples
    --------
    >>> (np.flatnonzero(allowed_keys((60, 72), "G major")) + 21).tolist()
    [60, 62, 64, 66, 67, 69, 71, 72]
    """
    pitches = np.arange(LOWEST, LOWEST + KEYS)
    allowed = np.ones(KEYS, bool)
    if keys is not None:
        pair = isinstance(keys, Sequence) and len(keys) == 2 and all(isinstance(key, int | np.integer) for key in keys)
        low, high = keys if pair else (0, 0)
        if not LOWEST <= low <= high < LOWEST + KEYS:
            raise InvalidValue(
                f"keys={keys!r}: expected two MIDI pitches from {LOWEST} to {LOWEST + KEYS - 1}, low first."
            )
        allowed &= (pitches >= low) & (pitches <= high)
    if scale is not None:
        allowed &= np.isin(pitches % 12, list(_classes(scale)))
    if not allowed.any():
        raise InvalidValue(f"keys={keys!r} and scale={scale!r} have no key in common: widen one of them.")
    return allowed


def _classes(scale: str | Iterable[int]) -> set[int]:
    if not isinstance(scale, str):
        classes = set(scale) if isinstance(scale, Iterable) else set()
        if not classes or not all(isinstance(one, int) and 0 <= one < 12 for one in classes):
            raise InvalidValue(
                f"scale={scale!r}: expected pitch classes from 0 (C) to 11 (B), or a name like 'C major'."
            )
        return classes
    tonic, _, mode = scale.strip().partition(" ")
    tonic, mode = tonic[:1].upper() + tonic[1:], mode.strip().lower() or "major"
    if tonic not in TONICS or mode not in ("major", "minor"):
        raise UnknownName(f"scale={scale!r} is not a scale. {near_matches(f'{tonic} {mode}', SCALES)}")
    return {(TONICS[tonic] + step) % 12 for step in (MAJOR if mode == "major" else MINOR)}


SCALES = [f"{tonic} {mode}" for tonic in TONICS for mode in ("major", "minor")]


def write_pieces(
    model: Model,
    corpus: MusicCorpus,
    frames: int,
    n: int = 1,
    *,
    temp: float = 1.0,
    prompt: Music | None = None,
    init_state: np.ndarray | None = None,
    rng: int | np.random.Generator | None = None,
    allowed: np.ndarray | None = None,
    most: int | None = None,
    melody: Music | None = None,
) -> Compositions:
    """Return pieces that a model writes; see `charrnn.tasks.music.MusicTask.write`."""
    from charrnn.model.heads.notes import OPEN, SILENT, SOUNDS, Conditions

    seed, V = seed_of(rng), corpus.columns
    begun = planes_of(prompt, corpus)
    given = None
    if melody is not None:
        if isinstance(melody, list | tuple) and not any(map(np.ndim, melody)):
            melody = [[pitch] for pitch in melody]  # a list of pitches is a tune here; as a prompt it is a chord
        tune = planes_of(melody, corpus)[:, :KEYS]
        frames = len(tune)
        given = np.full((frames, 1, V), OPEN, np.int8)
        above = np.cumsum(tune[:, ::-1], axis=1)[:, ::-1] == 0  # all keys above the highest of the melody
        given[:, 0, :KEYS] = np.where(tune, SOUNDS, np.where(above & tune.any(axis=1, keepdims=True), SILENT, OPEN))
    if allowed is not None:
        allowed = np.tile(allowed, V // KEYS)
    conditions = Conditions(given, allowed, None if most is None else most * (V // KEYS))
    # A new piece starts after a silent frame; a piece that continues from a state does not.
    silence = np.zeros((1 if init_state is None or not len(begun) else 0, V), bool)
    read = np.concatenate([silence, begun]).astype(model.hyper.dtype)
    state = model.checked_state(init_state, "init_state")[:, np.newaxis]
    for at in range(0, len(read) - 1, BLOCK):
        block = read[at : min(at + BLOCK, len(read) - 1), np.newaxis]
        state = np.asarray(model.predict(block, state)[1])[:, -1]
    uniforms = np.random.default_rng(seed).random((frames, n, V), dtype=np.float32)
    start, state = np.repeat(read[-1:], n, axis=0), np.repeat(state, n, axis=1)
    written, end = model.generate_frames(start, state, uniforms, checked_temp(temp), conditions)
    nats = _surprise(model, np.concatenate([start[np.newaxis], written]), state)
    options = {"dt": corpus.dt, "beats": corpus.beats, "prompt_len": len(begun), "rng_seed": seed}
    return Compositions(
        cast(
            Piece,
            Piece.from_planes(
                np.concatenate([begun, written[:, i]]),
                log_likelihood=-float(nats[:, i].sum()),
                state=np.asarray(end)[:, i].copy(),
                **options,
            ),
        )
        for i in range(n)
    )


def _surprise(model: Model, frames: np.ndarray, state: np.ndarray) -> np.ndarray:
    """Return -ln p of each frame after the first of R pieces (T, R, V), in nats (T - 1, R)."""
    errors = [np.zeros((0, frames.shape[1]))]
    frames = frames.astype(model.hyper.dtype)
    for at in range(0, len(frames) - 1, BLOCK):
        stop = min(at + BLOCK, len(frames) - 1)
        block, state = model.errors(frames[at:stop], frames[at + 1 : stop + 1], state)
        errors.append(np.asarray(block))
    return np.concatenate(errors)


def score_piece(model: Model, corpus: MusicCorpus, music: Music) -> PieceScore:
    """Return the surprise at each frame of a piece after the first; published figures are computed in this way.

    Raises
    ------
    InvalidValue
        If the piece has fewer than two frames.
    """
    planes = planes_of(music, corpus)
    if len(planes) < 2:
        length = plural(len(planes), "frame")
        raise InvalidValue(f"There is nothing to score: the piece has {length}, expected 2 or more.")
    whole = np.concatenate([np.zeros((1, corpus.columns), bool), planes])[:, np.newaxis]
    return PieceScore(_surprise(model, whole, model.freshstate(1))[1:, 0].astype(np.float64))


def checked_frames(frames: int) -> int:
    """Return a number of frames as an int, or raise InvalidValue."""
    return checks.whole("frames", frames, least=0, most=10**6 - 1)
