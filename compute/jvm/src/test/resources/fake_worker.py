#!/usr/bin/env python3
"""A worker of tests: what it does stands as text in the fragment, after the attempt's number."""

import os
import signal
import struct
import sys
import time
import zlib

HELLO, FRAGMENT, INPUT, INPUT_END, WANT, OUTPUT, RECEIPT, PROGRESS, ERROR, DONE = (
    1, 2, 3, 4, 5, 6, 7, 9, 10, 11)  # fmt: skip
MAGIC, VERSION = 0x5441454C, 2


def read_frame():
    head = sys.stdin.buffer.read(4)
    if len(head) < 4:
        sys.exit(0)
    payload = sys.stdin.buffer.read(struct.unpack("<I", head)[0])
    sys.stdin.buffer.read(4)
    return payload[0], payload[1:]


def write(kind, body=b""):
    payload = bytes([kind]) + body
    frame = struct.pack("<I", len(payload)) + payload + struct.pack("<I", zlib.crc32(payload))
    sys.stdout.buffer.write(frame)
    sys.stdout.buffer.flush()


def u32(*values):
    return struct.pack(f"<{len(values)}I", *values)


def echo(number):
    """Puts out an input's batches as rows of partition 1."""
    write(WANT, u32(number))
    while True:
        kind, body = read_frame()
        if kind == INPUT_END:
            return
        write(OUTPUT, u32(1) + body[4:])


def run(attempt, command, argument):
    if command == "echo":
        for number in argument.split(","):
            echo(int(number))
        write(RECEIPT, b"written by attempt %d" % attempt)
        for rows, size in ((5, 100), (2, 7)):
            write(PROGRESS, struct.pack("<QQ", rows, size))
    elif command == "unread":
        write(WANT, u32(0))
    elif command == "twice":
        write(WANT, u32(0))
        write(WANT, u32(0))
    elif command == "exit":
        os._exit(int(argument))
    elif command == "signal":
        os.kill(os.getpid(), getattr(signal, argument))
    elif command == "hang":
        time.sleep(3600)
    elif command == "garbage":
        os.write(1, b"Segmentation fault, they say, and more of this kind\n")
        time.sleep(3600)
    elif command == "error":
        write(ERROR, argument.encode())
        return
    write(DONE)


def main():
    if os.path.basename(sys.argv[0]) == "old_worker":
        write(HELLO, u32(MAGIC, 1, 3) + b"0.1")
    else:
        write(HELLO, u32(MAGIC, VERSION, 4) + b"test")
    read_frame()
    while True:
        kind, body = read_frame()
        if kind == FRAGMENT:  # what is left of an unread input is skipped
            attempt = struct.unpack("<I", body[:4])[0]
            command, _, argument = body[4:].decode().partition(" ")
            run(attempt, command, argument)


main()
