"""One pipeline: the sandbox's platforms, the tap and a loader in a Meltano project."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from demo.compare import by_key, differences, due
from demo.project import ALL_STREAMS, Outcome, Project, tap_settings
from demo.streams import PROVIDERS, STREAMS
from demo.warehouse import Row, as_kept, tables
from sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from demo.streams import Stream

_SCHEMA = "raw_calls"


@dataclass(frozen=True)
class Pipeline:
    """The tap and one loader, with a store and a state of their own.

    Attributes:
        box: The platforms; its end is the clock of the run.
        project: The Meltano project.
        loader: Name of the loader.
    """

    box: Sandbox
    project: Project
    loader: str

    @classmethod
    def into(cls, loader: str, box: Sandbox, root: Path, folder: Path) -> Pipeline:
        """A pipeline whose loader writes into `folder`."""
        settings = {
            **tap_settings({"start_date": text(box.start), **box.config()}),
            **ALL_STREAMS,
            "TARGET_DUCKDB_FILEPATH": str(folder / "warehouse.duckdb"),
            "TARGET_JSONL_DESTINATION_PATH": str(folder),
        }
        return cls(box, Project(root, folder, settings), loader)

    def run(self) -> Outcome:
        """Run it up to the sandbox's end."""
        end = text(self.box.end)
        return self.project.meltano(
            "run", "tap-callexports", self.loader, TAP_CALLEXPORTS_END_DATE=end
        )

    def bookmarks(self) -> dict[str, set[str]]:
        """What Meltano has kept: the bookmarks of each stream that has any."""
        state = f"dev:tap-callexports-to-{self.loader}"
        printed = self.project.meltano("--log-level=critical", "state", "get", state).log
        kept: dict[str, Any] = json.loads(printed)["singer_state"]["bookmarks"]
        found = {
            stream: {
                entry["replication_key_value"]
                for entry in [bookmark, *bookmark.get("partitions", [])]
                if "replication_key_value" in entry
            }
            for stream, bookmark in kept.items()
        }
        return {stream: values for stream, values in found.items() if values}

    def truth(self, stream: Stream) -> list[Row]:
        """What the store has to hold of a stream."""
        rows = due(stream, self.box.truth(stream.name).values(), text(self.box.end))
        return as_kept(rows) if self.loader == "target-duckdb" else rows

    def stored(self) -> dict[str, list[Row]]:
        """All rows of the store as they lie there, by stream."""
        if self.loader == "target-duckdb":
            return tables(self.project.folder / "warehouse.duckdb", _SCHEMA)
        return {file.stem: _lines(file) for file in self.project.folder.glob("*.jsonl")}

    def wrong(self, streams: Sequence[Stream] = STREAMS) -> list[str]:
        """Where the store differs from the truth; of a row that was appended again, the last."""
        stored = self.stored()
        return [
            line
            for stream in streams
            for line in differences(
                stream,
                self._latest(stream, stored[stream.name]),
                self.truth(stream),
            )
        ]

    def _latest(self, stream: Stream, rows: list[Row]) -> list[Row]:
        """Loaders into files append; only those into databases replace a row by its key."""
        return rows if self.loader == "target-duckdb" else list(by_key(stream, rows).values())


def requests_so_far(box: Sandbox) -> dict[str, int]:
    """How many requests each provider was sent so far."""
    return {name: len(box.apis[name].requests) for name in PROVIDERS}


def text(instant: datetime) -> str:
    """An instant as the tap writes it."""
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _lines(file: Path) -> list[Row]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]
