import io
import wave

import numpy as np
import pytest

from charrnn.data.music.rolls import Roll
from charrnn.errors import InvalidValue
from charrnn.generation.synth import RATE, sound, wav_bytes


def peaks(samples, number, rate=RATE):
    """The strongest frequencies, in Hz."""
    spectrum = abs(np.fft.rfft(samples * np.hanning(len(samples))))
    local = np.flatnonzero((spectrum[1:-1] > spectrum[:-2]) & (spectrum[1:-1] >= spectrum[2:])) + 1
    strongest = local[np.argsort(-spectrum[local])][:number]
    return strongest * rate / len(samples)


@pytest.mark.parametrize("rate", [22_050, 44_100])
@pytest.mark.parametrize(("pitch", "hertz"), [(21, 27.5), (45, 110), (60, 261.63), (69, 440), (93, 1760), (108, 4186)])
def test_each_pitch_has_its_fundamental(pitch, hertz, rate):
    heard = sound(Roll.from_pitches([[pitch]] * 4), rate)
    assert peaks(heard, 1, rate) == pytest.approx([hertz], abs=1.5)


def test_a_chord_has_all_its_fundamentals():
    found = peaks(sound(Roll.from_pitches([[48, 64, 79]] * 8)), 12)
    for hertz in (130.81, 329.63, 783.99):
        assert abs(found - hertz).min() < 1.5


def test_partials_are_a_little_sharp():
    found = peaks(sound(Roll.from_pitches([[60]] * 8)), 5)
    second = found[abs(found - 523.25).argmin()]
    assert 523.25 < second < 523.25 * 1.01


def loudness(samples, at, length=0.05):
    part = samples[round(at * RATE) : round((at + length) * RATE)]
    return float(np.sqrt((part**2).mean()))


def test_notes_decay_and_end():
    heard = sound(Roll.from_pitches([[60]] * 4 + [[]] * 4, dt=0.25))
    assert loudness(heard, 0.05) > 2 * loudness(heard, 0.9) > 0
    assert loudness(heard, 1.2) == 0
    assert len(heard) == round(2 * RATE) + round(0.12 * RATE)


def test_a_key_struck_again_is_loud_again():
    frames, onsets = np.zeros((8, 88)), np.zeros((8, 88))
    frames[:, 39] = 1
    held = sound(Roll(frames, onsets))
    onsets[4, 39] = 1
    struck = sound(Roll(frames, onsets))
    assert loudness(struck, 1.05) > 2 * loudness(held, 1.05)


def test_level():
    assert abs(sound(Roll.from_pitches([range(30, 90)] * 2))).max() == pytest.approx(0.9)
    for silent in (np.zeros((4, 88)), np.zeros((0, 88))):
        assert not sound(Roll(silent)).any()


def test_a_long_held_note_takes_no_long_tone():
    assert len(sound(Roll.from_pitches([[60]] * 30, dt=1.0), 4000)) == 30 * 4000 + 480


@pytest.mark.parametrize("rate", [8000, 44_100])
def test_a_wav_file(rate):
    roll = Roll.from_pitches([[60], [67]])
    with wave.open(io.BytesIO(wav_bytes(roll, rate))) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (rate, 2, 1)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert abs(samples).max() == round(0.9 * 32_767)
    np.testing.assert_allclose(samples / 32_767, sound(roll, rate), atol=1e-4)


def test_what_cannot_be_heard():
    for rate in (0, 22_050.0, True, "fast"):
        with pytest.raises(InvalidValue, match="samples per second"):
            sound(Roll.from_pitches([[60]]), rate)
    with pytest.raises(InvalidValue, match="at most 3,600 s"):
        sound(Roll.from_pitches([[60]] * 2, dt=1801))
