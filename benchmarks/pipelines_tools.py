"""Whole pipelines as tools to measure: Meltano with a loader, dlt, and a loader fed from a file."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import yaml

from benchmarks.measure import RunFailed, python_says
from benchmarks.tools import BENCH, Installed, Ours
from benchmarks.workloads import ANUNZI, ROOT, Job
from demo.project import Project, meltano_path, tap_settings
from tap_callexports.compat import override

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from benchmarks.pipelines_stores import Store
    from benchmarks.written import Id

_TABLE = "anunzi_calls"
Settings = dict[str, Any]


def meltano_project(folder: Path) -> Path:
    """A folder with our meltano.yml, the tap and its loaders installed.

    Raises:
        RunFailed: They could not be installed.
    """
    folder.mkdir()
    definition = yaml.safe_load((ROOT / "meltano.yml").read_text("utf-8"))
    (tap,) = definition["plugins"]["extractors"]
    tap["pip_url"] = f"-e {shlex.quote(str(ROOT))}"  # the dot would be the copy's own folder
    (folder / "meltano.yml").write_text(yaml.safe_dump(definition, sort_keys=False), "utf-8")
    loaders = [loader["name"] for loader in definition["plugins"]["loaders"]]
    installed = Project(folder, folder, {}).meltano("install", tap["name"], *loaders)
    if installed.code:
        raise RunFailed("meltano install:\n" + "\n".join(installed.log.splitlines()[-15:]))
    return folder


class _Pipeline(Ours):
    """The tap into a store.

    Args:
        project: Folder of the Meltano project.
        store: Where to.
        loader: Settings of the loader beside the address of the store.
        tap: Settings of the tap beside what it reads; `$files` in them is a folder of the run.
    """

    workloads = (ANUNZI,)
    slow = True

    def __init__(
        self,
        project: Path,
        store: Store,
        loader: Mapping[str, Any] | None = None,
        tap: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self._project = project
        self._store = store
        self._loader = dict(loader or {})
        self._tap = dict(tap or {})

    @override
    def missing(self) -> str | None:
        return self._store.missing()

    @override
    def config(self, job: Job) -> Settings:
        text = json.dumps({**super().config(job), **self._tap})
        settings: Settings = json.loads(text.replace("$files", (job.folder / "batches").as_uri()))
        if "batch_config" in settings:
            (job.folder / "batches").mkdir(exist_ok=True)
        return settings

    @override
    def ids(self, job: Job) -> Iterator[Id]:
        return self._store.ids(job.folder, _TABLE)

    def _loader_settings(self, job: Job) -> Settings:
        return {**self._store.settings(job.folder), **self._loader}


class MeltanoRun(_Pipeline):
    """`meltano run`, with a state of its own; `how` names what is set."""

    def __init__(self, how: str, *pipeline: Any) -> None:  # noqa: ANN401 - as the base takes it
        super().__init__(*pipeline)
        self.name = ", ".join(filter(None, (f"meltano run … {self._store.loader}", how)))

    @override
    def missing(self) -> str | None:
        with suppress(FileNotFoundError):
            meltano_path()
            return super().missing()
        return "no Meltano: make test installs it"

    @override
    def command(self, job: Job) -> list[str]:
        loader = self._store.loader
        settings = {
            "MELTANO_PROJECT_ROOT": str(self._project),
            "MELTANO_DATABASE_URI": f"sqlite:///{job.folder / 'meltano.db'}",
            "MELTANO_CLI_DISABLE_VERSION_CHECK": "true",
            "TAP_CALLEXPORTS__SELECT": json.dumps([f"{_TABLE}.*"]),
            # An object is one variable: its own settings are not known to Meltano.
            **tap_settings({k: v for k, v in self.config(job).items() if k != "batch_config"}),
        }
        if batches := self.config(job).get("batch_config"):
            settings["TAP_CALLEXPORTS_BATCH_CONFIG"] = json.dumps(batches)
        for name, value in self._loader_settings(job).items():
            text = value if isinstance(value, str) else json.dumps(value)
            settings[f"{loader}_{name}".upper().replace("-", "_")] = text
        variables = [f"{name}={value}" for name, value in settings.items()]
        run = [str(meltano_path()), "--env-file", os.devnull, "run", "tap-callexports", loader]
        return ["env", *variables, *run]


class FromFile(_Pipeline):
    """A loader alone, fed what the tap has written before."""

    def __init__(self, how: str, files: Path, *pipeline: Any) -> None:  # noqa: ANN401 - as above
        super().__init__(*pipeline)
        self.name = how
        self._files = files

    @override
    def command(self, job: Job) -> list[str]:
        name = self._store.loader
        program = self._project / ".meltano" / "loaders" / name / "venv" / "bin" / name
        path = job.write("loader.json", self._loader_settings(job))
        fed = shlex.join([str(program), "--config", path])
        return ["sh", "-c", f"{fed} < {shlex.quote(str(self._lines(job)))}"]

    def _lines(self, job: Job) -> Path:
        """The tap's output, made once for all that read the same."""
        kind = "-".join(sorted(self._tap)) or "lines"
        folder = self._files / f"{kind}-{job.plan.rows}"
        if not folder.exists():
            folder.mkdir(parents=True)
            once = Job(job.workload, job.plan, job.url, folder)
            with once.out.open("wb") as out:
                subprocess.run(
                    super().command(once), stdout=out, stderr=subprocess.DEVNULL, check=True
                )
        return folder / "out"


class DltRun(Installed):
    """dlt's REST source, all steps into a store.

    Args:
        store: Where to.
        files: Kind of the files it makes on the way; empty for its own choice.
    """

    script = "dlt_source.py"
    module = "dlt.sources.rest_api"

    def __init__(self, store: Store, files: str = "") -> None:
        self.name = f"dlt to {store.title}" + (f", {files} files" if files else "")
        self._store = store
        self._files = files

    @override
    def missing(self) -> str | None:
        return super().missing() or self._store.missing()

    @override
    def command(self, job: Job) -> list[str]:
        files = [f"--files={self._files}"] if self._files else []
        return [*super().command(job), *self._store.dlt_destination(job.folder), *files]

    @override
    def ids(self, job: Job) -> Iterator[Id]:
        return self._store.ids(job.folder, "calls")


class FilesIntoDuckDb(_Pipeline):
    """The tap's batch files, read by DuckDB itself: no loader in between."""

    def __init__(self, project: Path, store: Store, tap: Mapping[str, Any]) -> None:
        super().__init__(project, store, tap=tap)
        self.name = "tap with BATCH, files read by DuckDB itself"

    @override
    def missing(self) -> str | None:
        return python_says(BENCH / "python", "import duckdb")

    @override
    def command(self, job: Job) -> list[str]:
        reader = [str(BENCH / "python"), str(ROOT / "benchmarks" / "pipelines_duckdb.py")]
        address = self._store.settings(job.folder)
        words = [*reader, address["filepath"], address["default_target_schema"]]
        return ["sh", "-c", f"{shlex.join(super().command(job))} | {shlex.join(words)}"]
