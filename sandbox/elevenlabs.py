"""ElevenLabs Agents: conversations by cursor in whole seconds, and each one with its transcript."""

from __future__ import annotations

import json
import random
import re
import zlib
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import unquote

from .api import Api
from .calls import Sparse, best, call, statuses, times
from .compat import override
from .http import Json, RefusalError, Reply, Request
from .instants import EPOCH, SECOND, parse, text
from .invent import Tables, below, hex_text, pick, words
from .query import Place, Query, behind, by_time, cursor, cursor_value
from .table import Kind, Plan, Record, Row, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from .calls import Call, Rows

API_KEY = "xi_canary_key_5c81d0"
_TOO_MANY = "too_many_concurrent_requests"
_ALL = "/v1/convai/conversations"
_ONE = re.compile(_ALL + r"/([^/]+)")
_TABLES = Tables("elevenlabs")
_AGENTS = (("agent_3701", "Agenda médica"), ("agent_4802", "Cobranza"), ("agent_5903", None))
_SOURCES = [each for each, share in _TABLES.plain("sources").items() for _ in range(int(share))]
_WORDS = {name: words(each) for name, each in _TABLES.plain("words").items()}
#: What only the list has, and what only the details have.
_LISTED, _DETAILS = _WORDS["listed"], _WORDS["detailed"]
_UNFINISHED = _WORDS["unfinished"]


@dataclass
class ElevenLabsOptions:
    """The ways in which the real server may behave."""

    after_included: bool = True
    before_included: bool = True
    sort: Literal["honoured", "ignored"] = "honoured"
    range_ignored: bool = False
    page_max: int = 100
    #: Whether the last page has a cursor, too.
    stale_cursor: bool = False
    cursor_ttl_pages: int | None = None
    cursor_refusal_status: int = 422
    #: The form of an error.
    detail: Literal["object", "text"] = "object"
    #: The most requests at once, and what it asks those to wait that are more.
    most_at_once: int | None = None
    retry_after: str = ""
    #: Whether the details of some conversations are still processing when the list says done.
    late_details: bool = False
    #: Conversations that are listed and yet not found.
    vanished: set[str] = field(default_factory=set)
    api_key: str = API_KEY


class ElevenLabsApi(Api):
    """ElevenLabs on localhost."""

    name = "elevenlabs"
    call_streams = ("elevenlabs_conversations", "elevenlabs_conversation_details")
    keys: ClassVar = dict.fromkeys(call_streams, ("conversation_id",))

    def __init__(self, plan: Plan) -> None:
        """Set up the provider with default behaviour."""
        self.options = ElevenLabsOptions()
        super().__init__(plan)

    @override
    def config(self) -> dict[str, Any]:
        """The tap's `elevenlabs` object."""
        return {"api_url": f"{self.base_url}/elevenlabs", "api_key": self.options.api_key}

    @override
    def error(self, status: int, message: str = "", detail: Json = None) -> Reply:
        """An object with a word and a message, or only a message."""
        message = message or f"error {status}"
        word = detail or {429: "system_busy"}.get(status, f"error_{status}")
        if self.options.detail == "text" and word != _TOO_MANY:
            shown: Json = message
        else:
            shown = detail if isinstance(detail, list) else {"status": word, "message": message}
        wait = self.options.retry_after if word == _TOO_MANY else ""
        reply = Reply.of_json(status, {"detail": shown})
        reply.headers |= {"Retry-After": wait} if wait else {}
        return reply

    @override
    def _tables(self) -> dict[str, Table]:
        kind = Kind(
            make=_make,
            mature=_mature,
            key="conversation_id",
            time="start_time",
            by_time=True,
            is_open=lambda record: record["status"] in _UNFINISHED,
            step=SECOND,
        )
        return dict.fromkeys(self.keys, self.table(kind))

    @override
    def _record(self, stream: str, row: Row) -> Record | None:
        record = row.canonical
        if record["start_time"] is None:  # out of reach of any range
            return None
        if stream == self.streams[0]:
            return {name: value for name, value in record.items() if name not in _DETAILS}
        if row.key in self.options.vanished or record["status"] in _UNFINISHED:
            return None
        details = self._detailed(record)
        return None if details["status"] in _UNFINISHED else details

    def _detailed(self, record: Record, secret: str = "") -> Record:
        """A record as the details have it; what was said is made from the id alone."""
        late = self.options.late_details and zlib.crc32(record["conversation_id"].encode()) % 4 == 0
        status = "processing" if late and record["status"] == "done" else record["status"]
        metadata = {
            "start_time_unix_secs": _unix(record["start_time"]),
            **{name: record[name] for name in words("call_duration_secs cost cost_fiat")},
            **record["metadata"],
            "conversation_initiation_source": record["conversation_initiation_source"],
        }
        said = _transcript(record, secret)
        details = {"transcript": said, **record, "metadata": metadata, "status": status}
        return {name: value for name, value in details.items() if name not in _LISTED}

    def _encode_details(self, row: Row) -> bytes:
        secret = f"canary-secret-{row.key}"
        wire, name = self._detailed(row.canonical, secret), "conversation_initiation_client_data"
        if isinstance(wire[name], dict):
            variables = {**wire[name]["dynamic_variables"], "secret__crm": secret}
            wire[name] = {**wire[name], "dynamic_variables": variables}
        del wire["start_time"]
        wire |= row.extra_wire
        return json.dumps(wire, ensure_ascii=False).encode()

    # -- endpoints --------------------------------------------------------------------------

    @override
    def _answer(self, request: Request) -> Reply:
        path, options = self.path(request), self.options
        if request.header("xi-api-key") != options.api_key:
            raise RefusalError(401, "Invalid API key", "invalid_api_key")
        if options.most_at_once and self._in_flight > options.most_at_once:
            raise RefusalError(429, "Too many requests at once", _TOO_MANY)
        one = _ONE.fullmatch(path)
        if request.method != "GET" or not (one or path == _ALL):
            raise RefusalError(405 if one or path == _ALL else 404, "Not Found")
        if one is None:
            return self._list(Query(request.query, _invalid))
        row = self.table_of(self.streams[0]).find(unquote(one[1]))
        if row is None or row.key in options.vanished:
            raise RefusalError(404, "Conversation not found", "conversation_not_found")
        return Reply(200, row.encoded(("details", options.late_details), self._encode_details))

    def _list(self, query: Query) -> Reply:
        options = self.options
        size = min(query.integer("page_size", 30, 1, 100), options.page_max)
        order = query.get("sort_direction", "desc")
        if order not in ("asc", "desc"):
            raise _invalid("sort_direction", order, "Input should be 'asc' or 'desc'")
        descending = order == "desc" or options.sort == "ignored"
        after, number = self._position(query.get("cursor"))
        rows = self._matching(query)[:: -1 if descending else 1]
        first = behind(rows, after, descending=descending)
        found, more = rows[first : first + size], len(rows) > first + size
        after = by_time(found[-1]) if found else after
        following = cursor([after, number + 1]) if more or options.stale_cursor else None
        summary = query.get("summary_mode") == "include"
        shown = [row.encoded(("list", summary), partial(_encode, summary=summary)) for row in found]
        head = {"has_more": more, "next_cursor": following}
        return Reply.of_rows(200, head, "conversations", shown)

    def _position(self, given: str) -> tuple[Place | None, int]:
        """Where a page begins: behind this place, after so many pages."""
        limit = self.options.cursor_ttl_pages
        try:
            after, number = cursor_value(given) if given else (None, 0)
            if limit is None or number < limit:
                return tuple(after) if after else None, number
        except (TypeError, ValueError):
            pass
        raise RefusalError(self.options.cursor_refusal_status, "The cursor is not valid")

    def _matching(self, query: Query) -> list[Row]:
        options, agent = self.options, query.get("agent_id")
        low, high = (
            EPOCH + query.integer(f"call_start_{end}_unix", default) * SECOND
            for end, default in (("after", 0), ("before", 4_000_000_000))
        )
        if options.range_ignored:
            low, high = EPOCH, EPOCH + 4_000_000_000 * SECOND
        ends = "(["[options.after_included] + ")]"[options.before_included]
        rows = self.table_of(self.streams[0]).between(low, high, ends)  # type: ignore[arg-type] # one of four
        rows = [row for row in rows if agent in ("", row.canonical["agent_id"])]
        return [row for row in rows if row.canonical["start_time"]]

    # -- what tests and the demo need -------------------------------------------------------

    @override
    def vary(self, dice: random.Random, streams: Sequence[str]) -> dict[str, Any]:
        """Any server that a run must survive."""
        options = self.options = ElevenLabsOptions()
        _TABLES.vary(options, dice)
        settings = {"page_size": dice.choice([3, 50, 100])}
        if dice.random() < 0.2 and options.sort == "honoured":
            # One cursor has to last for the calls of one second.
            options.cursor_ttl_pages, options.page_max, settings["page_size"] = 3, 100, 9
        return settings

    @classmethod
    @override
    def calls(cls, rows: Rows) -> Iterator[Call]:
        """One of each conversation that was spoken."""
        listed, detailed = cls.call_streams
        details = {row["conversation_id"]: row for row in rows[detailed]}
        status_of = statuses(**_TABLES.plain("statuses"))
        result_of = statuses(**_TABLES.plain("call_results"))
        for stream, row in best(rows, (listed, detailed), "conversation_id", "status", _UNFINISHED):
            more: Record = details.get(row["conversation_id"], Sparse())
            metadata = Sparse(more.get("metadata") or {})
            telephone = Sparse(metadata["phone_call"] or {})
            known = Sparse({**metadata, "direction": telephone["direction"]})
            known.update({name: value for name, value in row.items() if value is not None})
            written = metadata["text_only"]
            if (
                known["conversation_initiation_source"] in _WORDS["written"]
                if written is None
                else written
            ):
                continue
            inbound, customer = known["direction"] == "inbound", telephone["external_number"]
            result, status = result_of.get(telephone["call_result"]), status_of.get(row["status"])
            yield call(
                stream,
                known,
                "call_id=conversation_id started_at=start_time raw_status=status direction "
                "agent=agent_name|agent_id disconnection_reason=termination_reason",
                duration_seconds=times(known["call_duration_secs"]),
                waited_seconds=times(metadata["queue_wait_secs"]),
                status=result or status or "other",
                customer_number=customer,
                from_number=customer if inbound else telephone["agent_number"],
                to_number=telephone["agent_number"] if inbound else customer,
                raw_sentiment=(row["sentiment_analysis"] or {}).get("overall_label"),
                cost=times(known["cost_fiat"]),
                currency=None if known["cost_fiat"] is None else "USD",
                transcript_table=detailed if more else None,
            )


def _invalid(name: str, value: str, message: str) -> RefusalError:
    """A 422 in the form of pydantic."""
    problem = {"type": "value_error", "loc": ["query", name], "msg": message, "input": value}
    return RefusalError(422, message, [problem])


def _unix(instant: str | None) -> int | None:
    return None if instant is None else (parse(instant) - EPOCH) // SECOND


def _encode(row: Row, *, summary: bool) -> bytes:
    """A row of the list."""
    wire = {name: value for name, value in row.canonical.items() if name not in _DETAILS}
    wire["start_time_unix_secs"] = _unix(wire.pop("start_time"))
    wire |= {} if summary else {"transcript_summary": None}
    return json.dumps({**wire, **row.extra_wire}, ensure_ascii=False).encode()


# -- records ----------------------------------------------------------------------------------


def _make(rng: random.Random, at: datetime, end: datetime | None) -> Record:
    """A conversation of `at`; beyond `end` it still goes on, shortly before it is not analysed."""
    source, _, kind = pick(rng, _SOURCES).partition(" ")
    (agent_id, agent_name), direction = pick(rng, _AGENTS), kind if kind != "text" else None
    known: Record = {"agent_id": agent_id, "agent_name": agent_name, "source": source}
    known |= {"visited": [{"agent_id": agent_id}], "direction": direction or None, "at": text(at)}
    known |= {"conversation_id": f"conv_{hex_text(rng, 24)}"}
    known |= {"client_data": _TABLES.columns("client_data", rng)}
    record = _TABLES.columns("conversation", rng, **known)
    record["metadata"] = {"text_only": kind == "text", "phone_call": None, "queue_wait_secs": None}
    if direction:
        telephone = _TABLES.columns("phone call", rng, direction=direction)
        telephone |= _TABLES.columns("dialled" if direction == "outbound" else "", rng)
        telephone |= _TABLES.columns(source, rng)
        record["metadata"] |= {"phone_call": telephone, "queue_wait_secs": pick(rng, (0.0, 2.5))}
    seconds = 3 + int(rng.expovariate(1 / 150))
    over = at + seconds * SECOND
    if end is None or over <= end:
        record.update(_over(rng, seconds))
    if end is None or over + timedelta(minutes=10) <= end:
        record.update(_done(rng))
    return record


def _over(rng: random.Random, seconds: int) -> Record:
    said = 1 + below(rng, 8)
    return _TABLES.columns("over", rng, seconds=seconds, said=said, messages=2 * said)


def _done(rng: random.Random) -> Record:
    if rng.random() < 0.05:
        return _TABLES.columns("failed", rng)
    done = _TABLES.columns("done", rng, sentiment=_TABLES.columns("sentiment", rng), analysis=None)
    same = words("call_successful call_success_score transcript_summary call_summary_title")
    return {**done, "analysis": {name: done[name] for name in same}}


def _mature(rng: random.Random, record: Record, _until: datetime) -> Record:
    """What comes later: the end, the analysis, then a rating and a tag."""
    if record["status"] in ("initiated", "in-progress"):
        over = _over(rng, 3 + int(rng.expovariate(1 / 150)))
        return {**over, **(_done(rng) if rng.random() < 0.7 else {})}
    if record["status"] == "processing":
        return _done(rng)
    rating = 1 + below(rng, 5)
    feedback = {"type": "rating", "rating": rating, "comment": "Muy bien, ¡gracias!"}
    metadata = {**record["metadata"], "feedback": feedback}
    return {"rating": rating, "tag_ids": ["tag_reviewed"], "metadata": metadata}


def _transcript(record: Record, secret: str = "") -> list[Record]:
    """What was said and done; with a secret where the server has some."""
    rng, turns = random.Random(record["conversation_id"]), list[Record]()
    for number in range(record["message_count"]):
        role, said = "user" if number % 2 else "agent", f"Señora, ¿{number}?"
        turns.append({"role": role, "message": said, "time_in_call_secs": number})
    if turns and rng.random() < 0.4:
        asked = _TABLES.columns("tool call", rng)
        answered = _TABLES.columns("tool result", rng, **asked)
        file, at = _TABLES.columns("file", rng), {"time_in_call_secs": 9}
        if secret:
            asked["tool_details"] = {**asked["tool_details"], "headers": {"X-Key": secret}}
            file["file_url"] = f"https://files.example.com/?signature={secret}"
        done = {"message": None, "tool_calls": [asked], "tool_results": [answered]}
        turns.append({"role": "agent", **at, **done})
        turns.append({"role": "user", **at, "message": "", "file_inputs": [file]})
    return turns
