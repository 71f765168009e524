# Two commands do everything: `make demo` shows the product, `make test` proves it. Each sets up what it needs.

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-browser test-security sbom screenshots lint format fuzz soak bench chaos reliability load story lock clean

PORT = 8080
DATA =
SECONDS =
ARGS =

# Handed on by the environment, so that a name with quotes or blanks stays one word.
demo: export DEMO_PORT = $(PORT)
demo: export DEMO_DATA = $(DATA)
demo: export DEMO_SECONDS = $(SECONDS)

# Where it can be had: the demo gets SIGTERM even when make itself is killed.
with_make := $(shell command -v setpriv >/dev/null && echo setpriv --pdeathsig TERM)

help:
	@echo 'make demo [PORT=8080] [DATA=folder] [SECONDS=n]   a compound with simulated readers, until Ctrl-C'
	@echo 'make test [ARGS=...]                              all tests; ARGS go to pytest'
	@echo 'make test-browser                                  the pages in a real Chromium: journeys, axe, both sizes and languages'
	@echo 'make test-security                                 privacy and security, also what takes long; the last line is JSON'
	@echo 'make sbom                                          what the program is made of, as CycloneDX, into sbom.json'
	@echo 'make screenshots [PAGES="gate people"]             the pictures of the documentation, from a demonstration of its own'
	@echo 'make lighthouse [EVERY=1]                          Lighthouse on the first page of each role, or on every page'
	@echo 'make setup                                        what both need; then .venv/bin/gateway is the program'
	@echo 'make lint | format                                what CI checks before the tests | put the code in order'
	@echo 'make fuzz [SECONDS=60]                            look for bytes that break a protocol, each target so long'
	@echo 'make chaos [POINTS=a,b] [SEEDS=20]                kill the program at every step of a swipe; the last line is JSON'
	@echo 'make reliability                                   do to a running site what can go wrong; writes docs/reliability.md'
	@echo 'make load [STATIONS=500] [RATE=600] [MINUTES=10]   so many stations on one centre, then all cut off and back at once'
	@echo 'make story [DB=sqlite|postgres]                    from a move-in to a closed case and a moved figure; the last line is JSON'
	@echo 'make soak [MINUTES=15]                             sixteen readers, lines pulled and pcscd killed at random'
	@echo 'make bench [QUICK=1] [SECTIONS=...]                speed and cost against references, into bench/latest.json'
	@echo 'make lock                                         pin the dependencies of pyproject.toml anew'
	@echo 'make clean                                        remove all that setup and the tools made'

setup:
	@scripts/setup

demo: setup
	@exec $(with_make) .venv/bin/python -m simulators.demo --port "$$DEMO_PORT" \
	  $${DEMO_DATA:+--data "$$DEMO_DATA"} $${DEMO_SECONDS:+--seconds "$$DEMO_SECONDS"}

test:
	@scripts/setup test
	@.venv/bin/pytest -q -n 3 --dist loadgroup $(ARGS)

test-browser:
	@scripts/setup test
	@.venv/bin/pytest -q tests/browser $(ARGS)

test-security:
	@scripts/setup test security
	@.venv/bin/python -m tests.security

sbom: setup
	@.venv/bin/python scripts/sbom sbom.json

screenshots:
	@scripts/setup test
	@.venv/bin/python scripts/screenshots $(PAGES)

lighthouse:
	@scripts/setup test lighthouse
	@.venv/bin/python -m tests.lighthouse.run $(if $(EVERY),--every)

lint: setup
	@scripts/lint

format: setup
	@.venv/bin/ruff format --quiet .
	@.venv/bin/ruff check --quiet --fix .

fuzz: setup
	@scripts/fuzz $(or $(SECONDS),60)

chaos:
	@scripts/setup test
	@.venv/bin/python -m tests.chaos.crash --points "$(POINTS)" --seeds $(or $(SEEDS),20)

reliability:
	@scripts/setup test
	@.venv/bin/python -m tests.chaos.reliability --write docs/reliability.md

load:
	@scripts/setup test
	@.venv/bin/python -m tests.load.run --stations $(or $(STATIONS),500) --rate $(or $(RATE),600) --minutes $(or $(MINUTES),10)

story:
	@scripts/setup test
	@.venv/bin/python -m tests.story $(or $(DB),sqlite)

soak:
	@scripts/setup test
	@.venv/bin/python -m tests.soak.run $(or $(MINUTES),15)

bench:
	@scripts/setup test lighthouse
	@.venv/bin/python -m tests.bench $(if $(QUICK),--quick) $(SECTIONS)

lock: setup
	@scripts/lock

clean:
	rm -rf .venv node_modules gateway/web/static/vendor build dist
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
