#!/usr/bin/env python3
"""Word count, sort and join on YARN: Leat and Java jobs.

Each side is one warm client. Leat reads the same text files and writes a table of its lake on HDFS, the Java jobs write text. Both have
two cores and 3 GB for their tasks. The results of a first round are compared before any time counts.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from session import Leat, measure, report  # noqa: E402

DATA = {
    # Words by Zipf's law, ten a line.
    "words": """SELECT concat_ws(' ', {words}) AS line FROM generate_series(1, {rows}::bigint) g""",
    "records": "SELECT md5(g::text) AS key, g AS id, 'a value that fills the record to a hundred bytes ' || g % 977 AS value FROM generate_series(1, {rows}::bigint) g",
    "users": "SELECT g AS id, 'user number ' || g AS name FROM generate_series(1, {rows}::bigint / 10) g",
    "visits": "SELECT g * 7919 % ({rows} / 10) + 1 AS id, 'https://example.org/page/' || g % 9973 AS url, g AS at FROM generate_series(1, {rows}::bigint) g",
}
READ = "read_csv('{hdfs}/{name}', header => false, delimiter => {delimiter}, quote => '', columns => {{{schema}}})"
SCHEMAS = {
    "words": "'line': 'text'",
    "records": "'key': 'text', 'id': 'bigint', 'value': 'text'",
    "users": "'id': 'bigint', 'name': 'text'",
    "visits": "'id': 'bigint', 'url': 'text', 'at': 'bigint'",
}
QUERIES = {
    "wordcount": "SELECT word, count(*) AS times FROM (SELECT unnest(string_to_array(line, ' ')) AS word FROM {words}) w GROUP BY word",
    "sort": "SELECT key, id, value FROM {records} r ORDER BY key",
    "join": "SELECT u.id, u.name, v.url, v.at FROM {users} u JOIN {visits} v ON u.id = v.id",
}
# What both sides' results must agree in, whatever their order; for the sort the order too.
CHECKS = {
    "wordcount": "SELECT count(*), sum(times), sum(times * length(word)), max(word) FROM {table} t",
    "sort": "SELECT count(*), sum(n * (id % 1009)), min(key) FROM (SELECT row_number() OVER () AS n, id, key FROM {table} t) s",
    "join": "SELECT count(*), sum(id), sum(at), sum(length(name)), sum(id * at % 1009) FROM {table} t",
}
JAVA_SCHEMAS = {
    "wordcount": "'word': 'text', 'times': 'bigint'",
    "sort": "'key': 'text', 'id': 'bigint', 'value': 'text'",
    "join": "'id': 'bigint', 'name': 'text', 'url': 'text', 'at': 'bigint'",
}
# Two cores and 3 GB for both: two containers at a time for the Java jobs, whose tasks have one thread; one for Leat, of two threads.
JAVA = {
    "mapreduce.map.memory.mb": "1536",
    "mapreduce.reduce.memory.mb": "1536",
    "mapreduce.map.java.opts": "-Xmx1200m",
    "mapreduce.reduce.java.opts": "-Xmx1200m",
    "mapreduce.task.io.sort.mb": "400",
}
LEAT = {
    "mapreduce.map.memory.mb": "3072",
    "mapreduce.map.cpu.vcores": "2",
    "mapreduce.map.java.opts": "-Xmx384m",
}


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leat", required=True, help="the program")
    parser.add_argument("--folder", type=Path, required=True, help="for configuration; has jobs.jar")
    parser.add_argument("--rows", type=int, default=5000000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--queries", default="wordcount,sort,join")
    return parser.parse_args()


def reading(hdfs: str, name: str, schema: str, delimiter: str) -> str:
    return READ.format(hdfs=hdfs, name=name, schema=schema, delimiter=delimiter)


class Java:
    def __init__(self, arguments: argparse.Namespace, hdfs: str):
        path = f"{os.environ['HADOOP_CONF_DIR']}:{arguments.folder}/jobs.jar:{os.environ['LEAT_HADOOP_CLASSPATH']}"
        command = ["java", "-Xmx512m", "-cp", path, "Jobs", *(f"{name}={value}" for name, value in JAVA.items())]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.hdfs, self.runs = hdfs, 0

    def run(self, name: str) -> float:
        self.runs += 1
        self.output = f"{self.hdfs}/java/{name}-{self.runs}"
        inputs = {"wordcount": ["words"], "sort": ["records"], "join": ["users", "visits"]}[name]
        self.process.stdin.write(" ".join([name, *(f"{self.hdfs}/{i}" for i in inputs), self.output]) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split(" ", 1)
        if answer[0] != "ms":
            sys.exit(f"{name} in Java failed: {answer}")
        return float(answer[1])


def main() -> int:
    arguments = parse_arguments()
    hdfs = f"hdfs://{os.environ['namenode']}/bench"
    names = arguments.queries.split(",")
    here = Leat(arguments.leat)
    pieces = ", ".join(f"'word' || floor(exp(10.8 * (g * {p} % 999983) / 999983.0))::int" for p in (7, 101, 907, 3671, 7919, 15485, 32452, 49979, 67867, 86028))
    for name, query in DATA.items():
        delimiter = "'|'" if name == "words" else "E'\\t'"
        here.ask(f"COPY ({query.format(rows=arguments.rows, words=pieces)}) TO '{hdfs}/{name}/part.csv' (HEADER false, DELIMITER {delimiter}, QUOTE '')")
    config = arguments.folder / "config.xml"
    lines = "".join(f"<property><name>{k}</name><value>{v}</value></property>\n" for k, v in LEAT.items())
    config.write_text(f"<configuration>\n{lines}</configuration>\n")
    options = ["--lake", f"{hdfs}/lake", "--catalog", f"sqlite:{arguments.folder}/catalog.db"]
    leat = Leat(arguments.leat, "--on", "hadoop", "--master", "yarn", "--host-config", str(config), "--threads", "1", "--task-threads", "2", "--memory", "2GB",
                "--create-lake", *options)  # fmt: skip
    java = Java(arguments, hdfs)
    sources = {name: reading(hdfs, f"{name}/part.csv", schema, "'|'" if name == "words" else "E'\\t'") for name, schema in SCHEMAS.items()}
    runs = 0

    def run_leat(name: str) -> float:
        nonlocal runs
        runs += 1
        return leat.ask(f"CREATE TABLE {name}_{runs} AS {QUERIES[name].format(**sources)}")[1]

    run_leat(names[0])  # makes the lake
    checker = Leat(arguments.leat, "--threads", "1", *options)  # one thread: rows are numbered in their order
    for name in names:
        run_leat(name)
        java.run(name)
        ours = checker.ask(CHECKS[name].format(table=f"{name}_{runs}"))[0]
        theirs = checker.ask(CHECKS[name].format(table=reading(java.output, "part-r-*", JAVA_SCHEMAS[name], "E'\\t'")))[0]
        if ours != theirs:
            print(f"{name}: results differ: {ours} and {theirs}")
            return 1
    times = measure({"leat": run_leat, "peer": java.run}, {name: name for name in names}, arguments.repeats)
    print(f"{arguments.rows} rows of text on HDFS, YARN with two cores and 3 GB for tasks, warm clients, medians of {arguments.repeats}, ms")
    report(names, times, "Java job")
    for session in (leat, here, checker):
        session.close()
    java.process.stdin.close()
    java.process.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
