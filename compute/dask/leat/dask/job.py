"""A job as a graph of Dask: one key for each task, and one for each partition that another task reads."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from leat.dask import frames

OWN, ALL, FIRST = 0, 1, 2


@dataclass
class Stage:
    number: int
    tasks: int
    partitions: int
    is_given: bool
    inputs: list  # of (stage, mode)
    fragments: dict = field(default_factory=dict)
    given: list = field(default_factory=list)  # blocks: u32 length and batch, again and again


class Job:
    """What JOB, TASK and GIVEN say."""

    BLOCK = 4 << 20  # bytes of given rows that are brought to the cluster in one piece

    def __init__(self, body):
        reader = Body(body)
        self.number = reader.u32()
        self.name = reader.text()
        self.stages = []
        for number in range(reader.count(13)):
            tasks, partitions, given = reader.u32(), reader.u32(), reader.u8()
            inputs = [(reader.u32(), reader.u8()) for _ in range(reader.count(5))]
            if any(stage >= number or mode > FIRST for stage, mode in inputs):
                raise frames.BrokenFrame(f"stage {number} reads what does not come before it")
            self.stages.append(Stage(number, tasks, partitions, bool(given), inputs))
        if not self.stages:
            raise frames.BrokenFrame("a job without stages")

    def stage(self, number):
        if number >= len(self.stages):
            raise frames.BrokenFrame(f"stage {number} of {len(self.stages)}")
        return self.stages[number]

    def add_task(self, body):
        reader = Body(body)
        stage, task = self.stage(reader.u32()), reader.u32()
        if stage.is_given or task >= stage.tasks or task in stage.fragments:
            raise frames.BrokenFrame(f"task {task} of stage {stage.number}")
        stage.fragments[task] = bytes(reader.rest())

    def add_given(self, body):
        reader = Body(body)
        stage, batch = self.stage(reader.u32()), reader.rest()
        if not stage.is_given:
            raise frames.BrokenFrame(f"rows for stage {stage.number}, which has tasks")
        if not stage.given or len(stage.given[-1]) + len(batch) > self.BLOCK:
            stage.given.append(bytearray())
        stage.given[-1] += struct.pack("<I", len(batch)) + batch

    def check(self):
        for stage in self.stages:
            if not stage.is_given and len(stage.fragments) != stage.tasks:
                raise frames.BrokenFrame(f"{len(stage.fragments)} of {stage.tasks} tasks of stage {stage.number}")

    def reads(self, stage, task):
        """For each input of a task: the (stage, task, partition) that it reads, in order; partition None: all."""
        wanted = []
        for number, mode in stage.inputs:
            giver = self.stages[number]
            givers = range(1 if giver.is_given else giver.tasks)
            if mode == OWN:
                alone = giver.is_given and task > 0
                wanted.append([] if alone or task >= giver.partitions else [(number, i, task) for i in givers])
            else:
                wanted.append([] if mode == FIRST and task > 0 else [(number, i, None) for i in givers])
        return wanted


class Body:
    """Reads the body of a frame; what is not there is a broken frame."""

    def __init__(self, body):
        self.view, self.at = memoryview(body), 0

    def take(self, count):
        if len(self.view) - self.at < count:
            raise frames.BrokenFrame("a message that is too short")
        self.at += count
        return self.view[self.at - count : self.at]

    def u8(self):
        return self.take(1)[0]

    def u32(self):
        return struct.unpack("<I", self.take(4))[0]

    def count(self, size):
        """Of things that have at least `size` bytes each."""
        count = self.u32()
        if count * size > len(self.view) - self.at:
            raise frames.BrokenFrame(f"a message of {len(self.view)} bytes that counts {count}")
        return count

    def text(self):
        return bytes(self.take(self.u32())).decode(errors="replace")

    def rest(self):
        return self.take(len(self.view) - self.at)


def graph(job, prefix, run, pick, given):
    """The tasks of Dask, by key. `run(stage, task, key)` gives the callable that takes the inputs; `given`: the futures of a
    given stage's blocks, by its number. Returns the graph and the keys of tasks by (stage, task)."""
    tasks, names = {}, {}

    def key(what, *numbers):
        return "-".join([prefix, what, *map(str, numbers)])

    def reading(number, task, partition):
        giver = job.stages[number]
        if giver.is_given:
            return given[number]
        if partition is None or giver.partitions == 1:
            return [names[number, task]]
        name = key("rows", number, task, partition)
        tasks[name] = (pick, names[number, task], partition)
        return [name]

    for stage in job.stages:
        if stage.is_given:
            continue
        for task in range(stage.tasks):
            name = key("task", stage.number, task)
            inputs = [[k for place in places for k in reading(*place)] for places in job.reads(stage, task)]
            tasks[name] = (run(stage, task, name), inputs)
            names[stage.number, task] = name
    return tasks, names
