"""The streams of the contract, written out: other people's pipelines are built on these names."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import NamedTuple

import pytest
from account import DAY, END, START, opened, text
from streams import STREAMS, Stream
from support import JSON

from tap_callexports.core.endpoint import Endpoint
from tap_callexports.tap import TapCallExports

#: Settings with which every provider is on.
EVERYTHING: JSON = {
    "videsk": {"api_token": "t"},
    "anunzi": {"api_key": "k"},
    "twin24": {"access_token": "t"},
    "burki": {"api_key": "k"},
}


class Promise(NamedTuple):
    """What is promised of a stream."""

    keys: list[str]
    time: str | None
    filtered_by: str | None = None
    method: str = "INCREMENTAL"
    selected: bool = True


CONTRACT = {
    "videsk_calls": Promise(["id"], "start_time"),
    "videsk_queues": Promise(["id"], "start_time"),
    "videsk_extra_data": Promise(["id"], "created_at"),
    "videsk_comments": Promise(["id"], "created_at"),
    "videsk_tags": Promise(["id", "tag_id"], "start_time"),
    "videsk_appointments": Promise(["id"], "start_time"),
    "videsk_recordings": Promise(["id"], "created_at"),
    "videsk_ai_topics": Promise(["id", "entity_type", "topic_name"], "created_at"),
    "videsk_ai_sentiments": Promise(["id", "entity_type"], "created_at"),
    "videsk_forms": Promise(["form_id", "id"], "created_at"),
    "videsk_surveys": Promise(["survey_id", "id"], "created_at"),
    "anunzi_calls": Promise(["call_id"], "start_timestamp", "start_timestamp"),
    "anunzi_unstarted_calls": Promise(["call_id"], None, method="FULL_TABLE"),
    "anunzi_call_details": Promise(
        ["call_id"], "start_timestamp", "start_timestamp", selected=False
    ),
    "twin24_incoming_calls": Promise(["call_id"], "started_at"),
    "twin24_calls": Promise(["id"], "created_at", "created_at"),
    "burki_calls": Promise(["id"], "started_at", "started_at"),
    "burki_call_list": Promise(["id"], "started_at", "started_at"),
    "burki_call_transcripts": Promise(["id"], "call_started_at", "call_started_at", selected=False),
}


@pytest.mark.parametrize("config", [{}, EVERYTHING], ids=["no settings", "every provider"])
def test_discovery_finds_the_streams_of_the_contract(config: JSON) -> None:
    tap = TapCallExports(config=config)
    found = {}
    for entry in json.loads(json.dumps(tap.catalog_dict))["streams"]:
        name = entry["tap_stream_id"]
        stream = tap.streams[name]
        assert isinstance(stream, Endpoint)
        [root] = [part["metadata"] for part in entry["metadata"] if not part["breadcrumb"]]
        found[name] = Promise(
            entry["key_properties"],
            entry.get("replication_key"),
            stream.filter_field,
            entry["replication_method"],
            root.get("selected", root.get("selected-by-default")),
        )
        assert entry["stream"] == name
        assert root["table-key-properties"] == entry["key_properties"]
        times = [entry["replication_key"]] if "replication_key" in entry else None
        assert root.get("valid-replication-keys") == times
    assert found == CONTRACT


def test_every_rule_is_held_against_every_stream() -> None:
    held = {s.name: (list(s.keys), s.time, s.time if s.filtered else None) for s in STREAMS}
    assert held == {
        name: (promise.keys, promise.time, promise.filtered_by)
        for name, promise in CONTRACT.items()
    }


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
            }
            for one in ids
        ]
    }
    for state in run.states:
        assert len(json.dumps(state["bookmarks"][name])) <= 2048 + 200 * len(ids)
