"""No credential and no person's data is anywhere but where it belongs, whatever a server sends."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import pytest
from expected_streams import BY_NAME, FIRST_OF
from process import Outcome, command
from raw_server import Asked, RawServer, http
from support import JSON, catalog_of, secrets_in

from sandbox import Fault, Sandbox
from tap_callexports.providers import PROVIDERS
from tap_callexports.tap import TapCallExports

MAY = {"start_date": "2024-05-01", "end_date": "2024-06-01"}
DEBUG = {"TAP_CALLEXPORTS_LOGLEVEL": "DEBUG"}
FOR_EVER = 10**6
CANARY = "Can4ry+{}/T%ken=5f1c~\\9"
_GAPS = re.compile(r"\s+|\\+[nrt]?")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


#: How a server may send a text back; other ways are in tests/unit/test_redaction.py.
WAYS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "JSON in JSON": lambda text: json.dumps(json.dumps(json.dumps(text))),
    "base64 of a header": lambda text: _base64(f"Bearer {text}"),
}
PLACES = [
    ("403 Forbidden", "message"),
    ("429 Too Many", "message"),
    ("503 Unavailable", "message"),
    ("200 OK", "message"),
    ("200 OK", "html"),
    ("200 OK", "cut"),
    ("200 OK", "headers"),
    ("308 Moved", "headers"),
    ("500 Broken", "headers"),
]


def squeezed(text: str) -> str:
    """A text without what may hide another in it: case, line wraps and quoting."""
    return _GAPS.sub("", text).lower()


def found(text: str, secrets: Iterable[str]) -> list[str]:
    """The secrets that can be read out of a text, or a dozen letters of them."""
    text = squeezed(text)
    return [secret for secret in secrets if any(squeezed(f) in text for f in _forms(secret))]


def _forms(secret: str) -> Iterator[str]:
    yield from (secret[:12], secret[-12:], json.dumps(secret)[1:-1])
    yield from (_base64(f"{before}{secret}")[4:16] for before in ("", ".", ".."))


def accounts_at(url: str) -> JSON:
    """Every provider at one address, with the shortest of its credentials."""
    config: JSON = dict(MAY)
    for provider in PROVIDERS:
        group = min(provider.credentials, key=len)
        config[provider.name] = {
            **dict.fromkeys(provider.url_settings, url),
            **{name: CANARY.format(provider.title) for name in group},
        }
    return config


class Echo(RawServer):
    """A server that sends back everything it receives, in some spelling and some place."""

    def __init__(self, status: str, way: str, place: str = "message") -> None:
        super().__init__(self._echo)
        self._status, self._way, self._place = status, WAYS[way], place

    def _echo(self, asked: Asked) -> Iterator[bytes]:
        head = asked.head.decode("latin-1")
        secrets = {CANARY.format(provider.title) for provider in PROVIDERS}
        # A short text is cut nowhere, so that what is sent back is sent whole.
        text = self._way(next((secret for secret in secrets if secret in head), "nothing"))
        whole = self._way(head + asked.body.decode("latin-1"))
        if self._place == "html":
            yield http(f"<html>{text}{whole}</html>".encode(), status=self._status)
        elif self._place == "headers":
            line = squeezed(text).encode().decode("latin-1")
            lines = [f"X-Echo: {line}", f"Content-Type: {line}", f"no colon {line}"]
            lines.append(f"Location: https://{line}@{line}.example/{line}?{line}")
            yield http(b"{", *lines, status=self._status)
        else:
            body = {"error": text, "message": text, "detail": [{"input": whole}], "rows": [whole]}
            sent = json.dumps(body).encode()
            yield http(sent[:-9] if self._place == "cut" else sent, status=self._status)


def assert_no_secret(ended: Outcome, secrets: Iterable[str]) -> None:
    """Nothing that was written holds a secret."""
    secrets = list(secrets)
    assert secrets
    assert found(ended.err, secrets) == []
    rest = [line for line in ended.lines if line["type"] != "RECORD"]
    assert found(json.dumps(rest), secrets) == []
    assert "unexpected" not in ended.err
    assert "\x1b" not in ended.err


@pytest.mark.parametrize(
    ("status", "place", "way"),
    [
        *(("400 Bad Request", "message", way) for way in WAYS),
        *((status, place, "plain") for status, place in PLACES),
        ("401 Unauthorized", "message", "plain"),
    ],
)
def test_a_credential_that_is_sent_back_is_hidden(status: str, place: str, way: str) -> None:
    with Echo(status, way, place) as server:
        config = accounts_at(server.url)
        catalog = catalog_of({}, FIRST_OF.values())
        ended = command(config=config, catalog=catalog, env=DEBUG)
    assert ended.code == 1
    secrets = secrets_in(config)
    assert len(secrets) == len(PROVIDERS)
    if status == "400 Bad Request":
        assert "[hidden]" in ended.err
    assert_no_secret(ended, secrets)
    # Credentials are in headers only.
    assert {asked.head.split()[0] for asked in server.asked} <= {b"GET", b"POST"}
    for asked in server.asked:
        assert found(asked.head.split(b"\r\n")[0].decode() + asked.body.decode(), secrets) == []


# People's data.

PHONES = ("+15555550187", "+1 (555) 555-0187", "555-555-0187", "1.555.555.0187", "0015555550187")
PERSON = "somebody.private@example.org"


def private_texts(box: Sandbox) -> set[str]:
    """What the streams' schemas call personal, as far as it could be nothing else."""
    texts: set[str] = set()
    for name, stream in TapCallExports(config={}).streams.items():
        columns = stream.schema["properties"]
        personal = [column for column in columns if "personal data" in str(columns[column])]
        for record in box.truth(name).values():
            values = [record[column] for column in personal if record.get(column)]
            texts.update(v if isinstance(v, str) else json.dumps(v) for v in values)
    return {text for text in texts if len(text) > 8}


_SPOKEN = json.dumps({"message": f"bad rows of {' and '.join(PHONES)}, {PERSON}"})
_LISTED = '{"errors": ROWS, "detail": ROWS, "data": ROWS, "message": ""}'
#: Faults whose body holds people's data; ROWS stands for rows of the provider.
FAULTS = {
    "rows in a 400": Fault("status", status=400, body=_LISTED, times=FOR_EVER),
    "numbers in a 500": Fault("status", status=500, body=_SPOKEN, times=FOR_EVER),
    "rows in an error object": Fault("error_object", body=_LISTED, times=FOR_EVER),
    "a list of other things": Fault("error_object", body="ROWS", times=FOR_EVER),
    "cut JSON": Fault("cut_json", times=FOR_EVER),
    "every third response cut": Fault("cut_json", times=FOR_EVER, every=3),
    "no fault": Fault("slow"),
}


#: Each of the others sends every request as often as the tap tries.
QUICK = ("rows in a 400", "every third response cut", "no fault")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in FAULTS],
)
def test_no_person_is_in_the_log_or_the_state(name: str) -> None:
    with Sandbox(seed=4, rows=12) as box:
        private = {*private_texts(box), PERSON, "5555550187", "555-0187", "555.0187"}
        assert len(private) > 100
        for api in box.apis.values():
            rows = json.dumps([list(box.truth(each).values())[:3] for each in api.streams])
            fault = replace(FAULTS[name], body=FAULTS[name].body.replace("ROWS", rows))
            api.faults.add(fault, skip=1, when=lambda asked: "auth/login" not in asked.path)
        env = DEBUG if name == "no fault" else {}
        ended = command(config={**MAY, **box.config()}, catalog=catalog_of({}, BY_NAME), env=env)
        sent = [asked.headers for api in box.apis.values() for asked in api.requests]
        strays = box.strays
    assert ended.code == (0 if name in {"no fault", "every third response cut"} else 1)
    rest = json.dumps([line for line in ended.lines if line["type"] != "RECORD"])
    for written in (ended.err, rest):
        assert [text for text in private if text in written or json.dumps(text) in written] == []
    tokens = {headers.get("authorization", "").removeprefix("Bearer ") for headers in sent} - {""}
    assert_no_secret(ended, tokens | secrets_in(box.config()))
    # The key to a web call's room is in no record either.
    assert "canary-access-token" not in ended.out + ended.err
    assert strays == []
