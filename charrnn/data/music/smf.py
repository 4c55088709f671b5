"""Take Standard MIDI Files apart: the events of each track that matter for notes.

Nothing that is wrong in one place costs more than that place: what cannot be read is counted and passed over.
"""

from __future__ import annotations

import struct
from collections import Counter
from enum import IntEnum
from typing import NamedTuple

from charrnn.errors import SourceUnusable

BEFORE = 4096  # bytes that may stand before the header, such as those of a RIFF file
HEADER = 14


class Kind(IntEnum):
    """The kind of an event."""

    OFF, ON, PEDAL, SILENCE, TEMPO, METER = range(6)


class Event(NamedTuple):
    """Something at a tick: a note of a pitch and velocity, the pedal's value, a tempo, a time signature."""

    tick: int
    kind: Kind
    channel: int = 0
    first: int = 0
    second: int = 0


class Track(NamedTuple):
    """The events of a track, and the tick at which it ends."""

    events: list[Event]
    end: int


class Contents(NamedTuple):
    """The tracks of a file.

    `division` is ticks of a beat, negative for SMPTE time. `damage` counts "events" that cannot be read, tracks that
    are "cut" or "missing", and "chunks" that are not tracks.
    """

    form: int
    division: int
    tracks: list[Track]
    damage: Counter[str]


def take_apart(content: bytes) -> Contents:
    """Return the contents of a file.

    Raises
    ------
    SourceUnusable
        If it is not a MIDI file, or has no track. The message does not name the file.
    """
    start = content.find(b"MThd", 0, BEFORE if content.startswith(b"RIFF") else 512)
    if start < 0:
        raise SourceUnusable("it is not a MIDI file: it does not begin with MThd")
    if len(content) < start + HEADER:
        raise SourceUnusable("it is damaged: it ends in the middle of its header")
    length, form, announced, division = struct.unpack_from(">IHHh", content, start + 4)
    if form > 2 or not division:
        raise SourceUnusable(f"it is damaged: format {form} with {division} ticks per beat")
    damage: Counter[str] = Counter()
    tracks = []
    at = start + 8 + (length if 6 <= length < 256 else 6)
    while at + 8 <= len(content):
        name, length = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "big")
        begin, end = at + 8, at + 8 + length
        if end != len(content) and not _is_chunk(content[end : end + 4]):  # the length is wrong
            following = content.find(b"MTrk", begin)
            end = following if following >= 0 else len(content)
        if name == b"MTrk":
            track, whole = _track(content[begin:end], damage)
            damage["cut"] += not (begin + length <= len(content) if whole is None else whole)
            tracks.append(track)
        elif name == b"MThd" or not _is_chunk(name):
            break
        else:
            damage["chunks"] += 1
        at = end
    if not tracks and announced:
        ends = len(content) < start + HEADER + 8
        raise SourceUnusable(f"it is damaged: {'it ends before its first track' if ends else 'no MTrk chunk'}")
    damage["missing"] = max(0, announced - len(tracks))
    return Contents(form, division, tracks, damage)


def _is_chunk(name: bytes) -> bool:
    return name.isascii() and bool(name) and all(32 <= code < 127 for code in name)


def _track(body: bytes, damage: Counter[str]) -> tuple[Track, bool | None]:
    """Return the events of a track, and whether it is there to its end; None if it does not tell where that is."""
    events: list[Event] = []
    at = tick = status = 0
    try:
        while at < len(body):
            delta, at = _number(body, at)
            tick += delta
            code = body[at]
            if code < 0x80 and not status:
                damage["events"] += 1
                at += 1
                continue
            if code >= 0x80:
                at += 1
            else:
                code = status  # running status
            if code == 0xFF:
                meta = body[at]
                length, at = _number(body, at + 1)
                if at + length > len(body):
                    return Track(events, tick), False
                if meta == 0x2F:
                    return Track(events, tick), True
                _add_meta(events, tick, meta, body[at : at + length], damage)
                at += length
            elif code in (0xF0, 0xF7):
                length, at = _number(body, at)
                at += length
            elif code >= 0xF0:
                at += {0xF1: 1, 0xF2: 2, 0xF3: 1}.get(code, 0)
            else:
                status = code
                first = body[at]
                second = 0 if 0xC0 <= code < 0xE0 else body[at + 1]
                at += 1 if 0xC0 <= code < 0xE0 else 2
                if first > 127 or second > 127:
                    damage["events"] += 1
                    first, second = min(first, 127), min(second, 127)
                _add(events, tick, code, first, second)
    except IndexError:
        return Track(events, tick), False
    return Track(events, tick), None


def _add(events: list[Event], tick: int, code: int, first: int, second: int) -> None:
    message, channel = code & 0xF0, code & 0x0F
    if message == 0x90 and second:
        events.append(Event(tick, Kind.ON, channel, first, second))
    elif message in (0x80, 0x90):
        events.append(Event(tick, Kind.OFF, channel, first))
    elif message == 0xB0 and first == 64:
        events.append(Event(tick, Kind.PEDAL, channel, second))
    elif message == 0xB0 and first in (120, 123):
        events.append(Event(tick, Kind.SILENCE, channel))


def _add_meta(events: list[Event], tick: int, meta: int, data: bytes, damage: Counter[str]) -> None:
    if meta == 0x51:
        tempo = int.from_bytes(data, "big")
        if len(data) == 3 and tempo:
            events.append(Event(tick, Kind.TEMPO, first=tempo))
        else:
            damage["events"] += 1
    elif meta == 0x58:
        if len(data) >= 2 and data[0] and data[1] <= 6:
            events.append(Event(tick, Kind.METER, first=data[0], second=1 << data[1]))
        else:
            damage["events"] += 1
    elif meta == 0x59 and not (len(data) == 2 and data[0] in KEYS and data[1] < 2):
        damage["events"] += 1


KEYS = {*range(8), *range(249, 256)}  # of key signatures: up to 7 sharps or flats


def _number(body: bytes, at: int) -> tuple[int, int]:
    """Return a number of variable length, and where it ends.

    >>> _number(bytes([0x81, 0x48, 0]), 0)
    (200, 2)
    """
    value = 0
    for _ in range(4):
        code = body[at]
        at += 1
        value = value << 7 | code & 0x7F
        if code < 0x80:
            return value, at
    raise IndexError  # no number is longer: the rest cannot be read
