# make demo, make test: each works on a fresh machine, and is quick the second time.

PYTHON ?= python3
# `make demo TORCH=cpu` takes PyTorch without CUDA, from the index that PyTorch documents for it.
TORCH ?= default
CPU_INDEX := https://download.pytorch.org/whl/cpu
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo compare test test-slurm check bench bench-check format clean

# The package itself, editable, with everything the demo needs.
.venv/installed: setup.py pyproject.toml dassl-lite/pyproject.toml
	@$(PYTHON) -m venv .venv
ifeq ($(TORCH),cpu)
	@echo "Installing into .venv: about 1.4 GB with PyTorch for CPUs"
	@$(BIN)/python -m pip install --quiet torch torchvision --index-url $(CPU_INDEX)
else
	@echo "Installing into .venv: about 6 GB, most of it PyTorch with CUDA (TORCH=cpu: about 1.4 GB)"
endif
	@$(BIN)/python -m pip install --quiet -e ./dassl-lite -e '.[report]'
	@touch $@

# What tests and checks need beside it.
.venv/installed-dev: .venv/installed
	@$(BIN)/python -m pip install --quiet -e '.[dev]'
	@touch $@

# Zero-shot CLIP and RPO on handwritten digits: train on 0-4, evaluate 0-4 and 5-9.
demo: .venv/installed
	rpo run base2new --preset tiny --methods ZeroshotCLIP RPO --datasets digits --seeds 1 --output output/demo
	rpo report output/demo --table base2new

# Every method on the digits, seeds 1-3: one table of base, new and H. Some minutes on 2 cores.
compare: .venv/installed
	rpo run base2new --preset tiny --datasets digits --processes 2 --output output/compare
	rpo report output/compare

# Two runs, because the toy datasets and trainers of dassl-lite's tests register themselves. Each on
# all cores, with a thread a worker, files in memory, and little garbage collection in all that they
# start.
test: export PYTHONPATH := $(CURDIR)/tests/support/quick
test: .venv/installed-dev
	OMP_NUM_THREADS=1 pytest -q -p in_memory -n auto --dist worksteal -m "not slow and not slurm" tests
	OMP_NUM_THREADS=1 pytest -q -p in_memory -n auto --dist worksteal dassl-lite/tests

# `rpo run --on slurm` on a real SLURM, where one can be started. Some minutes, most of them waiting.
test-slurm: .venv/installed-dev
	pytest -q -m "slurm and not slow" -rs tests

# Lint, format and types; then both wheels are built and tried in an environment of their own.
check: .venv/installed-dev
	ruff check .
	ruff format --check .
	mypy rpo dassl-lite/dassl
	bash scripts/try_wheels.sh

# Speed and memory of RPO against the original's form, on this machine. About half an hour on 2 cores.
bench: .venv/installed
	for classes in 50 100 500; do for k in 4 24; do \
		python benchmarks/step.py --classes $$classes --k $$k || exit 1; done; done
	for k in 4 24; do python benchmarks/evaluate.py --k $$k || exit 1; done
	python benchmarks/growth.py --repeats 1
	python benchmarks/terms.py
	python benchmarks/job.py
	python benchmarks/methods.py

# Ratios of step, evaluation and start against those in benchmarks/expected.json. Some minutes.
bench-check: .venv/installed-dev
	python benchmarks/check.py

format: .venv/installed-dev
	ruff check --fix .
	ruff format .

clean:
	rm -rf .venv build dist *.egg-info dassl-lite/*.egg-info
