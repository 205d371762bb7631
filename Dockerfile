# Fluent Bit with out_es in it.
#
#   docker build -t fluent-bit-es .
#   docker run -e ES_HOSTS=http://elasticsearch:9200 -p 24224:24224 fluent-bit-es
#
# Built on Debian 12, whose glibc is older than that of every official Fluent Bit image since 4.2.1, so that the .so loads in all of
# them.

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY out_es.go Makefile ./
COPY plugin plugin
ARG VERSION=0.1.0
ARG COMMIT=unknown
RUN make build VERSION="$VERSION" COMMIT="$COMMIT"

FROM fluent/fluent-bit:5.1.1
COPY --from=build /src/out_es.so /usr/lib/out_es.so
COPY deploy/image/fluent-bit.conf /fluent-bit/etc/fluent-bit-es.conf
# ES_HOSTS has no default: the agent says so and stops where it is missing. ES_USER and ES_PASSWORD, or ES_API_KEY, are optional.
ENV ES_PREFIX=logstash HTTP_PORT=2020 FORWARD_PORT=24224 STORAGE_PATH=/var/lib/fluent-bit
EXPOSE 2020 24224
CMD ["/fluent-bit/bin/fluent-bit", "-e", "out_es.so", "-c", "/fluent-bit/etc/fluent-bit-es.conf"]
