"""A process that trains, saves, thins and branches without pause until it is killed; the judgement on what it leaves.

python -m tests.storage.writer DIRECTORY     # prints a line for each step whose checkpoint is said to be saved
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

from charrnn.errors import CheckpointNotFound, DamageWarning
from charrnn.storage.thinning import thin
from charrnn.storage.timetravel import branch, checkout, note, unpin
from charrnn.storage.workdir import WorkDir
from tests.storage.states import advanced, initial, record_of, same, state_after

ROOT = Path(__file__).parents[2]


def write(path: Path) -> None:
    """Go on from the last checkpoint for ever."""
    workdir = WorkDir.open(path)
    rng = random.Random()
    with workdir.lock():
        try:
            step = checkout(workdir).step
            state = workdir.read()[0]
        except CheckpointNotFound:
            step, state = 0, initial()
            workdir.history.goto(0)
        print(step, flush=True)
        while True:
            step, state = step + 1, advanced(state)
            workdir.history.append({"step": step})
            if step % 3 == 0:
                workdir.save_checkpoint(state, record_of(step, 1 + 1 / step))
                print(step, flush=True)
                act = rng.randrange(6)
                if act == 0:
                    branch(workdir, f"b{step}-{rng.randrange(10**6)}")
                elif act == 1:
                    note(workdir, f"at {step}")
                    note(workdir, "")
                elif act == 2:
                    checkout(workdir, rng.choice(workdir.checkpoints))
                    checkout(workdir, f"e{step // 10:04d}-s{step:08d}-v{1 + 1 / step:.3f}")
                    for pinned in workdir.refs.pinned:
                        unpin(workdir, pinned)
                thin(workdir, max_bytes=40_000)


def run_and_kill(path: Path, after: float) -> int:
    """Let a writer run, kill it `after` seconds from its first sign, and return the last step that it said it saved."""
    command = [sys.executable, "-m", "tests.storage.writer", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout
        said = [process.stdout.readline()]
        time.sleep(after)
        process.kill()
        said += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL, "the writer ended by itself"
    whole = [int(line) for line in said if line.endswith("\n")]
    return max(whole)


def after_kill(path: Path, saved: int, before: int) -> int:
    """Check that nothing was lost, and return the step of the last checkpoint.

    Parameters
    ----------
    path
        The working directory.
    saved, before
        The last step that the writer said was saved, and the one that it began with.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DamageWarning)
        workdir = WorkDir.open(path)
        if saved == 0 and not workdir.checkpoints:
            return 0
        newest = max(checkpoint.step for checkpoint in workdir.checkpoints)
        chosen = checkout(workdir, next(c for c in workdir.checkpoints if c.step == newest))
        rows = [row["step"] for row in workdir.history]
    assert newest >= max(saved, before), f"step {saved} was saved, and {newest} is the last"
    assert same(workdir.read(chosen)[0], state_after(newest)), f"step {newest} is another than in an uninterrupted run"
    assert rows == list(range(1, newest + 1)), "rows of the history are missing or double"
    return newest


if __name__ == "__main__":
    warnings.simplefilter("ignore", DamageWarning)
    write(Path(sys.argv[1]))
