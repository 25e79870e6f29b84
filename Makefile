# `make demo` and `make test` install all they need into .venv and .venv-meltano by themselves.
# PYTHON=python3.12 chooses an interpreter, PYTEST_ARGS=... adds options for pytest.

SHELL := /bin/sh
BIN := .venv/bin
CODE := tap_callexports sandbox demo tests mutants benchmarks

.PHONY: help demo test soak mutants bench lint format constraints clean
.DEFAULT_GOAL := help

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/ready .venv-meltano/ready ## Export four simulated platforms into DuckDB with Meltano, twice, and check every value
	@$(BIN)/python -m demo

test: lint .venv-meltano/ready ## Run every check and every test
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal $(PYTEST_ARGS)

soak: .venv/ready ## Random schedules and random kills, for as long as it takes: SCHEDULES=n per provider, KILLS=n, SEED=n
	@$(BIN)/python tests/proof/soak.py
	@$(BIN)/python -m tests.proof.kill_soak

mutants: .venv/ready ## Plant bugs in a copy of the code, and see that the tests notice
	@$(BIN)/python -m mutants

bench: .venv/ready .venv-bench/ready ## Measure speed and memory beside other tools, for half an hour: BENCH_ARGS=--quick
	@$(BIN)/python -m benchmarks $(BENCH_ARGS)

lint: .venv/ready ## Check style and types
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check $(CODE)
	@$(BIN)/mypy

format: .venv/ready ## Repair style where that can be done by itself
	@$(BIN)/ruff check --fix $(CODE)
	@$(BIN)/ruff format $(CODE)

constraints: .venv/ready ## Renew the pinned versions of everything that is installed
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.10 --no-annotate \
		--custom-compile-command "make constraints" --group dev pyproject.toml -o constraints.txt
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.10 --no-annotate \
		--custom-compile-command "make constraints" --group meltano -o constraints-meltano.txt
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.10 --no-annotate \
		--custom-compile-command "make constraints" --group bench -o constraints-bench.txt

clean: ## Remove what make has made; Meltano's own state stays
	rm -rf .venv .venv-meltano .venv-bench .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis output/demo
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# Meltano wants other versions of packages that the tap uses too, so it lives apart.
.venv-meltano/ready: pyproject.toml constraints-meltano.txt .ci/bootstrap
	@.ci/bootstrap .venv-meltano constraints-meltano.txt --group meltano
	@touch $@

# So do the tools that the tap is compared with.
.venv-bench/ready: pyproject.toml constraints-bench.txt .ci/bootstrap
	@.ci/bootstrap .venv-bench constraints-bench.txt --group bench
	@touch $@

.venv/ready: pyproject.toml constraints.txt .ci/bootstrap
	@.ci/bootstrap .venv constraints.txt --group dev --editable .
	@touch $@
