# Every target is listed by "make help", except need-…, which only name a missing tool. CI calls
# those of .ci/run.

# The version comes from plugin/plugin.go alone; a test compares the copies in other files.
VERSION  ?= $(shell sed -n 's/^.Version = "\(.*\)"/\1/p' plugin/plugin.go)
COMMIT   ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null)
# No path and no state of the working copy goes into a build: the same source gives the same file in
# any folder.
LDFLAGS  := -s -w -buildid= -X out_es/plugin.Version=$(VERSION) -X out_es/plugin.Commit=$(COMMIT)
# The bulk API needs no HTTP/2, which would be 0.4 MB of the file.
TAGS       := nethttpomithttp2
BUILD_ANY  := CGO_ENABLED=1 go build -buildmode=c-shared -trimpath -buildvcs=false
BUILD_SO   := $(BUILD_ANY) -tags=$(TAGS) -ldflags='$(LDFLAGS)'
BUILD_AWS  := $(BUILD_ANY) -tags=$(TAGS),aws -ldflags='$(LDFLAGS) -X out_es/plugin.Version=$(VERSION)+aws'
BUILD_TOOL := CGO_ENABLED=0 go build -tags=aws -trimpath -buildvcs=false -ldflags='-s -w -buildid= -X out_es/tool.Version=$(VERSION)'

# "fluent-bit -e out_es.so" finds the file in the loader's own folders only:
# /usr/lib, or /usr/lib64 where the system keeps 64-bit libraries there.
PREFIX   ?= /usr
LIBDIR   ?= $(PREFIX)/$(if $(wildcard /usr/lib64/libc.so.6),lib64,lib)

# Tools, by version, fetched and built by Go where they are not there yet.
STATICCHECK := go run honnef.co/go/tools/cmd/staticcheck@v0.8.2
ACTIONLINT  := go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.7
GOTESTSUM   := go run gotest.tools/gotestsum@v1.13.0
VALE        := go run github.com/errata-ai/vale/v3/cmd/vale@v3.19.0 --no-global
MISSPELL    := go run github.com/golangci/misspell/cmd/misspell@v0.8.0

.DEFAULT_GOAL := build
.PHONY: build version aws run test test-all test-matrix test-versions test-agents test-short test-spool test-deploy deploy-tools e2e-kubernetes kubernetes-programs check generate soak soak-ordinary fuzz bench bench-go dist packages test-dist test-emulated vulncheck prose install clean help need-go need-cc

build: out_es.so ## Build out_es.so

version: ## Print the version
	@echo $(VERSION)

out_es.so: need-go need-cc $(shell find plugin -name '*.go' -o -name '*.[ch]' 2>/dev/null) out_es.go go.mod
	@echo "Building $@ (the first time about a minute)"
	$(BUILD_SO) -o $@ .

aws: out_es_aws.so ## Build out_es_aws.so, which signs requests for Amazon OpenSearch with AWS's SDK

out_es_aws.so: need-go need-cc $(shell find plugin -name '*.go' -o -name '*.[ch]' 2>/dev/null) out_es.go go.mod
	$(BUILD_AWS) -o $@ .

out-es: need-go $(shell find tool lint cmd plugin -name '*.go' 2>/dev/null) go.mod ## Build the operator's tool (docs/out-es.md)
	$(BUILD_TOOL) -o $@ ./cmd/out-es

run: build ## Bring the example logs into Elasticsearch and show the documents (ES_URL=…, KEEP=1)
	go run ./test/run -plugin ./out_es.so

# The output of gotestsum, and a line for each reason of skipped cases.
TESTS = mkdir -p build && $(GOTESTSUM) --format pkgname-and-test-fails --format-hide-empty-pkg --hide-summary skipped \
  --jsonfile build/$@.json --post-run-command "go run ./test/skipped" --

test: build ## Run the tests, in less than 8 minutes: unit tests, the C ABI, Elasticsearch, Fluent Bit (without it, 5)
	@command -v "$${FLUENT_BIT:-fluent-bit}" >/dev/null || echo "*** No Fluent Bit on PATH or in FLUENT_BIT: the cases that need it are SKIPPED."
	@OUT_ES_SO=$(CURDIR)/out_es.so; export OUT_ES_SO; $(TESTS) -short -count=1 -timeout 20m ./...

test-all: build aws ## Run every test, with the long forms, measurements, the variant for AWS and the race detector (20 minutes)
	OUT_ES_SO=$(CURDIR)/out_es.so; OUT_ES_AWS_SO=$(CURDIR)/out_es_aws.so; export OUT_ES_SO OUT_ES_AWS_SO; \
	  $(TESTS) -race -count=1 -timeout 20m ./...
	$(GOTESTSUM) --format pkgname-and-test-fails --format-hide-empty-pkg -- -tags aws -count=1 -run 'AWS|Signatures' ./plugin ./plugin/aws

test-matrix: build ## Run the end-to-end tests against each server; docs/compatibility.md gets the results
	OUT_ES_SO=$(CURDIR)/out_es.so TROUBLE=60s go run ./test/matrix -update

test-versions: build ## The same against the older servers only, without writing: make test-all runs the newest one
	OUT_ES_SO=$(CURDIR)/out_es.so go run ./test/matrix -versions 8.19.21,7.17.29,3.8.0,2.19.1

FLUENT_BITS ?=
test-agents: build ## Run the end-to-end tests in each Fluent Bit of FLUENT_BITS (paths, by commas); docs/compatibility.md gets the results
	@test -n "$(FLUENT_BITS)" || { echo "FLUENT_BITS is not set: name the programs, such as FLUENT_BITS=/opt/2.2/bin/fluent-bit,/opt/5.1/bin/fluent-bit"; exit 1; }
	OUT_ES_SO=$(CURDIR)/out_es.so go run ./test/matrix -fluent-bits $(FLUENT_BITS) -update

test-short: need-go need-cc ## Run the tests that need neither Elasticsearch nor Fluent Bit
	$(GOTESTSUM) --format pkgname-and-test-fails --format-hide-empty-pkg -- -race -count=1 ./plugin/... ./test/architecture/...

check: need-go need-cc prose ## Format, vet, lint, prose, workflows, import rules, generated files up to date
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "not formatted (run gofmt -w):"; echo "$$unformatted"; exit 1; }
	go mod tidy -diff
	go vet ./...
	CGO_ENABLED=0 go vet ./plugin/...
	go vet -tags aws . ./plugin/...
	$(STATICCHECK) ./...
	$(ACTIONLINT)
	go test -count=1 ./test/architecture/...
	go test -count=1 -run 'TestReference|TestTable|TestPlotsAreCurrent|TestThePageHas' ./plugin/config ./lint/migrate ./plugin/document ./test/simulate ./test/bench ./tool

# The rules stand in .vale.ini and test/prose/styles, each with its own tests beside it.
prose: need-go need-cc ## Lint pages, comments and messages: terms, sentences, spelling
	@mkdir -p build; $(VALE) test >build/prose.log || { cat build/prose.log; exit 1; }
	@go run ./test/prose -vale "$(VALE)"
	@git ls-files | grep -vE '(^|/)testdata/|^test/prose/styles|^third_party/|\.(gz|csv|log|ndjson|sum|svg)$$' | xargs -r $(MISSPELL) -error -i noth

generate: need-go ## Write the files that are made from code: docs/configuration.md, docs/out-es.md, man pages, plots, golden files
	go test -count=1 ./plugin/config ./lint/migrate ./test/simulate ./test/bench ./lint ./tool -update

# Tools and schemas for deploy/ lie outside the repository: they take a minute to build.
DEPLOY_CACHE ?= $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/out_es/deploy
ECK := github.com/elastic/cloud-on-k8s/v3@v3.5.0
PROMETHEUS_OPERATOR := github.com/prometheus-operator/prometheus-operator@v0.85.0
module = $$(cd /tmp && go mod download -json $(1) | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')

test-spool: build ## Run the tests of the spool, and show their figures: all, or RUN=TestSpool… (SOAK=1: the long forms)
	OUT_ES_SO=$(CURDIR)/out_es.so go test -v -count=1 -timeout 3h -run '$(or $(RUN),Spool)' ./test/e2e/spool ./plugin
	go test -v -count=1 $(if $(RUN),-run '$(RUN)') ./plugin/spool

test-deploy: build deploy-tools ## Check the Kubernetes stack: schemas, kube-score, alert rules, and each configuration in Fluent Bit
	DEPLOY_TOOLS=$(DEPLOY_CACHE)/bin DEPLOY_SCHEMAS=$(DEPLOY_CACHE)/schemas OUT_ES_SO=$(CURDIR)/out_es.so \
	  $(GOTESTSUM) --format testdox -- -count=1 -timeout 15m ./test/deploy

deploy-tools: need-go ## Build the tools of test-deploy: kustomize, kubeconform, kube-score, and Kubernetes' schemas
	@mkdir -p $(DEPLOY_CACHE)
	GOBIN=$(DEPLOY_CACHE)/bin go install sigs.k8s.io/kustomize/kustomize/v5@v5.7.1
	GOBIN=$(DEPLOY_CACHE)/bin go install github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0
	GOBIN=$(DEPLOY_CACHE)/bin go install github.com/zegl/kube-score/cmd/kube-score@v1.20.0
	@test -x $(DEPLOY_CACHE)/venv/bin/pip || python3 -m venv $(DEPLOY_CACHE)/venv || { echo "python3 with venv is missing. Debian/Ubuntu: apt-get install python3-venv"; exit 1; }
	@test $(DEPLOY_CACHE)/schemas/done -nt test/deploy/schemas.py || { \
	  $(DEPLOY_CACHE)/venv/bin/pip install -q --disable-pip-version-check kubernetes-validate==1.37.0 && \
	  install -m 0644 "$(call module,$(ECK))/config/crds/v1/all-crds.yaml" $(DEPLOY_CACHE)/eck-crds.yaml && \
	  crds="$(call module,$(PROMETHEUS_OPERATOR))/example/prometheus-operator-crd/monitoring.coreos.com" && \
	  cat $${crds}_podmonitors.yaml $${crds}_prometheusrules.yaml > $(DEPLOY_CACHE)/prometheus-operator-crds.yaml && \
	  $(DEPLOY_CACHE)/venv/bin/python test/deploy/schemas.py $(DEPLOY_CACHE)/schemas $(DEPLOY_CACHE)/eck-crds.yaml,$(DEPLOY_CACHE)/prometheus-operator-crds.yaml 1.29 1.37 && touch $(DEPLOY_CACHE)/schemas/done; }

# A real API server, the real controllers, and a real Prometheus that knows Kubernetes, which
# Debian's does not.
KUBERNETES_CACHE ?= $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/out_es/kubernetes
KUBERNETES_VERSION := k8s.io/component-base/version

e2e-kubernetes: build deploy-tools kubernetes-programs ## Run the Kubernetes stack on a real API server (the first time: a quarter of an hour, to build one)
	DEPLOY_TOOLS=$(DEPLOY_CACHE)/bin DEPLOY_SCHEMAS=$(DEPLOY_CACHE)/schemas OUT_ES_SO=$(CURDIR)/out_es.so \
	  KUBERNETES_PROGRAMS=$(KUBERNETES_CACHE) KUBERNETES_CRDS=$(DEPLOY_CACHE)/eck-crds.yaml,$(DEPLOY_CACHE)/prometheus-operator-crds.yaml \
	  $(GOTESTSUM) --format testdox -- -count=1 -timeout 20m ./test/kubernetes

kubernetes-programs: need-go ## Build the programs of e2e-kubernetes: kube-apiserver, controllers, kubectl, etcd, Prometheus
	@mkdir -p $(KUBERNETES_CACHE)
	cd test/kubernetes/servers && go build -trimpath -o $(KUBERNETES_CACHE)/ \
	  -ldflags='-s -w -X $(KUBERNETES_VERSION).gitVersion=v1.37.2 -X $(KUBERNETES_VERSION).gitMajor=1 -X $(KUBERNETES_VERSION).gitMinor=37' \
	  k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager k8s.io/kubernetes/cmd/kubectl ./etcd
	GOBIN=$(KUBERNETES_CACHE) go install -tags remove_all_sd,enable_kubernetes_sd -trimpath -ldflags='-s -w' github.com/prometheus/prometheus/cmd/prometheus@v0.316.0

SOAK ?= 10
soak: build ## Run the long forms of the randomised and crash tests (SOAK seeds; an hour)
	SOAK=$(SOAK) OUT_ES_SO=$(CURDIR)/out_es.so $(GOTESTSUM) --format testdox -- -p 1 -count=1 -timeout 3h -run 'Random|Crash|Fault|Spool' ./test/e2e/...

soak-ordinary: build ## Run half an hour of ordinary days with faults: nothing may grow (100 files of 20 lines a second, with and without a spool)
	SOAK=1 OUT_ES_SO=$(CURDIR)/out_es.so go test -v -count=1 -timeout 1h -run SoakOrdinaryDay ./test/bench/soak

FUZZTIME ?= 30s
fuzz: need-go ## Fuzz every reader and writer for FUZZTIME each
	@for package in $$(grep -rl '^func Fuzz' --include='*_test.go' plugin test | xargs -n1 dirname | sort -u); do \
	  for target in $$(grep -rhoE '^func Fuzz[A-Za-z0-9]*' $$package/*_test.go | sed 's/func //'); do \
	    echo "== $$package $$target"; go test ./$$package -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x || exit 1; \
	  done; done

# PARTS of the run (ordinary, tags, rate, encode, start, memory, cpu, large, real, growth; all
# unless named), QUICK=1 for a short form, ROUNDS of each pair, LOADS of ordinary (100x20, 30x2,
# 3ms, tls, gzip), CSV to keep the figures. While something is tuned: PARTS=ordinary QUICK=1, two
# minutes. The whole run, and DOCS=docs, write docs/benchmarks.md.
DOCS ?= $(if $(PARTS)$(QUICK)$(CSV)$(LOADS),,docs)
bench: build ## Measure the agent beside the built-in es, a textbook plugin and the floor (PARTS=ordinary QUICK=1)
	go run ./test/bench $(if $(PARTS),-parts $(PARTS)) $(if $(QUICK),-quick) $(if $(LOADS),-loads $(LOADS)) $(if $(ROUNDS),-rounds $(ROUNDS)) $(if $(CSV),-csv $(CSV)) $(if $(DOCS),-docs $(DOCS))

bench-go: need-go ## Run the Go benchmarks of all packages: MB/s and B/op
	go test -run '^$$' -bench . -benchmem ./plugin/...

# The release. The .so needs a C library at least as new as that of the build machine: Debian 12's
# is as old as that of the oldest official image. TAR writes the same archive from the same files.
DIST    := dist
ARCHES  := amd64 arm64 armv7 s390x
HOST    := $(shell go env GOHOSTARCH)
GO_amd64 := GOARCH=amd64
GO_arm64 := GOARCH=arm64
GO_armv7 := GOARCH=arm GOARM=7
GO_s390x := GOARCH=s390x
CC_amd64 = $(if $(filter amd64,$(HOST)),cc,x86_64-linux-gnu-gcc)
CC_arm64 = $(if $(filter arm64,$(HOST)),cc,aarch64-linux-gnu-gcc)
CC_armv7 = arm-linux-gnueabihf-gcc
CC_s390x = $(if $(filter s390x,$(HOST)),cc,s390x-linux-gnu-gcc)
# Debian's packages of the cross compilers.
DEB_amd64 := gcc-x86-64-linux-gnu libc6-dev-amd64-cross
DEB_arm64 := gcc-aarch64-linux-gnu libc6-dev-arm64-cross
DEB_armv7 := gcc-arm-linux-gnueabihf libc6-dev-armhf-cross
DEB_s390x := gcc-s390x-linux-gnu libc6-dev-s390x-cross
TAR     := tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u+rw,go=u-w --format=ustar

# archive makes the one of an architecture, $(1), from the folder $(2).
define archive
	@echo "== $(notdir $(2))"; mkdir -p $(2)
	GOOS=linux $(GO_$(1)) CC=$(CC_$(1)) $(BUILD_SO) -o $(2)/out_es.so .
	GOOS=linux $(GO_$(1)) CC=$(CC_$(1)) $(BUILD_AWS) -o $(2)/out_es_aws.so .
	GOOS=linux $(GO_$(1)) $(BUILD_TOOL) -o $(2)/out-es ./cmd/out-es
	ln -s out-es $(2)/out_es-lint
	mkdir $(2)/man $(2)/completions; cp docs/man/*.1 $(2)/man
	for shell in bash zsh fish; do go run ./cmd/out-es completion $$shell > $(2)/completions/out-es.$$shell || exit 1; done
	rm $(2)/*.h; cp LICENSE CHANGELOG.md $(2)
	go run ./release -version $(VERSION) -sbom $(2)/sbom.cdx.json -notices $(2)/THIRD_PARTY.txt $(2)/out_es.so $(2)/out_es_aws.so $(2)/out-es
	$(TAR) -C $(DIST) -c $(notdir $(2)) | gzip -n -9 > $(2).tar.gz; rm -r $(2)

endef

dist: need-go $(ARCHES:%=need-cc-%) ## Build the release: an archive for each of ARCHES (amd64 arm64 armv7 s390x), SBOM, licences, SHA256SUMS (dist/)
	rm -rf $(DIST)
	$(foreach arch,$(ARCHES),$(call archive,$(arch),$(DIST)/out_es-$(VERSION)-linux-$(arch)))
	cd $(DIST) && sha256sum *.tar.gz > SHA256SUMS && cat SHA256SUMS

# Packages hold the files of the archives. No distribution with RPM packages is left for armv7.
NFPM := go run github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2

packages: dist ## Make Debian and RPM packages of the archives of "make dist" (dist/)
	@set -e; for arch in $(ARCHES); do \
	  name=out_es-$(VERSION)-linux-$$arch; tar -xzf $(DIST)/$$name.tar.gz -C $(DIST); \
	  kinds="deb rpm"; debian=$$arch; test $$arch != armv7 || { kinds=deb; debian=arm7; }; \
	  for kind in $$kinds; do \
	    ARCH=$$debian VERSION=$(VERSION) FOLDER=$(DIST)/$$name $(NFPM) package --config packaging/nfpm.yaml --packager $$kind --target $(DIST)/$$name.$$kind; \
	  done; \
	  rm -r $(DIST)/$$name; \
	done
	cd $(DIST) && sha256sum *.tar.gz *.deb *.rpm > SHA256SUMS && cat SHA256SUMS

test-dist: packages ## Test the packages and archives: install and load it (others than this machine's under qemu-user), build it again elsewhere, compare
	OUT_ES_DIST=$(CURDIR)/$(DIST) OUT_ES_VERSION=$(VERSION) OUT_ES_COMMIT=$(COMMIT) $(GOTESTSUM) --format testdox -- -count=1 -timeout 30m ./test/artifacts/dist

# The data path reads words of eight bytes: here with another byte order, and on 32 bits.
EMULATED := ./plugin/chunk ./plugin/document ./plugin/jsontext ./plugin/bulk ./plugin/address ./plugin/exchange ./plugin/deliver \
  ./plugin/source ./plugin/spool ./plugin/deadletter ./plugin/drain

test-emulated: need-go ## Run the data path's unit tests for s390x, armv7 and arm64 under qemu-user (10 minutes)
	@command -v qemu-s390x >/dev/null || { echo "qemu-user is missing. Debian/Ubuntu: apt-get install qemu-user"; exit 1; }
	CGO_ENABLED=0 $(GO_s390x) go test -short -count=1 -exec qemu-s390x -timeout 30m $(EMULATED)
	CGO_ENABLED=0 $(GO_armv7) go test -short -count=1 -exec qemu-arm -timeout 30m $(EMULATED)
	CGO_ENABLED=0 $(GO_arm64) go test -short -count=1 -exec qemu-aarch64 -timeout 30m $(EMULATED)

# The plugins are searched twice: the calls of the source, with the tags of each, and the code that
# is linked. The linker drops uncalled code, but a stripped file, as released, can only be judged by
# the versions of its modules.
VULNCHECK = build/govulncheck $(if $(GOVULNDB),-db=$(GOVULNDB))

vulncheck: need-go need-cc ## Look for known vulnerabilities in the calls of the plugins and out-es (asks vuln.go.dev, or GOVULNDB=file:///…)
	@GOBIN=$(CURDIR)/build go install golang.org/x/vuln/cmd/govulncheck@v1.9.0
	$(BUILD_SO) -ldflags= -o build/out_es.so .
	$(BUILD_AWS) -ldflags= -o build/out_es_aws.so .
	$(BUILD_TOOL) -ldflags= -o build/out-es ./cmd/out-es
	@for what in "-tags=$(TAGS) ./..." "-tags=$(TAGS),aws ./..." "-mode=binary build/out_es.so" "-mode=binary build/out_es_aws.so" "-mode=binary build/out-es"; do \
	  echo "== govulncheck $$what"; \
	  $(VULNCHECK) $$what || { code=$$?; test $$code = 3 || echo "*** govulncheck could not run, so nothing was checked. It needs https://vuln.go.dev, or a copy of it that GOVULNDB names (file:///…)."; exit $$code; }; \
	done

install: build ## Put out_es.so where "fluent-bit -e out_es.so" finds it (PREFIX, LIBDIR, DESTDIR)
	install -D -m 0755 out_es.so $(DESTDIR)$(LIBDIR)/out_es.so
	@case "$(DESTDIR)$(LIBDIR)" in /usr/lib|/usr/lib64|/lib|/lib64) ;; \
	  *) test -n "$(DESTDIR)" || echo "$(LIBDIR) is not one of the loader's own folders: use \"fluent-bit -e $(LIBDIR)/out_es.so\", or set LD_LIBRARY_PATH=$(LIBDIR)";; esac

clean: ## Remove built files
	rm -rf out_es.so out_es.h out_es_aws.so out_es_aws.h out-es build $(DIST)

need-go:
	@command -v go >/dev/null || { echo "Go 1.26 or newer is missing. Debian/Ubuntu: apt-get install golang (or a newer one from go.dev); macOS: brew install go"; exit 1; }

# A cross compiler is a Debian package of its own.
need-cc-%:
	@command -v $(CC_$*) >/dev/null || { echo "$(CC_$*) is missing, the C compiler for $*. Debian/Ubuntu: apt-get install $(if $(filter cc,$(CC_$*)),build-essential,$(DEB_$*))"; exit 1; }

need-cc:
	@command -v cc >/dev/null || { echo "A C compiler is missing. Debian/Ubuntu: apt-get install build-essential; macOS: xcode-select --install"; exit 1; }

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9_-]+:.*## / { printf "%-19s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
