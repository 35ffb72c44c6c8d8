"""An HTTP proxy that does harm: python3 proxy.py TARGET-PORT SEED RATE prints its own port and stands between a client and a
server on 127.0.0.1. Of 100 requests RATE meet with one of these, drawn from the seed:

  drop     the request is carried out, its answer never arrives        refuse   the connection ends before the request is sent
  delay    the answer takes a while                                    repeat   the request is sent twice; the second answer counts
  cut      half of the answer arrives                                  half     half of the request is sent
  before   503 without the request being sent                          after    the request is carried out, the answer is a 500

GET /proxy/faults tells how many there were, by kind; /proxy/rate/N changes the rate. Requests are passed on as they are (also
the Host header, which signatures cover)."""
import collections
import json
import random
import socket
import sys
import threading
import time

KINDS = ["drop", "refuse", "delay", "repeat", "cut", "half", "before", "after"]


class Broken(Exception):
    pass


class Stream:
    """One direction of a connection: bytes by line and by count."""

    def __init__(self, link: socket.socket):
        self.link, self.left = link, b""

    def more(self) -> None:
        part = self.link.recv(1 << 18)
        if not part:
            raise Broken
        self.left += part

    def head(self) -> bytes:
        while b"\r\n\r\n" not in self.left:
            self.more()
        at = self.left.index(b"\r\n\r\n") + 4
        head, self.left = self.left[:at], self.left[at:]
        return head

    def take(self, count: int) -> bytes:
        while len(self.left) < count:
            self.more()
        part, self.left = self.left[:count], self.left[count:]
        return part

    def line(self) -> bytes:
        while b"\r\n" not in self.left:
            self.more()
        at = self.left.index(b"\r\n") + 2
        line, self.left = self.left[:at], self.left[at:]
        return line

    def rest(self) -> bytes:
        try:
            while True:
                self.more()
        except Broken:
            part, self.left = self.left, b""
            return part

    def body(self, head: bytes, bare: bool, until_end: bool) -> bytes:
        fields = {}
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            fields[name.strip().lower()] = value.strip().lower()
        if bare:
            return b""
        if b"content-length" in fields:
            return self.take(int(fields[b"content-length"]))
        if fields.get(b"transfer-encoding") == b"chunked":
            whole = b""
            while True:
                size = self.line()
                whole += size + self.take(int(size.split(b";")[0], 16) + 2)
                if int(size.split(b";")[0], 16) == 0:
                    return whole
        return self.rest() if until_end else b""


def read_answer(upstream: Stream, method: bytes) -> bytes:
    while True:
        head = upstream.head()
        status = int(head.split(b" ", 2)[1])
        if status >= 200:
            break
    return head + upstream.body(head, method == b"HEAD" or status in (204, 304), True)


class Proxy:
    def __init__(self, port: int, seed: int, rate: float):
        self.port, self.rate, self.random = port, rate, random.Random(seed)
        self.counts, self.lock = collections.Counter(), threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)

    def draw(self) -> str:
        with self.lock:
            self.counts["requests"] += 1
            kind = self.random.choice(KINDS) if self.random.random() * 100 < self.rate else ""
            if kind:
                self.counts[kind] += 1
            return kind

    def forward(self, request: bytes, method: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as link:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link.sendall(request)
            return read_answer(Stream(link), method)

    def control(self, target: str) -> bytes:
        with self.lock:
            if target.startswith("/proxy/rate/"):
                self.rate = float(target.rsplit("/", 1)[1])
            text = json.dumps(self.counts).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text

    def one(self, client: Stream) -> None:
        head = client.head()
        method, target = head.split(b" ", 2)[:2]
        request = head + client.body(head, False, False)
        if target.startswith(b"/proxy/"):
            client.link.sendall(self.control(target.decode()))
            return
        kind = self.draw()
        if kind == "refuse":
            raise Broken
        if kind == "before":
            client.link.sendall(b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n")
            return
        if kind == "half":
            with socket.create_connection(("127.0.0.1", self.port)) as link:
                link.sendall(request[:(len(request) + 1) // 2])
            raise Broken
        answer = self.forward(request, method)
        if kind == "repeat":
            answer = self.forward(request, method)
        if kind == "drop":
            raise Broken
        if kind == "delay":
            time.sleep(0.2)
        if kind == "after":
            answer = b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"
        if kind == "cut":
            client.link.sendall(answer[:len(answer) // 2])
            raise Broken
        client.link.sendall(answer)

    def serve(self, link: socket.socket) -> None:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = Stream(link)
        try:
            while True:
                self.one(client)
        except (Broken, OSError):
            pass
        finally:
            link.close()

    def run(self) -> None:
        print(self.listener.getsockname()[1], flush=True)
        while True:
            link, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(link,), daemon=True).start()


if __name__ == "__main__":
    Proxy(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])).run()
