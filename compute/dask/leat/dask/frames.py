"""Frames: the messages between Leat, its driver, a task and its worker (compute/hosts/PROTOCOL.md)."""

from __future__ import annotations

import os
import struct
import threading
import zlib

HELLO, FRAGMENT, INPUT, INPUT_END, WANT, OUTPUT = 1, 2, 3, 4, 5, 6
RECEIPT, BAD_ROW, PROGRESS, ERROR, DONE = 7, 8, 9, 10, 11
READY, JOB, TASK, GIVEN, GO, CANCEL = 20, 21, 22, 23, 24, 25
WON, LOST, ROWS, NOTE, FAILED = 26, 27, 28, 29, 30
TOLD = (RECEIPT, BAD_ROW, PROGRESS)

MAGIC, VERSION = 0x5441454C, 2
MAXIMUM = 1 << 30  # bytes of a payload


class BrokenFrame(Exception):
    """What came is no frame; the conversation cannot go on."""


class OtherVersion(BrokenFrame):
    """The other side speaks another version of the protocol."""


def text(value):
    data = value.encode()
    return struct.pack("<I", len(data)) + data


def hello_body(program):
    return struct.pack("<II", MAGIC, VERSION) + text(program)


def check_hello(kind, body):
    """Returns the other side's program version."""
    if kind != HELLO or len(body) < 12:
        raise BrokenFrame(f"a message of kind {kind} instead of a greeting")
    magic, version, length = struct.unpack_from("<III", body)
    if magic != MAGIC:
        raise BrokenFrame("a greeting of another program")
    program = bytes(body[12 : 12 + length]).decode(errors="replace")
    if version != VERSION:
        raise OtherVersion(f"version {version} of the protocol ({program}), this side has {VERSION}")
    return program


class EndWithin(BrokenFrame):
    """The other side ended in the middle of a frame."""


class Reader:
    """Reads frames from a buffered binary stream."""

    def __init__(self, stream):
        self.stream = stream

    def exact(self, count):
        data = self.stream.read(count)
        if len(data) < count:
            raise EndWithin("the messages end within one")
        return data

    def next(self):
        """(kind, body, the frame as it came, as a list of its parts), or None at the end between frames."""
        head = self.stream.read(4)
        if not head:
            return None
        if len(head) < 4:
            raise EndWithin("the messages end within one")
        (length,) = struct.unpack("<I", head)
        if not 1 <= length <= MAXIMUM:
            raise BrokenFrame(f"a message of {length} bytes")
        kind = self.exact(1)
        body = self.exact(length - 1)
        tail = self.exact(4)
        if struct.unpack("<I", tail)[0] != zlib.crc32(body, zlib.crc32(kind)):
            raise BrokenFrame("a message with a wrong checksum")
        return kind[0], body, (head, kind, body, tail)


class Writer:
    """Writes frames to a file descriptor, from any thread."""

    def __init__(self, descriptor):
        self.descriptor = descriptor
        self.lock = threading.Lock()

    def put(self, kind, *parts):
        """`parts`: bytes-like pieces of the body. Large ones are not copied."""
        length, checksum = 1, zlib.crc32(bytes((kind,)))
        for part in parts:
            length += len(part)
            checksum = zlib.crc32(part, checksum)
        self.put_raw([struct.pack("<IB", length, kind), *parts, struct.pack("<I", checksum)])

    def put_raw(self, pieces):
        views = [memoryview(piece) for piece in pieces if len(piece)]
        with self.lock:
            while views:
                written = os.writev(self.descriptor, views[:64])
                while views and written >= len(views[0]):
                    written -= len(views[0])
                    views.pop(0)
                if written:
                    views[0] = views[0][written:]
