"""Measuring leaves everything as it was."""

import numpy as np

from charrnn.training.learner import Learner
from charrnn.training.place import Place
from charrnn.training.policies import Constant
from charrnn.training.timing import time_steps
from tests.fakes import FakeData, FakeModel


def test_times_are_measured_and_the_model_is_not_changed():
    learner = Learner(FakeModel(4), FakeData(np.tile([1, 2, 3], 20), 5), Place(), Constant(0.5), batchsize=3)
    learner.step(1.0)
    before = learner.model.table.copy()
    times = time_steps(learner, seconds=0.01)
    assert times.train > 0
    assert times.loss > 0
    assert times.characters == 15
    np.testing.assert_array_equal(learner.model.table, before)
    assert (learner.model.steps, learner.place.pos) == (1, 1)
