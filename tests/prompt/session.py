#!/usr/bin/env python3
"""The prompt on a pseudo-terminal: what a person types, and what must come back."""
import json
import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import time

LEAT = os.environ["LEAT"]
passed = failed = 0


def check(name, good, text=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print(f"FAIL {name}: {text[-400:]!r}")


class Prompt:
    def __init__(self):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            home = tempfile.mkdtemp()
            os.execve(LEAT, [LEAT, "query"], {"HOME": home, "PATH": "/usr/bin:/bin", "TERM": "xterm", "LC_ALL": "C"})
        self.seen = ""

    def wait(self, text, seconds=60):
        end = time.monotonic() + seconds
        while text not in self.seen and time.monotonic() < end:
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    self.seen += os.read(self.fd, 65536).decode(errors="replace")
                except OSError:
                    break
        found = text in self.seen
        if found:
            self.seen = self.seen[self.seen.index(text) + len(text):]
        return found

    def type(self, text):
        os.write(self.fd, text.encode())


try:
    p = Prompt()
except OSError as error:  # a container without /dev/pts
    print(f"skip prompt: {error}\n0 passed, 0 failed, 1 skipped")
    sys.exit(0)
check("prompt opens", p.wait("leat> "), p.seen)
p.type("SELECT 6 * 7 AS answer;\r")
check("a statement is answered", p.wait("42"), p.seen)
p.type("SELECT 'äö€😀' AS x;\r")
p.wait("─┐")
check("characters beyond ASCII arrive", p.wait("│ äö€😀 │"), p.seen)
p.type("SELECT 1 +\r")
check("an open statement goes on", p.wait("-> "), p.seen)
p.type("10;\r")
check("and ends with the semicolon", p.wait(" 11 "), p.seen)
p.type("SELECT count(*) FROM generate_series(1, 1000000) a CROSS JOIN generate_series(1, 1000000) b WHERE (a::bigint * b) % 7 = 3;\r")
time.sleep(0.7)
os.write(p.fd, b"\x03")
check("Ctrl-C cancels the statement", p.wait("was cancelled"), p.seen)
p.wait("leat> ")
p.type("SELECT half a line")
time.sleep(0.3)
os.write(p.fd, b"\x03")
check("Ctrl-C drops the line", p.wait("leat> "), p.seen)
p.type("SELECT 20 + 3 AS after;\r")
check("and the prompt lives on", p.wait(" 23 "), p.seen)
p.type("CREATE TABLE wonderful AS SELECT 5 AS five;\r")
p.wait("SELECT 1")
p.type("SELECT five + 50 FROM wond\t;\r")
check("names are completed", p.wait(" 55 "), p.seen)
p.type("\\d wonderful\r")
check("\\d shows columns", p.wait("five"), p.seen)
p.type("\\q\r")
end = time.monotonic() + 20
status = None
while status is None and time.monotonic() < end:
    if select.select([p.fd], [], [], 0.1)[0]:
        try:
            os.read(p.fd, 65536)
        except OSError:
            pass
    done, code = os.waitpid(p.pid, os.WNOHANG)
    status = code if done else None
check("\\q leaves with 0", status == 0, str(status))
if status is None:
    os.kill(p.pid, signal.SIGKILL)

WAIT = 3  # seconds
lines = subprocess.Popen([LEAT, "query", "-i", "--timing", "json"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
lines.stdin.write("SELECT 1;\n")
lines.stdin.flush()
lines.stderr.readline()
time.sleep(WAIT)
lines.stdin.write("SELECT 2;\n")
lines.stdin.flush()
line = lines.stderr.readline()
check("the wait for input is no statement's time", json.loads(line)["ms"] < WAIT * 1000, line)
lines.communicate()
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
