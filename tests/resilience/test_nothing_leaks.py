"""No credential and no person's data is anywhere but where it belongs, whatever a server sends."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from itertools import count
from urllib.parse import urlsplit

import pytest
from forked import Ended, run
from one_answer import SECRETS, answer, row
from one_answer import config as one_config
from raw_server import Asked, RawServer, http
from spellings import WAYS, found, squeezed
from support import JSON, secrets_in

from sandbox import Fault, Sandbox
from tap_callexports.providers import PROVIDERS
from tap_callexports.tap import TapCallExports

MAY = {"start_date": "2024-05-01", "end_date": "2024-06-01"}
FOR_EVER = 10**6
STREAMS = ("videsk_calls", "anunzi_calls", "twin24_incoming_calls", "burki_calls")
LOGIN = {"email": "canary.person@example.com", "password": 'Pä"ss/Wörd+Canary\\=19'}
CANARY_SECRETS = [
    *(next(iter(secret.values())) for name, secret in SECRETS.items() if name != "twin24"),
    LOGIN["password"],
]


def token(number: int) -> str:
    """The token of a login: what it names and its signature are its own."""
    claims = base64.urlsafe_b64encode(b'{"exp": 4102444800, "n": %d}' % number).decode()
    return f"Head{number}Canary.{claims.rstrip('=')}.Sign{number}Canary/+Token"


class Echo(RawServer):
    """A server that says back everything it hears.

    Args:
        status: Status line of the answers.
        way: How what it says is spelled.
        place: Where it is said.
    """

    def __init__(self, status: str, way: str, place: str = "message") -> None:
        super().__init__(self._echo)
        self._status, self._way, self._place = status, WAYS[way], place
        self._logins = count(1)
        self.secrets = set(CANARY_SECRETS)

    def _echo(self, asked: Asked) -> Iterator[bytes]:
        if "auth/login" in asked.path:
            given = token(next(self._logins))
            self.secrets.add(given)
            yield http(json.dumps({"token": given}).encode())
            return
        # A short text is cut nowhere, so that what is said is said whole.
        words = [word for word in sorted(self.secrets) if word.encode("latin-1") in asked.head]
        said = self._way(words[0] if words else LOGIN["password"])
        yield self._said(said, asked)

    def _said(self, said: str, asked: Asked) -> bytes:
        whole = self._way(asked.head.decode("latin-1") + asked.body.decode("latin-1"))
        if self._place == "html":
            return http(f"<html>{said}{whole}</html>".encode(), status=self._status)
        if self._place == "headers":
            line = squeezed(said).encode().decode("latin-1")
            lines = [f"X-Echo: {line}", f"Content-Type: {line}", f"no colon {line}"]
            lines.append(f"Location: https://{line}@{line}.example/{line}?{line}")
            return http(b"{", *lines, status=self._status)
        if self._place == "types":
            rows = json.dumps({name: [said, {"a": whole}] for name in json.loads(row())})
            return http(answer(rows.encode(), count=said, total=said), status=self._status)
        body = {"error": said, "message": said, "detail": [{"input": whole}], "rows": [whole]}
        text = json.dumps(body).encode()
        return http(text[:-9] if self._place == "cut" else text, status=self._status)


def echoed(server: Echo, level: str = "DEBUG") -> Ended:
    """A run against a server that says everything back."""
    with server:
        config = one_config(server.url, twin24={"access_token": None, **LOGIN})
        config["twin24"]["auth_url"] = server.url
        return run(config, streams=STREAMS, level=level)


def assert_no_secret(ended: Ended, secrets: Iterable[str]) -> None:
    """Nothing that was written holds a secret, and nothing is left behind."""
    secrets = list(secrets)
    assert found(ended.err, secrets) == []
    rest = [line for line in ended.messages if line["type"] != "RECORD"]
    assert found(json.dumps(rest), secrets) == []
    assert ended.files == []
    assert "unexpected" not in ended.err
    assert "\x1b" not in ended.err


def assert_no_secret_in_addresses(server: Echo) -> None:
    """Credentials are in headers and the login's body only."""
    for asked in server.asked:
        assert found(asked.head.split(b"\r\n")[0].decode(), server.secrets) == []
        if "auth/login" not in asked.path:
            assert found(asked.body.decode(), server.secrets) == []


@pytest.mark.covers(126, 172)
@pytest.mark.parametrize("way", WAYS)
def test_a_credential_said_back_in_an_error_is_hidden_however_it_is_spelled(way: str) -> None:
    server = Echo("400 Bad Request", way)
    ended = echoed(server)
    assert ended.code == 1
    *each, last = ended.errors
    assert sum("400" in line for line in each) == last.count("400") == len(STREAMS)
    assert "[hidden]" in ended.err
    assert len(server.secrets) == len(CANARY_SECRETS) + 1, "those of the config, and a login's"
    assert_no_secret(ended, server.secrets)
    assert_no_secret_in_addresses(server)


@pytest.mark.covers(106, 126, 172)
@pytest.mark.parametrize(
    ("status", "place"),
    [
        ("403 Forbidden", "message"),
        ("404 Not Found", "message"),
        ("422 Unprocessable", "message"),
        ("429 Too Many", "message"),
        ("503 Unavailable", "message"),
        ("504 Too slow", "message"),
        ("200 OK", "message"),
        ("200 OK", "html"),
        ("500 Broken", "html"),
        ("200 OK", "cut"),
        ("200 OK", "headers"),
        ("302 Found", "headers"),
        ("308 Moved", "headers"),
        ("500 Broken", "headers"),
    ],
)
def test_a_credential_said_back_anywhere_is_hidden(status: str, place: str) -> None:
    server = Echo(status, "plain", place)
    ended = echoed(server)
    assert ended.code == 1
    assert_no_secret(ended, server.secrets)
    assert_no_secret_in_addresses(server)


@pytest.mark.covers(126)
@pytest.mark.parametrize("provider", [provider.name for provider in PROVIDERS])
def test_a_refusal_that_repeats_the_credential_is_told_without_it(provider: str) -> None:
    server = Echo("401 Unauthorized", "within words")
    with server:
        config = one_config(server.url)
        if provider == "twin24":
            config["twin24"] |= {"access_token": None, "auth_url": server.url, **LOGIN}
        ended = run({key: config[key] for key in (*MAY, provider)}, level="DEBUG")
    line, last = ended.errors
    for text in (line, last):
        assert "401" in text
        assert "[hidden]" in text
    # A token that is refused is renewed, and the new one is as secret.
    assert len(server.secrets) == len(CANARY_SECRETS) + (2 if provider == "twin24" else 0)
    assert_no_secret(ended, [*server.secrets, *SECRETS[provider].values()])


@pytest.mark.covers(126, 172)
def test_a_credential_in_a_row_is_data_and_is_logged_nowhere() -> None:
    server = Echo("200 OK", "plain", "types")
    ended = echoed(server)
    assert_no_secret(ended, server.secrets)


# People's data.

PHONES = ("+15555550187", "+1 (555) 555-0187", "555-555-0187", "1.555.555.0187", "0015555550187")
PERSON = "somebody.private@example.org"
TRANSCRIPT = "Quiero cancelar mi plan y hablar con una persona"


def private_texts(box: Sandbox) -> set[str]:
    """What the streams' schemas call personal, as far as it could be nothing else."""
    found: set[str] = set()
    for name, stream in TapCallExports(config={}).streams.items():
        columns = stream.schema["properties"]
        personal = [column for column in columns if "personal data" in str(columns[column])]
        for record in box.truth(name).values():
            values = [record[column] for column in personal if record.get(column)]
            found.update(v if isinstance(v, str) else json.dumps(v) for v in values)
    return {text for text in found if len(text) > 8}


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """The four APIs, with calls of one person."""
    with Sandbox(seed=4, rows=12) as running:
        running.twin24.options.tokens_valid_requests = 5
        plant(running)
        yield running


def plant(box: Sandbox) -> None:
    """Let one call of each kind be this person's."""
    for stream, columns in {
        "anunzi_call_details": {"transcript": TRANSCRIPT, "from_number": PHONES[0]},
        "videsk_comments": {"comments": f"{TRANSCRIPT} {PERSON}"},
        "videsk_extra_data": {"integration_data": json.dumps({"mail": PERSON})},
        "twin24_incoming_calls": {"number": PHONES[4]},
        "burki_calls": {"customer_phone_number": PHONES[0]},
        "burki_call_transcripts": {"content": TRANSCRIPT},
    }.items():
        for api in box.apis.values():
            if stream in api.streams:
                handle = api.of(stream)
                known = {k: v for k, v in columns.items() if k in handle.rows[0].canonical}
                handle.amend(handle.rows[0], **known)


def rows_of(box: Sandbox, provider: str) -> str:
    """Rows of a provider, as a server may put them into an error."""
    return json.dumps([list(box.truth(name).values())[:3] for name in box.apis[provider].streams])


def troubles(rows: str) -> dict[str, Fault]:
    """Trouble whose body holds people's data, as these rows."""
    spoken = json.dumps({"message": f"bad rows of {' and '.join(PHONES)}, {PERSON}"})
    listed = f'{{"errors": {rows}, "detail": {rows}, "data": {rows}, "message": ""}}'
    return {
        "rows in a 400": Fault("status", status=400, body=listed, times=FOR_EVER),
        "rows in a 503": Fault("status", status=503, body=listed, times=FOR_EVER),
        "numbers in a 422": Fault("status", status=422, body=spoken, times=FOR_EVER),
        "numbers in a 500": Fault("status", status=500, body=spoken, times=FOR_EVER),
        "rows in HTML": Fault("html", body=f"<html>{rows}</html>", times=FOR_EVER),
        "rows in an error object": Fault("error_object", body=listed, times=FOR_EVER),
        "numbers in an error object": Fault("error_object", body=spoken, times=FOR_EVER),
        "a list of other things": Fault("error_object", body=rows, times=FOR_EVER),
        "cut JSON": Fault("cut_json", times=FOR_EVER),
        "a cut body": Fault("cut_body", times=FOR_EVER),
        "every third answer cut": Fault("cut_json", times=FOR_EVER, every=3),
        "nothing": Fault("empty", times=FOR_EVER),
        "a redirect": Fault("redirect", times=FOR_EVER),
    }


@pytest.mark.covers(93, 171, 173)
@pytest.mark.parametrize("name", [*troubles("[]"), "no trouble"])
def test_no_person_is_in_the_log_or_the_state(box: Sandbox, name: str) -> None:
    private = {*private_texts(box), PERSON, TRANSCRIPT, "5555550187", "555-0187", "555.0187"}
    assert len(private) > 100
    for api in box.apis.values():
        api.faults.clear()
        api.requests.clear()
        if name != "no trouble":
            fault = troubles(rows_of(box, api.name))[name]
            api.faults.add(fault, skip=1, when=lambda asked: "auth/login" not in asked.path)
    config = {**MAY, **box.config()}
    # Several workers would use up the few requests of a token between them.
    config["twin24"] = {**config["twin24"], "max_concurrency": 1}
    ended = run(config, streams=[name for api in box.apis.values() for name in api.streams])
    assert ended.code == (0 if name in {"no trouble", "every third answer cut"} else 1)
    rest = json.dumps([line for line in ended.messages if line["type"] != "RECORD"])
    for written in (ended.err, rest):
        assert [text for text in private if text in written or json.dumps(text) in written] == []
    tokens = {asked.headers.get("authorization", "") for asked in box.twin24.requests}
    secrets = {token.removeprefix("Bearer ") for token in tokens if token}
    secrets |= secrets_in(box.config())
    assert_no_secret(ended, secrets)
    # The key to a web call's room is in no record either.
    assert "canary-access-token" not in ended.out + ended.err
    assert box.strays == []


@pytest.mark.covers(109, 171)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_request_goes_anywhere_but_to_the_configured_host(box: Sandbox, status: int) -> None:
    with Sandbox(seed=9, rows=3) as elsewhere:
        for api in box.apis.values():
            api.faults.clear()
            api.requests.clear()
            away = f"{elsewhere.url}/{api.name}/anything?token=1"
            headers = {"Location": away, "Refresh": f"0; url={away}", "Link": f"<{away}>; rel=next"}
            api.faults.add(Fault("status", status=status, headers=headers, times=FOR_EVER))
        alone = {name: {**more, "max_concurrency": 1} for name, more in box.config().items()}
        ended = run({**MAY, **alone}, streams=STREAMS, level="DEBUG")
        assert ended.code == 1
        assert "token=1" not in ended.err
        assert all(api.requests == [] for api in elsewhere.apis.values())
        assert elsewhere.strays == []
    host = urlsplit(box.url).netloc
    sent = [asked for api in box.apis.values() for asked in api.requests]
    assert {asked.headers["host"] for asked in sent} == {host}
    # One that is refused is not sent again.
    assert len(sent) <= len(STREAMS) + 1, [(asked.path, asked.status) for asked in sent]
    for asked in sent:
        assert found(f"{asked.path} {asked.query}", secrets_in(box.config())) == []


@pytest.mark.covers(176)
@pytest.mark.parametrize(
    "mark", ["\n", "\r", "\r\n", "\x1b[2K", "\x00", "\u2028", "\x85", "\u202e"]
)
def test_a_server_s_words_stay_on_their_line(box: Sandbox, mark: str) -> None:
    forged = "2024-01-01 00:00:00,000 | ERROR    | tap-callexports | all is well"
    body = json.dumps({"message": f"no{mark}{forged}{'x' * 5000}"})
    box.burki.faults.clear()
    box.burki.faults.add(Fault("status", status=400, body=body, times=FOR_EVER))
    config: JSON = {**MAY, "burki": box.burki.config()}
    ended = run(config, streams=["burki_call_list"])
    line, _ = ended.errors
    assert line.startswith("Burki (burki_call_list): 400")
    assert mark not in line
    assert len(line) < 400
    assert not any(text.startswith("2024-01-01") for text in ended.err.splitlines())
