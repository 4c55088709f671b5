"""Bit-exact results of small models of every kind: losses, parameters and generated texts.

`bits.json` holds the results, one record a line, for each vector width of the kernels on each stack. Bits depend on the
vector width, on OpenBLAS's kernels for the processor (each adds in another order), and on PyTensor (each version builds
another graph of the gradient). Other versions of NumPy, OpenBLAS and LLVM were tried and changed no bit; other
processors were not tried.

``python -m tests.bits`` compares the present results with the records. If sums change on purpose, or a stack is new,
``python -m tests.bits --record`` records this stack. After a change of sums add ``--afresh``, which drops the records
of other stacks: they are no longer right, and cannot be made here.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np
import pytensor
import threadpoolctl

from charrnn import ModelState

RECORDS = Path(__file__).with_name("bits.json")
HYPER = {  # every setting is written out, so that other defaults change nothing here
    "layers": 1,
    "state_size": 37,
    "learnrate": 0.01,
    "decay": 0.95,
    "regcost": 0.1,
    "optimizer": "rmsprop",
    "momentum": 0.9,
    "epsilon": 1e-6,
    "weight_decay": 0.01,
    "clip": "value",
    "clip_at": 5.0,
    "cost": "sum",
    "gate": "sigmoid",
    "reset": "before",
    "policy": "constant",
    "decay_rate": 0.999,
    "decay_after": 1,
    "average": 0.0,
    "bptt_truncate": -1,
    "dropout": 0.0,
    "dropout_inputs": 0.0,
    "dropout_weights": 0.0,
    "label_dropout": 0.1,
    "tied": False,
    "head": "softmax",
    "note_units": 13,
    "layer_norm": False,
    "init": "uniform",
    "forget_bias": 1.0,
    "random_seed": 3,
    "dtype": "float32",
}
ADAM = {"optimizer": "adam", "epsilon": 1e-8, "regcost": 0.0}
DROPS = {"dropout": 0.2, "dropout_inputs": 0.1, "dropout_weights": 0.1}
TRAIN = {
    "num_rounds": 1,
    "batchsize": 5,
    "train_len": 12,
    "valid_len": 0,
    "print_every": 0,
    "clear_state": False,
    "verbose": 0,
}
MAKE = {"seq_len": 11, "trainfrac": 0.9, "init_checkpoint": False, "engine": "numba", "threads": 1, "min_count": 0}
PROSE = "".join(f"{n} times {n} is {n * n},\nand {n} and {n} make {2 * n}.\n" for n in range(40))
POEMS = [
    {"author": "ABC"[n % 3], "text": f"{n % 7} and {n * n} make\n{n % 7 + n * n}" * (1 + n % 2)} for n in range(40)
]


def rolls():
    """Pieces that wander over a slow bass."""
    for number in range(15):
        frames, steps = np.zeros((17 + number % 5, 88), np.uint8), np.arange(17 + number % 5)
        frames[steps, 40 + (steps * (number + 3)) % 12] = 1
        frames[steps, 20 + steps // 4] = 1
        yield frames


def text(folder):
    return _written(folder / "numbers.txt", PROSE)


def poems(folder):
    return _written(folder / "poems.jsonl", "".join(json.dumps(poem) + "\n" for poem in POEMS))


def music(folder):
    return list(rolls())


def _written(path, content):
    path.write_text(content, encoding="utf-8")
    return path


CASES = {  # what to learn from; how; how to write
    "GRU": (
        text,
        {"modeltype": "GRUEncode", "layers": 2},
        {"numchars": 90, "temp": 0.8, "prompt": "7 times", "rng": 5},
    ),
    "LSTM": (
        text,
        {"modeltype": "LSTMResize", "clip": "norm", "cost": "mean", **ADAM, **DROPS},
        {"numchars": 90, "temp": 0.8, "prompt": "7 times", "rng": 5},
    ),
    "documents": (
        poems,
        {"modeltype": "GRUEncode", "text": "text", "labels": ("author",), "documents": True, **ADAM},
        {"numchars": 90, "temp": 0.8, "prompt": "", "rng": 5, "n": 3, "label": {"A": 0.75, "B": 0.25}, "guidance": 1.5},
    ),
    "music": (
        music,
        {"modeltype": "GRUEncode", "head": "nade", "transpose": 2, **ADAM},
        {"frames": 40, "temp": 0.9, "prompt": [48, 60], "rng": 5},
    ),
}


def found(source, how, writing, folder):
    """Train a new model for twelve steps, generate, and return the results."""
    ms = ModelState.initfromsrcfile(source(folder), folder / "model", **{**MAKE, **HYPER, **how})
    losses = []
    ms.train(**TRAIN, callback=lambda step: losses.append(step.loss))
    parameters, digest = sorted(ms.model.parameters.items()), hashlib.sha256()
    for name, array in parameters:
        digest.update(f"{name} {array.dtype} {array.shape} ".encode() + array.tobytes())
    return {
        "losses": losses,
        "valid_loss": ms.calc_loss(batchsize=3),
        "norms": {name: float(np.linalg.norm(array.astype(float))) for name, array in parameters},
        "parameters": digest.hexdigest(),
        "written": plain(ms.generate(**writing)),
    }


def plain(written):
    """Return a text, texts, or the keys of every frame of a piece, as JSON holds them."""
    if isinstance(written, str):
        return str(written)
    if isinstance(written, list):
        return [str(text) for text in written]
    return [np.flatnonzero(frame).tolist() for frame in written.frames]


def stack():
    """Return the versions and the processor (LLVM's name) that bits depend on besides the vector width."""
    blas = {library["architecture"] for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"}
    return {"pytensor": pytensor.__version__, "blas": "/".join(sorted(blas)), "processor": llvm.get_host_cpu_name()}


def measure(width):
    """Return a record: the vector width in bytes, the stack, and the results of every case."""
    results = {}
    for name, case in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            results[name] = found(*case, Path(folder))
    return {"width": width, "stack": stack(), "results": results}


def measured(width):
    """Return the record of a separate process with vectors of `width` bytes."""
    command = [sys.executable, "-m", "tests.bits", "--measure", str(width)]
    environment = {**os.environ, "CHARRNN_VECTOR_BYTES": str(width)}
    root = Path(__file__).parents[1]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def widths():
    """Return the widths of vectors, in bytes, that this processor has."""
    features = llvm.get_host_cpu_features()
    return [width for width, name in ((64, "avx512f"), (32, "avx2"), (16, None)) if name is None or features.get(name)]


def key(record):
    """Return the part of a record that must agree for bits to agree."""
    return record["width"], record["stack"]


def records():
    """Return the records."""
    return json.loads(RECORDS.read_text(encoding="utf-8")) if RECORDS.exists() else []


def record(afresh=False):
    """Replace this stack's records of every vector width of this processor; `afresh` drops other stacks' records."""
    new = [measured(width) for width in widths()]
    mine = [key(one) for one in new]
    kept = [] if afresh else [one for one in records() if key(one) not in mine]
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in kept + new)
    RECORDS.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def difference(found, recorded):
    """Return the largest relative difference of losses, and of norms of parameters against the largest of these."""
    differences = []
    for name, one in recorded["results"].items():
        other = found["results"][name]
        losses = [*zip(other["losses"], one["losses"], strict=True), (other["valid_loss"], one["valid_loss"])]
        differences += [abs(a - b) / b for a, b in losses]
        largest = max(one["norms"].values())
        differences += [abs(other["norms"][key] - norm) / largest for key, norm in one["norms"].items()]
    return max(differences)


def compare():
    """Print the differences between the present results and every record."""
    for width in widths():
        now = measured(width)
        for one in records():
            same = "identical" if now["results"] == one["results"] else f"differs by {difference(now, one):.1e}"
            print(f"{width} bytes, now, against {one['width']} bytes, {one['stack']}: {same}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--record", action="store_true", help="record what is found now")
    parser.add_argument("--afresh", action="store_true", help="with --record: drop the records of other software")
    parser.add_argument("--measure", type=int, metavar="BYTES", help="print the record of this process")
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure)))
    elif options.record:
        record(options.afresh)
    else:
        compare()
