import sys

import numpy as np
import pytest

from charrnn.data.music import midi
from charrnn.data.music.midi import read_songs
from charrnn.errors import NotInstalled, SourceNotFound, SourceUnusable
from tests.data.smf import meter, number, off, on, smf, tempo

pytest.importorskip("mido")

SCALE = [on(0, 60), off(96, 60), on(0, 62), off(48, 62), on(48, 64), off(96, 64)]


def test_one_track():
    (song,) = read_songs(smf(SCALE, form=0))
    assert song.notes.tolist() == [[60, 0, 96], [62, 96, 144], [64, 192, 288]]
    assert song.beats(song.notes[:, 1]).tolist() == [0, 1, 2]
    assert song.seconds(song.notes[:, 2]).tolist() == [0.5, 0.75, 1.5]
    assert (song.meter, song.end, song.unended) == ((4, 4), 288, 0)


def test_several_tracks_share_the_first_ones_tempo():
    conductor = [meter(0, 3, 2), tempo(0, 1_000_000), tempo(96, 250_000)]
    (song,) = read_songs(smf(conductor, SCALE, [on(0, 40), off(288, 40)]))
    assert len(song.notes) == 4
    assert song.meter == (3, 4)
    assert song.seconds(np.array([0, 48, 96, 192, 288])).tolist() == [0, 0.5, 1, 1.25, 1.5]


def test_format_2_holds_several_pieces_with_tempos_of_their_own():
    first, second = read_songs(smf([tempo(0, 250_000), *SCALE], [on(0, 50), off(96, 50)], form=2))
    assert first.seconds(first.notes[0, 2:]).tolist() == [0.25]
    assert second.notes.tolist() == [[50, 0, 96]]
    assert second.seconds(second.notes[0, 2:]).tolist() == [0.5]


@pytest.mark.parametrize(("frames", "per_second"), [(25, 25), (24, 24), (30, 30), (29, 30_000 / 1001)])
def test_smpte_time(frames, per_second):
    (song,) = read_songs(smf([tempo(0, 250_000), on(0, 60), off(400, 60)], division=-frames * 256 + 40))
    assert song.seconds(song.notes[0, 2:]) == pytest.approx([400 / (per_second * 40)])
    with pytest.raises(SourceUnusable, match="without beats: give the step in seconds"):
        song.beats(song.notes[:, 1])


def test_notes_off_in_all_forms():
    running = number(0) + bytes([0x90, 60, 64]) + number(10) + bytes([60, 0]) + number(5) + bytes([67, 64])
    (song,) = read_songs(smf([running, off(5, 67)]))
    assert song.notes.tolist() == [[60, 0, 10], [67, 15, 20]]


def test_the_same_key_twice_ends_first_in_first_out_and_by_channel():
    events = [on(0, 60), on(10, 60), on(0, 60, channel=1), off(10, 60), off(10, 60, channel=1), off(10, 60)]
    (song,) = read_songs(smf(events))
    assert sorted(song.notes.tolist()) == [[60, 0, 20], [60, 10, 30], [60, 10, 40]]


def test_drums_are_counted_and_left_out():
    (song,) = read_songs(smf([on(0, 36, channel=9), off(10, 36, channel=9), *SCALE]))
    assert (song.drums, len(song.notes)) == (1, 3)


def test_notes_without_an_end_last_to_the_end_of_their_track():
    (song,) = read_songs(smf([on(0, 60), on(96, 72), off(96, 72), off(0, 99)], [on(0, 40), off(500, 40)]))
    assert sorted(song.notes.tolist()) == [[40, 0, 500], [60, 0, 192], [72, 96, 192]]
    assert song.unended == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"RIFFxxxx", "does not begin with MThd"),
        (b"MThd\0\0", "ends in the middle"),
        (smf(SCALE)[:-9], "ends in the middle"),
        (smf([number(0) + bytes([60, 60])]), "damaged: running status"),
        (smf(SCALE).replace(b"MTrk", b"XXXX"), "damaged: no MTrk"),
        (smf(SCALE, form=7), "damaged: format 7"),
        (smf(SCALE, division=0), "damaged: format 1 with 0 ticks"),
        (smf(SCALE, division=-25 * 256), "no tick per frame"),
    ],
)
def test_damaged_files(content, message):
    with pytest.raises(SourceUnusable, match=message):
        read_songs(content)


def test_every_truncation_is_refused_or_read():
    whole = smf([meter(0, 3, 2), tempo(0, 1_000_000)], SCALE)
    for size in range(len(whole)):
        with pytest.raises(SourceUnusable):
            read_songs(whole[:size])


def test_altered_bytes_are_read_or_refused():
    rng = np.random.default_rng(0)
    whole = np.frombuffer(smf([meter(0, 3, 2), tempo(0, 1_000_000)], SCALE), np.uint8)
    read = 0
    for _ in range(300):
        altered = whole.copy()
        altered[rng.integers(4, len(whole), 3)] = rng.integers(0, 256, 3)
        try:
            read += len(read_songs(altered.tobytes()))
        except SourceUnusable:
            continue
    assert read > 30


def test_files_that_cannot_be_read(tmp_path, monkeypatch):
    with pytest.raises(SourceNotFound, match=r"no file .*none\.mid"):
        read_songs(tmp_path / "none.mid")
    with pytest.raises(SourceUnusable, match="cannot be read"):
        read_songs(tmp_path)
    (tmp_path / "a.mid").write_bytes(smf(SCALE))
    assert len(read_songs(tmp_path / "a.mid")) == 1
    monkeypatch.setattr(midi, "LARGEST", 20)
    with pytest.raises(SourceUnusable, match=r"bytes, more than the 20"):
        read_songs(tmp_path / "a.mid")


def test_a_tempo_of_zero_is_passed_over():
    (song,) = read_songs(smf([tempo(0, 0), *SCALE]))
    assert song.seconds(np.array([96])).tolist() == [0.5]


def test_without_mido(monkeypatch):
    monkeypatch.setitem(sys.modules, "mido", None)
    with pytest.raises(NotInstalled, match=r"mido, which is not installed: pip install mido "):
        read_songs(smf(SCALE))
