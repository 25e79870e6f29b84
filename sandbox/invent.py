"""What invented records are made of, and when people call: always reproducible."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from configparser import ConfigParser
from datetime import datetime, timedelta
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from .compat import override
from .instants import EPOCH, MICROSECOND, SECOND, UTC, floor, parse

if TYPE_CHECKING:
    import random

T = TypeVar("T")
_AREAS = (202, 206, 212, 213, 305, 312, 404, 415, 503, 512, 555, 602, 617, 702, 713, 808)
_HOUR = timedelta(hours=1)
_SAME_SECOND = 0.05
_SAME_INSTANT = 0.02


def pick(rng: random.Random, choices: Sequence[T]) -> T:
    """One of them; quicker than `Random.choice`."""
    return choices[int(rng.random() * len(choices))]


def below(rng: random.Random, limit: int) -> int:
    """A whole number from 0 to `limit` (exclusive); quicker than `Random.randrange`."""
    return int(rng.random() * limit)


def phone(rng: random.Random) -> str:
    """A number of the 555-01xx block, which is reserved for fiction."""
    return f"+1{pick(rng, _AREAS)}55501{below(rng, 100):02d}"


def hex_text(rng: random.Random, digits: int) -> str:
    """`digits` random hexadecimal digits."""
    return f"{rng.getrandbits(4 * digits):0{digits}x}"


def uuid(rng: random.Random) -> str:
    """A random UUID."""
    digits = hex_text(rng, 30)
    return f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-8{digits[15:18]}-{digits[18:]}"


def object_id(rng: random.Random, at: datetime) -> str:
    """An id as MongoDB makes it: its first four bytes are the second it was made in."""
    return f"{int(at.timestamp()):08x}{rng.getrandbits(64):016x}"


def made_at(name: str, otherwise: str) -> datetime:
    """The second such an id was made in; for any other name the instant given as text."""
    if re.fullmatch(r"[0-9a-f]{24}", name):
        return datetime.fromtimestamp(int(name[:8], 16), UTC)
    return parse(otherwise)


def compact(value: object) -> str:
    """The form in which records hold values of unknown shape."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def opened(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """The reverse of `compact`; a text that is none of its objects and lists stays as it is."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        return json.loads(value)
    return value


def words(text: str) -> tuple[str, ...]:
    """Names that are parted by spaces."""
    return tuple(text.split())


class _Ini(ConfigParser):
    @override
    def optionxform(self, optionstr: str) -> str:
        """Keep the case of names."""
        return optionstr


class Tables:
    """Tables of columns in an INI file, each column with how it is made.

    That is: a JSON value; a JSON list for one of its values; `1..9` for a number between, with
    decimals where the first one has some; `phone`, `uuid`, `hex8` for so many digits; `text` and
    a JSON value for its compact text; `$name` for what is known under that name, and `$call.id`
    for a column of it. With ` ?30` at its end it is so in 30 of 100 rows; else it is null, or
    false instead of true.
    """

    def __init__(self, name: str) -> None:
        """Read `<name>.ini` of this folder."""
        self._file = _Ini(delimiters=("=",), interpolation=None)
        self._file.read_string((_FOLDER / f"{name}.ini").read_text(encoding="utf-8"))
        self._made: dict[str, list[tuple[str, _Column]]] = {}

    def plain(self, table: str) -> dict[str, str]:
        """A table of texts, which are no recipes."""
        return dict(self._file[table])

    def columns(self, table: str, rng: random.Random, **known: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
        """Values for the columns of a table, none if there is no such table.

        What is `known` and a function gets the dice.
        """
        if table not in self._made:
            columns = self._file[table].items() if table in self._file else ()
            self._made[table] = [(name, _column(how)) for name, how in columns]
        return {name: make(rng, known) for name, make in self._made[table]}

    def vary(self, options: object, dice: random.Random) -> None:
        """Set options at random, as the table `vary` says."""
        for name, value in self.columns("vary", dice).items():
            setattr(options, name, value)


_FOLDER = Path(__file__).parent
_Column = Callable[["random.Random", Mapping[str, Any]], Any]
_NAMED = {"phone": phone, "uuid": uuid}


def _column(how: str) -> _Column:
    always, _, percent = how.partition(" ?")
    if percent:
        make, share = _column(always), int(percent) / 100
        other = False if always == "true" else None
        return lambda rng, known: make(rng, known) if rng.random() < share else other
    if how[0] == "$":
        return lambda rng, known: _known(rng, known, *how[1:].split("."))
    if how.startswith(("phone", "uuid", "hex")):
        make_text = _NAMED.get(how) or partial(hex_text, digits=int(how[3:]))
        return lambda rng, _: make_text(rng)
    if ".." in how and how[0].isdigit():
        low, high = (json.loads(end) for end in how.split(".."))
        if isinstance(low, int):
            return lambda rng, _: low + below(rng, high - low + 1)
        return lambda rng, _: round(low + (high - low) * rng.random(), 4)
    value = compact(json.loads(how[5:])) if how.startswith("text ") else json.loads(how)
    return lambda rng, _: pick(rng, value) if isinstance(value, list) else value


def _known(rng: random.Random, known: Mapping[str, Any], name: str, column: str = "") -> Any:  # noqa: ANN401 - any JSON value
    value = known[name]
    if column:
        return value.get(column)
    return value(rng) if callable(value) else value


def instants(
    rng: random.Random, count: int, start: datetime, end: datetime, step: timedelta
) -> list[datetime]:
    """`count` sorted instants in [start, end), multiples of `step` where the range allows it.

    Mostly in office hours, and often in the same second.
    """
    if end <= start:
        raise ValueError("the range of instants is empty")
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    first = floor(start, _HOUR)
    slots = [first + index * _HOUR for index in range(-((first - end) // _HOUR))]
    weights = list(accumulate(map(_weight, slots)))
    picked = sorted(
        slot + rng.random() * _HOUR for slot in rng.choices(slots, cum_weights=weights, k=count)
    )
    return sorted(_rounded(_with_ties(rng, picked), start, end, step))


def _weight(hour: datetime) -> float:
    """Busy from 9 to 19, quieter in the evening, nearly silent at night and on weekends."""
    busy = 10.0 if 9 <= hour.hour < 19 else 3.0 if 7 <= hour.hour < 22 else 0.4
    return busy * (0.25 if hour.weekday() >= 5 else 1.0)


def _with_ties(rng: random.Random, picked: list[datetime]) -> Iterable[datetime]:
    previous: datetime | None = None
    for at in picked:
        chance = rng.random()
        if previous is None or chance >= _SAME_INSTANT + _SAME_SECOND:
            previous = at
        elif chance >= _SAME_INSTANT:
            previous = floor(previous, SECOND) + rng.random() * SECOND
        yield previous


def _rounded(
    picked: Iterable[datetime], start: datetime, end: datetime, step: timedelta
) -> Iterable[datetime]:
    width = step // MICROSECOND
    span = end - start
    for at in picked:
        inside = at if start <= at < end else start + (at - EPOCH) % span
        micros = (inside - EPOCH) // MICROSECOND
        yield max(start, EPOCH + timedelta(microseconds=micros - micros % width))
