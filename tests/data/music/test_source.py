import json
import tracemalloc

import numpy as np
import pytest

from charrnn.data.music.rolls import Roll
from charrnn.data.music.source import Pieces, folder_census, is_music
from charrnn.errors import InvalidValue, SourceNotFound, SourceUnusable
from tests.data.music.test_rolls import random_roll
from tests.data.smf import off, on, smf

PIECE = smf([on(0, 60), off(96, 60), on(0, 64), off(96, 64)])


@pytest.fixture
def midi():
    pytest.importorskip("mido")


def planes(pieces, part=None):
    return [roll.planes for roll in pieces.rolls(part)]


def test_arrays_and_rolls():
    roll = random_roll(0)
    pieces = Pieces.open([roll, roll.frames.astype(np.uint8)], dt=0.5)
    assert (len(pieces), pieces.frames, pieces.parts) == (2, 80, {"all": 2})
    for array in planes(pieces):
        np.testing.assert_array_equal(array, roll.frames)


def test_onsets_are_derived_where_the_source_has_none():
    pieces = Pieces.open([Roll.from_pitches([[60], [60], [], [60]])], onsets=True)
    (roll,) = pieces.rolls()
    assert roll.notes.tolist() == [[60, 0, 2], [60, 3, 4]]
    assert roll.planes.shape == (4, 176)
    assert pieces.notes == ["A key is taken as struck where it begins to sound: the source does not tell."]


def test_onsets_are_left_out_unless_asked_for():
    roll = random_roll(1, onsets=True)
    (with_them,) = planes(Pieces.open([roll.planes], onsets=True))
    (without,) = planes(Pieces.open([roll.planes]))
    np.testing.assert_array_equal(with_them, roll.planes)
    np.testing.assert_array_equal(without, roll.frames)


@pytest.mark.usefixtures("midi")
def test_a_midi_file(tmp_path):
    path = tmp_path / "a.mid"
    path.write_bytes(PIECE)
    pieces = Pieces.open(path, beats=0.5)
    assert repr(pieces) == "<Pieces a.mid: 1 piece, 4 frames of 0.25 s>"
    assert (pieces.beats, pieces.dt) == (0.5, 0.25)


@pytest.mark.usefixtures("midi")
def test_a_folder(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.MID").write_bytes(PIECE)
    (tmp_path / "b.midi").write_bytes(smf([on(0, 10), on(0, 60), off(192, 60)]))
    (tmp_path / "damaged.mid").write_bytes(PIECE[:20])
    (tmp_path / "drums.mid").write_bytes(smf([on(0, 36, channel=9), off(9, 36, channel=9)]))
    (tmp_path / "empty.mid").write_bytes(b"")
    (tmp_path / ".hidden.mid").write_bytes(PIECE)
    (tmp_path / "readme.txt").write_text("no music")
    pieces = Pieces.open(tmp_path)
    assert len(pieces) == 2
    assert [report.name for report in pieces.reports] == [
        "b.midi",
        "damaged.mid",
        "drums.mid",
        "empty.mid",
        "sub/a.MID",
    ]
    assert repr(pieces.reports).splitlines()[3] == "empty.mid: left out, as it is empty"
    assert pieces.notes == [
        "Left out 3 files (damaged.mid: it is damaged: it ends before its first track; "
        "drums.mid: it has no notes outside of the drum channel; empty.mid: it is empty).",
        "1 note outside of the 88 keys left out.",
        "1 note of drums left out.",
        "1 note without an end last to the end of their track.",
        "Passed over 1 file that is not MIDI.",
    ]
    assert type(pieces.reports).from_json(json.loads(json.dumps(pieces.reports.to_json()))) == pieces.reports


@pytest.mark.usefixtures("midi")
def test_a_divided_folder(tmp_path):
    for folder, number in (("Train", 3), ("valid", 2), ("test", 1)):
        (tmp_path / folder).mkdir()
        for n in range(number):
            (tmp_path / folder / f"{n}.mid").write_bytes(PIECE)
    assert Pieces.open(tmp_path).parts == {"test": 1, "train": 3, "valid": 2}


@pytest.mark.usefixtures("midi")
def test_rests_around_pieces_of_files_are_cut_off(tmp_path):
    (tmp_path / "a.mid").write_bytes(smf([on(96, 60), off(96, 60), on(96, 62), off(96, 62), off(96, 62)]))
    (roll,) = Pieces.open(tmp_path / "a.mid", beats=1, onsets=True).rolls()
    assert roll.notes.tolist() == [[60, 0, 1], [62, 2, 3]]
    assert len(roll) == 3


def test_timing_of_a_set(tmp_path):
    (tmp_path / "set.json").write_text('{"beats": 0.5, "dt": 0.3, "train": [[[60], [61]]]}')
    assert (Pieces.open(tmp_path / "set.json").dt, Pieces.open(tmp_path / "set.json").beats) == (0.3, 0.5)
    other = Pieces.open(tmp_path / "set.json", beats=1)
    assert (other.dt, other.beats) == (0.5, 1)
    assert Pieces.open(tmp_path / "set.json", dt=1).dt == 1


def test_checksum_tells_pieces_and_parts_apart(tmp_path):
    rolls = [random_roll(seed) for seed in (0, 1)]
    assert Pieces.open(rolls).sha256 == Pieces.open(rolls).sha256
    assert Pieces.open(rolls).sha256 != Pieces.open(rolls[::-1]).sha256


@pytest.mark.usefixtures("midi")
def test_nothing_to_learn_from(tmp_path):
    with pytest.raises(SourceNotFound, match="no file or folder"):
        Pieces.open(tmp_path / "none.mid")
    with pytest.raises(SourceUnusable, match=r"holds no MIDI file: expected names that end in \.mid"):
        Pieces.open(tmp_path)
    (tmp_path / "a.mid").write_bytes(b"MThd")
    with pytest.raises(SourceUnusable, match=r"a\.mid holds no piece to learn from. Left out 1 file \(a\.mid: it is"):
        Pieces.open(tmp_path / "a.mid")
    with pytest.raises(SourceUnusable, match=r"Left out 2 pieces of fewer than 2 frames"):
        Pieces.open([np.ones((1, 88)), np.zeros((0, 88))])
    with pytest.raises(SourceUnusable, match="holds no piece"):
        Pieces.open([])
    for name, message in (("a.pkl", "is a pickle, which could run code"), ("a.txt", "is not music: expected a folder")):
        (tmp_path / name).write_bytes(b"\x80\x04N.")
        with pytest.raises(SourceUnusable, match=message):
            Pieces.open(tmp_path / name)


def test_arguments_of_no_sense():
    with pytest.raises(InvalidValue, match="not both"):
        Pieces.open([random_roll(0)], dt=1, beats=1)
    with pytest.raises(InvalidValue, match=r"shape \(4, 128\)"):
        Pieces.open([np.zeros((4, 128))])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"train": [[[60], []]], "test": []}, True),
        ([[[], [60]]], True),
        ({"train": ["a text"]}, False),
        ({"title": "Alice"}, False),
        ([["a"], ["b"]], False),
        ([], False),
        ("train", False),
    ],
)
def test_json_is_music_by_what_it_holds(tmp_path, content, expected):
    path = tmp_path / "x.json"
    path.write_text(json.dumps(content))
    assert is_music(path) is expected


def test_what_is_music(tmp_path):
    for name, content in (("a.mid", b""), ("b.dat", PIECE), ("c.npz", b""), ("d.txt", b"MThe"), ("e.json", b"{")):
        (tmp_path / name).write_bytes(content)
    assert [path.name for path in sorted(tmp_path.iterdir()) if is_music(path)] == ["a.mid", "b.dat", "c.npz"]
    assert is_music(str(tmp_path / "none.mid"))
    assert not is_music(tmp_path / "none.txt")
    assert not is_music(tmp_path)  # one MIDI file among five
    (tmp_path / "songs").mkdir()
    assert not is_music(tmp_path / "songs")
    (tmp_path / "songs" / "a.mid").write_bytes(PIECE)
    assert is_music(tmp_path / "songs")
    assert is_music([random_roll(0)])
    assert not is_music([])
    assert not is_music(None)
    assert not is_music("-")


def test_files_of_the_shared_data(real_data):
    pytest.importorskip("mido")
    pieces = Pieces.open(real_data / "midi", onsets=True)
    assert len(pieces) == 6
    assert all(report.outside == 0 and not report.refused for report in pieces.reports)


def test_a_list_of_midi_files_is_pieces(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.mid", "a.rmi", "c.dat"):
        (tmp_path / name).write_bytes(PIECE)
    (tmp_path / "x.txt").write_text("no music")
    files = ["b.mid", "a.rmi", "c.dat"]
    assert is_music(files)
    assert is_music([tmp_path / name for name in files])
    assert not is_music([*files, "x.txt"])
    pieces = Pieces.open(files)
    assert (len(pieces), [report.name for report in pieces.reports]) == (3, files)
    with pytest.raises(SourceUnusable, match=r"b\.mid is a file, and none\.mid is not"):
        Pieces.open(["b.mid", "none.mid"])


def test_paths_that_are_none():
    with pytest.raises(InvalidValue, match="None is not music"):
        Pieces.open(None)
    for source in ("", "Tyger Tyger\nburning bright", "x" * 5000):
        assert not is_music(source)
        with pytest.raises((InvalidValue, SourceUnusable), match="not a path"):
            Pieces.open(source)


def test_most_files_decide_what_a_folder_is(tmp_path):
    for n in range(5):
        (tmp_path / f"{n}.mid").write_bytes(PIECE)
        (tmp_path / f"{n}.txt").write_text("a text")
    assert folder_census(tmp_path) == (5, 5)
    assert is_music(tmp_path)
    (tmp_path / "5.txt").write_text("a text")
    assert not is_music(tmp_path)
    assert "Passed over 6 files that are not MIDI." in Pieces.open(tmp_path).notes
    (tmp_path / "model").mkdir()
    for n in range(9):
        (tmp_path / "model" / f"{n}.mid").write_bytes(PIECE)
    (tmp_path / "model" / "model.json").write_text("{}")
    assert folder_census(tmp_path) == (5, 6)


def test_the_pedal_is_an_option(tmp_path):
    pedal = bytes([0, 0xB0, 64, 127])
    (tmp_path / "a.mid").write_bytes(smf([pedal, on(0, 60), off(96, 60), on(96, 62), off(96, 62)]))
    (with_it,), (without,) = (list(Pieces.open(tmp_path / "a.mid", beats=1, pedal=on).rolls()) for on in (True, False))
    assert with_it.notes.tolist() == [[60, 0, 3], [62, 2, 3]]
    assert without.notes.tolist() == [[60, 0, 1], [62, 2, 3]]
    assert "2 notes last as long as the pedal holds them." not in Pieces.open(tmp_path / "a.mid", pedal=False).notes


def peak(call):
    tracemalloc.start()
    try:
        call()
    except SourceUnusable as error:
        return tracemalloc.get_traced_memory()[1], str(error)
    finally:
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return most, ""


def test_pieces_that_are_far_too_long_take_no_memory(tmp_path):
    far = [on(0, 60), off(96, 60), on((1 << 23) - 1, 61), off(96, 61)]  # 350,000 frames
    for n in range(4):
        (tmp_path / f"{n}.mid").write_bytes(smf(*[far] * 40, form=2))
    most, error = peak(lambda: Pieces.open(tmp_path))
    assert error == ""
    assert most < 250e6
    most, error = peak(lambda: Pieces.open(tmp_path, memory_limit=0.01))
    assert "GB of memory, more than the 0.01 GB allowed: memory_limit=1 allows it" in error


@pytest.mark.parametrize("options", [{"pedal": "yes"}, {"memory_limit": 0}, {"memory_limit": "all"}])
def test_options_of_no_sense(options):
    with pytest.raises(InvalidValue):
        Pieces.open([random_roll(0)], **options)
