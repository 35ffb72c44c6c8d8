#!/usr/bin/env python3
"""Files on HDFS: read, listed, written, renamed into place; HttpFS; tokens; errors.

    files.py FOLDER
"""
import base64
import json
import os
import pathlib
import subprocess
import sys

import webhdfs

LEAT = os.environ["LEAT"]
NAMENODE, HTTP, HTTPFS = os.environ["namenode"], os.environ["namenode_http"], f"127.0.0.1:{os.environ['httpfs_port']}"
work = pathlib.Path(sys.argv[1])
passed = failed = 0


def check(name, good, text=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {name}: {str(text)[:600]}")


def query(sql, **environment):
    return subprocess.run([LEAT, "query", "-q", "--threads", "2", "--format", "csv", "-c", sql], cwd=work, capture_output=True, text=True,
                          timeout=120, env={**os.environ, **environment})


def gives(name, expected, sql, **environment):
    result = query(sql, **environment)
    got = result.stdout.strip().split("\n")[1:]
    check(name, result.returncode == 0 and got == expected, result.stderr + str(got))


def refused(name, code, words, sql, **environment):
    result = query(sql, **environment)
    check(name, result.returncode != 0 and f"[{code}]" in result.stderr and all(word in result.stderr for word in words),
          result.stderr + result.stdout)


# Reading: names of every kind, pages of a listing, ranges, formats.
webhdfs.write("/in/a.csv", b"x,y\n1,one\n2,two\n")
webhdfs.write("/in/b c%41+&?#.csv", b"x,y\n3,three\n")
webhdfs.write("/in/\u00fc.csv", b"x,y\n4,four\n")
webhdfs.write("/in/deep/er/d.csv", b"x,y\n5,five\n")
webhdfs.write("/in/_hidden.csv", b"x,y\n100,no\n")
webhdfs.write("/in/empty.csv", b"")
gives("one file", ["3"], "SELECT sum(x) FROM 'hdfs:///in/a.csv'")
gives("with its address", ["3"], f"SELECT sum(x) FROM 'hdfs://{NAMENODE}/in/a.csv'")
gives("by HTTP", ["3"], f"SELECT sum(x) FROM 'webhdfs://{HTTP}/in/a.csv'")
gives("by HttpFS", ["3"], f"SELECT sum(x) FROM 'webhdfs://{HTTPFS}/in/a.csv'")
gives("without configuration", ["3"], f"SELECT sum(x) FROM 'webhdfs://{HTTP}/in/a.csv'", HADOOP_CONF_DIR="")
gives("name with signs", ["3"], "SELECT sum(x) FROM 'hdfs:///in/b c%41+&?#.csv'")
gives("name in UTF-8", ["4"], "SELECT sum(x) FROM 'hdfs:///in/\u00fc.csv'")
gives("glob", ["3"], "SELECT sum(x) FROM 'hdfs:///in/[a]*.csv'")
gives("glob through folders", ["5"], "SELECT sum(x) FROM 'hdfs:///in/**/d.csv'")
gives("glob by HttpFS", ["3"], f"SELECT sum(x) FROM 'webhdfs://{HTTPFS}/in/[a]*.csv'")
webhdfs.remove("/in/empty.csv")
gives("folder", ["15"], "SELECT sum(x) FROM 'hdfs:///in'")
for i in range(35):
    webhdfs.write(f"/pages/{i}.csv", b"x\n%d\n" % i)
gives("pages", ["595"], "SELECT sum(x) FROM 'hdfs:///pages/*.csv'")
gives("pages by HttpFS", ["595"], f"SELECT sum(x) FROM 'webhdfs://{HTTPFS}/pages'")

# Writing: formats, sizes around the parts that are kept in memory, replacing, several threads.
for suffix in ("csv", "ndjson", "parquet"):
    gives(f"copy {suffix}", ["200000,20000100000,abc200000"],
          f"COPY (SELECT g AS x, 'abc' || g AS y FROM generate_series(1, 200000) t(g)) TO 'hdfs:///out/a.{suffix}';"
          f"SELECT count(*), sum(x), max(CASE WHEN x = 200000 THEN y END) FROM 'hdfs:///out/a.{suffix}'")
gives("larger than memory keeps", ["1500000"], "COPY (SELECT g AS x FROM generate_series(1, 1500000) t(g)) TO 'hdfs:///out/big.csv';"
      "SELECT count(DISTINCT x) FROM 'hdfs:///out/big.csv'")
check("size of the large one", webhdfs.status("/out/big.csv")["length"] > 8 << 20, webhdfs.status("/out/big.csv"))
gives("ranges on several threads", ["1500000,1125000750000"],
      "SELECT count(*), sum(x) FROM read_csv('hdfs:///out/big.csv', split_size => 1000000)")
gives("replaced", ["7"], "COPY (SELECT 7 AS x) TO 'hdfs:///out/a.csv'; SELECT x FROM 'hdfs:///out/a.csv'")
gives("replaced by HttpFS", ["8"], f"COPY (SELECT 8 AS x) TO 'webhdfs://{HTTPFS}/out/a.csv'; SELECT x FROM 'hdfs:///out/a.csv'")
gives("new by HttpFS", ["9"], f"COPY (SELECT 9 AS x) TO 'webhdfs://{HTTPFS}/out/h.csv'; SELECT x FROM 'hdfs:///out/h.csv'")
check("nothing beside the files", webhdfs.names("/out") == ["a.csv", "a.ndjson", "a.parquet", "big.csv", "h.csv"], webhdfs.names("/out"))
result = subprocess.run([LEAT, "query", "-q", "--on", "local:processes", "--format", "csv", "-c",
                         "SET small_rows TO 0; SELECT count(*), sum(x) FROM read_csv('hdfs:///out/big.csv', split_size => 1000000)"],
                        cwd=work, capture_output=True, text=True, timeout=120)
check("in worker processes", result.stdout.split() == ["count,sum", "1500000,1125000750000"], result.stdout + result.stderr)

# A delegation token, in a file as a container has it.
token = json.loads(webhdfs.call("GET", "/", "GETDELEGATIONTOKEN", renewer="root"))["Token"]["urlString"]
raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
(work / "tokens").write_bytes(b"HDTS\0\1\4name" + raw + b"\0")
(work / "cut").write_bytes(b"HDTS\0\1\4name" + raw[:20])
webhdfs.call("PUT", "/private", "MKDIRS", permission="700")
webhdfs.write("/private/a.csv", b"x\n1\n")
gives("token", ["1"], "SELECT x FROM 'hdfs:///private/a.csv'", HADOOP_USER_NAME="nobody", HADOOP_TOKEN_FILE_LOCATION=str(work / "tokens"))
refused("another user", "L0007", ["AccessControlException", "hdfs:///private/a.csv", "HADOOP_USER_NAME"],
        "SELECT x FROM 'hdfs:///private/a.csv'", HADOOP_USER_NAME="nobody")
refused("another user writes", "L0007", ["CREATE", "AccessControlException"], "COPY (SELECT 1 AS x) TO 'hdfs:///private2.csv'",
        HADOOP_USER_NAME="nobody")
result = query("SELECT x FROM 'hdfs:///none.csv'", HADOOP_TOKEN_FILE_LOCATION=str(work / "tokens"), LEAT_LOG="debug")
check("a token is never shown", "[L0005]" in result.stderr and token[:20] not in result.stderr, result.stderr)
refused("cut token file", "L3301", ["no file of Hadoop's tokens", "fetchdt"], "SELECT x FROM 'hdfs:///in/a.csv'",
        HADOOP_TOKEN_FILE_LOCATION=str(work / "cut"))

# Errors say what was done, where, and what to do.
refused("missing file", "L0005", ["hdfs:///in/none.csv"], "SELECT * FROM 'hdfs:///in/none.csv'")
refused("missing folder", "L1410", ["hdfs:///none/*.csv"], "SELECT * FROM 'hdfs:///none/*.csv'")
refused("empty glob", "L1410", ["hdfs:///in/*.none"], "SELECT * FROM 'hdfs:///in/*.none'")
refused("no server", "L0017", ["webhdfs://127.0.0.1:1/x.csv", "is HDFS running"], "SELECT * FROM 'webhdfs://127.0.0.1:1/x.csv'")
refused("the RPC port", "L3302", [f"webhdfs://{NAMENODE}/x.csv", "HTTP address"], f"SELECT * FROM 'webhdfs://{NAMENODE}/x.csv'")
refused("no host", "L3301", ["fs.defaultFS", "HADOOP_CONF_DIR"], "SELECT * FROM 'hdfs:///in/a.csv'", HADOOP_CONF_DIR="")
(work / "conf").mkdir()
(work / "conf/core-site.xml").write_text("<configuration>\n<property>")
refused("broken configuration", "L3301", ["core-site.xml, line 2"], "SELECT * FROM 'hdfs:///in/a.csv'", HADOOP_CONF_DIR=str(work / "conf"))
refused("a folder has the name", "L0008", ["hdfs:///in/deep"], "COPY (SELECT 1 AS x) TO 'hdfs:///in/deep' (format 'csv')")
webhdfs.call("PUT", "/small", "MKDIRS")
refused("a part of the path is a file", "L3302", ["hdfs:///in/a.csv/b.csv"], "COPY (SELECT 1 AS x) TO 'hdfs:///in/a.csv/b.csv'")
check("no temporary files", not [name for name in webhdfs.walk("") if name.endswith(".tmp")], list(webhdfs.walk("")))

print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
