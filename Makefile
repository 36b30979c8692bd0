# On a fresh machine, `make serve` runs the server and `make test` all tests; both create .venv and install what they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
ARGS ?=

.PHONY: serve test check fix bench lock wheel clean

serve: $(VENV)/.serve
	$(BIN)/python -m trio_chat serve $(ARGS)

test: $(VENV)/.dev $(VENV)/.system
	$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

fix: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.serve
	$(BIN)/python -m bench $(ARGS)

wheel: $(VENV)/.dev
	$(BIN)/python -m hatchling build -t wheel

lock: $(VENV)/.dev
	$(PIP) install uv
	$(BIN)/uv pip compile pyproject.toml --output-file requirements.lock $(LOCK)
	$(BIN)/uv pip compile pyproject.toml --group dev --output-file requirements-dev.lock $(LOCK)

LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --upgrade

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "trio-chat needs Python 3.11 or later; try: make $(MAKECMDGOALS) PYTHON=python3.13"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.serve: $(VENV)/bin/python requirements.lock
	$(PIP) install --require-hashes --requirement requirements.lock
	@touch $@

$(VENV)/.dev: $(VENV)/.serve requirements-dev.lock
	$(PIP) install --require-hashes --requirement requirements-dev.lock
	@touch $@

# Programs that tests run as they are: the clients that people already have.
$(VENV)/.system: scripts/install-system-packages
	scripts/install-system-packages
	@touch $@

clean:
	rm -rf $(VENV) dist
