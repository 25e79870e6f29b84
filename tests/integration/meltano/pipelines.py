"""One pipeline: the sandbox's platforms, the tap and a loader in a Meltano project."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from demo.compare import by_key, differences, due
from demo.project import ALL_STREAMS, Outcome, Project, tap_settings
from demo.streams import PROVIDERS, STREAMS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from loaders import Loader, Row

    from demo.streams import Stream
    from sandbox import Sandbox

TAP = "tap-callexports"


@dataclass(frozen=True)
class Pipeline:
    """The tap and one loader, with a store and a state of their own.

    The end of `box` is the clock of the run.
    """

    box: Sandbox
    project: Project
    loader: Loader

    @classmethod
    def into(cls, loader: Loader, box: Sandbox, root: Path, folder: Path) -> Pipeline:
        """A pipeline of all streams that keeps its state in `folder`."""
        settings = {
            **tap_settings({"start_date": text(box.start), **box.config()}),
            **ALL_STREAMS,
        }
        return cls(box, Project(root, folder, settings), loader)

    def run(self, *options: str, **settings: str) -> Outcome:
        """Run it up to the sandbox's end; `settings` add to those of the project."""
        return self.project.meltano(
            "run",
            *options,
            TAP,
            self.loader.name,
            **{
                "TAP_CALLEXPORTS_END_DATE": text(self.box.end),
                **self.loader.settings(),
                **settings,
            },
        )

    @property
    def state_id(self) -> str:
        """What Meltano keeps its state under."""
        return f"dev:{TAP}-to-{self.loader.name}"

    def state(self, command: str, *arguments: str) -> str:
        """What a command of `meltano state` prints."""
        words = ("--log-level=critical", "state", command, *arguments)
        outcome = self.project.meltano(*words)
        assert outcome.code == 0, outcome.log
        return outcome.log

    def bookmarks(self) -> dict[str, set[str]]:
        """What Meltano has kept: the bookmarks of each stream that has any."""
        state: Mapping[str, Any] = json.loads(self.state("get", self.state_id))
        kept: Mapping[str, Any] = state.get("singer_state", {}).get("bookmarks", {})
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
        return self.loader.kept(stream.name, rows)

    def wrong(self, streams: Sequence[Stream] = STREAMS) -> list[str]:
        """Where the store differs from the truth; of a row that was appended again, the last."""
        stored = self.loader.stored()
        return [
            line
            for stream in streams
            for line in differences(
                stream,
                self._latest(stream, stored.get(stream.name, [])),
                self.truth(stream),
            )
        ]

    def _latest(self, stream: Stream, rows: list[Row]) -> list[Row]:
        """Loaders into files append; only those into databases replace a row by its key."""
        return list(by_key(stream, rows).values()) if self.loader.appends else rows


def requests_so_far(box: Sandbox) -> dict[str, int]:
    """How many requests each provider was sent so far."""
    return {name: len(box.apis[name].requests) for name in PROVIDERS}


def text(instant: datetime) -> str:
    """An instant as the tap writes it."""
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
