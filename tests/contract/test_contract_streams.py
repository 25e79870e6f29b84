"""Discovery finds exactly the streams of `expected_streams.py`."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from account import END, START, opened
from expected_streams import BY_NAME, STREAMS, Stream
from support import DAY, JSON, assert_listed, text

from tap_callexports.detail_stream import DetailStream
from tap_callexports.providers import PROVIDERS
from tap_callexports.stream import CallStream
from tap_callexports.tap import TapCallExports

#: Settings with which every provider is on.
EVERYTHING: JSON = {
    provider.name: dict.fromkeys(provider.credentials[0], "x") for provider in PROVIDERS
}


@pytest.mark.parametrize("config", [{}, EVERYTHING], ids=["no settings", "every provider"])
def test_discovery_finds_the_streams_of_the_contract(config: JSON) -> None:
    tap = TapCallExports(config=config)
    found = {}
    for entry in json.loads(json.dumps(tap.catalog_dict))["streams"]:
        name = entry["tap_stream_id"]
        stream = tap.streams[name]
        assert isinstance(stream, CallStream)
        [root] = [part["metadata"] for part in entry["metadata"] if not part["breadcrumb"]]
        found[name] = (
            tuple(entry["key_properties"]),
            entry.get("replication_key"),
            stream.filter_field,
            entry["replication_method"],
            root.get("selected", root.get("selected-by-default")),
        )
        assert entry["stream"] == name
        assert root["table-key-properties"] == entry["key_properties"]
        times = [entry["replication_key"]] if "replication_key" in entry else None
        assert root.get("valid-replication-keys") == times
    expected = {
        name: (each.keys, each.time, each.filtered_by, each.method, each.selected)
        for name, each in BY_NAME.items()
    }
    assert_listed(found, expected, "STREAMS in tests/expected_streams.py")
    assert {n: (found[n], expected[n]) for n in expected if found[n] != expected[n]} == {}


def test_a_stream_is_read_as_its_entry_says() -> None:
    known = TapCallExports(config={}).streams
    for stream in STREAMS:
        endpoint = known[stream.name]
        assert isinstance(endpoint, CallStream)
        where = f"{stream} in STREAMS in tests/expected_streams.py"
        assert stream.per_call == isinstance(endpoint, DetailStream), where
        assert stream.lookback == endpoint.lookback_setting, where
        partition = [endpoint.partition_column] if endpoint.partition_setting else []
        assert [*stream.partition] == partition, where


@pytest.mark.parametrize(
    ("stream", "option"),
    [(s, s.name.removeprefix("videsk_")) for s in STREAMS if s.partition],
    ids=str,
)
def test_every_partition_has_a_small_bookmark_of_its_own(stream: Stream, option: str) -> None:
    [(column, _)] = stream.partition.items()
    ids = [f"65f0a1b2c3d4e5f6010203{number:02x}" for number in range(20)]
    many = replace(stream, options={**stream.options, option: {one: ["nps"] for one in ids}})
    with opened(many, empty=True) as account:
        for number, one in enumerate(ids):
            account.add(START + number * DAY, **{column: one})
        run = account.run()
        assert {key[0] for key in run.table(account.name)} == set(ids)
    assert run.code == 0
    [(name, entry)] = run.state["bookmarks"].items()
    assert name == stream.name
    assert entry == {
        "partitions": [
            {
                "context": {column: one},
                "replication_key": stream.time,
                "replication_key_value": text(END),
                "as_of": text(END),
            }
            for one in ids
        ]
    }
    for state in run.states:
        assert len(json.dumps(state["bookmarks"][name])) <= 2048 + 250 * len(ids)
