"""Runs the commands of the documents: every line of ```sh blocks, in one shell a document, and compares what the last line of a
block says with the ```text block behind it, where there is one ("..." stands for anything)."""
import os
import pathlib
import re
import subprocess
import sys

DOCUMENTS = [("README.md", "."), ("docs/data_pipelines.md", "."), ("docs/serve.md", "."), ("docs/sql.md", "."), ("examples/flights/README.md", "examples/flights")]
root, work = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
passed = failed = 0


def check(name: str, ok: bool, detail: str = "") -> None:
    global passed, failed
    passed += ok
    failed += not ok
    if not ok:
        print(f"FAIL {name}: {detail}")


def matches(want: list[str], got: list[str]) -> bool:
    """Lines in order; a line "..." stands for any number of lines, "..." inside a line for any text."""
    if not want:
        return not got
    if want[0] == "...":
        return any(matches(want[1:], got[i:]) for i in range(len(got) + 1))
    pattern = ".*".join(re.escape(part) for part in want[0].split("..."))
    return bool(got) and re.fullmatch(pattern, got[0]) is not None and matches(want[1:], got[1:])


def run(document: str, folder: pathlib.Path) -> None:
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", (root / document).read_text(), re.M | re.S)
    path = f"{root}/build/release:{os.environ['PATH']}"
    shell = subprocess.Popen(["bash"], cwd=folder, env={**os.environ, "PATH": path}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    count, output = 0, ""
    for kind, text in blocks:
        if kind == "text" and count:
            got = output.strip("\n").split("\n")
            check(f"{document}: what {line!r} says", matches(text.strip("\n").split("\n"), got), output)
        for line in text.splitlines() if kind == "sh" else []:
            count += 1
            name = line.split("#")[0].strip()
            if name.startswith("scripts/"):  # these run the tests, or what the tests run
                check(f"{document}: {name}", (root / name).stat().st_mode & 0o111 != 0)
                continue
            shell.stdin.write(line + "\necho end-of-command $?\n")
            shell.stdin.flush()
            output = ""
            while not (last := shell.stdout.readline()).startswith("end-of-command"):
                output += last
                if not last:
                    break
            check(f"{document}: {line}", last.strip() == "end-of-command 0", output)
    check(f"{document}: commands", count > 0)
    shell.stdin.close()
    shell.wait()


def functions() -> None:
    """docs/functions.md is of this build: scripts/functions.sh writes it."""
    leat = root / "build/release/leat"
    listed = subprocess.run([leat, "query", "-q", "--format", "csv", "-c", "SHOW FUNCTIONS"], capture_output=True, text=True, check=True)
    text = (root / "docs/functions.md").read_text()
    names = {line.split(",")[0] for line in listed.stdout.splitlines()[1:]}
    missing = sorted(name for name in names if name[0].isalpha() and f"| {name} |" not in text)
    check("docs/functions.md", len(names) > 200 and not missing, f"scripts/functions.sh was not run: {missing}")


functions()
for path, place in DOCUMENTS:
    folder = work / path.replace("/", "-")
    (folder / "build").mkdir(parents=True)
    copy = "git ls-files -z --cached --others --exclude-standard | tar --null -T - -cf - | tar -C \"$1\" -xf -"
    subprocess.run(["bash", "-ec", copy, "copy", str(folder)], cwd=root, check=True)
    (folder / "build/release").symlink_to(root / "build/release")
    run(path, folder / place)
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
