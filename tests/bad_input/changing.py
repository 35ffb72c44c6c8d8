"""A file is cut, grown, replaced or removed while queries read it: each query fails with a code, or its answer is that of
the file as it was. `changing.py LEAT FILE`."""

import os
import random
import re
import subprocess
import sys
import time

leat, path = sys.argv[1:]
random.seed(7)
ROWS = 400000
whole = "a,b\n" + "1,some text to fill the row\n" * ROWS
outcomes = set()
for attempt in range(24):
    with open(path, "w") as file:
        file.write(whole)
    child = subprocess.Popen(
        [leat, "query", "--threads", "2", "-c", f"SELECT count(*), sum(a) FROM '{path}'"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(random.random() * 0.06)
    change = ["cut", "grow", "replace", "remove"][attempt % 4]
    if change == "cut":
        os.truncate(path, len(whole) // 3)
    elif change == "grow":
        with open(path, "a") as file:
            file.write("1,more\n" * 1000)
    elif change == "replace":
        with open(f"{path}.new", "w") as file:
            file.write("a,b\n1,x\n")
        os.rename(f"{path}.new", path)
    else:
        os.remove(path)
    out, err = child.communicate()
    answer = out.splitlines()[-1] if child.returncode == 0 else None
    counts = {f"{n},{n}" for n in (ROWS, ROWS + 1000, 1, (len(whole) // 3 - 4) // 28 + 1)}
    if child.returncode == 0 and answer in counts:
        outcomes.add("answer")
    elif child.returncode in (1, 2) and re.search(r"error\[L\d{4}\]", err) and os.path.basename(path) in err:
        outcomes.add("error")
    else:
        sys.exit(f"{change}: exit {child.returncode}\n{out}\n{err}")
