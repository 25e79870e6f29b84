"""The smallest honest clients of the four apis, for the tests of the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests

    from sandbox import Sandbox

Record = dict[str, Any]
Value = Any

MAY = {"start": "2024-05-01T00:00:00.000Z", "end": "2024-06-01T00:00:00.000Z"}
FIELDS = "callId,startedAt,duration,totalCost,companyId,allResults,externalId"


def videsk(box: Sandbox, http: requests.Session, **body: object) -> requests.Response:
    return videsk_export(box, http, "calls", body)


def videsk_export(
    box: Sandbox, http: requests.Session, name: str, body: Mapping[str, object] | None = None
) -> requests.Response:
    return http.post(
        f"{box.url}/videsk/reports/exports/{name}",
        headers={"X-API-Token": f"Bearer {box.videsk.options.token}"},
        json={"$sort": 1, "timezone": "UTC", **MAY, **(body or {})},
        timeout=10,
    )


def anunzi(box: Sandbox, http: requests.Session, **body: object) -> requests.Response:
    return http.post(
        f"{box.url}/anunzi/v3/list-calls",
        headers={"Authorization": f"Bearer {box.anunzi.options.api_key}"},
        json={"sort_order": "ascending", **body},
        timeout=10,
    )


def anunzi_all(box: Sandbox, http: requests.Session, **body: object) -> list[list[Record]]:
    """All pages of a scan."""
    pages: list[list[Record]] = []
    cursor: Record = {}
    while True:
        page = anunzi(box, http, **body, **cursor).json()
        pages.append(page["items"])
        if not page["has_more"]:
            return pages
        cursor = {"pagination_key": page["pagination_key"]}


def anunzi_call(box: Sandbox, http: requests.Session, call_id: str) -> requests.Response:
    path = box.anunzi.options.details_path.format(call_id=call_id)
    return http.get(
        f"{box.url}/anunzi{path}",
        headers={"Authorization": f"Bearer {box.anunzi.options.api_key}"},
        timeout=10,
    )


def login(box: Sandbox, http: requests.Session, **body: object) -> str:
    options = box.twin24.options
    reply = http.post(
        f"{box.url}/twin24-iam/api/v1/auth/login",
        json={"email": options.email, "password": options.password, **body},
        timeout=10,
    )
    return str(reply.json()["token"])


def twin24(
    box: Sandbox, http: requests.Session, token: str = "", **query: Value
) -> requests.Response:
    return http.get(
        f"{box.url}/twin24/api/v1{box.twin24.options.path}",
        headers={"Authorization": f"Bearer {token or box.twin24.static_token}"},
        params={"fields": FIELDS, "sort": "startedAt", **query},
        timeout=10,
    )


def twin24_calls(
    box: Sandbox, http: requests.Session, token: str = "", **query: Value
) -> requests.Response:
    return http.get(
        f"{box.url}/twin24/api/v1/search/cis/calls",
        headers={"Authorization": f"Bearer {token or box.twin24.static_token}"},
        params={"fields": "id,createdAt,duration", "sort": "createdAt", **query},
        timeout=10,
    )


def burki(
    box: Sandbox, http: requests.Session, path: str = "export", **query: Value
) -> requests.Response:
    return http.get(
        f"{box.url}/burki/api/v1/calls/{path}",
        headers={"Authorization": f"Bearer {box.burki.options.api_key}"},
        params=query,
        timeout=10,
        allow_redirects=False,
    )
