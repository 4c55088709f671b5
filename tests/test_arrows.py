"""The rooms of the house and the arrows between them, read from the imports: every arrow points down, none in a circle.

Imports inside functions and those for type checking count like any other.
"""

import ast
from pathlib import Path

import charrnn

ROOT = Path(charrnn.__file__).parent
GROUND = {"escapes", "errors", "checks", "columns", "wording", "table"}
BELOW_TASKS = {"training", "generation", "model", "data"}
BELOW_SESSION = {"tasks", "insight", "storage", "settings", *BELOW_TASKS}
ARROWS = {  # what each room may import, beside the ground
    "__main__": {"cli"},
    "cli": {"__init__", "state", "doctor", "pages", "session", *BELOW_SESSION},
    "doctor": {"__init__", "state", "session", *BELOW_SESSION},
    "__init__": {"state", "session", *BELOW_SESSION},
    "state": {"pages", "session", *BELOW_SESSION},
    "pages": {"__init__", "session", *BELOW_SESSION},
    "session": BELOW_SESSION,
    "tasks": {"settings", *BELOW_TASKS},
    "insight": {"training", "generation", "model", "data", "storage"},
    "training": {"model", "data", "settings"},
    "generation": {"model", "data"},
    "model": {"settings"},
    "data": set(),
    "settings": set(),
    "storage": {"__init__"},
    "escapes": set(),
    "errors": set(),
    "checks": set(),
    "columns": set(),
    "wording": set(),
    "table": set(),
}
EXCEPTIONS = {("settings/hyper", "model/optimizers")}  # which reads the names, and imports only ground at its top
GROUND_OF_GROUND = {
    ("errors", "escapes"),
    ("checks", "errors"),
    ("wording", "escapes"),
    ("table", "escapes"),
    ("table", "columns"),
    ("table", "wording"),
    ("table", "checks"),
    ("table", "errors"),
}


def modules():
    """Return every file as "room/file", and its syntax tree."""
    for path in sorted(ROOT.rglob("*.py")):
        yield path.relative_to(ROOT).with_suffix("").as_posix().removesuffix("/__init__"), ast.parse(path.read_text())


def imports(name, tree, known):
    """Return the files that a file imports."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    own = {full.replace(".", "/").removeprefix("charrnn/") for full in found if full.startswith("charrnn.")}
    files = (own & known) - {name}
    if "import charrnn" in ast.unparse(tree).splitlines() or any("/" not in target for target in own - known):
        files.add("__init__")
    # A package stands for nothing where a file of it is named.
    return {target for target in files if not any(other.startswith(f"{target}/") for other in files)}


def graph():
    trees = dict(modules())
    known = set(trees)
    return {name: imports(name, tree, known) for name, tree in trees.items()}


def room(name):
    return name.partition("/")[0]


def test_every_room_has_its_place():
    assert {room(name) for name in graph()} == set(ARROWS)


def test_every_arrow_points_down():
    wrong = [
        f"{source} -> {target}"
        for source, targets in graph().items()
        for target in targets
        if room(source) != room(target)
        and not (target in GROUND and (source not in GROUND or (source, target) in GROUND_OF_GROUND))
        and room(target) not in ARROWS[room(source)]
        and (source, target) not in EXCEPTIONS
    ]
    assert not wrong


def test_optimizers_import_nothing_but_ground_at_their_top():
    tree = ast.parse((ROOT / "model" / "optimizers.py").read_text())
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    named = {getattr(node, "module", None) or node.names[0].name for node in top}
    assert not any(name.startswith(("pytensor", "charrnn.model", "charrnn.settings")) for name in named)


def test_no_files_import_each_other_in_a_circle():
    left = {name: targets - {"__init__"} for name, targets in graph().items()}  # its names are lazy
    while free := [
        name
        for name, targets in left.items()
        if not targets & left.keys() or not any(name in others for others in left.values())
    ]:
        for name in free:
            del left[name]
    assert not left, f"a circle: {left}"


def test_nothing_but_the_doors_knows_the_facade():
    doors = {"cli", "doctor", "__init__", "__main__"}
    assert {room(name) for name, targets in graph().items() if "state" in targets} <= doors
