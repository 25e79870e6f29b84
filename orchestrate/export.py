"""One run: the tap over a closed range, into PostgreSQL, where a row that comes again is replaced.

What the tap writes passes through here, so that neither program outlives the run: a tap that can
write no more ends, and so does a loader that is told no more.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from orchestrate.programs import RunError, running

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrate.programs import Program
    from orchestrate.warehouse import Warehouse

TAP, LOADER = "tap-callexports", "target-postgres"
#: How the tap writes an instant: always of this width, so that text order is time order.
_INSTANT = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True, slots=True)
class Range:
    """Half-open range `[start, end)`, both aware UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Exported:
    """What a run brought.

    Attributes:
        rows: Records written, by stream; one that came twice counts twice.
        complete: Streams that are complete over the range, and loaded.
        complaint: Why the others are not; empty if there are none.
    """

    rows: Mapping[str, int]
    complete: Sequence[str]
    complaint: str


def export(
    provider: str,
    settings: Mapping[str, Any],
    streams: Sequence[str],
    span: Range | None,
    warehouse: Warehouse,
) -> Exported:
    """Run the tap and the loader once.

    Args:
        provider: Whose API it is.
        settings: The tap's settings of that provider, secrets included.
        streams: What to export.
        span: What to read; None for streams that are read as a whole each time.
        warehouse: Where to.

    Raises:
        RunError: Nothing of what was loaded can be relied on.
    """
    if span and span.end > datetime.now(timezone.utc):
        raise RunError(f"{span.end:%Y-%m-%d} is not here yet: a range is read when it is over")
    config = {provider: settings, **(_dates(span) if span else {})}
    catalog = _catalog(config, streams)
    with warehouse.missing(streams) as missing:
        if missing:
            _make_tables(catalog, warehouse)
    with TemporaryDirectory(prefix="callexports-") as folder:
        file = Path(folder, "catalog.json")
        file.write_text(json.dumps(catalog), "utf-8")
        with (
            running(TAP, f"--catalog={file}", config=config) as tap,
            running(LOADER, config=warehouse.loader_config, fed=True) as loader,
        ):
            rows = _pass_on(tap, loader, streams)
            failed = tap.finish() != 0
            if loader.finish() != 0:
                raise loader.failure()
    state = json.loads(loader.last_line or "{}")
    complete = [name for name in streams if _is_complete(state, name, span, failed=failed)]
    if len(complete) == len(streams):
        return Exported(rows, complete, "")
    short = ", ".join(name for name in streams if name not in complete)
    why = str(tap.failure()) if failed else "the range ended too short a time ago; read it again"
    return Exported(rows, complete, f"{short}: {why}")


def _dates(span: Range) -> dict[str, str]:
    return {"start_date": span.start.strftime(_INSTANT), "end_date": span.end.strftime(_INSTANT)}


def _catalog(config: Mapping[str, Any], streams: Sequence[str]) -> dict[str, Any]:
    """The tap's catalog of some streams, selected as a whole."""
    with running(TAP, "--discover", config=config) as tap:
        discovered = b"".join(tap.chunks())
        if tap.finish() != 0:
            raise tap.failure()
    entries = [each for each in json.loads(discovered)["streams"] if each["stream"] in streams]
    if len(entries) != len(streams):
        raise RunError(f"{TAP} does not have all of {', '.join(streams)}")
    for entry in entries:
        for part in entry["metadata"]:
            if not part["breadcrumb"]:
                part["metadata"]["selected"] = True
    return {"streams": entries}


def _make_tables(catalog: Mapping[str, Any], warehouse: Warehouse) -> None:
    """Let the loader make the tables of a catalog, empty."""
    with running(LOADER, config=warehouse.loader_config, fed=True) as loader:
        for entry in catalog["streams"]:
            fields = ("stream", "schema", "key_properties")
            message = {"type": "SCHEMA", **{name: entry[name] for name in fields}}
            loader.write(json.dumps(message).encode() + b"\n")
        if loader.finish() != 0:
            raise loader.failure()


def _pass_on(tap: Program, loader: Program, streams: Sequence[str]) -> Counter[str]:
    """Feed the loader what the tap writes; the records of each stream."""
    starts = {name: b'{"type":"RECORD","stream":"%s",' % name.encode() for name in streams}
    rows = Counter(dict.fromkeys(streams, 0))
    for chunk in tap.chunks():
        loader.write(chunk)
        lines = b"\n" + chunk
        rows.update({name: lines.count(b"\n" + start) for name, start in starts.items()})
    return rows


def _is_complete(
    state: Mapping[str, Any], stream: str, span: Range | None, *, failed: bool
) -> bool:
    """Whether all of a range was read and loaded: a bookmark says up to where.

    Where there is none, or several of which one may be lacking, only a run without a failure can
    tell.
    """
    bookmark = state.get("bookmarks", {}).get(stream, {})
    if failed and "replication_key_value" not in bookmark:
        return False
    entries = [bookmark, *bookmark.get("partitions", [])]
    reached = [each["replication_key_value"] for each in entries if "replication_key_value" in each]
    return span is None or all(value >= span.end.strftime(_INSTANT) for value in reached)
