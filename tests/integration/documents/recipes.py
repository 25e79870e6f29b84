"""The recipes of docs/how-to.md, and a shell in a project made of the README's meltano.yml."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from generator.facts import ROOT, streams
from pages import README, code_blocks

from demo.project import meltano_path, tap_settings
from demo.warehouse import Row, tables
from sandbox import Sandbox

HOW_TO = ROOT / "docs" / "how-to.md"
TAP = "tap-callexports"
#: The providers whose settings the README's block declares in full; two, as every run takes time.
PROVIDERS = ("anunzi", "burki")
#: Their streams that are on by default.
STREAMS = ("anunzi_calls", "anunzi_unstarted_calls", "burki_calls", "burki_call_list")
_ADDRESS = re.compile(r"git\+https://YOUR-GIT-HOST/tap-callexports\.git(@v[\d.]+)?")
_OWN_PREFIXES = ("MELTANO", "TAP_CALLEXPORTS", "TARGET_", "SINGER_SDK", "LOGLEVEL", "VIRTUAL_ENV")
_PATIENCE = 300


def recipes() -> dict[str, list[tuple[str, str]]]:
    """The fenced blocks of the page, as language and text, by the heading they stand below."""
    found = defaultdict(list)
    part = r"^#+ (?P<heading>[^\n]+)$|^```(?P<language>\w*)\n(?P<text>.*?)^```$"
    heading = ""
    for each in re.finditer(part, HOW_TO.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        if each["heading"]:
            heading = each["heading"]
        else:
            found[heading].append((each["language"], each["text"]))
    return dict(found)


class Recipe:
    """The blocks of these sections, taken one by one."""

    def __init__(self, *headings: str) -> None:
        #: Those that no test has used yet.
        self.left = [block for heading in headings for block in recipes()[heading]]

    def take(self, language: str = "bash") -> str:
        """The next block, which has to be of this language."""
        found, text = self.left.pop(0)
        assert found == language
        return text


@dataclass(frozen=True)
class Shell:
    """A shell in a folder, cut off from the user's own settings.

    Attributes:
        folder: Where it is; a folder named `home` in it is the home directory.
        wheel: The tap as it is installed, in place of the address of its repository.
        env: Variables beside those that every program has.
    """

    folder: Path
    wheel: Path
    env: dict[str, str] = field(default_factory=dict)

    def run(self, text: str, *, code: int = 0) -> str:
        """Run a block in bash, which ends at the first command that fails; what it prints."""
        done = subprocess.run(
            ["bash", "-e", "-c", local(text, self.wheel)],
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def with_env(self, **env: str) -> Shell:
        """The same with more variables."""
        return replace(self, env={**self.env, **env})

    def facing(self, box: Sandbox, *providers: str) -> Shell:
        """The same with the addresses and credentials of the mock APIs, as Meltano reads them."""
        config = {name: box.apis[name].config() for name in providers or PROVIDERS}
        start = {"start_date": box.start.strftime("%Y-%m-%d")}
        return self.with_env(**tap_settings({**start, **config}))

    def _environment(self) -> dict[str, str]:
        home = Path.home()
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(_OWN_PREFIXES)
        }
        return {
            **kept,
            "PATH": f"{meltano_path().parent}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.folder / "home"),
            # pip and uv go on using theirs.
            "XDG_CONFIG_HOME": os.environ.get("XDG_CONFIG_HOME", str(home / ".config")),
            "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(home / ".cache")),
            "MELTANO_CLI_DISABLE_VERSION_CHECK": "true",
            "NO_COLOR": "1",
            "NO_PROXY": "127.0.0.1,localhost",
            **self.env,
        }


def local(text: str, wheel: Path) -> str:
    """A text with the wheel in place of the repository's address; nothing else is changed."""
    return _ADDRESS.sub(str(wheel), text)


def readme_project(wheel: Path) -> str:
    """The README's meltano.yml."""
    return local(code_blocks(README.read_text("utf-8"), "yaml")[0], wheel)


@contextmanager
def edited(folder: Path) -> Iterator[dict[str, Any]]:
    """The definition in meltano.yml, which is written back afterwards."""
    file = folder / "meltano.yml"
    definition = yaml.safe_load(file.read_text("utf-8"))
    yield definition
    file.write_text(yaml.safe_dump(definition, sort_keys=False), "utf-8")


def stored(folder: Path, file: str = "output/warehouse.duckdb") -> dict[str, list[Row]]:
    """All rows in the warehouse, by stream."""
    return tables(folder / file, "raw_calls")


def keys_of(stream: str, rows: list[Row]) -> list[tuple[Any, ...]]:
    """The primary keys of rows, in order; one that is there twice comes twice."""
    return sorted(tuple(row[key] for key in streams()[stream].primary_keys) for row in rows)


def assert_complete(
    box: Sandbox, held: dict[str, list[Row]], names: tuple[str, ...] = STREAMS
) -> None:
    """Every call of these streams is there, once, and no other stream."""
    assert held.keys() == set(names)
    for name in names:
        assert keys_of(name, held[name]) == sorted(box.truth(name))
        assert held[name]
