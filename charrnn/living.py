"""What each thread sees of a model: the one that trains it works on it, every other looks at where it last stood."""

from __future__ import annotations

import contextlib
import functools
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from charrnn.errors import TrainingInBackground
from charrnn.training.place import Place

if TYPE_CHECKING:
    from charrnn.model.model import Model
    from charrnn.training.job import Job

P = ParamSpec("P")
R = TypeVar("R")
L = TypeVar("L", bound="LivingModel")


class LivingModel(ABC):
    """A model that may train in another thread than the one that asks.

    That thread alone touches the training model. All others are given a second one, with functions of its own, which is
    pointed at the parameters of between two batches whenever it is asked for; nothing is copied.

    Attributes
    ----------
    job : Job or None
        The last training in the background.
    """

    def __init__(self) -> None:
        self.job: Job | None = None
        self._trained: Model | None = None
        self._shown: Model | None = None
        self._place = Place()
        self._here = threading.local()

    @abstractmethod
    def _new_model(self, threads: int | None) -> Model:
        """Return a model with the parameters of a new one, on so many threads."""

    @abstractmethod
    def _restored_model(self) -> Model:
        """Return a model as the present checkpoint has it."""

    @property
    def model(self) -> Model:
        """The model itself: `errors`, `gradients`, `step`, `process` and parameters, for exploring.

        While it trains in the background, another that is what it was after the last batch; it stays so until the next
        time that it is asked for.
        """
        if (held := getattr(self._here, "model", None)) is not None:
            return held
        job = self._elsewhere
        if job is None:
            if self.job is not None:
                self.job.hear()
            if self._trained is None:
                self._trained = self._restored_model()
            return self._trained
        if self._shown is None:
            from charrnn.model.engines import engine

            with engine.building:
                self._shown = self._new_model(threads=1)  # or each answer waits where training has work in line
                self._shown.vectors()  # also the optimizer's
        if self._trained is not None and self._shown.engine != self._trained.engine:
            self._shown.use_engine(self._trained.engine)  # whose arrays it is to show
        still = job.still
        self._shown.show(still.vectors)
        self._shown.steps = still.steps
        return self._shown

    @model.setter
    def model(self, model: Model) -> None:
        self._trained = model

    @property
    def place(self) -> Place:
        """Where training stands: epoch, position, hidden state of every stream."""
        job = self._elsewhere
        return self._place if job is None else job.still.place

    @place.setter
    def place(self, place: Place) -> None:
        self._place = place

    @property
    def _elsewhere(self) -> Job | None:
        """The training that goes on in another thread than this."""
        job = self.job
        return None if job is None or job.done or job.is_here else job

    @contextlib.contextmanager
    def _holding(self, model: Model) -> Iterator[None]:
        """Let `model` be this one for a `with` block, whatever training does meanwhile."""
        former = getattr(self._here, "model", None)
        self._here.model = model
        try:
            yield
        finally:
            self._here.model = former


def between_batches(method: Callable[Concatenate[L, P], R]) -> Callable[Concatenate[L, P], R]:
    """Make a method that writes wait for the end of the batch, where the model trains in the background."""

    @functools.wraps(method)
    def run(self: L, /, *args: P.args, **kwargs: P.kwargs) -> R:
        job = self._elsewhere
        if job is None:
            return method(self, *args, **kwargs)
        return job.between_batches(lambda: method(self, *args, **kwargs))

    return run


def not_while_training(method: Callable[Concatenate[L, P], R]) -> Callable[Concatenate[L, P], R]:
    """Make a method refuse to change a model that trains in the background."""

    @functools.wraps(method)
    def run(self: L, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if self._elsewhere is not None:
            raise TrainingInBackground(
                f"This model is training in the background: end that with ms.job.stop(), which saves everything, or "
                f"wait for it with ms.job.wait(); then call {method.__name__} again."
            )
        return method(self, *args, **kwargs)

    return run
