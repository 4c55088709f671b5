"""A model and its past: going back and branching off, comparing, checking, and leaving as a single file."""

from __future__ import annotations

import contextlib
import math
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from charrnn import ancestor
from charrnn.comparing import Comparison, Side
from charrnn.data.documentcorpus import DocumentCorpus
from charrnn.errors import CharRNNError, CheckpointNotFound, CorruptFile
from charrnn.generation import sampling
from charrnn.generation.documents import write_documents
from charrnn.keeping import KeptModel, kind_of, require_engine
from charrnn.living import between_batches, not_while_training
from charrnn.storage import timetravel
from charrnn.storage.bundle import export_bundle, import_bundle
from charrnn.storage.checkpoint import Checkpoint
from charrnn.storage.legacy import read_legacy
from charrnn.storage.table import Table
from charrnn.storage.verify import OK, Verification, verify
from charrnn.storage.workdir import WorkDir
from charrnn.training.validate import validation_loss

if TYPE_CHECKING:
    from charrnn.model.cells.modeltypes import CellMaker

Which = Checkpoint | str | int | None

CLOSE = 1e-4  # relative: how far a loss may come out differently on another engine or machine


class TravellingModel(KeptModel):
    """What `ModelState` does with its checkpoints, beside saving and restoring them."""

    def log(self) -> Table:
        """Return a table of all checkpoints, with losses, learning rates, notes, and a line that the model wrote then.

        Among its marks are the last checkpoint of each branch, the best of all, and those pinned.
        """
        return timetravel.log(self._workdir)

    @not_while_training
    def checkout(self, checkpoint: Which = None) -> Self:
        """Go back to a checkpoint for good: whoever loads the model finds it there, and the history ends there.

        Nothing is lost: where the model stood is pinned, and can be checked out by its name. `restore` is for a look;
        the directory stays as it is, until training goes on from what was restored.

        Parameters
        ----------
        checkpoint : Checkpoint, str or int, optional
            As for `restore`. The name of a branch goes to where that stands, and on along it.

        Raises
        ------
        CheckpointNotFound, CorruptFile, NewerFormat
            If it is not there or cannot be used.
        WorkdirLocked, SaveFailed
            If another process is training this model, or the directory cannot be written.
        TrainingInBackground
            If the model is training: stop that first.
        """
        with self._workdir.lock():
            self.restore(checkpoint)
            timetravel.checkout(self._workdir, checkpoint)
        return self

    @not_while_training
    def branch(self, name: str) -> Self:
        """Begin a branch where the model stands: what is trained from now on is filed under its name.

        Text and earlier checkpoints are shared. `checkout` goes back and forth between branches; the first is "main".

        Parameters
        ----------
        name : str
            Letters, digits and ``_.-``.

        Raises
        ------
        InvalidValue
            If there is such a branch already, or it cannot be a name.
        CheckpointNotFound
            If there is no checkpoint yet.
        WorkdirLocked, SaveFailed, TrainingInBackground
            As `checkout`.

        Examples
        --------
        >>> ms.restore("best").branch("lower-lr")  # doctest: +SKIP
        >>> ms.learnrate /= 10                     # doctest: +SKIP
        >>> ms.train()                             # doctest: +SKIP
        >>> ms.checkout("main")                    # doctest: +SKIP
        """
        timetravel.branch(self._workdir, name, self.checkpoint)
        return self

    @between_batches
    def pin(self, checkpoint: Which = None) -> Checkpoint:
        """Keep a checkpoint from being thinned away; where the model stands by default, else as for `restore`."""
        return timetravel.pin(self._workdir, self._meant(checkpoint))

    @between_batches
    def unpin(self, checkpoint: Which = None) -> Checkpoint:
        """Let a pinned checkpoint be thinned away again; arguments as for `pin`."""
        return timetravel.unpin(self._workdir, self._meant(checkpoint))

    @between_batches
    def note(self, text: str, checkpoint: Which = None) -> Checkpoint:
        """Attach a note to a checkpoint, which keeps it from being thinned away; "" takes it off.

        Arguments as for `pin`.
        """
        return timetravel.note(self._workdir, text, self._meant(checkpoint))

    def diff(self, a: Which, b: Which = None, numchars: int = 300, rng: int = 0) -> Comparison:
        """Compare two checkpoints: settings, losses, how far each matrix moved, and what they write from one seed.

        Parameters
        ----------
        a, b : Checkpoint, str or int
            As for `restore`; `b` is where the model stands by default.
        numchars, rng
            As for `generate`: how much both write, or how much of a document at most, and from which seed.

        Raises
        ------
        CheckpointNotFound, CorruptFile, NewerFormat
            If one of them is not there or cannot be used.
        """
        found = self._workdir.find(a), self._meant(b)
        one, other = (self._side(checkpoint, numchars, rng) for checkpoint in found)
        return Comparison(one, other)

    def verify(self) -> Verification:
        """Check every file against its checksums, and compute a stored validation loss again.

        The loss is that of the newest checkpoint that is whole and tells what its loss was measured on; without the
        text there is none. Nothing changes.

        Returns
        -------
        Verification
            A table; `ok` and `problems` sum it up.
        """
        report = verify(self._workdir)
        if self.has_text:
            for checkpoint in reversed(self._workdir.snapshot()[1]):
                if "measured" in checkpoint.record and checkpoint.loss is not None:
                    with contextlib.suppress(CorruptFile, CheckpointNotFound):
                        report.append({"file": f"loss of {checkpoint.name}", "state": self._loss_state(checkpoint)})
                        break
        return report

    def export(self, file: str | os.PathLike[str]) -> Path:
        """Write the model to a single file, a zip, and return its path.

        It holds the last and the best checkpoint and the history, not the text. `ModelState.import_` reads it, on any
        machine. What the directory holds is written: save first (`newcheckpoint`) what changed since.

        Raises
        ------
        CheckpointNotFound, CorruptFile, SaveFailed
            If there is nothing to export yet, it is damaged, or the file cannot be written.
        """
        return export_bundle(self._workdir, file)

    @classmethod
    def import_(
        cls,
        file: str | os.PathLike[str],
        usedir: str | os.PathLike[str],
        *,
        cell: CellMaker | None = None,
        overwrite: bool = False,
        engine: str = "auto",
        threads: int | None = None,
    ) -> Self:
        """Make a working directory from a file that `export` wrote. Without the text, it writes and scores.

        Parameters
        ----------
        file : path
        usedir : path
            The working directory to make.
        cell
            As for `load`.
        overwrite, engine, threads
            As for `initfromsrcfile`.

        Raises
        ------
        NotAModelDirectory, CorruptFile, NewerFormat
            If the file is not there, is no such file, is damaged, or a later charrnn wrote it.
        CellNeeded, InvalidCell
            As `load`.
        ModelExists, InvalidValue, WorkdirLocked, SaveFailed
            If the directory cannot be made; nothing is left behind.
        """
        require_engine(engine, threads)

        def accept(facts: dict[str, Any]) -> None:
            kind_of(facts, cell, Path(file))

        return cls(import_bundle(file, usedir, overwrite, accept), engine, threads, cell).restore()

    @classmethod
    def fromancestor(
        cls,
        file: str | os.PathLike[str],
        usedir: str | os.PathLike[str],
        chars: Sequence[str],
        *,
        overwrite: bool = False,
        engine: str = "auto",
        threads: int | None = None,
        **hyperparams: Any,
    ) -> Self:
        """Make a working directory from a parameter file (``...-model.npz``) of the Theano program before charrnn.

        Nothing in it is unpickled. Without a text, it writes and scores.

        Parameters
        ----------
        file : path
        usedir : path
            The working directory to make.
        chars : str or sequence of str
            The characters in the order of their indices, which the file does not hold; U+FFFD, the first, may be left
            out.
        overwrite, engine, threads
            As for `initfromsrcfile`.
        **hyperparams
            Fields of `HyperParams` that are not as in ``HyperParams.preset("rngru")``; sizes are in the file.

        Raises
        ------
        NotAModelDirectory, CorruptFile
            If there is no such file, or it is damaged or of another kind.
        InvalidValue, UnknownName
            If `chars` are not as many as the file is for, or a hyperparameter makes no sense.
        ModelExists, WorkdirLocked, SaveFailed
            If the directory cannot be made; nothing is left behind.
        """
        found = read_legacy(file)
        facts = ancestor.facts(Path(file), found, chars, hyperparams)
        with tempfile.TemporaryDirectory() as folder:  # the directory appears at once, with its checkpoint
            ms = cls(WorkDir.create(Path(folder, "model"), facts), engine, threads)
            ms.model.load_parameters(ancestor.parameters(found))
            ms.newcheckpoint()
            bundle = ms.export(Path(folder, "model.zip"))
            return cls.import_(bundle, usedir, overwrite=overwrite, engine=engine, threads=threads)

    def _meant(self, checkpoint: Which) -> Checkpoint:
        """Return the checkpoint that a person means, by default where the model stands."""
        return self._workdir.find(self.checkpoint if checkpoint is None else checkpoint)

    def _side(self, checkpoint: Checkpoint, numchars: int, rng: int) -> Side:
        with self._as_of(checkpoint):
            model = self.model
            options: dict[str, Any] = {"rng": rng, "skip": self._never_written}
            if isinstance(self.corpus, DocumentCorpus):
                first = self.corpus.random_first
                (sample,) = write_documents(model, self.chars, 1, numchars, first=first, **options)
            else:
                sample = sampling.generate(model, self.chars, numchars, **options)
            return Side(checkpoint, model.parameters, sample)

    def _loss_state(self, checkpoint: Checkpoint) -> str:
        """Compute a checkpoint's validation loss again, and say whether it is the stored one."""
        with self._as_of(checkpoint):
            try:
                loss = validation_loss(self.model, self.valid_data, **checkpoint.record["measured"])
            except CharRNNError as error:
                return str(error)
        if math.isclose(loss, checkpoint.record["valid_loss"], rel_tol=CLOSE):
            return OK
        return f"computed again it is {loss:.6f}, not {checkpoint.loss:.6f}"
