"""How music becomes frames, as a person says it and as a model records it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from charrnn import checks
from charrnn.data.budget import LIMIT
from charrnn.errors import CorruptFile


@dataclass(frozen=True)
class MusicOptions:
    """How music becomes frames; see `charrnn.data.music.source.Pieces.open` and `charrnn.data.music.corpus`.

    >>> MusicOptions(dt=0.3, transpose=2).reading
    {'dt': 0.3, 'beats': None, 'onsets': False, 'pedal': True, 'memory_limit': 0.5}
    """

    dt: float | None = None
    beats: float | None = None
    onsets: bool = False
    transpose: int = 0
    pedal: bool = True
    memory_limit: float = LIMIT

    def __post_init__(self) -> None:
        checks.flag("onsets", self.onsets)
        checks.flag("pedal", self.pedal)
        checks.number("memory_limit", self.memory_limit, above=0)

    @property
    def chosen(self) -> dict[str, Any]:
        """The options that are not as they are by default."""
        default = MusicOptions()
        return {name: value for name, value in vars(self).items() if value != getattr(default, name)}

    @property
    def reading(self) -> dict[str, Any]:
        """The arguments of `Pieces.open`."""
        return {name: value for name, value in vars(self).items() if name != "transpose"}

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able record."""
        return dict(vars(self))

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> MusicOptions:
        """Restore options from their record; without a word on the pedal it was not heeded.

        Raises
        ------
        CorruptFile
            If the record is not one of such options.
        """
        if unknown := record.keys() - {field.name for field in fields(cls)}:
            raise CorruptFile(f"The record of how music is read has {', '.join(sorted(unknown))}, which is unknown.")
        try:
            return cls(**{"pedal": False} | dict(record))
        except (TypeError, ValueError) as error:
            raise CorruptFile(f"The record of how music is read is damaged: {error}") from error
