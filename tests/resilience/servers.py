"""The servers of random schedules: what they may do without a record being lost, and the settings.

Each function sets the options of a provider's server by the dice and returns the tap's settings.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from expected_streams import entry_of
from oracle import Facts

from sandbox.anunzi import AnunziApi, AnunziOptions
from sandbox.burki import BurkiApi, BurkiOptions
from sandbox.twin24 import Twin24Api, Twin24Options
from sandbox.videsk import VideskApi
from tap_callexports.providers import PROVIDERS

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from sandbox import Api

Settings = dict[str, Any]

FORMS = {
    "65f0a1b2c3d4e5f6010203aa": ["Nombre completo ", "¿Qué le gustó?", "nps", "Productos"],
    "65f0a1b2c3d4e5f6010203ab": ["nps"],
}

#: Streams whose records may come with those of another.
_ALSO = {"anunzi_calls": "anunzi_unstarted_calls"}


def facts(stream: str, settings: Settings) -> Facts:
    """What the contract says of a stream under these settings."""
    entry = entry_of(stream)
    ahead = timedelta(days=settings[entry.ahead] if entry.ahead else 0)
    return Facts(
        partition=next(iter(entry.partition), ""),
        timed=entry.time is not None,
        lookback=max(timedelta(hours=settings[entry.lookback]), ahead),
        ahead=ahead,
        also=_ALSO.get(stream, ""),
    )


def lasting(dice: random.Random, api: Api) -> Settings:
    """What stays as it is for a whole schedule, on both sides."""
    settings: Settings = {
        "lookback_hours": dice.choice([0, 3, 24, 72]),
        "settle_minutes": dice.choice([0, 5, 60]),
    }
    for name in _more_lookbacks(api.name):
        settings[name] = dice.choice([0, 3, 24, 72])
    if isinstance(api, VideskApi):
        api.options.forms = dict(FORMS)
        api.options.surveys = dict(list(FORMS.items())[:1])
        settings["appointments_ahead_days"] = dice.choice([0, 10, 90])
        settings["timezone"] = dice.choice(["UTC", "UTC", "Asia/Kolkata", "America/Santiago"])
        if dice.random() < 0.2:
            api.options.appointments_filter = "created"
        if dice.random() < 0.2:
            api.separate_filter_field(timedelta(minutes=dice.choice([1, 30, 300])))
    elif isinstance(api, Twin24Api) and dice.random() < 0.2:
        api.options.companies = [1, 2]
        settings["company_ids"] = [1, 2]
    return settings


def _more_lookbacks(provider: str) -> list[str]:
    """The lookbacks that a provider has beside the one all have."""
    (properties,) = (each.properties for each in PROVIDERS if each.name == provider)
    return [each.name for each in properties if each.name.endswith("_lookback_hours")]


def passing(dice: random.Random, api: Api, streams: tuple[str, ...]) -> Settings:
    """What may be another way in each run."""
    roll = cast("Callable[..., Settings]", _ROLLS[api.name])
    settings = roll(dice, api, streams)
    return {"max_concurrency": dice.choice([1, 1, 2, 4, 8]), **settings}


def _videsk(dice: random.Random, api: VideskApi, _: tuple[str, ...]) -> Settings:
    options = api.options
    options.cap = dice.choice([12, 45, 60, 120, 5000])
    options.cap_declared = dice.choice(["yes", "yes", "text", "no"])
    options.range_ends = dice.choice(["[]", "[)", "(]", "()"])
    options.order = dice.choice(["honest", "honest", "shuffled", "reversed_ignored"])
    options.labels = dice.choice(["es", "en"])
    options.keys = dice.choice(["honoured", "ignored", "partial"])
    options.dates = dice.choice(["iso", "day_first"])
    # What the second is called in English is not known: there it is refused, by name.
    options.tag_column = dice.choice(["tag", "tagName"]) if options.labels == "es" else "tag"
    options.status = dice.choice([200, 201])
    # The setting is for servers that do not name their cap; else it is of no use.
    return {"max_records": options.cap if options.cap_declared != "yes" else 5000}


def _anunzi(dice: random.Random, api: AnunziApi, streams: tuple[str, ...]) -> Settings:
    options = api.options = AnunziOptions()
    options.dialect = dice.choice(["anunzi", "retell", "both"])
    options.page_max = dice.choice([2, 1000, 1000])
    options.bt_inclusive = dice.random() < 0.5
    options.cursor_refusal_status = dice.choice([400, 404, 422])
    settings: Settings = {
        "page_size": dice.choice([3, 50, 1000]),
        "filter_dialect": "retell" if options.dialect == "retell" else "anunzi",
    }
    kind = dice.random()
    if kind < 0.2 and "anunzi_unstarted_calls" not in streams:
        # A list without a time cannot be opened again in its middle; and in the others one
        # cursor has to last for the calls of one instant.
        options.cursor_ttl_pages = 3
        options.page_max, settings["page_size"] = 1000, 5
    elif kind < 0.4:
        options.sort = "ignored"
    elif kind < 0.6:
        options.empty_pages = 2
    elif kind < 0.7 and options.dialect != "both" and "anunzi_call_details" not in streams:
        options.wrong_dialect = "ignore"
        settings["filter_dialect"] = "anunzi" if options.dialect == "retell" else "retell"
    if dice.random() < 0.2:
        options.details_path = settings["call_details_path"] = "/v2/calls/{call_id}/all"
    return settings


def _twin24(dice: random.Random, api: Twin24Api, _: tuple[str, ...]) -> Settings:
    options = api.options = Twin24Options(companies=api.options.companies)
    options.limit_max = dice.choice([5, 100, 1000])
    options.count = dice.choice(["int", "text"])
    options.range_ends = dice.choice(["[]", "[)", "(]", "()"])
    options.times = dice.choice(["offset", "naive", "z"])
    options.numbers_as_text = dice.random() < 0.3
    settings: Settings = {"page_size": dice.choice([7, 100, 1000])}
    kind = dice.random()
    if kind < 0.2:
        options.ceiling = settings["max_records"] = 70
    elif kind < 0.4:
        options.shift, options.shift_times = dice.choice([1, 2]), dice.choice([1, 2])
    elif kind < 0.6:
        # Workers may use a token up between them that one has just got.
        options.tokens_valid_requests = 9
        settings["max_concurrency"] = 1
    return settings


def _burki(dice: random.Random, api: BurkiApi, _: tuple[str, ...]) -> Settings:
    options = api.options = BurkiOptions()
    options.gzip = dice.random() < 0.5
    options.count = dice.choice(["right", "right", "right", "missing", "error"])
    options.envelope = dice.choice(["array", "items"])
    options.bom = dice.random() < 0.3
    options.delimiter = dice.choice([",", ";"])
    options.ninth_column = dice.random() < 0.3
    options.list_shape = dice.choice(["items", "items", "array"])
    if options.count == "right":
        options.list_limit_max = dice.choice([50, 1000])
        options.list_total = dice.choice(["right", "high", "low"])
    return {"format": dice.choice(["json", "csv"])}


_ROLLS: dict[str, object] = {
    "videsk": _videsk,
    "anunzi": _anunzi,
    "twin24": _twin24,
    "burki": _burki,
}
