"""The private names of singer-sdk that the tap builds on: there, of this form, and called.

A failure here means a new SDK release renamed or dropped one; mend singer/sdk.py.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable
from functools import partialmethod
from typing import Any

import pytest
from singer_sdk import Stream, Tap
from singer_sdk.plugin_base import PluginBase
from support import run_tap

from sandbox import Sandbox
from tap_callexports.singer.sdk import _ANNOUNCEMENTS, SingerStream, SingerTap

#: Names and the parameters the SDK calls them with, by class of the SDK and of singer/sdk.py.
HOOKS: dict[tuple[type, type], dict[str, tuple[str, ...]]] = {
    (Stream, SingerStream): {
        "apply_catalog": ("catalog",),
        "get_records": ("context",),
        "get_record_counter": ("*endpoint", "*log_interval"),
        "get_batch_config": ("config",),
        "post_process": ("row", "context"),
        "_increment_stream_state": ("latest_record", "*context"),
        "_sync_records": ("context", "*write_messages"),
        "_write_starting_replication_value": ("context",),
        "get_replication_key_signpost": ("context",),
    },
    (Tap, SingerTap): {
        "load_state": ("state",),
        "_validate_config": ("*raise_errors",),
        "_handle_termination": ("signum", "frame"),
    },
}


def parameters_of(function: Callable[..., object]) -> tuple[str, ...]:
    """Names of a method's parameters, `*` before those that are passed by name only."""
    return tuple(
        f"{'*' if parameter.kind is parameter.KEYWORD_ONLY else ''}{parameter.name}"
        for parameter in list(inspect.signature(function).parameters.values())[1:]
    )


@pytest.mark.parametrize(("base", "owner"), HOOKS)
def test_the_sdk_still_has_the_hooks_and_their_forms(base: type, owner: type) -> None:
    hooks = HOOKS[base, owner]
    for name, parameters in hooks.items():
        assert hasattr(base, name), f"singer-sdk's {base.__name__} has no {name} any more: renamed?"
        assert parameters_of(getattr(base, name)) == parameters, f"singer-sdk's {name} has changed"
        assert parameters_of(getattr(owner, name)) == parameters
    own = {name for name, hook in vars(owner).items() if callable(hook)}
    assert {name for name in own if hasattr(base, name) and name[:2] != "__"} == set(hooks)


def test_a_sync_calls_the_hooks(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: Counter[str] = Counter()
    hooks = HOOKS[Stream, SingerStream]

    def count(self: object, name: str, hook: Any, *args: object, **options: object) -> object:
        calls[name] += 1
        return hook(self, *args, **options)

    for name in hooks:
        hook = partialmethod(count, name, getattr(SingerStream, name))
        monkeypatch.setattr(SingerStream, name, hook)
    config = {"burki": box.burki.config(), "start_date": "2024-05-20"}
    # Only with a map of its own a stream hands its records to the SDK.
    config["stream_maps"] = {"burki_calls": {"status": "status"}}
    run = run_tap(config, streams=["burki_calls"])
    assert run.code == 0
    assert set(calls) == set(hooks)
    rows = len(run.records("burki_calls"))
    assert calls["_increment_stream_state"] == calls["post_process"] == rows


def test_the_announcements_the_tap_keeps_quiet_are_still_the_sdks() -> None:
    source = inspect.getsource(Stream.sync) + inspect.getsource(PluginBase.__init__)
    assert [text for text in _ANNOUNCEMENTS if text not in source] == []
