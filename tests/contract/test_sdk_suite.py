"""The SDK's own test suite, for every provider, against the sandbox.

The SDK makes its tests when this module is imported, before a server runs. So the config they hold
is filled in later, by a fixture, with the server's address.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from singer_sdk.testing import get_tap_test_class
from support import assert_listed, catalog_of, kept_signals

from sandbox import Sandbox
from tap_callexports.providers import PROVIDERS
from tap_callexports.tap import TapCallExports

_LATER = "filled in when the server runs"
_CONFIGS: dict[str, dict[str, Any]] = {
    provider.name: {provider.name: dict.fromkeys(provider.credentials[0], _LATER)}
    for provider in PROVIDERS
}


def suite_of(provider: str) -> type:
    """The SDK's tests for the streams of one provider."""
    config = _CONFIGS[provider]
    with kept_signals():
        # Streams that are off by default are tried, too.
        catalog = catalog_of(config, TapCallExports(config=config).streams)
        return get_tap_test_class(
            TapCallExports, config=config, catalog=catalog, parse_env_config=False
        )


# Some columns are empty at every provider, and the suite warns of each.
@pytest.mark.filterwarnings("ignore:No records were available to test:UserWarning")
class AgainstTheSandbox:
    """What all providers' suites have in common."""

    provider: str

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def server(cls) -> Iterator[None]:
        """A server for as long as the class runs; signals stay pytest's."""
        config = _CONFIGS[cls.provider]
        with Sandbox(seed=3, rows=100) as box, kept_signals():
            config[cls.provider] = box.config()[cls.provider]
            config |= {"start_date": "2024-05-01", "end_date": "2024-06-01"}
            yield


def test_every_provider_is_here() -> None:
    classes = [suite.provider for suite in AgainstTheSandbox.__subclasses__()]
    assert_listed(_CONFIGS, classes, "the classes of tests/test_sdk_suite.py")


class TestVidesk(AgainstTheSandbox, suite_of("videsk")):  # type: ignore[misc] # made at run time
    """Streams of Videsk."""

    provider = "videsk"


class TestAnunzi(AgainstTheSandbox, suite_of("anunzi")):  # type: ignore[misc] # made at run time
    """Streams of Anunzi."""

    provider = "anunzi"


class TestTwin24(AgainstTheSandbox, suite_of("twin24")):  # type: ignore[misc] # made at run time
    """Streams of Twin24."""

    provider = "twin24"


class TestBurki(AgainstTheSandbox, suite_of("burki")):  # type: ignore[misc] # made at run time
    """Streams of Burki."""

    provider = "burki"
