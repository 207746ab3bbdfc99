# What there is to do with greffe. Every tool is pinned here and run by `go run`.

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@latest
FUZZTIME   ?= 30s

help:      ## this list
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

build:     ## the programs, into bin/
	@mkdir -p bin
	go build -trimpath -o bin/ ./cmd/...

demo: build ## the story, live: publish, registers, verify, tamper, verify
	@PATH="$(CURDIR)/bin:$$PATH" sh testdata/story/demo.sh

test:      ## all tests
	go test ./...

bits:      ## every bit of the story's bundle flipped, once: minutes
	GREFFE_EVERY_BIT=1 go test -count=1 -run TestStory -v ./ledger/verify

race:      ## all tests under the race detector (needs a C compiler)
	go test -race ./...

interop:   ## other people's clients follow a log of 100,000 entries that greffed serves
	cd testdata/interop && python3 -m unittest verify_test
	cd testdata/interop && go test -count=1 -v ./...

hsm:       ## keys in a PKCS#11 module, tested with SoftHSM2 (needs a C compiler and softhsm2)
	CGO_ENABLED=1 go vet -tags pkcs11 ./ledger/hsm ./cmd/greffed
	CGO_ENABLED=1 go run $(STATICCHECK) -tags pkcs11 ./ledger/hsm
	CGO_ENABLED=1 go test -count=1 -tags pkcs11 ./ledger/hsm
	CGO_ENABLED=1 go test -count=1 -tags pkcs11 -run 'TestModule' ./cmd/greffed

check: fmt vet lint arch ## what must hold before a commit

fmt:
	@out=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$out" || { echo "gofmt would change:"; echo "$$out"; exit 1; }

vet:
	go vet ./...
	cd testdata/interop && go vet ./...

lint:
	go run $(STATICCHECK) ./...
	cd testdata/interop && go run $(STATICCHECK) ./...

arch:
	go test -count=1 -run 'Test' ./cmd

golden:    ## rewrite generated and golden files; commit the difference only if you understand it
	go test ./events ./events/base ./projections ./ledger/verify -update
	git diff --stat

bench:     ## the benchmarks, one after the other
	go test -run '^$$' -bench . -p 1 ./events/gateway ./ledger/... ./projections/...

fuzz:      ## every fuzz target for FUZZTIME
	@for p in $$(go list ./...); do for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz'); do \
		echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; done; done

vuln:      ## known vulnerabilities in what is linked
	go run $(GOVULNCHECK) ./...

.PHONY: help build demo test bits race interop hsm check fmt vet lint arch golden bench fuzz vuln
