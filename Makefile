# What a contributor runs. Needs Go; `make test` installs the rest (test/install) or names it.
SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
MODULES     := . tools test/browser test/foreign
# Small, and full of goroutines or locks: fast enough to race on every check.
RACE        := . ./keys/... ./store/... ./refresh/... ./internal/callback/... ./internal/login/... ./emulator/manage/...
# Their tables of outcomes are to be read, and go test hides what passes.
PROOFS      := ./test/crash ./test/crowd ./test/fault
BIN         := $(CURDIR)/.cache/bin
GO_FILES     = $$(find . -name "*.go" -not -path "./.cache/*")

.PHONY: build demo test check fmt tidy deps man bench
build: ## the program, in bin/
	CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/sftoken

demo: ## the main job against the emulator, in the browser
	go run ./cmd/sftoken demo

test: ## every test; what is missing is a failure
	@$(MAKE) --no-print-directory -j2 installed compiled
	SFTOKEN_TEST_REQUIRE=all go test -timeout 5m $$(go list ./... | grep -vE "test/(crash|crowd|fault)$$")
	SFTOKEN_TEST_REQUIRE=all go test -timeout 10m -v $(PROOFS) | grep -v "^=== "
	cd test/browser && SFTOKEN_TEST_REQUIRE=all go test -timeout 5m -count=1 ./... # the cache knows nothing of the program
	cd test/foreign && SFTOKEN_TEST_REQUIRE=all go test -timeout 10m -parallel 4 ./... # they wait for more than they work

.PHONY: installed compiled
installed:
	@test/install
compiled:
	@go vet ./...
	@cd test/browser && go vet ./...
	@cd test/foreign && go vet ./...

check: $(BIN)/staticcheck ## formatting, vet, staticcheck, tidy, dependencies, races
	@unformatted=$$($(BIN)/gofumpt -l $(GO_FILES)); [[ -z $$unformatted ]] || { echo "make fmt would change:"; echo "$$unformatted"; exit 1; }
	for m in $(MODULES); do (cd $$m && go mod tidy -diff); done
	@$(call linked) | diff -u deps.txt - || { echo "the linked packages changed: look at each, then make deps"; exit 1; }
	go vet ./...
	$(BIN)/staticcheck ./...
	for m in test/browser test/foreign; do (cd $$m && go vet ./... && $(BIN)/staticcheck ./...); done
	go test -race -short $(RACE)

tidy:
	for m in $(MODULES); do (cd $$m && go mod tidy); done

fmt: $(BIN)/staticcheck
	$(BIN)/gofumpt -w $(GO_FILES)

# Packages of others that are linked into sftoken, on all systems that it is built for.
linked = for os in darwin linux windows; do GOOS=$$os go list -deps -f '{{with .Module}}{{if not .Main}}{{$$.ImportPath}}{{end}}{{end}}' ./cmd/sftoken; done | LC_ALL=C sort -u
deps: ## accept the linked packages as they are now
	$(call linked) > deps.txt

$(BIN)/staticcheck: tools/go.mod
	mkdir -p $(BIN) && cd tools && go build -o $(BIN)/ tool && touch $@

man: ## man pages, in bin/man
	go run ./cmd/sftoken-man bin/man

bench: ## speed and memory beside the Salesforce CLI, then Go's benchmarks
	@test/install
	go test -run '^$$' -bench . -benchtime 1x ./test/bench
	go test -run '^$$' -bench Storm -benchtime 5x ./test/crowd
	go test -run '^$$' -bench . -benchmem $$(go list ./... | grep -v /test/)
