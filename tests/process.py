"""Starts the tap as its users do: in a process of its own."""

from __future__ import annotations

import contextlib
import fcntl
import json
import multiprocessing
import os
import resource
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from seam import limits, retry_waits
from support import JSON, Run

from tap_callexports.compat import override

PROGRAM = (sys.executable, "-m", "tap_callexports")
_ROOT = Path(__file__).resolve().parents[1]
_LOG_FIELDS = 4
_PATIENCE = 60.0
#: Starts processes as forks of one that has loaded the tap.
_warm = multiprocessing.get_context("forkserver")
_warm.set_forkserver_preload(["tap_callexports.cli", "pendulum"])


@dataclass(frozen=True, repr=False)
class Outcome:
    """What a process left behind.

    Attributes:
        code: Exit code; minus the signal's number if a signal killed it.
        out: Standard output.
        err: Standard error.
        grown: Of `command`: bytes of memory it held at most, beyond what it began with.
    """

    code: int
    out: str
    err: str
    grown: int = 0

    @override
    def __repr__(self) -> str:
        return f"<exit {self.code}, {len(self.out)} characters, {self.errors}>"

    @property
    def lines(self) -> list[JSON]:
        """Messages of the whole lines; a line that is no JSON is an error of the test."""
        whole, _, _ = self.out.rpartition("\n")
        return [json.loads(line) for line in whole.split("\n") if whole]

    @property
    def run(self) -> Run:
        """The messages with the views that other tests use."""
        return Run(self.code, self.lines)

    @property
    def errors(self) -> list[str]:
        """Texts logged as errors, all of them."""
        return self.logged("ERROR")

    def logged(self, level: str) -> list[str]:
        """Texts logged at a level."""
        fields = [line.split(" | ", _LOG_FIELDS - 1) for line in self.err.splitlines()]
        return [
            parts[-1] for parts in fields if len(parts) == _LOG_FIELDS and parts[1].strip() == level
        ]


def tap(
    *arguments: str,
    config: JSON | str | None = None,
    state: object = None,
    catalog: object = None,
    env: dict[str, str] | None = None,
    stdout: IO[bytes] | None = None,
) -> Outcome:
    """Run the tap's program to its end.

    A text is written into its file as it is, other contents as JSON; `env` adds variables.
    """
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [*PROGRAM, *arguments, *_options(Path(folder), config, state, catalog)],
            stdout=stdout or subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=environment(env),
            timeout=_PATIENCE,
            check=False,
        )
    return Outcome(done.returncode, (done.stdout or b"").decode(), done.stderr.decode())


def command(
    *arguments: str,
    config: JSON | str | None = None,
    state: object = None,
    catalog: object = None,
    env: dict[str, str] | None = None,
    changed: dict[str, object] | None = None,
) -> Outcome:
    """As `tap`, without the second it takes to load the program; waits before a retry are short.

    `changed` are other values of the tap's constants, such as `MAX_BODY_BYTES`.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        options = [*arguments, *_options(folder, config, state, catalog)]
        given = (name, options, environment(env), changed or {})
        process = _warm.Process(target=_child, args=given)
        process.start()
        process.join(_PATIENCE)
        code = process.exitcode
        if code is None:
            process.kill()
            process.join()
        out, err = ((folder / stream).read_text("utf-8") for stream in ("out", "err"))
        assert code is not None, f"still running: {err[-2000:]}"
        return Outcome(code, out, err, int((folder / "grown").read_text()))


def _child(
    folder: str, options: list[str], env: dict[str, str], changed: dict[str, object]
) -> None:
    os.chdir(folder)
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT, 0o600), number)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["tap-callexports", *options]
    with retry_waits(first=0.001, longest=0.002), limits(**changed):
        before = _most_memory()
        try:
            from tap_callexports.__main__ import main  # noqa: PLC0415 - as the program does

            main()
        finally:
            sys.stdout.flush()
            Path("grown").write_text(str(_most_memory() - before))


def _most_memory() -> int:
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kibibytes * (1 if sys.platform == "darwin" else 1024)


class Started:
    """A tap that is running, and the end of the pipe a target would read."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        assert process.stdout is not None
        self.process = process
        self.received = bytearray()
        self._pipe = process.stdout
        self._log = log

    def read_until(self, ready: Callable[[], bool]) -> None:
        """Read as a quick target does, until something has happened."""
        deadline = time.monotonic() + _PATIENCE
        while not ready():
            assert time.monotonic() < deadline, "what the test waits for did not happen"
            if select.select([self._pipe], [], [], 0.02)[0]:
                chunk = os.read(self._pipe.fileno(), 1 << 12)
                assert chunk, f"the tap ended early: {self._log.read_text()}"
                self.received += chunk

    def read_states(self, count: int) -> None:
        """Read until so many STATE lines have come."""
        self.read_until(lambda: self.received.count(b'{"type":"STATE"') >= count)

    def stop_reading(self) -> None:
        """Leave the pipe alone until the tap can write no more into it."""
        before = -1
        while (waiting := self._waiting()) != before or not waiting:
            before = waiting
            time.sleep(0.2)

    def die(self) -> None:
        """Close the pipe, as a target does that crashed."""
        self._pipe.close()

    def finish(self, within: float = _PATIENCE) -> Outcome:
        """Read what is left, and wait for the end, but not for long."""
        if not self._pipe.closed:
            self.received += self.process.communicate(timeout=within)[0]
        code = self.process.wait(within)
        return Outcome(code, self.received.decode(errors="replace"), self._log.read_text())

    def _waiting(self) -> int:
        """How many bytes are in the pipe."""
        answer = fcntl.ioctl(self._pipe.fileno(), termios.FIONREAD, struct.pack("i", 0))
        waiting: int = struct.unpack("i", answer)[0]
        return waiting


@contextlib.contextmanager
def started(
    config: JSON,
    state: JSON | None = None,
    *,
    catalog: JSON | None = None,
    env: dict[str, str] | None = None,
) -> Iterator[Started]:
    """A tap in the middle of its run; whatever is left of it afterwards is killed."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "stderr"
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                [*PROGRAM, *_options(Path(folder), config, state, catalog)],
                stdout=subprocess.PIPE,
                stderr=stderr,
                bufsize=0,
                cwd=folder,
                env=environment(env),
            )
        try:
            yield Started(process, log)
        finally:
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()


def environment(more: dict[str, str] | None = None) -> dict[str, str]:
    """This process's environment without settings and log levels meant for other runs."""
    names = ("TAP_CALLEXPORTS_", "LOGLEVEL", "SINGER_SDK_LOG_CONFIG", "COLUMNS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(names)}
    return {**kept, "PYTHONPATH": str(_ROOT), **(more or {})}


def _options(folder: Path, config: object, state: object, catalog: object) -> Iterator[str]:
    for name, content in {"config": config, "state": state, "catalog": catalog}.items():
        if content is not None:
            path = folder / f"{name}.json"
            path.write_text(content if isinstance(content, str) else json.dumps(content))
            yield f"--{name}"
            yield str(path)
