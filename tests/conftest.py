"""Fixtures all tests share."""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import requests
import yaml
from expected_streams import VARIANTS
from hypothesis import settings
from postgres import Server, programs, running
from seam import retry_waits

from demo.project import Project
from sandbox import Sandbox

# Whatever tests, and the programs they start, leave in the temporary folder goes away with the run.
# Workers of pytest-xdist inherit the folder from the process that starts them.
if "PYTEST_XDIST_WORKER" not in os.environ:
    _TEMPORARY = TemporaryDirectory(prefix="tap-callexports-tests-", ignore_cleanup_errors=True)
    Path(_TEMPORARY.name).chmod(0o755)  # PostgreSQL runs as a user without rights
    os.environ["TMPDIR"] = tempfile.tempdir = _TEMPORARY.name

#: Makes a Meltano project: its name, its meltano.yml, and which plugins.
Install = Callable[..., Path]
ROOT = Path(__file__).resolve().parents[1]
# Asserts in what the tests share say what they compared, as those in tests do.
SHARED = {file.stem for file in (ROOT / "tests").rglob("*.py")} - sys.modules.keys()
pytest.register_assert_rewrite(*sorted(SHARED))
# What loads into DuckDB is left out where it has no build for this Python.
_LOADING = ["integration/meltano", "integration/dbt", "integration/documents/test_how_to.py"]
collect_ignore = [] if find_spec("duckdb") else _LOADING
# Of the SDK, on lines of its own in every program that is started: excused as in pyproject.toml.
os.environ["PYTHONWARNINGS"] = "ignore:Python 3.10 reached its end of life"

# Properties are tried with the same examples in every run, and with few by `make mutants`.
settings.register_profile("tests", derandomize=True, deadline=None, database=None)
settings.register_profile("mutants", settings.get_profile("tests"), max_examples=20)
settings.load_profile("tests")


@pytest.hookimpl(tryfirst=True)  # before pytest selects by marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that wait for other programs begin first; those of variants are slow.

    A variant's requests and rows are those of another provider, whose tests are quick.
    """
    for item in items:
        call = getattr(item, "callspec", None)
        params = call.params.values() if call else ()
        if any(str(value).partition("_")[0] in VARIANTS for value in params):
            item.add_marker("slow")
    items.sort(key=lambda item: "integration" not in item.path.parts)


@pytest.fixture(autouse=True)
def quick_retries() -> Iterator[None]:
    """Waits the tap chooses itself are short; waits a server asks for stay as they are."""
    with retry_waits(first=0.01, longest=0.05):
        yield


@pytest.fixture
def box(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """The mock APIs with 200 calls each in May 2024.

    With real loaders, which are slow, 60; and the tap's clock is that of the APIs.
    """
    real = request.path.parent.name == "meltano"
    start = datetime(2024, 5, 1, tzinfo=timezone.utc)
    end = datetime(2024, 6, 1, tzinfo=timezone.utc)
    rows = 60 if real else 200
    with Sandbox(seed=1, rows=rows, start=start, end=end, own_clock=real) as running:
        yield running


@pytest.fixture
def http() -> Iterator[requests.Session]:
    """A plain HTTP session, to ask the sandbox without the tap."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture(scope="session")
def install(tmp_path_factory: pytest.TempPathFactory) -> Install:
    """Makes a project of this name with a meltano.yml and these of its plugins, once in a run."""

    def installed(name: str, definition: str, *plugins: str) -> Path:
        with _shared(tmp_path_factory) as folder:
            root = folder / name
            if not (root / "installed").exists():
                root.mkdir(exist_ok=True)
                (root / "meltano.yml").write_text(definition, "utf-8")
                done = Project(root, root, {}).meltano("install", *plugins)
                assert done.code == 0, done.log
                (root / "installed").touch()
        return root

    return installed


@pytest.fixture(scope="session")
def meltano_plugins(install: Install) -> Path:
    """A project with our meltano.yml, the tap and its loaders installed; not to run anything in."""
    definition = yaml.safe_load((ROOT / "meltano.yml").read_text("utf-8"))
    (tap,) = definition["plugins"]["extractors"]
    assert tap["pip_url"] == "-e ."
    tap["pip_url"] = f"-e {shlex.quote(str(ROOT))}"  # the dot would be the copy's own folder
    from loaders import LOADERS  # noqa: PLC0415 - found once a test of Meltano is collected

    return install("meltano", yaml.safe_dump(definition, sort_keys=False), tap["name"], *LOADERS)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tap, built."""
    with _shared(tmp_path_factory) as root:
        folder = root / "wheel"
        if not folder.exists():
            build = [sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "--out-dir"]
            subprocess.run([*build, str(folder), str(ROOT)], check=True)
        [built] = folder.glob("*.whl")
    return built


@pytest.fixture
def meltano_project(meltano_plugins: Path, tmp_path: Path) -> Path:
    """A project with our meltano.yml, whose plugins are installed already.

    Each test has one of its own: in a project Meltano keeps the catalog and the state of a running
    plugin in one file each, whatever other run of it there is.
    """
    root = tmp_path / "project"
    (root / ".meltano").mkdir(parents=True)
    for kind in ("extractors", "loaders"):
        (root / ".meltano" / kind).symlink_to(meltano_plugins / ".meltano" / kind)
    shutil.copy(meltano_plugins / "meltano.yml", root)
    return root


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PostgreSQL server without tables."""
    with TemporaryDirectory(prefix="postgres-programs-") as unpacked:
        Path(unpacked).chmod(0o755)  # the server runs as a user without rights
        with _shared(tmp_path_factory):
            found = programs(Path(unpacked))
        with running(found) as server:
            yield server


@contextmanager
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that all workers of this run share, while no other is in here."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
