"""Runs the tap in this process and reads its output the way a target would.

Nothing here shares code with what it checks.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from seam import start_of_run

from tap_callexports.compat import override
from tap_callexports.providers import PROVIDERS as DECLARED
from tap_callexports.records.batch import Batch
from tap_callexports.tap import TapCallExports

if TYPE_CHECKING:
    import pytest

JSON = dict[str, Any]
#: A target's table: records by primary key.
Table = dict[tuple[Any, ...], JSON]

#: In the changes of a config: the setting is taken away.
GONE = object()
#: Every provider, by the name of its settings object.
PROVIDERS = tuple(provider.name for provider in DECLARED)
UTC = timezone.utc
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
SECOND, MILLISECOND = timedelta(seconds=1), timedelta(milliseconds=1)
MICROSECOND = timedelta(microseconds=1)


def text(instant: datetime) -> str:
    """An instant as records and bookmarks hold it."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def instant(value: str) -> datetime:
    """An instant from ISO 8601 text; without a zone it is UTC."""
    found = datetime.fromisoformat(value.replace("Z", "+00:00"))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def clock_at(end: datetime | None) -> contextlib.AbstractContextManager[object]:
    """Runs that start when all before `end` is `settle_minutes` old; None for now."""
    if end is None:
        return contextlib.nullcontext()
    whole = end.replace(microsecond=0) + timedelta(seconds=bool(end.microsecond))
    return start_of_run(whole + 5 * MINUTE)


@dataclass(repr=False)
class Run:
    """What came out of one run: its exit code, 1 after an `error` too, and its messages."""

    code: int
    lines: list[JSON]
    error: BaseException | None = None
    tap: TapCallExports | None = None

    @override
    def __repr__(self) -> str:
        return f"<exit {self.code}, {len(self.lines)} lines, {self.complaints}>"

    @property
    def complaints(self) -> list[str]:
        """What it gave as reasons for not being complete."""
        failures = self.tap.failures.values() if self.tap else ()
        errors = getattr(self.error, "errors", ())
        return [str(reason) for reason in (*failures, *filter(None, [self.error]), *errors)]

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
        entry: JSON = self.state.get("bookmarks", {}).get(stream, {})
        return entry.get("replication_key_value")

    def of(self, stream: str, kind: str) -> list[JSON]:
        """Messages of a stream of one type, in order."""
        return [line for line in self.lines if (line["type"], line.get("stream")) == (kind, stream)]

    def records(self, stream: str) -> list[JSON]:
        """Records of a stream, in order, duplicates included."""
        return [line["record"] for line in self.of(stream, "RECORD")]

    def schema(self, stream: str) -> JSON:
        """The SCHEMA message of a stream; there must be one, not two."""
        [message] = self.of(stream, "SCHEMA")
        return message

    def table(self, stream: str) -> Table:
        """What an upserting target holds after the run: the last record of each key."""
        return upserted({}, self, stream)


def upserted(table: Mapping[tuple[Any, ...], JSON], run: Run, stream: str) -> Table:
    """A target's table after another run."""
    keys: list[str] = []
    result = dict(table)
    for line in run.lines:
        if line.get("stream") == stream and line["type"] == "SCHEMA":
            keys = line["key_properties"]
        elif line.get("stream") == stream and line["type"] == "RECORD":
            result[tuple(line["record"][key] for key in keys)] = line["record"]
    return result


def changed(config: JSON, changes: Mapping[str, object]) -> JSON:
    """A copy of a config with values set at paths such as `videsk.timezone`, or taken away."""
    result = copy.deepcopy(config)
    for path, value in changes.items():
        *parents, name = path.split(".")
        place = result
        for parent in parents:
            place = place.setdefault(parent, {})
        if value is GONE:
            place.pop(name, None)
        else:
            place[name] = value
    return result


def batch_of(records: Sequence[JSON]) -> Batch:
    """A batch of records that all have the same columns, each of which it knows."""
    names = records[0] if records else ()
    return Batch(list(records), {name: [record[name] for record in records] for name in names})


def catalog_of(config: JSON, streams: Iterable[str]) -> JSON:
    """The discovered catalog with only these streams selected."""
    catalog: JSON = copy.deepcopy(TapCallExports(config=copy.deepcopy(config)).catalog_dict)
    wanted = set(streams)
    unknown = wanted - {entry["tap_stream_id"] for entry in catalog["streams"]}
    assert not unknown, f"no such stream: {unknown}"
    for entry in catalog["streams"]:
        root_of(entry)["selected"] = entry["tap_stream_id"] in wanted
    return catalog


def entry_in(catalog: JSON, stream: str) -> JSON:
    """A stream's entry in a catalog."""
    entry: JSON
    [entry] = [each for each in catalog["streams"] if each["tap_stream_id"] == stream]
    return entry


def root_of(entry: JSON) -> JSON:
    """What a catalog's entry says about the stream itself."""
    metadata: JSON
    [metadata] = [part["metadata"] for part in entry["metadata"] if not part["breadcrumb"]]
    return metadata


def run_tap(
    config: JSON,
    *,
    state: JSON | None = None,
    streams: Iterable[str] | None = None,
    catalog: JSON | None = None,
    test: bool = False,
) -> Run:
    """One run of the tap, or its connection test; what it is given is not changed.

    It reads `streams`, or what a whole `catalog` selects instead.
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
                connection_test=test,
            )
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


def failure(run: Run, stream: str) -> str:
    """The one line that says why a stream is not complete."""
    assert (run.code, run.error) == (1, None)
    assert run.tap is not None
    line = str(run.tap.failures[stream])
    assert line
    assert "\n" not in line
    return line


def warnings_in(caplog: pytest.LogCaptureFixture, about: str = "") -> list[str]:
    """The warnings that contain a text."""
    warnings = [log.getMessage() for log in caplog.records if log.levelname == "WARNING"]
    return [warning for warning in warnings if about in warning]


def without_extra(record: JSON) -> JSON:
    """A record as the sandbox's truth states it: set columns only, `extra` aside."""
    return {name: value for name, value in record.items() if value is not None and name != "extra"}


def assert_table_is(
    table: Mapping[tuple[Any, ...], JSON], truth: Mapping[tuple[Any, ...], JSON]
) -> None:
    """A table holds exactly the truth: no row lost, invented, or with another value."""
    lost, invented = set(truth) - set(table), set(table) - set(truth)
    assert not lost, f"{len(lost)} of {len(truth)} lost: {[truth[key] for key in sorted(lost)[:3]]}"
    assert not invented, f"{len(invented)} invented: {[table[key] for key in sorted(invented)[:3]]}"
    for key, expected in truth.items():
        found = without_extra(table[key])
        wanted = {name: value for name, value in expected.items() if value is not None}
        assert found == wanted, f"{key}, extra is {table[key].get('extra')}"


def assert_listed(wanted: Iterable[str], listed: Iterable[str], where: str) -> None:
    """A table that is kept by hand, and is `where`, has each name once, and nothing else."""
    there, names = set(wanted), sorted(listed)
    assert there <= set(names), f"missing in {where}: {sorted(there - set(names))}"
    assert names == sorted(there), f"not all of them belong in {where}: {names}"


def secret_settings(provider: str) -> set[str]:
    """The settings of a provider that hold secrets."""
    settings = TapCallExports.config_jsonschema["properties"][provider]["properties"]
    return {name for name, schema in settings.items() if schema.get("secret")}


def secrets_in(config: JSON) -> set[str]:
    """The secrets in a config, of which each provider in it must have one."""
    secrets = set()
    for provider in [name for name in PROVIDERS if name in config]:
        given = {config[provider].get(name) for name in secret_settings(provider)} - {None}
        assert given, f"the config of {provider} holds no secret"
        secrets |= given
    return secrets
