"""Whole runs by the command line: catalogs, selection, refused credentials, 403."""

from __future__ import annotations

import pytest
from expected_streams import BY_NAME, OFF
from process import Outcome, command, tap
from support import assert_table_is, catalog_of, changed, root_of, upserted

from sandbox import Sandbox
from tap_callexports.provider import Provider
from tap_callexports.providers import PROVIDERS

MAY = {"start_date": "2024-05-01", "end_date": "2024-06-01"}
END = "2024-06-01T00:00:00.000000Z"
#: The first stream of each provider.
STREAMS = tuple(provider.stream_name(provider.streams[0]) for provider in PROVIDERS)
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


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
def test_a_refused_credential_ends_its_provider_and_the_others_finish(
    box: Sandbox, provider: type[Provider]
) -> None:
    """The last setting of a group of credentials is the secret one."""
    name, secret = provider.name, provider.credentials[0][-1]
    config = changed(box.config() | MAY, {f"{name}.{secret}": "canary-wrong-0a1b"})
    outcome = command(config=config, env={"LOGLEVEL": "DEBUG"})
    assert outcome.code == 1
    line, last = outcome.errors
    assert f"{name}.{secret}" in line
    assert "401" in line
    assert last.endswith(f"failed: {line}")
    assert "canary-wrong-0a1b" not in outcome.err
    assert "Traceback" not in outcome.err
    assert len(box.apis[name].requests) <= 2
    assert emitted(outcome) == {stream for stream in ON if BY_NAME[stream].api != name}
    for stream in emitted(outcome) & {*STREAMS}:
        assert_table_is(outcome.run.table(stream), box.truth(stream))
        assert outcome.run.bookmark(stream) == END
