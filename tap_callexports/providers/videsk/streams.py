"""Videsk's endpoints. https://docs.videsk.io/es-developers/api-privada/exportacion"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

from singer_sdk import SchemaDirectory, StreamSchema

from tap_callexports.compat import override
from tap_callexports.providers.videsk import schemas
from tap_callexports.providers.videsk.export import VideskStream
from tap_callexports.records.rows import Row

SCHEMAS = SchemaDirectory(schemas)


class Calls(VideskStream):
    """Calls, .../exportacion/llamadas"""

    name = "videsk_calls"
    path = "/reports/exports/calls"
    replication_key = "start_time"
    schema = StreamSchema(SCHEMAS)


class Queues(VideskStream):
    """Entries of the waiting queues, also abandoned ones, .../exportacion/filas"""

    name = "videsk_queues"
    path = "/reports/exports/queues"
    replication_key = "start_time"
    schema = StreamSchema(SCHEMAS)


class ExtraData(VideskStream):
    """Browser, device and place of customers, .../exportacion/metadatos"""

    name = "videsk_extra_data"
    path = "/reports/exports/extra-data"
    replication_key = "created_at"
    schema = StreamSchema(SCHEMAS)


class Comments(VideskStream):
    """Comments of agents, .../exportacion/comentarios"""

    name = "videsk_comments"
    path = "/reports/exports/comments"
    replication_key = "created_at"
    schema = StreamSchema(SCHEMAS)


class Tags(VideskStream):
    """Tags of calls: the id and the times are the call's, .../exportacion/etiquetas"""

    name = "videsk_tags"
    path = "/reports/exports/tags"
    primary_keys = ("id", "tag_id")
    replication_key = "start_time"
    schema = StreamSchema(SCHEMAS)

    @override
    def arrange(self, rows: Collection[Row], labels: Sequence[str]) -> Collection[Row]:
        # The codec takes the first of two fields of a column: the same one in every row.
        return [{"tag": row["tag"], **row} if "tag" in row else row for row in rows]


class Appointments(VideskStream):
    """Meetings, also of the future, .../exportacion/reuniones

    Whether the range acts on the slot or on when it was booked is not documented, so both must be
    inside: the lookback reaches as far back as the export reaches ahead.
    """

    name = "videsk_appointments"
    path = "/reports/exports/appointments"
    replication_key = "start_time"
    schema = StreamSchema(SCHEMAS)
    id_has_time = False

    @property
    @override
    def ahead(self) -> timedelta:
        return timedelta(days=self.provider.settings["appointments_ahead_days"])

    @property
    @override
    def lookback(self) -> timedelta:
        return max(super().lookback, self.ahead)


class Recordings(VideskStream):
    """Recordings, .../exportacion/grabaciones"""

    name = "videsk_recordings"
    path = "/reports/exports/recordings"
    replication_key = "created_at"
    schema = StreamSchema(SCHEMAS)


class AiTopics(VideskStream):
    """Topics found in calls: the id is the call's, .../exportacion/topicos-ia"""

    name = "videsk_ai_topics"
    path = "/reports/exports/ai/topics"
    primary_keys = ("id", "entity_type", "topic_name")
    replication_key = "created_at"
    schema = StreamSchema(SCHEMAS)
    id_has_time = False


class AiSentiments(VideskStream):
    """Moods found in calls: the id is the call's, .../exportacion/sentimientos-ia"""

    name = "videsk_ai_sentiments"
    path = "/reports/exports/ai/sentiments"
    primary_keys = ("id", "entity_type")
    replication_key = "created_at"
    schema = StreamSchema(SCHEMAS)
    id_has_time = False


class Forms(VideskStream):
    """Submitted forms, .../exportacion/formularios"""

    name = "videsk_forms"
    path = "/reports/exports/forms"
    primary_keys = ("form_id", "id")
    replication_key = "created_at"
    schema = StreamSchema(SCHEMAS)
    definition = "form"
    partition_setting = "form_ids"
    partition_column = "form_id"
    fixed = ("id", "Type", "createdAt")


class Surveys(VideskStream):
    """Answered surveys, .../exportacion/encuestas"""

    name = "videsk_surveys"
    path = "/reports/exports/surveys"
    primary_keys = ("survey_id", "id")
    replication_key = "created_at"
    schema = StreamSchema(SCHEMAS)
    definition = "survey"
    partition_setting = "survey_ids"
    partition_column = "survey_id"
    fixed = ("id", "call", "createdAt", "appointment")
