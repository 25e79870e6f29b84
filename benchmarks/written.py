"""Which ids a run has written."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Id = str | int


def found_in(file: Path, key: str, *around: str) -> Iterator[Id]:
    """The value of a key in every line that has it, inside the objects around it."""
    kind: Any = msgspec.defstruct("Row", [("id", str | int, msgspec.field(name=key))])
    for name in reversed(around):
        kind = msgspec.defstruct(
            "Line", [("inner", kind | None, msgspec.field(default=None, name=name))]
        )
    decode = msgspec.json.Decoder(kind).decode
    with file.open("rb") as lines:
        for line in lines:
            found = decode(line)
            for _ in around:
                found = found and found.inner
            if found is not None:
                yield found.id


def loaded_into(python: Path, database: Path, table: str) -> Iterator[Id]:
    """The call ids of a table of a DuckDB file, read with another Python."""
    wanted = f"select call_id from {table}"  # noqa: S608 - our own names
    statement = (
        f"import duckdb; calls = duckdb.connect({str(database)!r}); "
        f"print(*(call for call, in calls.execute({wanted!r}).fetchall()))"
    )
    ids = subprocess.check_output([str(python), "-c", statement], text=True)
    return iter(ids.split())
