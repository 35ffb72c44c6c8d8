"""What the comparisons with hosts share: a session of Leat that is asked one query after the other, times and a table of them."""

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from results import geometric_mean  # noqa: E402


def add_tasks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--task-threads", type=int, default=0, help="of each of Leat's tasks, as many as the cores allow (default: one task)")


def tasks_of(arguments: argparse.Namespace, cores: int = 2) -> list[str]:
    """Leat's options for as many tasks of --task-threads as the cores of both sides allow."""
    threads = arguments.task_threads or cores
    if threads < 0 or cores % threads:
        sys.exit(f"--task-threads {threads}: {cores} cores cannot be divided by it")
    return ["--threads", str(cores // threads), "--task-threads", str(threads)]


class Leat:
    """A session of `leat query`; times come from its --timing json."""

    def __init__(self, leat: str, *options: str):
        command = [leat, "query", "-q", "-i", "--format", "ndjson", "--timing", "json", *options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.times: list[float] = []  # of each statement
        self.said = 0
        self.messages: list[str] = []
        threading.Thread(target=self.read_messages, daemon=True).start()

    def open_tables(self, files: dict[str, str]) -> None:
        for table, pattern in files.items():
            self.say(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{pattern}')")
        self.ask("SELECT 1 AS one")

    def read_messages(self) -> None:
        for line in self.process.stderr:
            if line.startswith("{") and '"ms"' in line:
                self.times.append(json.loads(line)["ms"])
            else:
                self.messages.append(line)

    def has_failed(self) -> bool:
        return self.process.poll() is not None or any(message.startswith("error") for message in self.messages)

    def say(self, statement: str) -> None:
        self.said += 1
        self.process.stdin.write(statement + ";\n")
        self.process.stdin.flush()

    def ask(self, query: str) -> tuple[list[list], float]:
        """Rows, and the milliseconds of the query. A mark follows, to see the end."""
        self.say(query)
        self.say("SELECT 'end of the answer' AS mark")
        rows = []
        for line in self.process.stdout:
            if "end of the answer" in line:
                break
            rows.append(list(json.loads(line, parse_float=Decimal).values()))
        else:
            sys.exit(f"leat ended: {''.join(self.messages[-20:])}")
        while len(self.times) < self.said and not self.has_failed():
            time.sleep(0.002)
        if self.has_failed():
            sys.exit(f"leat failed at {query}: {''.join(self.messages[-20:])}")
        return rows, self.times[-2]

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def measure(sides: dict, queries: dict, repeats: int) -> dict[str, list[float]]:
    """Medians in milliseconds by side: each query in turn on all sides, which go first alternates. A side is a function of the query
    that gives milliseconds; a query may be anything."""
    runs: dict[str, list[list[float]]] = {name: [[] for _ in queries] for name in sides}
    for repeat in range(repeats):
        for i, query in enumerate(queries.values()):
            for name in list(sides) if repeat % 2 == 0 else reversed(list(sides)):
                runs[name][i].append(sides[name](query))
    return {name: [statistics.median(times) for times in of] for name, of in runs.items()}


def report(names: list, times: dict[str, list[float]], peer: str) -> None:
    """A table of milliseconds, queries that do worst first. times: "leat", "peer", and perhaps "local" (Leat in threads)."""
    local = "local" in times
    print(f"| query | Leat | {peer} | ratio |" + (" Leat in threads | share |" if local else ""))
    print("|---|---|---|---|" + ("---|---|" if local else ""))
    order = sorted(range(len(names)), key=lambda i: times["peer"][i] / times["leat"][i])
    lines = [(str(names[i]), {name: of[i] for name, of in times.items()}) for i in order]
    lines.append(("total", {name: sum(of) for name, of in times.items()}))
    lines.append(("geometric mean", {name: geometric_mean(of) for name, of in times.items()}))
    for name, t in lines:
        line = f"| {name} | {t['leat']:.0f} | {t['peer']:.0f} | {t['peer'] / t['leat']:.1f} |"
        print(line + (f" {t['local']:.0f} | {t['local'] / t['leat']:.2f} |" if local else ""))
    sys.stdout.flush()
