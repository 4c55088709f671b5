"""The facts about a model that training does not change: the typed form of `model.json`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from charrnn.data.reading import Reading
from charrnn.data.sources import corpus_from_json
from charrnn.errors import InvalidValue
from charrnn.settings.hyper import HyperParams

if TYPE_CHECKING:
    from charrnn.model.cells.modeltypes import CellMaker, ModelType


@dataclass(frozen=True)
class Facts:
    """A model as it was made.

    Parameters
    ----------
    modeltype : str
        Cell and input stage by name, such as ``"GRUEncode"``.
    hyper : HyperParams
    corpus : Corpus
        What it learns.
    never_written : int
        How many of the first symbols the model never writes: 1 where its text held no U+FFFD.
    batchsize : int
        B, unless `train` is given another.
    preset : str, optional
        The recipe that it was made with.
    cell : dict
        The record of a cell of the user's own, see `charrnn.model.cells.record`; else empty.
    origin : dict
        For a model that `finetune` made: model, checkpoint and text that it came from; else empty.
    reading : Reading, optional
        How its source was read; None for models of versions that did not record it.
    """

    modeltype: str
    hyper: HyperParams
    corpus: Any
    never_written: int = 0
    batchsize: int = 16
    preset: str | None = None
    cell: dict[str, Any] = field(default_factory=dict)
    origin: dict[str, Any] = field(default_factory=dict)
    reading: Reading | None = None

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Self:
        """Return the facts that `to_json` wrote."""
        optional = ("never_written", "batchsize", "preset", "cell", "origin")
        given: dict[str, Any] = {name: record[name] for name in optional if name in record}
        if "reading" in record:
            given["reading"] = Reading.from_json(record["reading"])
        hyper, corpus = HyperParams.from_json(record["hyper"]), corpus_from_json(record["corpus"])
        return cls(record["modeltype"], hyper, corpus, **given)

    def to_json(self) -> dict[str, Any]:
        """Return the facts as a JSON-serialisable dictionary, without empty ones."""
        made = {"preset": self.preset, "batchsize": self.batchsize} if self.preset else {}
        reading = None if self.reading is None else self.reading.to_json()
        optional = {"cell": self.cell, "origin": self.origin, "reading": reading}
        about = {"modeltype": self.modeltype, "hyper": self.hyper.to_json(), "corpus": self.corpus.to_json()}
        given = {name: value for name, value in optional.items() if value}
        return {**about, **made, **given, "never_written": self.never_written}

    def celltype(self, cell: CellMaker | None, where: Path) -> str | ModelType:
        """Return the type of the model by its name, or made of the cell that its user gives; see `ModelState.load`."""
        if not self.cell:
            if cell is not None:
                raise InvalidValue(f"cell={cell!r}: the model in {where} is a {self.modeltype}, which needs none.")
            return self.modeltype
        from charrnn.model.cells import record as cellrecord

        return cellrecord.restored(self.cell, cell, self.hyper, str(where))
