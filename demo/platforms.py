"""The simulated platforms, as a process of their own, and how to talk to them."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import requests

from .project import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_READY = "sandbox ready on "
_TIMEOUT = 60.0


class PlatformsError(Exception):
    """The simulated platforms did not start."""


class Platforms:
    """The platforms' remote control. What the tap sees of them are their own APIs."""

    def __init__(self, url: str, config: dict[str, Any]) -> None:
        """Talk to the platforms at `url`; `config` is what the tap needs to reach them."""
        self.url = url
        self.config = config
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy knows nothing of this machine's ports

    def truth(self, stream: str) -> list[dict[str, Any]]:
        """Every record that a full export of this stream would have to hold now."""
        records: list[dict[str, Any]] = self._ask("GET", f"truth/{stream}")
        return records

    def requests(self, provider: str) -> int:
        """How many requests a provider was sent so far."""
        count: int = self._ask("GET", f"requests/{provider}")["count"]
        return count

    def grow(self, until: str) -> None:
        """Let time pass until then: rows are added and changed."""
        self._ask("POST", "grow", {"until": until})

    def close(self) -> None:
        """Hang up."""
        self._session.close()

    def _ask(self, method: str, what: str, body: object = None) -> Any:  # noqa: ANN401 - any JSON
        reply = self._session.request(
            method, f"{self.url}/control/{what}", json=body, timeout=_TIMEOUT
        )
        reply.raise_for_status()
        return reply.json()


@contextlib.contextmanager
def running(folder: Path, *, rows: int, days: int, end: str) -> Iterator[Platforms]:
    """Start the platforms with `rows` calls each in the `days` before `end`; stop them after."""
    config = folder / "config.json"
    options = [f"--rows={rows}", f"--days={days}", f"--end={end}", f"--write-config={config}"]
    command = [sys.executable, "-m", "sandbox", *options]
    with subprocess.Popen(  # noqa: S603 - our own module
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line.startswith(_READY):
                raise PlatformsError("the simulated platforms did not start")
            platforms = Platforms(
                line.removeprefix(_READY).strip(), json.loads(config.read_text("utf-8"))
            )
            with contextlib.closing(platforms):
                yield platforms
        finally:
            process.terminate()
