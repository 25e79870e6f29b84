"""Singer programs as parts of a run: started with a config, read or fed, quoted when they fail."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import deque
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from threading import Thread
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CHUNK_BYTES = 1 << 20
_PATIENCE_SECONDS = 20
#: Settings of other runs, which would reach into this one.
_SINGER_PREFIXES = ("TAP_", "TARGET_")


class RunError(Exception):
    """A run, or a part of it, failed. The line says why."""


@contextmanager
def running(
    name: str, *arguments: str, config: Mapping[str, Any], fed: bool = False
) -> Iterator[Program]:
    """A program for as long as the block lasts.

    Its config is a file without a name: no disk keeps it, no list of processes shows it.

    Args:
        name: Of its executable, beside this Python or on the PATH.
        arguments: Of its command line, without the config.
        config: Its settings, secrets included.
        fed: Whether it reads; if not, it is read.

    Raises:
        RunError: It is not installed.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith(_SINGER_PREFIXES)}
    with TemporaryFile() as file:
        file.write(json.dumps(config).encode())
        file.seek(0)
        process = subprocess.Popen(
            [_found(name), f"--config=/dev/fd/{file.fileno()}", *arguments],
            stdin=subprocess.PIPE if fed else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            pass_fds=(file.fileno(),),
        )
    program = Program(name, process)
    try:
        yield program
    finally:
        program.stop()


class Program:
    """A program that was started by `running`."""

    def __init__(self, name: str, process: subprocess.Popen[bytes]) -> None:
        self.name = name
        self._process = process
        self._errors: deque[str] = deque(maxlen=2)
        self._lines: deque[bytes] = deque(maxlen=1)
        self._threads = [Thread(target=self._pass_errors_on, daemon=True)]
        if process.stdin:
            self._threads.append(Thread(target=self._keep_last_line, daemon=True))
        for thread in self._threads:
            thread.start()

    def chunks(self) -> Iterator[bytes]:
        """What a program that is read writes, in whole lines: one that is torn is left out."""
        out = _pipe(self._process.stdout)
        rest = b""
        while chunk := os.read(out.fileno(), _CHUNK_BYTES):
            whole, newline, rest = (rest + chunk).rpartition(b"\n")
            yield whole + newline

    def write(self, data: bytes) -> None:
        """Feed it.

        Raises:
            RunError: It has ended.
        """
        try:
            _pipe(self._process.stdin).write(data)
        except BrokenPipeError:
            raise self.failure() from None

    def finish(self) -> int:
        """Let it come to its end; its exit code."""
        if self._process.stdin:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        code = self._process.wait()
        for thread in self._threads:
            thread.join()
        return code

    def failure(self) -> RunError:
        """How it ended, and its last errors; not of one that is fed, which may quote a row."""
        code = self.finish()
        why = "; ".join(self._errors) or "its log says why"
        return RunError(f"{self.name} ended with {code}: {why}")

    @property
    def last_line(self) -> bytes:
        """The last line that a program that was fed has written; empty if there is none."""
        return self._lines[0] if self._lines else b""

    def stop(self) -> None:
        """End it, if it has not ended, and leave it time to do so in good order."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self.finish()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()

    def _pass_errors_on(self) -> None:
        for line in _pipe(self._process.stderr):
            text = line.decode(errors="replace")
            sys.stderr.write(text)
            # As the SDK logs: time, level, logger, message.
            level, _, message = text.partition(" | ")[2].partition(" | ")
            if level.strip() == "ERROR" and not self._process.stdin:
                self._errors.append(message.partition(" | ")[2].strip())

    def _keep_last_line(self) -> None:
        self._lines.extend(_pipe(self._process.stdout))


def _pipe(end: IO[bytes] | None) -> IO[bytes]:
    assert end is not None  # noqa: S101 - for the type checker: `running` asks for all it needs
    return end


def _found(name: str) -> str:
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        raise RunError(f"{name} is neither beside {sys.executable} nor on the PATH")
    return found
