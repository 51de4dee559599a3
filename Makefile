# Everything runs from a checkout, on a machine with git, make and any Python 3. Nothing outside of the checkout and of
# the user's cache folder is changed.

SHELL := /bin/bash
unexport PYTHONDONTWRITEBYTECODE
TEMPLATE := <<cookiecutter.project_slug>>
VENV := .venv
PYTHON := $(VENV)/bin/python

.PHONY: run test check format test-container pictures lock venv

run: venv ## generate a demo project and serve it at http://127.0.0.1:8000
	@$(PYTHON) scripts/demo.py .demo
	@scripts/make-venv .demo/demo/.venv .demo/demo/requirements.lock >/dev/null
	@echo "Serving the demo project at http://127.0.0.1:$${PORT:-8000} (Ctrl+C stops it) ..."
	@cd .demo/demo && exec .venv/bin/python main.py

test: venv ## every test: of the template, and of the projects that it generates
	@$(PYTHON) -m pytest

test-container: venv ## build the image, run it, stop it, start it again on the same data
	@$(PYTHON) -m pytest -s tests/test_container.py

check: venv ## what CI checks before the tests: format, lint, types
	@$(PYTHON) -m ruff format --check . && $(PYTHON) -m ruff check .
	@cd '$(TEMPLATE)' && '$(CURDIR)/$(PYTHON)' -m mypy .

format: venv
	@$(PYTHON) -m ruff format . && $(PYTHON) -m ruff check --fix .

pictures: venv ## make the README's pictures anew, from the tests in a browser
	@$(PYTHON) scripts/pictures.py

lock: ## pin the newest versions within the bounds, with hashes
	@scripts/lock

venv:
	@scripts/make-venv $(VENV) requirements.lock >/dev/null
