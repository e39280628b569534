.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

.PHONY: deps
deps: ## Install the servers that tests and the demo run (Debian 12; idempotent)
	@scripts/deps.sh

.PHONY: test
test: deps ## Run every test, against real servers
	cargo test --locked --workspace

.PHONY: test-unit
test-unit: ## Run the tests that need no servers
	cargo test --locked --workspace --lib --test unit

.PHONY: test-features
test-features: ## Build and test the exporter with a subset of the kinds, and with a new one
	cargo test --locked --no-default-features --features postgres,redis --lib --test features
	cargo test --locked --no-default-features --features http --lib --test features
	cargo test --locked --test new_kind

.PHONY: test-faults
test-faults: deps ## Run the fault matrix, or a part: make test-faults CELL=redis::refused; BLESS=1 writes docs/faults.md
	cargo test --locked --test faults -- $(CELL)

.PHONY: test-alerts
test-alerts: deps ## Evaluate all rules in the failure of each alert, or in some: make test-alerts ALERT=Redis; BLESS=1 writes docs/alerts.md
	cargo test --locked --test alerts -- $(ALERT)

.PHONY: test-versions
test-versions: deps ## Test kinds with other versions of their servers, as root: make test-versions ONLY="postgres-18 redis-8"
	@scripts/versions.sh $(ONLY)

.PHONY: demo
demo: deps ## Start real services, the exporter and Prometheus with a month of history; Ctrl-C stops them all
	cargo build --locked --bin platform_exporter --example demo
	@cargo run --locked --quiet --example demo

.PHONY: demo-break
demo-break: ## Break something of the running demo until Ctrl-C: make demo-break FAILURE=redis; without one, list them
	@cargo run --locked --quiet --example demo -- break $(FAILURE)

.PHONY: up
up: ## Start docker-compose.yml with demo services (needs Docker)
	scripts/secrets.sh
	docker compose --env-file compose/demo.env --profile demo up --build --wait

.PHONY: down
down: ## Stop what `make up` has started; `docker compose --profile demo down -v` deletes its data as well
	docker compose --profile demo --profile restricted down

.PHONY: test-compose
test-compose: ## Build the image and run docker-compose.yml for real: hardening, an alert, a restart (needs Docker and Compose v2)
	scripts/test-compose.sh

.PHONY: test-pod
test-pod: ## Run the pod of the Kubernetes manifests as a container of the image (needs Docker and python3-yaml)
	scripts/test-pod.sh

.PHONY: lint
lint: ## Check formatting and lints, including the fuzz targets
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo fmt --check --manifest-path fuzz/Cargo.toml
	cargo clippy --locked --manifest-path fuzz/Cargo.toml --target-dir $${CARGO_TARGET_DIR:-target} -- -D warnings

.PHONY: bless
bless: deps ## Regenerate files rendered from the code: the golden exposition, docs/metrics.md, docs/configuration.md, dashboards, rules
	BLESS=1 cargo test --locked --test it -- docs:: platform::every_kind bundle::helm::values

.PHONY: docs
docs: ## Build the documentation as a site in target/book, and check every link in it (needs python3-venv)
	@scripts/docs.sh

.PHONY: deny
deny: ## Check licences, bans, sources and advisories of all dependencies
	@cargo deny --version >/dev/null 2>&1 || cargo install --locked cargo-deny
	cargo deny check

.PHONY: sbom
sbom: ## Write the binary's SBOM (CycloneDX) to target/
	@scripts/sbom.sh

.PHONY: package
package: ## Build the packages of the release binary, .deb and .rpm, in target/packages: make package TARGET=aarch64-unknown-linux-gnu
	@scripts/package.sh

.PHONY: test-package
test-package: ## Install, configure, run, upgrade and purge the package in a clean Debian 12 with systemd, as root
	@scripts/test-package.sh

.PHONY: test-rpm
test-rpm: ## Install, upgrade and erase the RPM in a root of its own, as root
	@scripts/test-rpm.sh

.PHONY: release
release: ## Make all files of a release in target/release-files: make release TAG=v1.2.3, for a try PROFILE=dev
	@scripts/release.sh $(TAG)

.PHONY: bench
bench: ## Compare with other exporters and write docs/benchmarks.md; single sections: make bench ONLY="scrape memory"
	@scripts/deps.sh peers
	cargo build --locked --release
	cargo run --locked --release --example bench -- $(ONLY)

.PHONY: bench-memory
bench-memory: ## Only the memory section of the benchmarks
	@$(MAKE) bench ONLY=memory

.PHONY: soak
soak: deps ## Keep breaking services, and check for leaks: make soak MINUTES=20 SEED=1
	cargo build --locked --release
	MINUTES=$(MINUTES) SEED=$(SEED) cargo run --locked --release --example bench -- soak

.PHONY: hostile
hostile: deps ## Corrupt the responses of real servers: make hostile MINUTES=10 (per kind) KIND=redis SEED=1
	cargo build --locked --release
	MINUTES=$(MINUTES) SEED=$(SEED) KIND=$(KIND) cargo run --locked --release --example bench -- hostile

.PHONY: fuzz
fuzz: ## Feed each parser hostile input: make fuzz SECONDS=60 TARGET=config
	@scripts/fuzz.sh $(or $(SECONDS),60) $(TARGET)
