"""A server of Leat for tests: started on a free port, stopped by its process."""
import os
import re
import subprocess

LEAT = os.environ["LEAT"]
passed = failed = 0


def check(name, good, text=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {name}: {str(text)[:900]}", flush=True)


def finish():
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return failed > 0


class Server:
    def __init__(self, *options, folder=None, address="127.0.0.1:0"):
        self.process = subprocess.Popen([LEAT, "serve", "--postgres", address, *options], cwd=folder, stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        found = re.match(r"Listening on (\S+):(\d+)\.", line)
        if not found:
            raise RuntimeError(line + self.process.stderr.read())
        self.port = int(found.group(2))

    def memory(self):
        """Bytes of the process that are resident."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) * 1024

    def stop(self):
        self.process.terminate()
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "did not stop"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            code = self.stop()
            check("the server ends well", code == 0, f"{code} {self.process.stderr.read()[-2000:]}")
