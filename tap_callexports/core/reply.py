"""One HTTP answer, read whole: complete, decompressed, bounded in time and size."""

from __future__ import annotations

import re
import time
import zlib
from dataclasses import dataclass
from decimal import Decimal
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
import urllib3

from tap_callexports.core.errors import TransientFailure, WindowTooLarge
from tap_callexports.core.redact import without_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests

#: No answer may be larger than this once decompressed; a window that needs more is split.
MAX_BODY_BYTES = 512 << 20
_CHUNK = 1 << 16
_SHOWN_CHARS = 200

#: What may be somebody's phone number.
_LONG_NUMBER = re.compile(r"\+?\d{7,}")

_json = msgspec.json.Decoder(float_hook=Decimal)


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, headers and decompressed body of an answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Any 2xx: Videsk answers its reads with 201."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    def json(self) -> Any:  # noqa: ANN401 - any JSON value
        """The body as JSON, fractions as Decimal so that money stays exact.

        Raises:
            TransientFailure: The body is not whole, valid JSON.
        """
        try:
            return _json.decode(self.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ArithmeticError):
            raise TransientFailure(f"{self.status} with {self.kind} instead of JSON") from None

    @property
    def kind(self) -> str:
        """What the body is, without saying what is in it."""
        if not self.body.strip():
            return "an empty body"
        media_type = self.headers.get("Content-Type", "").split(";")[0].strip()
        start = self.body.lstrip()[:1]
        if start in {b"{", b"["}:
            return "broken JSON"
        return "HTML" if start == b"<" else shown(media_type or "something", 40)

    @property
    def said(self) -> str:
        """What the server says went wrong, as ` (...)` to put behind a message; else nothing.

        Taken from the fields APIs use for it, escaped, shortened and without phone numbers; never
        other parts of a body.
        """
        try:
            body = msgspec.json.decode(self.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return ""
        if not isinstance(body, dict):
            return ""
        names = ("message", "error_message", "error", "detail", "details", "data")
        said = (body.get(name) for name in names)
        text = "; ".join(shown(text) for text in said if isinstance(text, str) and text)
        return f" ({_LONG_NUMBER.sub('[number]', text)})" if text else ""

    @property
    def retry_after(self) -> float | None:
        """Seconds the server asks to wait (`Retry-After` as seconds or date, `Ratelimit-Reset`)."""
        for header in ("Retry-After", "Ratelimit-Reset"):
            text = self.headers.get(header, "").strip()
            if text.isascii() and text.isdigit():
                return float(text)
            if text and header == "Retry-After":
                try:
                    return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
                except (ValueError, TypeError, OverflowError):
                    continue
        return None


def shown(text: str, limit: int = _SHOWN_CHARS) -> str:
    """Foreign text made safe for one log line: printable, shortened."""
    clean = "".join(char if char.isprintable() else " " for char in without_secrets(text))
    return clean if len(clean) <= limit else clean[:limit] + "…"


def read_reply(response: requests.Response, deadline: float) -> Reply:
    """Read the body of a streamed response.

    Args:
        response: An open response whose body was not read yet.
        deadline: `time.monotonic()` after which a slow body is given up.

    Raises:
        TransientFailure: The body is cut short, does not decompress, or drips past the deadline.
        WindowTooLarge: The decompressed body passes MAX_BODY_BYTES.
    """
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16) if "gzip" in encoding else None
    body, received = bytearray(), 0
    try:
        while chunk := response.raw.read1(_CHUNK, decode_content=False):
            if time.monotonic() > deadline:
                raise TransientFailure("the answer came too slowly", heavy=True)
            received += len(chunk)
            body += inflate.decompress(chunk, MAX_BODY_BYTES) if inflate else chunk
            if len(body) >= MAX_BODY_BYTES:
                raise WindowTooLarge(f"an answer of over {MAX_BODY_BYTES >> 20} MiB")
    except urllib3.exceptions.ReadTimeoutError:
        raise TransientFailure("no answer in time", heavy=True) from None
    except (urllib3.exceptions.HTTPError, OSError):
        raise TransientFailure("the answer was cut short") from None
    except zlib.error:
        raise TransientFailure("the answer does not decompress") from None
    if inflate and received and not inflate.eof:
        raise TransientFailure("the answer was cut short")
    return Reply(response.status_code, response.headers, bytes(body))
