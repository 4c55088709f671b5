"""Thread access: the training thread owns the model; other threads read it as of the last finished batch."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TextIO, TypeVar

import numpy as np
from tqdm import tqdm

from charrnn.errors import TrainingInBackground
from charrnn.session.tracebacks import short_on_interrupt
from charrnn.training.place import Place
from charrnn.wording import say

if TYPE_CHECKING:
    from charrnn.model.model import Model
    from charrnn.training.job import Job
    from charrnn.training.learner import Learner

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="Owner")


class Owner(Protocol):
    """The owner of a `Live`: a session."""

    live: Live


class Live:
    """A model that may train in one thread while other threads use it.

    Only the training thread touches the model that trains. Other threads get a second model with separate functions.
    Each access points it at the parameters as of the last finished batch; nothing is copied.

    Parameters
    ----------
    new_model : callable
        Takes a number of threads; returns a model with the parameters of a new one.
    threads : int, optional
        Threads of the model that trains.

    Attributes
    ----------
    job : Job or None
        The last training in the background.
    trained : Model or None
        The model that trains, made on first use.
    learner : Learner or None
        The last one that trained it.
    waiting : dict
        Arrays of a checkpoint, until there is a model to take them.
    """

    def __init__(self, new_model: Callable[[int | None], Model], threads: int | None) -> None:
        self.job: Job | None = None
        self.trained: Model | None = None
        self.learner: Learner | None = None
        self.waiting: dict[str, np.ndarray] = {}
        self._steps = 0
        self._new_model, self._threads = new_model, threads
        self._shown: Model | None = None
        self._place = Place()
        self._here = threading.local()
        self._silent = False

    @property
    def model(self) -> Model:
        """The model that trains; in other threads than the training one, the second model as of the last batch."""
        if (held := getattr(self._here, "model", None)) is not None:
            return held
        job = self.elsewhere
        if job is None:
            if self.job is not None:
                self.job.hear()
            if self.trained is None:
                model = self._new_model(self._threads)
                if self.waiting:
                    model.load_arrays(self.waiting)
                    model.steps = self._steps
                self.trained, self.waiting = model, {}
            return self.trained
        if self._shown is None:
            from charrnn.model.engines import engine

            with engine.building:
                self._shown = self._new_model(1)  # with more threads, each answer would queue behind training
                self._shown.vectors()  # also the optimizer's
        if self.trained is not None and self._shown.engine != self.trained.engine:
            self._shown.use_engine(self.trained.engine)  # whose arrays it is to show
        still = job.still
        self._shown.show(still.vectors)
        self._shown.steps = still.steps
        return self._shown

    def load(self, arrays: Mapping[str, np.ndarray], steps: int) -> None:
        """Give a checkpoint's arrays to the model that trains: at once, or when it is made."""
        if self.trained is not None:
            self.trained.load_arrays(arrays)
            self.trained.steps = steps
        else:
            self.waiting, self._steps = dict(arrays), steps

    @property
    def place(self) -> Place:
        """Where training stands: epoch, position, hidden state of every stream."""
        job = self.elsewhere
        return self._place if job is None else job.still.place

    @place.setter
    def place(self, place: Place) -> None:
        self._place = place

    @property
    def elsewhere(self) -> Job | None:
        """The training that runs in another thread than the calling one."""
        job = self.job
        return None if job is None or job.done or job.is_here else job

    @contextlib.contextmanager
    def silent(self, silent: bool = True) -> Iterator[None]:
        """Print nothing inside a `with` block."""
        former, self._silent = self._silent, silent or self._silent
        try:
            yield
        finally:
            self._silent = former

    def say(self, text: str, file: TextIO | None = None) -> None:
        """Print a line, above the progress line, unless printing is switched off."""
        if not self._silent:
            with contextlib.suppress(Exception), tqdm.external_write_mode(file=file):
                say(text, file=file)

    @contextlib.contextmanager
    def holding(self, model: Model) -> Iterator[None]:
        """Use `model` in this thread inside a `with` block, independent of training."""
        former = getattr(self._here, "model", None)
        self._here.model = model
        try:
            yield
        finally:
            self._here.model = former


def between_batches(function: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Make a function of a session wait for the end of the batch if training runs in the background."""

    @short_on_interrupt
    @functools.wraps(function)
    def run(ms: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        job = ms.live.elsewhere
        if job is None:
            return function(ms, *args, **kwargs)
        return job.between_batches(lambda: function(ms, *args, **kwargs))

    return run


def not_while_training(function: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Make a function of a session refuse to change a model that trains in the background."""

    @short_on_interrupt
    @functools.wraps(function)
    def run(ms: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if ms.live.elsewhere is not None:
            raise TrainingInBackground(
                f"This model is training in the background: end that with ms.job.stop(), which saves everything, or "
                f"wait for it with ms.job.wait(); then call {function.__name__} again."
            )
        return function(ms, *args, **kwargs)

    return run
