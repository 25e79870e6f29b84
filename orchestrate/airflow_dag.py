"""Airflow 3: a DAG for each provider, a task for each account, a run for each month.

    airflow pools import orchestrate/airflow_pools.json
    airflow dags unpause callexports_burki
    airflow backfill create --dag-id callexports_burki --from-date 2024-01-01 --to-date 2024-06-01

The first makes the pools: how many runs of a provider go on at the same time. They share its
accounts' `requests_per_minute`, so change the file and import it again, not the pool alone. From
the second on the newest month is exported, three days after its end. The last exports January to
June, June included; with `--reprocess-behavior failed` those of them again that failed.

A run by hand takes the month before its date: `airflow dags test callexports_burki 2024-06-01`.

Airflow's folder of DAGs is the one of this file, and its PYTHONPATH holds the folder above.
"""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from airflow.providers.standard.operators.python import PythonOperator
from airflow.providers.standard.sensors.time_delta import TimeDeltaSensor
from airflow.sdk import DAG, CronDataIntervalTimetable, CronTriggerTimetable
from airflow.sdk.exceptions import AirflowFailException

from orchestrate.accounts import AccountsError, read_accounts
from orchestrate.export import Range
from orchestrate.jobs import Job, jobs_of
from orchestrate.programs import RunError
from orchestrate.streams import STREAMS

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.sdk.types import RuntimeTaskInstanceProtocol

#: "@monthly" alone would not do: such a run ends when it begins, and so exports nothing.
_MONTHLY = CronDataIntervalTimetable("@monthly", timezone="UTC")
_DAILY = CronTriggerTimetable("0 6 * * *", timezone="UTC")
#: Past the longest lookback of a provider, 72 hours: by then the calls of a month are all there.
_LATE = timedelta(days=3, hours=6)
#: The task that waits for them. It is no account: their names have no such sign.
_WAIT = "late-calls"
_HOUR = timedelta(hours=1)
_RETRIES = {
    "retries": 3,
    "retry_delay": timedelta(minutes=1),
    "retry_exponential_backoff": 2,
    "max_retry_delay": _HOUR,
}
#: Runs of a DAG besides those of a backfill: while the newest month waits, one can be repeated.
_RUNS = 2

_log = logging.getLogger(__name__)
_ACCOUNTS = read_accounts()
_POOLS = json.loads(Path(__file__).with_name("airflow_pools.json").read_text("utf-8"))
_JOBS = {job.name: job for provider in STREAMS for job in jobs_of(provider)}


def _make_dag(job: Job) -> None:
    with DAG(
        _dag_id(job),
        description=f"Exports {', '.join(each.name for each in job.streams)}",
        schedule=_MONTHLY if job.ranged else _DAILY,
        start_date=_ACCOUNTS.first_month,
        catchup=False,  # what is past is for a backfill
        max_active_runs=_RUNS,
        default_args=_RETRIES,
        tags=["callexports", job.provider],
    ):
        exports = [
            PythonOperator(
                task_id=account,
                python_callable=_export,
                op_kwargs={"job": job.name, "account": account},
                pool=job.provider,
            )
            for account in _ACCOUNTS.at(job.provider)
        ]
        if job.ranged:
            wait = TimeDeltaSensor(
                task_id=_WAIT, delta=_LATE, mode="reschedule", poke_interval=_HOUR
            )
            wait >> exports


def _dag_id(job: Job) -> str:
    return f"callexports_{job.name}"


def _export(
    job: str,
    account: str,
    *,
    ti: RuntimeTaskInstanceProtocol,
    data_interval_start: datetime | None = None,
    data_interval_end: datetime | None = None,
) -> dict[str, int]:
    """A task: export a job's streams of one account; the records written, by stream.

    Raises:
        RunError: Not everything is loaded. Another try may bring it.
        AirflowFailException: No other try would.
    """
    # Airflow reads this file again and again: HTTP and PostgreSQL would be most of what it costs.
    from orchestrate.comparison import export_compared  # noqa: PLC0415 - see above
    from orchestrate.warehouse import Warehouse  # noqa: PLC0415 - see above

    this = _JOBS[job]
    span = _span(data_interval_start, data_interval_end) if this.ranged else None
    try:
        settings = _ACCOUNTS.settings_of(
            account, this.provider, runs_at_once=_runs_at_once(this.provider)
        )
    except AccountsError as error:
        raise AirflowFailException(str(error)) from None
    if "requests_per_minute" in settings:
        _watch_pool(this.provider, ti)
    rows = {}
    for result in export_compared(this.provider, settings, this.streams, span, Warehouse(account)):
        if result.verdict:
            level = logging.WARNING if result.doubt else logging.INFO
            _log.log(level, "%s: %s", result.stream.name, result.verdict)
        rows[result.stream.name] = result.rows
    return rows


def _span(start: datetime | None, end: datetime | None) -> Range:
    """A run's data interval, which holds something."""
    if start and end and start < end:
        return Range(start, end)
    raise AirflowFailException(
        f"the data interval, {start} to {end}, is empty, so nothing would be exported: "
        'the timetable must be CronDataIntervalTimetable("@monthly", timezone="UTC"), '
        'where "@monthly" alone has no intervals'
    )


def _runs_at_once(provider: str) -> int | None:
    """How many runs a provider's pool lets through, None without a limit."""
    slots = int(_POOLS[provider]["slots"])
    return slots if slots > 0 else None


def _watch_pool(provider: str, ti: RuntimeTaskInstanceProtocol) -> None:
    """See that the pool is the one in the file, by which a budget was shared.

    A task cannot ask for the size of its pool, only for the tasks that are running.
    """
    running = sum(
        ti.get_ti_count(_dag_id(job), task_ids=_ACCOUNTS.at(provider), states=["running"])
        for job in jobs_of(provider)
    )
    if running > (slots := _POOLS[provider]["slots"]):
        raise RunError(
            f"{running} runs of {provider} go on at the same time, which are {slots} in "
            "airflow_pools.json: import it again, or they exceed requests_per_minute together"
        )


for _job in _JOBS.values():
    if _ACCOUNTS.at(_job.provider):
        _make_dag(_job)
