#!/usr/bin/env python3
"""Stands in for `leat worker`: its fragment is the attempt's number, then lines of what to do."""

import os
import pathlib
import struct
import sys
import time
import zlib


def put(kind, body=b""):
    payload = bytes((kind,)) + body
    sys.stdout.buffer.write(struct.pack("<I", len(payload)) + payload + struct.pack("<I", zlib.crc32(payload)))
    sys.stdout.buffer.flush()


def get():
    head = sys.stdin.buffer.read(4)
    if len(head) < 4:
        sys.exit(0)
    payload = sys.stdin.buffer.read(struct.unpack("<I", head)[0])
    assert zlib.crc32(payload) == struct.unpack("<I", sys.stdin.buffer.read(4))[0]
    return payload[0], payload[1:]


def read(number):
    put(5, struct.pack("<I", number))
    while True:
        kind, body = get()
        assert kind in (3, 4) and struct.unpack_from("<I", body)[0] == number
        if kind == 4:
            return
        yield body[4:]


def once(path):
    """True the first time that anybody asks."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def run(fragment):
    for line in fragment[4:].decode().splitlines():
        words = line.split()
        if words[0] == "put":  # PARTITION TEXT
            put(6, struct.pack("<I", int(words[1])) + words[2].encode())
        elif words[0] == "copy":  # INPUT PARTITION PREFIX: what is read, each batch with a prefix
            for batch in read(int(words[1])):
                put(6, struct.pack("<I", int(words[2])) + words[3].encode() + batch)
        elif words[0] == "large":  # COUNT: batches of 1 MiB
            for _ in range(int(words[1])):
                put(6, struct.pack("<I", 0) + bytes(1 << 20))
        elif words[0] == "peek":  # INPUT: wants it, reads nothing
            put(5, struct.pack("<I", int(words[1])))
        elif words[0] == "receipt":
            put(7, words[1].encode() + fragment[:4])
        elif words[0] == "error":
            put(10, words[1].encode())
            return
        elif words[0] == "die" and (len(words) < 2 or once(words[1])):
            os.kill(os.getpid(), 11)
        elif words[0] == "exit" and (len(words) < 3 or once(words[2])):
            os._exit(int(words[1]))
        elif words[0] == "garbage":
            sys.stdout.buffer.write(b"this is no frame at all")
            sys.stdout.buffer.flush()
            sys.exit(0)
        elif words[0] == "hang":  # FILE: where its process id is written
            pathlib.Path(words[1]).write_text(str(os.getpid()))
            time.sleep(1000)
        elif words[0] == "hang-once" and once(words[1]):  # until its input ends
            pathlib.Path(words[1]).write_text(str(os.getpid()))
            get()
    put(11)


put(1, struct.pack("<III", 0x5441454C, int(os.environ.get("FAKE_VERSION", "2")), 4) + b"fake")
assert get()[0] == 1
while True:
    kind, fragment = get()
    assert kind == 2
    run(fragment)
