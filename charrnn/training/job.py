"""Training in a separate thread: its view from the prompt, pausing, changes of the learning rate, stopping."""

from __future__ import annotations

import atexit
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

from charrnn.errors import InvalidValue
from charrnn.training.place import Place
from charrnn.training.screen import Screen
from charrnn.training.summary import TrainingSummary
from charrnn.wording import say

if TYPE_CHECKING:
    from charrnn.training.learner import Learner
    from charrnn.training.steplog import Step

T = TypeVar("T")


class Still(NamedTuple):
    """The state of a model between two batches; nothing ever writes into its arrays.

    `vectors` are those of `Model.vectors`, `steps` the training steps done, `place` where training stood.
    """

    vectors: dict[str, Any]
    steps: int
    place: Place


class Board(Screen):
    """Keeps the output that a terminal would show: the last line, and the last texts."""

    def __init__(self) -> None:
        super().__init__()
        self.line = ""
        self.texts: deque[str] = deque(maxlen=5)

    def write(self, text: str) -> None:
        """Keep a text."""
        self.texts.append(text)

    def _draw(self, line: str) -> None:
        self.line = line


class Job:
    """Training in the background, while the prompt is free; ``ms.train(background=True)`` returns it.

    Meanwhile the model answers as of the last finished batch. When Python or its terminal closes, or the process
    receives SIGTERM, training finishes its batch and saves, as `stop` does.

    Attributes
    ----------
    still : Still
        The model after the last batch.
    screen : Board
        The output that a terminal would show.
    summary : TrainingSummary or None
        The result of training, when it is done.
    error : BaseException or None
        The error that ended training, if any; `wait`, `stop` and the next use of the model raise it.

    Examples
    --------
    >>> job = ms.train(num_rounds=10, background=True)  # doctest: +SKIP
    >>> job                                             # doctest: +SKIP
    Training in the background, round 2/10 31%  epoch 1.31  train 1.702  valid 1.811  98.1k chars/s  12:03 left
    >>> ms.generate(200)                                # doctest: +SKIP
    >>> job.learnrate /= 2                              # doctest: +SKIP
    >>> job.stop()                                      # doctest: +SKIP
    """

    def __init__(
        self,
        learner: Learner,
        train: Callable[[Job], TrainingSummary],
        callback: Callable[[Step], object] | None = None,
    ) -> None:
        self._learner, self._train, self._callback = learner, train, callback
        self.screen = Board()
        self.summary: TrainingSummary | None = None
        self.error: BaseException | None = None
        self._unheard = False  # whether training ended with an error that was not raised yet
        self._paused = self._stopping = self._closed = False
        self._requests: deque[tuple[Callable[[], Any], Future]] = deque()
        self._lock = threading.Lock()
        self._woken, self._begun, self._ended = threading.Event(), threading.Event(), threading.Event()
        # Not waited for at the end of Python before `_close` has asked it to stop.
        self._thread = threading.Thread(target=self._run, name="charrnn training", daemon=True)
        self._look()

    # -- what the prompt does -----------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Start training, and return before its first batch; raise the error that prevents it."""
        atexit.register(self._close)
        self._watch_signals()
        self._thread.start()
        self._begun.wait()
        if self.done:
            self.hear()
        return self

    def pause(self) -> None:
        """Rest after the present batch, until `resume` or `stop`. The clock of ``minutes=`` goes on."""
        self._require_going("pause()")
        self._paused = True

    def resume(self) -> None:
        """Go on after `pause`; `ModelState.train` goes on after the end."""
        self._require_going("resume()")
        self._paused = False
        self._woken.set()

    def stop(self) -> TrainingSummary | None:
        """Finish the batch, save, and return the summary (None in a callback, which cannot wait for it).

        Raises
        ------
        Exception
            If training ended with an error before: that error.
        """
        self._stopping = True
        self._woken.set()
        return None if self.is_here else self.wait()

    def wait(self, timeout: float | None = None) -> TrainingSummary | None:
        """Wait for the end, and return the summary. Ctrl-C ends the waiting, not the training.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most; then None is returned.

        Raises
        ------
        Exception
            If training ended with an error: that error.
        """
        try:
            ended = self._ended.wait(timeout)
        except KeyboardInterrupt as interrupt:
            end = "stops after its batch" if self._stopping else "goes on; job.stop() ends it"
            interrupt.add_note(f"Training in the background {end}.")
            raise
        if ended and self.error is not None:
            self._unheard = False
            raise self.error
        return self.summary

    def hear(self) -> None:
        """Raise the error that ended training, if any and not raised yet."""
        if self.done and self._unheard:
            self.wait()

    @property
    def learnrate(self) -> float:
        """The learning rate; set it, and the next batch is learned with it."""
        return self._learner.policy.learnrate

    @learnrate.setter
    def learnrate(self, value: float) -> None:
        self._require_going("learnrate")
        self._learner.policy.learnrate = self._learner.model.hyper.replace(learnrate=value).learnrate  # checks it

    @property
    def done(self) -> bool:
        """Whether training has ended, with or without an error."""
        return self._ended.is_set()

    @property
    def state(self) -> str:
        """The state: "training", "paused", "stopping", "done" or "failed"."""
        if self.done:
            return "failed" if self.error is not None else "done"
        return "stopping" if self._stopping else "paused" if self._paused else "training"

    @property
    def progress(self) -> str:
        """The progress in a line."""
        state = "" if self.state == "training" else f"{self.state}, "
        return f"{state}{self.screen.line or 'the first batches'}"

    def __repr__(self) -> str:
        if self.summary is not None:
            return repr(self.summary)
        if self.error is not None:
            return _failure(self.error)
        lines = [f"Training in the background, {self.progress}"]
        lines += [f"  {text}" for text in "\n".join(tuple(self.screen.texts)).splitlines()]
        change = "resume()" if self._paused else "pause()"
        return "\n".join(
            [*lines, f"  job.stop() finishes the batch and saves; job.{change}, job.wait(), job.learnrate"]
        )

    def between_batches(self, work: Callable[[], T]) -> T:
        """Call a function between two batches, and return its result."""
        if self.is_here:
            return work()
        request: Future[T] = Future()
        with self._lock:
            closed = self._closed
            if not closed:
                self._requests.append((work, request))
        if closed:
            self._ended.wait()
            return work()
        self._woken.set()
        return request.result()

    # -- what the loop does -------------------------------------------------------------------------------------------

    @property
    def is_here(self) -> bool:
        """Whether the calling thread is the training thread."""
        return threading.current_thread() is self._thread

    @property
    def requested(self) -> bool:
        """Whether someone asked to stop."""
        return self._stopping

    def go_on(self) -> bool:
        """Do requested work, wait while paused, and return whether to train on the next batch."""
        self._look()
        self._begun.set()
        self._serve()
        while self._paused and not self._stopping:
            self._woken.wait()
            self._woken.clear()
            self._serve()
        return not self._stopping

    def after_step(self, step: Step) -> None:
        """Record the model's state, then call the user's callback."""
        self._look()
        if self._callback is not None:
            self._callback(step)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None: ...

    def _require_going(self, what: str) -> None:
        if self.done:
            raise InvalidValue(
                f"job.{what}: this training has ended. ms.learnrate = ... sets the rate for the next one, "
                "which ms.train(background=True) begins."
            )

    def _look(self) -> None:
        model, place = self._learner.model, self._learner.place
        self.still = Still(model.vectors(), model.steps, Place(place.epoch, place.pos, place.state))

    def _serve(self) -> None:
        while self._requests:
            work, request = self._requests.popleft()
            try:
                request.set_result(work())
            except BaseException as error:  # raised in the thread that asked
                request.set_exception(error)

    def _run(self) -> None:
        try:
            self.summary = self._train(self)
        except BaseException as error:
            self.error, self._unheard = error, True
        with self._lock:
            self._closed = True
        self._serve()
        atexit.unregister(self._close)
        if self.error is not None and self._begun.is_set():
            say(f"\n{_failure(self.error)}", file=sys.stderr)
        self._ended.set()
        self._begun.set()

    def _close(self) -> None:
        """Save before Python ends."""
        say("Stopping the training in the background, and saving.", file=sys.stderr)
        self._stopping = True
        self._woken.set()
        self._thread.join()
        if self.summary is not None:
            say(f"Everything is saved in checkpoint {self.summary.checkpoint}.", file=sys.stderr)

    def _watch_signals(self) -> None:
        """Save first when a signal would end Python at once; its effect is otherwise unchanged."""
        if threading.current_thread() is not threading.main_thread():  # Python allows handlers nowhere else
            return
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has but one of them
            former = number and signal.getsignal(number)
            if number and (former is signal.SIG_DFL or getattr(former, "__func__", None) is Job._on_signal):
                signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self.done:
            self._close()
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)


def _failure(error: BaseException) -> str:
    notes = " ".join(getattr(error, "__notes__", ()))
    return f"Training in the background ended with {type(error).__name__}: {error} {notes}".rstrip()
