"""The driver: Leat on standard input and output, a Dask cluster on the other side (compute/hosts/PROTOCOL.md).

Everything that happens (a frame of Leat, a future that is done, what a task tells) becomes an item of one queue, which the
main thread takes one after the other.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import queue
import struct
import sys
import threading

from leat.dask import frames
from leat.dask import job as jobs
from leat.dask.cluster import DEFAULTS, Cluster, read_settings
from leat.dask.failure import CANCELLED, HOST_ERROR, Failure, Gone, LeatError


class Driver:
    def __init__(self, arguments):
        self.arguments = arguments
        # Libraries may print: only frames go to what was the standard output.
        self.out = frames.Writer(os.dup(1))
        os.dup2(2, 1)
        self.events = queue.Queue()
        self.ended = False
        self.cluster = None

    def serve(self):
        self.out.put(frames.HELLO, frames.hello_body("leat dask driver"))
        try:
            self.version = frames.check_hello(*self.read_first())
            settings, dask_settings = DEFAULTS, {}
            if self.arguments.config:
                settings, dask_settings = read_settings(self.arguments.config)
            if dask_settings:
                import dask

                dask.config.set(dask_settings)
            self.cluster = Cluster(self.arguments.master, self.arguments.worker, settings, self.events)
        except Failure as failure:
            self.fail(failure)
            return
        threading.Thread(target=self.read, daemon=True).start()
        name = f"Dask {self.cluster.version} at {self.arguments.master}"
        self.out.put(frames.READY, frames.text(name), struct.pack("<I", self.cluster.threads))
        with contextlib.suppress(Gone):
            while True:
                self.run_job(self.read_job())

    def read_first(self):
        self.reader = frames.Reader(sys.stdin.buffer)
        frame = self.reader.next()
        if not frame:
            raise Gone
        return frame[0], frame[1]

    def read(self):
        """Frames of Leat, as events; (None, error) at the end."""
        try:
            while frame := self.reader.next():
                self.events.put(("frame", frame[:2]))
            self.events.put(("end", None))
        except Exception as error:
            self.events.put(("end", error))

    def next_event(self, timeout=None):
        """Returns (what, thing), or (None, None) after the timeout. After the end of the input there are only the cluster's."""
        try:
            what, thing = self.events.get(timeout=timeout)
        except queue.Empty:
            return None, None
        if what == "end":
            self.ended = True
            if thing:
                print(f"leat dask driver: {thing}", file=sys.stderr)
            return None, None
        return what, thing

    def check_end(self):
        if self.ended:
            raise Gone

    def read_job(self):
        job = None
        while True:
            what, thing = self.next_event()
            self.check_end()
            if what != "frame":
                continue
            kind, body = thing
            if kind == frames.JOB:
                job = jobs.Job(body)
            elif kind == frames.CANCEL:
                if job:  # otherwise it came after the job's end
                    self.fail(Failure(CANCELLED, "cancelled"))
                job = None
            elif job is None:
                raise frames.BrokenFrame(f"a message of kind {kind} outside of a job")
            elif kind == frames.TASK:
                job.add_task(body)
            elif kind == frames.GIVEN:
                job.add_given(body)
            elif kind == frames.GO:
                job.check()
                return job
            else:
                raise frames.BrokenFrame(f"a message of kind {kind}")

    def fail(self, failure):
        self.out.put(frames.FAILED, struct.pack("<B", failure.kind), frames.text(str(failure)), frames.text(failure.hint))

    def run_job(self, job):
        from leat.dask.run import Run  # needs Dask, whose absence has been told by then

        run = Run(self, job)
        try:
            run.submit()
            run.wait()
            run.give_rows()
        except Gone:
            run.stop()
            raise
        except Failure as failure:
            run.stop()
            self.fail(failure)
        except LeatError as error:
            run.stop()
            self.out.put_raw([error.args[0]])
        except Exception as error:
            run.stop()
            text = f"{type(error).__name__}: {error}"
            self.fail(Failure(HOST_ERROR, f"Dask: {text}", "The scheduler's log may tell more."))
        else:
            run.stop()
            self.out.put(frames.DONE)

    def close(self):
        if self.cluster:
            self.cluster.close()


def main():
    parser = argparse.ArgumentParser(prog="driver")
    parser.add_argument("--master", required=True)
    parser.add_argument("--worker", required=True)
    parser.add_argument("--config")
    parser.add_argument("--tasks", type=int, default=0)
    driver = Driver(parser.parse_args())
    status = 0
    try:
        driver.serve()
    except (Gone, BrokenPipeError):
        pass
    except frames.BrokenFrame as error:
        print(f"leat dask driver: {error}", file=sys.stderr)
        status = 1
    driver.close()
    sys.stderr.flush()
    os._exit(status)  # threads of libraries are not waited for


if __name__ == "__main__":
    main()
