# Everything there is to type. Each target that needs libtorch first makes sure of it: see
# scripts/libtorch.py.

CARGO ?= cargo
PYTHON ?= python3
TIME ?= 60
export STEEPNESS_TEST_DATA ?= $(wildcard $(abspath ../shared/data))

.PHONY: build demo test test-core test-examples test-python wheel test-fresh soak fuzz check bench bench-data doc \
	clean libtorch

build: libtorch ## gives target/release/steepness
	$(CARGO) build --release --locked -p steepness-cli

demo: build ## compares four losses on handwritten digits: a table and a page
	target/release/steepness compare

# Measurements and comparison are tested as they are built without libtorch: beside the laboratory the
# loss below them has it, and they would have to be linked to it.
# Nor with Python's package, which is built without the laboratory.
test: libtorch test-core test-examples test-python ## every test, with the adapters to other frameworks
	$(CARGO) test --release --locked --workspace --exclude steepness-measure --exclude steepness-compare \
		--exclude steepness-python
	$(CARGO) test --profile adapters --locked -p steepness --features burn,candle-nn \
		--lib --test burn --test candle

# In target/core, beside what the others build.
CORE := --profile core --locked --no-default-features --features steepness/rayon \
	-p steepness -p steepness-measure -p steepness-compare -p steepness-cli

test-core: ## those of all that needs no libtorch, which is not fetched
	$(CARGO) test $(CORE)

# With the program that the tests above have built, as who trains elsewhere has it.
test-examples: ## those of examples/own, in a Python environment of their own: scripts/examples.py
	$(CARGO) test $(CORE) --no-run
	$(PYTHON) scripts/examples.py $${CARGO_TARGET_DIR:-target}/core/steepness

# With loops that are quickly compiled, not quick ones.
test-python: ## the Python package, in an environment of its own
	$(PYTHON) scripts/wheel.py test

wheel: ## the Python package as it is published: target/wheels
	$(PYTHON) scripts/wheel.py build

test-fresh: ## that wheel with no PyTorch, with the oldest and with the newest, in fresh environments
	$(PYTHON) scripts/fresh.py

soak: libtorch ## kills and refused storage; STEEPNESS_SOAK=4 tries four times as much
	$(CARGO) test --release --locked -p steepness-cli --test main -- --ignored --nocapture

fuzz: libtorch ## tries hostile files on every parser, TIME seconds each: see docs/reliability.md
	$(CARGO) fuzz --version >/dev/null 2>&1 || $(CARGO) install cargo-fuzz --locked
	$(PYTHON) fuzz/fuzz.py --time $(TIME)

check: libtorch ## formatting, imports, lints and documentation, warnings as errors
	$(CARGO) fmt --all --check
	$(PYTHON) scripts/imports.py
	$(CARGO) clippy --release --locked --workspace --exclude steepness-python --all-targets -- -D warnings
	$(CARGO) clippy --release --locked -p steepness-cli -p steepness-python --no-default-features \
		--all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --release --locked --workspace --no-deps

bench: libtorch ## side by side with PyTorch; writes benches/results
	$(PYTHON) benches/loss.py
	$(PYTHON) benches/training.py
	$(PYTHON) benches/translation.py

bench-data: libtorch ## the same on data: MNIST under PGD (torchattacks), graphs (PyTorch Geometric)
	$(PYTHON) benches/attacks.py data/mnist
	$(PYTHON) benches/graphs.py data/PROTEINS data/NCI1

doc: libtorch ## target/doc/steepness/index.html
	$(CARGO) doc --release --locked --workspace --no-deps

clean: ## what was built; .libtorch stays
	$(CARGO) clean

libtorch:
	@$(PYTHON) scripts/libtorch.py
