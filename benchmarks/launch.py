"""Runs one command and says what it cost: `python launch.py OUTPUT LOG COMMAND...`.

A process of its own, because a child's peak memory counts what its parent held when it started
it; this one holds next to nothing. Prints JSON: code, wall seconds, cpu seconds, rss KiB.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

if __name__ == "__main__":
    output, log, *command = sys.argv[1:]
    with open(output, "wb") as out, open(log, "wb") as err:  # noqa: PTH123 - imports cost memory
        began = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        # Of the process and of all its children that it has waited for.
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
    cost = {
        "code": os.waitstatus_to_exitcode(status),
        "wall": wall,
        "cpu": usage.ru_utime + usage.ru_stime,
        "rss": usage.ru_maxrss,
    }
    print(json.dumps(cost))
    process.returncode = cost["code"]
