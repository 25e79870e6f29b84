"""The export endpoints of Videsk: a path, a stream and its columns. One entry adds an endpoint."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

KeysOption = Literal["honoured", "ignored", "partial"]


@dataclass(frozen=True)
class Column:
    """A column: our name, the provider's id (None where it has none) and its labels."""

    name: str
    id: str | None
    spanish: str
    is_time: bool = False

    @property
    def english(self) -> str:
        """The English label: the id in words."""
        if self.id is None:
            return self.spanish
        return re.sub(r"(?<!^)([A-Z])", r" \1", self.id).title()


@dataclass(frozen=True)
class Endpoint:
    """One export."""

    stream: str
    path: str
    keys: tuple[str, ...]
    columns: tuple[Column, ...]

    def labels(self, keys: dict[str, str], option: KeysOption, language: str) -> tuple[str, ...]:
        """The labels of an answer, after the renaming that was asked for and is done."""
        labels = []
        for position, column in enumerate(self.columns):
            label = column.english if language == "en" else column.spanish
            heard = option == "honoured" or (option == "partial" and position % 2 == 0)
            if heard and column.id is not None:
                label = keys.get(column.id, label)
            labels.append(label)
        return tuple(labels)


CALLS = Endpoint(
    stream="videsk_calls",
    path="/reports/exports/calls",
    keys=("id",),
    columns=(
        Column("id", "id", "Identificador"),
        Column("segment", "segment", "Segmento"),
        Column("agent", "agent", "Agente"),
        Column("start_time", "startTime", "Inicio", is_time=True),
        Column("end_time", "endTime", "Fin", is_time=True),
        Column("duration", "duration", "Duración"),
        Column("survey", "survey", "Encuesta"),
        Column("extra_data", "extraData", "Meta Data"),
        Column("customer_leave", "customerLeave", "Cliente cortó", is_time=True),
        Column("transferred_agent", "transferredAgent", "Transferido a agente"),
        Column("transferred_segment", "transferredSegment", "Transferido a segmento"),
        Column("queue", "queue", "Fila"),
        Column("survey_id", "surveyId", "ID Encuesta"),
        Column("agent_form", "agentForm", "ID formulario agente"),
        Column("base_form", "baseForm", "ID formulario cliente"),
        Column("acw_duration", None, "After Call Work (ACW)"),
        Column("effective_duration", None, "Effective Duration"),
        Column("tags", "tags", "Etiquetas"),
        Column("comments", "comments", "Comentarios"),
    ),
)

ENDPOINTS = {endpoint.path: endpoint for endpoint in (CALLS,)}
