"""Record a user's own cell in a working directory, and compare a given cell with the record.

The source is recorded for reading and never runs: to load the model, the user passes the class.
"""

from __future__ import annotations

import ast
import linecache
import textwrap
from types import FunctionType
from typing import Any

import pytensor

from charrnn.errors import CellNeeded, InvalidCell, warn_caller
from charrnn.model.cells.cell import Cell
from charrnn.model.cells.check import TracedStep
from charrnn.model.cells.modeltypes import CellMaker, ModelType, of_cell
from charrnn.settings.hyper import HyperParams

Record = dict[str, Any]


def record(kind: ModelType, hyper: HyperParams) -> Record:
    """Return the record of a user's own model type, JSON-serialisable.

    Raises
    ------
    InvalidCell
        If the cell's states, shapes and step contradict each other.
    """
    cell = kind.cell(hyper)
    source = source_of(cell)
    if source is None:
        warn_caller(
            f"The source of {type(cell).__name__} cannot be found, which is usual for classes typed at a plain prompt, "
            "and is not recorded. Keep it yourself: loading the model needs the class.",
            UserWarning,
        )
    attributes = {name: repr(value) for name, value in vars(cell).items()}
    return {"name": type(cell).__name__, "stage": kind.stage, "attributes": attributes, "source": source} | _signature(
        cell, hyper
    )


def restored(record: Record, given: CellMaker | None, hyper: HyperParams, where: str) -> ModelType:
    """Return the model type of a recorded cell, made with the cell that the user gave.

    Parameters
    ----------
    record : dict
        What `record` returned.
    given : Cell class, instance, maker or ModelType, optional
    hyper : HyperParams
    where : str
        The working directory, for messages.

    Raises
    ------
    CellNeeded
        If `given` is None.
    InvalidCell
        If the number of its states or the shapes of its parameters differ from the recorded ones.

    Warns
    -----
    UserWarning
        If its step differs from the one that the model was trained with.
    """
    if given is None:
        raise CellNeeded(_plea(record, where), record["source"])
    kind = of_cell(given, record["stage"])
    if kind.stage != record["stage"]:
        raise InvalidCell(f"{where}: the model's input stage is {record['stage']!r}, that of cell={kind!r} is not.")
    now = _signature(kind.cell(hyper), hyper)
    before, after = record["parameters"], now["parameters"]
    problems = [
        f"{name}: expected {_shown(before.get(name))}, got {_shown(after.get(name))}"
        for name in sorted({**before, **after})
        if before.get(name) != after.get(name)
    ]
    if len(now["states"]) != len(record["states"]):
        problems.append(f"states: expected {tuple(record['states'])}, got {tuple(now['states'])}")
    if problems:
        raise InvalidCell(
            f"{where}: cell={kind.maker!r} is not the {record['name']} that the model was made with: "
            f"{'; '.join(problems)}. Give that one{_how(record)}; its source is in the directory's model.json."
        )
    if now["pytensor"] == record["pytensor"] and now["step"] != record["step"]:
        warn_caller(
            f"{where}: the step of cell={kind.maker!r} is not written as that of the {record['name']} that the model "
            "was made with. Its parameters fit, but their meaning may differ: compare it with the recorded source "
            "(ms.cell_source), or continue if the change is intended.",
            UserWarning,
        )
    return kind


def source_of(cell: Cell) -> str | None:
    """Return the source of a cell's class and of its bases outside charrnn; None if one is not found.

    It is found through the code objects of the methods, which name the file, or the notebook's cell, of each.
    """
    own = [c for c in type(cell).__mro__ if issubclass(c, Cell) and c.__module__.partition(".")[0] != "charrnn"]
    sources = [_class_source(c) for c in reversed(own)]
    return "\n\n".join(s for s in sources if s) if sources and None not in sources else None


def _class_source(cls: type) -> str | None:
    for method in vars(cls).values():
        if not isinstance(method, FunctionType):
            continue
        code = method.__code__
        lines = linecache.getlines(code.co_filename)
        try:
            tree = ast.parse("".join(lines))
        except SyntaxError:  # the file has changed since
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and node.name == cls.__name__:
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                if first <= code.co_firstlineno <= (node.end_lineno or 0):
                    return textwrap.dedent("".join(lines[first - 1 : node.end_lineno])).rstrip() + "\n"
    return None


def _signature(cell: Cell, hyper: HyperParams) -> Record:
    """Return what identifies a cell: shapes of parameters, names of states, and the step itself."""
    H = hyper.state_size
    return {
        "parameters": {name: list(shape) for name, shape in cell.shapes(H, H).items()},
        "states": list(cell.states),
        "step": TracedStep(cell, H, H, hyper.dtype).key,
        "pytensor": pytensor.__version__,  # another version may write the same step differently
    }


def _shown(shape: list[int] | None) -> str:
    return "none" if shape is None else str(tuple(shape))


def _how(record: Record) -> str:
    attributes = ", ".join(f"{name}={value}" for name, value in record["attributes"].items())
    return f" (an instance with {attributes})" if attributes else ""


def _plea(record: Record, where: str) -> str:
    name, source = record["name"], record["source"]
    shown = f"Its recorded source:\n\n{textwrap.indent(source, '    ')}" if source else "Its source was not recorded."
    return (
        f"{where}: the model has a cell of your own, {name}, and nothing in a model's directory is ever run. Define or "
        f"import it, and pass it: ModelState.load(..., cell={name}){_how(record)}. {shown}"
    )
