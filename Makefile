# Needs make and Python 3.11+ with venv; everything else is installed by the first target that runs.
PYTHON ?= python3
RUN := .venv/bin/python
NO_PYTHON := Python 3.11 or newer is needed; install one (Debian and Ubuntu: apt install python3 python3-venv) or name it: make PYTHON=/path/to/python3.11 …

define install
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 7))' 2>/dev/null || { echo '$(NO_PYTHON)'; exit 1; }
	@$(PYTHON) bootstrap/install.py $(1)
endef

.PHONY: help run test test-kubernetes test-openstack check bench translations clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 20

run:  ## install what is missing, then start one center and one edge (RESET=1 starts over)
	$(call install)
	@RESET='$(RESET)' exec $(RUN) manage.py up

test:  ## install what is missing, then the base tier and every other tier that can run here
	$(call install,--dev)
	@exec $(RUN) tools/test_tiers.py

test-kubernetes:  ## the tests on a real Kubernetes API server; builds its programs the first time (see tools/cluster)
	$(call install,--dev)
	@exec $(RUN) tools/test_tiers.py kubernetes

test-openstack:  ## the tests on a real OpenStack; installs its programs the first time (see tools/cloud)
	$(call install,--dev)
	@exec $(RUN) tools/test_tiers.py openstack

check:  ## ruff, mypy, floors, size limits, migrations, templates, translations
	$(call install,--dev)
	@exec $(RUN) tools/check.py

bench:  ## the benchmarks, as ratios measured in one run, written to docs/benchmarks.md
	$(call install,--dev)
	@exec $(RUN) tools/bench.py

translations:  ## bring the catalogs up to date with the source
	@$(RUN) tools/translations.py extract

clean:  ## remove everything that can be installed or built again; keeps the data
	rm -rf .venv .assets .static node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
