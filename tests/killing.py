"""Ends a program in the middle of a run, at a request of its own."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

from sandbox import Api, Fault

_PATIENCE = 60.0


def kill(
    program: str,
    folder: Path,
    *,
    at: Api,
    after: int,
    when: Callable[[], bool] = lambda: True,
    parent: bool = False,
) -> None:
    """Let a program be killed, without warning, when a platform has had so many requests.

    The program is the tap or a loader, by the name of its executable, with `folder` in its
    environment; with `parent`, who started it. The request that kills first waits for `when`.
    """
    number = count()

    def strike(_: object) -> bool:
        if next(number) == after:
            deadline = time.monotonic() + _PATIENCE
            while not when() and time.monotonic() < deadline:
                time.sleep(0.02)
            _end(program, folder, parent=parent)
        return False

    at.faults.add(Fault("slow"), when=strike)


def _end(program: str, folder: Path, *, parent: bool) -> None:
    found = [
        _parent(process) if parent else int(process.name)
        for process in Path("/proc").glob("[0-9]*")
        if _is(process, program, folder)
    ]
    assert found, f"{program} is not running"
    for number in found[:1] if parent else found:
        os.kill(number, signal.SIGKILL)


def _parent(process: Path) -> int:
    """The number behind the name, which may hold blanks and parentheses."""
    return int((process / "stat").read_text().rpartition(")")[2].split()[1])


def _is(process: Path, program: str, folder: Path) -> bool:
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
        environment = (process / "environ").read_bytes()
    except OSError:  # it has ended, or is somebody else's
        return False
    own = os.fsencode(folder) in environment
    return own and any(word.endswith(f"/bin/{program}".encode()) for word in words)
