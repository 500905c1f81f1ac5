# Everything a newcomer needs: `make run` starts Pulseboard, `make test` tests it.

export PORT ?= 8000
export DATA_DIR ?= var
export SITE_URL ?= http://127.0.0.1:$(PORT)
export HOST ?= 127.0.0.1
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet install --require-hashes
# The database of `make test-postgres`; the tests make their own beside it.
TEST_DATABASE_URL ?= postgres://postgres@127.0.0.1/pulseboard
TEST_REDIS_URL ?= redis://127.0.0.1:6379/15

# What no database makes a difference to: dialects, snippets and what is pasted do not know one,
# browsers see the same pages, what the docs tell one to type goes through doors that have tests of
# their own, `make run` has a database of its own, and one port is how it serves.
ANYWHERE := tests/dialects/* tests/test_browser* tests/heartbeats/test_browser* tests/test_run.py \
	tests/test_house_rules.py tests/test_statics.py tests/test_upstream_double.py \
	tests/test_readme.py tests/test_one_port.py tests/test_snippets.py tests/test_pasted.py

.PHONY: run test test-postgres lint bench lock

run: .venv/base  ## set up what is missing, then web, worker and beat until Ctrl-C
	@$(BIN)/python manage.py bootstrap
	@exec $(BIN)/honcho start

test: .venv/dev tests/npm/node_modules  ## the whole suite on SQLite; needs no server
	$(BIN)/pytest

test-postgres: .venv/dev tests/npm/node_modules  ## what may differ on PostgreSQL and Redis
	DATABASE_URL=$(TEST_DATABASE_URL) REDIS_URL=$(TEST_REDIS_URL) $(BIN)/pytest $(ANYWHERE:%=--ignore-glob=%)

lint: .venv/dev  ## style, types, templates, migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/djlint templates --lint --quiet
	DATA_DIR=$$(mktemp -d) $(BIN)/python manage.py makemigrations --check --dry-run

bench: .venv/bench  ## ratios, measured side by side; needs PostgreSQL
	$(BIN)/python -m benchmarks.ingest
	$(BIN)/python -m benchmarks.wires
	$(BIN)/python -m benchmarks.git
	$(BIN)/python -m benchmarks.feed
	$(BIN)/python -m benchmarks.export
	$(BIN)/python -m benchmarks.facets
	$(BIN)/python -m benchmarks.outbox
	$(BIN)/python -m benchmarks.heartbeats
	$(BIN)/python -m benchmarks.live

lock:  ## pin the newest versions that pyproject.toml allows; needs uv
	for name in base dev bench; do \
		uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
			--no-emit-index-url --no-annotate --no-header pyproject.toml \
			$$( [ $$name = base ] || echo --group dev ) \
			$$( [ $$name != bench ] || echo --group bench ) -o requirements/$$name.txt; \
	done

.venv/base: requirements/base.txt
	$(PYTHON) -m venv .venv
	$(PIP) -r $<
	@touch $@

.venv/dev: requirements/dev.txt .venv/base
	$(PIP) -r $<
	@touch $@

.venv/bench: requirements/bench.txt .venv/dev
	$(PIP) -r $<
	@touch $@

# Documents and clients of others that some tests use; where there is no npm, those tests say so.
tests/npm/node_modules: tests/npm/package-lock.json
	@! command -v npm >/dev/null || npm ci --prefix tests/npm --ignore-scripts --no-audit --no-fund --loglevel=error
	@! command -v npm >/dev/null || touch $@
