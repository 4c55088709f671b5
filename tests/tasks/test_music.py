"""`ModelState` on music: recognised, learned, written under conditions, scored, and found again."""

import copy

import numpy as np
import pytest

from charrnn import ModelState
from charrnn.errors import InvalidValue, SourceUnusable
from tests.sessions import everything

SMALL = {
    "layers": 1,
    "state_size": 16,
    "seq_len": 9,
    "learnrate": 0.02,
    "optimizer": "adam",
    "regcost": 0.0,
    "threads": 1,
}


def rolls(count=24):
    """Pieces that walk up and down a triad, over a held bass."""
    pieces = []
    for number in range(count):
        frames = np.zeros((11 + number % 5, 88), np.uint8)
        steps = np.array([39, 43, 46, 43])[(np.arange(len(frames)) + number) % 4]
        frames[np.arange(len(frames)), steps] = 1
        frames[:, 27] = 1
        pieces.append(frames)
    return pieces


@pytest.fixture(scope="module", params=["bernoulli", "nade"])
def trained(request, tmp_path_factory):
    ms = ModelState.initfromsrcfile(rolls(), tmp_path_factory.mktemp("m") / "m", head=request.param, **SMALL)
    ms.train(num_rounds=40, batchsize=6, verbose=0)
    return ms


def test_music_is_recognised_and_learned(trained):
    assert isinstance(trained, ModelState)
    losses = [row["valid_loss"] for row in trained.history]
    assert losses[-1] < 2 < losses[0]
    assert "keys" in repr(trained)
    assert "nats/frame" in repr(trained)


def test_the_validation_loss_is_that_of_each_piece_alone(trained):
    nats = frames = 0.0
    for number in range(len(trained.valid_data)):
        found = trained.score(trained.valid_data[number])
        nats, frames = nats + found.per_frame.sum(), frames + len(found.per_frame)
    assert trained.calc_loss(batchsize=3) == pytest.approx(nats / frames, rel=1e-4)


def test_the_test_loss_is_that_of_each_test_piece_alone(tmp_path, trained):
    pieces = rolls(9)
    parts = {"train": pieces[:5], "valid": pieces[5:7], "test": pieces[7:]}
    lengths = {f"{name}_len": [len(piece) for piece in part] for name, part in parts.items()}
    np.savez(tmp_path / "set.npz", **lengths, **{name: np.concatenate(part) for name, part in parts.items()})
    ms = ModelState.initfromsrcfile(tmp_path / "set.npz", tmp_path / "m", **SMALL)
    each = np.concatenate([ms.score(piece).per_frame for piece in parts["test"]])
    assert ms.test_loss(batchsize=2) == pytest.approx(each.mean(), rel=1e-5)
    assert ms.test_loss() != ms.calc_loss()
    with pytest.raises(InvalidValue, match="no part for testing"):
        trained.test_loss()


def test_pieces_are_written_and_written_again(trained):
    piece = trained.generate(30, rng=4)
    assert len(piece) == 30
    again = ModelState.load(trained.path, threads=1).generate(30, rng=piece.rng_seed)
    np.testing.assert_array_equal(piece.planes, again.planes)
    assert (piece.frames.argmax(axis=1) > 0).mean() > 0.5
    assert piece.log_likelihood < 0
    both = trained.generate(12, n=3, rng=1)
    assert [len(one) for one in both] == [12] * 3


def test_the_log_likelihood_is_what_scoring_finds(trained):
    piece = trained.generate(20, prompt=[48, 60], rng=2)
    assert piece.prompt_len == 1
    assert -piece.log_likelihood == pytest.approx(trained.score(piece).per_frame.sum(), rel=1e-4)


def test_writing_goes_on_from_the_end_state(trained):
    whole = trained.generate(20, rng=6, temp=1e-3)
    part = trained.generate(8, rng=6, temp=1e-3)
    rest = trained.generate(12, prompt=part.planes[-1:], init_state=part.state, rng=1, temp=1e-3)
    np.testing.assert_array_equal(np.concatenate([part.planes, rest.planes[1:]]), whole.planes)


def test_conditions_hold(trained):
    piece = trained.generate(60, keys=(50, 70), scale="C major", most=1, temp=3.0, rng=5)
    pitches = piece.notes[:, 0]
    assert pitches.min() >= 50
    assert pitches.max() <= 70
    assert set(pitches % 12) <= {0, 2, 4, 5, 7, 9, 11}
    assert piece.frames.sum(axis=1).max() == 1


def test_a_melody_is_the_upper_voice(trained):
    melody = [[67], [67], [], [64]] * 4
    piece = trained.generate(melody=melody, rng=3)
    assert len(piece) == 16
    for frame, tune in zip(piece.frames, melody, strict=True):
        if tune:
            assert 21 + np.flatnonzero(frame).max() == tune[0]


def test_a_session_goes_on_bit_for_bit(tmp_path):
    options = {**SMALL, "transpose": 3}
    plan = {"train_len": 5, "batchsize": 4, "verbose": 0}
    whole = ModelState.initfromsrcfile(rolls(), tmp_path / "whole", **options)
    whole.train(num_rounds=4, **plan)
    part = ModelState.initfromsrcfile(rolls(), tmp_path / "part", **options)
    part.train(num_rounds=2, **plan)
    again = ModelState.load(tmp_path / "part", threads=1)
    again.train(num_rounds=2, **plan)
    assert everything(again) == everything(whole)


def test_neurons_along_a_piece(trained):
    piece = trained.generate(10, rng=1)
    predictions, states = trained.trackneurons(piece, ret_output=True)
    assert predictions.shape == (10, 88)
    assert states.shape == (1, 16, 10)
    np.testing.assert_array_equal(trained.trackneurons(piece, transpose=False), states.transpose(2, 0, 1))


def test_struck_keys_are_told_from_held_ones(tmp_path):
    ms = ModelState.initfromsrcfile(rolls(), tmp_path / "m", onsets=True, **SMALL)
    ms.train(num_rounds=2, batchsize=4, verbose=0)
    piece = ms.generate(10, rng=1)
    assert piece.onsets is not None
    assert ms.generate(melody=[[60], [60]], rng=1).frames[:, 60 - 21].all()


def test_what_is_for_texts_says_so(trained):
    for call in (lambda: trained.neurons("a"), trained.stream, lambda: trained.share("x.html"), lambda: trained.chars):
        with pytest.raises(InvalidValue, match="music"):
            call()
    for options in ({"n": 0}, {"most": 0}, {"temp": 0}, {"frames": -1}, {"keys": (3, 4)}):
        with pytest.raises(InvalidValue):
            trained.generate(**options)
    with pytest.raises(InvalidValue, match="nothing to score"):
        trained.score([60])


def test_what_cannot_be_made(tmp_path):
    def make(source, **options):
        ModelState.initfromsrcfile(source, tmp_path / "m", **{**SMALL, **options})

    with pytest.raises(InvalidValue, match="is for music"):
        make(["a poem"], head="nade")
    with pytest.raises(InvalidValue, match="for music"):
        make(["a poem"], transpose=3)
    with pytest.raises(InvalidValue, match="documents"):
        make(rolls(), labels="author")
    with pytest.raises(SourceUnusable):
        make([np.zeros((1, 88), np.uint8)])
    assert not (tmp_path / "m").exists()


def test_a_copy_of_the_directory_is_the_model(trained, tmp_path):
    bundle = trained.export(tmp_path / "m.zip")
    other = ModelState.import_(bundle, tmp_path / "other")
    assert isinstance(other, ModelState)
    np.testing.assert_array_equal(other.generate(9, rng=1).planes, trained.generate(9, rng=1).planes)
    assert trained.verify().ok
    assert copy.copy(trained.log()) is not None


def test_a_tune_of_pitches_is_a_note_for_each_frame(trained):
    piece = trained.generate(melody=[72, 74, 76], rng=1)
    assert [max(np.flatnonzero(frame)) + 21 for frame in piece.frames] == [72, 74, 76]


def test_losses_and_speeds_are_of_frames(trained):
    assert "nats/frame" in repr(trained.newcheckpoint(8.5))
    times = trained.traintime(batchsize=4)
    assert times.characters == 4 * trained.corpus.seq_len
    assert "frames/s" in repr(times)
