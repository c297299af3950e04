# One way to do each chore. What CI runs is what a person runs.
.PHONY: run test test-slow test-all check format bench soak soak-pool faults image clean
python := .venv/bin/python

run: ## set everything up, then run the whole program against the demo site
	@scripts/setup
	@.venv/bin/tidegate demo

# The tests start some hundred Pythons: each finds the program compiled, whatever this shell says.
test test-slow test-all: export PYTHONDONTWRITEBYTECODE =
ARGS ?=
# Three for two cores: many cases wait for something, and two workers leave a third of two cores idle.
WORKERS ?= $(shell expr '(' 3 '*' `getconf _NPROCESSORS_ONLN` + 1 ')' / 2)
pytest = $(python) -m pytest --numprocesses $(WORKERS) --maxprocesses 8 --maxschedchunk 1
test: ## the tests of every promise, with the real Chromium and a real Postgres, in minutes: make test ARGS="-k gate"
	@scripts/setup dev
	@$(pytest) -m "not slow" $(ARGS)

test-slow: ## what `make test` leaves out: more of the same kinds, longer storms, the bench
	@scripts/setup dev
	@$(pytest) -m slow $(ARGS)

test-all: ## both, each case once
	@scripts/setup dev
	@$(pytest) $(ARGS)

check: ## lint, types, the law that imports point down, and known holes in what is locked
	@scripts/setup dev
	@$(python) -m ruff check .
	@$(python) -m ruff format --check .
	@$(python) -m mypy
	@.venv/bin/lint-imports --no-logo
	@$(python) scripts/audit.py deploy/requirements.txt

format: ## let ruff lay the code out
	@scripts/setup dev
	@$(python) -m ruff check --fix .
	@$(python) -m ruff format .

bench: ## measure everything beside other scrapers, and write docs/benchmarks; about two hours
	@scripts/setup dev
	@$(python) -m bench

HOURS ?= 2
soak: LIMIT ?= 512
soak: ## the whole program for hours on a site that leaks: make soak HOURS=8 LIMIT=512
	@scripts/setup dev
	@$(python) -m bench night --hours $(HOURS) --limit $(LIMIT)

PAGES ?= 5000
soak-pool: LIMIT ?= none
soak-pool: ## thousands of pages in one pool: make soak-pool PAGES=5000 LIMIT=320
	@scripts/setup dev
	@$(python) -m bench soak --pages $(PAGES) --limit $(LIMIT)

SEED ?= $(shell date +%s)
MINUTES ?= 3
faults: ## the whole program while seeded faults hit it: make faults SEED=7 MINUTES=3
	@scripts/setup dev
	@$(python) -m tests.faults.storm --seed $(SEED) --minutes $(MINUTES)

ROOT ?= .image
BUILD ?=
image: ## what the Dockerfile says, in a debootstrap root, and tried in memory cgroups: needs root, debootstrap, Linux
	@scripts/setup dev
	@$(python) -m deploy.without_docker build $(ROOT) $(BUILD)
	@$(python) -m deploy.without_docker try $(ROOT) --memory 512 --memory 448
	@$(python) -m deploy.without_docker try $(ROOT) --memory 384 --memory 320 --read-ahead 128
	@$(python) -m deploy.without_docker try $(ROOT) --memory 320 --memory 256 --warm

clean: ## forget the virtual environment and every cache; the database stays
	rm -rf .venv .bench .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info
