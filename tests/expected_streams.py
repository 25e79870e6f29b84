"""Every stream that is promised to users, written by hand; a new stream is one more entry.

Names, keys, replication keys and methods are what other people's pipelines are built on. The tests,
the demo and the generated documents take their lists of streams from here or from the code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tap_callexports.compat import override

JSON = Mapping[str, Any]


@dataclass(frozen=True)
class Stream:
    """What is promised of a stream, and what the rules need to know of it.

    Attributes:
        name: The stream.
        keys: Primary keys.
        time: Replication key; None for a stream that is read whole in each run.
        filtered_by: Column the server's range is known to act on.
        method: Replication method.
        selected: Whether it is on by default.
        api: The provider: its settings object, and its attribute of the sandbox.
        path: Pattern in the endpoint's path, which logins and counts do not match.
        changes: Columns a provider changes later, with the values they get.
        number: A column that holds a number; "" where there is none.
        text: A column that holds any text; the first of `changes`, where one is.
        newest_first: Whether the server's order cannot be chosen, and is the wrong way round.
        per_call: Whether the endpoint is asked once for each call.
        listed_at: Pattern in the path of the list that names the calls, where it is another one.
        call_id: Column with the id of the call that was requested, where `per_call`.
        unfinished: Columns of a call that is not requested yet, where `per_call`.
        finished: What changes in them when the call ends.
        lookback: Setting that says how far before the bookmark each run reads, in hours.
        ahead: Setting that says how many days after its end each run reads, and no less before
            the bookmark; "" where no row lies in the future.
        partition: The one partition that is read, of a stream with partitions.
        settings: More settings of the provider: small pages, so that there are many.
        options: How the sandbox's server behaves.
        columns: What each call of this stream has.
        keyless: Columns of a call that lacks its key.
        keyless_wire: The same as fields of its row, where the server cannot do without a key.
        fields: Names of columns in the provider's rows, where they are others.
        kept_as: What fields are called in `extra`, where that is another name.
        time_in_rows: Whether rows hold their time themselves.
        unknown_fields: Whether rows may hold a field nobody knows, and it is one.
        rows: How many calls the account has, about.
        like: Another stream that is asked and answers in the same way, where rules that have
            many forms are held in each of them.
        variant: Tells apart two entries of one stream.
    """

    name: str
    keys: tuple[str, ...]
    time: str | None
    api: str
    path: str
    changes: JSON
    filtered_by: str | None = None
    method: str = "INCREMENTAL"
    selected: bool = True
    number: str = ""
    text: str = ""
    newest_first: bool = False
    per_call: bool = False
    listed_at: str = ""
    call_id: str = "call_id"
    unfinished: JSON = field(default_factory=dict)
    finished: JSON = field(default_factory=dict)
    lookback: str = "lookback_hours"
    ahead: str = ""
    partition: JSON = field(default_factory=dict)
    settings: JSON = field(default_factory=dict)
    options: JSON = field(default_factory=dict)
    columns: JSON = field(default_factory=dict)
    keyless: JSON = field(default_factory=dict)
    keyless_wire: JSON = field(default_factory=dict)
    fields: JSON = field(default_factory=dict)
    kept_as: JSON = field(default_factory=dict)
    time_in_rows: bool = True
    unknown_fields: bool = True
    rows: int = 50
    like: str = ""
    variant: str = ""

    @property
    def filtered(self) -> bool:
        """Whether the server's range is known to act on `time`."""
        return self.time is not None and self.filtered_by == self.time

    @property
    def any_text(self) -> str:
        """A column that holds any text."""
        return self.text or next(k for k, value in self.changes.items() if isinstance(value, str))

    @property
    def least_lookback(self) -> int:
        """The fewest hours before the bookmark a run reads, whatever `lookback` says."""
        return 24 * int(self.settings.get(self.ahead, 0))

    @property
    def no_lookback(self) -> JSON:
        """Settings with which nothing before the bookmark is read."""
        return dict.fromkeys([self.lookback, *filter(None, [self.ahead])], 0)

    @override
    def __str__(self) -> str:
        return f"{self.name} {self.variant}".rstrip()


#: The definition and the questions of the form, and of the survey.
DEFINITION = "65f0a1b2c3d4e5f6010203aa"
_QUESTIONS = {DEFINITION: ["Nombre completo ", "¿Qué le gustó?", "nps", "Productos"]}

_VIDESK: dict[str, Any] = {"api": "videsk", "options": {"cap": 12}}
_EXPORTED: dict[str, Any] = {**_VIDESK, "like": "videsk_calls"}
_STARTED: dict[str, Any] = {
    **_EXPORTED,
    "time": "start_time",
    "fields": {"start_time": "startTime"},
}
_CREATED: dict[str, Any] = {
    **_EXPORTED,
    "time": "created_at",
    "fields": {"created_at": "createdAt"},
}
_SUBMITTED: dict[str, Any] = {
    **_CREATED,
    # Fixed columns are asked for under names no question has.
    "fields": {"created_at": "__videsk_createdAt"},
    "kept_as": {"__videsk_createdAt": "createdAt"},
    "keyless": {"id": ""},
    # Every column that is not one of the fixed ones is an answer.
    "unknown_fields": False,
    "like": "videsk_forms",
    "options": {"cap": 12, "forms": _QUESTIONS, "surveys": _QUESTIONS},
}
_RETELL: dict[str, Any] = {
    "api": "retell",
    "keys": ("call_id",),
    "path": "/v3/list-calls",
    "changes": {"agent_name": "Señora Ñandú", "metadata": {"reviewed": [True, None]}},
    "number": "duration_ms",
    "settings": {"page_size": 7},
}
_STARTED_CALLS: dict[str, Any] = {
    **_RETELL,
    "time": "start_timestamp",
    "filtered_by": "start_timestamp",
}
_TWIN24: dict[str, Any] = {"api": "twin24", "number": "duration", "settings": {"page_size": 7}}
_BURKI: dict[str, Any] = {
    "api": "burki",
    "keys": ("id",),
    "time": "started_at",
    "filtered_by": "started_at",
    "changes": {"assistant_name": 'A "new", better\nname', "duration": 61},
    "number": "duration",
    "newest_first": True,
}
_EXPORT: dict[str, Any] = {
    **_BURKI,
    "path": "/calls/export$",
    # Without a given type the server works one out from the id.
    "keyless": {"id": "", "conversation_type": "voice"},
}


_ELEVENLABS: dict[str, Any] = {
    "api": "elevenlabs",
    "keys": ("conversation_id",),
    "time": "start_time",
    "filtered_by": "start_time",
    "fields": {"start_time": "start_time_unix_secs"},
}


def _export_of(name: str, group: JSON, changes: JSON, *more_keys: str, **more: Any) -> Stream:
    """A stream of Videsk, whose path is its name; `more` is what it has that its group has not."""
    path = name.replace("ai_", "ai/").replace("_", "-")
    given = {"path": f"/exports/{path}$", "changes": changes, **more}
    return Stream(f"videsk_{name}", **{"keys": ("id", *more_keys), **group, **given})


_VIDESK_STREAMS = (
    _export_of(
        "calls",
        _STARTED,
        {"agent": "nobody@example.com", "duration": 7.25, "tags": ["late", "night"]},
        number="duration",
        like="",
    ),
    _export_of(
        "queues",
        _STARTED,
        {"canceled_reason": "horario-ñ", "integration_data": '{"turno":["D-4",null]}'},
        number="duration",
    ),
    _export_of(
        "extra_data",
        _CREATED,
        {"user_agent": "Mozilla/5.0 (ñ)", "latitude": -33.25},
        number="longitude",
        fields={"created_at": "createdAt", "longitude": "Longitude"},
    ),
    _export_of("comments", _CREATED, {"comments": 'Pidió "hablar",\ncon postventa'}),
    _export_of("tags", _STARTED, {"tag_label": "Cliente molesto"}, "tag_id"),
    _export_of(
        "appointments",
        _STARTED,
        {"canceled_reason": "Ya no, ¿otro día?", "status": "canceled", "tags": ["vip"]},
        number="duration",
        ahead="appointments_ahead_days",
        settings={"appointments_ahead_days": 1},
    ),
    _export_of(
        "recordings",
        _CREATED,
        {"agent": "nobody@example.com", "duration": 61.5},
        number="duration",
    ),
    _export_of(
        "ai_topics",
        _CREATED,
        {"topic_score": 0.25},
        *("entity_type", "topic_name"),
        number="topic_score",
        text="topic_name",
        fields={"created_at": "createdAt", "topic_score": "topicScore"},
    ),
    _export_of(
        "ai_sentiments",
        _CREATED,
        {"sentiment_text": "no tan mal", "sentiment_number": 0.25},
        "entity_type",
        number="sentiment_number",
        fields={"created_at": "createdAt", "sentiment_number": "sentimentNumber"},
    ),
    _export_of(
        "forms",
        _SUBMITTED,
        {"type": "pre-call", "answers": [{"label": "nps", "value": 10}]},
        keys=("form_id", "id"),
        partition={"form_id": DEFINITION},
        like="",
    ),
    _export_of(
        "surveys",
        _SUBMITTED,
        {"call": "some-other-call", "answers": [{"label": "nps", "value": 9}]},
        keys=("survey_id", "id"),
        partition={"survey_id": DEFINITION},
    ),
)

_RETELL_STREAMS = (
    Stream("retell_calls", **_STARTED_CALLS),
    Stream(
        "retell_unstarted_calls",
        time=None,
        method="FULL_TABLE",
        **_RETELL,
        columns={"call_status": "not_connected", "start_timestamp": None, "end_timestamp": None},
    ),
    Stream(
        "retell_call_details",
        selected=False,
        **{
            **_STARTED_CALLS,
            "path": "/v2/(get-call|calls)/",
            "settings": {"page_size": 7, "max_concurrency": 2, "details_lookback_hours": 24},
        },
        per_call=True,
        rows=20,
        listed_at="/v3/list-calls",
        unfinished={"call_status": "ongoing", "end_timestamp": None},
        finished={"call_status": "ended", "end_timestamp": "2024-05-20T12:00:00.000000Z"},
        lookback="details_lookback_hours",
        columns={
            "transcript_with_tool_calls": [
                {"role": "tool_call_invocation", "arguments": {"día": "jueves"}, "digit": 7},
                {"role": "tool_call_result", "content": [{"libre": True}, 0.5, None]},
            ]
        },
    ),
)

STREAMS = (
    *_VIDESK_STREAMS,
    *(
        replace(each, name=each.name.replace("retell", "anunzi"), api="anunzi", like=each.name)
        for each in _RETELL_STREAMS
    ),
    *_RETELL_STREAMS,
    Stream(
        "twin24_incoming_calls",
        ("call_id",),
        "started_at",
        **_TWIN24,
        path="/sessions/incoming$",
        changes={"duration": 321, "nps": "9", "total_cost": 0.1},
        fields={"started_at": "startedAt"},
    ),
    Stream(
        "twin24_calls",
        ("id",),
        "created_at",
        filtered_by="created_at",
        **_TWIN24,
        path="/search/cis/calls$",
        like="twin24_incoming_calls",
        changes={"duration": 321, "nps": "9", "price": 0.1, "is_finished": True},
        fields={"created_at": "createdAt"},
    ),
    Stream("burki_calls", **_EXPORT, variant="json"),
    Stream("burki_calls", **_EXPORT, settings={"format": "csv"}, variant="csv"),
    Stream(
        "burki_call_list",
        **{
            **_BURKI,
            "changes": {"assistant_name": "Ñ", "total_cost": 0.125, "call_meta": {"a": [None, 1]}},
        },
        path="/calls/$",
        keyless_wire={"id": ""},
        options={"list_limit_max": 12},
    ),
    Stream(
        "burki_call_transcripts",
        selected=False,
        **{
            **_BURKI,
            "time": "call_started_at",
            "filtered_by": "call_started_at",
            "changes": {"content": 'He said "no",\nthen yes', "confidence": 0.5},
            "number": "confidence",
        },
        path="/transcripts$",
        per_call=True,
        rows=20,
        listed_at="/calls/$",
        unfinished={"status": "ongoing", "ended_at": None, "duration": None},
        finished={
            "status": "completed",
            "ended_at": "2024-05-20T12:00:00.000000Z",
            "duration": 60,
        },
        lookback="details_lookback_hours",
        # The time is the call's: what is said holds none of its own that the bookmark goes by.
        time_in_rows=False,
    ),
    Stream(
        "vapi_calls",
        ("id",),
        "updated_at",
        api="vapi",
        path="/call$",
        filtered_by="updated_at",
        changes={"name": "Ñandú", "cost": 0.125, "analysis": {"summary": "más", "a": [None, 1]}},
        number="cost",
        newest_first=True,
        settings={"page_size": 12},
        fields={"updated_at": "updatedAt"},
    ),
    Stream(
        "elevenlabs_conversations",
        **_ELEVENLABS,
        path="/conversations$",
        changes={"agent_name": "Señora Ñandú", "rating": 4.5, "tag_ids": ["late", "vip"]},
        number="call_duration_secs",
        settings={"page_size": 7},
    ),
    Stream(
        "elevenlabs_conversation_details",
        selected=False,
        **_ELEVENLABS,
        path="/conversations/",
        changes={"agent_name": "Señora Ñandú", "visited_agents": [{"agent_id": "a", "x": None}]},
        number="user_message_count",
        per_call=True,
        rows=20,
        listed_at="/conversations$",
        call_id="conversation_id",
        unfinished={"status": "in-progress"},
        finished={"status": "done"},
        lookback="details_lookback_hours",
        settings={"page_size": 7, "details_lookback_hours": 24},
        # The time is in the metadata.
        time_in_rows=False,
        columns={"analysis": {"data_collection_results_list": [{"value": {"día": "jueves"}}]}},
    ),
)

#: The first entry of every stream, by name.
BY_NAME: dict[str, Stream] = {}
for _stream in STREAMS:
    BY_NAME.setdefault(_stream.name, _stream)
#: The first stream of each provider.
FIRST_OF = {stream.api: stream.name for stream in reversed(STREAMS)}
#: Providers whose streams are all like another provider's.
VARIANTS = {stream.api for stream in STREAMS} - {s.api for s in STREAMS if not s.like}
#: One list of each kind: those that are read by time and are not like another one.
LISTS = tuple(
    name
    for name, stream in BY_NAME.items()
    if stream.time and not stream.per_call and not stream.like
)
#: The streams with one request per call that are not like another one.
DETAILS = tuple(name for name, stream in BY_NAME.items() if stream.per_call and not stream.like)
#: The streams that are read by time and keep a bookmark, by name.
TIMED = tuple(name for name, stream in BY_NAME.items() if stream.time)
#: The streams that are off unless chosen.
OFF = tuple(name for name, stream in BY_NAME.items() if not stream.selected)
#: The entries of those that are read by time.
WINDOWED = tuple(stream for stream in STREAMS if stream.time)
#: The entries whose endpoints are requested and read as those of no other entry are.
DISTINCT = tuple(stream for stream in STREAMS if not stream.like)
#: Exports of Videsk whose ids say nothing of their time.
UNTOLD = ("videsk_appointments", "videsk_ai_topics", "videsk_ai_sentiments")


def entry_of(name: str) -> Stream:
    """The first entry of a stream."""
    assert name in BY_NAME, f"missing in STREAMS in tests/expected_streams.py: {name}"
    return BY_NAME[name]
