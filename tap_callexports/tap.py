"""The tap: which providers there are, and what the config says of them.

Knows no API and no window: an API is its provider's, what a run does is in `export_tap.py`.
"""

from __future__ import annotations

import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from tap_callexports import clock
from tap_callexports.account import TapSettings
from tap_callexports.cli import CommandLine
from tap_callexports.compat import override
from tap_callexports.config import (
    START_DATE,
    provider_settings,
    read_date,
    settings_schema,
)
from tap_callexports.config_check import check_settings
from tap_callexports.providers import PROVIDERS
from tap_callexports.records.timestamps import floor_second
from tap_callexports.redaction import hide_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from tap_callexports.account import Account
    from tap_callexports.provider import Provider
    from tap_callexports.stream import ExportStream


class TapCallExports(CommandLine):
    """Singer tap for call exports: Videsk, Anunzi / Retell AI, Twin24 and Burki."""

    name = "tap-callexports"
    config_jsonschema: ClassVar[dict[str, Any]] = settings_schema(PROVIDERS)
    owners: ClassVar[Mapping[str, type[Account]]] = {
        str(vars(stream)["name"]): provider for provider in PROVIDERS for stream in provider.streams
    }

    @override
    def checked_config(self, config: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        schema = copy.deepcopy(self.config_jsonschema)
        self.append_builtin_config(schema)
        checked, errors = check_settings(config, schema, PROVIDERS, self._run_start)
        hide_secrets(_secrets_of(checked))
        return checked, errors

    @override
    def run_errors(self) -> Iterator[str]:
        if not self._providers_on:
            names = "; ".join(provider.credential_names() for provider in PROVIDERS)
            yield f"no provider is on: give at least one credential ({names})"

    @override
    def discover_streams(self) -> Sequence[ExportStream[Any]]:
        """Streams of the providers that are on; with none on, of all of them."""
        return [
            stream(self, provider) for provider in self._providers for stream in provider.streams
        ]

    @cached_property
    def _providers_on(self) -> list[type[Provider]]:
        on = []
        for provider in PROVIDERS:
            values = self.config.get(provider.name)
            if isinstance(values, dict) and provider.is_on(values):
                on.append(provider)
            elif values:
                self.logger.info(
                    "%s is off: its settings hold no %s",
                    provider.title,
                    provider.credential_names(),
                )
        return on

    @cached_property
    def _providers(self) -> list[Provider]:
        return [
            provider(
                provider_settings(provider, self.config.get(provider.name)),
                self._shared,
                self.logger,
            )
            for provider in self._providers_on or PROVIDERS
        ]

    @cached_property
    def _run_start(self) -> datetime:
        # No later reading of the clock bounds what is read. Whole seconds are the coarsest filter
        # among the providers.
        return floor_second(clock.now())

    @cached_property
    def _shared(self) -> TapSettings:
        config = self.config
        version = self.plugin_version
        return TapSettings(
            start_date=_date_or(config.get("start_date"), START_DATE),
            end_date=read_date(config["end_date"]) if _is_date(config.get("end_date")) else None,
            run_start=self._run_start,
            request_timeout=config["request_timeout"],
            max_retry_wait=config["max_retry_wait"],
            skip_forbidden_streams=config["skip_forbidden_streams"],
            user_agent=config.get("user_agent") or f"{self.name}/{version}",
            skip_unreadable=config["on_unreadable"] == "skip",
        )


def _is_date(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(read_date(value))
    except ValueError:
        return False


def _date_or(value: object, default: str) -> datetime:
    """Discovery works with a config that a sync would refuse."""
    return read_date(str(value) if _is_date(value) else default)


def _secrets_of(config: dict[str, Any]) -> Iterator[str]:
    for provider in PROVIDERS:
        values = config.get(provider.name)
        for setting in provider.properties:
            value = values.get(setting.name) if isinstance(values, dict) else None
            if setting.secret and isinstance(value, str):
                yield value
