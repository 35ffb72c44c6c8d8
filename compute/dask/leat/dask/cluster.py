"""The connection to a Dask cluster, and what is brought there."""

from __future__ import annotations

import contextlib
import hashlib
import pathlib
import platform
import sys
import time
import uuid

from leat.dask import frames
from leat.dask.failure import MISFIT, NO_CLUSTER, Failure

DEFAULTS = {"connect_timeout": 20, "attempts": 3, "task_timeout": 0, "lost_timeout": 10, "keep_worker": True}


def read_settings(path):
    """(own settings, those of Dask) of dask_config.yaml."""
    import yaml

    try:
        with open(path) as file:
            values = yaml.safe_load(file) or {}
    except (OSError, yaml.YAMLError) as error:
        raise Failure(MISFIT, f"the configuration {path} cannot be read: {error}") from None
    if not isinstance(values, dict):
        raise Failure(MISFIT, f"the configuration {path} is not a list of settings")
    dask = values.pop("dask", None) or {}
    unknown = sorted(set(values) - set(DEFAULTS))
    if unknown:
        known = ", ".join([*DEFAULTS, "dask"])
        raise Failure(MISFIT, f"the configuration {path} has the unknown setting {unknown[0]}", f"The settings are {known}.")
    return {**DEFAULTS, **values}, dask


def carry(*things):
    """Makes functions and classes travel with their code, so that nothing has to be installed on the cluster's machines. Their
    module gets a name that can be imported nowhere: another version of this package there would be another program."""
    import cloudpickle

    from leat import dask as package

    cloudpickle.register_pickle_by_value(package)
    for thing in things:
        thing.__module__ = "leat_carried"


class Carried:
    """A function with its code, made into bytes once."""

    def __init__(self, function):
        import cloudpickle

        carry(function)
        self.blob = cloudpickle.dumps(function)

    def __reduce__(self):
        import cloudpickle

        return cloudpickle.loads, (self.blob,)

    def __call__(self, *_):
        """Only there to be submitted: what is called on the other side is the function."""
        raise NotImplementedError


class Cluster:
    """The connection, and what has been brought to the cluster."""

    def __init__(self, address, program, settings, events):
        self.address, self.settings, self.events = address, settings, events
        try:
            import dask
            import distributed
        except ImportError as error:
            raise Failure(
                MISFIT,
                f"{sys.executable} has no module {error.name}",
                "Install it (pip install dask distributed), or name a Python that has it in LEAT_PYTHON.",
            ) from None
        from leat.dask import task

        self.version = distributed.__version__
        dask.config.set({"distributed.comm.timeouts.connect": settings["connect_timeout"]})
        try:
            self.client = distributed.Client(address, timeout=settings["connect_timeout"], set_as_default=False, name="leat")
        except (OSError, ValueError, ImportError) as error:
            text = str(error) or type(error).__name__
            raise Failure(NO_CLUSTER, f"no Dask scheduler at {address}: {text}", self.HINT) from None
        self.topic = f"leat-{uuid.uuid4()}"
        self.threads = self.wait_for_workers()
        self.check_versions()
        self.client.subscribe_topic(self.topic, lambda event: events.put(("event", event[1])))
        try:
            content = pathlib.Path(program).read_bytes()
        except OSError as error:
            raise Failure(MISFIT, f"the packed worker {program} cannot be read: {error.strerror}") from None
        self.plugin = self.bring(task, content)
        self.call, self.pick, self.told = Carried(task.call), Carried(task.pick), Carried(task.told)

    HINT = "Start one with: dask scheduler, and on each machine: dask worker tcp://SCHEDULER:8786"

    def wait_for_workers(self):
        end = time.monotonic() + self.settings["connect_timeout"]
        while not (threads := sum(self.client.nthreads().values())):
            if time.monotonic() > end:
                raise Failure(NO_CLUSTER, f"the Dask scheduler at {self.address} has no workers", self.HINT)
            time.sleep(0.1)
        return threads

    def check_versions(self):
        """Functions are carried as Python's byte code, which differs between its versions."""
        mine = ".".join(platform.python_version_tuple()[:2])
        for address, versions in self.client.get_versions()["workers"].items():
            theirs = ".".join(versions["host"]["python"].split(".")[:2])
            if theirs != mine:
                raise Failure(
                    MISFIT,
                    f"the Dask worker {address} runs Python {theirs}, this driver Python {mine}",
                    f"Name a Python {theirs} that has dask and distributed in LEAT_PYTHON.",
                )

    def bring(self, task, content):
        """The plugin's name: it holds its content's checksum, so that what is there already is not brought again."""
        source = b"".join(pathlib.Path(module.__file__).read_bytes() for module in (task, frames))
        name = "leat-worker-" + hashlib.sha256(content + source).hexdigest()[:24]
        if not self.settings["keep_worker"]:
            name += f"-{uuid.uuid4().hex[:8]}"
        carry(has_plugin, task.Runner)
        if not all(self.client.run(has_plugin, name).values()):
            register = getattr(self.client, "register_plugin", None) or self.client.register_worker_plugin
            register(task.Runner(name, content), name=name)
        return name

    def close(self):
        with contextlib.suppress(Exception):
            if not self.settings["keep_worker"]:
                self.client.unregister_worker_plugin(self.plugin)
            self.client.close(timeout=1)


def has_plugin(name, dask_worker):
    return name in dask_worker.plugins
