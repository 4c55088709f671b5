"""Commands that let a model write, and ask it about a text."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated, Any

import typer

from charrnn.cli import files, output, parsing
from charrnn.cli.options import Directory, Engine, Labels, OnUnknown, Threads, Which
from charrnn.cli.program import command
from charrnn.errors import InvalidValue
from charrnn.state import ModelState

FRAMES = 200  # of music
CHARACTERS = 500  # of a text that is shown while it is written


@command()
def sample(
    directory: Directory,
    numchars: Annotated[
        int | None,
        typer.Option(
            "--numchars", "-n", metavar="N", help="Characters: 500, at most 1000 of a document; 200 frames of music."
        ),
    ] = None,
    number: Annotated[
        int, typer.Option("--number", "-N", metavar="N", help="How many texts, documents or pieces to write.")
    ] = 1,
    label: Labels = None,
    guidance: Annotated[
        float | None, typer.Option(metavar="FACTOR", help="Above 1, exaggerate the label; 1 by default.")
    ] = None,
    temp: Annotated[
        float | None,
        typer.Option("--temp", "-t", metavar="TEMP", help="Temperature; lower is safer; 0.5, for music 1."),
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", "-p", metavar="TEXT", help="Text, or MIDI file, to continue; by default a new line."),
    ] = None,
    argmax: Annotated[bool, typer.Option("--argmax", help="Take the likeliest character each time.")] = False,
    rng: Annotated[int | None, typer.Option(metavar="SEED", help="Seed, for the same text again.")] = None,
    on_unknown: OnUnknown = None,
    clamp: Annotated[
        list[str] | None,
        typer.Option(metavar="LAYER,UNIT=VALUE", help="Hold a unit at a value, as in 1,17=-0.5; repeatable."),
    ] = None,
    keys: Annotated[
        str | None, typer.Option(metavar="LOW,HIGH", help="Music: lowest and highest MIDI pitch, as in 48,72.")
    ] = None,
    scale: Annotated[str | None, typer.Option(metavar="NAME", help='Music: a scale, such as "C major".')] = None,
    most: Annotated[int | None, typer.Option(metavar="N", help="Music: at most N notes at once.")] = None,
    melody: Annotated[
        str | None, typer.Option(metavar="FILE", help="Music: a MIDI file whose upper voice to harmonise.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Write to a file (.txt, .csv, .jsonl, .mid), a folder, or NAME-{}.txt."
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
    checkpoint: Which = None,
    engine: Engine = "auto",
    threads: Threads = None,
) -> None:
    """Let a model write, to the terminal or to files.

    Music is shown as a piano roll.

    \b
    charrnn sample workdirs/alice -n 2000 -t 0.7 -p "Alice "
    charrnn sample workdirs/alice --checkpoint best --rng 7 -o alice2.txt
    charrnn sample workdirs/poems -N 14 --label author=Blake --guidance 1.5 -o "poem-{}.txt"
    charrnn sample workdirs/poems -N 100 -o poems.csv
    charrnn sample workdirs/piano -n 400 -o first.mid
    """
    ms = ModelState.load(directory, checkpoint, engine=engine, threads=threads)
    music = ms.task.file_suffix
    targets = files.targets(out, number, default=music or ".txt", overwrite=overwrite)
    seed = secrets.randbelow(2**32) if rng is None else rng
    options: dict[str, Any] = {"rng": seed, "argmax": argmax} | parsing.given(
        label=parsing.label(label),
        guidance=guidance,
        temp=temp,
        on_unknown=on_unknown,
        clamp=parsing.held(clamp),
        keys=parsing.pitches(keys),
        scale=scale,
        most=most,
        melody=melody,
        prompt=prompt,
    )
    length = CHARACTERS if numchars is None and not ms.writes_documents else numchars
    if music:
        pieces = ms.generate(FRAMES if numchars is None else numchars, n=number, **options)
        for piece, file in zip(pieces, targets, strict=False):  # before they are shown, which may be cut short
            piece.save(file)
        output.show("\n".join(map(str, pieces)))
    elif number == 1 and not targets and not ms.writes_documents:
        for part in ms.stream(length, **options):
            output.show(part, end="")
        output.show()
    elif not targets:
        output.show(repr(ms.generate(length, n=number, **options)))
    else:
        texts = [ms.generate(length, **options)] if number == 1 else ms.generate(length, n=number, **options)
        files.write_texts(texts, targets, options.get("label"))
    for file in targets:
        output.show(f"Wrote {file}.")
    if rng is None and not argmax:
        output.notice(f"(the same again: --rng {seed})")


@command()
def score(
    directory: Directory,
    file: Annotated[
        str, typer.Argument(metavar="[FILE]", help="A text file, or a MIDI file for music; - for standard input.")
    ] = "-",
    text: Annotated[str | None, typer.Option(metavar="TEXT", help="The text itself, instead of a file.")] = None,
    label: Labels = None,
    on_unknown: OnUnknown = None,
    checkpoint: Which = None,
    engine: Engine = "auto",
    threads: Threads = None,
) -> None:
    """Tell how likely a model finds a text.

    \b
    charrnn score workdirs/alice chapter13.txt
    charrnn score workdirs/alice --text "It was the best of times"
    echo "Off with her head!" | charrnn score workdirs/alice
    charrnn score workdirs/poems tyger.txt --label Blake
    charrnn score workdirs/piano first.mid
    """
    ms = ModelState.load(directory, checkpoint, engine=engine, threads=threads)
    options = parsing.given(label=parsing.label(label), on_unknown=on_unknown)
    output.show(ms.score(_thing(ms, file, text), **options))


@command()
def classify(
    directory: Directory,
    file: Annotated[str, typer.Argument(metavar="[FILE]", help="A text file; - for standard input.")] = "-",
    text: Annotated[str | None, typer.Option(metavar="TEXT", help="The text itself, instead of a file.")] = None,
    column: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column of labels, where there are several.")
    ] = None,
    checkpoint: Which = None,
    engine: Engine = "auto",
    threads: Threads = None,
) -> None:
    """Tell how likely each label is for a text.

    \b
    charrnn classify workdirs/poems tyger.txt
    charrnn classify workdirs/poems --text "Tyger Tyger, burning bright" --column author
    """
    ms = ModelState.load(directory, checkpoint, engine=engine, threads=threads)
    output.show(ms.classify(_thing(ms, file, text), column))


def _thing(ms: ModelState, file: str, text: str | None) -> str:
    """Return the text that is meant, or for a model of music the file."""
    from charrnn.data.text.source import TextSource

    if ms.task.file_suffix:
        if text is not None or file == "-":
            raise InvalidValue(f"{ms.path} learned music: give a MIDI file.")
        return file
    if text is None:
        source = TextSource.open(file)  # what came by standard input is gone with it
        return "".join(source.chunks())
    return text
