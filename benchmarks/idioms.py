"""How complete the public ways of pulling Vapi's call list are, beside the tap, on the mock API.

`python -m benchmarks.idioms` takes about ten minutes and writes the table of docs/completeness.md.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import requests

from benchmarks.tools import BENCH, tap_command
from benchmarks.workloads import ROOT
from sandbox import Sandbox
from sandbox.instants import parse
from sandbox.vapi import VapiApi

PAGE = ROOT / "docs" / "completeness.md"
_TABLE = re.compile(r"(?<=<!-- written by benchmarks.idioms -->\n).*?(?=<!-- end -->)", re.DOTALL)
_DLT = Path(__file__).with_name("competitors") / "dlt_call_list.py"
_FROM = "2024-05-01T00:00:00.000Z"
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
#: `moves` and `age` of `compare`, by letter.
CASES = {"A": (True, _DAY), "B": (False, _DAY), "C": (False, 4 * _DAY)}

Row = dict[str, Any]


@dataclass
class Puller:
    """What a way of pulling keeps between its runs: the API, page size, a folder, and a state."""

    api: dict[str, Any]
    limit: int
    folder: Path
    state: dict[str, Any] = field(default_factory=dict)

    def get(self, query: Mapping[str, str]) -> list[Row]:
        """One page."""
        url, headers = self.api["api_url"], {"Authorization": f"Bearer {self.api['api_key']}"}
        params = {**query, "limit": str(self.limit)}
        response = requests.get(f"{url}/call", params=params, headers=headers, timeout=60)
        response.raise_for_status()
        return list(response.json())

    def lines_of(self, command: list[str], **files: object) -> Iterator[Any]:
        """The JSON lines of a program that finds these values in files of its folder."""
        for name, value in files.items():
            (self.folder / name).write_text(json.dumps(value), "utf-8")
        return map(json.loads, subprocess.check_output(command, cwd=self.folder).splitlines())


Way = Callable[[Puller], Iterable[Row]]


def walk(puller: Puller, *, whole: bool) -> Iterator[Row]:
    """Page by page, `createdAtLt` the last row: the whole list, or back to the last run."""
    query = {} if whole else dict(puller.state)
    while rows := puller.get(query):
        yield from rows
        newest = max(rows[0]["createdAt"], puller.state.get("createdAtGt", ""))
        puller.state = {"createdAtGt": newest}
        if len(rows) < puller.limit:
            break
        query["createdAtLt"] = rows[-1]["createdAt"]


def changed(puller: Puller, *, until_short: bool) -> Iterator[Row]:
    """What is newer than the largest `updatedAt` so far: one page, or until a page is short."""
    while rows := puller.get(puller.state):
        yield from rows
        puller.state = {"updatedAtGt": max(row["updatedAt"] for row in rows)}
        if not until_short or len(rows) < puller.limit:
            break


def dlt(puller: Puller, **settings: str) -> Iterator[Row]:
    """dlt's REST source."""
    config = {**puller.api, "limit": puller.limit, "start_date": _FROM, **settings}
    for rows in puller.lines_of([str(BENCH / "python"), str(_DLT), "config"], config=config):
        yield from rows if isinstance(rows, list) else [rows]


def tap(puller: Puller) -> Iterator[Row]:
    """The tap, with its defaults but for the page size."""
    config = {"start_date": _FROM, "vapi": {**puller.api, "page_size": puller.limit}}
    command = [*tap_command(), "--config", "config", "--state", "state"]
    for line in puller.lines_of(command, config=config, state=puller.state):
        if line["type"] == "RECORD":
            yield line["record"]
        elif line["type"] == "STATE":
            puller.state = line["value"]


WAYS: dict[str, Way] = {
    "first page only": lambda puller: puller.get({}),
    "walk by `createdAtLt`, back to the last run": partial(walk, whole=False),
    "walk by `createdAtLt`, the whole list in each run": partial(walk, whole=True),
    "bookmark of the largest `updatedAt`, one page": partial(changed, until_short=False),
    "the same, until a page is short": partial(changed, until_short=True),
    "tap-callexports": tap,
}
DLT: dict[str, Way] = {
    f"dlt `rest_api`, `{pages}`, by `{cursor}`": partial(dlt, paginator=pages, cursor=cursor)
    for pages in ("single_page", "offset")
    for cursor in ("createdAt", "updatedAt")
}


def compare(
    ways: Mapping[str, Way], limit: int, *, moves: bool, age: timedelta = _DAY, runs: int = 4
) -> dict[str, Counter[str]]:
    """Let every way read the same list as it grows; what is lost and stale in the end, and effort.

    Args:
        ways: What is compared.
        limit: Rows per page; the list has 15 pages at first, and 1.5 more and a tie in each run.
        moves: Whether late analysis and costs move `updatedAt`.
        age: How long after the call's last other change they come, at least; 20 hours more at most.
        runs: A full one, and incremental ones a day apart.
    """
    held: dict[str, dict[str, Row]] = {name: {} for name in ways}
    counts: dict[str, Counter[str]] = {name: Counter() for name in ways}
    with TemporaryDirectory() as folder, Sandbox(rows=15 * limit, own_clock=True) as box:
        api: VapiApi = box.vapi
        api.options.late_changes_move = moves
        pullers = {name: Puller(api.config(), limit, Path(mkdtemp(dir=folder))) for name in ways}
        for run in range(runs):
            if run:
                box.end = api.now = box.end + _DAY
                _finish(api, age, random.Random(run))
                api.add(limit * 3 // 2, box.end - 23 * _HOUR, box.end)
            _add_tie(api, limit)
            for name, way in ways.items():
                before = len(api.requests)
                for row in way(pullers[name]):
                    version = _version(row)
                    counts[name]["again"] += held[name].get(row["id"]) == version
                    held[name][row["id"]] = version
                counts[name]["requests"] += len(api.requests) - before
        truth = {key: _version(row) for (key,), row in api.truth("vapi_calls").items()}
    for name, rows in held.items():
        counts[name]["calls"] = len(truth)
        counts[name]["lost"] = len(truth.keys() - rows.keys())
        counts[name]["stale"] = sum(truth[key] != version for key, version in rows.items())
    return counts


def _finish(api: VapiApi, age: timedelta, dice: random.Random) -> None:
    """End the calls that went on, and bring what is late to half of those of 20 hours."""
    last = api.now - age
    ongoing = [row for row in api.rows if row.canonical["status"] == "in-progress"]
    others = [row for row in api.rows if last - 20 * _HOUR <= row.at < last]
    for row in [*ongoing, *dice.sample(others, len(others) // 2)]:
        api.table_of("vapi_calls").mature(dice, row)


def _add_tie(api: VapiApi, limit: int) -> None:
    """Calls of one millisecond, half of them on the first page of the list, half behind it."""
    amount = limit * 3 // 10
    created = sorted((row.canonical["created_at"] for row in api.rows), reverse=True)
    at = parse(created[limit - amount // 2]) + timedelta(milliseconds=1)
    api.add_at(*[at] * amount, created_at=at)


def _version(row: Row) -> Row:
    """What may be late in a call, by the names that the API, the tap and the truth share."""
    outputs = (row.get("artifact") or {}).get("structuredOutputs")
    return {"outputs": outputs, **{n: row.get(n) for n in ("status", "cost", "costs", "analysis")}}


def main() -> None:
    """Compare, and write the table with its date; the effort is that of the first case."""
    found = [compare({**DLT, **WAYS}, 200, moves=moves, age=age) for moves, age in CASES.values()]
    wrong = [f"{case}: {what}" for case in CASES for what in ("lost", "stale")]
    head = ["way of pulling", *wrong, "requests", "rows sent again"]
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    for name, effort in found[0].items():
        counts = [case[name][what] for case in found for what in ("lost", "stale")]
        lines.append([name, *(f"{n:,}" for n in (*counts, effort["requests"], effort["again"]))])
    rows = "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
    calls = f"{found[0]['tap-callexports']['calls']:,} calls in the end"
    written = f"\n{datetime.now(timezone.utc):%Y-%m-%d}, {calls}:\n\n{rows}\n"
    print(written)
    PAGE.write_text(_TABLE.sub(lambda _: written, PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
