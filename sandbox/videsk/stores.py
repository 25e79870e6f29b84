"""The rows behind Videsk's streams, and which of them hang on which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..store import Derive, LinkedStore, Plan, Store
from ..table import Table
from . import calls, insights, queues, remarks, submissions, visitors
from .appointments import AppointmentStore, appointment_table, is_pending

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ..table import Make, Mature, Record

#: Queue entries that no call came out of, and appointments, for each call.
_ABANDONED = 0.12
_BOOKED = 0.25


@dataclass(frozen=True)
class _Kind:
    """What rows that hang on others are made of."""

    make: Make
    mature: Mature
    time_column: str = "created_at"
    name: Callable[[Record], str] = lambda record: str(record["id"])
    is_open: Callable[[Record], bool] = lambda _: False
    share: float = 0.0


def make_stores(
    plan: Plan, now: Callable[[], datetime], forms: submissions.Ask, surveys: submissions.Ask
) -> dict[str, Store]:
    """A store for each stream."""

    def linked(stream: str, kind: _Kind, *sources: tuple[Store, Derive]) -> Store:
        return LinkedStore(
            Table(kind.time_column, kind.make, kind.mature, key=kind.name),
            plan,
            f"videsk:{stream}",
            sources=sources,
            now=now,
            is_open=kind.is_open,
            share=kind.share,
        )

    talks = _calls(plan)
    waits = linked("queues", _QUEUES, (talks, queues.of_call))
    visits = _appointments(plan, now)
    return {
        "videsk_calls": talks,
        "videsk_queues": waits,
        "videsk_appointments": visits,
        "videsk_extra_data": linked(
            "extra_data", _VISITORS, (waits, visitors.of_owner), (visits, visitors.of_owner)
        ),
        "videsk_comments": linked(
            "comments",
            _COMMENTS,
            (talks, remarks.comments("call")),
            (visits, remarks.comments("appointment")),
        ),
        "videsk_tags": linked("tags", _TAGS, (talks, remarks.tags_of_call)),
        "videsk_recordings": linked(
            "recordings",
            _RECORDINGS,
            (talks, remarks.recordings("call")),
            (visits, remarks.recordings("appointment")),
        ),
        "videsk_ai_topics": linked("ai_topics", _TOPICS, (talks, insights.topics_of_call)),
        "videsk_ai_sentiments": linked(
            "ai_sentiments", _SENTIMENTS, (talks, insights.sentiments_of_call)
        ),
        "videsk_forms": linked(
            "forms",
            _Kind(submissions.form_maker(forms), submissions.mature),
            (waits, submissions.of_form(forms, "base_form", "pre-call")),
            (talks, submissions.of_form(forms, "agent_form", "agent")),
            (visits, submissions.of_form(forms, "base_form", "contact")),
            (visits, submissions.of_form(forms, "agent_form", "agent")),
        ),
        "videsk_surveys": linked(
            "surveys",
            _Kind(submissions.survey_maker(surveys), submissions.mature),
            (talks, submissions.of_survey(surveys, "call")),
            (visits, submissions.of_survey(surveys, "appointment")),
        ),
    }


_QUEUES = _Kind(
    queues.make,
    queues.mature,
    time_column="start_time",
    is_open=queues.is_open,
    share=_ABANDONED,
)
_VISITORS = _Kind(visitors.make, visitors.mature)
_COMMENTS = _Kind(remarks.make_comment, remarks.mature_comment)
_TAGS = _Kind(remarks.make_tag, remarks.mature_tag, time_column="start_time", name=remarks.tag_name)
_RECORDINGS = _Kind(remarks.make_recording, remarks.mature_recording)
_TOPICS = _Kind(insights.make_topic, insights.mature_topic, name=insights.topic_name)
_SENTIMENTS = _Kind(
    insights.make_sentiment, insights.mature_sentiment, name=insights.sentiment_name
)


def _calls(plan: Plan) -> Store:
    table = Table(
        "start_time",
        calls.maker(plan.start),
        calls.mature,
        key=lambda record: str(record["id"]),
    )
    return Store(table, plan, "videsk", is_open=lambda record: record["end_time"] is None)


def _appointments(plan: Plan, now: Callable[[], datetime]) -> Store:
    return AppointmentStore(
        appointment_table(plan, now),
        plan,
        "videsk:appointments",
        is_open=is_pending,
        share=_BOOKED,
    )
