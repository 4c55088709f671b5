"""A model and its working directory: opened, restored, looked at, saved."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from tqdm import tqdm

from charrnn import checks
from charrnn.data.corpus import Parts
from charrnn.data.documents.corpus import DocumentCorpus
from charrnn.data.documents.dataset import DocumentSet
from charrnn.data.documents.labels import LabelTable
from charrnn.data.music.corpus import MusicCorpus
from charrnn.data.sources import corpus_from_json
from charrnn.data.text.charset import CharSet
from charrnn.data.text.corpus import CharacterCorpus
from charrnn.data.text.corpus import TextCorpus as Corpus
from charrnn.data.text.dataset import DataSet
from charrnn.errors import CheckpointNotFound, InvalidValue, SourceNotFound
from charrnn.session import completion
from charrnn.session import show as describe
from charrnn.session.live import LivingModel, between_batches, not_while_training
from charrnn.settings.hyper import HyperParams
from charrnn.storage.checkpoint import Checkpoint
from charrnn.storage.history import History
from charrnn.storage.workdir import WorkDir
from charrnn.tasks import task_for
from charrnn.tasks.task import Task
from charrnn.training import policies
from charrnn.training.place import Place
from charrnn.training.screen import in_notebook
from charrnn.training.steplog import StepLog

if TYPE_CHECKING:
    from charrnn.model.model import Model
    from charrnn.model.modeltypes import CellMaker, ModelType

HIDDEN_STATE = "place/state"  # name of the streams' hidden state among a checkpoint's arrays


class KeptModel(LivingModel):
    """A model that is kept in a working directory: what `ModelState` loads, saves, and tells of itself."""

    def __init__(
        self, workdir: WorkDir, engine: str = "auto", threads: int | None = None, cell: CellMaker | None = None
    ) -> None:
        super().__init__()
        require_engine(engine, threads)
        facts = workdir.model
        self._workdir, self._engine, self._threads = workdir, engine, threads
        self.modeltype: str = facts["modeltype"]
        self.hyper = HyperParams.from_json(facts["hyper"])
        self._kind = kind_of(facts, cell, workdir.path)
        self.corpus = corpus_from_json(facts["corpus"])
        self.policy = policies.new(self.hyper)
        self.checkpoint: Checkpoint | None = None
        self._steplog = StepLog()
        self._arrays: dict[str, np.ndarray] = {}  # of the checkpoint, until the model is there to take them
        completion.register()

    @classmethod
    def load(
        cls,
        workdir: str | os.PathLike[str],
        checkpoint: str | int | Checkpoint | None = None,
        *,
        cell: CellMaker | None = None,
        engine: str = "auto",
        threads: int | None = None,
    ) -> Self:
        """Open a working directory; compiled functions come on first use.

        Parameters
        ----------
        workdir : path
        checkpoint : str, int or Checkpoint, optional
            The last one by default; ``"best"``, a name, or an index into `checkpoints`.
        cell : Cell class, instance or maker
            For a model whose cell is the user's own: what was given to `initfromsrcfile`. Nothing in a directory is
            ever run, so the class itself must come from here; its recorded source can be read.
        engine, threads
            As for `initfromsrcfile`; they need not be those that the model was trained with.

        Raises
        ------
        NotAModelDirectory
            If there is no working directory.
        CheckpointNotFound, CorruptFile, NewerFormat
            If the checkpoint is not there or cannot be used. Of a damaged one the message names the last good one, to
            be loaded by its name.
        UnknownName, EngineUnavailable, InvalidValue
            If there is no such engine, or the number of threads makes no sense.
        CellNeeded
            If the model has a cell of the user's own, and `cell` is not given; the message shows its source.
        InvalidCell
            If `cell` has other states or parameters than the model.

        Warns
        -----
        UserWarning
            If the step of `cell` was edited since the model was made.
        """
        ms = cls.unrestored(workdir, engine, threads, cell)
        try:
            return ms.restore(checkpoint)
        except CheckpointNotFound:
            if checkpoint is not None or ms.origin:  # a warm start is in its first checkpoint
                raise
            return ms  # made with init_checkpoint=False, and not trained yet

    @classmethod
    def unrestored(
        cls,
        workdir: str | os.PathLike[str],
        engine: str = "auto",
        threads: int | None = None,
        cell: CellMaker | None = None,
    ) -> Self:
        """Open a working directory of which no checkpoint may be readable, to see what can be saved; see `load`.

        The model is a new one until `restore` is called.
        """
        return cls(WorkDir.open(workdir), engine, threads, cell)

    @not_while_training
    def restore(self, checkpoint: str | int | Checkpoint | None = None) -> Self:
        """Go back to a checkpoint: parameters, optimizer, learning rate, place and hidden states.

        Parameters
        ----------
        checkpoint : str, int or Checkpoint, optional
            The last one by default; ``"best"``, a name, or an index into `checkpoints`.

        Raises
        ------
        CheckpointNotFound, CorruptFile, NewerFormat
            If it is not there or cannot be used; nothing changes then.
        TrainingInBackground
            If the model is training: stop that first.
        """
        found = self._workdir.find(checkpoint)
        arrays, record = self._workdir.read(found)
        place = Place(record["epoch"], record["pos"], arrays.pop(HIDDEN_STATE, None))
        policy = policies.make(self.hyper.policy, record["policy"])
        if self._trained is not None:
            self._trained.load_arrays(arrays)
            self._trained.steps = record["step"]
        else:
            self._arrays = arrays
        self.place, self.policy, self.checkpoint = place, policy, found
        self._steplog.forget()
        return self

    def _new_model(self, threads: int | None) -> Model:
        from charrnn.model.model import Model

        return Model(
            self.hyper,
            self._kind,
            self.corpus.columns if isinstance(self.corpus, MusicCorpus) else len(self.chars),
            engine=self.engine,
            threads=threads,
            announce=self._announce,
            documents=not isinstance(self.corpus, Corpus),
            label_sizes=[table.size for table in self.label_tables],
        )

    def _announce(self, line: str) -> None:
        if in_notebook():  # which would keep the line, and show it as if something were wrong; `explain` tells it
            return
        if self.job is None or not self.job.is_here:  # nothing comes in between what is typed
            tqdm.write(line, file=sys.stderr)  # apart from what is written

    def _restored_model(self) -> Model:
        model = self._new_model(self._threads)
        if self.checkpoint is not None:
            model.load_arrays(self._arrays)
            model.steps = self.checkpoint.step
            self._arrays = {}
        return model

    @between_batches
    def newcheckpoint(self, loss: float | None = None, **facts: Any) -> Checkpoint:
        """Save everything now. Training may thin it away later, as any checkpoint; `pin` it to keep it.

        Parameters
        ----------
        loss : float, optional
            Validation loss to file it under, in nats per character.
        **facts
            Anything else to keep in the checkpoint's `record`, of kinds that JSON can hold.
        """
        if len(self._steplog):
            self._write_history({})
        arrays = dict(self.model.arrays())
        if self.place.state is not None:
            arrays[HIDDEN_STATE] = self.place.state
        training = {"epoch": self.place.epoch, "pos": self.place.pos, "step": self.model.steps}
        policy = {"policy": self.policy.to_json(), "learnrate": self.learnrate}
        computed = {"engine": self.model.engine, "threads": self.model.threads}
        unit = {"unit": "frame"} if isinstance(self.corpus, MusicCorpus) else {}
        record = {**facts, **unit, **training, **policy, **computed, "epochs": self.epochs, "valid_loss": loss}
        self.checkpoint = self._workdir.save_checkpoint(arrays, record)
        return self.checkpoint

    @contextlib.contextmanager
    def _as_of(self, checkpoint: Checkpoint) -> Iterator[None]:
        """Give the model a checkpoint's parameters for a `with` block, and its own again afterwards."""
        arrays, _ = self._workdir.read(checkpoint)
        arrays.pop(HIDDEN_STATE, None)
        model = self.model
        own = model.arrays()
        model.load_arrays(arrays)
        try:
            with self._holding(model):
                yield
        finally:
            model.load_arrays(own)

    def _write_history(self, row: dict[str, Any]) -> None:
        """Append a row to the history, with the steps that are not there yet."""
        self.history.append(row, self._steplog.columns())
        self._steplog.forget()

    @cached_property
    def task(self) -> Task[Any]:
        """What the model does with its kind of data."""
        return task_for(self.corpus, lambda: self._data, self._never_written)

    @property
    def chars(self) -> CharSet:
        """The characters that the model knows."""
        assert isinstance(self.corpus, CharacterCorpus)
        return self.corpus.charset

    @property
    def writes_documents(self) -> bool:
        """Whether the model learns and writes whole documents rather than one continuous text."""
        return isinstance(self.corpus, DocumentCorpus)

    @property
    def label_tables(self) -> tuple[LabelTable, ...]:
        """The labels that documents have, a table for each column."""
        return self.corpus.tables if isinstance(self.corpus, DocumentCorpus) else ()

    @property
    def learnrate(self) -> float:
        """The learning rate now, which the policy adapts; set it to go on with another."""
        return self.policy.learnrate

    @learnrate.setter
    def learnrate(self, value: float) -> None:
        self.policy.learnrate = self.hyper.replace(learnrate=value).learnrate  # checks it

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
    def steps(self) -> int:
        """Batches trained on since the beginning."""
        if (job := self._elsewhere) is not None:
            return job.still.steps
        if self._trained is not None:
            return self._trained.steps
        return self.checkpoint.step if self.checkpoint else 0

    @property
    def num_parameters(self) -> int:
        """Number of trainable numbers; 0 as long as there is neither a checkpoint nor a compiled model."""
        if self._trained is not None:
            return self._trained.vectors()["param"].size
        return sum(array.size for name, array in self._arrays.items() if name.startswith("param/"))

    @property
    def engine(self) -> str:
        """What computes: "numba" or "jax", or until the first use what was asked for."""
        return self._engine if self._trained is None else self._trained.engine

    @property
    def path(self) -> Path:
        """The working directory."""
        return self._workdir.path

    @property
    def branch_name(self) -> str:
        """The branch that training goes on with."""
        return self._workdir.refs.branch

    @property
    def checkpoints(self) -> list[Checkpoint]:
        """All checkpoints, in the order of saving."""
        return describe.Checkpoints(self._workdir.checkpoints)

    @property
    def history(self) -> History:
        """A row for every round of training that led here; `columns()` and `steps()` give arrays."""
        return self._workdir.history

    @property
    def has_text(self) -> bool:
        """Whether the text is here, without which a model writes and scores but does not train."""
        return self._workdir.data.exists()

    @property
    def train_data(self) -> DataSet | DocumentSet:
        """The text or documents to learn from."""
        return self._data[0]

    @property
    def valid_data(self) -> DataSet | DocumentSet:
        """The text or documents to validate on."""
        return self._data[1]

    @cached_property
    def _data(self) -> Parts[Any]:
        if not self.has_text:
            raise SourceNotFound(
                f"{self.path} holds a model without its text, as a single file brings it: it writes and scores, but "
                "cannot train or validate. For that, load the directory that the text was encoded in."
            )
        if isinstance(self.corpus, DocumentCorpus):
            return self.corpus.open(self._workdir.data, self.hyper.label_dropout)
        return self.corpus.open(self._workdir.data)

    @property
    def origin(self) -> dict[str, Any]:
        """For a model that `finetune` made: model, checkpoint and text that it came from; else empty."""
        return self._workdir.model.get("origin", {})

    @property
    def cell_source(self) -> str | None:
        """How the user's own cell was written when the model was made; None for other cells, or if unknown."""
        return self._workdir.model.get("cell", {}).get("source")

    @property
    def _never_written(self) -> int:
        """How many of the first symbols the model never writes: 1 where its text held no U+FFFD."""
        return self._workdir.model.get("never_written", 0)

    def __repr__(self) -> str:
        return describe.state(self)

    def _repr_html_(self) -> str:
        return describe.state_page(self)


def kind_of(facts: dict[str, Any], cell: CellMaker | None, where: Path) -> str | ModelType:
    """Return a kept model's type by its name, or made of the cell that its user gave; see `KeptModel.load`."""
    if "cell" not in facts:
        if cell is not None:
            raise InvalidValue(f"cell={cell!r}: the model in {where} is a {facts['modeltype']}, which needs none.")
        return facts["modeltype"]
    from charrnn.model import cellrecord

    return cellrecord.restored(facts["cell"], cell, HyperParams.from_json(facts["hyper"]), str(where))


def require_engine(engine: str, threads: int | None) -> None:
    """Raise unless there is such an engine, and the number of threads makes sense."""
    if engine not in ("auto", "numba"):  # these are always there, and to look further takes PyTensor's import
        from charrnn.model import engine as engines

        engines.resolve(engine)
    if threads is not None:
        checks.whole("threads", threads)
