"""Checks of the DAG file, carried out by Airflow's own Python, which has no pytest.

`python airflow_checks.py` exits with 1 at the first that fails.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException
from airflow.serialization.serialized_objects import DagSerialization

from orchestrate.programs import RunError

_UTC = timezone.utc
_FIRST, _LAST = datetime(2024, 1, 1, tzinfo=_UTC), datetime(2024, 6, 1, tzinfo=_UTC)
_MAY, _JUNE = datetime(2024, 5, 1, tzinfo=_UTC), datetime(2024, 6, 1, tzinfo=_UTC)
_ACCOUNTS = {
    "callexports_videsk": ["north", "late-calls"],
    "callexports_anunzi": ["south", "late-calls"],
    "callexports_anunzi_details": ["south", "late-calls"],
    "callexports_anunzi_whole": ["south"],
    "callexports_burki": ["north", "south", "poor", "late-calls"],
    "callexports_burki_details": ["north", "south", "poor", "late-calls"],
}

_BAG = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"] + "/airflow_dag.py")
_DAGS = _BAG.dags


def every_provider_of_the_accounts_has_its_dags() -> None:
    assert _BAG.import_errors == {}
    assert {name: [task.task_id for task in dag.tasks] for name, dag in _DAGS.items()} == _ACCOUNTS


def tasks_share_their_providers_pool_wait_for_late_calls_and_are_tried_again() -> None:
    for name, dag in _DAGS.items():
        assert dag.max_active_runs == 2
        assert dag.catchup is False
        for task in dag.tasks:
            waits = task.task_id == "late-calls"
            assert task.pool == ("default_pool" if waits else name.split("_")[1])
            late = set() if waits or name.endswith("_whole") else {"late-calls"}
            assert task.upstream_task_ids == late
            assert (task.retries, task.retry_delay.total_seconds()) == (3, 60)
            assert task.retry_exponential_backoff == 2


def a_run_is_a_whole_month_of_utc_where_monthly_alone_is_an_instant() -> None:
    firsts = [datetime(2024, month, 1, tzinfo=_UTC) for month in range(1, 8)]
    for name, dag in _DAGS.items():
        if not name.endswith("_whole"):
            assert _months(dag) == list(itertools.pairwise(firsts))
            assert dag.start_date == _FIRST
    monthly = DAG("monthly", schedule="@monthly", start_date=_FIRST)
    assert _months(monthly) == [(first, first) for first in firsts[:6]]


def a_run_without_an_interval_fails_for_good_and_names_the_timetable() -> None:
    for interval in ((_MAY, _MAY), (None, None)):
        line = _failure(AirflowFailException, "north", interval)
        assert 'CronDataIntervalTimetable("@monthly", timezone="UTC")' in line


def more_runs_than_a_budget_was_shared_by_fail() -> None:
    crowd = {"callexports_burki": 2, "callexports_burki_details": 1}
    line = _failure(RunError, "north", running=crowd)
    assert line.startswith("3 runs of burki go on at the same time, which are 2 in ")
    # As far as the warehouse, whose address is not set: a full pool, and any without a budget.
    full = {"callexports_burki": 1, "callexports_burki_details": 1}
    for task, running in (("north", full), ("south", {"callexports_burki": 3})):
        line = _failure(RunError, task, running=running)
        assert line.startswith("set WAREHOUSE_URL to ")


class _Instance:
    """A task that runs, as far as the DAG file asks it."""

    def __init__(self, running: Mapping[str, int]) -> None:
        self._running = running

    def get_ti_count(self, dag_id: str, *, task_ids: list[str], states: list[str]) -> int:
        assert "late-calls" not in task_ids
        assert states == ["running"]
        return self._running.get(dag_id, 0)


def _months(dag: DAG) -> list[tuple[datetime, datetime]]:
    """The data intervals that a backfill from the first to the last date gets."""
    scheduled = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    infos = scheduled.iter_dagrun_infos_between(_FIRST, _LAST)
    return [(each.data_interval.start, each.data_interval.end) for each in infos]


def _failure(
    kind: type[Exception],
    task_id: str,
    interval: tuple[datetime | None, datetime | None] = (_MAY, _JUNE),
    *,
    running: Mapping[str, int] | None = None,
) -> str:
    """The line with which a task of Burki's DAG fails."""
    task: Any = _DAGS["callexports_burki"].get_task(task_id)
    start, end = interval
    try:
        task.python_callable(
            **task.op_kwargs,
            ti=_Instance(running or {}),
            data_interval_start=start,
            data_interval_end=end,
        )
    except kind as error:
        return str(error)
    raise AssertionError(f"{task_id} did not fail")


if __name__ == "__main__":
    every_provider_of_the_accounts_has_its_dags()
    tasks_share_their_providers_pool_wait_for_late_calls_and_are_tried_again()
    a_run_is_a_whole_month_of_utc_where_monthly_alone_is_an_instant()
    a_run_without_an_interval_fails_for_good_and_names_the_timetable()
    more_runs_than_a_budget_was_shared_by_fail()
