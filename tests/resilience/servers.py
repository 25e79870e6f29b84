"""The servers of random schedules, which vary in ways a run must survive, and the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_callexports.providers import PROVIDERS

if TYPE_CHECKING:
    import random

    from sandbox import Api

Settings = dict[str, Any]


def lasting(dice: random.Random, api: Api) -> Settings:
    """What stays as it is for a whole schedule, on both sides."""
    settings: Settings = {
        "lookback_hours": dice.choice([0, 3, 24, 72]),
        "settle_minutes": dice.choice([0, 5, 60]),
    }
    for name in _more_lookbacks(api.name):
        settings[name] = dice.choice([0, 3, 24, 72])
    return {**settings, **api.vary_once(dice)}


def _more_lookbacks(provider: str) -> list[str]:
    """The lookbacks that a provider has beside the one all have."""
    (properties,) = (each.properties for each in PROVIDERS if each.name == provider)
    return [each.name for each in properties if each.name.endswith("_lookback_hours")]


def passing(dice: random.Random, api: Api, streams: tuple[str, ...]) -> Settings:
    """What may be another way in each run."""
    settings = api.vary(dice, streams)
    return {"max_concurrency": dice.choice([1, 1, 2, 4, 8]), **settings}
