"""What runs in the processes of Dask: a task and its child, `leat worker`.

Nothing has to be installed on the cluster's machines: this code is carried by value, the worker by `Runner`, a plugin that
late processes of Dask get too. A task's result is a `Result`; `pick` gives the rows of one partition, so that only those
travel, as one piece of bytes: u32 length and batch, again and again. `told` gives what the coordinator has to know.

The plugin hears of each change of a task's state, and kills the child of a task that is cancelled or that nobody wants any
more, for example because the driver is gone: a thread that waits in a pipe hears of nothing.
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import shutil
import signal
import struct
import subprocess
import threading
import time

from distributed.diagnostics.plugin import WorkerPlugin

from leat.dask import frames

DIED, MISFIT, OUT_OF_MEMORY = 1, 3, 6  # of FAILED
CANNOT_RUN = 126  # the exit code of a packed worker on a machine for which it is not made


class Died(Exception):
    """A child ended before its time, or spoke nonsense."""

    def __init__(self, reason, kind=DIED):
        super().__init__(reason)
        self.kind = kind


class Result:
    """What an attempt gave. `failure`: None, or (kind, message or ERROR frame): it would come again, so it is no exception."""

    def __init__(self, attempt, told=b"", rows=(), failure=None):
        self.attempt, self.told, self.rows, self.failure = attempt, told, rows, failure

    def __sizeof__(self):
        return sum(len(batch) for _, batch in self.rows) + len(self.told) + 100 * len(self.rows) + 100


def pick(result, partition):
    """The rows of a partition, or of all (None), in the order in which they were put out; None if there are none to be had."""
    if result.failure:
        return None
    pieces = []
    for number, batch in result.rows:
        if partition is None or number == partition:
            pieces += (struct.pack("<I", len(batch)), batch)
    return b"".join(pieces)


def told(result):
    return result.attempt, result.told, result.failure


def batches(block):
    """The batches in what `pick` gave, without copies."""
    view, at = memoryview(block), 0
    while at < len(view):
        (length,) = struct.unpack_from("<I", view, at)
        yield view[at + 4 : at + 4 + length]
        at += 4 + length


def kills_for_memory():
    """How often the kernel has killed a process of this container for its memory."""
    with contextlib.suppress(OSError, ValueError), open("/sys/fs/cgroup/memory.events") as events:
        return sum(int(line.split()[1]) for line in events if line.startswith("oom_kill "))
    return 0


def how_it_ended(code):
    if code is None:
        return "worker closed its output and lived on"
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"worker ended by signal {-code} ({signal.Signals(-code).name})"
        return f"worker ended by signal {-code}"
    return f"worker ended with exit code {code}"


class Attempt:
    """A run of a task: its child, and whether it was cancelled."""

    def __init__(self):
        self.lock = threading.Lock()
        self.process = None
        self.cancelled = self.silent = False

    def start(self, program):
        with self.lock:
            if self.cancelled:
                raise Died("cancelled")
            for trial in range(100):
                try:
                    self.process = subprocess.Popen(
                        [program, "worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1 << 16
                    )
                    return
                except OSError as error:
                    # A child that was forked while the program was written holds it open until it has become what it shall be.
                    if error.errno != errno.ETXTBSY or trial == 99:
                        raise
                    time.sleep(0.01)

    def kill(self):
        with self.lock:
            self.cancelled = True
            if self.process:
                self.process.kill()

    def end(self, patience=0.0):
        """The child's exit code; it is gone, whatever it was doing."""
        process = self.process
        if not process:
            return None
        code = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = process.wait(patience)
        process.kill()
        process.wait()
        return code


class Conversation:
    """With the child, from the greeting to the end of the fragment."""

    def __init__(self, attempt, inputs, limit):
        self.attempt, self.inputs, self.limit = attempt, inputs, limit
        self.writer = frames.Writer(attempt.process.stdin.fileno())
        self.told, self.rows = [], []
        self.writing = None
        self.greeted = False

    def hold(self, program, number, fragment):
        """Returns the ERROR frame, or None after DONE."""
        reader = frames.Reader(self.attempt.process.stdout)
        watch = threading.Timer(self.limit, self.too_long) if self.limit else None
        try:
            if watch:
                watch.start()
            self.writer.put(frames.HELLO, frames.hello_body(program))
            kind, body, _ = self.frame(reader)
            frames.check_hello(kind, body)
            self.greeted = True
            self.writer.put(frames.FRAGMENT, struct.pack("<I", number), memoryview(fragment)[4:])
            while True:
                kind, body, whole = self.frame(reader)
                if kind == frames.OUTPUT and len(body) >= 4:
                    self.rows.append((struct.unpack_from("<I", body)[0], body[4:]))
                elif kind in frames.TOLD:
                    self.told += whole
                elif kind == frames.WANT and len(body) == 4:
                    self.write_input(struct.unpack("<I", body)[0])
                elif kind == frames.DONE:
                    return None
                elif kind == frames.ERROR:
                    return b"".join(whole)
                else:
                    raise frames.BrokenFrame(f"a message of kind {kind}")
        finally:
            if watch:
                watch.cancel()

    def frame(self, reader):
        frame = reader.next()
        if not frame:
            raise EOFError
        return frame

    def too_long(self):
        self.attempt.silent = True
        self.attempt.kill()

    def write_input(self, number):
        """In a thread of its own: the child may put rows out before it has read all of its input."""
        if number >= len(self.inputs):
            raise frames.BrokenFrame(f"input {number} is wanted")
        if self.writing:
            self.writing.join()
        self.writing = threading.Thread(target=self.write, args=(number,), daemon=True)
        self.writing.start()

    def write(self, number):
        head = struct.pack("<I", number)
        with contextlib.suppress(OSError):  # the child is gone, or has read enough
            for block in self.inputs[number]:
                for batch in batches(block):
                    self.writer.put(frames.INPUT, head, batch)
            self.writer.put(frames.INPUT_END, head)

    def close(self):
        """After the child's end: nobody writes into its pipe any more."""
        if self.writing:
            self.writing.join()
        self.attempt.process.stdin.close()  # nothing is in its buffer: frames go to the descriptor
        self.attempt.process.stdout.close()


class Runner(WorkerPlugin):
    """Brings the worker's program to a process of Dask, and runs tasks there."""

    def __init__(self, name, program):
        self.name, self.program = name, program

    def setup(self, worker):
        self.worker, self.attempts = worker, {}
        # A folder of its own: the packed worker unpacks itself beside itself.
        self.folder = os.path.join(worker.local_directory, self.name)
        os.makedirs(self.folder, exist_ok=True)
        self.path = os.path.join(self.folder, "leat-worker")
        temporary = f"{self.path}.{os.getpid()}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o700)
        with os.fdopen(descriptor, "wb") as file:
            file.write(self.program)
        os.rename(temporary, self.path)
        self.program = None

    def teardown(self, worker):
        for attempt in list(self.attempts.values()):
            attempt.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def transition(self, key, start, finish, **_):
        if finish == "executing":
            self.attempts.setdefault(key, Attempt())
        elif start in ("executing", "long-running") and finish in ("cancelled", "released", "resumed"):
            attempt = self.attempts.get(key)
            if attempt:
                attempt.kill()

    def tell(self, topic, **message):
        with contextlib.suppress(Exception):  # a closing process of Dask tells nothing any more
            self.worker.log_event(topic, {"worker": self.worker.address, **message})

    def run(self, key, spec, inputs):
        """`spec`: topic, job, stage, task, program version, limit, fragment. `inputs`: for each, in order what `pick` gave."""
        topic, job, stage, task, version, limit, fragment = spec
        if any(block is None for blocks in inputs for block in blocks):
            return Result(0, failure=(0, ""))  # what failed before is told by itself
        attempt = self.attempts.setdefault(key, Attempt())
        number = int.from_bytes(os.urandom(4), "little")
        name = {"job": job, "stage": stage, "task": task, "attempt": number}
        self.tell(topic, what="begun", **name)
        died = None
        try:
            return self.attempt(attempt, number, inputs, version, limit, fragment)
        except Died as error:
            died = error
            raise RuntimeError(str(error), "leat", error.kind) from None
        finally:
            attempt.end()
            self.attempts.pop(key, None)
            reason = {"died": str(died)} if died and not (attempt.cancelled and not attempt.silent) else {}
            self.tell(topic, what="ended", **name, **reason)

    def attempt(self, attempt, number, inputs, version, limit, fragment):
        memory = kills_for_memory()
        machine = f"{self.worker.address} ({platform.system()} {platform.machine()})"
        try:
            attempt.start(self.path)
        except OSError as error:
            if error.errno not in (errno.ENOEXEC, errno.ENOENT, errno.EACCES):
                raise Died(f"worker cannot be started: {error.strerror}") from None
            return Result(number, failure=(MISFIT, f"the packed worker cannot run on {machine}: {error.strerror}"))
        talk = Conversation(attempt, inputs, limit)
        begun = time.monotonic()
        try:
            error = talk.hold(version, number, fragment)
        except frames.OtherVersion as other:
            return Result(number, failure=(MISFIT, f"the packed worker speaks {other}"))
        except (EOFError, OSError, frames.BrokenFrame) as broken:
            code = attempt.end(0.5)
            if code == CANNOT_RUN and not talk.greeted:
                return Result(number, failure=(MISFIT, f"the packed worker cannot run on {machine}: its log says why"))
            if attempt.silent:
                raise Died(f"worker gave no answer for {time.monotonic() - begun:.0f} s and was killed") from None
            if isinstance(broken, frames.BrokenFrame) and not isinstance(broken, frames.EndWithin):
                raise Died(f"worker spoke nonsense: {broken}") from None
            killed = code == -signal.SIGKILL and kills_for_memory() > memory
            reason = how_it_ended(code) + (": the kernel killed it for memory" if killed else "")
            raise Died(reason, OUT_OF_MEMORY if killed else DIED) from None
        finally:
            attempt.end()
            talk.close()
        if error:
            return Result(number, failure=(0, error))
        return Result(number, b"".join(talk.told), talk.rows)


def call(name, key, spec, inputs):
    """The task itself: small, since it is carried with each."""
    from distributed import get_worker

    return get_worker().plugins[name].run(key, spec, inputs)
