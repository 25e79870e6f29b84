"""Dagster: an asset for each stream, a partition for each account and month.

A run exports the streams of one provider that were asked for, of one account, over one month.
"""

# Without `from __future__ import annotations`: Dagster looks at the types behind them.

import os
from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestrate.accounts import AccountsError, read_accounts
from orchestrate.comparison import Result, export_compared
from orchestrate.counts import COUNTERS
from orchestrate.export import Range
from orchestrate.jobs import Job, jobs_of
from orchestrate.programs import RunError
from orchestrate.streams import STREAMS, Stream
from orchestrate.warehouse import Warehouse

#: Wait before a failed run is tried again, in seconds; it grows.
RETRY_VARIABLE = "CALLEXPORTS_RETRY_SECONDS"
CHECK = "provider_count"
ACCOUNT, MONTH = "account", "month"
#: Past the longest lookback of a provider, 72 hours: by then the calls of a month are all there.
_DAY_OF_MONTH, _HOUR = 4, 6

_ACCOUNTS = read_accounts()
_RETRIES = dg.RetryPolicy(
    max_retries=3,
    delay=float(os.environ.get(RETRY_VARIABLE, "60")),
    backoff=dg.Backoff.EXPONENTIAL,
    jitter=dg.Jitter.PLUS_MINUS,
)


def _assets(job: Job, partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The assets of some streams that one run of the tap can bring."""

    @dg.multi_asset(
        name=f"{job.name}_export",
        specs=[
            dg.AssetSpec(each.name, group_name=job.provider, kinds={"postgres"})
            for each in job.streams
        ],
        check_specs=[
            dg.AssetCheckSpec(CHECK, asset=each.name)
            for each in job.streams
            if each.name in COUNTERS
        ],
        partitions_def=partitions,
        can_subset=True,
        pool=job.provider,
        retry_policy=_RETRIES,
    )
    def run(context: dg.AssetExecutionContext) -> Iterator[Any]:
        selected = {key.to_user_string() for key in context.selected_asset_keys}
        streams = [each for each in job.streams if each.name in selected]
        yield from _run(context, job.provider, streams)

    return run


def _run(
    context: dg.AssetExecutionContext, provider: str, streams: list[Stream]
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    """Export some streams of one partition, then hold them against the provider's count."""
    key = context.partition_key
    account = key.keys_by_dimension[ACCOUNT] if isinstance(key, dg.MultiPartitionKey) else key
    span = None
    if isinstance(key, dg.MultiPartitionKey):
        span = Range(*context.partition_time_window)
    warehouse = Warehouse(account)
    try:
        settings = _ACCOUNTS.settings_of(account, provider, runs_at_once=_runs_at_once(context))
        for result in export_compared(provider, settings, streams, span, warehouse):
            checks = list(_checks(result))
            if result.lack:
                yield from checks
                continue
            yield dg.MaterializeResult(
                asset_key=result.stream.name,
                metadata={"dagster/partition_row_count": result.rows},
                check_results=checks,
            )
    except (AccountsError, RunError) as failure:
        raise dg.Failure(str(failure), allow_retries=isinstance(failure, RunError)) from None


def _checks(result: Result) -> Iterator[dg.AssetCheckResult]:
    """Whether the warehouse has the calls that the provider counts; none where it counts none."""
    if not result.verdict:
        return
    numbers, severity = {}, dg.AssetCheckSeverity
    if found := result.counted:
        low, high = found.low, found.high
        numbers = {"loaded": result.loaded, "counted": low, "counted at most": high}
    yield dg.AssetCheckResult(
        check_name=CHECK,
        asset_key=result.stream.name,
        passed=not result.lack and not result.doubt,
        severity=severity.WARN if result.doubt else severity.ERROR,
        description=result.lack or result.doubt or None,
        metadata=numbers,
    )


def _runs_at_once(context: dg.AssetExecutionContext) -> int | None:
    """How many runs a provider's pool lets through, None without a limit."""
    pool = context.assets_def.op.pool
    limit: int | None = context.instance.event_log_storage.get_concurrency_info(pool).limit
    return limit


def _all() -> Iterator[tuple[Job, dg.PartitionsDefinition[str]]]:
    """The jobs, and the partitions of each."""
    months = dg.MonthlyPartitionsDefinition(start_date=_ACCOUNTS.first_month)
    for provider in STREAMS:
        if not (names := _ACCOUNTS.at(provider)):
            continue
        accounts = dg.StaticPartitionsDefinition(names)
        each_month = dg.MultiPartitionsDefinition({ACCOUNT: accounts, MONTH: months})
        for job in jobs_of(provider):
            yield job, each_month if job.ranged else accounts


def _definitions() -> dg.Definitions:
    assets, jobs, schedules = [], [], []
    for job, partitions in _all():
        assets.append(_assets(job, partitions))
        jobs.append(dg.define_asset_job(job.name, selection=assets[-1:], partitions_def=partitions))
        when = (
            {"day_of_month": _DAY_OF_MONTH, "hour_of_day": _HOUR}
            if job.ranged
            else {"cron_schedule": f"0 {_HOUR} * * *"}
        )
        schedules.append(dg.build_schedule_from_partitioned_job(jobs[-1], **when))
    # A run has one step: it needs no process of its own.
    return dg.Definitions(
        assets=assets, jobs=jobs, schedules=schedules, executor=dg.in_process_executor
    )


definitions = _definitions()
