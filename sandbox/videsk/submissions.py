"""Invented answers to forms and surveys: a few fixed columns, and one for each question."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from ..compat import override
from ..handle import Handle
from ..parts import pick
from .ids import made_at, object_id, second

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from ..http import Json
    from ..store import Store
    from ..table import Key, Make, Record, Row
    from .remarks import Owner

#: The labels of each definition's questions.
Definitions = Mapping[str, Sequence[str]]
Ask = Callable[[], Definitions]
#: Where the answers of a form come from.
Part = Literal["base_form", "agent_form"]

CLIENT_FORM = "65f0a1b2c3d4e5f601020304"
AGENT_FORM = "65f0a1b2c3d4e5f601020305"
SURVEY = "65f0a1b2c3d4e5f601020306"


def default_forms() -> dict[str, list[str]]:
    """The form customers fill in before a call, and the one agents fill in after it."""
    return {
        CLIENT_FORM: [
            "Nombre completo",
            "Teléfono de contacto ",
            "¿En qué podemos ayudarle?",
            "Fecha",
            "Productos de interés",
            "Edad",
        ],
        AGENT_FORM: [
            "Resultado de la atención",
            "¿Requiere seguimiento?",
            "Productos ofrecidos",
            "Observaciones",
            " Monto cotizado",
        ],
    }


def default_surveys() -> dict[str, list[str]]:
    """The survey customers get after a call."""
    return {
        SURVEY: [
            "¿Qué tan probable es que nos recomiende? (0 a 10)",
            "Satisfacción con la atención ",
            "¿Qué le gustó?",
            "Comentario adicional",
        ]
    }


def of_form(definitions: Ask, part: Part, kind: str) -> Callable[[Record], Iterator[Record]]:
    """How to make the form that a queue entry, call or appointment names."""

    def of_owner(owner: Record) -> Iterator[Record]:
        known = list(definitions())
        known = (known[::2] if part == "base_form" else known[1::2]) or known
        if owner[part] and known:
            name = owner[part]
            rng = random.Random(f"form:{name}")
            definition = pick(rng, known)
            given = answers(rng, definitions()[definition])
            yield _form(definition, name, made_at(name, owner["start_time"]), kind, given)

    return of_owner


def form_maker(definitions: Ask) -> Make:
    """How to make forms that nothing names."""

    def make(rng: random.Random, at: datetime, _end: datetime | None, _number: int) -> Record:
        definition, labels = _first(definitions())
        return _form(definition, object_id(rng, at), at, "contact", answers(rng, labels))

    return make


def of_survey(definitions: Ask, owner: Owner) -> Callable[[Record], Iterator[Record]]:
    """How to make the survey that a call or an appointment names."""

    def of_owner(record: Record) -> Iterator[Record]:
        known = list(definitions())
        if record["survey_id"] and known:
            name = record["survey_id"]
            rng = random.Random(f"survey:{name}")
            definition = pick(rng, known)
            given = answers(rng, definitions()[definition])
            made = made_at(name, record["end_time"] or record["start_time"])
            yield {**_survey(definition, name, made, given), owner: record["id"]}

    return of_owner


def survey_maker(definitions: Ask) -> Make:
    """How to make surveys that nothing names."""

    def make(rng: random.Random, at: datetime, _end: datetime | None, _number: int) -> Record:
        definition, labels = _first(definitions())
        record = _survey(definition, object_id(rng, at), at, answers(rng, labels))
        return {**record, "call": object_id(rng, at - timedelta(minutes=6))}

    return make


def mature(rng: random.Random, record: Record) -> Record:
    """Somebody corrects an answer."""
    given: list[Record] = record["answers"]
    place = int(rng.random() * len(given))
    corrected = [
        {**answer, "value": "corregido"} if number == place else answer
        for number, answer in enumerate(given)
    ]
    return {"answers": corrected}


def answers(rng: random.Random, labels: Sequence[str]) -> list[Record]:
    """Answers to most of the questions, in their order."""
    given = [(label, _VALUES[_kind(label)](rng)) for label in labels if rng.random() < 0.85]
    return in_order(dict(given), labels)


def in_order(given: Mapping[str, Json], labels: Sequence[str]) -> list[Record]:
    """Answers in the order of their questions; a label that repeats counts once."""
    return [
        {"label": label, "value": given[label]} for label in dict.fromkeys(labels) if label in given
    ]


def by_label(record: Record) -> dict[str, Json]:
    """The answers of a record; of two under one label the later one."""
    return {answer["label"]: answer["value"] for answer in record["answers"] or ()}


class SubmissionsHandle(Handle):
    """The answers to forms or surveys."""

    def __init__(
        self,
        store: Store,
        lock: AbstractContextManager[object],
        truth: Callable[[], dict[Key, Record]],
        column: str,
        definitions: Ask,
    ) -> None:
        """Take hold of a stream whose `column` says which definition a row is of."""
        super().__init__(store, lock, truth)
        self._column = column
        self._definitions = definitions

    @override
    def add_at(self, *instants: datetime, **columns: Json) -> list[Row]:
        """Make one row at each of these instants, by default of the first definition."""
        asked = columns.get(self._column)
        if asked is None or "answers" in columns:
            return super().add_at(*instants, **columns)
        labels = self._definitions().get(asked, ())
        rows: list[Row] = []
        for instant in instants:
            with self._lock:
                given = answers(self._store.rng, labels)
                rows += super().add_at(instant, **columns, answers=given)
        return rows


def _first(definitions: Definitions) -> tuple[str, Sequence[str]]:
    return next(iter(definitions.items()), ("", ()))


def _form(definition: str, name: str, at: datetime, kind: str, given: list[Record]) -> Record:
    return {
        "form_id": definition,
        "id": name,
        "type": kind,
        "created_at": second(at),
        "answers": given,
    }


def _survey(definition: str, name: str, at: datetime, given: list[Record]) -> Record:
    return {
        "survey_id": definition,
        "id": name,
        "call": None,
        "created_at": second(at),
        "appointment": None,
        "answers": given,
    }


_TEXTS = (
    "Sí",
    "No",
    "Buena atención; esperé mucho, eso sí.",
    'Dijo: "lo pienso"\ny colgó',
    "15/04/2024",
)
_LISTS: tuple[list[str], ...] = (
    ["Notebook"],
    ["Notebook", "Celular"],
    [],
    ['Televisor 55"', "Otro, ¿cuál?"],
)
_VALUES: tuple[Callable[[random.Random], Json], ...] = (
    lambda rng: pick(rng, _TEXTS),
    lambda rng: int(rng.random() * 11),
    lambda rng: list(pick(rng, _LISTS)),
    lambda rng: round(rng.random() * 5, 1),
)


def _kind(label: str) -> int:
    """The kind of value a question is answered with; the known ones have what suits them."""
    known = (word for word in _KINDS if word in label)
    word = next(known, None)
    return _KINDS[word] if word else zlib.crc32(label.encode()) % len(_VALUES)


_KINDS = {"Fecha": 0, "recomiende": 1, "Edad": 1, "Productos": 2, "gustó": 2, "Satisfacción": 3}
