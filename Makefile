# What a newcomer, a contributor and CI run. `make` lists it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Held by stamps: set-up runs again only when the dependencies changed. DEV includes SERVE.
SERVE := $(VENV)/.serve
DEV := $(VENV)/.dev
# Building with the pinned setuptools, instead of one fetched for the occasion.
PIP := $(BIN)/python -m pip --disable-pip-version-check install $(if $(CI),--quiet) --constraint constraints.txt
EDITABLE := $(PIP) --no-build-isolation

# Options of train, export, evaluate, reproduce, test and image; see `make help`.
RECIPE ?= gray
FIGURE ?= spectrum
TESTS ?=
ARGS ?=
VARIANT ?= cpu
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)

.DEFAULT_GOAL := help
.PHONY: help serve test coverage lint page-types format types train export evaluate reproduce bench loadtest screenshots image image-check sbom audit constraints
.DELETE_ON_ERROR:

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

serve: $(SERVE) ## Serve on http://127.0.0.1:8000 (settings: BIASFREE_* in the environment)
	$(BIN)/python -m service

# Two processes, a file in one of them, in their order: the long ones (browser, integration) begin, small ones fill the
# end. Each has one thread of OpenMP; where a test starts more, they sleep where they would spin beside each other.
# Bytecode is kept even where the environment says otherwise: the tests start hundreds of processes.
TEST_ENVIRONMENT := OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive PYTHONDONTWRITEBYTECODE=
test: $(DEV) ## Run every test [TESTS=tests/unit/client] [ARGS=-x]
	$(TEST_ENVIRONMENT) $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --durations=10 $(TESTS) $(ARGS)

# Not in CI: Python 3.11 can only trace, which costs 40 % of the processor time of tests that are Python themselves.
coverage: $(DEV) ## Run every test and measure what they reach; fails below the floor in pyproject.toml [ARGS=-x]
	$(TEST_ENVIRONMENT) $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered $(ARGS)

lint: $(DEV) page-types ## Check style, formatting and who imports whom; where npm is, the page's types too
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

# TypeScript reads the JSDoc; nothing is built, and the page needs no node to run.
page-types:
	@if command -v npm >/dev/null; then \
		npm --prefix tests/browser ci --silent --no-audit --no-fund && cd tests/browser && node_modules/.bin/tsc --project jsconfig.json; \
	else echo "npm is not here: the types of the page's JavaScript are not checked"; fi

format: $(DEV) ## Format the code, and repair what can be repaired
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

types: $(DEV) ## Check the types
	$(BIN)/mypy

train: need-IMAGES need-OUTPUT $(DEV) ## Train a network: IMAGES=folder OUTPUT=folder [RECIPE=gray] [VALIDATION=folder] [ARGS='--minutes 45']
	$(BIN)/python -m training train --recipe '$(RECIPE)' --images '$(IMAGES)' --output '$(OUTPUT)' \
		$(if $(VALIDATION),--validation '$(VALIDATION)') $(ARGS)

export: need-RUN need-OUTPUT $(DEV) ## Write a run's network as a model: RUN=folder OUTPUT=x.onnx [NAME=x] [VALIDATION=folder] [ARGS='--data ...']
	$(BIN)/python -m training export '$(RUN)' --output '$(OUTPUT)' --name '$(or $(NAME),$(basename $(notdir $(OUTPUT))))' \
		$(if $(VALIDATION),--evaluate-on '$(VALIDATION)') $(ARGS)

evaluate: need-MODELS need-IMAGES need-OUTPUT $(DEV) ## Measure models: MODELS='a.onnx b.onnx' IMAGES=folder OUTPUT=folder [ARGS='--sigmas 25,50']
	$(BIN)/python -m training evaluate $(MODELS) --images '$(IMAGES)' --output '$(OUTPUT)' $(ARGS)

reproduce: need-IMAGES need-OUTPUT $(DEV) ## The paper's tables and figures: IMAGES=folder OUTPUT=folder [FIGURE=spectrum] [MODEL=x.onnx] [ARGS='--size 30']
	$(BIN)/python -m training reproduce '$(FIGURE)' --images '$(IMAGES)' --output '$(OUTPUT)' $(if $(MODEL),--model '$(MODEL)') $(ARGS)

release-figures: need-DATA $(DEV) ## Measure and draw all that documents show of the shipped models: DATA=folder of validate-gray, -color and -real
	$(BIN)/python -m training quality --gray '$(DATA)/validate-gray' --color '$(DATA)/validate-color' \
		$(foreach pairs,$(wildcard $(DATA)/validate-real/*),--pairs '$(pairs)')
	$(BIN)/python -m training readme --image '$(DATA)/validate-gray/05.png'
	$(BIN)/python -m training analysis-figure --output docs/images/analysis.png
	$(BIN)/python -m training illustrate biasfree/weights/color.onnx --output docs/images/denoised.png \
		--image "$$($(BIN)/python -c 'import skimage; print(skimage.__path__[0])')/data/chelsea.png"
	$(BIN)/python -m training illustrate-real --box 300 300 540 460 --output docs/images/real.png \
		"$$($(BIN)/python -c 'import skimage; print(skimage.__path__[0])')/data/hubble_deep_field.jpg"
	$(BIN)/python -m training attribution --output docs/attribution.md
	$(BIN)/python -m training reproduce spectrum --images '$(DATA)/validate-gray' --output build/reproduction --documents docs
	$(BIN)/python -m training reproduce filters --images '$(DATA)/validate-gray' --output build/reproduction --documents docs

bench: $(DEV) ## Measure speed and memory, and rewrite bench/results [ARGS='throughput overload']
	$(BIN)/python -m bench $(ARGS)

loadtest: $(DEV) ## Try what an operator fears, and rewrite bench/failures/results [ARGS='faults slowloris']
	$(BIN)/python -m bench.failures $(ARGS)

screenshots: $(DEV) ## Take the pictures of the page in docs/images anew, with Chromium
	$(BIN)/python -m tests.browser.screenshots

image: ## Build the container image [TORCH_INDEX_URL=index of PyTorch's CPU wheels] [VARIANT=slim or cuda]
	docker build --build-arg TORCH_INDEX_URL='$(TORCH_INDEX_URL)' --build-arg VARIANT='$(VARIANT)' \
		--build-arg VERSION='$(VERSION)' --build-arg REVISION="$$(git rev-parse HEAD 2>/dev/null)" \
		$(if $(filter cpu,$(VARIANT)),--tag biasfree) --tag 'biasfree:$(VERSION)$(if $(filter-out cpu,$(VARIANT)),-$(VARIANT))' .

image-check: $(DEV) ## Build the images cpu and slim without docker, start them and denoise (as root, with buildah) [ARGS='--variant slim']
	$(BIN)/python -m bench.container $(ARGS)

# Of what runs, not of what develops: an environment with nothing but the service, as in the image.
sbom: $(DEV) ## Write what the service is made of to dist/sbom.cdx.json (CycloneDX)
	@fresh=$$(mktemp -d) && trap "rm -rf $$fresh" EXIT && $(PYTHON) -m venv --without-pip $$fresh && \
	$(BIN)/python -m pip --python $$fresh/bin/python install --quiet --constraint constraints.txt '.[analysis,classical,tracing,heif,raw,dicom]' && mkdir -p dist && \
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --mc-type application --output-reproducible \
		--output-format JSON --output-file dist/sbom.cdx.json $$fresh/bin/python

constraints: ## Resolve every dependency anew, but torch, and rewrite constraints.txt (on Linux, x86-64)
	@fresh=$$(mktemp -d) && trap "rm -rf $$fresh" EXIT && $(PYTHON) -m venv $$fresh && \
	grep '^torch==' constraints.txt > $$fresh/held.txt && \
	$$fresh/bin/python -m pip install --constraint $$fresh/held.txt setuptools '.[dev,ray]' ./client && \
	$$fresh/bin/python -m pip freeze --all --exclude pip --exclude biasfree --exclude biasfree-client > $$fresh/all.txt && \
	{ echo '# Written by `make constraints`: every dependency, resolved anew; torch, which decides the CUDA version, by hand.'; \
	sed -E -e '/^(cuda|nvidia|triton)/d' -e 's/\+.*//' -e '/^onnxruntime-gpu==/{p;s/-gpu//;}' $$fresh/all.txt | LC_ALL=C sort --ignore-case; } \
	> constraints.txt

# Strict: a dependency that the database of vulnerabilities does not answer for has not been audited.
audit: $(DEV) ## Look up every pinned dependency in the database of known vulnerabilities (needs the network)
	$(BIN)/pip-audit --requirement constraints.txt --no-deps --disable-pip --strict

need-%:
	@test -n '$($*)' || { echo 'Say $*=...: see `make help`.' >&2; exit 1; }

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo 'biasfree needs Python 3.11 or newer, and $(PYTHON) is not: say make PYTHON=/path/to/python3.' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo '$(PYTHON) cannot make virtual environments: install the package python3-venv of your system.' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(SERVE): pyproject.toml constraints.txt | $(BIN)/pip
	$(PIP) setuptools
	$(EDITABLE) --editable '.[analysis,classical,tracing,heif,raw,dicom]'
	@touch $@

$(DEV): pyproject.toml client/pyproject.toml constraints.txt | $(BIN)/pip
	$(PIP) setuptools
	$(EDITABLE) --editable '.[dev]' --editable client
	@touch $(SERVE) $@
