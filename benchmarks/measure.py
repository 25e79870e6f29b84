"""What a whole process costs: CPU, wall and peak memory, and the middle of several rounds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_LAUNCH = Path(__file__).with_name("launch.py")
_KIB_PER_MIB = 1024
#: A run that takes longer, in seconds, hangs.
_PATIENCE = 1800
#: Variables that would make Python slower, or another program than the one to measure.
_UNWANTED = ("PYTHON", "TAP_", "TARGET_", "MELTANO", "DLT_", "SINGER_SDK")


class RunFailed(Exception):
    """A run that ended with an error, or with other rows than the server holds."""


@dataclass(frozen=True)
class Cost:
    """What a process used, and its children.

    Attributes:
        cpu: Seconds, user and system.
        wall: Seconds.
        rss: Peak resident memory of the largest process, MiB.
    """

    cpu: float
    wall: float
    rss: float


def run(command: Sequence[str], folder: Path, *, shown: str) -> Cost:
    """Run a command in a folder; its standard output goes to `out` there.

    Args:
        command: The program and its arguments.
        folder: Working directory; keeps `out` and `log`.
        shown: What to call it in an error.

    Raises:
        RunFailed: It did not end with 0.
    """
    launch = [sys.executable, "-I", "-S", str(_LAUNCH), "out", "log", *command]
    done = subprocess.run(
        launch,
        cwd=folder,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,  # the code is looked at below
    )
    cost = json.loads(done.stdout or '{"code": "no"}')
    if cost["code"] != 0:
        log = (folder / "log").read_text("utf-8", "replace").splitlines()
        raise RunFailed(f"{shown} ended with code {cost['code']}:\n" + "\n".join(log[-15:]))
    return Cost(cost["cpu"], cost["wall"], cost["rss"] / _KIB_PER_MIB)


def middle(costs: Sequence[Cost]) -> Cost:
    """The median of each measure."""
    return Cost(
        cpu=median(cost.cpu for cost in costs),
        wall=median(cost.wall for cost in costs),
        rss=median(cost.rss for cost in costs),
    )


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_UNWANTED)}
    # Nothing is asked of the network: no proxy, no greetings home.
    return {**kept, "NO_PROXY": "*", "no_proxy": "*", "DO_NOT_TRACK": "1"}


def python_says(python: Path, statement: str) -> str | None:
    """What goes wrong with a statement in another Python, in one line; None where nothing does."""
    if not python.exists():
        return "not installed: make bench"
    done = subprocess.run(
        [str(python), "-c", statement],
        capture_output=True,
        text=True,
        env=_environment(),
        check=False,
    )
    return (done.stderr.strip().splitlines() or ["?"])[-1] if done.returncode else None
