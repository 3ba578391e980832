# Two commands do all set-up on a fresh machine with Python >= 3.11: `make demo` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
JOBS   ?= 2

.PHONY: demo test thorough campaign tables lint docs linkcheck clean

demo: $(VENV)/.demo
	$(BIN)/erbp-jax train configs/digits.yaml

test: $(VENV)/.test
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

# The further members of products, and long trainings (tests/thorough.py).
thorough: $(VENV)/.test
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m thorough

# What the tests do in small: kills, malformed input, full disks, growth. Takes about an hour; one summary line each.
campaign: $(VENV)/.test
	@failed=0; for c in kills fuzz disk growth; do $(BIN)/python -m tests.campaigns.$$c || failed=1; done; exit $$failed

# The tables of results in README.md and the docs, from the runs in docs/results.
tables: $(VENV)/.test
	$(BIN)/python experiments/tables.py

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

# The site, in docs/_build/html. A warning is an error, and so is a link of the reference that leads nowhere.
docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -W --keep-going -n -q -b html -d docs/_build/doctrees docs docs/_build/html
	@echo docs/_build/html/index.html

# The links that lead out of the site, which need a network.
linkcheck: $(VENV)/.docs
	$(BIN)/python -m sphinx -q -b linkcheck -D nb_execution_mode=off -d docs/_build/linkcheck-doctrees docs docs/_build/linkcheck

# One stamp per set of extras; an edit of pyproject.toml installs again.
$(VENV)/.demo: EXTRAS := plot
$(VENV)/.test: EXTRAS := test
$(VENV)/.dev:  EXTRAS := dev
$(VENV)/.docs: EXTRAS := docs
$(VENV)/.demo $(VENV)/.test $(VENV)/.dev $(VENV)/.docs: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[$(EXTRAS)]'
	@touch $@

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"erbp_jax needs Python >= 3.11; {sys.executable} is {v.major}.{v.minor}. Try: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) build dist docs/_build *.egg-info
