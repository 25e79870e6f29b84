"""The SDK's own test suite, for every provider, against the sandbox.

The SDK makes its tests when this module is imported, before a server runs. So the config they hold
is filled in later, by a fixture, with the server's address.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from singer_sdk.testing import get_tap_test_class
from support import catalog_of, kept_signals

from sandbox import Sandbox
from tap_callexports.providers import PROVIDERS
from tap_callexports.tap import TapCallExports


# Some columns are empty at every provider, and the suite warns of each.
@pytest.mark.filterwarnings("ignore:No records were available to test:UserWarning")
class AgainstTheSandbox:
    """What all providers' suites have in common."""

    provider: str
    given: dict[str, Any]

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def server(cls) -> Iterator[None]:
        """A server for as long as the class runs; signals stay pytest's."""
        with Sandbox(seed=3, rows=60) as box, kept_signals():
            cls.given[cls.provider] = box.config()[cls.provider]
            cls.given |= {"start_date": "2024-05-01", "end_date": "2024-06-01"}
            yield


def suite_of(provider: str, credentials: tuple[str, ...]) -> type:
    """The SDK's tests for the streams of one provider, those that are off by default included."""
    config: dict[str, Any] = {provider: dict.fromkeys(credentials, "filled in later")}
    with kept_signals():
        suite = get_tap_test_class(
            TapCallExports,
            config=config,
            catalog=catalog_of(config, TapCallExports(config=config).streams),
            parse_env_config=False,
        )
    return type("Suite", (AgainstTheSandbox, suite), {"provider": provider, "given": config})


for _provider in PROVIDERS:
    globals()[f"Test{_provider.__name__}"] = suite_of(_provider.name, _provider.credentials[0])
