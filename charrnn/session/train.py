"""Training, in the foreground or background, and its measurements."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from charrnn import checks
from charrnn.errors import InvalidValue, UnknownName, near_matches
from charrnn.generation import sampler as sampling
from charrnn.insight.live import LivePlot
from charrnn.session import look, lossdata, othernames, record, show
from charrnn.session.live import not_while_training
from charrnn.session.othernames import accepting
from charrnn.storage import lookup, timetravel
from charrnn.storage.thinning import thin
from charrnn.training.job import Job
from charrnn.training.learner import Learner
from charrnn.training.loop import Journal, Training
from charrnn.training.plan import Plan
from charrnn.training.screen import ALL, SILENT
from charrnn.training.steplog import Step
from charrnn.training.summary import TRAINING, VALIDATION, Round, TrainingSummary
from charrnn.training.timing import StepTimes, time_steps
from charrnn.training.validate import validation_loss
from charrnn.wording import part, say, wrapped

if TYPE_CHECKING:
    from charrnn.session.session import Session


@not_while_training
@accepting(othernames.TRAIN, othernames.TRAIN_EXPLAINED, othernames.TRAIN_UNLESS)
def train(
    ms: Session,
    num_rounds: int = 1,
    batchsize: int | None = None,
    train_len: int = 0,
    valid_len: int = 0,
    print_every: int | None = None,
    clear_state: bool = False,
    minutes: float | None = None,
    save_every: float = 10.0,
    callback: Callable[[Step], object] | None = None,
    sample_temps: float | Sequence[float] = (0.5,),
    verbose: int = 2,
    patience: int | None = None,
    plot: bool = False,
    background: bool = False,
    *,
    monitor: str = VALIDATION,
) -> TrainingSummary | Job:
    """Train, from where training stands. Ctrl-C stops it with everything saved; train again to go on.

    A round is some training, a validation, an update of the learning rate, and a checkpoint. Training that was stopped
    after a round and continued has the same bits as uninterrupted training, if engine, number of threads, processor and
    PyTensor's version are the same; otherwise the results differ by rounding.

    Parameters
    ----------
    num_rounds : int
        Number of rounds.
    batchsize : int
        B, the number of streams that the text is read in; 16, or what the preset says.
    train_len : int
        Batches in a round; 0 for a whole epoch.
    valid_len : int
        Batches in a validation; 0 for the whole validation text.
    print_every : int
        Show the loss and samples every so many batches; 0 for never. By default the clock decides: the first within
        10 seconds, then one every 20 seconds or so.
    clear_state : bool
        Begin with blank hidden states.
    minutes : float, optional
        Train for so long instead of for `num_rounds`; the last round is as short as that makes it, and then leaves
        the learning rate alone unless it is the only one.
    save_every : float
        Minutes between checkpoints within a round.
    callback : callable
        Called with a `Step` after every batch; an error raised in it ends training, after saving.
    sample_temps : float or sequence of float
        The temperatures of the samples that are shown, one sample for each.
    verbose : {0, 1, 2}
        0 prints nothing, 1 a line a round, 2 a line of progress and samples too.
    patience : int, optional
        Stop when so many rounds in a row brought no loss below the best one of this call. The model stays as it is
        then; ``ms.restore("best")`` goes back to the best.
    plot : bool
        Show the curves of `plot` meanwhile: in a notebook a picture that follows, in a terminal a chart after every
        round.
    background : bool
        Train in a thread of its own and return a `Job` at once, `ms.job`: it tells how far it is, pauses, and
        stops. Nothing is printed, and Ctrl-C does not stop it. What the model is asked meanwhile it answers as it
        was after the last batch; `callback` is called in that thread.
    monitor : str
        Whose loss says which checkpoint is the best, and is waited for with `patience`: "validation", "training", or
        a label, such as "Blake" or "author=Blake": the validation loss of its documents. Losses on a part of the
        validation data (`valid_len`) are compared with those on the same part only, and not with any while there is
        one on the whole.

    Returns
    -------
    TrainingSummary or Job
        What it did, or with `background` what goes on.

    Raises
    ------
    InvalidValue
        If an argument has the wrong type or is out of range.
    WorkdirLocked
        If another process is training this model.
    TrainingInBackground
        If it is training already.
    TrainingDiverged
        If the loss did not stay finite, at ever smaller learning rates.
    """
    temps = tuple(sampling.checked_temp(temp) for temp in np.ravel(sample_temps).tolist())
    plan = Plan(num_rounds, train_len, valid_len, print_every, minutes, save_every, temps, verbose, patience)
    plan = dataclasses.replace(plan, monitor=_monitor(ms, monitor))
    if callback is not None and not callable(callback):
        raise InvalidValue(f"callback must be a function that takes a Step, not {callback!r}.")
    if plot and background:
        raise InvalidValue("plot=True would write between what you type: leave it out, and call ms.plot() any time.")
    with ms.live.silent(verbose == SILENT):
        ms.live.learner = learner = _learner(ms, ms.facts.batchsize if batchsize is None else batchsize)
        if plan.valid_len >= ms.valid_data.batchepoch(learner.batchsize):
            plan = dataclasses.replace(plan, valid_len=0)
        if not background:
            return _train(ms, learner, plan, clear_state, callback, plot)
    quiet = dataclasses.replace(plan, print_every=0, verbose=ALL)  # the job shows all but samples
    in_background = partial(_train, ms, learner, quiet, clear_state)
    ms.live.job = job = Job(learner, lambda job: in_background(job.after_step, job=job), callback)
    job.start()
    if verbose > 1:
        say(show.training(ms, learner, plan, background=True))
    return job


def _train(
    ms: Session,
    learner: Learner,
    plan: Plan,
    clear_state: bool,
    callback: Callable[[Step], object] | None,
    plot: bool = False,
    job: Job | None = None,
) -> TrainingSummary:
    with ms.workdir.lock():
        ms.datacheck.begin()
        timetravel.resume(ms.workdir, ms.checkpoint, ms.standing)
        ms.standing = ms.workdir.standing(ms.standing.branch)
        _move_to(ms, learner, clear_state)
        if plan.verbose == ALL and not job:
            say(show.training(ms, learner, plan))
        measured = {"batchsize": learner.batchsize, "valid_len": plan.valid_len}
        before = ms.checkpoint
        same = before and lookup.part_of(before.record.get("measured")) == lookup.part_of(measured)
        last_loss = before.loss if before and same else None
        save: Callable[[Round | None], str] = partial(_save, ms, measured, plan.monitor)
        if plot:
            picture = LivePlot(partial(look.plot, ms))
            callback, save = picture.after(callback), picture.after(save, at_once=True)
        journal = Journal(save, partial(_sample, ms), partial(_best, ms), last_loss)
        summary = Training(learner, ms.valid_data, plan, journal, callback, job).run()
        ms.datacheck.wait()
        return summary


def calc_loss(ms: Session, valid_len: int = 0, batchsize: int = 16, *, on: Any = "valid") -> float:
    """Return the loss on the validation part, or on something else, in nats per character, without L2.

    Nothing changes.

    Parameters
    ----------
    valid_len : int
        Number of batches; 0 for the whole.
    batchsize : int
        Number of streams, each of which starts from a blank state. There are fewer where a document would be cut
        otherwise, and for a text given here that has less than 32 sequences for each.
    on : {"valid", "train", "test"}, text, path, or list
        A part of the model's data; a text itself, as a string, which for models of documents is one document; a
        `pathlib.Path` of a file or folder, read as the model's own was; a list of documents, files or pieces of music;
        or one piece.

    Raises
    ------
    InvalidValue
        If an argument has the wrong type or is out of range, or there is no such part.
    SourceNotFound, SourceUnusable
        If a file cannot be used, or the model's data are not here.

    Examples
    --------
    >>> ms.calc_loss(on="It was the best of times")    # doctest: +SKIP
    >>> ms.calc_loss(on=Path("chapter13.txt"))         # doctest: +SKIP
    """
    checks.whole("batchsize", batchsize)
    Plan(valid_len=valid_len)  # checks it
    with lossdata.data(ms, on) as data:
        return validation_loss(ms.model, data, lossdata.batchsize(data, on, batchsize), valid_len)


def test_loss(ms: Session, batchsize: int = 16) -> float:  # noqa: PT028
    """Return the loss on the part for testing in nats per unit of the data.

    There is one with `testfrac` or `testfile`, and where the source is so divided.

    Raises
    ------
    InvalidValue
        If the data have no such part.
    """
    checks.whole("batchsize", batchsize)
    return validation_loss(ms.model, ms.test_data, batchsize)


def regularized_loss(ms: Session, batchsize: int = 16) -> float:
    """Return the ancestor's figure: the validation loss plus the L2 penalty divided by B·T.

    It depends on the batch size, and is not comparable between models.
    """
    return calc_loss(ms, batchsize=batchsize) + ms.model.regularization() / (batchsize * ms.valid_data.seq_len)


@not_while_training
def traintime(ms: Session, batchsize: int = 16) -> StepTimes:
    """Measure a training step and a validation step, in milliseconds; the model stays as it is."""
    return time_steps(_learner(ms, batchsize))


@not_while_training
def compile(ms: Session, batchsize: int = 16) -> None:  # noqa: A001
    """Compile the functions that would compile on first use, and print the times; the model does not change.

    The CPU engine does this once in each process, whatever the batch size. JAX does it for one batch size, and
    keeps the result on disk for later processes.
    """
    uses = ms.task.exercises(ms.model)
    if ms.has_text:
        uses = {"training and validation": lambda: time_steps(_learner(ms, batchsize), seconds=0), **uses}
    for what, use in uses.items():
        start = time.perf_counter()
        use()
        say(f"Compiled {what} in {time.perf_counter() - start:.1f} s.")


def _learner(ms: Session, batchsize: int) -> Learner:
    fitted = ms.train_data.fit(batchsize)
    if fitted.note:
        ms.live.say(wrapped(fitted.note))
    return Learner(ms.model, ms.train_data, ms.place, ms.policy, fitted.batchsize, ms.steplog)


def _move_to(ms: Session, learner: Learner, clear_state: bool) -> None:
    """Make the hidden states fit the batch size, keeping the part of the epoch that is done."""
    place = ms.place
    if place.state is not None and place.state.shape[1] != learner.batchsize:
        former = ms.train_data.batchepoch(place.state.shape[1])
        place.pos = place.pos * learner.epoch_length // former
        place.state = None
    if clear_state:
        place.state = None


def _monitor(ms: Session, name: str) -> str:
    """Return what `train` monitors, a label as "column=label"."""
    labels = [(table.name, label) for table in ms.label_tables for label in table.labels]
    known = (VALIDATION, TRAINING, *(f"{column}={label}" for column, label in labels))
    if name in known:
        return name
    columns = [column for column, label in labels if label == name]
    if len(columns) > 1:
        choices = " or ".join(repr(f"{column}={name}") for column in columns)
        raise InvalidValue(f"monitor={name!r} is a label of several columns: say {choices}.")
    if not columns:
        raise UnknownName(
            f'monitor={name!r}: expected "validation", "training", or a label. {near_matches(str(name), known)}'
        )
    return f"{columns[0]}={name}"


def _save(ms: Session, measured: dict[str, int], monitor: str, round_: Round | None) -> str:
    """Save at the end of a round or (None) amid one; `measured` says what a validation loss is measured on."""
    ms.datacheck.require_intact()
    if round_ is None:
        checkpoint = record.save(ms)
    else:
        facts: dict[str, Any] = {"train_loss": round_.train_loss, "measured": measured}
        try:
            facts["sample"] = _sample(ms)
        except Exception as error:  # a checkpoint matters more than its sample
            ms.live.say(f"The checkpoint has no sample, which failed: {type(error).__name__}: {error}", sys.stderr)
        if monitor != VALIDATION:
            facts["monitored"] = {monitor: round_.figure(monitor)}
        checkpoint = record.save(ms, round_.valid_loss, history_row=round_.to_json(), **facts)
    thin(ms.workdir, max_bytes=ms.disk_budget)
    return checkpoint.name


def _sample(ms: Session, temp: float = 0.5) -> str:
    """Return a sample of the present model; it depends only on the model and its number of steps."""
    return ms.task.sample(ms.model, ms.place, ms.hyper.random_seed, temp)


def _best(ms: Session) -> tuple[float | None, str]:
    """Return the lowest of the comparable losses, and the data that it was measured on."""
    best = lookup.best_figure(ms.checkpoints)
    return (best.loss, part(*best.part)) if best else (None, "")
