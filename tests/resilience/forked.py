"""The tap's command line in a process forked from a warm one: as real as a start, but quick."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from process import Outcome
from seam import limits, retry_waits
from support import JSON, catalog_of

#: A process that has not ended after so many seconds never would.
PATIENCE = 120.0
#: Lines may be nested as deeply as the tap can write them.
_DEEP = 1000
_KIBIBYTE = 1 if sys.platform == "darwin" else 1024

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tap_callexports.tap", "pendulum"])


@dataclass(frozen=True, repr=False)
class Ended(Outcome):
    """What a process left behind, and what it took."""

    #: Bytes of memory it held at most, beyond what it began with.
    grown: int
    #: What was left in its folder for temporary files.
    files: list[str]

    @cached_property
    def messages(self) -> list[JSON]:
        """Every line that was written: each of them has to be JSON, by the letter."""
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(before + _DEEP)
        try:
            return [json.loads(line, parse_constant=_no_json) for line in self.out.splitlines()]
        finally:
            sys.setrecursionlimit(before)

    @property
    def records(self) -> dict[str, list[JSON]]:
        """The records of each stream that has any."""
        found: dict[str, list[JSON]] = {}
        for line in self.messages:
            if line["type"] == "RECORD":
                found.setdefault(line["stream"], []).append(line["record"])
        return found


def run(
    config: JSON,
    streams: Iterable[str],
    *,
    level: str = "INFO",
    changed: Mapping[str, object] | None = None,
) -> Ended:
    """Run the command line to its end; waits the tap chooses itself are short.

    Args:
        config: Content of the config file.
        streams: What to select.
        level: Log level.
        changed: Constants of the tap that process changes, such as `MAX_TRIES`.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tmp").mkdir()
        options = []
        for option, content in {"config": config, "catalog": _catalog(tuple(streams))}.items():
            (folder / f"{option}.json").write_text(json.dumps(content))
            options += [f"--{option}", str(folder / f"{option}.json")]
        process = _context.Process(target=_child, args=(name, options, level, dict(changed or {})))
        process.start()
        process.join(PATIENCE)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise AssertionError(f"still running: {(folder / 'err').read_text()[-2000:]}")
        memory = folder / "grown"
        return Ended(
            process.exitcode,
            (folder / "out").read_text("utf-8"),
            (folder / "err").read_text("utf-8"),
            int(memory.read_text()) if memory.exists() else 0,
            sorted(path.name for path in (folder / "tmp").rglob("*")),
        )


@lru_cache
def _catalog(streams: tuple[str, ...]) -> JSON:
    return catalog_of({}, streams)


def _child(name: str, options: list[str], level: str, changed: dict[str, object]) -> None:
    """What the forked process does."""
    folder = Path(name)
    for stream, target in ((1, "out"), (2, "err")):
        os.dup2(os.open(folder / target, os.O_WRONLY | os.O_CREAT, 0o600), stream)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TAP_CALLEXPORTS_")}
    os.environ.clear()
    os.environ.update(kept, TMPDIR=str(folder / "tmp"), LOGLEVEL=level)
    tempfile.tempdir = None
    os.chdir(folder)
    sys.argv = ["tap-callexports", *options]
    with retry_waits(first=0.001, longest=0.002), limits(**changed):
        before = _most_memory()
        try:
            from tap_callexports.__main__ import main  # noqa: PLC0415 - after the changes

            main()
        finally:
            sys.stdout.flush()
            (folder / "grown").write_text(str(_most_memory() - before))


def _no_json(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def _most_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIBIBYTE
