"""Projects made for a test, and what leat says and gives for them."""
import csv
import io
import os
import shutil
import subprocess
import sys

LEAT = os.environ["LEAT"]
WORK = sys.argv[1]
passed = failed = 0


def check(name: str, ok: bool, detail: object = "") -> None:
    global passed, failed
    passed += bool(ok)
    failed += not ok
    if not ok:
        print(f"FAIL {name}: {detail}")


def finish() -> None:
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


class Project:
    def __init__(self, name: str, files: dict[str, str]):
        self.folder = f"{WORK}/{name}"
        shutil.rmtree(self.folder, ignore_errors=True)
        for path, text in {"leat.yaml": "name: test\n", **files}.items():
            self.put(path, text)

    def put(self, path: str, text: str) -> None:
        full = f"{self.folder}/{path}"
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w") as file:
            file.write(text)

    def leat(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        return subprocess.run([LEAT, *arguments], cwd=self.folder, env={**os.environ, **environment}, capture_output=True, text=True)

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        return self.leat("run", *arguments)

    def rows(self, sql: str) -> list[list[str]]:
        """A query's rows, or its error."""
        done = self.leat("query", "-q", "--lake", "lake", "--format", "csv", "-c", sql)
        return list(csv.reader(io.StringIO(done.stdout)))[1:] if done.returncode == 0 else [[done.stderr]]

    def expect(self, name: str, sql: str, want: str) -> None:
        """Rows as text: values apart by a blank, rows by a comma; sorted."""
        got = ", ".join(sorted(" ".join(row) for row in self.rows(sql)))
        check(name, got == want, f"{got!r} instead of {want!r}")
