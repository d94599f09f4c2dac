# make demo   the main job on a built-in scene        make test       lint, types and all tests, as CI runs them
# make wheel  what a board installs                   make test-fast  the device's tests, in short: under two minutes
#                                                     make check      lint and types alone
# make lock   solve requirements/ anew: what a board installs, pinned and with digests (asks the package registry)
# make arm64  the device on emulated arm64 (make arm64-full: a whole board, too)
# make torture  what the tower commits against what receivers have, while everything is killed, cut and filled (torture-short: as CI)
# make torture-daemon   the daemon under fire, strangers, bombs, kills, disks and clocks (torture-daemon-short: as CI does)
#
# torch from plain PyPI brings several GB of CUDA. For the CPU build:
#   make test TORCH_INDEX=https://download.pytorch.org/whl/cpu
PYTHON ?= python3
VENV ?= .venv
TORCH_INDEX ?=
BIN := $(VENV)/bin
# One process more than cores, for many tests wait. What a file's tests share is made once; tests/conftest.py says
# which files come first.
PYTEST := $(BIN)/pytest -n $(shell echo $$(($$(nproc) + 1))) --dist=loadfile --no-loadscope-reorder
PIP := $(BIN)/pip --disable-pip-version-check
MACHINE := $(shell uname -m)

# litert-torch has no aarch64 wheels: a board tests what a board can hold.
ifeq ($(MACHINE),aarch64)
EXTRAS := onnx,sim,bench,dev
PYTEST_SCOPE := --ignore=tests/training
else
EXTRAS := onnx,sim,bench,train,dev
PYTEST_SCOPE :=
endif

.PHONY: demo develop test test-fast check wheel lock arm64 arm64-full torture torture-short torture-daemon torture-daemon-short debian debian-test clean
.DELETE_ON_ERROR:

demo: $(VENV)/.device
	$(BIN)/firetower run

test: check
ifeq ($(MACHINE),aarch64)
	@echo "aarch64: testing what a device can hold; training is left out (litert-torch has no aarch64 wheels)"
endif
	@echo "tests: all of them, some 18 minutes on two cores"
	$(PYTEST) $(PYTEST_SCOPE) $(PYTEST_OPTIONS)

test-fast: $(VENV)/.develop
	@echo "tests: of every module of edge/ and every real server (tests/fast.txt), under two minutes on two idle cores"
	$(PYTEST) $(PYTEST_OPTIONS) @tests/fast.txt

check: $(VENV)/.develop
	@echo "check: lint, format and types, about a minute"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

wheel: $(VENV)/.develop
	$(BIN)/python -m build --wheel --outdir dist .

# The newest that pyproject.toml allows. What make installs here itself is not locked: TORCH_INDEX brings another torch.
lock: $(VENV)/.develop
	$(PIP) install --quiet 'uv>=0.9'
	$(BIN)/python -m scripts.lock

# As root on x86-64 Debian: the device on emulated arm64, docs/arm64.md. They say what is missing.
arm64: $(VENV)/.develop
	$(BIN)/python -m arm64

arm64-full: $(VENV)/.develop
	$(BIN)/python -m arm64 --all --json docs/results/arm64.json

# As root for the disks, with gcc for the clocks; it says what it leaves out.
torture-daemon: $(VENV)/.develop
	@echo "torture: up to 15 minutes on two idle cores"
	$(BIN)/firetower bench torture --json docs/results/torture-daemon.json

torture-daemon-short: $(VENV)/.develop
	@echo "torture: the short one, up to 4 minutes on two idle cores"
	$(BIN)/firetower bench torture --short

# With mosquitto; as root for disks and thin links, with gcc for the clocks; it says what it leaves out.
torture: $(VENV)/.develop
	@echo "torture: up to 50 minutes on two idle cores"
	$(BIN)/firetower bench torture-delivery --json docs/results/torture.json

torture-short: $(VENV)/.develop
	@echo "torture: the short one, up to 3 minutes on two idle cores"
	$(BIN)/firetower bench torture-delivery --short

develop: $(VENV)/.develop

debian:
	@scripts/debian-packages

debian-test:
	@scripts/debian-packages debian-packages-test.txt

$(VENV)/.venv: | debian
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.device: pyproject.toml $(VENV)/.venv
	$(PIP) install --quiet --editable .
	touch $@

$(VENV)/.develop: pyproject.toml $(VENV)/.venv | debian-test
	@echo "setting up $(VENV): some minutes, most of them for downloads"
	$(PIP) install --quiet --no-compile --editable '.[$(EXTRAS)]' $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
	touch $@ $(VENV)/.device

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
