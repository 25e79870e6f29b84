"""Runs the tap in this process and reads its output the way a target would.

The oracle of every test: it shares no code with the tap.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import signal
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tap_callexports.tap import TapCallExports

JSON = dict[str, Any]


@dataclass
class Run:
    """What came out of one run.

    Attributes:
        code: Exit code; 1 too when the run ended with an error.
        lines: Parsed messages in order.
        error: The exception that ended the run, if any.
        tap: The tap, for its failures and counters.
    """

    code: int
    lines: list[JSON]
    error: BaseException | None = None
    tap: TapCallExports | None = field(default=None, repr=False)

    @property
    def states(self) -> list[JSON]:
        """Values of all STATE messages."""
        return [line["value"] for line in self.lines if line["type"] == "STATE"]

    @property
    def state(self) -> JSON:
        """Value of the last STATE, {} without one."""
        return self.states[-1] if self.states else {}

    def bookmark(self, stream: str) -> str | None:
        """Bookmark of a stream in the last STATE."""
        value: str | None = (
            self.state.get("bookmarks", {}).get(stream, {}).get("replication_key_value")
        )
        return value

    def records(self, stream: str) -> list[JSON]:
        """Records of a stream, in order, doubles included."""
        return [
            line["record"]
            for line in self.lines
            if line["type"] == "RECORD" and line["stream"] == stream
        ]

    def table(self, stream: str) -> dict[tuple[Any, ...], JSON]:
        """What an upserting target holds after the run: the last record of each key."""
        return upserted({}, self, stream)


def upserted(
    table: Mapping[tuple[Any, ...], JSON], run: Run, stream: str
) -> dict[tuple[Any, ...], JSON]:
    """A target's table after another run."""
    keys: list[str] = []
    result = dict(table)
    for line in run.lines:
        if line["type"] == "SCHEMA" and line["stream"] == stream:
            keys = line["key_properties"]
        if line["type"] == "RECORD" and line["stream"] == stream:
            result[tuple(line["record"][key] for key in keys)] = line["record"]
    return result


def catalog_of(config: JSON, streams: Iterable[str]) -> JSON:
    """The discovered catalog with only these streams selected."""
    catalog: JSON = copy.deepcopy(TapCallExports(config=copy.deepcopy(config)).catalog_dict)
    wanted = set(streams)
    names = {entry["tap_stream_id"] for entry in catalog["streams"]}
    assert wanted <= names, f"no such stream: {wanted - names}"
    for entry in catalog["streams"]:
        for part in entry["metadata"]:
            if not part["breadcrumb"]:
                part["metadata"]["selected"] = entry["tap_stream_id"] in wanted
    return catalog


def run_tap(
    config: JSON,
    *,
    state: JSON | None = None,
    streams: Iterable[str] | None = None,
    catalog: JSON | None = None,
    test: bool = False,
) -> Run:
    """One run of the tap.

    Args:
        config: The tap's config; not changed.
        state: State to start from; not changed.
        streams: Streams to select, all by default.
        catalog: A whole catalog instead of `streams`.
        test: Run the connection test (`--test`).
    """
    if streams is not None:
        catalog = catalog_of(config, streams)
    out = io.StringIO()
    tap: TapCallExports | None = None
    code, error = 1, None
    with kept_signals(), contextlib.redirect_stdout(out):
        try:
            tap = TapCallExports(
                config=copy.deepcopy(config),
                state=copy.deepcopy(state),
                catalog=copy.deepcopy(catalog),
            )
            tap.probing = test
            code = tap.run()
        except Exception as caught:  # noqa: BLE001 - the test looks at it
            error = caught
    lines = [json.loads(line) for line in out.getvalue().split("\n") if line]
    return Run(code, lines, error, tap)


@contextlib.contextmanager
def kept_signals() -> Iterator[None]:
    """The tap installs signal handlers; pytest needs its own back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def without_extra(record: JSON) -> JSON:
    """A record as the sandbox's truth states it: set columns only, `extra` aside."""
    return {name: value for name, value in record.items() if value is not None and name != "extra"}


def assert_table_is(
    table: Mapping[tuple[Any, ...], JSON], truth: Mapping[tuple[Any, ...], JSON]
) -> None:
    """A table holds exactly the truth: no row lost, invented, or with another value."""
    lost, invented = set(truth) - set(table), set(table) - set(truth)
    assert not lost, f"lost {sorted(lost)[:5]}"
    assert not invented, f"invented {sorted(invented)[:5]}"
    for key, expected in truth.items():
        wanted = {name: value for name, value in expected.items() if value is not None}
        assert without_extra(table[key]) == wanted, key
