"""The smallest honest clients of the APIs, for the tests of the mocks.

Each makes one request, and answers what the server said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import requests

    from sandbox import Sandbox

MAY = {"start": "2024-05-01T00:00:00.000Z", "end": "2024-06-01T00:00:00.000Z"}


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def videsk(
    box: Sandbox, http: requests.Session, export: str = "calls", **body: Any
) -> requests.Response:
    return http.post(
        f"{box.url}/videsk/reports/exports/{export}",
        headers={"X-API-Token": f"Bearer {box.videsk.options.token}"},
        json={"$sort": 1, "timezone": "UTC", **MAY, **body},
        timeout=10,
    )


def anunzi(
    box: Sandbox, http: requests.Session, call_id: str = "", **body: Any
) -> requests.Response:
    headers = _bearer(box.anunzi.options.api_key)
    if call_id:
        path = box.anunzi.options.details_path.format(call_id=call_id)
        return http.get(f"{box.url}/anunzi{path}", headers=headers, timeout=10)
    body = {"sort_order": "ascending", **body}
    return http.post(f"{box.url}/anunzi/v3/list-calls", headers=headers, json=body, timeout=10)


def twin24(
    box: Sandbox, http: requests.Session, path: str = "", token: str = "", **query: Any
) -> requests.Response:
    return http.get(
        f"{box.url}/twin24/api/v1{path or box.twin24.options.path}",
        headers=_bearer(token or box.twin24.static_token),
        params={"fields": "duration", **query},
        timeout=10,
    )


def login(box: Sandbox, http: requests.Session, **body: Any) -> requests.Response:
    options = box.twin24.options
    credentials = {"email": options.email, "password": options.password, **body}
    url = f"{box.url}/twin24-iam/api/v1/auth/login"
    return http.post(url, json=credentials, timeout=10)


def burki(
    box: Sandbox, http: requests.Session, path: str = "export", **query: Any
) -> requests.Response:
    return http.get(
        f"{box.url}/burki/api/v1/calls/{path}",
        headers=_bearer(box.burki.options.api_key),
        params=query,
        timeout=10,
        allow_redirects=False,
    )
