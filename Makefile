# Two commands on a fresh machine: `make reproduce` and `make test`. Both set up .venv first if it is missing or stale.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/ready

# What `make reproduce` runs; e.g. `make reproduce SCALE=smoke` or `make reproduce TASKS=instance SEEDS=0`.
TABLE ?= 4c
SCALE ?= mini
TASKS ?= panoptic
SEEDS ?= 0,1,2,3,4
STORE ?= runs
OUT ?= report

# How long `make fuzz` looks for damaged input that m2f does not answer well.
MINUTES ?= 5

.PHONY: reproduce report test test-clusters test-triton fuzz browser lint benchmark docs setup

# A failed run (exit code 1) does not keep the others from their report.
reproduce: setup
	@$(BIN)/m2f run $(TABLE) --scale $(SCALE) --tasks $(TASKS) --seeds $(SEEDS) --store $(STORE); code=$$?; \
		[ $$code -le 1 ] || exit $$code; \
		$(BIN)/m2f report $(TABLE) --store $(STORE) --out $(OUT) && exit $$code

# The committed results as HTML, PDF and the rest. Nothing is trained.
report: setup
	@$(BIN)/m2f report reports/reference --out $(OUT)

test: setup
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

# Debian's Chromium, in which tests open the HTML report; without it they are skipped. To install it takes root.
browser:
	@command -v chromium > /dev/null && command -v chromedriver > /dev/null || { apt-get update --quiet && \
		apt-get install --yes --quiet --no-install-recommends chromium chromium-driver; }

# A Slurm and a Ray cluster of this machine. apt is asked for what is missing of Slurm, which takes root.
test-clusters: setup
	@for tool in slurmctld slurmd munged sbatch; do \
		PATH="$$PATH:/usr/sbin" command -v $$tool > /dev/null || missing=yes; \
	done; [ -z "$$missing" ] || { apt-get update --quiet && \
		apt-get install --yes --quiet --no-install-recommends slurmctld slurmd slurm-client munge; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-clusters.lock
	$(BIN)/python -m pytest -m clusters tests/ablations/clusters

# The kernels for GPUs: in Triton's interpreter, on a GPU if there is one, and compiled for several.
test-triton: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-triton.lock
	$(BIN)/python -m pytest tests/m2f/models/pixel_decoders/test_triton_sampling.py

fuzz: setup
	$(BIN)/python scripts/fuzz.py --minutes $(MINUTES)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

benchmark: setup
	$(BIN)/python -m pytest -o addopts=--import-mode=importlib --benchmark-only --benchmark-columns=min,median,max tests/benchmarks

# A link that leads nowhere is a warning, and a warning ends the build.
docs: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-docs.lock
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going docs build/docs

setup: $(READY)

$(READY): requirements.lock requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
		|| { echo "requirements.lock is of Python 3.11; name it with: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock \
		--requirement requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $(READY)
