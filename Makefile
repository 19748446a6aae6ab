# Two commands do everything: `make demo` and `make test`. Both build the virtual
# environment first when it is missing or when setup.py changed.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
DEMO_DIR ?= demo_run

.DELETE_ON_ERROR:
.PHONY: demo test lint clean

demo: $(VENV)/installed
	$(BIN)/python -m t2t_multimodel.bin.demo --demo_dir=$(DEMO_DIR)

# A process for each of two cores; the tests of a file stay together.
test: $(VENV)/installed lint
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -p t2t_multimodel

$(VENV)/installed: setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) $(DEMO_DIR)
