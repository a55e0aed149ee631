# Settings come from the environment and from .env; .env.example documents them.
VENV := .venv
BIN := $(VENV)/bin
# A virtual environment with Django 6 for moderation alone, without django-tasks and the other apps.
DJANGO6 := .venv-django6
# query_plans is left out: filling its tables takes minutes, and the plans depend on PostgreSQL.
DJANGO6_TESTS := $(addprefix tests/,admin cascade checks db jobs lifecycle models purge recording references \
  picture_groups registry removals review_rules storage test_end_to_end.py test_redaction.py \
  images/test_limits.py images/test_perceptual.py images/test_profiles.py)
# Tests that do not depend on the database, so they run only on SQLite.
WITHOUT_DATABASE := $(addprefix tests/images/test_,browser.py catalogue.py costs.py limits.py memory.py perceptual.py)
WITHOUT_DATABASE += tests/installation
# Tests of how pages look and behave in the browser, and of many hostile pictures. These, too, run
# only on SQLite: other tests check that both databases return the same.
ON_ONE_DATABASE := tests/images/test_intake.py $(addprefix tests/browser/test_,blur.py \
  display_without_scripts.py every_page.py focus.py layout.py looks.py messages.py pictures.py \
  review_keys.py review_states.py steady_rows.py steps.py)
CODE := manage.py project posts moderation benchmarks tests
TEMPLATES := $(wildcard templates posts/templates moderation/templates)

.DEFAULT_GOAL := help
.PHONY: help run test test-sqlite test-postgresql test-django6 \
  test-django6-sqlite test-django6-postgresql faults bench lint format

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/installed ## install, migrate, load the demo site once, and run web server, worker and scheduler
	@exec $(BIN)/python -m project.run

test: $(VENV)/installed-dev ## run the tests on SQLite and PostgreSQL, and those of moderation on Django 6
	@if [ "$$CI" = true ] || .ci/find-python6 >/dev/null; \
	then django6="test-django6-sqlite test-django6-postgresql"; \
	else echo "The tests on Django 6 are skipped."; fi; \
	$(MAKE) --no-print-directory --jobs 2 --output-sync=target test-sqlite test-postgresql $$django6

test-sqlite: $(VENV)/installed-dev
	$(BIN)/pytest

test-postgresql: $(VENV)/installed-dev
	$(BIN)/pytest --postgresql $(foreach test,$(WITHOUT_DATABASE) $(ON_ONE_DATABASE),--ignore $(test))

test-django6: test-django6-sqlite test-django6-postgresql ## run the tests of moderation on Django 6 with its built-in tasks

test-django6-sqlite: $(DJANGO6)/installed
	$(DJANGO6)/bin/pytest --ds tests.settings_django6 $(DJANGO6_TESTS)

test-django6-postgresql: $(DJANGO6)/installed
	$(DJANGO6)/bin/pytest --ds tests.settings_django6 $(DJANGO6_TESTS) --postgresql \
	  --ignore tests/admin/test_hostile_urls.py

faults: export KILL_ROUNDS = 50
faults: export KILL_POSTS = 2000
faults: export WORKER_ROUNDS = 20
faults: export DISMISSAL_ROUNDS = 1000
faults: export WEB_LOAD_POSTS = 20000
faults: export WORKLOAD_SEEDS = 20
faults: export WORKLOAD_SECONDS = 120
faults: $(VENV)/installed-dev ## kill, stall and overload every process, with the full number of rounds (three hours)
	$(BIN)/pytest -s tests/faults
	$(BIN)/pytest -s tests/faults --postgresql

bench: $(VENV)/installed-dev ## compare the site with the alternatives; ONLY=name, SIZE=small or full (40 minutes)
	@$(BIN)/python -m benchmarks

lint: export DEBUG = true
lint: export ENV_FILE =
lint: $(VENV)/installed-dev ## check style, types, templates and missing migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/mypy $(CODE)
	$(BIN)/djlint --lint $(TEMPLATES)
	$(BIN)/python manage.py makemigrations --check --dry-run

format: $(VENV)/installed-dev ## format the code and fix what ruff can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(VENV)/made:
	@for python in "$$PYTHON" python3.11 python3 python3.12 python3.13 python; do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Creating $(VENV) with $$python"; \
	    "$$python" -m venv $(VENV) && touch $@; exit; \
	  fi; \
	done; \
	echo "No Python 3.11 or newer was found: install one, or set PYTHON to its path" >&2; exit 1

$(VENV)/installed: $(VENV)/made requirements.txt requirements-constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(DJANGO6)/made:
	@python=$$(.ci/find-python6) && echo "Creating $(DJANGO6) with $$python" && \
	  "$$python" -m venv $(DJANGO6) && touch $@

$(DJANGO6)/installed: $(DJANGO6)/made requirements-django6.txt requirements-constraints.txt
	$(DJANGO6)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-django6.txt
	@touch $@
