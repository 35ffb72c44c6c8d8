"""The driver and its tasks, on a small real cluster, with a stand-in for the worker."""

import os
import signal
import struct
import time

import pytest
from conftest import ROOT, Cluster, Leat

from leat.dask import frames

OWN, ALL, FIRST = 0, 1, 2


def rows(got):
    assert frames.DONE in got, got
    return [bytes(body) for body in got.get(frames.ROWS, [])]


def attempts(got, kind):
    return [struct.unpack_from("<III", body) for body in got.get(kind, [])]


def failure(got):
    (body,) = got[frames.FAILED]
    (length,) = struct.unpack_from("<I", body, 1)
    return body[0], body[5 : 5 + length].decode()


def test_ready_names_cluster_and_counts_threads(leat):
    assert b"Dask" in leat.ready[1] and leat.ready[1][-4:] == struct.pack("<I", 4)


def test_rows_come_in_the_order_of_tasks_and_of_each_task(leat):
    scan = [f"put 1 {t}a\nput 0 {t}b\nput 1 {t}c\nput 0 {t}d" for t in range(3)]
    got = leat.run([(scan, 2, []), (["copy 0 0 x", "copy 0 1 y"], 2, [(0, OWN)])])
    assert rows(got) == [b"x0b", b"x0d", b"x1b", b"x1d", b"x2b", b"x2d", b"y0a", b"y0c", b"y1a", b"y1c", b"y2a", b"y2c"]


def test_all_reads_partitions_as_they_were_put_out(leat):
    scan = [f"put 1 {t}a\nput 0 {t}b\nput 1 {t}c" for t in range(2)]
    got = leat.run(
        [(scan, 2, []), (["copy 0 0 x", "copy 0 1 y"], 2, [(0, ALL)]), (["copy 0 0 z\ncopy 1 0 w"], 1, [(1, OWN), (0, ALL)])]
    )
    inner = [b"0a", b"0b", b"0c", b"1a", b"1b", b"1c"]
    assert rows(got) == [b"zx" + row for row in inner] + [b"w" + row for row in inner]


def test_first_reads_in_task_0_only(leat):
    got = leat.run([(["put 0 a\nput 0 b"], 1, []), (["copy 0 0 x", "copy 0 1 y"], 2, [(0, FIRST)])])
    assert rows(got) == [b"xa", b"xb"]


def test_given_rows_are_read(leat):
    got = leat.run([(None, 1, []), (["copy 0 0 x", "copy 0 0 y"], 1, [(0, ALL)])], {0: [b"1", b"2"]})
    assert rows(got) == [b"x1", b"x2", b"y1", b"y2"]
    got = leat.run([(None, 1, []), (["copy 0 0 x", "copy 0 0 y"], 1, [(0, OWN)])], {0: [b"1", b"2"]})
    assert rows(got) == [b"x1", b"x2"]
    assert rows(leat.run([(None, 1, []), (["copy 0 0 x\nput 0 end"], 1, [(0, ALL)])])) == [b"end"]


def test_what_is_told_comes_whole_and_with_the_attempt_that_won(leat):
    got = leat.run([(["receipt one\nput 0 a\nreceipt two", "receipt three"], 1, [])])
    told = {}
    for body in got[frames.WON]:
        stage, task, attempt = struct.unpack_from("<III", body)
        number = struct.pack("<I", attempt)
        told[stage, task] = [frame.removesuffix(number) for frame in receipts(body[12:])]
    assert told == {(0, 0): [b"one", b"two"], (0, 1): [b"three"]}
    assert frames.LOST not in got


def receipts(data):
    import io

    reader = frames.Reader(io.BytesIO(bytes(data)))
    while frame := reader.next():
        assert frame[0] == frames.RECEIPT
        yield frame[1]


def test_worker_that_died_is_tried_again(leat, tmp_path):
    got = leat.run([(["receipt r\nput 0 a\ndie " + str(tmp_path / "died") + "\nput 0 b", "put 0 c"], 1, [])])
    assert rows(got) == [b"a", b"b", b"c"]
    (lost,) = attempts(got, frames.LOST)
    assert lost[:2] == (0, 0) and lost not in attempts(got, frames.WON)
    assert b"task 0 of stage 0, attempt 1: worker ended by signal 11 (SIGSEGV)" in got[frames.NOTE][0]


@pytest.mark.parametrize("script, text", [("die", "signal 11"), ("exit 3", "exit code 3"), ("garbage", "nonsense")])
def test_worker_that_always_dies_fails_the_job(leat, script, text):
    got = leat.run([(["put 0 a", script], 1, []), (["copy 0 0 x"], 1, [(0, ALL)])])
    kind, message = failure(got)
    assert kind == 1 and text in message and "3 times" in message
    lost = attempts(got, frames.LOST)
    assert len([a for a in lost if a[:2] == (0, 1)]) == 3 and len(set(lost)) == len(lost)
    assert rows(leat.run([(["put 0 again"], 1, [])])) == [b"again"]


def test_error_of_a_worker_is_handed_on_and_not_tried_again(leat):
    got = leat.run([(["put 0 a", "receipt r\nerror bad"], 1, []), (["copy 0 0 x"], 1, [(0, ALL)])])
    assert got[frames.ERROR] == [b"bad"] and frames.FAILED not in got
    assert len([a for a in attempts(got, frames.LOST) if a[:2] == (0, 1)]) == 1


def test_worker_may_want_an_input_and_not_read_it(leat):
    got = leat.run([(["large 20"], 1, []), (["peek 0\nput 0 done"], 1, [(0, ALL)])])
    assert rows(got) == [b"done"]


def test_large_rows(leat):
    got = leat.run([(["large 40", "large 3"], 1, []), (["copy 0 0 x"], 1, [(0, OWN)])])
    assert [len(row) for row in rows(got)] == [(1 << 20) + 1] * 43


def wait_for(path):
    end = time.time() + 20
    while not path.exists() or not path.read_text():
        assert time.time() < end
        time.sleep(0.02)
    return int(path.read_text())


def is_gone(pid, seconds=3.0):
    end = time.time() + seconds
    while time.time() < end:
        try:
            with open(f"/proc/{pid}/stat") as stat:
                if stat.read().rsplit(")", 1)[1].split()[0] == "Z":
                    return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


def test_cancel_kills_the_worker(leat, tmp_path):
    leat.start([([f"hang {tmp_path / 'pid'}", "put 0 a"], 1, [])])
    pid = wait_for(tmp_path / "pid")
    leat.writer.put(frames.CANCEL)
    got = leat.finish()
    assert failure(got) == (5, "cancelled") and is_gone(pid, 0.1)
    assert (0, 0) in [a[:2] for a in attempts(got, frames.LOST)]
    assert rows(leat.run([(["put 0 again"] * 4, 1, [])])) == [b"again"] * 4


@pytest.mark.parametrize("kill", [False, True])
def test_nothing_runs_on_when_leat_or_the_driver_is_gone(cluster, tmp_path, kill):
    leat = Leat(cluster.scheduler_address)
    leat.start([([f"hang {tmp_path / 'pid'}"], 1, [])])
    pid = wait_for(tmp_path / "pid")
    begun = time.time()
    if kill:
        os.kill(leat.process.pid, signal.SIGKILL)
        leat.process.wait()
    else:
        assert leat.close() == 0 and time.time() - begun < 3
    assert is_gone(pid)


def test_silence_is_limited(cluster, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("task_timeout: 0.3\nattempts: 2\n")
    leat = Leat(cluster.scheduler_address, ROOT / "fake_worker.py", "--config", str(config))
    kind, message = failure(leat.run([([f"hang {tmp_path / 'pid'}"], 1, [])]))
    assert kind == 1 and "no answer" in message and "2 times" in message
    assert leat.close() == 0


def ready_failure(leat):
    assert leat.close() == 0
    return failure({leat.ready[0]: [leat.ready[1]]})


def test_no_cluster(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("connect_timeout: 0.5\n")
    kind, message = ready_failure(Leat("tcp://127.0.0.1:9", ROOT / "fake_worker.py", "--config", str(config)))
    assert kind == 2 and "tcp://127.0.0.1:9" in message


def test_unknown_setting(cluster, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("retries: 3\n")
    kind, message = ready_failure(Leat(cluster.scheduler_address, ROOT / "fake_worker.py", "--config", str(config)))
    assert kind == 3 and "retries" in message


def test_worker_that_cannot_run_there(cluster, tmp_path):
    program = tmp_path / "worker"
    program.write_bytes(b"\x7fELF" + bytes(100))
    leat = Leat(cluster.scheduler_address, program)
    kind, message = failure(leat.run([(["put 0 a"], 1, [])]))
    assert kind == 3 and "cannot run on" in message
    assert leat.close() == 0


def test_lost_process_of_dask(tmp_path):
    with Cluster(tmp_path, 1) as cluster:
        leat = Leat(cluster.scheduler_address)
        path = tmp_path / "pid"
        leat.start([([f"hang-once {path}\nput 0 {t}" for t in range(2)], 1, [])])
        pid = wait_for(path)
        with open(f"/proc/{pid}/stat") as stat:
            os.kill(int(stat.read().rsplit(")", 1)[1].split()[1]), signal.SIGKILL)
        got = leat.finish()
        assert rows(got) == [b"0", b"1"]
        assert is_gone(pid) and len(attempts(got, frames.LOST)) >= 1
        assert leat.close() == 0
