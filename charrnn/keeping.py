"""A model and its working directory: opened, restored, looked at, saved."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from charrnn import describe
from charrnn.data.charset import CharSet
from charrnn.data.dataset import DataSet
from charrnn.data.encoding import Corpus
from charrnn.errors import CheckpointNotFound
from charrnn.hyper import HyperParams
from charrnn.storage import timetravel
from charrnn.storage.checkpoint import Checkpoint
from charrnn.storage.history import History
from charrnn.storage.table import Table
from charrnn.storage.workdir import WorkDir
from charrnn.training import policies
from charrnn.training.place import Place

if TYPE_CHECKING:
    from charrnn.model.model import Model

HIDDEN_STATE = "place/state"  # name of the streams' hidden state among a checkpoint's arrays


class KeptModel:
    """A model that is kept in a working directory: what `ModelState` loads, saves, and tells of itself."""

    def __init__(self, workdir: WorkDir, engine: str = "auto", threads: int | None = None) -> None:
        facts = workdir.model
        self._workdir, self._engine, self._threads = workdir, engine, threads
        self.modeltype: str = facts["modeltype"]
        self.hyper = HyperParams.from_json(facts["hyper"])
        self.corpus = Corpus.from_json(facts["corpus"])
        self.place = Place()
        self.policy = policies.make(self.hyper.policy, {"learnrate": self.hyper.learnrate})
        self.checkpoint: Checkpoint | None = None
        self._arrays: dict[str, np.ndarray] = {}  # of the checkpoint, until the model is there to take them

    @classmethod
    def load(
        cls,
        workdir: str | os.PathLike[str],
        checkpoint: str | int | Checkpoint | None = None,
        *,
        engine: str = "auto",
        threads: int | None = None,
    ) -> Self:
        """Open a working directory; compiled functions come on first use.

        Parameters
        ----------
        workdir : path
        checkpoint : str, int or Checkpoint, optional
            The last one by default; ``"best"``, a name, or an index into `checkpoints`.
        engine, threads
            As for `initfromsrcfile`; they need not be those that the model was trained with.

        Raises
        ------
        NotAModelDirectory
            If there is no working directory.
        CheckpointNotFound, CorruptFile, NewerFormat
            If the checkpoint is not there or cannot be used.
        """
        ms = cls(WorkDir.open(workdir), engine, threads)
        try:
            return ms.restore(checkpoint)
        except CheckpointNotFound:
            if checkpoint is not None:
                raise
            return ms  # made with init_checkpoint=False, and not trained yet

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
        """
        found = self._workdir.find(checkpoint)
        arrays, record = self._workdir.read(found)
        place = Place(record["epoch"], record["pos"], arrays.pop(HIDDEN_STATE, None))
        policy = policies.make(self.hyper.policy, record["policy"])
        if "model" in vars(self):
            self.model.load_arrays(arrays)
            self.model.steps = record["step"]
        else:
            self._arrays = arrays
        self.place, self.policy, self.checkpoint = place, policy, found
        return self

    @cached_property
    def model(self) -> Model:
        """The model itself: `errors`, `gradients`, `step`, `process` and parameters, for exploring."""
        from charrnn.model.model import Model

        model = Model(self.hyper, self.modeltype, len(self.chars), engine=self._engine, threads=self._threads)
        if self.checkpoint is not None:
            model.load_arrays(self._arrays)
            model.steps = self.checkpoint.step
            self._arrays = {}
        return model

    def newcheckpoint(self, loss: float | None = None, **facts: Any) -> Checkpoint:
        """Save everything now.

        Parameters
        ----------
        loss : float, optional
            Validation loss to file it under, in nats per character.
        **facts
            Anything else to keep in the checkpoint's `record`, of kinds that JSON can hold.
        """
        arrays = dict(self.model.arrays())
        if self.place.state is not None:
            arrays[HIDDEN_STATE] = self.place.state
        training = {"epoch": self.place.epoch, "pos": self.place.pos, "step": self.model.steps}
        policy = {"policy": self.policy.to_json(), "learnrate": self.learnrate}
        record = {**facts, **training, **policy, "valid_loss": loss}
        self.checkpoint = self._workdir.save_checkpoint(arrays, record)
        return self.checkpoint

    @property
    def chars(self) -> CharSet:
        """The characters that the model knows."""
        return self.corpus.charset

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
        state = self.place.state
        part = 0.0 if state is None else self.place.pos / self.train_data.batchepoch(state.shape[1])
        return self.place.epoch + part

    @property
    def steps(self) -> int:
        """Batches trained on since the beginning."""
        if "model" in vars(self):
            return self.model.steps
        return self.checkpoint.step if self.checkpoint else 0

    @property
    def num_parameters(self) -> int:
        """Number of trainable numbers; 0 as long as there is neither a checkpoint nor a compiled model."""
        arrays = self.model.arrays() if "model" in vars(self) else self._arrays
        return sum(array.size for name, array in arrays.items() if name.startswith("param/"))

    @property
    def engine(self) -> str:
        """What computes: "numba" or "jax", or until the first use what was asked for."""
        return self.model.engine if "model" in vars(self) else self._engine

    @property
    def path(self) -> Path:
        """The working directory."""
        return self._workdir.path

    @property
    def checkpoints(self) -> list[Checkpoint]:
        """All checkpoints, in the order of saving."""
        return describe.Lines(self._workdir.checkpoints)

    def log(self) -> Table:
        """Return a table of all checkpoints, with losses, learning rates, and a line that the model wrote then."""
        return timetravel.log(self._workdir)

    @property
    def history(self) -> History:
        """A row for every round of training that led here."""
        return self._workdir.history

    @property
    def train_data(self) -> DataSet:
        """The text to learn from."""
        return self._data[0]

    @property
    def valid_data(self) -> DataSet:
        """The text to validate on."""
        return self._data[1]

    @cached_property
    def _data(self) -> tuple[DataSet, DataSet]:
        return self.corpus.open(self._workdir.data)

    def __repr__(self) -> str:
        return describe.state(self)
