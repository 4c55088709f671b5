"""Streams read on continuously over the end of an epoch."""

import numpy as np
import pytest

from charrnn.training.learner import Learner
from charrnn.training.place import Place
from charrnn.training.policies import Constant
from tests.fakes import FakeData, FakeModel


@pytest.mark.parametrize(("batchsize", "seq_len", "epoch_length"), [(1, 3, 2), (3, 1, 1), (4, 2, 5)])
def test_every_stream_reads_the_whole_text_in_a_circle(batchsize, seq_len, epoch_length):
    text = np.arange(batchsize * seq_len * epoch_length)
    learner = Learner(FakeModel(len(text)), FakeData(text, seq_len), Place(), Constant(0.1), batchsize)
    for _ in range(epoch_length * (batchsize + 1)):
        x = learner.data.batch(learner.place.pos, batchsize)[0]
        if learner.place.state is not None:  # the fake's state is the last symbol that the stream saw
            np.testing.assert_array_equal(x[0], (learner.place.state[0, :, 0] + 1) % len(text))
        learner.step(1.0)
    assert (learner.place.epoch, learner.place.pos) == (batchsize + 1, 0)


def test_a_copy_shares_nothing():
    place = Place(1, 2, np.zeros((1, 2, 3)))
    copy = place.copy()
    place.advance(place.state, epoch_length=9)
    place.state[:] = 7
    assert (copy.epoch, copy.pos) == (1, 2)
    assert not copy.state.any()
    assert Place().copy().state is None
