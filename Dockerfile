# Fluent Bit with out_es in it, for linux/amd64, linux/arm64, linux/arm/v7 and linux/s390x, as the
# official image.
#
#   docker build -t out-es:0.1.0-fb5.1.1 .
#   docker run -e ES_HOSTS=http://elasticsearch:9200 -p 24224:24224 out-es:0.1.0-fb5.1.1
#
# The debug variant, which has a shell:
#
#   docker build --build-arg VARIANT=-debug -t out-es:0.1.0-fb5.1.1-debug .
#
# The one that signs for Amazon OpenSearch:
#
#   docker build --build-arg PLUGIN=out_es_aws -t out-es:0.1.0-fb5.1.1-aws .
#
# All platforms, from one machine:
#
#   docker buildx build --platform linux/amd64,linux/arm64,linux/arm/v7,linux/s390x \
#     -t out-es:0.1.0-fb5.1.1 .
#
# Built on Debian 12: its C library is as old as that of the oldest official image, so that the .so
# loads in all. The steps are those of "make dist", and test/artifacts/image runs them without an
# engine.

ARG FLUENT_BIT=5.1.1
ARG VARIANT=
ARG PLUGIN=out_es

FROM --platform=$BUILDPLATFORM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
COPY third_party third_party
RUN go mod download
ARG TARGETARCH
RUN case "$TARGETARCH" in \
      "$(go env GOARCH)") exit 0;; \
      arm64) compiler="gcc-aarch64-linux-gnu libc6-dev-arm64-cross";; \
      amd64) compiler="gcc-x86-64-linux-gnu libc6-dev-amd64-cross";; \
      arm) compiler="gcc-arm-linux-gnueabihf libc6-dev-armhf-cross";; \
      s390x) compiler="gcc-s390x-linux-gnu libc6-dev-s390x-cross";; \
      *) echo "out_es is built for amd64, arm64, arm/v7 and s390x, not for $TARGETARCH"; exit 1;; \
    esac && apt-get update && apt-get install -y --no-install-recommends $compiler
COPY Makefile LICENSE CHANGELOG.md out_es.go ./
COPY plugin plugin
COPY lint lint
COPY tool tool
COPY docs/man docs/man
COPY cmd cmd
COPY release release
ARG VERSION=0.1.0
ARG COMMIT=
RUN make dist ARCHES="$(echo "$TARGETARCH" | sed 's/^arm$/armv7/')" VERSION="$VERSION" COMMIT="$COMMIT" && mkdir out && tar -xzf dist/*.tar.gz --strip-components=1 -C out

FROM fluent/fluent-bit:${FLUENT_BIT}${VARIANT}
ARG FLUENT_BIT
ARG PLUGIN
ARG VERSION=0.1.0
ARG COMMIT=
# The repository's address, which the registry links the image to.
ARG SOURCE=
LABEL org.opencontainers.image.title="Fluent Bit with ${PLUGIN}" \
      org.opencontainers.image.description="Fluent Bit and its output plugin es_go for Elasticsearch" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="fluent/fluent-bit:${FLUENT_BIT}"
# Either has the same name here, so that the same command and the same manifests run both.
COPY --from=build /src/out/${PLUGIN}.so /usr/lib/out_es.so
COPY --from=build /src/out/out-es /usr/bin/out-es
COPY --from=build /src/out/LICENSE /src/out/THIRD_PARTY.txt /src/out/sbom.cdx.json /usr/share/doc/out_es/
COPY deploy/image/fluent-bit.conf /fluent-bit/etc/fluent-bit-es.conf
# ES_HOSTS has no default: the agent says so and stops where it is missing. ES_USER and ES_PASSWORD,
# or ES_API_KEY, are optional; so is ES_AWS_AUTH=on with AWS_REGION, where PLUGIN is out_es_aws.
ENV ES_PREFIX=logstash HTTP_PORT=2020 FORWARD_PORT=24224 STORAGE_PATH=/var/lib/fluent-bit
EXPOSE 2020 24224
CMD ["/fluent-bit/bin/fluent-bit", "-e", "out_es.so", "-c", "/fluent-bit/etc/fluent-bit-es.conf"]
