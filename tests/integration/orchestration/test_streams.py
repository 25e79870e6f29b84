"""What the schedulers know of the tap is what the tap says of itself."""

from __future__ import annotations

from support import assert_listed

from orchestrate import counts
from orchestrate.streams import STREAMS, Stream
from tap_callexports.detail_stream import DetailStream
from tap_callexports.providers import PROVIDERS
from tap_callexports.tap import TapCallExports


def test_the_table_of_streams_is_the_tap_s() -> None:
    of_the_tap = {}
    for each in TapCallExports(config={}, validate_config=False).discover_streams():
        per_call = isinstance(each, DetailStream)
        known = Stream(each.name, each.filter_field, ranged=each.windowed, per_call=per_call)
        of_the_tap[each.name] = each.provider.name, known
    pairs = [(provider, each) for provider, streams in STREAMS.items() for each in streams]
    names = [each.name for _, each in pairs]
    assert_listed(of_the_tap, names, "STREAMS in orchestrate/streams.py")
    assert {each.name: (provider, each) for provider, each in pairs} == of_the_tap


def test_what_is_counted_is_known_by_the_time_that_is_counted() -> None:
    known = {each.name: each for group in STREAMS.values() for each in group}
    for name in counts.COUNTERS:
        assert known[name].filter_field, name


def test_counts_are_asked_for_at_the_tap_s_own_addresses() -> None:
    defaults = {
        (provider.name, each.name): each.default
        for provider in PROVIDERS
        for each in provider.properties
    }
    assert defaults["burki", "api_url"] == counts.BURKI_URL
    assert defaults["twin24", "api_url"] == counts.TWIN24_URL
    assert defaults["twin24", "auth_url"] == counts.TWIN24_AUTH_URL
