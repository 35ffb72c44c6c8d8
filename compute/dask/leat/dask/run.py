"""One job on the cluster, from its tasks to its rows."""

from __future__ import annotations

import contextlib
import functools
import re
import struct
import time
import uuid

from leat.dask import frames, task
from leat.dask import job as jobs
from leat.dask.failure import CANCELLED, DIED, HOST_ERROR, NO_CLUSTER, OUT_OF_MEMORY, Failure, LeatError


class Attempts:
    """What is known of the attempts of a job, from what tasks tell."""

    def __init__(self):
        self.running = {}  # (stage, task, attempt): address of the process
        self.ended = set()
        self.deaths = {}  # (stage, task): how many

    def take(self, event):
        """Returns the text of a note, or None."""
        place = event["stage"], event["task"]
        attempt = (*place, event["attempt"])
        if event["what"] == "begun":
            self.running[attempt] = event["worker"]
            return None
        self.running.pop(attempt, None)
        self.ended.add(attempt)
        if "died" not in event:
            return None
        self.deaths[place] = self.deaths.get(place, 0) + 1
        return f"task {place[1]} of stage {place[0]}, attempt {self.deaths[place]}: {event['died']} on {event['worker']}"


class Run:
    """One job."""

    def __init__(self, driver, job):
        self.driver, self.job, self.cluster, self.out = driver, job, driver.cluster, driver.out
        self.attempts = Attempts()
        self.won = {}
        self.futures, self.given = {}, {}
        self.asked = {}  # futures of what is told, where no event told it
        self.rows = {}  # of the result, where an event brought them
        self.lost_since = None

    def submit(self):
        client, settings = self.cluster.client, self.cluster.settings
        name = re.sub(r"[^A-Za-z0-9_.]+", "_", self.job.name) or "leat"
        self.prefix = f"{name}-{uuid.uuid4().hex}"
        for stage in self.job.stages:
            if stage.is_given:
                # To all processes, so that the loss of one does not lose rows that cannot be made again.
                blocks = [bytes(block) for block in stage.given]
                self.given[stage.number] = client.scatter(blocks, broadcast=True, hash=False) if blocks else []
                stage.given = []
        tasks, names = jobs.graph(self.job, self.prefix, self.task, self.cluster.pick, self.given)
        for stage in self.job.stages:
            stage.fragments = {}
        retries = max(settings["attempts"] - 1, 0)
        self.futures = dict(zip(names, client.get(tasks, list(names.values()), sync=False, retries=retries)))
        for place, future in self.futures.items():
            future.add_done_callback(functools.partial(self.is_done, place))

    def is_done(self, place, future):
        self.driver.events.put(("done", (self, place, future)))

    def task(self, stage, number, key):
        limit = self.cluster.settings["task_timeout"]
        fragment = stage.fragments[number]
        is_last = stage is self.job.stages[-1]
        spec = (self.cluster.topic, self.job.number, stage.number, number, is_last, self.driver.version, limit, fragment)
        return Task(self.cluster.call, self.cluster.plugin, key, spec)

    def wait(self):
        while len(self.won) < len(self.futures):
            self.next()

    def next(self):
        self.take(*self.driver.next_event(0.5))
        self.driver.check_end()
        self.check_connection()

    def take(self, what, thing):
        if what == "event" and thing["job"] == self.job.number:
            note = self.attempts.take(thing)
            if note:
                self.out.put(frames.NOTE, frames.text(note))
            if "told" in thing:
                self.is_told((thing["stage"], thing["task"]), *thing["told"], thing.get("rows"))
        elif what == "done" and thing[0] is self:
            self.task_is_done(*thing[1:])
        elif what == "frame":
            kind, _ = thing
            if kind != frames.CANCEL:
                raise Failure(HOST_ERROR, f"a message of kind {kind} while a job runs")
            raise Failure(CANCELLED, "cancelled")

    def task_is_done(self, place, future):
        """A task's future, or that of what is told of it. An event that tells it was taken before."""
        stage, task = place
        if place not in self.won:
            if future.status == "cancelled" or future.status == "lost":
                self.check_connection(lost=True)
                raise Failure(HOST_ERROR, f"Dask lost task {task} of stage {stage}")
            if future.status == "error":
                raise self.failed(stage, task, future.exception())
            if place in self.asked:
                self.is_told(place, *future.result())
            else:
                self.asked[place] = self.cluster.client.submit(self.cluster.told, future, key=f"{future.key}-told", pure=False)
                self.asked[place].add_done_callback(functools.partial(self.is_done, place))
                return
        if place[0] != self.job.stages[-1].number:
            self.futures[place].release()  # Dask keeps what is still to be read

    def is_told(self, place, attempt, told, failure, rows=None):
        if place in self.won:
            return
        if failure:
            kind, content = failure
            if kind:
                raise Failure(kind, content)
            if content:
                raise LeatError(content)
            return  # a stage before it failed, and will be heard of
        self.won[place] = attempt
        if rows is not None:
            self.rows[place[1]] = rows
        self.out.put(frames.WON, struct.pack("<III", *place, attempt), told)

    def failed(self, stage, task, error):
        """The failure that an exception of a task means. It may be that of a stage before it."""
        if len(error.args) == 3 and error.args[1] == "leat":
            times = self.cluster.settings["attempts"]
            hint = "More tasks, or a lower --memory, need less." if error.args[2] == OUT_OF_MEMORY else ""
            return Failure(error.args[2], f"a task died {times} times, the last time: {error.args[0]}", hint)
        if type(error).__name__ == "KilledWorker":
            hint = "Its log says why; a process of Dask that exceeds its memory limit is killed by its nanny."
            return Failure(DIED, f"processes of Dask ended while they ran task {task} of stage {stage}: {error}", hint)
        return Failure(HOST_ERROR, f"task {task} of stage {stage}: {type(error).__name__}: {error}")

    def check_connection(self, lost=False):
        """`lost`: futures were, so that it is not waited for a connection that comes back."""
        now = time.monotonic()
        if self.cluster.client.status == "running":
            self.lost_since = None
            return
        self.lost_since = self.lost_since or now
        if lost or now - self.lost_since > self.cluster.settings["lost_timeout"]:
            raise Failure(NO_CLUSTER, f"the connection to the Dask scheduler at {self.cluster.address} is lost")

    def give_rows(self):
        last = self.job.stages[-1]
        blocks = self.given[last.number] if last.is_given else [self.futures[last.number, task] for task in range(last.tasks)]
        for number, future in enumerate(blocks):
            for batch in self.rows[number] if number in self.rows else task.batches(self.fetch(future)):
                self.out.put(frames.ROWS, batch)

    def fetch(self, future):
        while not future.done():
            self.next()
        if future.status != "finished":
            self.check_connection(lost=True)
            raise Failure(HOST_ERROR, f"Dask lost rows of the result ({future.status})")
        return future.result()

    def stop(self):
        """After it no task runs, as far as this side can know, and each attempt that was begun has been won or lost."""
        # What nobody wants any more is released, also while it runs. (Cancelling what is being released meanwhile makes the
        # scheduler of some versions of Dask drop this client.)
        for future in [*self.futures.values(), *self.asked.values(), *(f for futures in self.given.values() for f in futures)]:
            future.release()
        begun = looked = time.monotonic()
        while self.attempts.running and self.cluster.client.status == "running":
            what, thing = self.driver.next_event(0.1)
            if what == "event":
                self.take(what, thing)
            now = time.monotonic()
            if now - begun > (1 if self.driver.ended else 10):
                break
            if now - looked > 0.5:
                looked = now
                self.look_for_processes()
        for attempt in sorted(self.attempts.ended):
            if self.won.get(attempt[:2]) != attempt[2]:
                self.out.put(frames.LOST, struct.pack("<III", *attempt))

    def look_for_processes(self):
        """Attempts of processes that are gone have ended: a worker ends when its standard input does."""
        with contextlib.suppress(Exception):
            there = self.cluster.client.nthreads()
            for attempt, address in list(self.attempts.running.items()):
                if address not in there:
                    del self.attempts.running[attempt]
                    self.attempts.ended.add(attempt)


class Task:
    """A task of the graph: the shipped function with what it needs, which Dask shall not look into."""

    def __init__(self, call, plugin, key, spec):
        self.parts = call, plugin, key, spec

    def __reduce__(self):
        call, plugin, key, spec = self.parts
        return functools.partial, (call, plugin, key, spec)

    def __call__(self, inputs):
        raise NotImplementedError("tasks run in the cluster")
