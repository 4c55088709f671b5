"""`Session`: a model and its open working directory; the activities of `ModelState` are functions of it."""

from __future__ import annotations

import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charrnn import checks
from charrnn.data.documents.labels import LabelTable
from charrnn.data.text.charset import CharSet
from charrnn.errors import InvalidValue, SourceNotFound, TrainingInBackground
from charrnn.model.engines import engine as engines
from charrnn.session import completion, othernames
from charrnn.session.facts import Facts
from charrnn.session.listing import Checkpoints
from charrnn.session.live import Live
from charrnn.storage.checkpoint import Checkpoint
from charrnn.storage.datacheck import DataCheck
from charrnn.storage.history import History
from charrnn.storage.standing import Standing
from charrnn.storage.workdir import WorkDir
from charrnn.tasks import task_for
from charrnn.training import policies
from charrnn.training.place import Place
from charrnn.training.screen import in_notebook
from charrnn.training.steplog import StepLog

if TYPE_CHECKING:
    from charrnn.model.cells.modeltypes import CellMaker
    from charrnn.model.model import Model
    from charrnn.training.job import Job
    from charrnn.training.policies import Constant


class Session:
    """A model and its working directory.

    Parameters
    ----------
    workdir : WorkDir
    engine : {"auto", "cpu", "jax"}
    threads : int, optional
        Number of threads of the CPU engine; all cores by default.
    cell : Cell class, instance or maker
        For a model whose cell is the user's own.

    Attributes
    ----------
    workdir : WorkDir
        Where the model is kept.
    facts : Facts
        The model as it was made; `modeltype`, `hyper` and `corpus` are among them.
    task : Task
        What depends on the kind of data.
    live : Live
        The model that trains, and the one that is looked at meanwhile.
    policy : charrnn.training.policies.Constant
        The learning-rate policy; to go on with another, set a name or one of `charrnn.training.policies`.
    checkpoint : Checkpoint or None
        The checkpoint last saved or restored.
    datacheck : DataCheck
        The check of the encoded data against its checksums, once a session.
    steplog : StepLog
        The training steps that the history does not hold yet.
    """

    def __init__(
        self, workdir: WorkDir, engine: str = "auto", threads: int | None = None, cell: CellMaker | None = None
    ) -> None:
        if not isinstance(workdir, WorkDir):
            raise InvalidValue(
                f"ModelState({workdir!r}): make a model with ModelState.initfromsrcfile(TEXT, DIRECTORY), or open one "
                "with ModelState.load(DIRECTORY)."
            )
        require_engine(engine, threads)
        self.workdir, self._engine = workdir, engines.canonical(engine)
        self.facts = facts = Facts.from_json(workdir.model)
        self.modeltype, self.hyper, self.corpus = facts.modeltype, facts.hyper, facts.corpus
        self.celltype = facts.celltype(cell, workdir.path)
        self.task = task_for(facts.corpus, lambda: self._parts, facts.never_written, facts.reading)
        self.live = Live(self._new_model, threads)
        self._policy = policies.new(self.hyper)
        self.checkpoint: Checkpoint | None = None
        self._standing: Standing | None = None
        self.datacheck = DataCheck(workdir)
        self.steplog = StepLog()
        completion.register()

    disk_budget = 2_000_000_000

    # The model

    @property
    def model(self) -> Model:
        """The model itself: `errors`, `gradients`, `step`, `process` and parameters, for exploring.

        While it trains in the background, this is a second model with the parameters as of the last batch; they stay
        so until the next time that it is asked for.
        """
        return self.live.model

    @property
    def job(self) -> Job | None:
        """The last training in the background."""
        return self.live.job

    @property
    def place(self) -> Place:
        """Where training stands: epoch, position, hidden state of every stream."""
        return self.live.place

    @property
    def engine(self) -> str:
        """The engine: "cpu" or "jax"; before the first use, the requested one."""
        return self._engine if self.live.trained is None else self.live.trained.engine

    @property
    def steps(self) -> int:
        """Batches trained on since the beginning."""
        if (job := self.live.elsewhere) is not None:
            return job.still.steps
        if self.live.trained is not None:
            return self.live.trained.steps
        return self.checkpoint.step if self.checkpoint else 0

    @property
    def epochs(self) -> float:
        """Epochs trained, the part of the present one included."""
        place = self.place
        if place.state is None:
            return place.epoch
        if not self.has_text:
            assert self.checkpoint is not None  # nothing else can have brought it here
            return self.checkpoint.record.get("epochs", place.epoch)
        return place.epoch + place.pos / self.train_data.batchepoch(place.state.shape[1])

    @property
    def num_parameters(self) -> int:
        """Number of trainable numbers; 0 as long as there is neither a checkpoint nor a compiled model."""
        if self.live.trained is not None:
            return self.live.trained.vectors()["param"].size
        return sum(array.size for name, array in self.live.waiting.items() if name.startswith("param/"))

    @property
    def learnrate(self) -> float:
        """The present learning rate, which the policy adapts; settable."""
        return self.policy.learnrate

    @learnrate.setter
    def learnrate(self, value: float) -> None:
        self.policy.learnrate = self.hyper.replace(learnrate=value).learnrate  # checks it

    @property
    def policy(self) -> Constant:
        """The learning-rate policy. Set it to a name, such as "cosine", or to one of `charrnn.training.policies`.

        Checkpoints record it, so that what is loaded goes on with it.
        """
        return self._policy

    @policy.setter
    def policy(self, value: Constant | str) -> None:
        if self.live.elsewhere is not None:
            raise TrainingInBackground(
                "This model is training in the background, with the policy that it began with: end that with "
                "ms.job.stop(), then set ms.policy; ms.learnrate can be set at any time."
            )
        if isinstance(value, str):
            value = policies.named(value, self.hyper, self.learnrate)
        if policies.name_of(value) is None:
            raise InvalidValue(
                f"ms.policy = {value!r:.60}: expected a name ({', '.join(policies.POLICIES)}), or one of "
                "charrnn.training.policies, such as Cosine(learnrate=0.01); a checkpoint could not record another."
            )
        self.hyper.replace(learnrate=value.learnrate)  # checks it
        self._policy = value
        if self.live.learner is not None:  # a callback may set it amid training
            self.live.learner.policy = value

    def _new_model(self, threads: int | None) -> Model:
        from charrnn.model.model import Model

        shape = self.corpus.shape()
        return Model(
            self.hyper,
            self.celltype,
            shape.vocab_size,
            engine=self.engine,
            threads=threads,
            announce=self._announce,
            documents=shape.resets,
            label_sizes=shape.label_sizes,
        )

    def _announce(self, line: str) -> None:
        """Print a line about a compilation, unless it would disturb; `explain` lists all of them."""
        if in_notebook():  # it would stay there, in red
            return
        if self.job is None or not self.job.is_here:  # else it would come between what is typed
            self.live.say(line, sys.stderr)  # apart from what is written

    # The data

    @property
    def chars(self) -> CharSet:
        """The characters that the model knows."""
        return self.task.chars

    @property
    def writes_documents(self) -> bool:
        """Whether the model learns and writes whole documents rather than one continuous text."""
        return self.corpus.kind == "documents"

    @property
    def label_tables(self) -> tuple[LabelTable, ...]:
        """The labels that documents have, a table for each column."""
        return self.corpus.tables

    @property
    def has_text(self) -> bool:
        """Whether the data is here, without which a model writes and scores but does not train."""
        return self.workdir.data.exists()

    @property
    def train_data(self) -> Any:
        """The text, documents or pieces to learn from."""
        return self._parts.train

    @property
    def valid_data(self) -> Any:
        """The text, documents or pieces to validate on."""
        return self._parts.valid

    @property
    def test_data(self) -> Any:
        """The data for testing, where the source has some.

        Raises
        ------
        InvalidValue
            If the source has no test part.
        """
        return self.task.test_data

    @cached_property
    def _parts(self) -> Any:
        if not self.has_text:
            raise SourceNotFound(
                f"{self.path} holds a model without its text, as a single file brings it: it writes and scores, but "
                "cannot train or validate. For that, load the directory that the text was encoded in."
            )
        return self.corpus.open(self.workdir.data, label_dropout=self.hyper.label_dropout)

    @cached_property
    def ngrams(self) -> dict[int, float]:
        """Validation losses of smoothed n-grams that counted in the training data, by their order."""
        from charrnn.insight import ngrams

        return ngrams.of_data(self.train_data, self.valid_data) if self.has_text else {}

    # The working directory

    @property
    def path(self) -> Path:
        """The working directory."""
        return self.workdir.path

    @property
    def branch_name(self) -> str:
        """The branch that training continues."""
        return self.standing.branch

    @property
    def standing(self) -> Standing:
        """The branch that training goes on with, and where it stood when this session last saw it."""
        if self._standing is None:  # not before it is needed: damaged references leave the rest to be looked at
            self._standing = self.workdir.standing()
        return self._standing

    @standing.setter
    def standing(self, standing: Standing) -> None:
        self._standing = standing

    @property
    def checkpoints(self) -> list[Checkpoint]:
        """All checkpoints, in the order of saving."""
        return Checkpoints(self.workdir.checkpoints)

    @property
    def history(self) -> History:
        """A row for every round of training that led here; `columns()` and `steps()` give arrays."""
        return self.workdir.history

    @property
    def origin(self) -> dict[str, Any]:
        """For a model that `finetune` made: model, checkpoint and text that it came from; else empty."""
        return self.facts.origin

    @property
    def cell_source(self) -> str | None:
        """How the user's own cell was written when the model was made; None for other cells, or if unknown."""
        return self.facts.cell.get("source")

    def __getattr__(self, name: str) -> Any:
        if hasattr(type(self), name):  # a property that failed: its own error is the one to see
            return object.__getattribute__(self, name)
        raise othernames.missing(self, name)

    def __dir__(self) -> list[str]:
        """Leave out names that have no meaning for the kind of data."""
        return [name for name in super().__dir__() if name not in self.task.refusals]


def require_engine(engine: str, threads: int | None) -> None:
    """Raise unless there is such an engine, and the number of threads is a whole number from 1 up."""
    if engines.canonical(engine) == "jax":
        engines.resolve(engine)
    if threads is not None:
        checks.whole("threads", threads)
