"""Processes killed in training: what is found again is what an uninterrupted run had there, bit for bit."""

import random
import shutil
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest

from charrnn import ModelState
from charrnn.errors import DamageWarning
from tests.sessions import everything

KILLS = 8
# It saves within rounds too, some fifty times a second. A constant policy, so that rounds may begin anywhere.
TRAINING = """
import sys, warnings
from charrnn import ModelState
from charrnn.errors import DamageWarning
warnings.simplefilter("ignore", DamageWarning)
ms = ModelState.load(sys.argv[1])
ms.train(num_rounds=9999, train_len=11, batchsize=3, save_every=0.02 / 60, print_every=0,
         callback=lambda step: print(step.step, flush=True))
"""


def train_and_kill(path, seconds):
    """Let a process train, kill it some time after its first step, and return the last step that it told."""
    with subprocess.Popen([sys.executable, "-c", TRAINING, path], stdout=subprocess.PIPE, text=True) as process:
        told = []
        for line in process.stdout:
            told.append(line)
            if line.strip().isdigit():
                break
        time.sleep(seconds)
        process.kill()
        told += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL, "it ended by itself"
    return max(int(line) for line in told if line.strip().isdigit() and line.endswith("\n"))


@pytest.mark.slow
def test_a_process_killed_at_random_moments_loses_nothing_that_was_saved(make):
    rng = random.Random(0)
    path = make(policy="constant").path
    whole = ModelState.load(shutil.copytree(path, path.with_name("whole")))
    before = 0
    for _ in range(KILLS):
        told = train_and_kill(path, rng.uniform(0, 1.5))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DamageWarning)  # what the kill left behind is told
            found = ModelState.load(path)
            assert before <= found.steps <= told + 1
            before = found.steps
            if found.steps > whole.steps:
                whole.train(train_len=found.steps - whole.steps, batchsize=3, print_every=0)
            assert everything(found)[:5] == everything(whole)[:5]
            found.checkout()  # the writer's view: rows that no checkpoint follows are left behind
        for name, values in found.history.steps().items():
            np.testing.assert_array_equal(values, whole.history.steps()[name])
    assert found.verify().ok
    assert found.steps > 2 * KILLS
