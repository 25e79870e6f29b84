"""A backfill of a range in one command: `python -m orchestrate.backfill burki --from 2024-01 ...`.

It queues a run for each account and month, and stays until all have ended. Dagster's daemon starts
the runs, as many at once as dagster.yaml says; where none is running, one does as long as it takes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from dagster import DagsterInstance, MonthlyPartitionsDefinition, RunsFilter

from orchestrate.accounts import AccountsError, read_accounts
from orchestrate.jobs import jobs_of
from orchestrate.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orchestrate.accounts import Accounts

_MODULE = ("--module-name", "orchestrate.definitions")
_MONTH = "%Y-%m"
_POLL_SECONDS = 2.0
#: How Dagster tags a run.
_BACKFILL, _PARTITION = "dagster/backfill", "dagster/partition"
_MUTATION = """mutation {
  launchPartitionBackfill(backfillParams: {assetSelection: [%s], partitionNames: %s}) {
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit code, 0 if every partition is complete."""
    options = _parser().parse_args(arguments)
    try:
        streams = _streams(options)
        partitions = _partitions(read_accounts(), options)
    except AccountsError as error:
        _say(error)
        return 2
    with DagsterInstance.get() as instance:
        backfill = _queue(streams, partitions)
        _say(f"backfill {backfill}: {len(partitions)} partitions of {', '.join(streams)}")
        with _daemon():
            return _follow(instance, backfill, partitions)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m orchestrate.backfill", description=__doc__)
    parser.add_argument("provider", choices=STREAMS)
    parser.add_argument("--from", dest="start", required=True, help="first month, as 2024-01")
    parser.add_argument("--to", dest="end", required=True, help="first month not to export")
    parser.add_argument("--account", action="append", help="instead of all; may be repeated")
    parser.add_argument(
        "--details", action="store_true", help="the streams that cost a request for each call"
    )
    return parser


def _streams(options: argparse.Namespace) -> list[str]:
    ranged = [job.streams for job in jobs_of(options.provider) if job.ranged]
    for streams in ranged:
        if streams[0].per_call == options.details:
            return [each.name for each in streams]
    raise AccountsError(f"--details: {options.provider} has no streams of that kind")


def _partitions(accounts: Accounts, options: argparse.Namespace) -> list[str]:
    """Keys of the partitions, month by month, so that accounts take turns."""
    names = accounts.at(options.provider)
    wanted = options.account or names
    if unknown := sorted(set(wanted) - set(names)):
        raise AccountsError(f"no account of {options.provider}: {', '.join(unknown)}")
    start, end = _month(options.start), _month(options.end)
    if start < accounts.first_month:
        raise AccountsError(f"--from: the accounts file begins with {accounts.first_month:%Y-%m}")
    if end > datetime.now(timezone.utc):
        raise AccountsError("--to: that month has not begun")
    if end <= start:
        raise AccountsError("--to: must be after --from")
    months = MonthlyPartitionsDefinition(start_date=start, end_date=end).get_partition_keys()
    return [f"{name}|{month}" for month in months for name in wanted]


def _month(text: str) -> datetime:
    try:
        return datetime.strptime(text, _MONTH).replace(tzinfo=timezone.utc)
    except ValueError:
        raise AccountsError(f"{text!r} is not a month, as 2024-01") from None


@contextmanager
def _daemon() -> Iterator[None]:
    """Dagster's daemon: the one that is running, else one of our own."""
    program = _program("dagster-daemon")
    alive = subprocess.run([program, "liveness-check"], capture_output=True, check=False)
    if alive.returncode == 0:
        yield
        return
    daemon = subprocess.Popen([program, "run", *_MODULE])
    try:
        yield
    finally:
        daemon.terminate()
        daemon.wait()


def _queue(streams: Sequence[str], partitions: Sequence[str]) -> str:
    """Ask for a run of each partition, as the button of Dagster's page does; the backfill's id.

    `dagster job backfill` would do, but for one thing: Dagster gives up runs of a backfill that is
    over, and one from there is over once it is queued.
    """
    document = _MUTATION % (
        ", ".join(f"{{path: [{json.dumps(name)}]}}" for name in streams),
        json.dumps(partitions),
    )
    with TemporaryDirectory() as folder:
        question, answer = Path(folder, "question"), Path(folder, "answer")
        question.write_text(document, "utf-8")
        program = [_program("dagster-graphql"), *_MODULE]
        subprocess.run([*program, "--file", question, "--output", answer], check=True)
        result = json.loads(answer.read_text("utf-8"))
    try:
        return str(result["data"]["launchPartitionBackfill"]["backfillId"])
    except (KeyError, TypeError):
        raise SystemExit(f"Dagster did not take the backfill: {result}") from None


def _follow(instance: DagsterInstance, backfill: str, partitions: Sequence[str]) -> int:
    """Wait for the end of a backfill, and say meanwhile how its runs end; the exit code."""
    told: set[str] = set()
    complete: set[str] = set()
    over = False
    while not over:
        time.sleep(_POLL_SECONDS + len(partitions) / 1000)
        # Asked for before the runs: what ended last is seen, too.
        found = instance.get_backfill(backfill)
        over = found is None or found.backfill_end_timestamp is not None
        for record in reversed(instance.get_run_records(RunsFilter(tags={_BACKFILL: backfill}))):
            run = record.dagster_run
            if run.is_finished and run.run_id not in told:
                told.add(run.run_id)
                seconds = (record.end_time or 0) - (record.start_time or 0)
                partition = run.tags[_PARTITION]
                _say(f"{partition}: {run.status.value} after {seconds:.0f} s, run {run.run_id}")
                if run.is_success:
                    complete.add(partition)
    _say(f"{len(complete)} of {len(partitions)} partitions are complete")
    return 0 if complete >= set(partitions) else 1


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _say(line: object) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
