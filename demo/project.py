"""Meltano commands in a project, cut off from the user's own settings and state."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_callexports.providers import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[1]
_OWN_PREFIXES = ("MELTANO", "TAP_CALLEXPORTS", "TARGET_", "DBT_")
_PATIENCE = 600

#: Every stream, also those that are off unless selected, and those as far back as the others.
ALL_STREAMS = {"TAP_CALLEXPORTS__SELECT": '["*.*"]'} | {
    f"TAP_CALLEXPORTS_{provider.name}_{setting.name}".upper(): "24"
    for provider in PROVIDERS
    for setting in provider.properties
    if setting.name == "details_lookback_hours"
}


def meltano_path() -> Path:
    """The Meltano to use: `$MELTANO`, or the one that make has installed."""
    path = Path(os.environ.get("MELTANO") or ROOT / ".venv-meltano/bin/meltano")
    if not path.exists():
        raise FileNotFoundError(f"no Meltano at {path}: run make, or set MELTANO to its path")
    return path


def tap_settings(config: Mapping[str, Any]) -> dict[str, str]:
    """The tap's configuration as Meltano reads it from the environment."""
    return {
        "_".join(("TAP_CALLEXPORTS", *names)).upper(): _text(value)
        for names, value in _leaves(config)
    }


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and all it said."""

    code: int
    log: str


@dataclass(frozen=True)
class Project:
    """A Meltano project.

    Attributes:
        root: Where its meltano.yml is.
        folder: Where its state, its log and whatever its loaders write are kept.
        settings: Settings of its plugins, by the names of their environment variables.
    """

    root: Path
    folder: Path
    settings: Mapping[str, str]

    def meltano(self, *arguments: str, **settings: str) -> Outcome:
        """Run one command; `settings` add to those of the project."""
        # An empty env file: the user's own .env must not reach into this project.
        command = [str(meltano_path()), "--env-file", os.devnull, *arguments]
        done = subprocess.run(  # noqa: S603 - Meltano itself
            command,
            cwd=self.root,
            env={**self._environment(), **settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        with (self.folder / "meltano.log").open("a", encoding="utf-8") as log:
            log.write(f"$ meltano {' '.join(arguments)}\n{done.stdout}\n")
        return Outcome(done.returncode, done.stdout)

    def _environment(self) -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(_OWN_PREFIXES)
        }
        return {
            **kept,
            "MELTANO_PROJECT_ROOT": str(self.root),
            "MELTANO_DATABASE_URI": f"sqlite:///{self.folder / 'meltano.db'}",
            "MELTANO_CLI_DISABLE_VERSION_CHECK": "true",
            "NO_COLOR": "1",
            "NO_PROXY": "127.0.0.1,localhost",
            **self.settings,
        }


def _leaves(
    value: Mapping[str, Any], names: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _leaves(inner, (*names, name))
        else:
            yield (*names, name), inner


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
