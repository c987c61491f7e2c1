# Targets: build (default), demo, test, short, lint, bench, fuzz, cross, clean.
VERSION := $(shell git describe --tags --dirty 2>/dev/null || echo 0.1.0-dev+$$(git describe --always --dirty 2>/dev/null || echo unknown))
BUILD   := CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X mcollective/internal/cli.version=$(VERSION)'
FUZZTIME ?= 10m

.PHONY: build demo test short lint bench fuzz cross clean

build:
	$(BUILD) -o mco ./cmd/mco
	@got=$$(./mco version) && [ "$$got" = "$(VERSION)" ] || { echo "mco version says $$got, not $(VERSION): the stamp is lost" >&2; exit 1; }

demo: build
	./mco demo

# The mask: what others may write to is refused, and so would be what tests make.
# The whole suite. On Debian as root it installs the Ruby peers and the brokers
# first; elsewhere the interop tests say what they miss.
test:
	@umask 022; if ./interop/install.sh; then \
		echo "running with the interop suite"; MCO_INTEROP=1 go test -timeout 60m ./...; \
	else \
		echo "interop suite: SKIPPED, see above"; go test ./...; \
	fi

short:
	umask 022; go test -short ./...

lint:
	@out=$$(gofmt -l .); if [ -n "$$out" ]; then echo "not gofmt-ed:"; echo "$$out"; exit 1; fi
	go vet ./...
	go tool staticcheck ./...
	@tool=$$(mktemp) && go build -o "$$tool" ./internal/lint/mcolint && go vet -vettool="$$tool" ./...; code=$$?; rm -f "$$tool"; exit $$code
	go mod tidy -diff
	go test -count=1 .

bench: build
	./bench/run.sh

# Every fuzz test for FUZZTIME each, one after the other.
fuzz:
	./bench/fuzz.sh $(FUZZTIME)

# Linux is first class; the others must build.
cross:
	for p in linux/arm64 darwin/arm64 windows/amd64 freebsd/amd64; do \
		echo $$p; GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0 go build -o /dev/null ./cmd/mco || exit 1; \
	done

clean:
	rm -f mco
