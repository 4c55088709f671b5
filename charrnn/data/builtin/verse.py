"""Four hundred short poems in four voices, written and composed for this project: labelled documents to begin with.

The *almanac* speaks in rhymed couplets of the farming year, the *keeper* notes down nights at a lighthouse, the
*nursery* counts and rhymes, the *oracle* asks and answers in long lines. Each has its own form, spelling and
punctuation, so that what a model makes of a label shows at a glance.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

from charrnn.data.documents.document import Document

EACH = 100  # poems of each voice

Item = TypeVar("Item")


def poems() -> list[Document]:
    """Return all poems, the voices in turn.

    >>> some = poems()
    >>> len(some), [poem.labels["voice"] for poem in some[:4]]
    (400, ['almanac', 'keeper', 'nursery', 'oracle'])
    """
    voices = [_different(compose, seed) for seed, compose in enumerate(VOICES.values())]
    turns = zip(*voices, strict=True)
    return [Document(text, {"voice": voice}) for turn in turns for voice, text in zip(VOICES, turn, strict=True)]


class Draw:
    """Chooses at random, and the same in every version of Python: of its generators only `random()` promises that."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed).random

    def one(self, choices: Sequence[Item]) -> Item:
        """Return one of the choices."""
        return choices[int(self._random() * len(choices))]

    def some(self, choices: Sequence[Item], number: int) -> list[Item]:
        """Return different ones of the choices, in random order."""
        left = list(choices)
        return [left.pop(int(self._random() * len(left))) for _ in range(number)]


def _different(compose: Callable[[Draw], str], seed: int) -> list[str]:
    draw = Draw(seed)
    found: dict[str, None] = {}
    while len(found) < EACH:
        found[compose(draw)] = None
    return list(found)


def _items(text: str) -> list[str]:
    return [" ".join(item.split()) for item in text.split(";")]


def _first_up(line: str) -> str:
    return line[0].upper() + line[1:]


MONTHS = _items("January; February; March; April; May; June; July; August; September; October; November; December")
DOINGS = _items("""
    the miller counts his sacks; the swallow leaves the barn; old Martha salts the bread; the wise man bars his gate;
    the hedgehog rolls his bed; the ploughboy wakes at four; the shepherd wets his thumb; the widow sells her geese;
    the blacksmith banks his fire; the beekeeper hums low; the mare has cast a shoe; the parson prunes his pears;
    the mole throws up a hill; the cooper bends his staves; the carter greases wheels; young Thomas mends the hedge
""")
RHYMES = [
    _items("before the rain; along the lane; to guard the grain; behind the window pane; and starts again"),
    _items("when west winds blow; beneath the snow; where barley used to grow; row after row; and bids us go"),
    _items("at close of day; before the hay; and will not stay; while skies are grey; as old folk say"),
    _items("by candlelight; before the night; while frost is white; for fear of blight; with all his might"),
    _items("against the cold; for harvest gold; beside the fold; as he was told; in furrows old"),
    _items("until the spring; to hear birds sing; with twine and string; for luck to bring; when church bells ring"),
]
ADVICE = _items("so mind it well; take heed; be ready, friend; lay up thy store; trust not the moon; wait for the wren")


def _almanac(draw: Draw) -> str:
    """Two couplets on a month."""
    (a, b), (c, d) = (draw.some(rhyme, 2) for rhyme in draw.some(RHYMES, 2))
    first, second, third = draw.some(DOINGS, 3)
    return (
        f"In {draw.one(MONTHS)} {first} {a},\n{_first_up(second)} {b};\n"
        f"{_first_up(third)} {c}:\n{_first_up(draw.one(ADVICE))}, {d}."
    )


HOURS = _items("00:10; 01:25; 02:00; 02:40; 03:15; 04:05; 04:50; 05:30; 18:45; 20:20; 21:35; 22:55; 23:40")
WEATHER = _items("""
    fog from the north; wind backing west; glass falling; no wind; sleet on the stairs; swell without a sound;
    rain, then less rain; stars down to the water; haze over the sandbank; thunder far inland; frost on the rail
""")
SIGHTINGS = _items("""
    one trawler, lights low; two ships that do not meet; no ship; a gull asleep on the gallery; seals on the slip;
    something red, drifting; the ferry, late; a mast and nothing under it; three bells, not ours; the buoy has moved
""")
CHORES = _items("""
    trimmed the wick; wound the clock; wrote to my sister; burned the letter; wiped the lens; counted the tins;
    mended the blue net; boiled the last egg; oiled the hinge; read the same page
""")
THOUGHTS = _items("""
    the lamp turns and i turn with it; nobody asks the light what it sees; the sea says the one word it knows;
    my shadow goes round the island again; i have begun to answer the wind; it is not loneliness, it is arithmetic;
    all night i am somebody's star; the dark keeps its own log
""")


def _keeper(draw: Draw) -> str:
    """Log entries without capitals or full stops."""
    weather, sightings, chores = (draw.some(lines, 2) for lines in (WEATHER, SIGHTINGS, CHORES))
    times = sorted(draw.some(HOURS, 2))
    entries = [f"{times[0]} / {weather[0]}", f"  {sightings[0]}", f"  {chores[0]}", f"{times[1]} / {weather[1]}"]
    return "\n".join([*entries, f"  {draw.one([sightings[1], chores[1]])}", draw.one(THOUGHTS)])


PAIRS = [
    ("bee", "tree"), ("hen", "pen"), ("mouse", "house"), ("goat", "boat"), ("fox", "box"), ("cat", "hat"),
    ("bear", "chair"), ("snail", "pail"), ("frog", "log"), ("mole", "hole"), ("crow", "snow"), ("pig", "wig"),
    ("duck", "truck"), ("lark", "park"),
]  # fmt: skip
ANTICS = _items("dancing; snoring; hopping; giggling; hiding; wobbling; sneezing; whistling; paddling; grumbling")
REFRAINS = _items("""
    Tumble-o, rumble-o, round we go!; Pitter-pat, patter-pit, stamp your feet!; Hey, rickety-rackety, clap with me!;
    Up, up, uppity, down we flop!; Bim, bam, bumble-dum, who comes next?
""")


def _nursery(draw: Draw) -> str:
    """A counting rhyme with its refrain."""
    (a, at), (b, by) = draw.some(PAIRS, 2)
    antics, refrain = draw.some(ANTICS, 3), draw.one(REFRAINS)
    return (
        f"One for the {a} that is {antics[0]},\nTwo for the {at} so high,\n"
        f"Three for the {b} that is {antics[1]},\nFour for the {by} nearby!\n"
        f"{refrain}\n{_first_up(antics[2])} {a} and {antics[2]} {b}:\n{refrain}"
    )


SEEKERS = _items("traveller; king without a crown; daughter of salt; builder of towers; reader of ashes; sleepless one")
QUESTIONS = _items("""
    why dost thou weigh the river in a spoon; what shall the mountain give thee that the valley kept;
    who taught thy shadow to walk ahead of thee; how long wilt thou knock upon an open door;
    wherefore callest thou the echo by thy brother's name; what dost thou carry that was never thine
""")
WITNESSES = _items("""
    the stone; the seventh wave; the olive; the blind heron; the well at noon; the moth; the ember; the empty loom
""")
SAYINGS = _items("""
    what is lost is only early; the key is older than the lock; every gate is a wall that forgave;
    the arrow remembers the tree; no lamp has ever seen the dark; the root prays downward;
    the road is made of those who left it; silence is the larger bell; the seed has already been the orchard
""")


def _oracle(draw: Draw) -> str:
    """A question and its answer, in long lines."""
    witnesses, sayings = draw.some(WITNESSES, 2), draw.some(SAYINGS, 2)
    return (
        f"O {draw.one(SEEKERS)}, {draw.one(QUESTIONS)}?\n"
        f"Ask {witnesses[0]}, and {witnesses[0]} shall answer thee: {sayings[0]};\n"
        f"Ask {witnesses[1]}, and it shall answer nothing -- for {sayings[1]}."
    )


VOICES = {"almanac": _almanac, "keeper": _keeper, "nursery": _nursery, "oracle": _oracle}
