"""How many calls a provider says it has, asked without the tap."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import requests

from orchestrate.streams import URLS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from orchestrate.export import Range

_TIMEOUT_SECONDS = 60
_MILLISECOND = timedelta(milliseconds=1)
_SECOND = timedelta(seconds=1)


class CountError(Exception):
    """The provider did not say its count. The line says why, without a secret."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many calls there are: `low` to `high`, both inclusive.

    Where it is not documented whether a range holds its ends, the two are counts of a range that
    is a step shorter and of one that is a step longer.
    """

    low: int
    high: int


def count(stream: str, settings: Mapping[str, Any], span: Range) -> Count | None:
    """How many calls of a stream the provider has in a range; None where it has no count.

    Args:
        stream: One of `COUNTERS`.
        settings: The tap's settings of its provider.
        span: The range.

    Raises:
        CountError: It has one and does not say it.
    """
    try:
        with requests.Session() as session:
            return COUNTERS[stream](session, settings, span)
    except requests.HTTPError as error:
        raise CountError(f"the provider answered {error.response.status_code}") from None
    except requests.RequestException as error:
        raise CountError(f"the provider did not answer: {type(error).__name__}") from None
    except (KeyError, TypeError, ValueError):
        raise CountError("the provider's answer holds no count") from None


def _burki(session: requests.Session, settings: Mapping[str, Any], span: Range) -> Count:
    """https://docs.burki.dev/api-reference/calls/get-count: both ends inclusive, naive UTC."""
    url = _url("burki", settings) + "/api/v1/calls/count"
    params = {
        "date_from": _naive(span.start),
        "date_to": _naive(span.end - timedelta(microseconds=1)),
        "status": settings.get("status"),
        "assistant_id": settings.get("assistant_id"),
    }
    _identify(session, settings["api_key"])
    found = int(_json(session.get(url, params=params, timeout=_TIMEOUT_SECONDS))["count"])
    return Count(found, found)


def _anunzi(session: requests.Session, settings: Mapping[str, Any], span: Range) -> Count | None:
    """Anunzi documents no count: only a workspace of Retell is asked."""
    if settings.get("filter_dialect") != "retell":
        return None
    return _retell(session, {"api_url": URLS["anunzi"]["api_url"], **settings}, span)


def _retell(session: requests.Session, settings: Mapping[str, Any], span: Range) -> Count:
    """`include_total`, https://docs.retellai.com/api-references/list-calls."""
    url = _url("retell", settings) + "/v3/list-calls"
    criteria = dict(settings.get("filter_criteria", {}))
    if settings.get("agent_ids"):
        criteria["agent"] = [{"agent_id": agent} for agent in settings["agent_ids"]]
    _identify(session, settings["api_key"])

    def between(start: datetime, end: datetime) -> int:
        times = [_milliseconds(start), _milliseconds(end)]
        when = {"start_timestamp": {"type": "range", "op": "bt", "value": times}}
        body = {"limit": 1, "include_total": True, "filter_criteria": {**criteria, **when}}
        return int(_json(session.post(url, json=body, timeout=_TIMEOUT_SECONDS))["total"])

    return Count(
        between(span.start, span.end - _MILLISECOND), between(span.start - _MILLISECOND, span.end)
    )


def _twin24(session: requests.Session, settings: Mapping[str, Any], span: Range) -> Count:
    """`count` of the list, https://developers.twin24.ai/reference/callslist."""
    url = _url("twin24", settings) + "/search/cis/calls"
    _identify(session, settings.get("access_token") or _twin24_token(session, settings))

    def between(start: datetime, end: datetime) -> int:
        params = {
            **settings.get("extra_params", {}),
            "fields": "id",
            "from": start.isoformat(timespec="seconds"),
            "to": end.isoformat(timespec="seconds"),
            "limit": 1,
        }
        companies = [{"companyIds": company} for company in settings.get("company_ids", [])]
        return sum(
            int(_json(session.get(url, params=params | one, timeout=_TIMEOUT_SECONDS))["count"])
            for one in companies or [{}]
        )

    return Count(between(span.start, span.end - _SECOND), between(span.start - _SECOND, span.end))


def _twin24_token(session: requests.Session, settings: Mapping[str, Any]) -> str:
    url = _url("twin24", settings, "auth_url") + "/auth/login"
    body = {"email": settings["email"], "password": settings["password"]}
    if settings.get("company_id"):
        body["companyId"] = settings["company_id"]
    return str(_json(session.post(url, json=body, timeout=_TIMEOUT_SECONDS))["token"])


def _url(provider: str, settings: Mapping[str, Any], name: str = "api_url") -> str:
    """An address: the one of the settings, else the tap's default."""
    return str(settings.get(name, URLS[provider][name])).rstrip("/")


def _identify(session: requests.Session, token: str) -> None:
    session.headers["Authorization"] = f"Bearer {token}"


def _json(answer: requests.Response) -> dict[str, Any]:
    answer.raise_for_status()
    body: dict[str, Any] = answer.json()
    return body


def _naive(instant: datetime) -> str:
    return instant.replace(tzinfo=None).isoformat(timespec="microseconds")


def _milliseconds(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


#: The streams a provider counts by the time their rows are known by.
COUNTERS = {
    "anunzi_calls": _anunzi,
    "retell_calls": _retell,
    "twin24_calls": _twin24,
    "burki_calls": _burki,
    "burki_call_list": _burki,
}
