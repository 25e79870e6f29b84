"""Invented transcripts: what was said in a call, segment by segment."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..instants import MICROSECOND, parse, text, zoneless
from ..parts import compact, opened, pick
from ..store import LinkedStore, Plan, Store
from ..table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..table import Record, Row

_MOST = 6
#: Ids of segments are their call's times this, plus their number; some are left for `add_at`.
_NUMBERS = 10
_SAID = (
    "Hola, le habla la asistente virtual.",
    "Sí, ¿de parte de quién?",
    'Llamo por su hora del jueves; "la confirmamos"?',
    "No puedo,\nestoy trabajando.",
    "",
)


class SegmentStore(LinkedStore):
    """Segments, found by their call."""

    _version = -1

    def of_call(self, call_id: int) -> list[Row]:
        """The segments of a call, in order."""
        table = self.ready()
        if self._version != table.version:
            self._version = table.version
            self._by_call: dict[int, list[Row]] = defaultdict(list)
            for row in sorted(table.rows, key=_order):
                self._by_call[row.canonical["call_id"]].append(row)
        return [row for row in self._by_call.get(call_id, ()) if row.visible]


def segment_store(plan: Plan, calls: Store, now: Callable[[], datetime]) -> SegmentStore:
    """The segments of these calls. The time of a segment is the start of its call."""
    alone: set[int] = set()

    def of_call(call: Record) -> Iterator[Record]:
        if call["started_at"] is None or call["id"] in alone:
            return
        rng = random.Random(f"transcript:{call['id']}")
        amount = int(rng.random() * (_MOST + 1))
        made = [_segment(rng, call, number) for number in range(amount)]
        yield from made[: amount // 2] if call["status"] == "ongoing" else made

    def make(rng: random.Random, at: datetime, end: datetime | None, _number: int) -> Record:
        """A segment of a call that is made for it."""
        table = calls.ready()
        row = table.add(rng, [at], end)[0] if end else table.add_at(rng, [at], {})[0]
        alone.add(row.canonical["id"])
        if end is None and row.canonical["status"] != "completed":
            table.amend(row, {"status": "completed", "duration": 9, "ended_at": text(at)})
        return _segment(rng, row.canonical, _NUMBERS - 1)

    table = Table(
        "call_started_at",
        make,
        _mature,
        key=lambda record: str(record["id"]).zfill(12),
        step=MICROSECOND,
        filters_time_column=True,
    )
    return SegmentStore(table, plan, "burki:transcripts", sources=[(calls, of_call)], now=now)


def wire(record: Record) -> Record:
    """A segment as the server shows it."""
    shown = {name: value for name, value in record.items() if name != "call_started_at"}
    shown["created_at"] = zoneless(shown["created_at"]) if shown["created_at"] else None
    shown["stt_timestamps"] = opened(shown["stt_timestamps"])
    return shown


def _order(row: Row) -> tuple[str, int]:
    return row.canonical["created_at"] or "", row.canonical["id"]


def _mature(_rng: random.Random, record: Record) -> Record:
    """It is listened to once more."""
    return {"content": f"{record['content']} (revisado)", "confidence": 1}


def _segment(rng: random.Random, call: Record, number: int) -> Record:
    begun = round(3.5 * number + 2 * rng.random(), 3)
    over = round(begun + 0.4 + rng.random(), 3)
    content = pick(rng, _SAID)
    words = [{"word": word, "start": begun, "end": over} for word in content.split()[:2]]
    started = parse(call["started_at"])
    return {
        "id": call["id"] * _NUMBERS + number,
        "call_started_at": call["started_at"],
        "call_id": call["id"],
        "content": content,
        "is_final": True,
        "speaker": "user" if number % 2 else "assistant",
        "segment_start": begun,
        "segment_end": over,
        "confidence": round(0.6 + 0.4 * rng.random(), 4),
        "created_at": text(started + timedelta(seconds=over, milliseconds=40)),
        "stt_timestamps": compact(words) if rng.random() < 0.5 else None,
    }
