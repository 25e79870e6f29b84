"""The host's zone, language and hash seed change no byte of the output, nor does another run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

import pytest
from process import tap
from support import JSON, catalog_of

from sandbox import Sandbox
from sandbox.instants import UTC

START, END = datetime(2024, 4, 1, tzinfo=UTC), datetime(2024, 5, 1, tzinfo=UTC)
#: Around changes of clocks: Santiago's on the 7th of April, Lord Howe's the day before.
ROWS = 60
PLAIN = {"TZ": "UTC", "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"}
HOSTS = [
    {"TZ": "America/Santiago", "PYTHONHASHSEED": "1", "LC_ALL": "C"},
    {"TZ": "Asia/Kolkata", "PYTHONHASHSEED": "random", "LC_ALL": "C.UTF-8"},
    # A host whose Python takes ASCII for the encoding of files and of its output.
    {
        "TZ": "Pacific/Kiritimati",
        "PYTHONHASHSEED": "random",
        "LC_ALL": "C",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONUTF8": "0",
    },
    {"TZ": "Australia/Lord_Howe", "PYTHONHASHSEED": "1", "LC_ALL": "POSIX"},
]
_EXTRACTED = re.compile(r',"(time_extracted|as_of)":"[^"]*"')


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[JSON, JSON]]:
    """A config with all providers on, each writing times without a zone where it can; a catalog."""
    with Sandbox(seed=9, rows=ROWS, start=START, end=END) as box:
        box.videsk.options.dates = "day_first"
        box.twin24.options.times = "naive"
        config = box.config()
        config["videsk"]["timezone"] = "America/Santiago"
        config["burki"]["format"] = "csv"
        config |= {"start_date": START.isoformat(), "end_date": END.isoformat()}
        streams = [stream for api in box.apis.values() for stream in api.streams]
        yield config, catalog_of(config, streams)


@pytest.fixture(scope="module")
def plain(place: tuple[JSON, JSON]) -> str:
    """What comes out at a plain host."""
    return output_at(PLAIN, *place)


def output_at(host: dict[str, str], config: JSON, catalog: JSON) -> str:
    """The output of a run, without the moments at which it read."""
    outcome = tap(config=config, catalog=catalog, env=host)
    assert outcome.code == 0, outcome.err
    assert '"time_extracted":"' in outcome.out
    return _EXTRACTED.sub("", outcome.out)


@pytest.mark.covers(66, 163, 164)
@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host["TZ"])
def test_the_host_changes_no_byte_of_the_output(
    place: tuple[JSON, JSON], plain: str, host: dict[str, str]
) -> None:
    records = {part.split('"', 1)[0] for part in plain.split('{"type":"RECORD","stream":"')[1:]}
    assert records == {entry["tap_stream_id"] for entry in place[1]["streams"]}
    assert "ñ" in plain, "no text that an ASCII host could stumble over"
    assert output_at(host, *place) == plain
