# Everything runs from a fresh clone: `make setup` once, the other targets call it themselves.
# Paths are relative, so the clone may lie in a folder with spaces. Needs Python >= 3.11 and GNU make >= 3.81.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.setup-done

.DEFAULT_GOAL := help
.PHONY: help setup setup-sam2 demo test lint format clean

help:
	@echo 'make setup    create .venv and install the package (editable) with its development tools'
	@echo 'make setup-sam2   add the package sam2, a second backend of the mask decoder; its tests skip without it'
	@echo 'make demo     synthetic data, a benchmark and four baselines, ending in a table of scores (folder demo/)'
	@echo 'make test     run the tests and print their coverage'
	@echo 'make lint     ruff check, ruff format --check, mypy'
	@echo 'make format   let ruff sort imports and format the code'
	@echo 'make clean    remove .venv, demo/ and caches'
	@echo
	@echo 'Another interpreter: make setup PYTHON=python3.12'

setup: $(STAMP)

# Installed again only when the stated or the pinned requirements change.
#
# torch: its build for CPUs where there is no GPU, instead of gigabytes of CUDA. uv knows where that build lies; wheels
# named by PIP_FIND_LINKS come first. Where uv cannot install, pip does, and takes what its own settings offer.
$(STAMP): pyproject.toml constraints.txt constraints-cpu.txt
	@command -v "$(PYTHON)" >/dev/null || { echo 'make setup: "$(PYTHON)" was not found. Install Python 3.11 or newer, or name one: make setup PYTHON=/path/to/python3' >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make setup: Python 3.11 or newer is needed, $(PYTHON) is $$("$(PYTHON)" -V 2>&1). Name another: make setup PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo 'make setup: $(PYTHON) has no venv module. Install it (Debian, Ubuntu: apt install python3-venv) and try again' >&2; exit 1; }
	test -x $(BIN)/python || "$(PYTHON)" -m venv .venv
	@echo 'Installing the package and its tools into .venv (about 1.5 GB; half a minute with uv and a fast line)'
	@uv=$$(command -v uv) || { $(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.8' && uv=$(BIN)/uv; }; \
	if [ -n "$$PIP_FIND_LINKS" ]; then UV_FIND_LINKS="$$PIP_FIND_LINKS"; else UV_TORCH_BACKEND=auto; fi; \
	export UV_FIND_LINKS UV_TORCH_BACKEND; set -x; \
	"$$uv" pip install --quiet --python $(BIN)/python -c constraints.txt -c constraints-cpu.txt -e '.[dev]' \
	|| $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -c constraints-cpu.txt -e '.[dev]'
	@touch $(STAMP)

# Without its dependencies and in this environment: it asks for torchvision, which nothing here imports, and built apart it
# would fetch a second torch.
setup-sam2: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check setuptools wheel
	SAM2_BUILD_CUDA=0 $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation sam2==1.1.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -c constraints-cpu.txt 'hydra-core>=1.3.2' 'iopath>=0.1.10'

# The recipe is the tutorial: make echoes each command, and each can be typed as it stands. All of them take up what an
# interrupted demo left; a demo made by other code is made anew.
FIRST_DISTANCE := import pandas as pd; \
    rows = pd.read_parquet("demo/terracot/data/samples-00000.parquet"); print(rows.id[rows.kind == "distance"].iloc[0])

demo: setup
	@code=$$({ git rev-parse HEAD; git diff HEAD; } 2>/dev/null | git hash-object --stdin 2>/dev/null); \
	if [ "$$(cat demo/.made-by 2>/dev/null)" != "$$code" ]; then rm -rf demo; mkdir demo; echo "$$code" > demo/.made-by; fi
	$(BIN)/terracot generate procedural everything --limit 128 --out demo/terracot --workers 2
	$(BIN)/terracot verify demo/terracot
	$(BIN)/terracot show demo/terracot $$($(BIN)/python -c '$(FIRST_DISTANCE)') --out demo/sample.png
	$(BIN)/terracot browse demo/terracot --out demo/browse.html
	$(BIN)/terrabench build procedural default-train --limit 256 --out demo/bench-train --workers 2
	$(BIN)/terrabench build procedural default --out demo/bench --workers 2
	$(BIN)/terrabench run --bench demo/bench --model chance --out demo/runs/chance
	$(BIN)/terrabench run --bench demo/bench --model majority --model-args train=demo/bench-train --out demo/runs/majority
	$(BIN)/terrabench run --bench demo/bench --model box-oracle --out demo/runs/box-oracle
	$(BIN)/terrabench run --bench demo/bench --model oracle --out demo/runs/oracle
	$(BIN)/terrabench ledger demo/runs/box-oracle
	$(BIN)/terrabench probe demo/bench --limit 64 --seeds 1 --out demo/probe
	$(BIN)/terrabench score demo/runs/chance demo/runs/majority demo/runs/box-oracle demo/runs/oracle
	@echo
	@echo 'All images are synthetic. Terra-CoT data set: demo/terracot   To look through it: demo/browse.html'
	@echo 'One sample with its masks: demo/sample.png'
	@echo 'How accuracy falls as masks get worse: demo/probe/probe.png'
	@echo 'Benchmark: demo/bench   Replies and scores: demo/runs/NAME/responses.jsonl, scores.json'

test: setup
	$(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadfile \
	    --cov=terracot --cov=terrabench --cov=terrabaselines --cov=terrascope_vlm --cov-report=term

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv demo build dist htmlcov .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis
