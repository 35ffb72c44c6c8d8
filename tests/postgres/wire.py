"""A client that speaks the protocol byte by byte."""
import socket
import struct


class Client:
    """Speaks protocol 3.0."""

    def __init__(self, port, user="ann", begin=True, version=3 << 16, **options):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.data = b""
        self.messages = []
        if begin:
            body = struct.pack("!i", version)
            for name, value in {"user": user, **options}.items():
                body += f"{name}\0{value}\0".encode()
            self.raw(struct.pack("!i", len(body) + 5) + body + b"\0")
            self.greeting = self.until(b"Z", b"E")

    def raw(self, data):
        self.socket.sendall(data)

    def send(self, kind, body=b""):
        self.raw(kind + struct.pack("!i", len(body) + 4) + body)

    def read(self):
        """The next message, or None at the end."""
        while len(self.data) < 5 or len(self.data) < struct.unpack("!i", self.data[1:5])[0] + 1:
            try:
                more = self.socket.recv(65536)
            except ConnectionError:
                more = b""
            if not more:
                return None
            self.data += more
        length = struct.unpack("!i", self.data[1:5])[0]
        message = self.data[:1], self.data[5 : length + 1]
        self.data = self.data[length + 1 :]
        return message

    def until(self, *kinds):
        found = []
        while message := self.read():
            found.append(message)
            if message[0] in kinds:
                break
        return found

    def query(self, sql):
        self.send(b"Q", sql.encode() + b"\0")
        return self.until(b"Z")

    def rows(self, sql):
        return [row(body) for kind, body in self.query(sql) if kind == b"D"]

    def close(self):
        self.socket.close()


def row(body):
    at, values = 2, []
    for _ in range(struct.unpack("!h", body[:2])[0]):
        length = struct.unpack("!i", body[at : at + 4])[0]
        at += 4
        values.append(None if length < 0 else body[at : at + length])
        at += max(length, 0)
    return values


def fields(messages):
    """Of the first ErrorResponse."""
    for kind, body in messages or []:
        if kind == b"E":
            return {part[:1].decode(): part[1:].decode() for part in body.split(b"\0") if part}
    return {}


def kinds(messages):
    return b"".join(kind for kind, _ in messages).decode()
