"""Runs the tap in this process and reads its output the way a target would.

The oracle of every test: it shares no code with the tap.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import re
import signal
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from seam import start_of_run

from sandbox import Sandbox
from tap_callexports.compat import override
from tap_callexports.tap import TapCallExports

JSON = dict[str, Any]

#: Every provider there is, by its name: those of the sandbox.
PROVIDERS = tuple(Sandbox(rows=0).apis)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
#: How many rows of many a message names.
_SOME = 5


def clock_at(end: datetime | None) -> contextlib.AbstractContextManager[object]:
    """Runs that start when all before `end` is `settle_minutes` old; None for now."""
    if end is None:
        return contextlib.nullcontext()
    whole = end.replace(microsecond=0) + timedelta(seconds=bool(end.microsecond))
    return start_of_run(whole + timedelta(minutes=5))


@dataclass(repr=False)
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
    tap: TapCallExports | None = None

    @override
    def __repr__(self) -> str:
        return f"<exit {self.code}, {len(self.lines)} lines, {self.complaints}>"

    @property
    def complaints(self) -> list[str]:
        """What it gave as reasons for not being complete."""
        failures = self.tap.failures.values() if self.tap else ()
        mistakes = getattr(self.error, "errors", ())
        return [str(reason) for reason in (*failures, *filter(None, [self.error]), *mistakes)]

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


def without_extra(record: JSON) -> JSON:
    """A record as the sandbox's truth states it: set columns only, `extra` aside."""
    return {name: value for name, value in record.items() if value is not None and name != "extra"}


def assert_table_is(
    table: Mapping[tuple[Any, ...], JSON], truth: Mapping[tuple[Any, ...], JSON]
) -> None:
    """A table holds exactly the truth: no row lost, invented, or with another value."""
    lost, invented = set(truth) - set(table), set(table) - set(truth)
    assert not lost, f"{len(lost)} lost: {_some(lost, truth, table)}"
    assert not invented, f"{len(invented)} invented: {_some(invented, table, truth)}"
    for key, expected in truth.items():
        found = without_extra(table[key])
        wanted = {name: value for name, value in expected.items() if value is not None}
        assert found == wanted, f"{key}: {_difference(found, wanted, table[key].get('extra'))}"


def _some(
    keys: Iterable[tuple[Any, ...]],
    rows: Mapping[tuple[Any, ...], JSON],
    others: Mapping[tuple[Any, ...], JSON],
) -> str:
    """A few of the rows that others lack, with the first of their times and where theirs end."""
    return "; ".join(f"{key}{_place(rows[key], others)}" for key in sorted(keys)[:_SOME])


def _place(row: JSON, others: Mapping[tuple[Any, ...], JSON]) -> str:
    for name, value in row.items():
        if isinstance(value, str) and _INSTANT.fullmatch(value):
            times = sorted(one[name] for one in others.values() if one.get(name))
            if not times:
                return f" of {name} {value}, where there is nothing else"
            where = "inside" if times[0] <= value <= times[-1] else "outside"
            return f" of {name} {value}, {where} {times[0]} to {times[-1]}"
    return ""


def _difference(found: JSON, wanted: JSON, extra: JSON | None) -> str:
    """The columns in which a record differs, with both values, and what no column took."""
    names = [name for name in {**wanted, **found} if found.get(name) != wanted.get(name)]
    others = [f"{name} is {found.get(name)!r} and not {wanted.get(name)!r}" for name in names]
    return "; ".join([*others, f"extra is {extra!r}"])


def assert_listed(wanted: Iterable[str], listed: Iterable[str], where: str) -> None:
    """A table that is kept by hand has each of these once, and nothing else.

    Args:
        wanted: Names of what there is.
        listed: Names the table has.
        where: The table and its file, as a message names them.
    """
    there, counts = set(wanted), Counter([*listed])
    missing, strange = sorted(there - set(counts)), sorted(set(counts) - there)
    twice = sorted(name for name, count in counts.items() if count > 1)
    assert not missing, f"missing in {where}: {', '.join(missing)}"
    assert not strange, f"only in {where}: {', '.join(strange)}"
    assert not twice, f"more than once in {where}: {', '.join(twice)}"


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
