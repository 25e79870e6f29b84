# `make demo` and `make test` install all they need into .venv and .venv-meltano by themselves.
# PYTHON=python3.12 chooses an interpreter, PYTEST_ARGS=... adds options for pytest.

SHELL := /bin/sh
BIN := .venv/bin
PYTEST_OPTIONS := pytest -n auto --maxprocesses 4 --dist worksteal
PYTEST := $(BIN)/python -m $(PYTEST_OPTIONS)
CODE := tap_callexports sandbox demo tests benchmarks orchestrate .github/scripts
COMPILE := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.10 --no-annotate \
	--custom-compile-command "make constraints"

.PHONY: help demo report test test-all coverage soak mutants bench orchestrate lint style types unused workflows format docs build constraints clean
.DEFAULT_GOAL := help

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/ready .venv-meltano/ready ## Export all mock APIs with Meltano, twice, make one table of all calls, check every value: 2 minutes
	@echo "make demo takes about 2 minutes."
	@$(BIN)/python -m demo

# A password belongs into PGPASSWORD or ~/.pgpass, where PostgreSQL's clients look for it.
report: FROM = output/warehouse.duckdb
report: SCHEMA = analytics
report: .venv/ready ## Draw a page from the table of all calls: FROM=file.duckdb or FROM=postgresql://user@host/database, SCHEMA=name
	@$(BIN)/python -m demo.report '$(FROM)' --schema '$(SCHEMA)'

test: .venv/ready .venv-meltano/ready ## Check style and types, run the quick tests: 5 minutes on 2 cores
	@echo "make test takes about 5 minutes on 2 cores."
	@$(MAKE) --no-print-directory lint
	@$(PYTEST) -m "not slow" $(PYTEST_ARGS)

test-all: test .venv-dbt/ready .venv-dagster/ready .venv-airflow/ready .venv-snowflake/ready .venv-bigquery/ready ## Run the slow tests too: loaders, dbt, Dagster, Airflow, packaging, long random schedules: 25 minutes
	@echo "The slow tests take about 20 minutes on 2 cores."
	@$(PYTEST) -m slow $(PYTEST_ARGS)

coverage: .venv/ready ## Run the quick tests that need no Meltano, and report which lines and branches of the tap they reach
	@rm -rf .cache/coverage && mkdir -p .cache/coverage
	@$(BIN)/coverage run -m $(PYTEST_OPTIONS) -m "not slow" --ignore=tests/integration/meltano $(PYTEST_ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

soak: .venv/ready ## Random schedules, partitions and kills, for as long as it takes: SCHEDULES=n per provider, PARTITIONS=n per stream, KILLS=n, SEED=n, PROVIDERS=names
	@$(BIN)/python -m tests.resilience.soak

mutants: .venv/ready ## Change the code in a thousand small ways, and tell which changes no unit test notices: 15 minutes
	@echo "This takes about 15 minutes on 2 cores."
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints/tap.txt --group mutants
	@$(BIN)/python .github/scripts/mutants.py

bench: .venv/ready .venv-bench/ready ## Measure speed and memory beside other tools, for half an hour: BENCH_ARGS=--quick
	@$(BIN)/python -m benchmarks $(BENCH_ARGS)

orchestrate: .venv-dagster/ready ## Open Dagster's page on the accounts of orchestrate/accounts.yml; its state is in output/dagster
	@mkdir -p output/dagster && cp orchestrate/dagster.yaml output/dagster/
	@DAGSTER_HOME="$(CURDIR)/output/dagster" .venv-dagster/bin/dagster dev -m orchestrate.definitions

lint: style types unused workflows ## Check style, types, workflows, and that nothing is left over

# Each of them is also a hook in .pre-commit-config.yaml.
style: .venv/ready
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check $(CODE)

types: .venv/ready
	@$(BIN)/mypy

# The streams of a provider are found in its module (`streams_in`), which vulture does not see.
unused: .venv/ready
	@! $(BIN)/vulture | grep -v "/streams.py:[0-9]*: unused class"
	@$(BIN)/deptry . 2>/dev/null || $(BIN)/deptry .

workflows: .venv/ready
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	@$(BIN)/zizmor --offline --quiet .github

format: .venv/ready ## Repair style where that can be done by itself
	@$(BIN)/ruff check --fix-only --quiet $(CODE)
	@$(BIN)/ruff format $(CODE)
	@$(BIN)/ruff check $(CODE)

docs: .venv/ready ## Write all that follows from the code: tables in the documents, settings, snapshots, dbt sources, Hub definition
	@$(BIN)/python .github/scripts/docs.py

build: .venv/ready .venv-release/ready ## Build what is published, twice, and try it: dist/, and build/ with its list of parts
	@.ci/build

constraints: .venv/ready ## Renew the pinned versions of everything that is installed
	@$(COMPILE) --group dev --group mutants pyproject.toml -o constraints/tap.txt
	@$(COMPILE) --group dagster pyproject.toml -o constraints/dagster.txt
	@for name in airflow bench bigquery dbt meltano release snowflake; do \
		$(COMPILE) --group "$$name" -o "constraints/$$name.txt" || exit 1; \
	done

clean: ## Remove what make has made; Meltano's own state stays
	rm -rf .venv .venv-meltano .venv-dbt .venv-bench .venv-release .venv-dagster .venv-airflow .venv-snowflake .venv-bigquery dist build .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis output/demo
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# Meltano wants other versions of packages that the tap uses too, so it lives apart.
.venv-meltano/ready: pyproject.toml constraints/meltano.txt .ci/bootstrap
	@.ci/bootstrap .venv-meltano constraints/meltano.txt --group meltano
	@mkdir -p output
	@touch $@

# dbt, too, has its own; with it the tests make the one table of all calls.
.venv-dbt/ready: pyproject.toml constraints/dbt.txt .ci/bootstrap
	@.ci/bootstrap .venv-dbt constraints/dbt.txt --group dbt
	@touch $@

# Dagster runs the tap and a loader beside it: one environment holds the three.
.venv-dagster/ready: pyproject.toml constraints/dagster.txt .ci/bootstrap
	@.ci/bootstrap .venv-dagster constraints/dagster.txt --group dagster --editable .
	@touch $@

# Its packages change often: where they do not install, the tests of the example are skipped.
.venv-airflow/ready: pyproject.toml constraints/airflow.txt .ci/bootstrap
	@.ci/bootstrap .venv-airflow constraints/airflow.txt --group airflow && touch $@ || \
		echo "Airflow could not be installed; its example is not tested." >&2

# The loaders want versions of the SDK of their own. Without them, or fakesnow, their tests are skipped.
.venv-snowflake/ready: pyproject.toml constraints/snowflake.txt .ci/bootstrap
	@.ci/bootstrap .venv-snowflake constraints/snowflake.txt --group snowflake && touch $@ || \
		echo "target-snowflake could not be installed; it is not tested." >&2

.venv-bigquery/ready: pyproject.toml constraints/bigquery.txt .ci/bootstrap
	@for python in python3.11 python3.10; do "$$python" -c "" 2>/dev/null && break; python=; done; \
		test "$$python" && PYTHON=$$python .ci/bootstrap .venv-bigquery constraints/bigquery.txt --group bigquery && touch $@ || \
		echo "z3-target-bigquery wants Python 3.10 or 3.11; it is not tested." >&2

# The tools that the tap is compared with change often, too.
.venv-bench/ready: pyproject.toml constraints/bench.txt .ci/bootstrap
	@.ci/bootstrap .venv-bench constraints/bench.txt --group bench
	@touch $@

# And those that try a build.
.venv-release/ready: pyproject.toml constraints/release.txt .ci/bootstrap
	@.ci/bootstrap .venv-release constraints/release.txt --group release
	@touch $@

.venv/ready: pyproject.toml constraints/tap.txt .ci/bootstrap
	@.ci/bootstrap .venv constraints/tap.txt --group dev --editable .
	@touch $@
