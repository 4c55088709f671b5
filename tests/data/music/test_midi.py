import sys

import numpy as np
import pytest

from charrnn.data.music import midi
from charrnn.data.music.midi import read_songs
from charrnn.errors import SourceNotFound, SourceUnusable
from tests.data.smf import meter, number, off, on, smf, tempo

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
        (smf(SCALE)[:14], "ends before its first track"),
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


def test_every_truncation_keeps_the_notes_before_it():
    whole = smf([meter(0, 3, 2), tempo(0, 1_000_000)], SCALE)
    number = 0
    for size in range(len(whole)):
        try:
            (song,) = read_songs(whole[:size])
        except SourceUnusable:
            assert size < 22
            continue
        assert len(song.notes) >= number
        number = len(song.notes)
        assert song.damage["cut"] + song.damage["missing"] >= 1
    assert number == 3


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
    assert song.damage["events"] == 1


def test_reading_takes_no_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "mido", None)
    assert len(read_songs(smf(SCALE))[0].notes) == 3


def meta(kind, data, delta=0):
    return number(delta) + bytes([0xFF, kind]) + number(len(data)) + data


def chunk(name, data):
    return name + len(data).to_bytes(4, "big") + data


NOTES = [[60, 0, 96], [62, 96, 144], [64, 192, 288]]
HEAD, BODY = smf(SCALE)[:14], smf(SCALE)[14:]


@pytest.mark.parametrize(
    ("content", "damage"),
    [
        (smf([meta(0x59, bytes([9, 0])), *SCALE]), {"events": 1}),
        (smf([meta(0x59, b"\x01"), meta(0x58, bytes([0, 2, 24, 8])), meta(0x58, b"\x04"), *SCALE]), {"events": 3}),
        (smf([meta(0x51, b"\x07"), meta(0x58, bytes([4, 200, 24, 8])), *SCALE]), {"events": 2}),
        (smf([meta(0x01, b"\xff\xfe text"), meta(0x7F, b"\0" * 300), number(0) + b"\xf0\x03abc", *SCALE]), {}),
        (b"RIFF" + (len(HEAD + BODY) + 12).to_bytes(4, "little") + b"RMIDdata\0\0\0\0" + HEAD + BODY, {}),
        (HEAD + chunk(b"XFIH", b"\0" * 7) + BODY + chunk(b"ABCD", b"x"), {"chunks": 2}),
        (HEAD[:10] + b"\0\x05" + HEAD[12:] + BODY, {"missing": 4}),
        (smf(SCALE, [])[:11] + b"\1" + HEAD[12:] + BODY, {}),
        (HEAD + BODY[:-4], {"cut": 1}),
        (HEAD + BODY[:4] + (len(BODY) + 99).to_bytes(4, "big") + BODY[8:], {}),
        (HEAD + BODY[:4] + b"\0\0\0\x05" + BODY[8:], {}),
        (HEAD + BODY + b"\0\0junk", {}),
        (smf([number(0) + bytes([0x90, 200, 64]), *SCALE]), {"events": 1}),
    ],
)
def test_what_is_wrong_costs_only_itself(content, damage):
    (song,) = read_songs(content)
    assert [note for note in song.notes.tolist() if note[0] < 100] == NOTES
    assert +song.damage == damage


def test_wrong_lengths_of_tracks_find_the_next_one():
    first, second = smf(SCALE)[14:], smf([on(0, 40), off(96, 40)])[14:]
    for length in (3, 500):
        content = smf(SCALE, SCALE)[:14] + first[:4] + length.to_bytes(4, "big") + first[8:] + second
        (song,) = read_songs(content)
        assert [40, 0, 96] in song.notes.tolist()


def test_notes_that_end_in_another_track():
    (song,) = read_songs(
        smf([on(0, 60), on(96, 62), on(192, 64)], [off(48, 60), off(96, 62), off(300, 64), off(9, 70)])
    )
    assert sorted(song.notes.tolist()) == [[60, 0, 48], [62, 96, 144], [64, 288, 444]]
    assert song.unended == 0


def control(delta, value, channel=0, controller=64):
    return number(delta) + bytes([0xB0 | channel, controller, value])


def test_the_sustain_pedal_holds_notes():
    track = [control(0, 127), on(0, 60), off(48, 60), on(48, 62), off(48, 62), control(48, 0), on(0, 64), off(48, 64)]
    (song,) = read_songs(smf(track))
    assert song.notes.tolist() == [[60, 0, 192], [62, 96, 192], [64, 192, 240]]
    assert song.pedalled == 2
    (song,) = read_songs(smf(track), pedal=False)
    assert song.notes.tolist() == [[60, 0, 48], [62, 96, 144], [64, 192, 240]]
    assert song.pedalled == 0


def test_the_pedal_holds_until_the_key_is_struck_again_or_the_piece_ends():
    (song,) = read_songs(smf([control(0, 64), on(0, 60), off(48, 60), on(48, 60), off(48, 60), off(100, 99)]))
    assert song.notes.tolist() == [[60, 0, 96], [60, 96, 244]]


def test_the_pedal_is_of_its_channel_and_half_down_is_up():
    events = [control(0, 127, channel=1), control(0, 63), on(0, 60), off(48, 60), off(48, 99), control(0, 0, channel=1)]
    (song,) = read_songs(smf(events))
    assert song.notes.tolist() == [[60, 0, 48]]
    (song,) = read_songs(smf([control(0, 127), control(96, 0)], [on(0, 60), off(48, 60)]))  # pedal in another track
    assert song.notes.tolist() == [[60, 0, 96]]


def test_all_notes_off():
    (song,) = read_songs(smf([on(0, 60), on(0, 64, channel=1), control(96, 0, controller=123), off(96, 64, channel=1)]))
    assert sorted(song.notes.tolist()) == [[60, 0, 96], [64, 0, 192]]


def test_velocities_and_tempos_are_kept():
    (song,) = read_songs(smf([tempo(0, 250_000), on(0, 60, velocity=30), off(96, 60), tempo(0, 1_000_000), *SCALE]))
    assert song.velocities.tolist() == [30, 64, 64, 64]
    assert song.tempos.tolist() == [[0, 250_000], [96, 1_000_000]]


def test_files_are_read_as_by_mido(real_data):
    mido = pytest.importorskip("mido")
    for path in sorted((real_data / "midi").iterdir()):
        expected = set()
        for track in mido.MidiFile(path).tracks:
            tick, sounding = 0, {}
            for message in track:
                tick += message.time
                if message.type in ("note_on", "note_off") and message.channel != 9:
                    key = message.channel, message.note
                    if message.type == "note_on" and message.velocity:
                        sounding.setdefault(key, []).append(tick)
                    elif sounding.get(key):
                        expected.add((message.note, sounding[key].pop(0), tick))
        (song,) = read_songs(path, pedal=False)
        assert set(map(tuple, song.notes.tolist())) == expected
        assert not +song.damage
