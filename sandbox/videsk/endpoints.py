"""The export endpoints of Videsk: a path, a stream and its columns. One entry adds an endpoint."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

KeysOption = Literal["honoured", "ignored", "partial"]
TagColumn = Literal["tag", "tagName"]


@dataclass(frozen=True)
class Column:
    """A column: our name, the provider's id (None where it has none) and its Spanish label.

    Attributes:
        is_time: Whether it holds an instant.
        explicit: Whether the server says null where there is no value, instead of nothing.
        is_open: Whether it holds a value of unknown shape; records have it as compact JSON.
    """

    name: str
    id: str | None
    spanish: str
    is_time: bool = False
    explicit: bool = False
    is_open: bool = False

    def english(self, column_id: str | None) -> str:
        """The English label: the id in words."""
        if column_id is None:
            return self.spanish
        return re.sub(r"(?<!^)([A-Z])", r" \1", column_id).title()


@dataclass(frozen=True)
class Endpoint:
    """One export.

    Attributes:
        definition: The field of the body that says which form or survey is meant.
        day_first: Whether times are written day first whatever the others do.
    """

    stream: str
    path: str
    keys: tuple[str, ...]
    columns: tuple[Column, ...]
    definition: Literal["form", "survey"] | None = None
    day_first: bool = False

    def labels(
        self, keys: dict[str, str], option: KeysOption, language: str, tag: TagColumn = "tag"
    ) -> tuple[str, ...]:
        """The labels of an answer, after the renaming that was asked for and is done."""
        labels = []
        for position, column in enumerate(self.columns):
            column_id = tag if column.id == "tag" else column.id
            label = column.english(column_id) if language == "en" else column.spanish
            heard = option == "honoured" or (option == "partial" and position % 2 == 0)
            if heard and column_id is not None:
                label = keys.get(column_id, label)
            labels.append(label)
        return tuple(labels)


_ID = Column("id", "id", "Identificador")
_SEGMENT = Column("segment", "segment", "Segmento")
_AGENT = Column("agent", "agent", "Agente")
_CALL = Column("call", "call", "Llamada")
_APPOINTMENT = Column("appointment", "appointment", "Cita")
_CREATED = Column("created_at", "createdAt", "Fecha", is_time=True)
_START = Column("start_time", "startTime", "Inicio", is_time=True)
_END = Column("end_time", "endTime", "Fin", is_time=True)
_DURATION = Column("duration", "duration", "Duración")
_EXTRA = Column("extra_data", "extraData", "Meta Data")
_SURVEY_ID = Column("survey_id", "surveyId", "ID Encuesta")
_AGENT_FORM = Column("agent_form", "agentForm", "ID formulario agente")
_BASE_FORM = Column("base_form", "baseForm", "ID formulario cliente")
_TAGS = Column("tags", "tags", "Etiquetas")
_COMMENTS = Column("comments", "comments", "Comentarios")
_CANCELED_REASON = Column("canceled_reason", "canceledReason", "Razón Cancelación")
_ENTITY_TYPE = Column("entity_type", None, "Entity Type")
_TYPE = Column("type", None, "Type")

CALLS = Endpoint(
    stream="videsk_calls",
    path="/reports/exports/calls",
    keys=("id",),
    columns=(
        _ID,
        _SEGMENT,
        _AGENT,
        _START,
        _END,
        _DURATION,
        Column("survey", "survey", "Encuesta"),
        _EXTRA,
        Column("customer_leave", "customerLeave", "Cliente cortó", is_time=True),
        Column("transferred_agent", "transferredAgent", "Transferido a agente"),
        Column("transferred_segment", "transferredSegment", "Transferido a segmento"),
        Column("queue", "queue", "Fila"),
        _SURVEY_ID,
        _AGENT_FORM,
        _BASE_FORM,
        Column("acw_duration", None, "After Call Work (ACW)"),
        Column("effective_duration", None, "Effective Duration"),
        _TAGS,
        _COMMENTS,
    ),
)

_QUEUES = Endpoint(
    stream="videsk_queues",
    path="/reports/exports/queues",
    keys=("id",),
    columns=(
        _ID,
        _SEGMENT,
        _START,
        _END,
        Column("dismissed", "dismissed", "Rechazada"),
        Column("canceled", "canceled", "Abandonada"),
        Column("assigned", "assigned", "Asignada"),
        _DURATION,
        _CANCELED_REASON,
        _BASE_FORM,
        _EXTRA,
        Column("connections", "connections", "Conexiones"),
        Column("disconnections", "disconnections", "Desconexiones"),
        Column("integration_data", None, "Integration Data", is_open=True),
    ),
)

_EXTRA_DATA = Endpoint(
    stream="videsk_extra_data",
    path="/reports/exports/extra-data",
    keys=("id",),
    columns=(
        _ID,
        Column("user_agent", "userAgent", "Usuario agente"),
        Column("os_name", "osName", "Sistema operativo (nombre)"),
        Column("os_version", "osVersion", "Sistema operativo (version)"),
        Column("browser_name", "browserName", "Navegador (nombre)"),
        Column("browser_version", "browserVersion", "Navegador (version)"),
        Column("ip", "ip", "IP"),
        Column("ip_type", "ipType", "Tipo IP"),
        Column("referrer", "referrer", "Referido"),
        Column("timezone", "timezone", "Zona horaria"),
        Column("lang_code", "langCode", "Idioma (code)"),
        Column("lang_native", "langNative", "Idioma"),
        Column("lang_name", "langName", "Idioma (nombre)"),
        Column("carrier_name", "carrierName", "ISP"),
        Column("carrier_domain", "carrierDomain", "ISP (domain)"),
        Column("continent_name", "continentName", "Continente (nombre)"),
        Column("continent_code", "continentCode", "Continente (code)"),
        Column("country_name", "countryName", "País"),
        Column("country_code", "countryCode", "País (code)"),
        Column("region_name", "regionName", "Region"),
        Column("region_code", "regionCode", "Region (code)"),
        Column("city_name", "cityName", "Ciudad"),
        Column("coordinates", "coordinates", "Coordenadas"),
        Column("device_type", "deviceType", "Dispositivo"),
        _CREATED,
        Column("longitude", None, "Longitude"),
        Column("latitude", None, "Latitude"),
        Column("gps_accuracy", None, "GPS accuracy"),
    ),
)

_COMMENT_TEXTS = Endpoint(
    stream="videsk_comments",
    path="/reports/exports/comments",
    keys=("id",),
    columns=(_ID, _CALL, _APPOINTMENT, _COMMENTS, _CREATED),
)

_CALL_TAGS = Endpoint(
    stream="videsk_tags",
    path="/reports/exports/tags",
    keys=("id", "tag_id"),
    columns=(
        _ID,
        Column("tag_id", "tag", "ID Etiqueta"),
        _START,
        _END,
        Column("tag_label", "tagLabel", "Nombre Etiqueta"),
    ),
)

APPOINTMENTS = Endpoint(
    stream="videsk_appointments",
    path="/reports/exports/appointments",
    keys=("id",),
    columns=(
        _ID,
        Column("service", None, "Service"),
        _AGENT,
        _START,
        _END,
        _DURATION,
        _SURVEY_ID,
        _EXTRA,
        _COMMENTS,
        _TAGS,
        Column("customer_leave", "customerLeave", "Cliente cortó", is_time=True, explicit=True),
        _AGENT_FORM,
        _BASE_FORM,
        _TYPE,
        Column("status", None, "Status"),
        Column("cancellation_date", None, "Cancellation Date", is_time=True, explicit=True),
        Column("canceled_by", None, "Canceled By"),
        _CANCELED_REASON,
        Column("rescheduled_appointment_id", None, "Rescheduled Appointment ID"),
        Column("created_by", "createdBy", "Creado por"),
    ),
)

_RECORDINGS = Endpoint(
    stream="videsk_recordings",
    path="/reports/exports/recordings",
    keys=("id",),
    columns=(_ID, _CREATED, _AGENT, _DURATION, _CALL, _APPOINTMENT),
)

_TOPICS = Endpoint(
    stream="videsk_ai_topics",
    path="/reports/exports/ai/topics",
    keys=("id", "entity_type", "topic_name"),
    columns=(
        _ID,
        _ENTITY_TYPE,
        _CREATED,
        Column("topic_name", "topicName", "Nombre del Topico"),
        Column("topic_score", "topicScore", "Puntuación del Topico"),
    ),
    day_first=True,
)

_SENTIMENTS = Endpoint(
    stream="videsk_ai_sentiments",
    path="/reports/exports/ai/sentiments",
    keys=("id", "entity_type"),
    columns=(
        _ID,
        _ENTITY_TYPE,
        _CREATED,
        Column("requested_at", "requestedAt", "Solicitado en", is_time=True),
        Column("sentiment_text", "sentimentText", "Texto del Sentimiento"),
        Column("sentiment_number", "sentimentNumber", "Número del Sentimiento"),
    ),
    day_first=True,
)

FORMS = Endpoint(
    stream="videsk_forms",
    path="/reports/exports/forms",
    keys=("form_id", "id"),
    columns=(_ID, _TYPE, _CREATED),
    definition="form",
)

SURVEYS = Endpoint(
    stream="videsk_surveys",
    path="/reports/exports/surveys",
    keys=("survey_id", "id"),
    columns=(_ID, _CALL, _CREATED, _APPOINTMENT),
    definition="survey",
)

ENDPOINTS = {
    endpoint.path: endpoint
    for endpoint in (
        CALLS,
        _QUEUES,
        _EXTRA_DATA,
        _COMMENT_TEXTS,
        _CALL_TAGS,
        APPOINTMENTS,
        _RECORDINGS,
        _TOPICS,
        _SENTIMENTS,
        FORMS,
        SURVEYS,
    )
}
STREAMS = {endpoint.stream: endpoint for endpoint in ENDPOINTS.values()}
