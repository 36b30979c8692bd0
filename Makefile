# On a fresh machine, `make serve` runs the server and `make test` all tests; both create .venv and install what they
# need. Everything runs as `python -m` inside .venv, so the folder can be moved. `make install` installs the command
# trio-chat for this user, needs no .venv, and no pipx.

# Those that all tests were run with.
VERSIONS := 3.11 3.12 3.13
IS_TESTED := -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] not in sys.argv[1:])' $(VERSIONS)
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python $(IS_TESTED) 2>/dev/null && echo $$python && break; done)
VENV := .venv
# Made anew: an environment whose Python is not the one that was asked for (make PYTHON=...), is none of VERSIONS, is gone,
# or was upgraded, which leaves it without its packages.
ASKED := $(if $(filter file,$(origin PYTHON)),$(VENV)/bin/python,$(PYTHON))
ANEW := $(shell $(VENV)/bin/python $(IS_TESTED) 2>/dev/null && had=$$($(VENV)/bin/python -c 'import pip, sys; print(sys.version_info[:2])' 2>/dev/null) && \
	test "$$had" = "$$($(ASKED) -c 'import sys; print(sys.version_info[:2])' 2>/dev/null)" || echo anew)
CHECK_PYTHON = $(or $(PYTHON),false) $(IS_TESTED) || { \
	echo "trio-chat needs one of Python $(subst $(space),$(comma) ,$(VERSIONS))$(if $(PYTHON),$(comma) and $(PYTHON) is none):" \
	"install one, or name it with make PYTHON=..." >&2; exit 1; }
comma := ,
empty :=
space := $(empty) $(empty)
RUN := $(VENV)/bin/python -m
PIP := $(RUN) pip --disable-pip-version-check --quiet
COMPILE := $(RUN) uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header
ARGS ?=

# Where `make install` puts the command: in bin/ there, with its environment in lib/.
PREFIX ?= $(if $(HOME),$(HOME)/.local)

.PHONY: serve join install uninstall test check fix docs house pictures bench faults fuzz wheel lock clean anew

serve: $(VENV)/.runtime
	$(RUN) trio_chat serve $(ARGS)

join: $(VENV)/.runtime
	$(RUN) trio_chat join $(or $(ARGS),localhost)

install:
	@$(CHECK_PYTHON)
	@PYTHON="$(PYTHON)" PREFIX="$(PREFIX)" scripts/install

uninstall:
	PREFIX="$(PREFIX)" scripts/install remove

# With bytecode, which some containers switch off: tests start more than a hundred Pythons that import all of it.
test: $(VENV)/.dev $(VENV)/.system $(VENV)/.rewritten
	env -u PYTHONDONTWRITEBYTECODE $(RUN) pytest $(or $(ARGS),--numprocesses auto --dist worksteal)

check: $(VENV)/.dev
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy

fix: $(VENV)/.dev
	$(RUN) ruff check --fix .
	$(RUN) ruff format .

# The tables of the documentation, from the code; and the drawing of the folders, from their imports.
docs: $(VENV)/.dev
	$(RUN) scripts.tables

house: $(VENV)/.dev
	$(RUN) scripts.drawing
	$(RUN) scripts.tables

# The pictures of the web console and of the full-screen client in docs/pictures, with Chromium.
pictures: $(VENV)/.dev
	scripts/install-system-packages fonts
	$(RUN) scripts.pictures
	$(RUN) scripts.screen_pictures
	$(RUN) scripts.screen_recording

bench: $(VENV)/.runtime
	$(RUN) bench $(ARGS)

# What it stands, at length: half an hour, or ARGS="--kills 20 --minutes 1 --clients 500", or ARGS="--only M6".
faults: $(VENV)/.dev
	$(RUN) bench.faults $(ARGS)

# Bytes that nobody would send, a minute for each reader of them: `make fuzz SECONDS=5` for less.
fuzz: $(VENV)/.dev
	FUZZ_SECONDS=$(or $(SECONDS),60) $(RUN) pytest tests/fuzz $(ARGS)

wheel: $(VENV)/.dev
	$(RUN) hatchling build -t wheel

# `make lock` takes up what pyproject.toml asks for; `make lock ARGS=--upgrade` takes the newest of everything too.
lock: $(VENV)/pyvenv.cfg
	$(PIP) install uv
	$(COMPILE) $(ARGS) pyproject.toml --output-file requirements.lock
	$(COMPILE) $(ARGS) --group build --output-file requirements-build.lock
	$(COMPILE) $(ARGS) pyproject.toml --extra redis --constraints requirements.lock --output-file requirements-redis.lock
	$(COMPILE) $(ARGS) pyproject.toml --extra redis --group dev --constraints requirements-redis.lock \
		--constraints requirements-build.lock --output-file requirements-dev.lock

$(VENV)/pyvenv.cfg: $(ANEW)
	@$(CHECK_PYTHON)
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/.runtime: requirements.lock $(VENV)/pyvenv.cfg
	$(call install,trio-chat needs)

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(call install,its tests and checks need)

define install
	@echo "Installing what $(1) into $(VENV): once, and it can take a minute"
	@$(PIP) install --require-hashes --requirement $< || { \
		echo "That did not work, see above. It needs the network, and can just be tried again" >&2; exit 1; }
	@touch $@
endef

# Programs that tests run as they are: the clients that people already have.
$(VENV)/.system: scripts/install-system-packages $(VENV)/pyvenv.cfg
	$<
	@touch $@

# Pytest rewrites each test once, when it is first imported: here two processes share that, where every worker would do all.
$(VENV)/.rewritten: $(VENV)/.dev
	@find tests -name 'test_*.py' | \
		xargs -n 210 -P 2 env -u PYTHONDONTWRITEBYTECODE $(RUN) pytest --collect-only -qq >$@ || true

clean:
	rm -rf $(VENV) dist
