"""What Airflow makes of the DAG file, asked with Airflow's own Python.

`python airflow_facts.py ANSWER CALLS` writes JSON into the file ANSWER. CALLS is a JSON list of
tasks to be called, each with a data interval, and with how many others are said to be running.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization

FIRST, LAST = datetime(2024, 1, 1, tzinfo=timezone.utc), datetime(2024, 6, 1, tzinfo=timezone.utc)


class _Instance:
    """A task that runs, as far as the DAG file asks it."""

    def __init__(self, running: Mapping[str, int]) -> None:
        self._running = running

    def get_ti_count(self, dag_id: str, *, task_ids: list[str], states: list[str]) -> int:
        assert "late-calls" not in task_ids
        assert states == ["running"]
        return self._running.get(dag_id, 0)


def main(answer: str, calls: str) -> None:
    """Write the answer."""
    before = set(sys.modules)
    bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"] + "/airflow_dag.py")
    facts = {
        "errors": bag.import_errors,
        "modules": sorted(set(sys.modules) - before),
        "dags": {name: _dag(dag) for name, dag in bag.dags.items()},
        "calls": [_outcome(bag.dags, call) for call in json.loads(calls)],
        "@monthly": _months(DAG("monthly", schedule="@monthly", start_date=FIRST)),
    }
    Path(answer).write_text(json.dumps(facts), "utf-8")


def _dag(dag: DAG) -> dict[str, Any]:
    return {
        "months": _months(dag),
        "first": dag.start_date.isoformat(),
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "tasks": {
            task.task_id: {
                "pool": task.pool,
                "retries": task.retries,
                "delay": task.retry_delay.total_seconds(),
                "backoff": task.retry_exponential_backoff,
                "after": sorted(task.upstream_task_ids),
            }
            for task in dag.tasks
        },
    }


def _months(dag: DAG) -> list[list[str]]:
    """The data intervals that a backfill from the first to the last date gets."""
    scheduled = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    return [
        [each.data_interval.start.isoformat(), each.data_interval.end.isoformat()]
        for each in scheduled.iter_dagrun_infos_between(FIRST, LAST)
    ]


def _outcome(dags: Mapping[str, DAG], call: Mapping[str, Any]) -> dict[str, Any]:
    """How a task ends: `rows`, or `error` and `line`."""
    task = dags[call["dag"]].get_task(call["task"])
    start, end = (value and datetime.fromisoformat(value) for value in call["interval"])
    try:
        rows = task.python_callable(
            **task.op_kwargs,
            ti=_Instance(call["running"]),
            data_interval_start=start,
            data_interval_end=end,
        )
    except Exception as error:  # noqa: BLE001 - the test looks at it
        return {"error": type(error).__name__, "line": str(error)}
    return {"rows": rows}


if __name__ == "__main__":
    main(*sys.argv[1:])
