"""The private names of singer-sdk that the tap builds on: there, of this form, and called.

A failure here means a new SDK release renamed or dropped one; mend singer/sdk.py.
The tap is imported late, so that a rename fails here with its name, not as an import error.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from singer_sdk import Stream, Tap
from singer_sdk.plugin_base import PluginBase

from sandbox import Sandbox

SEAM = Path(__file__).parents[3] / "tap_callexports/singer/sdk.py"

#: Class of the SDK, class of singer/sdk.py, name, parameters the SDK calls it with.
HOOKS = [
    (Stream, "SingerStream", "apply_catalog", ("catalog",)),
    (Stream, "SingerStream", "get_records", ("context",)),
    (Stream, "SingerStream", "get_record_counter", ("*endpoint", "*log_interval")),
    (Stream, "SingerStream", "get_batch_config", ("config",)),
    (Stream, "SingerStream", "post_process", ("row", "context")),
    (Stream, "SingerStream", "_increment_stream_state", ("latest_record", "*context")),
    (Stream, "SingerStream", "_sync_records", ("context", "*write_messages")),
    (Stream, "SingerStream", "_write_starting_replication_value", ("context",)),
    (Stream, "SingerStream", "get_replication_key_signpost", ("context",)),
    (Tap, "SingerTap", "load_state", ("state",)),
    (Tap, "SingerTap", "_validate_config", ("*raise_errors",)),
    (Tap, "SingerTap", "_handle_termination", ("signum", "frame")),
]
#: Called by every sync; `apply_catalog` only where a catalog is given.
ON_EVERY_SYNC = [
    name for _, owner, name, _ in HOOKS if owner == "SingerStream" and name != "apply_catalog"
]


def parameters_of(function: Callable[..., object]) -> tuple[str, ...]:
    """Names of a method's parameters, `*` before those that are passed by name only."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    return tuple(
        f"{'*' if parameter.kind is parameter.KEYWORD_ONLY else ''}{parameter.name}"
        for parameter in parameters
    )


def private_imports() -> Iterator[tuple[str, str]]:
    """Module and name of each import of singer/sdk.py that the SDK does not promise."""
    for node in ast.walk(ast.parse(SEAM.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("singer_sdk"):
            for alias in node.names:
                if "._" in f"{node.module}.{alias.name}":
                    yield str(node.module), alias.name


def seam(name: str) -> Any:
    """A class or function of singer/sdk.py."""
    return getattr(importlib.import_module("tap_callexports.singer.sdk"), name)


@pytest.mark.parametrize(("module", "name"), list(private_imports()))
def test_the_sdk_still_has_the_private_name(module: str, name: str) -> None:
    assert importlib.util.find_spec(module), f"singer-sdk has no {module} any more"
    found = hasattr(importlib.import_module(module), name)
    assert found, f"singer-sdk's {module} has no {name} any more: renamed? mend singer/sdk.py"


@pytest.mark.parametrize(("base", "owner", "name", "parameters"), HOOKS)
def test_the_sdk_still_has_the_hook_and_its_form(
    base: type, owner: str, name: str, parameters: tuple[str, ...]
) -> None:
    hook = getattr(base, name, None)
    assert hook, f"singer-sdk's {base.__name__} has no {name} any more: renamed? mend singer/sdk.py"
    form = parameters_of(hook)
    assert form == parameters, f"singer-sdk's {name} takes {form} now: mend singer/sdk.py"
    assert parameters_of(getattr(seam(owner), name)) == parameters


def test_every_hook_of_the_seam_is_looked_at_here() -> None:
    for owner, base in (("SingerStream", Stream), ("SingerTap", Tap)):
        own = vars(seam(owner)).items()
        hooks = {name for name, hook in own if callable(hook) and hasattr(base, name)}
        assert {name for name in hooks if name[:2] != "__"} == {
            name for _, where, name, _ in HOOKS if where == owner
        }


@pytest.mark.parametrize("name", ON_EVERY_SYNC)
def test_a_sync_calls_the_hook(box: Sandbox, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    calls = recorded(monkeypatch, "SingerStream", name)
    support = importlib.import_module("support")
    config = {"burki": box.burki.config(), "start_date": "2024-05-20"}
    # Only with a map of its own a stream hands its records to the SDK.
    config["stream_maps"] = {"burki_calls": {"status": "status"}}
    run = support.run_tap(config, streams=["burki_calls"])
    assert run.code == 0
    assert calls, f"singer-sdk's sync does not call {name} any more: mend singer/sdk.py"
    if name in {"_increment_stream_state", "post_process"}:
        assert len(calls) == len(run.records("burki_calls"))


def test_a_new_tap_has_its_config_checked_by_the_hook(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = recorded(monkeypatch, "SingerTap", "_validate_config")
    tap = new_tap({"burki": box.burki.config()})
    assert len(calls) == 1
    # What the hook leaves in `_config` is what the tap works with: defaults are filled in.
    assert tap.config["burki"]["format"] == "json"


def test_a_new_tap_takes_signals_through_the_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    ended: list[int] = []
    try:
        tap = new_tap({}, validate_config=False)
        monkeypatch.setattr(tap, "terminate", ended.append)
        for number in before:
            handler: Any = signal.getsignal(number)
            handler(number, None)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert ended == [signal.SIGINT, signal.SIGTERM]


def test_the_announcements_the_tap_keeps_quiet_are_still_the_sdks() -> None:
    announcements = importlib.import_module("tap_callexports.singer.sdk")._ANNOUNCEMENTS
    source = inspect.getsource(Stream.sync) + inspect.getsource(PluginBase.__init__)
    assert [text for text in announcements if text not in source] == []


def new_tap(config: dict[str, Any], **options: object) -> Any:
    """A tap with this config."""
    tap = importlib.import_module("tap_callexports.tap").TapCallExports
    return tap(config=config, **options)


def recorded(monkeypatch: pytest.MonkeyPatch, owner: str, name: str) -> list[object]:
    """Calls of a hook from now on; it still does its work."""
    calls: list[object] = []
    original = getattr(seam(owner), name)

    def record(self: object, *args: object, **options: object) -> object:
        calls.append((args, options))
        return original(self, *args, **options)

    monkeypatch.setattr(seam(owner), name, record)
    return calls
