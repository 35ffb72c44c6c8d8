"""Tables and queries of Leat as Dask DataFrames.

    import leat.dask

    delays = leat.dask.read_query("SELECT origin, dep_delay FROM flights.flights", lake="lake", folder="/shared/tmp")
    delays.groupby("origin").dep_delay.mean().compute()

The query is run by the program `leat`: in the cluster of the client that is given or active, otherwise on this machine. Its
result is a Parquet file, whose row groups become the partitions.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import uuid

__all__ = ["read_query", "read_table"]


class LeatError(RuntimeError):
    """What `leat` wrote when it failed."""


def read_query(sql, *, lake=None, folder=None, client=None, program="leat", options=()):
    """The result of a query as a Dask DataFrame.

    `lake`: whose tables the query sees. `folder`: where the result's file is written, which stays; it must be a path (or
    `s3://`, `hdfs://`) that the cluster's machines reach. Without one it lies in a temporary folder of this machine until
    Python ends. `client`: of distributed; default: the active one, if any. `options`: more arguments of `leat query`.
    """
    import dask.dataframe

    if folder is None:
        folder = tempfile.mkdtemp(prefix="leat-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = f"{str(folder).rstrip('/')}/{uuid.uuid4()}.parquet"
    target = path.replace("'", "''")
    arguments = [program, "query", "-q", *_cluster(client), *options, "-f", "-"]
    if lake is not None:
        arguments[2:2] = ["--lake", str(lake)]
    # The query may end with a comment.
    script = f"COPY (\n{sql.rstrip().rstrip(';')}\n) TO '{target}'"
    done = subprocess.run(arguments, input=script, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise LeatError(done.stderr.strip() or f"{program} ended with exit code {done.returncode}")
    return dask.dataframe.read_parquet(path, split_row_groups=True)


def read_table(name, *, lake, **more):
    """A table or view as a Dask DataFrame; the name as in SQL. More: as for read_query."""
    return read_query(f"SELECT * FROM {name}", lake=lake, **more)


def _cluster(client):
    """What makes `leat` run in the client's cluster."""
    if client is None:
        from distributed import get_client

        try:
            client = get_client()
        except ValueError:
            return []
    os.environ.setdefault("LEAT_PYTHON", sys.executable)  # the driver's, which must fit the cluster's
    return ["--on", "dask", "--master", client.scheduler.address]
