"""What runs in the processes of Dask: a task and its child, `leat worker`.

Nothing has to be installed on the cluster's machines: this code is carried by value, the worker by `Runner`, a plugin that
late processes of Dask get too, and which keeps workers that have ended their task for the next one. A task's result is a
`Result`; `pick` gives the rows of one partition, so that only those travel. What the coordinator has to know is told when the
task ends, by an event, with the rows of the result if they are few; `told` gives it to who did not hear it, or if it is large.

The plugin hears of each change of a task's state, and kills the child of a task that is cancelled or that nobody wants any
more, for example because the driver is gone: a thread that waits in a pipe hears of nothing.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pickle
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
LARGE = 4096  # bytes of a batch that is not copied into a pickle
SMALL = 16384  # bytes that are told by an event, of which the scheduler keeps some hundreds
IDLE_SECONDS = 5


class Died(Exception):
    """A child ended before its time, or spoke nonsense."""

    def __init__(self, reason, kind=DIED):
        super().__init__(reason)
        self.kind = kind


class Result:
    """What an attempt gave: its rows as (partition, batch), in the order in which they were put out. `failure`: None, or (kind,
    message or ERROR frame): it would come again, so it is no exception."""

    def __init__(self, attempt, told=b"", rows=(), failure=None):
        self.attempt, self.told, self.rows, self.failure = attempt, told, rows, failure

    def __sizeof__(self):
        return sum(len(batch) for _, batch in self.rows) + len(self.told) + 100 * len(self.rows) + 100

    def __reduce_ex__(self, protocol):
        """Large batches travel beside the pickle, without copies."""
        rows = self.rows
        if protocol >= 5:
            rows = [(number, pickle.PickleBuffer(batch) if len(batch) > LARGE else batch) for number, batch in rows]
        return Result, (self.attempt, self.told, rows, self.failure)


def pick(result, partition):
    """Only the rows of a partition, without copies."""
    return Result(result.attempt, b"", [row for row in result.rows if row[0] == partition], result.failure)


def told(result):
    return result.attempt, result.told, result.failure


def batches(block):
    """The batches of what a task reads: of a `Result` (perhaps of another session's copy of this code), or of a block of given
    rows (u32 length and batch, again and again)."""
    if hasattr(block, "rows"):
        yield from (batch for _, batch in block.rows)
        return
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


class Child:
    """A worker process, which takes one fragment after the other."""

    def __init__(self, program, version):
        self.process = self.spawn(program)
        self.reader = frames.Reader(self.process.stdout)
        self.writer = frames.Writer(self.process.stdin.fileno())
        self.version, self.greeted = version, False
        self.writing, self.unwanted = None, False
        self.reused = self.answered = False
        self.idle_since = 0.0

    @staticmethod
    def spawn(program):
        for trial in range(100):
            try:
                return subprocess.Popen([program, "worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1 << 16)
            except OSError as error:
                # A child that was forked while the program was written holds it open until it has become what it shall be.
                if error.errno != errno.ETXTBSY or trial == 99:
                    raise
                time.sleep(0.01)

    def greet(self):
        if not self.greeted:
            self.writer.put(frames.HELLO, frames.hello_body(self.version))
            frames.check_hello(*self.frame()[:2])
            self.greeted = True

    def run(self, number, fragment, inputs):
        """Returns (told frames, rows, ERROR frame or None)."""
        self.greet()
        self.answered = False
        told, rows = [], []
        self.unwanted = False
        self.writer.put(frames.FRAGMENT, struct.pack("<I", number), memoryview(fragment)[4:])
        while True:
            kind, body, whole = self.frame()
            if kind == frames.OUTPUT and len(body) >= 4:
                rows.append(
                    (struct.unpack_from("<I", body)[0], memoryview(body)[4:].toreadonly() if len(body) > LARGE else body[4:])
                )
            elif kind in frames.TOLD:
                told += whole
            elif kind == frames.WANT and len(body) == 4:
                self.write_input(inputs, struct.unpack("<I", body)[0])
            elif kind in (frames.DONE, frames.ERROR):
                self.unwanted = True
                self.await_writing()
                return b"".join(told), rows, b"".join(whole) if kind == frames.ERROR else None
            else:
                raise frames.BrokenFrame(f"a message of kind {kind}")

    def frame(self):
        frame = self.reader.next()
        if not frame:
            raise EOFError
        self.answered = True
        return frame

    def write_input(self, inputs, number):
        """In a thread of its own: the child may put rows out before it has read all of its input."""
        if number >= len(inputs):
            raise frames.BrokenFrame(f"input {number} is wanted")
        self.await_writing()
        self.writing = threading.Thread(target=self.write, args=(inputs[number], number), daemon=True)
        self.writing.start()

    def write(self, blocks, number):
        head = struct.pack("<I", number)
        try:
            for batch in (batch for block in blocks for batch in batches(block)):
                if self.unwanted:  # the fragment has ended: what still comes of its input is forgotten
                    return
                self.writer.put(frames.INPUT, head, batch)
            self.writer.put(frames.INPUT_END, head)
        except OSError:
            pass  # the child is gone
        except Exception:
            self.process.kill()  # or it would wait for the rest for ever
            raise

    def await_writing(self):
        if self.writing:
            self.writing.join()
            self.writing = None

    def end(self, patience=0.0):
        """The exit code, None if it had to be killed; it is gone, whatever it was doing."""
        code = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self.process.wait(patience)
        self.process.kill()
        self.process.wait()
        self.await_writing()  # nobody writes into its pipe any more
        self.process.stdin.close()  # nothing is in its buffer: frames go to the descriptor
        self.process.stdout.close()
        return code


class Pool:
    """Children that wait for another task, so that most tasks need not start one. One that had nothing to do for some seconds
    is ended, since it holds memory."""

    def __init__(self, program):
        self.program, self.lock, self.idle = program, threading.Lock(), []
        self.closed, self.sweeper = False, None

    def take(self, version):
        while True:
            with self.lock:
                child = self.idle.pop() if self.idle else None
            if not child:
                return Child(self.program, version)
            if child.process.poll() is None and child.version == version:
                child.reused = True
                return child
            child.end()

    def give_back(self, child):
        child.idle_since = time.monotonic()
        with self.lock:
            if not self.closed:
                self.idle.append(child)
                self.sweep_later()
                return
        child.end()

    def sweep_later(self):
        if not self.sweeper:
            self.sweeper = threading.Timer(IDLE_SECONDS / 5, self.sweep)
            self.sweeper.daemon = True
            self.sweeper.start()

    def sweep(self):
        now = time.monotonic()
        with self.lock:
            old = [child for child in self.idle if now - child.idle_since > IDLE_SECONDS]
            self.idle = [child for child in self.idle if child not in old]
            self.sweeper = None
            if self.idle:
                self.sweep_later()
        for child in old:
            child.end()

    def close(self):
        with self.lock:
            self.closed = True
            old, self.idle = self.idle, []
        for child in old:
            child.end()


class Attempt:
    """A run of a task: its child, and whether it was cancelled."""

    def __init__(self):
        self.lock = threading.Lock()
        self.child = None
        self.cancelled = self.silent = False

    def start(self, pool, version, fresh=False):
        with self.lock:
            if self.cancelled:
                raise Died("cancelled")
            self.child = Child(pool.program, version) if fresh else pool.take(version)
            return self.child

    def kill(self):
        with self.lock:
            self.cancelled = True
            if self.child:
                self.child.process.kill()

    def too_long(self):
        self.silent = True
        self.kill()

    def finish(self, pool):
        """The child has ended its fragment. From here on nothing that concerns this attempt kills it."""
        with self.lock:
            child, self.child = self.child, None
            wanted = not self.cancelled
        if wanted:
            pool.give_back(child)
        else:
            child.end()

    def end(self, patience=0.0):
        """The child's exit code; it is gone."""
        with self.lock:
            child, self.child = self.child, None
        return child.end(patience) if child else None


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
        self.pool = Pool(self.path)

    def teardown(self, worker):
        self.pool.close()
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
        """`spec`: topic, job, stage, task, whether its rows are the result, program version, limit, fragment. `inputs`: of each
        what is read, in order."""
        topic, job, stage, task, is_last, version, limit, fragment = spec
        if any(getattr(block, "failure", None) for blocks in inputs for block in blocks):
            return Result(0, failure=(0, ""))  # what failed before is told by itself
        attempt = self.attempts.setdefault(key, Attempt())
        number = int.from_bytes(os.urandom(4), "little")
        name = {"job": job, "stage": stage, "task": task, "attempt": number}
        self.tell(topic, what="begun", **name)
        more = {}
        try:
            result = self.attempt(attempt, number, inputs, version, limit, fragment)
            more = small_news(result, is_last)
            return result
        except Died as error:
            if attempt.silent or not attempt.cancelled:
                more = {"died": str(error)}
            raise RuntimeError(str(error), "leat", error.kind) from None
        finally:
            attempt.end()
            self.attempts.pop(key, None)
            self.tell(topic, what="ended", **name, **more)

    def attempt(self, attempt, number, inputs, version, limit, fragment):
        memory = kills_for_memory()
        machine = f"{self.worker.address} ({platform.system()} {platform.machine()})"
        try:
            child = attempt.start(self.pool, version)
        except OSError as error:
            if error.errno not in (errno.ENOEXEC, errno.ENOENT, errno.EACCES):
                raise Died(f"worker cannot be started: {error.strerror}") from None
            return Result(number, failure=(MISFIT, f"the packed worker cannot run on {machine}: {error.strerror}"))
        watch = threading.Timer(limit, attempt.too_long) if limit else None
        begun = time.monotonic()
        try:
            if watch:
                watch.start()
            try:
                told, rows, error = child.run(number, fragment, inputs)
            except OSError:  # the fragment could not be written whole
                if not child.reused or child.answered or attempt.cancelled:
                    raise
                attempt.end()  # it died while it waited for a task: that is not this task's failure
                child = attempt.start(self.pool, version, fresh=True)
                told, rows, error = child.run(number, fragment, inputs)
        except frames.OtherVersion as other:
            return Result(number, failure=(MISFIT, f"the packed worker speaks {other}"))
        except (EOFError, OSError, frames.BrokenFrame) as broken:
            code = attempt.end(0.5)
            if code == CANNOT_RUN and not child.greeted:
                return Result(number, failure=(MISFIT, f"the packed worker cannot run on {machine}: its log says why"))
            if attempt.silent:
                raise Died(f"worker gave no answer for {time.monotonic() - begun:.0f} s and was killed") from None
            if isinstance(broken, frames.BrokenFrame) and not isinstance(broken, frames.EndWithin):
                raise Died(f"worker spoke nonsense: {broken}") from None
            killed = code == -signal.SIGKILL and kills_for_memory() > memory
            reason = how_it_ended(code) + (": the kernel killed it for memory" if killed else "")
            raise Died(reason, OUT_OF_MEMORY if killed else DIED) from None
        finally:
            if watch:
                watch.cancel()
        attempt.finish(self.pool)
        return Result(number, failure=(0, error)) if error else Result(number, told, rows)


def small_news(result, is_last):
    """What an event tells of a result: what `told` gives, and the rows that Leat wants, if all that is small."""
    more = {}
    error = result.failure[1] if result.failure else b""
    room = SMALL - len(result.told) - len(error)
    if room >= 0:
        more["told"] = told(result)
        if is_last and result.__sizeof__() <= SMALL:
            more["rows"] = [bytes(batch) for batch in batches(result)]
    return more


def call(name, key, spec, inputs):
    """The task itself: small, since it is carried with each."""
    from distributed import get_worker

    return get_worker().plugins[name].run(key, spec, inputs)
