"""Pipeline runs on S3 while a proxy does harm to the requests, and while the process is killed. Nothing may be lost or doubled:
each input file has rows that are known, and at the end the table holds each of them once. Arguments: DIR of a running versitygw,
how many faults there must be."""
import csv
import io
import json
import os
import subprocess
import sys
import tempfile
import urllib.request

LEAT = os.environ["LEAT"]
PORT = os.environ["AWS_ENDPOINT_URL_S3"].rsplit(":", 1)[1]
HERE = os.path.dirname(os.path.abspath(__file__))
passed = failed = 0
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def check(name: str, ok: bool, detail: str = "") -> None:
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {name}: {detail}"[:800])


class Project:
    def __init__(self, name: str, endpoint: str, catalog: str = "sqlite:catalog.db"):
        self.folder = tempfile.mkdtemp()
        self.lake, self.catalog = f"s3://lake/{name}", catalog
        self.env = {**os.environ, "AWS_ENDPOINT_URL_S3": endpoint}
        self.direct = dict(os.environ)
        self.files = 0
        os.makedirs(os.path.join(self.folder, "transformations"))
        os.makedirs(os.path.join(self.folder, "data"))
        self.write("leat.yaml", f"name: p\nschema: p\nlake: {self.lake}\ncatalog: {catalog}\n")
        self.write("transformations/p.sql",
                   "CREATE STREAMING TABLE rows AS SELECT id, value FROM STREAM read_csv('data/*.csv');\n"
                   "CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS n, sum(value) AS s FROM rows;\n")

    def write(self, path: str, text: str) -> None:
        with open(os.path.join(self.folder, path), "w") as out:
            out.write(text)

    def arrive(self) -> None:
        rows = range(self.files * 100, self.files * 100 + 100)
        self.write(f"data/{self.files:04}.csv", "id,value\n" + "".join(f"{i},{i * 3}\n" for i in rows))
        self.files += 1

    def run(self, *options: str, **more: str) -> subprocess.CompletedProcess:
        return subprocess.run([LEAT, "run", "-q", *options], cwd=self.folder, env={**self.env, **more}, capture_output=True, text=True, check=False)

    def query(self, sql: str, env: dict) -> list[list[str]]:
        run = subprocess.run([LEAT, "query", "-q", "--format", "csv", "--lake", self.lake, "--catalog", self.catalog, "-c", sql],
                             cwd=self.folder, env=env, capture_output=True, text=True, check=False)
        return list(csv.reader(io.StringIO(run.stdout)))[1:] if run.returncode == 0 else [[run.stderr]]

    def state(self) -> list[str]:
        """Rows, distinct ids and the view, which was published with them; asked without the proxy."""
        return self.query("SELECT (SELECT count(*) FROM p.rows), (SELECT count(DISTINCT id) FROM p.rows), n, s FROM p.totals", self.direct)[0]

    def whole(self) -> list[str]:
        n = self.files * 100
        return [str(n), str(n), str(n), str(3 * n * (n - 1) // 2)]

    def orphans(self) -> str:
        run = subprocess.run([LEAT, "check", "--remove-orphans", "--older-than", "0"], cwd=self.folder, env=self.direct, capture_output=True, text=True, check=False)
        again = subprocess.run([LEAT, "check"], cwd=self.folder, env=self.direct, capture_output=True, text=True, check=False)
        return again.stdout + ("" if run.returncode == 0 else run.stderr)


def through_proxy(wanted: int) -> None:
    proxy = subprocess.Popen([sys.executable, "-B", os.path.join(HERE, "proxy.py"), PORT, "7", "25"], stdout=subprocess.PIPE, text=True)
    try:
        base = f"http://127.0.0.1:{proxy.stdout.readline().strip()}"
        project, runs, refused, counts = Project("faulty", base), 0, 0, {}
        while runs < 60 and sum(v for k, v in counts.items() if k != "requests") < wanted:
            project.arrive()
            done = project.run()
            runs += 1
            while done.returncode != 0:  # an honest failure: the next run takes the same files
                refused += 1
                if refused > 40:
                    check("runs get through", False, done.stderr)
                    return
                done = project.run()
            state = project.state()
            if state != project.whole():
                check(f"run {runs} lost or doubled rows", False, f"{state} instead of {project.whole()}")
                return
            counts = json.load(opener.open(base + "/proxy/faults"))
        faults = sum(v for k, v in counts.items() if k != "requests")
        check(f"{wanted} faults", faults >= wanted, str(counts))
        check("runs get through by themselves", refused <= 2, f"{refused} of {runs} had to be repeated")
        check("nothing lost, nothing doubled", project.state() == project.whole(), str(project.state()))
        check("files left over are found", project.orphans() == "", project.orphans())
        check("the tables stay whole without them", project.state() == project.whole(), str(project.state()))
        opener.open(base + "/proxy/rate/0")
        rows = project.query("SELECT count(*), min(id), max(id), sum(value) FROM p.rows", project.env)[0]
        n = project.files * 100
        check("read through the proxy", rows == [str(n), "0", str(n - 1), str(3 * n * (n - 1) // 2)], str(rows))
        print(f"{faults} faults in {counts['requests']} requests of {runs} runs, {refused} of them repeated by hand: {counts}", file=sys.stderr)
    finally:
        proxy.kill()
        proxy.wait()


def killed() -> None:
    """Killed before its nth call that changes something: the old state or the new one, and the next run completes it."""
    project = Project("killed", os.environ["AWS_ENDPOINT_URL_S3"])
    project.arrive()
    check("first run", project.run().returncode == 0)
    nth, wrong = 1, 0
    while True:
        before = project.whole()
        project.arrive()
        killed_here = project.run(LEAT_FAULT_KILL=str(nth)).returncode != 0
        state = project.state()
        wrong += state not in (before, project.whole())
        done = project.run()
        wrong += done.returncode != 0 or project.state() != project.whole()
        if wrong:
            check(f"killed at call {nth}", False, f"{state}, then {project.state()}; {done.stderr}")
            return
        if not killed_here:
            break
        nth += 3
    check("killed everywhere", nth > 20, f"{nth} calls only")
    check("files left over are found", project.orphans() == "", project.orphans())
    check("rows after kills", project.state() == project.whole())


if __name__ == "__main__":
    through_proxy(int(sys.argv[2]))
    killed()
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)
