"""An HTTP proxy (http_proxy) that does what networks and servers do: it loses answers after the work was done, cuts them, delays, sends a
request twice, breaks off an upload, answers 5xx before or after the work. Started by tests in a thread of their own."""
import random
import re
import socket
import socketserver
import threading
import time
import urllib.parse

KINDS = ("refuse", "busy", "lost", "cut", "late error", "repeat", "delay", "cut upload")


class Proxy(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, rate, seed):
        super().__init__(("127.0.0.1", 0), Exchange)
        self.rate, self.random, self.lock = rate, random.Random(seed), threading.Lock()
        self.faults = dict.fromkeys(KINDS, 0)
        self.requests = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def choose(self, upload):
        """The fault of a request, or None."""
        with self.lock:
            self.requests += 1
            if self.random.random() >= self.rate:
                return None
            kind = "cut upload" if upload and self.random.random() < 0.4 else self.random.choice(KINDS[:-1])
            self.faults[kind] += 1
            return kind

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        pass  # connections that break are what this is for


class Exchange(socketserver.StreamRequestHandler):
    def handle(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline(1 << 20)
            if not line:
                return
            head += line
        length = re.search(rb"(?i)\ncontent-length: *(\d+)", head)
        body = self.rfile.read(int(length[1])) if length else b""
        fault = self.server.choose(len(body) > 1)
        if fault == "refuse":
            return
        if fault == "busy":
            self.wfile.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        if fault == "delay":
            time.sleep(self.server.random.uniform(0.05, 0.5))
        if fault == "cut upload":
            self.forward(head, body[: len(body) // 2], wait=False)
            return
        answer = self.forward(head, body)
        if fault == "repeat":
            answer = self.forward(head, body)
        if fault == "late error":
            answer = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        if fault == "cut":
            answer = answer[: len(answer) // 2]
        if fault != "lost":
            self.wfile.write(answer)

    def forward(self, head, body, wait=True):
        """The whole answer of the server."""
        method, url, rest = head.split(b" ", 2)
        pieces = urllib.parse.urlsplit(url.decode("latin-1"))
        path = pieces.path + ("?" + pieces.query if pieces.query else "")
        rest = re.sub(rb"(?i)\r\n(?:proxy-)?connection:[^\r]*", b"", rest).replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
        with socket.create_connection((pieces.hostname, pieces.port), timeout=30) as server:
            server.sendall(method + b" " + path.encode("latin-1") + b" " + rest + body)
            answer = b""
            while wait and (piece := server.recv(1 << 16)):
                answer += piece
            return answer
