"""A small piano synthesiser in numpy: each note is a sum of decaying partials, and no sound font is needed."""

from __future__ import annotations

import io
import wave

import numpy as np

from charrnn import checks
from charrnn.data.music.rolls import Roll
from charrnn.errors import InvalidValue

RATE = 22_050  # samples per second
PARTIALS = 14
STRIKE = 0.12  # position of the hammer along the string; partials with a node near it are faint
ATTACK, RELEASE = 0.004, 0.12  # seconds
RING = 12.0  # seconds after which a held note is silent
LONGEST = 3600.0  # seconds of sound that are held in memory at most
PEAK = 0.9


def sound(roll: Roll, rate: int = RATE) -> np.ndarray:
    """Return a roll as sound, float32 (samples,), with a peak of 0.9 unless it is silent.

    Raises
    ------
    InvalidValue
        If `rate` has the wrong type or is out of range, or the piece is longer than an hour.

    >>> heard = sound(Roll.from_pitches([[69], [69]], dt=0.5))
    >>> len(heard) / RATE, round(float(abs(heard).max()), 3)
    (1.12, 0.9)
    """
    checks.whole("rate", rate, least=4000, most=192_000, otherwise=" samples per second, such as 44100")
    if roll.seconds > LONGEST:
        raise InvalidValue(f"The piece lasts {roll.seconds:,.0f} s: at most {LONGEST:,.0f} s are made into sound.")
    notes = roll.notes
    fade = np.linspace(1, 0, round(RELEASE * rate), dtype=np.float32) ** 2
    heard = np.zeros(round(roll.seconds * rate) + len(fade), np.float32)
    for pitch in np.unique(notes[:, 0]).tolist():
        same = notes[notes[:, 0] == pitch]
        longest = (same[:, 2] - same[:, 1]).max() * roll.dt
        tone = _tone(pitch, min(longest, RING) + RELEASE, rate)
        for begin, end in np.rint(same[:, 1:] * roll.dt * rate).astype(int).tolist():
            held = min(end - begin, len(tone) - len(fade))
            released = begin + held
            heard[begin:released] += tone[:held]
            heard[released : released + len(fade)] += tone[held : held + len(fade)] * fade
    loudest = float(abs(heard).max(initial=0))
    return heard * np.float32(PEAK / loudest) if loudest else heard


def wav_bytes(roll: Roll, rate: int = RATE) -> bytes:
    """Return a roll as a WAV file, 16 bits, one channel."""
    samples = np.rint(sound(roll, rate) * 32_767).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(int(rate))
        file.writeframes(samples.tobytes())
    return buffer.getvalue()


def _tone(pitch: int, seconds: float, rate: int) -> np.ndarray:
    """Return the sound of one string, float32.

    Partial k of a stiff string has a frequency proportional to k·√(1 + β·k²) (Fletcher 1964). Higher partials and
    higher strings decay sooner. Each decays fast at first and then slowly, as on a piano.
    """
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    stiffness = 2e-4 * 2 ** ((pitch - 60) / 18)
    lasting = 3.0 * 2 ** (-(pitch - 48) / 20)
    time = np.arange(round(seconds * rate), dtype=np.float32) / np.float32(rate)
    tone = np.zeros(len(time), np.float32)
    for k in range(1, PARTIALS + 1):
        partial = k * frequency * np.sqrt((1 + stiffness * k * k) / (1 + stiffness))
        if partial > 0.45 * rate:
            break
        strength = abs(np.sin(np.pi * k * STRIKE)) * np.exp(-0.22 * k) / k**0.6
        pace = (1 + 0.35 * (k - 1)) / lasting
        fading = 0.75 * np.exp(-4 * pace * time) + 0.25 * np.exp(-pace * time)
        tone += (strength * fading * np.sin(2 * np.pi * partial * time)).astype(np.float32)
    rise = min(round(ATTACK * rate), len(tone))
    tone[:rise] *= np.linspace(0, 1, rise, dtype=np.float32)
    return tone
