"""Standard MIDI Files made by hand, byte for byte."""

import struct

END = bytes([0, 0xFF, 0x2F, 0])


def number(value):
    """A variable-length number."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))


def on(delta, pitch, channel=0, velocity=64):
    return number(delta) + bytes([0x90 | channel, pitch, velocity])


def off(delta, pitch, channel=0):
    return number(delta) + bytes([0x80 | channel, pitch, 0])


def tempo(delta, microseconds):
    return number(delta) + b"\xff\x51\x03" + microseconds.to_bytes(3, "big")


def meter(delta, numerator, power):
    return number(delta) + bytes([0xFF, 0x58, 4, numerator, power, 24, 8])


def smf(*tracks, form=1, division=96):
    """A file of tracks, each a list of events."""
    chunks = [b"".join([*track, END]) for track in tracks]
    header = struct.pack(">4sIHHH", b"MThd", 6, form, len(chunks), division & 0xFFFF)
    return header + b"".join(struct.pack(">4sI", b"MTrk", len(chunk)) + chunk for chunk in chunks)
