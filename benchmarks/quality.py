"""How well a model predicts after some minutes on all cores: validation nats per character on tinyshakespeare.

    python -m benchmarks.quality [--text FILE] [--minutes 3] [--batchsize 32] [--seq-len 64] [name=value ...]

The text is split by position: the last tenth, from the nearest newline on, is for validation. By default it is
text/tinyshakespeare.txt in the folder CHARRNN_DATA, or else charrnn's own download. Any hyperparameter can be given.
"""

from __future__ import annotations

import argparse
import ast
import os
import tempfile
from pathlib import Path

from benchmarks.report import print_environment
from charrnn import HyperParams, ModelState, corpora

# Gradients are of the cost summed over T·B = 2048 characters, and so is the norm that they are clipped at: those of the
# mean would be about as small as the root of RMSProp's epsilon, which slows it down.
RECIPE = HyperParams(
    layers=1, state_size=384, learnrate=3e-3, decay=0.99, regcost=0.0, clip="norm", clip_at=2000.0, policy="cosine"
)


def text_path() -> Path:
    """Return where tinyshakespeare is."""
    folder = os.environ.get("CHARRNN_DATA")
    return Path(folder) / "text/tinyshakespeare.txt" if folder else corpora.path("tinyshakespeare")


def setting(argument: str) -> tuple[str, object]:
    """Return the name and the value in ``name=value``."""
    name, value = argument.split("=")
    try:
        return name, ast.literal_eval(value)
    except ValueError:
        return name, value


def main() -> None:
    """Train and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--batchsize", type=int, default=32)
    parser.add_argument("--seq-len", type=int, default=64)
    parser.add_argument("--modeltype", default="GRUEncode")
    parser.add_argument("settings", nargs="*", type=setting, metavar="name=value")
    arguments = parser.parse_args()
    hyper = RECIPE.replace(**dict(arguments.settings))
    print_environment()
    with tempfile.TemporaryDirectory() as folder:
        ms = ModelState.initfromsrcfile(
            arguments.text or text_path(),
            Path(folder) / "model",
            modeltype=arguments.modeltype,
            seq_len=arguments.seq_len,
            hyper=hyper,
        )
        summary = ms.train(batchsize=arguments.batchsize, minutes=arguments.minutes, print_every=0)
        loss = ms.restore("best").calc_loss()
    print(
        f"\n{hyper}\nB {arguments.batchsize}, T {arguments.seq_len}: {summary.characters / summary.seconds:,.0f} char/s"
    )
    print(f"validation after {summary.seconds / 60:.1f} minutes: {loss:.4f} nats/char")


if __name__ == "__main__":
    main()
