import os
import pathlib
import struct
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT.parent))

from leat.dask import frames  # noqa: E402


class Leat:
    """Leat's side of a driver."""

    def __init__(self, address, worker=ROOT / "fake_worker.py", *more):
        command = [sys.executable, "-B", "-m", "leat.dask.driver", "--master", address, "--worker", str(worker), *more]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT.parent)
        self.writer = frames.Writer(self.process.stdin.fileno())
        self.reader = frames.Reader(self.process.stdout)
        self.number = 0
        assert self.next()[0] == frames.HELLO
        self.writer.put(frames.HELLO, frames.hello_body("test"))
        self.ready = self.next()

    def next(self):
        frame = self.reader.next()
        assert frame, "the driver ended"
        return frame[:2]

    def start(self, stages, given=()):
        """`stages`: (list of scripts, partitions, list of (stage, mode)); `given`: {stage: batches}, its scripts are None."""
        self.number += 1
        body = struct.pack("<I", self.number) + frames.text("a job/of tests") + struct.pack("<I", len(stages))
        for scripts, partitions, inputs in stages:
            body += struct.pack("<IIBI", len(scripts or [0]), partitions, scripts is None, len(inputs))
            body += b"".join(struct.pack("<IB", *each) for each in inputs)
        self.writer.put(frames.JOB, body)
        for number, (scripts, _, _) in enumerate(stages):
            for task, script in enumerate(scripts or []):
                self.writer.put(frames.TASK, struct.pack("<III", number, task, 0) + script.encode())
        for number, batches in dict(given).items():
            for batch in batches:
                self.writer.put(frames.GIVEN, struct.pack("<I", number) + batch)
        self.writer.put(frames.GO)

    def finish(self):
        """Everything until the job's end, by kind."""
        got = {}
        while True:
            kind, body = self.next()
            got.setdefault(kind, []).append(body)
            if kind in (frames.DONE, frames.ERROR, frames.FAILED):
                return got

    def run(self, stages, given=()):
        self.start(stages, given)
        return self.finish()

    def close(self):
        self.process.stdin.close()
        self.process.stdout.read()
        return self.process.wait(10)


CLUSTER = """
import sys, distributed
if __name__ == "__main__":
    threads = int(sys.argv[1])
    with distributed.LocalCluster(n_workers=2, threads_per_worker=threads, dashboard_address=":0", memory_limit=0) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""


class Cluster:
    """In processes of its own, which know nothing of this package."""

    def __init__(self, folder, threads):
        program = folder / "cluster.py"
        program.write_text(CLUSTER)
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self.process = subprocess.Popen(
            [sys.executable, str(program), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=folder,
            env=environment,
        )
        self.scheduler_address = self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(30)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("cluster"), 2) as cluster:
        yield cluster


@pytest.fixture
def leat(cluster):
    leat = Leat(cluster.scheduler_address)
    assert leat.ready[0] == frames.READY
    yield leat
    assert leat.close() == 0
