# Two commands do all the set-up: `make run` and `make test`. Both need Python 3.11 or later, and run again in seconds.

PYTHON := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
GRAPHITE := .taktline/graphite
MANIFESTS := .taktline/manifests
export TAKTLINE_CACHE ?= $(CURDIR)/.taktline/cache

.PHONY: run test coverage check image manifests bench graphite chaos siege cli gallery screens catalogues lock clean

run: $(VENV)/ready.stamp ## Start the engine, the service and an emitter
	@TAKTLINE_DATA="$${TAKTLINE_DATA:-.taktline/data}" exec $(BIN)/taktline demo

test: check ## Every check a person needs, tests on a real TimescaleDB
	@echo "== tests"
	@$(BIN)/python -m pytest $(ARGS)

coverage: export COVERAGE_FILE = $(CURDIR)/.taktline/coverage/data
coverage: check ## The same tests, in half as much time again; fails where they run too little of the code
	@echo "== tests, with coverage"
	@rm -rf .taktline/coverage && mkdir -p .taktline/coverage
	@$(BIN)/coverage run -m pytest $(ARGS)
	@$(BIN)/coverage combine --quiet && $(BIN)/coverage report

check: $(VENV)/ready.stamp ## Format, lint, types of Python and JavaScript, import contract
	@echo "== format, lint, types, imports"
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports --no-cache
	@$(BIN)/python -m tools.javascript "$$TAKTLINE_CACHE"

image: ## Build the image taktline, with its version and commit in its labels
	@docker build --tag taktline --tag taktline:$(VERSION) --build-arg VERSION=$(VERSION) \
		--build-arg REVISION=$$(git rev-parse HEAD) .

VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)

manifests: $(MANIFESTS)/ready.stamp ## Compare the manifests for Kubernetes with its schemas, 72 MB in an environment of its own
	@for version in 1.29 $(NEWEST); do for file in $(filter-out %/kustomization.yaml,$(wildcard deploy/kubernetes/*.yaml)); do \
		$(MANIFESTS)/bin/kubernetes-validate --strict --kubernetes-version $$version $$file || exit; done; done

NEWEST := 1.37

bench: $(VENV)/bench.stamp ## Figures, as ratios within one run
	@$(BIN)/python -m bench $(ARGS)

graphite: $(GRAPHITE)/ready.stamp ## Graphite, for `make bench` to compare charts with: needs Python 3.11 and libcairo2

chaos: $(VENV)/ready.stamp ## Let everything fail for a minute, then compare what is stored with what was sent
	@$(BIN)/python -m chaos $(ARGS)

siege: $(VENV)/ready.stamp ## Attack a service, and see how long others wait meanwhile
	@$(BIN)/python -m siege $(ARGS)

cli: $(VENV)/ready.stamp ## Write what the commands say of themselves into docs/cli.md
	@PYTHONPATH=. $(BIN)/python docs/cli.py

gallery: $(VENV)/ready.stamp ## Draw docs/gallery.md
	@$(BIN)/python docs/gallery.py

screens: $(VENV)/ready.stamp ## Take the pictures of pages in README.md and docs/day.md; needs Chromium
	@PYTHONPATH=. $(BIN)/python docs/screens.py

catalogues: $(VENV)/ready.stamp ## Bring the catalogues of translators up to date: docs/languages.md
	@$(BIN)/pybabel -q extract -F pyproject.toml -k translatable -k sentence $(CATALOGUE) -o service/languages/messages.pot .
	@$(BIN)/pybabel -q update -i service/languages/messages.pot -d service/languages -D taktline --no-fuzzy-matching \
		--ignore-obsolete --no-wrap

CATALOGUE := --project=Taktline --add-location=file --sort-output --no-wrap

lock: $(VENV)/ready.stamp ## Renew the pinned versions
	@$(BIN)/uv pip compile $(LOCK) pyproject.toml --output-file requirements.lock
	@$(BIN)/uv pip compile $(LOCK) pyproject.toml --group dev --constraint requirements.lock --output-file requirements-dev.lock
	@$(BIN)/uv pip compile $(LOCK) pyproject.toml --group bench --constraint requirements-dev.lock --output-file requirements-bench.lock
	@for group in graphite manifests sbom; do \
		$(BIN)/uv pip compile $(LOCK) --group $$group --output-file requirements-$$group.lock || exit; done

LOCK := --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet

$(VENV)/ready.stamp: requirements-dev.lock pyproject.toml | $(VENV)/pip.stamp
	@echo "== installing the pinned dependencies (a minute or two the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/bench.stamp: requirements-bench.lock $(VENV)/ready.stamp
	@echo "== installing what is compared with"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-bench.lock
	@touch $@

$(GRAPHITE)/ready.stamp: requirements-graphite.lock
	@echo "== installing Graphite in an environment of its own, $(GRAPHITE)"
	@$(PYTHON) -m venv $(GRAPHITE)
	@$(GRAPHITE)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-graphite.lock
	@touch $@

$(MANIFESTS)/ready.stamp: requirements-manifests.lock
	@echo "== installing Kubernetes' schemas in an environment of their own, $(MANIFESTS)"
	@$(PYTHON) -m venv $(MANIFESTS)
	@$(MANIFESTS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-manifests.lock
	@touch $@

$(VENV)/pip.stamp:
	@test -n "$(PYTHON)" || { echo "Taktline needs Python 3.11 or later; none was found on the PATH."; exit 1; }
	@echo "== making a virtual environment in $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python's venv module is missing; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@touch $@

clean: ## Remove everything that was made, the embedded engine's data as well
	rm -rf $(VENV) .taktline
