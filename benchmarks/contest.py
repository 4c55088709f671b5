"""Measure contenders side by side.

Each runs in a fresh process, and they take turns. Disturbances of the machine then affect all of them alike, so the
ratio of two medians is meaningful even if the medians themselves are not.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

Work = Callable[[], object]


@dataclass(frozen=True)
class Timing:
    """Durations of a piece of work, in seconds."""

    median: float
    minimum: float


@contextlib.contextmanager
def pinned(cores: Collection[int]) -> Iterator[None]:
    """Pin this process, and those that it starts meanwhile, to some cores.

    Libraries choose their number of threads by the cores that they see when they are imported.
    """
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def core_sets() -> list[set[int]]:
    """Return the sets of cores to measure on: one core, and all cores."""
    every = os.sched_getaffinity(0)
    return [{min(every)}] if len(every) == 1 else [{min(every)}, every]


def contest(
    contenders: Mapping[str, Callable[[], Work]], cores: Collection[int], rounds: int = 10, seconds: float = 0.5
) -> dict[str, Timing]:
    """Measure contenders in turns.

    Parameters
    ----------
    contenders : mapping of str to callable
        Makers of the work to be measured, called once in the contender's own process; they and their bound arguments
        must be picklable.
    cores : collection of int
        The cores that all contenders run on.
    rounds : int
        Number of turns of each contender.
    seconds : float
        Minimum length of a turn.
    """
    with pinned(cores), contextlib.ExitStack() as stack:
        processes = {name: stack.enter_context(_fresh_process(make)) for name, make in contenders.items()}
        for process in processes.values():
            process.submit(_time, 0.0).result()  # imports, compiles, warms up
        durations: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(rounds):
            for name, process in processes.items():
                durations[name] += process.submit(_time, seconds).result()
    return {name: Timing(statistics.median(times), min(times)) for name, times in durations.items()}


def _fresh_process(make: Callable[[], Work]) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_prepare, initargs=(make,))


def _prepare(make: Callable[[], Work]) -> None:
    global _work  # of this contender, in its own process
    _work = make()


def _time(seconds: float) -> list[float]:
    durations: list[float] = []
    while not durations or sum(durations) < seconds:
        start = time.perf_counter()
        _work()
        durations.append(time.perf_counter() - start)
    return durations
