"""Options that several commands have, each described once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

# What is learned from, and where it goes

Source = Annotated[str, typer.Argument(metavar="FILE", help="The text to learn from; - for standard input.")]
Directory = Annotated[Path, typer.Argument(metavar="DIR", help="The model's working directory.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a model that is there.")]

# How a text is read

Encoding = Annotated[
    str | None, typer.Option(metavar="NAME", help="The text's encoding, such as latin-1; found out by default.")
]
Newlines = Annotated[
    bool | None, typer.Option("--newlines/--no-newlines", help="Turn CRLF and CR line ends into LF, or keep them.")
]
Lower = Annotated[bool | None, typer.Option("--lower/--no-lower", help="Lower-case the text, or not.")]
Gutenberg = Annotated[
    bool | None,
    typer.Option("--gutenberg/--no-gutenberg", help="Leave out Project Gutenberg's header and footer, or keep them."),
]
StripPunctuation = Annotated[
    bool | None,
    typer.Option("--strip-punctuation/--no-strip-punctuation", help="Leave out punctuation, or keep it."),
]
MinCount = Annotated[int | None, typer.Option(metavar="N", help="Fold characters that occur less often than N times.")]

# Where documents are in it

TextColumn = Annotated[str | None, typer.Option(metavar="COLUMN", help="Column of the text, by name or number.")]
Kind = Annotated[
    str | None,
    typer.Option(
        metavar="KIND", help="What it is, where that is not as it seems: text, documents, music, csv, jsonl or json."
    ),
]
Delimiter = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="What separates documents, or the fields of a table, as it is written."),
]
DelimiterRegex = Annotated[
    str | None, typer.Option(metavar="PATTERN", help="What separates documents, as a regular expression.")
]
Header = Annotated[
    bool | None,
    typer.Option("--header/--no-header", help="The first row of a table names its columns, or does not."),
]
Only = Annotated[list[str] | None, typer.Option(metavar="COLUMN=LABEL", help="Labels to keep; repeatable.")]
MinDocuments = Annotated[
    list[str] | None,
    typer.Option(metavar="N", help="Keep labels with N documents or more; COLUMN=N for one column, repeatable."),
]

# How it is learned

SeqLen = Annotated[
    int | None, typer.Option(metavar="T", help="Characters that gradients flow back through; 100 by default.")
]
TrainFrac = Annotated[
    float | None,
    typer.Option(metavar="PART", help="The part to learn from, 0.9 by default; the tail is for validation."),
]
TestFrac = Annotated[
    float | None, typer.Option(metavar="PART", help="The part for testing, after that for validation; none by default.")
]
ValidFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="What to validate on, of the same kind, instead of a part.")
]
TestFile = Annotated[Path | None, typer.Option(metavar="FILE", help="What to test on, of the same kind.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="Any other hyperparameter, such as --set dropout=0.2; repeatable."
    ),
]
BatchSize = Annotated[
    int | None, typer.Option(metavar="B", help="Streams that the text is read in; 16, or the preset's, by default.")
]

# What computes, and from where

Which = Annotated[
    str | None,
    typer.Option(metavar="NAME", help='"best", a branch, or a name that log shows; the last one by default.'),
]
Engine = Annotated[str, typer.Option(metavar="NAME", help="auto, cpu or jax.")]
Threads = Annotated[int | None, typer.Option(metavar="N", help="Threads of the CPU engine; all cores by default.")]

# What is written or scored

OnUnknown = Annotated[
    str | None,
    typer.Option(
        metavar="WAY", help="Characters that the model does not know: replace (the default), skip, or error to refuse."
    ),
]
Labels = Annotated[
    list[str] | None, typer.Option(metavar="LABEL", help="LABEL, or COLUMN=LABEL for each of several columns.")
]
