"""Sixty pieces for two to four voices, composed by rule for this project: music to begin with.

Each has a key, a metre and two or four phrases of plain functional harmony. The upper voices move as little as they
can, without parallel fifths and octaves; leading notes rise to the tonic; now and then a voice passes through the note
between two others, or is suspended: it holds its note while the harmony changes, and then falls by a step.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from charrnn.data.builtin.verse import Draw

COUNT = 60
BEATS = 0.5  # of a frame: an eighth note
DT = 0.3  # seconds of a frame
TRIES = 30  # to find suspensions and passing notes that break no rule

MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
LEADING = 11  # semitones above the tonic
UPPER = {2: ((60, 79),), 3: ((55, 72), (62, 79)), 4: ((48, 65), (55, 72), (62, 79))}  # ranges, from below
BASS = (40, 60)
NEXT = {1: (4, 5, 6, 2, 4, 5), 2: (5, 5, 7), 3: (6, 4), 4: (5, 2, 1, 5), 5: (1, 1, 6), 6: (4, 2, 4, 3), 7: (1,)}
CADENCES = ((4, 5, 1), (2, 5, 1))
INVERTED = (1, 2, 4)  # chords that may stand on their third

Voices = tuple[int, ...]  # pitches, from the bass up


def pieces() -> list[list[Voices]]:
    """Return all pieces as lists of frames, each with the pitches that sound; the same every time.

    >>> music = pieces()
    >>> len(music), music[0][-1]
    (60, (52, 76))
    """
    draw = Draw(88)
    return [_piece(draw, number % 3 + 2) for number in range(COUNT)]


def divided() -> dict[str, list[list[Voices]]]:
    """Return the pieces in parts, of which each has pieces for two, three and four voices.

    >>> {part: len(music) for part, music in divided().items()}
    {'train': 48, 'valid': 6, 'test': 6}
    """
    parts: dict[str, list[list[Voices]]] = {"train": [], "valid": [], "test": []}
    for number, piece in enumerate(pieces()):
        parts[{8: "valid", 9: "test"}.get(number % 10, "train")].append(piece)
    return parts


class Key:
    """A tonic, 0 to 11, and a mode, with the chords on its degrees.

    >>> Key(9, MINOR).chord(5), Key(0, MAJOR).chord(2)
    ((4, 8, 11), (2, 5, 9))
    """

    def __init__(self, tonic: int, mode: Sequence[int]) -> None:
        self.tonic = tonic
        self.mode = mode
        self.scale = {(tonic + step) % 12 for step in mode}
        self.leading = (tonic + LEADING) % 12

    def chord(self, degree: int) -> tuple[int, ...]:
        """Return root, third and fifth; the dominant of a minor key is major."""
        tones = [self.mode[(degree - 1 + third) % 7] for third in (0, 2, 4)]
        if degree in (5, 7):
            tones = [LEADING if tone == 10 else tone for tone in tones]
        return tuple((self.tonic + tone) % 12 for tone in tones)


def _piece(draw: Draw, number: int) -> list[Voices]:
    """Compose until no rule is broken."""
    while True:
        key = Key(draw.one(range(12)), draw.one((MAJOR, MAJOR, MINOR)))
        degrees = _harmony(draw, draw.one((2, 2, 2, 4)), draw.one((6, 8)))
        frames_each = draw.one((4, 4, 6))
        line = _voices(draw, key, degrees, number)
        for _ in range(TRIES if line else 0):
            frames = [frame for chord in _figured(draw, key, line, frames_each) for frame in chord]
            if not any(itertools.starmap(_parallel, itertools.pairwise(frames))):
                return frames


def _harmony(draw: Draw, phrases: int, length: int) -> list[int]:
    """Return degrees of chords: phrases that pause on the dominant, the last one closes."""
    degrees: list[int] = []
    for phrase in range(phrases):
        closing = phrase == phrases - 1
        tail = draw.one(CADENCES) if closing else (5,)
        while True:
            walk = [1]
            while len(walk) < length - len(tail):
                walk.append(draw.one(NEXT[walk[-1]]))
            if tail[0] in NEXT[walk[-1]]:
                break
        degrees += [*walk, *tail]
    return degrees


def _voices(draw: Draw, key: Key, degrees: Sequence[int], number: int) -> list[Voices]:
    """Return the pitches of all voices in each chord; nothing if they come to where they cannot move without fault."""
    line: list[Voices] = []
    for place, degree in enumerate(degrees):
        chord = key.chord(degree)
        last = place == len(degrees) - 1
        inner = 0 < place < len(degrees) - 3
        stands_on_third = degree == 7 or (inner and degree in INVERTED and draw.one((True, False, False)))
        foot = chord[1] if stands_on_third else chord[0]
        before = line[-1] if line else None
        choices = []
        for bass in _pitches((foot,), BASS):
            for upper in itertools.product(*(_pitches(chord, span) for span in UPPER[number])):
                voices = (bass, *upper)
                if not _faulty(key, chord, voices, before, last):
                    choices.append((_effort(voices, before) + draw.one(range(4)), voices))
        if not choices:
            return []
        line.append(min(choices)[1])
    return line


def _pitches(tones: Sequence[int], span: tuple[int, int]) -> list[int]:
    return [pitch for pitch in range(span[0], span[1] + 1) if pitch % 12 in tones]


def _faulty(key: Key, chord: Sequence[int], voices: Voices, before: Voices | None, last: bool) -> bool:
    """Return whether voices break a rule, by themselves or in how they follow those before."""
    tones = [pitch % 12 for pitch in voices]
    upper = voices[1:]
    if any(a >= b for a, b in itertools.pairwise(voices)) or any(b - a > 12 for a, b in itertools.pairwise(upper)):
        return True
    closing = len(voices) == 2 and chord[0] == key.tonic  # two voices may meet on the tonic
    if (chord[1] not in tones and not closing) or (chord[0] not in tones and len(voices) > 2):
        return True
    if tones.count(key.leading) > 1 or (last and tones[0] != key.tonic):
        return True
    if before is None:
        return False
    if _parallel(before, voices):
        return True
    if key.tonic == chord[0]:
        return any(a % 12 == key.leading and b != a + 1 for a, b in zip(before, voices, strict=True))
    return False


def _parallel(before: Voices, voices: Voices) -> bool:
    """Return whether two voices move in fifths, octaves or unisons.

    >>> _parallel((48, 55), (50, 57)), _parallel((48, 55), (50, 65)), _parallel((48, 55), (48, 55))
    (True, False, False)
    """
    pairs = itertools.combinations(zip(before, voices, strict=True), 2)
    return any(a != x and (b - a) % 12 == (y - x) % 12 in (0, 7) for (a, x), (b, y) in pairs)


def _effort(voices: Voices, before: Voices | None) -> float:
    """Return how far voices move, large leaps counting double; at the start, how far the top is from the middle."""
    if before is None:
        return abs(voices[-1] - 71)
    moves = [abs(b - a) for a, b in zip(before, voices, strict=True)]
    return sum(moves[1:]) + 0.4 * moves[0] + sum(move for move in moves[1:] if move > 5) + (0 if moves[-1] else 6)


def _figured(draw: Draw, key: Key, line: Sequence[Voices], frames: int) -> Iterator[list[Voices]]:
    """Yield the frames of each chord, with a suspension or a passing note in one voice where there can be one."""
    for place, voices in enumerate(line):
        chord = [voices] * frames
        before = line[place - 1] if place else voices
        after = line[place + 1] if place + 1 < len(line) else voices
        tones = {pitch % 12 for pitch in voices}
        held = [n for n in range(1, len(voices)) if 1 <= before[n] - voices[n] <= 2 and before[n] % 12 not in tones]
        passing = [n for n in range(len(voices)) if _between(key, voices[n], after[n])]
        suspends, passes = draw.one((True, False)), draw.one((True, True, False))
        if held and suspends:
            chord[:2] = [_with(voices, n := draw.one(held), before[n])] * 2
        if passing and passes:
            n = draw.one(passing)
            chord[-2:] = [_with(voices, n, *_between(key, voices[n], after[n]))] * 2
        yield chord


def _between(key: Key, pitch: int, after: int) -> list[int]:
    """Return the note of the scale in the middle of a third, if these are a third apart.

    >>> _between(Key(0, MAJOR), 60, 64), _between(Key(0, MAJOR), 64, 67), _between(Key(0, MAJOR), 60, 62)
    ([62], [65], [])
    """
    if abs(after - pitch) not in (3, 4):
        return []
    low = min(pitch, after)
    steps = (2,) if abs(after - pitch) == 4 else (1, 2)
    return [low + step for step in steps if (low + step) % 12 in key.scale][:1]


def _with(voices: Voices, number: int, pitch: int) -> Voices:
    return (*voices[:number], pitch, *voices[number + 1 :])
