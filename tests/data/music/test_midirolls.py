import numpy as np
import pytest

from charrnn.data.music import midirolls
from charrnn.data.music.midi import read_songs
from charrnn.data.music.midirolls import read_rolls
from charrnn.errors import InvalidValue
from tests.data.smf import off, on, smf, tempo

pytest.importorskip("mido")


@pytest.fixture
def read(tmp_path):
    def read(*tracks, content=None, form=1, division=96, **options):
        path = tmp_path / "piece.mid"
        path.write_bytes(smf(*tracks, form=form, division=division) if content is None else content)
        return read_rolls(path, **options)

    return read


def sounding(frames):
    """The pitches of each frame."""
    return [(np.flatnonzero(frame) + 21).tolist() for frame in frames]


def test_a_step_in_beats(read):
    (roll,), report = read([tempo(0, 1_000_000), on(0, 60), on(96, 64), off(48, 60), off(48, 64)], beats=0.5)
    assert sounding(roll.frames) == [[60], [60], [60, 64], [64]]
    assert (roll.dt, roll.beats, roll.onsets) == (0.5, 0.5, None)
    assert str(report) == "piece.mid: 1 piece, 4 frames, 2 notes from C4 to E4"


def test_a_step_in_seconds(read):
    (roll,), _ = read([tempo(0, 1_000_000), on(0, 60), off(96, 60), tempo(0, 250_000), on(0, 62), off(96, 62)], dt=0.25)
    assert sounding(roll.frames) == [[60]] * 4 + [[62]]
    assert (roll.dt, roll.beats) == (0.25, None)


def test_a_quarter_of_a_beat_unless_told(read):
    (roll,), _ = read([on(0, 60), off(96, 60)])
    assert (len(roll), roll.beats, roll.dt) == (4, 0.25, 0.125)


def test_a_mean_tempo_keeps_the_length(read):
    (roll,), _ = read([tempo(0, 1_000_000), on(0, 60), off(96, 60), tempo(0, 500_000), on(0, 62), off(96, 62)], beats=1)
    assert roll.seconds == 1.5


def test_onsets_tell_struck_from_held(read):
    struck = [on(0, 60), off(96, 60), on(0, 60), off(96, 60)]
    held = [on(0, 60), off(192, 60)]
    (once,), _ = read(held, beats=1, onsets=True)
    (twice,), _ = read(struck, beats=1, onsets=True)
    assert sounding(once.frames) == sounding(twice.frames) == [[60], [60]]
    assert (sounding(once.onsets), sounding(twice.onsets)) == ([[60], []], [[60], [60]])
    assert twice.planes.shape == (2, 176)
    assert twice.notes.tolist() == [[60, 0, 1], [60, 1, 2]]


def test_a_key_struck_while_another_voice_holds_it(read):
    (roll,), _ = read([on(0, 60), off(384, 60)], [on(96, 60), off(96, 60)], beats=1, onsets=True)
    assert roll.notes.tolist() == [[60, 0, 1], [60, 1, 4]]


def test_rests_at_the_end_stay(read):
    (roll,), _ = read([on(0, 60), off(96, 60), on(96, 61, velocity=0)], beats=1)
    assert sounding(roll.frames) == [[60], []]


def test_keys_out_of_range_are_left_out(read):
    track = [event for pitch in (0, 20, 21, 108, 109, 127) for event in (on(0, pitch), off(96, pitch))]
    (roll,), report = read(track, beats=1)
    assert sounding(roll.frames) == [[], [], [21], [108], [], []]
    assert (report.outside, report.lowest, report.highest) == (4, 0, 127)
    assert "4 notes outside of the 88 keys left out" in str(report)


def test_nothing_in_range(read):
    rolls, report = read([on(0, 5), off(96, 5)])
    assert rolls == []
    assert str(report) == (
        "piece.mid: 1 note outside of the 88 keys left out; left out, as all its notes are outside of the 88 keys"
    )


def test_notes_without_length_last_a_frame(read):
    (roll,), report = read([on(0, 60), off(0, 60), on(96, 62), off(1, 62)], beats=1, onsets=True)
    assert roll.notes.tolist() == [[60, 0, 1], [62, 1, 2]]
    assert report.brief == 1


def test_two_thousand_notes_at_once(read):
    events = [on(0, 30 + n % 70, channel=n % 9) for n in range(2000)]
    events += [off(96 if n == 0 else 0, 30 + n % 70, channel=n % 9) for n in range(2000)]
    (roll,), report = read(events, beats=1)
    assert sounding(roll.frames) == [list(range(30, 100))]
    assert (report.notes, report.merged) == (70, 1930)


@pytest.mark.parametrize(
    ("tracks", "why"),
    [
        ([[]], "it has no notes"),
        ([], "it has no notes"),
        ([[on(0, 36, channel=9), off(96, 36, channel=9)]], "it has no notes outside of the drum channel"),
        ([[on(0, 60), off(96 << 20, 60)]], "frames, more than 524,288: take a longer step"),
    ],
)
def test_pieces_without_use(read, tracks, why):
    rolls, report = read(*tracks)
    assert rolls == []
    assert why in report.refused
    assert why in str(report)


def test_a_damaged_file(read):
    rolls, report = read(content=b"MThd nothing")
    assert (rolls, report.pieces) == ([], 0)
    assert report.refused.startswith("it is damaged")


def test_smpte_time_has_no_beats(read):
    track = [on(0, 60), off(400, 60)]
    (roll,), _ = read(track, division=-25 * 256 + 40, dt=0.1)
    assert len(roll) == 4
    rolls, report = read(track, division=-25 * 256 + 40)
    assert rolls == []
    assert "give the step in seconds" in report.refused


def test_format_2_gives_several_pieces(read):
    rolls, report = read([on(0, 60), off(96, 60)], [], [on(0, 62), off(96, 62)], form=2, beats=1)
    assert [sounding(roll.frames) for roll in rolls] == [[[60]], [[62]]]
    assert (report.pieces, report.frames, report.refused) == (2, 2, "it has no notes")


@pytest.mark.parametrize("options", [{"dt": 0}, {"beats": -1}, {"dt": "x"}, {"dt": np.inf}, {"dt": 1, "beats": 1}])
def test_steps_that_make_no_sense(read, options):
    with pytest.raises(InvalidValue):
        read([on(0, 60), off(96, 60)], **options)


def test_an_end_far_behind_the_last_note_takes_no_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(midirolls, "LONGEST", 8)
    (song,) = read_songs(smf([on(0, 60), off(96, 60), on(96 << 10, 61, velocity=0)]))
    assert len(midirolls.roll_of(song, beats=1)) == 8
