"""The tables of docs/scaling.md, Markdown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.report import table
from benchmarks.scaling.costs import MOST_PARTITIONS, START_SECONDS, VCPU_HOUR_USD, loaders
from benchmarks.scaling.plans import ACCOUNTS, CALLS, DAY, HOUR, USUAL, again, backfills
from benchmarks.scaling.streams import PaperTap

if TYPE_CHECKING:
    from benchmarks.scaling.plans import Again, Backfill, Plan

QUICK, SLOW = 0.2, 1.0
LIMITS = (60, 300, 1_200)
_WORKERS = (1, 2, 4, 8)
#: Processes side by side.
AT_ONCE = 20
_ROWS = ACCOUNTS * CALLS
#: How often incremental runs come, and how the page calls it.
_EVERY = {"every hour": HOUR, "every 6 hours": 6 * HOUR, "every day": DAY, "every week": 7 * DAY}
#: The advice: hourly runs look back so far, and one a day as far as the provider's default.
SHORT_LOOKBACK = 2
_DAYS = 365


def blocks() -> dict[str, str]:
    """Everything the page has from here, by the name of its place."""
    done = backfills()
    return {
        "short answer": _short_answer(done),
        "one account": _one_account(done),
        "workers": _workers(done),
        "a thousand accounts": _all_accounts(done),
        "loaders": _loaders(),
        "lookback": _lookback(),
        "runs and state": f"{_runs()}\n\n{_state()}",
    }


def _short_answer(done: list[Backfill]) -> str:
    usual = {one.plan.stream: one for one in done if one.plan in USUAL}
    lists = [one for one in usual.values() if not one.plan.by_call]
    requests = [one.played.requests * ACCOUNTS for one in lists]
    cpu = [_cpu_hours(one.plan.cost.cpu) for one in lists]
    slow, calls = max(lists, key=_quick_hours), usual["anunzi_call_details"]
    copy, direct = loaders()[0], loaders()[-1]
    limit, answer = f"{LIMITS[0]} requests a minute", f"{QUICK * 1000:.0f} ms an answer"
    return f"""\
1. **Requests.** The lists of {_short(_ROWS)} calls are {_short(min(requests))} to \
{_short(max(requests))} requests, by provider; call by call it is \
{_short(calls.played.requests * ACCOUNTS)}.
2. **Hours.** The calls of one account take {_number(slow.hours(QUICK))} hours at the most \
({slow.plan.title}, {answer}), and {_number(slow.hours(QUICK, LIMITS[0]))} at {limit}.
3. **Call by call** they take {_number(calls.hours(QUICK) / 24)} days, and \
{_number(calls.hours(QUICK, LIMITS[0]) / 24)} at {limit}: for the past of 1,000 accounts that is \
out of reach, for what is new it is not.
4. **The loader is the bottleneck** of everything else: {_number(_hours_of(copy.rate))} hours into \
PostgreSQL at {copy.rate:,.0f} rows/s, {_number(_hours_of(direct.rate))} where DuckDB reads batch \
files. The tap itself needs {_number(min(cpu))} to {_number(max(cpu))} CPU hours.
5. **Looking back** costs more than the past: runs by the hour with Videsk's default of 72 hours \
read every call {_number(again(USUAL[0], HOUR).read)} times."""


def _one_account(done: list[Backfill]) -> str:
    header = (
        "read",
        "requests",
        "windows",
        f"h at {QUICK:.1f} s",
        f"h at {SLOW:.0f} s",
        *(f"h at {limit:,}/min" for limit in LIMITS),
        f"requests of {ACCOUNTS:,}",
    )
    return table(
        header,
        (
            (
                one.plan.title,
                f"{one.played.requests:,}",
                f"{one.played.windows:,}",
                _number(one.hours(QUICK)),
                _number(one.hours(SLOW)),
                *(_number(one.hours(QUICK, limit)) for limit in LIMITS),
                _short(one.played.requests * ACCOUNTS),
            )
            for one in done
        ),
    )


def _workers(done: list[Backfill]) -> str:
    return table(
        ("hours at 0.2 s, with `max_concurrency`", *map(str, _WORKERS)),
        (
            (
                one.plan.title,
                *(_number(one.hours(QUICK, at_once=workers)) for workers in _WORKERS),
            )
            for one in done
            if one.plan in USUAL and not one.plan.by_call
        ),
    )


def _all_accounts(done: list[Backfill]) -> str:
    return table(
        (
            "read",
            "process hours at 0.2 s",
            f"days with {AT_ONCE} at once",
            "CPU hours of the tap",
            "USD",
            f"GiB for {AT_ONCE} at once",
            "TB written",
        ),
        (
            (
                one.plan.title,
                _number(hours := one.hours(QUICK) * ACCOUNTS),
                _number(hours / AT_ONCE / 24),
                _number(cpu := _cpu_hours(one.plan.cost.cpu)),
                _number(cpu * VCPU_HOUR_USD),
                _number(one.plan.cost.memory * AT_ONCE / 1024),
                _number(one.plan.cost.line * _ROWS / 1e12),
            )
            for one in done
            if one.plan in USUAL
        ),
    )


def _loaders() -> str:
    return table(
        ("into", "rows/s", "loader hours", f"days with {AT_ONCE} at once", "CPU hours", "USD"),
        (
            (
                one.name,
                f"{one.rate:,.0f}",
                _number(_hours_of(one.rate)),
                _number(_hours_of(one.rate) / AT_ONCE / 24),
                _number(cpu := _cpu_hours(one.cpu)),
                _number(cpu * VCPU_HOUR_USD),
            )
            for one in loaders()
        ),
    )


def _lookback() -> str:
    def shown(each: Again) -> str:
        return f"{_number(each.read)} ({_short(each.requests * ACCOUNTS)})"

    advice = f"hourly with {SHORT_LOOKBACK} h, nightly as it is"
    return table(
        ("rows read for a new one (requests)", *_EVERY, advice),
        (
            (
                _with_lookback(plan),
                *(shown(again(plan, every)) for every in _EVERY.values()),
                shown(_advised(plan)),
            )
            for plan in USUAL
        ),
    )


def _advised(plan: Plan) -> Again:
    """Short looks back by the hour, and one a day, in place of one of them, as far as usual."""
    hourly, nightly = again(plan, HOUR, SHORT_LOOKBACK), again(plan, HOUR)
    share = 1 / 24
    return type(hourly)(
        hourly.read * (1 - share) + nightly.read * share,
        hourly.requests * (1 - share) + nightly.requests * share,
    )


def _with_lookback(plan: Plan) -> str:
    provider, _, stream = plan.stream.partition("_")
    settings = PaperTap.config_jsonschema["properties"][provider]["properties"]
    name = "details_lookback_hours" if plan.by_call else "lookback_hours"
    return f"`{provider}_{stream}`, {settings[name]['default']} h"


def _runs() -> str:
    months, days = ACCOUNTS * 12, ACCOUNTS * _DAYS
    return (
        f"{ACCOUNTS:,} accounts by month are {months:,} runs a year with "
        f"{_number(months * START_SECONDS / 3600)} hours of start-up, and reach "
        f"{MOST_PARTITIONS:,} partitions in {_number(MOST_PARTITIONS / months)} years; by day they "
        f"are {days:,} runs with {_number(days * START_SECONDS / 3600)} hours, and reach it in "
        f"{_number(MOST_PARTITIONS / days * 12)} months."
    )


def _state() -> str:
    tap = PaperTap(config={})
    sizes = {}
    for provider in ("videsk", "anunzi", "twin24", "burki"):
        bookmarks = {
            stream.name: {
                "replication_key": stream.replication_key,
                "replication_key_value": "2025-05-31T12:00:00.000000Z",
                "as_of": "2025-05-31T12:00:00.000000Z",
            }
            for stream in tap.streams.values()
            if stream.name.startswith(provider)
            and stream.replication_key
            and stream.selected_by_default
            and stream.name not in {"videsk_forms", "videsk_surveys"}
        }
        sizes[provider] = len(json.dumps({"bookmarks": bookmarks}))
    words = ", ".join(f"{size:,} bytes at `{name}`" for name, size in sizes.items())
    most = max(sizes.values()) * ACCOUNTS / 1e6
    return (
        f"The state of an account is {words}, without forms and surveys (250 bytes for each id): "
        f"{most:.1f} MB for {ACCOUNTS:,} accounts, whatever they hold."
    )


def _quick_hours(one: Backfill) -> float:
    return one.hours(QUICK)


def _cpu_hours(cpu: float) -> float:
    """Of all rows, by the seconds for 100,000."""
    return cpu * _ROWS / 1e5 / 3600


def _hours_of(rate: float) -> float:
    return _ROWS / rate / 3600


def _number(value: float) -> str:
    """Two digits that count, as text."""
    if value >= 100:
        digits = len(f"{value:.0f}") - 3
        return f"{round(value / 10**digits) * 10**digits:,}"
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def _short(value: float) -> str:
    """A large number in words."""
    for size, word in ((1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if value >= size:
            return f"{_number(value / size)} {word}"
    return _number(value)
