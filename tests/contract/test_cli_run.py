"""Whole runs by the command line: catalogs, selection, refused credentials, 403."""

from __future__ import annotations

import json

import pytest
from expected_streams import BY_NAME, OFF
from process import Outcome, command, tap
from support import assert_table_is, catalog_of, changed, entry_in, root_of, upserted

from sandbox import Fault, Sandbox
from tap_callexports.providers import PROVIDERS

MAY = {"start_date": "2024-05-01", "end_date": "2024-06-01"}
END = "2024-06-01T00:00:00.000000Z"
#: The first stream of each provider.
STREAMS = tuple(str(vars(provider.streams[0])["name"]) for provider in PROVIDERS)
ON = tuple(name for name in BY_NAME if name not in OFF)


def emitted(outcome: Outcome) -> set[str]:
    """Streams with a record in the output."""
    return {line["stream"] for line in outcome.lines if line["type"] == "RECORD"}


def test_config_state_and_catalog_work_together(box: Sandbox) -> None:
    config = box.config() | MAY
    discovery = tap("--discover", config=config)
    first = tap(config=changed(config, {"end_date": "2024-05-20"}), catalog=discovery.out)
    second = tap(config=config, catalog=discovery.out, state=first.run.state)
    assert (first.code, second.code) == (0, 0)
    assert emitted(second) == {*ON}
    for stream in STREAMS:
        table = upserted(first.run.table(stream), second.run, stream)
        assert_table_is(table, box.truth(stream))
        assert second.run.bookmark(stream) == END
    earliest = min(record["started_at"] for record in second.run.records("burki_calls"))
    assert earliest >= "2024-05-19T00:00:00.000000Z", "only the day before the bookmark again"


def test_only_selected_streams_are_requested(box: Sandbox) -> None:
    config = box.config() | MAY
    outcome = command(config=config, catalog=catalog_of(config, ["burki_calls"]))
    assert outcome.code == 0
    assert emitted(outcome) == {"burki_calls"}
    assert [name for name, api in box.apis.items() if api.requests] == ["burki"]


def test_a_catalog_without_replication_keys_means_the_declared_ones(box: Sandbox) -> None:
    config = box.config() | MAY
    catalog = catalog_of(config, STREAMS)
    for entry in catalog["streams"]:
        entry.pop("replication_key", None)
        root_of(entry).pop("valid-replication-keys", None)
    outcome = command(config=config, catalog=catalog)
    assert outcome.code == 0
    for stream in STREAMS:
        bookmark = outcome.run.state["bookmarks"][stream]
        assert bookmark["replication_key"] == BY_NAME[stream].time
        assert bookmark["replication_key_value"] == END


def test_another_replication_key_in_the_catalog_is_one_line(box: Sandbox) -> None:
    config = box.config() | MAY
    catalog = catalog_of(config, STREAMS)
    entry_in(catalog, "burki_calls")["replication_key"] = "ended_at"
    outcome = command(config=config, catalog=catalog)
    assert outcome.code == 1
    [line] = outcome.errors
    assert all(word in line for word in ("burki_calls", "ended_at", "started_at"))


def test_streams_of_a_catalog_whose_provider_is_off_are_left_alone(box: Sandbox) -> None:
    """A catalog of another version, or made when more providers were on."""
    config = box.config() | MAY
    catalog = catalog_of(config, ["burki_calls", "videsk_calls"])
    del config["videsk"]
    outcome = command(config=config, catalog=catalog)
    assert outcome.code == 0
    assert emitted(outcome) == {"burki_calls"}
    assert any("videsk_calls" in line for line in outcome.logged("WARNING"))


@pytest.mark.parametrize(
    ("provider", "group"),
    [(one.name, group) for one in PROVIDERS for group in one.credentials],
    ids=str,
)
def test_a_refused_credential_is_said_once_and_in_the_last_line(
    box: Sandbox, provider: str, group: tuple[str, ...]
) -> None:
    """The last setting of each group of credentials is the secret one."""
    api = box.apis[provider]
    wrong = {group[-1]: "canary-wrong-0a1b"}
    outcome = command(config=MAY | {provider: api.config() | wrong}, env={"LOGLEVEL": "DEBUG"})
    assert outcome.code == 1
    line, last = outcome.errors
    assert f"{provider}.{group[-1]}" in line
    assert "401" in line
    assert last.endswith(f"failed: {line}")
    assert "canary-wrong-0a1b" not in outcome.err
    assert "Traceback" not in outcome.err
    assert len(api.requests) <= 2
    assert not emitted(outcome)
    assert "replication_key_value" not in json.dumps(outcome.run.state)


@pytest.mark.parametrize("skipped", [False, True])
@pytest.mark.parametrize("provider", [provider.name for provider in PROVIDERS])
def test_a_forbidden_stream_fails_or_is_skipped_and_the_others_finish(
    box: Sandbox, provider: str, *, skipped: bool
) -> None:
    box.apis[provider].faults.add(
        Fault("status", status=403, times=999), when=lambda request: "login" not in request.path
    )
    outcome = command(config=box.config() | MAY | {"skip_forbidden_streams": skipped})
    said = outcome.logged("WARNING") if skipped else outcome.errors
    assert (outcome.code, outcome.errors == []) == (int(not skipped), skipped)
    assert "Traceback" not in outcome.err
    forbidden = {name for name in ON if BY_NAME[name].api == provider}
    for stream in forbidden:
        assert any(f'select "!{stream}.*"' in line for line in said)
        assert outcome.run.bookmark(stream) is None
    assert emitted(outcome) == {*ON} - forbidden
    for stream in {*STREAMS} - forbidden:
        assert_table_is(outcome.run.table(stream), box.truth(stream))
