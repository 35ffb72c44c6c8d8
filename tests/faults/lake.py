"""What the fault tests look at: a lake's files as its own metadata names them, read without Leat, and its tables' rows."""
import csv
import io
import json
import os
import sqlite3
import subprocess
import zlib
from collections import Counter

LEAT = os.environ["LEAT"]


def avro(path: str) -> list[dict]:
    """The records of an Avro object container."""
    data = open(path, "rb").read()
    at = 0

    def long() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return (value >> 1) ^ -(value & 1)

    def raw(size: int) -> bytes:
        nonlocal at
        at += size
        return data[at - size:at]

    def blocks(item) -> list:
        items = []
        while (count := long()) != 0:
            if count < 0:
                long()
            items += [item() for _ in range(abs(count))]
        return items

    def value(schema):
        if isinstance(schema, list):
            return value(schema[long()])
        kind = schema["type"] if isinstance(schema, dict) else schema
        if isinstance(kind, (dict, list)):
            return value(kind)
        if kind == "record":
            return {field["name"]: value(field["type"]) for field in schema["fields"]}
        if kind == "array":
            return blocks(lambda: value(schema["items"]))
        if kind == "map":
            return dict(blocks(lambda: (raw(long()).decode(), value(schema["values"]))))
        if kind == "fixed":
            return raw(schema["size"])
        return {"null": lambda: None, "boolean": lambda: raw(1) == b"\1", "int": long, "long": long, "float": lambda: raw(4),
                "double": lambda: raw(8), "bytes": lambda: raw(long()), "string": lambda: raw(long()).decode()}[kind]()

    assert raw(4) == b"Obj\1", path
    meta = dict(blocks(lambda: (raw(long()).decode(), raw(long()))))
    schema, codec = json.loads(meta["avro.schema"]), meta.get("avro.codec", b"null")
    raw(16)
    file, records = data, []
    while at < len(file):
        count, size = long(), long()
        block, end = raw(size), at + 16
        data, at = zlib.decompress(block, -15) if codec == b"deflate" else block, 0
        records += [value(schema) for _ in range(count)]
        data, at = file, end
    return records


def local(path: str) -> str:
    return path.removeprefix("file://") if path.startswith("file://") else path.removeprefix("file:")


def referenced(lake: str) -> set[str]:
    """Every file that the catalog reaches: metadata, manifest lists, manifests, data files, of all snapshots."""
    files = set()
    catalog = sqlite3.connect(f"{lake}/catalog.db")
    if not catalog.execute("SELECT 1 FROM sqlite_master WHERE name = 'iceberg_tables'").fetchall():
        return files
    for (location,) in catalog.execute("SELECT metadata_location FROM iceberg_tables"):
        metadata = json.load(open(local(location)))
        files.add(local(location))
        files |= {local(entry["metadata-file"]) for entry in metadata.get("metadata-log", [])}
        for snapshot in metadata.get("snapshots", []):
            files.add(local(snapshot["manifest-list"]))
            for manifest in avro(local(snapshot["manifest-list"])):
                files.add(local(manifest["manifest_path"]))
                files |= {local(entry["data_file"]["file_path"]) for entry in avro(local(manifest["manifest_path"]))
                          if entry["status"] != 2}
    return files


def present(lake: str) -> set[str]:
    return {os.path.join(folder, name) for folder, _, names in os.walk(f"{lake}/warehouse") for name in names}


def leat(project: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run([LEAT, *arguments], cwd=project, env={**os.environ, **environment}, capture_output=True, text=True)


def tables(project: str, names: list[str]) -> dict[str, Counter]:
    """The rows of each table; of quarantines, what does not name a run, and no line that is looked up for a message only."""
    sql = "".join("SELECT %s FROM %s;" % ("flow, file, CASE WHEN error_code <> 'L4201' THEN line END AS line, rule, error_code, raw" if name.endswith("_quarantine") else "*", name)
                  + "SELECT 'end of table' AS e;" for name in names)
    done = leat(project, "query", "-q", "--lake", "lake", "--format", "csv", "-c", sql)
    if done.returncode != 0:
        return {"error": Counter([done.stderr])}
    found, rows = {}, []
    for row in csv.reader(io.StringIO(done.stdout)):
        if row == ["end of table"]:
            found[names[len(found)]] = Counter(tuple(r) for r in rows[1:-1])
            rows = []
        else:
            rows.append(row)
    return found


def ledger(project: str) -> tuple:
    """What the ledger holds, without ids, times and names of tables' instances."""
    database = sqlite3.connect(f"{project}/lake/catalog.db")
    return tuple(tuple(database.execute(sql).fetchall()) for sql in (
        "SELECT flow, path, size, hash FROM leat_inputs ORDER BY 1, 2",
        "SELECT flow, source, sequence_number FROM leat_positions ORDER BY 1, 2",
        "SELECT DISTINCT status FROM leat_runs"))


def orphans(project: str) -> tuple[set[str], set[str]]:
    """Files that nothing refers to, as found here and as `leat check` names them."""
    lake = f"{project}/lake"
    found = present(lake) - referenced(lake) if os.path.exists(f"{lake}/catalog.db") else set()
    done = leat(project, "check")
    named = set(done.stdout.splitlines())
    if done.returncode != 0:
        named.add(f"leat check ended with {done.returncode}: {done.stderr}")
    return found, named
