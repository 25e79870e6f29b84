"""Runs the tap in a terminal of its own, and reads the structured form of its log."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import tempfile
import termios
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import yaml
from process import PROGRAM, environment
from support import JSON

#: Erases a line, then also from its start; colours, and the cursor's visibility.
ERASE = "\x1b[2K"
CLEAR = "\r" + ERASE
STYLE = re.compile(r"\x1b\[(?:[\d;]*m|\?25[lh])")
#: A log config as Meltano gives it to a tap with structured logs.
STRUCTURED = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "singer_sdk.logging.StructuredFormatter"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stderr"}
    },
    "root": {"level": "INFO", "handlers": ["console"]},
}  # fmt: skip


@dataclass(frozen=True)
class Watched:
    """A run in a terminal: what went elsewhere, and all it was sent, without colours."""

    code: int
    out: bytes
    shown: str

    @property
    def frames(self) -> list[str]:
        """The bars, one after the other."""
        parts = [part.split("\n")[-1] for part in self.shown.split(CLEAR)]
        return [part for part in parts if part]

    @property
    def screen(self) -> list[str]:
        """The lines that stay."""
        lines = self.shown.replace("\r\n", "\n").split("\n")
        return [line.split(CLEAR)[-1] for line in lines]


def watch(
    config: JSON, *arguments: str, columns: int = 100, env: dict[str, str] | None = None
) -> Watched:
    """Run the tap in a terminal of its own, its output going into a file."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "out").open("w+b") as out:
        path = Path(folder) / "config.json"
        path.write_text(json.dumps(config))
        process = subprocess.Popen(
            [*PROGRAM, "--config", str(path), *arguments],
            stdout=out,
            stderr=theirs,
            cwd=folder,
            env=environment({"TERM": "xterm", **(env or {})}),
        )
        os.close(theirs)
        shown = bytearray()
        try:
            while chunk := os.read(ours, 1 << 16):
                shown += chunk
        except OSError:
            pass  # how the end of a terminal shows
        code = process.wait(60)
        os.close(ours)
        out.seek(0)
        return Watched(code, out.read(), STYLE.sub("", shown.decode()))


def structured(folder: Path) -> dict[str, str]:
    """What makes the log JSON."""
    path = folder / "logging.yaml"
    path.write_text(yaml.safe_dump(STRUCTURED))
    return {"SINGER_SDK_LOG_CONFIG": str(path)}


def fields_of(log: str) -> list[JSON]:
    """The fields of each line of a structured log, its stream among them."""
    lines: list[JSON] = [json.loads(line) for line in log.splitlines()[1:]]
    return [line["extra"] | {"stream": line["stream_name"]} for line in lines]


def summaries(log: str) -> dict[str, JSON]:
    """The last line of each stream, partitions added up."""
    found: dict[str, JSON] = {}
    for line in fields_of(log):
        if "outcome" in line:
            numbers = Counter({k: v for k, v in line.items() if isinstance(v, int)})
            before = found.get(line["stream"], {"numbers": Counter()})
            found[line["stream"]] = {**line, "numbers": before["numbers"] + numbers}
    return found
