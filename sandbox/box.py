"""The sandbox: all providers behind one port, with a clock that can be moved on."""

from __future__ import annotations

import pkgutil
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from .api import Api
from .http import Json, LoggedRequest, RefusalError, Reply, Request
from .instants import UTC, parse
from .server import Server
from .table import Plan

if TYPE_CHECKING:
    from typing_extensions import Self

    from .table import Record

_DEFAULT_START = datetime(2024, 5, 1, tzinfo=UTC)
_DEFAULT_END = datetime(2024, 6, 1, tzinfo=UTC)
#: How long after the end of its calls a sandbox's own clock stands.
_INGESTION_DELAY = timedelta(minutes=5)


def providers() -> dict[str, type[Api]]:
    """Every `Api` of this folder that has a name, by that name."""
    names = [each.name for each in pkgutil.iter_modules([str(Path(__file__).parent)])]
    modules = [import_module(f"{__package__}.{name}") for name in names if name[0] != "_"]
    found = [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Api)
        and value.__module__ == module.__name__
    ]
    return {api.name: api for api in found if hasattr(api, "name")}


class Sandbox:
    """The call APIs on localhost. Use it as a context manager, or `open` and `close` it.

    Each provider is an attribute: `box.videsk`.
    """

    def __init__(
        self,
        seed: int = 1,
        rows: int = 200,
        start: datetime = _DEFAULT_START,
        end: datetime = _DEFAULT_END,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        own_clock: bool = False,
    ) -> None:
        """Plan `rows` calls per provider in [start, end); the same arguments give the same.

        With `own_clock` responses are dated five minutes after the end of the calls.
        """
        self._own_clock = own_clock
        plan = Plan(seed, rows, start.astimezone(UTC), end.astimezone(UTC))
        self.start, self.end = plan.start, plan.end
        self.apis: dict[str, Api] = {name: api(plan) for name, api in providers().items()}
        #: Requests to no provider at all, such as those that followed a redirect.
        self.strays: list[LoggedRequest] = []
        self._routes = {prefix: api for api in self.apis.values() for prefix in api.prefixes}
        self._host, self._port = host, port
        self._server: Server | None = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a provider, with its own options
        api = self.__dict__.get("apis", {}).get(name)
        if api is None:
            raise AttributeError(name)
        return api

    def open(self) -> Self:
        """Start serving; after a `close`, on the same port again."""
        if self._server is None:
            self._server = Server((self._host, self._port), self._route, self._clock_offset)
            self._port = self._server.server_address[1]
            for api in self.apis.values():
                api.base_url = self.url
            self._server.run_in_thread()
        return self

    def close(self) -> None:
        """Stop serving and drop every connection."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def __enter__(self) -> Self:
        """Start serving."""
        return self.open()

    def __exit__(self, *exception: object) -> None:
        """Stop serving."""
        self.close()

    @property
    def url(self) -> str:
        """Where the sandbox listens (once it was opened)."""
        if not self._port:
            raise RuntimeError("the sandbox has no address before it is opened")
        return f"http://{self._host}:{self._port}"

    def config(self) -> dict[str, Any]:
        """The provider objects of the tap's configuration."""
        return {name: api.config() for name, api in self.apis.items()}

    def truth(self, stream: str) -> dict[tuple[Any, ...], Record]:
        """What a stream of any provider must contain now."""
        for api in self.apis.values():
            if stream in api.streams:
                return api.truth(stream)
        raise KeyError(stream)

    def grow(self, seed: int, until: datetime | None = None) -> dict[str, dict[str, int]]:
        """Let time pass until `until` (by default a tenth of the first period)."""
        old_end = self.end
        until = until.astimezone(UTC) if until else old_end + (old_end - self.start) / 10
        if until - old_end < timedelta(seconds=1):
            raise ValueError("time can only be moved on, by a second at least")
        self.end = until
        return {name: api.grow(seed, old_end, until) for name, api in self.apis.items()}

    # -- routing ----------------------------------------------------------------------------

    def _clock_offset(self, path: str) -> float:
        api = self._routes.get(_first(path))
        offset = api.clock_offset_seconds if api else 0.0
        if self._own_clock:
            offset += (self.end + _INGESTION_DELAY - datetime.now(UTC)).total_seconds()
        return offset

    def _route(self, request: Request) -> Reply:
        first = _first(request.path)
        if first in self._routes:
            return self._routes[first].serve(request)
        if first == "control":
            try:
                return Reply.of_json(200, self._control(request))
            except RefusalError as refusal:
                return Reply.of_json(refusal.status, {"error": refusal.message})
        self.strays.append(LoggedRequest.of(request, 404))
        return Reply.of_json(404, {"error": "no such path"})

    def _control(self, request: Request) -> Json:
        """The few things a demo may do from outside."""
        _, action, *rest = [unquote(part) for part in request.path.strip("/").split("/")] + [""]
        subject = rest[0] if rest else ""
        if request.method == "POST" and action == "grow":
            return self._control_grow(request.body)
        if request.method == "GET" and action == "health":
            return {"status": "ok", "start": self.start.isoformat(), "end": self.end.isoformat()}
        if request.method == "GET" and action == "requests" and subject in self.apis:
            return {"count": len(self.apis[subject].requests)}
        if request.method == "GET" and action == "truth":
            try:
                return list(self.truth(subject).values())
            except KeyError:
                raise RefusalError(404, f"no stream {subject!r}") from None
        raise RefusalError(404, "no such control")

    def _control_grow(self, body: Json) -> dict[str, dict[str, int]]:
        until = body.get("until") if isinstance(body, dict) else None
        try:
            moment = parse(until) if until else None
            return self.grow(int(self.end.timestamp()), moment)
        except (TypeError, ValueError) as error:
            raise RefusalError(400, str(error)) from None


def _first(path: str) -> str:
    return path.split("/", 2)[1] if path.startswith("/") else ""
