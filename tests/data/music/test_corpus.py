import json

import numpy as np
import pytest

from charrnn.data.music.corpus import MusicCorpus, encode_pieces
from charrnn.data.music.source import Pieces
from charrnn.data.sources import corpus_from_json
from charrnn.errors import CorruptFile, InvalidValue
from tests.data.music.test_rolls import random_roll


def rolls(number=12, onsets=False):
    return [random_roll(seed, length=seed % 5 + 4, onsets=onsets) for seed in range(number)]


def packed(pieces):
    return sorted(np.packbits(planes, axis=1).tobytes() for planes in pieces)


@pytest.mark.parametrize("onsets", [False, True])
def test_every_piece_is_in_one_part(tmp_path, onsets):
    source = rolls(onsets=onsets)
    corpus = encode_pieces(Pieces.open(source, onsets=onsets), tmp_path, trainfrac=0.7, seq_len=8)
    train, valid, _ = corpus.open(tmp_path)
    assert (len(train), len(valid)) == (corpus.train_pieces, corpus.valid_pieces) == (8, 4)
    assert packed([*train, *valid]) == packed(roll.planes for roll in source)
    assert (corpus.train_len + corpus.valid_len, corpus.pieces) == (corpus.length, 12)
    assert (train.columns, corpus.columns) == ((176, 176) if onsets else (88, 88))
    assert isinstance(train.frames, np.memmap)


def test_only_training_counts_first_frames_and_changes_keys(tmp_path):
    corpus = encode_pieces(Pieces.open(rolls()), tmp_path, transpose=3)
    train, valid, _ = corpus.open(tmp_path)
    assert (train.predictions, valid.predictions) == (corpus.train_len, corpus.valid_len - corpus.valid_pieces)
    assert (train.transpose, valid.transpose) == (3, 0)


def test_a_division_of_the_source_is_kept(tmp_path):
    frames = [[[60 + n], [62]] for n in range(9)]
    (tmp_path / "set.json").write_text(json.dumps({"train": frames[:4], "valid": frames[4:6], "test": frames[6:]}))
    corpus = encode_pieces(Pieces.open(tmp_path / "set.json"), tmp_path)
    assert (corpus.train_pieces, corpus.valid_pieces, corpus.test_pieces) == (4, 2, 3)
    test = corpus.open(tmp_path).test
    assert sorted(np.flatnonzero(piece[0])[0] for piece in test) == [45, 46, 47]
    assert test.predictions == corpus.test_len - 3
    assert corpus.notes[0] == "Divided as the source is."


def test_validation_is_drawn_where_the_source_has_none(tmp_path):
    frames = [[[60 + n], [62]] for n in range(10)]
    (tmp_path / "set.json").write_text(json.dumps({"train": frames[:8], "test": frames[8:]}))
    pieces = Pieces.open(tmp_path / "set.json")
    corpus = encode_pieces(pieces, tmp_path, trainfrac=0.75)
    assert (corpus.train_pieces, corpus.valid_pieces, corpus.test_pieces) == (6, 2, 2)
    chosen = packed(corpus.open(tmp_path).valid)
    assert packed(encode_pieces(pieces, tmp_path, trainfrac=0.75).open(tmp_path).valid) == chosen
    others = [
        packed(encode_pieces(pieces, tmp_path, trainfrac=0.75, random_seed=seed).open(tmp_path).valid)
        for seed in range(1, 6)
    ]
    assert any(other != chosen for other in others)


def test_one_piece_is_validated_on_itself(tmp_path):
    corpus = encode_pieces(Pieces.open(rolls(1)), tmp_path, seq_len=2)
    train, valid, _ = corpus.open(tmp_path)
    assert (corpus.train_pieces, corpus.valid_pieces) == (1, 1)
    assert packed(train) == packed(valid)
    assert valid.predictions == train.predictions - 1
    assert corpus.notes == ("1 piece cannot be divided: validation is on the training pieces.",)
    assert encode_pieces(Pieces.open(rolls(3)), tmp_path, trainfrac=1, seq_len=2).notes == ()


def test_records(tmp_path):
    corpus = encode_pieces(Pieces.open(rolls(), beats=0.5), tmp_path, transpose=2, random_seed=5)
    record = json.loads(json.dumps(corpus.to_json()))
    assert corpus_from_json(record) == MusicCorpus.from_json(record) == corpus
    del record["transpose"]
    with pytest.raises(CorruptFile, match="lacks transpose"):
        MusicCorpus.from_json(record)


@pytest.mark.parametrize("name", ["frames.npy", "starts.npy", "ranges.npy", "part.npy"])
def test_files_that_are_missing_or_of_others(tmp_path, name):
    (tmp_path / "other").mkdir()
    corpus = encode_pieces(Pieces.open(rolls()), tmp_path)
    encode_pieces(Pieces.open(rolls(5)), tmp_path / "other")
    (tmp_path / "other" / name).replace(tmp_path / name)
    with pytest.raises(CorruptFile, match="are not those of 12 pieces"):
        corpus.open(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(CorruptFile, match="is missing"):
        corpus.open(tmp_path)


def test_arguments_of_no_sense(tmp_path):
    pieces = Pieces.open(rolls())
    for options in ({"transpose": -1}, {"transpose": 88}, {"transpose": 1.5}, {"trainfrac": 0}, {"seq_len": 0}):
        with pytest.raises(InvalidValue):
            encode_pieces(pieces, tmp_path, **options)
    assert encode_pieces(pieces, tmp_path).open(tmp_path).test is None
    assert not any(tmp_path.glob("*.tmp"))


def test_published_figures_count_all_frames_but_the_first(real_data, tmp_path):
    corpus = encode_pieces(Pieces.open(real_data / "music" / "jsb.npz"), tmp_path)
    _, valid, test = corpus.open(tmp_path)
    assert valid.predictions == 4602 - 76
    assert test.predictions == 4725 - 77
